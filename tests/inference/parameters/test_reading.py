"""The text in pictures is read as the programs of the field write it, and nothing in it can do harm."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inference.base_models import Architecture
from inference.bounds import SEEDS
from inference.lora.few_steps import read_name
from inference.messages.request import FewStepUse, Region, SourceImage
from inference.messages.samplers import SPACINGS, Sampler, Spacing
from inference.parameters import SAMPLER_LABELS, RecipeLora, infotext, read_infotext, recipe_of
from inference.parameters.files import MAX_TEXT
from inference.parameters.reading import without_prompts
from inference.regions import LAYOUTS, USUAL_EDGE, RegionName
from tests.growth import STEEPEST, growth
from tests.inference.requests import request, use

A1111 = """\
masterpiece, 1girl, (silver hair:1.2), library, "quoted, words" <lora:komori_v2:0.8>, rain
  <lora:Watercolour:0.6:0.4>
Negative prompt: worst quality, (bad hands:1.4),
lowres
Steps: 28, Sampler: DPM++ 2M Karras, CFG scale: 6.5, Seed: 1234567890, Size: 832x1216, Model hash: e3c47aedb0, \
Model: waiIllustrious_v17, Clip skip: 2, \
Lora hashes: "komori_v2: 0123456789ab, Watercolour: ba9876543210", TI hashes: "easynegative: c74b4e810b03", \
Version: v1.10.1"""

FORGE = """\
a lighthouse at night
Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 5, Size: 512x768, Model hash: abcdef1234, \
Model: dreamshaper_8, Denoising strength: 0.55, Hires upscale: 2, Hires upscaler: 4x-UltraSharp, \
Beta schedule alpha: 0.6, Version: f2.0.1v1.10.1-previous-659-gc055f2d4, Module 1: ae"""

COMFY = """\
score_9, a fox in the snow
Negative prompt: score_4
Steps: 30, Sampler: euler_ancestral, CFG scale: 7.0, Seed: 871236498712364, Size: 1024x1024, Model: ponyDiffusionV6XL, \
Version: ComfyUI, Hashes: {"model": "67ab2fd8ec", "lora:Fox Style": "1a2b3c4d5e", "embed:neg": "0011223344"}"""

CIVITAI = """\
a cat
Steps: 25, Sampler: Euler a, CFG scale: 7, Seed: 3, Size: 1024x1024, Clip skip: 2, Created Date: 2025-01-02T03:04:05Z, \
Civitai resources: [{"type":"checkpoint","modelVersionId":290640,"modelName":"Pony Diffusion V6 XL",\
"modelVersionName":"V6"},{"type":"lora","weight":0.75,"modelVersionId":1,"modelName":"Cat, sleeping"}], \
Civitai metadata: {}"""


def test_what_a1111_writes() -> None:
    recipe = read_infotext(A1111)
    assert recipe.prompt == 'masterpiece, 1girl, (silver hair:1.2), library, "quoted, words", rain'
    assert recipe.negative_prompt == "worst quality, (bad hands:1.4),\nlowres"
    assert recipe.loras == (
        RecipeLora("komori_v2", 0.8, "0123456789ab"),
        RecipeLora("Watercolour", 0.6, "ba9876543210"),
    )
    assert (recipe.checkpoint, recipe.checkpoint_hash) == ("waiIllustrious_v17", "e3c47aedb0")
    assert (recipe.width, recipe.height, recipe.steps, recipe.guidance_scale) == (832, 1216, 28, 6.5)
    assert (recipe.sampler, recipe.seed, recipe.from_picture) == (Sampler.DPMPP_2M_KARRAS, 1234567890, False)


def test_what_forge_writes_without_a_negative_prompt_and_with_the_schedule_apart() -> None:
    recipe = read_infotext(FORGE)
    assert (recipe.prompt, recipe.negative_prompt) == ("a lighthouse at night", "")
    assert (recipe.sampler, recipe.sampler_name) == (Sampler.DPMPP_2M_KARRAS, "DPM++ 2M")
    assert not recipe.from_picture, "its second pass repaints the picture itself"


def test_what_comfyui_savers_write() -> None:
    recipe = read_infotext(COMFY)
    assert recipe.loras == (RecipeLora("fox style", None, "1a2b3c4d5e"),)
    assert (recipe.checkpoint_hash, recipe.sampler) == ("67ab2fd8ec", Sampler.EULER_A)
    assert recipe.seed is None, "a seed of 64 bits is none of ours"


def test_what_civitais_generator_writes() -> None:
    recipe = read_infotext(CIVITAI)
    assert recipe.checkpoint == "Pony Diffusion V6 XL"
    assert recipe.loras == (RecipeLora("Cat, sleeping", 0.75),)
    assert (recipe.seed, recipe.clip_skip) == (3, 2)


@pytest.mark.parametrize(
    ("tag", "weight"),
    [
        ("<lora:a:0.5>", 0.5), ("<lora:a>", 1), ("<LORA:a:1>", 1), ("<lyco:a:-0.25>", -0.25), ("<lora:a:.5:.1>", 0.5),
        ("<lora:a:te=0.1:unet=0.9>", 0.9), ("<lora:a:1e999>", 1), ("<lora:a:999>", 4), ("<lora:a:x>", None),
    ],
)  # fmt: skip
def test_weights_of_tags(tag: str, weight: float | None) -> None:
    (lora,) = read_infotext(f"x {tag}\nSteps: 1, Seed: 1, Size: 8x8").loras
    assert (lora.name, lora.weight) == ("a", weight)


@pytest.mark.parametrize("label", ["DPM++ 2M SDE Karras", "dpmpp_2m_sde_gpu", "uni_pc", "UniPC", "lcm", "ddim", "HEUN"])
def test_samplers_by_the_names_of_several_programs(label: str) -> None:
    assert read_infotext(f"x\nSteps: 1, Sampler: {label}, Seed: 1").sampler in Sampler


def test_a_prompt_alone_is_a_prompt() -> None:
    assert read_infotext("a fox, size: small").prompt == "a fox, size: small"


def test_a_last_line_without_steps_counts_when_it_holds_fields() -> None:
    recipe = read_infotext("a fox\nSampler: Euler, CFG scale: 3, Seed: 9")
    assert (recipe.prompt, recipe.seed) == ("a fox", 9)


@pytest.mark.parametrize(
    ("fields", "sampler", "spacing"),
    [
        ("Sampler: Euler, Schedule type: SGM Uniform", Sampler.EULER, Spacing.TRAILING),
        ("Sampler: Euler, Schedule type: Automatic", Sampler.EULER, None),
        ("Sampler: Euler Karras", Sampler.EULER, Spacing.KARRAS),
        ("Sampler: DPM++ 2M Karras", Sampler.DPMPP_2M_KARRAS, None),
        ("Sampler: DPM++ 2M, Schedule type: Karras", Sampler.DPMPP_2M_KARRAS, None),
        ("Sampler: DPM++ 2M, Schedule type: Exponential", Sampler.DPMPP_2M, Spacing.EXPONENTIAL),
        ("Sampler: DPM++ 2M SDE Karras", Sampler.DPMPP_2M_SDE, Spacing.KARRAS),
        ("Sampler: Euler a, Schedule type: Karras", Sampler.EULER_A, None),  # not offered
        ("Sampler: Nobody, Schedule type: Karras", None, None),
    ],
)
def test_a_schedule_is_read_beside_the_sampler_or_behind_its_name(
    fields: str, sampler: Sampler | None, spacing: Spacing | None
) -> None:
    recipe = read_infotext(f"a fox\nSteps: 4, {fields}, Seed: 1")
    assert (recipe.sampler, recipe.spacing) == (sampler, spacing)


def test_steps_in_a_prompt_are_words() -> None:
    recipe = read_infotext("a dance\nSteps: 3, left, right\nNegative prompt: x\nSteps: 20, Seed: 4, Size: 8x8")
    assert (recipe.prompt, recipe.negative_prompt, recipe.steps) == ("a dance\nSteps: 3, left, right", "x", 20)


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r<>"), max_size=80)
NAME = TEXT.filter(lambda text: text.strip())
WEIGHT = st.floats(-4, 4).map(lambda weight: round(weight, 3))


def plain(name: str) -> str:
    return "".join("_" if character in ',:<>"\n' else character for character in name).strip()


SPACED = [
    (sampler, spacing)
    for sampler in Sampler
    for spacing in (None, *SPACINGS[sampler])
    if (sampler, spacing) not in {(Sampler.DPMPP_2M, Spacing.KARRAS), (Sampler.DPMPP_2M_KARRAS, Spacing.KARRAS)}
]


@given(TEXT, TEXT, NAME, st.lists(WEIGHT, max_size=3), st.sampled_from(SPACED), st.integers(0, SEEDS - 1))
@example("{", '"', '{"a', [1.0], (Sampler.LCM, None), 0)
def test_what_we_write_is_what_we_read(
    prompt: str, negative: str, checkpoint: str, weights: list[float], spaced: tuple[Sampler, Spacing], seed: int
) -> None:
    sampler, spacing = spaced
    if "Negative prompt:" in prompt + negative:
        return  # the one thing that the form cannot tell apart
    loras = tuple(use(f"LoRA {i}", sha256=f"{i}" * 64, weight=weight) for i, weight in enumerate(weights))
    made = request(
        prompt=prompt, negative_prompt=negative, checkpoint=checkpoint[:100], sampler=sampler, seed=seed, loras=loras,
        spacing=spacing, flow_shift=seed % 7 / 2 or None,
        image=SourceImage(sha256="a" * 64, strength=0.5) if seed % 2 else None, clip_skip=seed % 13 or None,
    )  # fmt: skip
    recipe = read_infotext(infotext(made, "c" * 64, {lora.sha256: f"{lora.sha256[:12]}" for lora in loras}))
    assert recipe.prompt == prompt.strip()
    assert recipe.negative_prompt == negative.strip()
    assert recipe.loras == tuple(RecipeLora(lora.name, lora.weight, lora.sha256[:12]) for lora in loras)
    assert (recipe.checkpoint or "") == plain(checkpoint[:100]) and recipe.checkpoint_hash == "c" * 10
    assert (recipe.sampler, recipe.sampler_name, recipe.seed) == (sampler, SAMPLER_LABELS[sampler], seed)
    assert (recipe.width, recipe.height, recipe.steps, recipe.guidance_scale) == (64, 64, 2, 2.5)
    assert (recipe.spacing, recipe.flow_shift) == (spacing, seed % 7 / 2 or None)
    assert recipe.from_picture == bool(seed % 2)
    assert recipe.clip_skip == (seed % 13 or None)


FIELDS = st.lists(st.sampled_from([
    "Steps: 20", "Hashes: {", 'Hashes: {"lora:x": "0123456789"', "Hashes: [[[[", 'Lora hashes: "', "Model: \\", ",,,",
    "<lora:", "<lora:a:1>", ":", "Negative prompt:", "\n", "Size: 9x", "Seed: ٣", "\0", "Civitai resources: [1, null]",
    'Civitai resources: [{"type": "lora"}]', 'Hashes: {"model": 5}', "CFG scale: nan", "Steps: " + "9" * 30, "[" * 3000,
]), max_size=12)  # fmt: skip


@given(st.one_of(TEXT, FIELDS.map(", ".join), FIELDS.map("\n".join)))
def test_nothing_breaks_the_reader(text: str) -> None:
    recipe = read_infotext(text)
    assert recipe.guidance_scale is None or recipe.guidance_scale == recipe.guidance_scale
    assert all(len(lora.name) <= 200 for lora in recipe.loras)


UNITS = [
    " ", "\n", "\t", ",", ":", "<", "<lora:", "<lora:a", "<lora:a:1>", " <lora:a:1>", "a:", "a:[,", 'a:"', "a:{,",
    "a: [1,", "1x", "\nSteps: 1", "Steps: 1, ", "Negative prompt:", "\nNegative prompt:", "\\", '\\"', "[", "1",
    "Steps:", "a" * 60 + ":", 'Hashes: {"a":',
]  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("begin", ["", "x\nSteps: 1, ", '"'])
@pytest.mark.parametrize("read", [read_infotext, without_prompts])
def test_reading_takes_time_that_grows_with_the_text_and_no_faster(
    read: Callable[[str], object], begin: str, unit: str
) -> None:
    measured = growth(read, lambda length: (begin + unit * (length // len(unit) + 1))[:length], MAX_TEXT)
    assert measured.factor < STEEPEST, measured


@pytest.mark.parametrize(
    "name", ["sdxl_lightning_4step_lora", "Hyper-SDXL-1step-lora", "Hyper-SDXL-8steps-CFG-lora", "lcm-lora-sdxl",
             "dmd2_sdxl_4step_lora"],
)  # fmt: skip
def test_a_few_step_picture_says_as_others_do_how_it_was_painted_and_is_read_back(name: str) -> None:
    made_for = read_name(name, Architecture.SDXL).recipe
    assert made_for is not None and made_for.sampler is not None and made_for.guidance is not None
    few = use(name, weight=made_for.weight)
    made = request(
        loras=(few,), steps=made_for.steps, sampler=made_for.sampler, spacing=made_for.spacing,
        guidance_scale=made_for.guidance, few_steps=FewStepUse(name=name, least=made_for.steps, most=made_for.steps),
    )  # fmt: skip
    text = infotext(made, "c" * 64, {few.sha256: "0123456789ab"})
    assert f"<lora:{name}:1>" in text and f"Steps: {made_for.steps}, Sampler: " in text
    assert f"CFG scale: {made_for.guidance:g}," in text and "Few" not in text, "no field that nobody else knows"
    assert ("Schedule type: SGM Uniform" in text) == (made_for.spacing is Spacing.TRAILING)
    recipe = read_infotext(text)
    assert recipe.loras == (RecipeLora(name, made_for.weight, "0123456789ab"),)
    assert (recipe.steps, recipe.sampler, recipe.spacing, recipe.guidance_scale) == (
        made_for.steps, made_for.sampler, made_for.spacing, made_for.guidance,
    )  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_regions_are_read_back_with_their_words_and_loras(layout: tuple[RegionName, ...]) -> None:
    names = (layout[0], layout[-1], None)
    loras = tuple(
        use(str(name), sha256=f"{number}" * 64).model_copy(update={"region": name}) for number, name in enumerate(names)
    )
    regions = tuple(Region(name=name, prompt=f"a {name.value} thing") for name in layout)
    made = request(prompt="yellow background", loras=loras, regions=regions, region_edge=3, base_share=0.25)
    recipe = read_infotext(infotext(made, None, {lora.sha256: "0123456789ab" for lora in loras}))
    assert [(each.name, each.prompt) for each in recipe.regions] == [(name, made.prompt_of(name)) for name in layout]
    assert (recipe.prompt, recipe.region_edge, recipe.base_share) == ("", 3, 0.25)
    assert {lora.name: lora.region for lora in recipe.loras} == {str(name): name for name in names}
    own = recipe_of(made)
    assert (own.prompt, own.regions, own.region_edge) == ("yellow background", regions, 3)
    assert [lora.region for lora in own.loras] == [*names]
    assert {each.prompt for each in (*own.without_words.regions, own.without_words)} == {""}


@pytest.mark.parametrize(
    "fields",
    ['Regions: "left, right"', 'Regions: "right, left"', "Regions: left", 'Regions: ""', 'Regions: "left, right, top"',
     "Regions: [1]", 'Region edge: 99999999999, Base share: nan'],
)  # fmt: skip
def test_regions_that_do_not_go_with_the_prompt_are_not_read(fields: str) -> None:
    recipe = read_infotext(f"a cat BREAK a dog <lora:Komori:1>\nSteps: 2, {fields}, Seed: 1")
    assert (recipe.prompt, recipe.regions, recipe.loras[0].region) == ("a cat BREAK a dog", (), None)
    assert 0 <= recipe.region_edge <= 16 and recipe.base_share == 0


def test_what_regions_have_is_read_with_regions_alone() -> None:
    told = "an owl\nSteps: 20, Seed: 1, Size: 64x64, Region edge: 5, Base share: 0.4"
    assert (read_infotext(told).region_edge, read_infotext(told).base_share) == (USUAL_EDGE, 0)


@pytest.mark.parametrize("scale", ["1e30", "inf", "nan"])
def test_a_number_beyond_all_sense_is_left_out(scale: str) -> None:
    recipe = read_infotext(f"a\nSteps: 9, CFG scale: {scale}, Seed: 1")
    assert recipe is not None and recipe.guidance_scale is None and recipe.steps == 9


def test_a_weight_of_hundreds_of_digits_is_left_out() -> None:
    resources = '[{"type":"lora","modelName":"x","weight":1' + "0" * 400 + "}]"
    recipe = read_infotext(f"a\nSteps: 9, Seed: 1, Civitai resources: {resources}")
    assert recipe is not None and recipe.steps == 9
