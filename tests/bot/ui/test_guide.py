"""The texts of the guide where a phone leaves little room."""

from __future__ import annotations

import unicodedata

import pytest

from bot.i18n import _, speaking
from bot.ui.guide.answers import QUESTIONS
from bot.ui.guide.chapters import CHAPTERS

MENU_COLUMNS = 32  # of a menu's line on a screen of 390 pixels; a Japanese character takes two


def columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


@pytest.mark.parametrize("locale", ["en-US", "ja"])
def test_the_options_of_menus_are_not_cut_on_a_phone(locale: str) -> None:
    options = [*(chapter.title for chapter in CHAPTERS), *(one.question for all_ in QUESTIONS.values() for one in all_)]
    with speaking(locale):
        assert [_(option) for option in options if columns(_(option)) > MENU_COLUMNS] == []
