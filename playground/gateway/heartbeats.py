"""Statistics of the heartbeats of all connections."""

from dataclasses import dataclass

HEARTBEAT_SECONDS = 41.25  # what Discord asks for


@dataclass
class HeartbeatStats:
    """A heartbeat is expected every `seconds`; `late` is the largest delay in seconds."""

    seconds: float = HEARTBEAT_SECONDS
    count: int = 0
    late: float = 0.0

    def record(self, after: float) -> None:
        """Count a heartbeat, `after` seconds after the previous one (or after HELLO)."""
        self.count += 1
        self.late = max(self.late, after - self.seconds)
