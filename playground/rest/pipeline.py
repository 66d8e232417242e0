"""The steps around every endpoint: faults, token, rate limits, recording."""

import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from playground import errors
from playground.errors import ApiError
from playground.faults import Fault, Faults
from playground.limits import Limits
from playground.recorder import Exchange, Recorder
from playground.rest import bodies
from playground.rest.endpoint import Call, Endpoint, EndpointAnswer
from playground.world import World

PREFIX = "/api/v10"
VIA = {"Via": "1.1 playground"}  # without it discord.py treats a 429 as a ban and does not retry

Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Pipeline:
    """Runs endpoints as aiohttp handlers."""

    world: World
    faults: Faults
    limits: Limits
    recorder: Recorder

    def install(self, app: web.Application, endpoints: list[Endpoint]) -> None:
        """Add the routes, and a fallback for unknown paths."""
        for endpoint in endpoints:
            app.router.add_route(endpoint.method, PREFIX + endpoint.template, self._handler(endpoint))
        app.router.add_route("*", PREFIX + "/{tail:.*}", self._handler(None))

    def _handler(self, endpoint: Endpoint | None) -> Handle:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._run(endpoint, request)

        return handle

    async def _run(self, endpoint: Endpoint | None, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix(PREFIX)
        call: Call | None = None
        headers: dict[str, str] = {}
        fault = self.faults.take(request.method, path, uploads=request.content_type == "multipart/form-data")
        try:
            call = await _read(request)
            if fault is not None and fault.kind == "slow":
                await self.faults.hang(fault.seconds)
                fault = None
            if fault is not None and fault.kind != "late":
                answer, headers = await self._inject(fault, request)
            else:
                headers = self._authorize(endpoint, request, call)
                answer = _carry_out(endpoint, call)
                if fault is not None:
                    answer, headers = _fault_answer(fault)
        except ApiError as refusal:
            answer = EndpointAnswer(refusal.status, refusal.body())
            headers = {**headers, **VIA} if refusal.status == 429 else headers
        self._record(endpoint, request, call, answer, injected=fault is not None)
        if fault is not None and fault.kind in {"proxy", "garbled", "foreign"}:
            return _proxy_response(fault)
        return _response(answer, headers)

    async def _inject(self, fault: Fault, request: web.Request) -> tuple[EndpointAnswer, dict[str, str]]:
        if fault.kind == "hang":
            await self.faults.hang(fault.seconds)
        if fault.kind == "cut" and request.transport is not None:
            request.transport.abort()
        return _fault_answer(fault)

    def _authorize(self, endpoint: Endpoint | None, request: web.Request, call: Call) -> dict[str, str]:
        """Check the token and the rate limit; returns the rate limit headers."""
        if endpoint is None:
            raise errors.not_found()
        if endpoint.needs_token and not self._has_token(request):
            raise errors.unauthorized()
        verdict = self.limits.spend(endpoint.method, endpoint.template, call.path, with_token=endpoint.needs_token)
        if not verdict.passes:
            raise errors.RateLimited(verdict.retry_after, everywhere=verdict.everywhere)
        return verdict.headers

    def _has_token(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization", "")
        wanted = f"Bot {self.world.application.token}"
        return secrets.compare_digest(given.encode(), wanted.encode())

    def _record(
        self,
        endpoint: Endpoint | None,
        request: web.Request,
        call: Call | None,
        answer: EndpointAnswer,
        *,
        injected: bool,
    ) -> None:
        self.recorder.note(
            Exchange(
                self.recorder.total + 1,
                self.world.clock.now(),
                request.method,
                request.path.removeprefix(PREFIX),
                endpoint.template if endpoint else None,
                dict(request.query),
                call.json if call else None,
                [upload.filename for upload in call.uploads] if call else [],
                answer.status,
                answer.json,
                injected,
            )
        )


async def _read(request: web.Request) -> Call:
    payload, uploads = await bodies.read(request)
    return Call(dict(request.match_info), dict(request.query), payload, uploads)


def _carry_out(endpoint: Endpoint | None, call: Call) -> EndpointAnswer:
    if endpoint is None:
        raise errors.not_found()
    return endpoint.handler(call)


def _fault_answer(fault: Fault) -> tuple[EndpointAnswer, dict[str, str]]:
    if fault.status == 429:
        limited = errors.RateLimited(fault.retry_after, everywhere=fault.everywhere)
        scope = "global" if fault.everywhere else "user"
        headers = {**VIA, "Retry-After": str(fault.retry_after), "X-RateLimit-Scope": scope}
        return EndpointAnswer(429, limited.body()), headers
    return EndpointAnswer(fault.status, {"message": f"{fault.status}: ordered fault", "code": fault.code}), {}


def _proxy_response(fault: Fault) -> web.Response:
    if fault.kind != "proxy":
        body = '{"id": "1' if fault.kind == "garbled" else '{"error": "blocked"}'
        return web.Response(status=fault.status, body=body, headers={"Content-Type": "application/json", **VIA})
    if fault.status == 429:
        return web.Response(status=429, headers=VIA)
    page = "<html><body>Please wait a moment.</body></html>"
    return web.Response(status=fault.status, text=page, content_type="text/html", headers=VIA)


def _response(answer: EndpointAnswer, headers: dict[str, str]) -> web.Response:
    """Clients expect exactly `application/json`, so no charset is added."""
    if answer.status == 204:
        return web.Response(status=204, headers=headers)
    text = json.dumps(answer.json, ensure_ascii=False).encode()
    return web.Response(status=answer.status, body=text, content_type="application/json", headers=headers)
