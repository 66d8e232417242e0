"""What was used before is kept, up to the limits that the settings say."""

from __future__ import annotations

import pytest
import torch

from bot.assembly import configurations
from inference.engine.painter import Painter
from inference.hashes import file_sha256
from inference.messages import LoraUse
from tests.house import VIVID, House
from tests.inference.engine.painting import paint
from tests.inference.requests import request

CACHES = ("embedding", "lora_file", "lora_layers", "lora_set")


SETTINGS = {
    "lora_cache_megabytes": {"lora_file", "lora_layers"},
    "embedding_cache_megabytes": {"embedding"},
    "lora_set_megabytes": {"lora_set"},
}


@pytest.mark.parametrize("nothing", [None, *SETTINGS])
def test_the_limits_of_the_settings_hold(shared_house: House, nothing: str | None) -> None:
    torch.set_num_threads(1)
    settings, configure = shared_house.settings, shared_house.configure
    limits = {name: 0 if name == nothing else 64 for name in SETTINGS} | {"devices": ("cpu",)}
    settings = settings.model_copy(update={"worker": settings.worker.model_copy(update=limits)})
    (told,) = configurations(settings, configure.checkpoints)
    painter = Painter(
        told.model_copy(update={"spool": configure.spool, "inputs": configure.inputs}), torch.device("cpu")
    )
    use = LoraUse(sha256=file_sha256(shared_house.bat), name="Bat")
    asked, files = request(checkpoint=VIVID, loras=(use,), steps=1), {use.sha256: shared_house.bat.name}
    paint(painter, asked, files)
    paint(painter, asked, files)
    end = paint(painter, asked, files).end
    painter.close()
    kept = set(CACHES) - (SETTINGS[nothing] if nothing else set())
    assert {name for name in CACHES if not end.lookups[name].misses} == kept
