"""The section of config.toml about the watermark in the pixels of pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from bot.config.section import Section
from bot.config.sections.classifier import ModelDevice
from inference.messages.options import WatermarkModel, WatermarkSpec
from inference.messages.values import Sha256


class WatermarkSettings(Section):
    """An invisible watermark in each picture from 256 pixels on. Needs the extra watermark. Off without a path."""

    path: Path | None = Field(default=None, examples=["models/trustmark"])
    """Folder with the weights of the model. Easel never downloads them."""
    model: WatermarkModel = WatermarkModel.TRUSTMARK_P
    """trustmark-p, or trustmark-q, which is stronger and changes pictures more."""
    sha256: Sha256 | None = Field(default=None, examples=["0" * 64])
    """SHA-256 of the weights, as doctor shows it. If it is set, Easel refuses all other weights."""
    strength: Annotated[float, Field(ge=0.1, le=2, allow_inf_nan=False)] = 1.0
    """Strength of the watermark, from 0.1 to 2. A higher value survives more, and is easier to see."""
    device: ModelDevice = ModelDevice.CPU
    """cpu, or worker for the device of the worker."""

    @property
    def enabled(self) -> bool:
        """Whether pictures get a watermark."""
        return self.path is not None

    def spec(self, installation: int = 0) -> WatermarkSpec | None:
        """What the worker needs to mark pictures with the number of the `installation`; None if it is off."""
        if self.path is None:
            return None
        return WatermarkSpec(
            source=str(self.path),
            model=self.model,
            sha256=self.sha256,
            strength=self.strength,
            installation=installation,
            on_device=self.device is ModelDevice.WORKER,
        )
