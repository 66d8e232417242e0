"""A server's AutoMod (Server Settings > Safety Setup): who may set its rules, and Discord's limits on them."""

from collections.abc import Sequence

from playground import permissions
from playground.models import AutoModTrigger, Guild, GuildAutoModRule, User
from playground.people.action_refused import ActionRefused
from playground.wire import Json, as_strings
from playground.world import World

# How many words, patterns and allowed words a rule has at most, and their characters.
LIMITS = {"keyword_filter": (1000, 60), "regex_patterns": (10, 260), "allow_list": (100, 60)}
MOST_RULES = {AutoModTrigger.KEYWORD: 6, AutoModTrigger.SPAM: 1, AutoModTrigger.KEYWORD_PRESET: 1}
MAX_NAME = 100


def replace(world: World, person: User, guild: Guild, rules: Sequence[Json]) -> None:
    """Let a person set all rules of a server; one with the name of an earlier one keeps its id."""
    member = guild.members.get(person.id)
    if member is None or not permissions.in_guild(guild, member) & permissions.MANAGE_GUILD:
        raise ActionRefused(f"{person.global_name} needs Manage Server in {guild.name}.")
    ids = {one.name: one.id for one in guild.automod_rules.values()}
    made = [_rule(ids.get(str(each.get("name"))) or world.ids.new(), person, each) for each in rules]
    for kind in {one.trigger_type for one in made}:
        if sum(one.trigger_type == kind for one in made) > MOST_RULES.get(kind, 1):
            raise ActionRefused("A server has six rules with words, and one of each other kind.")
    guild.automod_rules = {one.id: one for one in made}


def _rule(rule_id: str, person: User, told: Json) -> GuildAutoModRule:
    name = str(told.get("name") or "")
    if not 0 < len(name) <= MAX_NAME:
        raise ActionRefused(f"A rule's name has 1 to {MAX_NAME} characters.")
    lists = {key: [line for line in as_strings(told.get(key) or []) if line] for key in LIMITS}
    for key, lines in lists.items():
        most, longest = LIMITS[key]
        if len(lines) > most or any(len(line) > longest for line in lines):
            raise ActionRefused(f"{key} has at most {most} entries of {longest} characters.")
    return GuildAutoModRule(
        rule_id,
        name,
        person.id,
        int(told.get("trigger_type", AutoModTrigger.KEYWORD)),
        bool(told.get("enabled", True)),
        **lists,
        presets=[int(each) for each in told.get("presets", [])],
    )
