"""What a checkpoint asks of memory is read from its files, and is unknown where they cannot be looked at."""

from __future__ import annotations

from pathlib import Path

from inference.base_models import BaseModelId
from inference.checkpoints.memory import file_bytes
from inference.messages.checkpoints import CheckpointSpec


def spec(source: Path) -> CheckpointSpec:
    return CheckpointSpec(name="One", base_model=BaseModelId("sdxl/base"), source=str(source))


def test_the_weights_of_a_folder_are_added_up(tmp_path: Path) -> None:
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "one.safetensors").write_bytes(bytes(5))
    (tmp_path / "two.safetensors").write_bytes(bytes(2))
    (tmp_path / "model_index.json").write_bytes(bytes(90))
    assert file_bytes(spec(tmp_path)) == 7
    assert file_bytes(spec(tmp_path / "two.safetensors")) == 2


def test_a_denoiser_of_its_own_takes_the_place_of_that_in_the_folder(tmp_path: Path) -> None:
    for name, size in (("transformer", 50), ("vae", 5)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "one.safetensors").write_bytes(bytes(size))
    (tmp_path / "small.gguf").write_bytes(bytes(9))
    assert file_bytes(spec(tmp_path).model_copy(update={"denoiser": str(tmp_path / "small.gguf")})) == 14


def test_files_that_cannot_be_looked_at_have_no_size(tmp_path: Path) -> None:
    assert file_bytes(spec(tmp_path / "none.safetensors")) is None
    (tmp_path / "linked.safetensors").symlink_to(tmp_path / "gone")
    assert file_bytes(spec(tmp_path)) is None
