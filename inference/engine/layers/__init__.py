"""What LoRAs add to the layers of a checkpoint while it paints.

lora_set.py      the weighted LoRAs of one picture, folded per layer
host_buffers.py  its tensors in host memory, and their copies to the device
additions.py     what is added to a layer's output, for the whole batch at once
row_lengths.py   the same where the tokens of all rows stand one behind another
slots.py         the stacked LoRA tensors of a batch, one slot for each set
segments.py      which pictures share a stack
stacks.py        the stacked tensors of one segment
layer_hooks.py   sets what each layer adds during the current pass
"""
