"""Two LoRAs in two regions of one picture of the demo: what each region shows, against one prompt for both.

Each scene is painted four times with the same seeds: each region's prompt and LoRAs alone, both in one prompt
(`together`), and with regions. `owl` and `heart` are the likeness in their own region, `owl_elsewhere` in the other,
`pattern` and `pattern_elsewhere` the amplitude of stripes or dots, in gray levels; all are means over the pictures. The
vivid scene with regions left and right has limits; the others need to be better than one prompt for both. Half a
picture of the pastel checkpoint has fewer dots than a whole one: its hearts leave them little room.

`cost` is the time of a step on nets of `benchmarks.engine`: of one picture, of one with two regions, and of four
people's pictures without and with two regions each, which share each pass. Time is this process's own computing time;
figures are the least of several rounds. `--sheet` keeps the first pictures as one file, to be looked at.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import torch
from PIL import Image

from benchmarks._command import BenchmarkCommand, closing_line
from benchmarks._engine_nets import NETS, Net, engine_of, lora
from benchmarks._engine_trace import request_for
from benchmarks._region_figures import heart, owl, pattern, sheet_of
from inference.base_models import BaseModelId
from inference.bounds import MAX_COUNT
from inference.demo import CHECKPOINTS, LORAS
from inference.engine.batch.handle import State
from inference.engine.engine import Engine
from inference.files.hashes import sha256_of
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.commands import Configure
from inference.messages.request import GenerationRequest, LoraUse, Region
from inference.messages.samplers import Sampler
from inference.regions import PLACE_WORDS, RegionName
from tools.demo.world import Backdrop, Look

FIRST_SEED = 1000
SHOWN = 8  # pictures of each row of the contact sheet
PEOPLE, STEPS = 4, 4
USUAL_NETS = ("launch", "demo", "20M")
MOST_TIMES = 2.1  # of a picture, that one with two regions may cost
OWL, PATTERN, PASTEL_HALF = 0.9, 0.8, 0.5  # at least, in shares of the pictures with one region alone
# Of the vivid scene with regions left and right: at most, at least, and of one prompt for both at most.
ELSEWHERE, PATTERN_ELSEWHERE, HEART, TOGETHER = 0.20, 4.0, 0.7, 0.40


@dataclass(frozen=True)
class Scene:
    """Two regions: the owl's with its LoRA, and that of the pattern's LoRA, with a heart but in the background."""

    look: Look
    size: tuple[int, int]
    owl: RegionName
    other: RegionName
    backdrop: Backdrop
    ground: str = "yellow"

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.look} {self.owl.value}/{self.other.value}"

    @property
    def words(self) -> dict[RegionName, str]:
        """What is in each region."""
        return {self.owl: "komori", self.other: "a red heart" if PLACE_WORDS[self.other] else ""}

    def request(self, seed: int, count: int) -> GenerationRequest:
        """The request with both regions."""
        best = next(one for one in CHECKPOINTS if one.name == self.look)
        files = {self.owl: f"komori-{self.look}", self.other: f"{self.backdrop}-{self.look}"}
        return GenerationRequest(
            checkpoint=self.look, prompt=f"on a {self.ground} background", width=self.size[0], height=self.size[1],
            steps=best.steps, guidance_scale=best.guidance_scale, sampler=Sampler(best.sampler), seed=seed, count=count,
            loras=tuple(LoraUse(sha256=sha256(file), name=file, region=region) for region, file in files.items()),
            regions=tuple(Region(name=region, prompt=words) for region, words in self.words.items()),
        )  # fmt: skip

    def alone(self, region: RegionName, seed: int, count: int) -> GenerationRequest:
        """The prompt and LoRAs of one region for the whole picture."""
        both = self.request(seed, count)
        uses = [use.model_copy(update={"region": None}) for use in both.loras if use.applies_to(region)]
        return both.model_copy(update={"prompt": both.prompt_of(region), "loras": tuple(uses), "regions": ()})

    def together(self, seed: int, count: int) -> GenerationRequest:
        """Both in one prompt for the whole picture."""
        both = self.request(seed, count)
        uses = tuple(use.model_copy(update={"region": None}) for use in both.loras)
        places = [f"{words} {PLACE_WORDS[name]}" for name, words in self.words.items() if words]
        prompt = f"{' and '.join(places)} {both.prompt}"
        return both.model_copy(update={"prompt": prompt, "loras": uses, "regions": ()})

    def figures(self, pictures: Sequence[Image.Image]) -> dict[str, float]:
        """What they show, on average; a background has no place without an owl, and no heart."""
        found = {
            "owl": [owl(one, self.owl) for one in pictures],
            "pattern": [pattern(one, self.other, self.backdrop) for one in pictures],
        }
        if PLACE_WORDS[self.other]:
            found["owl_elsewhere"] = [owl(one, self.other) for one in pictures]
            found["heart"] = [heart(one, self.other, self.look) for one in pictures]
            found["pattern_elsewhere"] = [pattern(one, self.owl, self.backdrop) for one in pictures]
        return {name: round(mean(values), 3) for name, values in found.items()}


R = RegionName
SCENES = (
    Scene("vivid", (80, 64), R.LEFT, R.RIGHT, "stripes"),
    Scene("pastel", (80, 64), R.LEFT, R.RIGHT, "dots"),
    Scene("vivid", (64, 80), R.TOP, R.BOTTOM, "stripes"),
    Scene("pastel", (64, 80), R.TOP, R.BOTTOM, "dots"),
    Scene("vivid", (64, 64), R.CENTRE, R.BACKGROUND, "stripes"),
    Scene("pastel", (64, 64), R.CENTRE, R.BACKGROUND, "dots"),
)


def path_of(stem: str) -> Path:
    """The file of a LoRA of the demo."""
    return LORAS / f"{stem}.safetensors"


def sha256(stem: str) -> str:
    """The SHA-256 of that file."""
    with path_of(stem).open("rb") as file:
        return sha256_of(file)


def engine_on(folder: Path) -> Engine:
    """The engine as a worker makes it, with both checkpoints of the demo and its library."""
    specs = tuple(
        CheckpointSpec(name=one.name, source=str(one.path), base_model=BaseModelId(one.base_model))
        for one in CHECKPOINTS
    )
    config = Configure(checkpoints=specs, library=str(LORAS), spool=str(folder), places=2 * PEOPLE)
    return Engine.of(config, torch.device("cpu"))


def painted(engine: Engine, requests: Sequence[GenerationRequest]) -> list[Image.Image]:
    """The pictures of all requests, in order."""
    handles = [engine.submit(one, {use.sha256: path_of(use.name).name for use in one.loras}) for one in requests]
    engine.finish()
    pictures: list[Image.Image] = []
    for handle in handles:
        if handle.state is not State.DONE or handle.pictures is None:
            raise RuntimeError(f"{handle.state}: {handle.error}")
        pixels = (handle.pictures.float().permute(0, 2, 3, 1).numpy() * 255).round().astype(np.uint8)
        pictures += [Image.fromarray(one) for one in pixels]
    return pictures


def rows_of(engine: Engine, scene: Scene, seeds: int) -> dict[str, list[Image.Image]]:
    """The pictures of a scene, by how they were painted."""
    starts = [(FIRST_SEED + first, min(MAX_COUNT, seeds - first)) for first in range(0, seeds, MAX_COUNT)]
    ways = {
        "owl_alone": partial(scene.alone, scene.owl),
        "other_alone": partial(scene.alone, scene.other),
        "together": scene.together,
        "regions": scene.request,
    }
    return {name: painted(engine, [way(*start) for start in starts]) for name, way in ways.items()}


def problems(scene: Scene, found: Mapping[str, Mapping[str, float]]) -> list[str]:
    """What the regions of a scene do not keep."""
    own, alone, other, both = (found[name] for name in ("regions", "owl_alone", "other_alone", "together"))
    share = PASTEL_HALF if scene.look == "pastel" and "heart" in own else PATTERN
    wrong: list[tuple[bool, str]] = [
        (own["owl"] < OWL * alone["owl"], f"the owl is {own['owl']}, alone {alone['owl']}"),
        (own["owl"] <= both["owl"], f"the owl is {own['owl']}, in one prompt {both['owl']}"),
        (own["pattern"] < share * other["pattern"], f"{scene.backdrop}: {own['pattern']}, alone {other['pattern']}"),
    ]
    if "heart" in own:
        wrong += [
            (own["heart"] <= both["heart"], f"hearts are {own['heart']}, in one prompt {both['heart']}"),
            (own["owl_elsewhere"] >= both["owl_elsewhere"], f"the owl is {own['owl_elsewhere']} elsewhere"),
            (own["pattern_elsewhere"] > both["pattern_elsewhere"] / 2, f"{scene.backdrop} are elsewhere too"),
        ]
    if scene is SCENES[0]:
        wrong += [
            (own["owl_elsewhere"] > ELSEWHERE, f"the owl is {own['owl_elsewhere']} elsewhere"),
            (own["pattern_elsewhere"] > PATTERN_ELSEWHERE, f"stripes are {own['pattern_elsewhere']} elsewhere"),
            (own["heart"] < HEART, f"hearts are {own['heart']}"),
            (both["owl"] >= TOGETHER or both["heart"] >= TOGETHER, "one prompt for both shows both"),
        ]
    return [f"{scene.name}: {text}" for is_wrong, text in wrong if is_wrong]


def cost(net: Net, rounds: int) -> dict[str, float]:
    """Milliseconds of a step, and what pictures with two regions cost in pictures without, on a net with two LoRAs."""
    shapes = net.pipeline()
    loras = [lora(net, shapes, number) for number in range(2)]
    engine = engine_of(net, net.pipeline(), loras, places=2 * PEOPLE)
    sides = [R.LEFT, R.RIGHT]
    uses = tuple(each.use.model_copy(update={"region": side}) for each, side in zip(loras, sides, strict=True))
    one = request_for(net, (loras[0].use,), seed=0, steps=STEPS)
    two = one.model_copy(update={"loras": uses, "regions": tuple(Region(name=side, prompt="a cat") for side in sides)})
    asked = {
        "one_picture": [one],
        "two_regions": [two],
        "four_people": [one] * PEOPLE,
        "four_people_with_two_regions": [two] * PEOPLE,
    }
    best = dict.fromkeys(asked, float("inf"))
    for _ in range(rounds):  # in turn, so that a busy moment is no way's own
        for name, requests in asked.items():
            best[name] = min(best[name], seconds_of_a_step(engine, requests))
    engine.close()
    return {
        **{f"{name}_ms": round(1000 * seconds, 1) for name, seconds in best.items()},
        "times": round(best["two_regions"] / best["one_picture"], 2),
        "times_shared": round(best["four_people_with_two_regions"] / best["four_people"], 2),
    }


def seconds_of_a_step(engine: Engine, requests: Sequence[GenerationRequest]) -> float:
    """The least computing time of a step in which all `requests` take part, without the first and the last."""
    handles = [engine.submit(one.model_copy(update={"seed": seed})) for seed, one in enumerate(requests)]
    while any(handle.done < 1 for handle in handles):
        engine.step()
    best = float("inf")
    while not any(handle.done >= handle.total - 1 for handle in handles):
        began = time.process_time()
        engine.step()
        best = min(best, time.process_time() - began)
    engine.finish()
    return best


def main() -> int:
    """Measure, print the closing line; the exit code."""
    parser = BenchmarkCommand(__doc__)
    parser.add_size("--seeds", 24, 4, "pictures of each scene")
    parser.add_size("--rounds", 5, 1, "rounds of each cost")
    parser.add_argument("--nets", nargs="*", choices=[net.name for net in NETS], default=USUAL_NETS)
    parser.add_argument("--sheet", type=Path, help="where to keep a contact sheet")
    options = parser.read()
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    told: dict[str, Any] = {}
    failed: list[str] = []
    rows: list[tuple[str, list[Image.Image]]] = []
    with tempfile.TemporaryDirectory() as folder:
        engine = engine_on(Path(folder))
        for scene in SCENES:
            pictures = rows_of(engine, scene, options.seeds)
            told[scene.name] = {way: scene.figures(some) for way, some in pictures.items()}
            failed += [] if options.quick else problems(scene, told[scene.name])  # few pictures prove nothing
            rows += [(f"{scene.name}: {way}", some[:SHOWN]) for way, some in pictures.items()]
        engine.close()
    if options.sheet is not None:
        sheet_of(rows).save(options.sheet)
    for net in NETS:
        if net.name in options.nets:
            found = told[f"cost {net.name}"] = cost(net, options.rounds)
            if not options.quick and found["times"] > MOST_TIMES:
                failed.append(f"on {net.name} two regions cost as much as {found['times']} pictures")
    return closing_line("regions", told, failed, quick=options.quick)


if __name__ == "__main__":
    sys.exit(main())
