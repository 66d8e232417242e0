"""Members of a server: what the bot is told of their roles, joining, time-outs and leaving."""

from datetime import UTC, datetime

import aiohttp
import discord
import pytest

from playground import Playground, default_world
from playground.control import Control, ControlError

from .conftest import Rest, Stage
from .test_gateway import ROOMS, connected

ADA = f"/guilds/{default_world.WORKSHOP}/members/{default_world.ADA}"
HOUR = 3600.0
JOINED_AT = 1_750_000_000.0


async def test_get_guild_member(rest: Rest, control: Control, playground: Playground) -> None:
    await control.set_member("Ada", roles=["Artists", "Staff"], joined_at=JOINED_AT, time_out=HOUR)
    status, member = await rest("GET", ADA)
    assert (status, member["user"]["id"]) == (200, default_world.ADA)
    assert member["roles"] == [default_world.ARTIST_ROLE, default_world.STAFF_ROLE]
    assert datetime.fromisoformat(member["joined_at"]) == datetime.fromtimestamp(JOINED_AT, UTC)
    left = datetime.fromisoformat(member["communication_disabled_until"]).timestamp() - playground.clock.now()
    assert 0 < left <= HOUR
    await control.set_member("Ada", time_out=0)
    member = (await rest("GET", ADA))[1]
    assert (member["communication_disabled_until"], len(member["roles"])) == (None, 2)


async def test_who_left_is_unknown(rest: Rest, control: Control) -> None:
    await control.remove_member("Ada")
    status, answer = await rest("GET", ADA)
    assert (status, answer["code"]) == (404, 10007)
    assert (await rest("GET", ADA.replace(default_world.ADA, "1")))[1]["code"] == 10013
    with pytest.raises(ControlError, match="Ada is not in Workshop"):
        await control.remove_member("Ada")
    with pytest.raises(ControlError, match="The owner of a server stays in it"):
        await control.remove_member("Grace")
    await control.set_member("Ada")
    assert (await rest("GET", ADA))[1]["roles"] == [], "roles are lost by leaving"


async def test_a_time_out_takes_everything_but_reading(rest: Rest, control: Control) -> None:
    await rest("PUT", "/applications/{app}/commands", [{"name": "do", "description": "Does it"}])
    ada = control.person("Ada")
    await control.set_member("Ada", time_out=HOUR)
    assert await ada.messages("general") == []
    with pytest.raises(ControlError, match="may not write"):
        await ada.say("hello")
    with pytest.raises(ControlError, match="may not use commands here"):
        await ada.slash("do")
    assert await ada.slash("do", in_="dm"), "a time-out is of one server"
    await control.advance_clock(HOUR)
    await ada.slash("do")
    await control.set_member("Grace", time_out=HOUR)
    assert await control.person("Grace").slash("do"), "owners are exempt"


async def test_an_interaction_carries_the_member(stage: Stage) -> None:
    seen: list[discord.Interaction] = []

    async def answer(interaction: discord.Interaction) -> None:
        seen.append(interaction)
        button = discord.ui.Button[discord.ui.View](label="Press", custom_id="x")
        await interaction.response.send_message("hello", view=discord.ui.View().add_item(button))

    await stage.answering(answer)
    await stage.control.set_member("Ada", roles=["Staff"], joined_at=JOINED_AT)
    reply = await (await stage.ada.slash("do")).reply()
    member = seen[0].user
    assert isinstance(member, discord.Member)
    assert [role.name for role in member.roles] == ["@everyone", "Staff"]
    assert member.joined_at == datetime.fromtimestamp(JOINED_AT, UTC)
    assert not member.is_timed_out() and member.resolved_permissions.manage_guild
    await stage.control.set_member("Ada", time_out=HOUR)
    await stage.ada.press(reply, "Press")
    (pressed,) = await stage.bot.until("interaction", 2)
    assert pressed.user.is_timed_out() and not pressed.user.resolved_permissions.send_messages
    fetched = await pressed.guild.fetch_member(pressed.user.id)
    assert fetched.is_timed_out()


async def test_member_events_need_their_intent(playground: Playground, control: Control) -> None:
    async with connected(playground) as raw:
        await raw.identify(intents=ROOMS)
        await raw.receive(), await raw.receive()
        await control.set_member("Ada", roles=[])
        await control.remove_member("Ada")
        await control.set_member("Ada")
        await control.set_roles("Easel", ["Artists"])
        event = await raw.receive()
        assert (event["t"], event["d"]["user"]["id"]) == ("GUILD_MEMBER_UPDATE", default_world.APPLICATION_ID)


async def test_member_events_with_the_intent() -> None:
    async with (
        Playground.serve(privileged_intents=True) as playground,
        Control.connect(playground.page_url) as control,
        connected(playground) as raw,
    ):
        await raw.identify(intents=ROOMS | 1 << 1)
        await raw.receive(), await raw.receive()
        await control.set_member("Kai", guild="Tea Room", roles=[])  # the bot is not there
        await control.set_member("Ada", time_out=HOUR)
        await control.remove_member("Ada")
        await control.set_member("Ada")
        events = [await raw.receive() for _ in range(3)]
        assert [one["t"] for one in events] == ["GUILD_MEMBER_UPDATE", "GUILD_MEMBER_REMOVE", "GUILD_MEMBER_ADD"]
        assert events[0]["d"]["communication_disabled_until"]
        assert {one["d"]["user"]["id"] for one in events} == {default_world.ADA}


async def test_a_fault_hits_the_route_alone(rest: Rest, control: Control) -> None:
    await control.fault(r"/guilds/\d+/members/\d+$", method="GET", status=500)
    assert (await rest("GET", f"/guilds/{default_world.WORKSHOP}"))[0] == 200
    assert (await rest("GET", ADA))[0] == 500
    await control.fault(r"/guilds/\d+/members/\d+$", kind="hang")
    with pytest.raises(TimeoutError):
        await rest("GET", ADA, timeout=aiohttp.ClientTimeout(total=0.05))
    assert (await rest("GET", ADA))[0] == 200
