"""Turns what a person asks for into the frozen `GenerationRequest`.

builder.py       the draft of a request; fills in defaults, a person's own first, keeps limits, matches every LoRA
variants.py      one request at several weights: sweeps and comparisons
"""
