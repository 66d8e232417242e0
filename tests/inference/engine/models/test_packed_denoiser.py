"""Denoisers with packed weights, opened beside a folder's other parts, and LoRAs on them."""

from __future__ import annotations

import copy
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline, ZImagePipeline, ZImageTransformer2DModel
from torch import nn

from inference.base_models import BaseModelId
from inference.engine.devices.offloading import Residence
from inference.engine.layers.layer_hooks import LayerHooks
from inference.engine.layers.lora_set import LoraSet
from inference.engine.lora.folding import layers_of
from inference.engine.lora.layer_names import LayerNames
from inference.engine.lora.layer_weights import compute_dtype, is_quantised, numbers_of
from inference.engine.lora.normalise import normalise
from inference.engine.models.checkpoints import networks_of, open_pipeline
from inference.engine.models.soundness import Unsound, refuse_incomplete, refuse_no_numbers
from inference.messages.checkpoints import CheckpointSpec, Quantisation
from tests.inference.engine.loras import as_file
from tests.inference.engine.transformers import Z_IMAGE, pipeline_of
from tests.inference.gguf_writer import kind_of, write_gguf

CPU, SINGLE = torch.device("cpu"), torch.float32


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("z-image")
    pipeline_of(Z_IMAGE).save_pretrained(made)
    return made


def spec(folder: Path, **more: Any) -> CheckpointSpec:
    return CheckpointSpec(name="packed", source=str(folder), base_model=Z_IMAGE, **more)


def in_original_names(network: nn.Module) -> dict[str, torch.Tensor]:
    """The weights as Z-Image's own code has them: query, key and value in one."""
    weights = {name: weight.detach().float() for name, weight in network.state_dict().items()}
    for name in [name for name in weights if name.endswith("attention.to_q.weight")]:
        at = name.removesuffix("to_q.weight")
        weights[f"{at}qkv.weight"] = torch.cat([weights.pop(f"{at}to_{one}.weight") for one in "qkv"])
    renamed = {"all_x_embedder.2-1.": "x_embedder.", "all_final_layer.2-1.": "final_layer.", ".to_out.0.": ".out.",
               ".norm_q.": ".q_norm.", ".norm_k.": ".k_norm."}  # fmt: skip
    for ours, theirs in renamed.items():
        weights = {name.replace(ours, theirs): weight for name, weight in weights.items()}
    return weights


def as_gguf(path: Path, weights: dict[str, torch.Tensor]) -> Path:
    gguf: Any = pytest.importorskip("gguf", reason="the extra gguf is not installed")
    numbers = {
        name: gguf.quants.quantize(weight.numpy(), gguf.GGMLQuantizationType[kind_of(tuple(weight.shape), "Q8_0")])
        for name, weight in weights.items()
    }
    shapes = {name: tuple(weight.shape) for name, weight in weights.items()}
    return write_gguf(path, shapes, "Q8_0", {name: data.tobytes() for name, data in numbers.items()})


def plain(network: nn.Module) -> Any:
    """The same network with the dequantised numbers."""
    made = ZImageTransformer2DModel.from_config(network.config).to(SINGLE).eval()
    weights = dict(network.state_dict())
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Linear):
            weights[f"{name}.weight"] = numbers_of(layer).to(SINGLE)
    made.load_state_dict(weights)
    return made


def said(network: Any) -> torch.Tensor:
    numbers = torch.Generator().manual_seed(7)
    latents, text = torch.randn(4, 1, 8, 8, generator=numbers), torch.randn(20, 32, generator=numbers)
    return network([latents], torch.tensor([0.4]), [text], return_dict=False)[0][0]


def apart(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max())


@torch.no_grad()
def test_a_denoiser_from_a_gguf_file_takes_loras(folder: Path, tmp_path: Path) -> None:
    path = as_gguf(tmp_path / "z-image-Q8_0.gguf", in_original_names(pipeline_of(Z_IMAGE).transformer))
    bare = tmp_path / "bare"  # what people download beside a GGUF file: everything but the denoiser's weights
    _copied_without_weights(folder, bare)
    pipeline = open_pipeline(ZImagePipeline, spec(bare, denoiser=str(path)), SINGLE)
    refuse_incomplete(pipeline)
    refuse_no_numbers(pipeline)
    network = pipeline.transformer
    packed = [layer for layer in network.modules() if isinstance(layer, nn.Linear) and is_quantised(layer)]
    assert len(packed) > 20 and {compute_dtype(layer) for layer in packed} == {SINGLE}
    before = said(network)
    assert apart(before, said(plain(network))) < 1e-5
    assert apart(before, said(copy.deepcopy(pipeline_of(Z_IMAGE).transformer).to(SINGLE))) < 0.2

    Residence(networks_of(pipeline), CPU).onload_all()
    names = LayerNames.of(Z_IMAGE.architecture, layers_of({"transformer": network}))
    down, up = torch.randn(4, 32), torch.randn(96, 4)
    kohya = {"lora_down.weight": down, "lora_up.weight": up, "alpha": torch.tensor(2.0)}
    changes = normalise(
        as_file({f"lora_unet_layers_0_attention_qkv.{key}": value for key, value in kohya.items()}), names, "Here"
    )
    expected = plain(network)
    for number, one in enumerate("qkv"):
        layer = expected.get_submodule(f"layers.0.attention.to_{one}")
        layer.weight += 0.7 * (up @ down / 2)[32 * number : 32 * (number + 1)]
    hooks = LayerHooks(names.layers)
    with hooks.applying(LoraSet.fold([(changes, 0.7)], hooks).additions):
        assert apart(said(network), said(expected)) < 1e-5
    assert apart(before, said(expected)) > 1e-2


def _copied_without_weights(folder: Path, target: Path) -> None:
    for file in folder.rglob("*"):
        if file.is_file() and not (file.parent.name == "transformer" and file.suffix == ".safetensors"):
            (target / file.relative_to(folder)).parent.mkdir(parents=True, exist_ok=True)
            (target / file.relative_to(folder)).write_bytes(file.read_bytes())


@torch.no_grad()
def test_a_denoiser_is_packed_by_torchao(folder: Path) -> None:
    pytest.importorskip("torchao", reason="the extra torchao is not installed")
    pipeline = open_pipeline(ZImagePipeline, spec(folder, quantise=Quantisation.TORCHAO_INT8), SINGLE)
    refuse_incomplete(pipeline)
    refuse_no_numbers(pipeline)
    network = pipeline.transformer
    layers = layers_of({"transformer": network})
    packed = {key: layer for key, layer in layers.items() if is_quantised(layer)}
    assert len(packed) > 20 and {compute_dtype(layer) for layer in packed.values()} == {SINGLE}
    before = said(network)
    Residence(networks_of(pipeline), CPU).onload_all()
    names = LayerNames.of(Z_IMAGE.architecture, layers)
    down, up = torch.randn(4, 32), torch.randn(32, 4)
    tensors = {"lora_A.weight": down, "lora_B.weight": up}
    file = as_file({f"transformer.layers.0.attention.to_q.{key}": value for key, value in tensors.items()})
    hooks = LayerHooks(layers)
    with hooks.applying(LoraSet.fold([(normalise(file, names, "Here"), 0.7)], hooks).additions):
        after = said(network)
    query = network.layers[0].attention.to_q
    hook = query.register_forward_hook(lambda _, given, output: output + 0.7 * (given[0] @ down.T @ up.T))
    assert apart(after, said(network)) < 1e-5
    assert apart(after, before) > 1e-2
    hook.remove()


@pytest.mark.parametrize("quantise", [Quantisation.NF4, Quantisation.INT8, Quantisation.TORCHAO_INT8])
def test_a_missing_package_is_named_with_its_extra(folder: Path, quantise: Quantisation) -> None:
    package = "torchao" if quantise is Quantisation.TORCHAO_INT8 else "bitsandbytes"
    if find_spec(package) is not None:
        pytest.skip(f"{package} is installed")
    with pytest.raises(Unsound, match=rf"packed as {quantise.value} need .* install .*\[{package}\]"):
        open_pipeline(ZImagePipeline, spec(folder, quantise=quantise), SINGLE)


def test_what_bitsandbytes_packs_needs_a_card(folder: Path) -> None:
    pytest.importorskip("bitsandbytes", reason="the extra bitsandbytes is not installed")
    with pytest.raises(Unsound, match="need an NVIDIA card"):
        open_pipeline(ZImagePipeline, spec(folder, quantise=Quantisation.NF4), SINGLE)


def test_unets_are_not_packed(tmp_path: Path) -> None:
    pytest.importorskip("gguf", reason="the extra gguf is not installed")
    (tmp_path / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "U"]}')
    one = CheckpointSpec(name="a", source=str(tmp_path), base_model=BaseModelId("sd1/base"), denoiser="a.gguf")
    with pytest.raises(Unsound, match="only transformers are packed"):
        open_pipeline(StableDiffusionPipeline, one, SINGLE)
