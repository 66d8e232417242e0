"""JSON as it goes over the wire, and the few numbers of the format that several rooms share."""

import json
from datetime import UTC, datetime
from typing import Any, cast

# Discord's JSON is open-ended: objects gain keys every month and a client may send any of them.
# It stays a plain dict at this border; rules/ checks what matters, and dataclasses hold what we keep.
Json = dict[str, Any]

MIB = 1024 * 1024
UPLOAD_LIMIT = 10 * MIB  # bytes of one file, Discord's default for people and bots
REQUEST_LIMIT = 110 * MIB  # bytes of one request: ten files and their JSON


class MessageFlag:
    """Bits of a message's `flags`."""

    SUPPRESS_EMBEDS = 1 << 2
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    SUPPRESS_NOTIFICATIONS = 1 << 12
    COMPONENTS_V2 = 1 << 15


class ChannelType:
    """Kinds of channel this playground knows."""

    TEXT = 0
    DM = 1
    VOICE = 2  # people also write in it
    GROUP_DM = 3  # among people; the bot has no part in it
    PUBLIC_THREAD = 11
    FORUM = 15


class Context:
    """Where an interaction takes place."""

    GUILD = 0
    BOT_DM = 1
    PRIVATE_CHANNEL = 2


def compact(payload: object) -> str:
    """JSON without spaces, as both sockets send it."""
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False)


def iso(seconds: float) -> str:
    """A moment in the form Discord writes it, with six decimals and an offset."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")


def as_object(value: object) -> Json:
    """The value as a JSON object; an empty one when it is something else."""
    return cast("Json", value) if isinstance(value, dict) else {}


def as_objects(value: object) -> list[Json]:
    """The objects in a JSON array; other entries are left out."""
    entries = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("Json", entry) for entry in entries if isinstance(entry, dict)]


def as_strings(value: object) -> list[str]:
    """The entries of a JSON array as strings (snowflakes may arrive as numbers)."""
    entries = cast("list[object]", value) if isinstance(value, list) else []
    return [str(entry) for entry in entries]


def as_int(value: object, default: int = 0) -> int:
    """A whole number, also when it arrives as digits in a string."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and value.lstrip("-").isdigit() else default
