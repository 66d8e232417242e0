"""A server's settings for commands: routes and event, the rule for who may use what, and who may change them."""

import discord
import pytest

from playground import default_world, permissions
from playground.control import Control, ControlError

from .conftest import Rest, Stage

WORKSHOP, EVERYWHERE = default_world.WORKSHOP, str(int(default_world.WORKSHOP) - 1)
PERMISSIONS = f"/applications/{{app}}/guilds/{WORKSHOP}/commands/permissions"
NONE: dict[str, bool] = {}


async def register(rest: Rest, **more: object) -> str:
    """Register /do; gives its id."""
    _, (command,) = await rest(
        "PUT", "/applications/{app}/commands", [{"name": "do", "description": "Does it", **more}]
    )
    return command["id"]


async def offered(control: Control, who: str = "Ada", where: str = "general") -> bool:
    return [one["name"] for one in await control.person(who).commands(where)] == ["do"]


async def test_the_bot_reads_them(rest: Rest, control: Control) -> None:
    command = await register(rest)
    path = PERMISSIONS.replace("commands", f"commands/{command}")
    assert await rest("GET", PERMISSIONS) == (200, [])
    status, answer = await rest("GET", path)
    assert (status, answer["code"]) == (404, 10066)

    allowed = {"@everyone": False, "Artists": True, "Ada": True, "#art": True, "#*": False}
    await control.person("Grace").set_command_permissions("do", allowed)
    await control.person("Grace").set_command_permissions(None, {"Linus": False})
    status, answer = await rest("GET", path)
    assert (status, answer["id"], answer["guild_id"]) == (200, command, WORKSHOP)
    assert answer["permissions"] == [
        {"id": WORKSHOP, "type": 1, "permission": False},
        {"id": default_world.ARTIST_ROLE, "type": 1, "permission": True},
        {"id": default_world.ADA, "type": 2, "permission": True},
        {"id": default_world.ART, "type": 3, "permission": True},
        {"id": EVERYWHERE, "type": 3, "permission": False},
    ]
    status, listed = await rest("GET", PERMISSIONS)
    assert (status, [one["id"] for one in listed]) == (200, [command, rest.application])
    status, of_app = await rest("GET", path.replace(command, rest.application))
    assert (status, of_app) == (200, listed[1])

    status, answer = await rest("PUT", path, {"permissions": []})
    assert (status, answer["code"]) == (403, 20001)
    await control.person("Grace").set_command_permissions("do", NONE)
    assert (await rest("GET", path))[1]["code"] == 10066


async def test_they_are_of_one_server_and_one_application(rest: Rest) -> None:
    for path, code in (
        (PERMISSIONS.replace(WORKSHOP, default_world.TEA_ROOM), 50001),
        (PERMISSIONS.replace(WORKSHOP, "1"), 10004),
        (PERMISSIONS.replace("{app}", "1"), 20012),
    ):
        assert (await rest("GET", path))[1]["code"] == code


async def test_they_go_with_their_command_and_with_the_bot(rest: Rest, control: Control) -> None:
    first, grace = await register(rest), control.person("Grace")
    await grace.set_command_permissions("do", {"Ada": False})
    assert await register(rest) == first
    assert len((await rest("GET", PERMISSIONS))[1]) == 1, "a command that is overwritten keeps them"
    await rest("PUT", "/applications/{app}/commands", [])
    await register(rest)
    assert await rest("GET", PERMISSIONS) == (200, [])
    await grace.set_command_permissions("do", {"Ada": False})
    await control.remove_member("Easel")
    await control.set_roles("Easel", [])
    assert await rest("GET", PERMISSIONS) == (200, [])


RULES = [
    # what /do has, what the application has, whether /do asks for Manage Server, whether Ada may
    ("nothing is set", NONE, NONE, False, True),
    ("the default", NONE, NONE, True, False),
    ("everybody closed", {"@everyone": False}, NONE, False, False),
    ("a role opens", {"@everyone": False, "Artists": True}, NONE, False, True),
    ("a role closes", {"@everyone": True, "Artists": False}, NONE, False, False),
    ("the person before the role", {"Ada": True, "Artists": False}, NONE, False, True),
    ("the person before everybody", {"Ada": False, "@everyone": True, "Artists": True}, NONE, False, False),
    ("a role of others", {"Staff": False}, NONE, False, True),
    ("the command opens its default", {"Ada": True}, NONE, True, True),
    ("the application keeps the default", NONE, {"Ada": True}, True, False),
    ("the application closes", NONE, {"@everyone": False}, False, False),
    ("the application opens for a role", NONE, {"@everyone": False, "Artists": True}, False, True),
    ("the command before the application", {"@everyone": True}, {"Ada": False}, True, True),
    ("the channel closed", {"#general": False}, NONE, False, False),
    ("all channels but this", {"#*": False, "#general": True}, NONE, False, True),
    ("all channels closed", {"#*": False, "Ada": True}, NONE, False, False),
    ("another channel closed", {"#art": False}, NONE, False, True),
    ("the application closed the channel", NONE, {"#general": False}, False, False),
    ("the command opens the channel", {"#general": True}, {"#*": False}, False, True),
    ("all channels of the command", {"#*": True}, {"#general": False}, False, True),
    ("an open channel is not enough", {"#general": True}, NONE, True, False),
]


@pytest.mark.parametrize("rule", RULES, ids=[rule[0] for rule in RULES])
async def test_who_may_use_a_command(
    rest: Rest, control: Control, rule: tuple[str, dict[str, bool], dict[str, bool], bool, bool]
) -> None:
    _, of_command, of_app, manages, allowed = rule
    await register(rest, default_member_permissions=str(permissions.MANAGE_GUILD) if manages else None)
    grace = control.person("Grace")
    await grace.set_command_permissions("do", of_command)
    await grace.set_command_permissions(None, of_app)
    assert await offered(control) == allowed
    assert await offered(control, "Grace"), "the owner may use everything"
    assert await offered(control, where="dm")
    assert await offered(control, where="tea-table") == (not manages), "the settings are those of one server"


async def test_threads_have_what_their_channel_has(rest: Rest, control: Control) -> None:
    await register(rest)
    await control.person("Grace").set_command_permissions("do", {"#art": False})
    assert not await offered(control, where="Sketches")
    assert await offered(control, where="Post your favourites")


async def test_a_closed_command_cannot_be_sent_nor_completed(rest: Rest, control: Control) -> None:
    option = {"type": 3, "name": "what", "description": "d", "autocomplete": True}
    await register(rest, options=[option])
    await control.person("Grace").set_command_permissions("do", {"Ada": False})
    with pytest.raises(ControlError, match="the server closed it for this person"):
        await control.person("Ada").slash("do")
    with pytest.raises(ControlError, match="the server closed it for this person"):
        await control.post("autocomplete", {"as": "Ada", "channel": "general", "name": "do", "focused": "what"})
    assert await offered(control, "Linus")


async def test_who_may_change_them(rest: Rest, control: Control) -> None:
    await register(rest)
    with pytest.raises(ControlError, match="Manage Server and Manage Roles"):
        await control.person("Margaret").set_command_permissions("do", NONE)
    await control.set_role_permissions("Staff", permissions.MANAGE_GUILD | permissions.MANAGE_ROLES)
    await control.person("Margaret").set_command_permissions("do", NONE)
    with pytest.raises(ControlError, match="does not have the bot"):
        await control.person("Kai").set_command_permissions("do", NONE, guild="Tea Room")
    with pytest.raises(ControlError, match="no command called 'undo'"):
        await control.person("Grace").set_command_permissions("undo", NONE)
    with pytest.raises(ControlError, match="takes 100 overwrites, not 101"):
        await control.person("Grace").set_command_permissions("do", {str(number): True for number in range(101)})


async def test_discord_py_reads_them_and_hears_of_changes(stage: Stage) -> None:
    async def answer(interaction: discord.Interaction) -> None:
        del interaction

    await stage.answering(answer)
    guild = stage.bot.get_guild(int(WORKSHOP))
    (command,) = await stage.bot.tree.fetch_commands()
    with pytest.raises(discord.NotFound):
        await command.fetch_permissions(guild)
    await stage.grace.set_command_permissions("do", {"Artists": False, "#art": True, "#*": False})
    (changed,) = await stage.bot.until("raw_app_command_permissions_update")
    assert (changed.target_id, changed.guild) == (command.id, guild)
    fetched = await command.fetch_permissions(guild)
    artists, art, everywhere = fetched.permissions
    assert [one.permission for one in changed.permissions] == [False, True, False]
    assert (artists.target, art.target) == (
        guild.get_role(int(default_world.ARTIST_ROLE)),
        guild.get_channel(int(default_world.ART)),
    )
    assert isinstance(everywhere.target, discord.app_commands.AllChannels)
    await stage.grace.set_command_permissions(None, NONE)
    (changed,) = await stage.bot.until("raw_app_command_permissions_update", 2)
    assert (changed.target_id, changed.permissions) == (stage.bot.application_id, [])
    with pytest.raises(discord.Forbidden) as refused:
        await stage.bot.http.edit_application_command_permissions(
            stage.bot.application_id, guild.id, command.id, {"permissions": []}
        )
    assert refused.value.code == 20001


async def test_a_fault_hits_them_alone(rest: Rest, control: Control) -> None:
    await control.fault("/commands/permissions$", method="GET")
    assert (await rest("GET", "/applications/{app}/commands"))[0] == 200
    assert (await rest("GET", PERMISSIONS))[0] == 500
    assert (await rest("GET", PERMISSIONS))[0] == 200
