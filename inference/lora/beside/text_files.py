"""Text files beside a LoRA: notes, the card of a model, and the configuration of a training.

Anybody can write such a text, and a folder is easily copied. Therefore a text never identifies a base model. It can
only contradict other sources. A setting that names the training base counts as a sentence about the training.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path

from inference.lora.words.texts import MAX_FIELD, is_apart, telling, trained_on

SUFFIXES = (".txt", ".md", ".yaml", ".yml")
CARD = "README.md"
_MAX_BYTES = 256 * 1024  # of a file that are read
_MAX_LINES = 5000
_MAX_KEY = 60  # characters of a setting's name
_MARKS = " \t*_#>`|\"'"  # of Markdown, and quotation marks
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def files_beside(lora: Path, suffixes: Iterable[str]) -> list[Path]:
    """The files with the stem of `lora` and these suffixes."""
    stem = str(lora.with_suffix("")) if lora.name else ""  # no name: as of "/" and ""
    # The system says faster than pathlib that there is none.
    there = (Path(f"{stem}{suffix}") for suffix in suffixes if stem and os.access(f"{stem}{suffix}", os.F_OK))
    return [path for path in there if path.is_file()]


def text_files(lora: Path) -> list[Path]:
    """The text files with the LoRA's stem, and the model card if the folder has no other LoRA."""
    found = files_beside(lora, SUFFIXES)
    card = str(lora.parent / CARD)
    alone = os.access(card, os.F_OK) and Path(card) not in found and _is_alone(lora)
    return [*found, Path(card)] if alone and Path(card).is_file() else found


def _is_alone(lora: Path) -> bool:
    try:
        return _holds_one(lora.parent, lora.suffix, lora.parent.stat().st_mtime_ns)
    except OSError:
        return False


@lru_cache(maxsize=256)
def _holds_one(folder: Path, suffix: str, changed: int) -> bool:  # it counts until a file comes
    """Whether a folder has one file with a suffix. Raises OSError."""
    with os.scandir(folder) as entries:
        return len(list(islice((entry for entry in entries if entry.name.endswith(suffix)), 2))) == 1


def texts_of_file(path: Path) -> tuple[str, ...]:
    """Its texts that may name a model; none of a file that cannot be read."""
    try:
        with path.open("rb") as file:
            text = _decoded(file.read(_MAX_BYTES))
    except OSError:
        return ()
    lines = list(_lines(text))
    claims = trained_on((key, value) for key, value, _ in lines)
    whole = "\n".join(line for _, _, line in lines)
    pieces = (whole[begin : begin + MAX_FIELD] for begin in range(0, len(whole), MAX_FIELD))
    return telling((*pieces, *claims))


def _decoded(raw: bytes) -> str:
    """Decode by the byte order mark, or as UTF-8. UTF-16 without a mark keeps its Latin letters."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if raw.startswith(mark):
            return raw[len(mark) :].decode(encoding, errors="replace")
    return raw.decode("utf-8", errors="replace").replace("\0", "")


def _lines(text: str) -> Iterator[tuple[str, str, str]]:
    """Key, value and text of every line, except lines under a key for captions or prompts.

    Depth is read from the indentation, as in YAML: an item stands below the key before it. An item without a key has
    the key of its list.
    """
    above: list[tuple[int, str, bool]] = []
    for line in text.splitlines()[:_MAX_LINES]:
        bare = line.strip()
        item = bare.startswith("- ")
        content = bare[2:].lstrip() if item else bare
        depth = 2 * (len(line) - len(line.lstrip()))
        while bare and above and above[-1][0] >= depth + item:
            above.pop()
        _, parent, skipped = above[-1] if above else (0, "", False)
        key, value = _setting(content)
        if key:
            skipped = skipped or is_apart(key)
            above.append((depth + 2 * (len(bare) - len(content)), key, skipped))
        if not skipped:
            yield key or (parent if item else ""), value or content, line


def _setting(line: str) -> tuple[str, str]:
    """The key and the value of `key: value` and `key = value`; no key for another line."""
    ends = [place for sign in ":=" if (place := line.find(sign, 0, _MAX_KEY)) > 0 and line[place : place + 3] != "://"]
    if not ends:
        return "", ""
    key = line[: min(ends)].strip(_MARKS)
    words = key.replace("-", "_").split()
    return ("_".join(words), line[min(ends) + 1 :].strip(f"{_MARKS},[]")) if len(words) <= 4 else ("", "")
