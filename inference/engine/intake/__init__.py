"""What happens to a request before it joins the batch.

intake.py           reads, judges, matches and folds
lora_cache.py       LoRA weights in host memory, up to a limit of bytes
lora_set_cache.py   folded sets of LoRAs
source_image.py     the picture that a request starts from
"""
