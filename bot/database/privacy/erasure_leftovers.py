"""What an erasure has still to remove: files, messages, and messages to staff that name the person.

Pictures that an open report is about are held until it is decided, for a time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from bot.database.database import Database

NOTE_FILE = "INSERT INTO erasure_file (erasure_id, folder, path) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
NOTE_MESSAGE = """
    INSERT INTO erasure_message (erasure_id, channel_id, message_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING
"""
FORGET_DIRECT_CHANNEL = "UPDATE erasure SET direct_channel = NULL WHERE id = ?"
NEXT_FILES = """
    SELECT folder, path, unconditional FROM erasure_file WHERE erasure_id = ? AND NOT EXISTS (
        SELECT 1 FROM report WHERE report.id = report_id AND state = 'open' AND (created_at >= ? OR lasting = 1)
    ) LIMIT ?
"""
HELD = """
    SELECT count(*) AS number, max(report.created_at) AS reported_at
    FROM erasure_file JOIN report ON report.id = report_id
    WHERE erasure_id = ? AND state = 'open' AND (report.created_at >= ? OR lasting = 1)
"""
NEXT_REPORT = """
    SELECT report_id FROM erasure_report WHERE erasure_id = ? AND report_id > ? AND state = 'due'
    ORDER BY report_id LIMIT 1
"""
END_REPORT = "UPDATE erasure_report SET state = ? WHERE erasure_id = ? AND report_id = ?"
HELD_FOR = "SELECT path FROM erasure_file WHERE report_id = ? ORDER BY path"
REPORT_CHANGED = """
    UPDATE report SET revision = revision + 1 WHERE id IN (
        SELECT report_id FROM erasure_file WHERE erasure_id = ? AND folder = ? AND path = ?
    )
"""
# With the pictures that were held for it, they go from its message.
NOTE_REPORT_OF_FILE = """
    INSERT INTO erasure_report (erasure_id, report_id)
    SELECT erasure_id, report_id FROM erasure_file JOIN report ON report.id = report_id
    WHERE erasure_id = ? AND folder = ? AND path = ? AND (message_id IS NOT NULL OR posting_at IS NOT NULL)
    ON CONFLICT (erasure_id, report_id) DO UPDATE SET state = 'due'
"""
END_FILE = "DELETE FROM erasure_file WHERE erasure_id = ? AND folder = ? AND path = ?"
NEXT_MESSAGE = """
    SELECT channel_id, message_id FROM erasure_message WHERE erasure_id = ? AND (channel_id, message_id) > (?, ?)
    ORDER BY channel_id, message_id LIMIT 1
"""
END_MESSAGE = "DELETE FROM erasure_message WHERE erasure_id = ? AND channel_id = ? AND message_id = ? RETURNING 1"
COUNT_MESSAGE = "UPDATE erasure SET messages = messages + ?, unreachable = unreachable + ? WHERE id = ?"
NEVER = 2**62  # later than any report


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


async def note_direct_messages(db: Database, erasure_id: int, messages: Iterable[LeftMessage]) -> None:
    """Note all that the bot wrote in the direct channel as still to be removed. Raises DatabaseError."""
    async with db.transaction():
        for message in messages:
            await db.write(NOTE_MESSAGE, (erasure_id, message.channel_id, message.message_id))
        await db.write(FORGET_DIRECT_CHANNEL, (erasure_id,))


async def left_files(db: Database, erasure_id: int, *, limit: int, held_since: int = NEVER) -> tuple[LeftFile, ...]:
    """Files that are to be removed now: not those for whose open report, made since a unix ms, they are held.

    Raises DatabaseError.
    """
    rows = await db.fetch(NEXT_FILES, (erasure_id, held_since, limit))
    return tuple(LeftFile(FileFolder(row["folder"]), row["path"], bool(row["unconditional"])) for row in rows)


async def held_files(db: Database, erasure_id: int, *, held_since: int) -> HeldFiles | None:
    """The files that are held for open reports made since a unix ms. Raises DatabaseError."""
    row = await db.fetch_one(HELD, (erasure_id, held_since))
    return HeldFiles(**dict(row)) if row is not None and row["number"] else None


async def held_for(db: Database, report_id: int) -> tuple[str, ...]:
    """The paths of pictures that are held for a report. Raises DatabaseError."""
    return tuple(row["path"] for row in await db.fetch(HELD_FOR, (report_id,)))


async def end_files(db: Database, erasure_id: int, files: Iterable[LeftFile]) -> None:
    """These are removed. Raises DatabaseError."""
    async with db.transaction():
        for file in files:
            await db.write(REPORT_CHANGED, (erasure_id, file.folder, file.path))
            await db.write(NOTE_REPORT_OF_FILE, (erasure_id, file.folder, file.path))
            await db.write(END_FILE, (erasure_id, file.folder, file.path))


async def next_report(db: Database, erasure_id: int, after: int = 0) -> int | None:
    """The next report of which the message to staff is still to be written anew. Raises DatabaseError."""
    row = await db.fetch_one(NEXT_REPORT, (erasure_id, after))
    return None if row is None else row["report_id"]


async def end_report(db: Database, erasure_id: int, report_id: int, *, written: bool) -> None:
    """The message to staff is `written` anew or gone, or it is out of reach. Raises DatabaseError."""
    await db.write(END_REPORT, ("written" if written else "out_of_reach", erasure_id, report_id))


async def next_message(db: Database, erasure_id: int, after: LeftMessage | None = None) -> LeftMessage | None:
    """The next message that is still to be deleted. Raises DatabaseError."""
    place = (after.channel_id, after.message_id) if after else (0, 0)
    row = await db.fetch_one(NEXT_MESSAGE, (erasure_id, *place))
    return None if row is None else LeftMessage(**dict(row))


async def end_message(db: Database, erasure_id: int, message: LeftMessage, *, gone: bool) -> None:
    """The message is `gone`, or not the bot's to delete; it is counted once. Raises DatabaseError."""
    async with db.transaction():
        if await db.write(END_MESSAGE, (erasure_id, message.channel_id, message.message_id)):
            await db.write(COUNT_MESSAGE, (int(gone), int(not gone), erasure_id))
