"""GGUF files of full width and few blocks, opened as checkpoints are: `python -m tests.inference.engine.gguf_rows`.

The files have the names of the networks' original code. Each layer must have the rows of the file that are its own, so
diffusers' conversion has to cut fused layers and swap halves of packed numbers. It prints one line of JSON: layers, how
many of them are packed, and the worst difference to what was packed, relative to the largest number: what eight bits
lose. It needs the package gguf, 5 GB of memory and some minutes.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import gguf
import torch

from inference.base_models import Architecture, BaseModelId
from inference.capabilities import capability_of
from inference.engine.lora.folding import layers_of
from inference.engine.lora.layer_weights import is_quantised, numbers_of
from inference.engine.models.packed_denoiser import open_packed
from inference.messages.checkpoints import CheckpointSpec
from tests.inference.engine.lora.test_fused_names import FLUX, MADE, QWEN, SD35, Z_IMAGE, lora_of, names_of
from tests.inference.gguf_writer import kind_of, write_gguf

KIND = "Q8_0"
Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Case:
    """A base model, and how its original code names what is no layer: norms, positions, learned tokens."""

    base: BaseModelId
    others: Callable[[Mapping[str, torch.Size]], Tensors]


def ones(*names: str) -> Callable[[str, int], Tensors]:
    return lambda at, size: {f"{at}.{name}": torch.ones(size) for name in names}


def flux_norms(_: Mapping[str, torch.Size]) -> Tensors:
    pair = ones("query_norm.scale", "key_norm.scale")
    places = ("double_blocks.0.img_attn.norm", "double_blocks.0.txt_attn.norm", "single_blocks.0.norm")
    return {name: tensor for place in places for name, tensor in pair(place, 128).items()}


def sd3_others(shapes: Mapping[str, torch.Size]) -> Tensors:
    return {"pos_embed": torch.zeros(shapes["pos_embed.pos_embed"])}


def z_image_others(shapes: Mapping[str, torch.Size]) -> Tensors:
    renamed = {".norm_q.": ".q_norm.", ".norm_k.": ".k_norm."}
    found: Tensors = {}
    for name, shape in shapes.items():
        if (len(shape) == 1 and name.endswith("weight")) or name.endswith("pad_token"):
            for ours, theirs in renamed.items():
                name = name.replace(ours, theirs)
            found[name] = torch.ones(shape)
    return found


def qwen_norms(shapes: Mapping[str, torch.Size]) -> Tensors:
    return {name: torch.ones(shape) for name, shape in shapes.items() if len(shape) == 1 and name.endswith("weight")}


CASES: Mapping[Architecture, Case] = {
    FLUX: Case(BaseModelId("flux1/dev"), flux_norms),
    SD35: Case(BaseModelId("sd35m/base"), sd3_others),
    QWEN: Case(BaseModelId("qwen-image/base"), qwen_norms),
    Z_IMAGE: Case(BaseModelId("z-image/base"), z_image_others),
}


def written(path: Path, weights: Tensors) -> Path:
    numbers = {
        name: gguf.quants.quantize(weight.numpy(), gguf.GGMLQuantizationType[kind_of(tuple(weight.shape), KIND)])
        for name, weight in weights.items()
    }
    shapes = {name: tuple(weight.shape) for name, weight in weights.items()}
    return write_gguf(path, shapes, KIND, {name: data.tobytes() for name, data in numbers.items()})


def opened(case: Case, network: Any, weights: Tensors, folder: Path) -> Any:
    capability = capability_of(case.base)
    assert capability is not None
    network.save_config(folder / "transformer")
    index = {"_class_name": capability.pipeline, "transformer": ["diffusers", type(network).__name__]}
    (folder / "model_index.json").write_text(json.dumps(index))
    spec = CheckpointSpec(
        name="one", source=str(folder), base_model=case.base, denoiser=str(written(folder / "one.gguf", weights))
    )
    return open_packed(getattr(diffusers, capability.pipeline), spec, torch.float32, torch.device("cpu"))


def main() -> None:
    told: dict[str, dict[str, float]] = {}
    for architecture, case in CASES.items():
        with torch.device("meta"):
            network: Any = MADE[architecture].make()
        names, numbers = names_of(architecture), torch.Generator().manual_seed(0)
        found = {path: names.find(path) for path in lora_of(architecture)}
        shapes = {path: entry.shape for path, entry in found.items() if entry is not None}
        layers = {f"{path}.weight": torch.randn(shape, generator=numbers) for path, shape in shapes.items()}
        biased = {path for path, entry in found.items() if entry and names.layers[entry.keys[0]].bias is not None}
        biases = {f"{path}.bias": torch.zeros(shapes[path][0]) for path in biased}
        others = case.others({name: tensor.shape for name, tensor in network.state_dict().items()})
        with tempfile.TemporaryDirectory() as folder:
            got = layers_of({"transformer": opened(case, network, layers | biases | others, Path(folder))})
        worst, packed = 0.0, 0
        for path, entry in found.items():
            assert entry is not None
            rows, begin = layers[f"{path}.weight"], 0
            rows = torch.cat(rows.chunk(2)[::-1]) if entry.swapped else rows
            for key in entry.keys:
                own = numbers_of(got[key]).float()
                expected, begin = rows[begin : begin + len(own)], begin + len(own)
                worst = max(worst, float((own - expected).abs().max() / expected.abs().max()))
                packed += is_quantised(got[key])
        told[architecture] = {"layers": len(got), "packed": packed, "worst": worst}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
