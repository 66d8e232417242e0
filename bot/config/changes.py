"""What differs between two settings, and what of it a running program can take over."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel

from bot.config.settings import Settings

# What is opened or begun once, at the start: files and ports, the connection, processes and folders that they know.
NEEDS_RESTART = frozenset(
    {
        "discord.token",
        "discord.api_url",
        "storage.folder",
        "library.folder",
        "library.look_seconds",
        "worker.devices",
        "worker.threads",
        "logs.format",
        "metrics.port",
    }
)


@dataclass(frozen=True)
class Changes:
    """From old settings to new ones. Settings by name, such as `limits.max_loras`; checkpoints by theirs."""

    settings: tuple[str, ...]  # to be taken over
    restart: tuple[str, ...]  # that differ too, and stay as they were until the next start
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]  # checkpoints that are declared otherwise


def changes(old: Settings, new: Settings) -> Changes:
    """What differs."""
    was, now = _values(old), _values(new)
    names = [name for name in was if was[name] != now[name]]
    before = {checkpoint.name: checkpoint for checkpoint in old.checkpoints}
    after = {checkpoint.name: checkpoint for checkpoint in new.checkpoints}
    return Changes(
        settings=tuple(name for name in names if name not in NEEDS_RESTART),
        restart=tuple(name for name in names if name in NEEDS_RESTART),
        added=tuple(name for name in after if name not in before),
        removed=tuple(name for name in before if name not in after),
        changed=tuple(name for name in after if name in before and after[name] != before[name]),
    )


def taken_over(old: Settings, new: Settings) -> Settings:
    """The new settings, in which what needs a restart is as it was."""
    was, sections = _values(old), _sections(new)
    for name in NEEDS_RESTART:
        section, _, key = name.partition(".")
        sections[section] = sections[section].model_copy(update={key: was[name]})
    return new.model_copy(update=sections)


def _sections(settings: Settings) -> dict[str, BaseModel]:
    return {name: value for name, value in settings if isinstance(value, BaseModel)}


def _values(settings: Settings) -> dict[str, object]:
    """Every setting under its full name, checkpoints aside."""
    return {f"{name}.{key}": value for name, section in _sections(settings).items() for key, value in section}
