"""What staff have set in each server, read from the database once and again after each change."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.database.database import Database
from bot.database.people.blocks import LORA_BLOCKS, Block
from bot.database.servers.limits import SHARED_LIMITS, HeldLimits
from bot.database.servers.settings import ServerSettings, find_server_settings

MOST_SERVERS = 5000  # kept in memory


@dataclass(frozen=True)
class ServerSetup:
    """What holds in a server for everybody: settings, limits but those of single people, blocks of LoRAs by entry."""

    settings: ServerSettings
    limits: Sequence[HeldLimits]
    lora_blocks: Mapping[int, Block]


class ServerCache:
    """The setups of servers. Whoever writes one calls `forget` after the commit."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._setups: OrderedDict[int, ServerSetup] = OrderedDict()
        self._changes = 0

    async def of(self, server_id: int) -> ServerSetup:
        """The setup of a server; that of EVERYWHERE has the operators' blocks alone. Raises DatabaseError."""
        setup = self._setups.get(server_id)
        if setup is not None:
            self._setups.move_to_end(server_id)
            return setup
        before = self._changes
        setup = ServerSetup(
            await find_server_settings(self._db, server_id),
            await self._db.all(SHARED_LIMITS, server_id),
            {block.target_id: block for block in await self._db.all(LORA_BLOCKS, server_id)},
        )
        if self._changes == before:  # else what was read may be older than what was written meanwhile
            self._setups[server_id] = setup
            while len(self._setups) > MOST_SERVERS:
                self._setups.popitem(last=False)
        return setup

    def forget(self, server_id: int) -> None:
        """Read this server's setup again the next time."""
        self._changes += 1
        self._setups.pop(server_id, None)
