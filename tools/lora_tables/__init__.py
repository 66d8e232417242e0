"""Makes the tables of module shapes that LoRA files are compared with (`inference/lora/data/networks.txt`).

configs.py    the published configuration of every network, written down
build.py      builds each network without memory for weights and lists its layers
compact.py    thousands of layers as a few hundred lines
__main__.py   `python -m tools.lora_tables` writes the file anew
"""
