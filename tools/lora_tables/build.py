"""Builds a network without memory for its weights (the meta device) and lists the layers that a LoRA can change."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from tools.lora_tables.compact import Shapes, compact
from tools.lora_tables.configs import NETWORKS

HEAD = "# Layers of every known network and the shapes of their weights. Written by `python -m tools.lora_tables`."


def layers_of(name: str) -> Shapes:
    """Every linear and convolution layer of the network `name`: its path and the shape of its weight.

    Text encoders' paths are written without `text_model.`, which transformers puts there or not by version.
    """
    kind, config = NETWORKS[name]
    with torch.device("meta"):
        network = _new(kind, config)
    kinds = (nn.Linear, nn.Conv2d, nn.Conv3d)
    return {
        path.removeprefix("text_model."): tuple(layer.weight.shape)
        for path, layer in network.named_modules()
        if isinstance(layer, kinds)
    }


def _new(kind: type[Any], config: dict[str, Any]) -> nn.Module:
    wanted = getattr(kind, "config_class", None)
    return kind(wanted(**config)) if wanted is not None else kind(**config)


def table() -> str:
    """The whole file."""
    lines = [HEAD]
    for name in NETWORKS:
        lines += ["", f"[{name}]", *compact(layers_of(name))]
    return "\n".join(lines) + "\n"
