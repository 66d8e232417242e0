"""Bookmark files and stacks."""

from __future__ import annotations

from dataclasses import dataclass

from inference.errors import RequestError


@dataclass(eq=False)
class BookmarksRefused(RequestError):
    """This file cannot be imported: {reason}. Use a file from *Export / import* in /bookmarks."""

    words = frozenset({"reason"})
    reason: str


@dataclass(eq=False)
class StackNameTaken(RequestError):
    """You already have a stack called {name}. Choose another name, or delete or rename that stack first."""

    name: str


@dataclass(eq=False)
class TooManyStacks(RequestError):
    """You have reached the limit of {limit} stacks. Delete one to save another."""

    limit: int


@dataclass(eq=False)
class TooManyMisses(RequestError):
    """You entered too many wrong stack codes. Try again in an hour. Ask the user who shared the stack for the correct
    code."""
