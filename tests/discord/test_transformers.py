"""Four people's pictures by a diffusion transformer in one batch, whose worker is killed in the middle.

`tests.discord.transformer_kills` does the same with more networks and kills.
"""

from __future__ import annotations

from pathlib import Path

from tests.discord.transformer_kills import PEOPLE, STEPS, disturbed
from tests.inference.engine.transformers import FLUX_DEV


async def test_a_killed_worker_goes_on_with_all_pictures_of_a_batch_of_flux(tmp_path: Path) -> None:
    wrong, (killed, _) = await disturbed(tmp_path / "house", FLUX_DEV, [[STEPS // 2]])
    assert wrong == []
    assert len(killed.lost[0]) == len(PEOPLE), "all of them were resumed"
