"""The rules for registering commands, with a violation of each."""

from typing import Any

import pytest

from playground import default_world
from playground.control import Control

from .conftest import Rest, codes

Json = dict[str, Any]
GLOBAL = "/applications/{app}/commands"
LENGTH = "BASE_TYPE_BAD_LENGTH"


def command(**more: Any) -> Json:
    return {"name": "do", "description": "Does it", **more}


def option(name: str = "o", kind: int = 3, **more: Any) -> Json:
    return {"type": kind, "name": name, "description": "d", **more}


def nested(depth: int) -> Json:
    inner = option("leaf", 1)
    for level in range(depth):
        inner = option(f"group{level}", 2, options=[inner])
    return inner


CHOICE = {"name": "n", "value": "v"}

BROKEN: list[tuple[str, Json, list[str | int], str]] = [
    ("upper case", command(name="Do"), ["name"], "APPLICATION_COMMAND_INVALID_NAME"),
    ("space", command(name="do it"), ["name"], "APPLICATION_COMMAND_INVALID_NAME"),
    ("33 letters", command(name="x" * 33), ["name"], LENGTH),
    ("no description", command(description=""), ["description"], LENGTH),
    ("long description", command(description="x" * 101), ["description"], LENGTH),
    (
        "menu with description",
        command(type=3, name="Do It"),
        ["description"],
        "APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION_NOT_EMPTY",
    ),
    ("unknown type", command(type=9), ["type"], "BASE_TYPE_CHOICES"),
    ("26 options", command(options=[option(f"o{n}") for n in range(26)]), ["options"], "BASE_TYPE_MAX_LENGTH"),
    (
        "option twice",
        command(options=[option(), option()]),
        ["options", 1, "name"],
        "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS",
    ),
    (
        "required after optional",
        command(options=[option("a"), option("b", required=True)]),
        ["options", 1],
        "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
    ),
    ("option name", command(options=[option("Big")]), ["options", 0, "name"], "APPLICATION_COMMAND_INVALID_NAME"),
    (
        "26 choices",
        command(options=[option(choices=[{"name": str(n), "value": "v"} for n in range(26)])]),
        ["options", 0, "choices"],
        "BASE_TYPE_MAX_LENGTH",
    ),
    (
        "long choice",
        command(options=[option(choices=[{"name": "n", "value": "x" * 101}])]),
        ["options", 0, "choices", 0, "value"],
        LENGTH,
    ),
    (
        "choices and autocomplete",
        command(options=[option(choices=[CHOICE], autocomplete=True)]),
        ["options", 0, "autocomplete"],
        "APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE_WITH_CHOICES",
    ),
    (
        "autocomplete of a user",
        command(options=[option(kind=6, autocomplete=True)]),
        ["options", 0, "autocomplete"],
        "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
    ),
    (
        "mixed with subcommands",
        command(options=[option("a"), option("b", 1)]),
        ["options"],
        "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
    ),
    (
        "nested too deep",
        command(options=[nested(2)]),
        ["options", 0, "options", 0, "type"],
        "APPLICATION_COMMAND_OPTIONS_NESTING",
    ),
    (
        "bounds crossed",
        command(options=[option(kind=4, min_value=5, max_value=1)]),
        ["options", 0, "min_value"],
        "NUMBER_TYPE_MAX",
    ),
]


@pytest.mark.parametrize(("body", "path", "code"), [one[1:] for one in BROKEN], ids=[one[0] for one in BROKEN])
async def test_broken_rules(rest: Rest, body: Json, path: list[str | int], code: str) -> None:
    status, answer = await rest("POST", GLOBAL, body)
    assert (status, codes(answer, *path)) == (400, [code])
    _, answer = await rest("PUT", GLOBAL, [command(name="fine"), body])
    assert codes(answer, 1, *path) == [code]
    assert (await rest("GET", GLOBAL))[1] == []


@pytest.mark.parametrize("name", ["do", "ação", "描く", "चित्र", "a-b_c'd", "2x"])
async def test_names_of_all_scripts(rest: Rest, name: str) -> None:
    assert (await rest("POST", GLOBAL, command(name=name)))[0] == 201


async def test_eight_thousand_characters(rest: Rest) -> None:
    full = [{"name": "n" * 100, "value": "v" * 100}] * 20  # 4000 characters

    def large(last: int) -> Json:
        """2 for the command, 4 for the options, 4000 and 3994 for the choices: 8000 with a last name of 94."""
        rest_of_it = [*full[:19], {"name": "n" * last, "value": "v" * 100}]
        options = [option("a", choices=full), option("b", choices=rest_of_it)]
        return command(name="d", description="d", options=options)

    assert (await rest("POST", GLOBAL, large(94)))[0] == 201
    assert codes((await rest("POST", GLOBAL, large(95)))[1]) == ["APPLICATION_COMMAND_TOO_LARGE"]


async def test_hundred_commands(rest: Rest) -> None:
    bodies = [command(name=f"c{number}") for number in range(101)]
    status, answer = await rest("PUT", GLOBAL, bodies)
    assert (status, answer["code"]) == (400, 30032)
    assert (await rest("PUT", GLOBAL, bodies[:100]))[0] == 200
    assert (await rest("POST", GLOBAL, bodies[100]))[1]["code"] == 30032
    assert (await rest("POST", GLOBAL, {"type": 3, "name": "A Menu"}))[0] == 201


async def test_two_hundred_creates_a_day(rest: Rest, control: Control) -> None:
    for batch in ("a", "b"):
        bodies = [command(name=f"{batch}{number}") for number in range(100)]
        assert (await rest("PUT", GLOBAL, bodies))[0] == 200
    status, answer = await rest("PUT", GLOBAL, [command(name="one-more")])
    assert (status, answer["code"]) == (429, 30034)
    guild = f"/applications/{{app}}/guilds/{default_world.WORKSHOP}/commands"
    assert (await rest("PUT", guild, [command(name="one-more")]))[0] == 200
    await control.advance_clock(25 * 3600)
    assert (await rest("PUT", GLOBAL, [command(name="one-more")]))[0] == 200


async def test_names_are_unique_in_a_bulk_overwrite(rest: Rest) -> None:
    _, answer = await rest("PUT", GLOBAL, [command(), command()])
    assert codes(answer, 1) == ["APPLICATION_COMMANDS_DUPLICATE_NAME"]


async def test_create_with_a_known_name_overwrites(rest: Rest) -> None:
    status, first = await rest("POST", GLOBAL, command())
    assert status == 201
    status, second = await rest("POST", GLOBAL, command(description="Anew"))
    assert (status, second["id"], second["description"]) == (200, first["id"], "Anew")
    assert (await rest("DELETE", f"{GLOBAL}/{first['id']}"))[0] == 204
    assert (await rest("GET", f"{GLOBAL}/{first['id']}"))[1]["code"] == 10063


async def test_other_applications_and_servers(rest: Rest) -> None:
    assert (await rest("GET", "/applications/1/commands"))[1]["code"] == 20012
    path = f"/applications/{{app}}/guilds/{default_world.TEA_ROOM}/commands"
    assert (await rest("PUT", path, []))[1]["code"] == 50001
