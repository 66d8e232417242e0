"""Frames between the bot and the driver process: a JSON header and bytes, each bounded, over a socket.

A frame is two lengths of four bytes (big-endian) of header and data, then both. What headers say is in `protocol`.
Both ends prove that they know the secret, which never crosses the wire; the frames themselves are not encrypted.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import secrets
import socket
import stat
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from inference.cluster.socket_address import SocketAddress

PROTOCOL = 1
MAX_HEADER_BYTES = 4 * 2**20  # the options of a worker with a thousand checkpoints
MAX_DATA_BYTES = 64 * 2**20  # one picture at its largest, without compression, stays below
HANDSHAKE_BYTES = 4096  # of a header before the other end has proved anything; no data
SECRETS_DIFFER = "the secrets differ; give the bot ([cluster] secret_file) and the driver process the same one"
HANDSHAKE_SECONDS = 10.0
LOST_SECONDS = 60  # after which a machine that does not answer is gone: a power cut closes no connection
INHERITED_SOCKET = 3  # the first file descriptor that systemd hands to a service with a socket unit
SECRET_VARIABLE = "CLUSTER_DRIVER_SECRET"  # noqa: S105 (the name of it)
_LENGTHS = struct.Struct("!II")


class WireError(Exception):
    """The other end sent what is no frame, or is not the one that was expected. The connection has to be closed."""


@dataclass(frozen=True)
class Frame:
    """A header, which is JSON, and bytes that belong to it."""

    header: bytes
    data: bytes = b""


class Connection:
    """One end of the socket. Frames are sent whole, in the order of the calls."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._sending = asyncio.Lock()
        self._reading: asyncio.Timeout | None = None  # of the frame that was read last
        self._reading_ended = False
        _notice_loss(writer.get_extra_info("socket"))

    @classmethod
    async def open(cls, address: SocketAddress) -> Connection:
        """Connect. Raises OSError when nobody listens there."""
        if address.path is not None:
            return cls(*await asyncio.open_unix_connection(address.path))
        return cls(*await asyncio.open_connection(*address.host_and_port))

    @classmethod
    async def of(cls, connected: socket.socket) -> Connection:
        """The connection of a Unix socket that is connected."""
        return cls(*await asyncio.open_unix_connection(sock=connected))

    @classmethod
    async def of_stdin(cls) -> Connection:
        """The connection that this program was started with; none of its own children gets it."""
        connected = socket.socket(fileno=os.dup(0))
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        return await cls.of(connected)

    async def send(self, message: BaseModel, data: bytes = b"") -> None:
        """Send a message. Raises OSError when the other end is gone, and WireError for one that is too large."""
        await self.send_frame(Frame(message.model_dump_json().encode(), data))

    async def send_frame(self, frame: Frame) -> None:
        """Send a frame that is made already. Raises as `send`."""
        header, data = frame.header, frame.data
        if len(header) > MAX_HEADER_BYTES or len(data) > MAX_DATA_BYTES:
            raise WireError(f"a frame of {len(header)} and {len(data)} bytes is too large")
        async with self._sending:
            self._writer.write(_LENGTHS.pack(len(header), len(data)) + header)
            if data:
                self._writer.write(data)
            await self._writer.drain()

    async def receive(self, max_header: int = MAX_HEADER_BYTES, max_data: int = MAX_DATA_BYTES) -> Frame | None:
        """The next frame; None when the other end is gone. Raises WireError before it reads one that is too large."""
        if self._reading_ended:
            return None
        try:
            async with asyncio.timeout(None) as self._reading:
                header, data = _LENGTHS.unpack(await self._reader.readexactly(_LENGTHS.size))
                if header > max_header or data > max_data:
                    raise WireError(f"a frame of {header} and {data} bytes is too large")
                return Frame(await self._reader.readexactly(header), await self._reader.readexactly(data))
        except (asyncio.IncompleteReadError, OSError):  # among which is the TimeoutError of `end_reading`
            return None

    async def frames(self) -> AsyncIterator[Frame]:
        """All frames until the other end is gone."""
        while (frame := await self.receive()) is not None:
            yield frame

    def end_reading(self) -> None:
        """Who reads gets the end, as when the other end is gone; sending goes on."""
        self._reading_ended = True
        if self._reading is not None:
            with suppress(RuntimeError):  # nobody reads now
                self._reading.reschedule(0)

    def abort(self) -> None:
        """End it at once, for those too who read or send."""
        self._writer.transport.abort()

    async def close(self) -> None:
        """Close; what was sent still arrives, unless the other end does not read. Nobody is left who waits to send."""
        self._writer.close()
        closing = asyncio.create_task(self._writer.wait_closed())  # cancelled itself, it could not be waited for again
        if not (await asyncio.wait({closing}, timeout=HANDSHAKE_SECONDS))[0]:
            self.abort()
            await asyncio.wait({closing})
        closing.exception()  # that the connection broke is no news


async def listen(address: SocketAddress, serve: Callable[[Connection], Awaitable[None]]) -> asyncio.Server:
    """Call `serve` for everybody who connects. A Unix socket is open to its own user alone. Raises OSError."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve(Connection(reader, writer))

    if address.text == "inherited":
        return await asyncio.start_unix_server(connected, sock=socket.socket(fileno=INHERITED_SOCKET))
    if address.path is None:
        host, port = address.host_and_port
        return await asyncio.start_server(connected, host, port)
    return await asyncio.start_unix_server(connected, sock=_private_socket(address.path))


def _notice_loss(connected: socket.socket) -> None:
    """Let the system end a connection to a machine that is gone, whether or not something is being sent to it."""
    if connected.family == getattr(socket, "AF_UNIX", None):
        return
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", LOST_SECONDS // 4),
        ("TCP_KEEPINTVL", LOST_SECONDS // 4),
        ("TCP_KEEPCNT", 3),
        ("TCP_USER_TIMEOUT", LOST_SECONDS * 1000),
    ):
        if hasattr(socket, name):  # not every system has all of them
            connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _private_socket(path: Path) -> socket.socket:
    with suppress(FileNotFoundError):
        if stat.S_ISSOCK(path.lstat().st_mode):  # of an earlier process
            path.unlink()
    bound = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        bound.bind(str(path))
    except OSError:
        bound.close()
        raise
    finally:
        os.umask(before)
    return bound


# --- handshake ----------------------------------------------------------------------------------------------------

Nonce = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Proof = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _HandshakeMessage(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DriverHello(_HandshakeMessage):
    """The driver process speaks first: who it is."""

    type: Literal["hello"] = "hello"
    protocol: int
    easel: Annotated[str, Field(max_length=100)]
    nonce: Nonce


class BotHello(DriverHello):
    """The bot answers: who it is, and that it knows the secret."""

    proof: Proof


class Welcome(_HandshakeMessage):
    """The bot may come in; the driver process knows the secret as well."""

    type: Literal["welcome"] = "welcome"
    proof: Proof


class Refusal(_HandshakeMessage):
    """The bot may not come in."""

    type: Literal["refusal"] = "refusal"
    reason: Annotated[str, Field(max_length=500)]


_Hello = TypeVar("_Hello")
_GREETINGS: TypeAdapter[DriverHello | Refusal] = TypeAdapter(
    Annotated[DriverHello | Refusal, Field(discriminator="type")]
)
_ANSWERS: TypeAdapter[Welcome | Refusal] = TypeAdapter(Annotated[Welcome | Refusal, Field(discriminator="type")])


async def refuse(connection: Connection, reason: str) -> None:
    """The driver's side, in place of a handshake."""
    with suppress(OSError):
        await connection.send(Refusal(reason=reason))


async def accept_handshake(connection: Connection, secret: str, version: str) -> None:
    """The driver's side of the handshake. Raises WireError, after it has said why."""
    ours = secrets.token_hex(16)
    await connection.send(DriverHello(protocol=PROTOCOL, easel=version, nonce=ours))
    hello = await _expect(connection, TypeAdapter(BotHello))
    problem = _difference(hello, version)
    if problem is None and not hmac.compare_digest(hello.proof, _proof(secret, "bot", ours, hello.nonce)):
        problem = SECRETS_DIFFER
    if problem is not None:
        await connection.send(Refusal(reason=problem))
        raise WireError(problem)
    await connection.send(Welcome(proof=_proof(secret, "driver", ours, hello.nonce)))


async def begin_handshake(
    connection: Connection, secret: str, version: str, patience: float = HANDSHAKE_SECONDS
) -> None:
    """The bot's side of the handshake, which waits so many seconds for the driver's to begin.

    Raises WireError when either end refuses the other.
    """
    theirs = await _expect(connection, _GREETINGS, patience)
    if isinstance(theirs, Refusal):
        raise WireError(theirs.reason)
    if problem := _difference(theirs, version):
        raise WireError(problem)
    ours = secrets.token_hex(16)
    proof = _proof(secret, "bot", theirs.nonce, ours)
    await connection.send(BotHello(protocol=PROTOCOL, easel=version, nonce=ours, proof=proof))
    answer = await _expect(connection, _ANSWERS)
    if isinstance(answer, Refusal):
        raise WireError(answer.reason)
    if not hmac.compare_digest(answer.proof, _proof(secret, "driver", theirs.nonce, ours)):
        raise WireError(SECRETS_DIFFER)


async def _expect(connection: Connection, kind: TypeAdapter[_Hello], patience: float = HANDSHAKE_SECONDS) -> _Hello:
    try:
        async with asyncio.timeout(patience):
            frame = await connection.receive(HANDSHAKE_BYTES, 0)
        if frame is None:
            raise WireError("the other end has closed the connection")
        return kind.validate_json(frame.header)
    except TimeoutError:
        raise WireError("the other end says nothing") from None
    except ValidationError:
        raise WireError("the other end is another program, or of another version") from None


def _difference(theirs: DriverHello, version: str) -> str | None:
    if theirs.protocol != PROTOCOL or theirs.easel != version:
        return f"the other end is Easel {theirs.easel}, this one {version}; install the same version"
    return None


def _proof(secret: str, role: str, drivers: str, bots: str) -> str:
    return hmac.new(secret.encode(), f"{role}:{drivers}:{bots}".encode(), hashlib.sha256).hexdigest()
