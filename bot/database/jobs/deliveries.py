"""Deliveries: `pending -> sent · undeliverable`, one row a job that was asked for on Discord."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.database.query import Query, SqlStatement


class DeliveryState(StrEnum):
    """The state of a delivery."""

    PENDING = "pending"
    SENT = "sent"
    UNDELIVERABLE = "undeliverable"


@dataclass(frozen=True)
class Delivery:
    """A row of the table. `message_id` is the message that tells of the job, once it is known.

    `posting_in` and `posting_at` say that a new message may have been posted in that channel since then (unix ms).
    `ticket` opens the answer to the interaction again, for fifteen minutes from `created_at`.
    """

    job_id: int
    state: DeliveryState
    private: bool
    shows_prompt: bool
    message_id: int | None
    created_at: int
    posting_in: int | None
    posting_at: int | None
    ticket: str | None


OPEN_DELIVERY = SqlStatement(
    """
    INSERT INTO delivery (job_id, private, shows_prompt, ticket, created_at)
    VALUES (:job, :private, :shows_prompt, :ticket, :now)
    """
)
# Stores the message that shows the job while it waits.
NOTE_DELIVERY_MESSAGE = SqlStatement(
    "UPDATE delivery SET message_id = :message WHERE job_id = :job AND state = 'pending'"
)
# A new message is about to be posted in this channel, at this unix ms.
NOTE_DELIVERY_POSTING = SqlStatement(
    "UPDATE delivery SET posting_in = :posting_in, posting_at = :now WHERE job_id = :job AND state = 'pending'"
)
# pending -> sent
MARK_SENT = SqlStatement(
    "UPDATE delivery SET state = 'sent', message_id = :message, ticket = NULL WHERE job_id = :job AND state = 'pending'"
)
# pending -> undeliverable; the pictures stay where they are.
MARK_UNDELIVERABLE = SqlStatement(
    "UPDATE delivery SET state = 'undeliverable', ticket = NULL WHERE job_id = ? AND state = 'pending'"
)
FIND_DELIVERY = Query(Delivery, "SELECT * FROM delivery WHERE job_id = ?")
PENDING_DELIVERIES = Query(Delivery, "SELECT * FROM delivery WHERE state = 'pending' ORDER BY job_id")
# Results that nobody has got yet.
COUNT_OWED_RESULTS = Query(
    int,
    """
    SELECT count(*) FROM delivery JOIN job ON job.id = job_id
    WHERE delivery.state = 'pending' AND job.state NOT IN ('queued', 'running')
    """,
)
