"""What carrying out a decision needs of Discord: messages about pictures, to their owners and to staff."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bot.background import DiscordRefuses
from bot.database.jobs.jobs import Job
from bot.database.reports.appeals import Appeal
from bot.database.reports.decisions import Decision
from bot.database.reports.reports import Report
from bot.reports.reporting import Case


class StaffMessageGone(DiscordRefuses):
    """The message is not there any more, or its channel is not."""


@dataclass(frozen=True)
class OwnerNotice:
    """What the owner of a picture is told: a decision, or with `appeal` the answer to it."""

    report: Report
    decision: Decision
    job: Job | None
    appeal: Appeal | None = None

    @property
    def reference(self) -> str:
        """By which the message is found again: it ends with it in any language."""
        return f"{self.kind[0].upper()}{self.decision.id}"

    @property
    def kind(self) -> str:
        """The kind of notice, as in its nonce."""
        return "decision" if self.appeal is None else "answer"


class ReportMessenger(Protocol):
    """Deletes, tells and posts: `bot.ui.delivery.report_messages`. All raise DiscordUnreachable and DatabaseError."""

    async def show(self, job_id: int) -> None:
        """Write the message of a job as it has to be now: its pictures, or why they are not shown there."""
        ...

    async def delete(self, job: Job) -> None:
        """Delete a job's pictures with all that the bot has put somewhere; later, where that cannot be done now."""
        ...

    async def tell(self, person_id: int, notice: OwnerNotice) -> int:
        """Send a direct message; its id. Raises DiscordRefuses."""
        ...

    async def find_notice(self, person_id: int, notice: OwnerNotice, since: int) -> int | None:
        """The direct message, if it was sent since a unix ms. Raises DiscordRefuses."""
        ...

    async def post(self, case: Case, channel_id: int) -> int:
        """Post the message to staff; its id. Raises DiscordRefuses."""
        ...

    async def find_post(self, report: Report, channel_id: int, since: int) -> int | None:
        """The message to staff in a channel, if it was posted since a unix ms. Raises DiscordRefuses."""
        ...

    async def edit_post(self, case: Case, channel_id: int, message_id: int) -> None:
        """Write the message to staff anew. Raises DiscordRefuses, and StaffMessageGone when it is there no more."""
        ...
