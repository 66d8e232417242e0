"""What is no LoRA, and what is made for an unknown model, is told by its name and with where it belongs."""

from __future__ import annotations

import pytest

from bot.sources import errors
from bot.sources.choosing import why_not
from bot.sources.hubs.links import CivitaiLink
from bot.ui.views.additions.text import ended_text
from tests.bot.sources.adding import add, attach, demo_lora, ended, entry, left, opened
from tests.bot.sources.hubs import Hubs
from tests.house import House, attention_modules
from tests.inference.lora.test_foreign_kinds import KINDS, file_of
from tests.lora_files import lora_tensors, safetensors_bytes

BELONGS = {
    "an embedding of SDXL": ("EmbeddingFile", "an embedding (textual inversion)", "the embeddings folder"),
    "an IP-Adapter": ("IpAdapterFile", "an IP-Adapter", "take a picture as part of the prompt"),
    "diffusers' ControlNet": ("ControlNetFile", "a ControlNet", "the ControlNet folder"),
    "a T2I-Adapter": ("T2IAdapterFile", "a T2I-Adapter", "the ControlNet folder"),
    "Stability's Control-LoRA": ("ControlLoraFile", "a Control-LoRA", "the ControlNet folder"),
    "a checkpoint of SDXL": ("CheckpointFile", "a whole model (checkpoint)", "bot's operator can install it"),
    "a VAE": ("VaeFile", "a VAE", "the VAE folder"),
    "CLIP": ("TextEncoderFile", "a text encoder", "is a part of a model"),
}


@pytest.mark.parametrize("name", BELONGS)
async def test_a_file_is_called_what_it_is_with_where_it_belongs(house: House, hubs: Hubs, name: str) -> None:
    kind, called, belongs = BELONGS[name]
    async with opened(house, hubs) as (_found, additions):
        data = file_of(KINDS[name][0])
        failure = (await ended(additions, await attach(additions, "thing.safetensors", data))).failure
    assert type(failure) is getattr(errors, kind)
    assert f"thing is {called}" in str(failure).replace(": a small ControlNet", "") and belongs in str(failure)
    assert left(house) == []


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        ("TextualInversion", "EmbeddingFile", "the embeddings folder"),
        ("Controlnet", "ControlNetFile", "the ControlNet folder"),
        ("Checkpoint", "CheckpointFile", "a whole model (checkpoint)"),
        ("VAE", "VaeFile", "the VAE folder"),
        ("Hypernetwork", "NotLora", "Its type is Hypernetwork"),
    ],
)
async def test_a_page_of_another_kind_is_called_what_it_is(
    house: House, hubs: Hubs, kind: str, error: str, words: str
) -> None:
    version_id = hubs.add_version(hubs.add_model("Komori", type=kind), demo_lora(), "Other")
    async with opened(house, hubs) as (found, additions):
        version = (await additions.look_up_link(CivitaiLink(version_id=version_id))).versions[0]
        refusal = why_not(version, found.configuration.checkpoints, hubs.settings)
    assert type(refusal) is getattr(errors, error) and words in str(refusal)


@pytest.mark.parametrize(
    "metadata",
    [
        {"modelspec.architecture": "FLUX.3/lora"},
        {"ss_base_model_version": "FLUX.3"},
        {"ss_sd_model_name": "models/FLUX.3.safetensors"},
    ],
)
async def test_an_unknown_architecture_is_quoted(house: House, hubs: Hubs, metadata: dict[str, str]) -> None:
    strange = safetensors_bytes(lora_tensors({"lora_unet_strange_blocks_0_qkv": (64, 32)}), metadata)
    async with opened(house, hubs) as (_found, additions):
        failure = (await ended(additions, await attach(additions, "thing.safetensors", strange))).failure
    assert type(failure) is errors.FileOfNamedModel
    assert "is made for “FLUX.3”" in str(failure) and "does not know that model" in str(failure)


async def test_where_nothing_names_the_architecture_nothing_is_quoted(house: House, hubs: Hubs) -> None:
    strange = safetensors_bytes(lora_tensors({"lora_unet_strange_blocks_0_qkv": (64, 32)}), {"format": "pt"})
    async with opened(house, hubs) as (_found, additions):
        failure = (await ended(additions, await attach(additions, "thing.safetensors", strange))).failure
    assert type(failure) is errors.FileOfUnknownModel


async def test_it_is_quoted_too_where_the_layers_are_those_of_a_known_model(house: House, hubs: Hubs) -> None:
    named = {"modelspec.architecture": "FLUX.3/lora", "ss_sd_model_name": "illustriousXL_v01"}  # which contradicts
    data = safetensors_bytes(lora_tensors(attention_modules()), named)
    version_id = hubs.add_lora("Komori", data, "Other")
    async with opened(house, hubs) as (found, additions):
        addition = await add(found, additions, hubs.link(version_id))
        text = ended_text(addition, await entry(found, "Komori"))
    assert "it is made for “FLUX.3”, which this bot does not know" in text
