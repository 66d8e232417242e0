"""The market, and the page of a LoRA.

page.py                    the page of a LoRA
buttons.py                 the base class of buttons about a LoRA, and the entry that a custom_id means
origin.py                  where a LoRA comes from, on its page, with buttons for newer versions
pictures.py                previews and samples of a LoRA
text.py                    texts about a LoRA
origin_text.py             texts about that
market.py                  the list of all LoRAs
lists.py                   cards and compact lines of LoRAs in lists
newer_versions.py          the notice of newer versions of bookmarks, and adding one
base_model_declaration.py  an operator declares a base model
content_rating.py          an operator says for whom a LoRA is
community_pictures.py      pictures of the server that were made with a LoRA
"""
