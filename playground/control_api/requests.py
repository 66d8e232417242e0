"""Parses a control request, responds in JSON, and reports refusals as messages."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

from playground.errors import ApiError
from playground.message_writer import Upload
from playground.people.action_refused import ActionRefused
from playground.rest import bodies
from playground.wire import Json, as_object


@dataclass(frozen=True)
class ControlRequest:
    """A control request: the JSON of its body, its query and path, and files."""

    body: Json
    query: dict[str, str]
    path: dict[str, str]
    uploads: list[Upload] = field(default_factory=list[Upload])

    def text(self, name: str) -> str:
        """A required text of the body or the query."""
        value = self.body.get(name, self.query.get(name))
        if value is None:
            raise ActionRefused(f"The request lacks {name!r}.")
        return str(value)

    def number(self, name: str, default: float) -> float:
        """A number, or its default."""
        try:
            return float(self.body.get(name, self.query.get(name, default)))
        except (TypeError, ValueError):
            raise ActionRefused(f"{name!r} has to be a number.") from None


ControlHandler = Callable[[ControlRequest], Awaitable[Json]]


def handler(work: ControlHandler) -> Callable[[web.Request], Awaitable[web.Response]]:
    """An aiohttp handler around a function from request to JSON."""

    async def handle(request: web.Request) -> web.Response:
        try:
            payload, uploads = await bodies.read(request)
            control_request = ControlRequest(as_object(payload), dict(request.query), dict(request.match_info), uploads)
            return _answer(200, await work(control_request))
        except ActionRefused as refused:
            return _answer(409, {"message": str(refused)})
        except ApiError as refused:
            return _answer(refused.status, {"message": str(refused), "error": refused.body()})

    return handle


def _answer(status: int, payload: Json) -> web.Response:
    text = json.dumps(payload, ensure_ascii=False).encode()
    return web.Response(status=status, body=text, content_type="application/json")
