"""/applications/{id}/commands: registering application commands, global and of one server."""

from bot.playground import errors
from bot.playground.models import Command
from bot.playground.registry import Registry, shape
from bot.playground.rest.endpoint import NOTHING, Answer, Call, Endpoint
from bot.playground.wire import as_objects
from bot.playground.world import World


def endpoints(world: World, registry: Registry) -> list[Endpoint]:
    """The routes of this noun."""

    def scope(call: Call) -> str | None:
        if call.path["application_id"] != world.application.id:
            raise errors.ApiError(
                403, 20012, "You are not authorized to perform this action on this application"
            )
        return world.guild(call.path["guild_id"]).id if "guild_id" in call.path else None

    def wanted(call: Call) -> Command:
        return registry.get(scope(call), call.path["command_id"])

    def listing(call: Call) -> Answer:
        return Answer(json=[shape(world, command) for command in registry.of(scope(call))])

    def create(call: Call) -> Answer:
        command, is_new = registry.create(scope(call), call.body)
        return Answer(201 if is_new else 200, shape(world, command))

    def replace(call: Call) -> Answer:
        commands = registry.replace(scope(call), as_objects(call.json))
        return Answer(json=[shape(world, command) for command in commands])

    def get(call: Call) -> Answer:
        return Answer(json=shape(world, wanted(call)))

    def change(call: Call) -> Answer:
        return Answer(json=shape(world, registry.change(wanted(call), call.body)))

    def delete(call: Call) -> Answer:
        registry.delete(wanted(call))
        return NOTHING

    routes: list[Endpoint] = []
    for base in ("/applications/{application_id}", "/applications/{application_id}/guilds/{guild_id}"):
        routes += [
            Endpoint("GET", f"{base}/commands", listing),
            Endpoint("POST", f"{base}/commands", create),
            Endpoint("PUT", f"{base}/commands", replace),
            Endpoint("GET", f"{base}/commands/{{command_id}}", get),
            Endpoint("PATCH", f"{base}/commands/{{command_id}}", change),
            Endpoint("DELETE", f"{base}/commands/{{command_id}}", delete),
        ]
    return routes
