"""Which limits hold for a person, and where each comes from. Pure: no database, no Discord; the clock is passed in.

For each limit the first of these that says something holds: the limit of the person, then of the person's roles, then
of newcomers (while the person is one), then of everybody. Of several roles the most generous wins, unless one denies: 0
pictures, megapixel-steps or LoRAs. So a role may give more or less than everybody has, as in Discord's own permissions.

What comes out is cut to the operator's ceiling, which no server can lift. The day's pictures and megapixel-steps are
counted three times: the person's in this server, everybody's in this server, and the person's everywhere. The last is
what the operator's ceiling is about; likewise a server's cooldown begins with an order in it, the operator's with any.
LoRAs that are added from outside are counted in the same three ways, over the last 24 hours.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from bot.config import LimitSettings
from bot.database.clock import DAY_MS, HOUR_MS
from bot.database.jobs.orders import PersonFacts, Usage
from bot.database.servers.limits import HeldLimits, LimitHolder, LimitName, LimitValues
from bot.errors.limits import (
    LIMIT_SOURCES,
    AddedTooMany,
    AddingDenied,
    CooldownRunning,
    LimitReached,
    MegapixelStepsUsedUp,
    PicturesUsedUp,
    ServerAddedTooMany,
    ServerMegapixelStepsUsedUp,
    ServerPicturesUsedUp,
    SizeAboveLimit,
    TooManyPictures,
    TooManySteps,
)
from bot.i18n import _, duration, later, number
from inference.errors import RequestError, TooManyLoras
from inference.messages.request import GenerationRequest
from inference.queue.policy import Policy

PIXELS = 1_000_000  # of a megapixel

LIMIT_LABELS = {
    LimitName.PICTURES_PER_DAY: later("pictures per day"),
    LimitName.MEGAPIXEL_STEPS_PER_DAY: later("megapixels times steps per day"),
    LimitName.COOLDOWN_SECONDS: later("seconds between requests"),
    LimitName.WAITING_PER_PERSON: later("queued requests"),
    LimitName.WEIGHT: later("priority in the queue"),
    LimitName.LORAS_PER_DAY: later("LoRAs added in 24 hours"),
}
# Words for the groups of members that a limit is set for.
HOLDERS = {
    LimitHolder.EVERYBODY: later("everyone"),
    LimitHolder.NEWCOMERS: later("new members"),
    LimitHolder.SERVER: later("the whole server, combined"),
    LimitHolder.ROLE: later("role"),
    LimitHolder.PERSON: later("member"),
    LimitHolder.OPERATOR: later("operator"),
}
OF_DAY = (LimitName.PICTURES_PER_DAY, LimitName.MEGAPIXEL_STEPS_PER_DAY)
COUNTED = (*OF_DAY, LimitName.LORAS_PER_DAY)  # of a person and of a server as a whole; 0 denies


@dataclass(frozen=True)
class LimitSource:
    """Where a limit comes from. `name` is that of the role."""

    holder: LimitHolder
    holder_id: int = 0
    name: str = ""

    @property
    def role(self) -> str:
        """The role by its name, or by its id when the name is not known; "" for other holders."""
        return (self.name or str(self.holder_id)) if self.holder is LimitHolder.ROLE else ""

    def __str__(self) -> str:
        """The sentence about it in the current language."""
        return _(LIMIT_SOURCES[self.holder]).format(role=self.role)


OPERATOR = LimitSource(LimitHolder.OPERATOR)


@dataclass(frozen=True)
class EffectiveLimit:
    """The value of one limit that holds, and its source."""

    value: float
    source: LimitSource


class QuotaScope(StrEnum):
    """Whose orders count: the person's in this server, the person's in all, or everybody's in this server."""

    HERE = "here"
    EVERYWHERE = "everywhere"
    SERVER = "server"


@dataclass(frozen=True)
class DailyQuota:
    """A quota of the day: pictures, or megapixel-steps. `usage` is what has been ordered today."""

    name: LimitName
    scope: QuotaScope
    limit: int
    usage: Usage
    source: LimitSource

    @property
    def used(self) -> float:
        """How much of it is used."""
        return used_of(self.name, self.usage)

    @property
    def left(self) -> float:
        """What may still be ordered today."""
        return max(0.0, self.limit - self.used)

    def fits(self, cost: Usage) -> bool:
        """Whether that much may still be ordered today; in whole pixels, which round nothing."""
        whole = self.usage + cost
        if self.name is LimitName.PICTURES_PER_DAY:
            return whole.pictures <= self.limit
        return whole.pixel_steps <= self.limit * PIXELS


@dataclass(frozen=True)
class Cooldown:
    """The least time between two orders, and when the last one was (unix ms; None: never)."""

    seconds: float
    source: LimitSource
    last_order: int | None

    def left(self, now: int) -> float:
        """The seconds until the next order is possible. A last order in the future, by a clock set back, is now."""
        if self.last_order is None:
            return 0.0
        return max(0.0, self.seconds - max(0, now - self.last_order) / 1000)


@dataclass(frozen=True)
class EffectiveLimits:
    """Every limit that holds for a person in one place; what is missing is not limited.

    `limits` are those of the queue; the greatest cooldown is among them. `adding` are those of LoRAs from outside.
    """

    limits: Mapping[LimitName, EffectiveLimit]
    quotas: tuple[DailyQuota, ...] = ()
    cooldowns: tuple[Cooldown, ...] = ()
    adding: Mapping[QuotaScope, EffectiveLimit] = field(default_factory=dict[QuotaScope, EffectiveLimit])

    def value(self, name: LimitName, otherwise: float) -> float:
        """The value of a limit, or `otherwise` where nothing limits it."""
        found = self.limits.get(name)
        return otherwise if found is None else found.value


def ceilings(limits: LimitSettings) -> LimitValues:
    """The operator's limits, which no server can lift."""
    return LimitValues(
        pictures_per_day=limits.pictures_per_day,
        megapixel_steps_per_day=limits.megapixel_steps_per_day,
        cooldown_seconds=limits.cooldown_seconds or None,
        waiting_per_person=limits.waiting_per_person,
        weight=limits.max_weight,
        loras_per_day=limits.loras_per_day,
    )


def server_ceilings(limits: LimitSettings) -> LimitValues:
    """The operator's limits of each server as a whole."""
    return LimitValues(
        pictures_per_day=limits.server_pictures_per_day,
        megapixel_steps_per_day=limits.server_megapixel_steps_per_day,
        loras_per_day=limits.server_loras_per_day,
    )


def is_newcomer(joined_at: int | None, hours: int, now: int) -> bool:
    """Whether a member who joined then (unix ms; None: unknown) is new for so many hours."""
    return joined_at is not None and now - joined_at < hours * HOUR_MS


def _tiers(
    shared: Sequence[HeldLimits], roles: Collection[int], *, newcomer: bool, own: LimitValues | None
) -> tuple[Sequence[HeldLimits], ...]:
    """What staff have set that may hold for a person, the first to be asked first."""

    def of(holder: LimitHolder) -> list[HeldLimits]:
        return [held for held in shared if held.holder is holder]

    return (
        [] if own is None else [HeldLimits(LimitHolder.PERSON, 0, "", own)],
        [held for held in of(LimitHolder.ROLE) if held.holder_id in roles],
        of(LimitHolder.NEWCOMERS) if newcomer else [],
        of(LimitHolder.EVERYBODY),
    )


def _set_here(name: LimitName, tiers: Iterable[Sequence[HeldLimits]]) -> EffectiveLimit | None:
    """The limit of the first tier that says something: a denial, else the most generous."""
    for tier in tiers:
        said = [(value, held) for held in tier if (value := held.values.get(name)) is not None]
        if said:
            denials = [each for each in said if name in COUNTED and each[0] == 0]
            value, held = min(denials or said, key=lambda each: (_strictness(name, each[0]), each[1].holder_id))
            return EffectiveLimit(value, LimitSource(held.holder, held.holder_id, held.name))
    return None


def _strictness(name: LimitName, value: float) -> float:
    """Smaller is more generous."""
    return value if name is LimitName.COOLDOWN_SECONDS else -value


def is_stricter(name: LimitName, value: float, other: float) -> bool:
    """Whether the first value of a limit allows less than the second."""
    return _strictness(name, value) > _strictness(name, other)


def _stricter(name: LimitName, here: EffectiveLimit | None, ceiling: float | None) -> EffectiveLimit | None:
    """The limit of the server, or the operator's where that is stricter or the server has none."""
    if ceiling is None:
        return here
    if here is None:
        # The operator's weight is the most that a server may give, and nobody's by itself.
        return None if name is LimitName.WEIGHT else EffectiveLimit(ceiling, OPERATOR)
    return EffectiveLimit(ceiling, OPERATOR) if is_stricter(name, ceiling, here.value) else here


def effective_limits(
    settings: LimitSettings,
    shared: Sequence[HeldLimits],
    roles: Collection[int],
    facts: PersonFacts,
    *,
    newcomer: bool,
    exempt: bool = False,
) -> EffectiveLimits:
    """All limits of a person in a server, or outside of servers where nothing is `shared`.

    For whom is `exempt` the operator's ceilings alone hold.
    """
    shared, own = ((), None) if exempt else (shared, facts.own_limits)
    ceiling, tiers = ceilings(settings), _tiers(shared, roles, newcomer=newcomer, own=own)
    here = {name: _set_here(name, tiers) for name in LimitName}
    found = {name: _stricter(name, here[name], ceiling.get(name)) for name in LimitName if name not in COUNTED}
    whole_server = _whole_server(settings, shared)
    cooldowns = (
        _cooldown(here[LimitName.COOLDOWN_SECONDS], facts.last_here),
        _cooldown(EffectiveLimit(settings.cooldown_seconds, OPERATOR), facts.last_everywhere),
    )
    return EffectiveLimits(
        limits={name: limit for name, limit in found.items() if limit is not None},
        quotas=tuple(_quotas(here, ceiling, whole_server, facts)),
        cooldowns=tuple(cooldown for cooldown in cooldowns if cooldown is not None),
        adding={} if exempt else dict(_scopes(LimitName.LORAS_PER_DAY, here, ceiling, whole_server)),
    )


def _cooldown(limit: EffectiveLimit | None, last_order: int | None) -> Cooldown | None:
    return Cooldown(limit.value, limit.source, last_order) if limit is not None and limit.value else None


def _whole_server(settings: LimitSettings, shared: Sequence[HeldLimits]) -> Mapping[LimitName, EffectiveLimit | None]:
    """The limits of the day of a server as a whole."""
    tiers, ceiling = ([held for held in shared if held.holder is LimitHolder.SERVER],), server_ceilings(settings)
    return {name: _stricter(name, _set_here(name, tiers), ceiling.get(name)) for name in COUNTED}


def _scopes(
    name: LimitName,
    here: Mapping[LimitName, EffectiveLimit | None],
    ceiling: LimitValues,
    whole_server: Mapping[LimitName, EffectiveLimit | None],
) -> Iterator[tuple[QuotaScope, EffectiveLimit]]:
    """The limits of what is counted, by whose it is."""
    highest = ceiling.get(name)
    everywhere = None if highest is None else EffectiveLimit(highest, OPERATOR)
    for scope, limit in (
        (QuotaScope.HERE, here[name]),
        (QuotaScope.EVERYWHERE, everywhere),
        (QuotaScope.SERVER, whole_server[name]),
    ):
        if limit is not None:
            yield scope, limit


def _quotas(
    here: Mapping[LimitName, EffectiveLimit | None],
    ceiling: LimitValues,
    whole_server: Mapping[LimitName, EffectiveLimit | None],
    facts: PersonFacts,
) -> Iterator[DailyQuota]:
    used = {
        QuotaScope.HERE: facts.here,
        QuotaScope.EVERYWHERE: facts.everywhere,
        QuotaScope.SERVER: facts.of_server,
    }
    for name in OF_DAY:
        for scope, limit in _scopes(name, here, ceiling, whole_server):
            yield DailyQuota(name, scope, int(limit.value), used[scope], limit.source)


def used_of(name: LimitName, usage: Usage) -> float:
    """The pictures, or the megapixel-steps, of a usage."""
    return usage.pictures if name is LimitName.PICTURES_PER_DAY else usage.pixel_steps / PIXELS


# --- checks ---------------------------------------------------------------------------------------------------------


def beyond_request_limits(settings: LimitSettings, request: GenerationRequest) -> RequestError | None:
    """Why the request itself asks for more than the operator allows; None if it does not."""
    if (loras := len(request.loras)) > settings.max_loras:
        return TooManyLoras(count=loras, limit=settings.max_loras)
    if settings.max_count is not None and request.count > settings.max_count:
        return TooManyPictures(asked=request.count, limit=settings.max_count)
    if settings.max_steps is not None and request.steps > settings.max_steps:
        return TooManySteps(asked=request.steps, limit=settings.max_steps)
    megapixels = request.width * request.height / PIXELS
    if settings.max_megapixels is not None and megapixels > settings.max_megapixels:
        return SizeAboveLimit(size=f"{request.width}x{request.height}", limit=number(settings.max_megapixels, 2))
    return None


def beyond_quota(limits: EffectiveLimits, cost: Usage, now: int) -> LimitReached | None:
    """Why `cost` is more than is left of the day; None when it fits. Of several reasons the one with least left."""
    beyond = [quota for quota in limits.quotas if not quota.fits(cost)]
    if not beyond:
        return None
    quota = min(beyond, key=lambda quota: quota.left)
    kind = _USED_UP[quota.name, quota.scope is QuotaScope.SERVER]
    return kind(
        asked=number(used_of(quota.name, cost), 1),
        used=number(quota.used, 1),
        limit=number(quota.limit),
        wait=duration(until_next_day(now)),
        source=quota.source.holder.value,
        role=quota.source.role,
    )


_USED_UP = {
    (LimitName.PICTURES_PER_DAY, False): PicturesUsedUp,
    (LimitName.PICTURES_PER_DAY, True): ServerPicturesUsedUp,
    (LimitName.MEGAPIXEL_STEPS_PER_DAY, False): MegapixelStepsUsedUp,
    (LimitName.MEGAPIXEL_STEPS_PER_DAY, True): ServerMegapixelStepsUsedUp,
}


def in_cooldown(limits: EffectiveLimits, now: int) -> LimitReached | None:
    """Why the person has to wait before the next order; None when the order is possible now."""
    running = [cooldown for cooldown in limits.cooldowns if cooldown.left(now) > 0]
    if not running:
        return None
    longest = max(running, key=lambda cooldown: cooldown.left(now))
    source = longest.source
    return CooldownRunning(wait=duration(longest.left(now)), source=source.holder.value, role=source.role)


def beyond_adding(limits: EffectiveLimits, added: Mapping[QuotaScope, Sequence[int]], now: int) -> LimitReached | None:
    """Why one more LoRA cannot be added; `added` says when others were in the last 24 hours, the first first.

    Of several reasons the one that holds longest.
    """
    waits: list[tuple[float, QuotaScope, EffectiveLimit]] = []
    for scope, limit in limits.adding.items():
        most, times = int(limit.value), added[scope]
        if most == 0:
            waits.append((math.inf, scope, limit))
        elif len(times) >= most:
            waits.append((max(1.0, (times[len(times) - most] + DAY_MS - now) / 1000), scope, limit))
    if not waits:
        return None
    wait, scope, limit = max(waits, key=lambda each: each[0])
    source, whole = limit.source, scope is QuotaScope.SERVER
    if wait == math.inf:
        return AddingDenied(source=source.holder.value, role=source.role)
    kind = ServerAddedTooMany if whole else AddedTooMany
    return kind(limit=int(limit.value), wait=duration(wait), source=source.holder.value, role=source.role)


def until_next_day(now: int) -> float:
    """Seconds until the counts of the day begin anew."""
    return (DAY_MS - now % DAY_MS) / 1000


def policy_of(limits: EffectiveLimits, settings: LimitSettings) -> Policy:
    """The queue's policy under these limits."""
    return Policy(
        weight=limits.value(LimitName.WEIGHT, 1.0),
        waiting_per_person=int(limits.value(LimitName.WAITING_PER_PERSON, settings.waiting_per_person)),
        waiting_in_all=settings.waiting_in_all,
    )
