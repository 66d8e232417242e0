"""Base models as they stand in the database."""

from __future__ import annotations

from inference.base_models import BaseModelId


def stored_base_model(text: str | None) -> BaseModelId | None:
    """The base model a row names; None for one that this version of Easel does not know (any more).

    Unknown fits nothing, so a name that was withdrawn cannot spoil a picture; the next scan judges the file again.
    """
    try:
        return None if text is None else BaseModelId(text)
    except ValueError:
        return None
