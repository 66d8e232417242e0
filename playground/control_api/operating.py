"""POST: the hand of the operator: roles, channels, threads, faults, gateway, clock."""

from dataclasses import dataclass, fields

from playground.control_api.requests import Order, Work
from playground.faults import Fault, Faults
from playground.gateway.hub import Hub
from playground.models import Member, Overwrite, User
from playground.news import News
from playground.people import lookup
from playground.people.refused import ActRefused
from playground.rest.channels import make_thread
from playground.wire import Json, as_strings
from playground.world import World, new_token

RESUMABLE, AUTHENTICATION_FAILED = 4000, 4004  # close codes of the gateway
PERSON_SWITCHES = ("installed_app", "sees_age_restricted", "closed_dms")


@dataclass
class Operating:
    """Changes the world around people and bot."""

    world: World
    news: News
    hub: Hub
    faults: Faults

    def routes(self) -> list[tuple[str, str, Work]]:
        """Method, path and work of every order."""
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

    async def person(self, order: Order) -> Json:
        """Turn a person's switches (installed_app, sees_age_restricted, closed_dms), or set the language: locale."""
        person = lookup.person(self.world, order.text("who"))
        for name in PERSON_SWITCHES:
            if name in order.body:
                setattr(person, name, bool(order.body[name]))
        person.locale = str(order.body.get("locale", person.locale))
        self.news.world_changed()
        return {}

    async def new_person(self, order: Order) -> Json:
        """Somebody new, a member of every server that the bot is in, with an open DM."""
        name = order.text("name")
        if any(name in (one.username, one.global_name) for one in self.world.users.values()):
            raise ActRefused(f"There is a {name!r} already.")
        user = User(self.world.ids.new(), name.lower(), name)
        self.world.users[user.id] = user
        for guild in self.world.bot_guilds():
            guild.members[user.id] = Member(user.id, self.world.clock.now())
            self.news.member(guild.id, user.id)
        self.world.dm(user.id)
        self.news.world_changed()
        return {"id": user.id}

    async def member(self, order: Order) -> Json:
        """Set the roles of a member (a person or the bot), or take somebody in."""
        guild = lookup.guild(self.world, order.text("guild"))
        user = lookup.user(self.world, order.text("who"))
        roles = [lookup.role(guild, key).id for key in as_strings(order.body.get("roles"))]
        is_new = user.id not in guild.members
        membership = guild.members.setdefault(user.id, Member(user.id, self.world.clock.now()))
        membership.roles = roles
        if is_new and user.id == self.world.bot_id:
            self.news.bot_joined(guild)
        else:
            self.news.member(guild.id, user.id)
        return {}

    async def remove_member(self, order: Order) -> Json:
        """Take somebody out of a server; the bot hears when it is itself."""
        guild = lookup.guild(self.world, order.text("guild"))
        user = lookup.user(self.world, order.text("who"))
        guild.members.pop(user.id, None)
        if user.id == self.world.bot_id:
            self.news.bot_left(guild)
        self.news.world_changed()
        return {}

    async def role(self, order: Order) -> Json:
        """Set the permission bits of a role."""
        guild = lookup.guild(self.world, order.text("guild"))
        role = lookup.role(guild, order.text("role"))
        role.permissions = int(order.number("permissions", role.permissions))
        self.news.role(guild.id, role.id)
        return {}

    async def channel(self, order: Order) -> Json:
        """Set age restriction, archiving, or what a role or member may do in a channel."""
        channel = lookup.any_channel(self.world, order.text("channel"))
        channel.nsfw = bool(order.body.get("nsfw", channel.nsfw))
        channel.archived = bool(order.body.get("archived", channel.archived))
        if "overwrite" in order.body and channel.guild_id is not None:
            self._overwrite(channel.guild_id, channel.overwrites, order)
        self.news.channel("UPDATE", channel)
        return {}

    def _overwrite(self, guild_id: str, overwrites: dict[str, Overwrite], order: Order) -> None:
        guild, key = self.world.guilds[guild_id], order.text("overwrite")
        try:
            target, is_member = lookup.role(guild, key).id, False
        except ActRefused:
            target, is_member = lookup.user(self.world, key).id, True
        allow, deny = int(order.number("allow", 0)), int(order.number("deny", 0))
        overwrites[target] = Overwrite(target, is_member, allow, deny)

    async def delete_channel(self, order: Order) -> Json:
        """Delete a channel or thread with all that is in it."""
        channel = lookup.any_channel(self.world, order.text("channel"))
        self.news.channel("DELETE", channel)
        self.world.forget_channel(channel)
        self.news.world_changed()
        return {}

    async def thread(self, order: Order) -> Json:
        """Open a thread or forum post as a person."""
        person = lookup.person(self.world, order.text("as"))
        parent = lookup.channel(self.world, order.text("channel"), person)
        if parent.guild_id is None or parent.is_thread:
            raise ActRefused("Threads are opened in a server's text channel or forum.")
        thread = make_thread(self.world, parent, order.text("name"), person.id, self.world.ids.new())
        self.world.channels[thread.id] = thread
        self.news.channel("CREATE", thread)
        return {"channel": thread.id}

    async def fault(self, order: Order) -> Json:
        """Let the next requests on a route go wrong."""
        known = {field.name for field in fields(Fault)}
        strangers = sorted(set(order.body) - known)
        if strangers:
            raise ActRefused(f"A fault has no {strangers[0]!r}; it has {', '.join(sorted(known))}.")
        self.faults.order(Fault(**order.body))
        return {}

    async def clear_faults(self, order: Order) -> Json:
        """Forget all faults and let hanging requests go."""
        del order
        self.faults.clear()
        return {}

    async def drop(self, order: Order) -> Json:
        """Cut the bot's connections: `close` (with a `code`), `reconnect` or `invalidate`."""
        how = str(order.body.get("how", "close"))
        if how not in ("close", "reconnect", "invalidate"):
            raise ActRefused("`how` is one of close, reconnect, invalidate.")
        return {"cut": self.hub.drop(how, int(order.number("code", RESUMABLE)))}

    async def token(self, order: Order) -> Json:
        """Reset the bot's token, as its owner does when it leaked: the old one opens nothing, and is cut off at once.

        With `quietly` the gateway stays open, so that the bot only finds out at its next request.
        """
        self.world.application.token = new_token(self.world.application.id)
        if not order.body.get("quietly"):
            self.hub.drop("close", AUTHENTICATION_FAILED)
        return {"token": self.world.application.token}

    async def clock(self, order: Order) -> Json:
        """Move the clock forward by some seconds."""
        seconds = order.number("advance", 0)
        if seconds < 0:
            raise ActRefused("The playground's clock only moves forward.")
        self.world.clock.advance(seconds)
        self.news.world_changed()
        return {"now": self.world.clock.now()}
