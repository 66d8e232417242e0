"""Networks offloaded from a device that holds one of them: pictures are the same, and no request fails needlessly.

The device is a fake that counts bytes, for there is one kind of memory here. The networks, and the errors of
allocations that fail, are real; a network that runs while it is away fails the test.
"""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import nn

from inference.engine.batch.handle import State
from inference.engine.devices.offloading import Residence
from inference.engine.engine import Engine
from inference.engine.intake.checkpoint_store import CheckpointStore
from inference.engine.models.checkpoints import Checkpoint, networks_of
from inference.engine.single.single_request import SingleRequestCheckpoint
from inference.errors import OutOfMemory
from inference.matching import Matcher
from inference.messages.options import Offload
from tests.inference.engine.batch.test_out_of_memory import MORE_THAN_THERE_IS, assert_same, networks, painted, wishes
from tests.inference.engine.lone import CHROMA, SingleRequestWorld
from tests.inference.engine.lone import pipeline_of as pipeline_of_lone
from tests.inference.engine.single.test_single_request import plain, wish
from tests.inference.engine.worlds import CPU, World, arrived, pipeline_of

ELSEWHERE = torch.device("cpu:0")  # where the fake device is not


def size(network: nn.Module) -> int:
    return sum(weight.nbytes for weight in network.parameters())


@dataclass
class SmallDevice:
    """It holds `capacity` bytes: the networks that are here, and what one of them needs for each row while it runs."""

    capacity: int
    row_bytes: int
    here: dict[nn.Module, int] = field(default_factory=dict[nn.Module, int])
    most: int = 0
    moves: int = 0
    brought: Counter[nn.Module] = field(default_factory=Counter[nn.Module])

    def move(self, network: nn.Module, place: torch.device) -> None:
        self.moves += 1
        self.here.pop(network, None)
        if place == CPU:
            self.brought[network] += 1
            self.here[network] = size(network)
            self._take(0)

    def watch(self, network: nn.Module, part: nn.Module) -> None:
        """Whenever `part` of a network runs, it is here and has room."""

        def run(_: nn.Module, given: tuple[Any, ...]) -> None:
            assert network in self.here, "it is away"
            self._take(len(given[0]) * self.row_bytes)

        part.register_forward_pre_hook(run)

    def _take(self, more: int) -> None:
        used = sum(self.here.values()) + more
        if used > self.capacity:
            torch.empty(MORE_THAN_THERE_IS, dtype=torch.uint8)
        self.most = max(self.most, used)


@pytest.fixture(scope="module")
def world() -> World:
    torch.set_num_threads(1)
    made = World("sdxl/base", torch.float32)
    for seed, form in ((1, "lora"), (2, "dora")):
        made.add(seed, form)
    return made


def small(world: World, rows: float, offload: Offload = Offload.WHEN_SHORT) -> tuple[Engine, SmallDevice]:
    """An engine on a device with room for all networks and so many rows; with ALWAYS, for one network and the rows."""
    pipeline = copy.deepcopy(pipeline_of(world.base, world.dtype))
    parts = networks_of(pipeline)
    sizes = {network: size(network) for network in parts.values()}
    row = max(sizes.values()) // 8
    room = max(sizes.values()) if offload is Offload.ALWAYS else sum(sizes.values())
    device = SmallDevice(int(room + rows * row), row, sizes)
    residence = Residence(parts, CPU, ELSEWHERE, device.move)
    if offload is Offload.ALWAYS:
        residence.enable_offload()
    store = CheckpointStore((world.spec,), CPU, offload=offload)
    store.hold(Checkpoint.of(world.spec, pipeline, residence=residence))
    watched = {name: parts[name] for name in ("unet", "text_encoder", "text_encoder_2")}
    for name, part in {**watched, "vae": pipeline.vae.encoder}.items():
        device.watch(parts[name], part)
    device.watch(pipeline.vae, pipeline.vae.decoder)
    return Engine(store, world, Matcher((world.spec,))), device


def test_where_all_fit_nothing_moves(world: World) -> None:
    engine, device = small(world, rows=16)
    assert_same(painted(engine, wishes(world, 4)), painted(world.engine(), wishes(world, 4)))
    assert device.moves == 0


def test_when_splitting_is_not_enough_networks_are_offloaded_and_pictures_are_the_same(world: World) -> None:
    requests = wishes(world, 4)
    expected = painted(world.engine(), requests)
    engine, device = small(world, rows=1.5)  # not even one picture, with and without text
    assert_same(painted(engine, requests), expected)
    assert device.most <= device.capacity and device.moves
    pipeline = networks(engine)
    assert {*device.here} == {pipeline.unet, pipeline.vae}, "text encoders make room first, and that was enough"


def test_what_made_room_comes_back_when_there_is_room_and_then_nothing_moves(world: World) -> None:
    requests, others = wishes(world, 4), wishes(world, 4, prompt="a blue star")
    engine, device = small(world, rows=1.5)
    painted(engine, requests)
    device.capacity *= 4
    assert_same(painted(engine, others), painted(world.engine(), others))
    assert len(device.here) == 4
    moves = device.moves
    assert_same(painted(engine, requests), painted(world.engine(), requests))
    assert device.moves == moves


def test_text_encoders_come_once_for_all_who_wait(world: World) -> None:
    requests = [
        wish.model_copy(update={"prompt": f"star {number}", "negative_prompt": f"circle {number}"})
        for number, wish in enumerate(wishes(world, 4))
    ]
    engine, device = small(world, rows=16, offload=Offload.ALWAYS)
    assert_same(painted(engine, requests), painted(world.engine(), requests))
    encoders = [networks(engine).text_encoder, networks(engine).text_encoder_2]
    assert [device.brought[encoder] for encoder in encoders] == [1, 1]
    painted(engine, requests[::-1])
    assert [device.brought[encoder] for encoder in encoders] == [1, 1], "their texts are known"


def test_a_text_that_cannot_be_encoded_fails_its_own_request_alone(world: World) -> None:
    fine, broken = wishes(world, 2)
    engine, _ = small(world, rows=16, offload=Offload.ALWAYS)
    handles = [engine.submit(each) for each in (fine, broken.model_copy(update={"prompt": "owl", "clip_skip": 12}))]
    engine.finish()
    assert [handle.state for handle in handles] == [State.DONE, State.FAILED]


def test_a_decode_that_lacks_memory_is_followed_by_steps_that_move_nothing(world: World) -> None:
    """Only the decode of a picture that is too large beside the denoiser sends it away."""
    usual, large = wishes(world, 2), wishes(world, 1, width=64, height=64)
    engine, device = small(world, rows=4.5)
    pipeline = networks(engine)

    def starve(_: nn.Module, given: tuple[Any, ...]) -> None:
        if given[0].shape[-1] > 16 and pipeline.unet in device.here:
            torch.empty(MORE_THAN_THERE_IS, dtype=torch.uint8)

    pipeline.vae.decoder.register_forward_pre_hook(starve)
    assert_same(painted(engine, large), painted(world.engine(), large))
    assert_same(painted(engine, usual), painted(world.engine(), usual))
    assert len(device.here) == 4, "all are back"
    moves = device.moves
    assert_same(painted(engine, usual), painted(world.engine(), usual))
    assert device.moves == moves


def test_a_request_that_does_not_even_fit_then_fails_alone(world: World) -> None:
    few, guided = wishes(world, 2, guidance_scale=1.0), wishes(world, 1)[0]
    engine, device = small(world, rows=1.5, offload=Offload.ALWAYS)
    handles = painted(engine, [few[0], guided, few[1]])
    failed = handles.pop(1)
    assert failed.state is State.FAILED and isinstance(failed.error, OutOfMemory)
    assert_same(handles, painted(world.engine(), few))
    assert device.most <= device.capacity


def test_several_pictures_of_one_request_go_through_several_passes_then_too(world: World) -> None:
    four = wishes(world, 1, count=4)
    engine, device = small(world, rows=4.5, offload=Offload.ALWAYS)
    assert_same(painted(engine, four), painted(world.engine(), four))
    assert device.most <= device.capacity


def test_nothing_is_offloaded_where_the_operator_forbids_it(world: World) -> None:
    engine, device = small(world, rows=1.5, offload=Offload.NEVER)
    (handle,) = painted(engine, wishes(world, 1))
    assert isinstance(handle.error, OutOfMemory) and device.moves == 0


def test_a_request_whose_prompt_does_not_fit_joins_after_offloading(world: World) -> None:
    """A text encoder without room for one row, while everything lies on the device: the request joins all the same."""
    engine, device = small(world, rows=0.5)
    handle = engine.submit(wishes(world, 1)[0])
    arrived(engine)
    engine.step()
    assert handle.state is State.RUNNING, handle.error
    engine.finish()
    assert handle.state is State.DONE and device.moves


def test_networks_that_are_not_in_use_make_room_text_encoders_first() -> None:
    names = ("vae", "text_encoder", "text_encoder_2", "unet")
    networks = {name: nn.Linear(4, 4) for name in names}
    device = SmallDevice(4 * size(networks["vae"]), 0, {each: size(each) for each in networks.values()})
    residence = Residence(networks, CPU, ELSEWHERE, device.move)
    residence.onload("unet")
    left = list[set[str]]()
    for _ in residence.making_room():
        left.append({name for name in names if networks[name] in device.here})
    assert left == [{"unet", "vae"}, {"unet"}] and residence.offloading
    for name in names:
        residence.onload(name)
    assert len(device.here) == 4 and not residence.offloading


def test_a_network_that_does_not_fit_leaves_nothing_on_the_device() -> None:
    networks = {"large": nn.Linear(64, 64), "small": nn.Linear(4, 4)}
    device = SmallDevice(size(networks["small"]), 0)
    residence = Residence(networks, CPU, ELSEWHERE, device.move)
    assert residence.enable_offload() and not residence.enable_offload()
    residence.onload("small")
    with pytest.raises(RuntimeError, match="allocate"):
        residence.onload("large")
    assert not device.here
    residence.onload("small")
    assert list(device.here) == [networks["small"]]


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_where_device_and_host_have_one_memory_nothing_is_gained(device: str) -> None:
    assert not Residence({"one": nn.Linear(2, 2)}, torch.device(device)).enable_offload()


def test_a_single_request_pipeline_restarts_once_its_networks_are_offloaded() -> None:
    """diffusers moves them, which needs an accelerator: here only that it is asked to, and what comes after."""
    lone = SingleRequestWorld(CHROMA)
    engine, made = lone.engine(), wish(steps=3)
    checkpoint = engine._store.current
    assert isinstance(checkpoint, SingleRequestCheckpoint)
    pipeline, asked = checkpoint.pipeline, list[torch.device]()
    checkpoint.residence = Residence(networks_of(pipeline), CPU, ELSEWHERE)
    vars(pipeline)["enable_model_cpu_offload"] = lambda device: asked.append(device)
    passes = 0

    def starve(*_: object) -> None:
        nonlocal passes
        passes += 1
        if passes == 3 and not asked:  # in the second step: guidance has a pass of its own
            torch.empty(MORE_THAN_THERE_IS, dtype=torch.uint8)

    pipeline.transformer.register_forward_pre_hook(starve)
    first, second = (engine.submit(made) for _ in range(2))
    engine.finish()
    assert asked == [CPU] and passes == 3 + 2 * 2 * first.total
    for handle in (first, second):
        assert handle.pictures is not None and torch.equal(handle.pictures, plain(pipeline_of_lone(CHROMA), made))
