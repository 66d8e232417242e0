"""JSON of messages and their attachments, as Discord returns it."""

from typing import cast

from playground import shapes
from playground.models import Attachment, Interaction, Message
from playground.wire import Json, iso
from playground.world import World


def attachment(world: World, one: Attachment) -> Json:
    """An uploaded file, with links that work for a day."""
    return cast("Json", world.links.signed(_attachment(one)))


def _attachment(one: Attachment) -> Json:
    shape: Json = {
        "id": one.id,
        "filename": one.filename,
        "size": one.size,
        "url": one.url,
        "proxy_url": one.url,
    }
    optional: Json = {
        "content_type": one.content_type,
        "width": one.width,
        "height": one.height,
        "description": one.description,
    }
    shape |= {key: value for key, value in optional.items() if value is not None}
    return {**shape, "ephemeral": True} if one.ephemeral else shape


def message(world: World, one: Message, *, nested: bool = False) -> Json:
    """A message, with links that work for a day; a nested one leaves out the message it replies to."""
    shape: Json = {
        "id": one.id,
        "type": one.type,
        "channel_id": one.channel_id,
        "author": shapes.user(world.users[one.author_id]),
        "content": one.content,
        "timestamp": iso(one.timestamp),
        "edited_timestamp": None if one.edited is None else iso(one.edited),
        "tts": False,
        "mention_everyone": one.pings.everyone,
        "mentions": [shapes.user(world.users[user_id]) for user_id in one.mentions],
        "mention_roles": list(one.pings.roles),
        "attachments": [_attachment(entry) for entry in shown_attachments(one)],
        "embeds": one.embeds,
        "components": one.components,
        "pinned": one.pinned,
        "flags": one.flags,
    }
    if one.nonce is not None:
        shape["nonce"] = one.nonce
    if one.reactions:
        shape["reactions"] = [_reaction(world, emoji, users) for emoji, users in one.reactions.items()]
    shape |= {**_origin(world, one), **({} if nested else _reply(world, one))}
    return cast("Json", world.links.signed(shape))


def shown_attachments(one: Message) -> list[Attachment]:
    """The attachments that are not shown by an embed."""
    in_embeds = {
        str(embed[place].get("url"))
        for embed in one.embeds
        for place in ("image", "thumbnail")
        if isinstance(embed.get(place), dict)
    }
    return [entry for entry in one.attachments if entry.url not in in_embeds]


def gateway_message(world: World, one: Message) -> Json:
    """A message as a gateway event: with guild_id and member, in a DM without them."""
    shape = message(world, one)
    guild_id = world.channels[one.channel_id].guild_id
    if guild_id is None:
        return shape
    shape["guild_id"] = guild_id
    membership = world.member(guild_id, one.author_id)
    if membership is not None:
        shape["member"] = shapes.member_without_user(membership)
    return shape


def without_content(shape: Json) -> Json:
    """Another person's message, as a bot without the message content intent gets it."""
    return {**shape, "content": "", "embeds": [], "attachments": [], "components": []}


def interaction_metadata(world: World, interaction: Interaction) -> Json:
    """The interaction metadata of a response's message."""
    shape: Json = {
        "id": interaction.id,
        "type": interaction.type,
        "user": shapes.user(world.users[interaction.user_id]),
        "authorizing_integration_owners": interaction.owners,
    }
    if interaction.type == 2:
        return {**shape, **_target(world, interaction)}
    if interaction.type == 3:
        return {**shape, "interacted_message_id": interaction.source_message_id}
    opener = world.interactions[interaction.opened_by or ""]
    return {**shape, "triggering_interaction_metadata": interaction_metadata(world, opener)}


def _target(world: World, interaction: Interaction) -> Json:
    target = str(interaction.data.get("target_id", ""))
    if interaction.data.get("type") == 3:
        return {"target_message_id": target}
    return {"target_user": shapes.user(world.users[target])} if target else {}


def _origin(world: World, one: Message) -> Json:
    """The keys of messages that respond to interactions."""
    if one.interaction_metadata is None:
        return {}
    interaction = world.interactions.get(one.interaction_id or "")
    shape: Json = {
        "application_id": world.application.id,
        "webhook_id": world.application.id,
        "interaction_metadata": one.interaction_metadata,
    }
    if interaction is not None and interaction.type == 2:
        shape["interaction"] = {
            "id": interaction.id,
            "type": 2,
            "name": interaction.name,
            "user": shapes.user(world.users[interaction.user_id]),
        }
    return shape


def _reply(world: World, one: Message) -> Json:
    if one.reply_to is None:
        return {}
    reference: Json = {"type": 0, "channel_id": one.channel_id, "message_id": one.reply_to}
    guild_id = world.channels[one.channel_id].guild_id
    if guild_id is not None:
        reference["guild_id"] = guild_id
    original = world.messages.get(one.reply_to)
    return {
        "message_reference": reference,
        "referenced_message": None if original is None else message(world, original, nested=True),
    }


def _reaction(world: World, emoji: str, users: list[str]) -> Json:
    return {
        "emoji": {"id": None, "name": emoji},
        "count": len(users),
        "count_details": {"burst": 0, "normal": len(users)},
        "burst_colors": [],
        "me": world.bot_id in users,
        "me_burst": False,
    }
