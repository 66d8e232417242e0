"""The worker process as the bot sees it: it paints, refuses, stops and goes on."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from inference.engine.devices.devices import NICENESS
from inference.errors import CheckpointNotFound, InferenceError
from inference.files.hashes import file_sha256
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.commands import Cancel, Shutdown
from inference.messages.events import BadCommand, Cancelled, Capacity, Failed, Finished, Progress, Ready, Started
from inference.messages.request import GenerationRequest, LoraUse
from inference.parameters import CHUNK, JSON_CHUNK
from tests.house import PASTEL, VIVID, House
from tests.inference.requests import request
from tests.inference.workers.processes import MAX_WAIT, WorkerProcess, started
from tests.lies import PONY_BLOCK, Lie, denoiser, lies, pairs
from tests.lora_files import lora_tensors, safetensors_bytes

PLACES = 16  # pictures that the worker takes at a time, until it has measured how many pay
BROKEN, MISSING, OTHER_ARCHITECTURE, PRETENDER = "broken", "missing", "video", "pony"
REFUSED = {"base_model_unknown", "base_model_mismatch", "architecture_mismatch", "layers_unknown", "lora_file_refused"}
# As long as it may be, and longer than this process is ever held up between two of its lines. It is never waited for.
LONG = request(checkpoint=VIVID, steps=150, sampler="euler", count=4)
ENDLESS = request(checkpoint=VIVID, steps=150, sampler="euler", count=4, width=160, height=160)


@pytest.fixture(scope="module")
def worker(shared_house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    """One worker for the module; every test leaves it fit for the next, which is what is tested."""
    process = WorkerProcess()
    broken = tmp_path_factory.mktemp("broken")
    (broken / "model_index.json").write_text('{"_class_name": "StableDiffusionXLPipeline", "unet": ["os", "system"]}')
    wan = shared_house.configure.checkpoints[0].model_dump() | {"name": OTHER_ARCHITECTURE, "base_model": "wan/base"}
    pony = wan | {"name": PRETENDER, "base_model": "sdxl/pony"}
    more = (
        CheckpointSpec.model_validate(wan),
        CheckpointSpec.model_validate(pony),
        spec(shared_house, BROKEN, broken),
        spec(shared_house, MISSING, broken / "nowhere"),
    )
    process.write(b"\n")
    process.begin(request())
    checkpoints = shared_house.configure.checkpoints + more
    process.send(shared_house.configure.model_copy(update={"checkpoints": checkpoints}))
    yield process
    process.kill()


NOISY = """
import os, inference.engine.__main__ as engine
print('noise'); os.write(1, b'more noise'); os.system('echo and more')
engine.main()
"""


@pytest.fixture(scope="module")
def another(shared_house: House) -> Iterator[WorkerProcess]:
    """A second worker for the module, in which libraries print."""
    process = WorkerProcess(["-c", NOISY])
    process.send(shared_house.configure)
    yield process
    process.kill()


def spec(house: House, name: str, source: Path) -> CheckpointSpec:
    return house.configure.checkpoints[0].model_copy(update={"name": name, "source": str(source)})


def pixels(house: House, end: object) -> list[np.ndarray]:
    assert isinstance(end, Finished), end
    return [np.asarray(Image.open(house.data / "spool" / name)) for name in end.files]


def lora(path: Path, *, name: str = "Bat", weight: float = 1.0) -> LoraUse:
    return LoraUse(sha256=file_sha256(path), name=name, weight=weight)


def refusal(end: object) -> InferenceError:
    assert isinstance(end, Failed), end
    return InferenceError.from_failed(end.code, end.detail)


def with_lora(path: Path, checkpoint: str = VIVID, weight: float = 1.0) -> tuple[GenerationRequest, dict[str, str]]:
    use = lora(path, weight=weight)
    return request(checkpoint=checkpoint, loras=(use,)), {use.sha256: path.name}


def test_rubbish_and_a_job_before_the_configuration_are_survived(worker: WorkerProcess) -> None:
    assert isinstance(worker.event(), BadCommand)
    early = worker.event()
    assert isinstance(early, BadCommand)
    assert "before the configuration" in early.problem
    ready = worker.event()
    assert isinstance(ready, Ready)
    assert (ready.device, ready.pid) == ("cpu", worker.process.pid)
    assert psutil.Process(ready.pid).nice() == min(19, os.nice(0) + NICENESS), "the bot beside it comes first"
    assert worker.event() == Capacity(places=1, loaded=()), "nobody has come yet"


@pytest.mark.parametrize("line", [b"rubbish", b'{"type":"generate"}', b"\xff\xfe\x00", b"[" * 10_000, b'{"type":1}'])
def test_a_line_that_is_no_command_is_told_and_survived(worker: WorkerProcess, line: bytes) -> None:
    worker.write(line + b"\n")
    assert worker.next(BadCommand).problem


def test_what_was_wrong_with_a_line_is_told_without_its_words(worker: WorkerProcess) -> None:
    job = {"type": "generate", "job_id": 1, "attempt": 1, "request": {"prompt": "my secret wish", "steps": "many"}}
    worker.write(json.dumps(job).encode() + b"\n")
    problem = worker.next(BadCommand).problem
    assert "steps" in problem and "secret" not in problem


def test_a_picture_is_painted_with_its_parameters_inside(worker: WorkerProcess, shared_house: House) -> None:
    asked = request(checkpoint=VIVID, steps=4, count=2, prompt="a red circle")
    job = worker.begin(asked)
    assert worker.next(Capacity, Started) == Capacity(places=PLACES, loaded=()), "now it is known what has come"
    assert worker.next(Started).job_id == job.job_id
    steps, capacities = list[int](), list[Capacity]()
    while isinstance(event := worker.next(Progress, Capacity, Finished), Progress | Capacity):
        if isinstance(event, Capacity):
            capacities.append(event)
            continue
        steps.append(event.step)
        assert event.preview is None or (shared_house.data / "spool" / event.preview).is_file()
    assert steps == [0, 1, 2, 3, 4]
    assert [picture.shape for picture in pixels(shared_house, event)] == [(64, 64, 3)] * 2
    assert capacities == [Capacity(places=PLACES, loaded=(VIVID,))], "said once, when it has changed"
    assert isinstance(event, Finished) and event.peak_memory > 2**20
    with Image.open(shared_house.data / "spool" / event.files[1]) as picture:
        assert "Seed: 2" in picture.info[CHUNK]
        assert GenerationRequest.model_validate_json(picture.info[JSON_CHUNK]) == asked.only(1)


def test_what_a_library_prints_never_reaches_the_events(another: WorkerProcess) -> None:
    assert isinstance(another.event(), Ready)


def test_the_same_request_gives_the_same_pixels_again_and_in_another_process(
    worker: WorkerProcess, another: WorkerProcess, shared_house: House
) -> None:
    asked, files = with_lora(shared_house.bat)
    first = pixels(shared_house, worker.paint(asked, files))
    pixels(shared_house, worker.paint(request(checkpoint=PASTEL)))  # and back: the checkpoint is loaded anew
    assert np.array_equal(first, pixels(shared_house, worker.paint(asked, files)))
    assert np.array_equal(first, pixels(shared_house, another.paint(asked, files)))
    assert another.leave() == 0, "a worker whose bot is gone leaves"


def test_a_lora_changes_the_picture_and_leaves_nothing_behind(worker: WorkerProcess, shared_house: House) -> None:
    plain = pixels(shared_house, worker.paint(request(checkpoint=VIVID)))
    changed = pixels(shared_house, worker.paint(*with_lora(shared_house.bat, weight=4)))
    assert not np.array_equal(plain, changed)
    assert np.array_equal(plain, pixels(shared_house, worker.paint(*with_lora(shared_house.bat, weight=0))))
    assert np.array_equal(plain, pixels(shared_house, worker.paint(request(checkpoint=VIVID))))


def test_picture_i_of_several_is_the_picture_of_seed_plus_i(worker: WorkerProcess, shared_house: House) -> None:
    several = pixels(shared_house, worker.paint(request(checkpoint=VIVID, seed=5, count=3)))
    alone = pixels(shared_house, worker.paint(request(checkpoint=VIVID, seed=7)))
    assert np.abs(several[2].astype(int) - alone[0]).max() <= 1  # a batch rounds otherwise than one alone


def test_a_job_is_cancelled_within_a_step(worker: WorkerProcess) -> None:
    job = worker.begin(ENDLESS)
    while worker.next(Progress).step < 2:
        pass
    worker.send(Cancel(job_id=job.job_id))
    seen = 0
    while isinstance(event := worker.event(), Progress):
        seen = event.step
    assert event == Cancelled(job_id=job.job_id, attempt=1)
    assert seen < 100


def test_a_job_cancelled_before_its_turn_is_never_begun(worker: WorkerProcess) -> None:
    first = worker.begin(ENDLESS)
    second = worker.begin(ENDLESS)
    for job in (second, first):
        worker.send(Cancel(job_id=job.job_id))
    ends = {worker.next(Cancelled, Finished) for _ in range(2)}
    assert ends == {Cancelled(job_id=job.job_id, attempt=1) for job in (first, second)}


@pytest.fixture
def roomy(shared_house: House) -> Iterator[WorkerProcess]:
    """A worker with room for all jobs: how many pictures pay is measured, and a busy machine measures anything."""
    process = started(shared_house.configure.model_copy(update={"places": PLACES}))
    yield process
    process.kill()


def test_jobs_are_painted_together_and_each_is_told_of_by_itself(roomy: WorkerProcess, shared_house: House) -> None:
    """A short job overtakes long ones, one that is refused or cancelled disturbs nobody."""
    worker = roomy
    asked, files = with_lora(shared_house.bat)
    alone = pixels(shared_house, worker.paint(asked, files))
    slow = [worker.begin(LONG.model_copy(update={"seed": seed})) for seed in (1, 2)]
    while worker.next(Progress).step < 1:
        pass
    refused = worker.begin(*with_lora(shared_house.wash))
    quick = worker.begin(asked, files)
    ends = [worker.next(Finished, Failed) for _ in range(2)]
    by_job = {end.job_id: end for end in ends}
    assert refusal(by_job[refused.job_id]).code == "base_model_mismatch"
    together = pixels(shared_house, by_job[quick.job_id])
    assert np.abs(together[0].astype(int) - alone[0]).max() <= 1  # a batch rounds otherwise than one alone
    for job in slow:
        worker.send(Cancel(job_id=job.job_id))
    assert {worker.next(Cancelled).job_id for _ in slow} == {job.job_id for job in slow}


def test_a_lora_of_the_other_lineage_is_refused_whatever_it_is_called(
    worker: WorkerProcess, shared_house: House
) -> None:
    asked, files = with_lora(shared_house.wash)
    liar = asked.model_copy(update={"loras": (lora(shared_house.wash, name="Bat (vivid)"),)})
    problem = refusal(worker.paint(liar, files))
    assert problem.code == "base_model_mismatch"
    for word in ("Pastel", "Vivid", "The LoRA fits pastel"):
        assert word in str(problem)


@pytest.mark.parametrize(
    "label",
    [
        "shared layers: a whole Pony block", "shared layers: an output name", "SD 1's text encoder, by kohya",
        "Flux's first text encoder with a Pony block", "SD 3's text encoders", "Flux's first blocks with Flux's hash",
        "base notPony_v2", "a private mix called Pony", "Pony by hash, Illustrious by name",
        "a layer by kohya's name and by diffusers'", "a layer that nobody has", "Kolors' layers",
        "PEFT: another base for the text encoder", "OneTrainer: a key twice", "Pony's short hash of another file",
        "base exceptPonyXL", "base ponyXL_klein", "architecture noobai-flux",
    ],
)  # fmt: skip
def test_a_file_that_lies_is_refused(worker: WorkerProcess, shared_house: House, label: str) -> None:
    lie = next(lie for lie in lies() if lie.label == label)
    path = lie.write(shared_house.library, "lie")
    assert refusal(worker.paint(*with_lora(path, PRETENDER))).code in REFUSED


def test_one_that_does_not_lie_gets_as_far_as_the_checkpoint(worker: WorkerProcess, shared_house: House) -> None:
    honest = Lie("", pairs(denoiser("sdxl", "attn2.to_k"), "lora_unet_"), PONY_BLOCK)
    path = honest.write(shared_house.library, "honest")
    assert refusal(worker.paint(*with_lora(path, PRETENDER))).code not in REFUSED


def test_a_lora_that_nobody_knows_is_refused(worker: WorkerProcess, shared_house: House) -> None:
    assert refusal(worker.paint(*with_lora(shared_house.mystery))).code == "base_model_unknown"


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_a_weight_of_zero_opens_no_door(worker: WorkerProcess, shared_house: House, weight: float) -> None:
    assert refusal(worker.paint(*with_lora(shared_house.wash, weight=weight))).code == "base_model_mismatch"


@pytest.mark.parametrize(
    "relative",
    ["../outside.safetensors", "/etc/passwd", "bat.safetensors\0", "sub/../../outside.safetensors", "nowhere.ckpt"],
)
def test_a_path_outside_the_library_is_refused(worker: WorkerProcess, shared_house: House, relative: str) -> None:
    outside = shared_house.folder / "outside.safetensors"
    shutil.copyfile(shared_house.bat, outside)
    asked, files = with_lora(outside)
    problem = refusal(worker.paint(asked, dict.fromkeys(files, relative)))
    assert (problem.code, "library" in str(problem)) == ("lora_file_refused", True)


def test_other_bytes_than_those_chosen_are_refused(worker: WorkerProcess, shared_house: House) -> None:
    asked, files = with_lora(shared_house.bat)
    for there in ({}, dict.fromkeys(files, shared_house.wash.name), dict.fromkeys(files, "gone.safetensors")):
        assert refusal(worker.paint(asked, there)).code == "lora_file_changed"


@pytest.mark.parametrize("kind", ["text", "nan", "stranger", "pipe", "scalar"])
def test_a_file_that_is_no_lora_for_this_checkpoint_is_refused(
    worker: WorkerProcess, shared_house: House, kind: str
) -> None:
    path = shared_house.add_lora(f"Odd-{kind}", "demo/vivid", seed=9)
    damage(path, kind)
    use = LoraUse(sha256="0" * 64 if kind == "pipe" else file_sha256(path), name="Odd")
    problem = refusal(worker.paint(request(checkpoint=VIVID, loras=(use,)), {use.sha256: path.name}))
    assert problem.code == ("layers_unknown" if kind == "stranger" else "lora_file_refused"), problem


def damage(path: Path, kind: str) -> None:
    name = "lora_unet_mid_block_attentions_0_proj_in"
    if kind == "text":
        path.write_text("Dear diary")
    elif kind == "nan":
        tensors = lora_tensors({name: (128, 128)})
        tensors[f"{name}.lora_up.weight"][0, 0] = float("nan")
        path.write_bytes(safetensors_bytes(tensors))
    elif kind == "stranger":
        path.write_bytes(safetensors_bytes(lora_tensors({"lora_unet_nobody": (8, 8)})))
    elif kind == "scalar":
        one = np.array(1, np.float32)
        path.write_bytes(safetensors_bytes({f"{name}.lora_down.weight": one, f"{name}.lora_up.weight": one}))
    else:
        path.unlink()
        os.mkfifo(path)


@pytest.mark.parametrize("name", [BROKEN, MISSING, OTHER_ARCHITECTURE])
def test_a_checkpoint_that_cannot_be_loaded_is_told(worker: WorkerProcess, name: str) -> None:
    problem = refusal(worker.paint(request(checkpoint=name)))
    assert problem.code == "checkpoint_unusable"
    assert name in str(problem)


def test_a_checkpoint_that_is_not_installed_is_told(worker: WorkerProcess) -> None:
    problem = refusal(worker.paint(request(checkpoint="nobody")))
    assert (problem.code, VIVID in str(problem)) == ("checkpoint_not_found", True)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can limit another process's memory")
def test_running_out_of_memory_is_told_and_the_next_job_is_painted(worker: WorkerProcess, shared_house: House) -> None:
    pixels(shared_house, worker.paint(request(checkpoint=VIVID)))
    statm = Path(f"/proc/{worker.process.pid}/statm").read_text().split()
    used = int(statm[0]) * resource.getpagesize()
    before = resource.prlimit(worker.process.pid, resource.RLIMIT_AS, (used + 2**29, resource.RLIM_INFINITY))
    try:
        jobs = [
            worker.begin(request(checkpoint=VIVID, steps=8)),
            worker.begin(request(checkpoint=VIVID, width=4096, height=4096, count=4)),
            worker.begin(request(checkpoint=VIVID, steps=8)),
        ]
        ends = {end.job_id: end for end in (worker.next(Finished, Failed) for _ in jobs)}
        assert all(len(pixels(shared_house, ends[job.job_id])) == 1 for job in (jobs[0], jobs[2])), "neighbours go on"
        problem = refusal(ends[jobs[1].job_id])
        assert (problem.code, "4 x 4096x4096" in str(problem)) == ("out_of_memory", True)
        assert len(pixels(shared_house, worker.paint(request(checkpoint=VIVID)))) == 1
    finally:
        resource.prlimit(worker.process.pid, resource.RLIMIT_AS, before)


def test_after_all_this_the_picture_is_still_the_same(worker: WorkerProcess, shared_house: House) -> None:
    digests = {hashlib.sha256(pixels(shared_house, worker.paint(request(checkpoint=VIVID)))[0].tobytes()).digest()
               for _ in range(2)}  # fmt: skip
    assert len(digests) == 1


def test_a_prompt_and_a_lora_that_were_used_before_are_found_in_the_caches(
    worker: WorkerProcess, shared_house: House
) -> None:
    asked, files = with_lora(shared_house.bat)
    for _ in range(2):
        end = worker.paint(asked.model_copy(update={"prompt": "a prompt nobody has written yet"}), files)
    assert isinstance(end, Finished)
    assert set(end.lookups) == {"embedding", "lora_file", "lora_layers", "lora_set"}
    assert all(seen.hits and not seen.misses for seen in end.lookups.values()), end.lookups


def test_configured_again_it_gives_back_what_it_has_and_knows_the_new_checkpoints(
    worker: WorkerProcess, shared_house: House
) -> None:
    job = worker.begin(ENDLESS)
    worker.next(Progress)
    (only,) = (spec for spec in shared_house.configure.checkpoints if spec.name == PASTEL)
    worker.send(shared_house.configure.model_copy(update={"checkpoints": (only,)}))
    assert worker.next(Cancelled, Finished, Failed) == Cancelled(job_id=job.job_id, attempt=1)
    assert worker.next(Ready).pid == worker.process.pid
    assert worker.next(Capacity) == Capacity(places=1, loaded=())
    assert isinstance(refusal(worker.paint(request(checkpoint=VIVID))), CheckpointNotFound)
    assert isinstance(worker.paint(request(checkpoint=PASTEL)), Finished)
    worker.send(shared_house.configure)
    worker.next(Ready)


def test_a_worker_that_is_asked_to_leave_finishes_nothing_and_leaves_well(worker: WorkerProcess) -> None:
    worker.begin(ENDLESS)
    while worker.next(Progress).step < 1:
        pass
    worker.send(Shutdown())
    assert worker.process.wait(MAX_WAIT) == 0
    assert worker.next(Cancelled)


def test_the_last_words_of_a_worker_that_cannot_start_are_the_reason(shared_house: House) -> None:
    worker = WorkerProcess(stderr=subprocess.PIPE)  # whose stdin stays open, as it does at the bot's
    worker.send(shared_house.configure.model_copy(update={"device": "cuda:99"}))
    assert worker.process.stderr
    said = worker.process.stderr.read().decode().splitlines()
    assert said[-1].startswith("RuntimeError: the device cuda:99 cannot be used: ")
    assert worker.leave() == 1
