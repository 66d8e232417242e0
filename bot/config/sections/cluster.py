"""The section of config.toml for workers on other machines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from bot.config.section import Section
from inference.cluster.socket_address import SocketAddress


def _socket(text: str) -> str:
    """An address of a socket. Raises ValueError."""
    return SocketAddress(text).text if text else text


def _head(text: str) -> str:
    """The address of a head. Raises ValueError."""
    return text if text == "auto" else SocketAddress(f"tcp:{text}").text.removeprefix("tcp:")


class ClusterSettings(Section):
    """Workers on other machines, with `backend = "ray"` in [worker]. See docs/cluster.md."""

    address: Annotated[str, Field(max_length=300), AfterValidator(_head)] = "auto"
    """Host and port of the head of the cluster. auto: this machine."""
    token_file: Path | None = Field(default=None, examples=["/etc/easel/cluster-token"])
    """File with the cluster's token. Default: where Ray looks for it. Anyone with the token can run any program in
    the cluster."""
    driver: Annotated[tuple[str, ...], Field(max_length=64)] = Field(
        default=(), examples=[["sudo", "-u", "easel-cluster", "python", "-m", "inference.cluster.driver"]]
    )
    """Command that starts the driver process, for example as another user. Default: this Python."""
    socket: Annotated[str, Field(max_length=300), AfterValidator(_socket)] = Field(
        default="", examples=["unix:/run/easel-driver.sock"]
    )
    """Address where the driver process listens: unix:/path or tcp:host:port. Without `driver`, the driver process
    must then run as a separate service. If left out, the command gets a socket as its stdin."""
    secret: SecretStr = SecretStr("")
    """Shared secret of bot and driver process. Required if the driver process listens at a port."""
    secret_file: Path | None = Field(default=None, examples=["driver-secret"])
    """File with the secret."""
    cache_gigabytes: Annotated[int, Field(ge=1, le=10**6)] = 200
    """Disk cache of each node for checkpoints and LoRAs."""
    shared: Annotated[str, Field(max_length=4096)] = Field(default="", examples=["/mnt/models"])
    """Path or fsspec address that all nodes can read. They look for files there before they ask the bot's machine."""
    unreachable_seconds: Annotated[float, Field(ge=10, le=3600)] = 20
    """Timeout for a node to answer. After it, the jobs of the node run on other nodes."""

    @model_validator(mode="after")
    def _secret_for_a_port(self) -> Self:
        if self.socket.startswith("tcp:") and not self.secret.get_secret_value() and self.secret_file is None:
            raise ValueError("a socket at a port needs a secret; set secret_file")
        return self
