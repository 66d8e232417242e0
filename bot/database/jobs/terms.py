"""A job in the full text index: the words of prompt, checkpoint and LoRAs, each joined with the owner's id.

A word and its owner are one term. Among everybody's words, those that begin with `w` are half of the index, and to find
one person's among them took a second with a million jobs; so they stand together from the start. The owner takes as
many characters for everybody.

The index has no copy of the words: a deletion names the terms that were added, and FTS5 removes these from its pages.
The expression `TERMS` both adds and removes a job, whose terms never change. If the functions below ever give other
terms, a migration has to fill the index anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bot.database.query import SqlStatement
from bot.database.search import all_of, begins, indexed, quoted
from inference.messages.request import GenerationRequest, JobRequest

TERMS = "id, prompt_terms(person_id, request), searchable(person_id, checkpoint), lora_terms(person_id, request)"
INDEX_JOB = SqlStatement(
    f"INSERT INTO job_text (rowid, prompt, checkpoint, loras) SELECT {TERMS} FROM job WHERE id = ?"  # noqa: S608
)
_REMOVE = f"""
    INSERT INTO job_text (job_text, rowid, prompt, checkpoint, loras) SELECT 'delete', {TERMS} FROM job
"""  # noqa: S608 - constants only
# A job leaves the index before its row goes, or with its last picture. The triggers belong to each connection that
# writes: SQLite lets no trigger in a file call functions of a program (trusted_schema).
TRIGGERS = f"""
    CREATE TEMP TRIGGER job_text_before_job BEFORE DELETE ON main.job
    WHEN EXISTS (SELECT 1 FROM picture WHERE job_id = old.id) BEGIN
        {_REMOVE} WHERE id = old.id;
    END;
    CREATE TEMP TRIGGER job_text_after_pictures AFTER DELETE ON main.picture
    WHEN NOT EXISTS (SELECT 1 FROM picture WHERE job_id = old.job_id) BEGIN
        {_REMOVE} WHERE id = old.job_id;
    END;
"""  # noqa: S608 - constants only


def searchable(person_id: int, text: str) -> str:
    """The words of `text` as terms of one person; migrations call it too."""
    return " ".join(_term(person_id, word) for word in indexed(text).split())


def prompt_terms(person_id: int, request: str) -> str:
    """The terms of a stored request's own words."""
    stored = JobRequest.stored(request)
    return searchable(person_id, stored.own_words) if isinstance(stored, GenerationRequest) else ""


def lora_terms(person_id: int, request: str) -> str:
    """The terms of the names of a stored request's LoRAs."""
    stored = JobRequest.stored(request)
    names = (use.name for use in stored.loras) if isinstance(stored, GenerationRequest) else ()
    return searchable(person_id, " ".join(names))


# SQL functions with two arguments.
FUNCTIONS: dict[str, Callable[[int, str], str]] = {
    "searchable": searchable,
    "prompt_terms": prompt_terms,
    "lora_terms": lora_terms,
}


def with_words(person_id: int, words: Iterable[str]) -> str:
    """A query for jobs of the person in which each of `words` begins a word."""
    return all_of(begins(_term(person_id, word)) for word in words)


def with_name(person_id: int, column: str, name: str) -> str:
    """A query for jobs of the person whose `column` has the words of `name` in sequence; "" for no words."""
    terms = searchable(person_id, name)
    return f"{column} : {quoted(terms)}" if terms else ""


def _term(person_id: int, word: str) -> str:
    """A term: the id in hexadecimal, zero-padded, an x and the word, so that no owner's terms begin like another's."""
    return f"{person_id:016x}x{word}"
