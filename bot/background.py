"""Background tasks from which nothing escapes unseen."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger(__name__)


def start(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    """Run `work` beside everything else; what it raises is logged with its traceback instead of being lost."""
    return asyncio.create_task(guard(work, name), name=name)


async def guard(work: Coroutine[Any, Any, None], name: str) -> None:
    """Await `work`; log what it raises. One of the two places where every error is caught."""
    try:
        await work
    except Exception:
        log.exception("%s failed", name)
