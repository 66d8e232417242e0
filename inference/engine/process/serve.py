"""The worker's loop: receive, step, report."""

from __future__ import annotations

import os
from dataclasses import dataclass

from inference.engine.devices.devices import give_way, pick_device
from inference.engine.process.channel import Channel
from inference.engine.process.job_runner import Painter
from inference.messages import (
    BadCommand,
    Cancelled,
    Capacity,
    Command,
    Configure,
    Failed,
    Finished,
    Generate,
    JobEvent,
    Ready,
)

QUIET_SECONDS = 5.0


@dataclass
class Server:
    """Serves one bot, as many jobs at a time as it is handed.

    After `quiet` seconds without a job, memory that is free goes back to the system, and the last states go.
    """

    channel: Channel
    painter: Painter | None = None
    announced: Capacity | None = None
    quiet: float = QUIET_SECONDS

    def run(self) -> None:
        """Serve until the bot closes the channel or asks to leave."""
        self.channel.listen()
        while not self.channel.closed:
            busy = self.painter is not None and self.painter.busy
            while (command := self._next(busy)) is not None:
                self._obey(command)
                busy = True
            if not self.channel.closed:
                self._step()
        if self.painter is not None:
            self._report(self.painter.close())

    def _next(self, busy: bool) -> Command | None:
        """What the bot wants; who is not busy waits for it, and after a while without orders takes less memory."""
        if busy:
            return self.channel.receive(seconds=0)
        command = self.channel.receive(seconds=self.quiet)
        if command is None and not self.channel.closed:
            if self.painter is not None:
                self.painter.rest()
            command = self.channel.receive()
        return command

    def _obey(self, command: Command) -> None:
        if isinstance(command, Configure):
            device = pick_device(command.device, command.threads)
            if self.painter is None:
                give_way(device)
            else:  # another configuration; the bot sends it to empty hands
                self._report(self.painter.close())
            self.painter = Painter(command, device, self.channel.send)
            self.channel.send(Ready(device=str(device), pid=os.getpid(), compiles=command.compiled))
            self.announced = None
            self._announce()
        elif isinstance(command, Generate):
            if self.painter is None:
                self.channel.forget(command.job_id)
                self.channel.send(BadCommand(problem="a job arrived before the configuration"))
            else:
                self.painter.take(command)
                self._announce()

    def _step(self) -> None:
        painter = self.painter
        if painter is None or not painter.busy:
            return
        for job_id in painter.in_hand:
            if self.channel.is_cancelled(job_id):
                painter.cancel(job_id)
        self._report(painter.step())
        self._announce()

    def _report(self, events: list[JobEvent]) -> None:
        for event in events:
            if isinstance(event, Finished | Failed | Cancelled):
                self.channel.forget(event.job_id)  # before the bot hears it, and may hand it over again
            self.channel.send(event)

    def _announce(self) -> None:
        """Say what it paints at once, and with what, when that has changed."""
        assert self.painter is not None
        engine = self.painter.engine
        capacity = Capacity(places=engine.places, loaded=engine.loaded)
        if capacity != self.announced:
            self.announced = capacity
            self.channel.send(capacity)
