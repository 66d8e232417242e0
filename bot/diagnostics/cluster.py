"""Whether this machine can be part of a cluster, and whether the machines of a cluster fit together."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path

from platformdirs import user_state_path

from bot.diagnostics.finding import Finding, FindingGrade
from bot.file_access import Need, why
from inference.cluster.compatibility import NodeIdentity, ray_problem, refusals
from inference.cluster.files import SharedStorage
from inference.cluster.network import AddressRefused, HostPort, answers, own_addresses, public_addresses
from inference.cluster.node_labels import has_labels
from inference.cluster.ray.node import (
    ProbeFailed,
    cluster_environment,
    cluster_view,
    nodes_reached,
    only_on_linux,
    reach_report,
)
from inference.cluster.socket_address import SocketAddress
from inference.cluster.tokens import TOKEN_VARIABLE, is_in_environment, token_file, token_problem
from inference.cluster.views import ClusterView, NodeReached, NodeView
from inference.cluster.wire import Connection

CLUSTER, NETWORK, TOKEN, VERSIONS = "cluster", "network", "cluster token", "cluster versions"
DRIVER, REACH, SHARED = "driver process", "ports and clock", "shared storage"
AS_ITS_ACCOUNT = "under its account, `easel doctor --cluster HOST:PORT` checks the nodes"
ADDRESS_VARIABLE = "RAY_ADDRESS"


def check_machine(*, public: bool, addresses: Sequence[str] | None = None) -> Iterator[Finding]:
    """What this machine lacks to be a node; `public` if the operator said that public addresses are wanted."""
    if (problem := only_on_linux()) is not None:
        yield Finding(CLUSTER, FindingGrade.PROBLEM, problem)
    if (problem := ray_problem()) is not None:
        yield Finding(CLUSTER, FindingGrade.PROBLEM, problem)
    else:
        yield Finding(CLUSTER, FindingGrade.OK, f"Ray {NodeIdentity.own().ray} is installed")
    found = public_addresses(own_addresses() if addresses is None else addresses)
    if not found:
        yield Finding(NETWORK, FindingGrade.OK, "this machine has only private addresses")
        return
    says = (
        f"this machine has the public address {', '.join(found)}, and Ray listens on all addresses of a machine; use "
        "a machine behind a firewall or on a private network"
    )
    if public:
        yield Finding(NETWORK, FindingGrade.WARNING, f"{says}, and close its ports to all but the other machines")
    else:
        yield Finding(NETWORK, FindingGrade.PROBLEM, f"{says}, or add --public if a firewall protects its ports")


async def check_head(
    head: HostPort, environment: Mapping[str, str], given: str = "by --token-file"
) -> AsyncIterator[Finding]:
    """Whether this machine fits the cluster at `head`. Only where Ray is installed.

    `given` says where another token is to stand.
    """
    if (problem := await asyncio.to_thread(answers, head)) is not None:
        yield Finding(NETWORK, FindingGrade.PROBLEM, problem)
        return
    yield Finding(NETWORK, FindingGrade.OK, f"the head at {head} answers")
    try:
        view = await cluster_view(head, environment)
    except ProbeFailed as problem:
        says = f"{problem}; use the head's, {given}" if problem.wrong_token else str(problem)
        yield Finding(TOKEN if problem.wrong_token else CLUSTER, FindingGrade.PROBLEM, says)
        return
    yield Finding(TOKEN, FindingGrade.OK, "matches the cluster")
    for finding in check_versions(view, NodeIdentity.own()):
        yield finding


async def check_cluster(
    address: str, token: Path | None = None, wanted: Mapping[str, Mapping[str, str]] | None = None
) -> AsyncIterator[Finding]:
    """Whether the cluster answers, this machine fits it, and each of its nodes does. `auto`: of this machine's node.

    `wanted` are the labels of nodes that each checkpoint of the settings asks for.
    """
    if (problem := ray_problem() or token_problem(token)) is not None:
        yield Finding(CLUSTER, FindingGrade.PROBLEM, problem)
        return
    try:
        head = head_of(address, "[cluster] address = ")
    except AddressRefused as problem:
        yield Finding(CLUSTER, FindingGrade.PROBLEM, str(problem))
        return
    file = token or (None if is_in_environment() else token_file())
    environment = cluster_environment(file)
    async for finding in check_head(head, environment, f"in {file or TOKEN_VARIABLE}"):
        yield finding
        if finding.what != VERSIONS and finding.grade is FindingGrade.PROBLEM:
            return
    with contextlib.suppress(ProbeFailed):
        view = await cluster_view(head, environment)
        for finding in (*check_nodes(view), *check_labels(view, wanted or {})):
            yield finding
        own = set(own_addresses())
        if view.head is not None and view.head.address in own:
            for finding in await check_nodes_reached(head, environment, view.head.address):
                yield finding
            return
        for address in sorted({node.address for node in view.present} & own):
            yield await check_reach(head, environment, address)


async def check_reach(head: HostPort, environment: Mapping[str, str], own_address: str) -> Finding:
    """Whether the head and the node of this machine reach each other, with clocks that agree."""
    try:
        report = await reach_report(head, environment, own_address)
    except ProbeFailed as problem:
        return Finding(REACH, FindingGrade.PROBLEM, _unreached(f"the head at {head}", "this machine", str(problem)))
    own = NodeIdentity.own()
    if problems := refusals(report.identity or own, own, -report.clock_offset):
        return _unfit("this machine", problems)
    return _in_reach(own_address, report.seconds)


async def check_nodes_reached(head: HostPort, environment: Mapping[str, str], own_address: str) -> list[Finding]:
    """Whether the head, which is on this machine, and each node reach each other, with clocks that agree."""
    try:
        nodes = await nodes_reached(head, environment, own_address)
    except ProbeFailed as problem:
        return [Finding(REACH, FindingGrade.PROBLEM, _unreached(f"the head at {head}", "its nodes", str(problem)))]
    return [_of_node(node, NodeIdentity.own()) for node in nodes]


def _of_node(node: NodeReached, own: NodeIdentity) -> Finding:
    if node.problem:
        return Finding(REACH, FindingGrade.PROBLEM, _unreached("the head", node.name, node.problem))
    if problems := refusals(own, node.identity or own, node.clock_offset):
        return _unfit(node.name, problems)
    return _in_reach(node.name, node.seconds)


def _unreached(head: str, other: str, problem: str) -> str:
    return (
        f"{head} and {other} do not reach each other: {problem}. Open all ports between the machines of the cluster, "
        "both ways, or fix them (docs/cluster.md says which)"
    )


def _unfit(machine: str, problems: Sequence[str]) -> Finding:
    says = "; ".join(f"{machine} does not fit the cluster: {problem}" for problem in problems)
    return Finding(REACH, FindingGrade.PROBLEM, says)


def _in_reach(other: str, seconds: float) -> Finding:
    return Finding(REACH, FindingGrade.OK, f"the head and {other} reach each other, in {seconds * 1000:.0f} ms")


async def check_driver(address: SocketAddress) -> Finding:
    """Whether a driver process that is a service of another account listens; who asks is refused and harms nothing."""
    try:
        await (await Connection.open(address)).close()
    except OSError as problem:
        says = f"no program listens at {address.text} ({problem.strerror or problem}); start the driver service"
        if problem.errno == errno.EACCES:
            path = Path(address.text.removeprefix("unix:"))
            says = f"{path} cannot be used: {why(problem, path, Need.SOCKET)}"
        return Finding(DRIVER, FindingGrade.PROBLEM, says)
    return Finding(DRIVER, FindingGrade.OK, f"listens at {address.text}; {AS_ITS_ACCOUNT}")


def check_shared(address: str) -> Finding:
    """Whether files can be looked for in the shared storage: nodes that find none there do not say so."""
    if (problem := SharedStorage(address).problem()) is None:
        return Finding(SHARED, FindingGrade.OK, "nodes look for files there first")
    says = f"{problem}; nodes that cannot read it either get all files from this machine"
    return Finding(SHARED, FindingGrade.WARNING, says)


def head_of(address: str, named_by: str) -> HostPort:
    """Where the head listens: as given, else as Ray's variable says or this machine's node.

    Raises AddressRefused, which says what it is `named_by`.
    """
    text = address if address not in {"", "auto"} else os.environ.get(ADDRESS_VARIABLE, "")
    if not text:
        try:
            text = head_file().read_text("ascii")
        except (OSError, ValueError):
            raise AddressRefused(f"this machine is in no cluster; give the head with {named_by}HOST:PORT") from None
    return HostPort.of(text).resolved()


def head_file() -> Path:
    """Where the address of the head is kept on each node."""
    return user_state_path("easel") / "cluster-head"


def check_versions(view: ClusterView, own: NodeIdentity) -> Iterator[Finding]:
    """Whether this machine runs what the head runs."""
    head = view.head
    if head is None:
        yield Finding(VERSIONS, FindingGrade.PROBLEM, "the head runs no node; see the log on its machine")
    elif head.identity is None:
        says = "the head was not started by `easel cluster up`, so its versions are compared when a worker starts"
        yield Finding(VERSIONS, FindingGrade.WARNING, says)
    elif problems := refusals(head.identity, own):
        for problem in problems:
            yield Finding(VERSIONS, FindingGrade.PROBLEM, f"this machine does not fit the cluster: {problem}")
    else:
        says = f"Python {own.python}, Easel {own.easel}, torch {own.torch} and Ray {own.ray}, same as the head"
        yield Finding(VERSIONS, FindingGrade.OK, says)


def check_nodes(view: ClusterView) -> Iterator[Finding]:
    """Whether each node runs what the head runs, what the driver process says of it, and whether any paints."""
    if (problem := nobody_paints(view)) is not None:
        yield Finding(CLUSTER, FindingGrade.WARNING, problem)
    for node in view.present:
        problems = reasons_of(node, view)
        grade = FindingGrade.PROBLEM if problems else FindingGrade.OK
        yield Finding(f"node {node.name or node.address}", grade, "; ".join(problems) or "fits")


def check_labels(view: ClusterView, wanted: Mapping[str, Mapping[str, str]]) -> Iterator[Finding]:
    """Which checkpoints no node paints, for the labels that they ask for."""
    for checkpoint, labels in wanted.items():
        if not any(has_labels(node.labels, labels.items()) for node in view.present if node.devices):
            asked = " and ".join(f"{name}={value}" for name, value in labels.items())
            says = (
                f"no generating node has the labels {asked} of its node_labels; join one with --label, or correct them"
            )
            yield Finding(f"checkpoint {checkpoint}", FindingGrade.PROBLEM, says)


def nobody_paints(view: ClusterView) -> str | None:
    """What to do where no node has a card; None where one has."""
    if any(node.devices for node in view.present):
        return None
    return "no node has a GPU, so no pictures are generated; join a node with a GPU, or give --gpus N to `join` or `up`"


def not_of_this_machine(address: str) -> str | None:
    """Why a node here cannot have this address; None where it can, or nobody knows the machine's."""
    own = own_addresses()
    if not own or str(ip_address(address)) in own:
        return None
    return f"{address} is not an address of this machine, which has {' and '.join(own)}"


def reasons_of(node: NodeView, view: ClusterView) -> tuple[str, ...]:
    """Why a node gets no work: as the driver process says, else by what the labels of node and head tell."""
    if node.report is not None and node.report.refused:
        return node.report.refused
    head = view.head.identity if view.head else None
    return refusals(head, node.identity) if head and node.identity else ()
