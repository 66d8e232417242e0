"""Paints one request at a time through diffusers' own pipelines."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from inference.base_models import CompatibilityTable
from inference.engine.attachment import attached
from inference.engine.checkpoints import Checkpoint, CheckpointStore
from inference.engine.clean import CleanLatents
from inference.engine.folding import Change, Folded, ModuleKey, fold_all
from inference.engine.lora_files import LoraFile, LoraReader
from inference.engine.normalise import normalise
from inference.engine.samplers import scheduler_for
from inference.engine.source_image import read_source
from inference.errors import CheckpointNotFound, LoraNotAtWork, NotANumberPicture
from inference.lora.installed import installed_hashes
from inference.matching import KnownLora, Matcher
from inference.messages import CheckpointSpec, Configure, Generate, GenerationRequest
from inference.parameters import CHUNK, JSON_CHUNK, infotext

PREVIEW_SECONDS = 0.5  # at most one preview in this time, but always one half-way
PREVIEW_SIDE = 256  # pixels of the longer side


class JobCancelled(Exception):
    """The job was stopped between two steps."""


@dataclass(frozen=True)
class Step:
    """`done` of `total` forward passes; `preview` is a file name in the spool."""

    done: int
    total: int
    preview: str | None = None


@dataclass(frozen=True)
class Painted:
    """The pictures' file names in the spool, and sentences for the person."""

    pictures: tuple[str, ...]
    notes: tuple[str, ...] = ()


OnStep = Callable[[Step], None]  # may raise JobCancelled


class Painter:
    """Holds the checkpoints and reads LoRAs; knows nothing of pipes and processes."""

    def __init__(self, config: Configure, device: torch.device) -> None:
        self._device = device
        self._spool = Path(config.spool)
        self._inputs = Path(config.inputs)
        self._store = CheckpointStore(config.checkpoints, device)
        table = CompatibilityTable.of(config.allowed_pairs)
        self._matcher = Matcher(config.checkpoints, table, config.allow_v_on_epsilon)
        installed = installed_hashes(config.checkpoints)
        self._max_dense_bytes = config.max_dense_bytes
        self._reader = LoraReader(Path(config.library), installed, config.max_lora_bytes, config.trust_tags)

    @property
    def loaded(self) -> tuple[str, ...]:
        """Names of the checkpoints in memory."""
        return self._store.loaded

    def clear(self) -> None:
        """After a surprise: forget everything that may have been left half-done."""
        self._store.drop()

    def paint(self, job: Generate, on_step: OnStep) -> Painted:
        """Paint `job`.

        Raises the errors of `inference.errors`, and whatever `on_step` raises. A LoRA is matched against the
        declared base model here, on the bytes that are loaded, whatever the job claims.
        """
        request = job.request
        spec = self._spec(request.checkpoint)
        files = [self._reader.read(use, job.files.get(use.sha256)) for use in request.loras]
        for refusal in self._matcher.misfits([_known(file) for file in files], spec):
            raise refusal
        size = (request.width, request.height)
        source = read_source(self._inputs, request.image, size) if request.image else None
        on_step(Step(0, request.steps))
        checkpoint = self._store.get(spec)
        notes = self._notes(files, checkpoint)
        loras = [(self._normalised(file, checkpoint), file.use.weight) for file in files]
        changes = fold_all(loras, checkpoint.layers)
        run = _Run(checkpoint, request, source, changes, self._device, on_step, self._spool, _stem(job))
        pictures = run.pictures()
        return Painted(tuple(self._save(picture, i, job, spec, files) for i, picture in enumerate(pictures)), notes)

    def _normalised(self, file: LoraFile, checkpoint: Checkpoint) -> Mapping[ModuleKey, Change]:
        return normalise(file, checkpoint.names, checkpoint.spec.name, self._max_dense_bytes)

    def _notes(self, files: list[LoraFile], checkpoint: Checkpoint) -> tuple[str, ...]:
        """What to tell of LoRAs that learnt to predict something else than is loaded. Raises PredictionMismatch."""
        loaded = checkpoint.spec.model_copy(update={"predicts": checkpoint.prediction.type})
        for refusal in self._matcher.misfits(map(_known, files), loaded):
            raise refusal
        return tuple(note for file in files if (note := self._matcher.note(_known(file), loaded)))

    def _spec(self, name: str) -> CheckpointSpec:
        spec = self._store.spec(name)
        if spec is None:
            raise CheckpointNotFound(name=name, installed=[known.name for known in self._matcher.checkpoints])
        return spec

    def _save(self, picture: Image.Image, i: int, job: Generate, spec: CheckpointSpec, files: list[LoraFile]) -> str:
        info = PngInfo()
        autov3 = {file.use.sha256: file.autov3 for file in files}
        request = job.request.only(i)
        info.add_itxt(CHUNK, infotext(request, spec.sha256, autov3))
        info.add_itxt(JSON_CHUNK, request.model_dump_json())
        return _write(picture, self._spool / f"{_stem(job)}-{i}.png", pnginfo=info)


@dataclass
class _Run:
    """One pass of the pipeline."""

    checkpoint: Checkpoint
    request: GenerationRequest
    source: Image.Image | None
    changes: dict[ModuleKey, Folded]
    device: torch.device
    on_step: OnStep
    spool: Path
    stem: str
    last_preview: float = field(default_factory=time.monotonic)
    idle: set[ModuleKey] = field(default_factory=set)
    clean: CleanLatents | None = None

    @torch.no_grad()
    def pictures(self) -> list[Image.Image]:
        request = self.request
        pipeline = self.checkpoint.from_a_picture() if self.source else self.checkpoint.pipeline
        pipeline.scheduler = scheduler_for(
            request.sampler, self.checkpoint.scheduler_config, self.checkpoint.prediction, request.steps
        )
        self.clean = CleanLatents(pipeline.scheduler)
        # On the CPU whatever the device, so that a seed means the same noise everywhere.
        generators = [torch.Generator("cpu").manual_seed(seed) for seed in request.seeds]
        with attached(self.checkpoint.layers, self.changes) as self.idle:
            output = pipeline(
                prompt=request.full_prompt,
                negative_prompt=request.negative_prompt or None,
                **self._beginning(),
                num_inference_steps=request.steps,
                guidance_scale=request.guidance_scale,
                num_images_per_prompt=request.count,
                generator=generators,
                output_type="pt",
                callback_on_step_end=self._after_step,
            )
        return [_image(pixels) for pixels in output.images]

    def _beginning(self) -> dict[str, Any]:
        """Noise of the request's size, or a picture of that size with as much noise as its strength says."""
        request = self.request
        if self.source is None or request.image is None:
            return {"width": request.width, "height": request.height}
        # diffusers does the share `strength` of the steps, rounded down; with none at all it would give up.
        steps = max(1, int(request.steps * request.image.strength))
        return {"image": self.source, "strength": min(1.0, (steps + 0.5) / request.steps)}

    def _after_step(self, pipeline: Any, index: int, timestep: Any, values: dict[str, torch.Tensor]) -> dict[str, Any]:
        self._check_at_work()
        latents = values["latents"]
        if not bool(latents.isfinite().all()):
            raise NotANumberPicture
        total = int(pipeline.num_timesteps)
        preview = self._preview() if self._wants_preview(index + 1, total) else None
        self.on_step(Step(index + 1, total, preview))
        return {}

    def _check_at_work(self) -> None:
        """After a step every layer has run once: one whose change did not run would make half a LoRA of it."""
        if self.idle:
            raise LoraNotAtWork(
                checkpoint=self.checkpoint.spec.name,
                modules=[".".join(key) for key in sorted(self.idle)[:3]],
                active=len(self.changes) - len(self.idle),
                expected=len(self.changes),
            )

    def _wants_preview(self, done: int, total: int) -> bool:
        now = time.monotonic()
        if done == total or (done != total // 2 and now - self.last_preview < PREVIEW_SECONDS):
            return False
        self.last_preview = now
        return True

    def _preview(self) -> str | None:
        if self.clean is None or self.clean.latest is None:
            return None
        scale = PREVIEW_SIDE / max(self.request.width, self.request.height)
        size = (round(self.request.width * scale), round(self.request.height * scale))
        picture = self.checkpoint.preview.picture(self.clean.latest[0], size)
        return _write(picture, self.spool / f"{self.stem}-preview.png")


def _known(file: LoraFile) -> KnownLora:
    return KnownLora(file.use.name, file.evidence.base_model, file.evidence.source.value, file.prediction)


def _stem(job: Generate) -> str:
    return f"job{job.job_id}-{job.attempt}"


def _image(pixels: torch.Tensor) -> Image.Image:
    """A picture from (3, h, w) in 0..1. Raises NotANumberPicture."""
    if not bool(pixels.isfinite().all()):
        raise NotANumberPicture
    return Image.fromarray((pixels.float().cpu().permute(1, 2, 0) * 255).round().to(torch.uint8).numpy())


def _write(picture: Image.Image, path: Path, **options: Any) -> str:
    """Write under another name and rename, so that nobody ever reads half a picture. Returns the file's name."""
    unfinished = path.with_suffix(".part")
    picture.save(unfinished, format="PNG", **options)
    unfinished.replace(path)
    return path.name
