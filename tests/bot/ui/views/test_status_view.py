"""What the status message says of the library and of the workers."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.app.database_state import DatabaseState
from bot.app.overview import Overview
from bot.database.loras.file_counts import HubCount
from bot.jobs.worker_slots import WorkerState, WorkerStatus
from bot.library.catalogue import FileProblem, ScanReport
from bot.library.watcher import Scanned
from bot.ui.views.status import SHOWN_FILES, SHOWN_WORKERS, _library, _workers

NOTHING_NEW = HubCount(lost=0, newer=0)


def overview(*broken: FileProblem) -> Overview:
    report = ScanReport(("owl.safetensors",), (), (), (), broken, (FileProblem("b.safetensors", "a twin"),), ("m.pt",))
    scanned = Scanned(report, datetime.now(UTC))
    return Overview(1.0, (), 0, 0, None, frozenset(), scanned, DatabaseState(1), {})


def test_operators_read_why_files_are_not_used_and_staff_that_they_are_not() -> None:
    state = overview(FileProblem("my_diary.safetensors", "this is not a *safetensors* file"))
    told = _library(state, NOTHING_NEW, (), reasons=True)
    for words in ("- `my_diary.safetensors`: this is not a \\*safetensors\\* file", "- `b.safetensors`: a twin"):
        assert words in told
    assert "- `m.pt`: its base model is not known; `library declare`, or" in told
    told = _library(state, NOTHING_NEW, (), reasons=False)
    assert "Unusable files (1): `my_diary.safetensors`" in told and "this is not" not in told


def test_of_many_files_a_message_names_the_first() -> None:
    told = _library(overview(*(FileProblem(f"{n}" * 300, "x" * 5000) for n in range(9))), NOTHING_NEW, (), reasons=True)
    assert told.count("\n- ") == SHOWN_FILES and "… and 6 more" in told
    assert len(told) < 2000


def test_nothing_is_said_of_a_library_that_is_whole() -> None:
    report = ScanReport(("owl.safetensors",), (), (), (), (), (), ())
    scanned = Scanned(report, datetime.now(UTC))
    whole = Overview(1.0, (), 0, 0, None, frozenset(), scanned, DatabaseState(1), {})
    told = _library(whole, NOTHING_NEW, (), reasons=True)
    assert told.startswith("1 file · ") and "\n" not in told


def test_each_worker_is_named_with_its_machine_and_those_that_cannot_paint_come_first() -> None:
    free = [WorkerStatus("cuda:0", WorkerState.FREE, 5, ("vivid",), 0, node=f"gpu`{i}") for i in range(1, 14)]
    away = WorkerStatus("cuda:1", WorkerState.AWAY, 5, (), 0, back=3.0, node="gpu-99")
    lines = _workers([*free, away]).split("\n")
    assert lines[0].startswith("`gpu-99: cuda:1` · failed 5 seconds ago · restarts in")
    assert "gpu`" not in lines[1] and "1: cuda:0`" in lines[1], "a name cannot end its quotes"
    assert (len(lines), lines[-1]) == (SHOWN_WORKERS + 1, "… and 4 more")
    assert _workers([WorkerStatus("cpu", WorkerState.FREE, 5, (), 1)]).startswith("`cpu` · idle"), (
        "the bot's own machine"
    )


def test_it_is_said_that_no_worker_is_there() -> None:
    assert _workers([]) == "No worker is online. Requests stay queued until a worker starts."
