"""What a request may ask for, as numbers: the one home of the bounds that settings, commands, forms and files keep."""

MIN_STEPS, MAX_STEPS = 1, 150
MIN_GUIDANCE, MAX_GUIDANCE = 0.0, 30.0
MIN_CLIP_SKIP, MAX_CLIP_SKIP = 1, 12
MAX_FLOW_SHIFT = 100.0  # from above 0
MIN_WEIGHT, MAX_WEIGHT = -4.0, 4.0  # of a LoRA; outside of it hardly any gives a picture
