"""The tensors of a LoRA file, and whose layers they belong to.

header.py          the strict reader of safetensors headers
foreign_kinds.py   embeddings, ControlNets, checkpoints and others that are no LoRAs
suffixes.py        tensor names: what a tensor is to its module
formats.py         modules: format, dense shape, rank, what is malformed
names.py           module names: which part of a pipeline, which path in it
spellings.py       every path under which files know a layer; original_names.py holds the tables for it
original_names.py  ??How the original code of each network names the layers that diffusers names differently
tables.py          the known base models and their layers (data/networks.txt)
fit.py             whose layers a file has; markers.py for what fits nothing
markers.py         ??Names that only one model has: enough to say whose LoRA a file is that fits no known model as a whole
"""
