"""The address of the driver's socket."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SocketAddress:
    """Where the driver listens: `unix:/path`, `tcp:host:port`, or `inherited` for the socket of a service manager.

    `stdin` is no address: that socket is already connected to the parent process.
    """

    text: str

    def __post_init__(self) -> None:
        kind, _, rest = self.text.partition(":")
        host, _, port = rest.rpartition(":")
        fits = {"unix": rest.startswith("/"), "tcp": bool(host) and port.isdecimal() and 0 < int(port) < 65536}
        if self.text not in {"inherited", "stdin"} and not fits.get(kind, False):
            raise ValueError("an address is unix:/path or tcp:host:port")

    @property
    def is_private(self) -> bool:
        """Whether only programs with permission on this machine can connect, so that no secret is needed."""
        return self.text.startswith("unix:") or self.text in {"inherited", "stdin"}

    @property
    def is_stdin(self) -> bool:
        """Whether it is connected already."""
        return self.text == "stdin"

    @property
    def path(self) -> Path | None:
        """The file of a Unix socket."""
        return Path(self.text.removeprefix("unix:")) if self.text.startswith("unix:") else None

    @property
    def host_and_port(self) -> tuple[str, int]:
        """Host and port of a TCP address."""
        host, _, port = self.text.removeprefix("tcp:").rpartition(":")
        return host.strip("[]"), int(port)
