"""A command imports what it needs and nothing else: imports are most of what `easel health` costs each minute."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.bot.cli.commands import ROOT

SETTINGS = {"bot.config", "pydantic_settings"}
DATABASE = {"aiosqlite", "babel"}
SIGNING = {"c2pa", "cryptography", "PIL"}
HEAVY = {"discord", "aiohttp", "PIL", "prometheus_client", "huggingface_hub", "inference.lora.words.titles", "bot.jobs"}


@pytest.mark.parametrize(
    ("arguments", "avoided"),
    [
        (["--help"], SETTINGS | DATABASE | HEAVY | SIGNING),
        (["--version"], SETTINGS | DATABASE | HEAVY),
        (["health"], DATABASE | HEAVY | SIGNING),
        (["status"], HEAVY | SIGNING),
        (["init", "--help"], DATABASE | HEAVY | SIGNING),
        (["config", "explain"], DATABASE | HEAVY | SIGNING),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_quick_command_imports_little(arguments: list[str], avoided: set[str]) -> None:
    program = (
        "import sys\n"
        "from bot.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        f"finally: print('imported', sorted(set(sys.modules) & {avoided!r}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines()[-1] == "imported []", done.stderr


def test_the_versions_are_told() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bot", "--version"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told = dict(line.rsplit(" ", 1) for line in done.stdout.splitlines())
    assert {"Easel", "torch", "diffusers", "Python"} <= set(told)
