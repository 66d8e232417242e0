"""Pages of lists and of the panel: where they lead, and what happens if a custom_id, a number or a value is forged."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bot.database.loras.search import Sort
from bot.database.loras.tags import tag_key
from bot.errors.missing import NothingThere
from bot.ui.bot import load_features
from bot.ui.views.browse import ANY_TAG, COMPACT_PAGE, same_entries
from bot.ui.views.forms import ChoicesField, FileField, Option, SwitchField, TextField
from bot.ui.views.jobs.queue import AnyJobCancelButton, OwnJobCancelButton
from bot.ui.views.list_page import Cursor, Found, GoToPageForm, ListPage, ListRef
from bot.ui.views.loras.market import Market
from bot.ui.views.servers.panel import PanelPage, PanelSection, SectionMenu
from bot.ui.views.servers.phrases import AddPhraseForm
from bot.workspace.browsing import BrowseQuery
from inference.lora.beside.categories import Category

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


@pytest.mark.parametrize("kind", [OwnJobCancelButton, AnyJobCancelButton])
def test_a_cancel_button_shows_the_queue_and_no_other_list(kind: type[OwnJobCancelButton]) -> None:
    assert kind.from_text(f"{kind.prefix}:1:ga:0:n-::0.") is None
    found = kind.from_text(f"{kind.prefix}:1:3")
    assert found is not None and found.cursor == Cursor(3)


@pytest.mark.parametrize(("cursor", "typed"), [(Cursor(6), "7"), (Cursor(anchor=(5,)), None), (Cursor(), "1")])
def test_the_form_for_a_page_names_the_current_one_if_it_has_a_number(cursor: Cursor, typed: str | None) -> None:
    history = ListPage.registered["hi"]
    pager = history.pager(ListRef("hi", "::", cursor), Found((), back=Cursor(), on=Cursor(1)))
    here: Any = pager[1]
    assert here.at.cursor == cursor
    assert GoToPageForm(here.at, opening=1).shown["page"][0].value == (typed and int(typed))


@pytest.mark.parametrize("key", ["blocks", "limits", "reports", "proposals"])
def test_a_list_that_does_not_count_offers_no_page_by_number(key: str) -> None:
    at = PanelPage.of(1, key)
    assert len(at.list.pager(at, Found.peeked([1, 2], Cursor(1), 1))) == 2


@pytest.mark.parametrize(
    ("field", "given"),
    [
        (FileField("File"), {"values": []}),
        (FileField("File"), {"values": [object(), object()]}),
    ],
)
def test_a_form_takes_as_many_files_as_it_asks_for(field: FileField, given: dict[str, Any]) -> None:
    with pytest.raises(NothingThere):
        field.read(SimpleNamespace(**given))


def test_a_form_reads_only_what_it_offers() -> None:
    choices = ChoicesField("Words", choices=[Option("a", "A"), Option("b", "B")])
    for values, read in ((["b", "x", "b"], ["b"]), (None, [])):
        assert choices.read(SimpleNamespace(values=values)) == read
    for value, on in ((True, True), ("false", False), (None, False)):
        assert SwitchField("On").read(SimpleNamespace(value=value)) is on
    assert TextField("Name", length=3).read(SimpleNamespace(value="abcdef")) == "abc"


async def test_a_searched_gallery_goes_to_a_page_by_its_number() -> None:
    gallery, query = ListPage.registered["ga"], BrowseQuery(search="owl", sort=Sort.NEWEST)
    interaction: Any = SimpleNamespace()
    rows: Any = await gallery.below(interaction, ListRef("ga"), query, Found((), Cursor(), Cursor(1)))
    labels = {getattr(part.item, "label", None) for row in rows for part in row.children}
    assert {"Clear search", "Back", "Go to page", "Next"} <= labels


def test_cards_and_lines_begin_with_the_same_entry() -> None:
    cards = BrowseQuery(category=Category.STYLE)
    lines, size = cards.but(compact=True), Market.cards
    at = ListRef("mk", "", Cursor(13))
    assert same_entries(at, cards, cards) == Cursor(13)
    assert same_entries(at, cards, lines) == Cursor(13 * size // COMPACT_PAGE)
    assert same_entries(at, lines, cards) == Cursor(13 * COMPACT_PAGE // size)
    assert same_entries(at, cards, lines.but(category=None)) == Cursor()


def test_words_are_the_section_of_allowed_phrases() -> None:
    page = PanelPage.of(1, "phrases")
    section: Any = page.list
    menu: Any = SectionMenu.of(page, section.under or section.key, operator=False)
    assert [option.value for option in menu.item.options if option.default] == ["words"]


@pytest.mark.parametrize(("told", "repeated"), [("You cannot block yourself.", 1), ("“self” is no date.", 0)])
def test_a_refused_form_repeats_a_text_unless_the_error_quotes_it(told: str, repeated: int) -> None:
    form: Any = AddPhraseForm("Allow a phrase", PanelPage.of(1), 1)
    form.shown["phrase"][1]._value = "self"
    assert len(form._typed(told)) == repeated
