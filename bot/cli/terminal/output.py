"""Tables and colours on stdout, for people."""

from __future__ import annotations

import os

from rich.console import Console

PIPE_WIDTH = 10_000  # columns; a name has at most a few hundred


class Output(Console):
    """A terminal or a pipe. Where the reader has closed the pipe, BrokenPipeError is raised, as by `print`.

    In a terminal, long names are broken at its width. In a pipe or a file they are whole, unless COLUMNS sets a width.
    """

    def __init__(self, *, markup: bool = True, emoji: bool = True, highlight: bool = True) -> None:
        super().__init__(markup=markup, emoji=emoji, highlight=highlight)
        if not self.is_terminal and "COLUMNS" not in os.environ:
            self.width = PIPE_WIDTH

    def on_broken_pipe(self) -> None:
        """In place of rich's own way, which ends the program with exit code 1."""
        raise BrokenPipeError
