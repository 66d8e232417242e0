"""The limits that hold for a person in one place, in words, each with where it comes from."""

from __future__ import annotations

from bot.database.servers.limits import LimitName
from bot.i18n import _, duration, later, number
from bot.i18n.texts import plain
from bot.servers.limits import (
    LIMIT_LABELS,
    DailyQuota,
    EffectiveLimits,
    LimitSource,
    QuotaScope,
    until_next_day,
)

_SCOPES = {
    QuotaScope.HERE: later("{limit}: **{left}** of {all} left"),
    QuotaScope.EVERYWHERE: later("{limit}, across all servers: **{left}** of {all} left"),
    QuotaScope.SERVER: later("{limit}, shared by everyone here: **{left}** of {all} left"),
}


def limits_text(limits: EffectiveLimits, now: int) -> str:
    """A line for each limit and quota; `now` in unix ms. Without any it says so."""
    quotas = list(map(_quota, limits.quotas))
    lines = [
        _line(_("{limit}: **{value}**").format(limit=_(LIMIT_LABELS[name]), value=number(limit.value, 2)), limit.source)
        for name in LimitName
        if (limit := limits.limits.get(name)) is not None
    ]
    if quotas:
        quotas.append("-# " + _("Daily usage resets in {time}.").format(time=duration(until_next_day(now))))
    return "\n".join([f"### {_('Your limits here')}", *(lines + quotas or [_("No limits apply.")])])


def _quota(quota: DailyQuota) -> str:
    limit, left, whole = _(LIMIT_LABELS[quota.name]), number(quota.left, 1), number(quota.limit)
    return _line(_(_SCOPES[quota.scope]).format(limit=limit, left=left, all=whole), quota.source)


def _line(limit: str, source: LimitSource) -> str:
    return f"- {limit} · {plain(str(source), 200)}"
