"""The worker's loop: receive, step, report."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from inference.engine.devices.devices import card_memory, lower_priority, pick_device
from inference.engine.process.channel import CommandChannel
from inference.engine.process.job_runner import JobRunner, OpenWatermark
from inference.messages.commands import Command, Configure, Generate
from inference.messages.events import BadCommand, Cancelled, Capacity, CardMemory, Failed, Finished, JobEvent, Ready
from inference.watermark.trustmark import open_watermark

IDLE_SECONDS = 5.0
CARD_SECONDS = 5.0  # shortest time between two reports of the card's memory while jobs run


@dataclass
class Server:
    """Serves one bot, with as many jobs at a time as it submits.

    After `idle_seconds` without a job, free memory goes back to the system and the last states are deleted.
    """

    channel: CommandChannel
    runner: JobRunner | None = None
    announced: Capacity | None = None
    idle_seconds: float = IDLE_SECONDS
    read_card: Callable[[torch.device], tuple[int, int] | None] = card_memory
    open_watermark: OpenWatermark = open_watermark
    card_told: float = 0.0  # by time.monotonic()

    def run(self) -> None:
        """Serve until the bot closes the channel or asks to leave."""
        self.channel.listen()
        while not self.channel.closed:
            busy = self.runner is not None and self.runner.busy
            while (command := self._receive(busy)) is not None:
                self._handle(command)
                busy = True
            if not self.channel.closed:
                self._step()
        if self.runner is not None:
            self._report(self.runner.close())

    def _receive(self, busy: bool) -> Command | None:
        """The next command, None when there is none. An idle worker waits for it, and frees memory after a while."""
        if busy:
            return self.channel.receive(seconds=0)
        command = self.channel.receive(seconds=self.idle_seconds)
        if command is None and not self.channel.closed:
            if self.runner is not None:
                self.runner.release_memory()
                self._tell_card()
            command = self.channel.receive()
        return command

    def _handle(self, command: Command) -> None:
        if isinstance(command, Configure):
            device = pick_device(command.device, command.threads)
            if self.runner is None:
                lower_priority(device)
            else:  # another configuration; the bot sends it when no job is unfinished
                self._report(self.runner.close())
            self.runner = JobRunner(command, device, self.channel.send, open_watermark=self.open_watermark)
            self.channel.send(
                Ready(
                    device=str(device),
                    pid=os.getpid(),
                    compiles=command.compiled,
                    text_seconds=self.runner.text_seconds,
                    watermark_seconds=self.runner.watermark_seconds,
                )
            )
            self.announced = None
            self._announce()
            self._tell_card()
        elif isinstance(command, Generate):
            if self.runner is None:
                self.channel.forget(command.job_id)
                self.channel.send(BadCommand(problem="a job arrived before the configuration"))
            else:
                self.runner.take(command)
                self._announce()

    def _step(self) -> None:
        runner = self.runner
        if runner is None or not runner.busy:
            return
        for job_id in runner.job_ids:
            if self.channel.is_cancelled(job_id):
                runner.cancel(job_id)
        self._report(runner.step())
        self._announce()
        if time.monotonic() - self.card_told >= CARD_SECONDS:
            self._tell_card()

    def _report(self, events: list[JobEvent]) -> None:
        for event in events:
            if isinstance(event, Finished | Failed | Cancelled):
                self.channel.forget(event.job_id)  # before the bot reads the event and may submit the job again
            self.channel.send(event)

    def _announce(self) -> None:
        """Send how many pictures it paints at once, and the loaded checkpoints, when that has changed."""
        assert self.runner is not None
        engine = self.runner.engine
        capacity = Capacity(places=engine.places, loaded=engine.loaded, loras=engine.loras)
        if capacity != self.announced:
            self.announced = capacity
            self.channel.send(capacity)

    def _tell_card(self) -> None:
        """Send how much memory of the graphics card is in use; nothing without one."""
        assert self.runner is not None
        self.card_told = time.monotonic()
        if (memory := self.read_card(self.runner.device)) is not None:
            free, size = memory
            self.channel.send(CardMemory(used=size - free, size=size))
