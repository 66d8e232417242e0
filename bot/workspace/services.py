"""The services that this room asks for, as a type. The assembled program is one; a test may bring another."""

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
        """Makes requests of what people ask for."""
        ...

    @property
    def inputs(self) -> Inputs:
        """The pictures to start from."""
        ...
