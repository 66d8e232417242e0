"""`cluster up` and `cluster join`: a node of a cluster on this machine, until it is ended."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import getpass
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.cli import DONE, REFUSED
from bot.diagnostics.cluster import (
    check_head,
    check_machine,
    check_reach,
    head_file,
    not_of_this_machine,
)
from bot.diagnostics.facts import cards_of_driver
from bot.diagnostics.finding import Finding, FindingGrade
from bot.diagnostics.nvidia_smi import Card
from bot.program import program
from inference.cluster.compatibility import NodeIdentity
from inference.cluster.network import (
    AddressRefused,
    HostPort,
    answers,
    is_address,
    is_of_this_machine_alone,
    is_public,
    own_address_towards,
    own_addresses,
)
from inference.cluster.node_labels import KEY
from inference.cluster.ray.node import (
    NodeOptions,
    ProbeFailed,
    RayNode,
    cluster_environment,
    cluster_view,
    drain,
)
from inference.cluster.ray.raylets import with_the_cards
from inference.cluster.tokens import (
    MAX_TOKEN_BYTES,
    TokenRefused,
    checked_token,
    is_in_environment,
    new_token,
    read_token,
    token_file,
    write_token,
)
from inference.cluster.views import NodeState, NodeView

TRUST = (
    "A cluster is one trust domain. Each machine, and anyone with the token, can run any program "
    "on every machine. Join only machines that you own. Run the bot and its database under "
    "another account or on another machine."
)
ANYWHERE = "10.255.255.255"  # nothing is sent there; the way tells which address this machine has
LOOK_SECONDS, LOOKS = 5.0, 2  # between two looks at whether the node is still there, of which so many fail
START_SECONDS = 120.0
LEAVING_LOOK_SECONDS, HAND_ON_SECONDS = 0.5, 30.0  # while a node that is ended hands its jobs on
PAUSE_SECONDS = 10.0  # before a node joins again
FREE_SECONDS = 15.0  # in which another node of this machine, which is ending, gives its cards up


def sentence(problem: str) -> str:
    """What is said of a problem, as a sentence of its own."""
    return f"{problem[:1].upper()}{problem[1:]}."


class MachineRefused(Exception):
    """This machine cannot be a node; the message says why and what to do."""


@dataclass(frozen=True)
class _Node:
    """A node that runs."""

    process: RayNode
    view: NodeView


async def up(options: argparse.Namespace) -> int:
    """Start the head, and tell how a second machine joins. Raises MachineRefused."""
    _check_machine(public=options.public)
    address = _own_address(options.address or own_address_towards(ANYWHERE), public=options.public)
    head = HostPort(address, options.port)
    file = _own_token()
    if answers(head) is None:
        raise MachineRefused(f"Another program already listens at {head}. End it, or choose another port with --port.")
    node_options = _node_options(options, address)
    environment = cluster_environment(file)
    node = await _start(node_options, node_options.head_command(head.port), head, environment)
    try:
        remember(head)
        print(invitation(head, file), flush=True)
        _tell_of_no_card(options.gpus, node)
        await node.process.wait()
        print(f"Ray has ended: {node.process.problem}.", file=sys.stderr)
        return REFUSED
    finally:
        await node.process.stop()


async def join(options: argparse.Namespace) -> int:
    """Join the cluster of another machine, again and again, until this is ended or drained. Raises MachineRefused."""
    print(TRUST, flush=True)
    _check_machine(public=options.public)
    try:
        head = HostPort.of(options.head).resolved()
    except AddressRefused as problem:
        raise MachineRefused(sentence(str(problem))) from None
    if is_public(head.host) and not options.public:
        raise MachineRefused(f"{head} is a public address. Join over a private network, or add --public.")
    address = _own_address(options.address or own_address_towards(head.host), public=options.public)
    environment = cluster_environment(_given_token(options.token_file))
    while True:
        await _check_head(head, environment)
        node_options = _node_options(options, address)
        node = await _start(node_options, node_options.join_command(head), head, environment)
        try:
            _refuse_problems([await check_reach(head, environment, address)])
            remember(head)
            print(f"This machine has joined {head} as {node.view.name or address}.", flush=True)
            _tell_of_no_card(options.gpus, node)
            await _until_gone(node, LOOK_SECONDS)
        except asyncio.CancelledError:
            await _hand_on(node, head, environment)
            raise
        finally:
            await node.process.stop()
        if not await _has_left(node_options.key, head, environment):
            print("The connection to the cluster was lost. This machine joins again as soon as possible.", flush=True)
            await _until_answers(head, environment)
            if not await _has_left(node_options.key, head, environment):  # a busy head may not have answered before
                continue
        print("This machine was drained and has left the cluster.")
        return DONE


def _tell_of_no_card(wanted: int | None, node: _Node) -> None:
    if wanted is None and not node.view.devices:
        print(
            "Ray finds no GPU here, so this machine cannot generate. Set the number of GPUs with --gpus N.",
            flush=True,
        )


def _node_options(options: argparse.Namespace, address: str) -> NodeOptions:
    return NodeOptions(
        address,
        options.name,
        options.gpus,
        getattr(options, "dashboard", False),
        options.memory_gb or _card_gigabytes(cards_of_driver()),
        dict(options.labels),
        options.ray_options,
        options.share_cards,
    )


def _card_gigabytes(cards: Sequence[Card]) -> int | None:
    """The memory of the smallest card, rounded: a card of 24 GB tells somewhat less."""
    sizes = [card.total for card in cards if card.total]
    return round(min(sizes) / 2**30) if sizes else None


def _check_machine(*, public: bool) -> None:
    _refuse_problems(check_machine(public=public))


async def _check_head(head: HostPort, environment: Mapping[str, str]) -> None:
    _refuse_problems([finding async for finding in check_head(head, environment)])


def _refuse_problems(findings: Iterable[Finding]) -> None:
    problems = [finding.says for finding in findings if finding.grade is FindingGrade.PROBLEM]
    if problems:
        raise MachineRefused("\n".join(map(sentence, problems)))


def _own_address(address: str | None, *, public: bool) -> str:
    if address is None:
        raise MachineRefused(
            "This machine has no network connection to the others. Connect it, or set its address with --address."
        )
    if not is_address(address):
        raise MachineRefused(f"{address} is not an address. Give a numeric one with --address, such as 10.0.0.5.")
    if is_of_this_machine_alone(address):
        raise MachineRefused(f"{address} cannot be reached by other machines. Give a private address with --address.")
    if is_public(address) and not public:
        raise MachineRefused(f"{address} is a public address. Give a private address with --address, or add --public.")
    if (problem := not_of_this_machine(address)) is not None:
        raise MachineRefused(sentence(problem))
    return address


def _own_token() -> Path | None:
    """The file with the token of the cluster, made where there is none; None: the environment has the token."""
    if is_in_environment():
        return None
    file = token_file()
    try:
        if read_token(file) is None:
            write_token(file, new_token())
    except TokenRefused as problem:
        raise MachineRefused(sentence(str(problem))) from None
    except OSError as problem:
        raise MachineRefused(f"{file} cannot be used: {problem.strerror}.") from None
    return file


def _given_token(given: str | None) -> Path | None:
    """The file with the token that the operator gave: in a file, on stdin (`-`), earlier, or now at the terminal."""
    if given is None and is_in_environment():
        return None
    file = token_file()
    try:
        if given not in {None, "-"}:
            named = Path(given or "")
            if read_token(named) is None:
                raise MachineRefused(f"There is no file {named}.")
            return named.resolve()
        if given is None and read_token(file) is not None:
            return file
        if sys.stdin is None or (given is None and not sys.stdin.isatty()):  # pyright: ignore (None: it was closed)
            raise MachineRefused("There is no token. Give it with --token-file FILE, or with --token-file - on stdin.")
        typed = given is None
        text = getpass.getpass("Token of the cluster: ") if typed else sys.stdin.readline(MAX_TOKEN_BYTES + 2)
        if not text.strip():
            raise MachineRefused("The token is empty. If a command provides it, check the output of that command.")
        write_token(file, checked_token(text.strip()))
    except TokenRefused as problem:
        raise MachineRefused(sentence(str(problem))) from None
    except OSError as problem:
        raise MachineRefused(f"The token cannot be read or kept: {problem.strerror or problem}.") from None
    return file


async def _start(options: NodeOptions, command: list[str], head: HostPort, environment: Mapping[str, str]) -> _Node:
    """Start a node and wait until the head has it. Raises MachineRefused."""
    await _refuse_shared_cards(options, FREE_SECONDS)
    process = await RayNode.start(command, environment)
    try:
        async with asyncio.timeout(START_SECONDS):
            while not process.ended:
                if (view := await _own_node(options.key, head, environment)) is not None:
                    await _refuse_shared_cards(options)
                    return _Node(process, view)
                await asyncio.sleep(1.0)
        await process.wait()
    except TimeoutError:
        await process.stop()
        raise MachineRefused(f"Ray did not start within {START_SECONDS:.0f} seconds: {process.problem}.") from None
    except BaseException:
        await process.stop()
        raise
    raise MachineRefused(f"Ray could not be started: {process.problem}.")


async def _refuse_shared_cards(options: NodeOptions, seconds: float = 0) -> None:
    """Refuse where another node of this machine has its cards, and keeps them so long."""
    if options.shares_cards or options.devices == 0:
        return
    addresses, last = {options.address, *own_addresses()}, time.monotonic() + seconds
    while (other := await asyncio.to_thread(with_the_cards, addresses, options.key)) is not None:
        if time.monotonic() >= last:
            raise MachineRefused(
                f"A node of the cluster at {other.head} runs on this machine already (process {other.pid}) and has its "
                "graphics cards; two nodes would overfill their memory. End that node. Or give "
                "--gpus 0 for a node that does not generate, or --share-cards if each node sees other cards."
            )
        await asyncio.sleep(LOOK_SECONDS / 5)


async def _own_node(key: str, head: HostPort, environment: Mapping[str, str]) -> NodeView | None:
    if answers(head) is not None:
        return None
    try:
        view = await cluster_view(head, environment)
    except ProbeFailed:
        return None
    return next((node for node in view.nodes if node.labels.get(KEY) == key), None)


async def _hand_on(node: _Node, head: HostPort, environment: Mapping[str, str]) -> None:
    """Drain the node before it is ended: its jobs go on elsewhere from the very step that they have reached."""
    print("This machine hands over its jobs and leaves the cluster.", flush=True)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(HAND_ON_SECONDS):
            if await drain(node.view.node_id, head, environment, "its `cluster join` was ended") is None:
                await _until_gone(node, LEAVING_LOOK_SECONDS)


async def _until_gone(node: _Node, look_seconds: float) -> None:
    """Wait until Ray's node of this machine is gone; the process that started it may stay."""
    own, silent = HostPort(node.view.address, node.view.port), 0
    while silent < LOOKS and not node.process.ended:
        silent = silent + 1 if await asyncio.to_thread(answers, own) else 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(look_seconds):
                await node.process.wait()


async def _until_answers(head: HostPort, environment: Mapping[str, str]) -> None:
    """Wait until the head is there again with its own node, or refuses the token."""
    while True:
        await asyncio.sleep(PAUSE_SECONDS)
        if await asyncio.to_thread(answers, head) is not None:
            continue
        try:
            view = await cluster_view(head, environment)
        except ProbeFailed as problem:
            if problem.wrong_token:
                return
        else:
            if view.head is not None:
                return


async def _has_left(key: str, head: HostPort, environment: Mapping[str, str]) -> bool:
    node = await _own_node(key, head, environment)
    return node is not None and node.state is NodeState.DRAINED


def remember(head: HostPort) -> None:
    """Keep the address of the head for the other commands on this machine."""
    file = head_file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(head), "ascii")
    except OSError as problem:
        print(f"{file} cannot be written ({problem.strerror}): give the head to the other commands with --head {head}.")


def invitation(head: HostPort, file: Path | None) -> str:
    """How a second machine joins. The token itself is not shown: it would stay in logs and terminals."""
    where = f"Its token is in {file}." if file else "The token is in the environment."
    source = f"ssh {getpass.getuser()}@{head.host} cat {file} | " if file else ""
    asked = " --token-file -" if file else ""
    return "\n".join((
        f"The cluster runs at {head}, with Easel {NodeIdentity.own().easel}. {where}",
        "To add a machine, install the same Easel there and run:",
        "",
        f"    {source}{program()} cluster join {head}{asked}",
        "",
        TRUST,
    ))  # fmt: skip
