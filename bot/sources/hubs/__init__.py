"""Hubs and their answers.

addresses.py     hosts that are allowed, and addresses that are public
http.py          one HTTP client for all of it: retries, bounded answers, checked redirects
remote.py        what a hub says of a model, its versions and files, as values
civitai.py       Civitai's API
registry.py      the registry of the settings, asked by hash about files of the folder
hub.py           Hugging Face, through huggingface_hub
descriptions.py  rating, category and words of a LoRA, from what its page says
links.py         what a person typed: a link, a version's id or a hash
"""
