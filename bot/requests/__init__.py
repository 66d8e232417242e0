"""Turns what a person asks for into the frozen `GenerationRequest`.

drafts.py        what a person asked for, before it is checked
few_steps.py     few-step LoRAs: whose recipe applies, what it fills in
usual.py         settings that are left open, and what another checkpoint makes of a draft
trigger_words.py which trigger words join the prompt
regions.py       sides of LoRAs, and words for each part of a picture
builder.py       fills in defaults, a person's own first, keeps limits, matches every LoRA
variants.py      one request at several weights: sweeps and comparisons
"""
