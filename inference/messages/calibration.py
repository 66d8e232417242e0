"""The question of `python -m bot calibrate` and its answer."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from inference.messages.commands import Configure
from inference.messages.values import FrozenModel, Name, Side


class Calibrate(FrozenModel):
    """What `python -m bot calibrate` has measured: sizes in pixels, each of a checkpoint of `configure`."""

    configure: Configure
    sizes: tuple[tuple[Name, Side, Side], ...]


class Calibrated(FrozenModel):
    """So many pictures share a pass, of which one with `n` pictures takes `seconds[n]`; or why nobody knows."""

    checkpoint: Name
    width: Side
    height: Side
    places: Annotated[int, Field(ge=1, le=1000)] | None = None
    seconds: dict[int, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = {}
    problem: Annotated[str, Field(max_length=300)] = ""
