"""Architectures that are painted one request at a time, through diffusers' own pipelines.

single_request.py   such a checkpoint, and the run of one request on it
peft_names.py       a LoRA file in the names of diffusers and PEFT
encoder_loras.py    LoRAs of text encoders that diffusers' loader leaves out
pipeline_loras.py   LoRAs through diffusers' loader, completely or not at all
"""
