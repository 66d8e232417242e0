"""Painting from a picture: as diffusers' own pipelines do it, and from nothing but the bytes that were named."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionImg2ImgPipeline, StableDiffusionXLImg2ImgPipeline
from PIL import Image

from inference.base_models import BaseModelId
from inference.demo import CHECKPOINTS
from inference.engine.intake.source_image import MAX_BYTES, read_source
from inference.engine.models.samplers import scheduler_for
from inference.engine.process.job_runner import JobRunner
from inference.errors import SourceImageGone, SourceImageRefused
from inference.messages.checkpoints import CheckpointSpec, PredictionType
from inference.messages.request import GenerationRequest, SourceImage
from inference.messages.samplers import Sampler
from inference.prediction import Prediction
from tests.house import VIVID, House
from tests.inference.engine.painting import paint
from tests.inference.engine.process.test_job_runner import SMALL, small_sd1
from tests.inference.requests import request

CPU = torch.device("cpu")


def picture(width: int, height: int) -> Image.Image:
    """Two flat halves, left red and right blue."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2] = (220, 30, 30)
    pixels[:, width // 2 :] = (30, 30, 220)
    return Image.fromarray(pixels)


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def keep(folder: Path, data: bytes, strength: float = 0.5) -> SourceImage:
    sha256 = hashlib.sha256(data).hexdigest()
    (folder / sha256).write_bytes(data)
    return SourceImage(sha256=sha256, strength=strength)


@pytest.fixture(scope="module")
def sd1_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sd1")
    small_sd1().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def runner(shared_house: House, sd1_folder: Path) -> JobRunner:
    torch.set_num_threads(1)
    sd1 = CheckpointSpec(name=SMALL, source=str(sd1_folder), base_model=BaseModelId("sd1/base"))
    configure = shared_house.configure
    return JobRunner(configure.model_copy(update={"checkpoints": (*configure.checkpoints, sd1)}), CPU)


@pytest.fixture
def inputs(shared_house: House) -> Path:
    return Path(shared_house.configure.inputs)


def painted(runner: JobRunner, house: House, made: GenerationRequest) -> list[np.ndarray]:
    names = paint(runner, made).end.files
    return [np.asarray(Image.open(house.data / "spool" / name)) for name in names]


def by_diffusers(name: str, sd1_folder: Path, made: GenerationRequest, source: Image.Image) -> list[np.ndarray]:
    """The same with nothing of ours but the choice of the scheduler."""
    kind, folder = StableDiffusionXLImg2ImgPipeline, CHECKPOINTS[0].path
    if name == SMALL:
        kind, folder = StableDiffusionImg2ImgPipeline, sd1_folder
    pipeline: Any = kind.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    config = pipeline.scheduler.config
    prediction = Prediction(PredictionType(config.prediction_type), zero_snr=False)
    pipeline.scheduler = scheduler_for(made.sampler, config, prediction, made.steps)
    pipeline.set_progress_bar_config(disable=True)
    assert made.image is not None
    output = pipeline(
        prompt=made.full_prompt,
        image=source,
        strength=made.image.strength,
        num_inference_steps=made.steps,
        guidance_scale=made.guidance_scale,
        num_images_per_prompt=made.count,
        generator=[torch.Generator("cpu").manual_seed(seed) for seed in made.seeds],
    )
    return [np.asarray(image) for image in output.images]


@pytest.mark.parametrize("sampler", [Sampler.DPMPP_2M_KARRAS, Sampler.EULER_A, Sampler.HEUN])
@pytest.mark.parametrize("checkpoint", [VIVID, SMALL])
def test_it_paints_what_diffusers_paints(
    runner: JobRunner, shared_house: House, sd1_folder: Path, inputs: Path, checkpoint: str, sampler: Sampler
) -> None:
    source = picture(64, 64)
    made = request(
        checkpoint=checkpoint, image=keep(inputs, png(source), 0.6), sampler=sampler, steps=10, count=2, seed=3
    )
    ours, theirs = painted(runner, shared_house, made), by_diffusers(checkpoint, sd1_folder, made, source)
    assert len(ours) == len(theirs) == 2
    assert max(np.abs(a.astype(int) - b.astype(int)).max() for a, b in zip(ours, theirs, strict=True)) <= 1
    assert not np.array_equal(ours[0], ours[1]), "each picture has a seed of its own"


def distance(image: np.ndarray, source: Image.Image) -> float:
    return float(np.abs(image.astype(float) - np.asarray(source).astype(float)).mean())


def test_the_less_strength_the_nearer_to_the_source(runner: JobRunner, shared_house: House, inputs: Path) -> None:
    source, far = picture(64, 64), []
    for strength in (0.01, 0.5, 1.0):  # the first asks for less than one step, and gets one
        made = request(checkpoint=VIVID, image=keep(inputs, png(source), strength), steps=12)
        far.append(distance(painted(runner, shared_house, made)[0], source))
    assert far[0] < far[1] < far[2]
    assert far[0] < 20


def test_painting_from_noise_is_as_before(runner: JobRunner, shared_house: House, inputs: Path) -> None:
    plain = painted(runner, shared_house, request(checkpoint=VIVID))
    painted(runner, shared_house, request(checkpoint=VIVID, image=keep(inputs, png(picture(64, 64)))))
    assert np.array_equal(plain[0], painted(runner, shared_house, request(checkpoint=VIVID))[0])


def test_another_shape_is_covered_and_cut(inputs: Path) -> None:
    source = keep(inputs, png(picture(200, 100)))
    fitted = read_source(inputs, source, (48, 80))
    assert (fitted.size, fitted.mode) == ((48, 80), "RGB")
    left, right = fitted.getpixel((4, 40)), fitted.getpixel((44, 40))
    assert left[0] > 180 and right[2] > 180, "the middle stays in the middle, and nothing is stretched"


def test_a_picture_that_is_gone_is_told(runner: JobRunner, shared_house: House) -> None:
    with pytest.raises(SourceImageGone):
        painted(runner, shared_house, request(checkpoint=VIVID, image=SourceImage(sha256="a" * 64, strength=0.5)))


@pytest.mark.parametrize(
    "data",
    [b"", b"no picture", png(picture(32, 32))[:-40], b"GIF89a" + b"\0" * 20, b"\0" * (MAX_BYTES + 1)],
    ids=["empty", "text", "cut", "gif", "huge"],
)
def test_what_is_no_whole_png_is_refused(inputs: Path, data: bytes) -> None:
    with pytest.raises(SourceImageRefused):
        read_source(inputs, keep(inputs, data), (64, 64))


def test_more_pixels_than_any_picture_of_ours_are_not_decoded(inputs: Path) -> None:
    bomb = png(Image.new("1", (8192, 4096)))
    assert len(bomb) < 10_000
    with pytest.raises(SourceImageRefused, match="4096"):
        read_source(inputs, keep(inputs, bomb), (64, 64))


def test_other_bytes_under_the_name_are_refused(inputs: Path) -> None:
    source = keep(inputs, png(picture(32, 32)))
    (inputs / source.sha256).write_bytes(png(picture(34, 32)))
    with pytest.raises(SourceImageRefused, match="differs from the one that you sent"):
        read_source(inputs, source, (64, 64))
