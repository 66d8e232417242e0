"""Which addresses count as private, in every way in which IPv6 writes an IPv4 address."""

from __future__ import annotations

import ipaddress
import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from bot.sources.errors import HostNotAllowed, PrivateAddress
from bot.sources.hubs.addresses import Allowed, CheckedResolver, PrivateAddressRefused

PRIVATE = (
    "10.0.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.1",
    "192.0.0.9",
    "192.0.0.192",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
)
PRIVATE_6 = ("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "5f00::1")
PUBLIC = ("8.8.8.8", "104.18.0.1", "168.63.129.17", "192.0.1.1")


class Fixed(AbstractResolver):
    """Every name leads to one address."""

    def __init__(self, address: str) -> None:
        self.address = address

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host=self.address, port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        pass


def forms(address: str) -> list[str]:
    """The address itself, and every IPv6 address that leads to it."""
    number = int(ipaddress.IPv4Address(address))
    prefixes = {"::ffff:0:0": 0, "64:ff9b::": 0, "::ffff:0:0:0": 0, "2002::": 80, "2a00:1::5efe:0:0": 0}
    return [
        address,
        *(str(ipaddress.IPv6Address(int(ipaddress.IPv6Address(p)) | number << s)) for p, s in prefixes.items()),
    ]


async def resolved(address: str) -> None:
    await CheckedResolver(lambda: Allowed.of(["civitai.com"], []), Fixed(address)).resolve("civitai.com", 443)


@pytest.mark.parametrize("address", [*(each for one in PRIVATE for each in forms(one)), *PRIVATE_6])
async def test_a_private_address_is_refused_in_every_form(address: str) -> None:
    with pytest.raises(PrivateAddressRefused):
        await resolved(address)
    host = f"[{address.partition('%')[0]}]" if ":" in address else address
    with pytest.raises(PrivateAddress):
        Allowed.of(["civitai.com"], []).check(URL(f"https://{host}/file"))


@pytest.mark.parametrize("address", [each for one in PUBLIC for each in forms(one)] + ["2606:4700::1"])
async def test_a_public_address_is_connected_to(address: str) -> None:
    await resolved(address)
    with pytest.raises(HostNotAllowed):  # a file may come from a named host alone
        Allowed.of(["civitai.com"], []).check(
            URL(f"https://[{address}]/x" if ":" in address else f"https://{address}/x")
        )
