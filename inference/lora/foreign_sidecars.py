"""What other programs leave beside a LoRA file, as far as it tells what ours would.

`NAME.metadata.json` is of ComfyUI-Lora-Manager and bears the file's SHA-256; `NAME.civitai.info` is what Civitai says
of a version, and lists the SHA-256 of its files; `NAME.json` of A1111 has words and a weight, and of the base model
only the architecture. None of them may name an entry. What they say of the base model counts as a sidecar's word, for
the bytes alone that they name. What is not of the expected form says nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from inference.lora.registry import named_base_model

METADATA, CIVITAI = ".metadata.json", ".civitai.info"
MAX_BYTES = 4 * 2**20  # example pictures with their prompts are in them
A1111_KEYS = frozenset({"description", "sd version", "activation text", "preferred weight", "negative text", "notes"})
_MOST_WORDS, _LONGEST = 50, 100
_HEX_64 = re.compile(r"[0-9a-f]{64}")
_MARKUP = re.compile(r"<[^<>]{0,2000}>")


def hub_file(lora: Path) -> Path | None:
    """The file in which another program keeps what a hub says, or None."""
    return next((path for suffix in (METADATA, CIVITAI) if (path := lora.with_suffix(suffix)).is_file()), None)


def fields_of_hub_file(path: Path) -> dict[str, Any]:
    """The fields of a sidecar of ours that such a file tells. Raises OSError for one that cannot be read."""
    with path.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    try:
        told = _dict(json.loads(raw)) if len(raw) <= MAX_BYTES else {}
    except (ValueError, RecursionError):
        return {}
    if path.name.endswith(METADATA):
        version = _dict(told.get("civitai"))
        hashes = [_text(told.get("sha256"))]
        base, description, tags = told.get("base_model"), told.get("modelDescription"), told.get("tags")
    else:
        version = told
        hashes = [_text(_dict(_dict(file).get("hashes")).get("SHA256")) for file in _list(told.get("files"))]
        base, description = (
            told.get("baseModel"),
            _dict(told.get("model")).get("description") or told.get("description"),
        )
        tags = _dict(told.get("model")).get("tags")
    return _kept(
        {
            **_pinned(_text(base), {hash_.lower() for hash_ in hashes}),
            "trigger_words": _words(_list(version.get("trainedWords"))),
            "tags": _words(_list(tags))[:20],
            "description": _plain(description),
        }
    )


def fields_of_a1111(told: dict[str, Any]) -> dict[str, Any]:
    """The fields of a sidecar of ours that A1111's file tells; none for a file of another kind."""
    if not told.keys() & (A1111_KEYS - {"description"}):
        return {}
    weight = told.get("preferred weight")
    return _kept(
        {
            "description": _plain(told.get("description")),
            "trigger_words": _words([_text(told.get("activation text"))]),
            "recommended_weight": weight if isinstance(weight, int | float) and 0 < weight <= 2 else None,
        }
    )


def _pinned(base: str, hashes: set[str]) -> dict[str, Any]:
    """A base model that is known, pinned to the only file that is meant; else nothing."""
    known, named = named_base_model(base), {hash_ for hash_ in hashes if _HEX_64.fullmatch(hash_)}
    return {"base_model": known, "sha256": named.pop()} if known is not None and len(named) == 1 else {}


def _kept(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in ((), "", None)}


def _words(groups: Iterable[object]) -> tuple[str, ...]:
    """Groups of words, a long one taken apart at its commas."""
    found: list[str] = []
    for group in map(_text, groups):
        plain = _MARKUP.sub("", group).strip(" ,")
        found += [plain] if len(plain) <= _LONGEST else [word.strip()[:_LONGEST] for word in plain.split(",")]
    return tuple(dict.fromkeys(word for word in found if word))[:_MOST_WORDS]


def _plain(value: object) -> str:
    return _MARKUP.sub(" ", _text(value)).strip()[:4000]


def _text(value: object) -> str:
    """Untrusted text as one line."""
    if not isinstance(value, str):
        return ""
    return "".join(c for c in " ".join(value[:20_000].split()) if c.isprintable())


def _dict(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []
