"""One finding about a machine or a set of settings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FindingGrade(StrEnum):
    """The grade of a finding: fine, worth a look, or blocking."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """What was checked, its grade, and a sentence that says what was found and what to do."""

    what: str
    grade: FindingGrade
    says: str
