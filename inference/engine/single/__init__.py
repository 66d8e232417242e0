"""Architectures that are painted one request at a time, through diffusers' own pipelines.

single_request.py   such a checkpoint, and the run of one request on it
pipeline_loras.py   LoRAs through diffusers' loader, completely or not at all
"""
