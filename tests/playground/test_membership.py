"""Who people are in a server, as the page's menu says it."""

from playground import Playground, default_world, permissions
from playground.control import Control
from playground.models import GuildRole
from playground.people.membership import membership


def described(playground: Playground, person: str, guild: str = default_world.WORKSHOP) -> tuple[str, str]:
    world = playground.world
    found = membership(world, world.guilds[guild], world.users[person])
    return found["title"], found["description"]


async def test_the_people_of_a_server_are_told_apart(playground: Playground) -> None:
    titles = {person: described(playground, person)[0] for person in PEOPLE}
    assert titles == {
        default_world.GRACE: "Owner",
        default_world.MARGARET: "Staff",
        default_world.ADA: "Member, Artists",
        default_world.LINUS: "Newcomer",
        default_world.KAI: "Not a member",
    }
    assert "deletes anybody's messages" in described(playground, default_world.MARGARET)[1]
    assert "own account" in described(playground, default_world.ADA)[1]
    assert "Tea Room" in described(playground, default_world.KAI)[1]
    assert described(playground, default_world.KAI, default_world.TEA_ROOM)[0] == "Owner"


async def test_it_follows_the_roles(playground: Playground, control: Control) -> None:
    helper = GuildRole("5", "Helpers", permissions.MANAGE_MESSAGES, 2)
    playground.world.guilds[default_world.WORKSHOP].roles["5"] = helper
    await control.set_roles("Linus", ["Helpers", "Artists"])
    title, description = described(playground, default_world.LINUS)
    assert title == "Staff, Helpers, Artists"
    assert "deletes anybody's messages" in description and "manages the server" not in description
    await control.set_role_permissions("Helpers", 0)
    assert described(playground, default_world.LINUS)[0] == "Member, Helpers, Artists"


PEOPLE = (default_world.ADA, default_world.GRACE, default_world.MARGARET, default_world.LINUS, default_world.KAI)
