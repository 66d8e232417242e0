"""What the files of the declared checkpoints are, by their headers alone: nothing is loaded."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from bot.config import CheckpointSettings
from bot.diagnostics.capacity import CheckpointSize
from bot.diagnostics.finding import Finding, FindingGrade
from bot.file_access import Need, why
from inference.capabilities import DENOISERS
from inference.checkpoints.inspection import (
    CheckpointInspection,
    expected_networks,
    index_name,
    inspect_checkpoint,
    inspect_denoiser,
)
from inference.checkpoints.packed_weights import BITS, missing_package


def check_files(checkpoint: CheckpointSettings) -> Iterator[Finding]:
    """What is to be said of a checkpoint's files."""
    yield from _few_steps(checkpoint)
    what, label = f"checkpoint {checkpoint.name}", f"{checkpoint.base_model.label} ({checkpoint.base_model})"
    if says := missing_package(checkpoint.denoiser, checkpoint.quantise):
        yield Finding(what, FindingGrade.PROBLEM, says)
    try:
        for missing in (path for path in (checkpoint.path, checkpoint.denoiser) if path and not path.exists()):
            says = f"{missing} does not exist; put the file there, or correct its path in the settings"
            yield Finding(what, FindingGrade.PROBLEM, says)
            return
        found = _found(checkpoint.path, checkpoint)
    except OSError as problem:
        refused = Path(problem.filename or checkpoint.path or what)
        says = f"{refused} cannot be read: {why(problem, refused, Need.READ)}"
        yield Finding(what, FindingGrade.PROBLEM, says)
        return
    packed = f", with the denoiser {checkpoint.denoiser}" if checkpoint.denoiser else ""
    if checkpoint.path is None and not found.problems:
        where = (
            "downloaded already" if hub_snapshot(checkpoint) else "downloaded from the Hugging Face hub at first use"
        )
        yield Finding(what, FindingGrade.OK, f"{label}, {checkpoint.repository}{packed}, {where}")
        return
    yield from (Finding(what, FindingGrade.PROBLEM, says) for says in found.problems)
    yield from (Finding(what, FindingGrade.WARNING, says) for says in found.doubts)
    if not found.problems and not found.doubts:
        yield Finding(what, FindingGrade.OK, f"{label}, {checkpoint.path}{packed}")


def _few_steps(checkpoint: CheckpointSettings) -> Iterator[Finding]:
    found, what = checkpoint.few_steps, f"checkpoint {checkpoint.name}"
    if found.recipe is not None and found.source is not None:
        says = f"made for {found.recipe} ({found.source.value}), which fills in missing settings"
        yield Finding(what, FindingGrade.OK, says)
    if found.question is not None and not {"steps", "guidance_scale"} <= checkpoint.model_fields_set:
        says = f"its name says {found.question}; if it was distilled, write its steps, guidance_scale and sampler"
        yield Finding(what, FindingGrade.WARNING, says)


def load_of(checkpoint: CheckpointSettings) -> CheckpointSize:
    """How large it is: by its files, else by its base model."""
    source = checkpoint.path or hub_snapshot(checkpoint)
    found = _inspected(source, checkpoint) if source else CheckpointInspection()
    missing = not found.networks and not found.problems  # of files with a problem nobody says how large they should be
    networks = expected_networks(checkpoint.base_model) if missing else found.networks
    size = checkpoint.default_size
    return CheckpointSize(
        name=checkpoint.name,
        base_model=checkpoint.base_model,
        dtype=checkpoint.dtype,
        networks=networks,
        packed=found.packed or _when_packed(checkpoint, networks),
        width=size.width,
        height=size.height,
        steps=checkpoint.steps,
        devices=checkpoint.devices,
        estimated=missing,
        download=checkpoint.path is None and source is None,
    )


def _inspected(source: Path, checkpoint: CheckpointSettings) -> CheckpointInspection:
    try:
        return _found(source, checkpoint)
    except OSError:
        return CheckpointInspection()


def _found(source: Path | None, checkpoint: CheckpointSettings) -> CheckpointInspection:
    """What its files are, as far as they are here. Raises OSError."""
    if source is not None:
        return inspect_checkpoint(source, checkpoint.base_model, checkpoint.denoiser)
    return (
        inspect_denoiser(checkpoint.denoiser, checkpoint.base_model) if checkpoint.denoiser else CheckpointInspection()
    )


def _when_packed(checkpoint: CheckpointSettings, networks: Mapping[str, int]) -> Mapping[str, int]:
    """Bytes of the denoiser, where it is packed while it is loaded."""
    bits = BITS.get(checkpoint.quantise)
    return {name: int(networks[name] * bits / 8) for name in DENOISERS if bits and name in networks}


def hub_folder() -> Path:
    """Where downloads of the Hugging Face hub lie, as its library decides."""
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    return Path(os.environ.get("HF_HUB_CACHE") or home / "hub")


def hub_snapshot(checkpoint: CheckpointSettings) -> Path | None:
    """The folder of a repository that was downloaded; None for one that was not."""
    if checkpoint.repository is None:
        return None
    cached = hub_folder() / f"models--{checkpoint.repository.replace('/', '--')}"
    try:
        revision = (cached / "refs" / "main").read_text().strip()
    except OSError:
        return None
    snapshot = cached / "snapshots" / revision
    return snapshot if (snapshot / index_name(checkpoint.base_model)).is_file() else None
