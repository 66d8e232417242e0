"""The text judge: scores the words of a request before it is painted, and refuses those about minors.

Loads text classifiers of transformers from safetensors alone, and never runs code that comes with a model. A text
that is longer than a window is read in several windows that overlap. Each class has the highest of its scores.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Protocol

import torch

from inference.checkpoints.classifier_files import ClassifierFiles
from inference.engine.classifier import ITS_FILES, load_network, opening, probabilities, reported
from inference.errors import SexualMinors
from inference.messages.options import TextJudgeSpec

log = logging.getLogger(__name__)

MAX_TOKENS: Final = 256  # of a window; a few words weigh less in a longer one
MIN_TOKENS: Final = 8  # of a window; with fewer, words have no context
WINDOWS_AT_ONCE: Final = 8  # which bounds memory
REMEMBERED_TEXTS: Final = 512  # of at most some thousand characters each
_SHORT_TEXT: Final = "a watercolour painting of a lighthouse by the sea, warm evening light"


class TextJudge(Protocol):
    """Scores texts."""

    def judge(self, texts: Sequence[str]) -> Sequence[Mapping[str, float]]:
        """Return the score of each class in 0..1 for each text. Raises InferenceError."""
        ...


class TransformersJudge:
    """A text judge that transformers saved. It runs on the CPU."""

    def __init__(self, files: ClassifierFiles) -> None:
        from transformers import (  # noqa: PLC0415 (takes seconds)
            AutoModelForSequenceClassification,
            PreTrainedTokenizerFast,
        )

        self._columns = {name: column for column, name in enumerate(files.config.classes)}
        self._network = load_network(files, AutoModelForSequenceClassification)
        self._tokenizer: Any = PreTrainedTokenizerFast.from_pretrained(files.folder, **ITS_FILES)
        # Some models number positions from 2 on.
        positions = getattr(self._network.config, "max_position_embeddings", None) or MAX_TOKENS + 2
        self._tokens = min(MAX_TOKENS, positions - 2, self._tokenizer.model_max_length)
        if self._tokens < MIN_TOKENS:
            raise ValueError(f"it reads only {self._tokens} tokens at once")

    @torch.inference_mode()
    def judge(self, texts: Sequence[str]) -> list[dict[str, float]]:
        """Return the highest score of each class that a window of a text has, for each text."""
        return [reported(self._of_windows(text), self._columns) for text in texts]

    def _of_windows(self, text: str) -> torch.Tensor:
        """The probability of each class in each window, [windows, classes]."""
        windows = self._tokenizer(
            text, truncation=True, max_length=self._tokens, stride=self._tokens // 4, return_overflowing_tokens=True,
            padding=True, return_tensors="pt",
        )  # fmt: skip
        parts = zip(
            windows["input_ids"].split(WINDOWS_AT_ONCE), windows["attention_mask"].split(WINDOWS_AT_ONCE), strict=True
        )
        scores = [probabilities(self._network, {"input_ids": ids, "attention_mask": mask}) for ids, mask in parts]
        return torch.cat(scores)


class RequestJudge:
    """Judges the texts of requests, and remembers the scores of the latest texts. Call it from one thread."""

    def __init__(self, spec: TextJudgeSpec, judge: TextJudge, seconds: float = 0.0) -> None:
        self._spec = spec
        self.seconds = seconds  # for a short text
        self._scores = lru_cache(REMEMBERED_TEXTS)(lambda text: judge.judge([text])[0])

    @classmethod
    def of(cls, spec: TextJudgeSpec, judge: TextJudge | None = None) -> RequestJudge:
        """Use `judge`, or load the model and let it read a long text and a short one. Raises ClassifierUnusable."""
        if judge is not None:
            return cls(spec, judge)
        files = ClassifierFiles.read_text_judge(Path(spec.source), spec.classes)
        with opening(f"{files.folder} by {files.library}"):
            judge = TransformersJudge(files)
            judge.judge([", ".join([_SHORT_TEXT] * 20)])  # more than one window
            began = time.perf_counter()
            judge.judge([_SHORT_TEXT])
        return cls(spec, judge, time.perf_counter() - began)

    def read(self, texts: Sequence[str]) -> dict[str, float]:
        """Return the highest score of each reported class.

        Raises SexualMinors if a text reaches a threshold for that, and InferenceError if the judge fails.
        """
        found = [self._scores(text) for text in texts]
        highest = {name: max((scores[name] for scores in found), default=0.0) for name in self._spec.classes}
        for name, threshold in self._spec.minors.items():
            if highest[name] >= threshold:
                log.info("words judged: %s %.2f: refused", name, highest[name])
                raise SexualMinors
        return highest
