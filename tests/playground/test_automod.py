"""AutoMod's rules: the routes that a bot reads, who may read them and who may set them."""

import pytest

from playground import default_world, permissions
from playground.control import Control, ControlError

from .conftest import Rest

RULES = f"/guilds/{default_world.WORKSHOP}/auto-moderation/rules"
WORDS = {"name": "Words", "keyword_filter": ["cat*"], "regex_patterns": ["do+g"], "allow_list": ["catalogue"]}
PRESET = {"name": "Slurs", "trigger_type": 4, "presets": [3], "enabled": False}
SPAM = {"name": "Spam", "trigger_type": 3}
PROFILE = {"name": "Names", "trigger_type": 6, "keyword_filter": ["cat"]}


async def let_the_bot_read(control: Control) -> None:
    bits = permissions.EVERYBODY | permissions.MANAGE_GUILD
    await control.post("role", {"guild": "Workshop", "role": default_world.BOT_ROLE, "permissions": bits})


async def test_the_bot_reads_the_rules_with_manage_server(rest: Rest, control: Control) -> None:
    await control.person("Grace").set_automod(WORDS, PRESET, SPAM, PROFILE)
    status, answer = await rest("GET", RULES)
    assert (status, answer["code"]) == (403, 50013)
    await let_the_bot_read(control)
    status, rules = await rest("GET", RULES)
    assert status == 200
    assert [(each["name"], each["trigger_type"], each["enabled"]) for each in rules] == [
        ("Words", 1, True),
        ("Slurs", 4, False),
        ("Spam", 3, True),
        ("Names", 6, True),
    ]
    words, slurs, spam, _names = (each["trigger_metadata"] for each in rules)
    assert words == {"keyword_filter": ["cat*"], "regex_patterns": ["do+g"], "allow_list": ["catalogue"]}
    assert slurs == {"presets": [3], "allow_list": []} and spam == {}
    assert await rest("GET", f"{RULES}/{rules[0]['id']}") == (200, rules[0])
    assert (await rest("GET", f"{RULES}/1"))[0] == 404
    status, answer = await rest("GET", RULES.replace(default_world.WORKSHOP, default_world.TEA_ROOM))
    assert (status, answer["code"]) == (403, 50001)


async def test_people_with_manage_server_set_them_within_discords_limits(rest: Rest, control: Control) -> None:
    await let_the_bot_read(control)
    grace = control.person("Grace")
    await grace.set_automod(WORDS)
    (before,) = (await rest("GET", RULES))[1]
    await grace.set_automod({**WORDS, "keyword_filter": ["dog"]})
    (after,) = (await rest("GET", RULES))[1]
    assert after["id"] == before["id"] and after["trigger_metadata"]["keyword_filter"] == ["dog"]
    with pytest.raises(ControlError, match="Manage Server"):
        await control.person("Ada").set_automod(WORDS)
    for wrong, told in (
        ([{**WORDS, "keyword_filter": ["c" * 61]}], "keyword_filter"),
        ([{**WORDS, "regex_patterns": ["c"] * 11}], "regex_patterns"),
        ([{**WORDS, "name": ""}], "name"),
        ([{**WORDS, "name": f"Words {number}"} for number in range(7)], "six rules"),
        ([SPAM, {**SPAM, "name": "More"}], "one of each"),
    ):
        with pytest.raises(ControlError, match=told):
            await grace.set_automod(*wrong)
