"""The two pipes to the bot: commands on stdin, events on a duplicate of fd 1; fd 1 itself points at stderr."""

from __future__ import annotations

import os
import queue
import sys
import threading
from typing import BinaryIO

from pydantic import BaseModel, ValidationError

from inference.messages.commands import COMMANDS, Cancel, Command, JobCommand, Shutdown
from inference.messages.events import BadCommand


class CommandChannel:
    """Reads commands on a separate thread, so that a `Cancel` is noticed during a step."""

    def __init__(self, commands: BinaryIO, events: BinaryIO) -> None:
        self._commands = commands
        self._events = events
        self._lock = threading.Lock()
        self._inbox: queue.SimpleQueue[Command | None] = queue.SimpleQueue()
        self._cancelled: dict[int, threading.Event] = {}  # by id of every unfinished job
        self._closed = threading.Event()

    @classmethod
    def take_over(cls) -> CommandChannel:
        """Claim stdin and stdout of this process; from now on `print` writes to stderr."""
        events = os.fdopen(os.dup(1), "wb", buffering=0)
        os.dup2(2, 1)
        return cls(sys.stdin.buffer, events)

    @property
    def closed(self) -> bool:
        """Whether the bot has closed the pipes."""
        return self._closed.is_set()

    def send(self, event: BaseModel) -> None:
        """Write one event. A bot that is gone closes the channel instead of raising."""
        line = event.model_dump_json().encode() + b"\n"
        try:
            with self._lock:
                self._events.write(line)
        except OSError:
            self._closed.set()

    def listen(self) -> None:
        """Start the reading thread."""
        threading.Thread(target=self._read, name="commands", daemon=True).start()

    def receive(self, *, seconds: float | None = None) -> Command | None:
        """The next configuration or job; None when none came within `seconds`, or the bot is gone."""
        try:
            return self._inbox.get(timeout=seconds)
        except queue.Empty:
            return None

    def is_cancelled(self, job_id: int) -> bool:
        """Whether a job was cancelled; the end of the bot cancels none."""
        cancelled = self._cancelled.get(job_id)
        return cancelled is not None and cancelled.is_set()

    def forget(self, job_id: int) -> None:
        """Forget the cancellation of a job that has ended: a later attempt has the same id."""
        self._cancelled.pop(job_id, None)

    def _read(self) -> None:
        for line in self._commands:
            try:
                command = COMMANDS.validate_json(line)
            except ValidationError as problem:
                self.send(BadCommand(problem=_described(problem)[:2000]))
                continue
            if isinstance(command, Shutdown):
                break  # a thread that still waits for stdin would abort the interpreter on its way out
            if isinstance(command, Cancel):
                self._cancel(command.job_id)
                continue
            if isinstance(command, JobCommand):
                self._cancelled[command.job_id] = threading.Event()
            self._inbox.put(command)
        self._closed.set()
        self._inbox.put(None)

    def _cancel(self, job_id: int) -> None:
        """Cancel an unfinished job; an id of an ended one is ignored."""
        if (cancelled := self._cancelled.get(job_id)) is not None:
            cancelled.set()


def _described(problem: ValidationError) -> str:
    """The errors and their places, without the line's text: it may contain a prompt, and this is logged."""
    errors = problem.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(str(part) for part in error['loc']) or 'line'}: {error['msg']}" for error in errors)
