"""Reads LoRA files: hashed, judged and loaded from the same bytes."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import torch
from safetensors.torch import load as load_safetensors

from inference.base_models import BaseModelId
from inference.errors import LoraFileChanged, LoraFileRefused, WorkerFailed
from inference.files.hashes import autov3_of, sha256_of
from inference.lora.beside.declarations import BadDeclarations
from inference.lora.beside.metadata import evidence_in
from inference.lora.beside.sidecar import BadSidecar, read_sidecar
from inference.lora.evidence import Evidence, judge
from inference.lora.knowledge import Knowledge
from inference.lora.library import OutsideLibrary, open_regular, resolve
from inference.lora.tensors.header import BadSafetensors, Header, read_header
from inference.lora.verdict import decide, layers_of
from inference.messages.checkpoints import PredictionType
from inference.messages.request import LoraUse

Stamp = tuple[int, int, int, int]  # device, inode, size and modification time: equal for an unchanged file


@dataclass(frozen=True)
class LoraFile:
    """A LoRA as read: tensors on the CPU, the evidence of its base model and prediction, its AutoV3 hash, metadata."""

    use: LoraUse
    tensors: dict[str, torch.Tensor]
    evidence: Evidence
    autov3: str
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    header: Header | None = None
    stamp: Stamp | None = None


@dataclass(frozen=True)
class LoraReader:
    """Reads files of one library and judges them as its catalogue does.

    `installed` maps checkpoints' hashes to their base models, `predictions` to their prediction types; with
    `trust_tags` a LoRA's own names may decide.
    """

    library: Path
    installed: Mapping[str, BaseModelId]
    max_bytes: int
    trust_tags: bool = False
    predictions: Mapping[str, PredictionType] = field(default_factory=dict[str, PredictionType])

    def read(self, use: LoraUse, relative: str | None, kept: LoraFile | None = None) -> LoraFile:
        """Open the file once; hash, judge and load what was opened.

        `kept` is an earlier reading of the same bytes: while the file is unchanged it is only judged again, since a
        sidecar or a declaration may have changed. Raises LoraFileChanged when the file is gone or has other
        bytes, LoraFileRefused when it cannot be used.
        """
        if relative is None:
            raise LoraFileChanged(lora=use.name)
        try:
            with open_regular(resolve(self.library, relative)) as opened:
                stamp = _stamp(opened.fileno())
                if kept is not None and kept.header is not None and kept.stamp == stamp:
                    return replace(kept, use=use, evidence=self._judge(self.library / relative, use, kept.header))
                data = self._bytes(opened, stamp)
            file = io.BytesIO(data)
            if sha256_of(file) != use.sha256:
                raise LoraFileChanged(lora=use.name)
            header = read_header(file, len(data))
            evidence = self._judge(self.library / relative, use, header)
        except FileNotFoundError:
            raise LoraFileChanged(lora=use.name) from None
        except (OSError, BadSafetensors, BadSidecar, OutsideLibrary) as problem:
            raise LoraFileRefused(lora=use.name, reason=_reason(problem)) from problem
        tensors = load_safetensors(data)
        if not all(bool(tensor.float().isfinite().all()) for tensor in tensors.values()):
            raise LoraFileRefused(lora=use.name, reason="the file contains invalid numbers")
        return LoraFile(use, tensors, evidence, autov3_of(data, header.length), header.metadata, header, stamp)

    def _bytes(self, file: BinaryIO, stamp: Stamp) -> bytes:
        size = stamp[2]
        if size > self.max_bytes:
            raise BadSafetensors(f"it has {size:,} bytes; at most {self.max_bytes:,} are loaded")
        return file.read()

    def _judge(self, path: Path, use: LoraUse, header: Header) -> Evidence:
        """The evidence of the base model, checked against the file's layers.

        Raises LoraFileRefused for unusable ones.
        """
        try:
            known = Knowledge.of(self.library, self.installed, trust_tags=self.trust_tags, predictions=self.predictions)
        except BadDeclarations as problem:
            raise WorkerFailed(reason=str(problem)) from problem
        layers = layers_of(header.tensors)
        if layers.problem is not None:
            raise LoraFileRefused(lora=use.name, reason=layers.problem)
        metadata = evidence_in(header.metadata)
        claimed = judge(use.sha256, metadata, read_sidecar(path), known, file_name=path.name)
        return decide(layers, claimed, metadata).evidence


def _stamp(descriptor: int) -> Stamp:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _reason(problem: Exception) -> str:
    if isinstance(problem, OutsideLibrary):
        return "it does not lie in the library"
    return (problem.strerror if isinstance(problem, OSError) else None) or str(problem)
