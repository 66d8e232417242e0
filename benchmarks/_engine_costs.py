"""The cost of LoRAs in the engine: switching sets, a step with them, and memory over many requests."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import psutil
import torch

from benchmarks._engine_nets import Lora, Net, engine_of, lora
from benchmarks._engine_trace import CLOCKS, request_for
from inference.engine.batch.batch import Batch
from inference.engine.batch.handle import State
from inference.engine.batch.run import Run
from inference.engine.intake.lora_cache import LoraCache
from inference.engine.intake.lora_set_cache import LoraSetCache
from inference.engine.layers.lora_set import AppliedLoras
from inference.engine.layers.slots import BatchSlots
from inference.engine.models.checkpoints import Checkpoint
from inference.messages.request import GenerationRequest, LoraUse
from inference.messages.samplers import Sampler

TOGETHER, LORAS_EACH = 8, 3
STEPS = 40  # of requests whose steps are timed: more than are taken
MEMORY_LORAS, MEMORY_REQUESTS = 200, 1000
SAMPLES = 8  # of memory, evenly spread over the requests
WARM = (
    2  # growth counts from this sample to the last: before it allocators and oneDNN meet every shape for the first time
)
# So small that all caches are full before that sample. Else they grow up to their limits: each request has 1.4 new
# prompts, and a few dozen LoRAs fill the rest.
LORA_BYTES, PROMPT_BYTES = 2**23, 2**20


class LoadedLoras:
    """A checkpoint with LoRAs in memory, applied as the engine applies them."""

    def __init__(self, net: Net, loras: Sequence[Lora]) -> None:
        self.net = net
        self.checkpoint = Checkpoint.of(net.spec, net.pipeline())
        self._files = {each.use.sha256: each.file for each in loras}
        self._lora_sets = LoraSetCache(LoraCache(_Files(), 2**31, 2**31))

    def apply(self, uses: Sequence[LoraUse]) -> AppliedLoras:
        """These LoRAs, applied to one picture."""
        files = [self._files[use.sha256] for use in uses]
        return self._lora_sets.apply_at(files, [use.weight for use in uses], self.checkpoint)

    def run(self, uses: Sequence[LoraUse], seed: int) -> Run:
        """A request with these LoRAs."""
        made = request_for(self.net, tuple(uses), seed, STEPS)
        return Run(self.checkpoint, made, [self.apply(uses)], None)


class _Files:
    """Nothing is read here."""

    def read(self, use: LoraUse, relative: str | None, kept: Any = None) -> Any:
        raise NotImplementedError


def sets(loras: Sequence[Lora], count: int, seed: int = 0) -> list[tuple[LoraUse, ...]]:
    """So many different sets of three LoRAs."""
    chance = random.Random(seed)
    return [tuple(_weighed(each.use, chance) for each in chance.sample(list(loras), LORAS_EACH)) for _ in range(count)]


def _weighed(use: LoraUse, chance: random.Random) -> LoraUse:
    return use.model_copy(update={"weight": round(chance.uniform(0.4, 1.2), 2)})


@torch.no_grad()
def switch(net: Net, loras: Sequence[Lora], rounds: int, clock: str) -> dict[str, float]:
    """Seconds to change to another set of three LoRAs in memory: PEFT's, and the engine's alone and among others."""
    pipeline, loaded, lora_sets = net.pipeline(), LoadedLoras(net, loras), sets(loras, TOGETHER)
    for each in loras:
        pipeline.load_lora_weights(dict(each.file.tensors), adapter_name=each.name)
    single, crowded = BatchSlots(loaded.checkpoint.hooks, 2), BatchSlots(loaded.checkpoint.hooks, 2)
    taken = [loaded.apply(uses).loras for uses in lora_sets[:4]]
    crowded.assign(taken)

    def by_peft(uses: Sequence[LoraUse]) -> None:
        pipeline.set_adapters([use.name for use in uses], [use.weight for use in uses])

    def by_engine(uses: Sequence[LoraUse]) -> None:
        single.assign([loaded.apply(uses).loras])

    def among_others(uses: Sequence[LoraUse]) -> None:
        taken[1] = loaded.apply(uses).loras
        crowded.assign(taken)

    ways = {"set_adapters": by_peft, "alone": by_engine, "among_others": among_others}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range((rounds + 1) * 4):
        for name, way in ways.items():
            uses = lora_sets[4 + number % 4]
            took = timed(lambda way=way, uses=uses: way(uses), clock)
            if number >= 4:  # by then every set has been applied once
                seconds[name].append(took)
    return {name: median(each) for name, each in seconds.items()}


@torch.no_grad()
def step(net: Net, loras: Sequence[Lora], rounds: int, clock: str) -> dict[str, float]:
    """Seconds of one step of a batch of requests: with a set of three LoRAs each, all different, and without."""
    loaded = LoadedLoras(net, loras)
    batches = {"with_loras": Batch(loaded.checkpoint), "lora_free": Batch(loaded.checkpoint)}
    for seed, uses in enumerate(sets(loras, TOGETHER)):
        batches["with_loras"].join(loaded.run(uses, seed))
        batches["lora_free"].join(loaded.run((), seed))
    seconds: dict[str, list[float]] = {name: [] for name in batches}
    for number in range(1 + rounds * (4 if net.side * net.side < 4096 else 1)):
        for name, batch in batches.items():
            took = timed(batch.step, clock)
            if number:  # the first one allocates the stacks
                seconds[name].append(took)
    return {name: median(each) for name, each in seconds.items()}


def timed(work: Callable[[], Any], clock: str) -> float:
    """Seconds of `work` by this clock."""
    now = CLOCKS[clock]
    began = now()
    work()
    return now() - began


def memory(net: Net, requests: int) -> dict[str, Any]:
    """Bytes that the process holds after so many requests over 200 LoRAs, with caches that are full from early on.

    The number of pictures per pass is fixed: a batch that grows while its cap is measured would take more. Nothing is
    collected or trimmed before a sample.
    """
    count = MEMORY_LORAS * requests // MEMORY_REQUESTS
    shapes = net.pipeline()
    loras = [lora(net, shapes, number) for number in range(count)]
    engine = engine_of(
        net, shapes, loras, lora_bytes=LORA_BYTES, set_bytes=LORA_BYTES, embedding_bytes=PROMPT_BYTES, places=TOGETHER
    )
    chance, samples, every = random.Random(0), list[int](), requests // SAMPLES
    for first in range(0, requests, TOGETHER):
        handles = [engine.submit(_memory_request(net, loras, chance, seed)) for seed in range(first, first + TOGETHER)]
        engine.finish()
        if any(handle.state is not State.DONE for handle in handles):
            raise RuntimeError(str([handle.error for handle in handles]))
        if (first + TOGETHER) // every > len(samples):
            samples.append(psutil.Process().memory_info().rss)
    return {"requests": requests, "loras": count, "bytes": samples}


def _memory_request(net: Net, loras: Sequence[Lora], chance: random.Random, seed: int) -> GenerationRequest:
    uses = tuple(_weighed(each.use, chance) for each in chance.sample(list(loras), chance.randint(0, LORAS_EACH)))
    made = request_for(net, uses, seed, chance.randint(1, 3))
    return made.model_copy(update={"prompt": f"a red circle, number {seed}", "sampler": chance.choice(list(Sampler))})
