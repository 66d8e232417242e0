"""Trials of exactness on seeds that nobody has looked at: `python -m tests.inference.engine.trials --minutes 5`.

In each trial requests of all kinds come to one engine at random steps; some are cancelled, some have LoRAs that are
refused; and all others must come out as diffusers' own pipeline paints them by themselves.

Some requests magnify rounding: a schedule that ends in pure noise begins at a sigma of 4096, random
LoRAs throw a network far out. Who is further away than the limit there is compared with what diffusers itself shows
when it paints the same request beside others, and counted as `rounded` when it is no more than ten times that. So is,
in double precision, a difference of a last place of float32 that is gone with another seed: Euler and DPM++ of
diffusers 0.42 round what they move to float32, where 1e-15 before can be one place behind.

It prints one line of JSON: trials, requests that were compared, the worst error in each precision, and what failed.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import random
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import diffusers
import torch
import transformers
from PIL import Image

from inference.base_models import BaseModelId
from inference.engine.batch.handle import Handle, State
from inference.engine.engine import Engine
from inference.engine.layers.layer_hooks import SMALL_LAYER_RANK
from inference.errors import BaseModelMismatch, LoraFileChanged, LoraFileRefused, ModuleMismatch
from inference.lora.evidence import Evidence, Source
from inference.messages.request import GenerationRequest, LoraUse, SourceImage
from tests.inference.engine.worlds import FORMATS, MAKERS, World

LIMITS = {torch.float64: 1e-12, torch.float32: 5e-5}
LAST_PLACE = 2.0**-23  # of float32, of a number as large as the largest
PREDICTIONS = ((None, False), ("epsilon", False), ("v_prediction", False), ("v_prediction", True))
SIZES = ((32, 32), (32, 32), (32, 32), (48, 32), (32, 48))
REFUSALS = (LoraFileChanged, LoraFileRefused, ModuleMismatch, BaseModelMismatch)


@dataclass(frozen=True)
class TrialRequest:
    """A request of a trial: cancelled at a step, or refused, or neither."""

    handle: Handle
    cancelled_at: int | None = None
    refused: bool = False


@dataclass
class Tally:
    """What came of all trials."""

    trials: int = 0
    compared: int = 0
    cancelled: int = 0
    refused: int = 0
    worst: dict[str, float] = field(default_factory=dict[str, float])
    seen: Counter[str] = field(default_factory=Counter[str])
    rounded: list[str] = field(default_factory=list[str])
    failures: list[str] = field(default_factory=list[str])

    def count(self, world: World, one: TrialRequest, small: int) -> None:
        handle, made = one.handle, one.handle.request
        if one.refused:
            self.refused += 1
            assert isinstance(handle.error, REFUSALS), handle.error
            return
        if one.cancelled_at is not None and handle.state is State.CANCELLED:
            self.cancelled += 1
            return
        self.compared += 1
        own = error(world, handle)
        name = str(world.dtype).removeprefix("torch.")
        self.seen.update(traits(world, made))
        if own <= LIMITS[world.dtype]:
            self.worst[name] = max(self.worst.get(name, 0.0), own)
        elif own <= 10 * (usual := beside_others(world, made)):
            self.rounded.append(
                f"{name}: {own:.1e}, diffusers itself {usual:.1e}: {made.sampler.value}, {made.steps} steps"
            )
        elif own <= LAST_PLACE and from_another_seed(world, made, small) <= LIMITS[world.dtype]:
            self.rounded.append(f"{name}: {own:.1e}, exact from another seed: {made.sampler.value}")
        else:
            self.worst[name] = max(self.worst.get(name, 0.0), own)
            self.failures.append(f"{own:.2e} in {name} on {world.base}: {made.model_dump_json()}")


def world_of(chance: random.Random, inputs: Path) -> World:
    """A checkpoint of some kind and up to six LoRAs for it; the demo's own scheduler predicts what it predicts."""
    base = chance.choice(list(MAKERS))
    predicts, zero_snr = (None, False) if base.startswith("demo") else chance.choice(PREDICTIONS)
    world = World(base, chance.choice(list(LIMITS)), predicts=predicts, zero_snr=zero_snr, inputs=inputs)
    for _ in range(chance.randint(1, 6)):
        world.add(chance.randrange(2**32), chance.choice(FORMATS))
    for _ in range(2):
        _picture(chance, inputs)
    return world


def _picture(chance: random.Random, inputs: Path) -> None:
    colours = Image.frombytes("RGB", (8, 8), chance.randbytes(192))
    file = io.BytesIO()
    for size in set(SIZES):
        file.seek(0)
        file.truncate()
        colours.resize(size).save(file, "PNG")
        (inputs / hashlib.sha256(file.getvalue()).hexdigest()).write_bytes(file.getvalue())


def wild(world: World, chance: random.Random) -> GenerationRequest:
    """A request that may ask for anything that requests can ask for."""
    size = chance.choice(SIZES)
    changes: dict[str, object] = {
        "width": size[0], "height": size[1], "count": chance.choice([1, 1, 1, 2, 3, 4]),
        "clip_skip": chance.choice([None, None, None, 1, 2, 3]), "exact": chance.random() < 0.1,
    }  # fmt: skip
    made = world.wish(chance, **changes)
    pictures = [path.name for path in sorted(world.inputs.iterdir()) if Image.open(path).size == size]
    if pictures and chance.random() < 0.25:
        strength = round(chance.uniform(1.01 / made.steps, 1.0), 2) if made.steps > 1 else 1.0
        source = SourceImage(sha256=chance.choice(pictures), strength=strength)
        made = made.model_copy(update={"image": source})
    elif made.loras and chance.random() < 0.15:
        variants = tuple(tuple(round(chance.uniform(-1, 1), 2) for _ in made.loras) for _ in range(made.count))
        made = made.model_copy(update={"variants": variants})
    return GenerationRequest.model_validate(made.model_dump())


def refused(world: World, chance: random.Random) -> GenerationRequest:
    """A request with a bad LoRA: gone, of another base, with strange layers, or out of all proportion."""
    made, good = world.wish(chance), chance.choice(world.loras)
    use = LoraUse(sha256=f"{chance.randrange(2**128):064x}", name="Bad", weight=chance.choice([-1.0, 0.0, 1.0]))
    file = replace(good.file, use=use)
    kind = chance.choice(["gone", "base", "layers", "proportion"])
    if kind == "base":
        file = replace(file, evidence=Evidence(BaseModelId("sdxl/pony"), Source.SIDECAR))
    elif kind == "layers":
        file = replace(file, tensors={f"lora_unet_nobody.{key.split('.', 1)[1]}": t for key, t in file.tensors.items()})
    elif kind == "proportion":
        file = replace(file, tensors={key: tensor * 1e6 for key, tensor in file.tensors.items()})
    if kind != "gone":
        world.loras.append(replace(good, file=file))
    return made.model_copy(update={"loras": (*made.loras[:3], use)})


def played(engine: Engine, world: World, chance: random.Random, requests: int) -> list[TrialRequest]:
    """Requests that come at random steps; some are cancelled at some step, before it or while they wait."""
    several: list[TrialRequest] = []
    honest = World(world.base, world.dtype, list(world.loras), inputs=world.inputs)  # wishes take no bad LoRA
    while len(several) < requests or engine.busy:
        if len(several) < requests and chance.random() < 0.6:
            bad = chance.random() < 0.1
            made = refused(world, chance) if bad else wild(honest, chance)
            cancelled_at = chance.randint(0, 3) if not bad and chance.random() < 0.2 else None
            several.append(TrialRequest(engine.submit(made), cancelled_at, bad))
        engine.step()
        for one in several:
            if one.cancelled_at is not None and one.handle.done >= one.cancelled_at:
                one.handle.cancel()
    return several


def error(world: World, handle: Handle) -> float:
    """How far latents and pictures are from the reference, at most; of latents larger than 1, relative to them."""
    assert handle.state is State.DONE, handle.error
    assert handle.latents is not None and handle.pictures is not None
    made, found, worst = handle.request, (handle.latents, handle.pictures), 0.0
    for number in range(len(made.variants) or 1):
        for own, expected in zip(found, world.reference(made, number), strict=True):
            own = own[number : number + 1] if made.variants else own
            scale = max(1.0, float(expected.abs().max()))
            worst = max(worst, float((own - expected).abs().max()) / scale)
    return worst


def beside_others(world: World, made: GenerationRequest) -> float:
    """How far diffusers' own picture is from itself when it paints two, three or four at once."""
    alone = made.only(0)
    several = [world.reference(alone.model_copy(update={"count": count})) for count in (1, 2, 3, 4)]
    return max(
        float((found[:1] - expected).abs().max()) / max(1.0, float(expected.abs().max()))
        for crowd in several[1:]
        for found, expected in zip(crowd, several[0], strict=True)
    )


def from_another_seed(world: World, made: GenerationRequest, small: int) -> float:
    """The error of the same request with pictures of other seeds, painted alone."""
    engine = world.engine(small=small)
    handle = engine.submit(made.model_copy(update={"seed": (made.seed + made.count) % 2**32}))
    while engine.busy:
        engine.step()
    engine.close()
    return error(world, handle)


def traits(world: World, made: GenerationRequest) -> set[str]:
    """What of all that can be asked for a request did ask for, for the report."""
    kinds = {
        lora.file.use.name.split()[0] for lora in world.loras for u in made.loras if u.sha256 == lora.file.use.sha256
    }
    return {
        world.base, made.sampler.value, f"{len(made.loras)} LoRAs", f"{made.count} pictures", *kinds,
        "with CFG" if made.guidance_scale > 1 else "without CFG",
        *(["clip skip"] if made.clip_skip else []), *(["img2img"] if made.image else []),
        *([f"{made.spacing} spacing"] if made.spacing else []),
        *(["variants"] if made.variants else []), *(["exact"] if made.exact else []),
        *(["weighted words"] if "(" in made.prompt + made.negative_prompt else []),
        *(["v-prediction"] if world.predicts == "v_prediction" else []), *(["zero SNR"] if world.zero_snr else []),
    }  # fmt: skip


def trial(seed: int, tally: Tally) -> None:
    """One engine with strangers."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        world = world_of(chance, Path(folder))
        places, small = chance.randint(4, 12), seed % 2 * SMALL_LAYER_RANK
        engine = world.engine(places=places, small=small)
        for one in played(engine, world, chance, chance.randint(3, 10)):
            try:
                tally.count(world, one, small)
            except AssertionError as problem:
                tally.failures.append(f"{problem!r}: {one.handle.request.model_dump_json()}")
        engine.close()
    tally.trials += 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32), help="of the first trial")
    parser.add_argument("--trials", type=int, default=10**9)
    parser.add_argument("--minutes", type=float, default=5.0)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    diffusers.utils.logging.set_verbosity_error()
    transformers.utils.logging.set_verbosity_error()
    tally, end = Tally(), time.monotonic() + 60 * asked.minutes
    while tally.trials < asked.trials and time.monotonic() < end:
        known = len(tally.failures)
        trial(asked.seed + tally.trials, tally)
        for failure in tally.failures[known:]:
            print(f"trial {asked.seed + tally.trials - 1}: {failure}", flush=True)
    print(json.dumps({"seed": asked.seed, **vars(tally), "seen": dict(tally.seen.most_common())}))


if __name__ == "__main__":
    main()
