"""Weights that wait on the host: meta stands for a device here, to which nothing has to be copied back."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from inference.engine.devices import host_weights
from inference.engine.devices.host_weights import HostWeights
from inference.engine.devices.offloading import Residence
from tests.inference.engine.quantised import quantised

CPU, AWAY = torch.device("cpu"), torch.device("meta")


class Network(nn.Module):
    """Layers, and a buffer that no file has."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 3))
        self.register_buffer("positions", torch.arange(7), persistent=False)


def numbers(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.detach() for name, tensor in (*network.named_parameters(), *network.named_buffers())}


def same(network: nn.Module, expected: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(tensor, expected[name]) for name, tensor in numbers(network).items())


def test_what_comes_back_is_what_went_though_nothing_can_be_copied_from_there() -> None:
    network, weights = Network(), HostWeights()
    before = {name: tensor.clone() for name, tensor in numbers(network).items()}
    for _ in range(2):
        weights.move(network, AWAY)
        assert all(tensor.is_meta for tensor in numbers(network).values())
        weights.move(network, CPU)
        assert same(network, before)


def test_weights_of_another_precision_by_now_are_copied() -> None:
    network, weights = Network(), HostWeights()
    weights.move(network, torch.device("cpu"))
    weights.move(network, AWAY)
    network.double()
    with pytest.raises(NotImplementedError, match="meta"):  # nothing is there to be copied
        weights.move(network, CPU)


def test_weights_of_a_gguf_file_come_back_packed() -> None:
    plain = nn.Linear(64, 5)
    network, weights, x = quantised(nn.Sequential(plain), "gguf"), HostWeights(), torch.randn(2, 64)
    before = network(x)
    assert not torch.equal(before, plain(x)) and torch.allclose(before, plain(x), atol=0.05)
    for _ in range(2):
        weights.move(network, AWAY)
        assert all(tensor.is_meta for tensor in numbers(network).values())
        weights.move(network, CPU)
        assert torch.equal(network(x), before)


def test_what_is_bound_to_its_device_stays_there() -> None:
    network = Network()
    vars(network)["is_loaded_in_4bit"] = True  # as diffusers marks what bitsandbytes packs
    before = {name: tensor.data_ptr() for name, tensor in numbers(network).items()}
    HostWeights().move(network, AWAY)
    assert {name: tensor.data_ptr() for name, tensor in numbers(network).items()} == before
    assert not Residence({"transformer": network}, AWAY).can_leave
    assert Residence({"transformer": Network()}, AWAY).can_leave


def test_many_weights_share_pinned_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    pinned = list[int]()
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: pinned.append(self.nbytes) or self.clone())
    monkeypatch.setattr(host_weights, "CHUNK", 1024)
    weights = {str(number): torch.randn(number, 3) for number in range(1, 40)} | {"large": torch.randn(1000)}
    found = host_weights._pinned(weights)
    assert all(torch.equal(found[name], weights[name]) for name in weights)
    assert len(pinned) < 20 and max(pinned) == -(-4000 // 64) * 64


def test_where_the_system_pins_no_more_weights_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("CUDA error: OS call failed or operation not supported on this OS")

    monkeypatch.setattr(torch.Tensor, "pin_memory", refuse)
    network, weights = Network(), HostWeights()
    before = {name: tensor.clone() for name, tensor in numbers(network).items()}
    weights.move(network, AWAY)
    weights.move(network, CPU)
    assert same(network, before)


def test_a_host_without_room_keeps_no_second_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_weights, "free_bytes", lambda: host_weights.SPARE_HOST_BYTES - 1)
    network, weights = Network(), HostWeights()
    weights.move(network, AWAY)
    assert not len(weights._kept)
