"""Checks whether an opened checkpoint is complete and of its declared kind; the errors are written for operators.

Without these checks diffusers and transformers open unusable folders, and fail in the middle of the first picture.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers import CLIPTextModel, CLIPTextModelWithProjection

from inference.base_models import BaseModelId
from inference.capabilities import DENOISERS, misdeclared_denoiser
from inference.engine.lora.layer_weights import is_packed_tensor

_NAMED = 3  # weights named in a refusal
_AGAIN = "get another copy of it"


class Unsound(ValueError):
    """The checkpoint cannot be used; the message says what is wrong with it, and what to do."""


def other_model(denoiser: str, label: str) -> Unsound:
    """The refusal of a denoiser that is not that of the declared base, called `label`."""
    return Unsound(f"its {denoiser} is not that of {label}; correct its base_model in the settings")


def refuse_other_denoiser(pipeline: Any, base_model: BaseModelId) -> None:
    """Raise Unsound when the denoiser is of another class than that of the declared base model."""
    denoiser = next(part for name in DENOISERS if (part := getattr(pipeline, name, None)) is not None)
    if says := misdeclared_denoiser(type(denoiser).__name__, base_model):
        raise Unsound(says)


def refuse_incomplete(pipeline: Any) -> None:
    """Raise Unsound when a network lacks weights, or the tokenizer of a CLIP its vocabulary.

    A CLIP's input length is that of its tokenizer; for other language models the pipeline limits it.
    """
    for name, part in pipeline.components.items():
        weights = part.named_parameters() if isinstance(part, nn.Module) else ()
        if missing := [weight for weight, numbers in weights if numbers.is_meta]:
            raise Unsound(f"its {name} lacks weights ({len(missing)} in all: {', '.join(missing[:_NAMED])}); {_AGAIN}")
    for name, encoder in pipeline.components.items():
        if not isinstance(encoder, CLIPTextModel | CLIPTextModelWithProjection):
            continue
        tokenizer = getattr(pipeline, name.replace("text_encoder", "tokenizer"), None)
        if tokenizer and tokenizer.model_max_length > encoder.config.max_position_embeddings:
            raise Unsound(f"its {name.replace('text_encoder', 'tokenizer')} is missing or another model's; {_AGAIN}")


def refuse_other_kinds(pipeline: Any, label: str) -> None:
    """Raise Unsound when a Stable Diffusion or SDXL pipeline has another model's denoiser; `label` names the base.

    The denoiser's inputs are compared with those that the pipeline provides.
    """
    config, encoders = pipeline.unet.config, [pipeline.text_encoder, getattr(pipeline, "text_encoder_2", None)]
    taken, given = config.in_channels, pipeline.vae.config.latent_channels
    if taken != given:
        kind = "for inpainting or editing" if taken > given else "another model's"
        raise Unsound(f"its unet takes {taken} channels, and latents have {given}: it is {kind}; take another one")
    is_xl = "text_encoder_2" in pipeline.components
    width = sum(encoder.config.hidden_size for encoder in encoders if encoder is not None)
    plain = config.encoder_hid_dim is None and isinstance(config.cross_attention_dim, int)
    if (config.addition_embed_type == "text_time") != is_xl or (plain and config.cross_attention_dim != width):
        raise other_model("unet", label)
    if is_xl and config.projection_class_embeddings_input_dim != _conditioning_width(config, encoders[1]):
        raise Unsound("its unet is a refiner's, which finishes pictures and begins none; take another one")


def _conditioning_width(config: Any, encoder: Any) -> int:
    """The width of SDXL's additional conditioning: the pooled text embedding and six numbers for sizes."""
    return encoder.config.projection_dim + 6 * config.addition_time_embed_dim


def refuse_no_numbers(pipeline: Any) -> None:
    """Raise Unsound when a network has weights that are NaN or infinite; packed ones are left out."""
    for name, part in pipeline.components.items():
        weights = part.parameters() if isinstance(part, nn.Module) else ()
        broken = [weight.isfinite().all().logical_not() for weight in weights if not is_packed_tensor(weight)]
        if broken and bool(torch.stack(broken).any()):
            raise Unsound(f"its {name} holds numbers that are none (NaN or infinity); {_AGAIN}")
