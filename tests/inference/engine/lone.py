"""Tiny pipelines of architectures that are painted one at a time, with random weights, and LoRAs for them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
from diffusers import (
    AuraFlowPipeline,
    AuraFlowTransformer2DModel,
    AutoencoderKL,
    AutoencoderKLQwenImage,
    ChromaPipeline,
    ChromaTransformer2DModel,
    FlowMatchEulerDiscreteScheduler,
    FluxPipeline,
    FluxTransformer2DModel,
    Krea2Pipeline,
    Krea2Transformer2DModel,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
)
from torch import nn
from transformers import (
    AutoTokenizer,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    Qwen3VLConfig,
    Qwen3VLModel,
    T5Config,
    T5EncoderModel,
    UMT5Config,
    UMT5EncoderModel,
)

from inference.base_models import BaseModelId
from inference.capabilities import capability_of
from inference.demo import CHECKPOINTS
from inference.engine.engine import Engine
from inference.engine.intake.checkpoint_store import CheckpointStore
from inference.engine.lora.lora_files import LoraFile
from inference.engine.single.single_request import SingleRequestCheckpoint
from inference.errors import LoraFileChanged
from inference.lora.evidence import Evidence, Source
from inference.matching import Matcher
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.request import LoraUse
from tests.inference.engine.worlds import CPU, text_encoder

AURAFLOW, CHROMA = BaseModelId("auraflow/base"), BaseModelId("flux1/chroma")
KREA2 = BaseModelId("krea2/base")  # with a language model as its text encoder
SD3, FLUX = BaseModelId("sd3/base"), BaseModelId("flux1/dev")  # with CLIP as a text encoder


def _vae() -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(8, 16), norm_num_groups=4, layers_per_block=1, latent_channels=4, shift_factor=0.06,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2, scaling_factor=1.5,
        use_quant_conv=False, use_post_quant_conv=False,
    )  # fmt: skip


def _sd3(tokenizer: Any) -> Any:
    transformer = SD3Transformer2DModel(
        sample_size=16, patch_size=1, in_channels=4, num_layers=2, attention_head_dim=8, num_attention_heads=4,
        caption_projection_dim=32, joint_attention_dim=64, pooled_projection_dim=64, out_channels=4,
    )  # fmt: skip
    encoders = [text_encoder(CLIPTextModelWithProjection, len(tokenizer), 32, 2) for _ in range(2)]
    return StableDiffusion3Pipeline(
        transformer=transformer, scheduler=FlowMatchEulerDiscreteScheduler(), vae=_vae(), text_encoder=encoders[0],
        tokenizer=tokenizer, text_encoder_2=encoders[1], tokenizer_2=tokenizer, text_encoder_3=None, tokenizer_3=None,
    )  # fmt: skip


def _flux(tokenizer: Any) -> Any:
    transformer = FluxTransformer2DModel(
        patch_size=1, in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=32, pooled_projection_dim=32, axes_dims_rope=(4, 4, 8), guidance_embeds=True,
    )  # fmt: skip
    t5 = T5Config(vocab_size=len(tokenizer), d_model=32, d_ff=64, d_kv=8, num_layers=2, num_heads=4)
    return FluxPipeline(
        transformer=transformer, scheduler=FlowMatchEulerDiscreteScheduler(), vae=_vae(),
        text_encoder=text_encoder(CLIPTextModel, len(tokenizer), 32, 2), tokenizer=tokenizer,
        text_encoder_2=T5EncoderModel(t5), tokenizer_2=tokenizer,
    )  # fmt: skip


def _draw(network: nn.Module) -> None:
    """Draw the weights of linear layers anew: as they are drawn by default, gates let little through."""
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=layer.in_features**-0.5)


def _auraflow(tokenizer: Any) -> Any:
    transformer = AuraFlowTransformer2DModel(
        sample_size=16, patch_size=2, in_channels=4, num_mmdit_layers=1, num_single_dit_layers=1, attention_head_dim=8,
        num_attention_heads=4, joint_attention_dim=32, caption_projection_dim=32, pos_embed_max_size=256,
    )  # fmt: skip
    _draw(transformer)
    umt5 = UMT5Config(vocab_size=len(tokenizer), d_model=32, d_ff=64, d_kv=8, num_layers=2, num_heads=4)
    return AuraFlowPipeline(
        transformer=transformer, scheduler=FlowMatchEulerDiscreteScheduler(shift=1.73), vae=_vae(), tokenizer=tokenizer,
        text_encoder=UMT5EncoderModel(umt5),
    )  # fmt: skip


def _chroma(tokenizer: Any) -> Any:
    transformer = ChromaTransformer2DModel(
        patch_size=1, in_channels=16, num_layers=2, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=32, axes_dims_rope=(4, 4, 8), approximator_num_channels=8, approximator_hidden_dim=32,
        approximator_layers=1,
    )  # fmt: skip
    t5 = T5Config(vocab_size=len(tokenizer), d_model=32, d_ff=64, d_kv=8, num_layers=2, num_heads=4)
    return ChromaPipeline(
        transformer=transformer, scheduler=FlowMatchEulerDiscreteScheduler(), vae=_vae(), tokenizer=tokenizer,
        text_encoder=T5EncoderModel(t5),
    )  # fmt: skip


def _krea2(tokenizer: Any) -> Any:
    transformer = Krea2Transformer2DModel(
        in_channels=16, num_layers=2, attention_head_dim=16, num_attention_heads=2, num_key_value_heads=1,
        intermediate_size=32, timestep_embed_dim=16, text_hidden_dim=32, num_text_layers=2, text_num_attention_heads=2,
        text_num_key_value_heads=2, text_intermediate_size=32, num_layerwise_text_blocks=1, num_refiner_text_blocks=1,
        axes_dims_rope=(4, 6, 6),
    )  # fmt: skip
    encoder = Qwen3VLConfig(
        text_config={
            "vocab_size": len(tokenizer), "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
            "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 1024,
            "rope_scaling": {"rope_type": "default", "mrope_section": [1, 1, 2], "mrope_interleaved": True},
        },
        vision_config={
            "depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": 32,
            "deepstack_visual_indexes": [0],
        },
    )  # fmt: skip
    videos = AutoencoderKLQwenImage(
        base_dim=4, z_dim=4, dim_mult=[1, 2], num_res_blocks=1, temperal_downsample=[False],
        latents_mean=[0.125, -0.25, 0.5, 0.0], latents_std=[1.5, 0.75, 1.0, 2.0],
    )  # fmt: skip
    language_model = Qwen3VLModel(encoder)
    _draw(transformer)
    _draw(language_model)
    return Krea2Pipeline(
        transformer=transformer, scheduler=FlowMatchEulerDiscreteScheduler(shift=1.0, use_dynamic_shifting=True),
        vae=videos, text_encoder=language_model, tokenizer=tokenizer, text_encoder_select_layers=(1, 2),
    )  # fmt: skip


MAKERS: Mapping[BaseModelId, Callable[[Any], Any]] = {
    AURAFLOW: _auraflow,
    CHROMA: _chroma,
    SD3: _sd3,
    FLUX: _flux,
    KREA2: _krea2,
}


@cache
def pipeline_of(base: BaseModelId) -> Any:
    """Seeded; to be copied before anything changes it."""
    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(CHECKPOINTS[0].path / "tokenizer", local_files_only=True)
    pipeline = MAKERS[base](tokenizer)
    pipeline.set_progress_bar_config(disable=True)
    for part in pipeline.components.values():
        if isinstance(part, nn.Module):
            part.eval()
    return pipeline


@dataclass
class SingleRequestWorld:
    """One checkpoint of such an architecture, and LoRAs in memory."""

    base: BaseModelId
    files: dict[str, LoraFile] = field(default_factory=dict[str, LoraFile])

    @property
    def spec(self) -> CheckpointSpec:
        return CheckpointSpec(name="lone", source="nowhere", repository=True, base_model=self.base)

    def read(self, use: LoraUse, relative: str | None, kept: LoraFile | None = None) -> LoraFile:
        file = self.files.get(use.sha256)
        if file is None:
            raise LoraFileChanged(lora=use.name)
        return LoraFile(use, file.tensors, file.evidence, file.autov3, file.metadata)

    def engine(self) -> Engine:
        capability = capability_of(self.base)
        assert capability is not None
        store = CheckpointStore((self.spec,), CPU)
        store.hold(SingleRequestCheckpoint(self.spec, copy.deepcopy(pipeline_of(self.base)), capability))
        return Engine(store, self, Matcher((self.spec,)))

    def add(
        self, tensors: dict[str, torch.Tensor], base: BaseModelId | None = None, metadata: Mapping[str, str] = {}
    ) -> LoraUse:
        use = LoraUse(sha256=f"{len(self.files) + 1:064x}", name=f"LoRA {len(self.files) + 1}")
        evidence = Evidence(base or self.base, Source.SIDECAR)
        self.files[use.sha256] = LoraFile(use, tensors, evidence, "0" * 12, metadata)
        return use


ATTENTION = ("to_q", "to_k", "to_out.0", "add_k_proj", "q_proj")


def drawn(
    base: BaseModelId, seed: int, part: str = "transformer", rank: int = 4, endings: tuple[str, ...] = ATTENTION
) -> dict[str, torch.Tensor]:
    """A LoRA on every layer of `part` whose name ends so, by default of attention, as diffusers saves it."""
    numbers = torch.Generator().manual_seed(seed)
    tensors: dict[str, torch.Tensor] = {}
    for name, layer in getattr(pipeline_of(base), part).named_modules():
        if isinstance(layer, nn.Linear) and name.endswith(endings):
            outputs, inputs = layer.weight.shape
            tensors[f"{part}.{name}.lora_A.weight"] = torch.randn(rank, inputs, generator=numbers) / inputs**0.5
            tensors[f"{part}.{name}.lora_B.weight"] = torch.randn(outputs, rank, generator=numbers) / 4
    return tensors


def merged(
    base: BaseModelId, *loras: tuple[Mapping[str, torch.Tensor], float], dtype: torch.dtype = torch.float32
) -> Any:
    """The pipeline with LoRAs written into its weights: the reference."""
    pipeline = copy.deepcopy(pipeline_of(base)).to(dtype)
    for tensors, weight in loras:
        for key in [key for key in tensors if key.endswith(".lora_A.weight")]:
            part, _, name = key.removesuffix(".lora_A.weight").partition(".")
            layer = getattr(pipeline, part).get_submodule(name)
            up, down = tensors[key.replace("lora_A", "lora_B")], tensors[key]
            layer.weight.data += weight * up.to(dtype) @ down.to(dtype)
    return pipeline
