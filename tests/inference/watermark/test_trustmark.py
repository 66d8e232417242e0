"""TrustMark's weights: which files they are, and which are refused."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from inference.errors import WatermarkUnusable
from inference.files.hashes import files_sha256
from inference.messages.options import WatermarkModel, WatermarkSpec
from inference.watermark.trustmark import open_watermark, trustmark_files, weights_sha256

NAMES = ("decoder_P.ckpt", "encoder_P.ckpt", "trustmark_P.yaml")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A folder with files of the right names; others lie beside them."""
    for name in (*NAMES, "decoder_Q.ckpt", "trustmark_rm_P.ckpt", "notes.txt"):
        (tmp_path / name).write_text(name)
    return tmp_path


def spec(folder: Path, **more: object) -> WatermarkSpec:
    return WatermarkSpec.model_validate({"source": str(folder), **more})


def test_nodes_get_the_files_that_are_loaded(weights: Path) -> None:
    assert [file.name for file in trustmark_files(weights)] == ["decoder_P.ckpt", "decoder_Q.ckpt", *NAMES[1:]]


def test_a_missing_file_is_named(weights: Path) -> None:
    with pytest.raises(WatermarkUnusable, match=r"there is no .*encoder_Q.ckpt"):
        weights_sha256(spec(weights, model=WatermarkModel.TRUSTMARK_Q))
    (weights / "trustmark_P.yaml").unlink()
    with pytest.raises(WatermarkUnusable, match=r"there is no .*trustmark_P.yaml"):
        open_watermark(spec(weights), "cpu")


def test_other_weights_than_the_settings_name_are_refused(weights: Path) -> None:
    found = files_sha256(weights, [weights / name for name in NAMES])
    with pytest.raises(WatermarkUnusable, match=f"have another SHA-256 than set: {found}"):
        weights_sha256(spec(weights, sha256="a" * 64))
    (weights / "decoder_Q.ckpt").write_text("another variant")
    if find_spec("trustmark") is None:
        with pytest.raises(WatermarkUnusable, match=r"trustmark, which is not installed: .*\[watermark\]"):
            weights_sha256(spec(weights, sha256=found))
    else:
        assert weights_sha256(spec(weights, sha256=found)) == found


def test_weights_that_the_package_does_not_know_are_refused(weights: Path) -> None:
    """They name classes that the package imports, so they could run any code."""
    pytest.importorskip("trustmark")
    with pytest.raises(WatermarkUnusable, match=r"decoder_P.ckpt is damaged: its checksum"):
        open_watermark(spec(weights), "cpu")
