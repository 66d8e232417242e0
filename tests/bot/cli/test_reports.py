"""`reports`, and the line in `status`: what waits for those who decide."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from bot.cli import DONE
from bot.database.database import open_database
from bot.database.reports.appeals import save_appeal
from bot.database.reports.decisions import DECISION_OF, DecisionAction, NewDecision, save_decision
from bot.database.reports.reports import NewReport, ReportReason, Subject, save_report
from inference.queue.policy import EVERYWHERE
from tests.bot.cli.commands import Here
from tests.house import House

SERVER, HOUR_MS = 700, 3_600_000


async def fill(house: House) -> None:
    """In a server one report that hides and one that is appealed; one for operators; one that is decided."""
    async with open_database(house.settings.storage.database) as db:
        for job_id, server_id in enumerate((SERVER, SERVER, EVERYWHERE, 800), 1):
            new = NewReport(
                Subject.PICTURES, job_id, server_id, 5, server_id == EVERYWHERE,
                person_id=6, reason=ReportReason.CRUEL, note="a secret note", hides=job_id == 1,
            )  # fmt: skip
            report = await save_report(db, new)
            if job_id in (2, 4):
                await save_decision(db, report.id, NewDecision(DecisionAction.HIDE, 7), ())
            if job_id == 2 and (decision := await db.one(DECISION_OF, report.id)):
                await save_appeal(db, decision, 5, "No.")
        await db.write("UPDATE report SET created_at = created_at - ? WHERE target_id = 1", (3 * HOUR_MS,))


def test_what_waits_is_told_by_servers(here: Here, tmp_path: Path) -> None:
    house = House(tmp_path / "house")
    asyncio.run(fill(house))
    said = here("reports", "--config", house.config)
    assert said.code == DONE and "secret" not in said.out
    assert [line.split()[:3] for line in said.out.splitlines() if "staff of" in line] == [["staff", "of", str(SERVER)]]
    assert "operators" in said.out and "3 h" in said.out and "800" not in said.out
    operators, server = json.loads(here("reports", "--json", "--config", house.config).out)
    assert operators["server_id"] == EVERYWHERE and (operators["open"], operators["shared"]) == (1, 1)
    assert (server["open"], server["hidden"], server["appealed"], server["shared"]) == (1, 1, 1, 0)
    status = here("status", "--config", house.config).out
    assert "2 open, 1 of them hide their pictures; 1 appealed; the oldest 3 h" in status
    assert json.loads(here("status", "--json", "--config", house.config).out)["reports"] == [operators, server]


def test_nothing_waits(here: Here, tmp_path: Path) -> None:
    house = House(tmp_path / "house")
    asyncio.run(empty(house))
    assert here("reports", "--config", house.config).out == "No open reports.\n"
    assert "Reports" not in here("status", "--config", house.config).out


async def empty(house: House) -> None:
    async with open_database(house.settings.storage.database):
        pass
