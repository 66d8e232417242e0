"""A cluster as the driver process sees it: nodes with devices, and actors that it starts on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from inference.cluster.views import NodeReport


class ClusterLost(Exception):
    """The cluster cannot be reached; the message says why."""


class ActorLost(Exception):
    """The actor is dead, or was never started; the message says why."""


class ActorSilent(Exception):
    """The actor cannot be reached now. It may live."""


@dataclass(frozen=True)
class ClusterNode:
    """A node that is alive. `devices` is how many workers it has room for: its GPUs, which may be logical ones."""

    node_id: str
    name: str
    devices: int
    labels: Mapping[str, str] = field(default_factory=dict[str, str])


class Actor(Protocol):
    """An `EngineActor` on a node."""

    async def call(self, method: str, *arguments: object, seconds: float) -> Any:
        """Call a method. Raises ActorLost, ActorSilent (also when it takes longer), or what the method raised."""
        ...

    def kill(self) -> None:
        """End it at once, now or when it can be reached again."""
        ...


class Cluster(Protocol):
    """The nodes, and starting actors on them."""

    @property
    def version(self) -> str:
        """That of the program which keeps it."""
        ...

    def leave(self) -> None:
        """Leave it; the actors that were started end."""
        ...

    async def nodes(self) -> Sequence[ClusterNode]:
        """The nodes that are alive and are not being drained. Raises ClusterLost."""
        ...

    def start(self, node: ClusterNode) -> Actor:
        """Start an actor on this node and no other, with a device of its own. It waits while none is free."""
        ...

    async def report(self, report: NodeReport) -> None:
        """Leave what is known of a node where `easel cluster status` finds it. Raises ClusterLost."""
        ...
