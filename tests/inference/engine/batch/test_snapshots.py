"""Every sampler, stopped after any step and resumed elsewhere, ends bit-identically."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import EulerDiscreteScheduler
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from inference.engine.batch.snapshots import Snapshot, _same
from inference.engine.models.samplers import scheduler_for
from inference.engine.process.states import States
from inference.messages.checkpoints import PredictionType
from inference.messages.samplers import UNET_SPACINGS, Sampler, Spacing
from inference.messages.spool import state_file
from inference.prediction import Prediction

CONFIG = EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear").config
STEPS = 6


SPACED = [(sampler, spacing) for sampler in Sampler for spacing in (None, *UNET_SPACINGS[sampler])]


def fresh(sampler: Sampler, spacing: Spacing | None = None) -> Any:
    scheduler = scheduler_for(sampler, CONFIG, Prediction(PredictionType.EPSILON, False), STEPS, spacing)
    scheduler.set_timesteps(STEPS)
    return scheduler


@dataclass
class Painting:
    """A request whose denoiser is a formula."""

    scheduler: Any
    generators: list[torch.Generator] = field(
        default_factory=lambda: [torch.Generator("cpu").manual_seed(seed) for seed in (1, 2)]
    )
    done: int = 0

    def __post_init__(self) -> None:
        noise = [torch.randn(1, 4, 6, 6, generator=generator) for generator in self.generators]
        self.latents = torch.cat(noise) * self.scheduler.init_noise_sigma

    @property
    def total(self) -> int:
        return len(self.scheduler.timesteps)

    def step(self) -> None:
        time = self.scheduler.timesteps[self.done]
        model_output = torch.tanh(self.scheduler.scale_model_input(self.latents, time) * (1 + time / 1000))
        known = inspect.signature(self.scheduler.step).parameters
        options = {"generator": self.generators} if "generator" in known else {}
        self.latents = self.scheduler.step(model_output, time, self.latents, **options, return_dict=False)[0]
        self.done += 1

    def finish(self) -> torch.Tensor:
        while self.done < len(self.scheduler.timesteps):
            self.step()
        return self.latents


@pytest.mark.parametrize(("sampler", "spacing"), SPACED)
def test_a_sampler_resumed_after_any_step_ends_bit_identically(
    sampler: Sampler, spacing: Spacing | None, tmp_path: Path
) -> None:
    whole = Painting(fresh(sampler, spacing)).finish()
    stopped = Painting(fresh(sampler, spacing))
    for number in range(len(stopped.scheduler.timesteps)):
        file = tmp_path / f"{number}.safetensors"
        Snapshot.of(stopped, fresh(sampler, spacing)).write(file, "this job")
        resumed = Painting(fresh(sampler, spacing))
        kept = Snapshot.read(file, "this job")
        assert kept is not None and kept.done == number
        kept.put_back(resumed)
        assert torch.equal(resumed.finish(), whole), number
        stopped.step()


def test_only_what_steps_change_is_written() -> None:
    painting = Painting(fresh(Sampler.DPMPP_2M))
    for _ in range(3):
        painting.step()
    snapshot = Snapshot.of(painting, fresh(Sampler.DPMPP_2M))
    assert set(snapshot.values) == {"_step_index", "lower_order_nums", "model_outputs"}


def test_tensors_on_different_devices_are_not_the_same() -> None:
    """diffusers moves DDIM's table with the picture; numbers of two devices cannot be compared."""
    fresh_one, moved = fresh(Sampler.DDIM), torch.device("meta")
    assert _same(fresh_one.alphas_cumprod, fresh_one.alphas_cumprod.clone())
    assert not _same(fresh_one.alphas_cumprod.to(moved), fresh_one.alphas_cumprod)
    assert not _same(fresh_one.alphas_cumprod.half(), fresh_one.alphas_cumprod)


def test_a_snapshot_of_another_job_or_a_damaged_one_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "state.safetensors"
    painting = Painting(fresh(Sampler.EULER))
    painting.step()
    Snapshot.of(painting, fresh(Sampler.EULER)).write(file, "this job")
    assert Snapshot.read(file, "another job") is None
    assert Snapshot.read(tmp_path / "nothing", "this job") is None
    whole = file.read_bytes()
    for broken in (b"", whole[:50], whole[:-10], b"\xff" * 100):
        file.write_bytes(broken)
        assert Snapshot.read(file, "this job") is None


@pytest.mark.parametrize(
    "spoilt",
    [
        {"done": "4"}, {"done": "-1"}, {"done": "x"}, {"done": "9" * 30}, {"values": "[]"}, {"values": "[" * 10_000},
        {"values": "{}"}, {"values": '{"hello": 1}'}, {"format": "easel snapshot 1"}, {"digest": ""}, {"latents": ""},
    ],
    ids=lambda spoilt: next(iter(spoilt)),
)  # fmt: skip
def test_a_changed_snapshot_is_not_read(tmp_path: Path, spoilt: dict[str, str]) -> None:
    file = tmp_path / "state.safetensors"
    painting = Painting(fresh(Sampler.DPMPP_2M))
    painting.step()
    Snapshot.of(painting, fresh(Sampler.DPMPP_2M)).write(file, "this job")
    assert Snapshot.read(file, "this job") is not None
    tensors = load_file(file)
    with safe_open(str(file), framework="pt") as kept:
        metadata = dict(kept.metadata())
    if "latents" in spoilt:
        tensors["latents"][0, 0, 0, 0] += 1e-3
    save_file(tensors, file, metadata | spoilt)
    assert Snapshot.read(file, "this job") is None


def test_on_a_full_disk_no_state_is_saved_and_a_folder_that_is_gone_is_made_anew(tmp_path: Path) -> None:
    painting = Painting(fresh(Sampler.EULER))
    painting.step()
    snapshot = Snapshot.of(painting, fresh(Sampler.EULER))
    (tmp_path / state_file(1)).with_suffix(".part").symlink_to("/dev/full")
    States(tmp_path).save(1, "this job", snapshot)
    assert not list(tmp_path.iterdir())
    States(tmp_path / "gone").save(1, "this job", snapshot)
    assert States(tmp_path / "gone").find(1, "this job") is not None
    States(tmp_path / "dead" / "spool").save(1, "this job", snapshot)
    assert not (tmp_path / "dead").exists(), "that of a worker which is dead and cleared away"


@pytest.mark.parametrize("other", ["size", "sampler", "steps"])
def test_a_snapshot_of_another_request_is_refused(other: str) -> None:
    painting = Painting(fresh(Sampler.DPMPP_2M))
    for _ in range(3):
        painting.step()
    resuming = Painting(fresh(Sampler.EULER if other == "sampler" else Sampler.DPMPP_2M))
    if other == "size":
        resuming.latents = resuming.latents[:1]
    elif other == "steps":
        resuming.scheduler.set_timesteps(3)
    with pytest.raises(ValueError, match="of another request"):
        Snapshot.of(painting, fresh(Sampler.DPMPP_2M)).put_back(resuming)
