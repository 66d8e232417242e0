"""/users: the bot itself, other people, DMs."""

from playground import errors, shapes
from playground.rest.endpoint import Call, Endpoint, EndpointAnswer
from playground.rules.form import refuse_one
from playground.world import World


def endpoints(world: World) -> list[Endpoint]:
    """The routes of this noun."""

    def me(_: Call) -> EndpointAnswer:
        return EndpointAnswer(json=shapes.own_user(world.users[world.bot_id]))

    def user(call: Call) -> EndpointAnswer:
        person = world.users.get(call.path["user_id"])
        if person is None:
            raise errors.unknown("User")
        return EndpointAnswer(json=shapes.user(person))

    def my_guilds(_: Call) -> EndpointAnswer:
        return EndpointAnswer(json=[shapes.my_guild(world, guild) for guild in world.bot_guilds()])

    def my_membership(call: Call) -> EndpointAnswer:
        guild = world.guild(call.path["guild_id"])
        return EndpointAnswer(json=shapes.member(world, guild.members[world.bot_id]))

    def open_dm(call: Call) -> EndpointAnswer:
        recipient = str(call.body.get("recipient_id", ""))
        if not recipient:
            raise refuse_one(("recipient_id",), "BASE_TYPE_REQUIRED", "This field is required")
        if recipient not in world.users or recipient == world.bot_id:
            raise errors.unknown("User")
        return EndpointAnswer(json=shapes.dm(world, world.dm(recipient)))

    return [
        Endpoint("GET", "/users/@me", me),
        Endpoint("GET", "/users/@me/guilds", my_guilds),
        Endpoint("GET", "/users/@me/guilds/{guild_id}/member", my_membership),
        Endpoint("POST", "/users/@me/channels", open_dm),
        Endpoint("GET", "/users/{user_id}", user),
    ]
