"""The worker process: `python -m inference.engine`, commands on stdin, events on stdout."""

from __future__ import annotations

import gc
import logging
import os
import sys
import traceback

from inference.engine.process.channel import CommandChannel
from inference.errors import ClassifierUnusable
from inference.files.private_files import keep_private
from inference.processes.logs import write_lines

log = logging.getLogger(__name__)

# Before torch is imported: a library's print must never reach the events.
channel = CommandChannel.take_over()


def main() -> int:
    """Serve until stdin closes or a `Shutdown` arrives."""
    write_lines(logging.INFO)
    keep_private()

    gc.disable()  # what is imported stays: looking through it again and again is a quarter of the start
    # torch takes seconds; the channel is safe by now
    from inference.engine.devices.devices import DeviceFailed  # noqa: PLC0415
    from inference.engine.process.serve import Server  # noqa: PLC0415

    gc.freeze()
    gc.enable()
    try:
        Server(channel).run()
    except ClassifierUnusable as problem:  # the operator has to mend it, for which a sentence is enough
        log.error("%s", problem)
        sys.stderr.flush()
        os._exit(1)
    except DeviceFailed as problem:  # its jobs go on in the next process, from their states
        log.error("the device failed, so this process ends: %s", problem)
        sys.stderr.flush()
        os._exit(1)  # the interpreter's own end would wait for the device
    except Exception:  # noqa: BLE001 (the process ends; what it says last is what people read)
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)  # the thread that waits for stdin would abort the interpreter, with last words of its own
    return 0


if __name__ == "__main__":
    sys.exit(main())
