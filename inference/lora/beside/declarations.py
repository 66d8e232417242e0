"""The operator's declarations: an append-only file beside the library that bot and worker both read.

A line states one fact about the file with one SHA-256: another file, even under the same name, is not declared. The
last line of each kind about a SHA-256 counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inference.base_models import BaseModelId
from inference.errors import OperatorError
from inference.files.json_values import as_dict, parse_json
from inference.lora.beside.journal import append, read_lines
from inference.messages.checkpoints import PredictionType
from inference.messages.values import Sha256

FILE_NAME = "declarations.jsonl"


class Statement(BaseModel):
    """An operator's word about the file with this SHA-256, with the reason."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: Sha256
    who: Annotated[str, Field(max_length=100)]
    when: datetime
    reason: Annotated[str, Field(min_length=1, max_length=1000)]


_Kind = TypeVar("_Kind", bound=Statement)


class Declaration(Statement):
    """The base model that a file was trained on."""

    base_model: BaseModelId
    force: bool = False  # it was meant even against the hash of the training base


class PredictionDeclaration(Statement):
    """The prediction type that a file was trained for."""

    prediction: PredictionType
    force: bool = False


class Allowance(Statement):
    """One more base model of its architecture on whose checkpoints a file may go; no longer if it is `withdrawn`."""

    allowed_on: BaseModelId
    withdrawn: bool = False


class BadDeclarations(OperatorError):
    """The declarations file is damaged; the message names the line."""


@dataclass(frozen=True)
class Declarations:
    """The standing declarations by SHA-256: the last of each kind, and of allowances the last for each base model."""

    base_models: Mapping[str, Declaration] = field(default_factory=dict[str, Declaration])
    predictions: Mapping[str, PredictionDeclaration] = field(default_factory=dict[str, PredictionDeclaration])
    allowances: Mapping[str, tuple[BaseModelId, ...]] = field(default_factory=dict[str, tuple[BaseModelId, ...]])


def read_declarations(library: Path) -> Declarations:
    """The standing declarations of `library`; none when there is no file. Raises BadDeclarations."""
    path = library / FILE_NAME
    try:
        lines = read_lines(path)
    except (OSError, UnicodeDecodeError) as problem:
        raise BadDeclarations(f"{path} cannot be read: {problem}") from None
    statements = [_parse(path, number, line) for number, line in lines]
    allowed: dict[str, dict[BaseModelId, bool]] = {}
    for each in statements:
        if isinstance(each, Allowance):
            allowed.setdefault(each.sha256, {})[each.allowed_on] = not each.withdrawn
    standing = {sha256: tuple(sorted(on for on, holds in bases.items() if holds)) for sha256, bases in allowed.items()}
    return Declarations(
        {each.sha256: each for each in statements if isinstance(each, Declaration)},
        {each.sha256: each for each in statements if isinstance(each, PredictionDeclaration)},
        {sha256: bases for sha256, bases in standing.items() if bases},
    )


def _parse(path: Path, number: int, line: str) -> Statement:
    try:
        keys = as_dict(parse_json(line)).keys()
    except ValueError:
        keys = set[str]()
    kind = PredictionDeclaration if "prediction" in keys else Allowance if "allowed_on" in keys else Declaration
    try:
        return kind.model_validate_json(line)
    except ValidationError as problem:
        first = problem.errors()[0]
        raise BadDeclarations(f"{path}, line {number}: {first['msg']}") from None


def declare(
    library: Path, sha256: str, base_model: BaseModelId, *, who: str, reason: str, force: bool = False
) -> Declaration:
    """Append a declaration and have it on the disk before returning. Raises OSError."""
    return _state(library, Declaration, sha256=sha256, base_model=base_model, who=who, reason=reason, force=force)


def declare_prediction(
    library: Path, sha256: str, prediction: PredictionType, *, who: str, reason: str, force: bool = False
) -> PredictionDeclaration:
    """Append a declaration of the prediction type, as `declare` does. Raises OSError."""
    stated = {"prediction": prediction, "force": force}
    return _state(library, PredictionDeclaration, sha256=sha256, who=who, reason=reason, **stated)


def allow_on(
    library: Path, sha256: str, base_model: BaseModelId, *, who: str, reason: str, withdrawn: bool = False
) -> Allowance:
    """Append an allowance, or its withdrawal, as `declare` does. Raises OSError."""
    stated = {"allowed_on": base_model, "withdrawn": withdrawn}
    return _state(library, Allowance, sha256=sha256, who=who, reason=reason, **stated)


def _state(library: Path, kind: type[_Kind], **fields: object) -> _Kind:
    statement = kind.model_validate({**fields, "when": datetime.now(UTC)})
    append(library / FILE_NAME, statement)
    return statement
