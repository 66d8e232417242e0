"""`invite`: the link, and what each permission is for."""

from __future__ import annotations

import base64

import pytest

from bot.cli import DONE, UNUSABLE
from bot.cli.setup.invite import PURPOSES, asked_application
from bot.config.bot_token import application_of, looks_like_token
from bot.ui.views.permissions import PERMISSIONS
from tests.bot.cli.commands import Here
from tests.house import House

ID = 123456789012345678
TOKEN = f"{base64.b64encode(str(ID).encode()).decode().rstrip('=')}.GabcdE.{'x' * 38}"


def test_each_permission_that_the_bot_asks_for_has_a_purpose_and_no_other() -> None:
    assert set(PURPOSES) == {name for name, wanted in PERMISSIONS if wanted}


def test_the_link_comes_from_the_token_with_every_purpose(here: Here, house: House) -> None:
    said = here("invite", "--config", house.config, EASEL_DISCORD__TOKEN=TOKEN)
    assert said.code == DONE
    assert f"client_id={ID}&scope=bot+applications.commands&permissions={PERMISSIONS.value}" in said.out
    assert "integration_type=1" in said.out
    for title, purpose in PURPOSES.values():
        assert f"{title}: {purpose}" in said.out
    assert TOKEN not in said.out


def test_an_id_that_is_named_needs_no_token_and_no_settings(here: Here) -> None:
    assert f"client_id={ID}&" in here("invite", "--application-id", str(ID)).out


@pytest.mark.parametrize("wrong", ["-5", "0", "12x", "9" * 27])
def test_what_is_no_id_gets_no_link(here: Here, wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=str(UNUSABLE)):
        here("invite", f"--application-id={wrong}")
    assert "a number of about 18 digits" in capsys.readouterr().err


def test_without_token_id_and_person_it_says_what_to_do(here: Here, house: House) -> None:
    said = here("invite", "--config", house.config)
    assert (said.code, "--application-id ID" in said.sentence) == (UNUSABLE, True)


@pytest.mark.parametrize("garbage", ["garbage", "garbage.with.dots", "\n", "YWJj.x.y", "ü" * 60])
def test_what_is_set_and_is_no_token_is_told_and_never_repeated(here: Here, house: House, garbage: str) -> None:
    said = here("invite", "--config", house.config, EASEL_DISCORD__TOKEN=garbage)
    assert said.code == UNUSABLE
    assert "The configured bot token does not look like a bot token" in said.sentence
    assert "discord.com/developers/applications" in said.sentence
    assert "set EASEL_DISCORD__TOKEN" not in said.sentence
    assert not garbage.strip() or garbage not in said.err


def test_a_person_is_asked_until_it_is_an_id() -> None:
    answers = iter(["my bot", "0", f" {ID} "])
    assert asked_application(lambda question: next(answers)) == ID
    assert asked_application(lambda question: "") is None


def test_what_is_no_token_tells_no_id() -> None:
    assert [application_of(text) for text in ("", "not a token", "!!!.x.y", "YWJj.x.y")] == [None] * 4
    assert [looks_like_token(text) for text in (TOKEN, f" {TOKEN}", f"Bot {TOKEN}", "x" * 70)] == [True, *[False] * 3]
