"""All pages of the guide in both languages."""

from __future__ import annotations

import pytest
import pytest_asyncio

from bot.i18n import _, speaking
from bot.ui.guide.answers import QUESTIONS
from bot.ui.guide.chapters import CHAPTERS
from playground.visible_message import VisibleMessage
from tests.discord.conftest import Scene
from tests.house import PASTEL, VIVID

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def reader(scene: Scene):
    """Linus, in English or Japanese."""
    yield scene.control.person("Linus")
    await scene.control.set_person("Linus", locale="en-US")


async def opened(reader, **options: str) -> VisibleMessage:
    return await (await reader.slash("guide", **options)).reply()


async def test_all_chapters_are_reached_by_buttons(scene: Scene, reader) -> None:
    page = await opened(reader)
    assert page.ephemeral and "Back" not in page.buttons
    for each in CHAPTERS[1:]:
        page = await (await reader.press(page, "Next")).reply()
        assert each.title in page.text and each.text.splitlines()[0] in page.text
        assert [one["filename"] for one in page.attachments] == [each.picture]
    assert "Next" not in page.buttons
    page = await (await reader.press(page, "Back")).reply()
    assert CHAPTERS[-2].title in page.text


async def test_the_last_chapter_paints_a_first_picture(scene: Scene, reader) -> None:
    page = await opened(reader, chapter=CHAPTERS[-1].key)
    picture = await scene.painted(await reader.press(page, "Generate a picture now"))
    assert VIVID in picture.text and not picture.ephemeral
    fitting = ("Bat", "Cape", "riddle")  # the last where another test declared what it is for
    assert any(name in picture.text for name in fitting), "a LoRA that fits is in it"


@pytest.mark.parametrize("locale", ["en-US", "ja"])
@pytest.mark.parametrize("key", sorted(QUESTIONS))
async def test_every_answer_has_working_links(scene: Scene, reader, key: str, locale: str) -> None:
    await scene.control.set_person("Linus", locale=locale)
    page = await opened(reader, chapter=key)
    for answer in QUESTIONS[key]:
        page = await (await reader.select(page, f"guide:ask:{key}", answer.key)).reply()
        with speaking(locale):
            assert _(answer.text) in page.text
        links = [one for one in page.buttons.values() if one["custom_id"].startswith("guide:open:")]
        assert len(links) == len(answer.links)
        for link in links:
            leads_to = await (await reader.press(page, link["custom_id"])).reply()
            assert leads_to.ephemeral and leads_to.id != page.id


async def test_the_guide_lists_installed_base_models(scene: Scene, reader) -> None:
    page = await opened(reader, chapter="bases")
    assert f"**Vivid** · {VIVID} · " in page.text and f"**Pastel** · {PASTEL} · " in page.text


async def test_any_chapter_can_be_chosen_and_an_unknown_one_opens_the_first(scene: Scene, reader) -> None:
    page = await opened(reader)
    page = await (await reader.select(page, "guide:menu", "weights")).reply()
    assert "1.2" in page.text
    assert CHAPTERS[0].title in (await opened(reader, chapter="lora")).text


async def test_the_guide_is_translated_to_japanese(scene: Scene, reader) -> None:
    await scene.control.set_person("Linus", locale="ja")
    page = await opened(reader, chapter="weights")
    assert "強さ" in page.text and "weight" not in page.text
    assert {"戻る", "次へ"} <= set(page.buttons)
