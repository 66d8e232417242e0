"""What authors and uploaders are told about pictures that operators removed for a person who is shown in them.

`confirm_case` writes the notices, together with entries in the audit logs of the servers where the pictures were.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass

from bot.database.clock import now_ms
from bot.database.query import Query, SqlStatement
from bot.database.servers.audit import AuditAction

BY_OPERATORS = 0  # in the audit log: the command does not know who used it
PERSON_SHOWN = "shown_person"  # the reason in the audit log

# With a picture, all pictures of its job are removed.
WRITE_NOTICES = """
    INSERT INTO takedown_notice (case_id, person_id, pictures, created_at)
    SELECT :case, person_id, count(*), :now FROM (
        SELECT person_id FROM job JOIN picture ON job_id = job.id WHERE job.id IN (
            SELECT job_id FROM takedown_copy WHERE case_id = :case AND state = 'confirmed' AND kind = 'picture'
        )
        UNION ALL SELECT person_id FROM takedown_copy JOIN given_input ON sha256 = path
        WHERE case_id = :case AND state = 'confirmed' AND kind = 'input'
    ) AS found GROUP BY person_id ON CONFLICT DO NOTHING
"""
LOG_REMOVALS = """
    INSERT INTO audit (server_id, actor_id, action, person_id, target, changes, created_at)
    SELECT DISTINCT place, :by, :action, person_id, 'job ' || job_id, :changes, :now FROM (
        SELECT job.server_id AS place, person_id, job_id FROM takedown_copy JOIN job ON job.id = job_id
        WHERE case_id = :case AND takedown_copy.state = 'confirmed'
        UNION SELECT publication.server_id, job.person_id, job.id
        FROM takedown_copy JOIN job ON job.id = takedown_copy.job_id JOIN publication ON publication.job_id = job.id
        WHERE case_id = :case AND takedown_copy.state = 'confirmed'
    ) AS found WHERE place > 0
"""


@dataclass(frozen=True)
class TakedownNotice:
    """How many pictures of a person a case has removed. Since `tried_at` (unix ms) the message may have been sent."""

    case_id: int
    person_id: int
    pictures: int
    tried_at: int | None

    @property
    def reference(self) -> str:
        """The end of the message in every language, to find it after a crash."""
        return f"T{self.case_id}"


_NOTICE = """
    SELECT case_id, person_id, pictures, tried_at FROM takedown_notice JOIN takedown_case ON takedown_case.id = case_id
    WHERE told_at IS NULL AND takedown_case.state IN ('complete', 'closed')
"""
# Notices that no direct message has delivered yet.
DUE_NOTICES = Query(
    TakedownNotice, f"{_NOTICE} AND case_id > 0 AND takedown_notice.refused = 0 ORDER BY case_id, person_id"
)
UNDELIVERED_NOTICES = Query(TakedownNotice, f"{_NOTICE} AND person_id = ? ORDER BY case_id")
# From now on the message may have been sent.
BEGIN_NOTICE = SqlStatement(
    "UPDATE takedown_notice SET tried_at = :now WHERE case_id = :case AND person_id = :person AND tried_at IS NULL"
)
REFUSE_NOTICE = SqlStatement("UPDATE takedown_notice SET refused = 1 WHERE case_id = :case AND person_id = :person")
END_NOTICE = SqlStatement("UPDATE takedown_notice SET told_at = :now WHERE case_id = :case AND person_id = :person")


def write_notices(connection: sqlite3.Connection, case_id: int) -> None:
    """Note whom to tell about the confirmed copies of a case, and log them. In a transaction of the caller. Blocks."""
    about = {"case": case_id, "now": now_ms(), "by": BY_OPERATORS, "action": AuditAction.REMOVE_PICTURE}
    connection.execute(WRITE_NOTICES, about)
    connection.execute(LOG_REMOVALS, about | {"changes": json.dumps({"reason": [None, PERSON_SHOWN]})})
