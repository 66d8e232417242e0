"""Every file of a checkpoint goes to workers elsewhere, a denoiser of its own among them."""

from __future__ import annotations

from pathlib import Path

from inference.base_models import BaseModelId
from inference.hashes import file_sha256
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.options import WorkerOptions
from inference.workers.manifests import Manifests


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
