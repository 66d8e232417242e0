"""/guilds/{id}/auto-moderation/rules: what a server's AutoMod looks for; read only, and only with *Manage Server*."""

from playground import errors, permissions, shapes
from playground.models import Guild
from playground.rest.endpoint import Call, Endpoint, EndpointAnswer
from playground.world import World


def endpoints(world: World) -> list[Endpoint]:
    """The routes of this noun."""
    handlers = AutoMod(world)
    base = "/guilds/{guild_id}/auto-moderation/rules"
    return [
        Endpoint("GET", base, handlers.rules),
        Endpoint("GET", f"{base}/{{rule_id}}", handlers.rule),
    ]


class AutoMod:
    """The rules that people set."""

    def __init__(self, world: World) -> None:
        self._world = world

    def rules(self, call: Call) -> EndpointAnswer:
        """All rules of the server."""
        guild = self._guild(call)
        return EndpointAnswer(json=[shapes.automod_rule(guild, one) for one in guild.automod_rules.values()])

    def rule(self, call: Call) -> EndpointAnswer:
        """One rule."""
        guild = self._guild(call)
        found = guild.automod_rules.get(call.path["rule_id"])
        if found is None:
            raise errors.not_found()
        return EndpointAnswer(json=shapes.automod_rule(guild, found))

    def _guild(self, call: Call) -> Guild:
        guild = self._world.guild(call.path["guild_id"])
        held = permissions.in_guild(guild, guild.members[self._world.bot_id])
        if not held & permissions.MANAGE_GUILD:
            raise errors.missing_permissions()
        return guild
