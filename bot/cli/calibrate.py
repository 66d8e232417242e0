"""`calibrate`: measures how many pictures are worth painting together, so that no job has to."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack

from rich.table import Table

from bot.app.assembly import open_catalogue
from bot.app.from_settings import local_folders, require_checkpoints, worker_options
from bot.cli import DONE, UNUSABLE, advising
from bot.cli.terminal.ending import until_asked
from bot.cli.terminal.output import Output
from bot.cli.terminal.settings import add_config, settings_of
from bot.config import ConfigError, Settings
from inference.errors import CheckpointNotFound
from inference.messages.calibration import Calibrate, Calibrated
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.commands import Configure
from inference.messages.options import WorkerOptions
from inference.processes.child_processes import module_command
from inference.workers.local import environment_of

MEASURING_BOT = "a running bot uses the device and measures by itself; stop it to measure now"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = (
        "Measure the best batch size for each picture size. Stop the bot first. A running bot measures it by itself."
    )
    parser.add_argument("--checkpoint", metavar="NAME", help="this checkpoint only")
    parser.add_argument("--json", action="store_true", help="print one JSON object per size instead of a table")
    add_config(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Measure every size of every checkpoint on every device; 2 when something could not be measured."""
    settings = settings_of(options)
    require_checkpoints(settings)
    found = asyncio.run(until_asked(_all(settings, options.checkpoint)))
    if options.json:
        for device, each in found:
            print(json.dumps({"device": device, **each.model_dump()}))
    else:
        Output().print(_table(found))
    return UNUSABLE if any(each.problem for _, each in found) else DONE


async def _all(settings: Settings, only: str | None) -> list[tuple[str, Calibrated]]:
    async with AsyncExitStack() as stack:
        with advising(MEASURING_BOT):  # the lock is held to the end: no other Easel uses the device meanwhile
            known = await stack.enter_async_context(open_catalogue(settings))
        specs = known.configuration.checkpoints.specs
        if only is not None and only not in {spec.name for spec in specs}:
            raise CheckpointNotFound(name=only, installed=[spec.name for spec in specs])
        found: list[tuple[str, Calibrated]] = []
        for options in worker_options(settings, specs):
            found += [(options.device, each) async for each in _measured(_order(settings, options, only))]
        return found


def _order(settings: Settings, options: WorkerOptions, only: str | None) -> Calibrate:
    declared = {checkpoint.name: checkpoint for checkpoint in settings.checkpoints}
    wanted: tuple[CheckpointSpec, ...] = tuple(s for s in options.checkpoints if only is None or s.name == only)
    sizes = tuple((spec.name, size.width, size.height) for spec in wanted for size in declared[spec.name].sizes)
    return Calibrate(
        configure=Configure.of(options.model_copy(update={"places": None}), local_folders(settings)), sizes=sizes
    )


async def _measured(order: Calibrate) -> AsyncGenerator[Calibrated]:
    pipe = asyncio.subprocess.PIPE
    environment = environment_of(order.configure)
    command = module_command("inference.engine.process.calibrating")
    process = await asyncio.create_subprocess_exec(
        *command, stdin=pipe, stdout=pipe, env=environment, start_new_session=True
    )  # Ctrl-C is for us alone
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(order.model_dump_json().encode() + b"\n")
        await process.stdin.drain()
        async for line in process.stdout:
            yield Calibrated.model_validate_json(line)
    except asyncio.CancelledError:
        process.kill()
        raise
    finally:
        code = await process.wait()
    if code:
        raise ConfigError(f"The measuring process ended with exit code {code}; its output is above.")


def _table(found: list[tuple[str, Calibrated]]) -> Table:
    table = Table("device", "checkpoint", "size", "together", "seconds per step and picture")
    for device, each in found:
        steps = ", ".join(f"{count}: {seconds / count:.3g}" for count, seconds in each.seconds.items())
        together = "-" if each.places is None else str(each.places)
        table.add_row(device, each.checkpoint, f"{each.width}x{each.height}", together, each.problem or steps)
    return table
