"""The rules of interactions, with a violation of each."""

import pytest

from playground import default_world, interactions, permissions
from playground.control import Control, ControlError

from .conftest import Opened, Rest, codes, open_interaction

SECONDS = interactions.ANSWER_SECONDS  # before it is made longer for busy machines
MESSAGE, DEFER, DEFER_UPDATE, UPDATE, CHOICES, MODAL = 4, 5, 6, 7, 8, 9
ORIGINAL = "/messages/@original"


async def test_answer_after_three_seconds_is_unknown(opened: Opened, control: Control) -> None:
    assert SECONDS == 3.0
    await control.advance_clock(interactions.ANSWER_SECONDS + 0.5)
    status, answer = await opened.answer(MESSAGE, {"content": "late"})
    assert (status, answer["code"]) == (404, 10062)
    status, answer = await opened.hook("POST", json={"content": "late"})
    assert (status, answer["code"]) == (404, 10015)


async def test_an_unanswered_interaction_fails(control: Control, rest: Rest) -> None:
    await open_interaction(control, rest)
    sent = await control.person("Ada").slash("do")
    await control.advance_clock(interactions.ANSWER_SECONDS + 0.5)
    assert (await sent.failed())["answer_type"] is None


async def test_wrong_token_is_unknown(opened: Opened) -> None:
    opened.token = "wrong"
    assert (await opened.answer(MESSAGE, {"content": "x"}))[1]["code"] == 10062
    assert (await opened.hook("PATCH", ORIGINAL, {"content": "x"}))[1]["code"] == 10015


async def test_second_answer_is_refused(opened: Opened) -> None:
    assert (await opened.answer(DEFER))[0] == 204
    status, answer = await opened.answer(MESSAGE, {"content": "twice"})
    assert (status, answer["code"]) == (400, 40060)


async def test_follow_up_before_the_first_answer_is_unknown(opened: Opened) -> None:
    assert (await opened.hook("POST", json={"content": "early"}))[1]["code"] == 10015


async def test_token_lives_fifteen_minutes(opened: Opened, control: Control) -> None:
    await opened.answer(MESSAGE, {"content": "first", "flags": 64})
    await control.advance_clock(14 * 60)
    assert (await opened.hook("PATCH", ORIGINAL, {"content": "in time"}))[0] == 200
    await control.advance_clock(61)
    status, answer = await opened.hook("PATCH", ORIGINAL, {"content": "too late"})
    assert (status, answer["code"]) == (401, 50027)


async def test_ephemeral_original_cannot_be_edited_by_the_bots_token(opened: Opened, rest: Rest) -> None:
    await opened.answer(MESSAGE, {"content": "psst", "flags": 64})
    _, original = await opened.hook("GET", ORIGINAL)
    path = f"/channels/{default_world.GENERAL}/messages/{original['id']}"
    assert (await rest("PATCH", path, {"content": "x"}))[1]["code"] == 10008


async def test_deferring_takes_no_flag_but_ephemeral(opened: Opened) -> None:
    await opened.answer(DEFER, {"flags": 64 | 32768})
    _, original = await opened.hook("GET", ORIGINAL)
    assert original["flags"] == 64 | 128
    text = {"type": 10, "content": "hi"}
    status, answer = await opened.hook("PATCH", ORIGINAL, {"components": [text]})
    assert (status, codes(answer, "components", 0, "type")) == (400, ["UNION_TYPE_CHOICES"])
    status, edited = await opened.hook("PATCH", ORIGINAL, {"components": [text], "flags": 32768})
    assert (status, edited["flags"]) == (200, 64 | 32768)


async def test_empty_answers(opened: Opened) -> None:
    status, answer = await opened.answer(MESSAGE, {"content": ""})
    assert (status, answer["code"]) == (400, 50006)
    assert (await opened.answer(DEFER))[0] == 204  # a refused answer does not count
    assert (await opened.hook("PATCH", ORIGINAL, {}))[1]["code"] == 50006


@pytest.mark.parametrize("kind", [DEFER_UPDATE, UPDATE, CHOICES, 1, 99])
async def test_kinds_that_do_not_fit_a_command(opened: Opened, kind: int) -> None:
    assert codes((await opened.answer(kind, {"content": "x"}))[1], "type") == ["BASE_TYPE_CHOICES"]


async def test_modal_cannot_be_answered_with_a_modal(opened: Opened, control: Control) -> None:
    row = {"type": 1, "components": [{"type": 4, "custom_id": "a", "label": "A", "style": 1, "required": False}]}
    modal = {"custom_id": "m", "title": "M", "components": [row]}
    assert (await opened.answer(MODAL, modal))[0] == 204
    made = await control.post("modal", {"as": "Ada", "interaction": opened.id, "values": {}})
    state = (await control.get(f"interactions/{made['interaction']}"))["interaction"]
    opened.id, opened.token = state["id"], state["token"]
    assert codes((await opened.answer(MODAL, modal))[1], "type") == ["BASE_TYPE_CHOICES"]


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        ({"title": "x" * 46}, ["title"], "BASE_TYPE_BAD_LENGTH"),
        ({"title": ""}, ["title"], "BASE_TYPE_BAD_LENGTH"),
        ({"custom_id": "x" * 101}, ["custom_id"], "BASE_TYPE_BAD_LENGTH"),
        ({"components": []}, ["components"], "BASE_TYPE_BAD_LENGTH"),
        ({"components": [{"type": 10, "content": "x"}] * 6}, ["components"], "BASE_TYPE_BAD_LENGTH"),
        ({"components": [{"type": 2}]}, ["components", 0, "type"], "BASE_TYPE_CHOICES"),
    ],
)
async def test_modals(opened: Opened, change: dict[str, object], path: list[str | int], code: str) -> None:
    field = {"type": 4, "custom_id": "a", "style": 1}
    modal = {"custom_id": "m", "title": "M", "components": [{"type": 18, "label": "L", "component": field}]}
    assert codes((await opened.answer(MODAL, {**modal, **change}))[1], "data", *path) == [code]


async def test_modal_fields(opened: Opened) -> None:
    twins = [{"type": 18, "label": "L", "component": {"type": 4, "custom_id": "a", "style": 1}} for _ in range(2)]
    twins[0]["component"]["label"] = "inner"
    twins[1]["label"] = "x" * 46
    _, answer = await opened.answer(MODAL, {"custom_id": "m", "title": "M", "components": twins})
    place = ("data", "components")
    assert codes(answer, *place, 0, "component", "label") == ["TEXT_INPUT_COMPONENT_LABEL_IN_LABEL"]
    assert codes(answer, *place, 1, "label") == ["BASE_TYPE_BAD_LENGTH"]
    assert codes(answer, *place, 1, "component", "custom_id") == ["COMPONENT_CUSTOM_ID_DUPLICATED"]


async def _opened_autocomplete(control: Control, rest: Rest, kind: int) -> Opened:
    option = {"type": kind, "name": "what", "description": "What", "autocomplete": True}
    command = {"name": "find", "description": "Finds", "options": [option]}
    await rest("PUT", "/applications/{app}/commands", [command])
    body = {"as": "Ada", "channel": "general", "name": "find", "focused": "what", "options": {"what": "k"}}
    made = await control.post("autocomplete", body)
    state = (await control.get(f"interactions/{made['interaction']}"))["interaction"]
    return Opened(rest, state["id"], state["token"])


async def test_autocomplete_choices(control: Control, rest: Rest) -> None:
    opened = await _opened_autocomplete(control, rest, 3)
    many = [{"name": str(number), "value": str(number)} for number in range(26)]
    assert codes((await opened.answer(CHOICES, {"choices": many}))[1], "data", "choices") == ["BASE_TYPE_MAX_LENGTH"]
    wrong = [{"name": "x" * 101, "value": "v"}, {"name": "", "value": "v"}, {"name": "n", "value": "x" * 101}]
    _, answer = await opened.answer(CHOICES, {"choices": wrong})
    for index, key in enumerate(["name", "name", "value"]):
        assert codes(answer, "data", "choices", index, key) == ["BASE_TYPE_BAD_LENGTH"]
    assert codes((await opened.answer(MESSAGE, {"content": "x"}))[1], "type") == ["BASE_TYPE_CHOICES"]
    assert (await opened.answer(CHOICES, {"choices": many[:25]}))[0] == 204


async def test_autocomplete_numbers(control: Control, rest: Rest) -> None:
    opened = await _opened_autocomplete(control, rest, 4)
    _, answer = await opened.answer(CHOICES, {"choices": [{"name": "n", "value": "one"}]})
    assert codes(answer, "data", "choices", 0, "value") == ["NUMBER_TYPE_COERCE"]


async def test_user_installed_only_follows_up_five_times(control: Control, rest: Rest) -> None:
    opened = await open_interaction(control, rest, who="Kai", in_="tea-table")
    await opened.answer(MESSAGE, {"content": "first"})
    for number in range(5):
        assert (await opened.hook("POST", json={"content": str(number)}))[0] == 200
    status, answer = await opened.hook("POST", json={"content": "six"})
    assert (status, answer["code"]) == (400, 40094)
    assert (await opened.hook("PATCH", ORIGINAL, {"content": "edits still work"}))[0] == 200
    status, answer = await rest("POST", f"/channels/{default_world.TEA_TABLE}/messages", {"content": "hello"})
    assert (status, answer["code"]) == (403, 50001)


async def test_user_installed_without_external_apps_is_private(control: Control, rest: Rest) -> None:
    lacking = permissions.EVERYBODY & ~permissions.USE_EXTERNAL_APPS
    await control.set_role_permissions("@everyone", lacking, guild="Tea Room")
    opened = await open_interaction(control, rest, who="Ada", in_="tea-table")
    await opened.answer(MESSAGE, {"content": "public?"})
    assert (await opened.hook("GET", ORIGINAL))[1]["flags"] == 64


async def test_where_commands_are_available(control: Control, rest: Rest) -> None:
    commands = [
        {"name": "guild-only", "description": "d", "contexts": [0], "integration_types": [0]},
        {"name": "everywhere", "description": "d", "contexts": [0, 1, 2], "integration_types": [0, 1]},
        {"name": "adults", "description": "d", "nsfw": True},
        {"name": "staff", "description": "d", "default_member_permissions": str(permissions.MANAGE_GUILD)},
    ]
    assert (await rest("PUT", "/applications/{app}/commands", commands))[0] == 200

    async def offered(who: str, where: str) -> set[str]:
        return {one["name"] for one in await control.person(who).commands(where)}

    assert await offered("Ada", "general") == {"guild-only", "everywhere"}
    assert await offered("Ada", "after-dark") == {"guild-only", "everywhere", "adults"}
    assert await offered("Margaret", "general") == {"guild-only", "everywhere", "staff"}
    assert await offered("Ada", "tea-table") == {"everywhere"}
    assert await offered("Kai", "dm") == {"everywhere", "staff"}
    await control.set_person("Kai", sees_age_restricted=True)
    assert await offered("Kai", "dm") == {"everywhere", "staff", "adults"}
    await control.set_person("Kai", is_adult=False)
    assert await offered("Kai", "dm") == {"everywhere", "staff"}
    await control.set_channel("general", nsfw=True)
    assert "adults" in await offered("Ada", "general")
    with pytest.raises(ControlError, match="lacks the permission"):
        await control.person("Ada").slash("staff")
    with pytest.raises(ControlError, match="No command called"):
        await control.person("Ada").slash("nothing")


async def test_private_channel_without_the_bot(control: Control, rest: Rest) -> None:
    opened = await open_interaction(control, rest, who="Kai", in_=default_world.ADA_AND_KAI)
    state = (await control.get(f"interactions/{opened.id}"))["interaction"]
    assert (state["context"], state["owners"], state["guild_id"]) == (2, {"1": default_world.KAI}, None)
    await opened.answer(MESSAGE, {"content": "for both of us"})
    assert [one.content for one in await control.person("Ada").messages(default_world.ADA_AND_KAI)] == [
        "for both of us"
    ]
    with pytest.raises(ControlError, match="sees no channel"):
        await control.person("Grace").messages(default_world.ADA_AND_KAI)
