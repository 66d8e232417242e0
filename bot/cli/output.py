"""Tables and colours on stdout, for people."""

from __future__ import annotations

from rich.console import Console


class Output(Console):
    """A terminal or a pipe. Where the reader has closed the pipe, BrokenPipeError is raised, as by `print`."""

    def on_broken_pipe(self) -> None:
        """In place of rich's own way, which ends the program with exit code 1."""
        raise BrokenPipeError
