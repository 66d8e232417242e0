"""What a person is in a server, and what they may do there, in words for the page's menu of people."""

from playground import permissions
from playground.models import Guild, Member, User
from playground.wire import Json
from playground.world import World

POWERS = {
    permissions.MANAGE_GUILD: "manages the server",
    permissions.MANAGE_MESSAGES: "deletes anybody's messages",
    permissions.MENTION_EVERYONE: "pings everyone",
}


def membership(world: World, guild: Guild, user: User) -> Json:
    """The title of a person in a server, a sentence that describes it, their roles, and the end of a time-out."""
    member = guild.members.get(user.id)
    title = "Not a member" if member is None else _title(guild, member)
    parts = [_elsewhere(world, user) if member is None else _powers(guild, member)]
    if user.installed_app:
        parts.append(f"Has {world.application.name} on the own account, so it works everywhere.")
    timed_out = member is not None and world.is_timed_out(member)
    return {
        "title": f"{title}, timed out" if timed_out else title,
        "description": " ".join(parts),
        "is_member": member is not None,
        "roles": list(member.roles) if member else [],
        "timed_out_until": member.timed_out_until if member and timed_out else None,
    }


def _title(guild: Guild, member: Member) -> str:
    if member.user_id == guild.owner_id:
        return "Owner"
    names = [guild.roles[role].name for role in member.roles]
    if _held(guild, member):
        return ", ".join(["Staff", *(name for name in names if name != "Staff")])
    return f"Member, {', '.join(names)}" if names else "Newcomer"


def _powers(guild: Guild, member: Member) -> str:
    if member.user_id == guild.owner_id:
        return f"Founded {guild.name} and may do everything in it."
    held = _held(guild, member)
    if held:
        return f"Helps to run {guild.name}: {', '.join(held)}."
    return "Writes and uses commands." if member.roles else "Has no role yet. Writes and uses commands."


def _held(guild: Guild, member: Member) -> list[str]:
    """The powers beyond those of every member."""
    bits = permissions.in_guild(guild, member) & ~permissions.EVERYBODY
    return [words for bit, words in POWERS.items() if bits & bit]


def _elsewhere(world: World, user: User) -> str:
    """The servers of somebody who is not in this one."""
    names = [guild.name for guild in world.guilds.values() if user.id in guild.members]
    return f"Is in {', '.join(names)} instead." if names else "Is in no server."
