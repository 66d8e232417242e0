"""Counts what a picture costs in memory and arithmetic: `python -m tools.picture_costs`.

Networks of full size are built from their configurations on torch's meta device, where tensors have shapes and no
numbers. One pass of each tells how many bytes of tensors are alive at once and how many operations it takes; of a
transformer only the former, by a few of its blocks, which are alike. Kernels' workspaces, the allocator's holes and
CUDA itself come on top. The tables are kept in `inference/picture_costs.py`.
"""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from inference.base_models import Architecture
from inference.engine.models.single_file import CONFIGS
from inference.picture_costs import COSTS, TRANSFORMER_COSTS, PictureCost
from inference.queue.request_cost import GUIDED
from tools.lora_tables.configs import NETWORKS

TOKENS = 77
POOLED, TIMES = 1280, 6  # SDXL's further inputs
BYTES = 2  # of a number in half precision


class LiveBytes(TorchDispatchMode):
    """Bytes of tensors that are alive at once, without a network's own weights."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self._weights = [each.untyped_storage() for each in (*network.parameters(), *network.buffers())]
        self._known = {id(storage) for storage in self._weights}
        self._now = self.peak = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Compute, and note the new tensors."""
        out = func(*args, **(kwargs or {}))
        for each in tree_leaves(out):
            if isinstance(each, torch.Tensor):
                self._note(each.untyped_storage())
        return out

    def _note(self, storage: torch.UntypedStorage) -> None:
        if id(storage) not in self._known:
            self._known.add(id(storage))
            self._now += storage.nbytes()
            self.peak = max(self.peak, self._now)
            weakref.finalize(storage, self._forget, id(storage), storage.nbytes())

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self._now -= size


class FusedAttention(TorchFunctionMode):
    """Attention as fused kernels compute it, which keep no matrix of all pairs; counts its operations."""

    operations = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Stand in for attention, and let everything else be."""
        if func is not functional.scaled_dot_product_attention:
            return func(*args, **(kwargs or {}))
        names = ("query", "key", "value")
        named: dict[str, Any] = dict(zip(names, args, strict=False)) | (kwargs or {})
        query, key, value = (named[name] for name in names)
        self.operations += 4 * query.numel() * key.shape[-2]
        return query.new_empty(*query.shape[:-1], value.shape[-1])


def counted(network: nn.Module, run: Callable[[], object]) -> tuple[int, int]:
    """Bytes that are alive at once, and operations, of one pass."""
    others, live, attention = FlopCounterMode(display=False), LiveBytes(network), FusedAttention()
    with torch.no_grad(), others, live, attention:
        run()
    return live.peak, others.get_total_flops() + attention.operations


def cost_of(architecture: Architecture, side: int) -> PictureCost:
    """The cost of pictures of `side` x `side` pixels, as the engine computes them in half precision."""
    denoiser: Any = _built(UNet2DConditionModel, architecture, "unet")
    decoder: Any = _built(AutoencoderKL, architecture, "vae")
    latents, words = (
        _empty(GUIDED, 4, side // 8, side // 8),
        _empty(GUIDED, TOKENS, denoiser.config.cross_attention_dim),
    )
    more = {"text_embeds": _empty(GUIDED, POOLED), "time_ids": _empty(GUIDED, TIMES)}
    added = {"added_cond_kwargs": more} if architecture is Architecture.SDXL else {}
    times = torch.zeros(GUIDED, device="meta")
    alive, step = counted(denoiser, lambda: denoiser(latents, times, words, return_dict=False, **added))
    decoded, decode = counted(decoder, lambda: decoder.decode(latents[:1], return_dict=False))
    per_pixel = side * side * BYTES
    return replace(
        COSTS[architecture],
        pixels=side * side,
        pass_numbers=round(alive / per_pixel),
        decode_numbers=round(decoded / per_pixel),
        step_tflop=round(step / 1e12, 2),
        decode_tflop=round(decode / 1e12, 2),
    )


_FEW_BLOCKS = {
    Architecture.FLUX1: {"num_layers": 1, "num_single_layers": 1},
    Architecture.Z_IMAGE: {"n_layers": 1, "n_refiner_layers": 1},
}


def live_tensors(architecture: Architecture, side: int = 1024) -> float:
    """Tensors of all tokens, as wide as the network, that are alive at once in a pass for `side` x `side` pixels."""
    (kind, config), cost = NETWORKS[architecture], TRANSFORMER_COSTS[architecture]
    with torch.device("meta"):
        built: Any = kind(**config | _FEW_BLOCKS.get(architecture, {"num_layers": 3}))
    network = built.to(dtype=torch.float16).eval()
    patches, latents, words = (side // cost.token_side) ** 2, side // 8, cost.text_tokens
    inputs = {
        "hidden_states": _empty(1, patches, 64), "timestep": _empty(1), "encoder_hidden_states": _empty(1, words, 4096),
    }  # fmt: skip
    if architecture is Architecture.FLUX1:
        inputs |= {"pooled_projections": _empty(1, 768), "guidance": _empty(1)}
        inputs |= {"img_ids": _empty(patches, 3), "txt_ids": _empty(words, 3)}
    elif architecture is Architecture.QWEN_IMAGE:
        sides = [[(1, side // cost.token_side, side // cost.token_side)]]
        inputs |= {"encoder_hidden_states": _empty(1, words, 3584), "img_shapes": sides}
    elif architecture is Architecture.Z_IMAGE:
        inputs = {"x": [_empty(16, 1, latents, latents)], "t": _empty(1), "cap_feats": [_empty(words, 2560)]}
    elif architecture is Architecture.ANIMA:
        inputs |= {"hidden_states": _empty(1, 16, 1, latents, latents), "padding_mask": _empty(1, 1, latents, latents)}
        inputs |= {"encoder_hidden_states": _empty(1, words, 1024)}
    else:
        inputs |= {"hidden_states": _empty(1, 16, latents, latents), "pooled_projections": _empty(1, 2048)}
    alive, _ = counted(network, lambda: network(**inputs, return_dict=False))
    return alive / BYTES / (patches + words) / cost.width


def _built(kind: Any, architecture: Architecture, part: str) -> Any:
    config = json.loads((CONFIGS / architecture / part / "config.json").read_text("utf-8"))
    with torch.device("meta"):
        return kind.from_config(config).to(dtype=torch.float16).eval()


def _empty(*shape: int) -> torch.Tensor:
    return torch.empty(*shape, dtype=torch.float16, device="meta")


def main() -> None:
    """Print the table."""
    for architecture, cost in COSTS.items():
        print(f"{architecture}: {cost_of(architecture, round(cost.pixels**0.5))}")
    for architecture in TRANSFORMER_COSTS:
        print(f"{architecture}: {live_tensors(architecture):.1f} tensors of all tokens")


if __name__ == "__main__":
    main()
