"""The units, the compose file and the Containerfile: what they restrict, and that Easel starts with their variables."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.config import load_settings
from bot.config.variables import COMPOSE as COMPOSE_VARIABLES

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
COMPOSE = (ROOT / "compose.yaml").read_text("utf-8")
CONTAINERFILE = (ROOT / "Containerfile").read_text("utf-8")
VARIABLES = sorted(set(re.findall(r"\$\{(\w+)", COMPOSE)))
ON = ("NoNewPrivileges", "LockPersonality", "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID",
      "ProtectControlGroups", "ProtectKernelLogs", "ProtectKernelModules", "ProtectKernelTunables")  # fmt: skip
MOST_EXPOSED = 3.0  # on the scale of systemd-analyze, which ends at 10


def services() -> dict[str, Any]:
    return yaml.safe_load(COMPOSE)["services"]


def directives(unit: Path) -> list[tuple[str, str]]:
    lines = [line for line in unit.read_text("utf-8").splitlines() if "=" in line and not line.startswith("#")]
    return [(name, value) for name, _, value in (line.partition("=") for line in lines)]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_allows_only_what_easel_needs(unit: Path) -> None:
    found = directives(unit)
    given = dict(found)
    assert {given.get(name) for name in ON} == {"true"}
    assert given["ProtectSystem"] == "strict" and given["CapabilityBoundingSet"] == "" and given["UMask"] == "0077"
    assert [value for name, value in found if name == "SystemCallFilter"] == ["@system-service", "~@privileged"]
    # a worker would not find its card, the free memory or a place for compiled code
    assert not given.keys() & {"PrivateDevices", "DeviceAllow", "ProtectClock", "ProcSubset", "MemoryDenyWriteExecute"}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_finds_a_unit_valid_and_little_exposed(unit: Path, tmp_path: Path) -> None:
    # `verify` looks for the program, which is not on this machine
    text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text("utf-8"), flags=re.MULTILINE)
    copy = tmp_path / unit.name
    copy.write_text(text, "utf-8")
    for socket in DEPLOY.glob("*.socket"):
        shutil.copy(socket, tmp_path)
    verified = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSED * 10:.0f}", copy]
    judged = subprocess.run(command, capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout


@pytest.mark.parametrize("name", ["cuda", "cpu"])
def test_a_container_is_limited(name: str) -> None:
    service = services()[name]
    assert service["mem_limit"] and service["shm_size"]
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"]


def test_the_image_is_built_from_named_versions() -> None:
    arguments = dict(re.findall(r"^ARG (\w+)=(.*)$", CONTAINERFILE, re.MULTILINE))
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+", arguments["PYTHON"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", arguments["UV"]) and "uv==${UV}" in CONTAINERFILE
    assert CONTAINERFILE.count("uv pip install") == CONTAINERFILE.count("--constraints constraints.txt") == 2
    asked = services()["cuda"]["build"]["args"]
    assert asked == {"TORCH": f"${{EASEL_TORCH:-{arguments['TORCH']}}}", "EXTRAS": "${EASEL_EXTRAS:-}"}
    assert services()["cpu"]["build"]["args"] == asked | {"TORCH": "cpu"}


@pytest.mark.parametrize("variable", VARIABLES)
def test_an_exported_variable_of_the_compose_file_is_not_taken_for_a_setting(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.toml"
    config.touch()
    monkeypatch.setenv(variable, "x")
    assert load_settings(config).checkpoints == ()


def test_no_other_variable_is_ignored() -> None:
    assert sorted(COMPOSE_VARIABLES) == VARIABLES


def test_the_script_for_windows_copies_the_database_before_it_replaces_the_program() -> None:
    script = (DEPLOY / "install.ps1").read_text("utf-8")
    steps = ("& $Easel backup --config $Config", 'throw "The backup failed', '"tool", "install"')
    assert sorted(steps, key=script.index) == list(steps)
