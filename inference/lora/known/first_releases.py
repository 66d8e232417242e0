"""The months in which base models were first published. An older LoRA cannot be trained on them.

Dates are the first days of months. A model that is not listed is as old as its architecture.
"""

from __future__ import annotations

from datetime import date, timedelta

from inference.base_models import Architecture, BaseModelId

EARLY_ACCESS = timedelta(days=60)  # margin for leaks and early access
SLOW_CLOCK = timedelta(days=200)  # margin where a trainer recorded both the day and the base model
_CLOCKS = date(2022, 1, 1)  # a date before this one is of a clock that was wrong

_ARCHITECTURES: dict[Architecture, date] = {
    Architecture.SD2: date(2022, 11, 1),  # stabilityai/stable-diffusion-2
    Architecture.SDXL: date(2023, 6, 1),  # the weights of 0.9, for research
    Architecture.SDXL_REFINER: date(2023, 6, 1),
    Architecture.PIXART: date(2023, 10, 1),  # PixArt-alpha, arXiv 2310.00426
    Architecture.SD3: date(2024, 6, 1),  # stabilityai/stable-diffusion-3-medium
    Architecture.AURAFLOW: date(2024, 7, 1),  # fal/AuraFlow 0.1
    Architecture.FLUX1: date(2024, 8, 1),  # black-forest-labs/FLUX.1-dev
    Architecture.SD35_LARGE: date(2024, 10, 1),
    Architecture.SD35_MEDIUM: date(2024, 10, 1),
    Architecture.SANA: date(2024, 10, 1),  # arXiv 2410.10629
    Architecture.HUNYUAN_VIDEO: date(2024, 12, 1),  # tencent/HunyuanVideo
    Architecture.LUMINA2: date(2025, 1, 1),  # Alpha-VLLM/Lumina-Image-2.0
    Architecture.WAN: date(2025, 2, 1),  # Wan 2.1
    Architecture.ANIMA: date(2025, 6, 1),  # Cosmos-Predict2, the base of Anima
    Architecture.QWEN_IMAGE: date(2025, 8, 1),  # Qwen/Qwen-Image
    Architecture.Z_IMAGE: date(2025, 11, 1),  # Tongyi-MAI/Z-Image-Turbo
    Architecture.FLUX2_DEV: date(2025, 11, 1),  # black-forest-labs/FLUX.2-dev
    Architecture.FLUX2_KLEIN_4B: date(2025, 11, 1),
    Architecture.FLUX2_KLEIN_9B: date(2025, 11, 1),
}
_LINEAGES: dict[BaseModelId, date] = {
    BaseModelId("sdxl/playground"): date(2023, 12, 1),  # playgroundai/playground-v2-1024px-aesthetic
    BaseModelId("sdxl/pony"): date(2024, 1, 1),  # Pony Diffusion V6 XL, 8 January by its page at Civitai
    BaseModelId("sdxl/kolors"): date(2024, 7, 1),  # Kwai-Kolors/Kolors
    BaseModelId("sdxl/illustrious"): date(
        2024, 9, 1
    ),  # OnomaAIResearch/Illustrious-xl-early-release-v0, arXiv 2409.19946
    BaseModelId("sdxl/noobai"): date(2024, 10, 1),  # the early access of NoobAI-XL, a fine-tune of Illustrious 0.1
    BaseModelId("flux1/kontext"): date(2025, 5, 1),
    BaseModelId("flux1/krea"): date(2025, 7, 1),
}


def is_older_than(day: date, base: BaseModelId, margin: timedelta) -> bool:
    """Whether a day is before the base model existed, by more than a margin."""
    released = _LINEAGES.get(base) or _ARCHITECTURES.get(base.architecture)
    return released is not None and _CLOCKS <= day < released - margin
