"""Which limit holds, and where it comes from: never more than the smallest ceiling."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config import LimitSettings
from bot.database.clock import DAY_MS
from bot.database.jobs.orders import PersonFacts, Usage, cost_of
from bot.database.servers.limits import HeldLimits, LimitHolder, LimitName, LimitValues
from bot.errors.limits import (
    CooldownRunning,
    MegapixelStepsUsedUp,
    PicturesUsedUp,
    ServerPicturesUsedUp,
    SizeAboveLimit,
    TooManyPictures,
    TooManySteps,
)
from bot.i18n import speaking
from bot.servers.limits import (
    LIMIT_LABELS,
    OF_DAY,
    EffectiveLimits,
    LimitSource,
    QuotaScope,
    beyond_quota,
    beyond_request_limits,
    effective_limits,
    in_cooldown,
    is_newcomer,
    policy_of,
)
from inference.errors import TooManyLoras
from inference.messages.request import SourceImage
from tests.inference.requests import request, use

NOBODY = PersonFacts(None, None, None, Usage(), Usage(), Usage(), None, None)
NOW = 20_000 * DAY_MS + 6 * 3_600_000  # six in the morning
ROLES = {11: "Painters", 12: "Boosters", 13: "Muted"}


def held(holder: LimitHolder, holder_id: int = 0, **values: float) -> HeldLimits:
    return HeldLimits(holder, holder_id, ROLES.get(holder_id, ""), LimitValues.model_validate(values))


def everybody(**values: float) -> HeldLimits:
    return held(LimitHolder.EVERYBODY, **values)


def role(role_id: int, **values: float) -> HeldLimits:
    return held(LimitHolder.ROLE, role_id, **values)


def found(
    *shared: HeldLimits,
    roles: tuple[int, ...] = (),
    own: LimitValues | None = None,
    newcomer: bool = False,
    facts: PersonFacts = NOBODY,
    exempt: bool = False,
    **operator: object,
) -> EffectiveLimits:
    settings = LimitSettings.model_validate(operator)
    return effective_limits(settings, shared, roles, replace(facts, own_limits=own), newcomer=newcomer, exempt=exempt)


def waiting(limits: EffectiveLimits) -> tuple[float, str]:
    """The limit of queued requests, and whose it is."""
    limit = limits.limits[LimitName.WAITING_PER_PERSON]
    return limit.value, limit.source.role or limit.source.holder.value


def test_what_nobody_limits_is_not_limited() -> None:
    assert LimitName.WEIGHT not in found().limits
    assert found().quotas == found().cooldowns == ()


def test_the_operators_limits_hold_everywhere() -> None:
    assert waiting(found(waiting_per_person=6)) == (6, "operator")
    assert waiting(found(everybody(waiting_per_person=4), waiting_per_person=6)) == (4, "everybody")
    assert waiting(found(everybody(waiting_per_person=8), waiting_per_person=6)) == (6, "operator")
    assert waiting(found(role(11, waiting_per_person=8), roles=(11,), waiting_per_person=6)) == (6, "operator")
    assert waiting(found(own=LimitValues(waiting_per_person=8), waiting_per_person=6)) == (6, "operator")
    assert waiting(found(everybody(waiting_per_person=2), exempt=True, waiting_per_person=6)) == (6, "operator")


def test_the_most_generous_role_wins_and_takes_the_place_of_everybodys() -> None:
    shared = (
        everybody(waiting_per_person=5),
        role(11, waiting_per_person=3),
        role(12, waiting_per_person=7),
        role(13, weight=1),
    )
    assert waiting(found(*shared)) == (5, "everybody")
    assert waiting(found(*shared, roles=(11,))) == (3, "Painters")
    assert waiting(found(*shared, roles=(11, 12, 13))) == (7, "Boosters")
    assert waiting(found(*shared, roles=(13,))) == (5, "everybody"), "a role that says nothing changes nothing"


def test_a_shorter_cooldown_and_a_greater_weight_are_more_generous() -> None:
    shared = (role(11, cooldown_seconds=60, weight=2), role(12, cooldown_seconds=30, weight=3))
    limits = found(*shared, roles=(11, 12)).limits
    assert limits[LimitName.COOLDOWN_SECONDS].value == 30 and limits[LimitName.WEIGHT].value == 3


@pytest.mark.parametrize("name", ["pictures_per_day", "megapixel_steps_per_day"])
def test_a_role_that_denies_wins(name: str) -> None:
    shared = (role(11, **{name: 3}), role(13, **{name: 0}))
    (quota,) = found(*shared, roles=(11, 13)).quotas
    assert (quota.limit, quota.source.role) == (0, "Muted")


def test_a_cooldown_of_nothing_denies_nothing() -> None:
    shared = (role(11, cooldown_seconds=0), role(12, cooldown_seconds=30))
    assert found(*shared, roles=(11, 12)).cooldowns == ()


def test_newcomers_have_limits_of_their_own_and_roles_come_first() -> None:
    shared = (
        everybody(waiting_per_person=5),
        held(LimitHolder.NEWCOMERS, waiting_per_person=1),
        role(11, waiting_per_person=7),
    )
    assert waiting(found(*shared, newcomer=True)) == (1, "newcomers")
    assert waiting(found(*shared, newcomer=True, roles=(11,))) == (7, "Painters")
    assert waiting(found(*shared)) == (5, "everybody")
    assert waiting(found(everybody(waiting_per_person=5), newcomer=True)) == (5, "everybody")


def test_a_member_is_new_for_some_hours() -> None:
    hour = 3_600_000
    assert is_newcomer(NOW - hour, 2, NOW) and not is_newcomer(NOW - 2 * hour, 2, NOW)
    assert not is_newcomer(NOW, 0, NOW) and not is_newcomer(None, 2, NOW)


def test_a_persons_own_limit_comes_before_all_of_the_servers() -> None:
    shared = (
        everybody(waiting_per_person=5),
        role(12, waiting_per_person=7),
        held(LimitHolder.NEWCOMERS, waiting_per_person=1),
    )
    assert waiting(found(*shared, roles=(12,), newcomer=True, own=LimitValues(waiting_per_person=3))) == (3, "person")


# --- the day's quotas -----------------------------------------------------------------------------------------------


def quotas(limits: EffectiveLimits) -> dict[tuple[str, str], tuple[int, float, str]]:
    return {
        (quota.name.value, quota.scope.value): (quota.limit, quota.used, quota.source.holder.value)
        for quota in limits.quotas
    }


def test_the_day_is_counted_here_everywhere_and_for_the_whole_server() -> None:
    facts = replace(NOBODY, here=Usage(3, 5_000_000), everywhere=Usage(8, 9_000_000), of_server=Usage(70, 0))
    whole = held(LimitHolder.SERVER, pictures_per_day=100)
    limits = found(everybody(pictures_per_day=10), whole, facts=facts, pictures_per_day=20, megapixel_steps_per_day=30)
    assert quotas(limits) == {
        ("pictures_per_day", "here"): (10, 3, "everybody"),
        ("pictures_per_day", "everywhere"): (20, 8, "operator"),
        ("pictures_per_day", "server"): (100, 70, "server"),
        ("megapixel_steps_per_day", "everywhere"): (30, 9.0, "operator"),
    }
    assert limits.quotas[0].left == 7


def test_the_operator_limits_servers_as_a_whole() -> None:
    whole = held(LimitHolder.SERVER, pictures_per_day=100)
    assert quotas(found(whole, server_pictures_per_day=50)) == {("pictures_per_day", "server"): (50, 0, "operator")}
    assert quotas(found(whole, server_pictures_per_day=500)) == {("pictures_per_day", "server"): (100, 0, "server")}


@pytest.mark.parametrize(
    ("facts", "operator", "kind"),
    [
        (replace(NOBODY, here=Usage(9, 0)), {}, PicturesUsedUp),
        (replace(NOBODY, of_server=Usage(99, 0)), {}, ServerPicturesUsedUp),
        (replace(NOBODY, everywhere=Usage(0, 999_999)), {"megapixel_steps_per_day": 1}, MegapixelStepsUsedUp),
    ],
)
def test_what_is_used_up_is_told_with_its_source(
    facts: PersonFacts, operator: dict[str, object], kind: type[Exception]
) -> None:
    shared = (role(11, pictures_per_day=10), held(LimitHolder.SERVER, pictures_per_day=100))
    refusal = beyond_quota(found(*shared, roles=(11,), facts=facts, **operator), Usage(2, 2), NOW)
    assert type(refusal) is kind
    said = str(refusal)
    assert "in 18 hours" in said
    source = {
        PicturesUsedUp: "the role Painters",
        ServerPicturesUsedUp: "All members of this server share this limit",
        MegapixelStepsUsedUp: "operator",
    }
    assert source[kind] in said


def test_a_quota_may_be_used_to_the_last_pixel() -> None:
    facts = replace(NOBODY, here=Usage(1, 2_999_999))
    limits = found(everybody(megapixel_steps_per_day=3), facts=facts)
    assert beyond_quota(limits, Usage(1, 1), NOW) is None and beyond_quota(limits, Usage(1, 2), NOW) is not None


def test_of_several_reasons_the_nearest_is_told() -> None:
    facts = replace(NOBODY, here=Usage(9, 0), everywhere=Usage(20, 0))
    refusal = beyond_quota(found(everybody(pictures_per_day=10), facts=facts, pictures_per_day=20), Usage(2, 0), NOW)
    assert refusal is not None and refusal.source == "operator"


# --- a request ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "changes", "kind"),
    [
        ({"max_steps": 20}, {"steps": 21}, TooManySteps),
        ({"max_count": 2}, {"count": 3}, TooManyPictures),
        ({"max_loras": 0}, {"loras": [use()]}, TooManyLoras),
        ({"max_megapixels": 0.25}, {"width": 512, "height": 520}, SizeAboveLimit),
    ],
)
def test_a_request_beyond_the_operators_limits_is_told_which(
    values: dict[str, float], changes: dict[str, object], kind: type[Exception]
) -> None:
    limits = LimitSettings.model_validate(values)
    assert type(beyond_request_limits(limits, request(**changes))) is kind
    assert beyond_request_limits(LimitSettings(), request(**changes)) is None
    assert beyond_request_limits(limits, request(steps=20, count=2, width=496, height=504)) is None


def test_a_cooldown_tells_the_time_left() -> None:
    facts = replace(NOBODY, last_here=NOW - 20_000, last_everywhere=NOW - 20_000)
    limits = found(everybody(cooldown_seconds=60), facts=facts)
    refusal = in_cooldown(limits, NOW)
    assert isinstance(refusal, CooldownRunning) and "40 seconds" in str(refusal)
    assert in_cooldown(limits, NOW + 40_000) is None
    assert in_cooldown(found(everybody(cooldown_seconds=60)), NOW) is None


def test_an_order_elsewhere_begins_the_operators_cooldown_alone() -> None:
    facts = replace(NOBODY, last_everywhere=NOW - 5_000)
    assert in_cooldown(found(everybody(cooldown_seconds=60), facts=facts), NOW) is None
    refusal = in_cooldown(found(everybody(cooldown_seconds=5), facts=facts, cooldown_seconds=30), NOW)
    assert refusal is not None and refusal.source == "operator"


def test_a_clock_that_was_set_back_holds_nobody_longer_than_the_cooldown() -> None:
    facts = replace(NOBODY, last_here=NOW + DAY_MS)
    (cooldown,) = found(everybody(cooldown_seconds=60), facts=facts).cooldowns
    assert cooldown.left(NOW) == 60


def test_the_policy_has_the_limits_of_the_queue() -> None:
    settings = LimitSettings(waiting_in_all=77, max_weight=3)
    limits = found(role(11, weight=8, waiting_per_person=2), roles=(11,), waiting_in_all=77, max_weight=3)
    policy = policy_of(limits, settings)
    assert (policy.weight, policy.waiting_per_person, policy.waiting_in_all) == (3, 2, 77)
    assert policy_of(found(), settings).weight == 1 and policy_of(found(), settings).waiting_per_person == 10


def test_cost_is_pictures_and_their_pixels_times_steps() -> None:
    assert cost_of(request(count=3, steps=10)) == Usage(3, 3 * 64 * 64 * 10)
    half = SourceImage(sha256="a" * 64, strength=0.5)
    assert cost_of(request(steps=10, image=half)) == Usage(1, 64 * 64 * 5)
    resized = half.model_copy(update={"strength": 0.0})
    assert cost_of(request(image=resized)) == Usage(), "no worker paints it"


def test_sources_are_said_in_both_languages() -> None:
    assert str(LimitSource(LimitHolder.ROLE, 11, "Painters")) == "The limit comes from the role Painters."
    assert str(LimitSource(LimitHolder.ROLE, 11)) == "The limit comes from the role 11."
    for holder in LimitHolder:
        english = str(LimitSource(holder))
        with speaking("ja"):
            assert str(LimitSource(holder)) != english
    assert set(LIMIT_LABELS) == set(LimitName)


# --- whatever is set ------------------------------------------------------------------------------------------------

VALUES = st.builds(
    LimitValues,
    pictures_per_day=st.none() | st.integers(0, 20),
    megapixel_steps_per_day=st.none() | st.integers(0, 20),
    cooldown_seconds=st.none() | st.integers(0, 100),
    waiting_per_person=st.none() | st.integers(1, 20),
    weight=st.none() | st.floats(0.1, 10),
)
SHARED = st.lists(
    st.builds(
        HeldLimits,
        st.sampled_from([LimitHolder.ROLE]),
        st.sampled_from(sorted(ROLES)),
        st.just("x"),
        VALUES,
    ),
    unique_by=lambda held: held.holder_id,
)
OTHERS = st.lists(
    st.builds(
        HeldLimits,
        st.sampled_from([LimitHolder.EVERYBODY, LimitHolder.NEWCOMERS, LimitHolder.SERVER]),
        st.just(0),
        st.just(""),
        VALUES,
    ),
    unique_by=lambda held: held.holder,
)
OPERATOR = st.fixed_dictionaries(
    {
        "pictures_per_day": st.none() | st.integers(0, 20),
        "server_pictures_per_day": st.none() | st.integers(0, 20),
        "megapixel_steps_per_day": st.none() | st.integers(0, 20),
        "cooldown_seconds": st.integers(0, 100),
        "waiting_per_person": st.integers(1, 20),
        "max_weight": st.floats(0.1, 10),
    }
)
USAGES = st.builds(Usage, st.integers(0, 25), st.integers(0, 25_000_000))
ROLE_SETS = st.sets(st.sampled_from(sorted(ROLES)))


@given(SHARED, OTHERS, ROLE_SETS, st.none() | VALUES, st.booleans(), st.booleans(), OPERATOR, USAGES, USAGES)
def test_nothing_lifts_a_ceiling(
    of_roles: list[HeldLimits],
    others: list[HeldLimits],
    roles: set[int],
    own: LimitValues | None,
    newcomer: bool,
    exempt: bool,
    operator: dict[str, float],
    everywhere: Usage,
    cost: Usage,
) -> None:
    facts = replace(NOBODY, everywhere=everywhere, last_everywhere=NOW - 1000)
    limits = found(
        *of_roles, *others, roles=tuple(roles), own=own, newcomer=newcomer, exempt=exempt, facts=facts, **operator
    )
    policy = policy_of(limits, LimitSettings.model_validate(operator))
    assert policy.waiting_per_person <= operator["waiting_per_person"]
    assert policy.weight <= max(1.0, operator["max_weight"])
    if operator["cooldown_seconds"] > 1:
        assert in_cooldown(limits, NOW) is not None
    allowed = beyond_quota(limits, cost, NOW) is None
    if allowed and operator["pictures_per_day"] is not None:
        assert everywhere.pictures + cost.pictures <= operator["pictures_per_day"]
    if allowed and operator["megapixel_steps_per_day"] is not None:
        assert everywhere.pixel_steps + cost.pixel_steps <= operator["megapixel_steps_per_day"] * 1_000_000
    if allowed and operator["server_pictures_per_day"] is not None:
        assert cost.pictures <= operator["server_pictures_per_day"]


@given(SHARED, OTHERS, ROLE_SETS, st.sampled_from(sorted(ROLES)), USAGES)
def test_one_role_more_takes_nothing_away_unless_it_denies(
    of_roles: list[HeldLimits], others: list[HeldLimits], roles: set[int], another: int, cost: Usage
) -> None:
    """Of those who have a role that says something about it."""
    before = found(*of_roles, *others, roles=tuple(roles))
    after = found(*of_roles, *others, roles=tuple(roles | {another}))
    denies = any(held.holder_id == another and held.values.get(name) == 0 for held in of_roles for name in OF_DAY)
    for name, limit in before.limits.items():
        if limit.source.holder is LimitHolder.ROLE and not denies:
            now = after.limits[name].value
            assert now <= limit.value if name is LimitName.COOLDOWN_SECONDS else now >= limit.value
    mine = [quota for quota in before.quotas if quota.scope is QuotaScope.HERE]
    if mine and all(quota.source.holder is LimitHolder.ROLE for quota in mine) and not denies:
        for quota in mine:
            assert next(q for q in after.quotas if (q.name, q.scope) == (quota.name, quota.scope)).limit >= quota.limit
