"""The noise of the demo checkpoints and the v-prediction loss that base and LoRA training share."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from diffusers.models.attention_processor import AttnProcessor
from torch import Tensor

from tools.demo.networks import Networks
from tools.demo.tokenizer import MAX_TOKENS

TIMES = 1000
SNR_CAP = 5.0
HIGH_NOISE_SHARE = 0.8
DROPPED_TO_EMPTY = 0.05
DROPPED_TO_ZERO = 0.07

SCHEDULER_CONFIG: dict[str, object] = {
    "_class_name": "EulerDiscreteScheduler",
    "_diffusers_version": "0.42.1",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": TIMES,
    "prediction_type": "v_prediction",
    # From the very last time on: with few steps the colours come out surer than with SDXL's "leading".
    "timestep_spacing": "trailing",
    "steps_offset": 1,
    # Latents here leave -1..1: a sampler that clips them paints gray mush.
    "clip_sample": False,
    "set_alpha_to_one": False,
}


def signal_shares() -> Tensor:
    """How much of the picture is left at each of the thousand times (alpha bar)."""
    betas = torch.linspace(math.sqrt(0.00085), math.sqrt(0.012), TIMES, dtype=torch.float64) ** 2
    return torch.cumprod(1 - betas, 0).float()


@dataclass(frozen=True)
class Examples:
    """Training latents of one size with several tokenised captions each."""

    latents: Tensor  # (pictures, 4, height, width)
    ids: Tensor  # (2, pictures, captions, MAX_TOKENS): one row for each tokenizer


def tokenise(tokenizers: Sequence, captions: list[list[str]]) -> Tensor:
    """Token ids of captions for both tokenizers."""
    flat = [text for texts in captions for text in texts]
    each = len(captions[0])
    rows = [
        tokenizer(flat, padding="max_length", max_length=MAX_TOKENS, truncation=True, return_tensors="pt").input_ids
        for tokenizer in tokenizers
    ]
    return torch.stack(rows).view(len(rows), len(captions), each, MAX_TOKENS).to(torch.int16)


class Batches:
    """Random batches, each of one picture size, and the two kinds of missing caption."""

    def __init__(self, examples: Sequence[Examples], empty: Tensor, seed: int) -> None:
        self._examples = examples
        self._empty = empty.long()  # (2, MAX_TOKENS), the tokens of ""
        self._weights = [len(e.latents) for e in examples]
        self._random = random.Random(seed)
        self._generator = torch.Generator().manual_seed(seed)

    def draw(self, count: int) -> tuple[Tensor, tuple[Tensor, Tensor], Tensor]:
        """Latents, token ids, and 0 for the captions to blank entirely (1 for the rest)."""
        examples = self._random.choices(self._examples, self._weights)[0]
        rows = torch.randint(len(examples.latents), (count,), generator=self._generator)
        captions = torch.randint(examples.ids.shape[2], (count,), generator=self._generator)
        ids = examples.ids[:, rows, captions].long()
        luck = torch.rand(count, generator=self._generator)
        ids[:, luck < DROPPED_TO_EMPTY] = self._empty[:, None]
        kept = (luck < 1 - DROPPED_TO_ZERO).float()
        return examples.latents[rows].float(), (ids[0], ids[1]), kept


class VLoss:
    """The loss: v-prediction, weighted toward the noisy times where the text decides."""

    def __init__(self, seed: int) -> None:
        self._shares = signal_shares()
        self._generator = torch.Generator().manual_seed(seed)

    def __call__(self, networks: Networks, latents: Tensor, words: Tensor, summary: Tensor) -> Tensor:
        """The weighted error of one batch at random times."""
        count = len(latents)
        luck = torch.rand(count, generator=self._generator)
        low = torch.where(luck < HIGH_NOISE_SHARE, 150, 0)
        times = (low + torch.rand(count, generator=self._generator) * (TIMES - low)).long().clamp(max=TIMES - 1)
        share = self._shares[times].view(-1, 1, 1, 1)
        noise = torch.randn(latents.shape, generator=self._generator)
        noisy = share.sqrt() * latents + (1 - share).sqrt() * noise
        wanted = share.sqrt() * noise - (1 - share).sqrt() * latents
        predicted = networks.predict(noisy, times, words, summary).float()
        snr = share.flatten() / (1 - share.flatten())
        weight = (snr + 1).clamp(max=SNR_CAP) / (snr + 1)
        return (weight * (predicted - wanted).pow(2).mean(dim=(1, 2, 3))).mean()


def quicker_on_cpu(networks: Networks) -> None:
    """Plain attention: the fused one has a slow backward pass on a CPU."""
    networks.unet.set_attn_processor(AttnProcessor())
    for encoder in (networks.text_encoder, networks.text_encoder_2):
        encoder.set_attn_implementation("eager")


def rate_factor(step: int, steps: int, warm_up: int, floor: float) -> float:
    """Learning rate over its peak: a short warm-up, then half a cosine down to `floor`."""
    if step < warm_up:
        return (step + 1) / warm_up
    done = (step - warm_up) / max(1, steps - warm_up)
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
