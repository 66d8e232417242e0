"""Compares two settings, and tells what a running program can take over."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel

from bot.config.settings import Settings

# Settings that are read only at the start: files, ports, the connection, processes and the folders they know.
NEEDS_RESTART = frozenset(
    {
        "discord.token",
        "discord.token_file",
        "discord.api_url",
        "discord.nsfw_command",
        "storage.folder",
        "library.folder",
        "library.look_seconds",
        "sources.at_once",
        "worker.backend",
        "worker.devices",
        "worker.threads",
        "cluster.address",
        "cluster.token_file",
        "cluster.driver",
        "cluster.socket",
        "cluster.secret",
        "cluster.secret_file",
        "cluster.cache_gigabytes",
        "cluster.shared",
        "cluster.unreachable_seconds",
        "logs.format",
        "logs.folder",
        "metrics.port",
    }
)


@dataclass(frozen=True)
class Changes:
    """The names of what differs: settings, such as `limits.max_loras`, and checkpoints."""

    settings: tuple[str, ...]  # that are taken over
    restart: tuple[str, ...]  # that keep their old value until the next start
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]  # checkpoints whose declaration differs


def changes(old: Settings, new: Settings) -> Changes:
    """What differs between `old` and `new`."""
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
    """The new settings, but with the old values of what needs a restart."""
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
