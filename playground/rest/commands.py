"""/applications/{id}/commands: registering application commands, global and of one server; who may use them there."""

from playground import errors, shapes
from playground.models import Command, Guild
from playground.registry import CommandRegistry, shape
from playground.rest.endpoint import NOTHING, Call, Endpoint, EndpointAnswer
from playground.wire import as_objects
from playground.world import World


def endpoints(world: World, registry: CommandRegistry) -> list[Endpoint]:
    """The routes of this noun; most are there for the global commands and for those of one server."""
    handlers = Commands(world, registry)
    in_guild = "/applications/{application_id}/guilds/{guild_id}"
    routes = [  # first, because `permissions` would be a command's id too
        Endpoint("GET", f"{in_guild}/commands/permissions", handlers.all_permissions),
        Endpoint("GET", f"{in_guild}/commands/{{command_id}}/permissions", handlers.permissions),
        Endpoint("PUT", f"{in_guild}/commands/{{command_id}}/permissions", handlers.change_permissions),
    ]
    for base in ("/applications/{application_id}", in_guild):
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

    def all_permissions(self, call: Call) -> EndpointAnswer:
        """The overwrites of every command of a server that has some, and those of the whole application."""
        guild = self._guild(call)
        found = [shapes.command_permissions(self._world, guild, target) for target in guild.command_permissions]
        return EndpointAnswer(json=found)

    def permissions(self, call: Call) -> EndpointAnswer:
        """The overwrites of one command; of the whole application, with its id. Without any they are unknown."""
        guild, target = self._guild(call), call.path["command_id"]
        if target not in guild.command_permissions:
            raise errors.unknown("application command permissions")
        return EndpointAnswer(json=shapes.command_permissions(self._world, guild, target))

    def change_permissions(self, call: Call) -> EndpointAnswer:
        """Only people set them, with their own rights; a bot token cannot."""
        self._guild(call)
        raise errors.not_for_bots()

    def _guild(self, call: Call) -> Guild:
        self._scope(call)
        return self._world.guild(call.path["guild_id"])

    def _scope(self, call: Call) -> str | None:
        if call.path["application_id"] != self._world.application.id:
            raise errors.foreign_application()
        return self._world.guild(call.path["guild_id"]).id if "guild_id" in call.path else None

    def _wanted(self, call: Call) -> Command:
        return self._registry.get(self._scope(call), call.path["command_id"])
