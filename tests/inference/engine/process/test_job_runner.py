"""The job runner in one process: samplers, other architectures, previews, and what must not come out as a picture."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from PIL import Image
from safetensors.torch import save_file
from transformers import AutoTokenizer, CLIPTextConfig, CLIPTextModel

from inference.base_models import BaseModelId
from inference.demo import CHECKPOINTS
from inference.engine.process.job_runner import JobRunner, _write  # pyright: ignore[reportPrivateUsage]
from inference.errors import (
    BaseModelMismatch,
    LayersUnknown,
    LoraFileRefused,
    LoraNotAtWork,
    OutOfMemory,
    PictureNotSaved,
    PredictionMismatch,
)
from inference.files.hashes import file_sha256
from inference.lora.beside.declarations import FILE_NAME, allow_on
from inference.messages.checkpoints import CheckpointSpec, PredictionType
from inference.messages.commands import Generate
from inference.messages.events import Failed, Progress
from inference.messages.request import GenerationRequest, LoraUse
from inference.messages.samplers import Sampler
from inference.parameters import read_infotext, texts_in
from tests.house import BASES, PASTEL, VIVID, House, attention_modules
from tests.inference.engine.batch.test_out_of_memory import MORE_THAN_THERE_IS
from tests.inference.engine.painting import paint
from tests.inference.engine.worlds import arrived
from tests.inference.requests import request
from tests.lora_files import write_lora, write_sidecar

CPU = torch.device("cpu")
SMALL = "small-sd1"


@pytest.fixture(scope="module")
def runner(shared_house: House, tmp_path_factory: pytest.TempPathFactory) -> JobRunner:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("sd1")
    small_sd1().save_pretrained(folder)
    sd1 = CheckpointSpec(name=SMALL, source=str(folder), base_model=BaseModelId("sd1/base"))
    configure = shared_house.configure
    return JobRunner(configure.model_copy(update={"checkpoints": (*configure.checkpoints, sd1)}), CPU)


def small_sd1() -> StableDiffusionPipeline:
    """Random weights in the shape of Stable Diffusion 1.5: four blocks, convolutions as projections."""
    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(CHECKPOINTS[0].path / "tokenizer", local_files_only=True)
    text = CLIPTextConfig(vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
                          num_attention_heads=4, projection_dim=32)  # fmt: skip
    unet = UNet2DConditionModel(sample_size=8, block_out_channels=(16, 32, 32, 32), layers_per_block=1,
                                cross_attention_dim=32, attention_head_dim=4, norm_num_groups=8)  # fmt: skip
    vae = AutoencoderKL(block_out_channels=(8, 8, 16, 16), norm_num_groups=4, layers_per_block=1, latent_channels=4,
                        down_block_types=("DownEncoderBlock2D",) * 4,
                        up_block_types=("UpDecoderBlock2D",) * 4)  # fmt: skip
    return StableDiffusionPipeline(
        vae=vae, unet=unet, text_encoder=CLIPTextModel(text), tokenizer=tokenizer, safety_checker=None,
        scheduler=DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear"),
        feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip


def painted(
    runner: JobRunner, house: House, made: GenerationRequest, files: dict[str, str] | None = None
) -> tuple[list[np.ndarray], list[Progress]]:
    done = paint(runner, made, files)
    return [np.asarray(Image.open(house.data / "spool" / name)) for name in done.end.files], done.steps


@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize("sampler", Sampler)
def test_every_sampler_paints(runner: JobRunner, shared_house: House, sampler: Sampler, steps: int) -> None:
    made = request(checkpoint=VIVID, sampler=sampler, steps=steps)
    (picture,), told = painted(runner, shared_house, made)
    assert picture.shape == (64, 64, 3)
    assert picture.std() > 1, "not one flat colour"
    assert told[-1].step == told[-1].steps >= steps


@pytest.mark.parametrize("sampler", Sampler)
def test_a_seed_means_the_same_picture_with_every_sampler(
    runner: JobRunner, shared_house: House, sampler: Sampler
) -> None:
    made = request(checkpoint=VIVID, sampler=sampler, steps=3)
    first, second = (painted(runner, shared_house, made)[0][0] for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("sampler", [Sampler.LCM, Sampler.DPMPP_2M_KARRAS, Sampler.UNIPC])
def test_every_number_of_steps_that_may_be_asked_for_is_possible(
    runner: JobRunner, shared_house: House, sampler: Sampler
) -> None:
    (picture,), told = painted(runner, shared_house, request(checkpoint=VIVID, sampler=sampler, steps=60))
    assert (picture.shape, told[-1].step) == ((64, 64, 3), 60)


@pytest.mark.parametrize("guidance", [0, 1, 30])
def test_every_guidance_paints(runner: JobRunner, shared_house: House, guidance: float) -> None:
    made = request(checkpoint=VIVID, guidance_scale=guidance, negative_prompt="blurry")
    assert len(painted(runner, shared_house, made)[0]) == 1


@pytest.mark.parametrize("prompt", ["", "x " * 2000, "\0\n\t", "\U0001f3a8" * 100, "(((", "<lora:x:1>"])
def test_every_prompt_paints(runner: JobRunner, shared_house: House, prompt: str) -> None:
    assert len(painted(runner, shared_house, request(checkpoint=VIVID, steps=1, prompt=prompt))[0]) == 1


def test_pictures_with_regions_are_told_step_by_step_and_carry_their_regions(
    runner: JobRunner, shared_house: House
) -> None:
    words = [{"name": "right", "prompt": "a red heart"}, {"name": "left", "prompt": "an owl"}]
    made = request(checkpoint=VIVID, prompt="yellow background", regions=words, count=2, steps=3)
    done = paint(runner, made)
    assert [step.step for step in done.steps] == [0, 1, 2, 3]
    for number, name in enumerate(done.end.files):
        texts = texts_in((shared_house.data / "spool" / name).read_bytes())
        assert GenerationRequest.model_validate_json(texts.easel or "") == made.only(number)
        told = [(region.name.value, region.prompt) for region in read_infotext(texts.parameters or "").regions]
        assert told == [
            ("left", "an owl on the left, yellow background"),
            ("right", "a red heart on the right, yellow background"),
        ]


def test_another_architecture_paints(runner: JobRunner, shared_house: House) -> None:
    plain, _ = painted(runner, shared_house, request(checkpoint=SMALL))
    assert np.array_equal(plain, painted(runner, shared_house, request(checkpoint=SMALL))[0])


def test_a_sidecar_does_not_make_a_lora_fit_whose_layers_no_known_model_has(
    runner: JobRunner, shared_house: House
) -> None:
    path = shared_house.library / "sd1.safetensors"
    narrow = {"lora_down.weight": torch.ones(4, 16, 1, 1), "lora_up.weight": torch.ones(16, 4, 1, 1)}
    save_file({f"lora_unet_down_blocks_0_attentions_0_proj_in.{key}": each for key, each in narrow.items()}, path)
    write_sidecar(path, base_model="sd1/base")
    use = LoraUse(sha256=file_sha256(path), name="sd1")
    with pytest.raises(LayersUnknown):
        painted(runner, shared_house, request(checkpoint=SMALL, loras=(use,)), {use.sha256: path.name})


def test_an_epsilon_lora_on_a_v_checkpoint_is_told_and_a_v_lora_on_an_epsilon_checkpoint_refused(
    shared_house: House,
) -> None:
    path, files = v_and_epsilon_loras(shared_house)
    assert paint_notes(shared_house, "v_prediction", path["v"], files) == ()
    (note,) = paint_notes(shared_house, "v_prediction", path["epsilon"], files)
    assert "epsilon" in note
    assert paint_notes(shared_house, "epsilon", path["epsilon"], files) == ()
    with pytest.raises(PredictionMismatch):
        paint_notes(shared_house, "epsilon", path["v"], files)
    (note,) = paint_notes(shared_house, "epsilon", path["v"], files, allow_v_on_epsilon=True)
    assert "v-prediction" in note


def test_the_worker_knows_a_v_lora_by_the_hash_of_an_installed_checkpoint(shared_house: House) -> None:
    path = shared_house.library / "private.safetensors"
    write_lora(path, modules=attention_modules(), seed=5, metadata={"ss_new_sd_model_hash": "c" * 64})
    use = LoraUse(sha256=file_sha256(path), name="private")
    vivid = shared_house.configure.checkpoints[0].model_copy(update={"prediction_type": PredictionType.EPSILON})
    private = vivid.model_copy(update={"name": "Private", "sha256": "c" * 64, "predicts": PredictionType.V_PREDICTION})
    runner = JobRunner(shared_house.configure.model_copy(update={"checkpoints": (vivid, private)}), CPU)
    with pytest.raises(PredictionMismatch):
        paint(runner, request(checkpoint=VIVID, steps=1, loras=(use,)), {use.sha256: path.name})


def test_the_worker_lets_one_file_go_on_a_relative_while_the_operator_allows_it(
    runner: JobRunner, shared_house: House
) -> None:
    path = shared_house.library / "relative.safetensors"
    write_lora(path, modules=attention_modules(), seed=6)
    write_sidecar(path, base_model=BASES[VIVID])
    use = LoraUse(sha256=file_sha256(path), name="relative")
    pastel = BaseModelId(BASES[PASTEL])

    def painted_on_pastel() -> int:
        made = request(checkpoint=PASTEL, steps=1, loras=(use,))
        return len(painted(runner, shared_house, made, {use.sha256: path.name})[0])

    def allowed(*, withdrawn: bool, sha256: str = use.sha256) -> None:
        allow_on(shared_house.library, sha256, pastel, who="me", reason="x", withdrawn=withdrawn)

    try:
        allowed(withdrawn=False, sha256="f" * 64)  # other bytes
        with pytest.raises(BaseModelMismatch):
            painted_on_pastel()
        allowed(withdrawn=False)
        assert painted_on_pastel() == 1
        allowed(withdrawn=True)
        with pytest.raises(BaseModelMismatch):
            painted_on_pastel()
    finally:
        (shared_house.library / FILE_NAME).unlink()


def v_and_epsilon_loras(house: House) -> tuple[dict[str, LoraUse], dict[str, str]]:
    uses: dict[str, LoraUse] = {}
    files: dict[str, str] = {}
    for kind in ("v", "epsilon"):
        path = house.library / f"{kind}.safetensors"
        write_lora(path, modules=attention_modules(), metadata={"modelspec.prediction_type": kind})
        write_sidecar(path, base_model="demo/vivid")
        uses[kind] = LoraUse(sha256=file_sha256(path), name=kind)
        files[uses[kind].sha256] = path.name
    return uses, files


def paint_notes(
    house: House, prediction_type: str, use: LoraUse, files: dict[str, str], **options: bool
) -> tuple[str, ...]:
    vivid = house.configure.checkpoints[0].model_copy(update={"prediction_type": PredictionType(prediction_type)})
    runner = JobRunner(house.configure.model_copy(update={"checkpoints": (vivid,), **options}), CPU)
    return paint(runner, request(checkpoint=VIVID, steps=1, loras=(use,)), files).end.notes


def test_a_job_is_reported_as_started_before_its_checkpoint_is_loaded(shared_house: House) -> None:
    told: list[tuple[int, tuple[str, ...]]] = []
    runner = JobRunner(
        shared_house.configure.model_copy(update={"places": 1}),
        CPU,
        lambda event: told.append((event.job_id, runner.engine.loaded)),
    )
    for job_id, steps in ((1, 3), (2, 2), (3, 1)):
        runner.take(Generate(job_id=job_id, attempt=1, request=request(checkpoint=VIVID, steps=steps), files={}))
        if job_id == 1:
            assert told == []
            while not told:
                runner.step()
    arrived(runner.engine)
    assert told == [(1, ())]
    while runner.busy:
        runner.step()
    assert told == [(1, ()), (3, (VIVID,)), (2, (VIVID,))]
    runner.close()


def test_a_layer_that_is_never_called_fails_the_job(
    runner: JobRunner, shared_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No network does this today; one that skips a layer must not apply a LoRA in part."""
    plain, _ = painted(runner, shared_house, request(checkpoint=VIVID))
    tensors = {f"{PROJECTION}.lora_down.weight": torch.ones(2, 128), f"{PROJECTION}.lora_up.weight": torch.ones(128, 2)}
    made, files = own_lora(shared_house, "idle", tensors)
    checkpoint = runner.engine._store.current
    assert checkpoint is not None
    unet = checkpoint.pipeline.unet
    block = unet.mid_block.attentions[0]
    with monkeypatch.context() as patch:
        patch.setattr(block, "forward", lambda hidden_states, *args, **options: (hidden_states,))
        with pytest.raises(LoraNotAtWork, match="0 of the 1 parts"):
            painted(runner, shared_house, made, files)
    assert np.array_equal(plain, painted(runner, shared_house, request(checkpoint=VIVID))[0])


def own_lora(house: House, name: str, tensors: dict[str, torch.Tensor]) -> tuple[GenerationRequest, dict[str, str]]:
    path = house.library / f"{name}.safetensors"
    save_file(tensors, path)
    write_sidecar(path, base_model="demo/vivid")
    use = LoraUse(sha256=file_sha256(path), name=name)
    return request(checkpoint=VIVID, loras=(use,)), {use.sha256: path.name}


PROJECTION = "lora_unet_mid_block_attentions_0_proj_in"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_lora_with_a_number_that_is_none_is_refused(runner: JobRunner, shared_house: House, value: float) -> None:
    tensors = {f"{PROJECTION}.lora_down.weight": torch.ones(2, 128), f"{PROJECTION}.lora_up.weight": torch.ones(128, 2)}
    tensors[f"{PROJECTION}.lora_up.weight"][3, 1] = value
    with pytest.raises(LoraFileRefused, match="contains invalid numbers"):
        painted(runner, shared_house, *own_lora(shared_house, "poison", tensors))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.float8_e4m3fn])
def test_a_lora_of_every_precision_that_the_reader_lets_in_is_used(
    runner: JobRunner, shared_house: House, dtype: torch.dtype
) -> None:
    tensors = {
        f"{PROJECTION}.lora_down.weight": torch.ones(2, 128).to(dtype),
        f"{PROJECTION}.lora_up.weight": torch.ones(128, 2).to(dtype),
    }
    assert len(painted(runner, shared_house, *own_lora(shared_house, "precise", tensors))[0]) == 1


def test_a_lora_that_is_out_of_all_proportion_is_refused(runner: JobRunner, shared_house: House) -> None:
    huge = torch.full((2, 128), 1e30)
    tensors = {f"{PROJECTION}.lora_down.weight": huge, f"{PROJECTION}.lora_up.weight": huge.T.contiguous()}
    plain, _ = painted(runner, shared_house, request(checkpoint=VIVID))
    with pytest.raises(LoraFileRefused, match="proportion"):
        painted(runner, shared_house, *own_lora(shared_house, "huge", tensors))
    assert np.array_equal(plain, painted(runner, shared_house, request(checkpoint=VIVID))[0])


def test_a_job_cancelled_in_the_middle_leaves_the_checkpoint_unchanged(runner: JobRunner, shared_house: House) -> None:
    plain, _ = painted(runner, shared_house, request(checkpoint=VIVID))
    use = LoraUse(sha256=file_sha256(shared_house.bat), name="Bat", weight=4)
    order = request(checkpoint=VIVID, loras=(use,), steps=4)
    runner.take(Generate(job_id=7, attempt=1, request=order, files={use.sha256: "bat.safetensors"}))
    while not any(isinstance(event, Progress) and event.step == 2 for event in runner.step()):
        pass
    runner.cancel(7)
    assert [event.type for event in runner.step()] == ["cancelled"]
    assert np.array_equal(plain, painted(runner, shared_house, request(checkpoint=VIVID))[0])


def test_previews_come_half_way_and_lie_in_the_spool(runner: JobRunner, shared_house: House) -> None:
    _, steps = painted(runner, shared_house, request(checkpoint=VIVID, steps=8, width=80, height=48))
    previews = {step.step: step.preview for step in steps if step.preview}
    assert 4 in previews
    assert 8 not in previews, "the picture itself comes now"
    with Image.open(shared_house.data / "spool" / str(previews[4])) as preview:
        assert preview.size == (256, 154)


def test_a_spool_that_is_deleted_during_a_job_is_created_again(runner: JobRunner, shared_house: House) -> None:
    spool = shared_house.data / "spool"

    def tidy_up(step: Progress) -> None:
        if step.step == 3:
            shutil.rmtree(spool)

    done = paint(runner, request(checkpoint=VIVID, steps=8), on_step=tidy_up)
    assert [(spool / name).is_file() for name in done.end.files] == [True]


def test_the_folders_of_a_worker_that_is_dead_are_not_created_again(tmp_path: Path) -> None:
    """On a node its engine may outlive it for a moment, and nobody would delete what that leaves."""
    with pytest.raises(FileNotFoundError):
        _write(Image.new("RGB", (8, 8)), tmp_path / "dead" / "spool" / "job1-1-0.png")
    assert not list(tmp_path.iterdir())


def test_memory_that_is_short_costs_a_preview_or_a_state_but_never_the_worker(
    runner: JobRunner, shared_house: House
) -> None:
    def starve() -> None:
        torch.empty(MORE_THAN_THERE_IS, dtype=torch.uint8)

    def starve_job(_: Progress) -> None:
        (job,) = runner._jobs
        job.handle.read_preview = job.handle.take_snapshot = starve

    done = paint(runner, request(checkpoint=VIVID, steps=8), on_step=starve_job)
    assert done.end.files and not any(step.preview for step in done.steps)


def test_a_picture_that_cannot_be_copied_off_its_device_fails_alone(runner: JobRunner) -> None:
    class OnTheDevice:
        def cpu(self) -> None:
            torch.empty(MORE_THAN_THERE_IS, dtype=torch.uint8)

    runner.take(Generate(job_id=7, attempt=1, request=request(checkpoint=VIVID, steps=1)))
    (job,) = runner._jobs
    runner.engine.finish()
    job.handle.pictures = OnTheDevice()  # type: ignore[assignment]
    (failed,) = [event for event in runner.step() if isinstance(event, Failed)]
    assert (failed.job_id, failed.code) == (7, OutOfMemory.code)


def test_a_full_disk_costs_the_preview_or_the_picture_but_never_the_worker(
    runner: JobRunner, shared_house: House
) -> None:
    def fill(name: str) -> None:
        (shared_house.data / "spool").mkdir(exist_ok=True)
        (shared_house.data / "spool" / name).unlink(missing_ok=True)
        (shared_house.data / "spool" / name).symlink_to("/dev/full")

    fill("job1-1-preview.part")
    # Each attempt removes it, and a slow machine makes several.
    done = paint(runner, request(checkpoint=VIVID, steps=8), on_step=lambda _: fill("job1-1-preview.part"))
    assert done.end.files and not any(step.preview for step in done.steps)
    fill("job1-1-0.part")
    with pytest.raises(PictureNotSaved, match="No space left on device"):
        paint(runner, request(checkpoint=VIVID, steps=8))
    assert paint(runner, request(checkpoint=VIVID, steps=8)).end.files
