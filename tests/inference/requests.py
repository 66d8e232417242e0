"""Requests for tests."""

from __future__ import annotations

from inference.messages.request import GenerationRequest, LoraUse
from inference.messages.samplers import Sampler


def request(**changes: object) -> GenerationRequest:
    """A small valid request with `changes`; validated, so that a test can also ask for what is refused."""
    values: dict[str, object] = {
        "checkpoint": "vivid",
        "prompt": "a red circle on a blue background",
        "width": 64,
        "height": 64,
        "steps": 2,
        "guidance_scale": 2.5,
        "sampler": Sampler.DPMPP_2M,
        "seed": 1,
    }
    return GenerationRequest.model_validate(values | changes)


def use(name: str = "Komori", *, sha256: str = "a" * 64, weight: float = 1.0, words: tuple[str, ...] = ()) -> LoraUse:
    return LoraUse(sha256=sha256, name=name, weight=weight, trigger_words=words)
