"""A folder with settings for the shipped demo checkpoints and a library of small LoRAs made for a test."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from bot.app.demo_settings import demo_checkpoint, demo_settings
from bot.config import LibrarySettings, Settings
from bot.config.example import config_text
from inference.demo import CHECKPOINTS
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.commands import Configure
from inference.messages.options import Folders, WorkerOptions
from tests.lora_files import write_lora, write_sidecar

VIVID, PASTEL = (checkpoint.name for checkpoint in CHECKPOINTS)
BASES = {checkpoint.name: checkpoint.base_model for checkpoint in CHECKPOINTS}


@cache
def attention_modules(count: int = 6) -> dict[str, tuple[int, int]]:
    """Layers of the demo checkpoints' UNet under kohya's names, with their (outputs, inputs), read without torch."""
    (weights,) = (CHECKPOINTS[0].path / "unet").glob("*.safetensors")
    with weights.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    names = sorted(name for name in header if name.endswith(("attn1.to_q.weight", "attn2.to_k.weight")))[:count]
    return {f"lora_unet_{name.removesuffix('.weight').replace('.', '_')}": _shape(header[name]) for name in names}


def _shape(entry: dict[str, list[int]]) -> tuple[int, int]:
    outputs, inputs = entry["shape"]
    return outputs, inputs


class House:
    """`folder` with a library of three LoRAs: one for each checkpoint, and one of which nobody knows what it is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.library = folder / "loras"
        self.data = folder / "data"
        self.library.mkdir(parents=True)
        self.bat = self.add_lora("Bat", BASES[VIVID], seed=1)
        self.wash = self.add_lora("Wash", BASES[PASTEL], seed=2)
        self.mystery = self.add_lora("Mystery", None, seed=3)

    @property
    def settings(self) -> Settings:
        """Settings whose library is this folder's."""
        library = LibrarySettings(folder=self.library, samples=0)
        return demo_settings(self.data).model_copy(update={"library": library})

    @property
    def config(self) -> Path:
        """The same as a config.toml, written now."""
        checkpoints = [demo_checkpoint(checkpoint, checkpoint.path) for checkpoint in CHECKPOINTS]
        path = self.folder / "config.toml"
        path.write_text(config_text(checkpoints, worker={"threads": 1}), "utf-8")
        return path

    @property
    def options(self) -> WorkerOptions:
        """What a worker may load."""
        specs: tuple[CheckpointSpec, ...] = tuple(c.spec(None) for c in self.settings.checkpoints)
        return WorkerOptions(checkpoints=specs, device="cpu", threads=1)

    @property
    def folders(self) -> Folders:
        """Where a worker on this machine reads and writes."""
        spool, inputs = self.data / "spool", self.data / "inputs"
        for folder in (spool, inputs):
            folder.mkdir(parents=True, exist_ok=True)
        return Folders(library=str(self.library), spool=str(spool), inputs=str(inputs))

    @property
    def configure(self) -> Configure:
        """What a worker process is told at its start."""
        return Configure.of(self.options, self.folders)

    def add_lora(self, name: str, base: str | None, *, seed: int = 0, rank: int = 2) -> Path:
        """A LoRA that fits the shapes of both checkpoints; with `base`, a sidecar that says so."""
        path = self.library / f"{name.lower()}.safetensors"
        write_lora(path, modules=attention_modules(), rank=rank, seed=seed)
        if base:
            write_sidecar(path, name=name, base_model=base, trigger_words=[name.lower()])
        return path
