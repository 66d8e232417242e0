"""Few-step LoRAs in requests: their recipe fills what the person left alone, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.app.assembly import Catalogued, open_catalogue
from bot.errors.jobs import TwoFewStepRecipes
from bot.requests.builder import RequestBuilder, draft_of
from bot.requests.drafts import OWN, LoraDraft, RequestDraft
from bot.requests.few_steps import few_step_note
from inference.errors import InvalidRequest, LoraMisfit
from inference.messages.request import FewStepUse, GenerationRequest
from inference.messages.samplers import Sampler, Spacing
from tests.house import BASES, PASTEL, VIVID, House
from tests.lora_files import write_sidecar

pytestmark = pytest.mark.asyncio(loop_scope="module")
LIGHTNING, LCM, OWN_WORD = "Lightning", "Consistent", "House recipe"
USUAL_NEGATIVE = "blurry"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def catalogue(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Catalogued]:
    house = House(tmp_path_factory.mktemp("few steps") / "house")
    recipe = {"steps": 6, "sampler": "unipc", "guidance": 2.0, "weight": 0.125, "least": 4, "most": 8}
    for number, (file, name, more) in enumerate(
        (
            ("demo_lightning_4step_lora", LIGHTNING, {}),
            ("lcm_lora_demo", LCM, {}),
            ("house", OWN_WORD, {"few_steps": recipe}),
        )
    ):
        path = house.add_lora(file, None, seed=60 + number)
        write_sidecar(path, name=name, base_model=BASES[VIVID], **more)
    vivid, *others = house.settings.checkpoints
    checkpoints = (vivid.model_copy(update={"fast": LIGHTNING, "negative_prompt": USUAL_NEGATIVE}), *others)
    async with open_catalogue(house.settings.model_copy(update={"checkpoints": checkpoints})) as found:
        yield found


@pytest.fixture
def requests(catalogue: Catalogued) -> RequestBuilder:
    return catalogue.requests


async def built(requests: RequestBuilder, *loras: str | LoraDraft, **fields: object) -> GenerationRequest:
    drafts = tuple(LoraDraft(name=lora) if isinstance(lora, str) else lora for lora in loras)
    draft = RequestDraft(prompt="a man", checkpoint=VIVID, loras=drafts)
    return await requests.build(draft.model_copy(update=fields))


def settings_of(request: GenerationRequest) -> tuple[int, Sampler, Spacing | None, float]:
    return request.steps, request.sampler, request.spacing, request.guidance_scale


async def test_the_recipe_fills_what_was_left_alone(requests: RequestBuilder) -> None:
    request = await built(requests, LIGHTNING)
    assert settings_of(request) == (4, Sampler.EULER, Spacing.TRAILING, 1.0)
    assert request.loras[0].weight == 1.0
    assert request.few_steps == FewStepUse(name=LIGHTNING, least=4, most=4)
    assert few_step_note(request) == "Settings for Lightning: steps 4, sampler euler · trailing, guidance 1."
    lcm = await built(requests, LCM)
    assert settings_of(lcm) == (4, Sampler.LCM, None, 1.0)
    own = await built(requests, OWN_WORD)
    assert settings_of(own) == (6, Sampler.UNIPC, None, 2.0) and own.loras[0].weight == 0.125


@pytest.mark.parametrize(
    ("chosen", "gets"),
    [
        ({"steps": 8}, (8, Sampler.EULER, Spacing.TRAILING, 1.0)),
        ({"guidance_scale": 2.0}, (4, Sampler.EULER, Spacing.TRAILING, 2.0)),
        ({"sampler": "ddim"}, (4, Sampler.DDIM, Spacing.TRAILING, 1.0)),
        ({"sampler": "dpmpp_2m_karras"}, (4, Sampler.DPMPP_2M_KARRAS, None, 1.0)),
        ({"spacing": "linspace"}, (4, Sampler.EULER, Spacing.LINSPACE, 1.0)),
        ({"spacing": OWN}, (4, Sampler.EULER, None, 1.0)),
    ],
)
async def test_what_a_person_chose_stays(
    requests: RequestBuilder, chosen: dict[str, object], gets: tuple[object, ...]
) -> None:
    request = await built(requests, LIGHTNING, **chosen)
    assert settings_of(request) == gets
    assert await requests.build(draft_of(request)) == request, "also what is painted again"


async def test_without_guidance_a_negative_prompt_is_only_that_of_the_person(requests: RequestBuilder) -> None:
    assert (await built(requests)).negative_prompt == USUAL_NEGATIVE
    assert (await built(requests, LIGHTNING)).negative_prompt == ""
    assert (await built(requests, LIGHTNING, negative_prompt="a hat")).negative_prompt == "a hat"
    assert (await built(requests, LIGHTNING, guidance_scale=2.0)).negative_prompt == USUAL_NEGATIVE


async def test_a_lora_at_no_weight_and_other_loras_fill_nothing(requests: RequestBuilder) -> None:
    plain = settings_of(await built(requests))
    assert settings_of(await built(requests, "Bat")) == plain
    off = await built(requests, LoraDraft(name=LIGHTNING, weight=0.0))
    assert settings_of(off) == plain and off.few_steps is None
    beside = await built(requests, LIGHTNING, "Bat")
    assert settings_of(beside) == (4, Sampler.EULER, Spacing.TRAILING, 1.0)


async def test_two_recipes_in_one_picture_are_refused(requests: RequestBuilder) -> None:
    with pytest.raises(TwoFewStepRecipes, match="a low number of steps: Lightning and Consistent"):
        await built(requests, LIGHTNING, LCM)
    assert (await built(requests, LIGHTNING, LoraDraft(name=LCM, weight=0.0))).steps == 4


@pytest.mark.parametrize(("lora", "steps", "far"), [(LIGHTNING, 28, True), (LCM, 8, False), (LCM, 20, True)])
async def test_steps_far_from_what_the_file_serves_are_warned_of_with_a_way_out(
    requests: RequestBuilder, lora: str, steps: int, far: bool
) -> None:
    note = few_step_note(await built(requests, lora, steps=steps)) or ""
    assert note.endswith("Leave the steps empty, or use another LoRA or model.") == far


async def test_fast_brings_the_lora_that_the_operator_chose(requests: RequestBuilder) -> None:
    request = await built(requests, "Bat", fast=True)
    assert [use.name for use in request.loras] == ["Bat", LIGHTNING]
    assert settings_of(request) == (4, Sampler.EULER, Spacing.TRAILING, 1.0)
    assert await requests.build(draft_of(request)) == request
    own = await built(requests, LCM, fast=True)
    assert [use.name for use in own.loras] == [LCM], "it has one already"


async def test_fast_without_such_a_lora_is_refused_with_the_checkpoints_that_have_one(requests: RequestBuilder) -> None:
    with pytest.raises(
        InvalidRequest,
        match=f"model {PASTEL} has no few-step LoRA .*\\. Turn \\*fast\\* off, or choose {VIVID}",
    ):
        await built(requests, fast=True, checkpoint=PASTEL)


async def test_fast_where_no_checkpoint_has_such_a_lora_names_what_else_there_is(tmp_path: Path) -> None:
    told = "needs a few-step LoRA, but no model of this bot has one. Turn .fast. off"
    async with open_catalogue(House(tmp_path / "house").settings) as found:
        with pytest.raises(InvalidRequest, match=f"Fast generation {told}"):
            await built(found.requests, fast=True)


async def test_a_few_step_lora_that_does_not_fit_is_refused_as_any(requests: RequestBuilder) -> None:
    with pytest.raises(LoraMisfit):
        await built(requests, LIGHTNING, checkpoint=PASTEL)
