"""A shard: the part of the gateway's events that one session receives."""

from dataclasses import dataclass
from typing import cast


@dataclass(frozen=True)
class Shard:
    """Shard `index` of `count`. It receives the events of its servers; shard 0 also receives those of DMs."""

    index: int = 0
    count: int = 1

    @classmethod
    def parse(cls, value: object) -> "Shard | None":
        """The shard of an identify payload, `[index, count]`; all events without one, None when it is invalid."""
        if value is None:
            return cls()
        if not isinstance(value, list) or len(cast("list[object]", value)) != 2:
            return None
        index, count = cast("list[object]", value)
        if not isinstance(index, int) or not isinstance(count, int) or not 0 <= index < count:
            return None
        return cls(index, count)

    def receives(self, guild_id: str | None) -> bool:
        """Whether this shard receives the events of a server; None for DMs."""
        return self.index == (0 if guild_id is None else (int(guild_id) >> 22) % self.count)
