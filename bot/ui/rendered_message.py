"""A message ready to be sent: a view and the files that it shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import discord
from discord import ui

from bot.pictures.attachments import PictureFile

Items = Sequence[ui.Item[Any]]  # parts of a view, from top to bottom
MAX_COMPONENTS = 40  # of a message, nested ones included; Discord's limit


def view_of(*parts: ui.Item[Any] | str) -> ui.LayoutView:
    """A view of these parts, from top to bottom; a text is Markdown.

    discord.py need not keep it in memory: persistent items are matched by custom_id.
    """
    view = ui.LayoutView(timeout=None)
    view.stop()
    for part in parts:
        view.add_item(ui.TextDisplay[Any](part) if isinstance(part, str) else part)
    return view


def items_of(message: discord.Message) -> list[ui.Item[Any]]:
    """All components of a message, nested ones too."""
    return list(ui.LayoutView.from_message(message, timeout=None).walk_children())


def custom_ids_of(message: discord.Message) -> set[str]:
    """The custom_ids of the buttons of a message."""
    return {item.custom_id for item in items_of(message) if isinstance(item, ui.Button) and item.custom_id}


def texts_of(message: discord.Message) -> list[str]:
    """The texts of a message, from top to bottom."""
    return [item.content for item in items_of(message) if isinstance(item, ui.TextDisplay)]


def hide_pictures(view: ui.LayoutView) -> ui.LayoutView:
    """Mark all pictures and files of the view as spoilers, and return the view."""
    for item in view.walk_children():
        if isinstance(item, ui.MediaGallery):
            for picture in item.items:
                picture.spoiler = True
        elif isinstance(item, ui.Thumbnail | ui.File):
            item.spoiler = True
    return view


def button_rows(buttons: Sequence[ui.Item[Any]]) -> list[ui.ActionRow[Any]]:
    """The buttons in rows of five, which is Discord's limit."""
    return [ui.ActionRow[Any](*buttons[start : start + 5]) for start in range(0, len(buttons), 5)]


@dataclass
class RenderedMessage:
    """A view, and the files that its thumbnails and galleries refer to."""

    view: ui.LayoutView = field(default_factory=view_of)
    files: list[discord.File] = field(default_factory=list[discord.File])

    def add(self, *parts: ui.Item[Any] | str) -> Self:
        """The same message with these parts below; a text is Markdown."""
        for part in parts:
            self.view.add_item(ui.TextDisplay[Any](part) if isinstance(part, str) else part)
        return self

    def attach(self, picture: PictureFile) -> str:
        """Add `picture` to the files, once; returns the URL for components."""
        if all(file.filename != picture.name for file in self.files):
            self.files.append(picture.file())
        return f"attachment://{picture.name}"

    def attach_if(self, picture: PictureFile | None) -> str | None:
        """Add a picture that may be missing; its URL, None without one."""
        return self.attach(picture) if picture else None

    def add_above(self, *items: ui.Item[Any] | None) -> None:
        """Insert items at the top, without None and without those that exceed MAX_COMPONENTS."""
        shown, total = list(self.view.children), self.view.total_children_count
        self.view.clear_items()
        for item in filter(None, items):
            count = 1 + (len(item.children) if isinstance(item, ui.ActionRow) else 0)
            if total + count <= MAX_COMPONENTS:
                self.view.add_item(item)
                total += count
        for item in shown:
            self.view.add_item(item)
