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
    """Connection to Discord, and the operators of the bot."""

    token: SecretStr = SecretStr("")
    """Token of the Discord bot. Prefer token_file or the environment variable EASEL_DISCORD__TOKEN."""
    token_file: Path | None = Field(default=None, examples=["/home/easel/token"])
    """File with the token, instead of `token`, such as a container's secret /run/secrets/discord_token."""
    operators: tuple[Annotated[int, Field(ge=1, lt=2**63)], ...] = Field(default=(), examples=[[81384788765712384]])
    """Discord user ids of the operators. They run this bot and can declare base models."""
    nsfw_command: bool = False
    """Offer /imagine-nsfw in age-restricted channels, and in direct messages of adults who enabled such commands.
    Discord does not allow this command for apps with discovery switched on."""
    api_url: Annotated[str, AfterValidator(_loopback)] | None = Field(
        default=None, examples=["http://127.0.0.1:8014/api/v10"]
    )
    """Address of another Discord-compatible server on this machine, such as http://127.0.0.1:8014/api/v10."""
