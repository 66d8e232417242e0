"""Puts trained parts together as people download them: checkpoint folders, LoRA files with metadata, sidecars."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import CLIPTextModel, CLIPTextModelWithProjection

from inference.files.hashes import folder_sha256
from tools.demo.diffusion import SCHEDULER_CONFIG
from tools.demo.lessons import LESSONS, Lesson
from tools.demo.tokenizer import load_tokenizers


def ship_checkpoint(parts: Path, vae: Path, tokenizers: Path, target: Path) -> str:
    """Write a complete pipeline folder in half precision; returns its identity."""
    first, second = load_tokenizers(tokenizers)
    pipe = StableDiffusionXLPipeline(
        vae=AutoencoderKL.from_pretrained(vae),
        text_encoder=CLIPTextModel.from_pretrained(parts / "text_encoder"),
        text_encoder_2=CLIPTextModelWithProjection.from_pretrained(parts / "text_encoder_2"),
        tokenizer=first,
        tokenizer_2=second,
        unet=UNet2DConditionModel.from_pretrained(parts / "unet"),
        scheduler=EulerDiscreteScheduler.from_config(SCHEDULER_CONFIG),
        add_watermarker=False,
    )
    shutil.rmtree(target, ignore_errors=True)
    pipe.to(torch.float16).save_pretrained(target, safe_serialization=True)
    # Saving keeps only what Euler reads; the other samplers need the rest as well.
    (target / "scheduler" / "scheduler_config.json").write_text(json.dumps(SCHEDULER_CONFIG, indent=2) + "\n")
    _forget_origin(target)
    return folder_sha256(target)


def _forget_origin(folder: Path) -> None:
    """Remove the build machine's paths, which would change the identity and help nobody."""
    for path in folder.rglob("*.json"):
        if path.name in {"vocab.json", "tokenizer.json"}:
            continue
        settings = json.loads(path.read_text())
        if isinstance(settings, dict) and settings.pop("_name_or_path", None) is not None:
            path.write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n")


def stamp_lora(path: Path, lesson: Lesson, checkpoint: Path) -> None:
    """Rewrite a LoRA file with metadata that names the checkpoint it was trained on, bytes and all."""
    metadata = lora_metadata(lesson, folder_sha256(checkpoint))
    save_file(load_file(path), path, metadata)


def lora_metadata(lesson: Lesson, checkpoint_hash: str) -> dict[str, str]:
    """The header kohya's scripts write, as far as it applies here."""
    title = f"{lesson.name} ({lesson.version})"
    return {
        "ss_output_name": lesson.stem,
        "ss_base_model_version": "demo",
        "ss_sd_model_name": f"demo/{lesson.look}",
        "ss_new_sd_model_hash": checkpoint_hash,
        "ss_network_module": "networks.lora",
        "ss_network_dim": str(lesson.rank),
        "ss_network_alpha": str(float(lesson.rank)),
        "ss_v_parameterization": "True",
        "ss_steps": str(lesson.steps),
        "modelspec.sai_model_spec": "1.0.0",
        "modelspec.architecture": "easel-demo/lora",
        "modelspec.implementation": "diffusers",
        "modelspec.prediction_type": "v",
        "modelspec.resolution": "64x64",
        "modelspec.title": title,
        "modelspec.trigger_phrase": ", ".join(lesson.trigger_words),
    }


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata in a LoRA file's header."""
    with safe_open(path, framework="pt") as file:
        return dict(file.metadata() or {})


def write_sidecar(lesson: Lesson, folder: Path) -> None:
    """The text beside the LoRA that the bot's library reads."""
    # JSON's strings, numbers and lists of strings are also TOML's.
    fields: dict[str, object] = {
        "name": lesson.name,
        "version": lesson.version,
        "category": lesson.category,
        "base_model": f"demo/{lesson.look}",
        "trigger_words": list(lesson.trigger_words),
        "recommended_weight": lesson.recommended_weight,
        "description": lesson.description,
        "example_prompt": lesson.example_prompt,
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in fields.items()]
    (folder / f"{lesson.stem}.toml").write_text("\n".join(lines) + "\n")


def pack_loras(trained: Path, checkpoints: Path, target: Path) -> None:
    """Copy every trained LoRA to `target`, stamped with the identity of its checkpoint, sidecar beside it."""
    target.mkdir(parents=True, exist_ok=True)
    for lesson in LESSONS:
        path = target / f"{lesson.stem}.safetensors"
        shutil.copyfile(trained / path.name, path)
        stamp_lora(path, lesson, checkpoints / lesson.look)
        write_sidecar(lesson, target)
