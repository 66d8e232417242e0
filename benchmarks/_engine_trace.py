"""A seeded trace of mixed requests with their arrival times, and the clock by which it is played."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import fmean

from benchmarks._engine_nets import Lora, Net
from inference.messages.request import GenerationRequest, LoraUse
from inference.messages.samplers import Sampler

CLOCKS: dict[str, Callable[[], float]] = {"cpu": time.process_time, "wall": time.perf_counter}
PROMPTS = ("a red circle", "a blue star on white", "a green square", "two small stars", "a quiet owl", "a red bat")
SETS = 16  # weighted sets of LoRAs that people use, some often


@dataclass
class Clock:
    """Seconds since it was made: of this process's computing, or real ones. Idle time is skipped, not waited for."""

    kind: str
    _skipped: float = 0.0
    _began: float = field(init=False)

    def __post_init__(self) -> None:
        """Begin now."""
        self._began = CLOCKS[self.kind]()

    def now(self) -> float:
        """Seconds so far."""
        return CLOCKS[self.kind]() - self._began + self._skipped

    def skip_to(self, at: float) -> None:
        """Nothing happens until `at`."""
        self._skipped += max(0.0, at - self.now())


@dataclass(frozen=True)
class Order:
    """A request of the trace. `at` is when it comes, in units of the mean time between two."""

    at: float
    request: GenerationRequest


def orders(net: Net, loras: list[Lora], count: int, seed: int = 0) -> list[Order]:
    """`count` requests with mixed steps, samplers, guidance and LoRA sets, at random times."""
    chance = random.Random(seed)
    sets = [_lora_set(chance, loras) for _ in range(SETS)]
    popularity = [1 / (place + 1) for place in range(SETS)]
    now, made = 0.0, list[Order]()
    for number in range(count):
        request = GenerationRequest(
            checkpoint=net.name,
            prompt=f"{chance.choice(PROMPTS)}, number {number}",  # everybody has their own
            negative_prompt=chance.choice(["", "blurry"]),
            loras=chance.choices(sets, popularity)[0],
            width=net.side,
            height=net.side,
            steps=chance.choice(net.steps),
            guidance_scale=chance.choice([5.0, 7.0, 7.0, 1.0]),
            sampler=chance.choice(list(Sampler)),
            seed=chance.randrange(2**32),
        )
        made.append(Order(now, request))
        now += chance.expovariate(1)
    scale = (count - 1) / made[-1].at  # so that the mean time between two is one
    return [Order(order.at * scale, order.request) for order in made]


def request_for(net: Net, uses: tuple[LoraUse, ...], seed: int, steps: int) -> GenerationRequest:
    """A guided request of the net's size."""
    return GenerationRequest(
        checkpoint=net.name, prompt="a red circle", negative_prompt="blurry", loras=uses, width=net.side,
        height=net.side, steps=steps, guidance_scale=7.0, sampler=Sampler.EULER, seed=seed,
    )  # fmt: skip


def _lora_set(chance: random.Random, loras: list[Lora]) -> tuple[LoraUse, ...]:
    chosen = chance.sample(loras, chance.choice([0, 1, 1, 2, 3]))
    return tuple(lora.use.model_copy(update={"weight": round(chance.uniform(0.4, 1.2), 2)}) for lora in chosen)


@dataclass(frozen=True)
class Served:
    """How a trace went: requests a second, and seconds from order to picture."""

    throughput: float
    latency: float
    p95: float

    @classmethod
    def of(cls, came: list[float], ended: list[float]) -> Served:
        """From the times at which requests came and were done."""
        waits = sorted(end - begin for begin, end in zip(came, ended, strict=True))
        return cls(len(came) / max(ended), fmean(waits), waits[int(0.95 * (len(waits) - 1))])
