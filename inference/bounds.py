"""What a request may ask for, as numbers: the one home of the bounds that settings, commands, forms and files keep."""

MIN_STEPS, MAX_STEPS = 1, 150
MIN_GUIDANCE, MAX_GUIDANCE = 0.0, 30.0
MIN_CLIP_SKIP, MAX_CLIP_SKIP = 1, 12
MAX_FLOW_SHIFT = 100.0  # from above 0
MIN_WEIGHT, MAX_WEIGHT = -4.0, 4.0  # of a LoRA; outside of it hardly any gives a picture
MAX_PROMPT = 4000  # characters, with those of regions; a Discord text field holds as many
MAX_TRIGGER_GROUP = 300  # characters of a trigger word or of several that go together
MAX_LORAS = 16  # what the border lets through; what people may combine is the setting `max_loras`
MAX_COUNT = 4  # pictures that one request may ask for
MAX_PICTURES = 6  # pictures that one job may paint: a picture for each variant
MAX_SIDE = 4096  # pixels
SIZE_STEP = 8  # pixels; latents of every supported VAE divide by it
SEEDS = 2**32  # as in the field: a seed is an unsigned 32-bit number
