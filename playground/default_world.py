"""The people, servers and channels of a fresh playground. Their ids are fixed, so a bot's database stays valid."""

from playground import permissions, snowflake
from playground.models import Channel, ForumTag, Guild, GuildRole, Member, Overwrite, User
from playground.wire import ChannelType
from playground.world import World

CREATED_AT = 1_700_000_000.0  # Unix time in seconds, the timestamp of the fixed ids


def _id(number: int) -> str:
    return snowflake.at(CREATED_AT, number)


APPLICATION_ID = _id(1)

ADA, GRACE, MARGARET, LINUS, KAI = (_id(number) for number in range(10, 15))

WORKSHOP = _id(100)  # the server with the bot in it
STAFF_ROLE, ARTIST_ROLE, BOT_ROLE = _id(101), _id(102), _id(103)
GENERAL, ART, AFTER_DARK, FORUM, THREAD, STAFF_ROOM, POST, GALLERY = (_id(number) for number in range(110, 118))
GALLERY_TAGS = {
    name: _id(130 + number)
    for number, name in enumerate(
        ("character", "style", "pose", "detail", "other", "SD 1.5", "SDXL", "Illustrious", "Pony", "featured")
    )
}  # the last one for moderators

# A server without the bot, for user-installed use. It was created a millisecond later than the Workshop, so that the
# two are on different shards of an even number.
TEA_ROOM = snowflake.at(CREATED_AT + 0.001, 200)
TEA_TABLE = _id(210)
ADA_AND_KAI = _id(300)  # a DM the bot has no part in
PAINTERS = _id(301)  # a group DM
LOUNGE = _id(118)  # a voice channel


def fill(world: World) -> None:
    """Put people, servers and channels into an empty world."""
    _people(world)
    _workshop(world)
    _tea_room(world)
    world.channels[ADA_AND_KAI] = Channel(ADA_AND_KAI, ChannelType.DM, recipients=[ADA, KAI], created_at=CREATED_AT)
    group = Channel(PAINTERS, ChannelType.GROUP_DM, "Painters", owner_id=ADA, created_at=CREATED_AT)
    group.recipients = [ADA, KAI, LINUS]
    world.channels[PAINTERS] = group
    for user_id in (ADA, GRACE, MARGARET, LINUS, KAI):
        world.dm(user_id)


def _people(world: World) -> None:
    people = [
        User(APPLICATION_ID, world.application.name, None, bot=True),
        User(ADA, "ada", "Ada", installed_app=True),
        User(GRACE, "grace", "Grace"),
        User(MARGARET, "margaret", "Margaret"),
        User(LINUS, "linus", "Linus"),
        User(KAI, "kai", "Kai", installed_app=True),
    ]
    world.users.update({user.id: user for user in people})


def _workshop(world: World) -> None:
    """The main server. Grace owns it, Margaret is staff."""
    guild = Guild(WORKSHOP, "Workshop", owner_id=GRACE)
    roles = [
        GuildRole(WORKSHOP, "@everyone", permissions.EVERYBODY, 0),
        GuildRole(
            STAFF_ROLE,
            "Staff",
            permissions.MANAGE_GUILD
            | permissions.MANAGE_MESSAGES
            | permissions.MANAGE_THREADS
            | permissions.MENTION_EVERYONE,
            3,
            color=0xD9A441,
            mentionable=True,
        ),
        GuildRole(ARTIST_ROLE, "Artists", 0, 1, color=0x6FB3A8, mentionable=True),
        GuildRole(BOT_ROLE, world.application.name, permissions.EVERYBODY, 2, managed=True),
    ]
    guild.roles.update({role.id: role for role in roles})
    held = {GRACE: [], MARGARET: [STAFF_ROLE], ADA: [ARTIST_ROLE], LINUS: [], APPLICATION_ID: [BOT_ROLE]}
    guild.members.update({user: Member(user, CREATED_AT, list(own)) for user, own in held.items()})
    world.guilds[WORKSHOP] = guild
    for channel in _workshop_channels():
        world.channels[channel.id] = channel


def _workshop_channels() -> list[Channel]:
    staff_only = {
        WORKSHOP: Overwrite(WORKSHOP, False, deny=permissions.VIEW_CHANNEL),
        STAFF_ROLE: Overwrite(STAFF_ROLE, False, allow=permissions.VIEW_CHANNEL),
    }
    tags = [ForumTag(tag_id, name, moderated=name == "featured") for name, tag_id in GALLERY_TAGS.items()]
    text, thread, forum = ChannelType.TEXT, ChannelType.PUBLIC_THREAD, ChannelType.FORUM
    return [
        Channel(GENERAL, text, "general", WORKSHOP, topic="Talk about anything"),
        Channel(ART, text, "art", WORKSHOP, position=1, topic="Pictures go here"),
        Channel(AFTER_DARK, text, "after-dark", WORKSHOP, position=2, nsfw=True),
        Channel(STAFF_ROOM, text, "staff-room", WORKSHOP, position=3, overwrites=staff_only),
        Channel(FORUM, forum, "showcase", WORKSHOP, position=4, topic="One post for each picture"),
        Channel(GALLERY, forum, "gallery", WORKSHOP, position=5, topic="Published pictures", available_tags=tags),
        Channel(LOUNGE, ChannelType.VOICE, "lounge", WORKSHOP, position=6),
        Channel(THREAD, thread, "Sketches", WORKSHOP, ART, owner_id=ADA, created_at=CREATED_AT),
        Channel(POST, thread, "Post your favourites", WORKSHOP, FORUM, owner_id=GRACE, created_at=CREATED_AT),
    ]


def _tea_room(world: World) -> None:
    guild = Guild(TEA_ROOM, "Tea Room", owner_id=KAI)
    guild.roles[TEA_ROOM] = GuildRole(TEA_ROOM, "@everyone", permissions.EVERYBODY, 0)
    guild.members.update({user: Member(user, CREATED_AT) for user in (KAI, ADA)})
    world.guilds[TEA_ROOM] = guild
    world.channels[TEA_TABLE] = Channel(TEA_TABLE, ChannelType.TEXT, "tea-table", TEA_ROOM)
