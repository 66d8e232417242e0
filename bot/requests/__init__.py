"""From what a person asks for to the frozen `GenerationRequest`.

builder.py       fills in defaults, keeps limits, matches every LoRA
variants.py      one request at several weights: sweeps and comparisons
preferences.py   a person's defaults
"""
