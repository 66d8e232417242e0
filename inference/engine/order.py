"""Who of those that wait comes first: whoever has the least left to do, unless somebody has waited for long.

Work is counted in pixels of all rows of all passes, and so is time: who waits grows older by the work that is done for
others meanwhile. Somebody with much to do is passed over until that is `AGEING` times as much as what they have more.
"""

from __future__ import annotations

from inference.engine.caps import rows_each
from inference.engine.handle import Handle
from inference.messages import GenerationRequest, Sampler

AGEING = 10.0


def pass_work(request: GenerationRequest) -> int:
    """Of one forward pass."""
    return rows_each(request) * request.count * request.width * request.height


def passes_left(handle: Handle) -> int:
    """Forward passes that a request which waits still needs."""
    request = handle.request
    steps = request.steps if request.image is None else max(1, int(request.steps * request.image.strength))
    passes = 2 * steps - 1 if request.sampler is Sampler.HEUN else steps
    return max(1, passes - (handle.resume.done if handle.resume else 0))


def precedence(handle: Handle, worked: float) -> float:
    """The smaller, the sooner; `worked` is what has been done for everybody until now."""
    return passes_left(handle) * pass_work(handle.request) - (worked - handle.came) / AGEING
