"""`library add-checkpoint`: a checkpoint by a link or as files, checked, with the section that declares it."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import Any

from bot.cli import DONE
from bot.cli.progress import progress_bar
from bot.cli.settings import add_config, config_file, settings_of
from bot.config import CheckpointSettings, ConfigError, Settings
from bot.config.example import toml_value
from bot.sources.choosing import refusal_of_scan
from bot.sources.civitai import CHECKPOINT_KIND, Civitai
from bot.sources.downloads import Download, WantedFile
from bot.sources.errors import Archived, NoSafetensors, NotLora, SourceError
from bot.sources.folders import FolderDownload, RemoteFolder
from bot.sources.http import SourceHttp
from bot.sources.hub import HUB, HuggingFace
from bot.sources.links import CivitaiLink, HubLink, parse_link
from bot.sources.placing import PART
from bot.sources.remote import RemoteVersion
from inference.base_models import BaseModelId
from inference.checkpoint_inspection import inspect_checkpoint
from inference.hashes import checkpoint_sha256
from inference.lora.known_bases import FULL_HASHES
from inference.lora.registry import named_base_model

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
        help="base model, such as sdxl/illustrious; optional for files with a known hash",
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
    base = _base_model(options.base, here, claimed)
    found = inspect_checkpoint(here, base)
    if found.problems:
        raise ConfigError(f"{here} cannot be used as {base}: {'; '.join(found.problems)}.")
    name = options.name or here.stem[:64]
    print("\n".join(f"# {doubt}" for doubt in found.doubts), end="\n" if found.doubts else "")
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
        raise NotLora(name=version.name, kind=version.kind)
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


def _base_model(declared: str | None, here: Path, claimed: str) -> BaseModelId:
    """What the operator declares, or what the file's hash proves. Raises ConfigError."""
    with progress_bar("hashing, MB") as progress:
        proven = FULL_HASHES.get(checkpoint_sha256(here, progress)) if here.is_file() else None
    if declared is None:
        if proven is not None:
            return proven
        hint = named_base_model(claimed)
        told = f" Its page says {claimed}; if that is right, add --base {hint}." if hint else " Set it with --base."
        raise ConfigError(f"Easel cannot tell the base model of {here}.{told}")
    try:
        base = BaseModelId(declared)
    except ValueError as problem:
        raise ConfigError(f"--base: {problem}.") from None
    if proven is not None and proven != base:
        raise ConfigError(f"{here} is {proven}, by its hash, not {base}.")
    return base


def _section(name: str, here: Path, base: BaseModelId) -> str:
    try:
        checkpoint = CheckpointSettings(name=name, path=here.resolve(), base_model=base)
    except ValueError as problem:
        raise ConfigError(f"--name: {problem}") from None
    values = {"name": checkpoint.name, "path": str(checkpoint.path), "base_model": str(base)}
    return "\n".join(["[[checkpoints]]", *(f"{key} = {toml_value(value)}" for key, value in values.items())])
