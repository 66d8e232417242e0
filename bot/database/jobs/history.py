"""A person's finished jobs whose pictures exist: pages from the newest, or a search by prompt, checkpoint or LoRA.

Pages begin behind a job's id and not after so many rows, so that the last page costs what the first does. A jump to a
numbered page alone counts rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from bot.database.database import Database
from bot.database.jobs.jobs import Job
from bot.database.jobs.terms import with_name, with_words
from bot.database.query import Query
from bot.database.search import all_of, search_words

_SHOWN = "job.delete_at IS NULL"  # its owner has not deleted it
# The full text index has no others.
_KEPT = f"{_SHOWN} AND EXISTS (SELECT 1 FROM picture WHERE job_id = job.id)"  # noqa: S608 - constants only


def _page(found: bool, newer: bool) -> str:
    order, beyond = ("", "> :anchor") if newer else ("DESC", "< :anchor")
    if not found:
        return f"""
            SELECT job.* FROM job WHERE person_id = :person AND id {beyond} AND {_KEPT}
            ORDER BY id {order} LIMIT :limit
        """  # noqa: S608 - constants only
    return f"""
        SELECT job.* FROM job_text JOIN job ON job.id = job_text.rowid
        WHERE job_text MATCH :search AND job_text.rowid {beyond}
        AND {_SHOWN} AND (:checkpoint IS NULL OR job.checkpoint = :checkpoint)
        ORDER BY job_text.rowid {order} LIMIT :limit
    """  # noqa: S608 - constants only


def _all(found: bool, columns: str) -> str:
    if not found:
        return f"SELECT {columns} FROM job WHERE person_id = :person AND {_KEPT}"  # noqa: S608 - constants only
    return f"""
        SELECT {columns} FROM job_text JOIN job ON job.id = job_text.rowid
        WHERE job_text MATCH :search AND {_SHOWN} AND (:checkpoint IS NULL OR job.checkpoint = :checkpoint)
    """  # noqa: S608 - constants only


# (found by a search, towards newer ones): one statement each.
PAGE_OF_JOBS = {key: Query(Job, _page(*key)) for key in product((False, True), (False, True))}
# By whether they are found by a search: how many there are, and the one behind so many newer ones.
COUNT_JOBS = {found: Query(int, _all(found, "count(*)")) for found in (False, True)}
NTH_JOB = {
    found: Query(
        int, f"{_all(found, 'job.id')} ORDER BY {'job_text.rowid' if found else 'id'} DESC LIMIT 1 OFFSET :nth"
    )
    for found in (False, True)
}
NEWEST = 2**63 - 1  # above every id


@dataclass(frozen=True)
class Wanted:
    """Which of a person's jobs: words of the prompt, a checkpoint or a LoRA; this checkpoint; a LoRA called so."""

    search: str = ""
    checkpoint: str | None = None
    lora: str | None = None

    def query(self, person_id: int) -> str | None:
        """The full text query; None for all jobs, "" if no job can match."""
        words = search_words(self.search)
        names = (("checkpoint", self.checkpoint), ("loras", self.lora))
        asked = [with_name(person_id, column, name) for column, name in names if name]
        if words == [] or "" in asked:
            return ""
        if words:
            asked.append(with_words(person_id, words))
        return all_of(asked) if asked else None


@dataclass(frozen=True)
class HistoryPage:
    """Jobs, the newest first, and whether there are more on either side."""

    jobs: list[Job]
    newer: bool
    older: bool


async def history_page(
    db: Database, person_id: int, wanted: Wanted, *, limit: int, anchor: int = NEWEST
) -> HistoryPage:
    """The page of jobs older than `anchor` (a job's id)."""
    jobs = await _beyond(db, person_id, wanted, newer=False, anchor=anchor, limit=limit + 1)
    return HistoryPage(jobs[:limit], newer=anchor != NEWEST, older=len(jobs) > limit)


async def newer_page(db: Database, person_id: int, wanted: Wanted, *, limit: int, anchor: int) -> HistoryPage:
    """The page of jobs that come before `anchor` in the list; the first page when there are too few for one."""
    jobs = await _beyond(db, person_id, wanted, newer=True, anchor=anchor, limit=limit + 1)
    if len(jobs) <= limit:
        return await history_page(db, person_id, wanted, limit=limit)
    return HistoryPage(jobs[limit - 1 :: -1], newer=True, older=True)


async def numbered_page(db: Database, person_id: int, wanted: Wanted, *, limit: int, page: int) -> HistoryPage:
    """The page with that number, from 0; the last one for a number beyond it. It counts its way there."""
    query = wanted.query(person_id)
    anchor = NEWEST
    if page and query != "":
        parameters = {"person": person_id, "search": query, "checkpoint": wanted.checkpoint}
        statement = COUNT_JOBS[query is not None]
        total = await db.get(statement, **parameters)
        before = min(page, max(total - 1, 0) // limit) * limit
        statement = NTH_JOB[query is not None]
        nth = await db.one(statement, **parameters, nth=before - 1) if before else None
        anchor = NEWEST if nth is None else nth
    return await history_page(db, person_id, wanted, limit=limit, anchor=anchor)


async def _beyond(db: Database, person_id: int, wanted: Wanted, *, newer: bool, anchor: int, limit: int) -> list[Job]:
    query = wanted.query(person_id)
    if query == "":
        return []
    statement = PAGE_OF_JOBS[query is not None, newer]
    return await db.all(
        statement, person=person_id, search=query, checkpoint=wanted.checkpoint, anchor=anchor, limit=limit
    )
