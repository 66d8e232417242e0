"""Text encoders of transformers by turns, and what they made of texts in files, whichever family it is."""

from __future__ import annotations

import copy
from collections import Counter
from pathlib import Path

import pytest
import torch
from torch import nn

from inference.base_models import BaseModelId
from inference.engine.batch.handle import Handle, State
from inference.engine.devices.offloading import Residence
from inference.engine.engine import Engine
from inference.engine.intake.checkpoint_store import CheckpointStore
from inference.engine.models.checkpoints import Checkpoint, networks_of
from inference.engine.models.embedding_files import EmbeddingFiles
from inference.matching import Matcher
from inference.messages.request import GenerationRequest
from inference.messages.samplers import Sampler
from tests.inference.engine.transformers import (
    CPU,
    FLUX_DEV,
    QWEN,
    SD35,
    Z_IMAGE,
    TransformerWorld,
    lora_on,
    pipeline_of,
)
from tests.inference.engine.worlds import arrived
from tests.inference.requests import request

ELSEWHERE = torch.device("cpu:0")  # the host of a device that holds one network
MANY = 3


def engine_of(world: TransformerWorld, folder: Path) -> tuple[Engine, Counter[str]]:
    """An engine whose device holds one network at a time; how often each was brought there."""
    brought, spec = Counter[str](), world.spec.model_copy(update={"sha256": "a" * 64})
    pipeline = copy.deepcopy(pipeline_of(world.base))
    names = {network: name for name, network in networks_of(pipeline).items()}

    def move(network: nn.Module, place: torch.device) -> None:
        brought[names[network]] += place == CPU

    residence = Residence(networks_of(pipeline), CPU, ELSEWHERE, move)
    residence.enable_offload()
    store = CheckpointStore((spec,), CPU)
    store.hold(Checkpoint.of(spec, pipeline, residence=residence, files=EmbeddingFiles(folder, 2**24)))
    return Engine(store, world, Matcher((spec,))), brought


def wishes(world: TransformerWorld) -> list[GenerationRequest]:
    """What people with different texts and LoRAs ask for, all guided where the family guides by a second row."""
    return [
        request(
            checkpoint="world", width=32, height=32, steps=2, guidance_scale=3.0, sampler=Sampler.EULER, seed=number,
            prompt=f"a star {number}", negative_prompt=f"a circle {number}", loras=world.uses(number / 4),
        )
        for number in range(MANY)
    ]  # fmt: skip


def painted(engine: Engine, made: list[GenerationRequest]) -> list[Handle]:
    handles = [engine.submit(each) for each in made]
    arrived(engine)
    engine.finish()
    assert [handle.state for handle in handles] == [State.DONE] * len(made), [handle.error for handle in handles]
    return handles


@pytest.mark.parametrize("base", [FLUX_DEV, SD35, QWEN, Z_IMAGE])
def test_an_encoder_comes_once_for_all_who_wait_and_never_for_texts_in_files(base: BaseModelId, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    world = TransformerWorld(base)
    world.add(lora_on(pipeline_of(base).transformer, 1))
    first, brought = engine_of(world, tmp_path)
    expected = painted(first, wishes(world))
    encoders = {name: times for name, times in brought.items() if name.startswith("text_encoder")}
    assert encoders and set(encoders.values()) == {1}
    again, brought = engine_of(world, tmp_path)
    for one, other in zip(painted(again, wishes(world)), expected, strict=True):
        assert one.latents is not None and other.latents is not None and torch.equal(one.latents, other.latents)
    assert not any(times for name, times in brought.items() if name.startswith("text_encoder"))
