"""Small pipelines of diffusion transformers with random weights, none of them zero, and LoRAs for their denoisers.

In double precision: differences between two ways of computing are rounding, or mistakes.
"""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
from diffusers import (
    AnimaModularPipeline,
    AnimaTextConditioner,
    AutoencoderKL,
    AutoencoderKLQwenImage,
    ClassifierFreeGuidance,
    CosmosTransformer3DModel,
    FlowMatchEulerDiscreteScheduler,
    FluxPipeline,
    FluxTransformer2DModel,
    QwenImagePipeline,
    QwenImageTransformer2DModel,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    ZImagePipeline,
    ZImageTransformer2DModel,
)
from PIL import Image
from torch import nn
from transformers import (
    AutoTokenizer,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen3Config,
    Qwen3Model,
    T5Config,
    T5EncoderModel,
)

from inference.base_models import BaseModelId
from inference.capabilities import capability_of
from inference.demo import CHECKPOINTS
from inference.engine.batch.handle import Handle, State
from inference.engine.engine import Engine
from inference.engine.intake.checkpoint_store import CheckpointStore
from inference.engine.layers.layer_hooks import SMALL_LAYER_RANK
from inference.engine.lora.lora_files import LoraFile
from inference.engine.models.checkpoints import Checkpoint
from inference.engine.options import Options
from inference.lora.evidence import Evidence, Source
from inference.matching import Matcher
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.request import GenerationRequest, LoraUse, SourceImage
from inference.messages.samplers import Sampler
from tests.inference.engine.worlds import arrived, text_encoder
from tests.inference.requests import request

CPU = torch.device("cpu")
FLUX_DEV, FLUX_SCHNELL = BaseModelId("flux1/dev"), BaseModelId("flux1/schnell")
Z_IMAGE, ANIMA = BaseModelId("z-image/base"), BaseModelId("anima/base")
SD35, QWEN = BaseModelId("sd35m/base"), BaseModelId("qwen-image/base")
EMPTY = {QWEN: " "}  # what is meant by no negative prompt
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


def flux1(*, guided: bool = True, layers: int = 2, singles: int = 2, heads: int = 2, width: int = 16) -> Any:
    """Flux.1: dev takes guidance as an input and shifts by the size of the picture, schnell does neither."""
    tokenizer = AutoTokenizer.from_pretrained(CHECKPOINTS[0].path / "tokenizer", local_files_only=True)
    transformer = FluxTransformer2DModel(
        patch_size=1, in_channels=16, num_layers=layers, num_single_layers=singles, attention_head_dim=width,
        num_attention_heads=heads, joint_attention_dim=32, pooled_projection_dim=32, guidance_embeds=guided,
        axes_dims_rope=(width // 4, 3 * width // 8, 3 * width // 8),
    )  # fmt: skip
    t5 = T5Config(vocab_size=len(tokenizer), d_model=32, d_ff=64, d_kv=8, num_layers=2, num_heads=4)
    shifts = {"use_dynamic_shifting": True, "base_shift": 0.5, "max_shift": 1.15, "shift": 3.0} if guided else {}
    return FluxPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(**shifts), vae=vae(), transformer=transformer, tokenizer=tokenizer,
        text_encoder=text_encoder(CLIPTextModel, len(tokenizer), 32, 2), text_encoder_2=T5EncoderModel(t5),
        tokenizer_2=tokenizer,
    )  # fmt: skip


def qwen3(tokenizer: Any) -> Qwen3Model:
    config = Qwen3Config(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, max_position_embeddings=1024,
    )  # fmt: skip
    return Qwen3Model(config)


def z_image(layers: int = 2, heads: int = 2, width: int = 16) -> Any:
    """Z-Image with a shift that does not depend on the size, as Turbo's."""
    tokenizer = chat_tokenizer()
    transformer = ZImageTransformer2DModel(
        in_channels=4, dim=heads * width, n_layers=layers, n_refiner_layers=1, n_heads=heads, n_kv_heads=heads,
        cap_feat_dim=32, axes_dims=[width // 4, 3 * width // 8, 3 * width // 8], axes_lens=[1024, 64, 64],
    )  # fmt: skip
    return ZImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0), vae=vae(), text_encoder=qwen3(tokenizer),
        tokenizer=tokenizer, transformer=transformer,
    )  # fmt: skip


def anima() -> Any:
    """Anima, whose modular pipeline is the only one."""
    tokenizer = chat_tokenizer()
    transformer = CosmosTransformer3DModel(
        in_channels=4, out_channels=4, num_attention_heads=2, attention_head_dim=16, num_layers=2, mlp_ratio=2.0,
        text_embed_dim=32, adaln_lora_dim=4, max_size=(4, 64, 64), rope_scale=(1.0, 4.0, 4.0),
        extra_pos_embed_type=None,
    )  # fmt: skip
    conditioner = AnimaTextConditioner(
        source_dim=32, target_dim=32, model_dim=32, num_layers=1, num_attention_heads=4,
        target_vocab_size=len(tokenizer), min_sequence_length=64,
    )  # fmt: skip
    video_vae = AutoencoderKLQwenImage(
        base_dim=4, z_dim=4, dim_mult=[1, 2], num_res_blocks=1, temperal_downsample=[False],
        latents_mean=[0.125, -0.25, 0.5, 0.0], latents_std=[1.5, 0.75, 1.0, 2.0],
    )  # fmt: skip
    pipeline: Any = AnimaModularPipeline()
    pipeline.update_components(
        transformer=transformer, text_conditioner=conditioner, text_encoder=qwen3(tokenizer), vae=video_vae,
        tokenizer=tokenizer, t5_tokenizer=tokenizer, scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
    )  # fmt: skip
    return pipeline


def sd35(layers: int = 3, heads: int = 2, width: int = 16) -> Any:
    """Stable Diffusion 3.5 Medium: a second attention in the first block, and normed queries and keys."""
    tokenizer = AutoTokenizer.from_pretrained(CHECKPOINTS[0].path / "tokenizer", local_files_only=True)
    transformer = SD3Transformer2DModel(
        sample_size=16, patch_size=2, in_channels=4, out_channels=4, num_layers=layers, attention_head_dim=width,
        num_attention_heads=heads, joint_attention_dim=64, caption_projection_dim=heads * width,
        pooled_projection_dim=64, pos_embed_max_size=24, dual_attention_layers=(0,), qk_norm="rms_norm",
    )  # fmt: skip
    t5 = T5Config(vocab_size=len(tokenizer), d_model=64, d_ff=64, d_kv=8, num_layers=2, num_heads=4)
    clips = [text_encoder(CLIPTextModelWithProjection, len(tokenizer), 32, 2) for _ in range(2)]
    return StableDiffusion3Pipeline(
        transformer=transformer, scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0), vae=vae(),
        text_encoder=clips[0], tokenizer=tokenizer, text_encoder_2=clips[1], tokenizer_2=tokenizer,
        text_encoder_3=T5EncoderModel(t5), tokenizer_3=tokenizer,
    )  # fmt: skip


def qwen_image(layers: int = 3, heads: int = 2, width: int = 16) -> Any:
    tokenizer = chat_tokenizer()
    encoder = Qwen2_5_VLConfig(
        text_config={
            "vocab_size": len(tokenizer), "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
            "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 1024,
            "rope_scaling": {"type": "mrope", "mrope_section": [1, 1, 2]},
        },
        vision_config={
            "depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": 32,
        },
    )  # fmt: skip
    transformer = QwenImageTransformer2DModel(
        patch_size=2, in_channels=16, out_channels=4, num_layers=layers, attention_head_dim=width,
        num_attention_heads=heads, joint_attention_dim=32,
        axes_dims_rope=(width // 4, 3 * width // 8, 3 * width // 8),
    )  # fmt: skip
    scheduler = FlowMatchEulerDiscreteScheduler(
        use_dynamic_shifting=True, base_shift=0.5, max_shift=0.9, base_image_seq_len=256, max_image_seq_len=8192,
        shift_terminal=0.02, shift=1.0,
    )  # fmt: skip
    videos = AutoencoderKLQwenImage(
        base_dim=4, z_dim=4, dim_mult=[1, 2], num_res_blocks=1, temperal_downsample=[False],
        latents_mean=[0.125, -0.25, 0.5, 0.0], latents_std=[1.5, 0.75, 1.0, 2.0],
    )  # fmt: skip
    return QwenImagePipeline(
        scheduler=scheduler, vae=videos, text_encoder=Qwen2_5_VLForConditionalGeneration(encoder), tokenizer=tokenizer,
        transformer=transformer,
    )  # fmt: skip


MAKERS: Mapping[BaseModelId, Callable[[], Any]] = {
    FLUX_DEV: flux1,
    FLUX_SCHNELL: lambda: flux1(guided=False),
    SD35: sd35,
    QWEN: qwen_image,
    Z_IMAGE: z_image,
    ANIMA: anima,
}
# What diffusers' documentation says to give to a pipeline that does not know it by itself.
OPTIONS: Mapping[BaseModelId, Mapping[str, Any]] = {FLUX_SCHNELL: {"max_sequence_length": 256}}


_SOLVER = {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}
SCHEDULERS: Mapping[Sampler, tuple[Any, Mapping[str, Any]]] = {
    Sampler.EULER: (FlowMatchEulerDiscreteScheduler, {}),
    Sampler.LCM: (diffusers.FlowMatchLCMScheduler, {}),
    Sampler.HEUN: (diffusers.FlowMatchHeunDiscreteScheduler, {}),
    Sampler.DPMPP_2M: (diffusers.DPMSolverMultistepScheduler, _SOLVER),
    Sampler.DPMPP_2M_SDE: (diffusers.DPMSolverMultistepScheduler, {**_SOLVER, "algorithm_type": "sde-dpmsolver++"}),
    Sampler.UNIPC: (diffusers.UniPCMultistepScheduler, _SOLVER),
}
# The samplers that each pipeline takes, and those with which it begins with a picture.
_NOISING = (Sampler.EULER, Sampler.LCM)
TAKES: Mapping[BaseModelId, tuple[Sampler, ...]] = {
    FLUX_DEV: (*_NOISING, Sampler.DPMPP_2M, Sampler.DPMPP_2M_SDE, Sampler.UNIPC),
    SD35: tuple(SCHEDULERS),
    QWEN: (*_NOISING, Sampler.UNIPC),
}
TAKES_WITH_PICTURE: Mapping[BaseModelId, tuple[Sampler, ...]] = {
    FLUX_DEV: _NOISING, SD35: (*_NOISING, Sampler.HEUN), QWEN: _NOISING,
}  # fmt: skip


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
        network.load_lora_adapter(peft_tensors(lora), prefix=None, adapter_name=name)
    if loras:
        network.disable_lora()
    return network


def peft_tensors(lora: Lora) -> dict[str, torch.Tensor]:
    """The LoRA as PEFT names it."""
    tensors = {f"{layer}.lora_A.weight": pair.down for layer, pair in lora.items()}
    return tensors | {f"{layer}.lora_B.weight": pair.up for layer, pair in lora.items()}


def with_weights(network: Any, weights: Mapping[str, float]) -> Any:
    """The network of `with_peft` with these LoRAs at these weights."""
    if not weights:
        if getattr(network, "peft_config", None):
            network.disable_lora()
        return network
    network.enable_lora()
    network.set_adapters([*weights], [*weights.values()])
    return network


@dataclass
class TransformerWorld:
    """A checkpoint in the shared batch, with LoRAs in memory; the reference is diffusers' pipeline alone with PEFT."""

    base: BaseModelId
    inputs: Path = Path()
    loras: dict[str, Lora] = field(default_factory=dict[str, Lora])  # by SHA-256
    files: dict[str, dict[str, torch.Tensor]] = field(default_factory=dict[str, dict[str, torch.Tensor]])

    @property
    def spec(self) -> CheckpointSpec:
        return CheckpointSpec(name="world", source="nowhere", repository=True, base_model=self.base)

    def add(self, lora: Lora) -> LoraUse:
        use = LoraUse(sha256=f"{len(self.loras) + 1:064x}", name=f"LoRA {len(self.loras) + 1}")
        self.loras[use.sha256] = lora
        return use

    def add_file(self, tensors: dict[str, torch.Tensor]) -> LoraUse:
        """A file in any names, which the reference does not know."""
        use = LoraUse(sha256=f"{2**128 + len(self.files):064x}", name=f"File {len(self.files) + 1}")
        self.files[use.sha256] = tensors
        return use

    def uses(self, *weights: float) -> tuple[LoraUse, ...]:
        """All LoRAs at these weights; those at 0 are left out."""
        each = zip(self.loras, weights, strict=False)
        return tuple(LoraUse(sha256=sha256, name="LoRA", weight=weight) for sha256, weight in each if weight)

    def read(self, use: LoraUse, relative: str | None, kept: LoraFile | None = None) -> LoraFile:
        tensors = self.files.get(use.sha256)
        if tensors is None:
            tensors = {f"transformer.{key}": tensor for key, tensor in peft_tensors(self.loras[use.sha256]).items()}
        return LoraFile(use, tensors, Evidence(self.base, Source.SIDECAR), "0" * 12)

    def engine(self, *, small: int = SMALL_LAYER_RANK, places: int | None = 8, dtype: torch.dtype = DTYPE) -> Engine:
        """A fresh engine; with `small` 0 all layers get additions, as those of real checkpoints do."""
        store = CheckpointStore((self.spec,), CPU)
        pipeline = copy.deepcopy(pipeline_of(self.base))
        checkpoint = Checkpoint.of(self.spec, pipeline if dtype is DTYPE else pipeline.to(dtype))
        checkpoint.hooks.small = small
        store.hold(checkpoint)
        return Engine(store, self, Matcher((self.spec,)), Options(inputs=self.inputs, places=places))

    @cached_property
    def _alone(self) -> Any:
        pipeline = copy.deepcopy(pipeline_of(self.base))
        with_peft(pipeline.transformer, {f"l{sha256}": lora for sha256, lora in self.loras.items()})
        return pipeline

    def reference(
        self, made: GenerationRequest, uses: Sequence[LoraUse] | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Latents and pictures (count, …) of a request; all LoRAs have to be added before. `uses` replace its own."""
        weights = {f"l{use.sha256}": use.weight for use in (made.loras if uses is None else uses)}
        with_weights(self._alone.transformer, weights)
        each = [self.by(self._alone, made, seed) for seed in made.seeds]
        return torch.cat([latents for latents, _ in each]), torch.cat([pictures for _, pictures in each])

    def scheduler(self, made: GenerationRequest, generator: torch.Generator) -> Any:
        """A new one for the pipeline, which draws its noise from `generator`; pipelines would not say so."""
        own = pipeline_of(self.base).scheduler
        kind, options = SCHEDULERS.get(made.sampler, SCHEDULERS[Sampler.EULER])
        if "use_flow_sigmas" in options:
            options = {**options, "flow_shift": own.config.shift}
        if made.flow_shift is not None:
            exponent = math.log(made.flow_shift)
            options = {**options, "base_shift": exponent, "max_shift": exponent, "shift_terminal": None}
            options |= {"shift": made.flow_shift, "flow_shift": made.flow_shift}
        config = {name: value for name, value in own.config.items() if name != "_use_default_values"}
        scheduler = kind.from_config({**config, **options})
        scheduler.step = partial(scheduler.step, **({} if made.sampler is Sampler.UNIPC else {"generator": generator}))
        return scheduler

    def by(self, pipeline: Any, made: GenerationRequest, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        """What a pipeline paints of one seed: its last latents, and the picture."""
        generator = torch.Generator("cpu").manual_seed(seed)
        pipeline.scheduler = self.scheduler(made, generator)
        seen, capability = list[torch.Tensor](), capability_of(self.base)
        assert capability is not None
        options: dict[str, Any] = {
            "prompt": made.full_prompt, "negative_prompt": made.negative_prompt or EMPTY.get(self.base, ""),
            "width": made.width, "height": made.height, "num_inference_steps": made.steps, "output_type": "pt",
            "generator": generator, **OPTIONS.get(self.base, {}),
        }  # fmt: skip
        if made.image is not None:
            options |= {"image": Image.open(self.inputs / made.image.sha256), "strength": made.image.strength}
        if capability.modular:
            pipeline.update_components(guider=ClassifierFreeGuidance(guidance_scale=max(1.0, made.guidance_scale)))
            state = pipeline(**options)
            return state.get("latents").squeeze(2), state.get("images")
        if made.image is not None and capability.from_picture is not None:
            pipeline = getattr(diffusers, capability.from_picture)(**pipeline.components)
            pipeline.set_progress_bar_config(disable=True)

        def look(_: Any, step: int, time: Any, values: dict[str, torch.Tensor]) -> dict[str, Any]:
            seen.append(values["latents"])
            return {}

        options[capability.guidance] = made.guidance_scale
        pictures = pipeline(callback_on_step_end=look, **options).images
        return seen[-1], pictures


def lora_world(base: BaseModelId, inputs: Path) -> TransformerWorld:
    """With three LoRAs on all linear layers of the transformer, embedders, modulation and time among them."""
    torch.set_num_threads(1)
    made = TransformerWorld(base, inputs)
    for seed, rank in enumerate((2, 4, 3)):
        made.add(lora_on(pipeline_of(base).transformer, seed, rank))
    return made


def small_request(**changes: object) -> GenerationRequest:
    """A small picture in four steps, of a `TransformerWorld`."""
    values = {
        "checkpoint": "world", "width": 32, "height": 32, "steps": 4, "prompt": "a red star", "sampler": Sampler.EULER,
    }  # fmt: skip
    return request(**(values | changes))


def apart(found: torch.Tensor | None, expected: torch.Tensor) -> float:
    """How far `found` is away, at most, relative to the largest number that is expected."""
    assert found is not None and found.shape == expected.shape
    return float((found.double() - expected.double()).abs().max() / expected.double().abs().max())


def error(world: TransformerWorld, handle: Handle) -> float:
    """How far latents and pictures are from the reference, at most."""
    assert handle.state is State.DONE, handle.error
    latents, pictures = world.reference(handle.request)
    return max(apart(handle.latents, latents), apart(handle.pictures, pictures))


def painted(engine: Engine, made: Sequence[GenerationRequest], joins: Sequence[int]) -> list[Handle]:
    """Requests that join at these steps, once all have ended."""
    handles: list[Handle] = []
    for step in range(max(joins) + 1):
        handles += [engine.submit(each) for each, own in zip(made, joins, strict=True) if own == step]
        arrived(engine)
        engine.step()
    engine.finish()
    return handles


def until(engine: Engine, handle: Handle, done: int) -> None:
    while handle.done < done:
        engine.step()


def picture_in(inputs: Path, strength: float, size: tuple[int, int] = (32, 32)) -> SourceImage:
    """A picture to start from, which lies in `inputs`."""
    colours = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), np.uint8)
    path = inputs / "drawn.png"
    Image.fromarray(colours).save(path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    path.rename(inputs / sha256)
    return SourceImage(sha256=sha256, strength=strength)
