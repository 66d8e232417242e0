"""`cluster up | join | status | drain`: more machines, by Ray's own commands."""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from collections.abc import Coroutine, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table

from bot.cli import DONE, REFUSED, UNUSABLE, harmless, port
from bot.cli.cluster.node import MachineRefused, join, sentence, up
from bot.cli.terminal.ending import Ended, until_asked
from bot.cli.terminal.output import Output
from bot.diagnostics.cluster import ADDRESS_VARIABLE, head_of, nobody_paints, reasons_of
from inference.cluster.compatibility import NodeIdentity, ray_problem
from inference.cluster.network import DEFAULT_PORT, AddressRefused, HostPort, answers
from inference.cluster.ray.node import ProbeFailed, cluster_environment, cluster_view, drain
from inference.cluster.tokens import is_in_environment, token_file, token_problem
from inference.cluster.views import ClusterView, NodeState, NodeView

if TYPE_CHECKING:
    from bot.cli import Commands

DRAIN_LOOK_SECONDS = 3.0
_LABEL = re.compile(r"([A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?)=([A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?)", re.ASCII)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = (
        "Generate on several machines, with Ray. A cluster is one trust domain: each machine can run "
        "any program on every other one."
    )
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    _add_up(actions)
    _add_join(actions)
    status = actions.add_parser(
        "status",
        help="list nodes with devices, memory, versions and jobs",
        description="List the nodes of a cluster with devices, memory, versions and jobs. It shows which nodes "
        "get no work.",
    )
    _add_head(status)
    status.add_argument("--json", action="store_true", help="print one JSON object")
    status.set_defaults(run=run_status)
    drained = actions.add_parser(
        "drain",
        help="let a node hand over its jobs and leave",
        description="Let a node leave the cluster. It gets no new jobs. Its running jobs resume on other nodes "
        "from their current step.",
    )
    drained.add_argument("node", metavar="NODE", help="name, address, or beginning of the id of the node")
    _add_head(drained)
    drained.add_argument("--no-wait", action="store_true", help="do not wait until the node has left")
    drained.set_defaults(run=run_drain)


def _add_up(actions: Commands) -> None:
    parser = actions.add_parser(
        "up",
        help="start the first node here, and print the join command",
        description="Start the first node of a cluster on this machine, and print the join command for others. "
        "The cluster ends when this command ends.",
    )
    parser.add_argument(
        "--port", type=_named_port, default=DEFAULT_PORT, help=f"where it listens (default: {DEFAULT_PORT})"
    )
    parser.add_argument("--dashboard", action="store_true", help="start Ray's dashboard; needs ray[default]")
    _add_node_options(parser)
    parser.set_defaults(run=run_up)


def _add_join(actions: Commands) -> None:
    parser = actions.add_parser(
        "join",
        help="make this machine a node of a cluster",
        description="Make this machine a node of a cluster until you end or drain it. Incompatible machines are "
        "refused with the reason. If the head is lost, the node joins again.",
    )
    parser.add_argument("head", metavar="HOST:PORT", help="address of the head, as `cluster up` prints it")
    parser.add_argument("--token-file", metavar="FILE", help="file with the cluster's token; - reads it from stdin")
    _add_node_options(parser)
    parser.set_defaults(run=run_join)


def _add_node_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--address", metavar="IP", help="address where other machines reach this machine")
    parser.add_argument("--name", default="", help="name of the node (default: the machine's name)")
    parser.add_argument("--gpus", type=_count, metavar="N", help="number of GPUs to use (default: all)")
    parser.add_argument(
        "--memory-gb",
        type=_count,
        metavar="N",
        help="memory of each card (default: the reported memory of the smallest)",
    )
    parser.add_argument(
        "--label", action="append", default=[], dest="labels", type=_label, metavar="NAME=VALUE",
        help="a label; checkpoints in the settings choose their nodes by labels",
    )  # fmt: skip
    parser.add_argument(
        "--share-cards", action="store_true",
        help="allow a second node on this machine, with other cards (CUDA_VISIBLE_DEVICES) or for a test",
    )  # fmt: skip
    parser.add_argument("--public", action="store_true", help="allow public addresses; a firewall must protect them")
    parser.add_argument(
        "--ray-option", action="append", default=[], dest="ray_options", metavar="OPTION",
        help="additional option for `ray start`, such as --ray-option=--object-manager-port=8076",
    )  # fmt: skip


def _add_head(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--head",
        metavar="HOST:PORT",
        help=f"the head (default: {ADDRESS_VARIABLE}, else that of this machine's node)",
    )


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 5):
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is not a whole number such as 2.")
    return int(text)


def _named_port(text: str) -> int:
    if not port(text):
        raise argparse.ArgumentTypeError("Give a port. Other machines need the same port after a restart.")
    return port(text)


def _label(text: str) -> tuple[str, str]:
    if (found := _LABEL.fullmatch(text)) is None:
        raise argparse.ArgumentTypeError("A label is NAME=VALUE, with letters, digits, dots and dashes: gpu=24gb.")
    return found[1], found[2]


def run_up(options: argparse.Namespace) -> int:
    """Start the head."""
    return _until_ended(up(options))


def run_join(options: argparse.Namespace) -> int:
    """Be a node."""
    return _until_ended(join(options))


def _until_ended(work: Coroutine[Any, Any, int]) -> int:
    try:
        return asyncio.run(until_asked(work))
    except MachineRefused as problem:
        print(problem, file=sys.stderr)
        return REFUSED
    except Ended:
        return DONE


def run_status(options: argparse.Namespace) -> int:
    """Tell the nodes; 1 where one of them gets no work."""
    asked = _asked(options)
    if isinstance(asked, int):
        return asked
    head, view = asked
    refused = {node.node_id: reasons_of(node, view) for node in view.present}
    if options.json:
        print(view.model_dump_json())
    else:
        print(f"Ray {view.ray} at {head}")
        Output(markup=False, emoji=False).print(_table(view))
        for line in (*_versions(view), *_notes(view, refused)):
            print(harmless(line))
    return REFUSED if any(refused.values()) else DONE


def run_drain(options: argparse.Namespace) -> int:
    """Drain a node, and wait until it has left."""
    asked = _asked(options)
    if isinstance(asked, int):
        return asked
    head, view = asked
    found = view.called(options.node)
    if len(found) != 1:
        print(harmless(f"{'No' if not found else 'More than one'} node is called {options.node}."), file=sys.stderr)
        return REFUSED
    (node,) = found
    if node.head:
        print("This is the head. To end the whole cluster, end its `easel cluster up`.", file=sys.stderr)
        return REFUSED
    try:
        return asyncio.run(until_asked(_drain(node, head, wait=not options.no_wait)))
    except Ended:
        return DONE


async def _drain(node: NodeView, head: HostPort, *, wait: bool) -> int:
    environment = _environment()
    name = harmless(node.name or node.address)
    if node.state is NodeState.ALIVE:
        problem = await drain(node.node_id, head, environment, "drained by its operator")
        if problem is not None:
            print(harmless(f"Ray cannot drain it: {problem}."), file=sys.stderr)
            return REFUSED
    print(f"{name} gets no new jobs. Its jobs resume on other nodes, and it leaves.", flush=True)
    while wait:
        try:
            view = await cluster_view(head, environment)
        except ProbeFailed as problem:
            print(harmless(f"The cluster no longer responds: {problem}."), file=sys.stderr)
            return REFUSED
        if all(
            each.node_id != node.node_id or each.state in {NodeState.DRAINED, NodeState.DEAD} for each in view.nodes
        ):
            print(f"{name} has left the cluster.")
            break
        await asyncio.sleep(DRAIN_LOOK_SECONDS)
    return DONE


def _environment() -> Mapping[str, str]:
    return cluster_environment(None if is_in_environment() else token_file())


def _asked(options: argparse.Namespace) -> tuple[HostPort, ClusterView] | int:
    """The head, and what it knows; else the exit code, when it was said why not."""
    problem = ray_problem()
    if problem is None:
        try:
            head = head_of(options.head or "", "--head ")
            problem = token_problem() or answers(head)
            if problem is None:
                return head, asyncio.run(cluster_view(head, _environment()))
        except (AddressRefused, ProbeFailed) as refused:
            problem = str(refused)
    print(harmless(sentence(problem)), file=sys.stderr)
    return UNUSABLE


def _table(view: ClusterView) -> Table:
    table = Table("node", "state", "address", "devices", "memory", "jobs", box=box.SIMPLE)
    for node in view.listed:
        name = f"{node.name or node.node_id[:8]}{' (head)' if node.head else ''}"
        memory = f"{node.memory / 1e9:.0f} GB"
        table.add_row(*map(harmless, (name, _state(node), node.address, _devices(node), memory, _jobs(node))))
    return table


def _state(node: NodeView) -> str:
    """As Ray knows it; of a node that is cut off the driver process knows more than Ray."""
    silent = node.report.silent if node.report and node.state is NodeState.ALIVE else 0
    return f"no response for {silent} s" if silent else str(node.state)


def _versions(view: ClusterView) -> Iterator[str]:
    """What the nodes run; in one line when all run the same."""
    told = {node.node_id: _said(node.identity) for node in view.present}
    if len(set(told.values())) == 1:
        yield f"All nodes run {next(iter(told.values()))}."
        return
    for node in view.present:
        yield f"{node.name or node.address} runs {told[node.node_id]}."


def _said(identity: NodeIdentity | None) -> str:
    if identity is None:
        return "versions that only the driver process can query"
    return f"Easel {identity.easel}, torch {identity.torch}, Python {identity.python}"


def _devices(node: NodeView) -> str:
    if node.report and node.report.workers:
        told = (
            f"{each.device} {each.memory / 1e9:.0f} GB" if each.memory else each.device for each in node.report.workers
        )
        return ", ".join(told)
    return f"{node.devices} {node.accelerator or 'GPU'}" if node.devices else "none"


def _jobs(node: NodeView) -> str:
    if node.report is None or node.state in {NodeState.DRAINED, NodeState.DEAD}:
        return "-"
    return str(sum(worker.jobs for worker in node.report.workers))


def _notes(view: ClusterView, refused: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    if (problem := nobody_paints(view)) is not None:
        yield sentence(problem)
    for node in view.listed:
        name = node.name or node.address
        if node.state is NodeState.DEAD and node.reason:
            yield f"{name} is dead: {node.reason}"
        for reason in refused.get(node.node_id, ()):
            yield f"{name} gets no work: {reason}."
