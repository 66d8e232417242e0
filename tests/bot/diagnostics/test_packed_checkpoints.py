"""Checkpoints with packed weights: what doctor says of their files, their packages and their size."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bot.config import CheckpointSettings
from bot.diagnostics.capacity import check_capacity
from bot.diagnostics.checkpoints import check_files, load_of
from bot.diagnostics.facts import MachineFacts
from bot.diagnostics.finding import FindingGrade
from inference.base_models import BaseModelId
from inference.lora.tensors.tables import networks
from inference.messages.checkpoints import Quantisation
from inference.messages.options import Offload
from inference.processes.extras import installing
from tests.bot.diagnostics.recorded import card, torch_for_cuda
from tests.inference.gguf_writer import write_gguf
from tests.weight_files import write_folder

FLUX = BaseModelId("flux1/dev")
OK, PROBLEM = FindingGrade.OK, FindingGrade.PROBLEM


def declared(**values: Any) -> CheckpointSettings:
    return CheckpointSettings(name="Dev", base_model=FLUX, **values)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "dev", "flux1", denoiser="transformer")


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    shapes = {f"{name}.weight": shape for name, shape in networks()["flux1"].items()}
    return write_gguf(tmp_path / "dev-Q4_K_S.gguf", shapes, "Q4_K")


def test_a_gguf_file_is_looked_at_with_its_folder(folder: Path, packed: Path) -> None:
    pytest.importorskip("gguf", reason="the extra gguf is not installed")
    one = declared(path=folder, denoiser=packed)
    (finding,) = check_files(one)
    assert (finding.grade, finding.says) == (OK, f"Flux.1 dev (flux1/dev), {folder}, with the denoiser {packed}")
    facts = MachineFacts(torch=torch_for_cuda(card("RTX", (8, 6), 12, 0.5)), memory=2**36)
    (memory,) = check_capacity(facts, [load_of(one)], ("auto",), Offload.WHEN_SHORT)
    assert memory.grade is OK and "weights 6.7 GB" in memory.says and "the denoiser's packed" in memory.says


def test_a_gguf_file_that_is_not_there_is_told(folder: Path) -> None:
    findings = [*check_files(declared(path=folder, denoiser=folder / "gone.gguf"))]
    assert findings[-1].grade is PROBLEM and "does not exist" in findings[-1].says


def test_one_of_another_model_is_told_beside_a_repository(packed: Path) -> None:
    one = CheckpointSettings(name="Z", base_model=BaseModelId("z-image/base"), repository="a/b", denoiser=packed)
    assert [finding.says for finding in check_files(one) if "the layers of Flux.1" in finding.says]


@pytest.mark.parametrize(("quantise", "package"), [("nf4", "bitsandbytes"), ("torchao_int8", "torchao")])
def test_a_missing_package_is_a_problem(folder: Path, quantise: str, package: str) -> None:
    if find_spec(package) is not None:
        pytest.skip(f"{package} is installed")
    first, *_ = check_files(declared(path=folder, quantise=quantise))
    assert first.grade is PROBLEM and installing(package) in first.says


def test_weights_that_are_packed_while_they_are_loaded_count_as_packed(folder: Path) -> None:
    plain, small = load_of(declared(path=folder)), load_of(declared(path=folder, quantise=Quantisation.NF4))
    assert not plain.packed
    assert small.packed["transformer"] == pytest.approx(plain.networks["transformer"] * 4.5 / 8, abs=1)


def test_a_gguf_file_is_not_packed_again(folder: Path, packed: Path) -> None:
    with pytest.raises(ValidationError, match="already quantised"):
        declared(path=folder, denoiser=packed, quantise="nf4")


def test_paths_of_the_settings_start_from_their_folder(tmp_path: Path) -> None:
    one = declared(path=Path("dev"), denoiser=Path("dev.gguf")).relative_to(tmp_path)
    assert (one.path, one.denoiser) == (tmp_path / "dev", tmp_path / "dev.gguf")
    assert one.spec(None).denoiser == str(tmp_path / "dev.gguf")
