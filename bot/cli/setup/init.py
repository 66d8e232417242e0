"""`init DIR`: asks for what a first config.toml needs, and writes it with the folders that it names.

Whoever sits at a terminal is asked; options answer in place of a person, and defaults where there is neither. What is
written passes `doctor`: files that are named are there, and are what they are declared to be.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bot.app.demo_settings import copy_demo
from bot.cli import DONE, discord_id
from bot.cli.setup.certificate import CERTIFICATE, KEY, ensure_certificate
from bot.cli.terminal.questions import Ask, choice, terminal, text, yes
from bot.cli.terminal.settings import command, device
from bot.config import CheckpointSettings, ConfigError, LibrarySettings, load_settings
from bot.config.bot_token import NO_TOKEN, WHERE, looks_like_token
from bot.config.example import short_config_text
from bot.config.presets import PRESETS, Preset
from bot.config.reference import all_settings
from bot.config.section import expanded, is_repository
from bot.config.sections.retention import RetentionSettings
from bot.config.sections.storage import StorageSettings
from bot.config.settings import read_secret
from bot.diagnostics.capacity import SPEED, CheckpointSize, check_capacity
from bot.diagnostics.cards import AUTO, CPU, check_cards
from bot.diagnostics.checkpoints import check_files, load_of
from bot.diagnostics.facts import MachineFacts, look
from bot.diagnostics.finding import Finding, FindingGrade
from bot.diagnostics.folders import why_unwritable
from bot.file_access import Need, why
from inference.base_models import BaseModelId
from inference.messages.options import Offload

CONFIG = "config.toml"
DEMO = "demo"
PICTURES_DAYS = 365
_WHERE_IDS = "in Discord: Settings, Advanced, Developer Mode; then right-click your name, Copy User ID"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--demo", action="store_true", help="with the two demo checkpoints and their LoRAs")
    parser.add_argument(
        "--device", action="append", type=device, metavar="NAME", help="auto, cuda:0, mps or cpu; may be repeated"
    )
    known = ", ".join(preset.base_model for preset in PRESETS)
    parser.add_argument("--base", metavar="BASE", help=f"base model: {known}, or any other architecture/lineage")
    parser.add_argument(
        "--checkpoint", metavar="WHERE", help="a .safetensors file, a folder, or OWNER/NAME on Hugging Face"
    )
    parser.add_argument("--loras", type=Path, metavar="FOLDER", help="the folder of LoRA files (default: loras in DIR)")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="database and pictures (default: data in DIR)")
    parser.add_argument(
        "--operator", action="append", type=discord_id, metavar="ID", help="Discord id; may be repeated"
    )
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="a file with the bot's token")
    parser.add_argument(
        "--pictures-days",
        type=_days,
        metavar="DAYS",
        help=f"days to keep pictures that nobody published; 0: for ever (default: {PICTURES_DAYS})",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help=f"write into a folder that is not empty; an existing {CONFIG} is renamed",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Ask, write, and say what comes next."""
    ask = None if options.demo else terminal()
    folder: Path = options.folder
    try:
        _may_write(folder, ask, overwrite=options.overwrite)
        answers = Questionnaire(options, ask).answers()
        with _removed_on_failure(folder):
            written = _write(folder, answers)
    except UnicodeEncodeError:  # a file's name may be any bytes
        raise ConfigError(f"{CONFIG} must be UTF-8, but a path that you gave is not. Rename the path.") from None
    except OSError as problem:
        raise ConfigError(f"The folder {folder} cannot be written: {why(problem, folder, Need.FOLDER)}.") from None
    print(_next_steps(written, answers))
    return DONE


@dataclass(frozen=True)
class Answers:
    """What a first config.toml says. `checkpoint` is its declaration, None for the demo's two."""

    checkpoint: Mapping[str, Any] | None
    devices: tuple[str, ...] = ()
    operators: tuple[int, ...] = ()
    loras: Path | None = None
    data: Path | None = None
    token_file: Path | None = None
    pictures_days: int = PICTURES_DAYS


def _may_write(folder: Path, ask: Ask | None, *, overwrite: bool) -> None:
    """Raise ConfigError unless the folder is new or empty, or somebody allows to write into it."""
    if overwrite or not folder.exists():
        return
    if not folder.is_dir():
        raise ConfigError(f"{folder} is a file. Give a folder.")
    if not any(folder.iterdir()):
        return
    there = (folder / CONFIG).exists()
    if ask is None:
        raise ConfigError(
            f"The folder {folder} is not empty. Choose an empty folder, or add --overwrite, which renames an existing "
            f"{CONFIG}."
        )
    question = f"There is a {CONFIG} in {folder}. Write a new one, and rename the old one?"
    if not yes(ask, question if there else f"{folder} is not empty. Write a {CONFIG} into it?", default=not there):
        raise ConfigError("No file was written.")


@dataclass
class Questionnaire:
    """The questions, each answered by an option, a person, or a default."""

    options: argparse.Namespace
    ask: Ask | None

    @cached_property
    def facts(self) -> MachineFacts:
        """This machine; looking at it takes a few seconds."""
        print("Looking at this machine …", flush=True)
        return look()

    def answers(self) -> Answers:
        """All answers. Raises ConfigError for one that cannot be used."""
        given = self.options
        if given.demo:
            if given.base or given.checkpoint or given.loras:
                raise ConfigError(
                    "--demo brings its checkpoints and LoRAs. Leave out --base, --checkpoint and --loras, or --demo."
                )
            return self._common(Answers(None, tuple(given.device or ()), data=given.data))
        devices = tuple(given.device or self._devices())
        checkpoint = self._checkpoint(devices)
        answers = self._common(Answers(checkpoint, devices))
        if checkpoint is None:
            return answers
        return replace(
            answers,
            loras=self._folder(given.loras, "Folder of LoRA files", "loras"),
            data=self._folder(given.data, "Folder for database and pictures", "data"),
        )

    def _common(self, answers: Answers) -> Answers:
        """The answers that the demo needs too."""
        return replace(
            answers, token_file=self._token_file(), operators=self._operators(), pictures_days=self._pictures_days()
        )

    def _devices(self) -> Sequence[str]:
        findings = check_cards(self.facts, (AUTO,))
        if self.ask is None:
            return (AUTO,)
        for finding in findings:
            print(f"{finding.what}: {finding.says}")
        torch = self.facts.torch
        cards = [f"cuda:{number}" for number in range(len(torch.cards))] if torch else []
        lines = [f"{AUTO} (the best available)", *cards, *(["all cards"] if len(cards) > 1 else []), CPU]
        chosen = lines[choice(self.ask, "Which device generates pictures?", lines)]
        return tuple(cards) if chosen == "all cards" else (chosen.split()[0],)

    def _checkpoint(self, devices: Sequence[str]) -> Mapping[str, Any] | None:
        """The declaration of the checkpoint; None for the demo's."""
        if self.options.base is None and self.options.checkpoint is None and self.ask is not None:
            return self._asked_checkpoint(devices)
        preset = self._named_preset(devices)
        if preset is None:
            return None
        source = self.options.checkpoint or (preset.repository if self.ask is None else None)
        if source is not None:
            return _declared(preset, source)
        if self.ask is None:
            raise ConfigError(
                f"{preset.name} must be downloaded by hand: {preset.get}. Give it with --checkpoint FILE."
            )
        declared = self._asked_source(preset)
        if declared is None:
            raise ConfigError("No file was written. Run init again when the checkpoint is there.")
        return declared

    def _asked_checkpoint(self, devices: Sequence[str]) -> Mapping[str, Any] | None:
        while (preset := self._asked_preset(devices)) is not None:
            if (declared := self._asked_source(preset)) is not None:
                return declared
        return None

    def _named_preset(self, devices: Sequence[str]) -> Preset | None:
        base, source = self.options.base, self.options.checkpoint
        if base is not None:
            return _preset(base)
        if self.ask is not None:
            return self._asked_preset(devices)
        if source is not None:
            raise ConfigError(f"Give the base model of {source}, such as --base {PRESETS[0].base_model}.")
        preset = next((p for p in PRESETS if p.repository and self._advice(p, devices) is None), None)
        why = "because this machine is too small or too slow for a larger one"
        print(f"Chosen: {preset.base_model} ({preset.pictures})." if preset else f"Chosen: the demo, {why}.")
        return preset

    def _asked_preset(self, devices: Sequence[str]) -> Preset | None:
        assert self.ask is not None
        print("What kind of pictures? Each LoRA fits one base model. Choose the base model of the LoRAs that you want.")
        advice = [self._advice(preset, devices) for preset in PRESETS]
        lines = [
            f"{preset.name} ({preset.base_model}): {preset.pictures}{f'. {says}' if says else ''}"
            for preset, says in zip(PRESETS, advice, strict=True)
        ]
        lines.append("the demo: tiny pictures of shapes, without downloads")
        default = next((number for number, says in enumerate(advice) if says is None), len(PRESETS))
        chosen = choice(self.ask, "Which one?", lines, default)
        return PRESETS[chosen] if chosen < len(PRESETS) else None

    def _advice(self, preset: Preset, devices: Sequence[str]) -> str | None:
        """What speaks against a preset on this machine; None where nothing does."""
        load = load_of(_settings_of(preset.declaration(preset.repository or "owner/name")))
        found = check_capacity(self.facts, [replace(load, estimated=True)], devices, Offload.WHEN_SHORT)
        return next((_in_short(finding, load) for finding in found if finding.grade is not FindingGrade.OK), None)

    def _asked_source(self, preset: Preset) -> Mapping[str, Any] | None:
        """The declaration of a checkpoint that a person names; None without an answer, where nothing can stand in."""
        assert self.ask is not None
        place = (self.options.folder / "checkpoints").resolve()
        print(f"Where is the checkpoint? For example {preset.get}.")
        print(f"Put it anywhere, for example into {place}, and enter its path, a folder in diffusers'")
        print("layout, or with OWNER/NAME of the Hugging Face hub.")
        without = f"{preset.repository} is downloaded at first use" if preset.repository else "choose again"
        print(f"Without an answer {without}.")
        while True:
            source = text(self.ask, "Checkpoint", preset.repository or "")
            if not source:
                return None
            try:
                return _declared(preset, source)
            except ConfigError as problem:
                print(f"This value cannot be used: {problem}")

    def _token_file(self) -> Path | None:
        given: Path | None = self.options.token_file
        if given is not None:
            return _token_in(given)
        while self.ask is not None:
            print(f"A file with the bot's token from {WHERE}. You can also set it later.")
            answer = text(self.ask, "Token file, or leave empty")
            if not answer:
                break
            if looks_like_token(answer):
                print("This is the token itself. Save it in a file, and give the path of the file.")
                continue
            try:
                return _token_in(Path(answer))
            except ConfigError as problem:
                print(problem)
        return None

    def _pictures_days(self) -> int:
        given: int | None = self.options.pictures_days
        if given is not None:
            return given
        while self.ask is not None:
            print(
                "Easel can delete old pictures. It always keeps published pictures, and pictures with a LoRA that their"
            )
            print("author bookmarked or saved in a stack.")
            try:
                return _days(text(self.ask, "Days to keep other pictures, 0 for ever", str(PICTURES_DAYS)))
            except argparse.ArgumentTypeError as problem:
                print(problem)
        return PICTURES_DAYS

    def _operators(self) -> tuple[int, ...]:
        if self.options.operator is not None:
            return tuple(self.options.operator)
        while self.ask is not None:
            print(f"Discord ids of the operators, who can declare base models ({_WHERE_IDS}).")
            words = text(self.ask, "Ids, or leave empty").replace(",", " ").split()
            try:
                return tuple(map(discord_id, words))
            except argparse.ArgumentTypeError as problem:
                print(problem)
        return ()

    def _folder(self, given: Path | None, question: str, usual: str) -> Path:
        if given is not None:
            return _absolute(given)
        if self.ask is None:
            return Path(usual)
        answer = text(self.ask, question, usual)
        return Path(usual) if answer == usual else _absolute(Path(answer))


def _absolute(path: Path) -> Path:
    """The whole path. Raises ConfigError if `~` names nobody."""
    try:
        return expanded(path).resolve()
    except ValueError as problem:
        raise ConfigError(f"{path} cannot be used: {problem}.") from None


def _token_in(path: Path) -> Path:
    """The whole path of a file that holds a token. Raises ConfigError."""
    file = _absolute(path)
    read_secret(file, "discord.token_file")
    return file


def _days(typed: str) -> int:
    """Days of keeping as a person types them. Raises ArgumentTypeError."""
    try:
        return RetentionSettings.model_validate({"pictures_days": typed}).pictures_days
    except ValidationError:
        raise argparse.ArgumentTypeError(f"Give a {all_settings()['retention.pictures_days'].values}.") from None


def _preset(base: str) -> Preset | None:
    """The preset of a base model, or one made for a base model that has none; None for the demo."""
    if base == DEMO:
        return None
    try:
        base_model = BaseModelId(base)
    except ValueError as problem:
        raise ConfigError(f"--base: {problem}.") from None
    known = next((preset for preset in PRESETS if preset.base_model == base_model), None)
    return known or Preset(base_model.label, base_model, "", f"a checkpoint of {base_model.label}")


def _declared(preset: Preset, source: str) -> dict[str, Any]:
    """The declaration of a checkpoint that is looked at first. Raises ConfigError with what is wrong with it."""
    path = _absolute(Path(source))
    is_name = is_repository(source) and not path.suffix and not path.exists()
    declared = preset.declaration(source if is_name else path)
    for finding in check_files(_settings_of(declared)):
        if finding.grade is FindingGrade.PROBLEM:
            raise ConfigError(f"{finding.says}.")
    return declared


def _settings_of(declared: Mapping[str, Any]) -> CheckpointSettings:
    return CheckpointSettings.model_validate(declared)


def _in_short(finding: Finding, load: CheckpointSize) -> str:
    """What a list has room for; `doctor` tells the arithmetic."""
    if finding.what == SPEED:
        return f"Slow here: {finding.says.partition('takes ')[2].partition(' (')[0]} a picture"
    short = (
        "Too large for the memory of this machine"
        if finding.grade is FindingGrade.PROBLEM
        else "Slower here, because memory is short"
    )
    return f"{short} (about {sum(load.networks.values()) * 2 / 1e9:.1f} GB of weights)"


@contextmanager
def _removed_on_failure(folder: Path) -> Generator[None]:
    """On failure, remove everything that was written into a folder that was new or empty."""
    new = next((each for each in (*reversed(folder.parents), folder) if not each.exists()), None)
    empty = new is None and not any(folder.iterdir())
    try:
        yield
    except BaseException:
        if new is not None:
            shutil.rmtree(new, ignore_errors=True)
        elif empty:
            for each in folder.iterdir():
                shutil.rmtree(each) if each.is_dir() else each.unlink()
        raise


def _write(folder: Path, answers: Answers) -> Path:
    """Write the folder and return its config.toml; a former one is kept. Raises ConfigError and OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    declared = copy_demo(folder) if answers.checkpoint is None else [answers.checkpoint]
    sections: dict[str, Mapping[str, Any]] = {
        "discord": {"token_file": answers.token_file, "operators": answers.operators or None},
        "storage": {"folder": answers.data or StorageSettings().folder},
        "library": {"folder": answers.loras or LibrarySettings().folder},
        "sources": {"updates": True},
        "worker": {"devices": answers.devices or (AUTO,)} | ({"threads": 1} if answers.checkpoint is None else {}),
        "retention": {"pictures_days": answers.pictures_days},
        "c2pa": {"certificate": CERTIFICATE.as_posix(), "key": KEY.as_posix()},
    }
    draft, config = folder / f"{CONFIG}.part", folder / CONFIG
    try:
        draft.write_text(short_config_text(declared, **sections), "utf-8")
        settings = load_settings(draft)
        for each, option in ((settings.storage.folder, "--data"), (settings.library.folder, "--loras")):
            if (reason := why_unwritable(each)) is not None:
                raise ConfigError(
                    f"{each} cannot be written: {reason}. Otherwise, choose another folder with {option}."
                )
        ensure_certificate(settings.c2pa)
    except (ConfigError, OSError, UnicodeEncodeError):
        draft.unlink(missing_ok=True)
        raise
    (folder / "checkpoints").mkdir(exist_ok=True)
    if config.exists():
        former = next(path for number in count(1) if not (path := folder / f"{CONFIG}.before-{number}").exists())
        config.rename(former)
        print(f"The former {CONFIG} is {former.name} now.")
    draft.rename(config)
    return config


def _next_steps(config: Path, answers: Answers) -> str:
    steps = [("Check this machine and the settings", "doctor")]
    if answers.token_file is None:
        steps.append((f"Token: {NO_TOKEN}, or write token_file. Then print the invite link", "invite"))
    else:
        steps.append(("Print the invite link", "invite"))
    steps += [
        ("Start the bot", "run"),
        ("Download or check another checkpoint, and print its [[checkpoints]] section", "library add-checkpoint LINK"),
        ("Explain a setting; without KEY, list all", "config explain KEY"),
    ]
    lines = [f"Wrote {config}. Put LoRAs (.safetensors) into the folder of [library]; Easel detects their base models."]
    if answers.checkpoint is not None and "repository" in answers.checkpoint:
        lines.append(f"{answers.checkpoint['name']} is downloaded for the first picture.")
    lines.append(f"Easel signs pictures with the key {config.parent / KEY}. Keep it secret.")
    return "\n".join([*lines, "Next:", *(f"  {purpose}:\n    {command(words, config)}" for purpose, words in steps)])
