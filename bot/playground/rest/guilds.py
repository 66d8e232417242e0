"""/guilds/{id}: servers, their channels, members and roles; read only."""

from bot.playground import errors, shapes
from bot.playground import permissions as may
from bot.playground.rest.endpoint import Answer, Call, Endpoint
from bot.playground.wire import as_int
from bot.playground.world import World


def endpoints(world: World) -> list[Endpoint]:
    """The routes of this noun."""

    def guild(call: Call) -> Answer:
        found = world.guild(call.path["guild_id"])
        shape = shapes.guild(found)
        if call.flag("with_counts"):
            shape |= {"approximate_member_count": len(found.members), "approximate_presence_count": 1}
        return Answer(json=shape)

    def channels(call: Call) -> Answer:
        found = world.channels_of(world.guild(call.path["guild_id"]).id)
        seen = [one for one in found if world.permissions(one, world.bot_id) & may.VIEW_CHANNEL]
        return Answer(json=[shapes.guild_channel(one) for one in seen])

    def member(call: Call) -> Answer:
        found = world.guild(call.path["guild_id"]).members.get(call.path["user_id"])
        if found is None:
            raise errors.unknown("Member" if call.path["user_id"] in world.users else "User")
        return Answer(json=shapes.member(world, found))

    def members(call: Call) -> Answer:
        """The whole list is behind a privileged intent, as in Discord."""
        if not world.application.privileged_intents:
            raise errors.missing_access()
        found = sorted(world.guild(call.path["guild_id"]).members.values(), key=lambda m: int(m.user_id))
        after, limit = as_int(call.query.get("after")), as_int(call.query.get("limit"), 1)
        chosen = [one for one in found if int(one.user_id) > after][:limit]
        return Answer(json=[shapes.member(world, one) for one in chosen])

    def roles(call: Call) -> Answer:
        found = world.guild(call.path["guild_id"])
        return Answer(json=[shapes.role(one) for one in found.roles.values()])

    def role(call: Call) -> Answer:
        found = world.guild(call.path["guild_id"]).roles.get(call.path["role_id"])
        if found is None:
            raise errors.unknown("Role")
        return Answer(json=shapes.role(found))

    def active_threads(call: Call) -> Answer:
        found = world.threads_of(world.guild(call.path["guild_id"]).id)
        return Answer(json={"threads": [shapes.thread(world, one) for one in found], "members": []})

    base = "/guilds/{guild_id}"
    return [
        Endpoint("GET", base, guild),
        Endpoint("GET", f"{base}/channels", channels),
        Endpoint("GET", f"{base}/members", members),
        Endpoint("GET", f"{base}/members/{{user_id}}", member),
        Endpoint("GET", f"{base}/roles", roles),
        Endpoint("GET", f"{base}/roles/{{role_id}}", role),
        Endpoint("GET", f"{base}/threads/active", active_threads),
    ]
