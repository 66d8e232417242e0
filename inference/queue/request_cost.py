"""How much work a request is, and which of a worker's waiting requests comes first.

Work is counted in pixels of all rows of all passes: a picture with guidance is two rows, one with regions as many for
each region, a step of a second-order sampler two passes. The queue counts shares in it, the engine orders requests by
it, and forecasts simulate that order.

The request with the least work left comes first, unless another one has waited for long. A request ages by the work
that the worker does meanwhile: it comes first once that is `AGEING` times as much as the difference in work left.
"""

from __future__ import annotations

from inference.messages.request import GenerationRequest
from inference.messages.samplers import Sampler

GUIDED = 2  # rows of a slot with guidance
AGEING = 10.0


def rows_each(request: GenerationRequest) -> int:
    """Rows of the batch that each slot of the request takes, by its guidance alone; caps go by them.

    A cap is measured for each checkpoint, so it does not matter whether its denoiser takes fewer.
    """
    return GUIDED if request.guidance_scale > 1 else 1


def slots(request: GenerationRequest) -> int:
    """Slots of the batch that the request takes: one for each picture, with regions one for each of their slots."""
    return request.count * len(request.slots)


def steps_left(steps: int, strength: float, *, flow: bool) -> int:
    """Of so many steps those that a picture is changed by: the share `strength`, rounded as diffusers does, at least 1.

    Pipelines of flow matching round up, those of Stable Diffusion and SDXL down.
    """
    share = min(steps * strength, steps)
    return max(1, steps - int(steps - share) if flow else int(share))


def passes(request: GenerationRequest) -> int:
    """The number of forward passes of a request, which workers report as steps."""
    strength = 1.0 if request.image is None else request.image.strength
    steps = steps_left(request.steps, strength, flow=request.flow)
    return 2 * steps - 1 if request.sampler is Sampler.HEUN else steps


def pass_work(request: GenerationRequest) -> int:
    """The work of one pass of a request, in pixels."""
    rows = rows_each(request) if request.rows is None else request.rows
    return rows * slots(request) * request.width * request.height


def work(request: GenerationRequest) -> int:
    """The work of all passes of a request, in pixels."""
    return passes(request) * pass_work(request)


def precedence(left: float, work_before: float) -> float:
    """The order of a request with work `left` that was submitted after `work_before` had been done; smaller is sooner.

    It does not change while requests wait, since all of them age by the same work.
    """
    return left + work_before / AGEING
