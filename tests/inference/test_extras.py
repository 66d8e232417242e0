"""The command that installs an extra keeps the extras that are there."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference.processes import extras


def test_the_extras_of_which_all_packages_are_here_are_found() -> None:
    found = extras.installed_extras()
    assert {"faces", "gguf"} <= set(found)  # the packages for development contain theirs
    assert "dev" not in found


def test_an_extra_for_a_wheel_is_named_with_the_installed_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "_ROOT", tmp_path)  # as where there is no checkout
    said = extras.installing("cluster")
    named = said.partition(".whl[")[2].partition("]")[0].split(",")
    assert {"cluster", "faces", "gguf"} <= set(named) and named == sorted(set(named))
