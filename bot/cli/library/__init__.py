"""Commands about LoRAs and checkpoints.

library.py         `library scan`, `list` and `declare`
inspect.py         `library inspect`: base model and type of single LoRA files
add_checkpoint.py  `library add-checkpoint`: downloads a checkpoint, or checks files on this machine
"""
