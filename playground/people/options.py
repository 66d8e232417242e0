"""Converts typed values to the options of a command, with the checks that a client makes."""

from dataclasses import dataclass, field

from playground import message_shapes, shapes
from playground.message_writer import MessageWriter, Upload
from playground.models import Channel, Command
from playground.people import lookup
from playground.people.action_refused import ActionRefused
from playground.rules import commands as rules
from playground.wire import UPLOAD_LIMIT, Json, as_object, as_objects
from playground.world import World

USER, CHANNEL, ROLE, MENTIONABLE, BOOLEAN = 6, 7, 8, 9, 5


@dataclass
class Reader:
    """Converts the values of one command and collects the resolved objects."""

    world: World
    message_writer: MessageWriter
    place: Channel
    uploads: list[Upload]
    resolved: Json = field(default_factory=dict[str, object])

    def slash(self, command: Command, path: list[str], values: Json, focused: str | None) -> list[Json]:
        """The nested options for `name sub sub` with these values; `focused` is being typed."""
        options = as_objects(command.body.get("options"))
        if not path:
            if any(option["type"] in (rules.SUBCOMMAND, rules.GROUP) for option in options):
                raise ActionRefused(f"/{command.name} needs a subcommand.")
            return self._leaves(options, values, focused)
        branch = next((option for option in options if option["name"] == path[0]), None)
        if branch is None or branch["type"] not in (rules.SUBCOMMAND, rules.GROUP):
            raise ActionRefused(f"/{command.name} has no subcommand {path[0]!r}.")
        deeper = Command(command.id, "", command.name, command.type, branch)
        inner = self.slash(deeper, path[1:], values, focused)
        return [{"name": branch["name"], "type": branch["type"], "options": inner}]

    def _leaves(self, options: list[Json], values: Json, focused: str | None) -> list[Json]:
        names = {str(option["name"]) for option in options}
        unknown = sorted(set(values) - names)
        if unknown:
            raise ActionRefused(f"The command has no option {unknown[0]!r}; it has {', '.join(sorted(names))}.")
        given: list[Json] = []
        for option in options:
            name = str(option["name"])
            if name == focused:
                typed = str(values.get(name, ""))
                given.append({"name": name, "type": option["type"], "value": typed, "focused": True})
            elif values.get(name) is not None:
                given.append({"name": name, "type": option["type"], "value": self._value(option, values[name])})
            elif option.get("required") and focused is None:
                raise ActionRefused(f"The option {name!r} is required.")
        return given

    def _value(self, option: Json, value: object) -> object:
        kind = option["type"]
        if kind == rules.STRING:
            return self._text(option, str(value))
        if kind in (rules.INTEGER, rules.NUMBER):
            return self._number(option, value)
        if kind == BOOLEAN:
            return value in (True, "true", "True", "1")
        if kind == rules.ATTACHMENT:
            return self._attachment(value)
        return self.named(kind, str(value))

    def _text(self, option: Json, text: str) -> str:
        self._check_choice(option, text)
        least, most = option.get("min_length") or 0, option.get("max_length") or 6000
        if not least <= len(text) <= most:
            raise ActionRefused(f"The option {option['name']!r} takes {least} to {most} characters.")
        return text

    def _number(self, option: Json, value: object) -> int | float:
        try:
            number = int(str(value)) if option["type"] == rules.INTEGER else float(str(value))
        except ValueError:
            raise ActionRefused(f"The option {option['name']!r} takes a number, not {value!r}.") from None
        self._check_choice(option, number)
        least, most = option.get("min_value"), option.get("max_value")
        if (least is not None and number < least) or (most is not None and number > most):
            raise ActionRefused(f"The option {option['name']!r} takes a number from {least} to {most}.")
        return number

    def _check_choice(self, option: Json, value: object) -> None:
        """A value must be one of the choices; autocomplete does not restrict it."""
        choices = [choice["value"] for choice in as_objects(option.get("choices"))]
        if choices and value not in choices:
            raise ActionRefused(f"{value!r} is none of the choices of {option['name']!r}.")

    def _attachment(self, value: object) -> str:
        key = str(as_object(value).get("file", value))
        upload = next((one for one in self.uploads if one.key == key), None)
        if upload is None:
            raise ActionRefused(f"No file was sent for {key!r}.")
        return self.attach(upload)

    def attach(self, upload: Upload) -> str:
        """Store a file that a person uploads, and add it to the resolved objects."""
        if len(upload.data) > UPLOAD_LIMIT:
            raise ActionRefused(f"{upload.filename} is larger than {UPLOAD_LIMIT} bytes.")
        file = self.message_writer.keep_file(upload.filename, upload.data, ephemeral=True)
        self._resolve("attachments", file.id, message_shapes.attachment(self.world, file))
        return file.id

    def named(self, kind: int, key: str) -> str:
        """The id of a named person, channel or role, which is added to the resolved objects."""
        if kind == CHANNEL:
            channel = lookup.any_channel(self.world, key)
            self._resolve("channels", channel.id, {**shapes.channel(self.world, channel), "permissions": "0"})
            return channel.id
        if kind == ROLE:
            return self._role(key)
        try:
            return self.user(key)
        except ActionRefused:
            if kind != MENTIONABLE:
                raise
            return self._role(key)

    def user(self, key: str) -> str:
        """Resolve a person, with their membership where they have one."""
        found = lookup.user(self.world, key)
        self._resolve("users", found.id, shapes.user(found))
        membership = self.world.member(self.place.guild_id, found.id)
        if membership is not None:
            held = self.world.permissions(self.place, found.id)
            shape = shapes.member_without_user(membership)
            self._resolve("members", found.id, {**shape, "permissions": str(held)})
        return found.id

    def _role(self, key: str) -> str:
        if self.place.guild_id is None:
            raise ActionRefused("There are no roles outside a server.")
        found = lookup.role(self.world.guilds[self.place.guild_id], key)
        self._resolve("roles", found.id, shapes.role(found))
        return found.id

    def _resolve(self, kind: str, thing_id: str, shape: Json) -> None:
        self.resolved.setdefault(kind, {})[thing_id] = shape
