"""The registry of application commands: counts, daily limits, and the JSON of a command."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from playground import errors
from playground.models import Command
from playground.rules import commands as rules
from playground.rules.form import FormErrors
from playground.wire import Json
from playground.world import World

DAY = 24 * 60 * 60.0
CREATES_A_DAY = 200  # per server, and once for the global commands


@dataclass
class CommandRegistry:
    """Creates, changes and lists commands; a scope is a server's id, or None for the global ones."""

    world: World
    on_change: Callable[[], None]
    _creates: dict[str | None, deque[float]] = field(default_factory=dict[str | None, deque[float]])

    def of(self, guild_id: str | None) -> list[Command]:
        """The commands of a scope, in the order of their creation."""
        return [command for command in self.world.commands.values() if command.guild_id == guild_id]

    def get(self, guild_id: str | None, command_id: str) -> Command:
        """One command of a scope."""
        command = self.world.commands.get(command_id)
        if command is None or command.guild_id != guild_id:
            raise errors.unknown("application command")
        return command

    def create(self, guild_id: str | None, body: Json) -> tuple[Command, bool]:
        """Add a command, or overwrite the one with its name; says whether it is new."""
        form = FormErrors()
        rules.check(form, (), body)
        form.refuse()
        same = self._same_name(guild_id, body)
        if same is not None:
            return self._store(same.id, guild_id, body), False
        self._check_count([*(command.body for command in self.of(guild_id)), body])
        self._count_creates(guild_id, 1)
        return self._store(self.world.ids.new(), guild_id, body), True

    def change(self, command: Command, body: Json) -> Command:
        """Change some of a command's fields."""
        merged = {**command.body, **body, "type": command.type}
        form = FormErrors()
        rules.check(form, (), merged)
        form.refuse()
        return self._store(command.id, command.guild_id, merged)

    def replace(self, guild_id: str | None, bodies: list[Json]) -> list[Command]:
        """Overwrite a whole scope; commands that keep their name keep their id."""
        form = FormErrors()
        for index, body in enumerate(bodies):
            rules.check(form, (index,), body)
        rules.check_unique(form, bodies)
        form.refuse()
        self._check_count(bodies)
        old = [self._same_name(guild_id, body) for body in bodies]
        self._count_creates(guild_id, old.count(None))
        kept = {same.id for same in old if same is not None}
        for command in self.of(guild_id):
            if command.id not in kept:
                self.world.forget_command(command.id)
        return [
            self._store(same.id if same else self.world.ids.new(), guild_id, body)
            for same, body in zip(old, bodies, strict=True)
        ]

    def delete(self, command: Command) -> None:
        """Remove a command."""
        self.world.forget_command(command.id)
        self.on_change()

    def _same_name(self, guild_id: str | None, body: Json) -> Command | None:
        key = (body.get("name"), body.get("type") or rules.CHAT_INPUT)
        return next((c for c in self.of(guild_id) if (c.name, c.type) == key), None)

    def _store(self, command_id: str, guild_id: str | None, body: Json) -> Command:
        kind = body.get("type") or rules.CHAT_INPUT
        command = Command(command_id, self.world.ids.new(), body["name"], kind, body, guild_id)
        self.world.commands[command_id] = command
        self.on_change()
        return command

    def _check_count(self, bodies: list[Json]) -> None:
        for kind, most in rules.PER_TYPE.items():
            if sum((body.get("type") or rules.CHAT_INPUT) == kind for body in bodies) > most:
                raise errors.too_many_commands()

    def _count_creates(self, guild_id: str | None, new: int) -> None:
        now = self.world.clock.now()
        recent = self._creates.setdefault(guild_id, deque())
        while recent and recent[0] < now - DAY:
            recent.popleft()
        if len(recent) + new > CREATES_A_DAY:
            raise errors.too_many_creates(recent[0] + DAY - now if recent else DAY)
        recent.extend([now] * new)


def shape(world: World, command: Command) -> Json:
    """A command as Discord gives it back."""
    body = command.body
    needed = body.get("default_member_permissions")
    done: Json = {
        "id": command.id,
        "application_id": world.application.id,
        "version": command.version,
        "type": command.type,
        "name": command.name,
        "name_localizations": body.get("name_localizations"),
        "description": body.get("description") or "",
        "description_localizations": body.get("description_localizations"),
        "default_member_permissions": None if needed is None else str(needed),
        "nsfw": bool(body.get("nsfw")),
    }
    if body.get("options"):
        done["options"] = body["options"]
    if command.guild_id is not None:
        return {**done, "guild_id": command.guild_id}
    return {
        **done,
        "dm_permission": body.get("dm_permission") is not False,
        "contexts": body.get("contexts"),
        "integration_types": body.get("integration_types") or [0, 1],
    }
