"""Devices and memory.

devices.py      which device paints, in which precision, with how much memory
transfers.py    copies for which the host does not wait
offloading.py   which networks of a checkpoint are on the device, and which are offloaded to host memory
host_weights.py weights that wait in host memory, and how they come to the device
chunks.py       splits tensors into chunks of bounded size
cache.py        an LRU cache bounded by bytes
report.py       a program that tells what torch finds here
compiling.py    torch.compile for the blocks of a denoiser
"""
