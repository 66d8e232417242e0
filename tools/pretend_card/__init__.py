"""A pretend CUDA card on a build of torch for the CPU: real numbers, `cuda:0` on every tensor, no graphics card.

It refuses what a card refuses (operands on two devices, more memory than it has), and counts what a card is slow or
wrong at: waits of the host for the device, kernels, copied bytes, reads that no order of streams makes safe, and memory
that is given back while another stream still uses it. `install` turns the process it is called in into one with such
a card, for good.

What it cannot tell: speed, fragmentation, and how a real card rounds in half precision.

card.py       its tensors, and what happens at each operation; streams.py has streams and events, memory.py blocks
install.py    turns a process into one with such a card
guard.py      compiles and loads guard.cpp, without which torch refuses tensors of a device that its build lacks
trial.py      paints the demo on the CPU and on the card; __main__.py prints what differs
company.py    paints with all samplers in one batch, while requests come and go
folding.py    folds LoRA sets and writes them into slots there while steps are queued
recovery.py   paints the demo on a card that is too small
worker.py     a worker process with a card that fails for good
exchange.py   paints with two checkpoints in turn
proofs.py     tries what the card has to notice
"""
