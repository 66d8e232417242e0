"""Errors say their sentence with their data, and cross the border unharmed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator

import pytest

from bot.ui.bot import load_features
from inference import errors
from inference.errors import Detail, InferenceError, LoraNotFound, RequestError, WorkerError, WorkerFailed
from inference.messages.events import EVENTS, Failed

HOSTILE = "{0} {lora!r:>10} {__class__} % \n \\ \U0001f3a8 'x\""


def family(kind: type[InferenceError]) -> Iterator[type[InferenceError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from family(child)


load_features()  # errors are known once the modules that define them are imported
EVERY_ERROR = list(family(InferenceError))


def example(kind: type[InferenceError], text: str) -> InferenceError:
    values = {"str": text, "int": 3, "list[str]": [text, "b", "c"]}
    return kind(**{field.name: values[str(field.type)] for field in dataclasses.fields(kind)})


@pytest.mark.parametrize("kind", EVERY_ERROR, ids=lambda kind: kind.code)
def test_an_error_comes_over_the_border_as_it_was(kind: type[InferenceError]) -> None:
    problem = example(kind, HOSTILE)
    event = Failed(job_id=1, attempt=1, code=problem.code, detail=problem.detail)
    there = EVENTS.validate_json(event.model_dump_json())
    assert isinstance(there, Failed)
    again = InferenceError.from_failed(there.code, there.detail)
    if kind is not InferenceError:
        assert type(again) is kind
        assert (str(again), again.detail) == (str(problem), problem.detail)


@pytest.mark.parametrize("kind", EVERY_ERROR, ids=lambda kind: kind.code)
def test_a_sentence_holds_the_data_as_they_are(kind: type[InferenceError]) -> None:
    sentence = str(example(kind, HOSTILE))
    for name, value in example(kind, HOSTILE).detail.items():
        said = value if isinstance(value, str) else "3" if isinstance(value, int) else "b and c"
        assert said in sentence, name


@pytest.mark.parametrize(
    "kind", [kind for kind in EVERY_ERROR if kind not in {InferenceError, RequestError, WorkerError}]
)
def test_an_error_is_either_the_persons_or_ours(kind: type[InferenceError]) -> None:
    assert issubclass(kind, RequestError) != issubclass(kind, WorkerError)


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in EVERY_ERROR]
    assert len(set(codes)) == len(codes)
    assert errors.BaseModelMismatch.code == "base_model_mismatch"


@pytest.mark.parametrize(
    ("code", "detail"),
    [
        ("of_a_later_version", {}),
        ("lora_not_found", {"name": "x"}),
        ("lora_not_found", {"name": "x", "hint": "y", "more": 1}),
        ("worker_crashed", {"__class__": "x"}),
        ("", {}),
    ],
)
def test_what_this_version_does_not_know_becomes_a_failure_of_the_worker(code: str, detail: Detail) -> None:
    problem = InferenceError.from_failed(code, detail)
    assert isinstance(problem, WorkerFailed)
    assert problem.reason == code


def test_a_detail_survives_the_database() -> None:
    problem = LoraNotFound(name=HOSTILE, hint="")
    assert str(InferenceError.from_failed(problem.code, json.loads(json.dumps(problem.detail)))) == str(problem)


@pytest.mark.parametrize(
    ("names", "said"), [([], "models: ."), (["a"], "models: a."), (["a", "b", "c"], "models: a, b and c.")]
)
def test_lists_are_spoken(names: list[str], said: str) -> None:
    assert str(errors.CheckpointNotFound(name="x", installed=names)).endswith(said)


def test_of_an_unknown_lora_it_is_not_said_that_it_fits_nothing() -> None:
    data = {"lora": "L", "checkpoint": "C", "checkpoint_base": "Pony", "remedy": "declare"}
    assert str(errors.BaseModelUnknown(fitting_checkpoints=[], **data)).endswith(
        "can declare the base model on the LoRA's page. Declare it: declare."
    )


def test_a_misfit_says_where_the_lora_fits() -> None:
    data = {"lora": "L", "checkpoint": "C", "checkpoint_base": "Pony", "lora_base": "Illustrious", "evidence": "e"}
    fits = str(errors.BaseModelMismatch(fitting_checkpoints=["A", "B"], **data))
    assert "The LoRA fits A and B." in fits
    for word in ("L ", "Illustrious", "Pony", "C "):
        assert word in fits
    assert "The LoRA fits none of this bot's models" in str(errors.BaseModelMismatch(fitting_checkpoints=[], **data))
