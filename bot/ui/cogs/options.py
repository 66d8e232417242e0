"""Options whose values are the members of an enumeration, shown as translated texts."""

from __future__ import annotations

from enum import StrEnum
from typing import Generic, TypeVar

from discord import app_commands

from bot.ui.client import Interaction

Kind = TypeVar("Kind", bound=StrEnum)


class OneOf(app_commands.Transformer, Generic[Kind]):
    """`Annotated[Category, OneOf(Category)]`: a choice for each member, named by its translated value.

    With `terms`, the values are technical terms (samplers) and are not translated.
    """

    def __init__(self, kind: type[Kind], *, terms: bool = False) -> None:
        super().__init__()
        self._kind = kind
        self._terms = terms

    @property
    def choices(self) -> list[app_commands.Choice[str | int | float]]:
        """A choice for each member."""
        return [app_commands.Choice(name=self._name(member), value=member.value) for member in self._kind]

    async def transform(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, interaction: Interaction, value: str, /
    ) -> Kind:
        """The chosen member."""
        return self._kind(value)

    def _name(self, member: Kind) -> app_commands.locale_str:
        if self._terms:
            return app_commands.locale_str(member.value, stays=True)
        return app_commands.locale_str(member.value.replace("_", " "))
