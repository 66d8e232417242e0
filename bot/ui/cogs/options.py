"""Options whose values are the members of an enumeration, shown as translated texts."""

from __future__ import annotations

from enum import StrEnum
from typing import Generic, TypeVar

from discord import app_commands

from bot.ui.client import Interaction

Kind = TypeVar("Kind", bound=StrEnum)


class OneOf(app_commands.Transformer, Generic[Kind]):
    """`Annotated[Category, OneOf(Category)]`: a choice for each member, named by its translated value."""

    def __init__(self, kind: type[Kind]) -> None:
        super().__init__()
        self._kind = kind

    @property
    def choices(self) -> list[app_commands.Choice[str | int | float]]:
        """A choice for each member."""
        names = [(app_commands.locale_str(member.value.replace("_", " ")), member.value) for member in self._kind]
        return [app_commands.Choice(name=name, value=value) for name, value in names]

    async def transform(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, interaction: Interaction, value: str, /
    ) -> Kind:
        """The chosen member."""
        return self._kind(value)
