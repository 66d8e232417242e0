"""Files that are no LoRAs are called what they are, and no LoRA is called so."""

from __future__ import annotations

import io
import json

import pytest

from inference.lora.tensors.foreign_kinds import FileKind, kind_of
from inference.lora.tensors.header import BadSafetensors, ForeignFile, read_header
from tests.lora_files import lora_tensors, safetensors_bytes

Shapes = dict[str, tuple[int, ...]]


def numbered(pattern: str, count: int = 40) -> Shapes:
    return {pattern.format(n): (8, 8) for n in range(count)}


# Names and shapes as published files have them.
KINDS: dict[str, tuple[Shapes, FileKind]] = {
    "A1111's embedding": ({"emb_params": (8, 768)}, FileKind.EMBEDDING),
    "an embedding of SDXL": ({"clip_l": (4, 768), "clip_g": (4, 1280)}, FileKind.EMBEDDING),
    "diffusers' embedding": ({"<komori>": (768,)}, FileKind.EMBEDDING),
    "an old embedding": ({"string_to_param.*": (2, 768)}, FileKind.EMBEDDING),
    "an IP-Adapter": (
        {"image_proj.proj.weight": (3072, 1024), "ip_adapter.1.to_k_ip.weight": (320, 768)},
        FileKind.IP_ADAPTER,
    ),
    "a FaceID IP-Adapter": (
        {"ip_adapter.0.to_q_lora.down.weight": (128, 320), "ip_adapter.1.to_v_ip.weight": (320, 768)},
        FileKind.IP_ADAPTER,
    ),
    "XLabs' IP-Adapter": (
        {"double_blocks.0.processor.ip_adapter_double_stream_k_proj.weight": (3072, 4096)},
        FileKind.IP_ADAPTER,
    ),
    "an original ControlNet": (
        {"control_model.input_blocks.0.0.weight": (320, 4, 3, 3), "control_model.zero_convs.0.0.weight": (320, 320)},
        FileKind.CONTROLNET,
    ),
    "diffusers' ControlNet": (
        {"controlnet_cond_embedding.conv_in.weight": (16, 3, 3, 3), "down_blocks.0.resnets.0.conv1.weight": (8, 8)},
        FileKind.CONTROLNET,
    ),
    "a ControlNet of Flux": ({"controlnet_blocks.0.weight": (3072, 3072)}, FileKind.CONTROLNET),
    "ControlNet-LLLite": (
        {"lllite_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_k.down.0.weight": (64, 640)},
        FileKind.CONTROLNET,
    ),
    "a T2I-Adapter": ({"body.0.block1.weight": (320, 320, 3, 3), "conv_in.weight": (320, 192)}, FileKind.T2I_ADAPTER),
    "diffusers' T2I-Adapter": ({"adapter.body.0.resnets.0.block1.weight": (320, 320)}, FileKind.T2I_ADAPTER),
    "Stability's Control-LoRA": (
        {"lora_controlnet": (1,), "input_hint_block.0.weight": (16, 3), "input_blocks.1.0.in_layers.2.up": (320, 128)},
        FileKind.CONTROL_LORA,
    ),
    "a Control-LoRA of Flux": (
        {
            "img_in.lora_A.weight": (128, 128),
            "img_in.lora_B.weight": (3072, 128),
            "double_blocks.0.img_attn.norm.key_norm.scale": (128,),
        },
        FileKind.CONTROL_LORA,
    ),
    "a checkpoint of SDXL": (
        {"model.diffusion_model.input_blocks.0.0.weight": (320, 4), "first_stage_model.decoder.conv_in.weight": (8, 8)},
        FileKind.CHECKPOINT,
    ),
    "a UNet": (numbered("down_blocks.{}.attentions.0.proj_in.weight"), FileKind.CHECKPOINT),
    "a transformer": (numbered("double_blocks.{}.img_attn.qkv.weight"), FileKind.CHECKPOINT),
    "a VAE": (numbered("decoder.up_blocks.{}.resnets.0.conv1.weight"), FileKind.VAE),
    "CLIP": (numbered("text_model.encoder.layers.{}.mlp.fc1.weight"), FileKind.TEXT_ENCODER),
}


def file_of(shapes: Shapes, dtype: str = "F32") -> bytes:
    size = {"F32": 4, "I64": 8}[dtype]
    header: dict[str, object] = {}
    at = 0
    for name, shape in shapes.items():
        count = size
        for side in shape:
            count *= side
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + count]}
        at += count
    raw = json.dumps(header).encode()
    return len(raw).to_bytes(8, "little") + raw + b"\0" * at


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_is_called_what_it_is(name: str) -> None:
    shapes, kind = KINDS[name]
    with pytest.raises(ForeignFile) as told:
        read_header(io.BytesIO(data := file_of(shapes)), len(data))
    assert told.value.kind is kind
    assert str(told.value) == f"it is {kind.value}, not a LoRA"


def test_a_checkpoint_is_recognised_although_it_holds_numbers_that_loras_do_not() -> None:
    data = file_of({"cond_stage_model.transformer.text_model.embeddings.position_ids": (1, 77)}, "I64")
    with pytest.raises(ForeignFile, match="a whole checkpoint"):
        read_header(io.BytesIO(data), len(data))


@pytest.mark.parametrize(
    "tensors",
    [
        {},
        {"komori": {"shape": [3]}},
        {"komori": None},
        {"komori": {"shape": [["x"], 768]}},
        {"komori": {"shape": 7}},
        {"unet.down_blocks.0.attentions.0.proj_in.weight": {"shape": [320, 320]}},  # one weight is no network
    ],
)
def test_what_is_not_recognised_is_called_nothing(tensors: dict[str, object]) -> None:
    assert kind_of(tensors) is None


@pytest.mark.parametrize(
    "more", [{}, {"bundle_emb.komori.string_to_param.*": (4, 768)}, {"clip_l": (4, 768)}, {"text_model.x.weight": (8,)}]
)
def test_a_lora_is_no_other_kind(more: Shapes) -> None:
    tensors = {name: {"shape": list(tensor.shape)} for name, tensor in lora_tensors().items()}
    assert kind_of(tensors | {name: {"shape": list(shape)} for name, shape in more.items()}) is None
    data = safetensors_bytes(lora_tensors())
    assert read_header(io.BytesIO(data), len(data)).tensors


def test_damage_is_still_told_as_damage() -> None:
    with pytest.raises(BadSafetensors) as told:
        read_header(io.BytesIO(data := file_of({"a.lora_down.weight": (1,)})[:-1]), len(data))
    assert not isinstance(told.value, ForeignFile)
