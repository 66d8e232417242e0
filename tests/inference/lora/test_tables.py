"""The tables of known bases: complete, compact, quick to load, and what the tool makes of the classes."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from inference.base_models import Architecture
from inference.lora.tensors.names import Part, index, read_name, underscored
from inference.lora.tensors.tables import BASES, STRANGERS, VARIANTS, networks, spelled, title

ROOT = Path(__file__).parents[3]
LOAD = """
from time import process_time
start = process_time()
from inference.lora.tensors.tables import VARIANTS, spelled
for variant in VARIANTS:
    for network in variant.networks.values():
        spelled(network)
print(process_time() - start)
"""


def test_every_architecture_has_a_table_and_a_title() -> None:
    assert set(Architecture) | set(STRANGERS) - {"svd", "flux3"} == set(BASES)
    assert all(title(base) for base in (*BASES, *STRANGERS))


def test_the_data_is_compact() -> None:
    assert len(files("inference.lora").joinpath("data/networks.txt").read_bytes()) < 300_000


def test_all_tables_load_in_a_moment() -> None:
    code = subprocess.run([sys.executable, "-c", LOAD], cwd=ROOT, capture_output=True, text=True, check=True)
    assert float(code.stdout) < 2.0  # seconds of processor time; it takes a tenth of that


@pytest.mark.parametrize("network", ["sd1", "sdxl", "demo", "clip-l", "demo-clip-2"])
def test_the_tool_makes_the_same_table_again(network: str) -> None:
    from tools.lora_tables.build import layers_of

    assert layers_of(network) == networks()[network]


def test_the_demo_table_is_that_of_the_shipped_checkpoints() -> None:
    from inference.demo import CHECKPOINTS

    for checkpoint in CHECKPOINTS:
        for part, network in (("unet", "demo"), ("text_encoder", "demo-clip-1"), ("text_encoder_2", "demo-clip-2")):
            (weights,) = (checkpoint.path / part).glob("*.safetensors")
            with weights.open("rb") as file:
                header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
            shapes = {name.removeprefix("text_model."): tuple(entry.get("shape", ())) for name, entry in header.items()}
            for path, shape in networks()[network].items():
                assert shapes[f"{path}.weight"] == shape


@pytest.mark.parametrize(
    ("network", "count"),
    [("sd1", 282), ("sdxl", 794), ("sdxl-refiner", 554), ("flux1", 504), ("qwen-image", 846), ("clip-l", 72)],
)
def test_a_network_has_as_many_layers_as_its_class(network: str, count: int) -> None:
    assert len(networks()[network]) == count


def test_no_two_layers_of_a_network_are_spelled_alike() -> None:
    for name, shapes in networks().items():
        assert len({underscored(path) for path in shapes}) == len(shapes), name
        for spelling, entry in index(name, shapes).items():
            if "." not in spelling and len(entry.targets) == 1:
                continue
            assert all(target in shapes for target in entry.targets)


@pytest.mark.parametrize(
    ("network", "spelling", "targets"),
    [
        ("sdxl", "input_blocks_4_1_proj_in", ["down_blocks.1.attentions.0.proj_in"]),
        ("sdxl", "input_blocks.3.0.op", ["down_blocks.0.downsamplers.0.conv"]),
        ("sdxl", "output_blocks.2.2.conv", ["up_blocks.0.upsamplers.0.conv"]),
        ("sdxl", "output_blocks_8_0_skip_connection", ["up_blocks.2.resnets.2.conv_shortcut"]),
        ("sdxl", "middle_block_2_in_layers_2", ["mid_block.resnets.1.conv1"]),
        ("sdxl", "label_emb_0_2", ["add_embedding.linear_2"]),
        ("sd1", "output_blocks.2.1.conv", ["up_blocks.0.upsamplers.0.conv"]),
        ("sd1", "output_blocks_11_1_proj_out", ["up_blocks.3.attentions.2.proj_out"]),
        ("flux1", "double_blocks_0_img_attn_qkv", [f"transformer_blocks.0.attn.to_{x}" for x in "qkv"]),
        ("flux1", "double_blocks.3.txt_attn.qkv.1", ["transformer_blocks.3.attn.add_k_proj"]),
        (
            "flux1",
            "single_blocks.37.linear1",
            [f"single_transformer_blocks.37.{x}" for x in ("attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp")],
        ),
        ("wan-14b", "blocks.39.cross_attn.o", ["blocks.39.attn2.to_out.0"]),
        ("lumina2", "layers.1.attention.qkv", [f"layers.1.attn.to_{x}" for x in "qkv"]),
        ("clip-l", "text_model_encoder_layers_11_mlp_fc1", ["encoder.layers.11.mlp.fc1"]),
        ("clip-l", "encoder.layers.11.mlp.fc1", ["encoder.layers.11.mlp.fc1"]),
        ("anima", "llm_adapter.blocks.5.mlp.2", ["text_conditioner.blocks.5.mlp.2"]),
        ("anima", "llm_adapter_blocks_5_mlp_2", ["text_conditioner.blocks.5.mlp.2"]),
        ("qwen3-06b", "layers_27_mlp_down_proj", ["layers.27.mlp.down_proj"]),
        ("krea2", "blocks.0.attn.wq", ["transformer_blocks.0.attn.to_q"]),
    ],
)
def test_a_spelling_stands_for_its_layers(network: str, spelling: str, targets: list[str]) -> None:
    assert list(spelled(network)[spelling].targets) == targets


def test_a_fused_layer_has_all_outputs_of_its_parts() -> None:
    assert spelled("flux1")["single_blocks_0_linear1"].shape == (21504, 3072)
    assert spelled("lumina2")["layers_0_attention_qkv"].shape == (3840, 2304)


@pytest.mark.parametrize(
    ("module", "part", "path"),
    [
        ("lora_unet_conv_in", Part.DENOISER, "conv_in"),
        ("lora_te_text_model_x", Part.TEXT, "text_model_x"),
        ("lora_te1_x", Part.TEXT_1, "x"),
        ("lora_te3_x", Part.TEXT_3, "x"),
        ("lora_transformer_x", Part.DENOISER, "x"),
        ("unet.conv_in", Part.DENOISER, "conv_in"),
        ("text_encoder.a", Part.PIPELINE_TEXT, "a"),
        ("text_encoder_2.a", Part.TEXT_2, "a"),
        ("base_model.model.unet.a", Part.DENOISER, "a"),
        ("base_model.model.a", Part.DENOISER, "a"),
        ("model.diffusion_model.a", Part.DENOISER, "a"),
        ("text_encoders.clip_g.transformer.a", Part.CLIP_G, "a"),
        ("text_model.encoder.a", Part.PIPELINE_TEXT, "text_model.encoder.a"),
        ("a.b", Part.DENOISER, "a.b"),
    ],
)
def test_a_modules_name_is_taken_apart(module: str, part: Part, path: str) -> None:
    name = read_name(module)
    assert (name.part, name.path) == (part, path)


def test_text_encoders_are_those_of_their_pipelines() -> None:
    networks_of = {variant.name: variant.networks for variant in VARIANTS}
    assert networks_of["sd1"][Part.TEXT] == networks_of["sdxl"][Part.TEXT_1] == "clip-l"
    assert networks_of["sdxl"][Part.TEXT_2] == networks_of["sdxl-refiner"][Part.TEXT_2] == "clip-g"
    assert networks_of["sd2"][Part.TEXT] == "clip-h"
    assert networks_of["flux1"][Part.TEXT_3] == networks_of["flux1"][Part.TEXT_2] == "t5-xxl"
    assert Part.TEXT not in networks_of["sdxl"], "kohya's plain prefix is for one text encoder"
