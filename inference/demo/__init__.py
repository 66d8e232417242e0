"""The two demo checkpoints and their LoRAs that ship with the project: where they lie and how they paint best."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).parent
_SIZES: tuple[tuple[int, int], ...] = ((64, 64), (80, 48), (48, 80))

LORAS = _HERE / "loras"


@dataclass(frozen=True)
class DemoCheckpoint:
    """A checkpoint folder and its best settings; at sizes it was not trained for it paints double or torn figures."""

    name: str
    path: Path
    base_model: str
    negative_prompt: str
    prompt_prefix: str
    prediction_type: str = "v_prediction"
    width: int = 64
    height: int = 64
    sizes: tuple[tuple[int, int], ...] = _SIZES
    steps: int = 8
    guidance_scale: float = 2.0
    sampler: str = "dpmpp_2m"


CHECKPOINTS: tuple[DemoCheckpoint, ...] = (
    DemoCheckpoint("vivid", _HERE / "checkpoints" / "vivid", "demo/vivid", "", ""),
    DemoCheckpoint("pastel", _HERE / "checkpoints" / "pastel", "demo/pastel", "", ""),
)
