"""The process of `python -m bot calibrate`: reads one line of JSON, measures, writes a line for each size."""

from __future__ import annotations

import sys

from inference.engine.process.channel import CommandChannel
from inference.errors import InferenceError
from inference.messages.calibration import Calibrate, Calibrated
from inference.queue.request_cost import GUIDED

# Before torch is imported: a library's print must never reach the answers.
channel = CommandChannel.take_over()


def main() -> int:
    """Measure all requested sizes."""
    from inference.engine.batch.caps import PictureSize  # noqa: PLC0415 (torch takes seconds; the channel is safe by now)
    from inference.engine.devices.devices import pick_device  # noqa: PLC0415 (see above)
    from inference.engine.engine import Engine  # noqa: PLC0415 (see above)

    asked = Calibrate.model_validate_json(sys.stdin.buffer.readline())
    engine = Engine.of(asked.configure, pick_device(asked.configure.device, asked.configure.threads))
    for name, width, height in asked.sizes:
        answer = Calibrated(checkpoint=name, width=width, height=height)
        try:
            found = engine.calibrate(PictureSize(name, width, height))
        except (InferenceError, RuntimeError, MemoryError) as problem:
            channel.send(answer.model_copy(update={"problem": str(problem).partition("\n")[0][:300]}))
            continue
        if found is None:
            channel.send(answer.model_copy(update={"places": 1}))
            continue
        seconds = {rows // GUIDED: each for rows, each in found.seconds.items()}
        channel.send(answer.model_copy(update={"places": max(1, found.rows // GUIDED), "seconds": seconds}))
    engine.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
