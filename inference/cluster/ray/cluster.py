"""The cluster that Ray runs, in the driver process."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from threading import Thread
from typing import Any

from inference.cluster.actor import EngineActor
from inference.cluster.network import HostPort, answers
from inference.cluster.nodes import Actor, ActorLost, ActorSilent, ClusterLost, ClusterNode
from inference.cluster.ray.words import in_our_words
from inference.cluster.reports import publish
from inference.cluster.views import NodeReport

NAMESPACE = "easel"
CALLS = 1000  # of one actor at a time: a call that waits for something to tell, and pieces of files
LOST = "the cluster cannot be reached"
NODES_SECONDS = 10.0  # that the head may take to name the nodes

# Untyped, and missing where the extra is not installed.
_ray: Any = import_module("ray")
_errors: Any = import_module("ray.exceptions")
_raylet: Any = import_module("ray._raylet")
_services: Any = import_module("ray._private.services")
_state: Any = import_module("ray._private.state").state  # Ray Serve asks it for draining nodes too


class RayActor:
    """Implements `inference.cluster.nodes.Actor`."""

    def __init__(self, node: ClusterNode) -> None:
        # Ray does not start it again: that is done here, by the rule of the workers on the bot's machine.
        options = _ray.remote(EngineActor).options(
            num_gpus=1,
            num_cpus=0,
            max_restarts=0,
            max_task_retries=0,
            max_concurrency=CALLS,
            label_selector={"ray.io/node-id": node.node_id},
        )
        self._handle = options.remote()

    async def call(self, method: str, *arguments: object, seconds: float) -> Any:
        """Call a method. Raises ActorLost, ActorSilent, or what the method raised."""
        try:
            async with asyncio.timeout(seconds):
                return await getattr(self._handle, method).remote(*arguments)
        except TimeoutError:
            raise ActorSilent(f"it has not answered for {seconds:.0f} seconds") from None
        except _errors.ActorUnavailableError as problem:
            raise ActorSilent(in_our_words(str(problem), "the connection to it is interrupted")) from None
        except _errors.RayTaskError as problem:
            raise problem.cause or ActorLost(in_our_words(str(problem), "it failed while it answered")) from None
        except _errors.RayError as problem:
            raise ActorLost(in_our_words(str(problem), "its process has ended")) from None

    def kill(self) -> None:
        """End it at once, now or when it can be reached again; a thread waits for Ray."""
        Thread(target=_ended, args=(self._handle,), daemon=True).start()


def _ended(handle: Any) -> None:
    with suppress(_errors.RayError, RuntimeError, ValueError):  # it is dead already, or the cluster is
        _ray.kill(handle)


class RayCluster:
    """Implements `inference.cluster.nodes.Cluster`. Made once in a process, which Ray ends 60 s after a dead head."""

    def __init__(self, address: str) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        _refuse_another_token(address)
        asked_to_end = signal.getsignal(signal.SIGTERM)
        try:
            _ray.init(
                address=address,
                namespace=NAMESPACE,
                log_to_driver=False,
                configure_logging=False,
                include_dashboard=False,
            )
        except (_errors.RayError, OSError, RuntimeError, ValueError) as problem:  # ConnectionError is an OSError
            raise ClusterLost(in_our_words(str(problem), LOST)) from None
        finally:
            signal.signal(signal.SIGTERM, asked_to_end)  # Ray's would end this process in the middle of its work

    @property
    def version(self) -> str:
        """Ray's version."""
        return _ray.__version__

    async def nodes(self) -> Sequence[ClusterNode]:
        """The nodes that are alive and are not being drained. Raises ClusterLost."""
        try:
            async with asyncio.timeout(NODES_SECONDS):
                return await asyncio.to_thread(self._nodes)
        except TimeoutError:
            raise ClusterLost("the head does not answer") from None
        except (_errors.RayError, RuntimeError, OSError) as problem:
            raise ClusterLost(in_our_words(str(problem), LOST)) from None

    def _nodes(self) -> list[ClusterNode]:
        draining = _state.get_draining_nodes()
        return [
            ClusterNode(
                node_id=node["NodeID"],
                name=_name(node),
                devices=int(node["Resources"].get("GPU", 0)),
                labels=dict(node.get("Labels") or {}),
            )
            for node in _ray.nodes()
            if node["Alive"] and node["NodeID"] not in draining
        ]

    def start(self, node: ClusterNode) -> Actor:
        """Start an actor on this node and no other. It waits while no device is free."""
        return RayActor(node)

    async def report(self, report: NodeReport) -> None:
        """Leave what is known of a node in the memory of the head. Raises ClusterLost."""
        try:
            await asyncio.to_thread(publish, report)
        except (_errors.RayError, RuntimeError, OSError) as problem:
            raise ClusterLost(in_our_words(str(problem), LOST)) from None

    def leave(self) -> None:
        """Leave the cluster; the actors that were started end."""
        _ray.shutdown()


def _refuse_another_token(address: str) -> None:
    """Raise ClusterLost where the head refuses the token, or is not there: Ray tries for a minute, and tells no reason.

    `init` tells what else there is.
    """
    with suppress(_errors.RayError, OSError, RuntimeError, ValueError):  # AddressRefused is a ValueError
        head = HostPort.of(_services.canonicalize_bootstrap_address(address))
        if problem := answers(head):
            raise ClusterLost(problem)
        try:
            _raylet.GcsClient(address=str(head)).get_all_node_info(timeout=NODES_SECONDS)
        except _errors.AuthenticationError:
            says = "the token is not that of this cluster; give this account the one that the head has"
            raise ClusterLost(says) from None


def _name(node: dict[str, Any]) -> str:
    """As it was named when it was started, else the name of its machine; Ray's own default is its address."""
    address = node["NodeManagerAddress"]
    told = (node.get("NodeName"), node["NodeManagerHostname"])
    return next((name for name in told if name and name != address), address)
