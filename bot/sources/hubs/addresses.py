"""Which hosts are asked, and to which addresses a connection may go.

A name is resolved once for each connection, what it resolved to is checked, and the connection goes to exactly that:
a name that would resolve to a private address the second time is not asked a second time.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass

from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from bot.sources.errors import HostNotAllowed, NotHttps, PrivateAddress

_PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # IPv4 addresses in IPv6 networks
_TRANSLATED = ipaddress.ip_network("::ffff:0:0:0/96")  # IPv4 addresses as RFC 2765 wrote them
# Not public, although Python's `is_global` accepts some or all of their addresses.
_LOCAL = tuple(
    map(
        ipaddress.ip_network,
        (
            "192.0.0.0/24",  # RFC 6890, assignments of a network's own; a cloud's metadata server is among them
            "192.88.99.0/24",  # RFC 7526, relays of 6to4
            "168.63.129.16/32",  # Azure's platform server, reachable from its virtual machines alone
            "64:ff9b:1::/48",  # RFC 8215, NAT64 of a site
            "::/96",  # RFC 4291, IPv4-compatible
            "fec0::/10",  # RFC 3879, site-local
            "5f00::/16",  # RFC 9602, segment routing
            "3fff::/20",  # RFC 9637, documentation
        ),
    )
)
_ISATAP = {0x0000_5EFE, 0x0200_5EFE}  # RFC 5214: before an IPv4 address in the last 64 bits


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
        """Whether host and port belong to an origin that the settings name."""
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
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    every = (address, *_embedded(address)) if isinstance(address, ipaddress.IPv6Address) else (address,)
    local = any(each in network for each in every for network in _LOCAL)
    return not local and all(each.is_global and not each.is_multicast for each in every)


def _embedded(address: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    """Return the IPv4 addresses to which routers may deliver packets for this IPv6 address."""
    last = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    translated = address in _NAT64 or address in _TRANSLATED or int(address) >> 32 & 0xFFFF_FFFF in _ISATAP
    found = [address.ipv4_mapped, address.sixtofour, last if translated else None, *(address.teredo or ())]
    return [each for each in found if each is not None]
