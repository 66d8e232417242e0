"""A step of diffusion transformers with LoRAs: Easel's shared pass against diffusers and PEFT one by one.

The pipelines are those of the tests of exactness, in single precision, with 12 LoRAs on all linear layers: three for
each of four requests. A step is a pass with all that follows until the next: guidance and sampler. PEFT's adapters are
set before a picture begins, and that is not counted.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, ClassVar

import torch

from benchmarks._engine_kernels import LORAS, RANK, REQUESTS
from benchmarks._engine_trace import CLOCKS
from inference.base_models import BaseModelId
from inference.capabilities import capability_of
from inference.engine.batch.batch import Batch
from inference.engine.batch.run import Run
from inference.engine.intake.lora_cache import LoraCache
from inference.engine.intake.lora_set_cache import LoraSetCache
from inference.engine.lora.lora_files import LoraFile
from inference.engine.models.checkpoints import Checkpoint
from inference.engine.models.families.family import ModelFamily
from inference.engine.models.families.flux1 import Flux1Family
from inference.engine.models.families.qwen_image import QwenImageFamily
from inference.lora.evidence import Evidence, Source
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.request import GenerationRequest, LoraUse
from inference.messages.samplers import Sampler
from tests.inference.engine.transformers import (
    FLUX_DEV,
    QWEN,
    Z_IMAGE,
    filled,
    flux1,
    lora_on,
    peft_tensors,
    qwen_image,
    with_peft,
    with_weights,
    z_image,
)

FILES = REQUESTS * LORAS
STEPS = 4  # of a round, of which the quickest counts: others run on the machine too
PROMPT = "a red circle"


@dataclass(frozen=True)
class SmallNet:
    """A transformer to measure on: `side` of its pictures in pixels, `guidance` of one row for each picture.

    `kind` is a family that reads shorter texts than the pipeline does by itself, which gets them by `options`.
    """

    base: BaseModelId
    make: Callable[[], Any]
    side: int
    guidance: float
    kind: type[ModelFamily] | None = None
    options: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def spec(self) -> CheckpointSpec:
        """As an operator would declare it."""
        return CheckpointSpec(name="net", source="generated", repository=True, base_model=self.base)

    def request(self, number: int, steps: int) -> GenerationRequest:
        """A request for one picture with LoRAs of its own."""
        uses = tuple(_use(LORAS * number + own) for own in range(LORAS))
        return GenerationRequest(
            checkpoint="net", prompt=PROMPT, loras=uses, width=self.side, height=self.side, steps=steps,
            guidance_scale=self.guidance, sampler=Sampler.EULER, seed=number,
        )  # fmt: skip


class _Flux4(Flux1Family):
    _text_tokens: ClassVar[int] = 4


class _Flux64(Flux1Family):
    _text_tokens: ClassVar[int] = 64


class _Qwen4(QwenImageFamily):
    _text_tokens: ClassVar[int] = 4


class _Qwen64(QwenImageFamily):
    _text_tokens: ClassVar[int] = 64


# Bound by the launches of kernels: 2 heads of 16.
LAUNCH = {
    "flux": SmallNet(FLUX_DEV, lambda: flux1(layers=2, singles=4), 16, 3.5, _Flux4, {"max_sequence_length": 4}),
    "qwen": SmallNet(QWEN, lambda: qwen_image(layers=5), 16, 1.0, _Qwen4, {"max_sequence_length": 4}),
    "z_image": SmallNet(Z_IMAGE, lambda: z_image(layers=5), 16, 0.0),
}
# Bound by arithmetic: 8 heads of 64, 256 tokens of a picture.
COMPUTE = {
    "flux": SmallNet(
        FLUX_DEV, lambda: flux1(layers=2, singles=4, heads=8, width=64), 64, 3.5, _Flux64, {"max_sequence_length": 64}
    ),
    "qwen": SmallNet(
        QWEN, lambda: qwen_image(layers=4, heads=8, width=64), 64, 1.0, _Qwen64, {"max_sequence_length": 64}
    ),
    "z_image": SmallNet(Z_IMAGE, lambda: z_image(layers=5, heads=8, width=64), 64, 0.0),
}


STEP_PARTS = {"transformer_step": LAUNCH, "transformer_compute": COMPUTE}
MOST_OF_PEFT = {"transformer_step": 0.30, "transformer_compute": 1.0}  # of its time


def step_figures(found: Mapping[str, Any]) -> dict[str, float]:
    """What the line tells of `STEP_PARTS`."""
    line = {f"{name}_step_vs_peft": _share(each) for name, each in found.get("transformer_step", {}).items()}
    for name, each in found.get("transformer_compute", {}).items():
        line[f"{name}_compute_vs_peft"] = _share(each)
        line[f"{name}_compute_vs_one_by_one"] = each["together"] / each["one_by_one"]
    return line


def too_slow(found: Mapping[str, Any]) -> list[str]:
    """What must not be."""
    return [
        f"{part} of {name} takes {_share(each):.2f} of PEFT's time"
        for part, most in MOST_OF_PEFT.items()
        for name, each in found.get(part, {}).items()
        if _share(each) > most
    ]


def _share(seconds: Mapping[str, float]) -> float:
    return seconds["together"] / seconds["peft"]


def steps(net: SmallNet, rounds: int, clock: str) -> dict[str, float]:
    """Seconds of a step of four requests, by Easel in one pass, by Easel one by one, and by diffusers with PEFT.

    The ways take turns in each round; of each the quickest step counts.
    """
    pipeline = filled(net.make())
    loras = [lora_on(pipeline.transformer, seed, RANK) for seed in range(FILES)]
    pipeline = pipeline.to(torch.float32)
    tensors = [{name: tensor.float() for name, tensor in peft_tensors(lora).items()} for lora in loras]
    easel, peft = _Easel(net, copy.deepcopy(pipeline), tensors, rounds), _Peft(net, pipeline, loras)
    ways: dict[str, Callable[[Callable[[], float]], float]] = {
        "peft": peft.step, "one_by_one": easel.one_by_one, "together": easel.together,
    }  # fmt: skip
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            took = way(CLOCKS[clock])
            if number:  # the first one allocates
                seconds[name].append(took)
    return {name: min(each) for name, each in seconds.items()}


class _Easel:
    """Batches of the requests: one of all, and one of each."""

    def __init__(self, net: SmallNet, pipeline: Any, tensors: Sequence[dict[str, torch.Tensor]], rounds: int) -> None:
        checkpoint = Checkpoint.of(net.spec, pipeline, kind=net.kind)
        checkpoint.hooks.small = 0  # additions in all layers, as in those of real checkpoints
        sets = LoraSetCache(LoraCache(_Nothing(), 2**31, 2**31))
        self._all, self._each = Batch(checkpoint), [Batch(checkpoint) for _ in range(REQUESTS)]
        for number in range(REQUESTS):
            made = net.request(number, STEPS * (rounds + 1))
            files = [_file(net.base, use, tensors[LORAS * number + own]) for own, use in enumerate(made.loras)]
            for batch in (self._all, self._each[number]):
                batch.join(Run(checkpoint, made, sets.apply(made, files, checkpoint), None))

    def together(self, now: Callable[[], float]) -> float:
        return min(_timed(self._all.step, now) for _ in range(STEPS))

    def one_by_one(self, now: Callable[[], float]) -> float:
        return sum(min(_timed(batch.step, now) for _ in range(STEPS)) for batch in self._each)


class _Peft:
    """Diffusers' own pipeline, whose network has all LoRAs as PEFT's adapters."""

    def __init__(self, net: SmallNet, pipeline: Any, loras: Sequence[Any]) -> None:
        self._net, self._pipeline = net, pipeline
        with_peft(pipeline.transformer, {_use(number).name: lora for number, lora in enumerate(loras)})
        pipeline.transformer.to(torch.float32)

    def step(self, now: Callable[[], float]) -> float:
        return sum(self._quickest(self._net.request(number, STEPS + 1), now) for number in range(REQUESTS))

    def _quickest(self, made: GenerationRequest, now: Callable[[], float]) -> float:
        with_weights(self._pipeline.transformer, {use.name: use.weight for use in made.loras})
        capability, ended = capability_of(self._net.base), list[float]()
        assert capability is not None

        def look(_: Any, step: int, time: Any, values: dict[str, torch.Tensor]) -> dict[str, Any]:
            ended.append(now())
            return {}

        self._pipeline(
            prompt=made.prompt, width=made.width, height=made.height, num_inference_steps=made.steps,
            generator=torch.Generator("cpu").manual_seed(made.seed), output_type="latent", callback_on_step_end=look,
            **{capability.guidance: made.guidance_scale}, **self._net.options,
        )  # fmt: skip
        return min(after - before for before, after in pairwise(ended))


class _Nothing:
    """Nothing is read here."""

    def read(self, use: LoraUse, relative: str | None, kept: Any = None) -> Any:
        raise NotImplementedError


def _use(number: int) -> LoraUse:
    return LoraUse(sha256=f"{number + 1:064x}", name=f"lora{number}", weight=0.5)


def _file(base: BaseModelId, use: LoraUse, tensors: dict[str, torch.Tensor]) -> LoraFile:
    named = {f"transformer.{name}": tensor for name, tensor in tensors.items()}
    return LoraFile(use, named, Evidence(base, Source.SIDECAR), "0" * 12)


def _timed(work: Callable[[], Any], now: Callable[[], float]) -> float:
    began = now()
    work()
    return now() - began
