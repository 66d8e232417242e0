"""The operator's declarations: an append-only file beside the library that bot and worker both read.

A line is pinned to a file's SHA-256: another file, even under the same name, is not declared. The
last line about a SHA-256 counts.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inference.base_models import BaseModelId
from inference.lora.journal import append, read_lines
from inference.messages.values import Sha256

FILE_NAME = "declarations.jsonl"


class Declaration(BaseModel):
    """An operator's word on which base model the file with this SHA-256 was trained on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: Sha256
    base_model: BaseModelId
    who: Annotated[str, Field(max_length=100)]
    when: datetime
    reason: Annotated[str, Field(min_length=1, max_length=1000)]
    force: bool = False  # it was meant even against the hash of the training base


class BadDeclarations(Exception):
    """The declarations file is damaged; the message names the line."""


def read_declarations(library: Path) -> dict[str, Declaration]:
    """The standing declarations of `library` by SHA-256; none when there is no file. Raises BadDeclarations."""
    path = library / FILE_NAME
    try:
        lines = read_lines(path)
    except (OSError, UnicodeDecodeError) as problem:
        raise BadDeclarations(f"{path} cannot be read: {problem}") from None
    declarations = (_parse(path, number, line) for number, line in lines)
    return {declaration.sha256: declaration for declaration in declarations}


def _parse(path: Path, number: int, line: str) -> Declaration:
    try:
        return Declaration.model_validate_json(line)
    except ValidationError as problem:
        first = problem.errors()[0]
        raise BadDeclarations(f"{path}, line {number}: {first['msg']}") from None


def declare(
    library: Path, sha256: str, base_model: BaseModelId, *, who: str, reason: str, force: bool = False
) -> Declaration:
    """Append a declaration and have it on the disk before returning. Raises OSError."""
    declaration = Declaration(
        sha256=sha256, base_model=base_model, who=who, when=datetime.now(UTC), reason=reason, force=force
    )
    append(library / FILE_NAME, declaration)
    return declaration
