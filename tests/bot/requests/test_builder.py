"""From a draft to a request: versions named by their bytes, trigger words chosen one by one, and back again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.app.assembly import Catalogued, open_catalogue
from bot.config.sections.matching import MatchingSettings
from bot.library.configuration import Configuration
from bot.requests.builder import OWN, Choice, LoraDraft, RequestBuilder, RequestDraft, draft_of
from bot.requests.trigger_words import joined_note
from bot.requests.variants import Sweep
from inference.errors import (
    BaseModelMismatch,
    CheckpointNotFound,
    InvalidRequest,
    LoraNotFound,
    PredictionMismatch,
    PromptEmpty,
)
from inference.messages.checkpoints import PredictionType
from inference.messages.request import Region
from inference.messages.samplers import Sampler, Spacing
from inference.regions import RegionName
from tests.house import BASES, PASTEL, VIVID, House, attention_modules
from tests.lora_files import write_lora, write_sidecar

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def catalogue(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Catalogued]:
    house = House(tmp_path_factory.mktemp("requests") / "house")
    words = ["red coat, hat", "armour", "swimsuit"]
    for number, (version, base) in enumerate((("old", VIVID), ("new", VIVID), ("pastel", PASTEL))):
        path = house.add_lora(f"outfit-{version}", None, seed=30 + number)
        write_sidecar(path, name="Outfit", version=version, base_model=BASES[base], trigger_words=words)
    async with open_catalogue(house.settings) as found:
        yield found


@pytest.fixture
def requests(catalogue: Catalogued) -> RequestBuilder:
    return catalogue.requests


async def versions(requests: RequestBuilder) -> dict[str, str]:
    return {version.name: version.sha256 or "" for version in (await requests.lora("Outfit")).versions}


async def test_the_version_that_was_named_is_taken(requests: RequestBuilder) -> None:
    for name in ("old", "new"):
        sha256 = (await versions(requests))[name]
        request = await requests.build(
            RequestDraft(prompt="a man", checkpoint=VIVID, loras=(LoraDraft(name="?", sha256=sha256),))
        )
        assert [use.sha256 for use in request.loras] == [sha256]


async def test_where_it_does_not_fit_another_version_of_its_entry_does(requests: RequestBuilder) -> None:
    known = await versions(requests)
    draft = RequestDraft(prompt="a man", checkpoint=PASTEL, loras=(LoraDraft(name="Outfit", sha256=known["old"]),))
    assert [use.sha256 for use in (await requests.build(draft)).loras] == [known["pastel"]]


async def test_a_reload_meanwhile_does_not_mix_two_configurations(catalogue: Catalogued) -> None:
    before = catalogue.configuration
    now = Configuration(before.settings, before.checkpoints.specs)
    requests = RequestBuilder(catalogue.db, now)
    draft = RequestDraft(prompt="a man", checkpoint=VIVID, loras=(LoraDraft(name="Outfit"), LoraDraft(name="Bat")))
    building = asyncio.create_task(requests.build(draft))
    await asyncio.sleep(0)  # it has begun, and waits for the database
    pastel = next(checkpoint for checkpoint in before.checkpoints if checkpoint.name == PASTEL)
    settings = before.settings.model_copy(update={"checkpoints": (pastel,)})
    now.replace(settings, [spec for spec in before.checkpoints.specs if spec.name == PASTEL])
    assert len((await building).loras) == 2
    with pytest.raises(CheckpointNotFound):
        await requests.build(draft)


@pytest.mark.parametrize("beyond", [4.5, -100.0, float("inf"), float("nan")])
async def test_a_sweep_beyond_the_bounds_is_told_which_weights_there_are(
    requests: RequestBuilder, beyond: float
) -> None:
    sweep = Sweep(position=0, weights=(0.5, 1.0, beyond))
    draft = RequestDraft(prompt="a man", checkpoint=VIVID, loras=(LoraDraft(name="Outfit"),), sweep=sweep)
    with pytest.raises(InvalidRequest, match="The weight of Outfit must be between -4 and 4"):
        await requests.build(draft)


@pytest.mark.parametrize("prompt", ["", " ", " \n\t ", "\u3000", "\u200b \u2060", "\u3164", "\u2800\ufe0f"])
async def test_a_prompt_without_anything_in_it_is_asked_for(requests: RequestBuilder, prompt: str) -> None:
    with pytest.raises(PromptEmpty, match="describe the picture that you want"):
        await requests.build(RequestDraft(prompt=prompt, checkpoint=VIVID))


@pytest.mark.parametrize("prompt", ["x", "\u732b", "\U0001f989", "\U0001fae8"])
async def test_a_single_character_is_a_prompt(requests: RequestBuilder, prompt: str) -> None:
    assert (await requests.build(RequestDraft(prompt=prompt, checkpoint=VIVID))).prompt == prompt


@pytest.mark.parametrize(
    ("prompt", "chosen", "painted"),
    [
        ("a man", None, "red coat, hat, a man"),
        ("a man", (), "a man"),
        ("a man", ("armour", "what the LoRA does not know"), "armour, a man"),
        ("a man in a Red_Coat", None, "hat, a man in a Red_Coat"),
        ("a (RED  coat:1.2), hat", None, "a (RED  coat:1.2), hat"),
        ("a man in armour", None, "a man in armour"),
        ("a man, armoured", None, "red coat, hat, a man, armoured"),
    ],
)
async def test_the_first_group_joins_unless_the_person_chose_or_wrote_another(
    requests: RequestBuilder, prompt: str, chosen: tuple[str, ...] | None, painted: str
) -> None:
    draft = LoraDraft(name="Outfit", trigger_words=chosen)
    request = await requests.build(RequestDraft(prompt=prompt, checkpoint=VIVID, loras=(draft,)))
    assert request.full_prompt == painted
    for again in (await requests.build(draft_of(request)), await requests.again(request)):
        assert again.full_prompt == painted, "the words join once"


async def test_words_of_another_region_do_not_count_as_written(requests: RequestBuilder) -> None:
    regions = (Region(name=RegionName.LEFT, prompt="a man"), Region(name=RegionName.RIGHT, prompt="armour"))
    draft = RequestDraft(
        prompt="a hall",
        checkpoint=VIVID,
        regions=regions,
        loras=(LoraDraft(name="Outfit", region=RegionName.LEFT),),
    )
    request = await requests.build(draft)
    assert request.trigger_words_of(RegionName.LEFT) == ("red coat", "hat")
    assert request.trigger_words_of(RegionName.RIGHT) == ()
    assert joined_note(request) == "Trigger words added to the prompt: red coat, hat."


async def test_a_refusal_is_a_value_until_somebody_raises_it(requests: RequestBuilder) -> None:
    misfit = await requests.choose(LoraDraft(name="Bat"), PASTEL)
    assert isinstance(misfit.refusal, BaseModelMismatch) and misfit.lora and misfit.version is None
    gone = await requests.choose(LoraDraft(name="Nobody", sha256="0" * 64), VIVID)
    assert isinstance(gone.refusal, LoraNotFound) and gone.lora is None


@pytest.mark.parametrize(
    ("asked", "gets"),
    [
        ({"sampler": "euler"}, (Sampler.EULER, None)),
        ({"sampler": "euler", "spacing": "sgm_uniform"}, (Sampler.EULER, Spacing.TRAILING)),
        ({"sampler": "euler", "spacing": OWN}, (Sampler.EULER, None)),
        ({"sampler": "dpmpp_2m", "spacing": "karras"}, (Sampler.DPMPP_2M_KARRAS, None)),
        ({"sampler": "dpmpp_2m_karras", "spacing": "trailing"}, (Sampler.DPMPP_2M, Spacing.TRAILING)),
    ],
)
async def test_a_spacing_goes_with_its_sampler(
    requests: RequestBuilder, asked: dict[str, str], gets: tuple[Sampler, Spacing | None]
) -> None:
    request = await requests.build(RequestDraft(prompt="a man", checkpoint=VIVID, **asked))
    assert (request.sampler, request.spacing) == gets
    again = await requests.build(draft_of(request))
    assert again == request


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (
            {"sampler": "euler_a", "spacing": "karras"},
            "does not work with the sampler euler_a on [^,]*. On this model, the sampler offers leading, linspace",
        ),
        ({"spacing": "wide"}, "spacing wide does not work with the sampler dpmpp_2m on .* offers leading, linspace"),
    ],
)
async def test_a_spacing_that_its_sampler_lacks_is_refused_with_those_that_it_has(
    requests: RequestBuilder, asked: dict[str, str], told: str
) -> None:
    with pytest.raises(InvalidRequest, match=told):
        await requests.build(RequestDraft(prompt="a man", checkpoint=VIVID, **asked))


async def test_a_request_made_into_a_draft_builds_the_same_request(requests: RequestBuilder) -> None:
    draft = RequestDraft(
        prompt="a man", checkpoint=VIVID, loras=(LoraDraft(name="Outfit", trigger_words=("armour",)),), count=2
    )
    draft = draft.model_copy(update={"clip_skip": 3})
    request = await requests.build(draft)
    assert await requests.build(draft_of(request)) == request


async def test_what_a_lora_learnt_to_predict_is_matched_before_anything_is_painted(tmp_path: Path) -> None:
    house = House(tmp_path / "house")
    for number, kind in enumerate(("v", "epsilon")):
        path = house.library / f"{kind}.safetensors"
        metadata = {"modelspec.prediction_type": kind}
        write_lora(path, modules=attention_modules(), seed=40 + number, metadata=metadata)
        write_sidecar(path, base_model=BASES[VIVID])
    settings = house.settings
    vivid = settings.checkpoints[0].model_copy(update={"prediction_type": None})  # its scheduler says v_prediction
    epsilon = vivid.model_copy(update={"name": "Epsilon", "prediction_type": PredictionType.EPSILON})
    settings = settings.model_copy(update={"checkpoints": (vivid, epsilon)})

    async def chosen(requests: RequestBuilder) -> dict[tuple[str, str], Choice]:
        names, places = ("v", "epsilon"), (vivid.name, epsilon.name)
        return {(lora, on): await requests.choose(LoraDraft(name=lora), on) for lora in names for on in places}

    async with open_catalogue(settings) as found:
        choices = await chosen(found.requests)
        refusal = choices["v", "Epsilon"].refusal
        assert isinstance(refusal, PredictionMismatch) and refusal.fitting_checkpoints == [VIVID]
        told = choices["epsilon", VIVID]
        assert told.version and told.note and "epsilon" in told.note
        assert [choices[same].note for same in (("v", VIVID), ("epsilon", "Epsilon"))] == [None, None]
        with pytest.raises(PredictionMismatch):
            await found.requests.build(RequestDraft(prompt="a man", checkpoint="Epsilon", loras=(LoraDraft(name="v"),)))
    allowing = settings.model_copy(update={"matching": MatchingSettings(allow_v_on_epsilon=True)})
    async with open_catalogue(allowing) as found:
        choice = (await chosen(found.requests))["v", "Epsilon"]
        assert choice.version and choice.note and choice.refusal is None
