"""Files that diffusers' own training scripts save: their scale stands in the metadata."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline
from diffusers.training_utils import _collate_lora_metadata
from diffusers.utils import convert_state_dict_to_diffusers
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from safetensors import safe_open
from safetensors.torch import load_file

from inference.base_models import Architecture
from inference.engine.lora.folding import fold_all
from inference.engine.lora.normalise import normalise
from inference.errors import LoraFileRefused
from tests.inference.engine import tiny
from tests.inference.engine.applied import attached
from tests.inference.engine.loras import as_file

SD1 = Architecture.SD1
CONFIGS: dict[str, dict[str, Any]] = {
    "alpha": {"r": 4, "lora_alpha": 7},
    "equal": {"r": 4, "lora_alpha": 4},
    "stabilised": {"r": 4, "lora_alpha": 3, "use_rslora": True},
    "by-layer": {
        "r": 2, "lora_alpha": 1, "rank_pattern": {"attn2.to_k": 6}, "alpha_pattern": {"attn1.to_q": 5, "to_q": 3},
    },
    "dora": {"r": 4, "lora_alpha": 2, "use_dora": True},
}  # fmt: skip


def trained(config: dict[str, Any]) -> Any:
    """A pipeline whose UNet has an adapter with random numbers, as a training script leaves it."""
    pipeline = copy.deepcopy(tiny.made(SD1))
    torch.manual_seed(5)
    pipeline.unet.add_adapter(LoraConfig(target_modules=["to_q", "to_k", "conv1", "ff.net.2"], **config))
    for name, parameter in pipeline.unet.named_parameters():
        if "lora_A" in name or "lora_B" in name:
            parameter.data = torch.randn_like(parameter) / 8
        elif "magnitude" in name:
            parameter.data *= 1.1
    return pipeline


def saved(pipeline: Any, folder: Path) -> Path:
    StableDiffusionPipeline.save_lora_weights(
        folder,
        unet_lora_layers=convert_state_dict_to_diffusers(get_peft_model_state_dict(pipeline.unet)),
        **_collate_lora_metadata({"unet": pipeline.unet}),
    )
    return next(folder.glob("*.safetensors"))


def read(path: Path) -> Any:
    with safe_open(str(path), "pt") as file:
        metadata = file.metadata()
    plain = as_file(load_file(path))
    return type(plain)(plain.use, plain.tensors, plain.evidence, plain.autov3, metadata)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_saved_lora_does_what_it_did_in_training(name: str, tmp_path: Path) -> None:
    pipeline = trained(CONFIGS[name])
    expected = tiny.outputs(pipeline)
    plain = tiny.made(SD1)
    names = tiny.names_of(plain, SD1)
    changes = normalise(read(saved(pipeline, tmp_path)), names, "Here")
    with attached(names.layers, fold_all([(changes, 1.0)], names.layers)):
        result = tiny.outputs(plain)
    assert (tiny.outputs(plain) - expected).abs().max() > 1e-2
    assert float((result - expected).abs().max()) < 1e-10


def test_one_that_alters_the_checkpoint_is_refused(tmp_path: Path) -> None:
    pipeline = trained({"r": 4, "lora_alpha": 4})
    pipeline.unet.peft_config["default"].init_lora_weights = "pissa"
    with pytest.raises(LoraFileRefused, match="pissa"):
        normalise(read(saved(pipeline, tmp_path)), tiny.names_of(tiny.made(SD1), SD1), "Here")
