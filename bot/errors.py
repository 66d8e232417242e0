"""What a person can do wrong on Discord besides asking for something that cannot be painted."""

from __future__ import annotations

from dataclasses import dataclass

from inference.errors import RequestError


@dataclass(eq=False)
class NotYours(RequestError):
    """This button belongs to the person who asked for the picture. {instead}"""

    instead: str


@dataclass(eq=False)
class NotStaff(RequestError):
    """This is for people who manage this server, and for the bot's operators. Your own pictures are under /queue."""


@dataclass(eq=False)
class NotOperator(RequestError):
    """This is for the bot's operators alone."""


@dataclass(eq=False)
class PressedTwice(RequestError):
    """That was pressed twice within a second; it is one picture. To order another, press again."""


@dataclass(eq=False)
class NothingThere(RequestError):
    """{what}"""

    what: str


@dataclass(eq=False)
class PictureRefused(RequestError):
    """This picture cannot be used: {reason}. Give a PNG, JPEG, WebP, GIF or AVIF file of at most 20 MB."""

    words = frozenset({"reason"})
    reason: str


@dataclass(eq=False)
class BookmarksRefused(RequestError):
    """This file cannot be imported: {reason}. Give one that *Export / import* in /bookmarks made."""

    words = frozenset({"reason"})
    reason: str


@dataclass(eq=False)
class PartsGone(RequestError):
    """{parts} cannot be had here any more, so this picture cannot be painted again as it was. *Edit* opens it in the
    studio with what is left."""

    parts: list[str]


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
