"""Kills the worker with SIGKILL while four people's pictures by a diffusion transformer share a batch.

`python -m tests.discord.transformer_kills [--rounds 5] [--seed 1]`: small checkpoints of Flux.1 and Z-Image, made for
the test, are declared as an operator does, and people with different LoRAs order by `/imagine`. The worker is killed at
a random step, once in each round: a picture at which it dies twice is given up. Everybody gets one picture, jobs go on
from their states, and all pictures are those of a run that nothing disturbs. It prints one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import copy
import io
import json
import os
import random
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import aiohttp
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save
from torch import nn

from bot.app import from_settings
from bot.config import Settings
from bot.config.sections.checkpoints import CheckpointSettings
from inference.base_models import BaseModelId
from inference.messages.events import Event, Finished, Progress
from inference.messages.options import Folders, WorkerOptions
from inference.processes.child_processes import module_command
from inference.workers import WorkerDied
from inference.workers.local import LocalWorker
from playground.visible_message import VisibleMessage
from tests.discord.conftest import PROMPT, Scene, open_scene
from tests.discord.small_worker import known
from tests.discord.test_removals import rows
from tests.house import House
from tests.inference.engine.transformers import FLUX_DEV, Z_IMAGE, lora_on, peft_tensors, pipeline_of
from tests.lora_files import write_sidecar

NET = "net"
LORAS = ("Ash", "Birch", "Cedar", "Elm")  # of one person each
PEOPLE = ("Ada", "Grace", "Margaret", "Linus")
STEPS, STATE_STEPS = 40, 3
ROUNDING = 1  # of 255: a picture is resumed in other company than that in which it began


class TransformerHouse(House):
    """A house with one small checkpoint of `base`, and a LoRA for each of four people."""

    def __init__(self, folder: Path, base: BaseModelId) -> None:
        super().__init__(folder)
        self.base, self.source = base, folder / "checkpoints" / NET
        pipeline = copy.deepcopy(pipeline_of(base)).to(torch.float32)
        pipeline.save_pretrained(self.source)
        layers: dict[str, nn.Module] = dict(pipeline.transformer.named_modules())
        shapes = {name: [*layer.weight.shape] for name, layer in layers.items() if isinstance(layer, nn.Linear)}
        self.layers = {str(base.architecture): shapes}
        self.tables = folder / "tables.json"
        self.tables.write_text(json.dumps(self.layers), "utf-8")
        for seed, name in enumerate(LORAS, 1):
            tensors = peft_tensors(lora_on(pipeline.transformer, seed))
            path = self.library / f"{name.lower()}.safetensors"
            path.write_bytes(save({f"transformer.{key}": tensor.float() for key, tensor in tensors.items()}))
            write_sidecar(path, name=name, base_model=base)

    @property
    def settings(self) -> Settings:
        settings = super().settings
        net = CheckpointSettings.model_validate(
            {"name": NET, "path": self.source, "base_model": self.base, "sizes": ["64x64"], "guidance_scale": 2.0}
        )
        worker = settings.worker.model_copy(update={"places": len(PEOPLE), "state_steps": STATE_STEPS})
        return settings.model_copy(update={"checkpoints": (net,), "worker": worker})


@dataclass
class KillLog:
    """What workers report, and when they are killed: as soon as all jobs run, and one of them has done such a step."""

    kill_at: list[int] = field(default_factory=list[int])
    steps: dict[int, list[int]] = field(default_factory=dict[int, list[int]])  # by job, since the worker's start
    finished: set[int] = field(default_factory=set[int])
    together: bool = False  # all ran before the first one ended
    killed: list[dict[int, int]] = field(default_factory=list[dict[int, int]])  # the last step of each unfinished job
    lost: list[dict[int, int]] = field(default_factory=list[dict[int, int]])  # of these, how many were done again

    def see(self, event: Event | WorkerDied, pid: int | None) -> None:
        """An event of the worker whose process is `pid`."""
        if isinstance(event, WorkerDied):
            self.killed.append({job: steps[-1] for job, steps in self.steps.items() if job not in self.finished})
            self.lost.append({})
            self.steps.clear()
        elif isinstance(event, Finished):
            self.finished.add(event.job_id)
        elif isinstance(event, Progress):
            self.steps.setdefault(event.job_id, []).append(event.step)
            if self.lost and event.job_id in self.killed[-1]:
                self.lost[-1].setdefault(event.job_id, self.killed[-1][event.job_id] - event.step)
            self.together |= len(self.steps) == len(PEOPLE) and not self.finished
            if self.kill_at and self.together and event.step >= self.kill_at[0] and pid is not None:
                del self.kill_at[0]
                os.kill(pid, signal.SIGKILL)


class LoggedWorker(LocalWorker):
    """A worker that knows the layers in `tables`; the last of `seen` sees its events."""

    def __init__(self, seen: Sequence[KillLog], tables: Path, options: WorkerOptions, folders: Folders) -> None:
        super().__init__(options, folders, [*module_command("tests.discord.small_worker"), str(tables)])
        self._seen = seen

    async def events(self) -> AsyncIterator[Event | WorkerDied]:
        async for event in super().events():
            if self._seen:
                self._seen[-1].see(event, self.pid)
            yield event


async def ordered(scene: Scene) -> list[np.ndarray]:
    """What the four people get for the same orders, always in the same order of people."""

    async def one(number: int) -> VisibleMessage:
        person = scene.control.person(PEOPLE[number])
        sent = await person.slash(
            "imagine", prompt=f"{PROMPT} {number}", checkpoint=NET, lora1=LORAS[number], steps=STEPS, seed=number
        )
        return await scene.painted(sent)

    messages = await asyncio.gather(*map(one, range(len(PEOPLE))))
    assert [len(message.attachments) for message in messages] == [1] * len(PEOPLE), "one picture each"
    return [await _pixels(message) for message in messages]


async def _pixels(message: VisibleMessage) -> np.ndarray:
    async with aiohttp.ClientSession() as session, session.get(message.attachments[0]["url"]) as response:
        return np.asarray(Image.open(io.BytesIO(await response.read())).convert("RGB")).astype(int)


async def disturbed(folder: Path, base: BaseModelId, kills: Sequence[Sequence[int]]) -> tuple[list[str], list[KillLog]]:
    """The same orders again and again, while the worker is killed at these steps, and at last undisturbed.

    What is not as it has to be, and what the workers did.
    """
    seen, painted, house = list[KillLog](), list[list[np.ndarray]](), TransformerHouse(folder, base)
    with known(house.layers), pytest.MonkeyPatch.context() as patch:
        patch.setattr(from_settings, "LocalWorker", partial(LoggedWorker, seen, house.tables))
        async with open_scene(house) as scene, scene.bot():
            for kill_at in [*kills, ()]:
                seen.append(KillLog([*kill_at]))
                painted.append(await ordered(scene))
            wrong = await lost_or_doubled(scene, len(PEOPLE) * len(seen))
    expected = painted[-1]
    if min(_apart(one, expected[0]) for one in expected[1:]) <= 20 * ROUNDING:
        wrong.append("people's pictures look alike, so nobody could tell")
    for kill_at, log, pictures in zip([*kills, ()], seen, painted, strict=True):
        wrong += [f"{base}, killed at {kill_at}: {each}" for each in faults(log, len(kill_at))]
        for person, one, other in zip(PEOPLE, pictures, expected, strict=True):
            if (apart := _apart(one, other)) > ROUNDING:
                wrong.append(f"{base}, killed at {kill_at}: the picture of {person} is {apart} of 255 off")
    return wrong, seen


async def lost_or_doubled(scene: Scene, ordered: int) -> list[str]:
    """Whether each order has led to one job that succeeded, one picture and one message."""
    messages = [len(message.attachments) for message in await scene.pictures()]
    (jobs,) = await rows(scene, "SELECT count(*), sum(state = 'succeeded') FROM job")
    (pictures,) = await rows(scene, "SELECT count(*), count(DISTINCT job_id) FROM picture")
    fine = messages == [1] * ordered and jobs == pictures == (ordered, ordered)
    return [] if fine else [f"of {ordered} orders: messages {messages}, jobs {jobs}, pictures {pictures}"]


def faults(log: KillLog, kills: int) -> list[str]:
    """What workers did that they should not."""
    wrong = [] if log.together else ["they did not run together"]
    wrong += [] if len(log.killed) == kills else [f"{len(log.killed)} kills"]
    for before, lost in zip(log.killed, log.lost, strict=True):
        if before.keys() != lost.keys():
            wrong.append(f"of jobs {sorted(before)} went on {sorted(lost)}")
        if max(lost.values(), default=0) > STATE_STEPS:
            wrong.append(f"so many steps were done again: {lost}")
    return wrong


def _apart(one: np.ndarray, other: np.ndarray) -> int:
    return int(np.abs(one - other).max())


async def _matrix(rounds: int, seed: int) -> int:
    chance, wrong, lost, kills = random.Random(seed), list[str](), list[int](), 0
    for base in (FLUX_DEV, Z_IMAGE):
        plan = [[chance.randrange(1, STEPS - 2)] for _ in range(rounds)]
        with tempfile.TemporaryDirectory() as folder:
            found, seen = await disturbed(Path(folder) / "house", base, plan)
        wrong += found
        for log in seen:
            kills += len(log.killed)
            lost += [steps for each in log.lost for steps in each.values()]
    line = {"rounds": 2 * rounds, "kills": kills, "resumed": len(lost), "most_steps_lost": max(lost, default=0)}
    print(json.dumps(line | {"wrong": wrong}), flush=True)
    return 1 if wrong else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="of each checkpoint")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    return asyncio.run(_matrix(options.rounds, options.seed))


if __name__ == "__main__":
    sys.exit(main())
