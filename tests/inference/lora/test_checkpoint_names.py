"""Names of checkpoints that people train on: most popular ones are known without a network, and none for another."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace

import pytest

from inference.base_models import BaseModelId
from inference.lora.beside.metadata import evidence_in
from inference.lora.beside.sidecar import Sidecar
from inference.lora.evidence import judge
from inference.lora.knowledge import Knowledge
from inference.lora.verdict import Layers, decide, layers_of
from inference.lora.words.brands import BRANDS
from inference.lora.words.titles import bases_in_checkpoint_name
from tests.inference.lora.checkpoint_names import NEAR_MISSES, POPULAR
from tests.lies import denoiser, pairs

KNOWN = 60  # of the 83 popular ones, at least


def told(name: str) -> str | None:
    """The base model that a name tells, if it tells one alone."""
    bases = bases_in_checkpoint_name(name)
    return next(iter(bases)) if len(bases) == 1 else None


@cache
def sdxl() -> Layers:
    tensors = pairs(denoiser("sdxl", "attn", "ff"), "lora_unet_")
    return layers_of({name: SimpleNamespace(shape=tensor.shape) for name, tensor in tensors.items()})


def test_most_popular_names_are_known_and_none_is_taken_for_another() -> None:
    assert len(POPULAR) == 83
    wrong = [(name, base, told(name)) for name, base, _ in POPULAR if told(name) not in {base, None}]
    unknown = [name for name, base, _ in POPULAR if told(name) != base]
    print(f"{len(POPULAR) - len(unknown)} of {len(POPULAR)} known; not known: {', '.join(unknown)}")
    assert wrong == []
    assert len(POPULAR) - len(unknown) >= KNOWN


@pytest.mark.parametrize(("name", "base"), NEAR_MISSES)
def test_a_name_that_only_looks_like_one_is_not_taken_for_it(name: str, base: str | None) -> None:
    assert told(name) in {base, None}


@pytest.mark.parametrize(("name", "base"), [(name, base) for name, base in NEAR_MISSES if base is None])
def test_no_lora_goes_anywhere_by_such_a_name(name: str, base: None) -> None:
    kept = evidence_in({"ss_base_model_version": "sdxl_base_v1-0", "ss_sd_model_name": name})
    assert decide(sdxl(), judge("a" * 64, kept, Sidecar(), Knowledge()), kept).base_model is base


def test_every_brand_is_found_by_its_own_words_and_has_a_source() -> None:
    plain = [brand for brand in BRANDS if not brand.versions]
    assert [brand.words for brand in plain if told(brand.words) != brand.base] == []
    assert [brand.words for brand in plain if told(brand.words.replace(" ", "")) != brand.base] == []
    assert [brand.words for brand in BRANDS if not brand.source] == []


MORE = ["_x_ponyXL", "_illustrious", "-merge", "_mix_v2", "_noob", "_flux", "_not", "_like_pony"]


@pytest.mark.parametrize("more", MORE)
def test_a_brand_with_another_familys_word_or_a_merges_tells_nothing(more: str) -> None:
    assert told(f"juggernautXL{more}.safetensors") is None


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("ilustmix_v9.safetensors", "sdxl/illustrious"),
        ("iLustMix_v111.safetensors", "sdxl/illustrious"),
        ("cyberillustrious_v50.safetensors", "sdxl/illustrious"),
        ("animij_v7.safetensors", "sdxl/illustrious"),
        ("babesIllustriousBy_v50FP16.safetensors", "sdxl/illustrious"),
        ("jedpointil_v6VAE.safetensors", "sdxl/illustrious"),
        ("realismIllustriousBy_v30FP16.safetensors", "sdxl/illustrious"),
        ("zukiCuteILL_v50.safetensors", "sdxl/illustrious"),
        ("ramthrustsNSFWPINK_alchemyMix176.safetensors", "sdxl/illustrious"),
        ("anillustrious_v4.safetensors", "sdxl/illustrious"),
        ("illustrious_pencil-XL-v2.0.0.safetensors", "sdxl/illustrious"),
        ("novaAsianXL_illustriousV50.safetensors", "sdxl/illustrious"),
        ("hikariNoobVPred_124.safetensors", "sdxl/noobai"),
        ("HarmoniqMix_vPred_v2.1.safetensors", "sdxl/noobai"),
        ("copycatNoobV_v101.safetensors", "sdxl/noobai"),
        ("ebara_pony_2.1.safetensors", "sdxl/pony"),
        ("waiREALCN_v14.safetensors", "sdxl/pony"),
        ("animergemeij_v30VAE.safetensors", "sdxl/pony"),
        ("iniverseMixSFWNSFW_ponyRealGuofengV50A.safetensors", "sdxl/pony"),
        ("hanamomoPony_v13.safetensors", "sdxl/pony"),
        ("lucentXLPonyByKlaabu_b20.safetensors", "sdxl/pony"),
        ("osorubeshiPonyReal_v10.safetensors", "sdxl/pony"),
        ("counterfeitxl_v25.safetensors", "sdxl/base"),
        ("nightvisionXL_0931.safetensors", "sdxl/base"),
        ("realcartoonXL_v7.safetensors", "sdxl/base"),
        ("xxmix9realisticsdxl_v10.safetensors", "sdxl/base"),
        ("animij_anima_v1.safetensors", None),
        ("waiREALCN_v150.safetensors", None),
        ("harmoniqMix_v3.safetensors", None),
    ],
)
def test_merges_are_known_by_their_brand(name: str, base: str | None) -> None:
    assert told(name) == base


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("LoRA entrenado sobre iLustMix v5, 2400 pasos.", "sdxl/illustrious"),
        ("Trained on Hikari Noob", "sdxl/noobai"),
        ("Treinado com Ebara Pony", "sdxl/pony"),
        ("Trained on CyberIllustrious v4", "sdxl/illustrious"),
    ],
)
def test_a_brand_in_a_sentence_of_the_training_stands_against_other_pages(text: str, base: str) -> None:
    for claimed in ("sdxl/illustrious", "sdxl/noobai", "sdxl/pony"):
        page = Sidecar(base_model=BaseModelId(claimed), description=text)
        judged = decide(sdxl(), judge("a" * 64, {}, page, Knowledge()), {})
        assert judged.base_model == (base if claimed == base else None)
