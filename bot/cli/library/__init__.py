"""Commands about LoRAs and checkpoints.

library.py         `library scan`, `list` and `declare`
inspect.py         `library inspect`: base model and type of single LoRA files
add_checkpoint.py  `library add-checkpoint`: fetches a checkpoint, or checks files that are here
"""
