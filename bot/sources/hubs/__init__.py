"""Links, hubs and their answers.

links.py         what a person typed: a link, the id of a version, or a hash
addresses.py     allowed hosts, and public addresses
http.py          the HTTP client: retries, bounded answers, checked redirects
remote.py        models, versions and files of hubs as values
civitai.py       Civitai's API
registry.py      the registry of the settings, asked by hash about files of the folder
hub.py           Hugging Face, through huggingface_hub
descriptions.py  rating, category and words of a LoRA, from the text of its page
"""
