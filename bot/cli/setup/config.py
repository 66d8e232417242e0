"""`config explain`: the purpose, values, default and current value of a setting, or the list of all."""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bot.cli import DONE, harmless
from bot.cli.setup import certificate
from bot.cli.terminal.settings import add_config, command, config_file
from bot.config import ConfigError, Settings, load_settings
from bot.config.example import toml_value
from bot.config.reference import (
    Setting,
    SettingSection,
    all_sections,
    all_settings,
    first_sentence,
    plain_key,
    settings_called,
    suggestions,
)
from bot.config.settings import require_settings_file
from bot.config.unknown_names import shown
from bot.config.variables import variable_of
from bot.program import program

KEY = "KEY"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = "The settings in config.toml, and what each is for."
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    explain = actions.add_parser(
        "explain",
        help="explain a setting, or list all",
        description="Explain a setting: purpose, values, default, current value and an example. Without KEY, list "
        "all settings. Works while the bot runs, and without a settings file.",
    )
    explain.add_argument(
        "key", nargs="?", default="", metavar=KEY, help="a setting such as limits.max_loras, or a section"
    )
    add_config(explain)
    explain.set_defaults(run=run)
    certificate.add(actions)


def run(options: argparse.Namespace) -> int:
    """Print the explanation. Raises ConfigError for an unknown key or a missing settings file."""
    if options.config is not None:
        require_settings_file(options.config)
    key = plain_key(options.key)
    if not key:
        for section in all_sections().values():
            print(*_listed(section), sep="\n", end="\n\n")
        print(f"`{command('config explain KEY', config_file(options))}` explains one of them.")
        return DONE
    found = settings_called(key)
    if len(found) == 1:
        print(*_explained(found[0], config_file(options)), sep="\n")
    elif key in all_sections():
        print(*_listed(all_sections()[key]), sep="\n")
    else:
        raise ConfigError(_unknown(options.key, [each.key for each in found] or suggestions(key)))
    return DONE


def _unknown(typed: str, near: list[str]) -> str:
    hint = f"Do you mean {' or '.join(near)}?" if near else f"`{program()} config explain` lists all."
    return f"There is no setting {harmless(shown(typed))}. {hint}"


def _listed(section: SettingSection) -> Iterator[str]:
    """A section with one line for each setting."""
    yield f"{section.table}  {section.description}"
    settings = [setting for setting in all_settings().values() if setting.section == section]
    width = max(len(setting.key) for setting in settings)
    for setting in settings:
        yield f"  {setting.key:{width}}  {first_sentence(setting.description)}"


def _explained(setting: Setting, file: Path | None) -> Iterator[str]:
    yield setting.key
    yield f"  {setting.description}"
    yield f"  {setting.section.table} {setting.section.description}"
    yield ""
    yield f"  Value    {setting.values}"
    yield f"  Default  {setting.default}"
    first, *others = _current(setting, file)
    yield f"  Now      {first}"
    yield from (f"           {other}" for other in others)
    when = "at the next start of the bot" if setting.needs_restart else "after a reload: SIGHUP, or /reload in Discord"
    yield f"  Change   takes effect {when}"
    if setting.variable is not None:
        yield f"  Variable {setting.variable} in the environment takes precedence over the file"
    yield "  Example"
    yield from (f"    {line}" for line in setting.example.splitlines())


def _current(setting: Setting, file: Path | None) -> list[str]:
    """The value in the settings, with its origin; in a repeated section one line for each entry."""
    if file is None:
        return ["unknown: there is no config.toml here; name your file with --config FILE"]
    try:
        settings, written = load_settings(file), tomllib.loads(file.read_text("utf-8"))
    except (ConfigError, OSError, ValueError) as problem:
        return [f"unknown, because the settings cannot be used: {harmless(line)}" for line in str(problem).splitlines()]
    return _values(setting, settings, written, file)


def _values(setting: Setting, settings: Settings, written: dict[str, Any], file: Path) -> list[str]:
    section = setting.section
    held: Any = settings
    for part in section.name.split("."):
        held = getattr(held, part)
    if section.repeated:
        return [f"{harmless(each.name)}: {_shown(getattr(each, setting.name))}" for each in held] or [
            f"{file} has no {section.table}"
        ]
    value = getattr(held, setting.name)
    if (variable := variable_of((section.name, setting.name))) is not None:
        origin = variable
    elif setting.name in written.get(section.name, {}):
        origin = str(file)
    elif setting.secret and value.get_secret_value():
        origin = f"{setting.name}_file"
    else:
        origin = "the default"
    return [f"{_shown(value)} ({origin})"]


def _shown(value: object) -> str:
    """A value as TOML, in one line. A secret is never shown."""
    if isinstance(value, SecretStr):
        return "set, not shown" if value.get_secret_value() else "not set"
    return "not set" if value is None else harmless(toml_value(value))
