"""The INTERACTION_CREATE event."""

from playground import message_shapes, permissions, shapes
from playground.models import Channel, Interaction
from playground.wire import UPLOAD_LIMIT, Json
from playground.world import World


def interaction_create(world: World, interaction: Interaction) -> Json:
    """The event of an interaction. In a DM `guild_id` is left out, not null."""
    channel = world.channels[interaction.channel_id]
    person = world.users[interaction.user_id]
    event: Json = {
        "id": interaction.id,
        "application_id": world.application.id,
        "type": interaction.type,
        "token": interaction.token,
        "version": 1,
        "data": interaction.data,
        "channel": _channel(world, channel, person.id),
        "channel_id": channel.id,
        "locale": person.locale,
        "app_permissions": str(_app_permissions(world, interaction, channel)),
        "entitlements": [],
        "entitlement_sku_ids": [],
        "authorizing_integration_owners": interaction.owners,
        "context": interaction.context,
        "attachment_size_limit": UPLOAD_LIMIT,
    }
    source = world.messages.get(interaction.source_message_id or "")
    if source is not None:
        event["message"] = message_shapes.message(world, source)
    return {**event, **_person(world, interaction, channel)}


def _channel(world: World, channel: Channel, user_id: str) -> Json:
    held = world.permissions(channel, user_id)
    return {**shapes.channel(world, channel), "permissions": str(held)}


def _person(world: World, interaction: Interaction, channel: Channel) -> Json:
    """A member with permissions in a server, a plain user elsewhere."""
    if channel.guild_id is None:
        return {"user": shapes.user(world.users[interaction.user_id])}
    guild = world.guilds[channel.guild_id]
    held = world.permissions(channel, interaction.user_id)
    return {
        "guild_id": guild.id,
        "guild": {"id": guild.id, "locale": "en-US", "features": []},  # partial: without age restriction and name
        "guild_locale": "en-US",
        "member": {
            **shapes.member(world, guild.members[interaction.user_id]),
            "permissions": str(held),
        },
    }


def _app_permissions(world: World, interaction: Interaction, channel: Channel) -> int:
    """The bot's permissions; without a server installation only those that a response needs."""
    if channel.guild_id is None or interaction.user_install_only:
        return permissions.EMBED_LINKS | permissions.ATTACH_FILES | permissions.SEND_MESSAGES
    return world.permissions(channel, world.bot_id)
