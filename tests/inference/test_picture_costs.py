"""What a picture costs is what counting says."""

from __future__ import annotations

import inspect

import pytest

from inference.base_models import Architecture, BaseModelId, known_base_models
from inference.capabilities import capability_of
from inference.checkpoints.memory import memory_need
from inference.messages.checkpoints import NumberFormat
from inference.picture_costs import COSTS, TRANSFORMER_COSTS, picture_numbers
from tools.lora_tables.configs import NETWORKS
from tools.picture_costs import cost_of, live_tensors


def test_the_table_is_that_which_counting_gives() -> None:
    kept = COSTS[Architecture.SD1]
    assert cost_of(Architecture.SD1, round(kept.pixels**0.5)) == kept


def test_a_picture_costs_its_steps_and_one_decoding() -> None:
    cost = COSTS[Architecture.SDXL]
    assert cost.picture_tflop(0, cost.pixels) == cost.decode_tflop
    assert cost.picture_tflop(28, cost.pixels) == pytest.approx(28 * 13.52 + 10.47)
    assert cost.picture_tflop(28, cost.pixels // 4) == pytest.approx(cost.picture_tflop(28, cost.pixels) / 4)


def test_memory_for_a_picture_is_that_of_the_larger_of_a_step_and_the_decoding() -> None:
    need = memory_need({"unet": 1000, "vae": 10}, BaseModelId("sdxl/base"), 100, accelerator=True)
    assert (need.numbers, need.weights, need.largest) == (1010, 2 * 1000 + 4 * 10, 2000)
    assert need.picture == 4 * 768 * 100  # decoding in single precision, which is more than 2 * 158 * 100
    assert need.total == need.weights + need.picture + need.program
    assert need.turns == 4 * 10 + need.picture + need.program  # the VAE's turn needs more than the denoiser's
    need = memory_need({"unet": 10**6, "vae": 10}, BaseModelId("sdxl/base"), 100, accelerator=True)
    assert need.turns == 2 * 10**6 + 2 * 158 * 100 + need.program


def test_on_the_cpu_every_number_is_in_single_precision() -> None:
    need = memory_need({"unet": 1000, "vae": 10}, BaseModelId("sd1/base"), 100, accelerator=False)
    assert (need.each, need.weights, need.picture) == (4, 4 * 1010, 4 * 768 * 100)


def test_of_an_architecture_that_was_not_counted_the_weights_alone_are_known() -> None:
    need = memory_need({"transformer": 1000}, BaseModelId("flux1/chroma"), 100, accelerator=True)
    assert need.picture is None
    assert need.total == need.turns == 2000 + need.program


def test_of_a_transformer_tokens_count_in_a_guided_pass_and_pixels_in_a_decoding() -> None:
    networks, pixels = {"transformer": 10**9, "vae": 10}, 1024 * 1024
    need = memory_need(networks, BaseModelId("z-image/base"), pixels, accelerator=True)
    in_pass, decoding = 2 * 2 * 17 * (4096 + 512) * 3840, 2 * 768 * pixels
    assert need.picture == max(in_pass, decoding) == decoding
    assert need.turns == 2 * 10**9 + in_pass + need.program
    once = memory_need(networks, BaseModelId("flux1/dev"), pixels, accelerator=True)
    assert once.turns == 2 * 10**9 + 2 * 18 * (4096 + 512) * 3072 + once.program, "guidance is no second row"
    # Before its files are here, a denoiser has the name that the tables give each.
    unnamed = memory_need({"unet": 10**9, "vae": 10}, BaseModelId("flux1/dev"), pixels, accelerator=True)
    assert unnamed == once
    video = memory_need(networks, BaseModelId("qwen-image/base"), pixels, accelerator=True)
    assert video.picture == 2 * 1728 * pixels


@pytest.mark.parametrize("architecture", TRANSFORMER_COSTS)
def test_the_width_of_a_transformer_is_that_of_the_published_one(architecture: Architecture) -> None:
    kind, chosen = NETWORKS[architecture]
    defaults = {name: each.default for name, each in inspect.signature(kind.__init__).parameters.items()}
    config = defaults | chosen
    width = config["dim"] if "dim" in config else config["num_attention_heads"] * config["attention_head_dim"]
    assert TRANSFORMER_COSTS[architecture].width == width


@pytest.mark.parametrize("architecture", TRANSFORMER_COSTS)
def test_no_more_tensors_are_alive_in_a_transformer_than_its_table_says(architecture: Architecture) -> None:
    kept = TRANSFORMER_COSTS[architecture].live_tensors
    assert kept - 3 <= live_tensors(architecture) <= kept


def test_every_transformer_that_shares_passes_is_counted() -> None:
    for base in known_base_models():
        capability = capability_of(base)
        counted = (
            capability is not None and capability.family is not None and base.architecture is not Architecture.DEMO
        )
        assert (picture_numbers(base, 64) is not None) == counted, base


def test_single_precision_takes_twice_as_much_on_a_card() -> None:
    base = BaseModelId("sd1/base")
    half, single = (
        memory_need({"unet": 10**6, "vae": 10}, base, 100, accelerator=True, dtype=dtype)
        for dtype in (NumberFormat.BFLOAT16, NumberFormat.FLOAT32)
    )
    assert (half.each, single.each, single.weights) == (2, 4, 2 * half.weights)
