"""Files that lie go on no checkpoint: not by their header, not in `inspect`, not by the worker's reading."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference.base_models import known_base_models
from inference.engine.lora.lora_files import LoraReader
from inference.errors import LoraFileRefused
from inference.files.hashes import file_sha256
from inference.inspection import Inspector
from inference.lora.knowledge import Knowledge
from inference.lora.library import scan
from inference.matching import KnownLora, Matcher
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.request import LoraUse
from tests.lies import Lie, lies

SPECS = tuple(
    CheckpointSpec(name=base.replace("/", "-"), source=f"/models/{base}", base_model=base)
    for base in known_base_models()
)
MATCHER = Matcher(SPECS)
EACH = pytest.mark.parametrize("lie", lies(), ids=lambda lie: lie.label)


def allowed(lie: Lie) -> set[str]:
    """The names of the checkpoints that it may go on."""
    return {spec.name for spec in SPECS if spec.base_model == lie.truth}


def test_there_are_many() -> None:
    assert len(lies()) >= 50


@EACH
def test_the_header_admits_it_nowhere(tmp_path: Path, lie: Lie) -> None:
    lie.write(tmp_path, "x")
    (found,) = scan(tmp_path, {})
    evidence = found.judge(Knowledge())
    lora = KnownLora("x", evidence.base_model, evidence.source.value, evidence.prediction.type, found.layers)
    fitting = set() if found.problem else set(MATCHER.fitting_checkpoints(lora))
    assert fitting == allowed(lie), evidence


@EACH
def test_inspect_says_that_it_fits_nothing(tmp_path: Path, lie: Lie) -> None:
    told = Inspector(Knowledge(), MATCHER).inspect(lie.write(tmp_path, "x"))
    verdict = told["verdict"]
    assert isinstance(verdict, dict)
    assert {name for name, each in verdict.items() if each["fits"]} == allowed(lie)


@EACH
def test_the_worker_reads_no_base_model_out_of_it(tmp_path: Path, lie: Lie) -> None:
    path = lie.write(tmp_path, "x")
    reader = LoraReader(tmp_path, {}, max_bytes=2**26)
    try:
        base = reader.read(LoraUse(sha256=file_sha256(path), name="x"), path.name).evidence.base_model
    except LoraFileRefused:
        base = None
    assert base == lie.truth
