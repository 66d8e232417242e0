"""The section of config.toml about the folder of LoRA files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from bot.config.section import LOOPBACK, Section
from inference.bounds import MAX_COUNT
from inference.lora.few_steps import FewStepRecipe
from inference.messages.values import Sha256


def _registry(url: str) -> str:
    """Raise ValueError unless the address is https or local: hashes of people's files are sent there."""
    parts = urlsplit(url)
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    if not safe or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError("must be an https address, such as https://civitai.com/api/v1")
    return url.rstrip("/")


class LibrarySettings(Section):
    """The LoRA library: files, sidecars and the operator's declarations."""

    folder: Path = Path("loras")
    """Folder of LoRA files. Only .safetensors files are read, also in subfolders."""
    look_seconds: Annotated[float, Field(ge=1, le=86_400)] = 30.0
    """Interval between scans for added, removed or replaced files."""
    registry: Annotated[str, AfterValidator(_registry)] | None = Field(
        default=None, examples=["https://civitai.com/api/v1"]
    )
    """Registry such as https://civitai.com/api/v1. Easel looks up files with unknown base models there by SHA-256."""
    samples: Annotated[int, Field(ge=0, le=MAX_COUNT)] = 2
    """Sample pictures of each LoRA, plus one without it. Easel generates them while the queue is empty."""
    few_step_files: Annotated[dict[Sha256, FewStepRecipe], Field(max_length=1000)] = Field(
        default={}, examples=[{"0a1b" * 16: {"steps": 4, "guidance": 1.0}}]
    )
    """Recipes of few-step LoRAs by SHA-256 of the file, such as { "0a1b…" = { steps = 4, guidance = 1.0 } }."""
    measure_weights: bool = False
    """Generate 12 pictures of each LoRA at several weights, to find the useful range of weights."""
