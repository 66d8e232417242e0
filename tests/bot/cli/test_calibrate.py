"""`calibrate`: every size of a checkpoint is measured, told, and kept for the workers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.cli import calibrate
from inference.demo import CHECKPOINTS
from inference.messages.calibration import Calibrated
from tests.bot.cli.commands import PATIENCE, ROOT, Here, bot
from tests.house import House


def test_every_size_is_measured_and_kept(tmp_path: Path) -> None:
    house, name = House(tmp_path), CHECKPOINTS[0].name
    said = bot("calibrate", "--config", house.config, "--checkpoint", name, "--json")
    assert said.code == 0, said.err
    told = [json.loads(line) for line in said.out.splitlines()]
    found = [Calibrated.model_validate({key: value for key, value in one.items() if key != "device"}) for one in told]
    sizes = {(one.checkpoint, one.width, one.height) for one in found}
    assert sizes == {(name, 64, 64), (name, 48, 80), (name, 80, 48)}
    for one in found:
        assert one.places in one.seconds, "the cap is one of the numbers that were measured"
        assert 1 in one.seconds
        assert not one.problem
    (kept,) = tmp_path.rglob("caps.json")
    assert len(json.loads(kept.read_bytes())) == len(found)


def test_no_other_easel_begins_while_it_measures(here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(tmp_path)
    database = house.data / "easel.sqlite3"
    in_use = "import pathlib, sys; from bot.database.storage.lock import is_in_use as used; "
    in_use += "sys.exit(not used(pathlib.Path(sys.argv[1])))"
    monkeypatch.setattr(calibrate, "module_command", lambda _: (sys.executable, "-c", in_use, str(database)))
    assert here("calibrate", "--config", house.config).code == 0


@pytest.mark.skipif(os.name != "posix", reason="Windows has other signals")
def test_ctrl_c_is_for_the_command_alone_which_ends_what_measures(tmp_path: Path) -> None:
    """The process that measures tells the signal's effect on its own group, and then waits for ever."""
    house = House(tmp_path)
    measuring = "import os, sys, time; print(os.getpid(), file=sys.stderr, flush=True); time.sleep(1e6)"
    program = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from bot.cli import calibrate, main\n"
        f"calibrate.module_command = lambda _: (sys.executable, '-c', {measuring!r})\n"
        f"sys.exit(main.main(['calibrate', '--config', {str(house.config)!r}]))"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=pipe, stderr=pipe, start_new_session=True
    ) as running:
        assert running.stderr is not None
        measures = int(running.stderr.readline())
        os.killpg(running.pid, signal.SIGINT)
        said = running.stderr.read()
        assert (running.wait(PATIENCE), said) == (130, b"")
    with pytest.raises(ProcessLookupError):
        os.kill(measures, 0)


def test_a_checkpoint_that_is_not_declared_is_a_sentence(here: Here, tmp_path: Path) -> None:
    said = here("calibrate", "--config", House(tmp_path).config, "--checkpoint", "nowhere")
    assert said.code == 1
    assert "nowhere" in said.sentence
