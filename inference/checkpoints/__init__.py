"""Checkpoint files: kind, architecture and memory. No torch.

files.py             ??What a checkpoint's files say of it before it is loaded: headers of weights, a folder's scheduler. No torch
inspection.py        a checkpoint by its headers: whole or not, which architecture, how large
gguf_files.py        · packed_weights.py   what the header of a GGUF file says; packages that packed weights need
classifier_files.py  what the files of a classifier of pictures or texts say
packed_weights.py    ??Which package packed weights of a denoiser need: each is an extra of Easel
memory.py            · private_files.py   memory that a checkpoint needs, and is free; file permissions
"""
