"""Bookmark files and stacks."""

from __future__ import annotations

from dataclasses import dataclass

from inference.errors import RequestError


@dataclass(eq=False)
class BookmarksRefused(RequestError):
    """This file cannot be imported: {reason}. Give one that *Export / import* in /bookmarks made."""

    words = frozenset({"reason"})
    reason: str


@dataclass(eq=False)
class StackNameTaken(RequestError):
    """You have a stack called {name} already. Choose another name, or delete or rename that one first."""

    name: str


@dataclass(eq=False)
class TooManyStacks(RequestError):
    """You have {limit} stacks, and more cannot be kept. Please delete one first."""

    limit: int


@dataclass(eq=False)
class TooManyMisses(RequestError):
    """Too many codes were wrong. Please try again in an hour, with the code copied from whoever shared it."""
