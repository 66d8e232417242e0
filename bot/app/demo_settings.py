"""The settings of the demo: the two small checkpoints and the LoRAs that ship with the project."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from bot.config import ConfigError, Settings, settings_below_environment, settings_from
from inference.demo import CHECKPOINTS, LORAS, DemoCheckpoint


def demo_checkpoint(checkpoint: DemoCheckpoint, path: Path) -> dict[str, Any]:
    """The declaration of a demo checkpoint that lies at `path`."""
    return {
        "name": checkpoint.name,
        "path": path,
        "base_model": checkpoint.base_model,
        "prediction_type": checkpoint.prediction_type,
        "sizes": [f"{width}x{height}" for width, height in checkpoint.sizes],
        "steps": checkpoint.steps,
        "guidance_scale": checkpoint.guidance_scale,
        "sampler": checkpoint.sampler,
        "negative_prompt": checkpoint.negative_prompt,
        "prompt_prefix": checkpoint.prompt_prefix,
    }


def demo_settings(folder: Path) -> Settings:
    """Settings that read the shipped files where they are and keep everything else in `folder`."""
    return settings_from(_values(folder), folder)


def settings_without_file(folder: Path) -> Settings:
    """The demo's settings, unless a variable of the environment sets another value. Raises ConfigError."""
    settings = settings_below_environment(_values(folder), Path.cwd())
    if settings.sources.enabled and settings.library.folder == LORAS:
        raise ConfigError(
            "EASEL_SOURCES__ENABLED: Easel cannot add LoRAs to the demo's folder. Set EASEL_LIBRARY__FOLDER to another "
            "folder, or name a settings file with --config."
        )
    return settings


def _values(folder: Path) -> dict[str, Any]:
    return {
        "checkpoints": [demo_checkpoint(checkpoint, checkpoint.path) for checkpoint in CHECKPOINTS],
        "library": {"folder": LORAS},
        "sources": {"enabled": False},  # the shipped folder is not written
        "storage": {"folder": folder.resolve()},
        "discord": {"token_file": None},  # `easel demo` works with the variables of a container
        "worker": {"threads": 1},  # at this size one thread is faster than two
    }


def copy_demo(folder: Path) -> list[dict[str, Any]]:
    """Copy the shipped checkpoints and LoRAs into `folder`; the checkpoints' declarations.

    Raises OSError, and the first one if several files cannot be copied.
    """
    _copy(LORAS, folder / "loras")
    declarations: list[dict[str, Any]] = []
    for checkpoint in CHECKPOINTS:
        relative = Path("checkpoints") / checkpoint.name
        _copy(checkpoint.path, folder / relative)
        declarations.append(demo_checkpoint(checkpoint, relative))
    return declarations


def _copy(source: Path, target: Path) -> None:
    """Copy a folder. `shutil.copytree` goes on after an error, and raises one that has no reason of its own."""
    target.mkdir(parents=True, exist_ok=True)
    for path in source.iterdir():
        if path.is_dir():
            _copy(path, target / path.name)
        else:
            shutil.copyfile(path, target / path.name)
