"""LoRAs beside quantised weights: products added to the layer's output, exactly, in the type in which it computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import linear

from inference.base_models import Architecture
from inference.engine.layers.additions import Whole
from inference.engine.layers.layer_hooks import LayerHooks
from inference.engine.layers.lora_set import LoraSet
from inference.engine.layers.slots import BatchSlots
from inference.engine.lora.folding import LayerChange, ModuleKey, fold_all, layers_of
from inference.engine.lora.layer_names import LayerNames
from inference.engine.lora.layer_weights import is_quantised, numbers_of
from inference.engine.lora.normalise import normalise
from inference.errors import LoraFileRefused
from tests.inference.engine.applied import attached
from tests.inference.engine.loras import as_file
from tests.inference.engine.quantised import FORMATS, quantised
from tests.inference.engine.transformers import DTYPE, Z_IMAGE, Lora, lora_on, pipeline_of

Weighted = Sequence[tuple[Lora, float]]
LENGTHS = (20, 20)  # tokens


def files(lora: Lora, **more: torch.Tensor) -> dict[str, torch.Tensor]:
    tensors = {f"transformer.{name}.lora_A.weight": pair.down for name, pair in lora.items()}
    return tensors | {f"transformer.{name}.lora_B.weight": pair.up for name, pair in lora.items()} | more


def changes_of(lora: Lora, network: nn.Module) -> Mapping[ModuleKey, LayerChange]:
    names = LayerNames.of(Architecture.Z_IMAGE, layers_of({"transformer": network}))
    return normalise(as_file(files(lora)), names, "Here")


def added_by_hand(network: nn.Module, loras: Weighted) -> nn.Module:
    """The network, with layers that add the product of each LoRA to their output."""
    for name, layer in network.named_modules():
        pairs = [(lora[name], weight) for lora, weight in loras if name in lora]
        if pairs:
            base: Callable[[torch.Tensor], torch.Tensor] = layer.forward

            def forward(x: torch.Tensor, base: Any = base, pairs: Any = pairs) -> torch.Tensor:
                return base(x) + sum(weight * (x @ pair.down.T @ pair.up.T) for pair, weight in pairs)

            layer.forward = forward  # type: ignore[method-assign]
    return network


def said(network: Any, rows: Sequence[int]) -> list[torch.Tensor]:
    numbers = torch.Generator().manual_seed(7)
    latents = [torch.randn(4, 1, 8, 8, generator=numbers, dtype=DTYPE) for _ in LENGTHS]
    texts = [torch.randn(length, 32, generator=numbers, dtype=DTYPE) for length in LENGTHS]
    times = torch.linspace(0.2, 0.6, len(LENGTHS))
    chosen = list(rows)
    answer = network([latents[row] for row in chosen], times[chosen], [texts[row] for row in chosen], return_dict=False)
    return list(answer[0])


def apart(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max())


def wanted(name: str) -> bool:
    return not name.startswith(("all_x_embedder", "cap_embedder"))  # see test_row_lengths.py


@pytest.mark.parametrize("kind", FORMATS)
@torch.no_grad()
def test_products_are_added_to_quantised_layers_in_company(kind: str) -> None:
    plain: Any = pipeline_of(Z_IMAGE).transformer
    network = quantised(plain, kind)  # parameters of GGUF files cannot be copied
    loras = [lora_on(plain, seed, 2 + seed, wanted) for seed in range(3)]
    worn: Sequence[Weighted] = ([(loras[0], 0.7), (loras[1], -0.4)], [(loras[2], 1.0)])
    expected = [said(added_by_hand(quantised(plain, kind), own), [row])[0] for row, own in enumerate(worn)]
    alone = said(network, [0])[0]

    hooks = LayerHooks(layers_of({"transformer": network}))
    assert sum(is_quantised(layer) for layer in hooks.layers) > len(hooks.layers) / 2
    sets = [
        LoraSet.fold([(changes_of(lora, network), weight) for lora, weight in own], hooks) for own in worn
    ]  # fmt: skip
    for layer, addition in zip(hooks.layers, sets[0].additions, strict=True):
        assert addition is None or not (is_quantised(layer) and isinstance(addition, Whole))
        assert addition is None or {part.dtype for part in addition.parts.values()} == {DTYPE}
    with hooks.applying(BatchSlots(hooks, 1).assign(sets)):
        found = said(network, [0, 1])
    for row, picture in enumerate(expected):
        assert apart(found[row], picture) < 1e-12
    assert apart(alone, expected[0]) > 1e-2

    with hooks.applying(sets[0].with_merged_weights(hooks).additions):
        assert apart(said(network, [0])[0], expected[0]) < 1e-12


def one_layer() -> nn.Module:
    torch.manual_seed(0)
    network = nn.Module()
    network.all_final_layer = nn.ModuleDict({"2-1": nn.Module()})
    network.all_final_layer["2-1"].linear = nn.Linear(64, 48, dtype=DTYPE)
    return network.requires_grad_(requires_grad=False)


MODULE = "all_final_layer.2-1.linear"


@pytest.mark.parametrize("sides", [(48, 1), (1, 64)], ids=["per output", "per input"])
@torch.no_grad()
def test_dora_goes_by_the_dequantised_weight(sides: tuple[int, int]) -> None:
    network = quantised(one_layer(), "gguf")
    names = LayerNames.of(Architecture.Z_IMAGE, layers_of({"transformer": network}))
    ((key, layer),) = names.layers.items()
    lora = lora_on(one_layer(), 3)
    norms = 1 + torch.rand(*sides, dtype=DTYPE)
    changes = normalise(as_file(files(lora, **{f"transformer.{MODULE}.dora_scale": norms})), names, "Here")
    weight = numbers_of(layer).to(DTYPE)
    assert weight.shape == (48, 64)
    changed = weight + lora[MODULE].up @ lora[MODULE].down
    changed *= norms / changed.norm(dim=1 if sides[1] == 1 else 0, keepdim=True)
    x = torch.randn(5, 64, dtype=DTYPE)
    with attached(names.layers, fold_all([(changes, 1.0)], names.layers)):
        found = layer(x)
    assert apart(found, linear(x, changed, layer.bias)) < 1e-12
    assert key == ("transformer", MODULE)


@pytest.mark.parametrize("kind", [None, "nf4"], ids=["int8", "as bitsandbytes says its format"])
def test_dora_is_refused_where_nobody_can_dequantise(kind: str | None) -> None:
    network = quantised(one_layer(), "int8")
    if kind is not None:
        vars(network.get_submodule(MODULE).weight)["quant_type"] = kind
    names = LayerNames.of(Architecture.Z_IMAGE, layers_of({"transformer": network}))
    norms = {f"transformer.{MODULE}.dora_scale": torch.ones(48, 1, dtype=DTYPE)}
    with pytest.raises(LoraFileRefused, match=f"{MODULE} is a DoRA, which needs the numbers"):
        normalise(as_file(files(lora_on(one_layer(), 3), **norms)), names, "Here")
