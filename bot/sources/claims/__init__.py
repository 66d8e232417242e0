"""What pages say about the same file.

provenance.py     where files of an entry come from, and what is known of that now
base_models.py    what hubs say of the base model of files, kept for each page by itself
disputes.py       pages of other people that name another base model for a LoRA
further_pages.py  further pages that have the same bytes as a file of the library
same_bytes.py     what all pages say that have the same bytes: whom a file shows and for whom it is
sidecars.py       files of the library that came from Civitai, as another program's sidecar says
"""
