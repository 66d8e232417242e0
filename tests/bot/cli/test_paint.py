"""`paint` with the real worker."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from PIL import Image

from bot.cli import DONE, UNUSABLE
from bot.cli.paint import _should_give_up
from bot.pictures.signing.signature_reader import signature_in
from inference.parameters import CHUNK
from inference.workers import WorkerDied
from tests.bot.cli.commands import PATIENCE, ROOT, bot
from tests.house import House


@pytest.mark.parametrize(
    ("was_ready", "failures", "workers", "hopeless"),
    [(False, 1, 1, True), (False, 1, 2, False), (False, 3, 2, True), (True, 9, 1, False)],
)
def test_waiting_ends_for_a_worker_that_never_became_ready_unless_others_may_paint(
    was_ready: bool, failures: int, workers: int, hopeless: bool
) -> None:
    assert _should_give_up(WorkerDied(1, failures, was_ready, ""), workers, None) is hopeless


def test_waiting_ends_where_no_cluster_can_be_reached(house: House) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # and does not listen; nobody else can either
        head = f"127.0.0.1:{silent.getsockname()[1]}"
        said = bot("paint", "x", "--config", house.config, "--out", house.folder / "o.png",
                   EASEL_WORKER__BACKEND="ray", EASEL_CLUSTER__ADDRESS=head)  # fmt: skip
    reason = f"worker could not start: nobody listens at {head}"
    assert (said.code, reason in said.sentence) == (UNUSABLE, True), said


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `init --demo` writes."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    said = bot("init", "--demo", folder)
    assert said.code == DONE, said
    assert "doctor" in said.out
    return folder


def test_one_command_paints_several_pictures_with_a_lora_in_the_demo_folder_and_tells_it_as_json(demo: Path) -> None:
    out = demo / "o.png"
    said = bot("paint", "a red circle", "--lora", "Komori:0.5", "--seed", "7", "--count", "3", "--steps", "3",
               "--json", "--out", out, "--config", demo / "config.toml")  # fmt: skip
    assert (said.code, said.err) == (DONE, "")
    told = json.loads(said.out)
    assert told["seeds"] == [7, 8, 9]
    assert told["request"]["loras"][0]["weight"] == 0.5
    assert [Path(path).name for path in told["pictures"]] == ["o.png", "o-2.png", "o-3.png"]
    for path in told["pictures"]:
        with Image.open(path) as picture:
            assert picture.size == (64, 64)
            assert "<lora:Komori:0.5>" in picture.info[CHUNK]
            assert "komori, a red circle" in picture.info[CHUNK]
        signature = signature_in(Path(path).read_bytes(), demo / "c2pa" / "chain.pem")
        assert signature is not None and signature.ours


def test_what_was_running_when_the_program_was_killed_is_painted_after_the_next_start(house: House) -> None:
    command = [sys.executable, "-m", "bot", "-v", "paint", "x", "--steps", "100", "--sampler", "euler", "--config",
               str(house.config), "--out", str(house.folder / "lost.png")]  # fmt: skip
    killed = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert killed.stderr
    wait_for_job(house, "running")
    killed.send_signal(signal.SIGKILL)
    killed.stderr.close()
    killed.wait(PATIENCE)
    longer = ("--steps", "150", "--sampler", "euler")  # the two share their steps, and the program ends with its own
    assert bot("paint", "y", *longer, "--config", house.config, "--out", house.folder / "o.png").code == DONE
    database = sqlite3.connect(house.data / "easel.sqlite3")
    assert database.execute("SELECT state, attempt FROM job ORDER BY id").fetchall() == [
        ("succeeded", 2),
        ("succeeded", 1),
    ]
    assert database.execute("SELECT count(*) FROM picture").fetchone() == (2,)
    database.close()
    assert len(list((house.data / "pictures").rglob("*.png"))) == 2


@pytest.mark.parametrize(
    ("state", "how"),
    [("queued", signal.SIGINT), ("running", signal.SIGINT), ("running", signal.SIGTERM)],
)
def test_who_ends_paint_has_cancelled_the_job_and_leaves_no_worker(
    house: House, state: str, how: signal.Signals
) -> None:
    command = [sys.executable, "-m", "bot", "paint", "x", "--count", "4", "--steps", "150", "--sampler", "euler",
               "--config", str(house.config), "--out", str(house.folder / "never.png")]  # fmt: skip
    ended = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert ended.stderr
    wait_for_job(house, state)
    workers = psutil.Process(ended.pid).children(recursive=True)
    ended.send_signal(how)
    said = ended.stderr.read().decode()
    assert (ended.wait(PATIENCE), said) == (128 + how, "")
    assert [worker for worker in workers if worker.is_running()] == []
    assert bot("paint", "y", "--steps", "1", "--config", house.config, "--out", house.folder / "o.png").code == DONE
    database = sqlite3.connect(house.data / "easel.sqlite3")
    assert database.execute("SELECT state FROM job ORDER BY id").fetchall() == [("cancelled",), ("succeeded",)]
    database.close()


def wait_for_job(house: House, state: str) -> None:
    """Returns once a job is in `state` or runs already; a busy wait, for the other program has no way to tell us."""
    watching = [sys.executable, "-c", WATCH, str(house.data / "easel.sqlite3"), state]
    subprocess.run(watching, check=True, timeout=PATIENCE)


WATCH = """
import sqlite3, sys, time, pathlib
while True:
    time.sleep(0.05)
    try:
        database = sqlite3.connect(pathlib.Path(sys.argv[1]).as_uri() + '?mode=ro', uri=True)
        if database.execute("SELECT 1 FROM job WHERE state IN (?, 'running')", sys.argv[2:]).fetchone(): break
    except sqlite3.Error: pass
"""


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [
        ("Traceback …\nRuntimeError: the device cuda:0 cannot be used: no\n", "the device cuda:0 cannot be used: no"),
        ("torch.cuda.OutOfMemoryError: too large", "too large"),
        ("Killed: 9", "Killed: 9"),
        ("\n", "no output"),
    ],
)
def test_why_a_worker_died_is_its_last_line(stderr: str, reason: str) -> None:
    assert WorkerDied(1, 1, False, stderr).reason == reason


def test_a_worker_that_cannot_come_up_is_told(house: House) -> None:
    out = house.folder / "o.png"
    said = bot("paint", "x", "--config", house.config, "--out", out, EASEL_WORKER__DEVICES='["cuda:99"]')
    assert (said.code, "worker could not start: the device cuda:99" in said.sentence) == (UNUSABLE, True), said
