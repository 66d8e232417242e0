"""A pretend CUDA card on a build of torch for the CPU: real numbers, `cuda:0` on every tensor, no graphics card.

It refuses what a card refuses (operands on two devices, more memory than it has), and counts what a card is slow or
wrong at: waits of the host for the device, kernels, copied bytes, reads that no order of streams makes safe, and memory
that is given back while another stream still uses it. `install` turns the process it is called in into one with such
a card, for good.

What it cannot tell: speed, fragmentation, and how a real card rounds in half precision.
"""
