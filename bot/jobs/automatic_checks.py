"""The models in the worker that check pictures and words: the texts to read, and the rating that their scores give."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from bot.config.sections.classifier import ClassifierSettings
from bot.config.sections.text_judge import TextJudgeSettings
from bot.moderation.request_texts import texts_of
from inference.content_rating import ContentRating
from inference.errors import NotClassified
from inference.messages.events import Finished
from inference.messages.request import GenerationRequest, JobRequest
from inference.processes.logs import about
from inference.prompt_weights import without_weights

log = logging.getLogger(__name__)


def _no_rating(_request: GenerationRequest) -> None:
    """Rate no words."""


@dataclass(frozen=True)
class AutomaticChecks:
    """The classifier of pictures and the text judge, whose settings are read each time.

    `rating_by_words` is the rating that the rules on words give to a request.
    """

    classifier: Callable[[], ClassifierSettings] = ClassifierSettings
    text_judge: Callable[[], TextJudgeSettings] = TextJudgeSettings
    rating_by_words: Callable[[GenerationRequest], ContentRating | None] = _no_rating

    def texts(self, request: JobRequest) -> tuple[str, ...]:
        """The texts of an allowed request that the text judge reads, without their weights.

        There are none if it cannot say more than the rules on words did.
        """
        if not isinstance(request, GenerationRequest):
            return ()
        judge = self.text_judge()
        if not judge.enabled or not judge.adds_to(self.rating_by_words(request)):
            return ()
        texts = (without_weights(each.text).strip() for each in texts_of(request))
        return tuple(dict.fromkeys(filter(None, texts)))

    def rating(self, request: JobRequest, event: Finished) -> ContentRating | None:
        """The rating of a painted job by its scores, according to the thresholds in the settings; None for no rating.

        Raises NotClassified if a check is switched on and the worker, configured before, did not do it.
        """
        found = [self._rating_of_pictures(event), self._rating_of_words(request, event)]
        return max(filter(None, found), default=None)

    def _rating_of_pictures(self, event: Finished) -> ContentRating | None:
        classifier = self.classifier()
        if not classifier.enabled:
            return None
        if len(event.scores) != len(event.files):
            raise NotClassified
        rating = classifier.rate(event.scores)
        _log(event.job_id, "classified", classifier.thresholds, event.scores, rating)
        return rating

    def _rating_of_words(self, request: JobRequest, event: Finished) -> ContentRating | None:
        judge = self.text_judge()
        if not judge.enabled:
            return None
        if event.text_scores is None:
            if self.texts(request):
                raise NotClassified
            return None
        rating = judge.rate(event.text_scores)
        _log(event.job_id, "words judged", judge.classes, [event.text_scores], rating)
        return rating


def _log(
    job_id: int, what: str, classes: Iterable[str], scores: Iterable[Mapping[str, float]], rating: ContentRating | None
) -> None:
    highest = {name: max((each[name] for each in scores if name in each), default=None) for name in classes}
    shown = ", ".join(f"{name} {score:.2f}" for name, score in highest.items() if score is not None)
    with about(job_id):
        log.info("%s: %s: %s", what, shown, rating or "no rating")
