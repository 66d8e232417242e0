"""Which tags of a forum a post gets: the base model and the categories of its LoRAs.

A tag that staff have named so is used; one that is missing is made where the bot manages the channel. Moderated tags
are for bots alone that manage threads.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import discord

from bot.i18n import label
from inference.base_models import BaseModelId
from inference.lora.beside.categories import Category

MOST_TAGS, MOST_APPLIED, MAX_NAME = 20, 5, 20  # of a forum, of a post, characters; Discord's limits


@dataclass(frozen=True)
class WantedTag:
    """A property of a picture: the `key` of `ArtChannel.tags`, and the names that its tag may have, the best first."""

    key: str
    names: tuple[str, ...]


def wanted_tags(base_model: BaseModelId | None, categories: Collection[Category]) -> list[WantedTag]:
    """What a picture is to be tagged with, in the current language."""
    wanted: list[WantedTag] = []
    if base_model is not None:
        names = (base_model.label, base_model.lineage, base_model.architecture.value)
        wanted.append(WantedTag(str(base_model), names))
    ordered = [category for category in Category if category in categories]
    return [*wanted, *(WantedTag(each.value, (label(each), each.value)) for each in ordered)]


async def tags_for(
    forum: discord.ForumChannel, wanted: Sequence[WantedTag], chosen: Mapping[str, int]
) -> list[discord.ForumTag]:
    """The tags for a post, at most five. `chosen` are those of the settings. Raises what discord.py raises."""
    own = forum.permissions_for(forum.guild.me)
    open_tags = [tag for tag in forum.available_tags if own.manage_threads or not tag.moderated]
    found = [match(each, open_tags, chosen) for each in wanted]
    missing = [each for each, tag in zip(wanted, found, strict=True) if tag is None]
    made = await _make(forum, missing) if missing and own.manage_channels else []
    tags = {tag.id: tag for tag in [*filter(None, found), *made]}
    if not tags and forum.flags.require_tag:
        tags = {tag.id: tag for tag in open_tags[-1:]}  # usually the one for all else
    return list(tags.values())[:MOST_APPLIED]


def match(
    wanted: WantedTag, tags: Sequence[discord.ForumTag], chosen: Mapping[str, int] = {}
) -> discord.ForumTag | None:
    """The tag for a property: that of the settings, else the one with the best name."""
    by_id = {tag.id: tag for tag in tags}
    if (named := by_id.get(chosen.get(wanted.key, 0))) is not None:
        return named
    by_name = {_letters(tag.name): tag for tag in reversed(tags)}
    return next((by_name[_letters(name)] for name in wanted.names if _letters(name) in by_name), None)


async def _make(forum: discord.ForumChannel, missing: Sequence[WantedTag]) -> list[discord.ForumTag]:
    """Make tags, as many as the forum has room for. One that exists and may not be used is not made a second time."""
    taken = {_letters(tag.name) for tag in forum.available_tags}
    names = [each.names[0][:MAX_NAME] for each in missing]
    new = [name for name in names if _letters(name) not in taken][: MOST_TAGS - len(forum.available_tags)]
    if not new:
        return []
    kept = [*forum.available_tags, *(discord.ForumTag(name=name) for name in new)]
    changed = await forum.edit(available_tags=kept)
    return [tag for tag in changed.available_tags if tag.name in new]


def _letters(name: str) -> str:
    """A name in a form for comparison: `SD 1.5` and `sd15` are equal."""
    return re.sub(r"[\W_]+", "", name.casefold())
