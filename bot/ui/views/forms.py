"""Forms, which Discord calls modals, and the kinds of fields that they declare."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Self, TypeVar, cast, overload

import discord
from discord import ui

from bot import background
from bot.i18n import _, speak
from bot.i18n.texts import bounded_lines, clipped, plain
from bot.servers.rights import Action
from bot.ui.access import enter
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.interactions.replies import ErrorWithRows, error_message
from bot.ui.views.persistent_items import MENU, outdated_error
from inference.errors import RequestError

Value = TypeVar("Value")

MAX_TITLE, MAX_FIELD_LABEL, MAX_HINT = 45, 45, 100  # characters; Discord's limits
MAX_RADIO_BUTTONS = 10  # Discord's limit; more choices are a menu
MAX_TYPED = 1500  # characters of refused entries that the reply repeats
FORM_SECONDS = 1800.0  # a form that is neither sent nor closed times out after this
LEFT_OUT = object()  # in place of a field's value: this form does not have the field


class FormField(ABC, Generic[Value]):
    """Field of a form. On the class it is the declaration; on a submitted form, it is the entered value.

    `text` is above the field and `hint` below it, both marked by `later`. If a form leaves the field out, its value is
    `empty()`.
    """

    def __init__(self, text: str, hint: str = "", *, required: bool = True) -> None:
        self.name, self.text, self.hint, self.required = "", text, hint, required
        self.value: Any = None  # the initial value

    def __set_name__(self, owner: type[Form], name: str) -> None:
        self.name = name

    @overload
    def __get__(self, form: None, owner: type[Form]) -> Self: ...
    @overload
    def __get__(self, form: Form, owner: type[Form]) -> Value: ...
    def __get__(self, form: Form | None, owner: type[Form]) -> Any:
        if form is None:
            return self
        field, component = form.shown.get(self.name, (None, None))
        return self.empty() if field is None else field.read(component)

    def but(self, **changes: object) -> Self:
        """The same field with other attributes, for one form; its texts may be translated already."""
        changed = copy(self)
        vars(changed).update(changes)
        return changed

    def labelled(self, component: ui.Item[Any]) -> ui.Label[Any]:
        """The component with its texts."""
        hint = _(self.hint)[:MAX_HINT] if self.hint else None
        return ui.Label(text=_(self.text)[:MAX_FIELD_LABEL], description=hint, component=component)

    @abstractmethod
    def empty(self) -> Value:
        """What an empty field reads."""

    @abstractmethod
    def component(self) -> ui.Item[Any]:
        """Discord's component."""

    @abstractmethod
    def read(self, component: Any) -> Value:
        """What was entered. Raises NothingThere for a forged choice."""


class TextField(FormField[str]):
    """Text of at most `length` characters, on one line unless it is `long`."""

    def __init__(
        self,
        text: str,
        hint: str = "",
        *,
        length: int,
        required: bool = True,
        long: bool = False,
        example: str = "",
    ) -> None:
        super().__init__(text, hint, required=required)
        self.length, self.long, self.example = length, long, example

    def empty(self) -> str:
        """No text."""
        return ""

    def component(self) -> ui.Item[Any]:
        """Discord's text input."""
        return ui.TextInput(
            custom_id=self.name,
            style=discord.TextStyle.paragraph if self.long else discord.TextStyle.short,
            default=None if self.value is None else str(self.value)[: self.length] or None,
            placeholder=_(self.example)[:MAX_HINT] if self.example else None,
            required=self.required,
            max_length=self.length,
        )

    def read(self, component: Any) -> str:
        """The text, cut to the length."""
        return str(component.value)[: self.length]


@dataclass(frozen=True)
class Option:
    """A choice of a field: its value, its text, and a line about it."""

    value: str
    text: str
    hint: str = ""

    def option(self, *, on: bool) -> dict[str, Any]:
        """What the constructors of Discord's options take."""
        hint = self.hint[:MAX_HINT] or None
        return {"label": self.text[:MAX_HINT], "value": self.value, "description": hint, "default": on}


class ChoiceField(FormField[str]):
    """One of the `choices`: radio buttons, or a menu of more than ten. A form gives them by `but(choices=…)`."""

    def __init__(self, text: str, hint: str = "", *, required: bool = True, choices: Sequence[Option] = ()) -> None:
        super().__init__(text, hint, required=required)
        self.choices = choices

    def empty(self) -> str:
        """No choice."""
        return ""

    def component(self) -> ui.Item[Any]:
        """Discord's radio buttons, or its menu."""
        shown = [each.option(on=each.value == self.value) for each in self.choices[:MENU]]
        if 2 <= len(shown) <= MAX_RADIO_BUTTONS:
            buttons = [discord.RadioGroupOption(**each) for each in shown]
            return ui.RadioGroup(custom_id=self.name, options=buttons, required=self.required)
        options = [discord.SelectOption(**each) for each in shown]
        return ui.Select(custom_id=self.name, options=options, required=self.required, min_values=int(self.required))

    def read(self, component: Any) -> str:
        """The value of the choice, "" for none. Raises NothingThere for one that was not offered."""
        chosen = [component.value] if isinstance(component, ui.RadioGroup) else [*component.values] or [None]
        if chosen == [None] and not self.required:
            return ""
        if len(chosen) != 1 or chosen[0] not in {each.value for each in self.choices[:MENU]}:
            raise outdated_error()
        return str(chosen[0])


class ChoicesField(FormField[Sequence[str]]):
    """Any of the `choices`: checkboxes, or a menu of more than ten. The value is a collection of the chosen ones."""

    def __init__(self, text: str, hint: str = "", *, choices: Sequence[Option] = ()) -> None:
        super().__init__(text, hint, required=False)
        self.choices = choices

    def empty(self) -> Sequence[str]:
        """No choices."""
        return ()

    def component(self) -> ui.Item[Any]:
        """Discord's checkboxes, or its menu."""
        shown = [each.option(on=each.value in (self.value or ())) for each in self.choices[:MENU]]
        if len(shown) <= MAX_RADIO_BUTTONS:
            boxes = [discord.CheckboxGroupOption(**each) for each in shown]
            return ui.CheckboxGroup(custom_id=self.name, options=boxes, required=False, min_values=0)
        options = [discord.SelectOption(**each) for each in shown]
        return ui.Select(custom_id=self.name, options=options, required=False, min_values=0, max_values=len(options))

    def read(self, component: Any) -> Sequence[str]:
        """The chosen values, in the order of the choices."""
        return [each.value for each in self.choices[:MENU] if each.value in (component.values or ())]


class SwitchField(FormField[bool]):
    """A checkbox."""

    def empty(self) -> bool:
        """Not checked."""
        return False

    def component(self) -> ui.Item[Any]:
        """Discord's checkbox."""
        return ui.Checkbox(custom_id=self.name, default=bool(self.value))

    def read(self, component: Any) -> bool:
        """Whether it is checked."""
        return component.value is True


class FileField(FormField[Sequence[discord.Attachment]]):
    """Files to upload, at most `most`."""

    def __init__(self, text: str, hint: str = "", *, required: bool = True, most: int = 1) -> None:
        super().__init__(text, hint, required=required)
        self.most = most

    def empty(self) -> Sequence[discord.Attachment]:
        """No files."""
        return ()

    def component(self) -> ui.Item[Any]:
        """Discord's file upload."""
        least = int(self.required)
        return ui.FileUpload(custom_id=self.name, required=self.required, min_values=least, max_values=self.most)

    def read(self, component: Any) -> Sequence[discord.Attachment]:
        """The files. Raises NothingThere for fewer or more than the field takes."""
        if not int(self.required) <= len(component.values) <= self.most:
            raise outdated_error()
        return component.values


class RefusedEntries(ErrorWithRows):
    """Error of a form, with the typed texts, because Discord clears the form."""

    def __init__(self, problem: RequestError, typed: Sequence[str]) -> None:
        lines = [_("You wrote:"), *bounded_lines(typed, MAX_TYPED)]
        super().__init__(problem, ui.TextDisplay[Any]("\n".join(lines)))


class Form(ui.Modal):
    """A form, which replies with its errors. Subclasses declare fields, and define `submitted`.

    Its custom_id is its `key` and the id of the opening interaction, so two people can have the same form open.
    """

    key: ClassVar[str] = ""
    sends_message: ClassVar[bool] = True  # the reply is a new message
    private: ClassVar[bool] = False  # the new message is ephemeral
    command: ClassVar[str] = ""  # the slash command that does the same
    action: ClassVar[Action | None] = Action.USE  # right checked before `submitted`; None: no check

    def __init_subclass__(cls, *, key: str = "", **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.key = key or cls.key

    def __init__(self, title: str, opening: int, *, above: str = "", **values: object) -> None:
        """`opening` is the id of the interaction that opens the form; `values` are initial values by field name.

        In place of a value, `FIELD.but(…)` changes the field in this form, and LEFT_OUT leaves it out. `above` is a
        text above the fields.
        """
        super().__init__(title=title[:MAX_TITLE], custom_id=f"{self.key}:{opening}", timeout=FORM_SECONDS)
        self.shown: dict[str, tuple[FormField[Any], ui.Item[Any]]] = {}
        if above:
            self.add_item(ui.TextDisplay[Any](above))
        for field in self.declared():
            value = values.get(field.name)
            if isinstance(value, FormField):
                self.add(cast("FormField[Any]", value))
            elif value is not LEFT_OUT:
                self.add(field.but(value=value))

    @classmethod
    def declared(cls) -> list[FormField[Any]]:
        """The fields of the form, those of its base classes first."""
        found = {name: each for base in reversed(cls.__mro__) for name, each in vars(base).items()}
        return [each for each in found.values() if isinstance(each, FormField)]

    def add(self, field: FormField[Any]) -> None:
        """Show a field below the others."""
        component = field.component()
        self.shown[field.name] = field, component
        self.add_item(field.labelled(component))

    @property
    def checked_command(self) -> str:
        """The slash command that does the same, where it depends on what the form is about."""
        return self.command

    async def on_submit(self, interaction: Interaction) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Run `submitted`; `bot.ui.interactions.replies` turns what it raises into a reply."""
        speak(interaction.locale.value)
        acknowledge.schedule(interaction, thinking=self.sends_message, private=self.private)
        await background.guard(
            self._checked(interaction),
            "a modal",
            lambda error: interaction.client.reply_with_error(interaction, error),
        )

    async def on_error(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, interaction: Interaction, error: Exception
    ) -> None:
        """Reply to a malformed submission, which discord.py cannot read and does not pass to `on_submit`."""
        await interaction.client.reply_with_error(interaction, error)

    async def _checked(self, interaction: Interaction) -> None:
        await enter(interaction, self.checked_command, self.action)
        try:
            await self.submitted(interaction)
        except RequestError as problem:
            if typed := self._typed(error_message(problem)):
                raise RefusedEntries(problem, typed) from problem
            raise

    def _typed(self, told: str) -> list[str]:
        """The typed texts to repeat: neither initial values nor texts that `told` already quotes."""
        inputs = [(field.text, each) for field, each in self.shown.values() if isinstance(each, ui.TextInput)]
        return [
            f"> {_(text)}: {clipped(each.value, MAX_TYPED)}"
            for text, each in inputs
            if each.value.strip() and each.value != each.default and f"“{plain(each.value)}”" not in told
        ]

    @abstractmethod
    async def submitted(self, interaction: Interaction) -> None:
        """Handle the submitted values."""
