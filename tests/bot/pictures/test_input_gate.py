"""A photographed face is found when a picture comes in, and caps what is painted from it; drawn faces are not."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path

import pytest
from PIL import Image

from benchmarks._photographed_faces import changed_faces
from benchmarks._varied_pictures import varied
from bot.config.sections.faces import FaceSettings
from bot.errors.ratings import FaceRatedTooHigh
from bot.pictures.faces import CascadeFaces, FacesUnusable, installed_faces
from bot.pictures.input_gate import InputGate, check_name
from bot.pictures.inputs import Inputs
from bot.pictures.similarity.removed_pictures import RemovedPictures
from inference.content_rating import ContentRating
from inference.errors import RequestError
from inference.messages.request import GenerationRequest, SourceImage
from tests.bot.servers.world import ServerWorld, acting, server_world
from tests.inference.requests import request

ASTRONAUT = Path(__file__).parents[2] / "data" / "astronaut.jpg"  # Eileen Collins, NASA, in the public domain
FACES, WORDS = (
    20,
    ("nude", "topless", "in lingerie", "sexy", "in a bikini", "nsfw", "gore", "corpse", "裸", "undressing"),
)
ADULTS = acting(age_restricted=True)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[ServerWorld]:
    async with server_world(tmp_path) as opened:
        yield opened


@pytest.fixture
def inputs(world: ServerWorld, tmp_path: Path) -> Inputs:
    (folder := tmp_path / "inputs").mkdir()
    return Inputs(folder, InputGate(RemovedPictures(world.db), CascadeFaces()))


def saved(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


async def refusal(world: ServerWorld, made: GenerationRequest) -> RequestError | None:
    try:
        await world.services.checks.check_request(ADULTS, made)
    except RequestError as problem:
        return problem
    return None


async def test_two_hundred_faces_with_words_above_general_reach_no_worker(world: ServerWorld, inputs: Inputs) -> None:
    faces = changed_faces([Image.open(ASTRONAUT)], FACES, seed=4)
    kept = [await inputs.keep(saved(face)) for face in faces]
    assert all(each.face for each in kept)
    for face, word in product(kept, WORDS):
        made = request(prompt=f"the same woman, {word}", image=face.at())
        assert isinstance(await refusal(world, made), FaceRatedTooHigh), word
    assert await refusal(world, request(prompt="the same woman, oil painting", image=kept[0].at())) is None
    world.settings = world.settings.model_copy(update={"faces": FaceSettings(most=ContentRating.TEEN)})
    assert await refusal(world, request(prompt="in a bikini", image=kept[0].at())) is None


async def test_a_drawn_picture_is_no_photograph(world: ServerWorld, inputs: Inputs) -> None:
    for number in range(5, 65, 6):  # heads and shoulders
        assert not (await inputs.keep(saved(varied(number, 400)))).face, number


async def test_without_a_face_finder_the_servers_own_rules_hold(world: ServerWorld, tmp_path: Path) -> None:
    kept = await Inputs(tmp_path, InputGate(RemovedPictures(world.db))).keep(ASTRONAUT.read_bytes())
    assert not kept.face
    assert await refusal(world, request(prompt="nsfw", image=kept.at())) is None


async def test_what_is_in_the_name_of_a_picture_is_judged(world: ServerWorld) -> None:
    words = await world.services.words.of(ADULTS.place)
    await check_name(words, "IMG_0012.jpg", None)
    with pytest.raises(RequestError):
        await check_name(words, "a nude 12 year old.png", None)


@pytest.mark.parametrize(
    ("negative", "refused"),
    [
        ("clothes, dress", True),
        ("blurry, (c1othing:1.3)", True),
        ("着衣", True),
        ("blurry, extra fingers, nude", False),
        ("address", False),
    ],
)
async def test_a_negative_prompt_that_keeps_clothes_out_is_refused_beside_a_face(
    world: ServerWorld, negative: str, refused: bool
) -> None:
    async def why(*, face: bool) -> RequestError | None:
        image = SourceImage(sha256="f" * 64, strength=0.6, face=face)
        wanted = request(prompt="a portrait", negative_prompt=negative, image=image)
        return await refusal(world, wanted)

    assert isinstance(await why(face=True), FaceRatedTooHigh) is refused
    assert await why(face=False) is None


def test_a_cascade_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (broken := tmp_path / "faces.xml").write_text("<opencv_storage/>")
    with pytest.raises(FacesUnusable, match="cannot read"):
        CascadeFaces(broken)
    assert installed_faces() is not None
