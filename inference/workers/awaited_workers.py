"""Workers of a cluster that are not there: still being started, or refused, as the driver process tells."""

from __future__ import annotations

from collections.abc import Iterable

from inference.cluster.node_labels import has_labels
from inference.cluster.protocol import WorkerRefused, WorkerStarting
from inference.workers import Unserved

NOBODY_PAINTS = "no node of the cluster generates pictures; `easel cluster status` lists the nodes"
NO_NODE_FITS = "no generating node has the node_labels of {checkpoint}; `easel doctor` lists the nodes"


class AwaitedWorkers:
    """Keeps what was told last of each worker that is not there."""

    def __init__(self) -> None:
        self._told: dict[int, WorkerStarting | WorkerRefused] = {}

    def keep(self, message: WorkerStarting | WorkerRefused) -> bool:
        """The worker is started or refused; whether that is news."""
        before, self._told[message.worker] = self._told.get(message.worker), message
        return before != message

    def forget(self, worker: int) -> None:
        """The worker is there, or has left."""
        self._told.pop(worker, None)

    def clear(self) -> None:
        """Nothing is known of any."""
        self._told.clear()

    def unserved(self, checkpoint: str | None = None, labels: Iterable[tuple[str, str]] = ()) -> Unserved:
        """Why none is there for a checkpoint with these labels of nodes, or for any checkpoint."""
        labels = tuple(labels)
        fitting = [told for told in self._told.values() if has_labels(told.labels, labels)]
        starting = sorted({told.node for told in fitting if isinstance(told, WorkerStarting)})
        if starting:
            return Unserved(f"the worker of {', '.join(starting)} is still being started"[:1000], starting=True)
        refused = next((told for told in reversed(fitting) if isinstance(told, WorkerRefused)), None)
        if refused is not None:
            return Unserved(f"the node {refused.node} gets no work: {refused.reason}")
        return Unserved(NOBODY_PAINTS if checkpoint is None else NO_NODE_FITS.format(checkpoint=checkpoint))
