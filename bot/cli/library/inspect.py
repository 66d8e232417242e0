"""`library inspect`: what single LoRA files are, wherever they lie, and on which checkpoints they go."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from bot.cli import DONE, REFUSED, harmless
from bot.cli.terminal.settings import add_config, settings_of
from bot.config import CheckpointSettings, ConfigError, Settings
from bot.database.database import Database, read_database
from bot.database.errors import NoDatabase, OlderDatabase
from bot.library.checkpoints import identify
from bot.library.installed_checkpoints import matcher_of
from inference.inspection import Inspector
from inference.lora.few_steps import FewSteps
from inference.lora.knowledge import Knowledge
from inference.lora.known.installed import installed_hashes, installed_predictions
from inference.messages.checkpoints import CheckpointSpec

if TYPE_CHECKING:
    from bot.cli import Commands


def add(actions: Commands) -> None:
    """Declare the command."""
    parser = actions.add_parser(
        "inspect",
        help="identify LoRA files and the checkpoints that they fit, without a scan",
        description="Identify LoRA files in any folder, and the checkpoints that they fit. Works while the bot runs.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="LoRA files")
    parser.add_argument("--checkpoint", metavar="NAME", help="judge for this checkpoint only")
    parser.add_argument(
        "--autov3", action="store_true", help="print the hashes too, which hubs and pictures use for LoRAs"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object per line, in the given order")
    add_config(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print what each file is. A broken file makes the exit code 1 and stops nothing."""
    inspector = _inspector(settings_of(options), options.checkpoint, autov3=options.autov3)
    broken = False
    for path in options.files:
        told = inspector.inspect(path)
        broken = broken or bool(told["problems"])
        print(json.dumps(told) if options.json else _sentences(told), flush=True)
    return REFUSED if broken else DONE


def _inspector(settings: Settings, name: str | None, *, autov3: bool) -> Inspector:
    """An inspector with the settings, the declarations and the hashes of the checkpoints."""
    specs = asyncio.run(identified(settings))
    chosen = [spec for spec in specs if name is None or spec.name == name]
    if name is not None and not chosen:
        installed = ", ".join(spec.name for spec in specs)
        raise ConfigError(f"There is no checkpoint {name}; installed are {installed}.")
    return Inspector(knowledge(settings, specs), matcher_of(settings.matching, chosen), autov3)


def knowledge(settings: Settings, specs: Sequence[CheckpointSpec]) -> Knowledge:
    """Return the knowledge about the library's files, with these checkpoints installed. Raises BadDeclarations."""
    return Knowledge.of(
        settings.library.folder,
        installed_hashes(specs),
        trust_tags=settings.matching.trust_tags,
        few_steps=settings.library.few_step_files,
        predictions=installed_predictions(specs),
    )


async def identified(settings: Settings) -> list[CheckpointSpec]:
    """The checkpoints with their hashes, looked up in the database if there is one. Nothing is written there."""
    async with AsyncExitStack() as stack:
        try:
            db = await stack.enter_async_context(read_database(settings.storage.database))
        except (NoDatabase, OlderDatabase):
            db = None
        return [await _identified(db, checkpoint) for checkpoint in settings.checkpoints]


async def _identified(db: Database | None, checkpoint: CheckpointSettings) -> CheckpointSpec:
    """The specification of a checkpoint; from its settings alone if its files are missing (an unplugged disk, say)."""
    try:
        (spec,) = await identify(db, [checkpoint], remember=False)
    except ConfigError:
        return checkpoint.spec(None)
    return spec


def _sentences(told: Mapping[str, Any]) -> str:
    """The result as text for people. Metadata of files is untrusted, so it is escaped."""
    lines = [f"{harmless(told['file'])}"]
    lines += [f"  problem: {harmless(problem)}" for problem in told["problems"]]
    if told["modules"]:
        lines.append(f"  base model: {told['base_model'] or 'unknown'} ({told['architecture']}: {told['grade']})")
        lines.append(f"  format: {told['format']}, rank {told['rank'] or 'not given'}, {told['modules']} modules")
    if told["sha256"]:
        autov3 = f", AutoV3 {told['autov3']}" if told["autov3"] else ""
        lines.append(f"  SHA-256 {told['sha256']}, AutoV2 {told['autov2']}{autov3}")
    lines += [f"  because {harmless(reason)}" for reason in told["reasons"]]
    lines += [f"  but {harmless(each)}" for each in told["contradictions"]]
    lines += [f"  note: {harmless(note)}" for note in told["notes"]]
    if told["trigger_words"]:
        lines.append(f"  trigger words: {harmless(', '.join(told['trigger_words']))}")
    if told["prediction"]:
        lines.append(f"  prediction: {told['prediction']['type']} ({told['prediction']['source']})")
        lines += [f"  but {harmless(each)}" for each in told["prediction"]["contradictions"]]
    if told["allowed_on"]:
        lines.append(f"  allowed by an operator on: {', '.join(told['allowed_on'])}")
    if told["few_steps"]:
        lines.append(f"  few steps: {harmless(str(FewSteps.model_validate(told['few_steps'])))}")
    verdicts = cast("dict[str, dict[str, Any]]", told["verdict"])
    lines += [
        f"  {name}: {'yes' if each['fits'] else 'no'}. {harmless(each['reason'])}" for name, each in verdicts.items()
    ]
    return "\n".join(lines)
