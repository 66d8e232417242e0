"""constraints.txt pins what the extra `cluster` brings. Only where it is installed can that be seen."""

from __future__ import annotations

from tests.test_constraints import PROJECT, brought_by, names
from tools.constraints import CLUSTER


def test_what_the_extra_adds_is_pinned() -> None:
    extras = PROJECT["optional-dependencies"]
    everybody = brought_by(PROJECT["dependencies"] + extras["dev"])
    assert brought_by(PROJECT["dependencies"] + extras["dev"] + extras["cluster"]) - everybody == names(CLUSTER)
