"""What LoRAs add to the layers of a checkpoint while it paints.

lora_set.py      the weighted LoRAs of one picture, folded per layer
additions.py     what is added to a layer's output, for the whole batch at once
slots.py         the stacked LoRA tensors of a batch, one slot per picture
layer_hooks.py   sets what each layer adds during the current pass
"""
