"""A LoRA file's weights become changes of the loaded checkpoint's layers.

lora_files.py    opens, hashes, judges and loads files
layer_names.py   module names in files to layers of the loaded checkpoint
layer_weights.py what a layer's weight is, in whatever format
normalise.py     a file to changes; conversions.py has the formula of each format (LoCon, LoHa, LoKr, DoRA …)
low_rank.py      a change of a layer's weight: low-rank pair or dense matrix
folding.py       several weighted changes of a layer become one
"""
