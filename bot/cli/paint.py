"""`paint PROMPT`: one picture without Discord, through the same matching, job table and worker."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from bot.app.assembly import open_catalogue, started
from bot.app.from_settings import require_checkpoints
from bot.cli import DONE, advising
from bot.cli.terminal.ending import until_asked
from bot.cli.terminal.progress import progress_bar, work_report
from bot.cli.terminal.settings import add_config, settings_of
from bot.config import ConfigError
from bot.database.jobs.jobs import Job, JobState
from bot.jobs.active_jobs import JobUpdate, WorkerTrouble
from bot.jobs.service import JobService
from bot.requests.builder import LoraDraft, RequestDraft
from inference.errors import InferenceError, WorkerUnavailable
from inference.messages.request import GenerationRequest
from inference.messages.samplers import Sampler, Spacing
from inference.workers import Unserved, WorkerDied

# Ids that nobody has on Discord: of the person at the keyboard and of the terminal.
COMMAND_LINE_PERSON = 0
COMMAND_LINE_CHANNEL = 0
PAINTING_BOT = "a running bot uses the device; use /imagine in Discord, or stop the bot first"
UNSERVED_SECONDS = 60.0  # without news, after which it ends where no worker may paint the checkpoint
GIVE_UP_AFTER = 3  # failures in a row where others may paint the job: deaths of a worker that never became ready


@dataclass(frozen=True)
class PaintedJob:
    """A job that has succeeded, and the paths that its pictures were copied to."""

    job: Job
    pictures: list[Path]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = (
        "Generate pictures without Discord. Stop the bot first, or use /imagine in Discord. Defaults "
        "come from the checkpoint's settings."
    )
    parser.add_argument("prompt", metavar="PROMPT", help="the prompt")
    parser.add_argument(
        "--checkpoint", metavar="NAME", help="name of the checkpoint (default: the first in the settings)"
    )
    parser.add_argument(
        "--lora",
        action="append",
        default=[],
        metavar="NAME[:WEIGHT]",
        type=lora_draft,
        help="name of a LoRA as in `library list`; can be repeated",
    )
    parser.add_argument("--size", metavar="SIZE", help="portrait, landscape, square or WIDTHxHEIGHT")
    parser.add_argument("--count", type=int, default=1, metavar="N", help="number of pictures, with consecutive seeds")
    parser.add_argument("--steps", type=int, metavar="N", help="denoising steps")
    parser.add_argument(
        "--guidance", type=float, metavar="SCALE", help="guidance scale: how strictly the prompt is followed"
    )
    parser.add_argument("--sampler", metavar="NAME", help=f"one of {', '.join(Sampler)}")
    parser.add_argument("--spacing", metavar="NAME", help=f"of the sampler's steps: one of {', '.join(Spacing)}")
    parser.add_argument(
        "--fast", action="store_true", help="generate in few steps, with the checkpoint's few-step LoRA"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="the same seed gives the same picture (default: random)")
    parser.add_argument(
        "--clip-skip",
        type=int,
        metavar="LAYER",
        help="text encoder layer, counted from the last (default: the checkpoint's)",
    )
    parser.add_argument("--negative", metavar="PROMPT", help="negative prompt: what the picture must not show")
    parser.add_argument(
        "--out", type=Path, default=Path("easel.png"), metavar="FILE.png", help="output file (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    add_config(parser)
    parser.set_defaults(run=run)


def lora_draft(text: str) -> LoraDraft:
    """`Komori` or `Komori:0.8`. Raises ArgumentTypeError for a weight that is no number."""
    name, colon, weight = text.rpartition(":")
    if not colon:
        return LoraDraft(name=text)
    try:
        return LoraDraft(name=name, weight=float(weight))
    except ValueError:
        raise argparse.ArgumentTypeError(f"the weight of {name!r} must be a number, not {weight!r}") from None


def run(options: argparse.Namespace) -> int:
    """Paint, copy the pictures to `--out`, print their paths."""
    _check_target(options.out)
    painted = asyncio.run(until_asked(_paint(options)))
    if options.json:
        print(json.dumps(_as_json(painted)))
    else:
        for picture in painted.pictures:
            print(picture)
        for note in painted.job.notes:
            print(note, file=sys.stderr)
    return DONE


def _check_target(out: Path) -> None:
    if out.suffix.lower() != ".png":
        raise ConfigError(f"Pictures are PNG files; give --out a name like picture.png, not {out.name}.")
    if not out.parent.is_dir():
        raise ConfigError(f"The folder {out.parent} does not exist.")


async def _paint(options: argparse.Namespace) -> PaintedJob:
    settings = settings_of(options)
    require_checkpoints(settings)
    draft = RequestDraft(
        prompt=options.prompt,
        checkpoint=options.checkpoint,
        loras=tuple(options.lora),
        size=options.size,
        count=options.count,
        steps=options.steps,
        guidance_scale=options.guidance,
        sampler=options.sampler,
        spacing=options.spacing,
        seed=options.seed,
        negative_prompt=options.negative,
        clip_skip=options.clip_skip,
        fast=options.fast,
    )
    with work_report() as scanned:
        async with AsyncExitStack() as stack:
            with advising(PAINTING_BOT):
                found = await stack.enter_async_context(open_catalogue(settings, scanned))
            request = await found.requests.build(draft)  # a refused request starts no worker
            async with started(found) as easel:

                def signed(picture: Path) -> bytes:
                    return easel.attachments.fit(picture, sys.maxsize).data

                stored, out = settings.storage.pictures, options.out
                with progress_bar("generating") as report:
                    return await paint(easel.jobs, stored, request, out, report, signed)


async def paint(
    jobs: JobService,
    stored: Path,
    request: GenerationRequest,
    out: Path,
    report: Callable[[int, int], None],
    read: Callable[[Path], bytes] = Path.read_bytes,
) -> PaintedJob:
    """Order `request`, wait for it and copy its pictures to `out` (`out-2`, … when there are several).

    `stored` is the folder of the pictures that were painted. `read` returns the bytes to write, for example with a
    signature.

    Raises the error with which the job failed, WorkerUnavailable when no worker comes up, ConfigError when `out`
    cannot be written (the pictures are kept). Cancelling this cancels the job.
    """
    ordering = asyncio.create_task(jobs.order(request, person_id=COMMAND_LINE_PERSON, channel_id=COMMAND_LINE_CHANNEL))
    try:
        job = await asyncio.shield(ordering)
        done = await _wait(jobs, job, report)
    except asyncio.CancelledError:
        await jobs.cancel((await ordering).id)  # else the next command would paint it
        raise
    kept = [stored / picture.path for picture in done.pictures]
    targets = [out, *(out.with_stem(f"{out.stem}-{i}") for i in range(2, len(kept) + 1))]
    copies = [await asyncio.to_thread(read, source) for source in kept]
    try:
        for target, data in zip(targets, copies, strict=True):
            target.write_bytes(data)
    except OSError as problem:
        raise ConfigError(f"{out} cannot be written ({problem.strerror}); the picture is saved as {kept[0]}.") from None
    return PaintedJob(done.job, targets)


async def _wait(jobs: JobService, job: Job, report: Callable[[int, int], None]) -> JobUpdate:
    async with jobs.following(job.id) as updates:
        while True:
            try:
                async with asyncio.timeout(UNSERVED_SECONDS):
                    update = await updates.get()
            except TimeoutError:
                unserved = jobs.unserved(job.checkpoint) if jobs.workers else None
                if unserved is not None and not unserved.starting:
                    await jobs.cancel(job.id)
                    raise WorkerUnavailable(reason=unserved.reason) from None
                continue
            if update.progress:
                report(update.progress.step, update.progress.steps)
            if update.job.state is JobState.SUCCEEDED:
                return update
            if update.job.failure:
                raise update.job.failure
            if update.job.state is JobState.CANCELLED:
                raise InferenceError
            if update.trouble and _should_give_up(update.trouble, len(jobs.workers), jobs.unserved(job.checkpoint)):
                await jobs.cancel(job.id)
                raise WorkerUnavailable(reason=update.trouble.reason)


def _should_give_up(trouble: WorkerTrouble, workers: int, unserved: Unserved | None) -> bool:
    """Whether to stop waiting: no worker is there, or this one never became ready and no other may paint the job.

    Not while one that may is being started.
    """
    if isinstance(trouble, WorkerDied):
        return not trouble.was_ready and (workers == 1 or trouble.failures >= GIVE_UP_AFTER)
    return trouble.failures >= GIVE_UP_AFTER and not (unserved and unserved.starting)


def _as_json(painted: PaintedJob) -> dict[str, object]:
    job = painted.job
    return {
        "job": job.id,
        "pictures": [str(path) for path in painted.pictures],
        "seeds": job.request.seeds,
        "seconds": job.seconds,
        "attempts": job.attempt,
        "notes": job.notes,
        "request": json.loads(job.request.model_dump_json()),
    }
