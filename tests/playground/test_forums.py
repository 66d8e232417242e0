"""Forums and threads: tags, archived and locked posts, what old messages and links still allow."""

import io
from typing import Any

import aiohttp
import discord
import pytest

from playground import default_world
from playground import permissions as may

from .conftest import Rest, Stage, codes
from .pictures import picture

HOUR, DAY = 3600.0, 86400.0
TAGS = default_world.GALLERY_TAGS
FORUM = f"/channels/{default_world.GALLERY}"


async def post(rest: Rest, *tags: str, content: str = "a picture", **more: Any) -> tuple[int, Any]:
    """Open a post in the gallery."""
    body = {"name": "A picture", "applied_tags": [TAGS.get(tag, tag) for tag in tags], "message": {"content": content}}
    return await rest("POST", f"{FORUM}/threads", {**body, **more})


async def test_a_post_has_up_to_five_known_tags(rest: Rest) -> None:
    status, made = await post(rest, "style", "SDXL")
    assert (status, made["applied_tags"]) == (201, [TAGS["style"], TAGS["SDXL"]])
    _, many = await post(rest, *list(TAGS)[:6])
    assert codes(many, "applied_tags") == ["BASE_TYPE_MAX_LENGTH"]
    assert (await post(rest, "1"))[1]["code"] == 10087


async def test_moderated_tags_are_for_those_who_manage_threads(stage: Stage, rest: Rest) -> None:
    assert (await post(rest, "featured"))[1]["code"] == 50013
    _, made = await post(rest, "style")
    thread = f"/channels/{made['id']}"
    assert (await rest("PATCH", thread, {"applied_tags": [TAGS["featured"]]}))[0] == 403
    await stage.control.set_role_permissions("Easel", may.EVERYBODY | may.MANAGE_THREADS)
    assert (await rest("PATCH", thread, {"applied_tags": [TAGS["featured"]]}))[0] == 200
    await stage.control.set_role_permissions("Easel", may.EVERYBODY)
    assert (await rest("PATCH", thread, {"applied_tags": []}))[1]["code"] == 50013


async def test_a_forum_may_want_a_tag(stage: Stage, rest: Rest) -> None:
    await stage.control.set_channel("gallery", requires_tag=True)
    assert (await post(rest))[1]["code"] == 40067
    assert (await post(rest, "style"))[0] == 201


async def test_a_forum_has_up_to_twenty_tags_with_different_names(stage: Stage, rest: Rest) -> None:
    assert (await rest("PATCH", FORUM, {"available_tags": []}))[0] == 403
    await stage.control.set_role_permissions("Easel", may.EVERYBODY | may.MANAGE_CHANNELS)
    kept = [{"id": TAGS["style"], "name": "looks"}, {"name": "new", "moderated": True}]
    _, forum = await rest("PATCH", FORUM, {"available_tags": kept})
    assert [(tag["name"], tag["moderated"]) for tag in forum["available_tags"]] == [("looks", False), ("new", True)]
    assert forum["available_tags"][0]["id"] == TAGS["style"]
    _, many = await rest("PATCH", FORUM, {"available_tags": [{"name": str(n)} for n in range(21)]})
    assert codes(many, "available_tags") == ["BASE_TYPE_MAX_LENGTH"]
    _, long = await rest("PATCH", FORUM, {"available_tags": [{"name": "x" * 21}]})
    assert codes(long, "available_tags", 0, "name") == ["BASE_TYPE_BAD_LENGTH"]
    assert (await rest("PATCH", FORUM, {"available_tags": [{"name": "a"}, {"name": "A"}]}))[1]["code"] == 40061


async def test_posts_need_send_messages_and_threads_their_own_permission(stage: Stage, rest: Rest) -> None:
    await stage.control.set_channel("gallery", overwrite="Easel", deny=may.SEND_MESSAGES)
    await stage.control.set_channel("art", overwrite="Easel", deny=may.CREATE_PUBLIC_THREADS)
    assert (await post(rest, "style"))[1]["code"] == 50013
    art = f"/channels/{default_world.ART}/threads"
    assert (await rest("POST", art, {"name": "thread", "type": 11}))[1]["code"] == 50013
    await stage.control.set_channel("gallery", overwrite="Easel", deny=may.CREATE_PUBLIC_THREADS)
    assert (await post(rest, "style"))[0] == 201


async def test_an_archived_post_is_not_edited_and_a_message_opens_it(stage: Stage, rest: Rest) -> None:
    _, made = await post(rest, "style")
    thread = f"/channels/{made['id']}"
    message = f"{thread}/messages/{made['id']}"
    assert (await rest("PATCH", thread, {"archived": True}))[0] == 200
    assert (await rest("PATCH", message, {"content": "other"}))[1]["code"] == 50083
    assert (await rest("PUT", f"{message}/reactions/%F0%9F%91%8D/@me"))[1]["code"] == 50083
    assert (await rest("PATCH", thread, {"name": "other"}))[1]["code"] == 50083
    assert (await rest("PATCH", thread, {"name": "other", "archived": False}))[0] == 200
    assert (await rest("PATCH", message, {"content": "other"}))[0] == 200
    await rest("PATCH", thread, {"archived": True})
    await rest("POST", f"{thread}/messages", {"content": "hello"})
    assert (await rest("GET", thread))[1]["thread_metadata"]["archived"] is False
    await rest("PATCH", thread, {"archived": True})
    assert (await rest("DELETE", message))[0] == 204


async def test_a_locked_post_is_opened_by_those_who_manage_threads(stage: Stage, rest: Rest) -> None:
    _, made = await post(rest, "style")
    thread = f"/channels/{made['id']}"
    await stage.control.set_channel(str(made["id"]), locked=True)
    assert (await rest("POST", f"{thread}/messages", {"content": "hello"}))[1]["code"] == 50013
    await stage.control.set_channel(str(made["id"]), archived=True)
    assert (await rest("POST", f"{thread}/messages", {"content": "hello"}))[1]["code"] == 50083
    assert (await rest("PATCH", thread, {"archived": False}))[1]["code"] == 50013
    await stage.control.set_role_permissions("Easel", may.EVERYBODY | may.MANAGE_THREADS)
    assert (await rest("POST", f"{thread}/messages", {"content": "hello"}))[0] == 200
    assert (await rest("GET", thread))[1]["thread_metadata"]["archived"] is False


async def test_a_post_is_archived_after_its_time_without_messages(stage: Stage, rest: Rest) -> None:
    _, made = await post(rest, "style", auto_archive_duration=60)
    thread = f"/channels/{made['id']}"
    await stage.control.advance_clock(40 * 60)
    await rest("POST", f"{thread}/messages", {"content": "still here"})
    await stage.control.advance_clock(40 * 60)
    assert (await rest("GET", thread))[1]["thread_metadata"]["archived"] is False
    await stage.control.advance_clock(21 * 60)

    async def seen(since: int | None) -> Any:
        return await stage.control.get("world", as_="Ada", since=since)

    def archived(world: Any) -> bool | None:
        places = world["guilds"][0]["channels"]
        return next(one for one in places if one["id"] == made["id"])["archived"] or None

    assert await stage.control.wait(seen, archived)


async def test_a_post_is_deleted_by_those_who_manage_threads(stage: Stage, rest: Rest) -> None:
    _, made = await post(rest, "style")
    thread = f"/channels/{made['id']}"
    assert (await rest("DELETE", thread))[1]["code"] == 50013
    await stage.control.set_role_permissions("Easel", may.EVERYBODY | may.MANAGE_THREADS)
    assert (await rest("DELETE", thread))[0] == 200
    assert (await rest("GET", thread))[1]["code"] == 10003
    assert made["id"] not in stage.playground.world.messages


async def test_discord_py_finds_archived_posts(stage: Stage, rest: Rest) -> None:
    await stage.start()
    forum = stage.bot.get_channel(int(default_world.GALLERY))
    assert isinstance(forum, discord.ForumChannel)
    assert {tag.name: tag.moderated for tag in forum.available_tags} == {name: name == "featured" for name in TAGS}
    names = [f"Post {number}" for number in range(5)]
    for name in names:
        made = await forum.create_thread(name=name, content=name, applied_tags=[forum.available_tags[1]])
        await made.thread.edit(archived=True)
    await stage.bot.until("thread_update", 5)
    assert forum.threads == []
    assert [thread.name async for thread in forum.archived_threads(limit=4)] == names[::-1][:4]
    last = [thread async for thread in forum.archived_threads()][-1]
    _, page = await rest(
        "GET", f"{FORUM}/threads/archived/public", params={"before": last.archive_timestamp.isoformat(), "limit": "2"}
    )
    assert page["threads"] == [] and page["has_more"] is False


async def test_a_person_opens_a_post_with_tags(stage: Stage) -> None:
    made = await stage.ada.open_thread("gallery", "By Ada", "style")
    assert stage.playground.world.channels[made].applied_tags == [TAGS["style"]]
    with pytest.raises(Exception, match="Missing Permissions"):
        await stage.ada.open_thread("gallery", "By Ada", "featured")
    assert await stage.control.person("Margaret").open_thread("gallery", "By staff", "featured")


async def test_buttons_of_archived_posts_are_not_offered(stage: Stage, rest: Rest) -> None:
    row = {"type": 1, "components": [{"type": 2, "style": 1, "label": "Like", "custom_id": "like"}]}
    _, made = await post(rest, "style", message={"components": [row]})
    await stage.control.set_channel(str(made["id"]), archived=True)
    seen = await stage.control.message(str(made["id"]))
    assert seen is not None
    with pytest.raises(Exception, match="archived"):
        await stage.ada.press(seen, "Like")


async def test_messages_older_than_an_hour_are_edited_a_few_times(stage: Stage, rest: Rest) -> None:
    _, young = await rest("POST", f"/channels/{default_world.ART}/messages", {"content": "0"})
    path = f"/channels/{default_world.ART}/messages/{young['id']}"
    for number in range(5):
        assert (await rest("PATCH", path, {"content": str(number)}))[0] == 200
    await stage.control.advance_clock(HOUR + 1)
    answers = [await rest("PATCH", path, {"content": str(number)}) for number in range(4)]
    assert [status for status, _ in answers] == [200, 200, 200, 429]
    refused = answers[3][1]
    assert refused["code"] == 30046 and 0 < refused["retry_after"] <= 20
    elsewhere = f"/channels/{default_world.GENERAL}/messages"
    _, fresh = await rest("POST", elsewhere, {"content": "0"})
    assert (await rest("PATCH", f"{elsewhere}/{fresh['id']}", {"content": "1"}))[0] == 200


async def test_links_of_files_expire_and_the_message_has_new_ones(stage: Stage, rest: Rest) -> None:
    await stage.start()
    art = stage.bot.get_channel(int(default_world.ART))
    sent = await art.send(file=discord.File(io.BytesIO(picture()), "picture.png"))

    async def fetched(url: str) -> int:
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return answer.status

    old = sent.attachments[0].url
    assert await fetched(old) == 200
    assert await fetched(old.replace("hm=", "hm=0")) == 404
    assert await fetched(old.partition("?")[0]) == 404
    await stage.control.advance_clock(DAY + 1)
    assert await fetched(old) == 404
    again = await art.fetch_message(sent.id)
    assert await fetched(again.attachments[0].url) == 200
