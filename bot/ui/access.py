"""Checks each interaction before its handler runs: who acts, where, by a command or by a button that does the same.

The handler finds the `ActionContext` by `context_of`. What a handler does for other people or for the server it checks
itself, by `require`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import discord
from discord import app_commands

from bot.database.clock import now_ms
from bot.database.gallery.pages import FIND_SHOWN, PlaceFilter
from bot.database.gallery.publications import Publication
from bot.database.jobs.jobs import FIND_JOB, AnyJob, Job
from bot.database.privacy.erasures import NEWEST_ERASURE, ErasureState
from bot.database.privacy.takedowns import TAKEN_DOWN_IN
from bot.database.reports.reports import HELD_AMONG
from bot.database.servers.settings import ServerSettings
from bot.errors.gallery import NotPublished
from bot.errors.pictures import OwnPictureTakenDown, PictureReported, TakenDown, TakenDownEverywhere
from bot.errors.rights import CommandClosed, DataBeingDeleted, DataDeletedSince
from bot.library.installed_checkpoints import InstalledCheckpoints
from bot.moderation.enforcement import WordRules
from bot.servers.context import ActionContext
from bot.servers.defaults import checkpoints_in
from bot.servers.rights import Action
from bot.ui.client import Interaction
from bot.ui.server_lookups import is_for_adults
from bot.ui.visible_channels import unseen_channels
from inference.content_rating import ContentRating
from inference.queue.policy import EVERYWHERE

_KEY = "action_context"
_TIMESTAMP_SHIFT = 22  # bits of Discord's ids below the time in ms


async def enter(
    interaction: Interaction,
    command: str,
    action: Action | None,
    server_id: int | None = None,
    *,
    checked_by_discord: bool = False,
) -> None:
    """Note who acts, and raise why they may not do `action`; None: everybody may at all times.

    `server_id` is the server that it is about; left out, that where they are. `command` is the slash command that does
    the same. Whom Discord lets use no command in this channel, uses no button of it either. What somebody opened before
    all their data was deleted is refused. Raises a RequestError, and DatabaseError.
    """
    context = action_context(interaction, command, checked_by_discord=checked_by_discord)
    interaction.extras[_KEY] = context
    interaction.client.answers.begin(context.person_id)
    if action is not None:
        await _refuse_if_deleted(interaction)
        await interaction.client.servers.rights.require(action, context, server_id)
        if context.server_id is not None and not interaction.permissions.use_application_commands:
            raise CommandClosed(command=command)


async def _refuse_if_deleted(interaction: Interaction) -> None:
    """Raise DataBeingDeleted or DataDeletedSince. Raises DatabaseError.

    Nothing is done while the rows of the person go. After that a command starts anew, and so does a button that all
    members see. A form or a private message from before the deletion would bring back what it shows.
    """
    erasure = await interaction.client.db.one(NEWEST_ERASURE, interaction.user.id)
    if erasure is None:
        return
    if erasure.state is ErasureState.REQUESTED:
        raise DataBeingDeleted
    opened = _opened_by(interaction)
    # Discord's clock may differ from ours, so its ids tell only how long ago that was.
    if opened is not None and now_ms() - _ms_between(opened, interaction.id) < erasure.created_at:
        raise DataDeletedSince if erasure.state is ErasureState.COMPLETE else DataBeingDeleted


def _opened_by(interaction: Interaction) -> int | None:
    """The id of the private message whose item was used, or of the interaction that opened the form. None: neither."""
    if interaction.type is discord.InteractionType.modal_submit:
        opening = str((interaction.data or {}).get("custom_id")).rpartition(":")[2]
        return int(opening) if opening.isdecimal() else None
    message = interaction.message
    return message.id if message is not None and message.flags.ephemeral else None


def _ms_between(earlier: int, later: int) -> int:
    """The time between two of Discord's ids, in ms."""
    return (later >> _TIMESTAMP_SHIFT) - (earlier >> _TIMESTAMP_SHIFT)


def context_of(interaction: Interaction) -> ActionContext:
    """Who acts where, as `enter` has noted it."""
    context: ActionContext | None = interaction.extras.get(_KEY)
    return context or action_context(interaction, "")


async def may(interaction: Interaction, action: Action, server_id: int | None = None) -> bool:
    """Whether the person may do that in a server; left out, where they are. Raises DatabaseError."""
    return await interaction.client.servers.rights.why_not(action, context_of(interaction), server_id) is None


async def require(interaction: Interaction, action: Action, server_id: int | None = None) -> None:
    """Raise why the person may not do that in a server; left out, where they are. Raises DatabaseError."""
    await interaction.client.servers.rights.require(action, context_of(interaction), server_id)


async def server_settings(interaction: Interaction) -> ServerSettings:
    """What staff have set where the person is; the usual outside of servers. Raises DatabaseError."""
    services = interaction.client.servers
    return (await services.servers.of(context_of(interaction).place)).settings


async def checkpoints_here(interaction: Interaction) -> InstalledCheckpoints:
    """The checkpoints that paint where the person is, the default one first. Raises DatabaseError."""
    return checkpoints_in(interaction.client.configuration.checkpoints, await server_settings(interaction))


async def words_here(interaction: Interaction) -> WordRules:
    """The rules on words that hold where the person is. Raises DatabaseError."""
    return await interaction.client.servers.words.of(context_of(interaction).place)


async def shown_ratings(interaction: Interaction) -> frozenset[ContentRating | None]:
    """The content ratings that are shown where the person is, None among them if unrated is. Raises DatabaseError."""
    return (await interaction.client.servers.content.place(context_of(interaction))).shown


async def published_here(interaction: Interaction) -> PlaceFilter:
    """Which published pictures are shown to the person where they are: those of channels that they may view.

    Raises DatabaseError.
    """
    content = interaction.client.servers.content
    place = content.published_in(await content.place(context_of(interaction)))
    return replace(place, unseen=await unseen_here(interaction))


async def unseen_here(interaction: Interaction) -> tuple[int, ...]:
    """The art channels of the server where the person is that they may not view. Raises DatabaseError."""
    art = (await server_settings(interaction)).art_channels
    return await unseen_channels(interaction, {each.channel_id: each.parent_id for each in art})


async def require_published(interaction: Interaction, publication_id: int) -> tuple[Publication, Job]:
    """The publication and its job, if it is shown where the person is: in its own server, by rating and rules.

    Raises NotPublished or DatabaseError.
    """
    db, place = interaction.client.db, await published_here(interaction)
    found = await db.one(FIND_SHOWN, id=publication_id, **place.parameters)
    job = None if found is None else await db.one(FIND_JOB, found.job_id)
    if found is None or job is None or found.server_id != interaction.guild_id:
        raise NotPublished
    return found, job


async def hides_pictures(interaction: Interaction) -> bool:
    """Whether staff want pictures to be hidden where the person is. Raises DatabaseError."""
    return await interaction.client.servers.content.hides_pictures(context_of(interaction))


async def require_open(interaction: Interaction, job: Job) -> None:
    """Refuse to paint from the job's pictures in a server whose staff took them down, whoever asks.

    Elsewhere they are as open as before, unless they were taken down everywhere, a report hides them, or the rule on
    minors does. Raises PictureReported, TakenDown, what that rule raises, or DatabaseError.
    """
    client = interaction.client
    if await client.db.all(HELD_AMONG, [job.id]):
        raise PictureReported
    closed_in = await client.db.one(TAKEN_DOWN_IN, job=job.id, server=interaction.guild_id or EVERYWHERE)
    if closed_in == EVERYWHERE:
        raise TakenDownEverywhere
    if closed_in is not None:
        raise OwnPictureTakenDown if job.person_id == interaction.user.id else TakenDown
    refusal = await client.servers.checks.why_not_about_minors(context_of(interaction), job)
    if refusal is not None:
        raise refusal


async def require_shown(interaction: Interaction, job: AnyJob) -> None:
    """Raise why pictures of a job are not shown where the person is. Raises DatabaseError."""
    refusal = await interaction.client.servers.checks.why_not_shown(context_of(interaction), job)
    if refusal is not None:
        raise refusal


def is_operator(interaction: Interaction) -> bool:
    """Whether the person is named in `[discord] operators`."""
    return interaction.client.servers.rights.is_operator(interaction.user.id)


def command_of(interaction: Interaction) -> tuple[str, Action | None]:
    """The name of the invoked slash command, which groups share, and the action that it declares in its extras."""
    command = interaction.command
    if command is None:
        return "", Action.USE
    root = command.root_parent if isinstance(command, app_commands.Command) else None
    return (root or command).name, command.extras.get("action", Action.USE)


def action_context(interaction: Interaction, command: str, *, checked_by_discord: bool = False) -> ActionContext:
    """The context of an interaction."""
    person, server_id = interaction.user, interaction.guild_id
    member = person if isinstance(person, discord.Member) else None
    return ActionContext(
        person_id=person.id,
        server_id=server_id,
        channel_id=interaction.channel_id or 0,
        parent_ids=_parents(interaction.channel),
        role_ids=_roles(member),
        permissions=interaction.permissions.value if server_id is not None else 0,
        joined_at=None if member is None or member.joined_at is None else int(member.joined_at.timestamp() * 1000),
        bot_in_server=server_id is None or interaction.is_guild_integration(),
        age_restricted=server_id is not None and is_for_adults(interaction.channel, interaction.guild) is True,
        nsfw_command=(server_id is not None or interaction.context.dm_channel) and _is_nsfw_command(interaction),
        command=command,
        checked_by_discord=checked_by_discord,
    )


def _is_nsfw_command(interaction: Interaction) -> bool:
    """Whether Discord has let an adult use an age-restricted command, or fill in its options.

    A button or a form under its reply is none: nothing of Discord's says that the person may still use the command.
    """
    kinds = {discord.InteractionType.application_command, discord.InteractionType.autocomplete}
    command = interaction.command if interaction.type in kinds else None
    return isinstance(command, app_commands.Command) and command.nsfw


def _roles(member: discord.Member | None) -> frozenset[int]:
    if member is None:
        return frozenset()
    # `Member.roles` leaves out roles that are not cached; without the bot in the server none is.
    roles: Any = member._roles  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    return frozenset(roles)


def _parents(channel: object) -> frozenset[int]:
    """The channel of a thread, and the category."""
    if isinstance(channel, discord.Thread):
        parent = channel.parent
        category = parent.category_id if parent is not None else None
        return frozenset(filter(None, (channel.parent_id, category)))
    return frozenset(filter(None, (getattr(channel, "category_id", None),)))
