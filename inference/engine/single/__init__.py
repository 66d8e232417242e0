"""Architectures that are painted one request at a time, through diffusers' own pipelines.

single_request.py   the checkpoint, and one request on it
pipeline_loras.py   LoRAs through diffusers' loader, whole or not at all
"""
