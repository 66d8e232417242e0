"""Discord's command settings decide about buttons as they do about commands."""

from __future__ import annotations

import pytest

from bot.servers.command_permissions import (
    CommandGate,
    CommandOverwrite,
    CommandPermissions,
    OverwriteKind,
    command_access,
)
from bot.servers.context import ActionContext
from bot.servers.lookups import FRESH_SECONDS, RETRY_SECONDS, LookupFailed
from bot.servers.rights import CommandAccess

SERVER, CHANNEL, PARENT, PERSON, ROLE, SECOND_ROLE = 100, 7, 6, 2, 11, 12
ALL_CHANNELS, EVERYBODY = SERVER - 1, SERVER
MANAGE_SERVER, ADMINISTRATOR = 1 << 5, 1 << 3
KINDS = {
    "channel": (OverwriteKind.CHANNEL, CHANNEL),
    "parent": (OverwriteKind.CHANNEL, PARENT),
    "channels": (OverwriteKind.CHANNEL, ALL_CHANNELS),
    "person": (OverwriteKind.USER, PERSON),
    "role": (OverwriteKind.ROLE, ROLE),
    "role2": (OverwriteKind.ROLE, SECOND_ROLE),
    "everybody": (OverwriteKind.ROLE, EVERYBODY),
    "stranger": (OverwriteKind.USER, 999),
}


def overwrites(text: str) -> tuple[CommandOverwrite, ...]:
    """`+role -everybody` as overwrites."""
    return tuple(CommandOverwrite(*KINDS[word[1:]], allowed=word[0] == "+") for word in text.split())


def who(**changes: object) -> ActionContext:
    values = {
        "person_id": PERSON, "server_id": SERVER, "channel_id": CHANNEL, "parent_ids": {PARENT},
        "role_ids": {ROLE, SECOND_ROLE},
    }  # fmt: skip
    return ActionContext.model_validate(values | changes)


# overwrites of the command · of the app · default permissions · the person's bits -> open, closed, or by default
@pytest.mark.parametrize(
    ("of_command", "of_app", "default", "bits", "access"),
    [
        ("", "", None, 0, "open"),
        ("", "", MANAGE_SERVER, 0, "default"),
        ("", "", MANAGE_SERVER, MANAGE_SERVER, "open"),
        ("", "", 0, MANAGE_SERVER, "default"),
        ("", "", 0, ADMINISTRATOR, "open"),
        ("-everybody", "-everybody -channels", 0, ADMINISTRATOR, "open"),
        ("-everybody", "", None, 0, "closed"),
        ("-everybody +role", "", None, 0, "open"),
        ("-role +role2", "", None, 0, "open"),
        ("+role -person", "", None, 0, "closed"),
        ("-role +person", "", None, 0, "open"),
        ("-stranger", "", None, 0, "open"),
        ("+role", "", MANAGE_SERVER, 0, "open"),
        ("", "+role", MANAGE_SERVER, 0, "default"),
        ("", "-everybody", None, 0, "closed"),
        ("+everybody", "-everybody", None, 0, "open"),
        ("+everybody", "-person", MANAGE_SERVER, 0, "open"),
        ("", "-everybody +person", None, 0, "open"),
        ("-channel", "", None, 0, "closed"),
        ("-channels", "", None, 0, "closed"),
        ("-channels +channel", "", None, 0, "open"),
        ("-channels +parent", "", None, 0, "open"),
        ("-parent", "", None, 0, "closed"),
        ("+channel -parent", "", None, 0, "open"),
        ("+channel", "-channels", None, 0, "open"),
        ("", "-channels", None, 0, "closed"),
        ("+channels", "-channel", None, 0, "open"),
        ("+person -channel", "", None, 0, "closed"),
        ("+person -channel", "", None, MANAGE_SERVER, "closed"),
    ],
)
def test_as_discord_decides(of_command: str, of_app: str, default: int | None, bits: int, access: str) -> None:
    permissions = CommandPermissions(
        of_commands={"imagine": overwrites(of_command), "queue": overwrites("-everybody")},
        of_app=overwrites(of_app),
        default_permissions={} if default is None else {"imagine": default},
    )
    expected = {
        "open": CommandAccess.OPEN,
        "closed": CommandAccess.CLOSED,
        "default": CommandAccess.CLOSED_BY_DEFAULT,
    }
    assert command_access(permissions, who(permissions=bits)) is expected[access]


class Settings:
    """Implements `CommandPermissionLookup`."""

    def __init__(self) -> None:
        self.closed, self.fails, self.asked = False, False, 0

    async def command_permissions(self, server_id: int) -> CommandPermissions:
        self.asked += 1
        if self.fails:
            raise LookupFailed
        return CommandPermissions(of_app=overwrites("-everybody" if self.closed else ""))


async def test_settings_are_asked_for_once_a_minute_and_after_a_change() -> None:
    settings, now = Settings(), [0.0]
    gate = CommandGate(settings, clock=lambda: now[0])
    assert await gate.access(who()) is await gate.access(who(person_id=3)) is CommandAccess.OPEN
    assert settings.asked == 1
    settings.closed = True
    gate.forget(SERVER)
    assert await gate.access(who()) is CommandAccess.CLOSED
    settings.closed = False
    now[0] += FRESH_SECONDS
    assert (await gate.access(who()), settings.asked) == (CommandAccess.OPEN, 3)


async def test_what_cannot_be_looked_up_stays_as_it_was_or_is_unknown() -> None:
    settings, now = Settings(), [0.0]
    gate = CommandGate(settings, clock=lambda: now[0])
    settings.fails = True
    assert await gate.access(who()) is CommandAccess.UNKNOWN
    settings.fails, settings.closed = False, True
    assert await gate.access(who()) is CommandAccess.UNKNOWN, "nobody asks again at once"
    now[0] += RETRY_SECONDS
    assert await gate.access(who()) is CommandAccess.CLOSED
    settings.fails = True
    now[0] += FRESH_SECONDS
    assert await gate.access(who()) is CommandAccess.CLOSED
    gate.forget(SERVER)
    assert await gate.access(who()) is CommandAccess.CLOSED


async def test_discord_is_not_asked_where_it_has_no_such_settings() -> None:
    settings = Settings()
    gate = CommandGate(settings)
    for context in (who(server_id=None), who(bot_in_server=False), who(checked_by_discord=True)):
        assert await gate.access(context) is CommandAccess.OPEN
    assert settings.asked == 0
