"""The command line, `easel COMMAND` or `python -m bot COMMAND`; `bot.cli.main` says what the commands are."""

from __future__ import annotations

import gc
import os
import signal
import sys


def start() -> int:
    """Run the command that was given; its exit code."""
    try:
        # Until the imports are done, Ctrl-C ends the process at once: as an exception, a library may swallow it.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        gc.disable()  # what is imported stays: looking through it again and again is a fifth of the start
        os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # to find some, it reads about every package
        from bot.cli.main import main  # noqa: PLC0415 (see above)

        return main(imported=_imported)
    except KeyboardInterrupt:  # also while it is imported, which takes a second
        return 130


def _imported() -> None:
    gc.freeze()
    gc.enable()
    signal.signal(signal.SIGINT, signal.default_int_handler)


if __name__ == "__main__":
    sys.exit(start())
