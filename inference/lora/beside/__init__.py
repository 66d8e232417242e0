"""Statements about a LoRA outside its tensors: metadata, files beside it, and the operator's word.

metadata.py          what trainers write into a file
adapter_config.py    what diffusers writes into the metadata of a file
sidecar.py           our file beside a LoRA file
foreign_sidecars.py  files of other programs beside a LoRA file
text_files.py        text files beside a LoRA file: notes, cards, configurations of trainings
declarations.py      base models that an operator declares, for the SHA-256 of a file
journal.py           append-only files beside the library
trigger_groups.py    trigger words that go together, as authors give them
categories.py        purposes of LoRAs
"""
