"""/guilds/{id}: servers, their channels, members and roles; read only."""

from playground import errors, shapes
from playground import permissions as may
from playground.models import Guild
from playground.rest.endpoint import Call, Endpoint, EndpointAnswer
from playground.wire import as_int
from playground.world import World


def endpoints(world: World) -> list[Endpoint]:
    """The routes of this noun."""
    handlers = Guilds(world)
    base = "/guilds/{guild_id}"
    return [
        Endpoint("GET", base, handlers.guild),
        Endpoint("GET", f"{base}/channels", handlers.channels),
        Endpoint("GET", f"{base}/members", handlers.members),
        Endpoint("GET", f"{base}/members/{{user_id}}", handlers.member),
        Endpoint("GET", f"{base}/roles", handlers.roles),
        Endpoint("GET", f"{base}/roles/{{role_id}}", handlers.role),
        Endpoint("GET", f"{base}/threads/active", handlers.active_threads),
    ]


class Guilds:
    """What the bot may know about its servers."""

    def __init__(self, world: World) -> None:
        self._world = world

    def guild(self, call: Call) -> EndpointAnswer:
        """The server itself. One without the bot is unknown here; its other routes say that access is missing."""
        found = self._world.guilds.get(call.path["guild_id"])
        if found is None or self._world.bot_id not in found.members:
            raise errors.unknown("Guild")
        shape = shapes.guild(found)
        if call.flag("with_counts"):
            shape |= {"approximate_member_count": len(found.members), "approximate_presence_count": 1}
        return EndpointAnswer(json=shape)

    def channels(self, call: Call) -> EndpointAnswer:
        """The channels the bot sees."""
        world = self._world
        found = world.channels_of(self._guild(call).id)
        seen = [one for one in found if world.permissions(one, world.bot_id) & may.VIEW_CHANNEL]
        return EndpointAnswer(json=[shapes.guild_channel(one) for one in seen])

    def member(self, call: Call) -> EndpointAnswer:
        """One member."""
        found = self._guild(call).members.get(call.path["user_id"])
        if found is None:
            raise errors.unknown("Member" if call.path["user_id"] in self._world.users else "User")
        return EndpointAnswer(json=shapes.member(self._world, found))

    def members(self, call: Call) -> EndpointAnswer:
        """The whole list is behind a privileged intent, as in Discord."""
        if not self._world.application.privileged_intents:
            raise errors.missing_access()
        found = sorted(self._guild(call).members.values(), key=lambda member: int(member.user_id))
        after, limit = as_int(call.query.get("after")), as_int(call.query.get("limit"), 1)
        chosen = [one for one in found if int(one.user_id) > after][:limit]
        return EndpointAnswer(json=[shapes.member(self._world, one) for one in chosen])

    def roles(self, call: Call) -> EndpointAnswer:
        """All roles."""
        return EndpointAnswer(json=[shapes.role(one) for one in self._guild(call).roles.values()])

    def role(self, call: Call) -> EndpointAnswer:
        """One role."""
        found = self._guild(call).roles.get(call.path["role_id"])
        if found is None:
            raise errors.unknown("Role")
        return EndpointAnswer(json=shapes.role(found))

    def active_threads(self, call: Call) -> EndpointAnswer:
        """Threads that are not archived."""
        found = self._world.threads_of(self._guild(call).id)
        return EndpointAnswer(
            json={"threads": [shapes.thread(self._world, one) for one in found], "members": [], "has_more": False}
        )

    def _guild(self, call: Call) -> Guild:
        return self._world.guild(call.path["guild_id"])
