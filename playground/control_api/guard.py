"""Lets in only requests that come from this machine: no foreign Host (DNS rebinding), no foreign Origin."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

LOOPBACK = ("127.0.0.1", "localhost", "::1")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self' ws://127.0.0.1:* ws://localhost:*; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


@web.middleware
async def guard(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuse foreign requests, and send the security headers with every answer."""
    if not _is_own(request):
        return web.Response(status=403, text="The playground only talks to this machine.")
    response = await handler(request)
    if not response.prepared:
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


def _is_own(request: web.Request) -> bool:
    host = urlsplit(f"//{request.host}").hostname
    if host not in LOOPBACK:
        return False
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"http://{request.host}":
        return False
    return request.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin")
