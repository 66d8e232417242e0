"""A command imports what it needs and nothing else: imports are most of what `easel health` costs each minute."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.cli import DONE
from bot.database.database import open_database
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


def imported_by(arguments: Sequence[str], folder: Path = ROOT, code: int | None = None) -> set[str]:
    """The modules that a command imports in `folder`. `code` is the exit code that it must have; None is any."""
    program = (
        "import json, sys\n"
        "from bot.cli.main import main\n"
        "code = None\n"
        "try: code = main(sys.argv[1:])\n"
        "finally: print(json.dumps([code, *sys.modules]))\n"
    )
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{program}", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    ended, *modules = json.loads(done.stdout.splitlines()[-1])
    assert code in {None, ended}, done.stderr
    return set(modules)


@pytest.mark.parametrize(
    ("arguments", "avoided"),
    [
        (["--help"], SETTINGS | DATABASE | HEAVY | SIGNING | RARE),
        (["--version"], SETTINGS | DATABASE | HEAVY | RARE),
        (["health"], DATABASE | HEAVY | SIGNING),
        (["init", "--help"], DATABASE | HEAVY | SIGNING),
        (["config", "explain"], DATABASE | HEAVY | SIGNING),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_quick_command_imports_little(arguments: list[str], avoided: set[str]) -> None:
    assert not imported_by(arguments) & avoided


async def test_status_imports_what_it_prints_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "config.toml").touch()
    async with open_database(tmp_path / "data" / "easel.sqlite3"):
        pass
    modules = imported_by(["status"], tmp_path, DONE)
    packages = {module.rpartition(".")[0] for module in modules}  # they hold signs only, but for those in STATUS
    own = {module for module in modules - packages if module.startswith(("bot.", "inference."))}
    assert {module for module in own if not module.startswith(("bot.cli.", "bot.config."))} <= set(STATUS.split())
    assert not modules & (HEAVY | SIGNING | RARE)


def test_the_versions_are_told() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bot", "--version"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told = dict(line.rsplit(" ", 1) for line in done.stdout.splitlines())
    assert {"Easel", "torch", "diffusers", "Python"} <= set(told)
