"""Refuses pictures of a size that a network's patches do not fill."""

from __future__ import annotations

from inference.errors import InvalidRequest
from inference.messages.request import GenerationRequest


def refuse_size(request: GenerationRequest, multiple: int, checkpoint: str) -> None:
    """Raise InvalidRequest unless both sides of the picture are multiples of so many pixels."""
    if request.width % multiple or request.height % multiple:
        raise InvalidRequest(
            what=f"A size of {request.width} by {request.height}",
            problem=f"does not go with {checkpoint}: both must be multiples of {multiple}",
        )
