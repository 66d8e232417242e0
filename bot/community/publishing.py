"""Posts pictures in art channels, and takes them back.

intent (row `pending`) → note the try → post → row `posted`, and back: row `removing` → delete the message → no row. A
crash or an outage at any place is mended by `settle`: what may have been posted is looked for before it is posted
again.

What its channel does not show for now is hidden: its owner may still bring it back, a report is open, or it is rated
above the channel. One predicate says so (`bot.database.gallery.pages.SHOWN`); `settle` makes rows match it, and Discord
match the rows. A hidden publication is posted again with its id and its likes when the predicate holds again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from weakref import WeakValueDictionary

from bot import background
from bot.community.discord_side import (
    ArtChannelUnreachable,
    ChannelClosed,
    PostedMessage,
    PostRefused,
    PublicationSide,
)
from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.gallery.pages import PlaceFilter, match_channel
from bot.database.gallery.publications import (
    BEGIN_REMOVAL,
    BEGIN_REMOVAL_BY_MESSAGE,
    BEGIN_REMOVAL_OF_CHANNEL,
    BEGIN_REMOVAL_OF_JOB,
    END_REMOVAL,
    FIND_PUBLICATION,
    FORGET_MESSAGE,
    NEXT_CHANNEL_WITH_PUBLICATIONS,
    NOTE_TRY,
    UNSETTLED_PUBLICATIONS,
    NewPublication,
    Publication,
    PublicationState,
    begin_publication,
    give_up,
    mark_posted,
)
from bot.database.gallery.terms import PublishedFacets
from bot.database.jobs.jobs import FIND_JOB, Job
from bot.database.loras.catalogue import LORAS_OF_FILES
from bot.database.privacy.takedowns import TAKEN_DOWN_IN
from bot.database.servers.settings import ArtChannel
from bot.errors.gallery import NoLongerArtChannel, PublishedAlready, PublishingRefused
from bot.errors.pictures import OwnPictureTakenDown
from bot.errors.rights import NotYours
from bot.i18n import _
from bot.pictures.similarity.picture_verdicts import PictureVerdicts
from bot.servers.access import Rights
from bot.servers.checks import RequestChecks
from bot.servers.content import ContentRules
from bot.servers.context import ActionContext, place_of
from bot.servers.rights import Action
from bot.servers.server_cache import ServerCache
from inference.base_models import BaseModelId
from inference.content_rating import ContentRating

RETRY_SECONDS = 60.0  # until what Discord did not answer is tried again
REFUSED_SECONDS = 10 * 60.0  # until what Discord refused, or did not show in a closed channel, is tried again
AT_ONCE = 100  # rows that are read together

log = logging.getLogger(__name__)


class PublishingRules:
    """Whether a person may publish a picture in an art channel, and what the gallery keeps of it."""

    def __init__(
        self,
        db: Database,
        servers: ServerCache,
        rights: Rights,
        checks: RequestChecks,
        content: ContentRules,
        verdicts: PictureVerdicts,
        *,
        base_model_of: Callable[[str], BaseModelId | None],
    ) -> None:
        """`base_model_of` knows that of a checkpoint by its name."""
        self._db = db
        self._servers = servers
        self._rights = rights
        self._checks = checks
        self._content = content
        self._verdicts = verdicts
        self._base_model_of = base_model_of

    async def check(self, who: ActionContext, job: Job, art_channel_id: int) -> None:
        """Raise why this person may not publish pictures of this job there (a RequestError): not theirs, for one.

        Raises DatabaseError.
        """
        if job.person_id != who.person_id:
            raise NotYours(instead=_("Only the picture's author can publish it."))
        await self._rights.require(Action.PUBLISH, who)
        art = (await self._servers.of(who.place)).settings.art_channel(art_channel_id)
        if art is None:
            raise NoLongerArtChannel
        if await self._db.one(TAKEN_DOWN_IN, job=job.id, server=who.place) is not None:
            raise OwnPictureTakenDown
        await self._verdicts.check_painted(job.id, who.place)
        refusal = await self._checks.why_not_published(who, job, art)
        if refusal is not None:
            raise refusal

    async def place(self, server_id: int, channel_id: int) -> tuple[PlaceFilter, bool]:
        """What an art channel shows by now, and whether hidden pictures are posted there again if it shows them.

        While Discord does not tell for whom it is, no rating is too high, and nothing is posted again. Raises
        DatabaseError.
        """
        art = (await self._servers.of(server_id)).settings.art_channel(channel_id)
        there = art or ArtChannel(channel_id=channel_id)
        known = await self._content.place_if_known(place_of(server_id, there))
        if known is None:
            return PlaceFilter(ContentRating.EXPLICIT), False
        return self._content.published_in(known), art is not None

    async def intent(
        self, who: ActionContext, job: Job, position: int, art_channel_id: int, *, shows_prompt: bool
    ) -> NewPublication:
        """The row of a picture that is about to be published. Raises DatabaseError."""
        request = job.request.only(position)
        return NewPublication(
            server_id=who.place,
            job_id=job.id,
            position=position,
            art_channel_id=art_channel_id,
            shows_prompt=shows_prompt,
            base_model=self._base_model_of(job.checkpoint),
            said=await self._content.rating_here(who, job.request),
            loras=[use.sha256 for use in request.loras],
            names_child=await self._checks.names_child(who, job),
        )


class Publishing:
    """Carries publications out. `discord` posts and deletes."""

    def __init__(
        self,
        db: Database,
        rules: PublishingRules,
        discord: PublicationSide,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` is in seconds."""
        self._db = db
        self._rules = rules
        self._discord = discord
        self._clock = clock
        self._refused: dict[tuple[int, bool], float] = {}  # when to try again, by publication and whether it is to post
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()  # by publication
        self._recurring = background.Recurring("settling publications", self.settle, RETRY_SECONDS)

    async def publish(
        self, who: ActionContext, job: Job, position: int, art_channel_id: int, *, shows_prompt: bool
    ) -> Publication:
        """Publish a picture of the person's own job. One still `pending` is posted as soon as Discord answers.

        Raises a refusal (a RequestError) or DatabaseError.
        """
        await self._rules.check(who, job, art_channel_id)
        new = await self._rules.intent(who, job, position, art_channel_id, shows_prompt=shows_prompt)
        begun = await begin_publication(self._db, new)
        if begun is None:
            raise PublishedAlready
        try:
            return await self._post(begun.id) or begun
        except ArtChannelUnreachable:
            self._recurring.wake()
            return begun
        except PostRefused as refusal:
            raise PublishingRefused from refusal

    async def take_back(self, publication_id: int) -> None:
        """Take a picture out of the gallery; its message goes as soon as Discord answers. Raises DatabaseError."""
        if await self._db.one(BEGIN_REMOVAL, publication_id) is not None:
            self._recurring.wake()

    async def take_back_job(self, job_id: int, server_id: int | None = None) -> None:
        """The same for all pictures of a job in a server, or in all servers. Raises DatabaseError."""
        if await self._db.all(BEGIN_REMOVAL_OF_JOB, job=job_id, server=server_id):
            self._recurring.wake()

    async def message_deleted(self, message_id: int) -> None:
        """Somebody deleted a message in Discord: if it was a publication, that is gone. Raises DatabaseError."""
        gone = await self._db.one(BEGIN_REMOVAL_BY_MESSAGE, message_id)
        if gone is not None:
            await self._db.run(END_REMOVAL, gone.id)

    async def channel_deleted(self, channel_id: int) -> None:
        """Somebody deleted a channel or thread: all that was published in it is gone. Raises DatabaseError."""
        while gone := await self._db.all(BEGIN_REMOVAL_OF_CHANNEL, art_channel=channel_id, limit=AT_ONCE):
            for publication in gone:
                await self._db.run(END_REMOVAL, publication.id)

    def notice(self) -> None:
        """Who may see a picture has changed: if it was published, its message goes or comes now and not later."""
        self._recurring.wake()

    async def run(self) -> None:
        """Settle what an earlier run left, and from then on what cannot be done at once. Runs until cancelled."""
        await self._recurring.run()

    async def settle(self) -> None:
        """Post what is to be posted and delete what is to be deleted; what Discord does not answer stays.

        Raises DatabaseError.
        """
        closed = await self._match_channels()
        refused, self._refused = self._refused, {}
        after = 0
        while rows := await self._db.all(UNSETTLED_PUBLICATIONS, after=after, limit=AT_ONCE):
            for row in rows:
                key = row.id, _is_to_post(row)
                again_at = refused.get(key)
                if again_at is not None and self._clock() < again_at:
                    self._refused[key] = again_at
                    continue
                try:
                    await self._settle(row, closed)
                except (ChannelClosed, PostRefused) as refusal:
                    self._refused[key] = self._clock() + REFUSED_SECONDS
                    level = logging.WARNING if again_at is None else logging.DEBUG
                    log.log(level, "the publication %d was refused: %s", row.id, refusal)
                except ArtChannelUnreachable as problem:
                    log.warning("cannot continue publication %d, will retry: %s", row.id, problem)
            after = rows[-1].id

    async def _match_channels(self) -> set[int]:
        """Hide what is not shown in its channel by now, and bring back what is shown again.

        The channels in which nothing is posted: they are no art channels any more, or nobody knows for whom they are.
        """
        closed: set[int] = set()
        found = await self._db.one(NEXT_CHANNEL_WITH_PUBLICATIONS, 0)
        while found is not None:
            server_id, channel_id = found.server_id, found.art_channel_id
            place, brings_back = await self._rules.place(server_id, channel_id)
            await match_channel(self._db, server_id, channel_id, place, brings_back=brings_back)
            closed |= set() if brings_back else {channel_id}
            found = await self._db.one(NEXT_CHANNEL_WITH_PUBLICATIONS, channel_id)
        return closed

    async def _settle(self, row: Publication, closed: Collection[int]) -> None:
        if _is_to_post(row):
            await self._post(row.id, anew=row.art_channel_id not in closed)
        else:
            await self._take_away(row.id)

    async def _post(self, publication_id: int, *, anew: bool = True) -> Publication | None:
        """Post one that is pending; None when it was deleted meanwhile, and then its message goes, too.

        Unless `anew`, what was posted before is found, and nothing is posted.
        """
        async with self._lock(publication_id):
            row = await self._db.one(FIND_PUBLICATION, publication_id)
            if row is None or not _is_to_post(row):
                return row
            message = await self._discord.find_posted(row) if row.tried_at is not None else None
            if message is None:
                if not anew or not await self._db.run(NOTE_TRY, now=now_ms(), id=row.id):
                    return None
                message = await self._request_post(row)
            posted = await self._mark_posted(row, message)
        if posted is None:
            await self._take_away(publication_id)
        return posted

    async def _request_post(self, row: Publication) -> PostedMessage:
        try:
            return await self._discord.post(row)
        except PostRefused:
            await give_up(self._db, row.id)
            raise

    async def _mark_posted(self, row: Publication, message: PostedMessage) -> Publication | None:
        job = await self._db.one(FIND_JOB, row.job_id)
        if job is None:  # with it, the row has become one to remove
            return await mark_posted(self._db, row.id, message.channel_id, message.message_id, PublishedFacets(), "")
        request = job.request.only(row.position)
        used = await self._db.all(LORAS_OF_FILES, sorted({use.sha256 for use in request.loras}))
        words = [
            row.checkpoint,
            *(use.name for use in request.loras),
            *([request.own_words] if row.shows_prompt else []),
        ]
        facets = PublishedFacets({lora.category for lora in used})
        return await mark_posted(
            self._db, row.id, message.channel_id, message.message_id, facets, " ".join(words),
            shown_likes=row.likes,
        )  # fmt: skip

    async def _take_away(self, publication_id: int) -> None:
        """Delete the message of one that is to be removed or is hidden, and then the row of one to be removed."""
        async with self._lock(publication_id):
            row = await self._db.one(FIND_PUBLICATION, publication_id)
            if row is None or not (row.state is PublicationState.REMOVING or row.hidden):
                return
            message = None
            if row.channel_id is not None and row.message_id is not None:
                message = PostedMessage(row.channel_id, row.message_id)
            elif row.tried_at is not None:
                message = await self._discord.find_posted(row)
            if message is not None:
                await self._discord.delete(row, message)
            await self._db.run(FORGET_MESSAGE, row.id)
            await self._db.run(END_REMOVAL, row.id)

    def _lock(self, publication_id: int) -> asyncio.Lock:
        """Of one publication at a time: a person's own press and the settling may meet."""
        return self._locks.setdefault(publication_id, asyncio.Lock())


def _is_to_post(row: Publication) -> bool:
    return row.state is PublicationState.PENDING and not row.hidden
