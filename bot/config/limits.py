"""The section of config.toml about how much may be asked for."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bot.config.section import Section
from inference.bounds import MAX_LORAS, MAX_PICTURES, MAX_SIDE, MAX_STEPS, MIN_STEPS
from inference.queue import Policy


class LimitSettings(Section):
    """How much may be asked for, who waits, how often a job is tried."""

    max_loras: Annotated[int, Field(ge=0, le=MAX_LORAS)] = 5
    """LoRAs that one picture may combine."""
    max_attempts: Annotated[int, Field(ge=1, le=100)] = 3
    """How often a job is begun again after the worker died at it."""
    waiting_per_person: Annotated[int, Field(ge=1, le=10_000)] = 10
    """Jobs that one person may have waiting."""
    waiting_in_all: Annotated[int, Field(ge=1, le=10_000)] = 500
    """Jobs that may wait, everybody's together."""
    max_age_hours: Annotated[int, Field(ge=1, le=10_000)] = 24
    """A job that waited longer, because bot or worker was away, is given up with an apology."""
    pictures_per_day: Annotated[int, Field(ge=0, le=10**9)] | None = None
    """Pictures of one person in a day (UTC), in all servers and direct messages together; left out, any number."""
    megapixel_steps_per_day: Annotated[int, Field(ge=0, le=10**9)] | None = None
    """The same in megapixels times steps, which is what pictures cost: one of 1024x1024 in 28 steps costs 29.4, and
    with two regions twice as much."""
    server_pictures_per_day: Annotated[int, Field(ge=0, le=10**9)] | None = None
    """Pictures of everybody in one server in a day."""
    server_megapixel_steps_per_day: Annotated[int, Field(ge=0, le=10**9)] | None = None
    """The same in megapixels times steps."""
    cooldown_seconds: Annotated[int, Field(ge=0, le=86_400)] = 0
    """The time between two orders of one person; 0 is none."""
    max_count: Annotated[int, Field(ge=1, le=MAX_PICTURES)] | None = None
    """Pictures that one request may ask for; left out, as many as the command offers."""
    max_steps: Annotated[int, Field(ge=MIN_STEPS, le=MAX_STEPS)] | None = None
    """Steps that one request may ask for."""
    max_megapixels: Annotated[float, Field(gt=0, le=MAX_SIDE**2 / 1e6)] | None = None
    """The size of one picture; 1024x1024 is 1.05 megapixels."""
    max_weight: Annotated[float, Field(ge=0.1, le=10)] = 4.0
    """The greatest weight in the queue that a server may give a role or a person; everybody else has 1."""
    identical_in_a_row: Annotated[int, Field(ge=0, le=20)] = 4
    """Requests in a row that differ in nothing but their seed and still count fully in the queue; each one more halves
    the weight again, down to an eighth. 0 is any number."""
    loras_per_day: Annotated[int, Field(ge=0, le=10**6)] = 10
    """LoRAs that one person may add from outside in 24 hours. Staff of a server may set less; operators add any
    number."""
    server_loras_per_day: Annotated[int, Field(ge=0, le=10**6)] = 30
    """LoRAs that everybody in one server may add in 24 hours."""

    @property
    def policy(self) -> Policy:
        """The policy of everybody who has no own one."""
        return Policy(waiting_per_person=self.waiting_per_person, waiting_in_all=self.waiting_in_all)
