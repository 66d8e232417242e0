"""Prepares requests before they join the batch, and keeps what they need in memory.

intake.py             reads, judges, matches and folds the LoRAs of a request
checkpoint_store.py   the checkpoint in memory; loads another one in its place
lora_cache.py         LoRA weights in host memory, up to a limit of bytes
lora_set_cache.py     folded sets of LoRAs
waiting_texts.py      encodes the texts of all who wait while a text encoder is on the device
source_image.py       the picture that a request starts from
"""
