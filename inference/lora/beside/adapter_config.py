"""The adapter's configuration that diffusers writes into a file's metadata.

Such files have no alphas among their tensors: the scale stands here, and without it a picture is too strong or too
weak. PEFT's patterns of layers are regular expressions; a stranger's are not run, only plain endings are read.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

KEY = "lora_adapter_metadata"
PARTS = ("unet", "text_encoder", "text_encoder_2", "transformer")

_PLAIN = re.compile(r"[\w.]+")
_ALTERS_THE_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga")  # ways of starting that move the layer's own weight


class BadAdapterConfig(Exception):
    """The configuration cannot be followed; the message says why, in words for people."""


@dataclass(frozen=True)
class AdapterConfig:
    """The scale of one part's LoRA: `alpha`, others for layers whose name is or ends with a key of `alphas`."""

    alpha: float
    alphas: Mapping[str, float]
    stabilised: bool = False  # rsLoRA: divided by the square root of the rank

    def alpha_of(self, layer: str, rank: int) -> float:
        """The number which, divided by the rank, is the scale of a layer (a dotted path)."""
        found = (alpha for ending, alpha in self.alphas.items() if f".{layer}".endswith(f".{ending}"))
        alpha = next(found, self.alpha)
        return alpha * math.sqrt(rank) if self.stabilised else alpha


def read_adapter_configs(metadata: Mapping[str, str]) -> dict[str, AdapterConfig]:
    """The configuration of each part of a pipeline that a file's metadata hold. Raises BadAdapterConfig."""
    if KEY not in metadata:
        return {}
    try:
        fields = json.loads(metadata[KEY])
    except (ValueError, RecursionError):
        raise BadAdapterConfig("its adapter's configuration is no JSON") from None
    if not isinstance(fields, dict):
        raise BadAdapterConfig("its adapter's configuration is no table")
    table = cast("dict[str, Any]", fields)
    if "lora_alpha" in table:  # of a network saved by itself
        return {"unet": _config(table)}
    inner = {part: _within(table, part) for part in PARTS}
    return {part: _config(each) for part, each in inner.items() if "lora_alpha" in each}


def _within(table: Mapping[str, Any], part: str) -> dict[str, Any]:
    return {key.removeprefix(f"{part}."): value for key, value in table.items() if key.startswith(f"{part}.")}


def _config(table: Mapping[str, Any]) -> AdapterConfig:
    start = str(table.get("init_lora_weights", "")).lower()
    if start.startswith(_ALTERS_THE_BASE):
        raise BadAdapterConfig(f"it was trained from {start}, which alters the checkpoint itself")
    patterns: Any = table.get("alpha_pattern") or {}
    if not isinstance(patterns, dict):
        raise BadAdapterConfig("its adapter's configuration gives no alphas by layer")
    alphas = {_ending(key): _number(value) for key, value in cast("dict[str, Any]", patterns).items()}
    return AdapterConfig(_number(table["lora_alpha"]), alphas, table.get("use_rslora") is True)


def _ending(pattern: str) -> str:
    plain = pattern.removeprefix("^").removesuffix("$").replace("\\.", ".")
    if not _PLAIN.fullmatch(plain):
        raise BadAdapterConfig("its adapter's configuration chooses layers by an expression")
    return plain


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < math.inf:
        raise BadAdapterConfig("its adapter's configuration has an alpha that is no number")
    return float(value)
