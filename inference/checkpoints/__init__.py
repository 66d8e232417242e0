"""Checkpoint files: kind, architecture and memory, read from their headers. No torch.

files.py             headers of weights, and the scheduler of a folder
inspection.py        whether a checkpoint is complete, its architecture and its size
gguf_files.py        the header of a GGUF file
packed_weights.py    the packages that packed weights need
classifier_files.py  the files of a classifier of pictures or texts
memory.py            memory that a checkpoint needs, and memory that is free
"""
