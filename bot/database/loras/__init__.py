"""The catalogue of LoRAs: reading, writing and searching it.

catalogue.py             reads the catalogue of LoRAs
file_counts.py           how many files of the library can be used, or are newer or lost on their hub
records.py               writes what a scan of the library found
index.py                 writes the search index of an entry
search.py                searches the catalogue
server_order.py          lists of LoRAs in which a server's publications and likes count
autocomplete.py          suggestions while a person types the name of a LoRA
base_models.py           base models in rows, and how many LoRAs each has
base_model_proposals.py  corrections of base models that wait for an operator
checkpoints.py           hashes of checkpoints
tags.py                  tags of LoRAs
uses.py                  how often and how lately LoRAs were used
ratings.py               one to five stars for a LoRA
samples.py               sample pictures of LoRAs
sample_failures.py       files with which no samples could be painted
weight_ranges.py         between which weights LoRAs were measured to be useful
"""
