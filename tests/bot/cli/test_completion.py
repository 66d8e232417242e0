"""`completion`: the shells themselves complete what the script tells them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.bot.cli.commands import PATIENCE, Here, bot

BASH = """
source {script}
COMP_WORDS=({words}) COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
"$(complete -p easel | sed -E 's/.*-F ([^ ]+) .*/\\1/')"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
FISH = "source {script}; complete --do-complete '{words}'"


def completed(here: Here, folder: Path, shell: str, program: str, words: str) -> set[str]:
    """What the shell offers for the last of `words`."""
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    script = folder / f"easel.{shell}"
    script.write_text(here("completion", shell).out, "utf-8")
    program = program.format(script=script, words=words)
    done = subprocess.run(
        [shell, "-c", program], cwd=folder, capture_output=True, text=True, check=True, timeout=PATIENCE
    )
    assert not done.stderr
    return {line.split("\t")[0] for line in done.stdout.splitlines()}


@pytest.mark.parametrize(("shell", "program"), [("bash", BASH), ("fish", FISH)])
def test_commands_options_and_files_are_completed(here: Here, tmp_path: Path, shell: str, program: str) -> None:
    (tmp_path / "config.toml").touch()
    assert completed(here, tmp_path, shell, program, "easel do") == {"doctor"}
    assert {"scan", "list", "declare", "inspect"} <= completed(here, tmp_path, shell, program, 'easel library ""')
    assert completed(here, tmp_path, shell, program, "easel demo --no-b") == {"--no-browser"}
    assert completed(here, tmp_path, shell, program, "easel config explain limits.max_l") == {"limits.max_loras"}
    assert "config.toml" in completed(here, tmp_path, shell, program, "easel doctor --config conf")


def test_the_script_is_for_easel_however_it_was_started(here: Here) -> None:
    assert bot("completion", "bash").out == here("completion", "bash").out


def test_zsh_reads_the_script(here: Here, tmp_path: Path) -> None:
    if shutil.which("zsh") is None:
        pytest.skip("no zsh here")
    (tmp_path / "_easel").write_text(here("completion", "zsh").out, "utf-8")
    program = f"fpath=({tmp_path} $fpath); autoload -U compinit; compinit -u -D; print $_comps[easel]; zsh -n _easel"
    done = subprocess.run(
        ["zsh", "-fc", program], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=PATIENCE
    )
    assert (done.stdout.strip(), done.stderr) == ("_easel", "")
