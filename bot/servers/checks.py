"""Checks a request when it is ordered, and its job again before it is painted and before it is delivered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.config import LimitSettings
from bot.database.additions.disputes import disputes_for
from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.jobs.jobs import FIND_JOB, AnyJob, Job
from bot.database.jobs.orders import (
    CONTEXT_OF_JOB,
    STORE_CONTEXT,
    PersonFacts,
    cost_of,
    forget_old_days,
    person_facts,
)
from bot.database.jobs.ratings import JOB_RATINGS, JobRating, ratings_of_jobs
from bot.database.loras.catalogue import LORAS_OF_FILES, UsedLora
from bot.database.people.blocks import Block
from bot.database.privacy.takedowns import TAKEN_DOWN_IN
from bot.database.reports.reports import HELD_AMONG
from bot.database.servers.settings import ArtChannel
from bot.errors.blocks import LoraBlocked, LoraBlockedEverywhere, LoraDisputed
from bot.errors.pictures import PictureHiddenByStaff, PictureReported
from bot.errors.ratings import PlaceUnseen
from bot.errors.rights import CategoryNotAllowed, CheckpointNotAllowed, InTimeOut, NoMember
from bot.i18n.texts import lora_name
from bot.moderation.allowed_phrases import RefusedWords
from bot.moderation.minors import is_adult
from bot.moderation.ratings import PlaceRatings
from bot.servers.access import Rights
from bot.servers.command_permissions import CommandGate
from bot.servers.content import ContentRules
from bot.servers.context import ActionContext, place_of
from bot.servers.limits import (
    EffectiveLimits,
    beyond_quota,
    beyond_request_limits,
    effective_limits,
    in_cooldown,
    is_newcomer,
    policy_of,
)
from bot.servers.members import Members
from bot.servers.rights import Action, CommandAccess, checkpoint_allowed, date_of
from bot.servers.server_cache import ServerCache, ServerSetup
from bot.servers.server_words import ServerWords
from inference.content_rating import ContentRating
from inference.errors import RequestError
from inference.messages.request import GenerationRequest, JobRequest, LoraUse
from inference.queue.policy import EVERYWHERE, Policy


@dataclass(frozen=True)
class CheckedRequest:
    """A request that may be ordered, with the queue's policy for it."""

    context: ActionContext
    request: GenerationRequest
    policy: Policy


class RequestChecks:
    """The one door for orders. `limits` and `clock` (unix ms) are asked each time."""

    def __init__(
        self,
        db: Database,
        servers: ServerCache,
        rights: Rights,
        members: Members,
        gate: CommandGate,
        words: ServerWords,
        content: ContentRules,
        *,
        limits: Callable[[], LimitSettings],
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._db = db
        self._servers = servers
        self._rights = rights
        self._members = members
        self._gate = gate
        self._words = words
        self._content = content
        self._limits = limits
        self._clock = clock

    async def check_request(self, context: ActionContext, request: GenerationRequest) -> CheckedRequest:
        """Check whether this person may order this request here and now.

        Raises the refusal (a RequestError), and DatabaseError.
        """
        now, access = self._clock(), await self._gate.access(context)
        self._members.heard(context, now)
        facts = await person_facts(self._db, context.person_id, context.place, now)
        _raise(await self._rights.decide(Action.PAINT, context, context.place, facts, access))
        place, used = await self._content.place(context), await self._used(request)
        rating = self._content.rating_beside_words(context, request, used, place)
        await (await self._words.of(context.place)).check_request(request, rating)
        _raise(await self._why_not_painted(context, request, place))
        _raise(await self._why_disputed(context.person_id, request))
        limits = await self._limits_for(context, facts)
        _raise(beyond_request_limits(self._limits(), request))
        _raise(beyond_quota(limits, cost_of(request), now))
        _raise(in_cooldown(limits, now))
        return CheckedRequest(context, request, policy_of(limits, self._limits()))

    async def refused_words(self, context: ActionContext, request: GenerationRequest) -> RefusedWords | None:
        """Words of a refused request that the staff of the server can allow. None if staff cannot allow it.

        Raises DatabaseError.
        """
        settings = (await self._servers.of(context.place)).settings
        if context.server_id is None or not context.bot_in_server or settings.reports_channel is None:
            return None
        words, place = await self._words.of(context.place), await self._content.place(context)
        return await asyncio.to_thread(words.refused_words, context.place, request, place)

    async def record(self, job: AnyJob, checked: CheckedRequest) -> None:
        """Store with a new job what `still_allowed` needs. To be called in the transaction that created the job.

        Two orders at the same moment may both have been checked when one of them was left: the quotas and the cooldown
        are checked again. Raises the refusal, which undoes the transaction, and DatabaseError.
        """
        now, cost = job.created_at, cost_of(checked.request)
        facts = await person_facts(self._db, job.person_id, checked.context.place, now, but=job.id)
        limits = await self._limits_for(checked.context, facts.without(cost))
        _raise(beyond_quota(limits, cost, now))
        _raise(in_cooldown(limits, now))
        await self._db.run(STORE_CONTEXT, context=checked.context.model_dump_json(), job=job.id)
        await forget_old_days(self._db, now)

    async def still_allowed(self, job: AnyJob) -> RequestError | None:
        """Why an ordered job may not be painted any more, or not be shown; None when it may.

        To be called before it is handed to a worker; `why_not_delivered` calls it before its result is shown. Quotas,
        cooldown and places in the queue were settled when it was ordered. Of a job of another kind than painting the
        rights and the checkpoint are looked at. Raises DatabaseError.
        """
        now, ordered = self._clock(), await self._context_of(job)
        # Both ask Discord: where it hangs, one waits for it once.
        present, _ = await asyncio.gather(self._members.present(ordered, now), self._gate.look_up(ordered))
        who = present.context
        if not self._rights.is_operator(job.person_id):
            if who is None:
                return NoMember()
            if present.timed_out:
                return InTimeOut()
        who = who or ordered
        # It was open at the order, by a command or a button. While nothing else is known, that holds.
        access = await self._gate.access(who.model_copy(update={"checked_by_discord": False}))
        access = CommandAccess.OPEN if access is CommandAccess.UNKNOWN else access
        facts = await person_facts(self._db, job.person_id, who.place, now)
        refusal = await self._rights.decide(Action.PAINT, who, who.place, facts, access)
        if refusal is None:
            said = await self._db.all(JOB_RATINGS, ids=[job.id], server=who.place)
            place = await self._content.place_now(who)
            refusal = await self._why_not_worded(who, job.request, place, said)
            refusal = refusal or await self._why_not_painted(who, job.request, place, said)
        if refusal is not None or not isinstance(job.request, GenerationRequest):
            return refusal
        return beyond_request_limits(self._limits(), job.request)

    async def why_not_delivered(self, job: AnyJob) -> RequestError | None:
        """Why the result of a job may not be shown where it was ordered, by itself; None when it may.

        Where the bot is not in the server nobody sees whether a place is still for adults alone: it counts as open to
        all. Raises DatabaseError.
        """
        if await self._db.all(HELD_AMONG, [job.id]):
            return PictureReported()
        if await self._db.one(TAKEN_DOWN_IN, job=job.id, server=job.server_id or EVERYWHERE) is not None:
            return PictureHiddenByStaff()
        ordered = await self._context_of(job)
        if ordered.server_id is not None and not ordered.bot_in_server:
            used, place = await self._used(job.request), await self._content.unseen(ordered)
            said = await self._db.all(JOB_RATINGS, ids=[job.id], server=ordered.place)
            if self._content.why_not(job.request, used, place, said) is not None:
                return PlaceUnseen()
        return await self.still_allowed(job)

    async def hides_pictures(self, job: AnyJob) -> bool:
        """Whether pictures are hidden until somebody presses them where a job was ordered. Raises DatabaseError."""
        return await self._content.hides_pictures(await self._context_of(job))

    async def why_not_sent(self, job: AnyJob) -> RequestError | None:
        """Why the result of a job may not be sent as a direct message, for want of another way; None when it may.

        Raises DatabaseError.
        """
        ordered = await self._context_of(job)
        place = await self._content.direct_messages(ordered)
        said = await self._db.all(JOB_RATINGS, ids=[job.id], server=ordered.place)
        return self._content.why_not(job.request, await self._used(job.request), place, said)

    async def shows_unfinished(self, job: AnyJob) -> bool:
        """Whether previews of a job are shown where it was ordered. Raises DatabaseError."""
        return self._content.shows_unfinished(await self._content.place_now(await self._context_of(job)))

    async def hidden(self, who: ActionContext, jobs: Sequence[AnyJob]) -> Mapping[int, RequestError]:
        """Why pictures of jobs are not shown where somebody looks at them, by the job's id; the others are.

        Raises DatabaseError.
        """
        place = await self._content.place(who)
        said = await ratings_of_jobs(self._db, [job.id for job in jobs], who.place)
        used = await self._used(*(job.request for job in jobs))
        refusals = {
            job.id: self._content.why_not(job.request, _of(job.request, used), place, said.get(job.id, ()))
            for job in jobs
        }
        for job in jobs:
            if refusals[job.id] is None and isinstance(job.request, GenerationRequest):
                refusals[job.id] = await self._why_not_about_minors(
                    who, job.request, _of(job.request, used), place, said.get(job.id, ())
                )
        refusals |= {job_id: PictureReported() for job_id in await self._db.all(HELD_AMONG, [*refusals])}
        return {job_id: refusal for job_id, refusal in refusals.items() if refusal is not None}

    async def why_not_published(self, who: ActionContext, job: Job, art: ArtChannel) -> RequestError | None:
        """Why pictures of a job are not published in an art channel of this server; None when they are.

        Raises DatabaseError.
        """
        there = place_of(who.place, art)
        place = who.model_copy(
            update={"channel_id": there.channel_id, "parent_ids": there.parent_ids, "age_restricted": False}
        )
        if await self._db.all(HELD_AMONG, [job.id]):
            return PictureReported()
        said = await self._db.all(JOB_RATINGS, ids=[job.id], server=who.place)
        shows = await self._content.place_now(place)
        refusal = await self._why_not_worded(place, job.request, shows, said)
        return refusal or await self._why_not_painted(place, job.request, shows, said)

    async def why_not_about_minors(self, who: ActionContext, job: Job) -> RequestError | None:
        """Why nobody goes on from a picture: its words name a child, and it is rated mature or higher; None otherwise.

        Raises DatabaseError.
        """
        said, place = await self._db.all(JOB_RATINGS, ids=[job.id], server=who.place), await self._content.place(who)
        return await self._why_not_about_minors(who, job.request, await self._used(job.request), place, said)

    async def names_child(self, who: ActionContext, job: Job) -> bool:
        """Whether the rule on minors refuses a job's words beside a rating of mature or higher.

        Raises DatabaseError.
        """
        words = await self._words.of(who.place)
        return await words.why_not_about_minors(job.request, ContentRating.MATURE) is not None

    async def why_not_shown(self, who: ActionContext, job: AnyJob) -> RequestError | None:
        """Why pictures of a job are not shown where somebody looks; None when they are. Raises DatabaseError."""
        return (await self.hidden(who, [job])).get(job.id)

    async def rating_of(self, job: AnyJob) -> ContentRating | None:
        """What pictures of a job are rated, whoever said it; None when nothing of it is. Raises DatabaseError.

        What is painted from them is rated so too, wherever that is.
        """
        said = await self._db.all(JOB_RATINGS, ids=[job.id], server=EVERYWHERE)
        return self._content.rating_of(job.request, await self._used(job.request), said)

    async def rating_and_face_of_upload(
        self, job_ids: Iterable[int], request: GenerationRequest | None
    ) -> tuple[ContentRating | None, bool]:
        """What is known of an uploaded picture that jobs here painted, or that names this request.

        Its rating, None without one; and whether it was painted from a photographed face. Raises PictureReported while
        an open report hides a job's pictures, and DatabaseError.
        """
        if await self._db.all(HELD_AMONG, job_ids := list(job_ids)):
            raise PictureReported
        jobs = [job for job_id in job_ids if (job := await self._db.one(FIND_JOB, job_id)) is not None]
        ratings, face = [await self.rating_of(job) for job in jobs], any(job.request.from_face for job in jobs)
        if request is not None:  # a file may claim anything, and a claim only makes the rules stricter
            ratings.append(self._content.rating_of(request, await self._used(request)))
            face = face or request.from_face
        return max((each for each in ratings if each is not None), default=None), face

    async def limits_of(self, context: ActionContext) -> EffectiveLimits:
        """The limits that hold for a person here, with the quotas of the day as they are. Raises DatabaseError."""
        facts = await person_facts(self._db, context.person_id, context.place, self._clock())
        return await self._limits_for(context, facts)

    async def _limits_for(self, who: ActionContext, facts: PersonFacts) -> EffectiveLimits:
        setup = await self._servers.of(who.place)
        return effective_limits(
            self._limits(),
            setup.limits,
            who.roles,
            facts,
            newcomer=is_newcomer(who.joined_at, setup.settings.newcomer_hours, self._clock()),
            exempt=self._rights.is_operator(who.person_id),
        )

    async def _context_of(self, job: AnyJob) -> ActionContext:
        """What was known at the order; of a job without it, the place alone: no role and no permission."""
        stored = await self._db.one(CONTEXT_OF_JOB, job.id)
        if stored is None:
            return ActionContext(person_id=job.person_id, server_id=job.server_id, channel_id=job.channel_id)
        return ActionContext.model_validate_json(stored)

    async def _why_not_worded(
        self, who: ActionContext, request: JobRequest, place: PlaceRatings, said: Sequence[JobRating]
    ) -> RequestError | None:
        """Why the words of a request are refused by the rules and ratings of now; None when they are not."""
        if not isinstance(request, GenerationRequest):
            return None
        rating = self._content.rating_beside_words(who, request, await self._used(request), place, said)
        return await (await self._words.of(who.place)).why_not_painted(request, rating)

    async def _why_not_about_minors(
        self,
        who: ActionContext,
        request: GenerationRequest,
        used: Sequence[UsedLora],
        place: PlaceRatings,
        said: Sequence[JobRating],
    ) -> RequestError | None:
        """Why the rule on minors keeps a picture from being shown, by a rating that may be newer; None otherwise."""
        rating = self._content.rating_beside_words(who, request, used, place, said)
        if not is_adult(rating):
            return None  # its words were judged when it was ordered
        return await (await self._words.of(who.place)).why_not_about_minors(request, rating)

    async def _why_not_painted(
        self, who: ActionContext, request: JobRequest, place: PlaceRatings, said: Sequence[JobRating] = ()
    ) -> RequestError | None:
        """Why the checkpoint or a LoRA is not used here, or the picture not shown; None when all is well."""
        here, everywhere = await self._servers.of(who.place), await self._servers.of(EVERYWHERE)
        settings = here.settings
        if not checkpoint_allowed(settings, request.checkpoint):
            return CheckpointNotAllowed(checkpoint=request.checkpoint, allowed=list(settings.checkpoints))
        used = await self._used(request)
        return self._why_no_lora(used, here, everywhere, place) or self._content.why_not(request, used, place, said)

    async def _why_disputed(self, person_id: int, request: GenerationRequest) -> RequestError | None:
        """Why a LoRA with a disputed base model is not used by this person; None for who had it before."""
        names = {use.sha256: use.name for use in request.loras}
        for found in await disputes_for(self._db, person_id, sorted(names)):
            return LoraDisputed(lora=names[found.sha256], bases=[base.label for base in found.base_models])
        return None

    async def _used(self, *requests: JobRequest) -> Sequence[UsedLora]:
        files = sorted({use.sha256 for request in requests for use in _loras(request)})
        return await self._db.all(LORAS_OF_FILES, files) if files else ()

    def _why_no_lora(
        self, used: Iterable[UsedLora], here: ServerSetup, everywhere: ServerSetup, place: PlaceRatings
    ) -> RequestError | None:
        now, categories = self._clock(), here.settings.categories
        for lora in used:
            name = lora_name(lora, place.shown)
            if (block := _holding(everywhere.lora_blocks.get(lora.id), now)) is not None:
                return LoraBlockedEverywhere(lora=name, reason=block.reason, end=date_of(block.ends_at))
            if (block := _holding(here.lora_blocks.get(lora.id), now)) is not None:
                return LoraBlocked(lora=name, reason=block.reason, end=date_of(block.ends_at))
            if categories and lora.category not in categories:
                return CategoryNotAllowed(lora=name, category=lora.category.value)
        return None


def _loras(request: JobRequest) -> tuple[LoraUse, ...]:
    return request.loras if isinstance(request, GenerationRequest) else ()


def _of(request: JobRequest, used: Sequence[UsedLora]) -> list[UsedLora]:
    files = {use.sha256 for use in _loras(request)}
    return [lora for lora in used if lora.sha256 in files]


def _holding(block: Block | None, now: int) -> Block | None:
    return block if block is not None and block.holds(now) else None


def _raise(refusal: RequestError | None) -> None:
    if refusal is not None:
        raise refusal
