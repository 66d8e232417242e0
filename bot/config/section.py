"""The base class of the sections of config.toml, and what several of them check."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator
from pydantic.fields import FieldInfo

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Section(BaseModel):
    """The base class of all sections."""

    # `bot.config.comments` reads the docstrings under the fields, for config.example.toml.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    @model_validator(mode="after")
    def _possible_paths(self) -> Self:
        for name, value in self:
            if isinstance(value, Path):
                if "\0" in str(value):
                    raise ValueError(f"{name} has a character that is in no path")
                expanded(value)
        return self


def expanded(path: Path) -> Path:
    """The path with `~` replaced. Raises ValueError if there is no such user."""
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError(f"{path.parts[0]} is no user's folder here") from None


def section_of(field: FieldInfo) -> type[Section] | None:
    """The class of a field that is a section or a list of sections; None for a plain value."""
    kinds = (field.annotation, *get_args(field.annotation))
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Section)), None)


def is_repository(name: str) -> bool:
    """Whether a text is the name of a repository of the hub."""
    return re.fullmatch(r"[\w.\-]+/[\w.\-]+", name) is not None


def _repository(name: str) -> str:
    if not is_repository(name):
        raise ValueError("write a repository as OWNER/NAME, as its address on the hub ends")
    return name


Repository = Annotated[str, AfterValidator(_repository)]
