"""POST: administration by tests: people, roles, channels, threads, faults, gateway, clock."""

from dataclasses import dataclass, fields

from playground.control_api.requests import ControlHandler, ControlRequest
from playground.event_publisher import EventPublisher
from playground.faults import Fault, Faults
from playground.gateway.hub import Hub
from playground.models import Member, Overwrite, User
from playground.people import lookup
from playground.people.action_refused import ActionRefused
from playground.rest.channels import make_thread
from playground.wire import Json, as_strings
from playground.world import World, new_token

RESUMABLE, AUTHENTICATION_FAILED = 4000, 4004  # close codes of the gateway
PERSON_SWITCHES = ("installed_app", "sees_age_restricted", "closed_dms")


@dataclass
class AdminEndpoints:
    """Changes the state of the playground."""

    world: World
    events: EventPublisher
    hub: Hub
    faults: Faults

    def routes(self) -> list[tuple[str, str, ControlHandler]]:
        """Method, path and handler of every request."""
        return [
            ("POST", "/control/person", self.person),
            ("POST", "/control/person/new", self.new_person),
            ("POST", "/control/member", self.member),
            ("POST", "/control/member/remove", self.remove_member),
            ("POST", "/control/role", self.role),
            ("POST", "/control/channel", self.channel),
            ("POST", "/control/channel/delete", self.delete_channel),
            ("POST", "/control/thread", self.thread),
            ("POST", "/control/faults", self.fault),
            ("POST", "/control/faults/clear", self.clear_faults),
            ("POST", "/control/gateway/drop", self.drop),
            ("POST", "/control/token", self.token),
            ("POST", "/control/clock", self.clock),
        ]

    async def person(self, request: ControlRequest) -> Json:
        """Turn a person's switches (installed_app, sees_age_restricted, closed_dms), or set the language: locale."""
        person = lookup.person(self.world, request.text("who"))
        for name in PERSON_SWITCHES:
            if name in request.body:
                setattr(person, name, bool(request.body[name]))
        person.locale = str(request.body.get("locale", person.locale))
        self.events.world_changed()
        return {}

    async def new_person(self, request: ControlRequest) -> Json:
        """Add a person as a member of every server that the bot is in, with an open DM."""
        name = request.text("name")
        if any(name in (one.username, one.global_name) for one in self.world.users.values()):
            raise ActionRefused(f"There is a {name!r} already.")
        user = User(self.world.ids.new(), name.lower(), name)
        self.world.users[user.id] = user
        for guild in self.world.bot_guilds():
            guild.members[user.id] = Member(user.id, self.world.clock.now())
            self.events.member(guild.id, user.id)
        self.world.dm(user.id)
        self.events.world_changed()
        return {"id": user.id}

    async def member(self, request: ControlRequest) -> Json:
        """Set the roles of a member (a person or the bot), or add one."""
        guild = lookup.guild(self.world, request.text("guild"))
        user = lookup.user(self.world, request.text("who"))
        roles = [lookup.role(guild, key).id for key in as_strings(request.body.get("roles"))]
        is_new = user.id not in guild.members
        membership = guild.members.setdefault(user.id, Member(user.id, self.world.clock.now()))
        membership.roles = roles
        if is_new and user.id == self.world.bot_id:
            self.events.bot_joined(guild)
        else:
            self.events.member(guild.id, user.id)
        return {}

    async def remove_member(self, request: ControlRequest) -> Json:
        """Remove somebody from a server; the bot gets an event if it is the bot."""
        guild = lookup.guild(self.world, request.text("guild"))
        user = lookup.user(self.world, request.text("who"))
        guild.members.pop(user.id, None)
        if user.id == self.world.bot_id:
            self.events.bot_left(guild)
        self.events.world_changed()
        return {}

    async def role(self, request: ControlRequest) -> Json:
        """Set the permission bits of a role."""
        guild = lookup.guild(self.world, request.text("guild"))
        role = lookup.role(guild, request.text("role"))
        role.permissions = int(request.number("permissions", role.permissions))
        self.events.role(guild.id, role.id)
        return {}

    async def channel(self, request: ControlRequest) -> Json:
        """Set age restriction, archiving, or what a role or member may do in a channel."""
        channel = lookup.any_channel(self.world, request.text("channel"))
        channel.nsfw = bool(request.body.get("nsfw", channel.nsfw))
        channel.archived = bool(request.body.get("archived", channel.archived))
        if "overwrite" in request.body and channel.guild_id is not None:
            self._overwrite(channel.guild_id, channel.overwrites, request)
        self.events.channel("UPDATE", channel)
        return {}

    def _overwrite(self, guild_id: str, overwrites: dict[str, Overwrite], request: ControlRequest) -> None:
        guild, key = self.world.guilds[guild_id], request.text("overwrite")
        try:
            target, is_member = lookup.role(guild, key).id, False
        except ActionRefused:
            target, is_member = lookup.user(self.world, key).id, True
        allow, deny = int(request.number("allow", 0)), int(request.number("deny", 0))
        overwrites[target] = Overwrite(target, is_member, allow, deny)

    async def delete_channel(self, request: ControlRequest) -> Json:
        """Delete a channel or thread with its messages."""
        channel = lookup.any_channel(self.world, request.text("channel"))
        self.events.channel("DELETE", channel)
        self.world.forget_channel(channel)
        self.events.world_changed()
        return {}

    async def thread(self, request: ControlRequest) -> Json:
        """Open a thread or forum post as a person."""
        person = lookup.person(self.world, request.text("as"))
        parent = lookup.channel(self.world, request.text("channel"), person)
        if parent.guild_id is None or parent.is_thread:
            raise ActionRefused("Threads are opened in a server's text channel or forum.")
        thread = make_thread(self.world, parent, request.text("name"), person.id, self.world.ids.new())
        self.world.channels[thread.id] = thread
        self.events.channel("CREATE", thread)
        return {"channel": thread.id}

    async def fault(self, request: ControlRequest) -> Json:
        """Inject a fault into the next requests of a route."""
        known = {field.name for field in fields(Fault)}
        unknown = sorted(set(request.body) - known)
        if unknown:
            raise ActionRefused(f"A fault has no {unknown[0]!r}; it has {', '.join(sorted(known))}.")
        self.faults.inject(Fault(**request.body))
        return {}

    async def clear_faults(self, request: ControlRequest) -> Json:
        """Remove all faults and release hanging requests."""
        del request
        self.faults.clear()
        return {}

    async def drop(self, request: ControlRequest) -> Json:
        """Drop the bot's connections: `close` (with a `code`), `reconnect` or `invalidate`."""
        how = str(request.body.get("how", "close"))
        if how not in ("close", "reconnect", "invalidate"):
            raise ActionRefused("`how` is one of close, reconnect, invalidate.")
        return {"cut": self.hub.drop(how, int(request.number("code", RESUMABLE)))}

    async def token(self, request: ControlRequest) -> Json:
        """Reset the bot's token: the old one is rejected, and the gateway closes at once.

        With `quietly` the gateway stays open, so the bot notices at its next request.
        """
        self.world.application.token = new_token(self.world.application.id)
        if not request.body.get("quietly"):
            self.hub.drop("close", AUTHENTICATION_FAILED)
        return {"token": self.world.application.token}

    async def clock(self, request: ControlRequest) -> Json:
        """Move the clock forward by some seconds."""
        seconds = request.number("advance", 0)
        if seconds < 0:
            raise ActionRefused("The playground's clock only moves forward.")
        self.world.clock.advance(seconds)
        self.events.world_changed()
        return {"now": self.world.clock.now()}
