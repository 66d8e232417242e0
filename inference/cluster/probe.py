"""Asks a cluster about itself, in a process of its own: who asks does not import Ray. The answer is a line of JSON.

    python -m inference.cluster.probe nodes HOST:PORT               its nodes
    python -m inference.cluster.probe reach HOST:PORT OWN_ADDRESS   from one of its nodes: whether the head reaches it
    python -m inference.cluster.probe reach-nodes HOST:PORT OWN_ADDRESS   from the head: whether the nodes reach it

The token is found as Ray finds it: by the environment, or in its file.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import ray  # pyright: ignore[reportMissingTypeStubs]
from pydantic import ValidationError
from ray._raylet import GcsClient  # pyright: ignore

from inference.cluster.compatibility import NodeHello, NodeIdentity
from inference.cluster.ray.words import in_our_words
from inference.cluster.views import (
    REPORT_PREFIX,
    STORE_NAMESPACE,
    ClusterView,
    NodeReached,
    NodeReport,
    NodesReached,
    NodeState,
    NodeView,
    ProbeProblem,
    ReachReport,
)

ASK_SECONDS = 10.0
REACH_SECONDS = 60.0  # the head starts a process for the answer
NODES_AT_ONCE = 64  # a node whose ports are closed lets no other one wait
ANSWER_BYTES = 1_000_000  # as many that Ray sends them from store to store, which needs ports open both ways
_CLOSED = f"an answer did not come within {REACH_SECONDS:.0f} seconds: ports between the two are closed"
_DRAINED = frozenset({"AUTOSCALER_DRAIN_PREEMPTED", "AUTOSCALER_DRAIN_IDLE"})

_ray = cast("Any", ray)
_errors = cast("Any", ray).exceptions


def nodes_of(address: str) -> ClusterView:
    """The nodes that the head knows. Raises Ray's errors."""
    head: Any = GcsClient(address=address)
    infos = head.get_all_node_info(timeout=ASK_SECONDS)
    keys = head.internal_kv_keys(REPORT_PREFIX, namespace=STORE_NAMESPACE, timeout=ASK_SECONDS)
    reports = [head.internal_kv_get(key, namespace=STORE_NAMESPACE, timeout=ASK_SECONDS) for key in keys]
    known = {report.node_id: report for report in map(_report, reports) if report is not None}
    found = sorted((_node(info, known) for info in infos.values()), key=lambda node: (not node.head, node.started_at))
    return ClusterView(ray=_ray.__version__, nodes=tuple(found))


def _report(data: bytes | None) -> NodeReport | None:
    try:
        return NodeReport.model_validate_json(data or b"")
    except ValidationError:
        return None


def _node(info: Any, reports: dict[str, NodeReport]) -> NodeView:
    node_id, labels = info.node_id.hex(), dict(info.labels)
    state, reason = NodeState.ALIVE, ""
    if info.state:  # 0 is alive
        death = info.death_info
        kind = type(death).Reason.Name(death.reason) if death.reason else ""
        state, reason = NodeState.DRAINED if kind in _DRAINED else NodeState.DEAD, death.reason_message[:500]
    elif info.state_snapshot.state == type(info.state_snapshot).DRAINING:
        state = NodeState.DRAINING
    return NodeView(
        node_id=node_id,
        name=info.node_name if info.node_name != info.node_manager_address else info.node_manager_hostname,
        address=info.node_manager_address,
        port=info.node_manager_port,
        head=info.is_head_node,
        state=state,
        reason=reason,
        devices=int(info.resources_total.get("GPU", 0)),
        accelerator=labels.get("ray.io/accelerator-type", ""),
        memory=int(info.resources_total.get("memory", 0)),
        started_at=info.start_time_ms / 1000,
        labels=labels,
        identity=NodeIdentity.of_labels(labels),
        report=reports.get(node_id),
    )


def _hello() -> tuple[str, bytes]:
    return NodeHello.own().model_dump_json(), bytes(ANSWER_BYTES)


def reach(address: str, own_address: str) -> ReachReport:
    """Let the head answer, from the node of this machine. Raises Ray's errors."""
    _connect(address, own_address)
    head = next(node for node in nodes_of(address).nodes if node.head)
    task = _question_to(head)
    _ray.get(task.remote(), timeout=REACH_SECONDS)  # starts a process there
    seconds, offset, identity = _measured(task, REACH_SECONDS)
    return ReachReport(seconds=seconds, clock_offset=offset, identity=identity)


def reach_nodes(address: str, own_address: str) -> NodesReached:
    """Let all nodes answer the head, on whose machine this runs. Raises Ray's errors."""
    _connect(address, own_address)
    alive = [node for node in nodes_of(address).nodes if node.state is NodeState.ALIVE and not node.head]
    with ThreadPoolExecutor(NODES_AT_ONCE) as threads:
        return NodesReached(reached=tuple(threads.map(_reached, alive)))


def _reached(node: NodeView) -> NodeReached:
    name, task = node.name or node.address, _question_to(node)
    try:
        _ray.get(task.remote(), timeout=REACH_SECONDS)  # starts a process there
        seconds, offset, identity = _measured(task, ASK_SECONDS)
    except _errors.GetTimeoutError:
        return NodeReached(name=name, problem=_CLOSED)
    except _errors.TaskUnschedulableError:
        return NodeReached(name=name, problem="it has been lost meanwhile")
    except _errors.RayError as problem:
        return NodeReached(name=name, problem=_in_our_words(problem))
    return NodeReached(name=name, seconds=seconds, clock_offset=offset, identity=identity)


def _connect(address: str, own_address: str) -> None:
    _ray.init(
        address=address,
        _node_ip_address=own_address,
        namespace="easel-probe",
        log_to_driver=False,
        configure_logging=False,
    )


def _question_to(node: NodeView) -> Any:
    return _ray.remote(_hello).options(num_cpus=0, max_retries=0, label_selector={"ray.io/node-id": node.node_id})


def _measured(task: Any, patience: float) -> tuple[float, float, NodeIdentity]:
    """Seconds to and fro, those that the clock there is ahead, and what it runs."""
    asked = time.time()
    told, _ = _ray.get(task.remote(), timeout=patience)
    answered = time.time()
    hello = NodeHello.model_validate_json(told)
    return answered - asked, hello.clock_offset(asked, answered), hello.identity


def _in_our_words(problem: BaseException) -> str:
    """Return the reason in our words. Ray's text goes to stderr, which the parent logs for debugging."""
    print(f"{type(problem).__name__}: {problem}", file=sys.stderr)
    return in_our_words(str(problem), "the cluster does not answer")


def main() -> None:
    """Answer one question."""
    parser = argparse.ArgumentParser(prog="python -m inference.cluster.probe")
    parser.add_argument("question", choices=["nodes", "reach", "reach-nodes"])
    parser.add_argument("address")
    parser.add_argument("own_address", nargs="?", default="")
    options = parser.parse_args()
    try:
        if options.question == "nodes":
            answer = nodes_of(options.address)
        else:
            ask = reach if options.question == "reach" else reach_nodes
            answer = ask(options.address, options.own_address)
    except _errors.AuthenticationError:
        answer = ProbeProblem(problem="the token is not that of this cluster", wrong_token=True)
    except _errors.GetTimeoutError:
        answer = ProbeProblem(problem=_CLOSED)
    except (_errors.RayError, OSError, RuntimeError, ValueError, StopIteration) as problem:
        said = _in_our_words(problem)
        if "timed out" in str(problem).lower():
            said = "the head listens and does not answer; where it uses TLS, RAY_USE_TLS has to be set here too"
        answer = ProbeProblem(problem=said)
    print(answer.model_dump_json(), flush=True)


if __name__ == "__main__":
    main()
