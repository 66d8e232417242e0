"""The page's websocket: tells what changed, so that the page can fetch it."""

import asyncio

from aiohttp import WSMsgType, web

from playground.pages import Pages
from playground.people import lookup
from playground.people.refused import ActRefused
from playground.wire import Json, compact
from playground.world import World


async def serve(request: web.Request, world: World, pages: Pages) -> web.StreamResponse:
    """Send changes until the page leaves."""
    try:
        viewer = lookup.person(world, request.query.get("as", ""))
    except ActRefused as refused:
        return web.Response(status=409, text=str(refused))
    websocket = web.WebSocketResponse(heartbeat=30)
    await websocket.prepare(request)
    outbox: asyncio.Queue[Json] = asyncio.Queue()
    pages.listen(outbox.put_nowait, viewer.id)
    writer = asyncio.create_task(_write(websocket, outbox))
    try:
        async for message in websocket:
            if message.type == WSMsgType.ERROR:
                break
    finally:
        pages.leave(outbox.put_nowait)
        writer.cancel()
    return websocket


async def _write(websocket: web.WebSocketResponse, outbox: asyncio.Queue[Json]) -> None:
    while not websocket.closed:
        try:
            await websocket.send_str(compact(await outbox.get()))
        except ConnectionError:  # the page was closed while we wrote
            return
