"""Views for adding LoRAs from hubs.

progress.py  adding a LoRA from outside: progress, cancelling, its page
links.py     adding by a link, and the choice where its page has several LoRAs
text.py      texts about what is added
offer.py     offers to add a LoRA that a link or a picture names
"""
