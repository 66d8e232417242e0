"""The client of the control interface for tests and scripts: act as a person, inject faults, move the clock."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import aiohttp

from playground.rules.answers import DEFER_UPDATE
from playground.visible_message import VisibleMessage
from playground.wire import Json, as_object, as_objects

TIMEOUT_SECONDS = 120.0  # seconds to wait for the bot before giving up; real time, and machines may be very busy

T = TypeVar("T")


class ControlError(Exception):
    """The playground refused an action; the text is the reason."""


class NotInTime(Exception):
    """The expected change did not happen in time."""


@dataclass(frozen=True)
class File:
    """A file to send along."""

    name: str
    data: bytes


class Control:
    """Talks to a playground's control interface."""

    def __init__(self, page_url: str, session: aiohttp.ClientSession) -> None:
        self._url = page_url.rstrip("/") + "/control"
        self._session = session

    @classmethod
    @asynccontextmanager
    async def connect(cls, page_url: str) -> AsyncGenerator["Control", None]:
        """A client that closes its connections when the block is left."""
        async with aiohttp.ClientSession() as session:
            yield cls(page_url, session)

    def person(self, name: str) -> "Person":
        """A person by name or id."""
        return Person(self, name)

    async def get(self, path: str, **query: object) -> Json:
        """Send a GET request."""
        params = {key.rstrip("_"): str(value) for key, value in query.items() if value is not None}
        async with self._session.get(f"{self._url}/{path}", params=params) as response:
            return await _answer(response)

    async def post(self, path: str, body: Json, files: dict[str, File] | None = None) -> Json:
        """Send a POST request."""
        if not files:
            async with self._session.post(f"{self._url}/{path}", json=body) as response:
                return await _answer(response)
        form = aiohttp.FormData(quote_fields=False)
        form.add_field("payload_json", json.dumps(body), content_type="application/json")
        for key, file in files.items():
            form.add_field(f"files[{key}]", file.data, filename=file.name)
        async with self._session.post(f"{self._url}/{path}", data=form) as response:
            return await _answer(response)

    async def wait(
        self,
        poll: Callable[..., Awaitable[Json]],
        accept: Callable[[Json], T | None],
        seconds: float = TIMEOUT_SECONDS,
    ) -> T:
        """Request again after every change until `accept` returns something; long polling, no busy waiting."""
        since: int | None = None
        answer: Json = {}
        try:
            async with asyncio.timeout(seconds):
                while True:
                    answer = await poll(since=since)
                    found = accept(answer)
                    if found is not None:
                        return found
                    since = answer["version"]
        except TimeoutError:
            raise NotInTime(f"Nothing fitting came within {seconds} s; last seen: {answer}") from None

    async def messages(self, channel: str, as_: str | None = None) -> list[VisibleMessage]:
        """A channel's messages, oldest first; without `as_` ephemeral ones of everybody too."""
        answer = await self.get("messages", channel=channel, as_=as_)
        return [VisibleMessage(one) for one in as_objects(answer["messages"])]

    async def message(self, message_id: str) -> VisibleMessage | None:
        """One message, None when it is gone."""
        found = (await self.get(f"messages/{message_id}"))["message"]
        return None if found is None else VisibleMessage(as_object(found))

    async def wait_message(
        self, message_id: str, accept: Callable[[VisibleMessage], bool], seconds: float = TIMEOUT_SECONDS
    ) -> VisibleMessage:
        """Wait until `accept` is true for a message."""

        async def poll(since: int | None) -> Json:
            return await self.get(f"messages/{message_id}", since=since, timeout=seconds)

        def fits(answer: Json) -> VisibleMessage | None:
            seen = VisibleMessage(as_object(answer["message"]))
            return seen if seen.json and accept(seen) else None

        return await self.wait(poll, fits, seconds)

    async def wait_gone(self, message_id: str, seconds: float = TIMEOUT_SECONDS) -> None:
        """Wait until a message was deleted."""

        async def poll(since: int | None) -> Json:
            return await self.get(f"messages/{message_id}", since=since, timeout=seconds)

        await self.wait(poll, lambda answer: True if answer["message"] is None else None, seconds)

    async def wait_in_channel(
        self, channel: str, accept: Callable[[VisibleMessage], bool], seconds: float = TIMEOUT_SECONDS
    ) -> VisibleMessage:
        """Wait until `accept` is true for a message of a channel; returns the newest such message."""

        async def poll(since: int | None) -> Json:
            return await self.get("messages", channel=channel, since=since, timeout=seconds)

        def fits(answer: Json) -> VisibleMessage | None:
            found = [VisibleMessage(one) for one in as_objects(answer["messages"]) if accept(VisibleMessage(one))]
            return found[-1] if found else None

        return await self.wait(poll, fits, seconds)

    async def wait_online(self, online: bool = True, seconds: float = TIMEOUT_SECONDS) -> None:
        """Wait until the bot is connected, or disconnected."""

        async def poll(since: int | None) -> Json:
            return await self.get("world", as_="Ada", since=since, timeout=seconds)

        await self.wait(poll, lambda seen: True if seen["bot"]["online"] == online else None, seconds)

    async def exchanges(self, after: int = 0) -> list[Json]:
        """The bot's requests and their responses."""
        return as_objects((await self.get("exchanges", after=after))["exchanges"])

    async def wait_exchange(self, accept: Callable[[Json], bool], seconds: float = TIMEOUT_SECONDS) -> Json:
        """Wait until `accept` is true for a request of the bot."""

        async def poll(since: int | None) -> Json:
            return await self.get("exchanges", since=since, timeout=seconds)

        def fits(answer: Json) -> Json | None:
            return next((one for one in as_objects(answer["exchanges"]) if accept(one)), None)

        return await self.wait(poll, fits, seconds)

    async def heartbeats(self) -> tuple[int, float]:
        """The number of heartbeats of the bot, and the largest delay of one in seconds."""
        answer = await self.get("gateway")
        return int(answer["heartbeats"]), float(answer["late"])

    async def advance_clock(self, seconds: float) -> None:
        """Move the playground's clock forward."""
        await self.post("clock", {"advance": seconds})

    async def fault(self, route: str, **how: object) -> None:
        """Inject a fault into the next requests whose path matches the expression `route`; see `faults.Fault`."""
        await self.post("faults", {"route": route, **how})

    async def clear_faults(self) -> None:
        """Remove the pending faults, and release hanging requests."""
        await self.post("faults/clear", {})

    async def drop_gateway(self, how: str = "close", code: int = 4000) -> int:
        """Drop the bot's connections: "close" (can resume, unless `code` forbids it), "reconnect" or "invalidate"."""
        return int((await self.post("gateway/drop", {"how": how, "code": code}))["cut"])

    @asynccontextmanager
    async def late_interactions(self) -> AsyncGenerator[None]:
        """Hold back the events of interactions while the context is open, and send them at its end."""
        await self.post("gateway/interactions", {"held": True})
        try:
            yield
        finally:
            await self.post("gateway/interactions", {"held": False})

    @asynccontextmanager
    async def duplicate_interactions(self) -> AsyncGenerator[None]:
        """Send the event of each interaction twice while the context is open."""
        await self.post("gateway/interactions", {"extra_copies": 1})
        try:
            yield
        finally:
            await self.post("gateway/interactions", {"extra_copies": 0})

    async def reset_token(self, *, quietly: bool = False) -> str:
        """Give the bot another token; the gateway closes with 4004, unless `quietly`. The new token."""
        return str((await self.post("token", {"quietly": quietly}))["token"])

    async def set_person(self, who: str, **switches: bool | str) -> None:
        """Turn installed_app, sees_age_restricted, is_adult or closed_dms of a person, or set their `locale`."""
        await self.post("person", {"who": who, **switches})

    async def new_person(self, name: str) -> "Person":
        """Add a new person to every server that the bot is in. A taken name gets a number: "Mary 2"."""
        return self.person((await self.post("person/new", {"name": name}))["name"])

    async def set_roles(self, who: str, roles: list[str], guild: str = "Workshop") -> None:
        """Give a member (or the bot, by its user name) exactly these roles."""
        await self.set_member(who, guild, roles=roles)

    async def set_member(self, who: str, guild: str = "Workshop", **changes: object) -> None:
        """Change a member, or add one: `roles`, `joined_at` (seconds since 1970), `time_out` (seconds; 0 ends it)."""
        await self.post("member", {"who": who, "guild": guild, **changes})

    async def remove_member(self, who: str, guild: str = "Workshop") -> None:
        """Remove a person (or the bot) from a server: they leave, or are kicked."""
        await self.post("member/remove", {"who": who, "guild": guild})

    async def new_server(self, name: str, owner: str, channel: str) -> str:
        """Make a server with one text channel, that a person owns and the bot is not in; gives its id."""
        return str((await self.post("guild/new", {"name": name, "owner": owner, "channel": channel}))["guild"])

    async def set_age_restriction(self, nsfw_level: int, guild: str = "Workshop") -> None:
        """Set a server's own age restriction, one of `models.NsfwLevel`."""
        await self.post("guild", {"guild": guild, "nsfw_level": nsfw_level})

    async def add_bot(self, guild: str) -> None:
        """Add the bot to a server."""
        await self.post("bot/add", {"guild": guild})

    async def remove_bot(self, guild: str = "Workshop") -> None:
        """Remove the bot from a server."""
        await self.post("bot/remove", {"guild": guild})

    async def delete_channel(self, channel: str) -> None:
        """Delete a channel or thread with its messages."""
        await self.post("channel/delete", {"channel": channel})

    async def set_role_permissions(self, role: str, permissions: int, guild: str = "Workshop") -> None:
        """Set the permission bits of a role."""
        await self.post("role", {"role": role, "permissions": permissions, "guild": guild})

    async def set_channel(self, channel: str, **settings: object) -> None:
        """Set nsfw, archived, locked or requires_tag.

        With `overwrite` (a role or member) set the bits that it is allowed and denied: `allow` and `deny`.
        """
        await self.post("channel", {"channel": channel, **settings})


@dataclass(frozen=True)
class Person:
    """A person who uses the bot."""

    control: Control
    name: str

    async def slash(self, command: str, /, *, in_: str = "general", **options: object) -> "SentInteraction":
        """Send a slash command ("stack save" for a subcommand) in a channel; a File as an option is uploaded."""
        values, files = _with_files(options)
        body: Json = {"as": self.name, "channel": in_, "name": command, "options": values}
        return await self._sent("command", body, files)

    async def autocomplete(
        self, command: str, focused: str, typed: str = "", /, *, in_: str = "general", **options: object
    ) -> list[Json]:
        """The choices the bot suggests while `typed` stands in the option `focused`."""
        body: Json = {"as": self.name, "channel": in_, "name": command, "focused": focused}
        sent = await self._sent("autocomplete", {**body, "options": {**options, focused: typed}})
        return await sent.choices()

    async def message_command(self, name: str, message: VisibleMessage) -> "SentInteraction":
        """Choose a command from a message's menu."""
        return await self._sent("message-command", {"as": self.name, "name": name, "message": message.id})

    async def user_command(self, name: str, target: str, channel: str = "general") -> "SentInteraction":
        """Choose a command from a person's menu."""
        body: Json = {"as": self.name, "name": name, "target": target, "channel": channel}
        return await self._sent("user-command", body)

    async def press(self, message: VisibleMessage, button: str) -> "SentInteraction":
        """Press a button, by label or custom_id."""
        return await self._sent("press", {"as": self.name, "message": message.id, "custom_id": button})

    async def select(self, message: VisibleMessage, custom_id: str, *values: str) -> "SentInteraction":
        """Choose in a select menu."""
        body: Json = {"as": self.name, "message": message.id, "custom_id": custom_id}
        return await self._sent("select", {**body, "values": list(values)})

    async def submit(self, opener: "SentInteraction", values: Json | None = None) -> "SentInteraction":
        """Send the modal that an interaction opened; fields without a value keep their default."""
        found, files = _with_files(values or {})
        body: Json = {"as": self.name, "interaction": opener.interaction_id, "values": found}
        return await self._sent("modal", body, files)

    async def say(self, content: str, channel: str = "general", *files: File) -> VisibleMessage:
        """Write a message."""
        body: Json = {"as": self.name, "channel": channel, "content": content}
        numbered = {str(index): file for index, file in enumerate(files)}
        made = await self.control.post("say", body, numbered)
        found = await self.control.message(made["message"])
        assert found is not None
        return found

    async def delete(self, message: VisibleMessage) -> None:
        """Delete a message, or dismiss an ephemeral one."""
        await self.control.post("delete", {"as": self.name, "message": message.id})

    async def open_thread(self, channel: str, name: str, *tags: str) -> str:
        """Open a thread or forum post with the named tags; gives its id."""
        body: Json = {"as": self.name, "channel": channel, "name": name, "tags": list(tags)}
        return str((await self.control.post("thread", body))["channel"])

    async def set_command_permissions(
        self, command: str | None, allowed: dict[str, bool], guild: str = "Workshop"
    ) -> None:
        """Set who may use a command where, or with None all commands of the bot; the person has to manage the server.

        The keys are roles ("@everyone" for all people), people and channels ("#art", "#*" for all channels).
        """
        body: Json = {"as": self.name, "guild": guild, "command": command, "allowed": allowed}
        await self.control.post("command-permissions", body)

    async def set_automod(self, *rules: Json, guild: str = "Workshop") -> None:
        """Set all rules of a server's AutoMod; the person has to manage the server.

        A rule has a `name`, and what it needs of `trigger_type`, `enabled`, `keyword_filter`, `regex_patterns`,
        `allow_list` and `presets`.
        """
        await self.control.post("automod", {"as": self.name, "guild": guild, "rules": list(rules)})

    async def commands(self, channel: str = "general") -> list[Json]:
        """The commands that this person can use in the channel."""
        answer = await self.control.get("commands", as_=self.name, channel=channel)
        return as_objects(answer["commands"])

    async def messages(self, channel: str = "general") -> list[VisibleMessage]:
        """The messages this person sees in a channel."""
        return await self.control.messages(channel, self.name)

    async def _sent(self, path: str, body: Json, files: dict[str, File] | None = None) -> "SentInteraction":
        made = await self.control.post(path, body, files)
        return SentInteraction(self.control, made["interaction"])


class People:
    """A mix-in for classes with a `control`: the most used people of the default world."""

    control: Control

    @property
    def ada(self) -> Person:
        """Ada, who installed the bot for herself."""
        return self.control.person("Ada")

    @property
    def grace(self) -> Person:
        """Grace, who founded the server."""
        return self.control.person("Grace")


@dataclass(frozen=True)
class SentInteraction:
    """An interaction that a person has started."""

    control: Control
    interaction_id: str

    async def state(self) -> Json:
        """Its current state."""
        return as_object((await self.control.get(f"interactions/{self.interaction_id}"))["interaction"])

    async def answered(self, seconds: float = TIMEOUT_SECONDS) -> Json:
        """Wait for the bot's first response."""
        return await self._wait(lambda state: state["answer_type"] is not None, seconds)

    async def failed(self, seconds: float = TIMEOUT_SECONDS) -> Json:
        """Wait until the person is told that the application did not respond."""
        return await self._wait(lambda state: bool(state["failed"]), seconds)

    async def reply(self, seconds: float = TIMEOUT_SECONDS) -> VisibleMessage:
        """Wait for the reply, past "thinking…"; for an update it is the updated message.

        A deleted public "thinking…" is followed by an ephemeral reply, and so may be an announced update.
        """
        state = await self._wait(_has_reply, seconds)
        original = state["original_id"]
        if state["answer_type"] == DEFER_UPDATE and not state["edited_source"]:
            original = state["message_ids"][0]

        async def poll(since: int | None) -> Json:
            return await self.control.get(f"messages/{original}", since=since, timeout=seconds)

        def fits(answer: Json) -> list[VisibleMessage] | None:
            seen = [VisibleMessage(as_object(answer["message"]))] if answer["message"] else []
            return None if any(each.loading for each in seen) else seen

        for seen in await self.control.wait(poll, fits, seconds):
            return seen
        state = await self._wait(lambda state: state["message_ids"][-1] != original, seconds)
        return await self.control.wait_message(state["message_ids"][-1], lambda seen: not seen.loading, seconds)

    async def modal(self, seconds: float = TIMEOUT_SECONDS) -> Json:
        """Wait for the modal that the bot opens."""
        return as_object((await self._wait(lambda state: state["modal"] is not None, seconds))["modal"])

    async def choices(self, seconds: float = TIMEOUT_SECONDS) -> list[Json]:
        """Wait for the choices of an autocomplete."""
        return as_objects((await self._wait(lambda s: s["choices"] is not None, seconds))["choices"])

    async def messages(self, count: int, seconds: float = TIMEOUT_SECONDS) -> list[VisibleMessage]:
        """Wait until the bot has posted this many messages for it, including the first response."""
        state = await self._wait(lambda state: len(state["message_ids"]) >= count, seconds)
        found = [await self.control.message(one) for one in state["message_ids"]]
        return [one for one in found if one is not None]

    async def _wait(self, accept: Callable[[Json], bool], seconds: float) -> Json:
        async def poll(since: int | None) -> Json:
            path = f"interactions/{self.interaction_id}"
            return await self.control.get(path, since=since, timeout=seconds)

        def fits(answer: Json) -> Json | None:
            state = as_object(answer["interaction"])
            return state if accept(state) else None

        return await self.control.wait(poll, fits, seconds)


def _has_reply(state: Json) -> bool:
    """Whether a message is there for an interaction; of an announced update, that it has come, or another message."""
    if state["answer_type"] == DEFER_UPDATE:
        return state["edited_source"] or bool(state["message_ids"])
    return state["original_id"] is not None


async def _answer(response: aiohttp.ClientResponse) -> Json:
    payload: Any = await response.json(content_type=None)
    if response.status != 200:
        raise ControlError(payload["message"])
    return payload


def _with_files(values: dict[str, object]) -> tuple[Json, dict[str, File]]:
    """Values in which each file, or list of files, is replaced by its number in the upload."""
    plain: Json = {}
    files: dict[str, File] = {}

    def number(file: File) -> str:
        key = str(len(files))
        files[key] = file
        return key

    for name, value in values.items():
        if isinstance(value, File):
            plain[name] = {"file": number(value)}
        elif isinstance(value, list):
            entries = cast("list[object]", value)
            plain[name] = [number(one) if isinstance(one, File) else one for one in entries]
        else:
            plain[name] = value
    return plain, files
