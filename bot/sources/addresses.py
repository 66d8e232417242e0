"""Which hosts are asked, and to which addresses a connection may go.

A name is resolved once for each connection, what it resolved to is checked, and the connection goes to exactly that:
a name that would resolve to a private address the second time is not asked a second time.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from bot.sources.errors import HostNotAllowed, NotHttps, PrivateAddress

_PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # IPv4 addresses in IPv6 networks
# Local by RFC 8215 (NAT64 of a site), 4291 (IPv4-compatible) and 3879 (site-local), though Python calls them global.
_LOCAL = tuple(map(ipaddress.ip_network, ("64:ff9b:1::/48", "::/96", "fec0::/10")))


class PrivateAddressRefused(OSError):
    """A name leads into a private network."""

    def __init__(self, host: str) -> None:
        super().__init__(f"{host} leads into a private network")
        self.host = host


@dataclass(frozen=True)
class Allowed:
    """Hosts that files may come from, with all below them, and origins that may be http and private."""

    hosts: Collection[str]
    origins: frozenset[URL]

    @classmethod
    def of(cls, hosts: Collection[str], endpoints: Collection[str]) -> Allowed:
        """The origins are those of `endpoints`."""
        return cls(hosts, frozenset(URL(endpoint).origin() for endpoint in endpoints))

    def check(self, url: URL) -> None:
        """Raise HostNotAllowed, NotHttps or PrivateAddress for an address from which nothing is fetched."""
        host = url.host or ""
        if not url.absolute or not host:
            raise HostNotAllowed(host=str(url)[:100])
        if url.scheme in _PORTS and url.origin() in self.origins:
            return
        if _is_address(host):
            raise PrivateAddress(host=host) if not _is_public(host) else HostNotAllowed(host=host)
        if not any(host == allowed or host.endswith(f".{allowed}") for allowed in self.hosts):
            raise HostNotAllowed(host=host)
        if url.scheme != "https" or url.port != _PORTS["https"] or url.user:
            raise NotHttps(host=host)

    def may_be_private(self, host: str, port: int) -> bool:
        """Whether host and port are those of a named origin."""
        return any(origin.host == host and origin.port == port for origin in self.origins)


class CheckedResolver(AbstractResolver):
    """Resolves names by another resolver, and refuses addresses that are not public.

    aiohttp connects to the addresses that this returns and asks again for each connection, so that what was checked is
    what is connected to. Its own cache of names has to be off.
    """

    def __init__(self, allowed: Callable[[], Allowed], resolver: AbstractResolver | None = None) -> None:
        self._allowed = allowed
        self._resolver = resolver or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a host. Raises PrivateAddressRefused, or OSError when there are none."""
        found = await self._resolver.resolve(host, port, family)
        if not self._allowed().may_be_private(host, port) and not all(_is_public(each["host"]) for each in found):
            raise PrivateAddressRefused(host)
        return found

    async def close(self) -> None:
        """Close the resolver behind it."""
        await self._resolver.close()


def _is_address(host: str) -> bool:
    """Whether a host is an address, in whichever way of writing: 127.1 and 0x7f000001 are understood too."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        last = host.rpartition(".")[2]
        return last.isdecimal() or last.lower().startswith("0x")
    return True


def _is_public(text: str) -> bool:
    try:
        address: Any = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if any(address in network for network in _LOCAL):
        return False
    inner = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    if address in _NAT64:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = getattr(address, "teredo", None)
    inside = [inner] if inner else list(teredo) if teredo else []
    return all(each.is_global and not each.is_multicast for each in (address, *inside))
