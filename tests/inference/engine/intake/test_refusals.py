"""Files that diffusers loads silently, wholly or in part, although they do not fit; and unusable files."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from inference.base_models import Architecture
from inference.engine.lora.layer_names import LayerNames
from inference.engine.lora.normalise import MAX_CHANGE, normalise
from inference.errors import InferenceError, LoraFileRefused, ModuleMismatch
from tests.inference.engine import tiny
from tests.inference.engine.loras import Made, as_file, drawn, peft

SD1, SDXL = Architecture.SD1, Architecture.SDXL
EVERYWHERE = ("to_q", "to_k", "to_v", "to_out.0", "proj_in", "ff.net.2", "conv1", "fc1", "q_proj")
LAYER = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"  # 64 to 64, in both
QUERY = f"lora_unet_{LAYER.replace('.', '_')}"
Tensors = dict[str, torch.Tensor]


@cache
def parts(architecture: Architecture) -> Any:
    return tiny.parts_of(tiny.made(architecture))


@cache
def sd2_parts() -> Any:
    """As SD 1.5, but with linear projections, 23 text layers and another width of the text."""
    unet = UNet2DConditionModel(
        sample_size=8, block_out_channels=(32, 64, 128, 128), layers_per_block=2, cross_attention_dim=64,
        attention_head_dim=(2, 4, 8, 8), norm_num_groups=8, use_linear_projection=True,
    )  # fmt: skip
    text = CLIPTextConfig(hidden_size=64, intermediate_size=256, num_hidden_layers=23, num_attention_heads=4)
    return {"unet": unet, "text_encoder": CLIPTextModel(text)}


@cache
def names(architecture: Architecture) -> LayerNames:
    from inference.engine.lora.folding import layers_of

    return LayerNames.of(architecture, layers_of(parts(architecture)))


def refused(architecture: Architecture, tensors: Tensors) -> InferenceError:
    with pytest.raises((LoraFileRefused, ModuleMismatch)) as refusal:
        normalise(as_file(tensors, "Stranger"), names(architecture), "Here")
    assert "Stranger" in str(refusal.value)
    assert len(str(refusal.value)) < 500
    return refusal.value


def kohya(made: list[Made], text: str = "lora_te_") -> Tensors:
    prefixes = {"unet": "lora_unet_", "text_encoder": text, "text_encoder_2": "lora_te2_"}
    tensors: Tensors = {}
    for change in made:
        layer = change.layer if change.part == "unet" else f"text_model.{change.layer.removeprefix('text_model.')}"
        name = prefixes[change.part] + layer.replace(".", "_")
        tensors |= {f"{name}.lora_down.weight": change.down, f"{name}.lora_up.weight": change.up}
    return tensors


def foreign(source: Any, text: str, endings: tuple[str, ...] = EVERYWHERE) -> list[Tensors]:
    """A LoRA for `source` under kohya's and PEFT's names."""
    made = drawn(source, endings, 1)
    return [kohya(made, text), peft(made)]


# --- LoRAs of other models -----------------------------------------------------------------------------------------


def test_fitting_loras_are_accepted() -> None:
    for tensors in foreign(parts(SD1), "lora_te_"):
        assert len(normalise(as_file(tensors), names(SD1), "Here")) == len(tensors) // 2
    for tensors in foreign(parts(SDXL), "lora_te1_"):
        assert len(normalise(as_file(tensors), names(SDXL), "Here")) == len(tensors) // 2


@pytest.mark.parametrize(
    ("source", "text", "there"),
    [
        (lambda: parts(SDXL), "lora_te1_", SD1),
        (lambda: parts(SD1), "lora_te_", SDXL),
        (sd2_parts, "lora_te_", SD1),
        (sd2_parts, "lora_te_", SDXL),
    ],
    ids=["sdxl-sd1", "sd1-sdxl", "sd2-sd1", "sd2-sdxl"],
)
def test_a_whole_lora_of_another_architecture(source: Callable[[], Any], text: str, there: Architecture) -> None:
    for tensors in foreign(source(), text):
        problem = refused(there, tensors)
        assert isinstance(problem, ModuleMismatch)
        assert problem.count > 10


def test_the_text_encoder_of_a_pipeline_with_one_does_not_go_to_the_first_of_two() -> None:
    text = drawn({"text_encoder": parts(SD1)["text_encoder"]}, ("q_proj", "fc1"), 1)
    problem = refused(SDXL, kohya(text))
    assert isinstance(problem, ModuleMismatch)
    assert problem.count == len(text)
    assert isinstance(refused(SD1, kohya(text, "lora_te1_")), ModuleMismatch)


def test_five_of_seven_layers_are_not_enough() -> None:
    unet = {"unet": parts(SD1)["unet"]}
    some = [change for change in drawn(unet, ("attn1.to_q",), 1) if "up_blocks" not in change.layer]
    assert len(some) == 7
    problem = refused(SDXL, peft(some))
    assert isinstance(problem, ModuleMismatch)
    assert 0 < problem.count < 7


def test_a_good_unet_with_a_text_encoder_of_another_width() -> None:
    made = drawn({"unet": parts(SDXL)["unet"]}, ("attn1.to_q",), 1)
    wide = drawn({"text_encoder": sd2_parts()["text_encoder"]}, ("layers.3.self_attn.q_proj",), 1)
    assert isinstance(refused(SDXL, peft(made + wide)), ModuleMismatch)


@pytest.mark.parametrize(
    "name",
    [
        "transformer.transformer_blocks.0.attn.to_q",
        "transformer.single_transformer_blocks.0.attn.to_q",
        "lora_unet_double_blocks_0_img_attn_qkv",
        "lora_unet_joint_blocks_0_x_block_attn_qkv",
        "diffusion_model.blocks.0.cross_attn.q",
        "base_model.model.layers.0.attention.to_q",
        "lora_te3_encoder_block_0_layer_0_SelfAttention_q",
        "vae.encoder.conv_in",
        "nobody",
    ],
)
@pytest.mark.parametrize("architecture", [SD1, SDXL])
def test_layers_of_quite_other_models(architecture: Architecture, name: str) -> None:
    tensors = {f"{name}.lora_A.weight": torch.zeros(2, 64), f"{name}.lora_B.weight": torch.zeros(64, 2)}
    assert isinstance(refused(architecture, tensors), ModuleMismatch)


def test_names_of_stabilitys_code_for_sdxl_on_sd1() -> None:
    name = "lora_unet_input_blocks_4_1_transformer_blocks_1_attn1_to_q"  # SD 1.5 has one transformer there
    tensors = {f"{name}.lora_down.weight": torch.zeros(2, 64), f"{name}.lora_up.weight": torch.zeros(64, 2)}
    assert isinstance(refused(SD1, tensors), ModuleMismatch)
    assert normalise(as_file(tensors), names(SDXL), "Here")


# --- what no layer can take ----------------------------------------------------------------------------------------

NAMED = {
    "(IA)³": {f"{QUERY}.weight": torch.zeros(64), f"{QUERY}.on_input": torch.tensor(0.0)},
    "OFT": {f"{QUERY}.oft_blocks": torch.zeros(4, 16, 16), f"{QUERY}.alpha": torch.tensor(1.0)},
    "BOFT": {f"unet.{LAYER}.boft_R": torch.zeros(2, 4, 8, 8)},
    "GLoRA": {f"{QUERY}.{part}.weight": torch.zeros(4, 4) for part in ("a1", "a2", "b1", "b2")},
    "norm change": {f"{QUERY}.w_norm": torch.zeros(64), f"{QUERY}.b_norm": torch.zeros(64)},
    "text embedding": {"bundle_emb.cat.string_to_param.*": torch.zeros(4, 48)},
    "control LoRA": {
        f"unet.{LAYER}.lora_A.weight": torch.zeros(2, 64),
        f"unet.{LAYER}.lora_B.weight": torch.zeros(64, 2),
        f"unet.{LAYER}.lora_B.bias": torch.zeros(64),
    },
    "weights of a whole model": {f"{LAYER}.weight": torch.zeros(64, 64)},
    "no LoRA weights": {"gadget": torch.zeros(1)},
}


@pytest.mark.parametrize("kind", NAMED)
def test_formats_without_an_exact_conversion_are_refused_by_name(kind: str) -> None:
    problem = refused(SD1, NAMED[kind])
    assert isinstance(problem, LoraFileRefused)
    assert kind in problem.reason


@pytest.mark.parametrize("kind", NAMED)
def test_also_among_fitting_layers(kind: str) -> None:
    good = {"lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q." + key: torch.ones(shape) for key, shape
            in {"lora_down.weight": (2, 128), "lora_up.weight": (128, 2)}.items()}  # fmt: skip
    assert normalise(as_file(good), names(SD1), "Here")
    assert kind in str(refused(SD1, good | NAMED[kind]))


PAIR = {f"{QUERY}.lora_down.weight": torch.ones(2, 64), f"{QUERY}.lora_up.weight": torch.ones(64, 2)}
CONV = "lora_unet_down_blocks_1_resnets_1_conv1"


@pytest.mark.parametrize(
    "tensors",
    [
        {},
        {f"{QUERY}.lora_down.weight": torch.ones(2, 64)},
        PAIR | {f"{QUERY}.lora_up.weight": torch.ones(64, 3)},
        PAIR | {f"{QUERY}.hada_w1_a": torch.ones(64, 2)},
        PAIR | {f"{QUERY}.alpha": torch.tensor([1.0, 1.0])},
        PAIR | {f"{QUERY}.dora_scale": torch.ones(63, 1)},
        PAIR | {f"{QUERY}.diff_b": torch.ones(63)},
        PAIR | {f"unet.{LAYER}.lora_A.weight": torch.ones(2, 64), f"unet.{LAYER}.lora_B.weight": torch.ones(64, 2)},
        {f"{CONV}.lora_down.weight": torch.ones(2, 64, 1, 1), f"{CONV}.lora_up.weight": torch.ones(64, 2, 3, 3)},
        {f"{QUERY}.hada_w1_a": torch.ones(64, 2), f"{QUERY}.hada_w1_b": torch.ones(2, 64)},
        {f"{QUERY}.lokr_w1": torch.ones(4, 4)},
        {f"{QUERY}.lokr_w2_a": torch.ones(16, 2), f"{QUERY}.lokr_w2_b": torch.ones(2, 16)},
    ],
    ids=range(12),
)
def test_inconsistent_tensors_are_refused(tensors: Tensors) -> None:
    assert isinstance(refused(SD1, tensors), LoraFileRefused)


@pytest.mark.parametrize(
    "tensors",
    [
        {f"{QUERY}.diff": torch.ones(64, 63)},
        {f"{QUERY}.diff": torch.ones(64, 64), f"{QUERY}.diff_b": torch.ones(64)},  # to_q has no bias
        {f"{QUERY}.lora_down.weight": torch.ones(2, 64, 1, 1), f"{QUERY}.lora_up.weight": torch.ones(64, 2, 1, 1)},
        {f"{CONV}.lora_down.weight": torch.ones(2, 64), f"{CONV}.lora_up.weight": torch.ones(64, 2)},
        {f"{CONV}.lora_down.weight": torch.ones(2, 64, 1, 1), f"{CONV}.lora_up.weight": torch.ones(64, 2, 1, 1)},
        {f"{QUERY}.lokr_w1": torch.ones(4, 4), f"{QUERY}.lokr_w2": torch.ones(16, 8)},
    ],
    ids=range(6),
)
def test_other_shapes_than_the_layers(tensors: Tensors) -> None:
    assert isinstance(refused(SD1, tensors), ModuleMismatch)


@pytest.mark.parametrize("value", [2 * MAX_CHANGE, 1e30, float("inf"), float("-inf"), float("nan")])
@pytest.mark.parametrize(
    "tensors",
    [
        {f"{QUERY}.lora_up.weight": torch.eye(64)[:, :2], f"{QUERY}.lora_down.weight": torch.eye(64)[:2]},
        {f"{QUERY}.diff": torch.eye(64)},
        {f"{QUERY}.lokr_w1": torch.eye(4), f"{QUERY}.lokr_w2": torch.eye(16)},
        {f"{QUERY}.hada_{name}": torch.ones(shape) for name, shape
         in {"w1_a": (64, 2), "w1_b": (2, 64), "w2_a": (64, 2), "w2_b": (2, 64)}.items()},
        {f"{QUERY}.dora_scale": torch.ones(64, 1), f"{QUERY}.lora_up.weight": torch.ones(64, 2),
         f"{QUERY}.lora_down.weight": torch.ones(2, 64)},
        {f"{QUERY}.diff": torch.eye(64), f"{QUERY}.dora_scale": torch.ones(1, 64)},
    ],
    ids=["lora", "diff", "lokr", "loha", "dora", "dora-inputs"],
)  # fmt: skip
def test_numbers_out_of_all_proportion(tensors: Tensors, value: float) -> None:
    assert normalise(as_file(tensors), names(SD1), "Here")
    first = next(iter(tensors))
    poisoned = tensors | {first: tensors[first].index_put((torch.tensor(0), torch.tensor(0)), torch.tensor(value))}
    problem = refused(SD1, poisoned)
    assert "proportion" in str(problem)


def test_dense_changes_have_a_memory_limit_that_the_operator_sets() -> None:
    made = drawn({"unet": parts(SD1)["unet"]}, ("attn1.to_q", "attn1.to_k"), 1)
    dense: Tensors = {}
    for change in made:
        dense[f"unet.{change.layer}.diff"] = change.up @ change.down
    size = sum(4 * tensor.numel() for tensor in dense.values())
    assert len(normalise(as_file(dense), names(SD1), "Here", size)) == len(made)
    with pytest.raises(LoraFileRefused, match=r"more than 0 MiB .* `max_dense_megabytes`"):
        normalise(as_file(dense), names(SD1), "Here", size - 1)
    assert normalise(as_file(peft(made)), names(SD1), "Here", 0), "a low-rank pair is small"
