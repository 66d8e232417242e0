"""What pages say about the same file.

provenance.py     the pages of a file, and what is known of them now
base_models.py    what pages say about the base model, stored for each page
disputes.py       pages of other authors that name another base model for a LoRA
further_pages.py  further pages with the same bytes as a file of the library
same_bytes.py     what all pages with the same bytes say: the person shown, and the audience
sidecars.py       files that came from Civitai, by the sidecar of another program
"""
