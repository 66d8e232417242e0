"""Every file of a checkpoint goes to workers elsewhere, a denoiser of its own among them."""

from __future__ import annotations

from pathlib import Path

from inference.base_models import BaseModelId
from inference.files.hashes import file_sha256
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.options import ClassifierSpec, TextJudgeSpec, WatermarkSpec, WorkerOptions
from inference.workers.manifests import Manifests


async def test_a_checkpoint_goes_by_the_size_that_belongs_to_its_hash(tmp_path: Path) -> None:
    """A right copy in shared storage is taken, though the bot's own file was changed after it was hashed."""
    (file := tmp_path / "one.safetensors").write_bytes(b"right")
    spec = CheckpointSpec(
        name="One", source=str(file), base_model=BaseModelId("sdxl/illustrious"), sha256=file_sha256(file), size=5
    )
    file.write_bytes(b"another one")
    _, found = await Manifests().of(WorkerOptions(checkpoints=(spec,)))
    assert [(each.sha256, each.size) for each in next(iter(found.values())).files] == [(spec.sha256, 5)]


async def test_a_denoiser_that_was_replaced_is_hashed_again(tmp_path: Path) -> None:
    """Else nodes would refuse it until the bot is started anew: its hash stands in no settings."""
    (tmp_path / "flux").mkdir()
    (tmp_path / "flux" / "model_index.json").write_text("{}")
    (denoiser := tmp_path / "flux-Q4.gguf").write_bytes(b"GGUF")
    spec = CheckpointSpec(
        name="Flux", source=str(tmp_path / "flux"), base_model=BaseModelId("flux1/dev"), denoiser=str(denoiser)
    )
    options, manifests = WorkerOptions(checkpoints=(spec,)), Manifests()
    for content in (b"GGUF", b"GGUF, the next"):
        denoiser.write_bytes(content)
        sent, found = await manifests.of(options)
        place = sent.checkpoints[0].denoiser
        assert place is not None and found[place].files[0].sha256 == file_sha256(denoiser)


async def test_a_denoiser_of_its_own_goes_along(tmp_path: Path) -> None:
    (tmp_path / "flux").mkdir()
    (tmp_path / "flux" / "model_index.json").write_text("{}")
    (tmp_path / "flux-Q4.gguf").write_bytes(b"GGUF")
    spec = CheckpointSpec(
        name="Flux", source=str(tmp_path / "flux"), base_model=BaseModelId("flux1/dev"),
        denoiser=str(tmp_path / "flux-Q4.gguf"),
    )  # fmt: skip
    manifests = Manifests()
    options, found = await manifests.of(WorkerOptions(checkpoints=(spec,)))
    (sent,) = options.checkpoints
    assert sent.denoiser is not None
    (file,) = found[sent.denoiser].files
    assert (file.name, file.sha256) == ("flux-Q4.gguf", file_sha256(tmp_path / "flux-Q4.gguf"))
    assert manifests.paths[file.sha256] == tmp_path / "flux-Q4.gguf"


async def test_the_weights_of_the_watermark_go_along(tmp_path: Path) -> None:
    for name in ("decoder_P.ckpt", "encoder_P.ckpt", "trustmark_P.yaml", "trustmark_rm_P.ckpt", "README.md"):
        (tmp_path / name).write_text(name)
    spec = WatermarkSpec(source=str(tmp_path), installation=5)
    sent, found = await Manifests().of(WorkerOptions(checkpoints=(), watermark=spec))
    assert sent.watermark is not None and sent.watermark.installation == 5
    names = [file.name for file in found[sent.watermark.source].files]
    assert names == ["decoder_P.ckpt", "encoder_P.ckpt", "trustmark_P.yaml"]


async def test_the_files_of_models_that_check_go_along(tmp_path: Path) -> None:
    for name in ("classifier", "judge"):
        (tmp_path / name).mkdir()
        for file in ("config.json", "tokenizer.json", "model.safetensors", "pytorch_model.bin", "code.py"):
            (tmp_path / name / file).write_text(f"{name} {file}")
    options = WorkerOptions(
        checkpoints=(),
        classifier=ClassifierSpec(source=str(tmp_path / "classifier"), classes=("a",)),
        text_judge=TextJudgeSpec(source=str(tmp_path / "judge"), classes=("a", "b"), minors={"b": 0.5}),
    )
    sent, found = await Manifests().of(options)
    assert sent.classifier is not None and sent.text_judge is not None
    assert sent.text_judge.minors == {"b": 0.5}
    for name, spec in (("classifier", sent.classifier), ("judge", sent.text_judge)):
        assert {file.name: file.sha256 for file in found[spec.source].files} == {
            file: file_sha256(tmp_path / name / file) for file in ("config.json", "model.safetensors", "tokenizer.json")
        }
