"""The nodes of a cluster as `easel cluster status` tells them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from inference.cluster.compatibility import NodeIdentity

STORE_NAMESPACE, REPORT_PREFIX = b"easel", b"report:"  # of the key-value store of Ray's head
MAX_WORKERS = 64  # that are told of a node


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class WorkerReport(_View):
    """A worker of a node, as the driver process knows it."""

    device: Annotated[str, Field(max_length=200)] = ""
    memory: Annotated[int, Field(ge=0)] | None = None
    state: Annotated[str, Field(max_length=40)] = ""
    jobs: Annotated[int, Field(ge=0)] = 0
    checkpoints: Annotated[tuple[str, ...], Field(max_length=100)] = ()


class NodeReport(_View):
    """What the driver process says of a node: its workers, or why it gets no work.

    `silent` are the seconds without an answer of its workers, 0 where they answer: Ray finds out later.
    """

    node_id: Annotated[str, Field(min_length=1, max_length=64)]
    refused: Annotated[tuple[str, ...], Field(max_length=20)] = ()
    workers: Annotated[tuple[WorkerReport, ...], Field(max_length=MAX_WORKERS)] = ()
    silent: Annotated[int, Field(ge=0)] = 0


class NodeState(StrEnum):
    """How a node stands."""

    ALIVE = "alive"
    DRAINING = "draining"
    DRAINED = "drained"
    DEAD = "dead"


class NodeView(_View):
    """A node as Ray's head knows it. `identity` is None where it was not started by Easel."""

    node_id: str
    name: str = ""
    address: str = ""
    port: int = 0
    head: bool = False
    state: NodeState = NodeState.ALIVE
    reason: str = ""
    devices: int = 0
    accelerator: str = ""
    memory: int = 0
    started_at: float = 0.0
    labels: dict[str, str] = {}
    identity: NodeIdentity | None = None
    report: NodeReport | None = None

    def is_called(self, word: str) -> bool:
        """Whether a person means this node by `word`: its name, its address, or the beginning of its id."""
        return word in {self.name, self.address} or (len(word) >= 4 and self.node_id.startswith(word.lower()))


class ClusterView(_View):
    """All nodes that the head remembers, and the version of Ray that asked it."""

    ray: str = ""
    nodes: tuple[NodeView, ...] = ()

    @property
    def head(self) -> NodeView | None:
        """The node of the head, if it is alive."""
        return next((node for node in self.nodes if node.head and node.state is not NodeState.DEAD), None)

    @property
    def present(self) -> tuple[NodeView, ...]:
        """The nodes that are not gone."""
        return tuple(node for node in self.nodes if node.state in {NodeState.ALIVE, NodeState.DRAINING})

    @property
    def listed(self) -> tuple[NodeView, ...]:
        """The nodes that `status` lists: those present, and the last one of each machine that left and is not back."""
        back = {(node.name, node.address) for node in self.present}
        gone = {(node.name, node.address): node.node_id for node in self.nodes if node not in self.present}
        last = {node_id for machine, node_id in gone.items() if machine not in back}
        return tuple(node for node in self.nodes if node in self.present or node.node_id in last)

    def called(self, word: str) -> tuple[NodeView, ...]:
        """The nodes that a person means, those that are gone left out."""
        return tuple(node for node in self.present if node.is_called(word))


class ReachReport(_View):
    """How a node reaches the head, and the head the node: seconds to and fro, and those the head's clock is ahead."""

    seconds: float
    clock_offset: float
    identity: NodeIdentity | None = None


class NodeReached(_View):
    """How the head reaches a node, whose clock is so many seconds ahead of the head's; or why it does not."""

    name: str
    seconds: float = 0.0
    clock_offset: float = 0.0
    identity: NodeIdentity | None = None
    problem: str = ""


class NodesReached(_View):
    """How the head reaches all nodes that are alive."""

    reached: tuple[NodeReached, ...]


class ProbeProblem(_View):
    """Why a question to the cluster was not answered."""

    problem: Annotated[str, Field(max_length=2000)]
    wrong_token: bool = False
