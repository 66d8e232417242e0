"""What torch finds to paint with, as a process that imports it reports to one that does not."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

COMMAND = ("-m", "inference.engine.devices.report")  # prints a TorchReport as one line of JSON


class CardReport(BaseModel):
    """A graphics card as torch sees it. `problem` is what torch said when it tried to compute on it."""

    model_config = ConfigDict(frozen=True)

    name: str
    capability: tuple[int, int]
    total: int
    free: int | None = None
    problem: str | None = None


class TorchReport(BaseModel):
    """The build of torch and what it finds. `cuda` and `hip` are the versions it was built for, None for neither.

    `architectures` are those that it has code for, such as `sm_86` or `compute_90`. `problem`: why it finds no card.
    `product_flops` are operations a second of a product of matrices in single precision, on the CPU.
    """

    model_config = ConfigDict(frozen=True)

    version: str
    cuda: str | None = None
    hip: str | None = None
    architectures: tuple[str, ...] = ()
    cards: tuple[CardReport, ...] = ()
    mps: bool = False
    problem: str | None = None
    product_flops: float | None = None
