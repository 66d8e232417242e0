"""What is said of machines that are, or are to be, nodes of a cluster."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.diagnostics import cluster
from bot.diagnostics.cluster import (
    check_cluster,
    check_driver,
    check_labels,
    check_machine,
    check_nodes,
    check_reach,
    check_shared,
    check_versions,
    reasons_of,
)
from bot.diagnostics.finding import FindingGrade
from inference.cluster import compatibility
from inference.cluster.compatibility import NodeIdentity
from inference.cluster.network import HostPort
from inference.cluster.ray.node import ProbeFailed
from inference.cluster.socket_address import SocketAddress
from inference.cluster.views import ClusterView, NodeReached, NodeReport, NodeState, NodeView, ReachReport
from inference.cluster.wire import Connection, listen
from inference.processes.extras import installing

OURS = NodeIdentity(python="3.11", easel="0.1.0+0a1b2c3d", torch="2.13.0", ray="2.60.0")
OTHER = OURS.model_copy(update={"torch": "2.12.0"})
HEAD = NodeView(node_id="aa" * 8, name="one", address="10.0.0.5", head=True, identity=OURS)


@pytest.fixture(autouse=True)
def ray_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compatibility, "version", lambda _package: "2.60.0")


def test_a_machine_with_private_addresses_is_fine() -> None:
    grades = [finding.grade for finding in check_machine(public=False, addresses=["10.0.0.5", "fe80::1"])]
    assert set(grades) == {FindingGrade.OK}


@pytest.mark.parametrize(("public", "grade"), [(False, FindingGrade.PROBLEM), (True, FindingGrade.WARNING)])
def test_a_public_address_is_refused_without_the_flag(public: bool, grade: FindingGrade) -> None:
    *_, finding = check_machine(public=public, addresses=["10.0.0.5", "8.8.8.8"])
    assert finding.grade is grade and "the public address 8.8.8.8, and Ray listens on all addresses" in finding.says


def test_without_the_extra_one_sentence_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compatibility, "version", lambda _package: "")
    finding, *_ = check_machine(public=False, addresses=[])
    assert finding.grade is FindingGrade.PROBLEM
    assert finding.says == f"Ray is not installed here; install it with: {installing('cluster')}"


def test_a_machine_with_other_versions_is_told_so() -> None:
    (finding,) = check_versions(ClusterView(nodes=(HEAD,)), OTHER)
    assert finding.grade is FindingGrade.PROBLEM
    assert finding.says.startswith("this machine does not fit the cluster: it has torch 2.12.0 and the cluster 2.13.0")
    (finding,) = check_versions(ClusterView(nodes=(HEAD,)), OURS)
    assert finding.grade is FindingGrade.OK


def test_a_head_that_somebody_else_started_is_no_obstacle() -> None:
    foreign = HEAD.model_copy(update={"identity": None})
    (finding,) = check_versions(ClusterView(nodes=(foreign,)), OURS)
    assert finding.grade is FindingGrade.WARNING
    dead = HEAD.model_copy(update={"state": NodeState.DEAD})
    (finding,) = check_versions(ClusterView(nodes=(dead,)), OURS)
    assert finding.grade is FindingGrade.PROBLEM


def test_nodes_are_refused_by_what_the_driver_process_says_or_by_their_labels() -> None:
    labelled = NodeView(node_id="bb" * 8, name="two", identity=OTHER, devices=1)
    report = NodeReport(node_id="cc" * 8, refused=("its clock is 90 seconds ahead",))
    told = NodeView(node_id="cc" * 8, name="three", identity=OURS, report=report)
    gone = NodeView(node_id="dd" * 8, name="four", state=NodeState.DRAINED, identity=OTHER)
    view = ClusterView(nodes=(HEAD, labelled, told, gone))
    assert reasons_of(HEAD, view) == ()
    assert "torch 2.12.0" in reasons_of(labelled, view)[0]
    assert reasons_of(told, view) == ("its clock is 90 seconds ahead",)
    assert [finding.what for finding in check_nodes(view)] == ["node one", "node two", "node three"]


def test_labels_that_no_node_has_are_told() -> None:
    two = NodeView(node_id="bb" * 8, name="two", devices=1, labels={"gpu": "8gb", "hall": "a"})
    idle = NodeView(node_id="cc" * 8, name="three", labels={"gpu": "24gb"})
    wanted = {"small": {"gpu": "8gb"}, "large": {"gpu": "24gb", "hall": "a"}}
    (finding,) = check_labels(ClusterView(nodes=(HEAD, two, idle)), wanted)
    assert (finding.what, finding.grade) == ("checkpoint large", FindingGrade.PROBLEM)
    assert finding.says.startswith(
        "no generating node has the labels gpu=24gb and hall=a of its node_labels; join one with"
    )


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("nowhere", "nowhere is no folder on this machine; nodes that cannot read it either"),
        ("s4://models", "its address cannot be used: Protocol not known: s4; nodes that cannot"),
        (".", None), ("memory://models", None),
    ],
)  # fmt: skip
def test_shared_storage_in_which_nobody_can_look_is_told(
    address: str, words: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    finding = check_shared(address)
    assert finding.grade is (FindingGrade.OK if words is None else FindingGrade.WARNING)
    assert words is None or words in finding.says


def test_a_person_names_a_node_by_name_address_or_the_beginning_of_its_id() -> None:
    two = NodeView(node_id="bb" * 8, name="two", address="10.0.0.6")
    gone = NodeView(node_id="bb00" * 4, name="two", address="10.0.0.6", state=NodeState.DEAD)
    view = ClusterView(nodes=(HEAD, two, gone))
    assert all(view.called(word) == (two,) for word in ("two", "10.0.0.6", "BBBB", "bbbbbb"))
    assert view.called("bb") == () and view.called("") == ()


def test_of_a_machine_that_left_again_and_again_the_last_node_is_told_unless_it_is_back() -> None:
    def node(node_id: str, name: str, state: NodeState) -> NodeView:
        return NodeView(node_id=node_id, name=name, state=state)

    view = ClusterView(
        nodes=(
            HEAD, node("1", "two", NodeState.DEAD), node("2", "three", NodeState.DEAD),
            node("3", "three", NodeState.DRAINED), node("4", "two", NodeState.ALIVE),
        )
    )  # fmt: skip
    assert [each.node_id for each in view.listed] == [HEAD.node_id, "3", "4"]


async def test_the_driver_process_of_another_account_is_only_asked_whether_it_listens(tmp_path: Path) -> None:
    address = SocketAddress(f"unix:{tmp_path / 'driver'}")
    asked = asyncio.Event()

    async def serve(connection: Connection) -> None:
        assert await connection.receive() is None, "nothing was said"
        await connection.close()
        asked.set()

    server = await listen(address, serve)
    assert (await check_driver(address)).grade is FindingGrade.OK
    async with asyncio.timeout(60):
        await asked.wait()
    server.close()
    await server.wait_closed()
    finding = await check_driver(SocketAddress(f"unix:{tmp_path / 'nobody'}"))
    assert finding.grade is FindingGrade.PROBLEM and "start the driver service" in finding.says


@pytest.mark.parametrize(
    ("ahead", "words"), [(90.0, "its clock is 90 seconds behind"), (-90.0, "its clock is 90 seconds ahead")]
)
async def test_a_clock_that_differs_from_the_heads_is_told(
    monkeypatch: pytest.MonkeyPatch, ahead: float, words: str
) -> None:
    async def report(*_: object) -> ReachReport:
        return ReachReport(seconds=0.02, clock_offset=ahead)

    monkeypatch.setattr(cluster, "reach_report", report)
    finding = await check_reach(HostPort("10.0.0.5", 6379), {}, "10.0.0.6")
    assert finding.grade is FindingGrade.PROBLEM and words in finding.says
    ahead = 0.0
    assert "reach each other, in 20 ms" in (await check_reach(HostPort("10.0.0.5", 6379), {}, "10.0.0.6")).says


async def test_the_head_tells_of_each_node_whether_it_is_reached_and_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NodeIdentity, "own", lambda: OURS)
    monkeypatch.setattr(cluster, "token_problem", lambda _file: None)
    monkeypatch.setattr(cluster, "answers", lambda *_: None)
    monkeypatch.setattr(cluster, "own_addresses", lambda: [HEAD.address])

    async def view(*_: object) -> ClusterView:
        return ClusterView(nodes=(HEAD,))

    async def asked(_head: HostPort, _environment: object, address: str) -> list[NodeReached]:
        assert address == HEAD.address
        return [
            NodeReached(name="two", seconds=0.02, identity=OURS),
            NodeReached(name="three", clock_offset=90.0, identity=OTHER),
            NodeReached(name="four", problem="an answer did not come"),
        ]

    monkeypatch.setattr(cluster, "cluster_view", view)
    monkeypatch.setattr(cluster, "nodes_reached", asked)
    two, three, four = [each async for each in check_cluster(f"{HEAD.address}:6379") if each.what == cluster.REACH]
    assert (two.grade, two.says) == (FindingGrade.OK, "the head and two reach each other, in 20 ms")
    assert three.grade is four.grade is FindingGrade.PROBLEM
    assert "three does not fit the cluster: it has torch 2.12.0 and the cluster 2.13.0; install" in three.says
    assert "three does not fit the cluster: its clock is 90 seconds ahead; switch on" in three.says
    assert four.says.startswith("the head and four do not reach each other: an answer did not come. Open all ports")


async def test_another_token_is_told_with_the_file_that_holds_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def refused(*_: object) -> ClusterView:
        raise ProbeFailed("the token is not that of this cluster", wrong_token=True)

    monkeypatch.setattr(cluster, "token_problem", lambda _file: None)
    monkeypatch.setattr(cluster, "answers", lambda *_: None)
    monkeypatch.setattr(cluster, "cluster_view", refused)
    *_, finding = [each async for each in check_cluster("10.0.0.5:6379", tmp_path / "token")]
    assert finding.says.endswith(f"use the head's, in {tmp_path / 'token'}")
