"""The page's websocket: sends what changed, so that the page can fetch it."""

import asyncio

from aiohttp import WSMsgType, web

from playground.change_notifier import ChangeNotifier
from playground.people import lookup
from playground.people.action_refused import ActionRefused
from playground.wire import Json, compact
from playground.world import World


async def serve(request: web.Request, world: World, changes: ChangeNotifier) -> web.StreamResponse:
    """Send changes until the page disconnects."""
    try:
        viewer = lookup.person(world, request.query.get("as", ""))
    except ActionRefused as refused:
        return web.Response(status=409, text=str(refused))
    websocket = web.WebSocketResponse(heartbeat=30)
    await websocket.prepare(request)
    outbox: asyncio.Queue[Json] = asyncio.Queue()
    changes.subscribe(outbox.put_nowait, viewer.id)
    writer = asyncio.create_task(_write(websocket, outbox))
    try:
        async for message in websocket:
            if message.type == WSMsgType.ERROR:
                break
    finally:
        changes.unsubscribe(outbox.put_nowait)
        writer.cancel()
    return websocket


async def _write(websocket: web.WebSocketResponse, outbox: asyncio.Queue[Json]) -> None:
    while not websocket.closed:
        try:
            await websocket.send_str(compact(await outbox.get()))
        except ConnectionError:  # the page was closed while we wrote
            return
