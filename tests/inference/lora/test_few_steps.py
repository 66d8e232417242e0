"""Which few-step recipe a file was made for: right or none, and never a wrong one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from inference.base_models import Architecture
from inference.lora.few_steps import (
    NOT_FEW,
    FewStepKind,
    FewStepRecipe,
    FewStepSource,
    FewStepTestimony,
    checkpoint_few_steps,
    judge_few_steps,
    read_name,
)
from inference.lora.known.registry import RegistryAnswer
from inference.messages.samplers import Sampler, Spacing

SD1, SDXL, SD3, FLUX, QWEN = (
    Architecture.SD1,
    Architecture.SDXL,
    Architecture.SD3,
    Architecture.FLUX1,
    Architecture.QWEN_IMAGE,
)
EULER, DDIM, LCM = (
    (sampler, spacing)
    for sampler, spacing in (
        (Sampler.EULER, Spacing.TRAILING),
        (Sampler.DDIM, Spacing.TRAILING),
        (Sampler.LCM, None),
    )
)
TCD, DMD2 = (Sampler.TCD, None), (Sampler.LCM, Spacing.TRAILING)
TURBO, OWN, EULER_OWN = (Sampler.EULER_A, Spacing.TRAILING), (None, None), (Sampler.EULER, None)

# The name of a file without its suffix, its architecture, and what its makers say: steps, sampler with spacing,
# guidance (1: none), weight. None: nothing may be said of it.
NAMES: list[tuple[str, Architecture, tuple[Any, ...] | None]] = [
    ("sdxl_lightning_2step_lora", SDXL, (2, EULER, 1.0, 1.0)),
    ("sdxl_lightning_4step_lora", SDXL, (4, EULER, 1.0, 1.0)),
    ("sdxl_lightning_8step_lora", SDXL, (8, EULER, 1.0, 1.0)),
    ("SDXL-Lightning-4steps-LoRA", SDXL, (4, EULER, 1.0, 1.0)),
    ("sdxl_lightning_4step_lora_rank64_v1.0", SDXL, (4, EULER, 1.0, 1.0)),
    ("Hyper-SDXL-1step-lora", SDXL, (1, TCD, 1.0, 1.0)),
    ("Hyper-SDXL-2steps-lora", SDXL, (2, DDIM, 1.0, 1.0)),
    ("Hyper-SDXL-4steps-lora", SDXL, (4, DDIM, 1.0, 1.0)),
    ("Hyper-SDXL-8steps-lora", SDXL, (8, DDIM, 1.0, 1.0)),
    ("Hyper-SDXL-8steps-CFG-lora", SDXL, (8, DDIM, 5.0, 1.0)),
    ("Hyper-SDXL-12steps-CFG-lora", SDXL, (12, DDIM, 5.0, 1.0)),
    ("Hyper-SD15-1step-lora", SD1, (1, TCD, 1.0, 1.0)),
    ("Hyper-SD15-4steps-lora", SD1, (4, DDIM, 1.0, 1.0)),
    ("Hyper-SD15-8steps-CFG-lora", SD1, (8, DDIM, 5.0, 1.0)),
    ("Hyper-FLUX.1-dev-8steps-lora", FLUX, (8, EULER_OWN, 3.5, 0.125)),
    ("Hyper-FLUX.1-dev-16steps-lora", FLUX, (16, EULER_OWN, 3.5, 0.125)),
    ("Hyper-SD3-4steps-CFG-lora", SD3, (4, EULER_OWN, 3.0, 0.125)),
    ("Hyper-SD3-8steps-CFG-lora", SD3, (8, EULER_OWN, 5.0, 0.125)),
    ("Hyper-SD3-16steps-CFG-lora", SD3, (16, EULER_OWN, 7.0, 0.125)),
    ("FLUX.1-Turbo-Alpha", FLUX, (8, EULER_OWN, 3.5, 1.0)),
    ("Qwen-Image-Lightning-4steps-V1.0", QWEN, (4, EULER_OWN, 1.0, 1.0)),
    ("Qwen-Image-Lightning-8steps-V2.0-bf16", QWEN, (8, EULER_OWN, 1.0, 1.0)),
    ("Qwen-Image-Edit-2509-Lightning-4steps-V1.0-fp32", QWEN, (4, EULER_OWN, 1.0, 1.0)),
    ("lcm-lora-sdxl", SDXL, (4, LCM, 1.0, 1.0)),
    ("lcm-lora-sdv1-5", SD1, (4, LCM, 1.0, 1.0)),
    ("LCM_LoRA_Weights_SD15", SD1, (4, LCM, 1.0, 1.0)),
    ("lcm_sdxl_lora_8steps", SDXL, (8, LCM, 1.0, 1.0)),
    ("tcd-sdxl-lora", SDXL, (4, TCD, 1.0, 1.0)),
    ("TCD-SD15-LoRA", SD1, (4, TCD, 1.0, 1.0)),
    ("dmd2_sdxl_4step_lora", SDXL, (4, DMD2, 1.0, 1.0)),
    ("dmd2_sdxl_4step_lora_fp16", SDXL, (4, DMD2, 1.0, 1.0)),
    ("pcm_sdxl_smallcfg_2step_converted", SDXL, (2, DDIM, 1.0, 1.0)),
    ("pcm_sd15_smallcfg_4step_converted", SD1, (4, DDIM, 1.0, 1.0)),
    ("pcm_sdxl_normalcfg_8step_converted", SDXL, (8, DDIM, 7.5, 1.0)),
    ("pcm_sdxl_lcmlike_lora_converted", SDXL, (4, LCM, 1.0, 1.0)),
    ("sdxl_turbo_lora_4step", SDXL, (4, TURBO, 1.0, 1.0)),
    # What is not a few-step LoRA, or might be another one.
    ("lightning_bolt_v2", SDXL, None),
    ("lightning-strike-4-steps-tutorial", SDXL, None),
    ("hyperrealistic_skin_8k", SDXL, None),
    ("hyper_detailed_eyes", SDXL, None),
    ("turbo_car_drift", SDXL, None),
    ("turbo", SDXL, None),
    ("sd_xl_turbo_lora_v1", SDXL, None),
    ("sdxl_lightning_lora", SDXL, None),
    ("lightning_hyper_4step_lora", SDXL, None),
    ("sdxl_lightning_4-8steps_lora", SDXL, None),
    ("sdxl_lightning_3step_lora", SDXL, None),
    ("sdxl_lightning_1step_x0_lora", SDXL, None),
    ("sdxl_lightning_4step_8step_lora", SDXL, None),
    ("Hyper-SDXL-4steps-lora", SD1, None),  # the name of another file
    ("Hyper-SD15-4steps-lora", SDXL, None),
    ("sdxl_lightning_4step_lora", FLUX, None),
    ("lightning_4step_lora", SD1, None),  # there is none for it
    ("lcm-lora-ssd-1b", SDXL, None),
    ("lcmv_dress_code", SDXL, None),
    ("pcm_sdxl_4step", SDXL, None),  # with or without guidance?
    ("12_steps_to_heaven", SDXL, None),
    # How it was trained: its dimension or epoch, then its steps.
    ("lightning-dim8-steps2000", SDXL, None),
    ("lightning_r8_steps1500", SDXL, None),
    ("hyper_rank8_steps2000", SDXL, None),
    ("turbo_dim8_steps1200", SDXL, None),
    ("tcd-e8-steps2000", SDXL, None),
    ("lightning_r4_steps800", SDXL, None),
    ("sdxl_lightning_v4_steps8", SDXL, None),
    ("SDXL_Lightning_LoRA_rank_4_steps", SDXL, None),
    ("sdxl_lightning_fp8_steps", SDXL, None),
    ("sdxl_lightning_8_steps_2000", SDXL, None),
    ("lightning_4step_e4_lora_kohya-000002", SDXL, (4, EULER, 1.0, 1.0)),
    ("stepsisters_4steps", SDXL, None),
    ("z_image_turbo_portrait", Architecture.Z_IMAGE, None),
    ("z-image-turbo", Architecture.Z_IMAGE, None),
    ("sd3.5_large_turbo_style", Architecture.SD35_LARGE, None),
    ("Qwen-Image-Lightning-2steps", QWEN, None),
    ("flux_turbo_8step_render", FLUX, None),
    ("komori_illustrious_v3", SDXL, None),
    ("пcm_sdxl_lcm_4step", SDXL, None),  # a letter that is not Latin
    ("no-lightning_4step_lora", SDXL, None),
    ("", SDXL, None),
]


def facts(recipe: FewStepRecipe | None) -> tuple[Any, ...] | None:
    if recipe is None:
        return None
    return recipe.steps, (recipe.sampler, recipe.spacing), recipe.guidance, recipe.weight


@pytest.mark.parametrize(("name", "architecture", "expected"), NAMES)
def test_a_name_tells_the_right_recipe_or_none(
    name: str, architecture: Architecture, expected: tuple[Any, ...] | None
) -> None:
    assert facts(read_name(name, architecture).recipe) == expected
    judged = judge_few_steps(FewStepTestimony(architecture, file_name=f"folder/{name}.safetensors"))
    assert facts(judged.recipe) == expected
    assert judged.source is (None if expected is None else FewStepSource.FILE_NAME)


@pytest.mark.parametrize(
    ("file_name", "steps"),
    [
        ("lcm-lora-sdxl/pytorch_lora_weights.safetensors", 4),
        ("sdxl-lightning-4step-lora/model.safetensors", 4),
        ("lcm-lora-sdxl/komori.safetensors", None),
        ("komori/pytorch_lora_weights.safetensors", None),
        ("pytorch_lora_weights.safetensors", None),
    ],
)
def test_a_repository_tells_where_the_name_of_its_file_is_any_loras(file_name: str, steps: int | None) -> None:
    judged = judge_few_steps(FewStepTestimony(SDXL, file_name=file_name))
    assert (judged.recipe and judged.recipe.steps) == steps
    assert judged.source is (FewStepSource.REPOSITORY if steps else None)


def test_there_are_enough_names() -> None:
    assert len(NAMES) >= 60 and sum(expected is not None for *_, expected in NAMES) >= 30


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("turbo", FewStepKind.TURBO), ("sd_xl_turbo_lora_v1", FewStepKind.TURBO),
        ("sdxl_lightning_lora", FewStepKind.LIGHTNING), ("sdxl_lightning_4-8steps_lora", FewStepKind.LIGHTNING),
        ("lightning_bolt_v2", None), ("hyper_detailed_eyes", None), ("turbo_car_drift", None), ("komori", None),
        ("z-image-turbo", None),
    ],
)  # fmt: skip
def test_a_name_that_leaves_it_open_is_a_question_to_the_owner(name: str, asked: FewStepKind | None) -> None:
    architecture = Architecture.Z_IMAGE if name.startswith("z-") else SDXL
    assert judge_few_steps(FewStepTestimony(architecture, file_name=f"{name}.safetensors")).question == asked


NAMED = FewStepTestimony(SDXL, file_name="dmd2_sdxl_4step_lora.safetensors")
OWN_WORD = FewStepRecipe(steps=6, sampler=Sampler.UNIPC, guidance=2.0)


def test_what_the_settings_say_of_a_hash_goes_before_all_else() -> None:
    own = FewStepRecipe(steps=6, sampler=Sampler.LCM)
    said = FewStepTestimony(SDXL, "sdxl_lightning_4step_lora.safetensors", told=False, pinned=True, known=own)
    found = judge_few_steps(said)
    assert (found.recipe, found.source) == (own, FewStepSource.KNOWN)


def test_the_highest_source_that_speaks_decides() -> None:
    titled = replace(NAMED, metadata={"ss_output_name": "Hyper-SDXL-8steps-lora"})
    told = replace(titled, told=OWN_WORD)
    hub = replace(told, hub_base="SDXL Lightning", hub_name="SDXL Lightning · 8 step", file_name="model.safetensors")
    hub = replace(hub, metadata={})
    pinned = replace(hub, pinned=True)
    kinds = [judge_few_steps(each) for each in (NAMED, titled, told, hub, pinned)]
    assert [judged.source for judged in kinds] == [
        FewStepSource.FILE_NAME, FewStepSource.METADATA, FewStepSource.SIDECAR, FewStepSource.HUB, FewStepSource.PINNED,
    ]  # fmt: skip
    assert [judged.recipe and judged.recipe.steps for judged in kinds] == [4, 8, 6, 8, 6]
    assert judge_few_steps(replace(NAMED, told=False)) == NOT_FEW
    assert judge_few_steps(replace(NAMED, architecture=None)) == NOT_FEW, "nothing says whose layers it has"


@pytest.mark.parametrize(
    ("base", "names", "steps"),
    [
        ("SDXL Lightning", ["Lightning Toolkit · 4 steps"], 4),
        ("SDXL Hyper", ["Hyper · 8 steps CFG"], 8),
        ("SDXL 1.0 LCM", ["LCM LoRA · SDXL 8 steps"], 8),
        ("SDXL Lightning", ["Komori, the vampire · v1"], None),  # a character for Lightning checkpoints
        ("SDXL Lightning", ["Lightning · 4 steps", "8step"], None),  # two numbers
        ("SDXL Lightning", ["Lightning · 5 steps"], None),
        ("SDXL 1.0", ["Lightning bolts · 4 steps"], None),
        ("SD 1.5 Hyper", ["Hyper · 4 steps"], None),  # other layers than the hub says
    ],
)
def test_a_hubs_base_model_tells_the_kind_where_the_names_tell_the_steps(
    base: str, names: list[str], steps: int | None
) -> None:
    hub_name, *others = names
    metadata = {"modelspec.title": others[0]} if others else {}
    judged = judge_few_steps(FewStepTestimony(SDXL, "model.safetensors", metadata, hub_base=base, hub_name=hub_name))
    assert (judged.recipe and judged.recipe.steps) == steps


def test_every_hub_name_that_tells_a_kind_can_be_an_answer_of_a_registry() -> None:
    from datetime import UTC, datetime

    from inference.lora.few_steps import HUB_BASES

    for base in HUB_BASES:
        RegistryAnswer(sha256="0" * 64, registry="here", when=datetime.now(UTC), base_model=base)


def test_titles_that_contradict_each_other_are_a_question() -> None:
    metadata = {"modelspec.title": "sdxl_lightning_4step_lora", "ss_output_name": "Hyper-SDXL-8steps-lora"}
    judged = judge_few_steps(FewStepTestimony(SDXL, "a.safetensors", metadata))
    assert judged.recipe is None and judged.question


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0}, {"steps": 4, "spacing": "trailing"}, {"steps": 4, "sampler": "euler_a", "spacing": "karras"},
        {"steps": 4, "least": 5}, {"steps": 4, "most": 2}, {"steps": 4, "weight": 9}, {"steps": 4, "colour": "red"},
    ],
)  # fmt: skip
def test_a_recipe_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        FewStepRecipe.model_validate(wrong)


@pytest.mark.parametrize(
    ("repository", "file_name", "architecture", "expected"),
    [
        ("stabilityai/sdxl-turbo", None, SDXL, (1, TURBO, 1.0, 1.0)),
        (None, "sdxl_lightning_4step.safetensors", SDXL, (4, EULER, 1.0, 1.0)),
        (None, "dmd2_sdxl_4step_unet_fp16", SDXL, (4, DMD2, 1.0, 1.0)),
        ("black-forest-labs/FLUX.1-schnell", None, FLUX, (4, OWN, None, 1.0)),
        (None, "dreamshaperXL_v21TurboDPMSDE.safetensors", SDXL, None),
        (None, "sd_xl_turbo_1.0_fp16.safetensors", SDXL, None),
        ("stabilityai/stable-diffusion-xl-base-1.0", None, SDXL, None),
    ],
)
def test_a_distilled_checkpoint_has_a_recipe_too(
    repository: str | None, file_name: str | None, architecture: Architecture, expected: tuple[Any, ...] | None
) -> None:
    found = checkpoint_few_steps(repository, file_name, architecture)
    assert facts(found.recipe) == expected
    assert bool(found.question) == ("sd_xl_turbo" in (file_name or ""))
