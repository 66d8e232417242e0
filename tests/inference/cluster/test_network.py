"""Addresses of machines: which are private, and which a person may write."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from inference.cluster.network import AddressRefused, HostPort, answers, is_public, own_addresses, public_addresses

FIB_TRIE = """\
Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 10.0.0.0
        /24 link UNICAST
     |-- 10.0.0.5
        /32 host LOCAL
     |-- 127.0.0.1
        /32 host LOCAL
     |-- 93.184.215.14
        /32 host LOCAL
     |-- 10.0.0.255
        /32 link BROADCAST
"""
IF_INET6 = """\
00000000000000000000000000000001 01 80 10 80       lo
fe8000000000000000fc00fffe000001 04 40 20 80     eth0
"""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("10.0.0.5", HostPort("10.0.0.5", 6379)),
        ("10.0.0.5:7000", HostPort("10.0.0.5", 7000)),
        ("painter-2.lan:7000", HostPort("painter-2.lan", 7000)),
        ("[fd00::2]:7000", HostPort("fd00::2", 7000)),
    ],
)
def test_an_address_as_a_person_writes_it(text: str, found: HostPort) -> None:
    assert HostPort.of(text) == found and HostPort.of(str(found)) == found


@pytest.mark.parametrize("text", ["", ":7000", "10.0.0.5:0", "10.0.0.5:70000", "a b", "http://10.0.0.5", "-x:1;rm"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(AddressRefused, match="HOST:PORT is one"):
        HostPort.of(text)


def test_a_host_that_is_not_there_is_told() -> None:
    with pytest.raises(AddressRefused, match=r"there is no host nobody\.invalid"):
        HostPort.of("nobody.invalid").resolved()


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("10.1.2.3", False), ("192.168.0.9", False), ("172.16.5.1", False), ("127.0.0.1", False),
        ("100.101.102.103", False), ("fd00::1", False), ("fe80::1%eth0", False),
        ("8.8.8.8", True), ("2606:4700::1111", True), ("no address", True),
    ],
)  # fmt: skip
def test_addresses_of_private_and_mesh_networks_are_not_public(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_the_addresses_of_a_machine_are_read_from_its_kernel(tmp_path: Path) -> None:
    (tmp_path / "fib_trie").write_text(FIB_TRIE)
    (tmp_path / "if_inet6").write_text(IF_INET6)
    found = own_addresses(tmp_path)
    assert found[:2] == ["10.0.0.5", "93.184.215.14"] and "127.0.0.1" not in found and "::1" not in found
    assert public_addresses(found) == ["93.184.215.14"]
    assert own_addresses(tmp_path / "nowhere") == []


def test_a_port_that_nobody_opened_is_told() -> None:
    with socket.socket() as bound:  # all the time: another program may listen at a port that is let go
        bound.bind(("127.0.0.1", 0))
        where = HostPort("127.0.0.1", bound.getsockname()[1])
        assert (
            answers(where, 60.0)
            == f"nobody listens at {where}; start the head there with `easel cluster up`, or correct the port"
        )
        bound.listen()
        assert answers(where, 60.0) is None
