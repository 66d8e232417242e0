"""Values in custom_ids: how the annotation of a field says what stands in the id, and how it is read back.

What Discord sends may be forged. A value that does not fit its pattern matches no component; reading raises ValueError
for a value that fits but means nothing.
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
    """The `pattern` of a value in a custom_id, without groups; how to read and to write the value."""

    pattern: str
    read: Callable[[str], Any] = str
    write: Callable[[Any], str] = str


class InCustomId(Protocol):
    """A class whose objects stand in custom_ids; `str` writes them."""

    ID_PATTERN: ClassVar[str]

    @classmethod
    def from_id(cls, text: str) -> Self:
        """Read what `str` wrote. Raises ValueError."""
        ...


def discord_id(digits: str) -> int:
    """An id of Discord; 0 is nobody's. Raises ValueError for a greater number than there are."""
    found = int(digits)
    if abs(found) >= MAX_DISCORD_ID:
        raise ValueError(digits)
    return found


def is_id(value: str) -> bool:
    """Whether a chosen value, which is untrusted input, is an id of ours."""
    return value.isascii() and value.isdecimal() and len(value) <= MAX_ID_DIGITS


def is_discord_id(value: str) -> bool:
    """Whether a text, which is untrusted input, is an id of Discord's."""
    return value.isascii() and value.isdecimal() and 0 < int(value) < MAX_DISCORD_ID


def number_of(digits: int) -> IdPart:
    """A number from 0 of at most so many digits."""
    return IdPart(rf"[0-9]{{1,{digits}}}", int)


def _optional(part: IdPart) -> IdPart:
    """The same, or nothing for None."""
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
    """What stands in the custom_ids of one class of components: `prefix:VALUE:VALUE`, one value for each field."""

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
