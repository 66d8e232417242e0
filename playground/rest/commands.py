"""/applications/{id}/commands: registering application commands, global and of one server."""

from playground import errors
from playground.models import Command
from playground.registry import CommandRegistry, shape
from playground.rest.endpoint import NOTHING, Call, Endpoint, EndpointAnswer
from playground.wire import as_objects
from playground.world import World


def endpoints(world: World, registry: CommandRegistry) -> list[Endpoint]:
    """The routes of this noun, each for the global commands and for those of one server."""
    handlers = Commands(world, registry)
    routes: list[Endpoint] = []
    for base in ("/applications/{application_id}", "/applications/{application_id}/guilds/{guild_id}"):
        routes += [
            Endpoint("GET", f"{base}/commands", handlers.listing),
            Endpoint("POST", f"{base}/commands", handlers.create),
            Endpoint("PUT", f"{base}/commands", handlers.replace),
            Endpoint("GET", f"{base}/commands/{{command_id}}", handlers.get),
            Endpoint("PATCH", f"{base}/commands/{{command_id}}", handlers.change),
            Endpoint("DELETE", f"{base}/commands/{{command_id}}", handlers.delete),
        ]
    return routes


class Commands:
    """Registers commands for the application that is logged in."""

    def __init__(self, world: World, registry: CommandRegistry) -> None:
        self._world = world
        self._registry = registry

    def listing(self, call: Call) -> EndpointAnswer:
        """All commands of a scope."""
        return EndpointAnswer(json=[shape(self._world, one) for one in self._registry.of(self._scope(call))])

    def create(self, call: Call) -> EndpointAnswer:
        """Add a command, or overwrite the one with its name."""
        command, is_new = self._registry.create(self._scope(call), call.body)
        return EndpointAnswer(201 if is_new else 200, shape(self._world, command))

    def replace(self, call: Call) -> EndpointAnswer:
        """Overwrite all commands of a scope."""
        commands = self._registry.replace(self._scope(call), as_objects(call.json))
        return EndpointAnswer(json=[shape(self._world, command) for command in commands])

    def get(self, call: Call) -> EndpointAnswer:
        """One command."""
        return EndpointAnswer(json=shape(self._world, self._wanted(call)))

    def change(self, call: Call) -> EndpointAnswer:
        """Change some fields of a command."""
        return EndpointAnswer(json=shape(self._world, self._registry.change(self._wanted(call), call.body)))

    def delete(self, call: Call) -> EndpointAnswer:
        """Remove a command."""
        self._registry.delete(self._wanted(call))
        return NOTHING

    def _scope(self, call: Call) -> str | None:
        if call.path["application_id"] != self._world.application.id:
            raise errors.foreign_application()
        return self._world.guild(call.path["guild_id"]).id if "guild_id" in call.path else None

    def _wanted(self, call: Call) -> Command:
        return self._registry.get(self._scope(call), call.path["command_id"])
