"""Previews: near to the picture whatever the VAE is, and never a reason to fail."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, AutoencoderTiny
from PIL import Image

from inference.demo import CHECKPOINTS
from inference.engine.engine import Engine
from inference.engine.intake.checkpoint_store import CheckpointStore
from inference.engine.models.checkpoints import Checkpoint
from inference.engine.models.previews import ColourMap, SmallDecoder, open_tiny, preview_of
from inference.matching import Matcher
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.samplers import Sampler
from tests.inference.engine.worlds import CPU, World
from tests.inference.requests import request

VAE = AutoencoderKL.from_pretrained(CHECKPOINTS[0].path / "vae", dtype=torch.float32, local_files_only=True)
COLOURS = {"red": (200, 40, 40), "green": (40, 180, 60), "blue": (40, 60, 200), "white": (235, 235, 235)}


@pytest.mark.parametrize("colour", COLOURS)
@torch.no_grad()
def test_a_preview_of_noiseless_latents_has_roughly_the_colour_of_the_picture(colour: str) -> None:
    pixels = torch.tensor(COLOURS[colour])[None, :, None, None].expand(1, 3, 64, 64) / 127.5 - 1
    latents = VAE.encode(pixels).latent_dist.mean[0] * VAE.config.scaling_factor
    preview = ColourMap.measure(VAE).picture(latents, (64, 64))
    middle = np.asarray(preview)[16:48, 16:48].mean((0, 1))
    assert min(COLOURS, key=lambda name: np.abs(middle - COLOURS[name]).sum()) == colour


@torch.no_grad()
def test_a_small_vae_is_its_own_preview() -> None:
    latents = torch.randn(4, 16, 16, generator=torch.Generator().manual_seed(1))
    pixels = VAE.decode(latents[None] / VAE.config.scaling_factor).sample[0].clamp(-1, 1).movedim(0, -1)
    preview = preview_of(VAE).picture(latents, (64, 64))
    assert np.abs(np.asarray(preview) / 127.5 - 1 - pixels.numpy()).max() < 0.01


def test_measuring_the_colours_of_a_vae_in_double_precision_leaves_its_weights_to_the_bit() -> None:
    precise = copy.deepcopy(VAE).double()
    weight = precise.decoder.conv_in.weight
    weight.data += 1e-12
    before = weight.detach().clone()
    ColourMap.measure(precise)
    assert torch.equal(precise.decoder.conv_in.weight, before)


def demo(number: int, **changes: Any) -> Engine:
    """An engine with a demo checkpoint."""
    torch.set_num_threads(1)
    name, path, base = CHECKPOINTS[number].name, CHECKPOINTS[number].path, CHECKPOINTS[number].base_model
    spec = CheckpointSpec(name=name, source=str(path), base_model=base, **changes)
    return Engine(CheckpointStore((spec,), CPU), World("demo/vivid", torch.float32), Matcher((spec,)))


def difference(preview: Image.Image, pixels: torch.Tensor) -> float:
    """On average, of 255."""
    picture = Image.fromarray((pixels.permute(1, 2, 0) * 255).to(torch.uint8).numpy()).resize(preview.size)
    return float(np.abs(np.asarray(preview).astype(float) - np.asarray(picture)).mean())


@pytest.mark.parametrize(
    ("number", "prompt", "coarse"), [(0, "a red circle on a blue background", 48), (1, "a green house", 25)]
)
def test_previews_of_the_demo_look_like_the_picture_from_the_middle_on(number: int, prompt: str, coarse: float) -> None:
    engine = demo(number)
    made = request(
        checkpoint=CHECKPOINTS[number].name, prompt=prompt, steps=14, guidance_scale=5, sampler=Sampler.DPMPP_2M_KARRAS
    )
    handle = engine.submit(made)
    checkpoint, seen, rough = None, [], []
    while not handle.ended:
        engine.step()
        if (predicted := handle.preview()) is not None and handle.done in (7, 12):
            checkpoint = engine._store.current
            assert isinstance(checkpoint, Checkpoint)
            seen.append(engine.preview(predicted[0], (64, 64)))
            rough.append(ColourMap.measure(checkpoint.pipeline.vae).picture(predicted[0], (64, 64)))
    assert handle.pictures is not None
    middle, late = (difference(preview, handle.pictures[0]) for preview in seen)
    assert middle < 40 and late < 6  # half-way the picture itself is still another one
    assert difference(rough[1], handle.pictures[0]) < coarse, "nor is the coarse map garish"


def test_the_best_preview_there_is_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = AutoencoderTiny(encoder_block_out_channels=(8,) * 4, decoder_block_out_channels=(8,) * 4)
    assert preview_of(VAE, tiny) == SmallDecoder(tiny)
    own = preview_of(VAE)
    assert isinstance(own, SmallDecoder) and own.vae is not VAE
    monkeypatch.setattr("inference.engine.models.previews.MAX_DECODER_PARAMETERS", 1000)
    assert isinstance(preview_of(VAE), ColourMap)


@torch.no_grad()
def test_a_tiny_autoencoder_that_is_configured_draws_the_previews(tmp_path: Path) -> None:
    torch.manual_seed(0)
    AutoencoderTiny(
        encoder_block_out_channels=(8,) * 4, decoder_block_out_channels=(8,) * 4, num_decoder_blocks=(1,) * 4,
        num_encoder_blocks=(1,) * 4,
    ).save_pretrained(tmp_path)  # fmt: skip
    engine = demo(0, preview_decoder=str(tmp_path))
    handle = engine.submit(request(checkpoint=CHECKPOINTS[0].name))
    while handle.preview() is None:
        engine.step()
    latents = torch.linspace(-1, 1, 4 * 12 * 16).reshape(4, 12, 16)
    expected = open_tiny(str(tmp_path), CPU, torch.float32).decode(latents[None]).sample[0]
    drawn = engine.preview(latents, (128, 96))
    assert difference(drawn, expected.clamp(-1, 1) / 2 + 0.5) < 1
    assert engine.preview(torch.zeros(4, 256, 192), (96, 128)).size == (96, 128), "of a large picture only so much"
    engine.finish()


def test_one_that_is_a_pickle_is_not_opened(tmp_path: Path) -> None:
    AutoencoderTiny(
        encoder_block_out_channels=(8,) * 4, decoder_block_out_channels=(8,) * 4, num_decoder_blocks=(1,) * 4,
        num_encoder_blocks=(1,) * 4,
    ).save_pretrained(tmp_path, safe_serialization=False)  # fmt: skip
    assert list(tmp_path.glob("*.bin")) and not list(tmp_path.glob("*.safetensors"))
    with pytest.raises(OSError, match="safetensors"):
        open_tiny(str(tmp_path), CPU, torch.float32)


def test_one_that_cannot_be_opened_costs_better_previews_and_no_picture(tmp_path: Path) -> None:
    engine = demo(0, preview_decoder=str(tmp_path))
    handle = engine.submit(request(checkpoint=CHECKPOINTS[0].name))
    engine.finish()
    assert handle.pictures is not None, handle.error
