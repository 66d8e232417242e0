"""The section of config.toml about how much may be asked for."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bot.config.section import Section
from inference.bounds import MAX_LORAS, MAX_PICTURES, MAX_SIDE, MAX_STEPS, MIN_STEPS
from inference.queue.policy import Policy


class LimitSettings(Section):
    """Limits of requests, of the queue and of retries."""

    max_loras: Annotated[int, Field(ge=0, le=MAX_LORAS)] = 5
    """Maximum number of LoRAs in one picture."""
    max_attempts: Annotated[int, Field(ge=1, le=100)] = 3
    """How often a job is retried after the worker process died."""
    waiting_per_person: Annotated[int, Field(ge=1, le=10_000)] = 10
    """Maximum number of queued jobs of one user."""
    waiting_in_all: Annotated[int, Field(ge=1, le=10_000)] = 500
    """Maximum number of queued jobs in total."""
    max_age_hours: Annotated[int, Field(ge=1, le=10_000)] = 24
    """Maximum age of a queued job. Older jobs, after an outage of bot or worker, are cancelled with an apology."""
    pictures_per_day: Annotated[int, Field(ge=0, le=10**9)] | None = Field(default=None, examples=[100])
    """Pictures of one user per day (UTC), in all servers and direct messages together. Default: no limit."""
    megapixel_steps_per_day: Annotated[int, Field(ge=0, le=10**9)] | None = Field(default=None, examples=[3000])
    """Compute of one user per day, in megapixels x steps. A picture of 1024x1024 with 28 steps costs 29.4. Two
    regions double the cost."""
    server_pictures_per_day: Annotated[int, Field(ge=0, le=10**9)] | None = Field(default=None, examples=[1000])
    """Pictures of all users in one server per day."""
    server_megapixel_steps_per_day: Annotated[int, Field(ge=0, le=10**9)] | None = Field(default=None, examples=[30000])
    """Compute of all users in one server per day, in megapixels x steps."""
    cooldown_seconds: Annotated[int, Field(ge=0, le=86_400)] = Field(default=0, examples=[10])
    """Minimum time between two requests of one user. 0: none."""
    max_count: Annotated[int, Field(ge=1, le=MAX_PICTURES)] | None = None
    """Maximum number of pictures in one request. Default: as many as the command offers."""
    max_steps: Annotated[int, Field(ge=MIN_STEPS, le=MAX_STEPS)] | None = None
    """Maximum number of steps in one request."""
    max_megapixels: Annotated[float, Field(gt=0, le=MAX_SIDE**2 / 1e6)] | None = None
    """Maximum size of one picture. 1024x1024 is 1.05 megapixels."""
    max_weight: Annotated[float, Field(ge=0.1, le=10)] = 4.0
    """Maximum queue priority that a server can give a role or a member. Everyone else has 1."""
    loras_per_day: Annotated[int, Field(ge=0, le=10**6)] = 10
    """LoRAs that one user can import in 24 hours. Staff of a server can set less. Operators have no limit."""
    server_loras_per_day: Annotated[int, Field(ge=0, le=10**6)] = 30
    """LoRAs that all members of one server can import in 24 hours."""

    @property
    def policy(self) -> Policy:
        """The policy of everybody who has no own one."""
        return Policy(waiting_per_person=self.waiting_per_person, waiting_in_all=self.waiting_in_all)
