"""What tests of several rooms share."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.house import House


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Commands that run in this process set up logging, which would deafen the tests after them."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def house(tmp_path) -> House:
    return House(tmp_path / "house")


@pytest.fixture(scope="module")
def shared_house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """One folder for all tests of a module: for those that only read it, or share a running worker."""
    return House(tmp_path_factory.mktemp("shared") / "house")
