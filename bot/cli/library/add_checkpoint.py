"""`library add-checkpoint`: a checkpoint by a link or as files, checked, with the section that declares it."""

from __future__ import annotations

import argparse
import asyncio
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bot.cli import DONE, harmless
from bot.cli.terminal.progress import progress_bar
from bot.cli.terminal.questions import Ask, choice, terminal
from bot.cli.terminal.settings import DEFAULT_CONFIG, add_config, command, config_file, settings_of
from bot.config import CheckpointSettings, ConfigError, Settings
from bot.config.example import toml_value
from bot.sources.choosing import refusal_of_scan
from bot.sources.downloads.files import Download, WantedFile
from bot.sources.downloads.folders import FolderDownload, RemoteFolder
from bot.sources.downloads.placing import PART
from bot.sources.errors import Archived, NoSafetensors, NotCheckpoint, SourceError
from bot.sources.hubs.civitai import CHECKPOINT_KIND, Civitai
from bot.sources.hubs.http import SourceHttp
from bot.sources.hubs.hub import HUB, HuggingFace
from bot.sources.hubs.links import CivitaiLink, HubLink, parse_link
from bot.sources.hubs.remote import RemoteVersion
from inference.base_models import OPEN_LINEAGES, BaseModelId
from inference.checkpoints.files import DamagedWeights, read_checkpoint
from inference.checkpoints.inspection import inspect_checkpoint, possible_base_models
from inference.files.hashes import checkpoint_sha256
from inference.lora.known.known_bases import FULL_HASHES
from inference.lora.known.registry import named_base_model
from inference.lora.words.titles import bases_in_checkpoint_name

FOLDER = "checkpoints"  # beside the settings


def add(actions: Any) -> None:
    """Declare the command."""
    parser = actions.add_parser(
        "add-checkpoint",
        help="download a checkpoint from a link, or check local files",
        description="Download a checkpoint from Civitai or Hugging Face, or use local files. Check the files, "
        "and print the section that declares them in the settings.",
    )
    parser.add_argument("source", metavar="LINK|FILE", help="a link, a .safetensors file or a diffusers folder")
    parser.add_argument(
        "--base",
        metavar="ARCHITECTURE/LINEAGE",
        help="base model, such as sdxl/illustrious; needed only if the files do not tell it",
    )
    parser.add_argument("--name", help="name that users choose (default: the file name)")
    add_config(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Fetch and check it, and print its section."""
    settings, place = settings_of(options), config_file(options)
    here = Path(options.source)
    claimed = ""
    if not here.exists():
        folder = (place.resolve().parent if place else Path.cwd()) / FOLDER
        try:
            here, claimed = asyncio.run(_fetched(settings, options.source, folder))
        except SourceError as problem:
            raise ConfigError(str(problem)) from None
    ask = terminal() if sys.stdout.isatty() else None  # a question must not get into a file
    base, notes = _base_model(here, claimed, options.base, place, ask)
    found = inspect_checkpoint(here, base)
    if found.problems:
        raise ConfigError(f"{here} cannot be used as {base}: {'; '.join(found.problems)}.")
    name = options.name or here.stem[:64]
    print(f"# Add this to {place or DEFAULT_CONFIG}, and check it with `{command('doctor', place)}`.")
    for line in (*notes, *found.doubts):
        print(f"# {harmless(line)}")
    print(_section(name, here, base))
    return DONE


async def _fetched(settings: Settings, typed: str, folder: Path) -> tuple[Path, str]:
    """The fetched file, and what its hub calls its base model. Raises SourceError or ConfigError."""
    link = parse_link(typed)
    http = SourceHttp(lambda: settings.sources)
    try:
        if isinstance(link, CivitaiLink):
            model = await Civitai(http, lambda: settings.sources).model(link)
        elif isinstance(link, HubLink) and link.path is None:
            whole = await HuggingFace(http, lambda: settings.sources).folder(link)
            if whole.is_checkpoint:
                return await _fetched_folder(http, settings, whole, folder / _plain(whole.name)), whole.base_model
            model = await HuggingFace(http, lambda: settings.sources).model(link)
        elif isinstance(link, HubLink):
            model = await HuggingFace(http, lambda: settings.sources).model(link)
        else:
            raise ConfigError(f"{typed} is neither a file nor a Civitai or Hugging Face link.")
        version = model.versions[0]
        target = folder / _file_name(version)
        await _download(http, settings, version, target)
        return target, version.base_model or ""
    finally:
        await http.close()


def _file_name(version: RemoteVersion) -> str:
    """The name under which its file is kept. Raises SourceError for what is no checkpoint with a file."""
    if version.hub != HUB and version.kind != CHECKPOINT_KIND:
        raise NotCheckpoint(name=version.name, kind=version.kind)
    if version.archived:
        raise Archived(host=version.hub)
    if (refusal := refusal_of_scan(version)) is not None:
        raise refusal
    if version.file is None:
        raise NoSafetensors(host=version.hub)
    return _plain(version.file.name) or "checkpoint.safetensors"


def _plain(name: str) -> str:
    """A name of a file or folder without anything that could mean more than a name."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in name).lstrip(".-")


async def _fetched_folder(http: SourceHttp, settings: Settings, folder: RemoteFolder, target: Path) -> Path:
    """Where a repository is as a folder. Raises SourceError or ConfigError."""
    if await asyncio.to_thread(target.exists):
        raise ConfigError(f"{target} already exists. Give it in place of the link, or move it away.")
    with progress_bar("megabytes") as progress:
        await FolderDownload(
            http, folder, target, settings.sources, lambda done, all_: progress(done >> 20, all_ >> 20)
        ).run()
    return target


async def _download(http: SourceHttp, settings: Settings, version: RemoteVersion, target: Path) -> None:
    file, sources = version.file, settings.sources
    assert file is not None
    if await asyncio.to_thread(target.exists):
        raise ConfigError(f"{target} already exists. Give it in place of the link, or move it away.")
    wanted = WantedFile.of(file, version.name, sources.max_checkpoint_gigabytes * 2**30, sources)
    part = target.with_name(f"{target.name}{PART}")
    with progress_bar("megabytes") as progress:
        await Download(http, wanted, part, lambda size, total: progress(size >> 20, (total or size) >> 20)).run()
    part.replace(target)


def _base_model(
    here: Path, claimed: str, declared: str | None, config: Path | None, ask: Ask | None
) -> tuple[BaseModelId, list[str]]:
    """The base model, and how Easel knows it: by the files, or from the operator. Raises ConfigError.

    The files are inspected first. If several base models are possible, it asks the person at the terminal.
    """
    try:
        possible = possible_base_models(here)
    except DamagedWeights as problem:
        raise ConfigError(f"{here} cannot be used: {problem}.") from None
    except OSError as problem:
        raise ConfigError(f"{problem.filename or here} cannot be read: {problem.strerror}.") from None
    if declared is not None:
        return _agreed(here, _parsed(declared), possible, claimed)
    if len(possible) == 1 and possible[0].architecture not in OPEN_LINEAGES:
        return possible[0], [f"Its layers are those of {possible[0].label}."]
    if (proven := _published(here)) is not None:
        return proven, [f"Its hash is that of a published {proven.label} checkpoint."]
    return _asked(here, claimed, possible, config, ask), []


def _parsed(declared: str) -> BaseModelId:
    try:
        return BaseModelId(declared)
    except ValueError as problem:
        raise ConfigError(f"--base: {problem}.") from None


def _agreed(
    here: Path, base: BaseModelId, possible: Sequence[BaseModelId], claimed: str
) -> tuple[BaseModelId, list[str]]:
    """Return the declared base model if the file does not contradict it. Raises ConfigError."""
    by_layers = {each.architecture for each in possible} & OPEN_LINEAGES
    if possible and base not in possible and base.architecture not in by_layers:
        others = ", ".join(possible)
        raise ConfigError(f"{here} is not {base}, as --base says: its layers are those of {others}. Correct --base.")
    is_clear = len(possible) == 1 and possible[0].architecture not in OPEN_LINEAGES
    proven = None if is_clear else _published(here)
    if proven not in {None, base}:
        raise ConfigError(f"{here} is {proven}, by its hash, and not {base}, as --base says. Correct --base.")
    hint, origin = _hint(here, claimed)
    return base, [f"{origin} {hint}, but --base says {base}."] if hint not in {None, base} and proven is None else []


def _published(here: Path) -> BaseModelId | None:
    """The base model of a published file with the same hash."""
    if not here.is_file():
        return None
    with progress_bar("hashing, MB") as progress:
        return FULL_HASHES.get(checkpoint_sha256(here, progress))


def _hint(here: Path, claimed: str) -> tuple[BaseModelId | None, str]:
    """The base model that its page, its metadata or its file name suggests, and which of them does: hints, no proof."""
    if (named := named_base_model(claimed)) is not None:
        return named, "Its page says"
    try:
        title = read_checkpoint(here).metadata.get("modelspec.title", "")
    except (OSError, ValueError):
        title = ""
    for name, origin in ((title, "Its metadata say"), (here.name, "Its name says")):
        if len(named := bases_in_checkpoint_name(name)) == 1:
            return next(iter(named)), origin
    return None, ""


def _asked(
    here: Path, claimed: str, possible: Sequence[BaseModelId], config: Path | None, ask: Ask | None
) -> BaseModelId:
    """The base model that a person chooses. Raises ConfigError without a person, or if nobody knows it."""
    hint, origin = _hint(here, claimed)
    if possible and hint not in possible:
        hint = None
    layers = f"its layers are those of {', '.join(possible)}" if possible else "Easel does not know its layers"
    says = f"The files do not tell the base model of {here}: {layers}."
    if ask is None or not possible:
        told = f" {origin} {hint}. If that is right, run" if hint else " Find it on the checkpoint's page, and run"
        path = shlex.quote(str(here))
        again = command(f"library add-checkpoint {path} --base {hint or 'ARCHITECTURE/LINEAGE'}", config)
        raise ConfigError(f"{says}{told} `{again}`.")
    print(harmless(says), *([f"{origin} {hint}."] if hint else []))
    lines = [*(f"{each} ({each.label})" for each in possible), "I do not know"]
    chosen = choice(ask, "Base model, as the checkpoint's page says", lines, possible.index(hint) if hint else None)
    if chosen == len(possible):
        raise ConfigError("Easel uses no checkpoint of unknown base model. Find it on the checkpoint's page first.")
    return possible[chosen]


def _section(name: str, here: Path, base: BaseModelId) -> str:
    try:
        checkpoint = CheckpointSettings(name=name, path=here.resolve(), base_model=base)
    except ValueError as problem:
        raise ConfigError(f"--name: {problem}") from None
    values = {"name": checkpoint.name, "path": str(checkpoint.path), "base_model": str(base)}
    return "\n".join(["[[checkpoints]]", *(f"{key} = {toml_value(value)}" for key, value in values.items())])
