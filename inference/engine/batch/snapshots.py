"""Snapshots: the state of a request between two steps, as a file from which a restarted worker resumes.

A snapshot is one safetensors file: the tensors, everything else as JSON in its metadata, and a digest of both, which
detects damage. It is never a pickle, which is code. Only those attributes of a sampler are written that its steps have
changed; the others follow from its configuration.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from inference.engine.devices.transfers import downloaded, upload

_OURS = "easel snapshot 3"
_CONFIGURATION = "_internal_dict"  # where diffusers keeps a scheduler's configuration

Values = dict[str, Any]


class Resumable(Protocol):
    """What a snapshot is taken of: all state that a step changes."""

    latents: torch.Tensor
    done: int

    @property
    def total(self) -> int:
        """Steps in all."""
        ...

    @property
    def scheduler(self) -> Any:
        """The sampler."""
        ...

    @property
    def generators(self) -> Sequence[torch.Generator]:
        """One for each picture, on the CPU."""
        ...


@dataclass(frozen=True)
class Snapshot:
    """The state after `done` steps of `sampler`, which took `seconds`.

    `values` is JSON with tensors as `{"tensor": NAME}`.
    """

    done: int
    sampler: str  # diffusers' class
    tensors: Mapping[str, torch.Tensor]
    values: Mapping[str, Any]
    seconds: float = 0.0

    @classmethod
    def of(cls, run: Resumable, fresh: Any) -> Snapshot:
        """The state of `run`; `fresh` is a sampler of the same configuration before any step."""
        tensors = {"latents": run.latents}
        for number, generator in enumerate(run.generators):
            tensors[f"generator.{number}"] = generator.get_state()
        values: Values = {}
        for name, value in vars(run.scheduler).items():
            if name != _CONFIGURATION and not _same(value, vars(fresh).get(name)):
                values[name] = _plain(value, f"sampler.{name}", tensors)
        # Copies: it is written while the next steps run.
        return cls(run.done, type(run.scheduler).__name__, downloaded(tensors), values)

    def put_back(self, run: Resumable) -> None:
        """Restore the state into `run`, made from the same request.

        Raises ValueError for another request's snapshot.
        """
        generators = list(run.generators)
        latents = self.tensors["latents"]
        alike = latents.shape == run.latents.shape and f"generator.{len(generators)}" not in self.tensors
        if not alike or self.sampler != type(run.scheduler).__name__ or not 0 <= self.done < run.total:
            raise ValueError("the snapshot is of another request")
        if any(hasattr(type(run.scheduler), name) for name in self.values):
            raise ValueError("the snapshot is of no sampler")  # methods are not state
        for number, generator in enumerate(generators):
            generator.set_state(self.tensors[f"generator.{number}"])
        for name, value in self.values.items():
            setattr(run.scheduler, name, self._whole(value, run.latents.device))
        run.latents = upload(latents.to(run.latents.dtype), run.latents.device)
        run.done = self.done

    def write(self, path: Path, about: str) -> None:
        """Write it to `path`, atomically. `about` identifies what it belongs to, and is compared on reading.

        Raises OSError; safetensors' own writing does not when the disk is full or the folder is gone.
        """
        metadata = {"format": _OURS, "about": about, "done": str(self.done), "sampler": self.sampler}
        metadata |= {"seconds": str(self.seconds), "values": json.dumps(self.values)}
        metadata["digest"] = _digest(metadata, self.tensors)
        unfinished = path.with_suffix(".part")
        try:
            unfinished.write_bytes(save(dict(self.tensors), metadata))
            unfinished.replace(path)
        except OSError:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)  # half a snapshot is useless, and the disk may be full
            raise

    @classmethod
    def read(cls, path: Path, about: str) -> Snapshot | None:
        """The snapshot at `path`; None when there is none, it is damaged, or it belongs to something else."""
        try:
            with safe_open(str(path), framework="pt") as file:
                metadata = file.metadata() or {}
                if (metadata.get("format"), metadata.get("about")) != (_OURS, about):
                    return None
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            if metadata.pop("digest", None) != _digest(metadata, tensors):
                return None
            values, seconds = json.loads(metadata["values"]), float(metadata["seconds"])
            return cls(int(metadata["done"]), metadata["sampler"], tensors, values, seconds)
        except (OSError, SafetensorError, ValueError, KeyError):
            return None

    def _whole(self, value: Any, device: torch.device) -> Any:
        if isinstance(value, list):
            return [self._whole(one, device) for one in value]
        if isinstance(value, dict):
            tensor = self.tensors[value["tensor"]]
            return upload(tensor, device) if value["moved"] else tensor
        return value


def _digest(metadata: Mapping[str, str], tensors: Mapping[str, torch.Tensor]) -> str:
    digest = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _plain(value: Any, name: str, tensors: dict[str, torch.Tensor]) -> Any:
    """`value` as JSON; its tensors go into `tensors`. Raises TypeError for types that our samplers do not have."""
    if isinstance(value, torch.Tensor):
        tensors[name] = value
        return {"tensor": name, "moved": value.device.type != "cpu"}
    if isinstance(value, list | torch.Size):
        return [_plain(one, f"{name}.{number}", tensors) for number, one in enumerate(value)]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a {type(value).__name__} in {name} cannot be kept")


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, torch.Tensor) and isinstance(right, torch.Tensor):
        kinds = (
            (each.shape, each.device, each.dtype) for each in (left, right)
        )  # samplers move some tensors to the device later
        return len(set(kinds)) == 1 and torch.equal(left, right)
    if isinstance(left, torch.Tensor) or isinstance(right, torch.Tensor):
        return False
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(_same(a, b) for a, b in zip(left, right, strict=True))
    return bool(left == right)
