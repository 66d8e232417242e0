"""Requests with regions, and the reference they are held to: diffusers' own pipeline, with a denoiser that blends.

The reference asks the network once for each region, with that region's LoRAs merged into the weights, and blends the
answers before guidance, by masks of its own: nothing of it is the engine's.

`python -m tests.inference.engine.regional --minutes 5` paints random requests with regions on every kind of checkpoint,
in company, from pictures, with variants, stopped and resumed at every step, with passes halved, and prints one line.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import io
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from PIL import Image

from inference.engine.batch.handle import Handle, State
from inference.engine.engine import Engine
from inference.engine.layers.layer_hooks import SMALL_LAYER_RANK
from inference.messages.request import GenerationRequest, SourceImage
from inference.regions import LAYOUTS, RegionName
from tests.inference.engine.batch.test_out_of_memory import needing, networks
from tests.inference.engine.trials import LIMITS
from tests.inference.engine.worlds import FORMATS, MAKERS, World, arrived, pipeline_of
from tests.inference.engine.written import encoded, length

WORDS = ("a red circle", "blue star, white background", "", "a very large green square beside a small circle " * 6)
ANY = 999  # rows of a pass, of which no pass has more


def regional(world: World, chance: random.Random, **changes: Any) -> GenerationRequest:
    """A random request with regions; of its LoRAs each is for one of them or for all."""
    layout = changes.pop("layout", None) or chance.choice(LAYOUTS)
    made = world.wish(chance, prompt=chance.choice(WORDS[:3]), negative_prompt=chance.choice(["", "blurry"]))
    share = chance.choice((0.0, 0.0, 0.25))
    words = WORDS if not made.prompt and not share else WORDS[:3]  # the engine cuts long texts at commas
    values = made.model_dump() | {
        "regions": [{"name": name, "prompt": chance.choice(words)} for name in layout],
        "loras": [use.model_copy(update={"region": chance.choice((*layout, None))}) for use in made.loras],
        "region_edge": chance.choice((0, 1, 2, 3, 8)),
        "base_share": share,
    }
    return GenerationRequest.model_validate(values | changes)


def whole(made: GenerationRequest, region: RegionName) -> GenerationRequest:
    """A request with one region, over the whole picture: no message says so, since it is the plain request."""
    only = next(one for one in made.regions if one.name is region)
    return made.model_copy(update={"regions": (only,)})


def masks_of(made: GenerationRequest, height: int, width: int) -> list[torch.Tensor]:
    """The share of each slot at each latent, from what a soft edge is: place by place."""
    names = [region.name for region in made.regions]
    shares = torch.zeros(len(names), height, width, dtype=torch.float64)
    for y in range(height):
        for x in range(width):
            for number, name in enumerate(names):
                shares[number, y, x] = _share(name, names, (x + 0.5, width), (y + 0.5, height), made.region_edge)
    found = [share * (1 - made.base_share) for share in shares]
    return [*found, torch.full((height, width), made.base_share, dtype=torch.float64)] if made.base_share else found


def _share(
    name: RegionName, names: Sequence[RegionName], x: tuple[float, int], y: tuple[float, int], edge: int
) -> float:
    if RegionName.BACKGROUND in names:
        centre = min(_inside(place, size * 5 / 32, size * 27 / 32, edge) for place, size in (x, y))
        return centre if name is RegionName.CENTRE else 1 - centre
    place, size = y if RegionName.TOP in names else x
    number, many = names.index(name), len(names)
    start = size * number / many if number else -1e9
    end = size * (number + 1) / many if number + 1 < many else 1e9
    return _inside(place, start, end, edge)


def _inside(place: float, start: float, end: float, edge: int) -> float:
    if not edge:
        return float(start < place <= end)
    return max(0.0, min(1.0, (place - start) / edge + 0.5)) - max(0.0, min(1.0, (place - end) / edge + 0.5))


def reference(world: World, made: GenerationRequest, number: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Latents and pictures in 0..1 of one request; with variants, of the variant `number`."""
    weights = made.variants[number] if made.variants else [use.weight for use in made.loras]
    by_hash = {lora.file.use.sha256: lora for lora in world.loras}
    slots = [
        [
            (by_hash[use.sha256], weight)
            for use, weight in zip(made.loras, weights, strict=True)
            if use.region in (None, slot)
        ]
        for slot in made.slots
    ]
    texts: list[tuple[Any, Any]] = []
    for slot, uses in zip(made.slots, slots, strict=True):
        with world.merged(uses) as pipeline:
            texts.append(_texts(pipeline, made, made.prompt_of(slot)))
    with _blending(world, made, slots, texts) as pipeline:
        plain = made.model_copy(update={"regions": (), "prompt": "", "prompt_prefix": "", "loras": ()})
        return world._painted(pipeline, plain, number)  # its texts are not heard


def _texts(pipeline: Any, made: GenerationRequest, prompt: str) -> tuple[Any, Any]:
    guided = made.guidance_scale > 1
    chunks = max(length(pipeline, text) for text in ((prompt, made.negative_prompt) if guided else (prompt,)))
    positive = encoded(pipeline, prompt, chunks, made.clip_skip)
    if not made.negative_prompt and getattr(pipeline.config, "force_zeros_for_empty_prompt", False):
        return tuple(part if part is None else torch.zeros_like(part) for part in positive), positive
    return encoded(pipeline, made.negative_prompt, chunks), positive


@contextmanager
def _blending(world: World, made: GenerationRequest, slots: Any, texts: Any) -> Iterator[Any]:
    """diffusers' pipeline; while inside, its network is asked for each slot, and the answers are blended."""
    pipeline = pipeline_of(world.base, world.dtype)
    unet, count = pipeline.unet, 1 if made.variants else made.count

    def forward(sample: torch.Tensor, time: Any, encoder_hidden_states: Any, **options: Any) -> tuple[torch.Tensor]:
        total = torch.zeros_like(sample)
        masks = masks_of(made, *sample.shape[-2:])
        for mask, uses, (negative, positive) in zip(masks, slots, texts, strict=True):
            rows = [negative] * count + [positive] * count if made.guidance_scale > 1 else [positive] * count
            if options.get("added_cond_kwargs"):
                pooled = torch.cat([row[1] for row in rows])
                options["added_cond_kwargs"] = options["added_cond_kwargs"] | {"text_embeds": pooled}
            words = torch.cat([row[0] for row in rows])
            with world.merged(uses):
                answer = type(unet).forward(unet, sample, time, encoder_hidden_states=words, **options)[0]
            total = total + mask.to(sample) * answer
        return (total,)

    vars(unet)["forward"] = forward
    try:
        yield copy.copy(pipeline)  # which is given a scheduler
    finally:
        del vars(unet)["forward"]


def error(world: World, handle: Handle) -> float:
    """How far latents and pictures are from the reference, at most; of latents larger than 1, relative to them."""
    assert handle.state is State.DONE, handle.error
    assert handle.latents is not None and handle.pictures is not None
    made, worst = handle.request, 0.0
    for number in range(len(made.variants) or 1):
        for own, expected in zip((handle.latents, handle.pictures), reference(world, made, number), strict=True):
            own = own[number : number + 1] if made.variants else own
            worst = max(worst, float((own - expected).abs().max()) / max(1.0, float(expected.abs().max())))
    return worst


def finished(engine: Engine, *requests: GenerationRequest) -> list[Handle]:
    """The handles of requests that come together, once all have ended."""
    handles = [engine.submit(request) for request in requests]
    arrived(engine)
    engine.finish()
    for handle in handles:
        assert handle.state is State.DONE, handle.error
    return handles


def ends_alike_from_every_step(world: World, made: GenerationRequest) -> bool:
    """Whether the request ends bit-identically when another engine goes on from each of its steps."""
    engine, snapshots = world.engine(), []
    handle = engine.submit(made)
    while engine.busy:
        engine.step()
        if handle.state is State.RUNNING and (snapshot := handle.snapshot()) is not None:
            snapshots.append(snapshot)
    engine.close()
    assert handle.latents is not None and len(snapshots) == handle.total - 1, handle.error
    for snapshot in snapshots:
        other = world.engine()
        resumed = other.submit(made, resume=snapshot)
        other.finish()
        other.close()
        assert resumed.resumed_steps == snapshot.done
        if resumed.latents is None or not torch.equal(resumed.latents, handle.latents):
            return False
    return True


def picture_in(folder: Path, chance: random.Random, size: tuple[int, int]) -> str:
    """A picture to start from; its SHA-256, by which it lies in `folder`."""
    file = io.BytesIO()
    Image.frombytes("RGB", (8, 8), chance.randbytes(192)).resize(size).save(file, "PNG")
    digest = hashlib.sha256(file.getvalue()).hexdigest()
    (folder / digest).write_bytes(file.getvalue())
    return digest


def trial(seed: int, seen: Counter[str]) -> dict[str, float]:
    """The errors of one world's requests, by what they were."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        world = World(chance.choice(list(MAKERS)), torch.float64, inputs=Path(folder))
        for _ in range(chance.randint(1, 5)):
            world.add(chance.randrange(2**32), chance.choice(FORMATS))
        size = chance.choice(((32, 32), (48, 32), (32, 48)))
        several: list[GenerationRequest] = []
        for _ in range(chance.randint(2, 5)):
            made = regional(world, chance, width=size[0], height=size[1], steps=chance.randint(2, 5))
            if made.loras and chance.random() < 0.3:
                weights = [[round(chance.uniform(-1, 1), 2) for _ in made.loras] for _ in range(made.count)]
                made = GenerationRequest.model_validate(made.model_dump() | {"variants": weights})
            elif chance.random() < 0.3:
                source = SourceImage(sha256=picture_in(Path(folder), chance, size), strength=chance.uniform(0.6, 1))
                made = made.model_copy(update={"image": source})
            several.append(made)
        engine = world.engine(places=chance.randint(2, 12), small=seed % 2 * SMALL_LAYER_RANK)
        most = chance.choice((2, 4, ANY))
        with needing(networks(engine).unet, lambda rows: len(rows) > most):
            handles = finished(engine, *several)
        found = {f"{seed}: {handle.request.model_dump_json()}": error(world, handle) for handle in handles}
        engine.close()
        if not ends_alike_from_every_step(world, several[0]):
            found[f"{seed} resumed: {several[0].model_dump_json()}"] = 1.0
    for made in several:
        names = "/".join(region.name.value for region in made.regions)
        seen.update([names, made.sampler.value, f"{len(made.loras)} LoRAs", world.base])
        seen.update(name for name in ("image", "variants", "base_share") if getattr(made, name))
    seen.update(["short memory"] if most < ANY else [])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--minutes", type=float, default=5.0)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    diffusers.utils.logging.set_verbosity_error()
    transformers.utils.logging.set_verbosity_error()
    end, errors, seen, trials = time.monotonic() + 60 * asked.minutes, dict[str, float](), Counter[str](), 0
    while time.monotonic() < end:
        errors |= trial(asked.seed + trials, seen)
        trials += 1
    failures = [name for name, each in errors.items() if each > LIMITS[torch.float64]]
    fine = [each for each in errors.values() if each <= LIMITS[torch.float64]]
    for failure in failures:
        print(f"{errors[failure]:.1e} {failure}")
    told = {"seed": asked.seed, "trials": trials, "compared": len(errors), "worst": max(fine, default=0.0)}
    print(json.dumps(told | {"failures": len(failures), "seen": dict(seen.most_common())}))


if __name__ == "__main__":
    main()
