"""A command imports what it needs and nothing else: imports are most of what `easel health` costs each minute."""

from __future__ import annotations

import ast
import json
import platform
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import pytest

from bot.cli import DONE, REFUSED
from bot.database.database import open_database
from bot.database.storage.lock import program_lock
from bot.versions import PACKAGES
from tests.bot.cli.commands import ROOT

SETTINGS = {"bot.config", "pydantic_settings"}
DATABASE = {"aiosqlite", "babel"}
SIGNING = {"c2pa", "cryptography", "PIL"}
HEAVY = {"discord", "aiohttp", "PIL", "prometheus_client", "huggingface_hub", "inference.lora.words.titles", "bot.jobs"}
RARE = {"babel.messages", "filelock", "platformdirs", "pythonjsonlogger"}  # for one case or another, never for `status`
# What `status` imports of Easel, beside `bot.cli` and `bot.config`. Each module costs a millisecond or more.
STATUS = """
bot.app.database_state bot.app.health bot.app.recorded_state
bot.database.clock bot.database.database bot.database.errors bot.database.query
bot.database.jobs.deliveries bot.database.jobs.paces bot.database.jobs.pauses bot.database.jobs.queue_state
bot.database.loras.file_counts bot.database.loras.sample_failures
bot.database.privacy.takedown_cases bot.database.reports.waiting_reports
bot.database.storage.backup bot.database.storage.integrity bot.database.storage.lock
bot.database.storage.pseudonyms bot.database.storage.schema
bot.diagnostics.finding bot.diagnostics.watch
bot.file_access bot.i18n bot.i18n.catalogue bot.logs bot.program bot.versions bot.visible_text
inference.base_models inference.bounds inference.capabilities inference.checkpoints.classifier_files
inference.cluster.socket_address inference.content_rating inference.errors inference.files.private_files
inference.lora.beside.categories inference.lora.few_steps
inference.messages.checkpoints inference.messages.options inference.messages.samplers inference.messages.values
inference.notes inference.processes.child_processes inference.processes.extras inference.processes.logs
inference.queue.policy inference.regions
"""


def imported_by(arguments: Sequence[str], folder: Path, code: int = DONE) -> set[str]:
    """The modules that a command imports in `folder`. `code` is the exit code that it must have."""
    program = (
        "import json, sys\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from bot.cli.main import main\n"
        "try: code = main(sys.argv[1:])\n"
        "except SystemExit as ended: code = ended.code\n"
        "print(json.dumps([code, *sys.modules]))\n"
    )
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ended, *modules = json.loads(done.stdout.splitlines()[-1])
    assert ended == code, done.stderr
    return set(modules)


def has_code(module: str) -> bool:
    """Whether the file of a module of Easel has more than a docstring."""
    path = ROOT / module.replace(".", "/")
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return len(ast.parse(source.read_text("utf-8")).body) > 1


@pytest.mark.parametrize(
    ("command", "avoided", "code"),
    [
        ("--help", SETTINGS | DATABASE | HEAVY | SIGNING | RARE, DONE),
        ("--version", SETTINGS | DATABASE | HEAVY | RARE, DONE),
        ("health", DATABASE | HEAVY | SIGNING | RARE, REFUSED),
        ("init --help", DATABASE | HEAVY | SIGNING, DONE),
        ("config explain", DATABASE | HEAVY | SIGNING, DONE),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_quick_command_imports_little(command: str, avoided: set[str], code: int, tmp_path: Path) -> None:
    (tmp_path / "config.toml").touch()
    assert not imported_by(command.split(), tmp_path, code) & avoided


async def test_status_imports_only_these_modules(tmp_path: Path) -> None:
    (tmp_path / "config.toml").touch()
    database = tmp_path / "data" / "easel.sqlite3"
    with program_lock(database):  # the lock file stays, as after a run of the bot
        async with open_database(database):
            pass
    modules = imported_by(["status"], tmp_path)
    own = {module for module in modules if module.startswith(("bot.", "inference.")) and has_code(module)}
    elsewhere = ("bot.cli.", "bot.config.")
    assert {module for module in own if not f"{module}.".startswith(elsewhere)} == set(STATUS.split())
    assert not modules & (HEAVY | SIGNING | RARE)


def test_version_prints_the_installed_versions() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bot", "--version"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    printed = dict(line.rsplit(" ", 1) for line in done.stdout.splitlines())
    assert printed == {
        **{name: version(package) for name, package in PACKAGES.items()},
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
    }
