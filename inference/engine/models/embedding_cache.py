"""What the text encoders of a loaded checkpoint made of texts: kept on the device, and in files where that is wanted.

A family says of a request which encodings it needs (`Encoding`: one text in one encoder). So those of several requests
are made by turns: an encoder that does not fit beside the others is brought to the device once for all of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch

from inference.engine.devices.cache import ByteCache, memory_of
from inference.engine.devices.devices import is_out_of_memory
from inference.engine.devices.transfers import downloaded, upload
from inference.engine.models.embedding_files import EmbeddingFiles

Encoded = Mapping[str, torch.Tensor]  # by names that the family gives them


@dataclass(frozen=True)
class Encoding:
    """One text in the text encoder of this name; `make` brings that to the device and encodes the text.

    `about` is all that the result depends on beside the checkpoint: the text, LoRAs, how it is read. JSON has to tell
    different ones apart.
    """

    encoder: str
    about: tuple[object, ...]
    make: Callable[[], Encoded]

    @property
    def key(self) -> str:
        """The same for encodings with the same result."""
        return json.dumps([self.encoder, *self.about])


class EmbeddingCache:
    """Encodings of one checkpoint: up to `limit` bytes on the device, and in `files` under the name of `identity`."""

    def __init__(self, limit: int, files: EmbeddingFiles | None = None, identity: str | None = None) -> None:
        self._kept: ByteCache[str, Encoded] = ByteCache(limit, lambda each: memory_of(each.values()), "embedding")
        self._files = files if identity is not None else None
        self._identity = identity

    def get(self, encoding: Encoding, device: torch.device) -> Encoded:
        """What the encoder made of the text, on the device; made now where it is not kept."""
        return self._kept.get(encoding.key, lambda: self._read(encoding, device) or self._made(encoding))

    def has_all(self, encodings: Iterable[Encoding]) -> bool:
        """Whether all of them are on the device."""
        return all(each.key in self._kept for each in encodings)

    def make_all(self, encodings: Iterable[Encoding], device: torch.device) -> None:
        """Have as many of them on the device as fit there, one encoder after another, those that come first before.

        What cannot be made is left out: whoever needs it will be told why.
        """
        wanted = {each.key: each for each in encodings}
        encoders = dict.fromkeys(each.encoder for each in wanted.values())
        for encoder in encoders:
            room = self._kept.limit / len(encoders)
            for each in wanted.values():
                if each.encoder != encoder:
                    continue
                try:
                    room -= memory_of(self.get(each, device).values())
                except Exception as problem:  # noqa: BLE001 (of another request, which must not fail this one)
                    if is_out_of_memory(problem):
                        return
                if room <= 0:
                    break

    def clear(self) -> None:
        """Drop what is on the device."""
        self._kept.clear()

    def _read(self, encoding: Encoding, device: torch.device) -> Encoded | None:
        found = self._files and self._files.read(self._name(encoding))
        return found and {name: upload(tensor, device) for name, tensor in found.items()}

    def _made(self, encoding: Encoding) -> Encoded:
        encoded = encoding.make()
        if self._files is not None:
            self._files.write(self._name(encoding), downloaded(encoded))
        return encoded

    def _name(self, encoding: Encoding) -> str:
        return f"{self._identity} {encoding.key}"
