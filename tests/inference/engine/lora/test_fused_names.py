"""Names of diffusion transformers' original code: fused layers and swapped halves, in every spelling of one LoRA.

The reference is diffusers' conversion of whole checkpoints, which cuts weights into rows: given the `up` matrices of a
LoRA it says which rows of which are whose. Its conversion of LoRAs is none: that one loses the alpha of final layers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
import torch
from diffusers.loaders import single_file_utils
from diffusers.models.transformers.auraflow_transformer_2d import AuraFlowTransformer2DModel
from diffusers.models.transformers.sana_transformer import SanaTransformer2DModel
from diffusers.models.transformers.transformer_cosmos import CosmosTransformer3DModel
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from diffusers.models.transformers.transformer_flux2 import Flux2Transformer2DModel
from diffusers.models.transformers.transformer_krea2 import Krea2Transformer2DModel
from diffusers.models.transformers.transformer_lumina2 import Lumina2Transformer2DModel
from diffusers.models.transformers.transformer_qwenimage import QwenImageTransformer2DModel
from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel
from diffusers.models.transformers.transformer_z_image import ZImageTransformer2DModel
from torch import nn
from torch.nn.functional import linear

from inference.base_models import Architecture
from inference.engine.lora.folding import LayerChange, fold_all, layers_of
from inference.engine.lora.layer_names import LayerNames
from inference.engine.lora.low_rank import Delta
from inference.engine.lora.normalise import normalise
from inference.errors import LoraFileRefused, ModuleMismatch
from inference.lora.tensors.names import underscored
from inference.lora.tensors.original_names import RULES
from tests.inference.engine.applied import attached
from tests.inference.engine.loras import as_file

DOUBLE = torch.float64
original: Any = single_file_utils
RANK, ALPHA, WEIGHT = 3, 2.0, 0.7
FLUX, SD35, QWEN, Z_IMAGE = (Architecture(name) for name in ("flux1", "sd35m", "qwen-image", "z-image"))
Tensors = dict[str, torch.Tensor]


class _Lenient(dict[str, torch.Tensor]):
    """A checkpoint that has everything it is asked for: here only the layers of a LoRA are wanted."""

    def pop(self, key: str, *default: Any) -> Any:
        return super().pop(key, *(default or (torch.zeros(21_504, 1),)))  # as large as Flux.1's widest


def unchanged(weights: Tensors) -> Tensors:
    return weights


def sd3(weights: Tensors) -> Tensors:
    return original.convert_sd3_transformer_checkpoint_to_diffusers(_Lenient(weights))


def flux(weights: Tensors) -> Tensors:
    return original.convert_flux_transformer_checkpoint_to_diffusers(_Lenient(weights))


def cosmos(weights: Tensors) -> Tensors:
    return original.convert_cosmos_transformer_checkpoint_to_diffusers(
        {f"net.{name}": weights[name] for name in weights}
    )


def converting(name: str) -> Callable[[Tensors], Tensors]:
    return lambda weights: getattr(original, f"convert_{name}_to_diffusers")(_Lenient(weights))


@dataclass(frozen=True)
class Made:
    """A network of full width and few blocks, without memory; `converted` is diffusers' conversion of a checkpoint."""

    make: Callable[[], nn.Module]
    converted: Callable[[Tensors], Tensors]


MADE: dict[Architecture, Made] = {
    FLUX: Made(lambda: FluxTransformer2DModel(num_layers=1, num_single_layers=1, guidance_embeds=True), flux),
    SD35: Made(
        lambda: SD3Transformer2DModel(
            num_layers=3, num_attention_heads=24, caption_projection_dim=1536, dual_attention_layers=(0,)
        ),
        sd3,
    ),
    QWEN: Made(lambda: QwenImageTransformer2DModel(num_layers=1), unchanged),
    Z_IMAGE: Made(
        lambda: ZImageTransformer2DModel(n_layers=1, n_refiner_layers=1),
        original.convert_z_image_transformer_checkpoint_to_diffusers,
    ),
}


def cosmos_network() -> nn.Module:
    return CosmosTransformer3DModel(
        in_channels=16, num_attention_heads=16, num_layers=1, text_embed_dim=1024, adaln_lora_dim=256,
        extra_pos_embed_type=None,
    )  # fmt: skip


OTHERS: dict[Architecture, Made] = {
    Architecture.ANIMA: Made(cosmos_network, cosmos),
    Architecture.AURAFLOW: Made(
        lambda: AuraFlowTransformer2DModel(num_mmdit_layers=1, num_single_dit_layers=1),
        converting("auraflow_transformer_checkpoint"),
    ),
    Architecture.FLUX2_KLEIN_4B: Made(
        lambda: Flux2Transformer2DModel(
            num_layers=1, num_single_layers=1, num_attention_heads=24, joint_attention_dim=7680
        ),
        converting("flux2_transformer_checkpoint"),
    ),
    Architecture.KREA2: Made(lambda: Krea2Transformer2DModel(num_layers=1), converting("krea2_transformer_checkpoint")),
    Architecture.LUMINA2: Made(
        lambda: Lumina2Transformer2DModel(num_layers=1, num_refiner_layers=1), converting("lumina2")
    ),
    Architecture.SANA: Made(lambda: SanaTransformer2DModel(num_layers=1), converting("sana_transformer")),
}


@cache
def names_of(architecture: Architecture) -> LayerNames:
    with torch.device("meta"):
        network = (MADE | OTHERS)[architecture].make()
    return LayerNames.of(architecture, layers_of({"transformer": network}))


@dataclass(frozen=True)
class Pair:
    """What a LoRA has for one module, without alpha."""

    down: torch.Tensor
    up: torch.Tensor


@cache
def lora_of(architecture: Architecture) -> Mapping[str, Pair]:
    """A pair for every layer of a network, by its names in the original code."""
    numbers = torch.Generator().manual_seed(0)
    names, blocks = names_of(architecture), range(3)
    apart = re.compile(r"(qkv|linear1)\.\d$|_blocks\.#\.qkv$")  # parts of fused layers, as some trainers write them
    rules = [name for name in RULES.get(architecture, {}) if not apart.search(name)]
    ours = {name.replace("#", str(block)) for name in rules for block in blocks}
    there = [name for name in sorted(ours) if names.find(name) is not None]
    covered = {key for name in there if (found := names.find(name)) for key in found.keys}
    paths = there + [path for part, path in names.layers if (part, path) not in covered]
    drawn = dict[str, Pair]()
    for path in paths:
        found = names.find(path)
        assert found is not None
        outputs, *inputs = found.shape
        down = torch.randn(RANK, *inputs, generator=numbers, dtype=DOUBLE)
        drawn[path] = Pair(down, torch.randn(outputs, RANK, generator=numbers, dtype=DOUBLE))
    return drawn


@cache
def in_diffusers(architecture: Architecture) -> Mapping[str, Pair]:
    """The same LoRA by diffusers' paths, alpha applied, cut as diffusers cuts checkpoints."""
    lora = lora_of(architecture)
    marked = {
        f"{path}.weight": torch.cat([pair.up * (ALPHA / RANK), torch.full((len(pair.up), 1), number)], dim=1)
        for number, (path, pair) in enumerate(lora.items())
    }
    downs = [pair.down for pair in lora.values()]
    converted = (MADE | OTHERS)[architecture].converted(dict(marked))
    wanted = {f"{path}.weight": path for _, path in names_of(architecture).layers}
    return {
        wanted[key]: Pair(downs[int(up[0, -1])], up[:, :-1]) for key, up in converted.items() if key in wanted
    }  # fmt: skip


def kohya(lora: Mapping[str, Pair], prefix: str = "lora_unet_") -> Tensors:
    named = {prefix + underscored(path): pair for path, pair in lora.items()}
    return down_and_up(named) | {f"{name}.alpha": torch.tensor(ALPHA, dtype=DOUBLE) for name in named}


def down_and_up(lora: Mapping[str, Pair], down: str = "lora_down", up: str = "lora_up", baked: float = 1.0) -> Tensors:
    tensors = {f"{name}.{down}.weight": pair.down for name, pair in lora.items()}
    ups = {name: pair.up * baked for name, pair in lora.items()}
    flat = {name: up if lora[name].down.ndim == 2 else up[..., None, None] for name, up in ups.items()}
    return tensors | {f"{name}.{up}.weight": numbers for name, numbers in flat.items()}


def prefixed(lora: Mapping[str, Pair], prefix: str) -> Mapping[str, Pair]:
    return {prefix + path: pair for path, pair in lora.items()}


def comfyui(lora: Mapping[str, Pair]) -> Tensors:
    named = prefixed(lora, "diffusion_model.")
    return down_and_up(named) | {f"{name}.alpha": torch.tensor(ALPHA, dtype=DOUBLE) for name in named}


def original_peft(prefix: str) -> Callable[[Architecture], Tensors]:
    baked = ALPHA / RANK
    return lambda base: down_and_up(prefixed(lora_of(base), prefix), "lora_A", "lora_B", baked)


def diffusers_peft(prefix: str, down: str = "lora_A", up: str = "lora_B") -> Callable[[Architecture], Tensors]:
    return lambda base: down_and_up(prefixed(in_diffusers(base), prefix), down, up)


SPELLINGS: Mapping[str, Callable[[Architecture], Tensors]] = {
    "kohya": lambda base: kohya(lora_of(base)),
    "ComfyUI": lambda base: comfyui(lora_of(base)),
    "BFL": original_peft(""),
    "ai-toolkit": original_peft("diffusion_model."),
    "PEFT": original_peft("base_model.model."),
    "diffusers": diffusers_peft("transformer."),
    "diffusers by PEFT": diffusers_peft("base_model.model.transformer."),
    "diffusers of old": diffusers_peft("transformer.", "lora.down", "lora.up"),
    "OneTrainer": lambda base: down_and_up(
        {f"lora_transformer_{underscored(path)}": pair for path, pair in in_diffusers(base).items()}
    ),
    "musubi": lambda base: down_and_up(
        {f"lora_unet_{underscored(path)}": pair for path, pair in in_diffusers(base).items()}
    ),
    "LyCORIS": lambda base: kohya(lora_of(base), "lycoris_"),
}


def difference(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((found - wanted).abs().max() / wanted.abs().max())


CASES = [(architecture, spelling) for architecture in MADE for spelling in SPELLINGS]


@pytest.mark.parametrize(("architecture", "spelling"), [*CASES, *((other, "kohya") for other in OTHERS)])
def test_every_spelling_is_the_same_change(architecture: Architecture, spelling: str) -> None:
    """Compared by what the changes do to one vector: the weights of whole layers would be large."""
    names, wanted = names_of(architecture), in_diffusers(architecture)
    assert {("transformer", path) for path in wanted} == set(names.layers), "the reference has every layer"
    changes = normalise(as_file(SPELLINGS[spelling](architecture)), names, "Here")
    folded = fold_all([(changes, WEIGHT)], names.layers)
    assert folded.keys() == set(names.layers)
    for (_, path), change in folded.items():
        pair, own = change.delta.pair, wanted[path]
        assert pair is not None
        vector = torch.randn(own.down[0].numel(), generator=torch.Generator().manual_seed(1), dtype=DOUBLE)
        expected = WEIGHT * (own.up @ (own.down.flatten(1) @ vector))
        assert difference(pair.up @ (pair.down.flatten(1) @ vector), expected) < 1e-12, path


def test_a_fused_layer_shares_one_matrix() -> None:
    changes = normalise(as_file(SPELLINGS["kohya"](FLUX)), names_of(FLUX), "Here")
    parts = ("attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp")
    found = [changes["transformer", f"single_transformer_blocks.0.{part}"].delta.pair for part in parts]
    downs = {id(pair.down) for pair in found if pair is not None}
    assert len(downs) == 1
    assert [len(pair.up) for pair in found if pair] == [3072, 3072, 3072, 12288]


def test_xlabs_names_of_single_blocks() -> None:
    """It changes query, key and value of a single block, and not the rest of the fused layer."""
    lora = lora_of(FLUX)
    whole, second = lora["single_blocks.0.linear1"], lora["single_blocks.0.linear2"]
    at = "single_blocks.0.processor"
    tensors = {
        f"{at}.qkv_lora.down.weight": whole.down,
        f"{at}.qkv_lora.up.weight": whole.up[: 3 * 3072],
        f"{at}.proj_lora.down.weight": second.down,
        f"{at}.proj_lora.up.weight": second.up,
    }
    changes = normalise(as_file(tensors), names_of(FLUX), "Here")
    parts = ("attn.to_q", "attn.to_k", "attn.to_v", "proj_out")
    assert changes.keys() == {("transformer", f"single_transformer_blocks.0.{part}") for part in parts}
    value = changes["transformer", "single_transformer_blocks.0.attn.to_v"].delta.pair
    assert value is not None
    assert torch.equal(value.up, whole.up[2 * 3072 : 3 * 3072])


# --- other formats, on a small network with weights ------------------------------------------------------------------


@cache
def small() -> nn.Module:
    torch.manual_seed(0)
    network: Any = FluxTransformer2DModel(
        in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=32, pooled_projection_dim=24, axes_dims_rope=(4, 6, 6),
    )  # fmt: skip
    return network.to(DOUBLE).requires_grad_(requires_grad=False)


FUSED: Mapping[str, tuple[str, ...]] = {
    "double_blocks.0.img_attn.qkv": tuple(f"transformer_blocks.0.attn.to_{one}" for one in "qkv"),
    "single_blocks.0.linear1": tuple(
        f"single_transformer_blocks.0.{part}" for part in ("attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp")
    ),
    "final_layer.adaLN_modulation.1": ("norm_out.linear",),
}


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=DOUBLE) / 4


def lora(shape: tuple[int, int]) -> Tensors:
    return {"lora_down.weight": drawn(4, shape[1]), "lora_up.weight": drawn(shape[0], 4)}


def loha(rank: int, shape: tuple[int, int]) -> Tensors:
    sides = {"w1_a": (shape[0], rank), "w1_b": (rank, shape[1]), "w2_a": (shape[0], rank), "w2_b": (rank, shape[1])}
    return {f"hada_{name}": drawn(*sides[name]) for name in sides}


def lokr(shape: tuple[int, int]) -> Tensors:
    return {"lokr_w1": drawn(2, 2), "lokr_w2_a": drawn(shape[0] // 2, 1), "lokr_w2_b": drawn(1, shape[1] // 2)}


KINDS: Mapping[str, Callable[[tuple[int, int]], Tensors]] = {
    "LoHa": lambda shape: loha(2, shape),
    "LoHa of high rank": lambda shape: loha(8, shape),
    "LoKr": lokr,
    "full difference": lambda shape: {"diff": drawn(*shape), "diff_b": drawn(shape[0])},
    "DoRA": lambda shape: {**lora(shape), "dora_scale": 1 + drawn(shape[0], 1)},
    "bias": lambda shape: {"diff_b": drawn(shape[0])},
}


def delta_of(tensors: Tensors, shape: tuple[int, int]) -> torch.Tensor:
    """Written out, without alpha."""
    if "diff" in tensors:
        return tensors["diff"]
    if "lora_up.weight" in tensors:
        return tensors["lora_up.weight"] @ tensors["lora_down.weight"]
    if "hada_w1_a" in tensors:
        first, second = (tensors[f"hada_w{n}_a"] @ tensors[f"hada_w{n}_b"] for n in (1, 2))
        return first * second
    if "lokr_w1" in tensors:
        return torch.kron(tensors["lokr_w1"], tensors["lokr_w2_a"] @ tensors["lokr_w2_b"])
    return torch.zeros(*shape, dtype=DOUBLE)


def halves_swapped(rows: torch.Tensor) -> torch.Tensor:
    first, second = rows.chunk(2)
    return torch.cat([second, first])


@pytest.mark.parametrize("module", FUSED)
@pytest.mark.parametrize("kind", KINDS)
def test_every_format_changes_a_fused_layer(kind: str, module: str) -> None:
    x, names = drawn(5, 32), small_names()
    layers = [names.layers["transformer", path] for path in FUSED[module]]
    in_original: Callable[[torch.Tensor], torch.Tensor] = halves_swapped if module.startswith("final") else torch.clone
    weight = in_original(torch.cat([layer.weight for layer in layers]))
    bias = in_original(torch.cat([layer.bias for layer in layers if layer.bias is not None]))
    shape = (weight.shape[0], weight.shape[1])
    tensors = KINDS[kind](shape)
    changed = weight + delta_of(tensors, shape)
    if "dora_scale" in tensors:
        changed = changed * tensors["dora_scale"] / changed.norm(dim=1, keepdim=True)
    wanted = in_original(linear(x, changed, bias + tensors.get("diff_b", torch.zeros(()))).T).T

    file = as_file({f"diffusion_model.{module}.{key}": value for key, value in tensors.items()})
    changes = normalise(file, names, "Here")
    with attached(names.layers, fold_all([(changes, 1.0)], names.layers)):
        found = torch.cat([layer(x) for layer in layers], dim=1)
    assert difference(found, wanted) < 1e-12
    assert difference(torch.cat([layer(x) for layer in layers], dim=1), wanted) > 1e-2


def small_names() -> LayerNames:
    return LayerNames.of(FLUX, layers_of({"transformer": small()}))


def test_norms_of_all_outputs_together_are_refused_where_the_layers_are_apart() -> None:
    tensors = {**lora((96, 32)), "dora_scale": 1 + drawn(1, 32)}
    file = as_file({f"lora_unet_double_blocks_0_img_attn_qkv.{key}": value for key, value in tensors.items()})
    with pytest.raises(LoraFileRefused, match="img_attn_qkv are of several layers together"):
        normalise(file, small_names(), "Here")


def test_a_part_of_a_fused_layer_beside_it_is_refused() -> None:
    both = {f"lora_unet_double_blocks_0_img_attn_qkv.{key}": value for key, value in lora((96, 32)).items()}
    both |= {f"transformer.transformer_blocks.0.attn.to_k.{key}": value for key, value in lora((32, 32)).items()}
    with pytest.raises(LoraFileRefused, match="twice, under two names"):
        normalise(as_file(both), small_names(), "Here")


@pytest.mark.parametrize("bad", [(64, 32), (96, 16), (97, 32)])
def test_a_fused_layer_of_another_size_is_refused(bad: tuple[int, int]) -> None:
    file = as_file({f"lora_unet_double_blocks_0_img_attn_qkv.{key}": value for key, value in lora(bad).items()})
    with pytest.raises(ModuleMismatch):
        normalise(file, small_names(), "Here")


TEXT = [
    (FLUX, "lora_te2_encoder_block_0_layer_0_SelfAttention_q", "T5"),
    (FLUX, "text_encoder_2.encoder.block.0.layer.0.SelfAttention.q", "T5"),
    (FLUX, "text_encoders.t5xxl.transformer.encoder.block.0.layer.0.SelfAttention.q", "T5"),
    (SD35, "lora_te3_encoder_block_0_layer_0_SelfAttention_q", "T5"),
    (QWEN, "text_encoder.model.layers.0.self_attn.q_proj", "Qwen2.5-VL"),
    (Z_IMAGE, "lora_te_layers_0_self_attn_q_proj", "Qwen3"),
]


@pytest.mark.parametrize(("architecture", "module", "title"), TEXT)
def test_loras_of_language_models_are_refused_by_name(architecture: Architecture, module: str, title: str) -> None:
    tensors = {f"{module}.{key}": value for key, value in lora((64, 64)).items()}
    with pytest.raises(LoraFileRefused, match=rf"the text encoder {re.escape(title)} \({re.escape(module)}\)"):
        normalise(as_file(tensors), names_of(architecture), "Here")


def test_a_change_of_a_language_model_by_nothing_is_left_out() -> None:
    """Programs that save every layer also save those of T5 that nobody trained."""
    module = "text_encoders.t5xxl.transformer.encoder.block.0.layer.0.SelfAttention.q"
    nothing = {**lora((64, 64)), "lora_up.weight": torch.zeros(64, 4, dtype=DOUBLE)}
    tensors = {f"{module}.{key}": value for key, value in nothing.items()}
    tensors |= {f"diffusion_model.img_in.{key}": value for key, value in lora((32, 16)).items()}
    changes: Mapping[Any, LayerChange] = normalise(as_file(tensors), small_names(), "Here")
    assert list(changes) == [("transformer", "x_embedder")]
    assert isinstance(changes["transformer", "x_embedder"].delta, Delta)
