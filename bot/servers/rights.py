"""Who may do what where, as one pure function: no database, no Discord; the clock is passed in.

- Operators may do everything everywhere, and no block or list of roles stops them. They may paint where others may:
  rules about places and pictures hold for everybody.
- Staff of a server are the people with Discord's *Manage Server* and those with one of its `staff_roles`, while they
  act in it: in another server, or in direct messages, they are nobody there.
- A person who is blocked may do nothing there. Who has *Manage Server* keeps the staff's rights all the same: such a
  person could remove the bot as well, and a block by another one of staff must not lock them out.
- What the server's settings in Discord close for a command is closed for the buttons that do the same, for operators
  too. Only what is closed by the command's own default (*Manage Server*) is open to all staff and operators through a
  button: that default hides staff's commands, and who is staff is said here.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, StrEnum, auto

from bot.database.jobs.orders import PersonBlock
from bot.database.servers.settings import ServerSettings
from bot.errors.blocks import PersonBlocked, PersonBlockedEverywhere
from bot.errors.rights import (
    AddingForManagers,
    AddingForOperators,
    AddingForRoles,
    ChannelNotAllowed,
    CommandClosed,
    NotInServer,
    NotOperator,
    NotStaff,
    RightsUnknown,
    RoleNeeded,
)
from bot.servers.context import ActionContext
from inference.errors import RequestError
from inference.queue.policy import EVERYWHERE

_DATE = "%Y-%m-%d %H:%M UTC"


class Action(StrEnum):
    """What a person wants to do. Everything that concerns nobody but the person needs no right."""

    USE = "use"  # a command, button or menu at all
    PAINT = "paint"
    SEE_QUEUE = "see_queue"  # everybody's, of the server
    ADD_LORA = "add_lora"
    PUBLISH = "publish"
    SEE_PROMPTS = "see_prompts"  # of public pictures of the server
    PAUSE_QUEUE = "pause_queue"
    CANCEL_ANY = "cancel_any"
    FEATURE = "feature"  # LoRAs and published pictures, in the server
    TAKE_DOWN = "take_down"  # a public picture of the server
    MODERATE = "moderate"  # decide what people report, and answer appeals
    SEE_STATUS = "see_status"
    CONFIGURE = "configure"  # settings and limits of the server
    BLOCK = "block"  # people and LoRAs in the server
    READ_AUDIT = "read_audit"
    PROPOSE_BASE_MODEL = "propose_base_model"
    DECIDE_BASE_MODEL = "decide_base_model"
    RATE_LORA = "rate_lora"
    RELOAD = "reload"


FOR_OPERATORS = frozenset({Action.DECIDE_BASE_MODEL, Action.RATE_LORA, Action.RELOAD})
# Actions that roles may be given, with the setting that lists the roles; without a list …
BY_ROLES = {
    Action.PAINT: "paint_roles",
    Action.SEE_QUEUE: "queue_roles",
    Action.ADD_LORA: "lora_roles",
    Action.PUBLISH: "publish_roles",
}
# … everybody may do these, and staff alone the others.
FOR_EVERYBODY = frozenset({Action.USE, Action.PAINT, Action.PUBLISH})
FOR_STAFF = frozenset(Action) - FOR_OPERATORS - FOR_EVERYBODY


class Authority(StrEnum):
    """What a person is to a server."""

    OPERATOR = "operator"
    STAFF = "staff"
    MEMBER = "member"
    OUTSIDER = "outsider"  # acts in another server, or in direct messages


class CommandAccess(Enum):
    """Whether a server's settings in Discord let the person use the command that does the same as an action."""

    OPEN = auto()
    CLOSED = auto()
    CLOSED_BY_DEFAULT = auto()  # nothing is set, and the command's own default asks for permissions
    UNKNOWN = auto()


@dataclass(frozen=True)
class ServerRules:
    """What the decision needs to know of the server that is acted on; `server_id` EVERYWHERE: of no server."""

    server_id: int
    settings: ServerSettings = field(default_factory=ServerSettings)
    operators: Collection[int] = ()
    block_here: PersonBlock | None = None
    block_everywhere: PersonBlock | None = None
    access: CommandAccess = CommandAccess.OPEN


def authority_of(who: ActionContext, server_id: int, settings: ServerSettings, operators: Collection[int]) -> Authority:
    """What the person is to this server; outside of servers everybody is a member."""
    if who.person_id in operators:
        return Authority.OPERATOR
    if who.place != server_id:
        return Authority.OUTSIDER
    if server_id != EVERYWHERE and (who.manages_server or who.roles & set(settings.staff_roles)):
        return Authority.STAFF
    return Authority.MEMBER


def why_not(action: Action, who: ActionContext, rules: ServerRules, now: int) -> RequestError | None:
    """Why the person may not do that; None when they may. `now` in unix ms. The error is a value: raise or show it."""
    authority = authority_of(who, rules.server_id, rules.settings, rules.operators)
    refusals = (
        _operators_alone(action, authority),
        None if authority is Authority.OPERATOR else _blocked(action, who, rules, now),
        _outside(action, who, rules, authority),
        _closed_command(who, rules, authority),
        None if authority in {Authority.OPERATOR, Authority.STAFF} else _role_needed(action, who, rules),
        _wrong_channel(action, who, rules),
    )
    return next((refusal for refusal in refusals if refusal is not None), None)


def _operators_alone(action: Action, authority: Authority) -> RequestError | None:
    return NotOperator() if action in FOR_OPERATORS and authority is not Authority.OPERATOR else None


def _blocked(action: Action, who: ActionContext, rules: ServerRules, now: int) -> RequestError | None:
    everywhere, here = rules.block_everywhere, rules.block_here
    if everywhere is not None and everywhere.holds(now):
        return PersonBlockedEverywhere(reason=everywhere.reason, end=date_of(everywhere.ends_at))
    kept = action in FOR_STAFF | {Action.USE} and who.place == rules.server_id and who.manages_server
    if here is not None and here.holds(now) and not kept:
        return PersonBlocked(reason=here.reason, end=date_of(here.ends_at))
    return None


def _outside(action: Action, who: ActionContext, rules: ServerRules, authority: Authority) -> RequestError | None:
    if authority is Authority.OUTSIDER:
        return NotStaff() if action in FOR_STAFF else NotInServer()
    if action is Action.PAINT and who.place != rules.server_id:
        return NotInServer()  # also of an operator: a picture is ordered where the person is
    if action is Action.PUBLISH and (rules.server_id == EVERYWHERE or not who.bot_in_server):
        return NotInServer()
    return None


def _closed_command(who: ActionContext, rules: ServerRules, authority: Authority) -> RequestError | None:
    if rules.access is CommandAccess.UNKNOWN:
        return RightsUnknown()
    by_default = rules.access is CommandAccess.CLOSED_BY_DEFAULT and authority not in {
        Authority.OPERATOR,
        Authority.STAFF,
    }
    return CommandClosed(command=who.command) if rules.access is CommandAccess.CLOSED or by_default else None


def _role_needed(action: Action, who: ActionContext, rules: ServerRules) -> RequestError | None:
    """Of a member: whether the action is for everybody, or for one of the person's roles."""
    roles: Collection[int] | None = getattr(rules.settings, BY_ROLES[action]) if action in BY_ROLES else None
    if action is Action.ADD_LORA:
        return _role_to_add(who, rules)
    if roles is None or rules.server_id == EVERYWHERE:
        return None if action in FOR_EVERYBODY else NotStaff()
    return None if who.roles & set(roles) else RoleNeeded()


def _role_to_add(who: ActionContext, rules: ServerRules) -> RequestError | None:
    """The refusal tells who may add LoRAs, so that a member knows whom to ask."""
    if rules.server_id == EVERYWHERE:
        return AddingForOperators()
    adding = rules.settings.lora_roles or ()
    if who.roles & set(adding):
        return None
    named = dict.fromkeys(map(str, (*adding, *rules.settings.staff_roles)))
    return AddingForRoles(roles=list(named)) if named else AddingForManagers()


def _wrong_channel(action: Action, who: ActionContext, rules: ServerRules) -> RequestError | None:
    allowed = rules.settings.channels
    wrong = action is Action.PAINT and allowed and not who.channels & set(allowed)
    return ChannelNotAllowed() if wrong else None


def date_of(ms: int | None) -> str:
    """`2026-12-01 10:00 UTC`, which all languages read; "" for None."""
    return "" if ms is None else datetime.fromtimestamp(ms / 1000, UTC).strftime(_DATE)


def ms_of(date: str) -> int | None:
    """The time in unix ms of a date that `date_of` wrote; None for any other text."""
    try:
        return int(datetime.strptime(date, _DATE).replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        return None


def checkpoint_allowed(settings: ServerSettings, checkpoint: str) -> bool:
    """Whether a server paints with this checkpoint; names are compared without case."""
    return not settings.checkpoints or checkpoint.casefold() in {name.casefold() for name in settings.checkpoints}
