"""Pages of lists and of the panel whose custom_id or number was forged."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bot.database.loras.tags import tag_key
from bot.errors.missing import NothingThere
from bot.ui.bot import load_features
from bot.ui.views.browse import ANY_TAG
from bot.ui.views.list_page import GoToPageForm, ListRef
from bot.ui.views.servers.panel import PanelPage, PanelSection

load_features()


def test_no_tag_is_taken_for_all_tags() -> None:
    assert tag_key(ANY_TAG) == "" != tag_key("-")


@pytest.mark.parametrize("text", ["mk:0:1.", "nothing:0:1."])
def test_a_page_of_the_panel_is_one_of_a_section(text: str) -> None:
    with pytest.raises(LookupError):
        PanelPage.from_id(text)


@pytest.mark.parametrize("query", ["1", "-5.", "1.É", "1." + "a" * 43, "٣.", f"{2**63}."])
async def test_a_section_reads_only_what_it_writes(query: str) -> None:
    section = PanelSection.registered["reports"]
    interaction: Any = SimpleNamespace()
    with pytest.raises(NothingThere):
        await section.query(interaction, query)


@pytest.mark.parametrize("typed", ["9" * 30, "0", "abc", "-1", ""])
async def test_a_page_number_is_one_that_the_form_takes(typed: str) -> None:
    form: Any = GoToPageForm(ListRef("mk"), opening=1)
    form.page = typed
    interaction: Any = SimpleNamespace()
    with pytest.raises(NothingThere):
        await form.submitted(interaction)
