"""POST: administration by tests: people, servers, roles, channels, threads, faults, gateway, clock."""

import itertools
from dataclasses import dataclass, fields

from playground import permissions
from playground.control_api.requests import ControlHandler, ControlRequest
from playground.errors import ApiError
from playground.event_publisher import EventPublisher
from playground.faults import Fault, Faults
from playground.gateway.hub import Hub
from playground.models import Channel, Guild, GuildRole, Member, NsfwLevel, Overwrite, User
from playground.people import automod, command_permissions, lookup
from playground.people.action_refused import ActionRefused
from playground.rest.threads import make_thread
from playground.rules import forum
from playground.threads import Threads
from playground.wire import ChannelType, Json, as_object, as_objects, as_strings
from playground.world import World, new_token

RESUMABLE, AUTHENTICATION_FAILED = 4000, 4004  # close codes of the gateway
PERSON_SWITCHES = ("installed_app", "sees_age_restricted", "is_adult", "closed_dms")


@dataclass
class AdminEndpoints:
    """Changes the state of the playground."""

    world: World
    events: EventPublisher
    hub: Hub
    faults: Faults
    threads: Threads

    def routes(self) -> list[tuple[str, str, ControlHandler]]:
        """Method, path and handler of every request."""
        return [
            ("POST", "/control/person", self.person),
            ("POST", "/control/person/new", self.new_person),
            ("POST", "/control/member", self.member),
            ("POST", "/control/member/remove", self.remove_member),
            ("POST", "/control/command-permissions", self.command_permissions),
            ("POST", "/control/automod", self.automod),
            ("POST", "/control/bot/add", self.add_bot),
            ("POST", "/control/bot/remove", self.remove_bot),
            ("POST", "/control/guild", self.guild),
            ("POST", "/control/guild/new", self.new_guild),
            ("POST", "/control/role", self.role),
            ("POST", "/control/channel", self.channel),
            ("POST", "/control/channel/delete", self.delete_channel),
            ("POST", "/control/thread", self.thread),
            ("POST", "/control/faults", self.fault),
            ("POST", "/control/faults/clear", self.clear_faults),
            ("POST", "/control/gateway/drop", self.drop),
            ("POST", "/control/gateway/interactions", self.interactions),
            ("POST", "/control/token", self.token),
            ("POST", "/control/clock", self.clock),
        ]

    async def person(self, request: ControlRequest) -> Json:
        """Turn a person's switches (PERSON_SWITCHES), or set the language: locale."""
        person = lookup.person(self.world, request.text("who"))
        for name in PERSON_SWITCHES:
            if name in request.body:
                setattr(person, name, bool(request.body[name]))
        person.locale = str(request.body.get("locale", person.locale))
        self.events.world_changed()
        return {}

    async def new_person(self, request: ControlRequest) -> Json:
        """Add a person as a member of every server that the bot is in, with an open DM. A taken name gets a number."""
        asked = request.text("name")
        taken = {name for user in self.world.users.values() for name in (user.username, user.global_name)}
        names = itertools.chain([asked], (f"{asked} {number}" for number in itertools.count(2)))
        name = next(name for name in names if taken.isdisjoint((name, name.lower())))
        user = User(self.world.ids.new(), name.lower(), name)
        self.world.users[user.id] = user
        for guild in self.world.bot_guilds():
            self._join(guild, user.id)
        self.world.dm(user.id)
        self.events.world_changed()
        return {"id": user.id, "name": name}

    async def member(self, request: ControlRequest) -> Json:
        """Change a member of a server (a person or the bot), or add one.

        `roles` are exactly these, `joined_at` is in seconds since 1970, `time_out` lasts this many seconds; 0 ends it.
        """
        guild = lookup.guild(self.world, request.text("guild"))
        user = lookup.user(self.world, request.text("who"))
        member = guild.members.get(user.id) or Member(user.id, self.world.clock.now())
        if "roles" in request.body:
            member.roles = [lookup.role(guild, key).id for key in as_strings(request.body["roles"])]
        member.joined_at = request.number("joined_at", member.joined_at)
        if "time_out" in request.body:
            seconds = request.number("time_out", 0)
            member.timed_out_until = self.world.clock.now() + seconds if seconds else None
        if user.id in guild.members:
            self.events.member_updated(guild, member)
        else:
            guild.members[user.id] = member
            self.events.member_joined(guild, member)
        return {}

    async def remove_member(self, request: ControlRequest) -> Json:
        """Remove somebody from a server: they leave, or are kicked."""
        self._remove(lookup.guild(self.world, request.text("guild")), lookup.user(self.world, request.text("who")))
        return {}

    def _remove(self, guild: Guild, user: User) -> None:
        """Remove somebody; with the bot goes what the server set for it."""
        if user.id == guild.owner_id:
            raise ActionRefused("The owner of a server stays in it.")
        if guild.members.pop(user.id, None) is None:
            raise ActionRefused(f"{user.global_name or user.username} is not in {guild.name}.")
        self.events.member_left(guild, user)
        if user.id == self.world.bot_id:
            guild.command_permissions.clear()

    async def add_bot(self, request: ControlRequest) -> Json:
        """Add the bot to a server."""
        guild = lookup.guild(self.world, request.text("guild"))
        if self.world.bot_id in guild.members:
            raise ActionRefused(f"{guild.name} has the bot already.")
        self._join(guild, self.world.bot_id)
        return {}

    def _join(self, guild: Guild, user_id: str) -> None:
        member = guild.members[user_id] = Member(user_id, self.world.clock.now())
        self.events.member_joined(guild, member)

    async def remove_bot(self, request: ControlRequest) -> Json:
        """Remove the bot from a server."""
        self._remove(lookup.guild(self.world, request.text("guild")), self.world.users[self.world.bot_id])
        return {}

    async def guild(self, request: ControlRequest) -> Json:
        """Set a server's own age restriction, `nsfw_level`."""
        guild = lookup.guild(self.world, request.text("guild"))
        level = int(request.number("nsfw_level", guild.nsfw_level))
        if level not in range(NsfwLevel.AGE_RESTRICTED + 1):
            raise ActionRefused(f"There is no level of age restriction {level}.")
        guild.nsfw_level = level
        self.events.guild_updated(guild)
        return {}

    async def new_guild(self, request: ControlRequest) -> Json:
        """Make a server with one channel, that a person owns; the bot is not in it."""
        name, owner = request.text("name"), lookup.person(self.world, request.text("owner"))
        guild = Guild(self.world.ids.new(), name, owner.id)
        guild.roles[guild.id] = GuildRole(guild.id, "@everyone", permissions.EVERYBODY, 0)
        channel = Channel(self.world.ids.new(), ChannelType.TEXT, request.text("channel"), guild.id)
        self.world.guilds[guild.id] = guild
        self.world.channels[channel.id] = channel
        self._join(guild, owner.id)
        return {"guild": guild.id, "channel": channel.id}

    async def command_permissions(self, request: ControlRequest) -> Json:
        """Let a person set who may use a command where; without `command`, all commands of the bot."""
        guild = lookup.guild(self.world, request.text("guild"))
        person = lookup.person(self.world, request.text("as"))
        allowed = {key: bool(value) for key, value in as_object(request.body.get("allowed")).items()}
        name = request.body.get("command")
        target_id = command_permissions.change(self.world, person, guild, name, allowed)
        self.events.command_permissions(guild, target_id)
        return {}

    async def automod(self, request: ControlRequest) -> Json:
        """Let a person set all rules of a server's AutoMod: `rules`, as Discord's API has their triggers."""
        guild = lookup.guild(self.world, request.text("guild"))
        person = lookup.person(self.world, request.text("as"))
        automod.replace(self.world, person, guild, as_objects(request.body.get("rules")))
        self.events.world_changed()
        return {}

    async def role(self, request: ControlRequest) -> Json:
        """Set the permission bits of a role."""
        guild = lookup.guild(self.world, request.text("guild"))
        role = lookup.role(guild, request.text("role"))
        role.permissions = int(request.number("permissions", role.permissions))
        self.events.role(guild, role)
        return {}

    async def channel(self, request: ControlRequest) -> Json:
        """Set age restriction, archiving, locking, or what a role or member may do in a channel.

        In a forum `requires_tag` says whether posts need a tag.
        """
        channel = lookup.any_channel(self.world, request.text("channel"))
        channel.nsfw = bool(request.body.get("nsfw", channel.nsfw))
        channel.locked = bool(request.body.get("locked", channel.locked))
        channel.requires_tag = bool(request.body.get("requires_tag", channel.requires_tag))
        self.threads.set_archived(channel, bool(request.body.get("archived", channel.archived)))
        if "overwrite" in request.body and channel.guild_id is not None:
            self._overwrite(channel.guild_id, channel.overwrites, request)
        self.events.channel("UPDATE", channel)
        return {}

    def _overwrite(self, guild_id: str, overwrites: dict[str, Overwrite], request: ControlRequest) -> None:
        guild, key = self.world.guilds[guild_id], request.text("overwrite")
        target, is_member = lookup.role_or_user(self.world, guild, key)
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
        """Open a thread or forum post as a person; `tags` are the names of a post's tags."""
        person = lookup.person(self.world, request.text("as"))
        parent = lookup.channel(self.world, request.text("channel"), person)
        if parent.guild_id is None or parent.is_thread:
            raise ActionRefused("Threads are opened in a server's text channel or forum.")
        thread = make_thread(self.world, parent, request.text("name"), person.id, self.world.ids.new())
        thread.applied_tags = self._tags(parent, person, request)
        self.world.channels[thread.id] = thread
        self.threads.watch(thread)
        self.events.channel("CREATE", thread)
        return {"channel": thread.id}

    def _tags(self, parent: Channel, person: User, request: ControlRequest) -> list[str]:
        """The ids of the named tags, if this person may put them on a post."""
        ids = {tag.name: tag.id for tag in parent.available_tags}
        named = as_strings(request.body.get("tags"))
        unknown = [name for name in named if name not in ids]
        if unknown:
            raise ActionRefused(f"{parent.name} has no tag {unknown[0]!r}.")
        moderates = bool(self.world.permissions(parent, person.id) & permissions.MANAGE_THREADS)
        try:
            return forum.check_applied(parent, [ids[name] for name in named], [], moderates=moderates)
        except ApiError as refusal:
            raise ActionRefused(refusal.message) from None

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

    async def interactions(self, request: ControlRequest) -> Json:
        """Hold back the events of interactions (`held`), or send each of them `extra_copies` times more."""
        self.hub.extra_copies = int(request.number("extra_copies", self.hub.extra_copies))
        if "held" in request.body:
            (self.hub.hold_interactions if request.body["held"] else self.hub.release_interactions)()
        return {}

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
