"""Generated checkpoints and LoRAs for the benchmark of the engine: true topologies, random weights, no downloads."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    EulerDiscreteScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from torch import nn
from transformers import AutoTokenizer, CLIPTextConfig, CLIPTextModel

from inference.base_models import BaseModelId, CompatibilityTable
from inference.demo import CHECKPOINTS
from inference.engine.engine import Engine
from inference.engine.intake.checkpoint_store import CheckpointStore
from inference.engine.lora.lora_files import LoraFile
from inference.engine.models.checkpoints import Checkpoint
from inference.engine.options import Options
from inference.errors import LoraFileChanged
from inference.lora.evidence import Evidence, Source
from inference.matching import Matcher
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.request import LoraUse

LORAS, RANKS = 12, (4, 8, 16)
# The layers that LoRAs of the field change: attention, its projections and the feed-forward layers.
CHANGED = ("to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2", "proj_in", "proj_out")
TEXT = ("q_proj", "k_proj", "v_proj", "out_proj")


def _sd1(widths: tuple[int, ...], layers: int, text: int) -> Any:
    """Stable Diffusion 1.5 with other widths."""
    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(CHECKPOINTS[0].path / "tokenizer", local_files_only=True)
    unet = UNet2DConditionModel(
        sample_size=8, block_out_channels=widths, layers_per_block=layers, cross_attention_dim=text,
        attention_head_dim=4, norm_num_groups=8,
    )  # fmt: skip
    vae = AutoencoderKL(
        block_out_channels=(16, 16), norm_num_groups=8, layers_per_block=1,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    )  # fmt: skip
    words = CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=text, intermediate_size=2 * text, num_hidden_layers=2,
        num_attention_heads=2, projection_dim=text, max_position_embeddings=32, bos_token_id=742, eos_token_id=743,
    )  # fmt: skip
    scheduler = EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1, timestep_spacing="leading"
    )
    return StableDiffusionPipeline(
        vae=vae, unet=unet, text_encoder=CLIPTextModel(words), tokenizer=tokenizer, scheduler=scheduler,
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip


def _demo() -> Any:
    return StableDiffusionXLPipeline.from_pretrained(
        CHECKPOINTS[0].path, use_safetensors=True, local_files_only=True, add_watermarker=False, dtype=torch.float32
    )


@dataclass(frozen=True)
class Net:
    """A checkpoint to measure on. `side` of its pictures in pixels; `steps` that requests ask for."""

    name: str
    base: str
    make: Callable[[], Any]
    side: int
    steps: tuple[int, ...]

    @property
    def base_model(self) -> BaseModelId:
        """What it is."""
        return BaseModelId(self.base)

    @property
    def spec(self) -> CheckpointSpec:
        """As an operator would declare it."""
        return CheckpointSpec(name=self.name, source="generated", repository=True, base_model=self.base_model)

    def pipeline(self) -> Any:
        """A fresh pipeline, the same weights each time."""
        pipeline = self.make()
        pipeline.set_progress_bar_config(disable=True)
        for part in parts_of(pipeline).values():
            part.eval()
        return pipeline


NETS = (
    Net("launch", "sd1/base", lambda: _sd1((32, 32, 64, 64), 2, 32), 16, (4, 8, 20, 28)),
    Net("demo", str(CHECKPOINTS[0].base_model), _demo, 64, (4, 8, 20, 28)),
    Net("20M", "sd1/base", lambda: _sd1((96, 192, 384, 384), 1, 128), 64, (1, 2, 3)),
    Net("140M", "sd1/base", lambda: _sd1((256, 512, 1024, 1024), 1, 256), 32, (1, 2, 3)),
)


@dataclass(frozen=True)
class Lora:
    """One LoRA, in PEFT's names."""

    file: LoraFile

    @property
    def name(self) -> str:
        """What diffusers and people call it."""
        return self.file.use.name

    @property
    def use(self) -> LoraUse:
        """At weight 1."""
        return self.file.use


def parts_of(pipeline: Any) -> dict[str, nn.Module]:
    """The networks that LoRAs reach."""
    names = ("unet", "text_encoder", "text_encoder_2")
    return {name: part for name in names if (part := getattr(pipeline, name, None)) is not None}


def lora(net: Net, pipeline: Any, number: int) -> Lora:
    """LoRA number `number`: one in three also changes the text encoders."""
    numbers, rank = torch.Generator().manual_seed(number), RANKS[number % len(RANKS)]
    tensors: dict[str, torch.Tensor] = {}
    for part, network in parts_of(pipeline).items():
        if part != "unet" and number % 3:
            continue
        for name, layer in network.named_modules():
            if isinstance(layer, nn.Linear | nn.Conv2d) and name.endswith(CHANGED if part == "unet" else TEXT):
                outputs, *rest = layer.weight.shape
                down = torch.randn(rank, *rest, generator=numbers) * 0.02
                up = torch.randn(outputs, rank, *[1] * (len(rest) - 1), generator=numbers) * 0.02
                tensors |= {f"{part}.{name}.lora_A.weight": down, f"{part}.{name}.lora_B.weight": up}
    use = LoraUse(sha256=f"{number + 1:064x}", name=f"lora{number}")
    return Lora(LoraFile(use, tensors, Evidence(net.base_model, Source.SIDECAR), "0" * 12))


@dataclass
class InMemory:
    """LoRAs that are read already."""

    loras: dict[str, LoraFile]

    def read(self, use: LoraUse, relative: str | None, kept: LoraFile | None = None) -> LoraFile:
        """The file of `use`."""
        found = self.loras.get(use.sha256)
        if found is None:
            raise LoraFileChanged(lora=use.name)
        return LoraFile(use, found.tensors, found.evidence, found.autov3)


def engine_of(net: Net, pipeline: Any, loras: list[Lora], *, embedding_bytes: int = 2**28, **options: Any) -> Engine:
    """An engine that holds a copy of `pipeline` already."""
    store = CheckpointStore((net.spec,), torch.device("cpu"))
    store.hold(Checkpoint.of(net.spec, copy.deepcopy(pipeline), embedding_bytes))
    source = InMemory({each.use.sha256: each.file for each in loras})
    return Engine(store, source, Matcher((net.spec,), CompatibilityTable()), Options(**options))
