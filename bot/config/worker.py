"""The section of config.toml about the processes that paint."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from bot.config.section import Section
from inference.bounds import MAX_STEPS
from inference.messages.options import (
    EMBEDDING_CACHE_BYTES,
    LORA_CACHE_BYTES,
    LORA_SET_BYTES,
    MAX_DENSE_BYTES,
    MAX_PLACES,
    STATE_STEPS,
    Offload,
)

_DEVICE = re.compile(r"auto|cpu|mps|cuda(:[0-9]{1,3})?")


def device_name(text: str) -> str:
    """The name of a device. Raises ValueError for what is none."""
    if not _DEVICE.fullmatch(text):
        raise ValueError(f"{text!r} is no device; auto, cuda, cuda:1, mps and cpu are")
    return text


Device = Annotated[str, AfterValidator(device_name)]


def _some_devices(devices: tuple[str, ...]) -> tuple[str, ...]:
    if not devices:
        raise ValueError('name at least one device, such as ["auto"]')
    return devices


class Backend(StrEnum):
    """Where workers run."""

    LOCAL = "local"
    RAY = "ray"


class WorkerSettings(Section):
    """The processes that paint."""

    backend: Backend = Backend.LOCAL
    """local: on this machine; ray: on the nodes of a cluster, one for each of their GPUs, by the section [cluster]."""
    devices: Annotated[tuple[Device, ...], AfterValidator(_some_devices)] = ("auto",)
    """auto, cuda, cuda:1, mps or cpu. There is one worker for each, such as ["cuda:0", "cuda:1"]; one for a cluster."""
    threads: Annotated[int, Field(ge=1, le=256)] | None = None
    """CPU threads of the worker; left out, torch decides. On two cores 1 is fastest."""
    places: Annotated[int, Field(ge=1, le=MAX_PLACES)] | None = None
    """Pictures painted together; left out, as many as make each cheaper, which is measured by checkpoint and size."""
    max_lora_megabytes: Annotated[int, Field(ge=1, le=2**20)] = 4096
    """A larger LoRA file is refused."""
    max_dense_megabytes: Annotated[int, Field(ge=0, le=2**20)] = MAX_DENSE_BYTES // 2**20
    """Memory for one LoRA without a low-rank form: full differences, LoKr with whole factors. More is refused."""
    lora_cache_megabytes: Annotated[int, Field(ge=0, le=2**24)] = LORA_CACHE_BYTES // 2**20
    """Host memory of each worker for LoRAs used before: half as they lie on disk, half as they are painted."""
    lora_set_megabytes: Annotated[int, Field(ge=0, le=2**24)] = LORA_SET_BYTES // 2**20
    """Host memory for LoRAs at weights that were used before, ready to be painted with. Those in use come on top."""
    embedding_cache_megabytes: Annotated[int, Field(ge=0, le=2**24)] = EMBEDDING_CACHE_BYTES // 2**20
    """Memory of the device for prompts that were encoded before."""
    embedding_files_megabytes: Annotated[int, Field(ge=0, le=2**24)] = 0
    """Disk for them, so that no text encoder is needed for a prompt used before, also after a restart: worth it for
    Flux or Qwen-Image where memory is short. They tell of people's words; 0: none are kept. See [retention]."""
    state_steps: Annotated[int, Field(ge=0, le=MAX_STEPS)] = STATE_STEPS
    """How often a picture's state is kept, for a worker that broke down to go on from there; 0 is never."""
    offload: Offload = Offload.WHEN_SHORT
    """never; when_short: what is not in use makes room, and the last checkpoint waits in host memory; always: one
    network on the device at a time, slower and in less memory."""
    compiled: bool = False
    """torch.compile for the repeated blocks of SD's and SDXL's denoisers; each new shape costs seconds, once."""
    expandable_segments: bool = True
    """Whether torch grows its blocks of an NVIDIA card's memory, so that less of it lies idle between; on Linux."""
