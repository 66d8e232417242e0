"""GET: world, commands, messages, interactions and exchanges; `since` waits for a change."""

from dataclasses import dataclass

from playground import registry
from playground.control_api import views
from playground.control_api.requests import Order, Work
from playground.gateway.hub import Hub
from playground.models import User
from playground.pages import Pages
from playground.people import lookup
from playground.people.offered import offered
from playground.people.refused import ActRefused
from playground.recorder import Recorder
from playground.wire import Json
from playground.world import World

LONGEST_WAIT = 30.0  # seconds a request with `since` is held


@dataclass
class ReadEndpoints:
    """Answers questions about the playground."""

    world: World
    hub: Hub
    pages: Pages
    recorder: Recorder

    def routes(self) -> list[tuple[str, str, Work]]:
        """Method, path and work of every question."""
        return [
            ("GET", "/control/world", self.see_world),
            ("GET", "/control/commands", self.commands),
            ("GET", "/control/messages", self.messages),
            ("GET", "/control/messages/{message}", self.message),
            ("GET", "/control/interactions/{interaction}", self.interaction),
            ("GET", "/control/exchanges", self.exchanges),
            ("GET", "/control/gateway", self.gateway),
        ]

    async def see_world(self, order: Order) -> Json:
        """People and places, for one person."""
        await self._wait(order)
        return self._dated(views.world(self.world, self.hub, self._viewer(order)))

    async def commands(self, order: Order) -> Json:
        """The commands a person is offered in a channel."""
        viewer = self._viewer(order)
        found = offered(self.world, viewer, lookup.channel(self.world, order.text("channel"), viewer))
        return self._dated({"commands": [registry.shape(self.world, command) for command in found]})

    async def messages(self, order: Order) -> Json:
        """A channel's messages as a person sees them; without `as` everybody's, ephemeral ones too."""
        await self._wait(order)
        if "as" in order.query:
            viewer = self._viewer(order)
            channel = lookup.channel(self.world, order.text("channel"), viewer)
            found = self.world.messages_of(channel.id, viewer.id)
        else:
            channel = lookup.any_channel(self.world, order.text("channel"))
            found = [one for one in self.world.messages.values() if one.channel_id == channel.id]
        return self._dated({"messages": [views.message(self.world, one) for one in found]})

    async def message(self, order: Order) -> Json:
        """One message; `null` when it is gone or not for these eyes."""
        await self._wait(order)
        one = self.world.messages.get(order.path["message"])
        if one is not None and "as" in order.query:
            viewer = self._viewer(order)
            seen = one.visible_to in (None, viewer.id) and not one.dismissed
            one = one if seen and lookup.sees(self.world, self.world.channels[one.channel_id], viewer) else None
        return self._dated({"message": None if one is None else views.message(self.world, one)})

    async def interaction(self, order: Order) -> Json:
        """One interaction and what became of it."""
        await self._wait(order)
        one = self.world.interactions.get(order.path["interaction"])
        if one is None:
            raise ActRefused("There is no such interaction.")
        return self._dated({"interaction": views.interaction(one)})

    async def exchanges(self, order: Order) -> Json:
        """What the bot asked for and was answered, after a number."""
        await self._wait(order)
        after = int(order.number("after", 0))
        found = [one.as_json() for one in self.recorder.exchanges if one.number > after]
        return self._dated({"exchanges": found, "invalid_requests": self.recorder.invalid_requests})

    async def gateway(self, order: Order) -> Json:
        """The bot's heartbeats: how many there were, and by how many seconds the latest one was late."""
        del order
        return {"heartbeats": self.hub.pulse.beats, "late": self.hub.pulse.late}

    def _viewer(self, order: Order) -> User:
        return lookup.person(self.world, order.text("as"))

    def _dated(self, answer: Json) -> Json:
        return {**answer, "version": self.pages.version}

    async def _wait(self, order: Order) -> None:
        if "since" in order.query:
            seconds = min(order.number("timeout", 5.0), LONGEST_WAIT)
            await self.pages.wait(int(order.number("since", 0)), seconds)
