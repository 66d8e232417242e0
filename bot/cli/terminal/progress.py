"""Progress bars on stderr, so that stdout stays clean for programs."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

LINE_SECONDS = 5.0  # between the log lines of one piece of work

log = logging.getLogger(__name__)


@contextmanager
def work_report() -> Generator[Callable[[str, int, int], None]]:
    """Yields `report(title, done, total)`: a bar for each title, or lines of the log where stderr is no terminal."""
    with ExitStack() as bars:
        reports: dict[str, Callable[[int, int], None]] = {}

        def report(title: str, done: int, total: int) -> None:
            if title not in reports:
                bar = bars.enter_context(progress_bar(title)) if sys.stderr.isatty() else _lines(title)
                reports[title] = bar
            reports[title](done, total)

        yield report


def _lines(title: str) -> Callable[[int, int], None]:
    last, logged = -LINE_SECONDS, (0, 0)

    def report(done: int, total: int) -> None:
        nonlocal last, logged
        now = time.monotonic()
        if (now - last >= LINE_SECONDS or done == total) and (done, total) != logged:
            last, logged = now, (done, total)
            log.info("%s: %s of %s", title, done, total)

    return report


@contextmanager
def progress_bar(title: str) -> Generator[Callable[[int, int], None]]:
    """A bar called `title`; yields `report(done, total)`. Nothing is drawn where stderr is no terminal."""
    console = Console(file=sys.stderr)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=None)

        def report(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield report
