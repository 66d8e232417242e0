"""What is not there, or not any more."""

from __future__ import annotations

from dataclasses import dataclass

from inference.errors import RequestError


@dataclass(eq=False)
class NothingThere(RequestError):
    """{what}"""

    what: str
