"""Interactions that no longer wait for an answer of this program. Easel must not order anything for them.

Discord tells a user after 3 seconds that the app did not respond, and the user presses again. If two programs use one
token, both receive every interaction, and Discord takes the first answer only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import aiohttp
import discord

SERVER_ERROR = 500  # from this status on, Discord may have carried out the request
UNKNOWN_INTERACTION = 10062  # Discord's code for an interaction that nobody answered within 3 seconds
ALREADY_ACKNOWLEDGED = 40060  # Discord's code for an interaction that has its first response
LOST = (UNKNOWN_INTERACTION, ALREADY_ACKNOWLEDGED)
MAX_FAILED = 1000  # failed requests that are remembered


class InteractionLost(Exception):
    """Discord refuses the first response: it came too late, or another program has responded."""


class FirstResponses:
    """Tells a lost interaction from one that this program answered in a request that seemed to fail.

    discord.py repeats such a request, and Discord then refuses the repetition. `shared_token` is called when Discord
    refuses the only response that this program sent to an interaction: another program responded.
    """

    def __init__(self, shared_token: Callable[[], None] = lambda: None) -> None:
        self._failed: deque[str] = deque(maxlen=MAX_FAILED)  # ids of interactions
        self._sent: deque[str] = deque(maxlen=MAX_FAILED)  # ids of interactions, once for each request
        self._shared_token = shared_token

    def watch(self, trace: aiohttp.TraceConfig) -> None:
        """Note the first responses among the requests of an HTTP client, and those that failed."""
        trace.on_request_start.append(self._on_request_start)
        trace.on_request_end.append(self._on_request_end)
        trace.on_request_exception.append(self._on_request_exception)

    def is_lost(self, interaction: discord.Interaction[Any], problem: discord.HTTPException) -> bool:
        """Whether Discord refused the first response because the interaction is lost."""
        answered_by_us = problem.code == ALREADY_ACKNOWLEDGED and str(interaction.id) in self._failed
        return problem.code in LOST and not answered_by_us

    async def _on_request_start(
        self, _session: object, _context: object, started: aiohttp.TraceRequestStartParams
    ) -> None:
        if (interaction := _answered(started.url.parts)) is not None:
            self._sent.append(interaction)

    async def _on_request_end(self, _session: object, _context: object, ended: aiohttp.TraceRequestEndParams) -> None:
        if (interaction := _answered(ended.url.parts)) is None:
            return
        status = ended.response.status
        if status >= SERVER_ERROR:
            self._failed.append(interaction)
        if status == HTTPStatus.BAD_REQUEST and self._sent.count(interaction) == 1:
            body = await ended.response.text()  # kept for discord.py, which reads it after this
            if str(ALREADY_ACKNOWLEDGED) in body:
                self._shared_token()

    async def _on_request_exception(
        self, _session: object, _context: object, failed: aiohttp.TraceRequestExceptionParams
    ) -> None:
        if (interaction := _answered(failed.url.parts)) is not None:
            self._failed.append(interaction)


def _answered(path: tuple[str, ...]) -> str | None:
    """Return the id of the interaction that a request answers first: `…/interactions/ID/TOKEN/callback`."""
    return path[-3] if path[-1] == "callback" and path[-4:-3] == ("interactions",) else None
