"""Three ways to serve a trace: diffusers with PEFT, diffusers with fused LoRAs, both one by one, and the engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import torch

from benchmarks._engine_nets import Lora, Net, engine_of
from benchmarks._engine_trace import Clock, Order, Served, request_for
from inference.engine.batch.caps import PictureSize
from inference.engine.batch.handle import Handle, State
from inference.engine.engine import Engine
from inference.engine.models.samplers import scheduler_for
from inference.messages.checkpoints import PredictionType
from inference.messages.request import GenerationRequest
from inference.prediction import Prediction

WARMING_WEIGHT = 0.39  # not used in any trace, nor is the prompt
EPSILON = Prediction(PredictionType.EPSILON, zero_snr=False)


class Way(Protocol):
    """A way to serve."""

    def serve(self, trace: Sequence[Order], gap: float, clock: Clock) -> Served:
        """Serve all requests; they arrive every `gap` seconds on average."""
        ...


class OneByOne:
    """Diffusers' own pipeline without LoRAs, first come first served."""

    def __init__(self, net: Net, loras: Sequence[Lora]) -> None:
        self._pipeline = net.pipeline()
        self._config = self._pipeline.scheduler.config
        for lora in loras:
            self._pipeline.load_lora_weights(dict(lora.file.tensors), adapter_name=lora.name)

    def serve(self, trace: Sequence[Order], gap: float, clock: Clock) -> Served:
        """Serve all requests; they arrive every `gap` seconds on average."""
        came = [order.at * gap for order in trace]
        ended: list[float] = []
        for order, at in zip(trace, came, strict=True):
            clock.skip_to(at)
            self.paint(order.request)
            ended.append(clock.now())
        return Served.of(came, ended)

    def paint(self, request: GenerationRequest) -> torch.Tensor:
        """Pictures (1, 3, height, width) in 0..1."""
        pipeline = self._pipeline
        pipeline.scheduler = scheduler_for(request.sampler, self._config, EPSILON, request.steps)
        return pipeline(
            prompt=request.prompt, negative_prompt=request.negative_prompt or None, width=request.width,
            height=request.height, num_inference_steps=request.steps, guidance_scale=request.guidance_scale,
            generator=torch.Generator("cpu").manual_seed(request.seed), output_type="pt",
        ).images  # fmt: skip

    def apply(self, request: GenerationRequest) -> None:
        """Apply the request's LoRAs; all are in memory."""
        if request.loras:
            self._pipeline.enable_lora()
            self._pipeline.set_adapters([use.name for use in request.loras], [use.weight for use in request.loras])
        else:
            self._pipeline.disable_lora()


class Adapters(OneByOne):
    """With PEFT's adapters, all loaded beforehand."""

    def paint(self, request: GenerationRequest) -> torch.Tensor:
        """See `OneByOne.paint`."""
        self.apply(request)
        return super().paint(request)


class FusedLoras(OneByOne):
    """With the LoRAs fused into the weights for each request, and unfused afterwards."""

    def paint(self, request: GenerationRequest) -> torch.Tensor:
        """See `OneByOne.paint`."""
        self.apply(request)
        if not request.loras:
            return super().paint(request)
        self._pipeline.fuse_lora(adapter_names=[use.name for use in request.loras])
        try:
            return super().paint(request)
        finally:
            self._pipeline.unfuse_lora()


class Together:
    """A fresh engine; LoRAs are in memory as for the other ways, prompts of the trace are not."""

    def __init__(self, net: Net, pipeline: Any, loras: list[Lora], folder: Path) -> None:
        caps = folder / "caps.json"
        known = caps.exists()
        self.engine: Engine = engine_of(net, pipeline, loras, caps=caps)
        if not known:  # as an operator would, before the first request
            self.engine.calibrate(PictureSize(net.name, net.side, net.side))
        for use in (lora.use.model_copy(update={"weight": WARMING_WEIGHT}) for lora in loras):
            self.engine.submit(request_for(net, (use,), seed=0, steps=1))
        self.engine.finish()
        self.cap = self.engine.measured_cap(PictureSize(net.name, net.side, net.side))

    def serve(self, trace: Sequence[Order], gap: float, clock: Clock) -> Served:
        """Serve all requests; they arrive every `gap` seconds on average."""
        came, coming = [order.at * gap for order in trace], list(range(len(trace)))
        ended, painted = [0.0] * len(trace), dict[int, Handle]()
        while coming or painted:
            if not painted:
                clock.skip_to(came[coming[0]])
            while coming and came[coming[0]] <= clock.now():
                number = coming.pop(0)
                painted[number] = self.engine.submit(trace[number].request)
            self.engine.step()
            for number, handle in list(painted.items()):
                if handle.ended:
                    if handle.state is not State.DONE:
                        raise RuntimeError(f"{handle.state}: {handle.error}")
                    ended[number] = clock.now()
                    del painted[number]
        return Served.of(came, ended)
