"""Writing small LoRA files for tests: valid safetensors in kohya's naming, without torch."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np

# Module name -> (outputs, inputs) of the layer that it changes. Of all base models only SDXL has this one.
MODULES = {"lora_unet_down_blocks_1_attentions_0_transformer_blocks_1_attn1_to_q": (640, 640)}


def lora_tensors(
    modules: Mapping[str, tuple[int, int]] = MODULES, *, rank: int = 2, seed: int = 0, alpha: float | None = None
) -> dict[str, np.ndarray]:
    """The tensors `NAME.lora_down.weight`, `NAME.lora_up.weight` and `NAME.alpha`, filled from `seed`."""
    random = np.random.default_rng(seed)
    tensors: dict[str, np.ndarray] = {}
    for name, (outputs, inputs) in modules.items():
        tensors[f"{name}.lora_down.weight"] = random.normal(0, 0.1, (rank, inputs)).astype(np.float32)
        tensors[f"{name}.lora_up.weight"] = random.normal(0, 0.1, (outputs, rank)).astype(np.float32)
        tensors[f"{name}.alpha"] = np.array(rank if alpha is None else alpha, dtype=np.float32)
    return tensors


def safetensors_bytes(tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None) -> bytes:
    """A safetensors file of float32 `tensors`."""
    header: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    body = b""
    for name, tensor in tensors.items():
        raw = np.ascontiguousarray(tensor, dtype="<f4").tobytes()
        offsets = [len(body), len(body) + len(raw)]
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": offsets}
        body += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + body


def write_lora(
    path: Path,
    *,
    metadata: Mapping[str, str] | None = None,
    modules: Mapping[str, tuple[int, int]] = MODULES,
    rank: int = 2,
    seed: int = 0,
    alpha: float | None = None,
) -> Path:
    """Write a valid LoRA file; another `seed` gives other bytes. Missing folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(safetensors_bytes(lora_tensors(modules, rank=rank, seed=seed, alpha=alpha), metadata))
    return path


def write_sidecar(lora: Path, **fields: object) -> Path:
    """Write `fields` as the JSON sidecar of `lora`."""
    path = lora.with_suffix(".json")
    path.write_text(json.dumps(fields), "utf-8")
    return path
