"""Fields of a custom_id: each annotation defines how a value is written and how it is parsed.

Users can forge custom_ids. A value that does not match the pattern of its field matches no component. Parsing raises
ValueError or LookupError for a value that matches the pattern but is invalid, such as an id above 63 bits.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import Enum, EnumType
from typing import Annotated, Any, ClassVar, Protocol, Self, cast, get_args

MAX_ID_DIGITS = 18  # of our ids
MAX_DISCORD_ID = 2**63  # above all of Discord's ids, which have 19 digits


@dataclass(frozen=True)
class IdPart:
    """Regular expression of a value (no groups), with its parser and its formatter."""

    pattern: str
    read: Callable[[str], Any] = str
    write: Callable[[Any], str] = str


class InCustomId(Protocol):
    """A class whose objects can be fields of a custom_id; `str` formats them."""

    ID_PATTERN: ClassVar[str]

    @classmethod
    def from_id(cls, text: str) -> Self:
        """Parse the output of `str`. Raises ValueError."""
        ...


def discord_id(digits: str) -> int:
    """Parse an id of Discord, which may be 0. Raises ValueError above 63 bits."""
    found = int(digits)
    if abs(found) >= MAX_DISCORD_ID:
        raise ValueError(digits)
    return found


def is_id(value: str) -> bool:
    """Whether untrusted text is an id of Easel's database."""
    return value.isascii() and value.isdecimal() and len(value) <= MAX_ID_DIGITS


def is_discord_id(value: str) -> bool:
    """Whether untrusted text is an id of Discord."""
    return value.isascii() and value.isdecimal() and 0 < int(value) < MAX_DISCORD_ID


def number_of(digits: int) -> IdPart:
    """Non-negative integer of up to `digits` digits."""
    return IdPart(rf"[0-9]{{1,{digits}}}", int)


def _optional(part: IdPart) -> IdPart:
    """Make a part optional: None is written as an empty text."""
    return IdPart(
        rf"(?:{part.pattern})?",
        lambda text: part.read(text) if text else None,
        lambda value: "" if value is None else part.write(value),
    )


Id = Annotated[int, number_of(MAX_ID_DIGITS)]
DiscordId = Annotated[int, IdPart(r"[0-9]{1,19}", discord_id)]
DiscordIdOrPseudonym = Annotated[int, IdPart(r"-?[0-9]{1,19}", discord_id)]  # a pseudonym is negative
OptionalId = Annotated[int | None, _optional(number_of(MAX_ID_DIGITS))]
OptionalDiscordId = Annotated[int | None, _optional(IdPart(r"[0-9]{1,19}", discord_id))]
Position = Annotated[int, number_of(2)]  # from 0
OptionalPosition = Annotated[int | None, _optional(number_of(2))]
Switch = Annotated[bool, IdPart(r"[01]", "1".__eq__, lambda on: "1" if on else "0")]
Word = Annotated[str, IdPart(r"[a-z_]{1,20}")]


class CustomId:
    """Format of the custom_ids of a class: `prefix:VALUE:VALUE`, with one value for each field."""

    def __init__(self, prefix: str, owner: type[Any]) -> None:
        self.prefix = prefix
        self.parts = {field.name: _part_of(_annotation(owner, field.name)) for field in fields(owner)}
        groups = (f":(?P<{name}>{part.pattern})" for name, part in self.parts.items())
        self.template = re.escape(prefix) + "".join(groups)

    def write(self, component: object) -> str:
        """The custom_id of a component."""
        values = (part.write(getattr(component, name)) for name, part in self.parts.items())
        return ":".join((self.prefix, *values))

    def read(self, match: re.Match[str]) -> Mapping[str, Any]:
        """The values of the fields in a matched custom_id. Raises ValueError or LookupError."""
        return {name: part.read(match[name]) for name, part in self.parts.items()}


def _annotation(owner: type[Any], name: str) -> Any:
    declaring = next(base for base in owner.__mro__ if name in vars(base).get("__annotations__", {}))
    return inspect.get_annotations(declaring, eval_str=True)[name]


def _part_of(annotation: object) -> IdPart:
    for part in get_args(annotation)[1:]:
        if isinstance(part, IdPart):
            return part
    if (kinds := get_args(annotation)) and kinds[-1] is type(None):  # `Kind | None`
        return _optional(_part_of(kinds[0]))
    if isinstance(annotation, EnumType):
        values = "|".join(re.escape(str(each.value)) for each in cast("type[Enum]", annotation))
        return IdPart(values, cast("type[Enum]", annotation), lambda one: str(one.value))
    if isinstance(annotation, type) and hasattr(annotation, "ID_PATTERN"):
        written = cast("type[InCustomId]", annotation)
        return IdPart(written.ID_PATTERN, written.from_id)
    raise TypeError(f"{annotation} cannot be a field of a custom_id: bot/ui/views/custom_ids.py lists what can.")
