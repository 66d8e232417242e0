"""Sides of LoRAs, words for each side, and what is built of them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.app.assembly import Catalogued, open_catalogue
from bot.i18n import speaking
from bot.library.configuration import Configuration
from bot.requests.builder import RequestBuilder, draft_of
from bot.requests.drafts import LoraDraft, RequestDraft
from bot.requests.regions import by_sides, layout_with, with_their_sides, words_note
from bot.ui.interactions.replies import error_message
from inference.base_models import BaseModelId
from inference.bounds import MAX_PROMPT
from inference.errors import BaseModelMismatch, InvalidRequest, PromptEmpty, PromptTooLong, RegionsNotOffered
from inference.messages.request import Region
from inference.regions import RegionName
from tests.house import BASES, PASTEL, VIVID, House
from tests.lora_files import write_sidecar

LEFT, CENTRE, RIGHT = RegionName.LEFT, RegionName.CENTRE, RegionName.RIGHT
TOP, BOTTOM, BACKGROUND = RegionName.TOP, RegionName.BOTTOM, RegionName.BACKGROUND


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def catalogue(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Catalogued]:
    house = House(tmp_path_factory.mktemp("regions") / "house")
    path = house.add_lora("cape", None, seed=30)
    write_sidecar(path, name="Cape", base_model=BASES[VIVID], trigger_words=["cape"])
    async with open_catalogue(house.settings) as found:
        yield found


def two(prompt: str, **fields: object) -> RequestDraft:
    loras = (LoraDraft(name="Bat", region=LEFT), LoraDraft(name="Cape", region=RIGHT))
    draft = RequestDraft(prompt=prompt, checkpoint=VIVID, loras=loras, seed=7)
    return draft.model_copy(update=fields)


@pytest.mark.parametrize(
    ("sides", "layout"),
    [
        ([LEFT], (LEFT, RIGHT)),
        ([RIGHT, LEFT], (LEFT, RIGHT)),
        ([BOTTOM], (TOP, BOTTOM)),
        ([CENTRE], (CENTRE, BACKGROUND)),
        ([CENTRE, RIGHT], (LEFT, CENTRE, RIGHT)),
        ([TOP, CENTRE], (TOP, CENTRE, BOTTOM)),
    ],
)
def test_the_smallest_layout_that_has_all_sides_is_taken(
    sides: list[RegionName], layout: tuple[RegionName, ...]
) -> None:
    assert layout_with(sides) == layout


def test_sides_of_two_layouts_are_refused_with_the_layouts() -> None:
    with pytest.raises(
        InvalidRequest, match=r"left and top cannot be combined .*\. Choose one of .* left and right; top and"
    ):
        layout_with([LEFT, TOP])
    with pytest.raises(InvalidRequest, match=r"left and top \(with the stack Owls\) cannot be combined"):
        layout_with([LEFT, TOP], "Owls")


@pytest.mark.parametrize(
    ("prompt", "words", "ground"),
    [
        ("an owl | a heart | a yellow meadow", ("an owl", "a heart"), "a yellow meadow"),
        ("an owl|a heart", ("an owl", "a heart"), ""),
        ("an owl \uff5c a heart | a meadow", ("an owl", "a heart"), "a meadow"),
        ("a yellow meadow", ("", ""), "a yellow meadow"),
        ("| a heart |", ("", "a heart"), ""),
    ],
)
def test_words_of_a_prompt_are_parted_by_side(prompt: str, words: tuple[str, ...], ground: str) -> None:
    draft = by_sides(two(prompt))
    assert tuple(region.prompt for region in draft.regions) == words and draft.prompt == ground


def test_refusals_read_well_in_japanese() -> None:
    with speaking("ja"):
        with pytest.raises(InvalidRequest) as sides:
            layout_with([LEFT, TOP])
        with pytest.raises(InvalidRequest) as parts:
            by_sides(two("a | b | c | d"))
        told = [error_message(refusal.value) for refusal in (sides, parts)]
    assert all("\uff1a\u306f" not in text and ";" not in text for text in told), told
    assert "左、上\uff1a一緒に使えません" in told[0] and "左、右\uff0f上、下" in told[0], told


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("[cat|dog] | a (red|1.2) heart", ("[cat|dog]", "a (red|1.2) heart")),
        ("an ([owl|crow]|1.2) | a heart", ("an ([owl|crow]|1.2)", "a heart")),
        ("a smile :( | a heart", ("a smile :(", "a heart")),
        ("a smile :) | a [heart", ("a smile :)", "a [heart")),
        ("a \\(cat | dog\\)", ("a \\(cat", "dog\\)")),
    ],
)
def test_a_bar_in_brackets_divides_no_words(prompt: str, words: tuple[str, str]) -> None:
    draft = by_sides(two(prompt))
    assert tuple(region.prompt for region in draft.regions) == words and draft.prompt == ""


def test_too_many_parts_are_refused_with_an_example() -> None:
    with pytest.raises(
        InvalidRequest,
        match=r"write the prompt like this: “komori \| a red heart \| on a yellow background”",
    ):
        by_sides(two("a | b | c | d"))
    untouched = RequestDraft(prompt="a | b | c | d", loras=(LoraDraft(name="Bat"),))
    assert by_sides(untouched) is untouched, "nobody asked for regions"


@pytest.mark.asyncio(loop_scope="module")
async def test_regions_are_built_and_made_into_a_draft_again(catalogue: Catalogued) -> None:
    request = await catalogue.requests.build(by_sides(two("an owl | a heart | a meadow")))
    assert [(use.name, use.region) for use in request.loras] == [("Bat", LEFT), ("Cape", RIGHT)]
    assert request.prompt_of(LEFT) == "bat, an owl on the left, a meadow"
    assert request.prompt_of(RIGHT).startswith("cape, a heart on the right")
    assert await catalogue.requests.build(draft_of(request)) == request
    assert (await catalogue.requests.build(by_sides(two("an owl | ")))).prompt == ""
    with pytest.raises(PromptEmpty):
        await catalogue.requests.build(by_sides(two(" | | ")))


@pytest.mark.asyncio(loop_scope="module")
async def test_words_that_are_not_divided_are_told(catalogue: Catalogued) -> None:
    async def note(draft: RequestDraft) -> str | None:
        return words_note(await catalogue.requests.build(draft))

    told = str(await note(by_sides(two("a meadow"))))
    assert "applies to the whole picture" in told and told.endswith("in /imagine like this: left | right | everywhere")
    assert await note(by_sides(two("an owl | "))) is None


@pytest.mark.asyncio(loop_scope="module")
async def test_variants_of_a_picture_with_regions_keep_them(catalogue: Catalogued) -> None:
    request = await catalogue.requests.build(by_sides(two("an owl | a heart", compare=True)))
    assert request.variants and [use.region for use in request.loras] == [LEFT, RIGHT]
    assert request.only(1).regions == request.regions


@pytest.mark.asyncio(loop_scope="module")
async def test_a_lora_that_does_not_fit_names_its_side(catalogue: Catalogued) -> None:
    with pytest.raises(BaseModelMismatch, match="The LoRA was chosen for one area of the picture: left"):
        await catalogue.requests.build(by_sides(two("an owl | a heart", checkpoint=PASTEL)))
    strange = two("a meadow", regions=(Region(name=TOP, prompt="an owl"), Region(name=BOTTOM)))
    with pytest.raises(InvalidRequest, match="The side chosen for Bat is “left”, which is not in this layout"):
        await catalogue.requests.build(strange)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_checkpoint_that_paints_no_regions_says_so_by_name(catalogue: Catalogued) -> None:
    now, vivid = catalogue.configuration, catalogue.configuration.settings.checkpoints[0]
    other = vivid.model_copy(update={"base_model": BaseModelId("flux1/dev"), "name": "Other"})
    spec = now.checkpoints.specs[0].model_copy(update={"base_model": other.base_model, "name": "Other"})
    settings = now.settings.model_copy(update={"checkpoints": (other,)})
    requests = RequestBuilder(catalogue.db, Configuration(settings, [spec]))
    with pytest.raises(RegionsNotOffered, match="Other generates each picture from one prompt"):
        await requests.build(by_sides(two("an owl | a heart", checkpoint="Other")))


def test_a_draft_gets_the_layout_of_its_loras_and_keeps_every_word() -> None:
    draft = with_their_sides(two("a meadow"))
    assert [region.name for region in draft.regions] == [LEFT, RIGHT] and draft.prompt == "a meadow"
    assert with_their_sides(draft) is draft
    three = tuple(Region(name=name, prompt=name.value) for name in (TOP, CENTRE, BOTTOM))
    draft = with_their_sides(two("a meadow", regions=three))
    assert [(region.name, region.prompt) for region in draft.regions] == [(LEFT, "top"), (RIGHT, "centre")]
    assert draft.prompt == "bottom, a meadow"


@pytest.mark.asyncio(loop_scope="module")
async def test_words_that_are_too_long_together_are_refused(catalogue: Catalogued) -> None:
    half = "x" * (MAX_PROMPT // 2)
    with pytest.raises(PromptTooLong) as refusal:
        await catalogue.requests.build(by_sides(two(f"{half}|{half[:-4]}|an oak")))
    assert (refusal.value.length, refusal.value.limit) == (MAX_PROMPT + 6, MAX_PROMPT)


def test_no_draft_is_made_whose_words_are_too_long_for_a_prompt() -> None:
    most = "x" * (MAX_PROMPT - 10)
    three = tuple(Region(name=name, prompt=most if name is BOTTOM else "") for name in (TOP, CENTRE, BOTTOM))
    assert len(with_their_sides(two("a meadow", regions=three)).prompt) == MAX_PROMPT
    with pytest.raises(PromptTooLong):
        with_their_sides(two("the meadow", regions=three))


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("share", "slots"), [(0.0, 2), (0.3, 3)])
async def test_a_draft_counts_the_slots_of_its_request(catalogue: Catalogued, share: float, slots: int) -> None:
    draft = by_sides(two("an owl | a heart", base_share=share))
    assert draft.slots == len((await catalogue.requests.build(draft)).slots) == slots
    assert RequestDraft(prompt="an owl").slots == 1
