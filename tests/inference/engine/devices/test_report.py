"""What torch finds is reported, and no card that cannot be used raises an error."""

from __future__ import annotations

import torch

from inference.engine.devices.report import product_flops, report
from inference.hardware import TorchReport


def test_the_build_of_torch_is_told_as_it_is() -> None:
    told = TorchReport.model_validate_json(report().model_dump_json())
    assert (told.version, told.cuda, told.hip) == (torch.__version__, torch.version.cuda, torch.version.hip)
    assert len(told.cards) == (torch.cuda.device_count() if torch.cuda.is_available() else 0)
    assert list(told.architectures) == torch.cuda.get_arch_list()


def test_the_speed_of_products_is_that_of_a_computer() -> None:
    assert 1e8 < product_flops() < 1e15
