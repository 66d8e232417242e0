"""The rules of the source, read from it: who may import whom, and what every file says of itself."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import chain
from pathlib import Path

import pytest
from pydantic.fields import FieldInfo

from bot.config import Settings
from bot.config.example import config_text
from bot.config.section import section_of

ROOT = Path(__file__).parents[1]
TORCH = {"torch", "diffusers", "transformers", "torchvision", "accelerate", "safetensors", "peft", "trustmark"}
# What the bot may use of inference; files of checkpoints and LoRAs are read without torch, text in pictures is text.
OPEN = [
    "base_models", "bounds", "capabilities", "checkpoints", "cluster", "content_rating", "demo", "errors", "files",
    "hardware", "inspection", "lora", "matching", "messages", "notes", "parameters", "picture_costs", "prediction",
    "processes", "prompt_weights", "queue", "regions", "watermark", "workers",
]  # fmt: skip
DOORS = {f"inference.{door}" for door in OPEN}

TOPS = ("bot", "inference", "playground")
SOURCES = sorted(path for top in (*TOPS, "tools", "benchmarks") for path in (ROOT / top).rglob("*.py"))

# From the ground up: a module may import what stands in its own line or in a line above, never what stands below.
# Imports under TYPE_CHECKING count. A module belongs to its longest prefix here; packages themselves hold signs only.
RANKS = """
inference.bounds inference.base_models inference.errors inference.messages inference.files inference.processes
    inference.notes inference.prediction inference.capabilities inference.checkpoints inference.queue.request_cost
    inference.picture_costs inference.hardware inference.content_rating inference.prompt_weights inference.regions
inference.lora inference.parameters
inference.watermark
inference.checkpoints.inspection
inference.matching inference.queue
inference.inspection
inference.workers inference.demo inference.cluster.socket_address inference.cluster.wire inference.cluster.files
    inference.cluster.node_labels inference.cluster.compatibility inference.cluster.worker_folder
    inference.cluster.protocol
inference.cluster
inference.engine.options
inference.engine.devices inference.engine.classifier inference.engine.text_judge
inference.engine.lora
inference.engine.layers
inference.engine.models
inference.engine.batch
inference.engine.single
inference.engine.intake
inference.engine.engine
inference.engine.process inference.engine.__main__

playground.clock playground.faults playground.limits playground.wire
playground.errors playground.files playground.models playground.change_notifier playground.recorder playground.snowflake
playground.permissions playground.rules
playground.component_shapes playground.world
playground.default_world playground.mentions playground.registry playground.visible_message playground.shapes
playground.control playground.message_shapes playground.message_writer
playground.gateway
playground.event_publisher
playground.threads
playground.interactions
playground.people playground.rest
playground.control_api
playground.server
playground.__main__

bot.visible_text
bot.logs bot.program bot.versions
bot.file_access
bot.config
bot.database
bot.i18n
bot.errors bot.background bot.metrics
bot.moderation
bot.diagnostics
bot.library
bot.sources
bot.requests
bot.pictures
bot.servers
bot.jobs
bot.workspace bot.privacy bot.reports bot.community
bot.app
bot.ui.interactions bot.ui.api_url bot.ui.guide bot.ui.rendered_message
bot.ui.interactions.archived_threads bot.ui.interactions.replies
bot.ui.removals bot.ui.studio_session
bot.ui.client
bot.ui.visible_channels
bot.ui.access bot.ui.command_tree bot.ui.server_lookups bot.ui.uploads
bot.ui.message_lookup bot.ui.page_kind bot.ui.views
bot.ui.delivery
bot.ui.art_channels
bot.ui.cogs
bot.ui.bot
bot.cli bot.__main__
"""
RANK = {
    module: number for number, line in enumerate(RANKS.replace("\n    ", " ").splitlines()) for module in line.split()
}


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it the import stands; `from a import b` gives `a.b`."""
    package = module_of(path).split(".") if path.name == "__init__.py" else module_of(path).split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            origin = ".".join(part for part in (base, node.module) if part)
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def inside(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def offences(importers: tuple[str, ...], *, except_in: tuple[str, ...] = (), forbidden: set[str]) -> list[str]:
    return [
        f"{module_of(path)} imports {name}"
        for path in SOURCES
        if inside(module_of(path), *importers) and not inside(module_of(path), *except_in)
        for name in imports(path)
        if inside(name, *forbidden)
    ]


def test_torch_lives_in_the_engine_and_in_the_tools_alone() -> None:
    assert not offences(("bot", "inference"), except_in=("inference.engine",), forbidden=TORCH)


def test_ray_is_imported_by_what_runs_in_a_cluster_alone() -> None:
    assert not offences(TOPS, except_in=("inference.cluster",), forbidden={"ray"})


def test_inference_knows_neither_discord_nor_the_database_nor_the_bot() -> None:
    assert not offences(("inference",), forbidden={"bot", "discord", "aiosqlite", "sqlite3", "tools"})


def test_the_bot_reaches_inference_through_its_doors_only() -> None:
    strangers = [
        f"{module_of(path)} imports {name}"
        for path in SOURCES
        if inside(module_of(path), "bot")
        for name in imports(path)
        if inside(name, "inference") and not inside(name, *DOORS)
    ]
    assert not strangers


def test_the_border_needs_the_standard_library_and_pydantic_alone() -> None:
    border = ("inference.messages", "inference.errors", "inference.base_models", "inference.content_rating")
    own = {
        "inference.messages",
        "inference.errors",
        "inference.base_models",
        "inference.bounds",
        "inference.content_rating",
        "inference.regions",
        "pydantic",
        "pydantic_core",
    }
    foreign = [
        f"{module_of(path)} imports {name}"
        for path in SOURCES
        if inside(module_of(path), *border)
        for name in imports(path)
        if name.split(".")[0] not in sys.stdlib_module_names and not inside(name, *own)
    ]
    assert not foreign


def test_the_playground_knows_nothing_of_the_bot_and_of_inference() -> None:
    foreign = [
        f"{module_of(path)} imports {name}"
        for path in SOURCES
        if inside(module_of(path), "playground")
        for name in imports(path)
        if inside(name, "bot", "inference")
    ]
    assert not foreign


def rank(module: str) -> int | None:
    """The line of RANKS in which the module stands; None for a package that holds other packages."""
    parts = module.split(".")
    prefixes = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((RANK[prefix] for prefix in prefixes if prefix in RANK), None)


def arrows() -> dict[str, set[str]]:
    """Which of our modules each of them imports."""
    modules = {module_of(path): path for path in SOURCES if inside(module_of(path), *TOPS)}
    found = dict[str, set[str]]()
    for module, path in modules.items():
        named = {name if name in modules else name.rpartition(".")[0] for name in imports(path)}
        found[module] = {name for name in named if name in modules and name != module}
    return found


def test_every_module_has_a_rank() -> None:
    signs = {module_of(path) for path in SOURCES if path.name == "__init__.py"}
    assert {module for module in arrows() if rank(module) is None} <= signs


def test_no_module_imports_one_that_stands_above_it() -> None:
    upward = [
        f"{module} imports {name}"
        for module, names in arrows().items()
        for name in names
        if rank(module) is not None and (rank(name) or 0) > (rank(module) or 0)
    ]
    assert not upward


def test_no_files_import_each_other_in_a_circle() -> None:
    try:
        TopologicalSorter(arrows()).prepare()
    except CycleError as circle:
        pytest.fail(" -> ".join(circle.args[1]))


def test_all_services_together_are_known_only_where_the_program_is_opened() -> None:
    opening = ("bot.app.assembly", "bot.cli", "bot.ui.bot", "tools")
    assert not offences(("bot", "tools"), except_in=opening, forbidden={"bot.app.assembly"})
    knowing = {module_of(path) for path in SOURCES for name in imports(path) if name == "bot.app.assembly.Easel"}
    assert knowing == {"bot.ui.bot"}, "pass the services that are used, one by one"


def test_every_public_class_has_a_name_of_its_own() -> None:
    named = dict[str, list[str]]()
    for path in SOURCES:
        if inside(module_of(path), *TOPS):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    named.setdefault(node.name, []).append(module_of(path))
    assert not {name: places for name, places in named.items() if len(places) > 1}


def test_no_module_of_the_bot_stands_outside_of_a_room() -> None:
    loose = {
        "__init__",
        "__main__",
        "background",
        "file_access",
        "logs",
        "metrics",
        "program",
        "versions",
        "visible_text",
    }
    assert {path.stem for path in (ROOT / "bot").glob("*.py")} == loose


def test_importing_the_whole_bot_leaves_torch_numpy_and_ray_alone() -> None:
    modules = [module_of(path) for path in SOURCES if inside(module_of(path), "bot")]
    program = (
        "import importlib, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        f"print(sorted(set(sys.modules) & {TORCH | {'numpy', 'ray', 'fsspec'}!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


@pytest.mark.parametrize("room", [path for path in SOURCES if path.name == "__init__.py"], ids=module_of)
def test_a_map_of_a_room_shows_its_files_and_no_others(room: Path) -> None:
    sign = ast.get_docstring(ast.parse(room.read_text("utf-8"))) or ""
    files = {path.name for path in room.parent.glob("*.py")} - {"__init__.py"}
    rooms = {path.parent.name for path in room.parent.glob("*/__init__.py")}
    if len(files) + len(rooms) > 1:
        assert set(re.findall(r"\b\w+\.py\b", sign)) - {"discord.py"} == files
        assert rooms <= set(re.findall(r"\b(\w+)/", sign))


def test_no_room_has_more_than_20_files() -> None:
    rooms = Counter(
        path.parent for path in SOURCES if inside(module_of(path), *TOPS[:2]) and path.name != "__init__.py"
    )
    assert not {module_of(room): count for room, count in rooms.items() if count > 20}


def test_every_kind_of_file_in_the_packages_is_shipped() -> None:
    packaging = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    assert packaging["packages"]["find"]["include"] == [f"{top}*" for top in TOPS]
    files = (path for top in TOPS for path in (ROOT / top).rglob("*") if path.is_file())
    kinds = {f"*{path.suffix}" for path in files if "__pycache__" not in path.parts}
    assert kinds - {"*.py"} - set(packaging["package-data"]["*"]) == set()


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_every_file_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), "no docstring"


def test_the_example_config_is_made_from_the_settings() -> None:
    assert (ROOT / "config.example.toml").read_text("utf-8") == config_text()


def every_setting(
    fields: Mapping[str, FieldInfo] = Settings.model_fields, above: str = ""
) -> Iterator[tuple[str, str]]:
    for name, field in fields.items():
        kind = section_of(field)
        if kind is None:
            yield above, name
        else:
            yield from every_setting(kind.model_fields, f"{above}.{name}" if above else name)


def test_the_example_config_shows_every_setting_with_a_comment() -> None:
    lines = config_text().splitlines()
    for section, name in every_setting():
        places = [i for i, line in enumerate(lines) if line.removeprefix("# ").startswith(f"{name} =")]
        assert places, f"{section}.{name} is not in config.example.toml"
        assert all(lines[i - 1].startswith("# ") for i in places[:1]), f"{section}.{name} has no comment"


def test_the_example_config_is_toml() -> None:
    assert set(tomllib.loads(config_text())) >= {"discord", "storage", "library", "worker", "limits", "checkpoints"}


def test_what_opens_a_form_has_time_for_it() -> None:
    def calls_open_modal(node: ast.AST) -> bool:
        return isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "open_modal"

    def names_opens_modal(node: ast.AST) -> bool:
        return isinstance(node, ast.Assign) and "opens_modal" in map(ast.unparse, chain(*map(ast.walk, node.targets)))

    asking = {
        f"{module_of(path)}.{item.name}": any(map(names_opens_modal, item.body))
        for path in SOURCES
        for item in ast.parse(path.read_text("utf-8")).body
        if isinstance(item, ast.ClassDef) and any(map(calls_open_modal, ast.walk(item)))
    }
    assert asking and all(asking.values()), asking
