"""The tensors of a LoRA file, and the model whose layers they change.

header.py          the strict reader of safetensors headers
foreign_kinds.py   embeddings, ControlNets, checkpoints and other files that are not LoRAs
suffixes.py        tensor names: what a tensor is to its module
formats.py         modules: format, dense shape, rank, what is malformed
names.py           module names: part of the pipeline, and path in it
spellings.py       all paths by which files name a layer
original_names.py  tables of layers that the original code names differently from diffusers
tables.py          the known base models and their layers (data/networks.txt)
fit.py             the base models whose layers a file has
markers.py         names that only one model has, for files that fit no known model
"""
