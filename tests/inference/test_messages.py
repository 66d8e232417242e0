"""What crosses the border is bounded, frozen and readable for ever."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from inference.bounds import MAX_PROMPT, SEEDS
from inference.messages.commands import COMMANDS, Cancel, Generate
from inference.messages.events import EVENTS, Capacity, CardMemory, Finished, Progress, Ready
from inference.messages.request import GenerationRequest, Region
from inference.messages.samplers import Sampler
from inference.regions import LAYOUTS, RegionName
from tests.inference.requests import request, use

DATA = Path(__file__).parents[1] / "data"


@pytest.mark.parametrize("path", sorted(DATA.glob("request-*.json")), ids=lambda path: path.stem)
def test_stored_requests_of_every_version_are_read(path: Path) -> None:
    stored = GenerationRequest.model_validate_json(path.read_text("utf-8"))
    assert (stored.checkpoint, stored.loras[0].weight, stored.count) == ("vivid", 0.8, 2)
    assert stored.seeds == [SEEDS - 1, 0]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("width", 0), ("width", -64), ("width", 63), ("width", 8192), ("height", 2**70), ("height", 64.5),
        ("steps", 0), ("steps", 151), ("steps", 10**400), ("count", 0), ("count", 5), ("seed", -1), ("seed", SEEDS),
        ("guidance_scale", float("inf")), ("guidance_scale", float("nan")), ("guidance_scale", -0.1),
        ("guidance_scale", 1e308), ("sampler", "magic"), ("version", 2), ("checkpoint", ""), ("checkpoint", "x" * 101),
        ("prompt", "x" * (MAX_PROMPT + 1)), ("negative_prompt", "x" * (MAX_PROMPT + 1)), ("prompt_prefix", "x" * 501),
        ("loras", [use()] * 17), ("prompt", "\ud800"), ("surprise", 1),
    ],
)  # fmt: skip
def test_a_request_out_of_bounds_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError):
        request(**{field: value})


@pytest.mark.parametrize("weight", [float("inf"), float("-inf"), float("nan"), 4.1, -4.1])
def test_a_weight_out_of_bounds_is_refused(weight: float) -> None:
    with pytest.raises(ValidationError):
        use(weight=weight)


@pytest.mark.parametrize("sha256", ["", "a" * 63, "A" * 64, "g" * 64, "a" * 64 + "\n", "../" + "a" * 61])
def test_what_is_no_sha256_is_refused(sha256: str) -> None:
    with pytest.raises(ValidationError):
        use(sha256=sha256)


def test_a_request_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        request().steps = 3  # type: ignore[misc]


finite = st.floats(0, 30, allow_nan=False)
requests = st.builds(
    request,
    prompt=st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
    guidance_scale=finite,
    seed=st.integers(0, SEEDS - 1),
    count=st.integers(1, 4),
    sampler=st.sampled_from(Sampler),
    loras=st.lists(st.builds(use, weight=st.floats(-4, 4)), max_size=5),
)


@given(requests)
def test_every_request_reads_back_from_its_json(made: GenerationRequest) -> None:
    assert GenerationRequest.model_validate_json(made.model_dump_json()) == made


@given(requests, st.integers(1, 2**63 - 1), st.integers(1, 1000))
def test_every_command_is_one_line(made: GenerationRequest, job_id: int, attempt: int) -> None:
    command = Generate(job_id=job_id, attempt=attempt, request=made, files={"a" * 64: "a/b.safetensors"})
    line = command.model_dump_json()
    assert "\n" not in line
    assert COMMANDS.validate_json(line) == command


@pytest.mark.parametrize(
    "event",
    [
        Ready(device="cpu", pid=1),
        Capacity(places=1, loaded=("a",), loras=("0123abcd",)),
        CardMemory(used=2**34, size=2**37),
        Progress(job_id=1, attempt=1, step=3, steps=8, preview="p.png"),
        Finished(job_id=1, attempt=2, files=("a.png",), seconds=0.5, peak_memory=2**40),
    ],
)
def test_events_read_back(event: object) -> None:
    assert EVENTS.validate_json(EVENTS.dump_json(event)) == event  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "line",
    [
        b"", b"null", b"[]", b'"x"', b"{}", b'{"type":"no"}', b'{"type":"cancel"}', b'{"type":"cancel","job_id":0}',
        b'{"type":"cancel","job_id":1,"more":2}', b'{"type":"cancel","job_id":9223372036854775808}', b"\xff\xfe",
        b"[" * 100_000, b'{"type":"cancel","job_id":NaN}', b'{"type":"cancel","job_id":' + b"9" * 5000 + b"}",
    ],
)  # fmt: skip
def test_a_line_that_is_no_command_is_refused(line: bytes) -> None:
    with pytest.raises(ValidationError):
        COMMANDS.validate_json(line)


def test_a_line_is_a_command_with_the_least_it_needs() -> None:
    assert COMMANDS.validate_json(b'{"type":"cancel","job_id":1}') == Cancel(job_id=1)


def test_the_full_prompt_is_prefix_trigger_words_and_prompt() -> None:
    made = request(prompt="a cat", prompt_prefix="masterpiece, ", loras=(use(words=("komori",)),))
    assert made.full_prompt == "masterpiece, komori, a cat"
    assert made.prompt == "a cat"


@pytest.mark.parametrize(
    ("prompt", "words", "full"),
    [
        ("Komori in the rain", ("komori",), "Komori in the rain"),
        ("rain", ("komori", "bat"), "komori, bat, rain"),
        ("", ("komori",), "komori"),
        ("komorigami", ("komori",), "komori, komorigami"),
        ("a cat, komori", ("komori", "red eyes"), "red eyes, a cat, komori"),
        ("(komori:1.2)", ("komori",), "(komori:1.2)"),
        ("what a smile :) there", (":)",), "what a smile :) there"),
    ],
)
def test_a_trigger_word_joins_unless_the_prompt_holds_it(prompt: str, words: tuple[str, ...], full: str) -> None:
    assert request(prompt=prompt, loras=(use(words=words),)).full_prompt == full


def test_two_loras_with_one_trigger_word_say_it_once() -> None:
    loras = (use("A", words=("glow",)), use("B", sha256="b" * 64, words=("glow",)))
    assert request(prompt="x", loras=loras).full_prompt == "glow, x"


def test_seeds_count_on_from_the_first_and_wrap() -> None:
    assert request(seed=SEEDS - 2, count=4).seeds == [SEEDS - 2, SEEDS - 1, 0, 1]


def test_one_picture_of_several_alone() -> None:
    made = request(loras=(use("A"), use("B", sha256="b" * 64)), count=3, seed=SEEDS - 1)
    assert (made.only(1).seed, made.only(1).count, made.only(1).loras) == (0, 1, made.loras)
    sweep = made.model_copy(update={"count": 2, "variants": ((0.0, 1.0), (0.5, 0.0))})
    alone = sweep.only(1)
    assert [(lora.name, lora.weight) for lora in alone.loras] == [("A", 0.5)]
    assert (alone.seed, alone.variants) == (made.seed, ())


@pytest.mark.parametrize("name", ["../a.png", "/etc/passwd", "a/b.png", "..", ".a", "", "a\\b.png", "a.png\n", "a\0"])
def test_what_a_worker_names_lies_in_the_spool_itself(name: str) -> None:
    with pytest.raises(ValidationError):
        Progress(job_id=1, attempt=1, step=3, steps=8, preview=name)
    with pytest.raises(ValidationError):
        Finished(job_id=1, attempt=2, files=(name,), seconds=0.5, peak_memory=2**40)


LEFT, RIGHT = RegionName.LEFT, RegionName.RIGHT


def sides(left: str = "an owl", right: str = "a heart", **changes: object) -> GenerationRequest:
    words = (Region(name=LEFT, prompt=left), Region(name=RIGHT, prompt=right))
    return request(**({"prompt": "yellow background", "regions": words} | changes))


def test_each_region_has_its_words_with_its_place_its_trigger_words_and_the_ground() -> None:
    uses = (use("A", words=("komori",)), use("B", sha256="b" * 64, words=("velato",)), use("C", words=("glow",)))
    regions = (LEFT, RIGHT, None)
    loras = tuple(each.model_copy(update={"region": region}) for each, region in zip(uses, regions, strict=True))
    made = sides(prompt_prefix="masterpiece", loras=loras)
    assert made.slots == (LEFT, RIGHT)
    assert made.prompt_of(LEFT) == "masterpiece, komori, glow, an owl on the left, yellow background"
    assert made.prompt_of(RIGHT) == "masterpiece, velato, glow, a heart on the right, yellow background"
    assert made.full_prompt == "masterpiece, glow, an owl on the left, a heart on the right, yellow background"
    assert made.own_words == "an owl, a heart, yellow background"
    assert made.model_copy(update={"base_share": 0.1}).slots == (LEFT, RIGHT, None)


def test_the_place_is_added_once_and_to_words_alone() -> None:
    assert sides("An owl, on the left").prompt_of(LEFT) == "An owl, on the left, yellow background"
    assert sides("an owl,", "").prompt_of(RIGHT) == "yellow background"
    names = (RegionName.CENTRE, RegionName.BACKGROUND)
    made = request(prompt="", regions=tuple(Region(name=name, prompt="stars") for name in names))
    assert [made.prompt_of(name) for name in names] == ["stars in the center", "stars"]


def test_a_request_without_regions_has_one_slot() -> None:
    made = request(prompt="a cat")
    assert made.slots == (None,)
    assert made.full_prompt == made.own_words == made.prompt_of(None) == "a cat"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_regions_are_kept_in_one_order_and_read_back(layout: tuple[RegionName, ...]) -> None:
    regions = tuple(Region(name=name, prompt=name.value) for name in layout)
    made = request(regions=regions[::-1], loras=(use().model_copy(update={"region": layout[-1]}),))
    assert made.regions == regions
    assert GenerationRequest.model_validate_json(made.model_dump_json()) == made


@pytest.mark.parametrize(
    "changes",
    [
        {"regions": (Region(name=LEFT),)},
        {"regions": (Region(name=LEFT), Region(name=RegionName.TOP))},
        {"regions": (Region(name=LEFT), Region(name=LEFT))},
        {"regions": tuple(Region(name=name) for name in RegionName)},
        {"loras": (use().model_copy(update={"region": LEFT}),)},
        {"regions": (Region(name=LEFT), Region(name=RIGHT)), "loras": (use().model_copy(update={"region": "top"}),)},
        {"base_share": 1.0}, {"base_share": -0.1}, {"base_share": float("nan")}, {"region_edge": -1},
        {"region_edge": 17},
    ],
)  # fmt: skip
def test_regions_that_are_no_layout_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        request(**{name: [each.model_dump() for each in value] if isinstance(value, tuple) else value
                   for name, value in changes.items()})  # fmt: skip


def test_the_words_of_all_regions_together_are_as_long_as_a_prompt_may_be() -> None:
    half = "x" * (MAX_PROMPT // 2)
    longest = sides(half, half[:-4], prompt="")
    assert len(longest.own_words) == MAX_PROMPT - 2
    for words in ((half, half, ""), (half, "", half), (half, half[:-4], "y")):
        with pytest.raises(ValidationError, match=f"at most {MAX_PROMPT} characters together"):
            sides(*words[:2], prompt=words[2])


def test_a_variant_without_a_lora_keeps_the_regions_of_the_others() -> None:
    uses = tuple(use(name).model_copy(update={"region": region}) for name, region in (("A", LEFT), ("B", RIGHT)))
    made = sides(loras=uses, variants=((0.0, 0.5),), count=1)
    assert [(lora.name, lora.region, lora.weight) for lora in made.only(0).loras] == [("B", RIGHT, 0.5)]
    assert made.only(0).regions == made.regions
