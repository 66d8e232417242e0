"""The section of config.toml for workers on other machines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from bot.config.section import Section
from inference.cluster.wire import SocketAddress


def _socket(text: str) -> str:
    """An address of a socket. Raises ValueError."""
    return SocketAddress(text).text if text else text


def _head(text: str) -> str:
    """The address of a head. Raises ValueError."""
    return text if text == "auto" else SocketAddress(f"tcp:{text}").text.removeprefix("tcp:")


class ClusterSettings(Section):
    """Workers on other machines, with `backend = "ray"` in [worker]; docs/cluster.md."""

    address: Annotated[str, Field(max_length=300), AfterValidator(_head)] = "auto"
    """Host and port of the head of the cluster; auto: that of this machine."""
    token_file: Path | None = None
    """The cluster's token; left out, where Ray looks for it. Whoever has it can run any program in the cluster."""
    driver: Annotated[tuple[str, ...], Field(max_length=64)] = ()
    """The command that starts the driver process, such as one of another user; left out, this Python does."""
    socket: Annotated[str, Field(max_length=300), AfterValidator(_socket)] = ""
    """Where the driver process listens, unix:/path or tcp:host:port. Without `driver` it is a service of its own then;
    left out, the command gets a socket as its stdin."""
    secret: SecretStr = SecretStr("")
    """What bot and driver process prove to each other that they know; needed where it listens at a port."""
    secret_file: Path | None = None
    """A file that holds the secret."""
    cache_gigabytes: Annotated[int, Field(ge=1, le=10**6)] = 200
    """Room on the disk of each node for checkpoints and LoRAs."""
    shared: Annotated[str, Field(max_length=4096)] = ""
    """Where nodes look for files before they ask the bot's machine: a path or an fsspec address that all reach."""
    unreachable_seconds: Annotated[float, Field(ge=10, le=3600)] = 20
    """After so long without an answer a node has left, and its jobs are painted elsewhere."""

    @model_validator(mode="after")
    def _secret_for_a_port(self) -> Self:
        if self.socket.startswith("tcp:") and not self.secret.get_secret_value() and self.secret_file is None:
            raise ValueError("a socket at a port needs a secret; set secret_file")
        return self
