"""For whom a place is by Discord's age rules, and whether what is asked for may be painted and shown there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from bot.config import Settings
from bot.config.sections.checkpoints import CheckpointSettings
from bot.database.gallery.pages import PlaceFilter
from bot.database.jobs.ratings import JobRating
from bot.database.loras.catalogue import UsedLora
from bot.database.loras.search import Shown
from bot.errors.ratings import (
    RATED_BY,
    BlockedByRating,
    FaceRatedTooHigh,
    LicenceForbids,
    PictureBlocked,
    PictureRatedTooHigh,
    PromptRatedTooHigh,
    RatedTooHigh,
    SourceRatedTooHigh,
    UnratedNotUsed,
    UnratedTooHigh,
)
from bot.i18n.texts import lora_name
from bot.moderation.allowed_phrases import NOTHING_ALLOWED, AllowedPhrases
from bot.moderation.minors import is_adult
from bot.moderation.ratings import PartKind, PlaceRatings, RatedPart, excludes_clothes, licence_cap
from bot.servers.context import ActionContext
from bot.servers.lookups import LookupFailed
from bot.servers.server_cache import ServerCache
from bot.servers.server_words import ServerWords
from inference.content_rating import ContentRating
from inference.errors import RequestError
from inference.messages.request import GenerationRequest, JobRequest


class PlaceLookup(Protocol):
    """Knows the channels of the servers that the bot is in, as they are now."""

    def age_restricted(self, where: ActionContext) -> bool | None:
        """Whether Discord opens this place to adults alone, by the channel, its parent or the server; None: unknown.

        Raises LookupFailed while nothing can be known because Discord is not connected yet.
        """
        ...


class ContentRules:
    """Decides by ratings. `settings` is asked each time; `places` looks at channels."""

    def __init__(
        self, servers: ServerCache, words: ServerWords, places: PlaceLookup, settings: Callable[[], Settings]
    ) -> None:
        self.places = places
        self._servers = servers
        self._words = words
        self._settings = settings

    async def place(self, who: ActionContext) -> PlaceRatings:
        """What the place of an interaction shows, as Discord tells it with the interaction. Raises DatabaseError."""
        return await self._of(who, age_restricted=who.age_restricted)

    async def place_now(self, ordered: ActionContext) -> PlaceRatings:
        """What the place of an earlier order shows by now. Raises DatabaseError.

        Where the bot is not in the server, and before Discord is connected, it is as it was at the order. Otherwise
        what is unknown is open to all.
        """
        restricted = ordered.age_restricted
        if ordered.bot_in_server and ordered.server_id is not None:
            with suppress(LookupFailed):  # jobs are handed to workers before that; their results are delivered after it
                restricted = self.places.age_restricted(ordered) is True
        return await self._of(ordered, age_restricted=restricted)

    async def place_if_known(self, where: ActionContext) -> PlaceRatings | None:
        """What a place of a server shows by now; None while Discord does not tell for whom it is.

        Raises DatabaseError.
        """
        try:
            restricted = self.places.age_restricted(where)
        except LookupFailed:
            return None
        return None if restricted is None else await self._of(where, age_restricted=restricted)

    async def unseen(self, ordered: ActionContext) -> PlaceRatings:
        """What the place of an order shows while nobody can look: what is unknown is open. Raises DatabaseError."""
        return await self._of(ordered, age_restricted=False)

    async def direct_messages(self, ordered: ActionContext) -> PlaceRatings:
        """What a direct message about an order shows: nobody's own word opens one to adults. Raises DatabaseError.

        Phrases that a server allows count there alone.
        """
        return replace(await self._of(ordered, age_restricted=False), allowed=NOTHING_ALLOWED)

    async def _of(self, who: ActionContext, *, age_restricted: bool) -> PlaceRatings:
        settings = (await self._servers.of(who.place)).settings
        return PlaceRatings.of(
            age_restricted=who.nsfw_command if who.server_id is None else age_restricted,
            open_rating=settings.open_rating,
            unrated_as=settings.unrated_as,
            allowed=(await self._words.of(who.place)).allowed,
        )

    async def hides_pictures(self, where: ActionContext) -> bool:
        """Whether staff want pictures in this place to be hidden until somebody presses them. Raises DatabaseError."""
        return where.is_in((await self._servers.of(where.place)).settings.spoiler_channels)

    def published_in(self, place: PlaceRatings) -> PlaceFilter:
        """Which published pictures a place shows: ratings of checkpoints count beside those that the rows have."""
        shows_unrated = place.shows(None)
        named = [each.name for each in self._settings().checkpoints if place.shows(each.rating) is not shows_unrated]
        adult = [each.name for each in self._settings().checkpoints if is_adult(place.counted(each.rating))]
        return PlaceFilter(place.most, place.unrated_as, checkpoints=named, listed=not shows_unrated, adult=adult)

    def why_not(
        self, request: JobRequest, used: Sequence[UsedLora], place: PlaceRatings, said: Sequence[JobRating] = ()
    ) -> RequestError | None:
        """Why a request with these LoRAs is neither painted nor shown in a place; None when it is.

        `said` is what counts there of the ratings of its finished pictures. Phrases that the server allows matter only
        to what it shows: the limits on faces and licences are the operator's, and count all words.
        """
        checkpoint = self._checkpoint(request.checkpoint)
        parts = self._parts(request, checkpoint, used, said, place.shown)
        rated = _highest(parts) or ContentRating.GENERAL
        if (most := self._settings().faces.most) < _of_face(request, place.counted(place.highest(parts).rating)):
            return FaceRatedTooHigh(most=most.value)
        cap = ContentRating.EXPLICIT if checkpoint is None else cap_of(checkpoint)
        if cap < rated < ContentRating.BLOCKED:
            return LicenceForbids(checkpoint=request.checkpoint, most=cap.value, rating=rated.value)
        if place.allowed.phrases:
            parts = self._parts(request, checkpoint, used, said, place.shown, place.allowed)
        return _why_not_shown(place.highest(parts), place)

    def shows_unfinished(self, place: PlaceRatings) -> bool:
        """Whether previews are shown in a place: only if it shows every rating that an automatic check may give."""
        settings = self._settings()
        return all(
            place.shows(highest) for each in (settings.classifier, settings.text_judge) if (highest := each.highest)
        )

    def rating_of_words(self, request: GenerationRequest) -> ContentRating | None:
        """The rating of a request by its words alone; None if they say nothing."""
        return self._words.operator.rating(request)

    def rating_of(
        self, request: JobRequest, used: Sequence[UsedLora], said: Sequence[JobRating] = ()
    ) -> ContentRating | None:
        """What pictures of a request with these LoRAs, of which this was `said`, are rated; None when nothing is."""
        return _highest(self._parts(request, self._checkpoint(request.checkpoint), used, said))

    async def rating_here(self, who: ActionContext, request: JobRequest) -> ContentRating | None:
        """The server's rating of a request by its checkpoint and words, or None. Raises DatabaseError."""
        allowed = (await self._words.of(who.place)).allowed
        return _highest(self._parts(request, self._checkpoint(request.checkpoint), (), (), None, allowed))

    def rating_beside_words(
        self,
        who: ActionContext,
        request: JobRequest,
        used: Sequence[UsedLora],
        place: PlaceRatings,
        said: Sequence[JobRating] = (),
    ) -> ContentRating:
        """Return the highest rating of everything but the words, as a place counts it, for the rule on minors.

        The age-restricted command counts as explicit.
        """
        parts = self._parts(request, self._checkpoint(request.checkpoint), used, said)
        counted = place.counted(place.highest(part for part in parts if part.kind is not PartKind.PROMPT).rating)
        return ContentRating.EXPLICIT if who.nsfw_command else counted

    def _parts(
        self,
        request: JobRequest,
        checkpoint: CheckpointSettings | None,
        used: Sequence[UsedLora],
        said: Sequence[JobRating],
        shown: Shown = None,
        allowed: AllowedPhrases = NOTHING_ALLOWED,
    ) -> list[RatedPart]:
        """The parts of a request with their ratings; LoRAs of ratings that are not `shown` without their names.

        Words in `allowed` phrases do not count.
        """
        parts = [RatedPart(PartKind.CHECKPOINT, request.checkpoint, checkpoint.rating if checkpoint else None)]
        if isinstance(request, GenerationRequest):
            parts += self._painted_from(request, used, shown, allowed)
        return parts + [RatedPart(PartKind.PICTURE, RATED_BY[each.source], each.rating) for each in said]

    def _painted_from(
        self, request: GenerationRequest, used: Sequence[UsedLora], shown: Shown, allowed: AllowedPhrases
    ) -> list[RatedPart]:
        parts = [RatedPart(PartKind.LORA, lora_name(lora, shown), lora.content_rating) for lora in used]
        known = {lora.sha256 for lora in used}  # the library has never had the others
        parts += [RatedPart(PartKind.LORA, use.name, None) for use in request.loras if use.sha256 not in known]
        said = self._words.operator.rating(request, allowed)
        if said is not None:
            parts.append(RatedPart(PartKind.PROMPT, "", said))
        if request.image is not None and request.image.rating is not None:
            parts.append(RatedPart(PartKind.SOURCE, "", request.image.rating))
        return parts

    def _checkpoint(self, name: str) -> CheckpointSettings | None:
        return next((each for each in self._settings().checkpoints if each.name == name), None)


def cap_of(checkpoint: CheckpointSettings) -> ContentRating:
    """The highest rating of pictures of a checkpoint: what its settings say, else what its licence is known to."""
    return checkpoint.max_rating or licence_cap(checkpoint.base_model.architecture, checkpoint.repository)


def _of_face(request: JobRequest, rated: ContentRating) -> ContentRating:
    """What a request that is `rated` so counts as beside a photographed face; general without one."""
    if not isinstance(request, GenerationRequest) or not request.from_face:
        return ContentRating.GENERAL
    return max(rated, ContentRating.MATURE) if excludes_clothes(request.negative_prompt) else rated


def _highest(parts: Iterable[RatedPart]) -> ContentRating | None:
    return max((part.rating for part in parts if part.rating is not None), default=None)


def _why_not_shown(part: RatedPart, place: PlaceRatings) -> RequestError | None:
    """Why a picture whose rating this part decides is not shown in a place; None when it is."""
    counted, most = place.counted(part.rating), place.most.value
    if place.shows(part.rating):
        return None
    if part.kind is PartKind.PICTURE:
        if counted is ContentRating.BLOCKED:
            return PictureBlocked(rated_by=part.name)
        return PictureRatedTooHigh(rating=counted.value, most=most, rated_by=part.name)
    if part.kind is PartKind.SOURCE:
        return SourceRatedTooHigh(rating=counted.value, most=most)
    if counted is ContentRating.BLOCKED:
        return UnratedNotUsed(name=part.name) if part.rating is None else BlockedByRating(name=part.name)
    if part.rating is None:
        return UnratedTooHigh(name=part.name, rating=counted.value, most=most)
    if part.kind is PartKind.PROMPT:
        return PromptRatedTooHigh(rating=counted.value, most=most)
    return RatedTooHigh(name=part.name, rating=counted.value, most=most)
