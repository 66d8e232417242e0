"""GET: world, commands, messages, interactions and exchanges; with `since`, a request waits for a change."""

from collections.abc import Sequence
from dataclasses import dataclass

from playground import registry
from playground.change_notifier import ChangeNotifier
from playground.control_api import views
from playground.control_api.requests import ControlHandler, ControlRequest
from playground.gateway.hub import Hub
from playground.models import User
from playground.people import lookup
from playground.people.action_refused import ActionRefused
from playground.people.command_availability import available_commands, unavailable_reasons
from playground.recorder import Recorder
from playground.wire import Json
from playground.world import World

MAX_WAIT_SECONDS = 30.0  # for a request with `since`


@dataclass
class ReadEndpoints:
    """Reads the state of the playground."""

    world: World
    hub: Hub
    changes: ChangeNotifier
    recorder: Recorder
    suggestions: Sequence[str]

    def routes(self) -> list[tuple[str, str, ControlHandler]]:
        """Method, path and handler of every request."""
        return [
            ("GET", "/control/world", self.see_world),
            ("GET", "/control/commands", self.commands),
            ("GET", "/control/messages", self.messages),
            ("GET", "/control/messages/{message}", self.message),
            ("GET", "/control/interactions/{interaction}", self.interaction),
            ("GET", "/control/exchanges", self.exchanges),
            ("GET", "/control/gateway", self.gateway),
        ]

    async def see_world(self, request: ControlRequest) -> Json:
        """People and places, for one person."""
        await self._wait(request)
        return self._dated(views.world(self.world, self.hub, self._viewer(request), self.suggestions))

    async def commands(self, request: ControlRequest) -> Json:
        """The commands that a person can use in a channel, and by name why they cannot use the other slash commands."""
        viewer = self._viewer(request)
        channel = lookup.channel(self.world, request.text("channel"), viewer)
        found = available_commands(self.world, viewer, channel)
        return self._dated(
            {
                "commands": [registry.shape(self.world, command) for command in found],
                "unavailable": unavailable_reasons(self.world, viewer, channel),
            }
        )

    async def messages(self, request: ControlRequest) -> Json:
        """A channel's messages as a person sees them; without `as` everybody's, ephemeral ones too."""
        await self._wait(request)
        if "as" in request.query:
            viewer = self._viewer(request)
            channel = lookup.channel(self.world, request.text("channel"), viewer)
            found = self.world.messages_of(channel.id, viewer.id)
        else:
            channel = lookup.any_channel(self.world, request.text("channel"))
            found = [one for one in self.world.messages.values() if one.channel_id == channel.id]
        return self._dated({"messages": [views.message(self.world, one) for one in found]})

    async def message(self, request: ControlRequest) -> Json:
        """One message; `null` when it was deleted or the person may not see it."""
        await self._wait(request)
        one = self.world.messages.get(request.path["message"])
        if one is not None and "as" in request.query:
            viewer = self._viewer(request)
            seen = one.visible_to in (None, viewer.id) and not one.dismissed
            one = one if seen and lookup.sees(self.world, self.world.channels[one.channel_id], viewer) else None
        return self._dated({"message": None if one is None else views.message(self.world, one)})

    async def interaction(self, request: ControlRequest) -> Json:
        """One interaction and what became of it."""
        await self._wait(request)
        one = self.world.interactions.get(request.path["interaction"])
        if one is None:
            raise ActionRefused("There is no such interaction.")
        return self._dated({"interaction": views.interaction(self.world, one)})

    async def exchanges(self, request: ControlRequest) -> Json:
        """The bot's requests and their responses, after a number."""
        await self._wait(request)
        after = int(request.number("after", 0))
        found = [one.as_json() for one in self.recorder.exchanges if one.number > after]
        return self._dated({"exchanges": found, "invalid_requests": self.recorder.invalid_requests})

    async def gateway(self, request: ControlRequest) -> Json:
        """The number of the bot's heartbeats, and the largest delay of one in seconds."""
        del request
        return {"heartbeats": self.hub.heartbeats.count, "late": self.hub.heartbeats.late}

    def _viewer(self, request: ControlRequest) -> User:
        return lookup.person(self.world, request.text("as"))

    def _dated(self, answer: Json) -> Json:
        return {**answer, "version": self.changes.version}

    async def _wait(self, request: ControlRequest) -> None:
        if "since" in request.query:
            seconds = min(request.number("timeout", 5.0), MAX_WAIT_SECONDS)
            await self.changes.wait(int(request.number("since", 0)), seconds)
