"""One place where the tests of the demo files open a checkpoint: on one thread, with DPM++ 2M."""

from __future__ import annotations

import torch
from diffusers import StableDiffusionXLPipeline

from inference.demo import CHECKPOINTS
from tools.demo.paint import load_pipeline

FOLDERS = {checkpoint.name: checkpoint.path for checkpoint in CHECKPOINTS}


def pipeline(name: str) -> StableDiffusionXLPipeline:
    torch.set_num_threads(1)
    return load_pipeline(FOLDERS[name])
