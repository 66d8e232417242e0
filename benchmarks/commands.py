"""Measures the start of each command: processor seconds, in user and system mode.

Every command runs several times in a separate process, in a folder with settings and a new database. For comparison, a
Python process imports pydantic-settings, which every command with settings needs. Only the quick commands have a limit.
All other commands run with `--help`, which imports all their modules.
"""

from __future__ import annotations

import asyncio
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks._command import BenchmarkCommand, closing_line
from bot.cli import DONE, REFUSED
from bot.cli.main import COMMANDS
from bot.database.database import open_database
from bot.database.storage.lock import program_lock

ROOT = Path(__file__).parents[1]
QUICK = {"--help": DONE, "--version": DONE, "health": REFUSED, "status": DONE}  # the bot does not run: no health
MOST_SECONDS = 0.4
REFERENCE = "pydantic_settings"


def seconds(arguments: list[str], folder: str, code: int) -> float:
    """Measure the processor time of one run. Raises CalledProcessError for an exit code other than `code`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != code:
        raise subprocess.CalledProcessError(done.returncode, done.args, done.stdout, done.stderr)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


async def prepare(folder: Path) -> None:
    """Write empty settings, and the database that `status` reads. The lock file stays, as after a run of the bot."""
    (folder / "config.toml").touch()
    database = folder / "data" / "easel.sqlite3"
    with program_lock(database):
        async with open_database(database):
            pass


def main() -> int:
    """Measure all commands in turn, and return the exit code."""
    parser = BenchmarkCommand(__doc__)
    parser.add_size("--runs", 9, 3, "runs of each, in turn")
    options = parser.read()
    easel = ["-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); from bot.__main__ import start; sys.exit(start())"]
    runs = {REFERENCE: ["-c", "import pydantic_settings"]}
    runs |= {name: [*easel, name] for name in QUICK}
    if not options.quick:
        runs |= {f"{name} --help": [*easel, name, "--help"] for name in COMMANDS}
    took: dict[str, list[float]] = {name: [] for name in runs}
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(prepare(Path(folder)))
        for _ in range(options.runs):
            for name, arguments in runs.items():
                took[name].append(seconds(arguments, folder, QUICK.get(name, DONE)))
    median = {name: round(statistics.median(each), 3) for name, each in took.items()}
    failed = [
        f"{name} takes {median[name]} s, more than {MOST_SECONDS} s" for name in QUICK if median[name] > MOST_SECONDS
    ]
    ratios = {f"{name} ratio": round(median[name] / median[REFERENCE], 2) for name in QUICK}
    return closing_line("commands", {"seconds": median, "ratios": ratios}, failed, quick=options.quick)


if __name__ == "__main__":
    sys.exit(main())
