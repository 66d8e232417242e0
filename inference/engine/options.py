"""The options of the engine that an operator sets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from inference.messages.commands import Configure
from inference.messages.options import LORA_CACHE_BYTES, LORA_SET_BYTES, MAX_DENSE_BYTES


@dataclass(frozen=True)
class Options:
    """`places` is how many pictures run at once, at most; None: measured, and kept in the file `caps`."""

    inputs: Path = Path()
    places: int | None = None
    caps: Path | None = None
    lora_bytes: int = LORA_CACHE_BYTES
    dense_bytes: int = MAX_DENSE_BYTES
    set_bytes: int = LORA_SET_BYTES

    @classmethod
    def of(cls, config: Configure) -> Options:
        """The options of a configuration."""
        return cls(
            inputs=Path(config.inputs),
            places=config.places,
            caps=Path(config.caps) if config.caps else None,
            lora_bytes=config.lora_cache_bytes,
            dense_bytes=config.max_dense_bytes,
            set_bytes=config.lora_set_bytes,
        )
