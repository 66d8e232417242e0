"""The page's files: content of a bot never becomes markup, and nothing is loaded from other origins."""

import re
from pathlib import Path

import pytest

from playground.server import PAGE

SCRIPTS = sorted(PAGE.glob("*.js"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_never_write_markup(script: Path) -> None:
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "DOMParser"):
        assert word not in script.read_text(), word


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_begin_with_a_comment(script: Path) -> None:
    assert script.read_text().startswith("// ")


def test_every_import_exists() -> None:
    for script in SCRIPTS:
        for name in re.findall(r'from "\./([\w.]+)"', script.read_text()):
            assert (PAGE / name).is_file(), f"{script.name} imports {name}"


def test_the_page_loads_nothing_from_other_origins() -> None:
    for file in PAGE.iterdir():
        addresses = re.findall(r"(?:https?:)?//[\w.-]+\.\w+", re.sub(r"xmlns=\"[^\"]+\"", "", file.read_text()))
        assert addresses == [], file.name
