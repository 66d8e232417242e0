"""The heartbeats of all connections: how often they are wanted, and how late the latest one was."""

from dataclasses import dataclass

HEARTBEAT_SECONDS = 41.25  # what Discord asks for


@dataclass
class HeartbeatStats:
    """One is wanted every `seconds`; `late` is by how many seconds more one let us wait, at the most."""

    seconds: float = HEARTBEAT_SECONDS
    count: int = 0
    late: float = 0.0

    def record(self, after: float) -> None:
        """A heartbeat, so many seconds after the one before (the first one after the greeting)."""
        self.count += 1
        self.late = max(self.late, after - self.seconds)
