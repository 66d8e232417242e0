"""The services that this package needs, as a Protocol, which the assembled program implements."""

from __future__ import annotations

from typing import Protocol

import aiosqlite

from bot.config import Settings
from bot.pictures.inputs import Inputs
from bot.requests.builder import RequestBuilder
from inference.messages import CheckpointSpec


class Services(Protocol):
    """What remixing, repainting and browsing need. A reload replaces settings, checkpoints and requests."""

    @property
    def connection(self) -> aiosqlite.Connection:
        """The database."""
        ...

    @property
    def settings(self) -> Settings:
        """The settings."""
        ...

    @property
    def checkpoints(self) -> tuple[CheckpointSpec, ...]:
        """The installed checkpoints."""
        ...

    @property
    def requests(self) -> RequestBuilder:
        """Builds requests from drafts."""
        ...

    @property
    def inputs(self) -> Inputs:
        """The pictures to start from."""
        ...
