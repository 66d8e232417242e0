"""One websocket connection of a bot: hello, identify, heartbeat, resume."""

import asyncio
import json
import secrets
import zlib
from typing import cast

from aiohttp import WSMsgType, web

from playground import shapes
from playground.gateway import intents
from playground.gateway.hub import Hub
from playground.gateway.session import Session
from playground.gateway.shard import Shard
from playground.wire import Json, as_int, as_object, compact
from playground.world import World

CLIENT_CLOSE_CODES = (1000, 1001)  # a client that closes with these ends its session
EVENTS_PER_MINUTE = 120  # more payloads from the bot close the connection with 4008


class CloseConnection(Exception):
    """The connection ends with this close code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class GatewaySocket:
    """One connection of a bot, until it is closed by either side."""

    def __init__(self, world: World, hub: Hub, url: str, *, compressed: bool) -> None:
        self._world = world
        self._hub = hub
        self._url = url
        self._deflate = zlib.compressobj() if compressed else None
        self._websocket = web.WebSocketResponse(max_msg_size=4096 * 4, compress=False)
        self._outbox: asyncio.Queue[Json | int] = asyncio.Queue()
        self._session: Session | None = None
        self._received: list[float] = []
        self._last_heartbeat = 0.0
        self._closed_by_client = False

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Run the connection; sending happens in one task, so that messages keep their order."""
        await self._websocket.prepare(request)
        self._send(10, {"heartbeat_interval": int(self._hub.heartbeats.seconds * 1000), "_trace": ["playground"]})
        self._last_heartbeat = asyncio.get_running_loop().time()
        writer = asyncio.create_task(self._write())
        try:
            await self._read()
        except CloseConnection as close:
            await self._websocket.close(code=close.code, message=close.reason.encode())
        finally:
            writer.cancel()
            self._disconnect()
        return self._websocket

    def _disconnect(self) -> None:
        if self._session is not None and self._session.send == self._enqueue:
            self._hub.disconnected(self._session, closed_by_client=self._closed_by_client)

    def _enqueue(self, payload: Json) -> None:
        self._outbox.put_nowait(payload)

    def _close(self, code: int) -> None:
        """Close after everything in the queue was sent."""
        self._outbox.put_nowait(code)

    def _send(self, op: int, data: object) -> None:
        self._enqueue({"op": op, "d": data, "s": None, "t": None})

    async def _write(self) -> None:
        while not self._websocket.closed:
            payload = await self._outbox.get()
            if isinstance(payload, int):
                await self._websocket.close(code=payload, message=b"dropped")
                return
            try:
                await self._transmit(compact(payload))
            except ConnectionError:  # the bot disconnected; a resume replays the missed events
                return

    async def _transmit(self, text: str) -> None:
        if self._deflate is None:
            await self._websocket.send_str(text)
            return
        packed = self._deflate.compress(text.encode()) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        await self._websocket.send_bytes(packed)

    async def _read(self) -> None:
        while True:
            try:
                message = await self._websocket.receive(timeout=self._hub.heartbeats.seconds * 2)
            except TimeoutError:
                raise CloseConnection(4009, "Session timed out.") from None
            if message.type == WSMsgType.CLOSE:
                self._closed_by_client = message.data in CLIENT_CLOSE_CODES
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                return
            self._limit_rate()
            self._handle(_decode(cast("str | bytes", message.data)))

    def _limit_rate(self) -> None:
        now = asyncio.get_running_loop().time()
        self._received = [moment for moment in self._received if now - moment < 60] + [now]
        if len(self._received) > EVENTS_PER_MINUTE:
            raise CloseConnection(4008, "Rate limited.")

    def _handle(self, payload: Json) -> None:
        op, data = payload.get("op"), payload.get("d")
        if op == 1:
            self._heartbeat()
        elif op == 2:
            self._identify(as_object(data))
        elif op == 6:
            self._resume(as_object(data))
        elif self._session is None:
            raise CloseConnection(4003, "Not authenticated.")
        elif op == 8:
            self._send_members(self._session, as_object(data))
        elif op not in (3, 4):  # presence and voice are accepted and change nothing here
            raise CloseConnection(4001, "Unknown opcode.")

    def _heartbeat(self) -> None:
        now = asyncio.get_running_loop().time()
        self._hub.heartbeats.record(now - self._last_heartbeat)
        self._last_heartbeat = now
        self._send(11, None)

    def _identify(self, data: Json) -> None:
        if self._session is not None:
            raise CloseConnection(4005, "Already authenticated.")
        self._check_token(data)
        wanted = as_int(data.get("intents"), -1)
        if wanted < 0 or wanted & ~intents.KNOWN:
            raise CloseConnection(4013, "Invalid intent(s).")
        if wanted & intents.PRIVILEGED and not self._world.application.privileged_intents:
            raise CloseConnection(4014, "Disallowed intent(s).")
        shard = Shard.parse(data.get("shard"))
        if shard is None:
            raise CloseConnection(4010, "Invalid shard.")
        session = self._hub.open(wanted, shard)
        self._attach(session)
        self._send_ready(session)

    def _check_token(self, data: Json) -> None:
        given = str(data.get("token", "")).removeprefix("Bot ")
        if not secrets.compare_digest(given.encode(), self._world.application.token.encode()):
            raise CloseConnection(4004, "Authentication failed.")

    def _attach(self, session: Session) -> None:
        self._session = session
        session.send = self._enqueue
        self._hub.connected(session, self._close)

    def _send_ready(self, session: Session) -> None:
        world = self._world
        guilds = [guild for guild in world.bot_guilds() if session.shard.receives(guild.id)]
        ready: Json = {
            "v": 10,
            "user": shapes.own_user(world.users[world.bot_id]),
            "guilds": [{"id": guild.id, "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": self._url,
            "shard": [session.shard.index, session.shard.count],
            "application": {"id": world.application.id, "flags": 0},
            "private_channels": [],
            "relationships": [],
            "presences": [],
            "geo_ordered_rtc_regions": [],
            "user_settings": {},
            "_trace": ["playground"],
        }
        session.dispatch("READY", ready)
        if session.intents & intents.GUILDS:
            for guild in guilds:
                session.dispatch("GUILD_CREATE", shapes.guild_create(world, guild))

    def _resume(self, data: Json) -> None:
        self._check_token(data)
        session = self._hub.sessions.get(str(data.get("session_id")))
        missed = None if session is None else session.after(as_int(data.get("seq"), -1))
        if session is None or missed is None:
            self._send(9, False)
            return
        for payload in missed:
            self._enqueue(payload)
        self._attach(session)
        session.dispatch("RESUMED", {"_trace": ["playground"]})

    def _send_members(self, session: Session, data: Json) -> None:
        """Members by name or id; the whole list needs the privileged intent."""
        guild = self._world.guilds.get(str(data.get("guild_id")))
        if guild is None or self._world.bot_id not in guild.members or not session.shard.receives(guild.id):
            return
        wanted = data.get("user_ids")
        ids = {str(one) for one in cast("list[object]", wanted if isinstance(wanted, list) else [wanted])}
        query = str(data.get("query") or "").lower()
        everyone = data.get("query") == "" and bool(session.intents & intents.GUILD_MEMBERS)
        found = [
            member
            for member in guild.members.values()
            if member.user_id in ids
            or everyone
            or (query and self._world.display_name(member.user_id, guild.id).lower().startswith(query))
        ]
        chunk: Json = {
            "guild_id": guild.id,
            "members": [shapes.member(self._world, member) for member in found],
            "chunk_index": 0,
            "chunk_count": 1,
            "not_found": sorted(ids - {member.user_id for member in found} - {"None"}),
        }
        if data.get("nonce") is not None:
            chunk["nonce"] = data["nonce"]
        session.dispatch("GUILD_MEMBERS_CHUNK", chunk)


def _decode(data: str | bytes) -> Json:
    try:
        return as_object(json.loads(data))
    except ValueError:
        raise CloseConnection(4002, "Error while decoding payload.") from None
