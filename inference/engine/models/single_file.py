"""Checkpoints in a single `.safetensors` file, opened offline: the configurations that it lacks ship with Easel.

The file holds weights alone. `configs/` has the published configuration of each architecture's parts (sources: the
`config.json` files of the repositories runwayml/stable-diffusion-v1-5, stabilityai/stable-diffusion-2-1 and
stabilityai/stable-diffusion-xl-base-1.0), and CLIP's byte-pair merges come with the package open_clip.
"""

from __future__ import annotations

import gzip
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from transformers import CLIPTokenizer

from inference import demo
from inference.base_models import Architecture

CONFIGS = Path(__file__).with_name("configs")
VOCABULARY = 49_408  # tokens of CLIP's text encoders
_END = "<|endoftext|>"

# Folders whose configurations fit a single file of each architecture.
FOLDERS = {
    Architecture.SD1: CONFIGS / "sd1",
    Architecture.SD2: CONFIGS / "sd2",
    Architecture.SDXL: CONFIGS / "sdxl",
    Architecture.DEMO: demo.CHECKPOINTS[0].path,
}

# The padding tokens of the architectures' tokenizers, by component.
_PADDING = {
    Architecture.SD1: {"tokenizer": _END},
    Architecture.SD2: {"tokenizer": "!"},
    Architecture.SDXL: {"tokenizer": _END, "tokenizer_2": "!"},
}


def open_single_file(kind: type[Any], path: Path, architecture: Architecture, **options: Any) -> Any:
    """The pipeline of class `kind` with the weights of `path`. Raises diffusers' errors for an unusable file."""
    folder = FOLDERS[architecture]
    tokenizers = _tokenizers(architecture, folder)
    return kind.from_single_file(str(path), config=str(folder), local_files_only=True, **tokenizers, **options)


def _tokenizers(architecture: Architecture, folder: Path) -> dict[str, CLIPTokenizer]:
    padding = _PADDING.get(architecture)
    if padding is None:
        return {place.name: CLIPTokenizer.from_pretrained(place) for place in sorted(folder.glob("tokenizer*"))}
    return {name: clip_tokenizer(pad) for name, pad in padding.items()}


def clip_tokenizer(pad_token: str = _END) -> CLIPTokenizer:
    """CLIP's tokenizer, made from its byte-pair merges; short texts are padded with `pad_token`."""
    vocabulary, merges = _clip_vocabulary()
    return CLIPTokenizer(vocab=vocabulary, merges=merges, pad_token=pad_token, model_max_length=77)


@cache
def _clip_vocabulary() -> tuple[dict[str, int], list[Any]]:
    """Tokens with their ids: bytes, bytes that end a word, merged pairs and two special tokens, in this order."""
    package = find_spec("open_clip")
    assert package is not None and package.origin is not None
    packed = Path(package.origin).with_name("bpe_simple_vocab_16e6.txt.gz").read_bytes()
    alphabet = _byte_alphabet()
    used = VOCABULARY - 2 * len(alphabet) - 2
    lines = gzip.decompress(packed).decode("utf-8").split("\n")[1 : 1 + used]
    merges = [(left, right) for left, _, right in (line.partition(" ") for line in lines)]
    tokens = [*alphabet, *(f"{letter}</w>" for letter in alphabet), *map("".join, merges), "<|startoftext|>", _END]
    return {token: number for number, token in enumerate(tokens)}, merges


def _byte_alphabet() -> list[str]:
    """A visible character for each of the 256 bytes: those that are visible in Latin-1 first, as themselves."""
    visible = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = 256 - len(visible)
    return [chr(byte) for byte in visible] + [chr(256 + number) for number in range(hidden)]
