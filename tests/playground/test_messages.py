"""Messages with the bot's own token: channels, threads, forum, DMs, mentions, moderators."""

import discord
import pytest

from playground import default_world, permissions
from playground.control import File

from .conftest import Stage
from .pictures import picture


async def test_post_edit_delete_and_history(stage: Stage) -> None:
    await stage.start()
    art = stage.bot.get_channel(int(default_world.ART))
    first = await art.send("one")
    second = await art.send("two", reference=first)
    await first.edit(content="one, mended")
    assert [message.content async for message in art.history()] == ["two", "one, mended"]
    assert [message.content async for message in art.history(before=second)] == ["one, mended"]
    assert [message.content async for message in art.history(after=first)] == ["two"]
    await first.delete()
    assert [message.content async for message in art.history()] == ["two"]
    gone = (await art.fetch_message(second.id)).reference.resolved
    assert isinstance(gone, discord.DeletedReferencedMessage)


async def test_enforced_nonce_posts_once(stage: Stage) -> None:
    await stage.start()
    route = discord.http.Route("POST", "/channels/{channel_id}/messages", channel_id=default_world.ART)
    body = {"content": "once", "nonce": "job-1", "enforce_nonce": True}
    first = await stage.bot.http.request(route, json=body)
    assert (await stage.bot.http.request(route, json=body))["id"] == first["id"]
    elsewhere = discord.http.Route("POST", "/channels/{channel_id}/messages", channel_id=default_world.GENERAL)
    again = await stage.bot.http.request(elsewhere, json=body)
    assert again["id"] == first["id"], "a nonce is unique per author, in all channels"
    assert not await stage.control.messages("general")
    await stage.control.advance_clock(6 * 60)
    assert (await stage.bot.http.request(route, json=body))["id"] != first["id"]


async def test_allowed_mentions_prevents_pings(stage: Stage) -> None:
    await stage.start()
    art = stage.bot.get_channel(int(default_world.ART))
    text = f"<@{default_world.ADA}> <@&{default_world.ARTIST_ROLE}> @everyone"
    await art.send(text, allowed_mentions=discord.AllowedMentions.none())
    await art.send(
        text, allowed_mentions=discord.AllowedMentions(users=[discord.Object(default_world.ADA)], everyone=False)
    )
    await art.send(text)
    careful, one_person, careless = await stage.control.messages("art")
    assert careful.pinged == []
    assert [user["id"] for user in careful.json["mentions"]] == [default_world.ADA]
    assert one_person.pinged == [default_world.ADA, default_world.ARTIST_ROLE]
    assert careless.pinged == [default_world.ADA, default_world.ARTIST_ROLE]  # the bot may not mention everyone
    await stage.control.set_roles("Easel", ["Easel", "Staff"])
    await art.send(text)
    assert (await stage.control.messages("art"))[-1].pinged[-1] == "everyone"


async def test_a_reply_pings_unless_told_otherwise(stage: Stage) -> None:
    await stage.start()
    said = await stage.ada.say("hello", "art")
    art = stage.bot.get_channel(int(default_world.ART))
    original = art.get_partial_message(int(said.id))
    await art.send("hi", reference=original)
    await art.send("hi", reference=original, allowed_mentions=discord.AllowedMentions.none())
    await art.send("hi", reference=original, mention_author=False)
    assert [one.pinged for one in await stage.control.messages("art")] == [[], [default_world.ADA], [], []]


async def test_events_lack_content_without_the_intent(stage: Stage) -> None:
    await stage.start()
    await stage.ada.say("secret", "general", File("a.png", picture()))
    (heard,) = await stage.bot.until("message")
    assert (heard.content, heard.attachments, heard.author.name) == ("", [], "ada")
    await stage.ada.say(f"<@{default_world.APPLICATION_ID}> hello")
    (mentioned,) = await stage.bot.until("message", 2)
    assert mentioned.content.endswith("hello")
    await stage.ada.say("in private", "dm")
    (private,) = await stage.bot.until("message", 3)
    assert (private.content, private.guild) == ("in private", None)


async def test_direct_messages(stage: Stage) -> None:
    await stage.start()
    ada = await stage.bot.fetch_user(int(default_world.ADA))
    await ada.send("hello")
    assert [message.content for message in await stage.ada.messages("dm")] == ["hello"]
    await stage.control.set_person("Ada", closed_dms=True)
    with pytest.raises(discord.Forbidden) as refused:
        await ada.send("again")
    assert refused.value.code == 50007
    await stage.control.set_person("Kai", installed_app=False)
    kai = await stage.bot.fetch_user(int(default_world.KAI))
    with pytest.raises(discord.Forbidden) as refused:
        await kai.send("hello")
    assert refused.value.code == 50007


async def test_missing_access_and_missing_permissions(stage: Stage) -> None:
    await stage.start()
    with pytest.raises(discord.Forbidden) as refused:
        await stage.bot.fetch_channel(int(default_world.STAFF_ROOM))
    assert refused.value.code == 50001
    await stage.control.set_channel("art", overwrite="Easel", deny=permissions.SEND_MESSAGES)
    await stage.bot.until("guild_channel_update")
    art = stage.bot.get_channel(int(default_world.ART))
    with pytest.raises(discord.Forbidden) as refused:
        await art.send("hello")
    assert refused.value.code == 50013
    assert not art.permissions_for(art.guild.me).send_messages


async def test_the_bot_gets_an_event_for_a_deleted_message(stage: Stage) -> None:
    await stage.start()
    art = stage.bot.get_channel(int(default_world.ART))
    message = await art.send("soon gone")
    (seen,) = await stage.control.messages("art")
    await stage.control.person("Margaret").delete(seen)
    await stage.bot.until("raw_message_delete")
    with pytest.raises(discord.NotFound) as refused:
        await message.edit(content="too late")
    assert refused.value.code == 10008


async def test_threads_and_forum(stage: Stage) -> None:
    await stage.start()
    art = stage.bot.get_channel(int(default_world.ART))
    thread = await art.create_thread(name="By the bot", type=discord.ChannelType.public_thread)
    await thread.send("inside")
    message = await art.send("start here")
    follow = await message.create_thread(name="From a message")
    assert follow.id == message.id
    forum = stage.bot.get_channel(int(default_world.FORUM))
    made = await forum.create_thread(name="A post", content="first")
    assert made.message.id == made.thread.id
    await thread.edit(archived=True)
    opened = await stage.ada.open_thread("art", "By Ada")
    await stage.bot.until("thread_create")
    assert (await stage.ada.say("hello", opened)).json["channel_id"] == opened
    route = discord.http.Route("POST", "/channels/{channel_id}/messages", channel_id=default_world.FORUM)
    with pytest.raises(discord.HTTPException, match="non-text channel"):
        await stage.bot.http.request(route, json={"content": "no"})


async def test_reactions_typing_and_pins(stage: Stage) -> None:
    await stage.control.set_roles("Easel", ["Easel", "Staff"])
    await stage.start()
    art = stage.bot.get_channel(int(default_world.ART))
    message = await art.send("like it?")
    await message.add_reaction("👍")
    await art.typing()
    await message.pin()
    assert [one.content async for one in art.pins()] == ["like it?"]
    assert (await art.fetch_message(message.id)).reactions[0].count == 1
    await message.remove_reaction("👍", art.guild.me)
    assert (await art.fetch_message(message.id)).reactions == []
    await message.unpin()


async def test_foreign_messages_are_not_edited(stage: Stage) -> None:
    await stage.start()
    said = await stage.ada.say("mine")
    general = stage.bot.get_channel(int(default_world.GENERAL))
    with pytest.raises(discord.Forbidden) as refused:
        await general.get_partial_message(int(said.id)).edit(content="yours")
    assert refused.value.code == 50005
    with pytest.raises(discord.Forbidden) as refused:
        await general.get_partial_message(int(said.id)).delete()
    assert refused.value.code == 50013


async def test_a_deleted_channel_is_unknown(stage: Stage) -> None:
    await stage.start()
    sketches = stage.bot.get_channel(int(default_world.THREAD))
    await stage.control.delete_channel("Sketches")
    await stage.bot.until("raw_thread_delete")
    with pytest.raises(discord.NotFound) as refused:
        await sketches.send("anybody?")
    assert refused.value.code == 10003
    art = stage.bot.get_channel(int(default_world.ART))
    await stage.control.delete_channel("art")
    await stage.bot.until("guild_channel_delete")
    with pytest.raises(discord.NotFound):
        await art.send("anybody?")


async def test_the_bot_leaves_and_joins_servers(stage: Stage) -> None:
    await stage.start()
    general = stage.bot.get_channel(int(default_world.GENERAL))
    await stage.control.remove_member("Easel")
    await stage.bot.until("guild_remove")
    with pytest.raises(discord.Forbidden) as refused:
        await general.send("anybody?")
    assert refused.value.code == 50001
    await stage.control.set_roles("Easel", [], guild="Tea Room")
    (guild,) = await stage.bot.until("guild_join")
    assert (await guild.text_channels[0].send("hello")).channel.name == "tea-table"
