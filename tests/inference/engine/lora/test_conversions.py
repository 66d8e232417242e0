"""Every format against LyCORIS: the layer with our change gives what LyCORIS' own module gives in its forward pass.

(`get_diff_weight` of lycoris-lora 4.1.3 applies alpha/rank twice for LoHa and LoKr, so it is no reference.)
"""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from lycoris.modules.full import FullModule
from lycoris.modules.locon import LoConModule
from lycoris.modules.loha import LohaModule
from lycoris.modules.lokr import LokrModule
from torch import nn

from inference.engine.lora.conversions import MAX_ALPHA, BadWeights, change_of
from inference.engine.lora.folding import LayerChange, fold_all, layers_of
from inference.engine.lora.low_rank import Delta, LowRank
from inference.lora.tensors.formats import USABLE, Format, modules_of
from tests.inference.engine.applied import attached

KEY = ("unet", "layer")
TOLERANCES = {torch.float32: 1e-6, torch.float64: 1e-12}

LAYERS = {
    "linear": lambda: nn.Linear(24, 36),
    "square": lambda: nn.Linear(24, 24, bias=False),
    "conv": lambda: nn.Conv2d(12, 20, 3, padding=1),
    "strided": lambda: nn.Conv2d(20, 12, 3, stride=2, padding=1),
    "dilated": lambda: nn.Conv2d(12, 20, 3, padding=2, dilation=2),
    "same": lambda: nn.Conv2d(12, 12, (3, 5), padding="same", bias=False),
    "pointwise": lambda: nn.Conv2d(24, 16, 1),
}
_UNBALANCED = {"factor": 4, "decompose_both": True, "unbalanced_factorization": True}
KINDS: dict[str, tuple[type[Any], dict[str, Any]]] = {
    "lora": (LoConModule, {}),
    "lora-tucker": (LoConModule, {"use_tucker": True}),
    "loha": (LohaModule, {}),
    "loha-tucker": (LohaModule, {"use_tucker": True}),
    "lokr": (LokrModule, {"factor": 4}),
    "lokr-unbalanced": (LokrModule, {"factor": 2, "unbalanced_factorization": True}),
    "lokr-tucker": (LokrModule, {"factor": 2, "use_tucker": True}),
    "lokr-both-factorised": (LokrModule, {"factor": 12, "decompose_both": True}),
    "lokr-whole": (LokrModule, {"factor": 4, "full_matrix": True}),
    "lokr-second-whole": (LokrModule, _UNBALANCED | {"lora_dim": 3}),  # on the linear layers
    "lokr-second-whole-too": (LokrModule, _UNBALANCED | {"lora_dim": 2}),  # on the convolutions
}


def adapter(kind: str, layer: nn.Module, dtype: torch.dtype, *, seed: int, **options: Any) -> Any:
    """LyCORIS' module on `layer`, filled with random numbers; rank and alpha random too."""
    torch.manual_seed(seed)
    module, special = KINDS[kind]
    rank, alpha = int(torch.randint(1, 5, ())), float(torch.rand(()) * 8 + 0.1)
    made = module("x", layer, **{"lora_dim": rank, "alpha": alpha} | special | options)
    for name, parameter in made.named_parameters():
        if name == "dora_scale":
            parameter.data *= 1 + 0.2 * torch.randn_like(parameter)
        else:
            parameter.data = torch.randn_like(parameter) * 0.2
    return made.to(dtype)


def change_from(state: dict[str, torch.Tensor], layer: nn.Module) -> LayerChange:
    """What our engine makes of the tensors that LyCORIS saves."""
    tensors = {f"lora_unet_layer.{name}": tensor.detach() for name, tensor in state.items()}
    (module,) = modules_of(tensors).values()
    assert module.usable, module.problem
    assert module.matches(layer.weight.shape)
    return change_of(module, {role: tensors[key] for role, key in module.keys.items()}, layer.weight.shape)


def ours(layer: nn.Module, loras: list[tuple[LayerChange, float]], x: torch.Tensor) -> torch.Tensor:
    layers = {KEY: layer}
    folded = fold_all([({KEY: change}, weight) for change, weight in loras], layers)
    with torch.no_grad(), attached(layers, folded):
        return layer(x)


def inputs(layer: nn.Module, dtype: torch.dtype) -> torch.Tensor:
    if isinstance(layer, nn.Conv2d):
        return torch.randn(2, layer.in_channels, 9, 7, dtype=dtype)
    return torch.randn(2, 5, layer.in_features, dtype=dtype)


def assert_same(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    error = float((ours - theirs).abs().max() / theirs.abs().max())
    assert error <= TOLERANCES[theirs.dtype], error


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", LAYERS)
def test_a_change_gives_what_lycoris_gives(kind: str, shape: str, dtype: torch.dtype) -> None:
    for seed in range(4):
        torch.manual_seed(seed)
        layer = LAYERS[shape]().to(dtype)
        x = inputs(layer, dtype)
        weight = float(torch.randn(()))
        theirs = adapter(kind, layer, dtype, seed=seed, multiplier=weight)
        change = change_from(theirs.custom_state_dict(), layer)
        with torch.no_grad():
            assert_same(ours(layer, [(change, weight)], x), theirs(x))


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("on_outputs", [True, False])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", LAYERS)
def test_dora_of_every_format_and_both_kinds_of_norm(
    kind: str, shape: str, on_outputs: bool, dtype: torch.dtype
) -> None:
    torch.manual_seed(7)
    layer = LAYERS[shape]().to(dtype)
    x = inputs(layer, dtype)
    theirs = adapter(kind, layer, dtype, seed=7, weight_decompose=True, wd_on_out=on_outputs)
    change = change_from(theirs.custom_state_dict(), layer)
    assert change.per_input is not on_outputs
    with torch.no_grad():
        assert_same(ours(layer, [(change, 1.0)], x), theirs(x))


@pytest.mark.parametrize("kind", ["loha", "lokr"])
def test_what_is_smaller_as_a_pair_stays_a_pair(kind: str) -> None:
    layer = nn.Linear(64, 64)
    small = change_from(adapter(kind, layer, torch.float32, seed=1, lora_dim=2).custom_state_dict(), layer)
    assert small.delta.pair and small.delta.dense is None
    large = change_from(adapter(kind, layer, torch.float32, seed=1, lora_dim=12).custom_state_dict(), layer)
    assert large.delta.pair is None and large.delta.dense is not None


def test_with_both_factors_whole_alpha_has_no_meaning() -> None:
    layer = nn.Linear(24, 36)
    state = adapter("lokr-whole", layer, torch.float32, seed=1).custom_state_dict()
    first, second = (
        change_from(state | {"alpha": torch.tensor(alpha)}, layer).delta.onto(layer.weight) for alpha in (1.0, 77.0)
    )
    assert torch.equal(first, second)


def test_without_alpha_nothing_is_scaled() -> None:
    layer = nn.Linear(24, 36)
    state = adapter("lora", layer, torch.float32, seed=1).custom_state_dict()
    del state["alpha"]
    expected = state["lora_up.weight"] @ state["lora_down.weight"]
    assert torch.equal(change_from(state, layer).delta.onto(torch.zeros(36, 24)), expected)


@pytest.mark.parametrize("alpha", [0.0, -1.0, MAX_ALPHA + 1, float("nan"), float("inf")])
def test_an_alpha_out_of_range_is_refused(alpha: float) -> None:
    layer = nn.Linear(24, 36)
    state = adapter("lora", layer, torch.float32, seed=1).custom_state_dict()
    with pytest.raises(BadWeights, match="alpha"):
        change_from(state | {"alpha": torch.tensor(alpha)}, layer)


@pytest.mark.parametrize("shape", [(36,), (36, 1), (1, 24)])
def test_norms_of_dora_for_outputs_and_inputs_are_told_apart(shape: tuple[int, ...]) -> None:
    layer = nn.Linear(24, 36)
    state = adapter("lora", layer, torch.float32, seed=1).custom_state_dict() | {"dora_scale": torch.ones(shape)}
    assert change_from(state, layer).per_input is (shape == (1, 24))


@pytest.mark.parametrize("shape", [(24,), (35, 1), (36, 24), (1, 36), ()])
def test_norms_of_dora_that_fit_neither_are_refused(shape: tuple[int, ...]) -> None:
    layer = nn.Linear(24, 36)
    state = adapter("loha", layer, torch.float32, seed=1).custom_state_dict() | {"dora_scale": torch.ones(shape)}
    with pytest.raises(BadWeights, match="DoRA"):
        change_from(state, layer)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_single(dtype: torch.dtype) -> None:
    layer = nn.Linear(24, 36)
    state = adapter("loha", layer, torch.float32, seed=1).custom_state_dict()
    change = change_from({name: tensor.to(dtype) for name, tensor in state.items()}, layer)
    assert change.delta.onto(layer.weight).dtype == torch.float32


@pytest.mark.parametrize("shape", ["linear", "conv"])
def test_a_full_difference_is_dense(shape: str) -> None:
    torch.manual_seed(3)
    layer = LAYERS[shape]()
    x = inputs(layer, torch.float32)
    theirs = FullModule("x", copy.deepcopy(layer))  # it takes the layer's weights away
    theirs.apply_to()
    theirs.weight.data += 0.1 * torch.randn_like(theirs.weight)
    theirs.bias.data += 0.1 * torch.randn_like(theirs.bias)
    change = change_from(theirs.custom_state_dict(), layer)
    with torch.no_grad():
        assert_same(ours(layer, [(change, 1.0)], x), theirs(x))


def test_grouped_convolutions_and_other_padding_are_not_offered() -> None:
    strange = nn.Module()
    strange.grouped = nn.Conv2d(8, 8, 3, groups=2)
    strange.mirrored = nn.Conv2d(8, 8, 3, padding=1, padding_mode="reflect")
    strange.plain = nn.Conv2d(8, 8, 3)
    assert list(layers_of({"unet": strange})) == [("unet", "plain")]


def test_rows_of_zeros_stay_zeros_under_dora() -> None:
    layer = nn.Linear(4, 3, bias=False)
    layer.weight.data[1] = 0
    change = LayerChange(Delta(LowRank(torch.zeros(1, 4), torch.zeros(3, 1))), magnitude=torch.ones(3, 1))
    result = ours(layer, [(change, 1.0)], torch.eye(4))
    assert torch.equal(result[:, 1], torch.zeros(4))
    assert torch.allclose(result.T.norm(dim=1), torch.tensor([1.0, 0.0, 1.0]))


def test_every_usable_format_is_covered_and_every_way_to_write_it() -> None:
    formats = {Format.DIFF, Format.BIAS}
    ways: set[tuple[str, ...]] = set()
    for kind in KINDS:
        for shape in LAYERS.values():
            for seed in range(4):
                state = adapter(kind, shape(), torch.float32, seed=seed).custom_state_dict()
                (module,) = modules_of({f"m.{name}": tensor for name, tensor in state.items()}).values()
                formats.add(module.format)
                ways.add((module.format.name, *sorted(name[5:] for name in state if name.startswith("lokr"))))
    assert formats >= USABLE
    firsts, seconds = (("w1",), ("w1_a", "w1_b")), (("w2",), ("w2_a", "w2_b"))
    assert ways >= {("LOKR", *first, *second) for first in firsts for second in seconds}
    assert ("LOKR_TUCKER", "t2", "w1", "w2_a", "w2_b") in ways
