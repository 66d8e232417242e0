"""JSON for people, servers, channels and roles, in the shapes Discord gives."""

from playground import permissions
from playground.models import (
    AutoModTrigger,
    Channel,
    CommandPermission,
    ForumTag,
    Guild,
    GuildAutoModRule,
    GuildRole,
    Member,
    Overwrite,
    User,
)
from playground.wire import ChannelType, Json, iso
from playground.world import World

REQUIRE_TAG = 1 << 4  # a flag of forums
OBFUSCATED, HIDDEN_NAME = 1 << 17, "___hidden___"  # flag and name of a channel for who may not view it

_GUILD_NOTHINGS = (
    "icon",
    "description",
    "home_header",
    "splash",
    "discovery_splash",
    "banner",
    "application_id",
    "afk_channel_id",
    "system_channel_id",
    "widget_channel_id",
    "max_presences",
    "vanity_url_code",
    "rules_channel_id",
    "safety_alerts_channel_id",
    "public_updates_channel_id",
    "incidents_data",
)
_GUILD_ZEROS = (
    "verification_level",
    "default_message_notifications",
    "mfa_level",
    "explicit_content_filter",
    "premium_tier",
    "premium_subscription_count",
    "system_channel_flags",
    "max_stage_video_channel_users",
    "max_video_channel_users",
)


def user(person: User) -> Json:
    """A user as anybody sees it."""
    shape: Json = {
        "id": person.id,
        "username": person.username,
        "discriminator": "0000" if person.bot else "0",
        "global_name": person.global_name,
        "avatar": None,
        "public_flags": 0,
        "flags": 0,
        "primary_guild": None,
    }
    return {**shape, "bot": True} if person.bot else shape


def own_user(person: User) -> Json:
    """The bot's own user."""
    return {**user(person), "mfa_enabled": False, "locale": "en-US", "verified": True, "email": None}


def member_without_user(member: Member) -> Json:
    """A membership, for places that carry the user beside it."""
    return {
        "avatar": None,
        "banner": None,
        "communication_disabled_until": None if member.timed_out_until is None else iso(member.timed_out_until),
        "flags": 0,
        "joined_at": iso(member.joined_at),
        "nick": member.nick,
        "pending": False,
        "premium_since": None,
        "roles": list(member.roles),
        "mute": False,
        "deaf": False,
    }


def member(world: World, membership: Member) -> Json:
    """A membership with its user."""
    return {**member_without_user(membership), "user": user(world.users[membership.user_id])}


def role(one: GuildRole) -> Json:
    """A role."""
    return {
        "id": one.id,
        "name": one.name,
        "permissions": str(one.permissions),
        "position": one.position,
        "color": one.color,
        "colors": {"primary_color": one.color, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": one.managed,
        "mentionable": one.mentionable,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }


def overwrite(one: Overwrite) -> Json:
    """What a role or member may do differently in a channel."""
    return {"id": one.id, "type": int(one.is_member), "allow": str(one.allow), "deny": str(one.deny)}


def command_permissions(world: World, one: Guild, target_id: str) -> Json:
    """The overwrites of a command in a server; with the application's id those for all of its commands."""
    return {
        "id": target_id,
        "application_id": world.application.id,
        "guild_id": one.id,
        "permissions": [command_permission(entry) for entry in one.command_permissions.get(target_id, [])],
    }


def command_permission(one: CommandPermission) -> Json:
    """Whether a role, person or channel may use a command."""
    return {"id": one.target_id, "type": one.type, "permission": one.allowed}


def automod_rule(guild: Guild, one: GuildAutoModRule) -> Json:
    """A rule of AutoMod, with what its trigger has alone."""
    metadata: Json = {}
    if one.trigger_type == AutoModTrigger.KEYWORD_PRESET:
        metadata = {"presets": one.presets, "allow_list": one.allow_list}
    elif one.trigger_type != AutoModTrigger.SPAM:
        metadata = {
            "keyword_filter": one.keyword_filter,
            "regex_patterns": one.regex_patterns,
            "allow_list": one.allow_list,
        }
    in_profiles = one.trigger_type == AutoModTrigger.MEMBER_PROFILE
    return {
        "id": one.id,
        "guild_id": guild.id,
        "creator_id": one.creator_id,
        "name": one.name,
        "event_type": 2 if in_profiles else 1,
        "actions": [{"type": 4 if in_profiles else 1, "metadata": {}}],
        "trigger_type": one.trigger_type,
        "enabled": one.enabled,
        "exempt_roles": [],
        "exempt_channels": [],
        "trigger_metadata": metadata,
    }


def channel(world: World, one: Channel) -> Json:
    """A channel of any kind."""
    if one.type in (ChannelType.DM, ChannelType.GROUP_DM):
        return dm(world, one)
    return thread(world, one) if one.is_thread else guild_channel(one)


def guild_channel(one: Channel) -> Json:
    """A text channel or forum of a server."""
    shape: Json = {
        "id": one.id,
        "type": one.type,
        "flags": 0,
        "guild_id": one.guild_id,
        "name": one.name,
        "parent_id": None,
        "position": one.position,
        "topic": one.topic,
        "nsfw": one.nsfw,
        "rate_limit_per_user": 0,
        "last_message_id": one.last_message_id,
        "permission_overwrites": [overwrite(entry) for entry in one.overwrites.values()],
    }
    if one.type == ChannelType.VOICE:
        shape |= {"bitrate": 64000, "user_limit": 0, "rtc_region": None}
    if one.type == ChannelType.FORUM:
        shape |= {
            "flags": REQUIRE_TAG if one.requires_tag else 0,
            "available_tags": [tag(entry) for entry in one.available_tags],
            "default_sort_order": None,
            "default_forum_layout": 0,
            "default_reaction_emoji": None,
        }
    return shape


def obfuscated_channel(one: Channel) -> Json:
    """A channel of a server as the gateway tells it to who may not view it: that it is there, and nothing of it."""
    nobody = Overwrite(one.guild_id or "", False, deny=permissions.VIEW_CHANNEL)
    shape = guild_channel(one) | {"flags": OBFUSCATED, "name": HIDDEN_NAME, "topic": None, "nsfw": False}
    shape |= {"last_message_id": None, "permission_overwrites": [overwrite(nobody)]}
    return shape | ({"available_tags": []} if "available_tags" in shape else {})


def seen_by_bot(world: World, one: Channel) -> Json:
    """A text channel or forum of a server as the gateway tells it to the bot."""
    sees = world.permissions(one, world.bot_id) & permissions.VIEW_CHANNEL
    return guild_channel(one) if sees else obfuscated_channel(one)


def tag(one: ForumTag) -> Json:
    """A tag of a forum."""
    return {
        "id": one.id,
        "name": one.name,
        "moderated": one.moderated,
        "emoji_id": None,
        "emoji_name": one.emoji_name,
    }


def thread(world: World, one: Channel) -> Json:
    """A thread or forum post."""
    count = len(world.messages_of(one.id))
    return {
        "id": one.id,
        "type": one.type,
        "flags": 0,
        "guild_id": one.guild_id,
        "parent_id": one.parent_id,
        "name": one.name,
        "owner_id": one.owner_id,
        "last_message_id": one.last_message_id,
        "rate_limit_per_user": 0,
        "message_count": count,
        "total_message_sent": count,
        "member_count": 1,
        "applied_tags": list(one.applied_tags),
        "thread_metadata": {
            "archived": one.archived,
            "archive_timestamp": iso(one.archived_at or one.created_at),
            "auto_archive_duration": one.auto_archive_duration,
            "locked": one.locked,
            "create_timestamp": iso(one.created_at),
        },
    }


def dm(world: World, one: Channel) -> Json:
    """A DM or group DM: the others are its recipients."""
    others = [user_id for user_id in one.recipients if user_id != world.bot_id]
    group = {"name": one.name, "icon": None, "owner_id": one.owner_id} if one.type == ChannelType.GROUP_DM else {}
    return {
        **group,
        "id": one.id,
        "type": one.type,
        "flags": 0,
        "last_message_id": one.last_message_id,
        "recipients": [user(world.users[user_id]) for user_id in others],
    }


def guild(one: Guild) -> Json:
    """A server as REST gives it."""
    nothing: Json = dict.fromkeys(_GUILD_NOTHINGS)
    zeros: Json = dict.fromkeys(
        _GUILD_ZEROS,
        0,
    )
    return {
        **nothing,
        **zeros,
        "id": one.id,
        "name": one.name,
        "owner_id": one.owner_id,
        "roles": [role(entry) for entry in one.roles.values()],
        "features": [],
        "emojis": [],
        "stickers": [],
        "region": "deprecated",
        "preferred_locale": "en-US",
        "afk_timeout": 300,
        "max_members": 500_000,
        "widget_enabled": False,
        "premium_progress_bar_enabled": False,
        "nsfw_level": one.nsfw_level,
        "nsfw": one.is_age_restricted,
    }


def guild_create(world: World, one: Guild) -> Json:
    """A server as the gateway announces it: with channels, threads and the bot's own membership."""
    me = one.members[world.bot_id]
    return {
        **guild(one),
        "joined_at": iso(me.joined_at),
        "large": False,
        "unavailable": False,
        "member_count": len(one.members),
        "members": [member(world, me)],
        "channels": [seen_by_bot(world, entry) for entry in world.channels_of(one.id)],
        "threads": [thread(world, entry) for entry in world.threads_of(one.id)],
        "presences": [],
        "voice_states": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def my_guild(world: World, one: Guild) -> Json:
    """A server in the list of the bot's servers."""
    bits = permissions.in_guild(one, one.members[world.bot_id])
    return {
        "id": one.id,
        "name": one.name,
        "icon": None,
        "banner": None,
        "owner": one.owner_id == world.bot_id,
        "permissions": str(bits),
        "features": [],
    }


def application(world: World) -> Json:
    """The application as its owner sees it; Grace owns it."""
    bot = world.users[world.bot_id]
    owner = next(person for person in world.users.values() if person.username == "grace")
    return {
        "id": world.application.id,
        "name": world.application.name,
        "icon": None,
        "description": "",
        "type": None,
        "bot": user(bot),
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "flags": 0,
        "flags_new": "0",
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "owner": user(owner),
        "approximate_guild_count": len(world.bot_guilds()),
        "approximate_user_install_count": sum(p.installed_app for p in world.users.values()),
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "team": None,
        "eligible_oauth2_scopes": [],
        "integration_types_config": {"0": {}, "1": {}},
    }
