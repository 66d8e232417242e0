"""Metadata as trainers write it, by trainer, on SDXL's and Flux.1's layers: what is told is right, the rest is unknown.

The blocks are made up after what the trainers are known to write; the truth of each is the base it was trained on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import SimpleNamespace

import pytest

from inference.lora.beside.metadata import evidence_in
from inference.lora.beside.sidecar import Sidecar
from inference.lora.evidence import judge
from inference.lora.knowledge import Knowledge
from inference.lora.verdict import Layers, decide, layers_of
from tests.lies import FLUX_HASH, FLUX_WORDS, ILLUSTRIOUS_HASH, SDXL_WORDS, denoiser, pairs

NOOB_V = "ea349eeae87ca8d25ba902c93810f7ca83e5c82f920edf12f273af004ae02819"
ANIMAGINE_OPT = "6327eca98bfb6538dd7a4edce22484a1bbc57a8cff6b11d075d40da1afb847ac"
UNLISTED = {"ss_new_sd_model_hash": "7" * 64, "ss_sd_model_hash": "0a1b2c3d"}
FOLDER = {"ss_new_sd_model_hash": "IsADirectory", "ss_sd_model_hash": "IsADirectory"}
ONETRAINER = {
    "ot_branch": "master", "ot_revision": "a1b2c3d", "modelspec.title": "Stable Diffusion XL 1.0 Base LoRA",
    "modelspec.author": "StabilityAI", "modelspec.architecture": "stable-diffusion-xl-v1-base/lora",
    "ss_base_model_version": "sdxl_",
}  # fmt: skip
AI_TOOLKIT = {
    "software": '{"name": "ai-toolkit", "version": "0.7.1"}', "ss_base_model_version": "sdxl_1.0", "format": "pt",
}  # fmt: skip


def kohya(base: str, **more: str) -> dict[str, str]:
    return SDXL_WORDS | UNLISTED | {"ss_sd_model_name": base, "ss_output_name": "chara_v2"} | more


def onetrainer(base: str, denoiser_of_its_own: str = "") -> dict[str, str]:
    config = {"training_method": "LORA", "base_model_name": base, "unet": {"model_name": denoiser_of_its_own}}
    return ONETRAINER | {"ot_config": json.dumps(config)}


TOLD: list[tuple[str, str, Mapping[str, str]]] = [
    # kohya's sd-scripts and what runs it (kohya_ss, fluxgym, PixAI, LoRA Easy Training Scripts)
    *(("kohya, name", base, kohya(name)) for base, name in (
        ("sdxl/pony", "ponyDiffusionV6XL_v6StartWithThisOne.safetensors"), ("sdxl/pony", "ponyDiffusionV6XL.ckpt"),
        ("sdxl/pony", "pony.safetensors"), ("sdxl/pony", "PonyXL_v6.ckpt"), ("sdxl/pony", "pony-v6.safetensors"),
        ("sdxl/illustrious", "Illustrious-XL-v1.0.safetensors"), ("sdxl/illustrious", "illustriousXL20_v20"),
        ("sdxl/illustrious", "waiIllustriousSDXL_v140.safetensors"), ("sdxl/illustrious", "Illustrious-XL-v0.1-GUIDED"),
        ("sdxl/noobai", "noobaiXLNAIXL_epsilonPred11Version.safetensors"), ("sdxl/noobai", "NoobAI-XL-v1.1"),
        ("sdxl/noobai", "NoobAI-XL-Vpred-v1.0.safetensors"), ("sdxl/animagine", "animagine-xl-4.0-opt.safetensors"),
        ("sdxl/animagine", "animagineXLV3_v30.safetensors"), ("sdxl/base", "sd_xl_base_1.0.safetensors"),
        ("sdxl/base", "sdXL_v10VAEFix.safetensors"), ("sdxl/base", "sdXL_v10.safetensors"),
        ("sdxl/base", "sd_xl_base_1.0_0.9vae.safetensors"), ("sdxl/base", "/home/me/models/sd_xl_base_1.0.safetensors"),
        ("sdxl/illustrious", r"D:\models\sdxl\illustriousXL_v01.safetensors"),
    )),
    *(("kohya, merge", base, kohya(name)) for base, name in (
        ("sdxl/base", "juggernautXL_ragnarok.safetensors"), ("sdxl/base", "realvisxlV50_v50.safetensors"),
        ("sdxl/illustrious", "novaAnimeXL_ilV50.safetensors"), ("sdxl/pony", "cyberrealisticPony_v110.safetensors"),
    )),
    ("OneTrainer", "sdxl/base", onetrainer("ponyXL_v6.safetensors", "juggernautXL.safetensors")),
    ("kohya, hash", "sdxl/illustrious", SDXL_WORDS | {"ss_new_sd_model_hash": ILLUSTRIOUS_HASH}),
    ("kohya, hash", "sdxl/noobai", kohya("model.safetensors", ss_new_sd_model_hash=NOOB_V)),
    ("kohya, hash", "sdxl/animagine", kohya("a.safetensors", ss_new_sd_model_hash=ANIMAGINE_OPT.upper())),
    ("kohya, old hash", "sdxl/pony", SDXL_WORDS | {"ss_sd_model_hash": "e577480d"}),
    *(("kohya, hub", base, SDXL_WORDS | FOLDER | {"ss_sd_model_name": name}) for base, name in (
        ("sdxl/illustrious", "OnomaAIResearch/Illustrious-XL-v2.0"), ("sdxl/noobai", "Laxhar/noobai-XL-Vpred-1.0"),
        ("sdxl/animagine", "cagliostrolab/animagine-xl-3.1"), ("sdxl/pony", "AstraliteHeart/pony-diffusion-v6-xl"),
        ("sdxl/base", "stabilityai/stable-diffusion-xl-base-1.0"), ("sdxl/kolors", "Kwai-Kolors/Kolors-diffusers"),
        ("sdxl/illustrious", "https://huggingface.co/OnomaAIResearch/Illustrious-xl-early-release-v0"),
        ("sdxl/noobai", "/root/.cache/huggingface/hub/models--Laxhar--noobai-XL-1.1/snapshots/0f1e2d"),
        ("sdxl/base", "stable-diffusion-xl-base-1.0"), ("sdxl/noobai", "noobai-XL-1.0"),
        ("sdxl/illustrious", "Illustrious-xl-early-release-v0"), ("sdxl/pony", "somebody/pony-diffusion-v6-xl-fp16"),
    )),
    # CivitAI's own trainer
    *(("CivitAI", base, SDXL_WORDS | {"ss_sd_model_name": name}) for base, name in (
        ("sdxl/pony", "290640.safetensors"), ("sdxl/illustrious", "889818.safetensors"),
        ("sdxl/base", "128078.safetensors"), ("sdxl/noobai", "1190596"),
        ("sdxl/illustrious", "urn:air:sdxl:checkpoint:civitai:795765@1546777"),
        ("sdxl/pony", "https://civitai.com/models/257749?modelVersionId=290640"),
        ("sdxl/pony", "https://civitai.com/api/download/models/290640"),
        ("sdxl/illustrious", "/tmp/job/889818.safetensors"),
    )),
    ("PixAI", "sdxl/haruka", SDXL_WORDS | {"ss_sd_model_name": "1861558740588989558.safetensors"}),
    ("PixAI", "sdxl/hoshino", SDXL_WORDS | {"ss_sd_model_name": "1954632828118619567"}),
    ("OneTrainer", "sdxl/pony", onetrainer("D:/models/ponyDiffusionV6XL_v6StartWithThisOne.safetensors")),
    ("OneTrainer", "sdxl/illustrious", onetrainer("OnomaAIResearch/Illustrious-xl-early-release-v0")),
    ("OneTrainer", "sdxl/base", onetrainer("stabilityai/stable-diffusion-xl-base-1.0")),
    ("OneTrainer", "sdxl/noobai", onetrainer("sdxl.safetensors", "/models/noobaiXLNAIXL_vPred10Version.safetensors")),
    ("SimpleTuner", "sdxl/illustrious", {"modelspec.architecture": "illustrious-xl-early-release-v0/lora"}),
    ("SimpleTuner", "sdxl/noobai", {"modelspec.architecture": "noobai-xl-1.1/lora"}),
    ("SimpleTuner", "sdxl/animagine", {"modelspec.architecture": "animagine-xl-4.0/lora"}),
    ("PEFT", "sdxl/noobai", {"lora_adapter_metadata": '{"unet.base_model_name_or_path": "Laxhar/noobai-XL-1.1"}'}),
    ("modelspec", "sdxl/illustrious", {"modelspec.architecture": "illustrious/lora"}),
    # Flux.1
    ("kohya, Flux", "flux1/dev", FLUX_WORDS | {"ss_new_sd_model_hash": FLUX_HASH}),
    ("kohya, Flux", "flux1/dev", FLUX_WORDS | {"ss_sd_model_name": "flux1-dev.sft"}),
    ("kohya, Flux", "flux1/dev", FLUX_WORDS | {"ss_sd_model_name": "flux1-dev-fp8_e4m3fn.safetensors"}),
    ("kohya, Flux", "flux1/krea", FLUX_WORDS | {"ss_sd_model_name": "flux1-krea-dev.safetensors"}),
    ("kohya, Flux", "flux1/chroma", FLUX_WORDS | {"ss_base_model_version": "chroma"}),
    ("musubi", "flux1/kontext", {"ss_base_model_version": "flux_kontext", "modelspec.architecture": "flux-1-dev/lora"}),
    ("OneTrainer, Flux", "flux1/chroma", {"modelspec.architecture": "Chroma1/lora"}),
    ("CivitAI, Flux", "flux1/dev", FLUX_WORDS | {"ss_sd_model_name": "691639.safetensors"}),
]  # fmt: skip

OPEN: list[tuple[str, str, Mapping[str, str]]] = [
    *(("kohya, merge", base, kohya(name)) for base, name in (
        ("sdxl/noobai", "someMix_NAI_v3.safetensors"), ("sdxl/base", "model.safetensors"),
    )),
    ("kohya, no metadata", "sdxl/illustrious", {"ss_base_model_version": "sdxl_base_v1-0"}),
    ("kohya, title", "sdxl/base", kohya("model.safetensors", ss_output_name="pony_ride")),
    ("ai-toolkit", "sdxl/base", AI_TOOLKIT | {"ss_output_name": "pony_ride", "name": "pony_ride"}),
    ("OneTrainer", "sdxl/pony", ONETRAINER),
    ("OneTrainer", "sdxl/base", onetrainer("ponyXL_v6.safetensors", "privateMixXL.safetensors")),
    ("SimpleTuner", "sdxl/pony", {"modelspec.architecture": "sdxl/lora", "modelspec.title": "simpletuner-lora"}),
    ("diffusers", "sdxl/pony", {"format": "pt"}),
    ("kohya, Flux", "flux1/krea", FLUX_WORDS),
    ("kohya, Flux", "flux1/dev", FLUX_WORDS | {"ss_sd_model_name": "fluxUnchained_v1.safetensors"}),
]  # fmt: skip


def layers(base: str) -> Layers:
    make = base.partition("/")[0]
    prefix = "lora_unet_" if make == "sdxl" else "transformer."
    tensors = pairs(denoiser(make, "attn.to_q", "attn2.to_k"), prefix)
    return layers_of({name: SimpleNamespace(shape=tensor.shape) for name, tensor in tensors.items()})


def told(base: str, metadata: Mapping[str, str]) -> str | None:
    """What is said of a file with the layers of `base`'s architecture."""
    kept = evidence_in(metadata)
    return decide(layers(base), judge("a" * 64, kept, Sidecar(), Knowledge()), kept).base_model


@pytest.mark.parametrize(("trainer", "base", "metadata"), TOLD)
def test_what_a_trainer_records_of_its_base_tells_the_lineage(
    trainer: str, base: str, metadata: Mapping[str, str]
) -> None:
    assert told(base, metadata) == base


@pytest.mark.parametrize(("trainer", "base", "metadata"), OPEN)
def test_what_a_trainer_leaves_open_stays_unknown(trainer: str, base: str, metadata: Mapping[str, str]) -> None:
    assert told(base, metadata) is None


@pytest.mark.parametrize("config", ["[" * 100_000, "[]", '{"base_model_name": 7}', '{"unet": 3}', "{", '"x"'])
def test_a_configuration_that_cannot_be_read_says_nothing(config: str) -> None:
    assert evidence_in({"ot_config": config, "lora_adapter_metadata": config}) == {}
