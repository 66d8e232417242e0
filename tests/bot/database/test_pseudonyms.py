"""The key of the hashes is made once, whoever else needs it at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from bot.database.storage.pseudonyms import KEY_BYTES, Pseudonyms, ensure_key, key_file

CALLERS, ROUNDS = 8, 20


def test_callers_at_once_get_one_key(tmp_path: Path) -> None:
    for number in range(ROUNDS):
        database, barrier = tmp_path / str(number) / "easel.sqlite3", Barrier(CALLERS)
        database.parent.mkdir()

        def hashed(_: int, database: Path = database, barrier: Barrier = barrier) -> int | None:
            barrier.wait()
            ensure_key(database)
            return Pseudonyms(database).of(1)

        with ThreadPoolExecutor(CALLERS) as pool:
            assert len(set(pool.map(hashed, range(CALLERS)))) == 1
        assert [path.name for path in database.parent.iterdir()] == [key_file(database).name]
        assert len(key_file(database).read_bytes()) == KEY_BYTES


def test_a_key_stays(tmp_path: Path) -> None:
    database = tmp_path / "easel.sqlite3"
    ensure_key(database)
    key = key_file(database).read_bytes()
    ensure_key(database)
    assert key_file(database).read_bytes() == key and key_file(database).stat().st_mode & 0o777 == 0o600
