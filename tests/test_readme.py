"""What README.md, CONTRIBUTING.md and docs/ say there is, is there: commands, files, rooms, links and pictures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path
from typing import cast

import discord
import pytest
from discord import app_commands
from discord.ext import commands

from bot import metrics
from bot.cli.main import COMMANDS
from bot.config.changes import NEEDS_RESTART
from bot.ui.bot import load_features
from bot.ui.client import Client, Cog
from bot.ui.views.servers.panel import ORDER, PanelSection

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))]
# Paths of our own source: from the top, ending in a folder's slash or a file's suffix.
_PATH = re.compile(r"`((?:bot|inference|playground|tools|tests|benchmarks|docs)/[\w./-]*(?:/|\.\w+))`")
PLACEHOLDER = re.compile("NAME|NNNN")  # in the name of a file that a reader is to write
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
ALIKE, ALIKE_FROM = 0.8, 60  # of two lines; the characters of a line from which on it says something
MOST_WORDS = 100  # of a decision


def text_of(page: Path) -> str:
    """The page without its fenced code."""
    return re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


def rows(text: str) -> Iterator[str]:
    """The first cell of each row of the tables in `text`, without heads."""
    for table in re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE):
        for row in table.splitlines()[2:]:
            yield row.split("|")[1].strip()


def section(page: Path, title: str) -> str:
    """What stands under a heading of the second level."""
    return page.read_text("utf-8").partition(f"\n## {title}\n")[2].partition("\n## ")[0]


async def slash_commands() -> tuple[set[str], set[str]]:
    """The commands that the bot registers, and the entries of its message menus."""
    bot = commands.Bot("", intents=discord.Intents.none())
    load_features()
    for cog in Cog.registered:
        await bot.add_cog(cog(cast("Client", bot)))
    slash = {
        f"/{command.qualified_name}"
        for command in bot.tree.walk_commands()
        if isinstance(command, app_commands.Command)
    }
    return slash, {menu.name for menu in bot.tree.get_commands(type=discord.AppCommandType.message)}


def groups(told: list[str]) -> set[str]:
    """`["/lora browse", "info"]` is `/lora browse` and `/lora info`."""
    group = told[0].split()[0] if told and " " in told[0] else ""
    return {name if name.startswith("/") else f"{group} {name}" for name in told}


async def test_every_command_stands_in_the_table_and_none_besides() -> None:
    slash, menus = await slash_commands()
    table = section(DOCS / "commands.md", "In Discord").partition("A picture has the buttons")[0]
    told = set[str]().union(*(groups(re.findall(r"`([^`]+)`", cell)) for cell in rows(table)))
    assert told == slash
    assert set(re.findall(r"\*([^*]+)\*", table)) == menus


def test_every_section_of_the_server_panel_is_listed_once() -> None:
    load_features()
    list_of_sections = (DOCS / "commands.md").read_text("utf-8").partition("\n### Running a server\n")[2]
    listed = re.findall(r"^\d+\. [^*\n]*\*([^*]+)\*", list_of_sections, re.MULTILINE)
    assert listed == [PanelSection.registered[key].title for key in ORDER]


async def test_no_page_names_a_command_that_is_not_there() -> None:
    slash, _ = await slash_commands()
    starts = {name.split()[0] for name in slash}
    named = {(page.name, name) for page in PAGES for name in re.findall(r"`(/[a-z]+)(?: [^`]*)?`", text_of(page))}
    assert {one for one in named if one[1] not in starts} == set()
    assert any(page == "README.md" for page, _ in named)


def test_every_command_of_the_command_line_stands_in_the_table_and_none_besides() -> None:
    table = section(DOCS / "commands.md", "On the command line")
    told = {name.split()[0] for cell in rows(table) for name in re.findall(r"`([^`]+)`", cell.partition(" · ")[0])}
    assert told == set(COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    lost = list[str]()
    for target in _LINK.findall(text_of(page)):
        place, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", place):
            continue
        path = page.parent / place if place else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            lost.append(target)
    assert not lost


def anchors(page: Path) -> set[str]:
    """The names by which GitHub reaches the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", text_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    named = [Path(path) for path in _PATH.findall(text_of(page))]
    there = [path.parent if PLACEHOLDER.search(path.name) else path for path in named]
    assert [str(path) for path in there if not (ROOT / path).exists()] == []


def test_every_name_that_the_recipes_use_is_in_the_source() -> None:
    sources = [path for top in ("bot", "inference", "tests") for path in (ROOT / top).rglob("*.py")]
    words = {word for path in sources if path != Path(__file__) for word in re.findall(r"\w+", path.read_text("utf-8"))}
    named = re.findall(r"`(\w+)(?: = \w+)?`", section(ROOT / "CONTRIBUTING.md", "How to add …"))
    assert set(named) - words == set()
    assert {"Cog", "ListPage"} <= set(named)


def test_every_room_stands_in_the_architecture() -> None:
    page = (DOCS / "architecture.md").read_text("utf-8")
    tops = ("bot", "inference", "inference/engine")
    rooms = {path.parent.name for top in tops for path in (ROOT / top).glob("*/__init__.py")}
    assert rooms <= set(re.findall(r"\b(\w+)/", page))
    drawn = "\n".join(re.findall(r"^```mermaid\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))
    there = {path.parent.name for top in (*tops, "bot/ui") for path in (ROOT / top).glob("*/__init__.py")}
    assert set(re.findall(r"\b(\w+)/", drawn)) <= there | {"bot", "inference", "engine"}


def test_every_metric_stands_among_what_to_watch_and_none_besides() -> None:
    table = section(DOCS / "operate.md", "What to watch").partition("| metric |")[2].partition("\n\n")[0]
    told = re.findall(r"`((?:easel|process)_\w+)`", table)
    names = {name.removesuffix("_total").removesuffix("_info") for name in told}
    assert names == {metric.name for metric in metrics.REGISTRY.collect()}


def test_every_setting_that_needs_a_restart_is_named() -> None:
    told = section(DOCS / "operate.md", "Everyday").partition("need a restart:")[2].partition(".\n")[0]
    assert sorted(re.findall(r"`(\w+\.\w+)`", told.partition(". A reload")[0])) == sorted(NEEDS_RESTART)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda page: page.name)
def test_a_merge_left_nothing_twice(page: Path) -> None:
    """Two branches that change one line leave both forms of it, and headings without the line before them."""
    lines = text_of(page).splitlines()
    long = [line for line in lines if len(line) > ALIKE_FROM]
    assert [line for line, times in Counter(long).items() if times > 1] == []
    prose = [line for line in lines if not line.startswith("|")]
    beside = [pair for pair in pairwise(prose) if min(map(len, pair)) > ALIKE_FROM]
    assert [pair for pair in beside if SequenceMatcher(None, *pair, autojunk=False).ratio() > ALIKE] == []
    assert [line for before, line in pairwise(lines) if line.startswith("#") and before] == []


def records() -> Iterator[tuple[str, str]]:
    """Every decision: its title and its text."""
    for part in re.split(r"^### ", (DOCS / "decisions.md").read_text("utf-8"), flags=re.MULTILINE)[1:]:
        title, _, record = part.partition("\n")
        yield title, record.partition("\n## ")[0]


@pytest.mark.parametrize(("title", "record"), list(records()), ids=lambda value: value if "\n" not in value else "")
def test_a_decision_is_a_short_context_decision_and_consequence(title: str, record: str) -> None:
    assert re.findall(r"^- \*\*(\w+):\*\*", record, re.MULTILINE) == ["Context", "Decision", "Consequence"]
    assert len(record.split()) < MOST_WORDS
