"""Look-ups of links for people: a person has so many in a while, and what a hub said is remembered for a few minutes.

Hubs count questions by address, so that one person's would otherwise be refused to everybody.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from bot.sources.errors import LookedUpTooOften
from bot.sources.hubs.links import Link
from bot.sources.hubs.remote import RemoteModel

MOST, WINDOW_SECONDS = 40, 600.0  # questions of a person
REMEMBERED_SECONDS = 300.0
MAX_REMEMBERED = 64  # models, with up to some hundred versions each


class LookUps:
    """Looks links up with `ask`. `clock` tells seconds."""

    def __init__(
        self, ask: Callable[[Link], Awaitable[RemoteModel]], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._asked: dict[int, list[float]] = {}  # when, by person
        self._known: OrderedDict[Link, tuple[float, RemoteModel]] = OrderedDict()

    async def model(self, link: Link, person_id: int, *, remembered: bool = False) -> RemoteModel:
        """What a link means; if `remembered` will do, without a question. Raises LookedUpTooOften or SourceError."""
        known = self._known.get(link)
        if remembered and known is not None and known[0] > self._clock() - REMEMBERED_SECONDS:
            return known[1]
        self.count(person_id)
        model = await self._ask(link)
        self._known[link] = (self._clock(), model)
        self._known.move_to_end(link)
        if len(self._known) > MAX_REMEMBERED:
            self._known.popitem(last=False)
        return model

    def count(self, person_id: int) -> None:
        """Count a question of a person. Raises LookedUpTooOften."""
        now = self._clock()
        self._asked = {
            person: recent
            for person, times in self._asked.items()
            if (recent := [when for when in times if when > now - WINDOW_SECONDS])
        }
        times = self._asked.setdefault(person_id, [])
        if len(times) >= MOST:
            raise LookedUpTooOften(minutes=math.ceil((times[0] + WINDOW_SECONDS - now) / 60))
        times.append(now)
