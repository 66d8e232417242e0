"""The rules on words judge all that a page says of a LoRA and that people would read here."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config.sections.moderation import ModerationSettings
from bot.moderation.enforcement import WordRules
from bot.sources.hubs.remote import RemoteVersion, Terms
from bot.ui.views.additions.progress import as_allowed
from inference.errors import RequestError
from tests.house import House

FINE = RemoteVersion(hub="Civitai", page="", name="Komori", version="v1", creator="maker", description="An owl.")


@pytest.fixture
def words(tmp_path: Path) -> WordRules:
    moderation = ModerationSettings.model_validate({"lists": [{"name": "house rules", "words": ["zorble"]}]})
    settings = House(tmp_path / "house").settings.model_copy(update={"moderation": moderation})
    return WordRules.of_operator(lambda: settings)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "zorble"},
        {"version": "zorble v1"},
        {"creator": "zorble"},
        {"terms": Terms(licence="zorble")},
        {"trigger_words": ("owl", "zorble")},
    ],
)
async def test_a_lora_whose_names_break_a_rule_is_refused(words: WordRules, change: dict[str, object]) -> None:
    assert await as_allowed(FINE, words) == FINE
    with pytest.raises(RequestError):
        await as_allowed(FINE.model_copy(update=change), words)


async def test_a_description_or_tag_that_breaks_a_rule_is_left_out(words: WordRules) -> None:
    described = FINE.model_copy(update={"description": "All about zorble.", "tags": ("owl", "zorble")})
    allowed = await as_allowed(described, words)
    assert (allowed.description, allowed.tags) == ("", ("owl",))
