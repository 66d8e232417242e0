"""Kills the bot's process in the middle of publishing, liking, taking away and keeping the board, and judges the rest.

    python -m tests.discord.publication_kills [--what publish "take down" …] [--every 1] [--first 1]

After a kill (see `process_kills`) people press again, as they would. Then a picture has to be in its channel and in the
gallery once, or nowhere, with every like once; its channel has to have one board, which names what is there.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

from bot.ui.views.gallery.links import OpenGalleryButton
from playground import default_world
from playground.control import Person, SentInteraction
from playground.models import Message
from playground.visible_message import VisibleMessage
from tests.discord.conftest import PATIENCE, PROMPT, asked, confirmed, remove, told
from tests.discord.killed_bot import Work
from tests.discord.process_kills import ProcessKills, main
from tests.discord.test_publishing import add_art_channels
from tests.discord.test_removals import rows
from tests.discord.test_server import pressed

LINUS = "Linus"
KINDS = {  # of art channels, by their names
    "text": ("art", default_world.ART),
    "thread": ("Sketches", default_world.THREAD),
    "forum": ("gallery", default_world.GALLERY),
}
IN_EACH = {  # what is done in every kind of art channel
    "publish": Work.PUBLISH,
    "like": Work.LIKE,
    "like in the gallery": Work.SHOW_LIKES,
    "take back": Work.UNPUBLISH,
    "take down": Work.UNPUBLISH,
    "take away": Work.TAKE_AWAY,
}
POST_BOARDS, EDIT_BOARDS = "post boards", "edit boards"
NAMES = (*(f"{work}, {kind}" for work in IN_EACH for kind in KINDS), POST_BOARDS, EDIT_BOARDS)
LIKES, REMOVES = ("like", "like in the gallery", EDIT_BOARDS), ("take back", "take down", "take away")
OWED = """
    SELECT (SELECT count(*) FROM publication WHERE state <> 'posted' OR hidden = 1 OR likes <> shown_likes)
    + (SELECT count(*) FROM deletion) + (SELECT count(*) FROM board WHERE message_id IS NULL OR digest = '')
    + (SELECT EXISTS (SELECT 1 FROM publication) AND count(*) < 3 FROM board)
"""


@dataclass(frozen=True)
class Picture:
    """A picture of a new person's, and the question before it is published."""

    owner: Person
    message: VisibleMessage
    job_id: int
    question: VisibleMessage
    link: str = ""  # to the message of what is about to be taken away, as boards write it


@dataclass
class Kills(ProcessKills[Picture]):
    """Kills in what is done with published pictures."""

    owed = OWED
    emptied: set[str] = field(default_factory=set[str])  # channels whose board staff deleted

    async def set_up(self) -> None:
        await add_art_channels(self.scene, *(channel_id for _name, channel_id in KINDS.values()))

    def work(self, what: str) -> Work:
        return IN_EACH.get(what.partition(", ")[0], Work.BOARD)

    async def prepared(self, what: str, number: int) -> Picture:
        """A picture that is published and named by the boards, as far as that is not what is to be done."""
        work, _, kind = what.partition(", ")
        owner = await self.scene.control.new_person(f"Owner{number}")
        order = await owner.slash("imagine", prompt=PROMPT, lora1="Bat", seed=80_000 + number)
        message = await self.scene.painted(order)
        job_id = int(str(message.buttons["Publish"]["custom_id"]).partition(":")[2])
        question = await pressed(owner, message, "Publish")
        menu = f"pubchannel:{job_id}:0:{default_world.ART}:0"
        question = await (await owner.select(question, menu, KINDS[kind or "text"][1])).reply(PATIENCE)
        case = Picture(owner, message, job_id, question)
        if work not in ("publish", POST_BOARDS):
            await (await owner.press(question, "Publish")).reply(PATIENCE)
            await self.settled()
        if work in REMOVES:
            await (await self.liked_by(LINUS, case)).answered(PATIENCE)
            post = await self.post(case)
            assert post is not None
            case = replace(case, link=f"/{post.id})")
            await self.boards_name(case.link)
        return case

    async def begin(self, what: str, case: Picture) -> SentInteraction:
        scene, work = self.scene, what.partition(", ")[0]
        if work == POST_BOARDS:
            for board in self.boards():
                seen = await scene.control.message(board.id)
                assert seen is not None
                await scene.grace.delete(seen)
                self.emptied.add(board.channel_id)
            await rows(scene, "DELETE FROM board")
        if work in ("publish", POST_BOARDS):
            return await case.owner.press(case.question, "Publish")
        post = await self.post(case)
        assert post is not None
        if work == "like in the gallery":
            gallery = await told(scene.control.person(LINUS), "gallery", person=self.owner_id(case))
            opened = await scene.control.person(LINUS).select(gallery, "opengallery:list", str(await self.number(case)))
            post = await opened.reply(PATIENCE)
            return await scene.control.person(LINUS).press(post, "Like")
        if work in LIKES:
            return await self.liked_by(LINUS, case)
        if work == "take down":
            return await remove(scene.grace, post, "Unpublish")
        return await confirmed(case.owner, await asked(case.owner, post, "Unpublish"))

    async def faults(self, what: str, case: Picture) -> list[str]:
        """What is wrong after people have pressed again, if what they had pressed was not noted before the kill."""
        scene, (work, _, kind), gone = self.scene, what.partition(", "), what.partition(", ")[0] in REMOVES
        if (await self.post(case) is None) is not gone:
            await (await self.begin(what, case)).answered(PATIENCE)
        elif work in LIKES:
            await (await self.liked_by(LINUS, case)).answered(PATIENCE)
        await self.settled()
        likes = int(work in LIKES)
        posts, known = self.posts(case), await self.post(case)
        if likes and known:
            await self.boards_name(f"/{known.id})")
        if gone:
            await self.boards_name(case.link, named=False)
        kept = await rows(
            scene,
            f"SELECT likes, (SELECT count(*) FROM publication_like WHERE publication_id = id) FROM publication "
            f"WHERE job_id = {case.job_id} AND state = 'posted'",
        )
        taken_down = await rows(scene, f"SELECT 1 FROM takedown WHERE job_id = {case.job_id}")
        messages = scene.playground.world.messages
        threads = [one for one in scene.playground.world.channels.values() if one.parent_id == KINDS["forum"][1]]
        checks = {
            "one message, or none": len(posts) == (not gone),
            "it is where it was published": all(self.is_in(each, KINDS[kind or "text"][1]) for each in posts),
            "the bot knows it": (known.id if known else None) == (posts[0].id if posts else None),
            "it has its picture": known is None or len(known.attachments) == 1,
            "its number of likes": known is None or ("Like · 1" if likes else "Like") in known.buttons,
            "the gallery has it once, or not": kept == ([] if gone else [(likes, likes)]),
            "one takedown, or none": len(taken_down) == (work == "take down"),
            "its owner's message is there, or gone": (await scene.control.message(case.message.id) is None)
            is (work == "take down"),
            "a post without its message is archived": all(
                each.id in messages or each.archived or each.id in self.emptied for each in threads
            ),
            "a board for each art channel": len(self.boards()) == len(KINDS),
        }
        return [text for text, holds in checks.items() if not holds]

    # --- what is there ------------------------------------------------------------------------------------------------

    async def liked_by(self, name: str, case: Picture) -> SentInteraction:
        """Press *Like* in the post, whatever number it shows."""
        post = await self.post(case)
        assert post is not None
        return await self.scene.control.person(name).press(post, f"like:{await self.number(case)}")

    async def number(self, case: Picture) -> int | None:
        """The id of the publication; None when there is none."""
        found = await rows(self.scene, f"SELECT id FROM publication WHERE job_id = {case.job_id}")
        return int(str(found[0][0])) if found else None

    async def post(self, case: Picture) -> VisibleMessage | None:
        """The message that the bot knows of."""
        found = await rows(self.scene, f"SELECT message_id FROM publication WHERE job_id = {case.job_id}")
        return await self.scene.control.message(str(found[0][0])) if found and found[0][0] else None

    def posts(self, case: Picture) -> list[Message]:
        """All messages in channels with the buttons of a post that name the owner of this picture, who has no other."""
        named = f"<@{self.owner_id(case)}>"
        return [each for each in self._public("'unpublish:") if named in str(each.components)]

    def owner_id(self, case: Picture) -> str:
        """The id of the owner at Discord."""
        users = self.scene.playground.world.users.values()
        return next(user.id for user in users if user.global_name == case.owner.name)

    def boards(self) -> list[Message]:
        """The boards of all channels."""
        return self._public(f"'{OpenGalleryButton().custom_id}'")

    def _public(self, custom_id: str) -> list[Message]:
        messages = self.scene.playground.world.messages.values()
        return [each for each in messages if each.visible_to is None and custom_id in str(each.components)]

    def is_in(self, message: Message, channel_id: str) -> bool:
        """Whether it is in a channel, or in a post of a forum."""
        return channel_id in (message.channel_id, self.scene.playground.world.channels[message.channel_id].parent_id)

    async def boards_name(self, link: str, *, named: bool = True) -> None:
        """Wait until every board has a link, or until none does."""
        changes = self.scene.playground.changes
        async with asyncio.timeout(PATIENCE):
            while any((link in str(board.components)) is not named for board in self.boards()):
                await changes.wait(changes.version, 0.05)


if __name__ == "__main__":
    main(Kills, NAMES, __doc__)
