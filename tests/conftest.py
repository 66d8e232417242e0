"""What tests of several rooms share."""

from __future__ import annotations

import pytest

from tests.house import House


@pytest.fixture
def house(tmp_path) -> House:
    return House(tmp_path / "house")


@pytest.fixture(scope="module")
def shared_house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """One folder for all tests of a module: for those that only read it, or share a running worker."""
    return House(tmp_path_factory.mktemp("shared") / "house")
