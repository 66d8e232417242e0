"""Names: what tells a lineage, and the traps that tell none. Titles are made up after kinds that really occur."""

from __future__ import annotations

import pytest

from inference.lora.words.titles import bases_in_checkpoint_name, bases_in_tag, bases_in_title, words


@pytest.mark.parametrize(
    ("name", "lineages"),
    [
        ("Illustrious-XL-v0.1.safetensors", {"sdxl/illustrious"}),
        ("illustriousXL_v01", {"sdxl/illustrious"}),
        ("waiNSFWIllustrious_v140.safetensors", {"sdxl/illustrious"}),
        ("hassakuXLIllustrious", {"sdxl/illustrious"}),
        ("someMix_IL_v3", set()),
        ("mix_pony_illu_v2", set()),
        ("ponyXL_illu_v2", {"sdxl/pony", "sdxl/illustrious"}),
        ("ponyXLv6", {"sdxl/pony"}),
        ("Pony Diffusion V6", {"sdxl/pony"}),
        ("ponyDiffusionV7", {"auraflow/pony-v7"}),
        ("pony_v5", set()),
        ("ponyXLfree", set()),
        ("everythingButPonyXL", set()),
        ("noobai_kohaku_mix", set()),
        ("illustrious_xl_lumina", set()),
        ("JANKUTrainedNoobaiRouwei_v69", set()),
        ("mix_of_ponyXL_and_sdxl", set()),
        ("ponyXL_z_image", set()),
        ("Chroma1-HD-Flash", {"flux1/chroma"}),
        ("Chroma2-Kaleidoscope", set()),
        ("chroma1_hd_ponyXL", {"sdxl/pony", "flux1/chroma"}),
        ("fluxPonyXL", {"sdxl/pony", "flux1/dev"}),
        ("ponyRealism_v2", {"sdxl/pony"}),
        ("pony_hair_mix_v3", set()),
        ("notPony_v2", set()),
        ("don't use ponyXL", set()),
        ("sin_ponyXL", set()),
        ("不是_ponyXL", set()),
        ("ponyXL_removed", set()),
        ("il_mostro_sdxl", set()),
        ("very_ill_sdxl", set()),
        ("folder/ponyXL/other_v1", set()),
        ("C:\\ponyXL\\illustriousXL", {"sdxl/illustrious"}),
        ("stable-diffusion-xl-base-1.0", {"sdxl/base"}),
        ("sdXL_v10VAEFix", {"sdxl/base"}),
        ("flux1-dev-de-distill", set()),
        ("flux1-fill-dev", set()),
        ("ponyXL" + "_x" * 200, set()),
        ("noobaiXLNAIXL_vPred10Version", {"sdxl/noobai"}),
        ("NoobAI-XL-v1.1", {"sdxl/noobai"}),
        ("ponyDiffusionV6XL_v6StartWithThisOne", {"sdxl/pony"}),
        ("prefectPonyXL_v3", {"sdxl/pony"}),
        ("PDXL-merge", {"sdxl/pony"}),
        ("animagineXLV31_v31", {"sdxl/animagine"}),
        ("sd_xl_base_1.0.safetensors", {"sdxl/base"}),
        ("sd_xl_base_1.0_0.9vae.safetensors", {"sdxl/base"}),
        ("flux1-dev.safetensors", {"flux1/dev"}),
        ("flux1-dev-fp8", {"flux1/dev"}),
        ("flux1-kontext-dev", {"flux1/kontext"}),
        ("flux1-krea-dev_fp8_scaled", {"flux1/krea"}),
        ("flux1-schnell", {"flux1/schnell"}),
        ("chroma-unlocked-v37", {"flux1/chroma"}),
        ("NoobAI-Pony-mix", {"sdxl/noobai", "sdxl/pony"}),
        ("illustrious_x_animagine", {"sdxl/illustrious", "sdxl/animagine"}),
        ("juggernautXL_v9", {"sdxl/base"}),
        ("sd_xl_base_merged_with_things", set()),
        ("villain_milk_pill", set()),
        ("v1-5-pruned", {"sd1/base"}),
        ("", set()),
    ],
)
def test_a_checkpoints_name_tells_its_lineage(name: str, lineages: set[str]) -> None:
    assert bases_in_checkpoint_name(name) == lineages


@pytest.mark.parametrize(
    ("title", "lineages"),
    [
        ("Komori Met IllustriousXL", {"sdxl/illustrious"}),
        ("komori-illustrious_xl-v2", {"sdxl/illustrious"}),
        ("[Illustrious] Komori Met", {"sdxl/illustrious"}),
        ("[Illustrious 2.0] x", {"sdxl/illustrious"}),
        ("Style for Pony", {"sdxl/pony"}),
        ("[Pony XL] x", {"sdxl/pony"}),
        ("Pony x Illustrious merge", {"sdxl/pony", "sdxl/illustrious"}),
        ("komori_ponyXL_il", {"sdxl/pony", "sdxl/illustrious"}),
        ("Pony V7 style", {"auraflow/pony-v7"}),
        ("qwen_image_edit_remover", {"qwen-image/edit"}),
        ("komori_noobXL", {"sdxl/noobai"}),
        ("lighting NAI-XL", {"sdxl/noobai"}),
        ("AnimagineXL girl", {"sdxl/animagine"}),
        # characters of that name
        ("Illustrious (Azur Lane)", set()),
        ("HMS Illustrious", set()),
        ("Mari Illustrious Makinami - Evangelion", set()),
        # parts of other words, and other senses
        ("Il Capitano", set()),
        ("illusion style", set()),
        ("illumination, film, vanilla, Emilia", set()),
        ("renaissance naiad, Inai, hentai", set()),
        ("animal ears, reanimated", set()),
        ("ponytail girl, Pony Tail v2", set()),
        ("My Little Pony style", set()),
        ("lexxlux xlarge v2 pixl", set()),
        ("SDXL detail", set()),
        ("[SDXL] detail", set()),
        ("[Flux] detail", set()),
        ("snoobs", set()),
        ("not for Pony", set()),
        ("no_pony", set()),
    ],
)
def test_a_loras_title_tells_its_lineage_only_where_it_cannot_mean_something_else(
    title: str, lineages: set[str]
) -> None:
    assert bases_in_title(title) == lineages


@pytest.mark.parametrize(
    ("name", "lineages"),
    [
        ("[Illustrious] Komori Met.safetensors", {"sdxl/illustrious"}),
        ("  [noobai eps] x", {"sdxl/noobai"}),
        ("Komori [Pony]", set()),
        ("[Ponytail] x", set()),
        ("[unknown] x", set()),
    ],
)
def test_only_a_tag_in_front_is_one(name: str, lineages: set[str]) -> None:
    assert bases_in_tag(name) == lineages


@pytest.mark.parametrize(
    ("name", "apart"),
    [("ponyDiffusionV6XL_x.y", "pony diffusion v6 xl x y"), ("NAIXLVpred", "naixl vpred"), ("", ""), ("__", "")],
)
def test_words_are_split_at_capitals_and_separators(name: str, apart: str) -> None:
    assert words(name) == apart


def test_a_very_long_name_is_looked_at_in_no_time() -> None:
    assert bases_in_title("flux " * 200_000) == set()
    assert bases_in_checkpoint_name("flux " * 200_000) == set()
