"""Gateway intents, and the intent of each event."""

GUILDS = 1 << 0
GUILD_MEMBERS = 1 << 1
GUILD_PRESENCES = 1 << 8
GUILD_MESSAGES = 1 << 9
GUILD_MESSAGE_REACTIONS = 1 << 10
GUILD_MESSAGE_TYPING = 1 << 11
DIRECT_MESSAGES = 1 << 12
DIRECT_MESSAGE_REACTIONS = 1 << 13
DIRECT_MESSAGE_TYPING = 1 << 14
MESSAGE_CONTENT = 1 << 15

PRIVILEGED = GUILD_MEMBERS | GUILD_PRESENCES | MESSAGE_CONTENT
KNOWN = (1 << 26) - 1

ALWAYS = 0  # interactions and events about the bot itself need no intent

_BY_EVENT = {
    "GUILD_": GUILDS,
    "CHANNEL_": GUILDS,
    "THREAD_": GUILDS,
    "GUILD_MEMBER_": GUILD_MEMBERS,
}


def needed(event: str, *, in_guild: bool) -> int:
    """The intent without which an event is not sent."""
    if event.startswith("MESSAGE_REACTION"):
        return GUILD_MESSAGE_REACTIONS if in_guild else DIRECT_MESSAGE_REACTIONS
    if event.startswith("MESSAGE_"):
        return GUILD_MESSAGES if in_guild else DIRECT_MESSAGES
    if event.startswith("TYPING_"):
        return GUILD_MESSAGE_TYPING if in_guild else DIRECT_MESSAGE_TYPING
    matching = [prefix for prefix in _BY_EVENT if event.startswith(prefix)]
    return _BY_EVENT[max(matching, key=len)] if matching else ALWAYS
