"""Base models to begin with: how their pictures look, where a checkpoint of each comes from, and its usual settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inference.base_models import BaseModelId


@dataclass(frozen=True)
class Preset:
    """A base model to begin with. `repository` is one of the Hugging Face hub in diffusers' folders, if there is one.

    `get` says how to come by a file of it.
    """

    name: str
    base_model: BaseModelId
    pictures: str
    get: str
    repository: str | None = None
    usual: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def declaration(self, source: Path | str) -> dict[str, Any]:
        """A `[[checkpoints]]` of a file or folder, or of a repository where `source` is its name."""
        key = "path" if isinstance(source, Path) else "repository"
        return {"name": self.name, key: source, "base_model": self.base_model, **self.usual}


ILLUSTRIOUS = Preset(
    name="Illustrious",
    base_model=BaseModelId("sdxl/illustrious"),
    pictures="anime and illustration, with very many LoRAs",
    get="any Illustrious checkpoint of Civitai or the Hugging Face hub, one .safetensors file of 6 to 7 GB",
    repository="OnomaAIResearch/Illustrious-xl-early-release-v0",
    usual={
        "sampler": "euler_a",
        "guidance_scale": 5.5,
        "prompt_prefix": "masterpiece, best quality",
        "negative_prompt": "worst quality, low quality",
    },
)
NOOBAI = Preset(
    name="NoobAI",
    base_model=BaseModelId("sdxl/noobai"),
    pictures="anime and illustration, follows tags closely",
    get="NoobAI-XL of Civitai or the Hugging Face hub (Laxhar), one .safetensors file of 6 to 7 GB",
    usual=ILLUSTRIOUS.usual,
)
PONY = Preset(
    name="Pony",
    base_model=BaseModelId("sdxl/pony"),
    pictures="cartoon and anime characters, with very many LoRAs",
    get="Pony Diffusion V6 XL of Civitai, one .safetensors file of 6 to 7 GB",
    usual={
        "sampler": "euler_a",
        "steps": 25,
        "guidance_scale": 7,
        "prompt_prefix": "score_9, score_8_up, score_7_up",
    },
)
SDXL = Preset(
    name="SDXL",
    base_model=BaseModelId("sdxl/base"),
    pictures="photos and paintings of all kinds",
    get="sd_xl_base_1.0.safetensors of the Hugging Face hub (stabilityai), or a checkpoint made from it",
    repository="stabilityai/stable-diffusion-xl-base-1.0",
)
SD1 = Preset(
    name="Stable Diffusion 1.5",
    base_model=BaseModelId("sd1/base"),
    pictures="smaller pictures of all kinds, for cards with little memory",
    get="any Stable Diffusion 1.5 checkpoint, one .safetensors file of 2 to 4 GB",
    repository="stable-diffusion-v1-5/stable-diffusion-v1-5",
    usual={"sampler": "dpmpp_2m_karras", "guidance_scale": 7},
)
PRESETS = (ILLUSTRIOUS, NOOBAI, PONY, SDXL, SD1)
