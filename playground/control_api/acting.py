"""POST: what a person does. Every answer names the interaction or message that came of it."""

from dataclasses import dataclass

from playground.control_api.requests import Order, Work
from playground.models import Channel, Interaction, Message, User
from playground.people import lookup
from playground.people.acts import Acts
from playground.people.refused import ActRefused
from playground.wire import Json, as_object, as_strings
from playground.world import World


@dataclass
class Acting:
    """Acts as the person that the order names."""

    world: World
    acts: Acts

    def routes(self) -> list[tuple[str, str, Work]]:
        """Method, path and work of every act."""
        return [
            ("POST", "/control/command", self.command),
            ("POST", "/control/autocomplete", self.autocomplete),
            ("POST", "/control/message-command", self.message_command),
            ("POST", "/control/user-command", self.user_command),
            ("POST", "/control/press", self.press),
            ("POST", "/control/select", self.select),
            ("POST", "/control/modal", self.modal),
            ("POST", "/control/say", self.say),
            ("POST", "/control/delete", self.delete),
        ]

    async def command(self, order: Order) -> Json:
        """Send a slash command."""
        values = as_object(order.body.get("options"))
        person, channel = self._who(order), self._where(order)
        return _named(self.acts.slash(person, channel, order.text("name"), values, order.uploads))

    async def autocomplete(self, order: Order) -> Json:
        """Ask for suggestions."""
        values = as_object(order.body.get("options"))
        person, channel = self._who(order), self._where(order)
        return _named(self.acts.autocomplete(person, channel, order.text("name"), values, order.text("focused")))

    async def message_command(self, order: Order) -> Json:
        """Choose from a message's menu."""
        return _named(self.acts.message_command(self._who(order), self._message(order), order.text("name")))

    async def user_command(self, order: Order) -> Json:
        """Choose from a person's menu."""
        target = lookup.user(self.world, order.text("target"))
        return _named(self.acts.user_command(self._who(order), self._where(order), target, order.text("name")))

    async def press(self, order: Order) -> Json:
        """Press a button."""
        return _named(self.acts.press(self._who(order), self._message(order), order.text("custom_id")))

    async def select(self, order: Order) -> Json:
        """Choose in a select menu."""
        chosen = as_strings(order.body.get("values"))
        return _named(self.acts.select(self._who(order), self._message(order), order.text("custom_id"), chosen))

    async def modal(self, order: Order) -> Json:
        """Send a modal."""
        opener = self.world.interactions.get(order.text("interaction"))
        if opener is None:
            raise ActRefused("There is no such interaction.")
        values = as_object(order.body.get("values"))
        return _named(self.acts.submit_modal(self._who(order), opener, values, order.uploads))

    async def say(self, order: Order) -> Json:
        """Write a message."""
        content = str(order.body.get("content") or "")
        return {"message": self.acts.say(self._who(order), self._where(order), content, order.uploads).id}

    async def delete(self, order: Order) -> Json:
        """Delete a message, or dismiss an ephemeral one."""
        self.acts.delete(self._who(order), self._message(order))
        return {}

    def _who(self, order: Order) -> User:
        return lookup.person(self.world, order.text("as"))

    def _where(self, order: Order) -> Channel:
        return lookup.channel(self.world, order.text("channel"), self._who(order))

    def _message(self, order: Order) -> Message:
        return lookup.message(self.world, order.text("message"), self._who(order))


def _named(made: Interaction) -> Json:
    return {"interaction": made.id}
