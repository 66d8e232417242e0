"""What people are offered when a request cannot be painted as it is."""

from __future__ import annotations

import pytest

from bot.i18n import speaking
from bot.ui.interactions.replies import refusal_card
from bot.ui.views.refusal import refusal_for_studio
from inference.errors import RegionsNotOffered


@pytest.mark.parametrize("locale", ["en-US", "ja"])
async def test_a_checkpoint_without_regions_is_named_with_those_that_have_some(locale: str) -> None:
    with speaking(locale):
        refused = refusal_for_studio(RegionsNotOffered(checkpoint="Flux"), 5, [f"Paints {n}" for n in range(9)])
        view = refusal_card(refused.error, *refused.rows)
    text, row = view.to_components()
    ids = [button["custom_id"] for button in row["components"]]
    assert "Flux" in text["content"]
    assert ids == ["on:5:Paints 0", "on:5:Paints 1", "on:5:Paints 2", "on:5:Paints 3", "stdraft:5"]
