"""LoRAs and checkpoints from outside: what hubs say of them, and fetching them.

links.py       what a person typed: a link, a version's id or a hash
errors.py      what really happens at hubs, a sentence for each
addresses.py   hosts that are allowed, and addresses that are public
http.py        one HTTP client for all of it: retries, bounded answers, checked redirects
remote.py      what a hub says of a model, its versions and files, as values
civitai.py     Civitai's API
registry.py    the registry of the settings, asked by hash about files of the folder
hub.py         Hugging Face, through huggingface_hub
descriptions.py   rating, category and words of a LoRA, from what its page says
look_ups.py    looks links up for people: so many of each in a while
choosing.py    which version to add for the checkpoints installed here, and what is not added
peeking.py     what a file is, from its header, before it is downloaded
downloads.py   fetches one file: streamed, resumed, checked while it comes
folders.py     fetches a checkpoint as a folder
previews.py    the preview of a LoRA's page, beside its file
placing.py     a fetched file is checked, described and put into the library
later_flags.py  LoRAs whose pages say later what would have kept them out are blocked
updates.py     what hubs say now of what came from them, once a day: is it still there, is there a newer version?
sidecars.py    files of the library that came from Civitai, as another program's sidecar says
provenance.py  where files of an entry come from, and what is known of that now
claims.py      what hubs say of the base model of files, kept for each page by itself
disputes.py    pages of other people that name another base model for a LoRA
further_pages.py  further pages that have the same bytes as a file of the library
attached.py    files that people attach
same_bytes.py  what all pages say that have the same bytes: whom a file shows and for whom it is
addition_steps.py  what one addition takes: fetched, checked, named, put into the catalogue
additions.py   what people ask to be added; one download however many ask
"""
