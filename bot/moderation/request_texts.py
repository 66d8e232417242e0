"""The texts of a request that are judged and rated: what the person wrote as a whole, and every text that is painted.

A rule on neighbouring words must see them as the denoiser does: the words of a region and those for all make one text
though other regions stand between them in the request, and trigger words stand before the person's words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from inference.messages.request import GenerationRequest, LoraUse, joined_words
from inference.prompt_weights import turned_around

_BETWEEN_TEXTS: Final = ", "


@dataclass(frozen=True)
class RequestText:
    """A text of a request. What stands outside of `own` is of its LoRAs and not of the person."""

    text: str
    own: range


def texts_of(request: GenerationRequest, *, names: bool = False) -> list[RequestText]:
    """Each text once, all words of the person first; with the `names` of LoRAs, which are not painted.

    The checkpoint's quality tags are the operator's and left out. Words of the negative prompt that a negative weight
    makes part of the prompt stand in each text. That of a region is there with its place and without.
    """
    return list(dict.fromkeys(_texts(request, names=names)))


def _texts(request: GenerationRequest, *, names: bool) -> Iterator[RequestText]:
    turned = turned_around(request.negative_prompt)
    behind = [text for use in request.loras for text in (*_names([use], names), *use.trigger_words)]
    yield _text([], [request.own_words, turned], behind)
    for slot in request.slots:
        trigger, said = request.trigger_words_of(slot), _names(request.loras_of(slot), names)
        here = [region for region in request.regions if slot in (None, region.name)]
        for words in (request.words_of(slot), joined_words(here, request.prompt)):
            yield _text(trigger, [words, turned], said)


def _names(loras: Sequence[LoraUse], wanted: bool) -> list[str]:
    return [use.name for use in loras] if wanted else []


def _text(before: Sequence[str], own: Sequence[str], behind: Sequence[str]) -> RequestText:
    """The parts as one text."""
    first, words = _joined(before), _joined(own)
    start = len(first) + len(_BETWEEN_TEXTS) if first and words else len(first)
    return RequestText(_joined([first, words, *behind]), range(start, start + len(words)))


def _joined(parts: Sequence[str]) -> str:
    return _BETWEEN_TEXTS.join(filter(None, parts))
