"""Addresses of this machine and of the head. Ray listens on every address of a machine, whatever it is told."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

DEFAULT_PORT = 6379
CONNECT_SECONDS = 5.0  # that a head may take to accept a connection
_LOCAL = re.compile(r"\|-- (\S+)\n\s+/32 host LOCAL")
IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class AddressRefused(ValueError):
    """An address cannot be used; the message says why."""


@dataclass(frozen=True)
class HostPort:
    """Where the head listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def of(cls, text: str) -> HostPort:
        """`HOST:PORT`, `HOST` or `[IPV6]:PORT`. Raises AddressRefused."""
        found = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+))(?::(\d{1,5}))?", text)
        if found is None or not 0 < (port := int(found[3] or DEFAULT_PORT)) < 2**16:
            raise AddressRefused(f"{text[:100]!r} is no address; HOST:PORT is one, such as 10.0.0.5:{DEFAULT_PORT}")
        return cls(found[1] or found[2], port)

    def resolved(self) -> HostPort:
        """With the address of the host in numbers, as Ray wants it. Raises AddressRefused."""
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise AddressRefused(f"there is no host {self.host}; see whether its name is right") from None
        return HostPort(str(found[0][4][0]), self.port)


def is_address(text: str) -> bool:
    """Whether this is an address in numbers."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_public(address: str) -> bool:
    """Whether everybody on the internet may reach it; addresses of private and of mesh networks are not."""
    try:
        return _parsed(address).is_global
    except ValueError:
        return True


def is_of_this_machine_alone(address: str) -> bool:
    """Whether no other machine reaches this machine by it, as by those of the loopback."""
    found = _parsed(address)
    return found.is_loopback or found.is_unspecified


def _parsed(address: str) -> IpAddress:
    """An address; one of the fourth version within the sixth is of the fourth. Raises ValueError."""
    found = ipaddress.ip_address(address.partition("%")[0])
    return getattr(found, "ipv4_mapped", None) or found


def own_addresses(proc: Path = Path("/proc/net")) -> list[str]:
    """The addresses of this machine, on Linux; without those of the loopback."""
    found = list[IpAddress]()
    try:
        found += map(ipaddress.IPv4Address, _LOCAL.findall((proc / "fib_trie").read_text("ascii")))
        for line in (proc / "if_inet6").read_text("ascii").splitlines():
            found.append(ipaddress.IPv6Address(int(line.split()[0], 16)))
    except (OSError, ValueError):
        pass
    return list(dict.fromkeys(str(address) for address in found if not address.is_loopback))


def public_addresses(addresses: Iterable[str]) -> list[str]:
    """Those that everybody on the internet may reach."""
    return [address for address in addresses if is_public(address)]


def own_address_towards(host: str, port: int = DEFAULT_PORT) -> str | None:
    """The address by which this machine reaches `host`; None when there is no way there. Nothing is sent."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((host, port))
            return str(probe.getsockname()[0])
    except OSError:
        return None


def answers(where: HostPort, seconds: float = CONNECT_SECONDS) -> str | None:
    """Why nobody can connect there; None when somebody listens."""
    try:
        socket.create_connection((where.host, where.port), timeout=seconds).close()
    except TimeoutError:
        return f"{where} does not answer; see whether a firewall between the two machines closes this port"
    except ConnectionRefusedError:
        return f"nobody listens at {where}; start the head there with `easel cluster up`, or correct the port"
    except OSError as problem:
        says = problem.strerror or problem
        return f"{where} cannot be reached ({says}); see whether that machine is on, and has this address"
    return None
