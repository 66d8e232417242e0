"""`cluster`: what is refused before Ray is started. With real Ray it is tested in tests/cluster."""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.cli import DONE, REFUSED, UNUSABLE
from bot.cli.cluster import commands as cluster
from bot.cli.cluster import node as cluster_node
from bot.cli.main import main
from bot.diagnostics import cluster as diagnostics
from bot.diagnostics.finding import Finding, FindingGrade
from inference.cluster import compatibility
from inference.cluster.compatibility import NodeIdentity
from inference.cluster.network import HostPort
from inference.cluster.ray.node import ProbeFailed
from inference.cluster.ray.raylets import with_the_cards
from inference.cluster.views import ClusterView, NodeReport, NodeState, NodeView, WorkerReport
from inference.processes.extras import installing

OURS = NodeIdentity(python="3.11", easel="0.1.0+0a1b2c3d", torch="2.13.0", ray="2.60.0")
HEAD = NodeView(
    node_id="aa" * 8, name="one", address="10.0.0.5", head=True, identity=OURS, devices=1, memory=32 * 10**9
)


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine with Ray and a private address, whose home is an empty folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_ADDRESS", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(compatibility, "version", lambda _package: "2.60.0")
    for module in (diagnostics, cluster_node):
        monkeypatch.setattr(module, "own_addresses", lambda: ["10.0.0.5", "10.0.0.6"])
    return tmp_path


@pytest.mark.parametrize("command", [["up"], ["join", "10.0.0.5"], ["status"], ["drain", "two"]])
def test_without_the_extra_one_sentence_says_how_to_install_it(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(compatibility, "version", lambda _package: "")
    assert main(["cluster", *command]) in {REFUSED, UNUSABLE}
    assert capsys.readouterr().err == f"Ray is not installed here; install it with: {installing('cluster')}.\n"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["up", "--address", "8.8.8.8"], "8.8.8.8 is a public address. Give a private address with --address"),
        (["up", "--address", "0.0.0.0"], "0.0.0.0 cannot be reached by other machines"),
        (["up", "--address", "127.0.0.1"], "127.0.0.1 cannot be reached by other machines"),
        (["up", "--address", "0:0:0:0:0:0:0:1"], "cannot be reached by other machines"),
        (["up", "--address", "::ffff:127.0.0.1"], "cannot be reached by other machines"),
        (["up", "--address", "::ffff:8.8.8.8"], "is a public address"),
        (
            ["join", "10.0.0.5", "--address", "10.0.0.6", "--token-file", "/dev/zero"],
            "is no file that can be read again",
        ),
        (["up", "--address", "foo"], "foo is not an address. Give a numeric one with --address"),
        (["join", "8.8.8.8"], "8.8.8.8:6379 is a public address. Join over a private network, or add --public."),
        (
            ["up", "--address", "10.0.0.9"],
            "10.0.0.9 is not an address of this machine, which has 10.0.0.5 and 10.0.0.6.",
        ),
        (["join", "10.0.0.5;x"], "is no address; HOST:PORT is one"),
        (["join", "nobody.invalid"], "There is no host nobody.invalid; see whether its name is right."),
        (["join", "10.0.0.5", "--address", "10.0.0.6"], "There is no token. Give it with --token-file FILE"),
        (["join", "10.0.0.5", "--address", "10.0.0.6", "--token-file", "nowhere"], "There is no file nowhere."),
        (["status"], "This machine is in no cluster; give the head with --head HOST:PORT."),
        (["status", "--head", "10.0.0.5"], "There is no token in"),
    ],
)
def test_what_cannot_be_done_is_refused_with_what_to_do(
    command: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cluster", *command]) in {REFUSED, UNUSABLE}
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("command", [["up"], ["join", "10.0.0.5"]])
def test_a_machine_with_a_public_address_is_refused(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(diagnostics, "own_addresses", lambda: ["10.0.0.5", "8.8.8.8"])
    assert main(["cluster", *command]) == REFUSED
    assert "has the public address 8.8.8.8" in capsys.readouterr().err


def test_join_says_that_a_cluster_is_one_trust_domain(capsys: pytest.CaptureFixture[str]) -> None:
    main(["cluster", "join", "8.8.8.8"])
    assert "A cluster is one trust domain" in capsys.readouterr().out


def test_a_token_on_stdin_is_kept_for_this_account(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("0123456789abcdef\n"))
    assert main(["cluster", "join", "127.0.0.1:1", "--address", "10.0.0.6", "--token-file", "-"]) == REFUSED
    file = machine / ".ray" / "auth_token"
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("0123456789abcdef", 0o600)


@pytest.mark.parametrize(
    ("stdin", "arguments", "words"),
    [
        (None, [], "There is no token. Give it with"),
        (None, ["--token-file", "-"], "There is no token. Give it with"),
        (io.StringIO("\n"), ["--token-file", "-"], "The token is empty. If a command provides it, check the output"),
        (io.StringIO("\0" * 10**5), ["--token-file", "-"], "This is no token: one has 8 or more letters and digits"),
    ],
)
def test_stdin_may_be_closed_or_endless(
    stdin: io.StringIO | None,
    arguments: list[str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "stdin", stdin)
    assert main(["cluster", "join", "10.0.0.5", "--address", "10.0.0.6", *arguments]) == REFUSED
    assert words in capsys.readouterr().err
    assert stdin is None or stdin.tell() < 10**4


def test_a_machine_without_a_place_for_the_heads_address_is_a_node_all_the_same(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (machine / ".local").write_text("no folder")
    cluster_node.remember(HostPort("10.0.0.5", 6379))
    assert "give the head to the other commands with --head 10.0.0.5:6379" in capsys.readouterr().out


class Started:
    """A node of Ray that is started by its command alone."""

    ended = False

    def __init__(self, command: Sequence[str]) -> None:
        (labels,) = [part.partition("=")[2] for part in command if part.startswith("--labels=")]
        self.labels = dict(label.split("=") for label in labels.split(","))

    async def wait(self) -> None:
        """It stays, without its raylet."""
        await asyncio.Event().wait()

    async def stop(self) -> None:
        """It ends."""


def test_a_drained_machine_stays_away_though_the_head_is_too_busy_to_say_so(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started = list[Started]()
    states = [NodeState.ALIVE, None, NodeState.DRAINED, NodeState.DRAINED]

    async def start(command: Sequence[str], _environment: object) -> Started:
        started.append(Started(command))
        return started[-1]

    async def asked(_head: HostPort, _environment: object) -> ClusterView:
        if (state := states.pop(0)) is None:
            raise ProbeFailed("it did not answer")
        own = NodeView(node_id="bb" * 8, address="10.0.0.6", port=9, state=state, labels=started[0].labels)
        return ClusterView(nodes=(HEAD, own))

    async def checked(*_: object) -> None:
        pass

    async def reached(*_: object) -> Finding:
        return Finding("ports", FindingGrade.OK, "open")

    cluster_node.write_token(machine / ".ray" / "auth_token", "0123456789abcdef")
    for name, value in (
        ("LOOK_SECONDS", 0), ("PAUSE_SECONDS", 0), ("_check_head", checked), ("check_reach", reached),
        ("cluster_view", asked), ("answers", lambda where: "gone" if where.port == 9 else None),
    ):  # fmt: skip
        monkeypatch.setattr(cluster_node, name, value)
    monkeypatch.setattr(cluster_node.RayNode, "start", start)
    assert main(["cluster", "join", "10.0.0.5", "--address", "10.0.0.6"]) == DONE
    assert len(started) == 1 and "This machine was drained and has left" in capsys.readouterr().out


@contextmanager
def raylet(address: str, devices: int) -> Generator[int]:
    """A process with the command line of a raylet."""
    resources = f"node:{address},1.0,CPU,1" + (f",GPU,{devices}" if devices else "")
    command = ["/ray/raylet/raylet", "-c", "echo; read line; exit", f"--node_ip_address={address}",
               f"--static_resource_list={resources}", "--gcs-address=10.0.0.5:6379", "--labels={}"]  # fmt: skip
    pipe = subprocess.PIPE
    with subprocess.Popen(command, executable="/bin/sh", stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None and process.stdout.readline()  # before, it may have no command line yet
        yield process.pid
        process.communicate()


@pytest.mark.skipif(sys.platform != "linux", reason="nodes run Linux")
@pytest.mark.parametrize(
    ("devices", "more", "refused"),
    [
        (2, [], True),
        (2, ["--gpus", "1"], True),
        (0, [], False),
        (2, ["--gpus", "0"], False),
        (2, ["--share-cards"], False),
    ],
)
@pytest.mark.parametrize("command", [["up"], ["join", "10.0.0.5"]])
def test_a_second_node_does_not_get_the_cards_of_the_first(
    command: list[str],
    devices: int,
    more: list[str],
    refused: bool,
    machine: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By what runs now: a file with a process id would outlive its process."""

    async def started(*_: object) -> Started:
        raise cluster_node.MachineRefused("It would start.")

    async def checked(*_: object) -> None:
        pass

    cluster_node.write_token(machine / ".ray" / "auth_token", "0123456789abcdef")
    monkeypatch.setattr(cluster_node.RayNode, "start", started)
    for name, value in (("_check_head", checked), ("answers", lambda *_: "nobody"), ("FREE_SECONDS", 0)):
        monkeypatch.setattr(cluster_node, name, value)
    own = ".".join(map(str, (10, *os.getpid().to_bytes(4)[1:])))  # that no other process of tests has
    for module in (diagnostics, cluster_node):
        monkeypatch.setattr(module, "own_addresses", lambda: ["10.0.0.5", own])
    with raylet(own, devices) as pid:
        assert main(["cluster", *command, "--address", "10.0.0.5", *more]) == REFUSED
    said = capsys.readouterr().err
    told = f"A node of the cluster at 10.0.0.5:6379 runs on this machine already (process {pid}) and has its graphics"
    assert (told in said, "It would start." in said) == (refused, not refused)


def test_of_two_nodes_that_start_at_a_time_the_first_stays(tmp_path: Path) -> None:
    for pid, began, key in ((7, 90, "ours"), (9, 80, "other"), (11, 95, "last")):
        (process := tmp_path / str(pid)).mkdir()
        labels = json.dumps({"easel-node": key})
        arguments = ("--node_ip_address=10.0.0.6", "--static_resource_list=GPU,1", f"--labels={labels}")
        (process / "cmdline").write_text("\0".join(("/ray/raylet/raylet", *arguments, "")))
        (process / "stat").write_text(f"{pid} (ray (let)) {' '.join('S' * 19)} {began} 0")
    (tmp_path / "12").mkdir()  # it has ended meanwhile
    found = {key: with_the_cards({"10.0.0.6"}, key, tmp_path) for key in ("ours", "other", "last")}
    assert found["other"] is None, "it was there first"
    assert found["ours"] is not None and found["ours"].key == "other"
    assert found["last"] is not None
    assert with_the_cards({"10.0.0.5"}, "ours", tmp_path) is None


def test_the_invitation_is_one_command_without_the_token(machine: Path) -> None:
    file = machine / ".ray" / "auth_token"
    told = cluster_node.invitation(HostPort("10.0.0.5", 6379), file)
    (command,) = [line for line in told.splitlines() if line.startswith("    ")]
    assert f"@10.0.0.5 cat {file} | " in command and command.endswith("cluster join 10.0.0.5:6379 --token-file -")


@pytest.fixture
def view(monkeypatch: pytest.MonkeyPatch, machine: Path) -> ClusterView:
    """Three nodes: the head with a worker, one that is refused, one that was drained."""
    worker = WorkerReport(device="cuda:0", memory=24 * 10**9, state="ready", jobs=3, checkpoints=("demo",))
    head = HEAD.model_copy(update={"report": NodeReport(node_id=HEAD.node_id, workers=(worker,))})
    other = NodeView(node_id="bb" * 8, name="two\x1b[2J", address="10.0.0.6", devices=2,
                     identity=OURS.model_copy(update={"torch": "2.12.0"}))  # fmt: skip
    gone = NodeView(node_id="cc" * 8, name="three", address="10.0.0.7", state=NodeState.DRAINED)
    found = ClusterView(ray="2.60.0", nodes=(head, other, gone))

    async def asked(_head: HostPort, _environment: object) -> ClusterView:
        return found

    cluster_node.write_token(machine / ".ray" / "auth_token", "0123456789abcdef")
    monkeypatch.setattr(cluster, "answers", lambda _where: None)
    monkeypatch.setattr(cluster, "cluster_view", asked)
    return found


def test_status_names_nodes_devices_memory_versions_jobs_and_who_gets_no_work(
    view: ClusterView, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cluster", "status", "--head", "10.0.0.5"]) == REFUSED
    out = capsys.readouterr().out
    for words in ("one (head)", "cuda:0 24 GB", "32 GB", "2 GPU", "drained", "torch 2.13.0", "torch 2.12.0"):
        assert words in out
    assert "two\\x1b[2J gets no work: it has torch 2.12.0 and the cluster 2.13.0; install torch==2.13.0 there" in out
    assert "\x1b" not in out
    assert main(["cluster", "status", "--head", "10.0.0.5", "--json"]) == REFUSED
    assert ClusterView.model_validate_json(capsys.readouterr().out) == view


def test_a_node_of_which_nothing_is_heard_is_told_before_ray_knows(view: ClusterView) -> None:
    silent = NodeReport(node_id=HEAD.node_id, silent=12)
    assert cluster._state(HEAD) == "alive"
    assert cluster._state(HEAD.model_copy(update={"report": silent})) == "no response for 12 s"
    dead = HEAD.model_copy(update={"report": silent, "state": NodeState.DEAD})
    assert cluster._state(dead) == "dead", "as Ray knows now"


def test_a_cluster_in_which_nobody_paints_is_told(view: ClusterView, capsys: pytest.CaptureFixture[str]) -> None:
    says = "o node has a GPU, so no pictures are generated; join a node with a GPU, or give --gpus N to `join` or `up`"
    assert main(["cluster", "status", "--head", "10.0.0.5"]) == REFUSED
    assert says not in capsys.readouterr().out
    poor = view.model_copy(update={"nodes": tuple(each.model_copy(update={"devices": 0}) for each in view.nodes)})
    assert f"n{says}" in [finding.says for finding in diagnostics.check_nodes(poor)]
    assert f"N{says}." in list(cluster._notes(poor, {}))


def test_the_head_is_not_drained_and_neither_is_what_is_gone(
    view: ClusterView, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, words in (
        ("one", "This is the head"),
        ("three", "No node is called three"),
        ("x", "No node is called x"),
    ):
        assert main(["cluster", "drain", name, "--head", "10.0.0.5"]) == REFUSED
        assert words in capsys.readouterr().err


def test_the_head_is_remembered_for_the_other_commands(view: ClusterView) -> None:
    assert main(["cluster", "status"]) == UNUSABLE
    cluster_node.remember(HostPort("10.0.0.5", 6379))
    assert main(["cluster", "status"]) == REFUSED  # one of its nodes is


@pytest.mark.parametrize(("text", "words"), [("0", "Give a port"), ("65536", "A port is"), ("x", "A port is")])
def test_the_head_has_a_port_that_others_know(text: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["cluster", "up", "--port", text])
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("text", ["gpu", "gpu=", "=24gb", "gpu=24 gb", "gpu=a,b=c", "gpu=24gb-"])
def test_a_label_that_ray_would_refuse_is_refused_here(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["cluster", "up", "--label", text])
    assert "A label is NAME=VALUE" in capsys.readouterr().err


def test_doctor_says_once_that_ray_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(compatibility, "version", lambda _package: "")
    assert main(["doctor", "--cluster", "10.0.0.5"]) == UNUSABLE
    assert capsys.readouterr().out.count("Ray is not installed here") == 1


def test_doctor_names_what_keeps_a_machine_from_a_cluster(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--cluster", "10.0.0.5"]) == UNUSABLE
    assert "cluster: there is no token in" in capsys.readouterr().out
    monkeypatch.setattr(compatibility, "version", lambda _package: "")
    assert main(["doctor", "--cluster", "10.0.0.5"]) == UNUSABLE
    assert "Ray is not installed here" in capsys.readouterr().out


def test_doctor_warns_of_a_public_address_and_does_not_ask_for_an_option_that_it_has_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(diagnostics, "own_addresses", lambda: ["8.8.8.8"])
    main(["doctor", "--cluster", "10.0.0.5"])
    said = capsys.readouterr().out
    assert "close its ports to all but the other machines" in said and "--public" not in said
