"""Small pipelines of diffusion transformers with random weights, none of them zero, and LoRAs for their denoisers.

In double precision: differences between two ways of computing are rounding, or mistakes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, ZImagePipeline, ZImageTransformer2DModel
from torch import nn
from transformers import AutoTokenizer, Qwen3Config, Qwen3Model

from inference.base_models import BaseModelId
from inference.demo import CHECKPOINTS

Z_IMAGE = BaseModelId("z-image/base")
DTYPE = torch.float64
CHAT = (
    "{% for message in messages %}user {{ message['content'] }} end {% endfor %}"
    "{% if add_generation_prompt %}answer{% endif %}"
)


def vae() -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(8, 16), norm_num_groups=4, layers_per_block=1, latent_channels=4, shift_factor=0.06,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2, scaling_factor=1.5,
        use_quant_conv=False, use_post_quant_conv=False,
    )  # fmt: skip


def chat_tokenizer() -> Any:
    """The demo's tokenizer with a chat template, of which language models as text encoders make a prompt."""
    tokenizer = AutoTokenizer.from_pretrained(CHECKPOINTS[0].path / "tokenizer", local_files_only=True)
    tokenizer.chat_template = CHAT
    return tokenizer


def z_image(layers: int = 2, heads: int = 2, width: int = 16) -> Any:
    """Z-Image with a shift that does not depend on the size, as Turbo's."""
    tokenizer = chat_tokenizer()
    encoder = Qwen3Config(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, max_position_embeddings=1024,
    )  # fmt: skip
    transformer = ZImageTransformer2DModel(
        in_channels=4, dim=heads * width, n_layers=layers, n_refiner_layers=1, n_heads=heads, n_kv_heads=heads,
        cap_feat_dim=32, axes_dims=[width // 4, 3 * width // 8, 3 * width // 8], axes_lens=[1024, 64, 64],
    )  # fmt: skip
    return ZImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0), vae=vae(), text_encoder=Qwen3Model(encoder),
        tokenizer=tokenizer, transformer=transformer,
    )  # fmt: skip


MAKERS: Mapping[BaseModelId, Callable[[], Any]] = {Z_IMAGE: z_image}


@cache
def pipeline_of(base: BaseModelId) -> Any:
    """Seeded; to be copied before anything changes it."""
    return filled(MAKERS[base]())


def filled(pipeline: Any, seed: int = 0) -> Any:
    """The pipeline in double precision, with random numbers for all weights: zeros at birth would hide mistakes."""
    numbers = torch.Generator().manual_seed(seed)
    for part in pipeline.components.values():
        for name, weight in part.to(DTYPE).eval().named_parameters() if isinstance(part, nn.Module) else ():
            drawn = torch.randn(weight.shape, generator=numbers, dtype=DTYPE)
            if weight.ndim > 1:
                drawn /= weight[0].numel() ** 0.5
            else:
                drawn = drawn / 10 + (1 if "norm" in name and name.endswith("weight") else 0)
            weight.data = drawn
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@dataclass(frozen=True)
class Pair:
    """What a LoRA has for one layer: down (rank, in) and up (out, rank)."""

    down: torch.Tensor
    up: torch.Tensor


Lora = Mapping[str, Pair]  # by the layer's name in the denoiser


def lora_on(network: nn.Module, seed: int, rank: int = 4, names: Callable[[str], bool] = lambda name: True) -> Lora:
    """A LoRA on all linear layers of `network` whose names are wanted."""
    numbers = torch.Generator().manual_seed(seed)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=numbers, dtype=DTYPE) / shape[1] ** 0.5

    shapes = {name: layer.weight.shape for name, layer in network.named_modules() if isinstance(layer, nn.Linear)}
    return {name: Pair(drawn(rank, ins), drawn(outs, rank) / 2) for name, (outs, ins) in shapes.items() if names(name)}


def with_peft(network: Any, loras: Mapping[str, Lora]) -> Any:
    """The network with LoRAs as diffusers and PEFT apply them, all of them off; to be used by one at a time."""
    for name, lora in loras.items():
        tensors = {f"{layer}.lora_A.weight": pair.down for layer, pair in lora.items()}
        tensors |= {f"{layer}.lora_B.weight": pair.up for layer, pair in lora.items()}
        network.load_lora_adapter(tensors, prefix=None, adapter_name=name)
    network.disable_lora()
    return network


def with_weights(network: Any, weights: Mapping[str, float]) -> Any:
    """The network of `with_peft` with these LoRAs at these weights."""
    if not weights:
        network.disable_lora()
        return network
    network.enable_lora()
    network.set_adapters([*weights], [*weights.values()])
    return network
