"""How much a request asks for, and who of those that wait at one worker comes first.

Work is counted in pixels of all rows of all passes: a picture with guidance is two rows, a step of a second-order
sampler two passes. The queue counts people's shares in it, the engine orders by it, and forecasts play that order.

Whoever has the least left to do comes first, unless somebody has waited for long. Who waits grows older by the work
that is done for others meanwhile, and is passed over until that is `AGEING` times as much as what they have more.
"""

from __future__ import annotations

from inference.messages import GenerationRequest, Sampler

GUIDED = 2  # rows of a picture with guidance
AGEING = 10.0


def rows_each(request: GenerationRequest) -> int:
    """Rows of the batch that a picture of the request takes."""
    return GUIDED if request.guidance_scale > 1 else 1


def passes(request: GenerationRequest) -> int:
    """How often the network runs for it, as a worker counts steps."""
    steps = request.steps if request.image is None else max(1, int(request.steps * request.image.strength))
    return 2 * steps - 1 if request.sampler is Sampler.HEUN else steps


def pass_work(request: GenerationRequest) -> int:
    """The work of one of its passes."""
    return rows_each(request) * request.count * request.width * request.height


def work(request: GenerationRequest) -> int:
    """All of its work."""
    return passes(request) * pass_work(request)


def precedence(left: float, came: float) -> float:
    """The smaller, the sooner: of somebody with so much work `left` who `came` when so much had been done for all.

    It stays what it is while they wait, since everybody who waits grows older by the same work.
    """
    return left + came / AGEING
