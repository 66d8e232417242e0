"""POST: the actions of a person. Every response has the id of the created interaction or message."""

from dataclasses import dataclass

from playground.control_api.requests import ControlHandler, ControlRequest
from playground.models import Channel, Interaction, Message, User
from playground.people import lookup
from playground.people.action_refused import ActionRefused
from playground.people.user_actions import UserActions
from playground.wire import Json, as_object, as_strings
from playground.world import World


@dataclass
class ActionEndpoints:
    """Acts as the person that the request names."""

    world: World
    actions: UserActions

    def routes(self) -> list[tuple[str, str, ControlHandler]]:
        """Method, path and handler of every action."""
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

    async def command(self, request: ControlRequest) -> Json:
        """Send a slash command."""
        values = as_object(request.body.get("options"))
        person, channel = self._who(request), self._where(request)
        return _interaction_id(self.actions.slash(person, channel, request.text("name"), values, request.uploads))

    async def autocomplete(self, request: ControlRequest) -> Json:
        """Ask for suggestions."""
        values = as_object(request.body.get("options"))
        person, channel = self._who(request), self._where(request)
        return _interaction_id(
            self.actions.autocomplete(person, channel, request.text("name"), values, request.text("focused"))
        )

    async def message_command(self, request: ControlRequest) -> Json:
        """Choose from a message's menu."""
        return _interaction_id(
            self.actions.message_command(self._who(request), self._message(request), request.text("name"))
        )

    async def user_command(self, request: ControlRequest) -> Json:
        """Choose from a person's menu."""
        target = lookup.user(self.world, request.text("target"))
        return _interaction_id(
            self.actions.user_command(self._who(request), self._where(request), target, request.text("name"))
        )

    async def press(self, request: ControlRequest) -> Json:
        """Press a button."""
        return _interaction_id(
            self.actions.press(self._who(request), self._message(request), request.text("custom_id"))
        )

    async def select(self, request: ControlRequest) -> Json:
        """Choose in a select menu."""
        chosen = as_strings(request.body.get("values"))
        return _interaction_id(
            self.actions.select(self._who(request), self._message(request), request.text("custom_id"), chosen)
        )

    async def modal(self, request: ControlRequest) -> Json:
        """Send a modal."""
        opener = self.world.interactions.get(request.text("interaction"))
        if opener is None:
            raise ActionRefused("There is no such interaction.")
        values = as_object(request.body.get("values"))
        return _interaction_id(self.actions.submit_modal(self._who(request), opener, values, request.uploads))

    async def say(self, request: ControlRequest) -> Json:
        """Write a message."""
        content = str(request.body.get("content") or "")
        return {"message": self.actions.say(self._who(request), self._where(request), content, request.uploads).id}

    async def delete(self, request: ControlRequest) -> Json:
        """Delete a message, or dismiss an ephemeral one."""
        self.actions.delete(self._who(request), self._message(request))
        return {}

    def _who(self, request: ControlRequest) -> User:
        return lookup.person(self.world, request.text("as"))

    def _where(self, request: ControlRequest) -> Channel:
        return lookup.channel(self.world, request.text("channel"), self._who(request))

    def _message(self, request: ControlRequest) -> Message:
        return lookup.message(self.world, request.text("message"), self._who(request))


def _interaction_id(made: Interaction) -> Json:
    return {"interaction": made.id}
