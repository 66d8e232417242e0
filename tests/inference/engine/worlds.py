"""Checkpoints, LoRAs of every format and random requests for tests of exactness, and the reference they are held to.

The reference is diffusers' own pipeline, one request at a time, with the LoRAs merged into the weights: each change
written out as a dense matrix by the formula of its format, in double precision, with nothing of the engine's.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionPipeline,
    StableDiffusionXLImg2ImgPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from PIL import Image
from torch import nn
from transformers import AutoTokenizer, CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from inference.base_models import BaseModelId, CompatibilityTable
from inference.checkpoints.files import CheckpointSays
from inference.demo import CHECKPOINTS
from inference.engine.engine import Engine
from inference.engine.intake.checkpoint_store import CheckpointStore
from inference.engine.layers.layer_hooks import SMALL_LAYER_RANK
from inference.engine.lora.lora_files import LoraFile
from inference.engine.models.checkpoints import Checkpoint
from inference.engine.models.samplers import scheduler_for
from inference.engine.options import Options
from inference.errors import LoraFileChanged
from inference.lora.evidence import Evidence, Source
from inference.matching import Matcher
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.request import GenerationRequest, LoraUse
from inference.messages.samplers import UNET_SPACINGS, Sampler
from inference.prediction import Prediction, checkpoint_prediction
from tests.inference.engine.written import WRITTEN, spoken
from tests.inference.requests import request

CPU = torch.device("cpu")
PARTS = ("unet", "text_encoder", "text_encoder_2")
FORMATS = ("lora", "dora", "loha", "lokr")
Shape = tuple[int, ...]


def text_encoder(kind: Any, vocabulary: int, width: int, layers: int) -> Any:
    return kind(
        CLIPTextConfig(
            vocab_size=vocabulary, hidden_size=width, intermediate_size=2 * width, num_hidden_layers=layers,
            num_attention_heads=2, projection_dim=width, max_position_embeddings=32, bos_token_id=742, eos_token_id=743,
        )
    )  # fmt: skip


def _vae() -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(8, 16), norm_num_groups=4, layers_per_block=1,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    )  # fmt: skip


def _sd1() -> Any:
    tokenizer = AutoTokenizer.from_pretrained(CHECKPOINTS[0].path / "tokenizer", local_files_only=True)
    unet = UNet2DConditionModel(
        sample_size=8, block_out_channels=(16, 32, 32, 32), layers_per_block=1, cross_attention_dim=32,
        attention_head_dim=4, norm_num_groups=8,
    )  # fmt: skip
    return StableDiffusionPipeline(
        vae=_vae(), unet=unet, text_encoder=text_encoder(CLIPTextModel, len(tokenizer), 32, 2), tokenizer=tokenizer,
        scheduler=_scheduler("epsilon"), safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip


def _sdxl() -> Any:
    first, second = (
        AutoTokenizer.from_pretrained(CHECKPOINTS[0].path / name, local_files_only=True)
        for name in ("tokenizer", "tokenizer_2")
    )
    unet = UNet2DConditionModel(
        sample_size=8, block_out_channels=(16, 32, 32), layers_per_block=1, cross_attention_dim=56,
        attention_head_dim=(2, 4, 4), norm_num_groups=8, transformer_layers_per_block=(1, 1, 2),
        use_linear_projection=True, addition_embed_type="text_time", addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=32 + 6 * 8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    return StableDiffusionXLPipeline(
        vae=_vae(), unet=unet, text_encoder=text_encoder(CLIPTextModel, len(first), 24, 2),
        text_encoder_2=text_encoder(CLIPTextModelWithProjection, len(second), 32, 3), tokenizer=first,
        tokenizer_2=second,
        scheduler=_scheduler("epsilon"), add_watermarker=False,
    )  # fmt: skip


def _scheduler(prediction: str, zero_snr: bool = False) -> Any:
    from diffusers import EulerDiscreteScheduler

    return EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1, prediction_type=prediction,
        timestep_spacing="leading", rescale_betas_zero_snr=zero_snr,
    )  # fmt: skip


def _demo() -> Any:
    return StableDiffusionXLPipeline.from_pretrained(
        CHECKPOINTS[0].path, use_safetensors=True, local_files_only=True, add_watermarker=False
    )


MAKERS = {"demo/vivid": _demo, "sd1/base": _sd1, "sdxl/base": _sdxl}


@cache
def pipeline_of(base: str, dtype: torch.dtype) -> Any:
    """A pipeline with seeded weights, untouched by the engine."""
    torch.manual_seed(0)
    pipeline = MAKERS[base]()
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(dtype)


@dataclass(frozen=True)
class DrawnLora:
    """A LoRA as a file holds it, and what it does to each layer: (dense change, DoRA's norms or None)."""

    file: LoraFile
    changes: Mapping[tuple[str, str], tuple[torch.Tensor, torch.Tensor | None]]


@dataclass
class World:
    """One checkpoint with LoRAs in memory, for the engine and for the reference. `inputs` has pictures to start from.

    What it predicts and whether its schedule ends in pure noise are as its own scheduler says, unless given.
    """

    base: str
    dtype: torch.dtype
    loras: list[DrawnLora] = field(default_factory=list[DrawnLora])
    predicts: str | None = None
    zero_snr: bool = False
    inputs: Path = Path()

    @property
    def spec(self) -> CheckpointSpec:
        return CheckpointSpec(name="world", source="nowhere", repository=True, base_model=BaseModelId(self.base))

    @cached_property
    def scheduler(self) -> Any:
        """The checkpoint's own."""
        own = pipeline_of(self.base, self.dtype).scheduler
        return own if self.predicts is None else _scheduler(self.predicts, self.zero_snr)

    @cached_property
    def prediction(self) -> Prediction:
        return checkpoint_prediction(None, BaseModelId(self.base).architecture, CheckpointSays(), self.scheduler.config)

    def read(self, use: LoraUse, relative: str | None, kept: LoraFile | None = None) -> LoraFile:
        for lora in self.loras:
            if lora.file.use.sha256 == use.sha256:
                return LoraFile(use, lora.file.tensors, lora.file.evidence, lora.file.autov3)
        raise LoraFileChanged(lora=use.name)

    def engine(
        self, *, small: int = SMALL_LAYER_RANK, places: int | None = 8, embedding_bytes: int = 2**28, **options: Any
    ) -> Engine:
        """A fresh engine on a copy of the checkpoint, so that the reference stays untouched.

        With `small` 0 all layers get additions, as those of real checkpoints do; else these here get whole weights.
        """
        store = CheckpointStore((self.spec,), CPU)
        pipeline = copy.deepcopy(pipeline_of(self.base, self.dtype))
        pipeline.scheduler = self.scheduler
        checkpoint = Checkpoint.of(self.spec, pipeline, embedding_bytes)
        checkpoint.hooks.small = small
        store.hold(checkpoint)
        chosen = Options(inputs=self.inputs, places=places, **options)
        return Engine(store, self, Matcher((self.spec,), CompatibilityTable()), chosen)

    def add(self, seed: int, form: str) -> DrawnLora:
        """A LoRA on a random choice of layers, also of the text encoders."""
        chance = random.Random(seed)
        numbers = torch.Generator().manual_seed(seed)
        pipeline = pipeline_of(self.base, torch.float64)
        tensors: dict[str, torch.Tensor] = {}
        changes: dict[tuple[str, str], tuple[torch.Tensor, torch.Tensor | None]] = {}
        share = chance.choice((0.2, 0.5, 1.0))
        for part in PARTS:
            network = getattr(pipeline, part, None)
            if network is None or (part != "unet" and chance.random() < 0.5):
                continue
            for name, layer in network.named_modules():
                if isinstance(layer, nn.Linear | nn.Conv2d) and chance.random() < share and _named(self.base, name):
                    drawn = _Drawn(chance, numbers, layer.weight.detach())
                    own, delta, norms = drawn.of(form)
                    stem = _prefix(self.base, part) + name.replace(".", "_")
                    tensors |= {f"{stem}.{key}": tensor for key, tensor in own.items()}
                    changes[part, name] = (delta, norms)
        use = LoraUse(sha256=f"{seed:064x}", name=f"{form} {seed}")
        lora = DrawnLora(LoraFile(use, tensors, Evidence(BaseModelId(self.base), Source.SIDECAR), "0" * 12), changes)
        self.loras.append(lora)
        return lora

    @contextmanager
    def merged(self, uses: Sequence[tuple[DrawnLora, float]]) -> Iterator[Any]:
        """diffusers' pipeline, with the LoRAs in its weights while inside."""
        pipeline = pipeline_of(self.base, self.dtype)
        totals: dict[nn.Module, torch.Tensor] = {}
        for lora, factor in uses:
            for (part, name), (delta, norms) in lora.changes.items():
                if not factor:
                    continue
                layer = getattr(pipeline, part).get_submodule(name)
                own = layer.weight.detach().double()
                total = totals.get(layer, own) + factor * delta
                if norms is not None:
                    whole = (own + factor * delta).flatten(1).norm(dim=1)
                    total = total * (norms / whole).reshape(-1, *[1] * (own.ndim - 1))
                totals[layer] = total
        before = {layer: layer.weight.data for layer in totals}
        try:
            for layer, total in totals.items():
                layer.weight.data = total.to(self.dtype)
            yield copy.copy(pipeline)
        finally:
            for layer, own in before.items():
                layer.weight.data = own

    def reference(self, made: GenerationRequest, number: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
        """Latents and pictures in 0..1 of one request; with variants, of the variant `number`."""
        weights = made.variants[number] if made.variants else [use.weight for use in made.loras]
        by_hash = {lora.file.use.sha256: lora for lora in self.loras}
        with self.merged([(by_hash[use.sha256], w) for use, w in zip(made.loras, weights, strict=True)]) as pipeline:
            return self._painted(pipeline, made, number)

    def _painted(self, pipeline: Any, made: GenerationRequest, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        pipeline.scheduler = scheduler_for(
            made.sampler, self.scheduler.config, self.prediction, made.steps, made.spacing
        )
        beginning: dict[str, Any] = {"width": made.width, "height": made.height}
        if made.image is not None:
            pipeline = _from_a_picture(pipeline)
            beginning = {"image": Image.open(self.inputs / made.image.sha256), "strength": made.image.strength}
        seeds = [made.seed] if made.variants else made.seeds
        seen: list[torch.Tensor] = []

        def look(_: Any, step: int, time: Any, values: dict[str, torch.Tensor]) -> dict[str, Any]:
            seen.append(values["latents"])
            return {}

        pictures = pipeline(
            **spoken(pipeline, made.full_prompt, made.negative_prompt, made.guidance_scale > 1, made.clip_skip),
            # diffusers' pipelines say 0 themselves; the documentation of TCD says to give 0.3, its scheduler's own.
            **beginning, eta=0.3 if made.sampler is Sampler.TCD else 0.0,
            num_inference_steps=made.steps, guidance_scale=made.guidance_scale,
            num_images_per_prompt=len(seeds), output_type="pt", callback_on_step_end=look,
            generator=[torch.Generator("cpu").manual_seed(seed) for seed in seeds],
        ).images  # fmt: skip
        return seen[-1], pictures

    def wish(self, chance: random.Random, **changes: Any) -> GenerationRequest:
        """A random request with up to five of the world's LoRAs."""
        many = chance.randint(0, min(5, len(self.loras)))
        uses = [
            lora.file.use.model_copy(update={"weight": round(chance.uniform(-1.2, 1.2), 2)})
            for lora in chance.sample(self.loras, many)
        ]
        values = {
            "checkpoint": "world", "width": 32, "height": 32, "loras": tuple(uses), "seed": chance.randrange(2**32),
            "prompt": chance.choice(["a red circle", "blue star, white background", "", *WRITTEN]),
            "negative_prompt": chance.choice(["", "", "blurry", "blurry", *WRITTEN]), "steps": chance.randint(1, 6),
            "guidance_scale": chance.choice([1.0, 0.0, 2.5, 7.3]), "sampler": chance.choice(list(Sampler)),
            "count": chance.choice([1, 1, 1, 2, 3]),
        }  # fmt: skip
        values |= changes
        spacings = UNET_SPACINGS[Sampler(values["sampler"])]
        return request(**({"spacing": chance.choice((None, None, *spacings))} | values))


def world_of_plain_loras(many: int) -> World:
    """A small checkpoint in single precision with so many plain LoRAs; one thread paints."""
    torch.set_num_threads(1)
    made = World("sd1/base", torch.float32)
    for seed in range(1, many + 1):
        made.add(seed, "lora")
    return made


def world_of_every_format(base: str, dtype: torch.dtype) -> World:
    """A checkpoint with a LoRA of each format, and one more plain one; one thread paints."""
    torch.set_num_threads(1)
    made = World(base, dtype)
    for seed, form in enumerate(("lora", *FORMATS), 1):
        made.add(seed, form)
    return made


def arrived(engine: Engine) -> None:
    """Wait until all waiting requests are prepared, so that the step in which they join does not depend on timing."""
    wait(list(engine._waiting.values()))


def _from_a_picture(pipeline: Any) -> Any:
    """diffusers' pipeline that starts from a picture, of the same networks."""
    if isinstance(pipeline, StableDiffusionXLPipeline):
        kind: Any = StableDiffusionXLImg2ImgPipeline
        zeros = pipeline.config.force_zeros_for_empty_prompt
        options = {"add_watermarker": False, "force_zeros_for_empty_prompt": zeros}
    else:
        kind, options = StableDiffusionImg2ImgPipeline, {"requires_safety_checker": False}
    begun = kind(**pipeline.components, **options)
    begun.set_progress_bar_config(disable=True)
    return begun


def _named(base: str, name: str) -> bool:
    """The layers that a file of this base can name at all (kohya's names leave out nothing that matters here)."""
    return not name.startswith(("time_", "add_")) and "position" not in name


def _prefix(base: str, part: str) -> str:
    if part == "unet":
        return "lora_unet_"
    return "lora_te_" if base.startswith("sd1") else f"lora_te{2 if part.endswith('2') else 1}_"


@dataclass(frozen=True)
class _Drawn:
    """Random tensors for one layer of a weight, and the change that they mean."""

    chance: random.Random
    numbers: torch.Generator
    weight: torch.Tensor

    def of(self, form: str) -> tuple[dict[str, torch.Tensor], torch.Tensor, torch.Tensor | None]:
        tensors, delta = {"lora": self._lora, "dora": self._lora, "loha": self._loha, "lokr": self._lokr}[form]()
        if form != "dora":
            return tensors, delta, None
        norms = (self.weight + delta).flatten(1).norm(dim=1) * self._draw(len(self.weight)).add(1)
        return tensors | {"dora_scale": norms.reshape(-1, *[1] * (self.weight.ndim - 1))}, delta, norms

    def _draw(self, *shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=self.numbers, dtype=torch.float64) * 0.15

    def _lora(self) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        outputs, *rest = self.weight.shape
        rank, alpha = self.chance.choice((1, 3, 8, 17)), self.chance.choice((1.0, 3.0, 8.0))
        down, up = self._draw(rank, *rest), self._draw(outputs, rank)
        delta = torch.tensordot(up, down, dims=1) * (alpha / rank)
        shaped = up.reshape(outputs, rank, *[1] * (len(rest) - 1))
        return {"lora_down.weight": down, "lora_up.weight": shaped, "alpha": torch.tensor(alpha)}, delta

    def _loha(self) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        outputs, inputs, rank = len(self.weight), self.weight[0].numel(), 2
        w1a, w1b, w2a, w2b = (self._draw(*s) for s in ((outputs, rank), (rank, inputs)) * 2)
        delta = ((w1a @ w1b) * (w2a @ w2b)).reshape(self.weight.shape)
        names = ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b")
        return dict(zip(names, (w1a, w1b, w2a, w2b), strict=True)) | {"alpha": torch.tensor(2.0)}, delta

    def _lokr(self) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        outputs, inputs, *kernel = self.weight.shape
        factor = 2 if outputs % 2 == 0 and inputs % 2 == 0 else 1
        w1, w2 = self._draw(factor, factor), self._draw(outputs // factor, inputs // factor, *kernel)
        delta = torch.einsum("mn,pq...->mpnq...", w1, w2).reshape(self.weight.shape)
        return {"lokr_w1": w1, "lokr_w2": w2}, delta
