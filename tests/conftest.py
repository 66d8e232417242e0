"""What tests of several rooms share."""

from __future__ import annotations

import gc
import logging
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.house import House

# What starts workers takes longest. Begun last, one of its files would keep one process busy while the others are done.
LONGEST_FIRST = ("discord", "inference/workers", "inference/engine", "bot/cli", "bot", "demo")

# The same examples in every run, and however long a busy machine takes for one: who looks for new ones passes
# --hypothesis-profile=default or runs `make fuzz`.
settings.register_profile("steady", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None]:
    """What is imported for the tests stays: looking through it again and again is a quarter of the collecting."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the folders that take longest in front; within a folder the order stays."""
    folders = [str(Path(__file__).parent / folder) for folder in LONGEST_FIRST]

    def place(item: pytest.Item) -> int:
        return next((n for n, folder in enumerate(folders) if item.path.is_relative_to(folder)), len(folders))

    items.sort(key=place)


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Commands that run in this process set up logging, which would deafen the tests after them."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(scope="session")
def classifiers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of a classifier of each library, which tells red demo pictures from blue ones."""
    from tests.classifiers import MADE  # torch takes seconds

    return {library: make(tmp_path_factory.mktemp("classifiers") / library) for library, make in MADE.items()}


@pytest.fixture(scope="session")
def text_judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a text judge that knows two invented words."""
    from tests import text_judges  # torch takes seconds

    return text_judges.text_judge(tmp_path_factory.mktemp("text judge") / "judge")


@pytest.fixture
def house(tmp_path) -> House:
    return House(tmp_path / "house")


@pytest.fixture(scope="module")
def shared_house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """One folder for all tests of a module: for those that only read it, or share a running worker."""
    return House(tmp_path_factory.mktemp("shared") / "house")
