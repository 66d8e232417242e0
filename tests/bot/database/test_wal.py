"""What a killed program leaves in SQLite's log is not taken for damage, and damage is found wherever it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.database.storage.wal import FRAME_HEADER, HEADER, is_damaged

PAGE = 4096
FRAME = FRAME_HEADER + PAGE
ADD = "INSERT INTO note VALUES (randomblob(3000))"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """With a cache so small that a transaction of some pages writes into the log before it is committed."""
    connection = sqlite3.connect(tmp_path / "notes", isolation_level=None)
    connection.executescript(
        f"PRAGMA page_size = {PAGE}; PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = 10;"
        "CREATE TABLE note (text);"
    )
    yield connection
    connection.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "notes"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "notes-wal"


def begin_anew(database: sqlite3.Connection) -> None:
    """What is committed next is written over the log's beginning."""
    database.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()


def add(database: sqlite3.Connection, notes: int) -> None:
    for _ in range(notes):
        database.execute(ADD)


def ours(log: bytes) -> int:
    """How many frames at the beginning are of the log's newest round."""
    frames = [log[start : start + FRAME_HEADER] for start in range(HEADER, len(log), FRAME)]
    return next((n for n, frame in enumerate(frames) if frame[8:16] != log[16:24]), len(frames))


def test_a_log_that_was_begun_anew_is_whole(database: sqlite3.Connection, path: Path) -> None:
    add(database, 20)
    assert not is_damaged(path)
    begin_anew(database)
    assert not is_damaged(path)
    add(database, 3)
    assert not is_damaged(path)


def test_a_program_killed_between_a_frames_header_and_its_page_has_damaged_nothing(
    database: sqlite3.Connection, path: Path, log: Path
) -> None:
    """SQLite writes the two one after the other; behind the header the page of an earlier round is left."""
    add(database, 20)
    before = log.read_bytes()
    begin_anew(database)
    add(database, 3)
    after = log.read_bytes()
    page = HEADER + (ours(after) - 1) * FRAME + FRAME_HEADER
    log.write_bytes(after[:page] + before[page:])
    assert not is_damaged(path)


def test_a_program_killed_in_a_transaction_larger_than_the_cache_has_damaged_nothing(
    database: sqlite3.Connection, path: Path
) -> None:
    """SQLite writes over frames that it has written in the same transaction, and their checksums when it commits."""
    add(database, 1)
    database.execute("BEGIN")
    add(database, 40)
    database.execute("UPDATE note SET text = randomblob(2990)")
    assert not is_damaged(path)
    database.execute("ROLLBACK")
    add(database, 1)
    assert not is_damaged(path), "what was rolled back is left behind the newest frame"


@pytest.mark.parametrize("notes", [1, 5])
@pytest.mark.parametrize("again", [False, True])
def test_a_byte_spoilt_in_what_was_committed_is_damage(
    database: sqlite3.Connection, path: Path, log: Path, again: bool, notes: int
) -> None:
    """In each part of each frame; but in the last one of a log that was begun anew, it may be a kill as above."""
    add(database, 20 if again else notes)
    if again:
        begin_anew(database)
        add(database, notes)
    whole = log.read_bytes()
    for frame in range(ours(whole) - again):
        for place in (0, 5, 17, 22, 30, 2000, FRAME - 1):
            spoilt = bytearray(whole)
            spoilt[HEADER + frame * FRAME + place] ^= 1
            log.write_bytes(spoilt)
            assert is_damaged(path), (frame, place)
    log.write_bytes(whole)
