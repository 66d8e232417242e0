"""Who may do what where: every action for every kind of person in every kind of place, against a table by hand."""

from __future__ import annotations

import pytest

from bot.database.jobs.orders import PersonBlock
from bot.database.servers.settings import ServerSettings
from bot.errors.blocks import PersonBlocked, PersonBlockedEverywhere
from bot.errors.rights import (
    ChannelNotAllowed,
    CommandClosed,
    NotInServer,
    NotOperator,
    NotStaff,
    RightsUnknown,
    RoleNeeded,
)
from bot.servers.context import ActionContext
from bot.servers.rights import Action, CommandAccess, ServerRules, why_not
from inference.queue.policy import EVERYWHERE

HERE, ELSEWHERE = 100, 200  # servers; the role of everybody has the id of the server
OPERATOR, PERSON = 1, 2
STAFF_ROLE, PAINTER = 11, 12
CHANNEL, OTHER_CHANNEL, THREAD = 7, 8, 9
MANAGE_SERVER, ADMINISTRATOR = 1 << 5, 1 << 3
NOW = 1_000_000
BLOCK = PersonBlock("spam", None)

USUAL = ServerSettings(staff_roles=(STAFF_ROLE,))
LISTED = dict.fromkeys(("paint_roles", "queue_roles", "lora_roles", "publish_roles"), (PAINTER,))
BY_ROLE = ServerSettings(staff_roles=(STAFF_ROLE,), **LISTED)
FOR_ALL = ServerSettings(staff_roles=(STAFF_ROLE,), queue_roles=(HERE,), lora_roles=(HERE,), publish_roles=(HERE,))
IN_CHANNEL = ServerSettings(staff_roles=(STAFF_ROLE,), channels=(CHANNEL,))

# The columns, in the order of the letters below: P(aint) Q(ueue) L(ora) p(ublish) v(iew prompts) z(: pause) c(ancel)
# s(tatus) C(onfigure) B(lock) A(udit) b(ase model: propose) D(ecide on it) r(ate LoRAs)
# R(eload) t(ake down) m(oderate) f(eature) U(se at all)
LETTERS = "PQLpvzcsCBAbDrRtmfU"
ACTIONS = dict(
    zip(
        LETTERS,
        (
            Action.PAINT, Action.SEE_QUEUE, Action.ADD_LORA, Action.PUBLISH, Action.SEE_PROMPTS, Action.PAUSE_QUEUE,
            Action.CANCEL_ANY, Action.SEE_STATUS, Action.CONFIGURE, Action.BLOCK, Action.READ_AUDIT,
            Action.PROPOSE_BASE_MODEL, Action.DECIDE_BASE_MODEL, Action.RATE_LORA, Action.RELOAD, Action.TAKE_DOWN,
            Action.MODERATE, Action.FEATURE, Action.USE,
        ),
        strict=True,
    )
)  # fmt: skip

PEOPLE = {
    "operator": {"person_id": OPERATOR},
    "manager": {"permissions": MANAGE_SERVER},
    "administrator": {"permissions": ADMINISTRATOR},
    "staff role": {"role_ids": {STAFF_ROLE}},
    "painter": {"role_ids": {PAINTER}},
    "member": {},
}
PLACES = {
    "here": {"server_id": HERE},
    "here in the other channel": {"server_id": HERE, "channel_id": OTHER_CHANNEL},
    "here in a thread": {"server_id": HERE, "channel_id": THREAD, "parent_ids": {CHANNEL}},
    "here by user install": {"server_id": HERE, "bot_in_server": False},
    "elsewhere": {"server_id": ELSEWHERE},
    "direct message": {"server_id": None},
}

# who · where · of which server · its settings · which block · Discord's command settings -> what is allowed
TABLE = """
operator       | here                      | here | usual      | -          | open    | PQLpvzcsCBAbDrRtmfU
manager        | here                      | here | usual      | -          | open    | PQLpvzcsCBAb...tmfU
administrator  | here                      | here | usual      | -          | open    | PQLpvzcsCBAb...tmfU
staff role     | here                      | here | usual      | -          | open    | PQLpvzcsCBAb...tmfU
painter        | here                      | here | usual      | -          | open    | P..p..............U
member         | here                      | here | usual      | -          | open    | P..p..............U

operator       | here                      | here | by role    | -          | open    | PQLpvzcsCBAbDrRtmfU
manager        | here                      | here | by role    | -          | open    | PQLpvzcsCBAb...tmfU
staff role     | here                      | here | by role    | -          | open    | PQLpvzcsCBAb...tmfU
painter        | here                      | here | by role    | -          | open    | PQLp..............U
member         | here                      | here | by role    | -          | open    | ..................U
member         | here                      | here | for all    | -          | open    | PQLp..............U

operator       | here in the other channel | here | in channel | -          | open    | .QLpvzcsCBAbDrRtmfU
manager        | here in the other channel | here | in channel | -          | open    | .QLpvzcsCBAb...tmfU
member         | here in the other channel | here | in channel | -          | open    | ...p..............U
member         | here in a thread          | here | in channel | -          | open    | P..p..............U
member         | here                      | here | in channel | -          | open    | P..p..............U

operator       | here                      | here | usual      | here       | open    | PQLpvzcsCBAbDrRtmfU
manager        | here                      | here | usual      | here       | open    | .QL.vzcsCBAb...tmfU
administrator  | here                      | here | usual      | here       | open    | .QL.vzcsCBAb...tmfU
staff role     | here                      | here | usual      | here       | open    | ...................
painter        | here                      | here | by role    | here       | open    | ...................
member         | here                      | here | usual      | here       | open    | ...................
member         | here                      | here | usual      | ended      | open    | P..p..............U
operator       | here                      | here | usual      | everywhere | open    | PQLpvzcsCBAbDrRtmfU
manager        | here                      | here | usual      | everywhere | open    | ...................
member         | here                      | here | usual      | everywhere | open    | ...................

operator       | here                      | here | usual      | -          | closed  | ...................
manager        | here                      | here | usual      | -          | closed  | ...................
member         | here                      | here | usual      | -          | closed  | ...................
operator       | here                      | here | usual      | -          | default | PQLpvzcsCBAbDrRtmfU
manager        | here                      | here | usual      | -          | default | PQLpvzcsCBAb...tmfU
staff role     | here                      | here | usual      | -          | default | PQLpvzcsCBAb...tmfU
painter        | here                      | here | by role    | -          | default | ...................
member         | here                      | here | usual      | -          | default | ...................
operator       | here                      | here | usual      | -          | unknown | ...................
manager        | here                      | here | usual      | -          | unknown | ...................
member         | here                      | here | usual      | -          | unknown | ...................

operator       | here by user install      | here | usual      | -          | open    | PQL.vzcsCBAbDrRtmfU
manager        | here by user install      | here | usual      | -          | open    | PQL.vzcsCBAb...tmfU
staff role     | here by user install      | here | usual      | -          | open    | PQL.vzcsCBAb...tmfU
member         | here by user install      | here | usual      | -          | open    | P.................U
member         | here by user install      | here | usual      | here       | open    | ...................

operator       | elsewhere                 | here | usual      | -          | open    | .QLpvzcsCBAbDrRtmfU
manager        | elsewhere                 | here | usual      | -          | open    | ...................
administrator  | elsewhere                 | here | usual      | -          | open    | ...................
staff role     | elsewhere                 | here | usual      | -          | open    | ...................
painter        | elsewhere                 | here | by role    | -          | open    | ...................
member         | elsewhere                 | here | for all    | -          | open    | ...................
manager        | elsewhere                 | here | usual      | here       | open    | ...................

operator       | direct message            | here | usual      | -          | open    | .QLpvzcsCBAbDrRtmfU
manager        | direct message            | here | usual      | -          | open    | ...................
member         | direct message            | here | for all    | -          | open    | ...................

operator       | direct message            | none | usual      | -          | open    | PQL.vzcsCBAbDrRtmfU
manager        | direct message            | none | usual      | -          | open    | P.................U
staff role     | direct message            | none | usual      | -          | open    | P.................U
member         | direct message            | none | usual      | -          | open    | P.................U
member         | direct message            | none | usual      | everywhere | open    | ...................
operator       | direct message            | none | usual      | everywhere | open    | PQL.vzcsCBAbDrRtmfU
operator       | here                      | none | usual      | -          | open    | .QL.vzcsCBAbDrRtmfU
manager        | here                      | none | usual      | -          | open    | ...................
member         | here                      | none | usual      | -          | open    | ...................
"""
SETTINGS = {"usual": USUAL, "by role": BY_ROLE, "for all": FOR_ALL, "in channel": IN_CHANNEL}
BLOCKS = {
    "-": {},
    "here": {"block_here": BLOCK},
    "ended": {"block_here": PersonBlock("spam", NOW), "block_everywhere": PersonBlock("spam", NOW)},
    "everywhere": {"block_everywhere": BLOCK},
}
ACCESS = {
    "open": CommandAccess.OPEN,
    "closed": CommandAccess.CLOSED,
    "default": CommandAccess.CLOSED_BY_DEFAULT,
    "unknown": CommandAccess.UNKNOWN,
}
ROWS = [tuple(cell.strip() for cell in line.split("|")) for line in TABLE.strip().splitlines() if line]


def context(who: str, where: str) -> ActionContext:
    values = {"person_id": PERSON, "channel_id": CHANNEL} | PLACES[where] | PEOPLE[who]
    return ActionContext.model_validate(values)


def rules(server: str = "here", settings: str = "usual", block: str = "-", access: str = "open") -> ServerRules:
    return ServerRules(
        server_id=HERE if server == "here" else EVERYWHERE,
        settings=SETTINGS[settings],
        operators={OPERATOR},
        access=ACCESS[access],
        **BLOCKS[block],
    )


@pytest.mark.parametrize(("who", "where", "server", "settings", "block", "access", "allowed"), ROWS)
def test_doors_are_open_and_closed_as_the_table_says(
    who: str, where: str, server: str, settings: str, block: str, access: str, allowed: str
) -> None:
    held = rules(server, settings, block, access)
    found = "".join(
        "." if why_not(action, context(who, where), held, NOW) else letter for letter, action in ACTIONS.items()
    )
    assert found == allowed


def test_the_table_has_every_action_person_and_place() -> None:
    assert set(ACTIONS.values()) == set(Action)
    assert {row[0] for row in ROWS} == set(PEOPLE) and {row[1] for row in ROWS} == set(PLACES)
    assert {row[3] for row in ROWS} == set(SETTINGS) and {row[4] for row in ROWS} == set(BLOCKS)
    assert {row[5] for row in ROWS} == set(ACCESS) and len(set(ROWS)) == len(ROWS)


@pytest.mark.parametrize(
    ("action", "who", "where", "held", "kind"),
    [
        (Action.RELOAD, "manager", "here", rules(), NotOperator),
        (Action.CONFIGURE, "member", "here", rules(), NotStaff),
        (Action.CONFIGURE, "manager", "elsewhere", rules(), NotStaff),
        (Action.PUBLISH, "member", "elsewhere", rules(), NotInServer),
        (Action.PUBLISH, "member", "direct message", rules("none"), NotInServer),
        (Action.PAINT, "operator", "elsewhere", rules(), NotInServer),
        (Action.PAINT, "member", "here", rules(settings="by role"), RoleNeeded),
        (Action.PAINT, "member", "here", rules(block="here"), PersonBlocked),
        (Action.PAINT, "member", "here", rules(block="everywhere"), PersonBlockedEverywhere),
        (Action.PAINT, "member", "here in the other channel", rules(settings="in channel"), ChannelNotAllowed),
        (Action.PAINT, "member", "here", rules(access="closed"), CommandClosed),
        (Action.PAINT, "member", "here", rules(access="unknown"), RightsUnknown),
    ],
)
def test_a_refusal_says_what_is_wrong(
    action: Action, who: str, where: str, held: ServerRules, kind: type[Exception]
) -> None:
    assert type(why_not(action, context(who, where), held, NOW)) is kind


def test_a_block_tells_its_reason_and_end() -> None:
    block = PersonBlock("posts the same picture", 1_800_000_000_000)
    held = ServerRules(server_id=HERE, block_here=block)
    told = str(why_not(Action.PAINT, context("member", "here"), held, NOW))
    assert "posts the same picture" in told and "2027-01-15 08:00 UTC" in told
    assert "ends" not in str(why_not(Action.PAINT, context("member", "here"), rules(block="here"), NOW))


def test_elsewhere_nobody_reads_of_a_server_that_is_not_there() -> None:
    told = str(why_not(Action.CONFIGURE, context("member", "direct message"), rules("everywhere"), NOW))
    assert "this server" not in told and "operators" in told
