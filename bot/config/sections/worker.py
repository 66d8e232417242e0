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
    """The worker processes that generate pictures."""

    backend: Backend = Backend.LOCAL
    """local: on this machine. ray: on the nodes of a cluster, one worker per GPU, see [cluster]."""
    devices: Annotated[tuple[Device, ...], AfterValidator(_some_devices)] = ("auto",)
    """auto, cuda, cuda:1, mps or cpu. Easel starts one worker for each, such as ["cuda:0", "cuda:1"]. In a cluster,
    name one."""
    threads: Annotated[int, Field(ge=1, le=256)] | None = Field(default=None, examples=[4])
    """CPU threads of the worker. Default: torch decides. On two cores, 1 is fastest."""
    places: Annotated[int, Field(ge=1, le=MAX_PLACES)] | None = Field(default=None, examples=[4])
    """Maximum pictures in one batch. Default: measured for each checkpoint and size, as many as make each picture
    cheaper."""
    max_lora_megabytes: Annotated[int, Field(ge=1, le=2**20)] = 4096
    """Maximum size of a LoRA file. Larger files are refused."""
    max_dense_megabytes: Annotated[int, Field(ge=0, le=2**20)] = MAX_DENSE_BYTES // 2**20
    """Maximum memory for a LoRA without a low-rank form (full differences, LoKr with whole factors). Larger ones are
    refused."""
    lora_cache_megabytes: Annotated[int, Field(ge=0, le=2**24)] = LORA_CACHE_BYTES // 2**20
    """Host memory of each worker to cache LoRAs: half for files as read, half for prepared LoRAs."""
    lora_set_megabytes: Annotated[int, Field(ge=0, le=2**24)] = LORA_SET_BYTES // 2**20
    """Host memory to cache sets of LoRAs with their weights, ready to use. Sets in use need additional memory."""
    embedding_cache_megabytes: Annotated[int, Field(ge=0, le=2**24)] = EMBEDDING_CACHE_BYTES // 2**20
    """Device memory to cache encoded prompts."""
    embedding_files_megabytes: Annotated[int, Field(ge=0, le=2**24)] = Field(default=0, examples=[1024])
    """Disk cache of encoded prompts, which saves loading the text encoder for known prompts, also after a restart.
    Useful for Flux or Qwen-Image with little memory. The files reveal prompts. 0: off. See [retention] for their
    age."""
    state_steps: Annotated[int, Field(ge=0, le=MAX_STEPS)] = STATE_STEPS
    """Steps between two saved states of a picture. After a crash, the worker resumes from the last one. 0: never."""
    offload: Offload = Offload.WHEN_SHORT
    """never. when_short: unused networks leave the device, and the last checkpoint stays in host memory. always: one
    network at a time on the device, slower, with less memory."""
    compiled: bool = False
    """Use torch.compile for the repeated blocks of SD and SDXL denoisers. Each new shape costs seconds once."""
    expandable_segments: bool = True
    """Let torch grow its memory blocks on an NVIDIA card, which wastes less memory. Linux only."""
