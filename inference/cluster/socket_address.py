"""The address of the driver's socket."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SocketAddress:
    """`unix:/path` or `tcp:host:port`; `inherited` is the socket that a service manager has opened.

    `stdin` is no address: the socket there is connected already, to the program that started this one.
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
        """Whether the permissions of a file say who may connect, so that no secret is needed."""
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
        """Of a TCP address."""
        host, _, port = self.text.removeprefix("tcp:").rpartition(":")
        return host.strip("[]"), int(port)
