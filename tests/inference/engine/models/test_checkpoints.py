"""Checkpoints as they are loaded."""

from __future__ import annotations

import inspect
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import diffusers
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import Qwen3Config, Qwen3Model

from inference.base_models import BaseModelId, known_base_models
from inference.capabilities import DENOISERS, capability_of
from inference.demo import CHECKPOINTS
from inference.engine.intake.checkpoint_store import CheckpointStore
from inference.engine.models.soundness import Unsound, refuse_incomplete, refuse_other_denoiser
from inference.errors import CheckpointUnusable
from inference.messages.checkpoints import CheckpointSpec, PredictionType
from inference.prediction import Prediction
from tests.inference.engine.lone import CHROMA, FLUX, SD3, pipeline_of
from tests.inference.engine.process.test_job_runner import small_sd1

V = PredictionType.V_PREDICTION


def spec(source: Path) -> CheckpointSpec:
    return CheckpointSpec(name="one", source=str(source), base_model=BaseModelId("demo/vivid"))


def test_of_the_demo_the_schedulers_configuration_says_it() -> None:
    store = CheckpointStore((spec(CHECKPOINTS[0].path),), torch.device("cpu"))
    assert store.get(spec(CHECKPOINTS[0].path)).family.prediction == Prediction(V)  # type: ignore[union-attr]


def test_an_unused_safety_checker_is_not_loaded(tmp_path: Path) -> None:
    """Folders of Stable Diffusion 1.5 name one of 1.2 GB; this one is not even there, so that loading it would fail."""
    small_sd1().save_pretrained(tmp_path)
    index = tmp_path / "model_index.json"
    parts = json.loads(index.read_bytes())
    parts |= {"safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"], "requires_safety_checker": True}
    index.write_text(json.dumps(parts))
    one = CheckpointSpec(name="one", source=str(tmp_path), base_model=BaseModelId("sd1/base"))
    checkpoint = CheckpointStore((one,), torch.device("cpu")).get(one)
    assert checkpoint.pipeline.safety_checker is None


def lose_a_weight(folder: Path) -> None:
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    save_file({name: tensor for name, tensor in load_file(file).items() if name != "conv_in.weight"}, file)


def lose_the_words(folder: Path) -> None:
    shutil.rmtree(folder / "tokenizer")


def become_for_inpainting(folder: Path) -> None:
    file, config = folder / "unet" / "diffusion_pytorch_model.safetensors", folder / "unet" / "config.json"
    tensors = load_file(file)
    tensors["conv_in.weight"] = torch.zeros(len(tensors["conv_in.weight"]), 9, 3, 3)
    save_file(tensors, file)
    config.write_text(json.dumps(json.loads(config.read_bytes()) | {"in_channels": 9}))


def become_a_refiner(folder: Path) -> None:
    """It is told of five numbers beside the text, where the others are told of six."""
    file, config = folder / "unet" / "diffusion_pytorch_model.safetensors", folder / "unet" / "config.json"
    said = json.loads(config.read_bytes())
    said["projection_class_embeddings_input_dim"] -= said["addition_time_embed_dim"]
    config.write_text(json.dumps(said))
    tensors = load_file(file)
    told = tensors["add_embedding.linear_1.weight"]
    tensors["add_embedding.linear_1.weight"] = told[:, : said["projection_class_embeddings_input_dim"]].contiguous()
    save_file(tensors, file)


@pytest.mark.parametrize(
    ("damage", "base", "said"),
    [
        (become_a_refiner, "demo/vivid", "its unet is a refiner's, which finishes pictures and begins none"),
        (lose_a_weight, "demo/vivid", r"its unet lacks weights \(1 in all: conv_in.weight\)"),
        (lose_the_words, "demo/vivid", r"its tokenizer is missing .*; download it whole"),
        (become_for_inpainting, "demo/vivid", "its unet takes 9 channels, .* for inpainting"),
        (
            lambda folder: None,
            "sd1/base",
            r"checkpoint has the layers of Demo, and is declared sd1/base .*; write base_model = .demo/vivid.",
        ),
    ],
)
def test_an_unusable_checkpoint_is_refused_when_it_is_loaded(
    damage: Callable[[Path], None], base: str, said: str, tmp_path: Path
) -> None:
    folder = tmp_path / "checkpoint"
    shutil.copytree(CHECKPOINTS[0].path, folder)
    damage(folder)
    one = CheckpointSpec(name="one", source=str(folder), base_model=BaseModelId(base))
    with pytest.raises(CheckpointUnusable, match=f"Easel cannot load the model one.* Reason: {said}"):
        CheckpointStore((one,), torch.device("cpu")).get(one)


@pytest.mark.parametrize(
    ("made", "declared", "said"),
    [
        (FLUX, "flux1/chroma", r"Flux.1 \(FluxTransformer2DModel\), and is declared flux1/chroma \(Chroma\); correct"),
        (CHROMA, "flux1/dev", r"Chroma \(ChromaTransformer2DModel\), and is declared flux1/dev"),
        (SD3, "qwen-image/base", r"Stable Diffusion 3, .* or Stable Diffusion 3.5 Large \(SD3Transformer2DModel\)"),
    ],
)
def test_a_folder_of_another_architecture_than_the_declared_one_is_refused_when_it_is_loaded(
    made: BaseModelId, declared: str, said: str, tmp_path: Path
) -> None:
    pipeline_of(made).save_pretrained(tmp_path)
    one = CheckpointSpec(name="one", source=str(tmp_path), base_model=BaseModelId(declared))
    with pytest.raises(CheckpointUnusable, match=f"the model one.* Reason: its denoiser is that of {said}"):
        CheckpointStore((one,), torch.device("cpu")).get(one)
    with pytest.raises(Unsound, match=said):  # from a hub, whose files are not looked at before
        refuse_other_denoiser(pipeline_of(made), one.base_model)


def test_each_base_model_has_the_denoiser_that_its_pipeline_takes() -> None:
    for base in known_base_models():
        capability = capability_of(base)
        if capability is None or capability.modular:
            continue
        parts = inspect.signature(getattr(diffusers, capability.pipeline).__init__).parameters
        kind = next(parts[name].annotation for name in DENOISERS if name in parts)
        assert capability.denoiser in str(kind), base


def test_a_language_model_whose_tokenizer_reads_more_than_it_was_trained_on_is_whole() -> None:
    """Z-Image's is one: 40,960 positions and a tokenizer of 131,072. Its pipeline says itself how much it reads."""
    config = Qwen3Config(
        vocab_size=8, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1,
        num_key_value_heads=1, head_dim=8, max_position_embeddings=40_960,
    )  # fmt: skip
    pipeline = SimpleNamespace(text_encoder=Qwen3Model(config), tokenizer=SimpleNamespace(model_max_length=131_072))
    pipeline.components = dict(vars(pipeline))
    refuse_incomplete(pipeline)
