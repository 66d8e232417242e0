"""The section of config.toml about Discord."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from bot.config.section import LOOPBACK, Section


def _loopback(url: str) -> str:
    """Raise ValueError unless the address is on this machine: the bot's token is sent there."""
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname not in LOOPBACK or parts.username or parts.query:
        raise ValueError(f"must be an http address of this machine, such as http://127.0.0.1:8014/api/v10, not {url}")
    return url.rstrip("/")


class DiscordSettings(Section):
    """How the bot reaches Discord, and who runs it."""

    token: SecretStr = SecretStr("")
    """The bot's token. Better kept out of the file: EASEL_DISCORD__TOKEN in the environment."""
    token_file: Path | None = None
    """In place of the token a file that holds it, such as a container's secret /run/secrets/discord_token."""
    operators: tuple[Annotated[int, Field(ge=1, lt=2**63)], ...] = ()
    """Discord ids of the people who run this bot and may declare base models."""
    nsfw_command: bool = False
    """Whether /imagine-nsfw is offered, in age-restricted channels and to adults who enabled such commands in their
    direct messages. Discord allows no such command to apps that have discovery switched on."""
    api_url: Annotated[str, AfterValidator(_loopback)] | None = None
    """Another Discord-compatible server on this machine, such as http://127.0.0.1:8014/api/v10."""
