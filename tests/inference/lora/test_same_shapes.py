"""Models whose layers have the same shapes as another's: their LoRAs go nowhere on the shapes' word alone.

The words are those that trainers write (`inference/lora/words/architecture_words.py` names their sources), and the
names are those of published files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from types import SimpleNamespace

import pytest

from inference.base_models import BaseModelId
from inference.lora.beside.metadata import evidence_in
from inference.lora.beside.sidecar import Sidecar
from inference.lora.evidence import Evidence, Source, judge
from inference.lora.knowledge import Knowledge
from inference.lora.tensors.tables import networks
from inference.lora.verdict import Layers, Verdict, decide, layers_of
from tests.lies import denoiser, encoder, pairs

AI_TOOLKIT = {"software": '{"name": "ai-toolkit", "repo": "https://github.com/ostris/ai-toolkit"}'}
WHOLE = {
    "anima": ("attn", "mlp"), "lumina2": ("attn", "feed_forward"), "qwen-image": ("attn", "mlp"),
    "z-image": ("attention", "feed_forward"), "auraflow": ("attn", "ff"), "krea2": ("attn", "mlp"),
    "sd1": ("attn", "ff"), "sdxl": ("attn", "ff"),
}  # fmt: skip


@cache
def layers(make: str) -> Layers:
    prefix = "lora_unet_" if make in {"sd1", "sdxl"} else "diffusion_model."
    return read(pairs(denoiser(make, *WHOLE[make]), prefix))


def read(tensors: Mapping[str, object]) -> Layers:
    return layers_of({name: SimpleNamespace(shape=tensor.shape) for name, tensor in tensors.items()})  # type: ignore[attr-defined]


def verdict(found: Layers, metadata: Mapping[str, str]) -> Verdict:
    kept = evidence_in(metadata)
    return decide(found, judge("a" * 64, kept, Sidecar(), Knowledge()), kept)


RELATIVES: list[tuple[str, str, Mapping[str, str]]] = [
    ("anima", "anima/cosmos-predict2", {"modelspec.architecture": "cosmos-predict2/lora"}),
    ("anima", "anima/cosmos-predict2", {"modelspec.architecture": "cosmos2image-2b/lora"}),
    ("anima", "anima/cosmos-predict2", {"ss_base_model_version": "cosmos_predict2"}),
    ("anima", "anima/cosmos-predict2", {"ss_sd_model_name": "cosmos_predict2_2B_t2i.safetensors"}),
    ("anima", "anima/cosmos-predict2", {"ss_sd_model_name": "nvidia/Cosmos-Predict2-2B-Text2Image"}),
    ("lumina2", "lumina2/neta", {
        "ss_base_model_version": "lumina2", "modelspec.architecture": "lumina-2/lora",
        "ss_sd_model_name": "NetaYumev35_pretrained_all_in_one.safetensors",
    }),
    ("lumina2", "lumina2/neta", {"ss_sd_model_name": "neta-lumina-v1.0.safetensors"}),
    ("lumina2", "lumina2/neta", {"ss_sd_model_name": "duongve/NetaYume-Lumina-Image-2.0"}),
    ("lumina2", "lumina2/neta", {"modelspec.architecture": "lumina2-neta-lumina/lora"}),
    ("qwen-image", "qwen-image/edit", {"modelspec.architecture": "Qwen-Image-Edit/lora"}),
    ("qwen-image", "qwen-image/edit", {
        "ss_base_model_version": "qwen_image_edit", "modelspec.architecture": "Qwen-Image-Edit-2511/lora",
    }),
    ("qwen-image", "qwen-image/edit", {"modelspec.architecture": "qwen_image-edit-v2+/lora"}),
    ("qwen-image", "qwen-image/edit", {"ss_sd_model_name": "qwen_image_edit_2509_fp8_e4m3fn.safetensors"}),
    ("qwen-image", "qwen-image/edit", {"ss_sd_model_name": "Qwen/Qwen-Image-Edit-2511"}),
    ("qwen-image", "qwen-image/layered", {"ss_base_model_version": "qwen_image_layered"}),
    ("qwen-image", "qwen-image/layered", {"ss_sd_model_name": "Qwen/Qwen-Image-Layered"}),
    ("z-image", "z-image/edit", {"modelspec.architecture": "Z-Image-Edit/lora"}),
    ("z-image", "z-image/edit", {"ss_sd_model_name": "z_image_edit_bf16.safetensors"}),
    ("auraflow", "auraflow/pony-v7", {"ss_sd_model_name": "purplesmartai/pony-v7-base"}),
    ("auraflow", "auraflow/pony-v7", {"modelspec.architecture": "auraflow-pony/lora"}),
]  # fmt: skip


@pytest.mark.parametrize(("make", "base", "metadata"), RELATIVES)
def test_a_relative_is_known_by_its_words(make: str, base: str, metadata: Mapping[str, str]) -> None:
    assert verdict(layers(make), metadata).base_model == base


@pytest.mark.parametrize(
    ("make", "metadata"),
    [
        *((make, {}) for make in ("anima", "lumina2", "qwen-image", "z-image", "auraflow")),
        ("lumina2", {"ss_base_model_version": "lumina2", "modelspec.architecture": "lumina-2/lora"}),
        # ai-toolkit writes it for the model that edits as well
        ("qwen-image", AI_TOOLKIT | {"ss_base_model_version": "qwen_image"}),
        ("auraflow", AI_TOOLKIT | {"ss_base_model_version": "auraflow"}),
        ("z-image", {"modelspec.architecture": "z-image-omni/lora"}),
        ("anima", {"modelspec.architecture": "anima-2.9b/lora"}),
        ("qwen-image", {"ss_base_model_version": "qwen_image", "ss_sd_model_name": "qwen_image_edit_bf16.safetensors"}),
        ("qwen-image", {"ss_base_model_version": "qwen_image", "ss_output_name": "qwen_image_edit_remover"}),
        ("anima", {"ss_base_model_version": "anima", "ss_sd_model_name": "cosmos_predict2_2B_t2i.safetensors"}),
    ],
)
def test_what_fits_relatives_alike_is_unknown(make: str, metadata: Mapping[str, str]) -> None:
    assert verdict(layers(make), metadata).base_model is None


@pytest.mark.parametrize(
    ("make", "base", "metadata"),
    [
        ("qwen-image", "qwen-image/base", {
            "ss_base_model_version": "qwen_image", "modelspec.architecture": "Qwen-Image/lora",
            "ss_sd_model_name": "qwen_image_bf16.safetensors",
        }),
        ("qwen-image", "qwen-image/base", {"modelspec.architecture": "qwen_image-v1.0/lora"}),
        ("qwen-image", "qwen-image/base", {
            "lora_adapter_metadata": json.dumps({"transformer.base_model_name_or_path": "Qwen/Qwen-Image-2512"}),
        }),
        ("qwen-image", "qwen-image/base", AI_TOOLKIT | {
            "ss_base_model_version": "qwen_image", "ss_sd_model_name": "Qwen/Qwen-Image",
        }),
        ("anima", "anima/base", {"ss_base_model_version": "anima", "modelspec.architecture": "anima-preview/lora"}),
        ("anima", "anima/base", {"modelspec.architecture": "Anima/lora"}),
        ("anima", "anima/base", AI_TOOLKIT | {"ss_base_model_version": "anima"}),
        ("anima", "anima/base", {"ss_sd_model_name": "circlestone-labs/Anima-Base-v1.0-Diffusers"}),
        # a fork of sd-scripts that knows the version leaves the other field as it is for SD 1
        ("anima", "anima/base", {
            "ss_base_model_version": "anima", "modelspec.architecture": "stable-diffusion-v1/lora",
        }),
        ("z-image", "z-image/base", AI_TOOLKIT | {"ss_base_model_version": "zimage"}),
        ("z-image", "z-image/base", {"ss_base_model_version": "z_image", "modelspec.architecture": "Z-Image/lora"}),
        ("z-image", "z-image/base", {"ss_sd_model_name": "z_image_turbo_bf16.safetensors"}),
        ("lumina2", "lumina2/base", {
            "ss_base_model_version": "lumina2", "ss_sd_model_name": "lumina-image-2.safetensors",
        }),
        ("lumina2", "lumina2/base", {"ss_sd_model_name": "Alpha-VLLM/Lumina-Image-2.0"}),
        ("auraflow", "auraflow/base", {"modelspec.architecture": "auraflow-v0.3/lora"}),
    ],
)  # fmt: skip
def test_honest_files_are_still_known(make: str, base: str, metadata: Mapping[str, str]) -> None:
    assert verdict(layers(make), metadata).base_model == base


@pytest.mark.parametrize(
    ("make", "metadata"),
    [
        ("krea2", {"modelspec.architecture": "foo-9b/lora"}),
        ("krea2", {"ss_base_model_version": "foo_9b"}),
        ("krea2", {"modelspec.architecture": "FLUX.3/lora"}),
        ("krea2", {"modelspec.architecture": "Qwen-Image/lora"}),
        ("sd1", {"modelspec.architecture": "foo-9b/lora"}),
        ("sd1", {"ss_base_model_version": "flux1"}),
        ("qwen-image", {"modelspec.architecture": "foo-9b/lora", "ss_sd_model_name": "qwen_image_bf16.safetensors"}),
        ("sdxl", {"modelspec.architecture": "foo-9b/lora", "ss_sd_model_name": "illustriousXL_v01.safetensors"}),
        ("sdxl", {"ss_base_model_version": "foo-9b", "ss_sd_model_name": "illustriousXL_v01.safetensors"}),
    ],
)
def test_a_word_for_another_architecture_disputes_the_shapes(make: str, metadata: Mapping[str, str]) -> None:
    found = verdict(layers(make), metadata)
    assert (found.base_model, found.evidence.source) == (None, Source.CONFLICT)
    assert any("metadata" in each for each in found.evidence.contradictions)


def test_an_operator_ends_that_dispute() -> None:
    said = Evidence(BaseModelId("krea2/base"), Source.DECLARATION)
    assert decide(layers("krea2"), said, {"modelspec.architecture": "foo-9b/lora"}).base_model == "krea2/base"


@pytest.mark.parametrize("word", ["", "unknown/lora", "none", "None", "custom/lora", "lora"])
def test_a_word_that_names_nothing_disputes_nothing(word: str) -> None:
    assert verdict(layers("krea2"), {"modelspec.architecture": word}).base_model == "krea2/base"


@pytest.mark.parametrize("prefix", ["base_model.model.model.", "base_model.model."])
def test_an_adapter_for_chat_is_no_lora_for_the_model_that_reads_with_it(prefix: str) -> None:
    chat = {path: shape for path, shape in networks()["qwen3-06b"].items() if "self_attn" in path}
    assert verdict(read(pairs(chat, prefix)), {}).base_model is None
    assert verdict(read(pairs(networks()["qwen3-06b"], "lora_te_")), {}).base_model is None


def test_text_layers_alone_are_known_where_a_word_bears_them_out() -> None:
    text = read(pairs(networks()["qwen3-06b"], "lora_te_"))
    assert verdict(text, {"ss_base_model_version": "anima"}).base_model == "anima/base"
    clip = read(pairs(encoder("clip-l", 12), "lora_te_"))
    assert verdict(clip, {}).base_model is None
    assert verdict(clip, {"ss_base_model_version": "sd_v1"}).base_model == "sd1/base"


def test_the_layers_between_text_and_picture_are_animas_alone() -> None:
    shapes = networks()["anima-conditioner"]
    both = pairs(shapes, "diffusion_model.llm_adapter.") | pairs(denoiser("anima", "attn"), "diffusion_model.")
    assert verdict(read(both), {}).base_model == "anima/base"


@pytest.mark.parametrize("make", ["sd1", "sdxl"])
def test_a_companion_of_an_ip_adapter_is_not_known_by_its_shapes(make: str) -> None:
    """FaceID's LoRA: every projection of every attention, in kohya's names, and no alpha (tencent-ailab/IP-Adapter)."""
    shapes = denoiser(make, ".to_q", ".to_k", ".to_v", ".to_out.0")
    bare = {name: tensor for name, tensor in pairs(shapes, "lora_unet_").items() if not name.endswith(".alpha")}
    assert verdict(read(bare), {}).base_model is None
    if make == "sd1":
        assert verdict(read(bare), {"ss_base_model_version": "sd_v1"}).base_model == "sd1/base"
        assert verdict(read(pairs(shapes, "lora_unet_")), {}).base_model == "sd1/base"
        assert verdict(read(pairs(shapes, "unet.")), {}).base_model == "sd1/base"
