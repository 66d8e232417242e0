"""What is in memory of the checkpoints before whenever another one is opened."""

from __future__ import annotations

from threading import Event
from typing import Any
from weakref import ref

from inference.engine.intake.checkpoint_store import CheckpointStore
from inference.engine.models.checkpoints import Checkpoint, networks_of
from inference.engine.single.single_request import SingleRequestCheckpoint
from inference.messages.checkpoints import CheckpointSpec


class WatchedStore(CheckpointStore):
    """Tells at each opening which networks and weights of the checkpoints before are still alive."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.openings: list[tuple[str, list[str]]] = []
        self.opening = Event()  # from the second on
        self._held: list[tuple[str, ref[Any]]] = []

    def found(self, opened: str, alive: list[str]) -> None:
        """Hear of an opening."""
        self.openings.append((opened, alive))

    def _load(self, spec: CheckpointSpec, *, offloading: bool) -> Checkpoint | SingleRequestCheckpoint:
        alive = [name for name, held in self._held if held() is not None]
        self.found(spec.name, alive)
        if self._held:
            self.opening.set()
        checkpoint = super()._load(spec, offloading=offloading)
        for part, network in networks_of(checkpoint.pipeline).items():
            self._held += [(f"{spec.name} {part}.{name}", ref(each)) for name, each in network.named_modules()]
            self._held += [(f"{spec.name} {part}.{name}", ref(each)) for name, each in network.named_parameters()]
        return checkpoint
