"""A fetched LoRA file is checked as any of the library's is, described by a sidecar, and put into the library."""

from __future__ import annotations

import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from bot.sources.errors import (
    CheckpointFile,
    ControlLoraFile,
    ControlNetFile,
    EmbeddingFile,
    FileOfNamedModel,
    FileOfUnknownModel,
    FileUnsupported,
    FileUnusable,
    IpAdapterFile,
    NotLora,
    T2IAdapterFile,
    TextEncoderFile,
    VaeFile,
)
from bot.sources.hubs.descriptions import guess_category
from bot.sources.hubs.remote import MAX_NAME, RemoteVersion
from inference.files.hashes import file_sha256
from inference.files.json_values import as_text
from inference.lora.beside.categories import Category
from inference.lora.beside.metadata import evidence_in, written_tags
from inference.lora.beside.sidecar import FROM_OTHERS, Sidecar, read_sidecar
from inference.lora.beside.trigger_groups import trigger_groups
from inference.lora.known.registry import RegistryAnswer, named_base_model
from inference.lora.library import SUFFIX, open_regular
from inference.lora.tensors.fit import Grade
from inference.lora.tensors.foreign_kinds import FileKind
from inference.lora.tensors.header import BadSafetensors, ForeignFile, Header, parse_header, read_header
from inference.lora.verdict import Layers, layers_of
from inference.lora.words.architecture_words import quoted_architecture, quoted_base

FOLDER = "added"  # in the library
PART = ".part"
FOREIGN: dict[FileKind, type[NotLora]] = {
    FileKind.EMBEDDING: EmbeddingFile,
    FileKind.IP_ADAPTER: IpAdapterFile,
    FileKind.CONTROLNET: ControlNetFile,
    FileKind.T2I_ADAPTER: T2IAdapterFile,
    FileKind.CONTROL_LORA: ControlLoraFile,
    FileKind.CHECKPOINT: CheckpointFile,
    FileKind.VAE: VaeFile,
    FileKind.TEXT_ENCODER: TextEncoderFile,
}
_MAX_PATH = 1000
_TITLES, _MAX_TITLE = ("modelspec.title", "ss_output_name"), 200
_ANY_NAMES = {"pytorch_lora_weights", "adapter_model", "model", "lora"}  # of files, which tell nothing
_PART_NAME = re.compile(rf"[0-9a-f]{{32}}{re.escape(PART)}")
_UNPLAIN = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class CheckedFile:
    """A file that `inference.lora` would take: its SHA-256, and what its metadata say.

    `metadata` are about its training base; `tags` are those by which its maker filed it, `titles` what it is called.
    """

    sha256: str
    metadata: dict[str, str]
    tags: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()


def check_file(path: Path, name: str) -> CheckedFile:
    """Read a file as the library will. Raises NotLora, FileUnusable or OSError."""
    with open_regular(path) as file, _explained(name):
        header = read_header(file, os.fstat(file.fileno()).st_size)
    check_header(header, name)
    titles = (header.metadata.get(key, "")[:_MAX_TITLE] for key in _TITLES)
    return CheckedFile(
        file_sha256(path), evidence_in(header.metadata), written_tags(header.metadata), tuple(filter(None, titles))
    )


@contextmanager
def _explained(name: str) -> Generator[None]:
    """Tells people what is wrong with a header. Raises NotLora or FileUnusable for BadSafetensors."""
    try:
        yield
    except ForeignFile as foreign:
        raise FOREIGN[foreign.kind](name=name, kind=foreign.kind.value) from None
    except BadSafetensors as problem:
        raise FileUnusable(name=name, reason=str(problem)) from None


def parsed_header(raw: bytes, size: int, name: str) -> Header:
    """The header of a file of `size` bytes. Raises NotLora or FileUnusable."""
    with _explained(name):
        return parse_header(raw, size)


def check_header(header: Header, name: str) -> Layers:
    """The layers of a file with this header. Raises FileUnusable for what the library does not take."""
    layers = layers_of(header.tensors)
    if layers.problem is not None:
        raise FileUnsupported(name=name, reason=layers.problem)
    if layers.grade is not Grade.FIT:
        reason = f"its layers are those of no known architecture ({layers.grade.value})"
        metadata = evidence_in(header.metadata)
        named = quoted_architecture(metadata) or quoted_base(metadata)
        if named is not None:
            raise FileOfNamedModel(name=name, reason=f"{reason}; its metadata names {named!r}", model=named)
        raise FileOfUnknownModel(name=name, reason=reason)
    return layers


def key_of(version: RemoteVersion) -> str:
    """What tells a version's file apart: who asks for the same key joins its download.

    Pages that say unlike things of one file do not share a key, so that what each says is kept.
    """
    assert version.file is not None
    key, base_model = version.file.sha256 or version.file.url, named_base_model(version.base_model or "")
    return f"{key} {base_model}" if base_model else key


def file_path(version: RemoteVersion, key: str) -> str:
    """Where a version's file goes, relative to the library: no two files go to one place. `key` tells them apart."""
    plain = unicodedata.normalize("NFKD", version.name).encode("ascii", "ignore").decode().lower()
    stem = _UNPLAIN.sub("-", plain).strip("-")[:60] or "lora"
    return f"{FOLDER}/{stem}-{_digest(key)[:12]}{SUFFIX}"


def unique_name(key: str) -> str:
    """The beginning of a path, relative to the library, that only a file with this key has."""
    return f"{FOLDER}/{_digest(key)[:32]}"


def part_path(key: str) -> str:
    """Where a file is while it comes, relative to the library."""
    return f"{unique_name(key)}{PART}"


def is_part(path: Path) -> bool:
    """Whether a file is what came of a download so far."""
    return _PART_NAME.fullmatch(path.name) is not None


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def entry_name(version: RemoteVersion) -> str:
    """What its entry is called. A file of a repository is called by both names where both tell something."""
    path = PurePosixPath(as_text(version.repository_path, _MAX_PATH))
    told = path.parent if path.stem.lower() in _ANY_NAMES else path.with_suffix("") if path.name else path
    repository, name = _UNPLAIN.sub("", version.name.lower()), _UNPLAIN.sub("", told.name.lower())
    if not told.name or name == repository:
        return version.name
    if repository and repository in name:
        return told.name[:MAX_NAME]
    return f"{version.name[:45]} · {str(told)[-50:]}"


def category_of(version: RemoteVersion, checked: CheckedFile) -> Category:
    """What a LoRA is for, as far as its page tells it, else its name, else the file's own metadata."""
    guess = version.category or guess_category((), version.name) or guess_category(checked.tags, "")
    return guess or guess_category((), " ".join(checked.titles)) or Category.OTHER


def sidecar_of(version: RemoteVersion, name: str, checked: CheckedFile) -> Sidecar:
    """What is written beside a file of a hub. It does not tell the base model: that a hub only claims."""
    return Sidecar(
        name=name,
        version=version.version,
        category=category_of(version, checked),
        sha256=checked.sha256,
        tags=tuple(tag for tag in version.tags if tag.lower() not in set(Category))[:20],
        trigger_words=trigger_groups(version.trigger_words),
        content_rating=version.rating,
        file_name=_told_name(version),
        description=version.description,
    )


def _told_name(version: RemoteVersion) -> str | None:
    """What its hub calls the file; of a repository, whose files often have a name that tells nothing, with that."""
    if version.file is None:
        return None
    name = version.file.name.replace("/", " ")
    return name if version.revision is None else f"{version.name.replace('/', ' ')}/{name}"


def write_sidecar(lora: Path, sidecar: Sidecar) -> None:
    """Write a sidecar beside a file, in one step. Raises OSError."""
    values = sidecar.model_dump(mode="json", exclude=set(FROM_OTHERS), exclude_none=True, exclude_defaults=True)
    path = lora.with_suffix(".json")
    beside = path.with_name(f"{path.name}{PART}")
    beside.write_text(json.dumps(values, ensure_ascii=False, indent=1), "utf-8")
    beside.replace(path)


def preview_path(lora: Path) -> Path:
    """Where the preview of a file lies, as other programs put it."""
    return lora.with_suffix(".preview.png")


def place(part: Path, target: Path, sidecar: Sidecar) -> None:
    """Put a checked file into the library, with its sidecar. Raises OSError."""
    write_sidecar(target, sidecar)
    part.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def remove(target: Path, part: Path) -> None:
    """Remove a file with all that was written beside it, and its part. Raises OSError when one of them stays."""
    problem: OSError | None = None
    for path in (target, part, target.with_suffix(".json"), preview_path(target)):
        try:
            path.unlink(missing_ok=True)
        except OSError as stays:
            problem = stays
    if problem is not None:
        raise problem


def change_category(lora: Path, category: Category) -> None:
    """Correct the category in the sidecar that was written with a file. Raises OSError or BadSidecar."""
    write_sidecar(lora, read_sidecar(lora).model_copy(update={"category": category}))


def answer_of(version: RemoteVersion, sha256: str) -> RegistryAnswer | None:
    """What a hub says of the base model of a file, as it is kept beside the library; None when it says nothing."""
    try:
        return RegistryAnswer(
            sha256=sha256,
            registry=version.hub,
            when=datetime.now(UTC),
            base_model=version.base_model,
            name=f"{version.name} · {version.version}"[:200],
            trigger_words=trigger_groups(version.trigger_words),
            version_id=version.version_id,
            page=version.page,
        )
    except ValidationError:
        return None
