"""The socket between bot and driver process: whole frames, within bounds, between two that know one secret."""

from __future__ import annotations

import asyncio
import socket
import stat
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import BaseModel

from inference.cluster import wire
from inference.cluster.wire import (
    LOST_SECONDS,
    MAX_DATA_BYTES,
    SECRETS_DIFFER,
    Connection,
    Frame,
    SocketAddress,
    WireError,
    accept_handshake,
    begin_handshake,
    listen,
)

MAX_WAIT = 30.0


class Note(BaseModel):
    text: str


@asynccontextmanager
async def pair(address: SocketAddress) -> AsyncIterator[tuple[Connection, Connection]]:
    """The bot's end and the driver's."""
    theirs, left = asyncio.Queue[Connection](), asyncio.Event()

    async def serve(connection: Connection) -> None:
        theirs.put_nowait(connection)
        await left.wait()

    server = await listen(address, serve)
    ours = await Connection.open(address)
    other = await theirs.get()
    yield ours, other
    left.set()
    for end in (ours, other):
        await end.close()
    server.close()
    await server.wait_closed()


@pytest.fixture
def address(tmp_path: Path) -> SocketAddress:
    return SocketAddress(f"unix:{tmp_path / 'driver.sock'}")


async def handshakes(address: SocketAddress, ours: tuple[str, str], theirs: tuple[str, str]) -> list[str]:
    """What the bot and the driver say of a handshake with these (secret, version)."""
    async with asyncio.timeout(MAX_WAIT), pair(address) as (bot, driver):
        accepting = asyncio.create_task(accept_handshake(driver, *theirs))
        said = await asyncio.gather(begin_handshake(bot, *ours), return_exceptions=True)
        await bot.close()
        said += await asyncio.gather(accepting, return_exceptions=True)
    assert all(each is None or isinstance(each, WireError) for each in said)
    return [str(each) if each else "" for each in said]


async def test_frames_arrive_whole_and_in_order(address: SocketAddress) -> None:
    sent = [(Note(text=str(number)), bytes([number]) * number * 100_000) for number in range(5)]
    async with asyncio.timeout(MAX_WAIT), pair(address) as (bot, driver):
        sending = [asyncio.create_task(bot.send(*each)) for each in sent]
        for note, data in sent:
            assert await driver.receive() == Frame(note.model_dump_json().encode(), data)
        await asyncio.gather(*sending)
        await bot.close()
        assert await driver.receive() is None
        assert [frame async for frame in driver.frames()] == []


async def test_a_frame_that_is_too_large_is_neither_sent_nor_read(address: SocketAddress) -> None:
    async with asyncio.timeout(MAX_WAIT), pair(address) as (bot, driver):
        with pytest.raises(WireError, match="too large"):
            await bot.send(Note(text=""), bytes(MAX_DATA_BYTES + 1))
        bot._writer.write(b"\xff" * 8)
        with pytest.raises(WireError, match="too large"):
            await driver.receive()


async def test_a_frame_that_is_cut_is_none(address: SocketAddress) -> None:
    async with asyncio.timeout(MAX_WAIT), pair(address) as (bot, driver):
        bot._writer.write(b"\0\0\0\x09\0\0\0\0{")
        await bot.close()
        assert await driver.receive() is None


async def test_nobody_waits_for_an_end_that_does_not_read_once_the_connection_is_closed(
    address: SocketAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "HANDSHAKE_SECONDS", 0.1)
    async with asyncio.timeout(MAX_WAIT), pair(address) as (bot, driver):
        driver._writer.transport.pause_reading()  # pyright: ignore (that of a socket reads too)
        sending = [asyncio.create_task(bot.send(Note(text=""), bytes(20_000_000))) for _ in range(2)]
        await asyncio.sleep(0)
        await bot.close()
        assert isinstance((await asyncio.gather(*sending, return_exceptions=True))[1], OSError)


async def test_after_the_end_of_reading_what_still_comes_breaks_no_connection(address: SocketAddress) -> None:
    async with asyncio.timeout(MAX_WAIT), pair(address) as (ours, theirs):
        await theirs.send(Note(text="much"), b"x" * 140_000)
        while ours._writer.transport.is_reading():  # noqa: ASYNC110 (until as much waits as is kept at a time)
            await asyncio.sleep(0)
        await theirs.send(Note(text="more"), b"x" * 1000)
        reading = asyncio.create_task(ours.receive())
        ours.end_reading()
        await reading
        for text in ("first", "last"):
            await ours.send(Note(text=text))
            assert (told := await theirs.receive()) and text in told.header.decode()
        assert await ours.receive() is None


async def test_who_reads_gets_the_end(address: SocketAddress) -> None:
    async with asyncio.timeout(MAX_WAIT), pair(address) as (ours, theirs):
        reading = asyncio.create_task(ours.receive())
        await asyncio.sleep(0)  # it waits for a frame
        ours.end_reading()
        assert await reading is None
        await ours.send(Note(text="last"))
        assert (told := await theirs.receive()) and b"last" in told.header


async def test_the_file_of_a_socket_is_open_to_its_user_alone_and_taken_over_after_a_crash(
    address: SocketAddress,
) -> None:
    async with pair(address):
        assert address.path and stat.S_IMODE(address.path.stat().st_mode) == 0o600
    async with pair(address):
        pass
    assert address.path
    address.path.unlink(missing_ok=True)
    address.path.write_text("somebody's file")
    with pytest.raises(OSError, match="in use"):
        await listen(address, lambda _: asyncio.sleep(0))


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        (("s", "1"), ("s", "1"), ""),
        (("", "1"), ("", "1"), ""),
        (("s", "1"), ("t", "1"), SECRETS_DIFFER),
        (("", "1"), ("t", "1"), SECRETS_DIFFER),
    ],
)
async def test_both_ends_know_one_secret(
    address: SocketAddress, ours: tuple[str, str], theirs: tuple[str, str], said: str
) -> None:
    assert await handshakes(address, ours, theirs) == [said, said]


async def test_two_versions_do_not_speak_with_each_other(address: SocketAddress) -> None:
    bot, driver = await handshakes(address, ("s", "1"), ("s", "2"))
    assert bot == "the other end is Easel 2, this one 1; install the same version"
    assert driver == "the other end has closed the connection"


async def test_a_driver_that_does_not_know_the_secret_is_left(address: SocketAddress) -> None:
    async def pretend(driver: Connection) -> None:
        await driver.send(Hello(nonce="0" * 32))
        await driver.receive()
        await driver.send(Impostor())

    async with asyncio.timeout(MAX_WAIT), pair(address) as (bot, driver):
        pretending = asyncio.create_task(pretend(driver))
        with pytest.raises(WireError, match="the secrets differ"):
            await begin_handshake(bot, "s", "1")
        await pretending


class Hello(BaseModel):
    type: str = "hello"
    protocol: int = 1
    easel: str = "1"
    nonce: str


class Impostor(BaseModel):
    type: str = "welcome"
    proof: str = "0" * 64


@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\x02\0\0\0\0{}", b"\0\0\0\x02\0\0\0\x01{}x"])
async def test_a_stranger_is_left_before_much_is_read(address: SocketAddress, said: bytes) -> None:
    async with asyncio.timeout(MAX_WAIT), pair(address) as (stranger, driver):
        stranger._writer.write(said)
        with pytest.raises(WireError):
            await accept_handshake(driver, "s", "1")


@pytest.mark.parametrize("text", ["", "unix:relative", "tcp:host", "tcp::80", "tcp:host:0", "tcp:host:x", "host:80"])
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="an address is"):
        SocketAddress(text)


def test_a_tcp_address_may_be_of_the_sixth_version() -> None:
    assert SocketAddress("tcp:[fd00::1]:7").host_and_port == ("fd00::1", 7)


@pytest.mark.parametrize(("text", "private"), [("unix:/a", True), ("inherited", True), ("tcp:a:1", False)])
def test_only_a_tcp_address_needs_a_secret(text: str, private: bool) -> None:
    assert SocketAddress(text).is_private is private


async def test_frames_cross_a_tcp_connection(unused_tcp_port_factory: Callable[[], int]) -> None:
    address = SocketAddress(f"tcp:127.0.0.1:{unused_tcp_port_factory()}")
    async with asyncio.timeout(MAX_WAIT), pair(address) as (bot, driver):
        await asyncio.gather(begin_handshake(bot, "s", "1"), accept_handshake(driver, "s", "1"))
        for end in (bot, driver):  # a machine that loses its power does not close the connection
            option = end._writer.get_extra_info("socket").getsockopt
            assert option(socket.SOL_SOCKET, socket.SO_KEEPALIVE) != 0
            if sys.platform == "linux":
                assert option(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == LOST_SECONDS * 1000
                probes = option(socket.IPPROTO_TCP, socket.TCP_KEEPCNT)
                waits = option(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL)
                assert option(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) + probes * waits == LOST_SECONDS
