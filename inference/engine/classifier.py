"""Reports scores of finished pictures, and of those that they started from, by an image-classification model.

What the scores mean is the bot's to say.

A model of transformers or timm is loaded from safetensors alone, by classes of these libraries: no file of it is run.
Models look at a square. A picture that is longer than wide is looked at in several squares that cover it, and each
class has the highest of its scores.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from PIL import Image
from safetensors.torch import load_file

from inference.checkpoints.classifier_files import (
    DOWNLOADED,
    OPENNSFW_CLASSES,
    OPENNSFW_MODULE,
    ClassifierFiles,
    ClassifierLibrary,
    require_package,
)
from inference.errors import ClassifierUnusable, WorkerFailed
from inference.messages.options import ClassifierSpec

MAX_SQUARES = 4  # of one picture; the model sees them together, so they bound its memory and time


ITS_FILES: Mapping[str, Any] = {"local_files_only": True, "trust_remote_code": False}


def load_network(files: ClassifierFiles, kind: Any) -> Any:
    """Load a network of this `kind`, a class of transformers, from safetensors. Raises ClassifierUnusable."""
    network, report = kind.from_pretrained(files.folder, use_safetensors=True, output_loading_info=True, **ITS_FILES)
    if missing := sorted(report["missing_keys"]) or sorted(map(str, report["mismatched_keys"])):
        # transformers would go on with random numbers in their place.
        raise ClassifierUnusable(reason=f"{files.weights} does not hold {missing[0]} as the network has it")
    return network.eval()


def probabilities(network: Any, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Of the classes, by softmax; by sigmoid where several classes may apply at once."""
    logits: torch.Tensor = network(**inputs).logits
    several = network.config.problem_type == "multi_label_classification" or logits.shape[-1] == 1
    return logits.sigmoid() if several else logits.softmax(-1)


def reported(probabilities: torch.Tensor, columns: Mapping[str, int]) -> dict[str, float]:
    """The highest score of each class in 0..1, of several parts [parts, classes]. Raises WorkerFailed if one is NaN."""
    found = probabilities.float().cpu().amax(0)
    if not found.isfinite().all():
        raise WorkerFailed(reason="the classifier's scores are not finite")
    return {name: min(1.0, max(0.0, float(found[column]))) for name, column in columns.items()}


@contextmanager
def opening(what: str) -> Generator[None]:
    """Turn each error of a foreign library that reads a foreign file into ClassifierUnusable."""
    try:
        yield
    except ClassifierUnusable:
        raise
    except Exception as problem:  # it may raise anything
        reason = str(problem).strip().partition("\n")[0] or type(problem).__name__
        raise ClassifierUnusable(reason=f"{what} cannot be loaded: {reason[:300]}") from problem


class ClassifierModel(ABC):
    """A loaded model with its own preparation of pictures."""

    @abstractmethod
    def probabilities(self, squares: Sequence[Image.Image]) -> torch.Tensor:
        """The probability of each class for each picture, [pictures, classes] in 0..1."""


class TimmModel(ClassifierModel):
    """A model that timm saved."""

    def __init__(self, files: ClassifierFiles, device: torch.device) -> None:
        import timm  # noqa: PLC0415 (an optional library that takes a second)
        from timm.data import create_transform, resolve_data_config  # noqa: PLC0415 (see above)

        config = files.config
        told: dict[str, Any] = {"num_classes": config.num_classes, "global_pool": config.global_pool}
        shape = {name: value for name, value in told.items() if value is not None} | (config.model_args or {})
        network: Any = timm.create_model(str(config.architecture), pretrained=False, **shape)
        network.load_state_dict(load_file(files.weights))
        self._network = network.eval().to(device)
        self._device = device
        wanted = resolve_data_config(pretrained_cfg=config.pretrained_cfg.model_dump(), model=network)
        self._prepare: Any = create_transform(**wanted, is_training=False)

    def probabilities(self, squares: Sequence[Image.Image]) -> torch.Tensor:
        """By softmax."""
        pixels = torch.stack([self._prepare(square) for square in squares]).to(self._device)
        return self._network(pixels).softmax(-1)


class TransformersModel(ClassifierModel):
    """A model that transformers saved."""

    def __init__(self, files: ClassifierFiles, device: torch.device) -> None:
        from transformers import AutoImageProcessor, AutoModelForImageClassification  # noqa: PLC0415 (takes seconds)

        self._network = load_network(files, AutoModelForImageClassification).to(device)
        self._device = device
        self._prepare: Any = AutoImageProcessor.from_pretrained(files.folder, **ITS_FILES)

    def probabilities(self, squares: Sequence[Image.Image]) -> torch.Tensor:
        """Of the classes."""
        pixels = self._prepare(images=list(squares), return_tensors="pt").to(self._device)
        return probabilities(self._network, pixels)


class OpenNsfwModel(ClassifierModel):
    """Yahoo's open_nsfw, which learned photographs. It runs on the CPU."""

    def __init__(self) -> None:
        made: Any = import_module(OPENNSFW_MODULE).NSFWClassifier
        self._network = made(providers=["CPUExecutionProvider"], intra_op_num_threads=torch.get_num_threads())

    def probabilities(self, squares: Sequence[Image.Image]) -> torch.Tensor:
        """By softmax."""
        return torch.tensor([(each.sfw, each.nsfw) for each in self._network.classify_batch(squares, max_workers=1)])


_MODELS: dict[ClassifierLibrary, type[TimmModel] | type[TransformersModel]] = {
    ClassifierLibrary.TIMM: TimmModel,
    ClassifierLibrary.TRANSFORMERS: TransformersModel,
}


class Classifier:
    """Reports the scores of some classes of a model. May be used on any one thread."""

    def __init__(self, model: ClassifierModel, classes: Sequence[str], wanted: Sequence[str]) -> None:
        self._model = model
        self._columns = {name: classes.index(name) for name in wanted}

    @classmethod
    def open(cls, spec: ClassifierSpec, device: torch.device) -> Classifier:
        """Load it, on the CPU unless it belongs on `device`, and look at one picture. Raises ClassifierUnusable."""
        if spec.package:
            require_package(spec.classes)
            what, classes, load = spec.source, OPENNSFW_CLASSES, OpenNsfwModel
        else:
            files = ClassifierFiles.read(_folder(spec), spec.classes)
            place = device if spec.on_device else torch.device("cpu")
            what, classes = f"{files.folder} by {files.library}", files.config.classes
            load = partial(_MODELS[files.library], files, place)
        with opening(what):
            made = cls(load(), classes, spec.classes)
            made.scores(Image.new("RGB", (64, 64)))
        return made

    @torch.inference_mode()
    def scores(self, picture: Image.Image) -> dict[str, float]:
        """The score of each reported class in 0..1: the highest that one of the picture's squares has.

        Raises WorkerFailed for scores that are no numbers.
        """
        return reported(self._model.probabilities([*_squares(picture)]), self._columns)


def _folder(spec: ClassifierSpec) -> Path:
    if not spec.repository:
        return Path(spec.source)
    try:
        return Path(snapshot_download(spec.source, allow_patterns=list(DOWNLOADED)))
    except Exception as problem:  # the hub's library has many kinds of errors, of the network and its own
        reason = str(problem).strip().partition("\n")[0] or type(problem).__name__
        raise ClassifierUnusable(reason=f"{spec.source} cannot be downloaded: {reason[:300]}") from problem


def _squares(picture: Image.Image) -> Iterator[Image.Image]:
    """Parts that cover the picture and are as long as wide; of a very long one they are longer, and squeezed."""
    width, height = picture.size
    long, short = max(width, height), min(width, height)
    side = max(short, math.ceil(long / MAX_SQUARES))
    count = math.ceil(long / side)
    for number in range(count):
        start = round((long - side) * number / max(1, count - 1))
        box = (start, 0, start + side, short) if width > height else (0, start, short, start + side)
        part = picture.crop(box)
        yield part if side == short else part.resize((side, side))
