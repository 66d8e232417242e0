"""What an erasure has still to remove: files, messages, and messages to staff that name the person.

Pictures that an open report is about are held until it is decided, for a time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from bot.database.database import Database
from bot.database.query import Query, SqlStatement
from bot.database.reports.reports import HOLDING


class FileFolder(StrEnum):
    """The folder of a file that is to be removed."""

    PICTURES = "pictures"
    INPUTS = "inputs"
    SPOOL = "spool"


@dataclass(frozen=True)
class LeftFile:
    """A file that is still to be removed, by its path in the folder.

    A start picture that others use stays, unless it is `unconditional`.
    """

    folder: FileFolder
    path: str
    unconditional: bool = False


@dataclass(frozen=True)
class HeldFiles:
    """How many files are held for open reports, and when the last of these was made (unix ms)."""

    number: int
    reported_at: int


@dataclass(frozen=True)
class LeftMessage:
    """A message that is still to be deleted."""

    channel_id: int
    message_id: int


NOTE_ERASED_FILE = SqlStatement(
    "INSERT INTO erasure_file (erasure_id, folder, path) VALUES (:erasure, :folder, :path) ON CONFLICT DO NOTHING"
)
NOTE_ERASED_MESSAGE = SqlStatement("""
    INSERT INTO erasure_message (erasure_id, channel_id, message_id) VALUES (:erasure, :channel, :message)
    ON CONFLICT DO NOTHING
""")
FORGET_DIRECT_CHANNEL = SqlStatement("UPDATE erasure SET direct_channel = NULL WHERE id = ?")
# Files to remove now, unless an open report, made since `held_since` (unix ms), holds them.
LEFT_FILES = Query(
    LeftFile,
    f"""
    SELECT folder, path, unconditional FROM erasure_file WHERE erasure_id = :erasure
    AND NOT EXISTS (SELECT 1 FROM report WHERE report.id = report_id AND {HOLDING}) LIMIT :limit
    """,  # noqa: S608 - constants only
)
# Files that open reports, made since `held_since` (unix ms), hold.
HELD_FILES = Query(
    HeldFiles,
    f"""
    SELECT count(*) AS number, max(report.created_at) AS reported_at
    FROM erasure_file JOIN report ON report.id = report_id
    WHERE erasure_id = :erasure AND {HOLDING} HAVING count(*) > 0
    """,  # noqa: S608 - constants only
)
# The next report of which the message to staff is still to be written anew.
NEXT_ERASED_REPORT = Query(
    int,
    """
    SELECT report_id FROM erasure_report WHERE erasure_id = :erasure AND report_id > :report AND state = 'due'
    ORDER BY report_id LIMIT 1
    """,
)
# The message to staff is written anew or gone, or it is out of reach.
END_ERASED_REPORT = SqlStatement("""
    UPDATE erasure_report SET state = iif(:written, 'written', 'out_of_reach')
    WHERE erasure_id = :erasure AND report_id = :report
""")
PATHS_HELD_FOR_REPORT = Query(str, "SELECT path FROM erasure_file WHERE report_id = ? ORDER BY path")
CHANGE_REPORT_OF_FILE = SqlStatement("""
    UPDATE report SET revision = revision + 1 WHERE id IN (
        SELECT report_id FROM erasure_file WHERE erasure_id = :erasure AND folder = :folder AND path = :path
    )
""")
# With the pictures that were held for it, they go from its message.
NOTE_REPORT_OF_FILE = SqlStatement("""
    INSERT INTO erasure_report (erasure_id, report_id)
    SELECT erasure_id, report_id FROM erasure_file JOIN report ON report.id = report_id
    WHERE erasure_id = :erasure AND folder = :folder AND path = :path
    AND (message_id IS NOT NULL OR posting_at IS NOT NULL)
    ON CONFLICT (erasure_id, report_id) DO UPDATE SET state = 'due'
""")
END_ERASED_FILE = SqlStatement(
    "DELETE FROM erasure_file WHERE erasure_id = :erasure AND folder = :folder AND path = :path"
)
# The next message that is still to be deleted, after a channel and a message.
NEXT_ERASED_MESSAGE = Query(
    LeftMessage,
    """
    SELECT channel_id, message_id FROM erasure_message
    WHERE erasure_id = :erasure AND (channel_id, message_id) > (:channel, :message)
    ORDER BY channel_id, message_id LIMIT 1
    """,
)
END_ERASED_MESSAGE = SqlStatement(
    "DELETE FROM erasure_message WHERE erasure_id = :erasure AND channel_id = :channel AND message_id = :message"
)
RAISE_ERASED_MESSAGES = SqlStatement(
    "UPDATE erasure SET messages = messages + :messages, unreachable = unreachable + :unreachable WHERE id = :id"
)


async def note_direct_messages(db: Database, erasure_id: int, messages: Iterable[LeftMessage]) -> None:
    """Note all that the bot wrote in the direct channel as still to be removed."""
    async with db.transaction():
        for message in messages:
            await db.run(
                NOTE_ERASED_MESSAGE, erasure=erasure_id, channel=message.channel_id, message=message.message_id
            )
        await db.run(FORGET_DIRECT_CHANNEL, erasure_id)


async def end_files(db: Database, erasure_id: int, files: Iterable[LeftFile]) -> None:
    """These are removed."""
    async with db.transaction():
        for file in files:
            for statement in (CHANGE_REPORT_OF_FILE, NOTE_REPORT_OF_FILE, END_ERASED_FILE):
                await db.run(statement, erasure=erasure_id, folder=file.folder, path=file.path)


async def end_message(db: Database, erasure_id: int, message: LeftMessage, *, gone: bool) -> None:
    """The message is `gone`, or not the bot's to delete; it is counted once."""
    async with db.transaction():
        if await db.run(END_ERASED_MESSAGE, erasure=erasure_id, channel=message.channel_id, message=message.message_id):
            await db.run(RAISE_ERASED_MESSAGES, messages=gone, unreachable=not gone, id=erasure_id)
