"""What jobs cost of the day's quotas, and what a check of the next order needs to know of its person.

The sums of a day are kept by triggers: a job counts on the day of its order (UTC), and no longer once it has failed or
was cancelled. So they survive restarts, and the order of events makes no difference.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from dataclasses import dataclass, replace

from bot.database.clock import DAY_MS
from bot.database.database import Database
from bot.database.query import Query, SqlStatement
from bot.database.servers.limits import LimitValues
from inference.messages.request import GenerationRequest, JobRequest
from inference.queue.request_cost import passes, slots

RECORD_ORDER = SqlStatement(
    "INSERT INTO job_order (job_id, pictures, pixel_steps) VALUES (:job, :pictures, :pixel_steps)"
)
# JSON of what was known of the person when the job was ordered. A job that was ordered without a check has none.
STORE_CONTEXT = SqlStatement("UPDATE job_order SET context = :context WHERE job_id = :job")
CONTEXT_OF_JOB = Query(str, "SELECT context FROM job_order WHERE job_id = ? AND context IS NOT NULL")
FORGET_DAYS = SqlStatement("DELETE FROM daily_usage WHERE day < ?")
FORGET_ADDITIONS = SqlStatement("DELETE FROM erased_addition_request WHERE created_at < ?")
# All in one statement: each statement of its own waits for a thread.
FACTS = Query(
    sqlite3.Row,
    """
    SELECT
        (SELECT json_object('reason', reason, 'ends_at', ends_at) FROM block
            WHERE server_id = :server AND kind = 'person' AND target_id IN (:person, pseudonym(:person))) AS block_here,
        (SELECT json_object('reason', reason, 'ends_at', ends_at) FROM block
            WHERE server_id = 0 AND kind = 'person' AND target_id IN (:person, pseudonym(:person))) AS block_everywhere,
        (SELECT limits FROM server_limit
            WHERE server_id = :server AND holder = 'person' AND holder_id IN (:person, pseudonym(:person))
            ORDER BY holder_id DESC LIMIT 1) AS own_limits,
        (SELECT json_group_array(json_array(server_id, pictures, pixel_steps)) FROM daily_usage
            WHERE day = :day AND person_id IN (:person, pseudonym(:person))) AS usage_of_person,
        (SELECT json_array(pictures, pixel_steps) FROM daily_usage
            WHERE day = :day AND person_id = 0 AND server_id = :server) AS usage_of_server,
        (SELECT created_at FROM job WHERE person_id = :person AND server_id IS nullif(:server, 0)
            AND state <> 'failed' AND id <> :job ORDER BY id DESC LIMIT 1) AS last_here,
        (SELECT created_at FROM job WHERE person_id = :person
            AND state <> 'failed' AND id <> :job ORDER BY id DESC LIMIT 1) AS last_everywhere
    """,
)

NO_JOB = 0
KEPT_DAYS = 2


@dataclass(frozen=True)
class Usage:
    """Pictures, and their pixels times steps."""

    pictures: int = 0
    pixel_steps: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.pictures + other.pictures, self.pixel_steps + other.pixel_steps)

    def __sub__(self, other: Usage) -> Usage:
        return Usage(self.pictures - other.pictures, self.pixel_steps - other.pixel_steps)


@dataclass(frozen=True)
class PersonBlock:
    """What a person is told of a block; without `ends_at` (unix ms) it has no end."""

    reason: str
    ends_at: int | None

    def holds(self, now: int) -> bool:
        """Whether it has not ended yet."""
        return self.ends_at is None or self.ends_at > now


@dataclass(frozen=True)
class PersonFacts:
    """What the database knows of a person who orders in a server, or outside of servers. Times in unix ms.

    `here` is the day's usage in this server, `everywhere` that in all of them, `of_server` that of everybody in this
    server.
    """

    block_here: PersonBlock | None
    block_everywhere: PersonBlock | None
    own_limits: LimitValues | None
    here: Usage
    everywhere: Usage
    of_server: Usage
    last_here: int | None
    last_everywhere: int | None

    def without(self, cost: Usage) -> PersonFacts:
        """The same as if a job of this cost did not count."""
        here, everywhere, of_server = self.here - cost, self.everywhere - cost, self.of_server - cost
        return replace(self, here=here, everywhere=everywhere, of_server=of_server)


def cost_of(request: JobRequest) -> Usage:
    """What a request costs of the day's quotas; nothing where a source picture is only brought to another size.

    Quotas are about pictures: jobs of other kinds cost nothing. A picture with regions is one picture, and each of
    its regions takes steps as a picture does.
    """
    if not isinstance(request, GenerationRequest) or (request.image is not None and not request.image.strength):
        return Usage()
    return Usage(request.count, slots(request) * request.width * request.height * passes(request))


async def remember_order(db: Database, job_id: int, request: JobRequest) -> None:
    """Count a new job."""
    cost = cost_of(request)
    await db.run(RECORD_ORDER, job=job_id, pictures=cost.pictures, pixel_steps=cost.pixel_steps)


async def person_facts(db: Database, person_id: int, server_id: int, now: int, *, but: int = NO_JOB) -> PersonFacts:
    """The facts about a person in a server (0: outside of servers); times leave out the job `but`."""
    row = await db.get(FACTS, person=person_id, server=server_id, day=now // DAY_MS, job=but)
    usage = defaultdict[int, Usage](Usage)
    for server, *sums in json.loads(row["usage_of_person"]):  # what was ordered before all was deleted counts too
        usage[server] += Usage(*sums)
    return PersonFacts(
        block_here=_block(row["block_here"]),
        block_everywhere=_block(row["block_everywhere"]),
        own_limits=None if row["own_limits"] is None else LimitValues.model_validate_json(row["own_limits"]),
        here=usage[server_id],
        everywhere=sum(usage.values(), Usage()),
        of_server=Usage(*json.loads(row["usage_of_server"] or "[]")),
        last_here=row["last_here"],
        last_everywhere=row["last_everywhere"],
    )


async def forget_old_days(db: Database, now: int) -> None:
    """Delete sums and requests that no check reads any more."""
    await db.run(FORGET_DAYS, now // DAY_MS - KEPT_DAYS)
    await db.run(FORGET_ADDITIONS, now - KEPT_DAYS * DAY_MS)


def _block(text: str | None) -> PersonBlock | None:
    return None if text is None else PersonBlock(**json.loads(text))
