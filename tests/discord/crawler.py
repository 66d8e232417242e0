"""Crawls the interface: uses every command, button and modal, and options of every menu, and follows the replies."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from bot.ui.views.list_page import GoToPageButton, TurnPageButton
from playground.component_shapes import walk
from playground.control import ControlError, File, Person, SentInteraction
from playground.visible_message import VisibleMessage
from playground.wire import Json, as_objects
from tests.discord.conftest import PATIENCE

BUTTON, SELECT, TEXT_INPUT, UPLOAD = 2, 3, 4, 19  # components
CHOSEN = {5: "Kai", 6: "Artists", 8: "general"}  # what is chosen in menus of people, roles and channels
OF_A_PERSON, OF_A_MESSAGE = 2, 3  # commands, besides slash commands
SUBCOMMAND, GROUP, STRING, INTEGER, BOOLEAN, NUMBER = 1, 2, 3, 4, 5, 10  # options
CHOICES = 4  # options of one menu, different ones on each page
AFTER = ("stcheckpoint", "stout", "stundo", "stwithout")  # items that change the items of a panel
LATER = {"server"}  # commands that close things for everybody; the caller uses them at the end
LAST = (
    "delete",
    "skdelete",
    "cancel",
    "bmx",
    "queue",
    "mark",
    "svunblock",
    "svconfirm",
    "svreject",
    "svartout",
    "svphraserm",
    "pubconfirm",
    "unpublish",
)  # items that remove something, or the other items of their message
CLOSING = ("keepit", "deletenow")  # items that delete their message
SPARED = ("privacy-delete", "svworddel")  # items that remove what the others are about; a test presses them in the end
LONG = "🦉 ليلى تقرأ في المكتبة *והגשם* 図書館の少女 [x](https://evil.example) @everyone " * 60


@dataclass(order=True)
class _Step:
    """An item to use. Steps are in the order of discovery; those that remove items come later."""

    rank: int
    number: int
    message_id: str = field(compare=False)
    custom_id: str = field(compare=False)
    values: tuple[str, ...] = field(compare=False)
    key: tuple[str, ...] = field(compare=False)


@dataclass
class Crawler:
    """A person who uses every item once. `used` are the commands, `pressed` the items, `answers` their replies."""

    person: Person
    used: set[str] = field(default_factory=set[str])
    pressed: set[str] = field(default_factory=set[str])
    answers: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    _known: set[tuple[str, ...]] = field(default_factory=set[tuple[str, ...]])
    _steps: list[_Step] = field(default_factory=list[_Step])
    _numbers: count[int] = field(default_factory=count)

    async def use_commands(self, message: VisibleMessage) -> None:
        """Use every command that Discord lists but LATER, those of a message's menu on this one.

        `crawl` uses their items.
        """
        for command in await self.person.commands():
            if command["name"] in LATER:
                continue
            if command["type"] == OF_A_MESSAGE:
                await self._use(command["name"], await self.person.message_command(command["name"], message))
            elif command["type"] == OF_A_PERSON:
                await self._use(command["name"], await self.person.user_command(command["name"], self.person.name))
            else:
                for name, options in _branches(command):
                    required = [option for option in options if option.get("required")]
                    values = {option["name"]: await self._value(name, option) for option in required}
                    await self._use(f"/{name}", await self.person.slash(name, **values))

    async def _value(self, command: str, option: Json) -> object:
        """Something to give for a required option."""
        if choices := as_objects(option.get("choices")):
            return choices[0]["value"]
        if option.get("autocomplete"):
            suggested = await self.person.autocomplete(command, option["name"])
            assert suggested, f"/{command} suggests nothing for {option['name']}: give the person what it is about"
            return suggested[0]["value"]
        least = option.get("min_value", 1)
        values = {STRING: LONG[: option.get("max_length") or 100], INTEGER: least, NUMBER: least, BOOLEAN: True}
        assert option["type"] in values, f"/{command}: say here what to give for an option like {option}"
        return values[option["type"]]

    async def _use(self, command: str, sent: SentInteraction) -> None:
        self.used.add(command)
        await self._follow(command, sent)

    async def crawl(self, *messages: VisibleMessage) -> None:
        """Use all items of these messages and of the replies."""
        for message in messages:
            self._find(message)
        while self._steps:
            step = heapq.heappop(self._steps)
            await self._take(step)

    def _find(self, message: VisibleMessage) -> None:
        for part in walk(message.components):
            if part["type"] == SELECT:
                for option in as_objects(part["options"])[:CHOICES]:
                    self._note(message, part, (str(option["value"]),))
            elif part["type"] in CHOSEN:
                self._note(message, part, (CHOSEN[part["type"]],))
            elif part["type"] == BUTTON and not part.get("disabled") and "custom_id" in part:
                self._note(message, part, ())

    def _note(self, message: VisibleMessage, part: Json, values: tuple[str, ...]) -> None:
        kind = _kind(part["custom_id"])
        if kind in SPARED:
            return
        texts = (str(part.get("label")), *values)
        key = (kind, _list_of(part["custom_id"]), *(re.sub(r"\d+", "#", text) for text in texts))
        if key not in self._known:
            self._known.add(key)
            rank = 2 if kind.startswith(LAST) or kind in CLOSING else 1 if kind.startswith(AFTER) else 0
            step = _Step(rank, next(self._numbers), message.id, part["custom_id"], values, key)
            heapq.heappush(self._steps, step)

    async def _take(self, step: _Step) -> None:
        before = None
        while True:
            message = await self.person.control.message(step.message_id)
            part = None if message is None else _still_there(message, step)
            if message is None or part is None:
                self._known.discard(step.key)  # it may reappear
                return
            custom_id = str(part["custom_id"])
            try:
                if step.values:
                    sent = await self.person.select(message, custom_id, *_choice(part, step))
                else:
                    sent = await self.person.press(message, custom_id)
                break
            except ControlError:
                if message == before:
                    raise
                before = message  # it was edited meanwhile: read it again
        self.pressed.add(custom_id)
        await self._follow(custom_id, sent)

    async def _follow(self, custom_id: str, sent: SentInteraction) -> None:
        state = await sent.answered(PATIENCE)
        if _kind(custom_id) in CLOSING:
            await self.person.control.wait_gone(state["original_id"], PATIENCE)
            return
        if state["modal"] is not None:
            sent = await self.person.submit(sent, _filled_in(as_objects(state["modal"]["components"])))
            state = await sent.answered(PATIENCE)
        if state["original_id"] is None:  # deferred: the result is another message
            return
        reply = await sent.reply(PATIENCE)
        self.answers.append((custom_id, reply.text))
        self._find(reply)
        if [_kind(each) for each in _ids(reply)] == ["cancel"]:  # a job: its result has more items
            ended = await self.person.control.wait_message(
                reply.id, lambda seen: any(key.startswith("again:") for key in _ids(seen)), PATIENCE
            )
            self._find(ended)


def _branches(command: Json, path: str = "") -> Iterator[tuple[str, list[Json]]]:
    """The subcommands of a command, or itself: full name and options."""
    name, options = f"{path}{command['name']}", as_objects(command.get("options"))
    branches = [option for option in options if option["type"] in (SUBCOMMAND, GROUP)]
    for branch in branches:
        yield from _branches(branch, f"{name} ")
    if not branches:
        yield name, options


def _kind(custom_id: str) -> str:
    """`stnudge` of `stnudge:12:3:-1`."""
    return custom_id.partition(":")[0]


def _list_of(custom_id: str) -> str:
    """`mk` of `pg:mk:3:`, a page of a list; empty for other items."""
    kind, _colon, rest = custom_id.partition(":")
    return rest.partition(":")[0] if kind in (TurnPageButton.prefix, GoToPageButton.prefix) else ""


def _ids(message: VisibleMessage) -> list[str]:
    return [str(part["custom_id"]) for part in walk(message.components) if "custom_id" in part]


def _still_there(message: VisibleMessage, step: _Step) -> Json | None:
    """The current item: after an edit it has other numbers in its custom_id, or is on another page."""
    kinds = {SELECT, *CHOSEN} if step.values else {BUTTON}
    parts = [part for part in walk(message.components) if part["type"] in kinds and not part.get("disabled")]
    now = {str(part.get("custom_id")): part for part in parts}
    same = [each for each in now if each == step.custom_id]
    alike = [each for each in now if re.sub(r"\d+", "#", each) == re.sub(r"\d+", "#", step.custom_id)]
    same_kind = [each for each in now if _kind(each) == _kind(step.custom_id)]
    found = next(iter([*same, *alike, *same_kind]), None)
    return None if found is None else now[found]


def _choice(part: Json, step: _Step) -> tuple[str, ...]:
    """The option to choose, or any that is available now."""
    if part["type"] in CHOSEN:
        return step.values
    values = [str(option["value"]) for option in as_objects(part["options"])]
    return step.values if set(step.values) <= set(values) else tuple(values[:1])


def _filled_in(components: list[Json]) -> Json:
    """The longest value of each empty field, or its first option; filled fields stay."""
    values: Json = {}
    for part in walk(components):
        options = as_objects(part.get("options"))
        if options and part.get("min_values", 1) and not any(option.get("default") for option in options):
            values[part["custom_id"]] = [options[0]["value"]]
        if part.get("type") == TEXT_INPUT and not part.get("value"):
            values[part["custom_id"]] = LONG[: part.get("max_length") or 4000]
        if part.get("type") == UPLOAD:
            values[part["custom_id"]] = [File("words.json", LONG.encode())]
    return values
