"""A program that is killed leaves whole transactions and no lock."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bot.database.database import open_database
from bot.database.errors import DatabaseInUse
from bot.database.storage.lock import program_lock

PROGRAM = """
import asyncio, sys
from pathlib import Path
from bot.database.database import open_database
from bot.database.storage.lock import program_lock
from bot.database.people.people import remember_person

async def main(path):
    async with open_database(path) as db:
        await remember_person(db, 1)
        async with db.transaction():
            await remember_person(db, 2)
            print("in the middle", flush=True)
            await asyncio.Event().wait()

path = Path(sys.argv[1])
with program_lock(path):
    asyncio.run(main(path))
"""


def kill_in_the_middle(path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM, str(path)], stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert program.stdout.readline().strip() == b"in the middle"
        with pytest.raises(DatabaseInUse), program_lock(path):
            pass
        program.kill()


async def test_a_killed_program_leaves_what_it_committed_and_no_lock(path: Path) -> None:
    kill_in_the_middle(path)
    with program_lock(path):
        async with open_database(path) as db:
            assert [row["id"] for row in await db.fetch("SELECT id FROM person")] == [1]
