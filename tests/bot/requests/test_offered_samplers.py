"""What samplers a checkpoint offers is known before anything is queued: in settings, requests and the studio's form."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from discord import ui
from pydantic import ValidationError

from bot.app.assembly import open_catalogue
from bot.config import CheckpointSettings
from bot.library.configuration import Configuration
from bot.requests.builder import RequestBuilder
from bot.requests.drafts import OWN, RequestDraft
from bot.requests.usual import offered_on
from bot.ui.views.forms import ChoiceField
from bot.ui.views.studio.forms import AdvancedForm
from inference.base_models import BaseModelId
from inference.errors import InvalidRequest
from inference.messages.samplers import FLOW_SPACINGS, UNET_SPACINGS, Sampler, Spacing
from tests.house import House

FLOWING = ("flux1/dev", "sd35m/base", "sd35l/base", "qwen-image/base", "z-image/base")


def settings_of(base: str, **values: Any) -> CheckpointSettings:
    return CheckpointSettings(name="One", repository="somebody/one", base_model=BaseModelId(base), **values)


@pytest.mark.parametrize("base", FLOWING)
def test_the_usual_sampler_of_flow_matching_is_euler(base: str) -> None:
    assert settings_of(base).sampler is Sampler.EULER
    assert settings_of(base, sampler="unipc", spacing="beta").spacing is Spacing.BETA
    with pytest.raises(ValidationError, match="no euler_a sampler, but euler, dpmpp_2m"):
        settings_of(base, sampler="euler_a")
    with pytest.raises(ValidationError, match="has no leading spacing"):
        settings_of(base, spacing="leading")


@pytest.mark.parametrize(
    ("base", "own"), [("flux1/chroma", "euler"), ("flux2-dev/base", "euler"), ("sana/base", "dpmpp_2m")]
)
def test_what_is_painted_one_at_a_time_has_the_sampler_of_its_pipeline_alone(base: str, own: str) -> None:
    assert settings_of(base).sampler == own
    with pytest.raises(ValidationError, match=f"no heun sampler, but {own}"):
        settings_of(base, sampler="heun")
    with pytest.raises(ValidationError, match=f"{own} has no karras spacing"):
        settings_of(base, spacing="karras")


def test_of_a_unet_the_usual_one_is_as_it_was() -> None:
    assert settings_of("sdxl/base").sampler is Sampler.DPMPP_2M_KARRAS
    with pytest.raises(ValidationError, match="euler has no beta spacing"):
        settings_of("sdxl/base", sampler="euler", spacing="beta")


def test_a_distilled_checkpoint_keeps_its_own_sampler() -> None:
    turbo = CheckpointSettings(name="Turbo", repository="stabilityai/sdxl-turbo", base_model=BaseModelId("sdxl/base"))
    assert (turbo.steps, turbo.sampler, turbo.spacing) == (1, Sampler.EULER_A, Spacing.TRAILING)
    large = "stabilityai/stable-diffusion-3.5-large-turbo"
    turbo = CheckpointSettings(name="Turbo", repository=large, base_model=BaseModelId("sd35l/base"))
    assert (turbo.steps, turbo.sampler) == (4, Sampler.EULER)


@pytest.mark.parametrize(
    ("base", "sampler", "spacing", "kept"),
    [
        ("flux1/dev", "euler_a", "leading", (None, None)),  # a remix of a picture of SDXL
        ("flux1/dev", "heun", "linspace", ("heun", None)),
        ("flux1/dev", "dpmpp_2m", "karras", ("dpmpp_2m", "karras")),
        ("flux1/dev", "euler_a", "own", (None, "own")),
        ("sdxl/base", "euler_a", "leading", ("euler_a", "leading")),
        ("sdxl/base", "euler", "beta", ("euler", None)),
        ("sdxl/base", None, "trailing", (None, "trailing")),  # on its usual one, dpmpp_2m_karras
        ("sdxl/base", None, None, (None, None)),
    ],
)
def test_another_checkpoint_in_the_studio_keeps_what_it_offers(
    base: str, sampler: str | None, spacing: str | None, kept: tuple[str | None, str | None]
) -> None:
    found = offered_on(settings_of(base), RequestDraft(prompt="a man", sampler=sampler, spacing=spacing, clip_skip=2))
    assert (found.sampler, found.spacing) == kept
    assert found.clip_skip == (2 if base == "sdxl/base" else None)


@pytest.mark.asyncio
async def test_another_sampler_is_refused_with_those_that_there_are(house: House) -> None:
    async with open_catalogue(house.settings) as catalogue:
        now = catalogue.configuration
        flowing = settings_of("flux1/dev")
        spec = now.checkpoints.specs[0].model_copy(update={"base_model": flowing.base_model, "name": "One"})
        settings = now.settings.model_copy(update={"checkpoints": (flowing,)})
        requests = RequestBuilder(catalogue.db, Configuration(settings, [spec]))
        draft = RequestDraft(prompt="a man", checkpoint="One")
        assert (await requests.build(draft)).sampler is Sampler.EULER
        for other in ("ddim", "wind"):
            told = f"{other} does not work with One. This model offers euler, dpmpp_2m.* lcm. .*default .euler., leave"
            with pytest.raises(InvalidRequest, match=told):
                await requests.build(draft.model_copy(update={"sampler": other}))
        with pytest.raises(
            InvalidRequest,
            match="The spacing linspace does not work with the sampler heun on One",
        ):
            await requests.build(draft.model_copy(update={"sampler": "heun", "spacing": "linspace"}))
        with pytest.raises(InvalidRequest, match="The spacing leading does not work with the sampler dpmpp_2m on One"):
            await requests.build(draft.model_copy(update={"sampler": "dpmpp_2m", "spacing": "leading"}))
        spaced = await requests.build(draft.model_copy(update={"sampler": "dpmpp_2m", "spacing": "beta"}))
        assert (spaced.sampler, spaced.spacing) == (Sampler.DPMPP_2M, Spacing.BETA)


@pytest.mark.asyncio
@pytest.mark.parametrize("base", ["flux1/chroma", "sana/base"])
async def test_a_sampler_or_spacing_that_a_pipeline_would_ignore_is_refused(house: House, base: str) -> None:
    async with open_catalogue(house.settings) as catalogue:
        now, alone = catalogue.configuration, settings_of(base)
        spec = now.checkpoints.specs[0].model_copy(update={"base_model": alone.base_model, "name": "One"})
        settings = now.settings.model_copy(update={"checkpoints": (alone,)})
        requests = RequestBuilder(catalogue.db, Configuration(settings, [spec]))
        draft, own = RequestDraft(prompt="a man", checkpoint="One"), alone.sampler
        for chosen in ({}, {"sampler": own.value}, {"spacing": OWN}):
            made = await requests.build(draft.model_copy(update=chosen))
            assert (made.sampler, made.spacing) == (own, None)
        told = f"The sampler heun does not work with One. This model offers {own}. .*default .{own}., leave"
        with pytest.raises(InvalidRequest, match=told):
            await requests.build(draft.model_copy(update={"sampler": "heun"}))
        for spacing in ("karras", "beta", "wind"):
            told = f"The spacing {spacing} does not work with One, because this model uses only its own spacing"
            with pytest.raises(InvalidRequest, match=told):
                await requests.build(draft.model_copy(update={"spacing": spacing}))


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("base", "guidance", "rows"),
    [
        ("flux1/dev", 3.5, 1), ("z-image/base", 1.0, 2), ("z-image/base", 0.0, None), ("qwen-image/base", 4.0, None),
        ("sdxl/base", 4.0, None),
    ],
)  # fmt: skip
async def test_a_request_says_of_flow_matching_and_how_many_rows_it_takes_where_guidance_does_not(
    house: House, base: str, guidance: float, rows: int | None
) -> None:
    async with open_catalogue(house.settings) as catalogue:
        now, flowing = catalogue.configuration, settings_of(base)
        spec = now.checkpoints.specs[0].model_copy(update={"base_model": flowing.base_model, "name": "One"})
        settings = now.settings.model_copy(update={"checkpoints": (flowing,)})
        requests = RequestBuilder(catalogue.db, Configuration(settings, [spec]))
        request = await requests.build(RequestDraft(prompt="a man", checkpoint="One", guidance_scale=guidance))
        assert (request.rows, request.flow) == (rows, base != "sdxl/base")


@pytest.mark.parametrize(("base", "offered"), [("flux1/dev", FLOW_SPACINGS), ("sdxl/base", UNET_SPACINGS)])
def test_the_studios_form_lists_what_the_checkpoint_offers(
    base: str, offered: dict[Sampler, tuple[Spacing, ...]]
) -> None:
    draft = RequestDraft(prompt="a man", checkpoint="One", sampler="tcd", spacing="leading")
    snapshot: Any = SimpleNamespace(studio=SimpleNamespace(draft=draft), checkpoint=settings_of(base))
    form = AdvancedForm(snapshot, opening=1)
    sampler, spacing = (form.shown[name][0] for name in ("sampler", "spacing"))
    assert isinstance(sampler, ChoiceField) and isinstance(spacing, ChoiceField)
    default, *samplers = (choice.value for choice in sampler.choices)
    assert samplers == [each.value for each in offered]
    assert {choice.value for choice in spacing.choices[2:]} == {
        each.value for some in offered.values() for each in some
    }
    assert sampler.value == (draft.sampler if draft.sampler in samplers else default)


@pytest.mark.parametrize(
    ("base", "labels"),
    [
        ("sdxl/base", ["Steps", "Guidance", "Sampler", "Spacing", "Clip skip"]),
        ("z-image/base", ["Steps", "Guidance", "Sampler", "Spacing"]),
        ("flux1/chroma", ["Steps", "Guidance"]),  # sampled as diffusers' pipeline does
    ],
)
def test_the_studios_form_asks_for_what_the_checkpoint_takes(base: str, labels: list[str]) -> None:
    draft = RequestDraft(prompt="a man", checkpoint="One", clip_skip=2)
    snapshot: Any = SimpleNamespace(studio=SimpleNamespace(draft=draft), checkpoint=settings_of(base))
    form = AdvancedForm(snapshot, opening=1)
    assert [item.text for item in form.children if isinstance(item, ui.Label)] == labels
