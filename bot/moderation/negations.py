"""Whether a text says that something is not in the picture: "no nudity", "not a child", 裸なし, çocuk değil.

A negation stands directly before a word, or in some languages directly behind it. Only articles, particles and spaces
may stand between them. A comma ends a negation: "no, child" does not negate *child*.
"""

# ruff: noqa: RUF001 (letters of other alphabets)

from __future__ import annotations

import re
from typing import Final

from bot.moderation.normalise import NormalisedText, Span
from bot.moderation.word_matcher import ExceptingMatcher, Label, WordHit

_REACH: Final = 40  # the most characters that are read on each side of a word
# Negations before a word: with a space, and in scripts without spaces.
_SPACED_BEFORE: Final = (
    "no|not|non|without|never|neither|free of|isn't|isnt|aren't|arent|ain't",
    "kein|keine|keinen|keinem|keiner|nicht|ohne|nie",
    "pas|sans|aucun|aucune|jamais",
    "sin|ningún|ninguna|nunca|nada de",
    "não|nao|sem|nenhum|nenhuma",
    "senza|nessun|nessuna|nessuno|niente",
    "bez|nie|żadnych|żadnej|żadne|zadnych",
    "без|не|нет|никаких|никакой|ни",
    "ليس|ليست|ليسوا|بدون|بلا|لا|دون|من غير|غير",
    "बिना",
)
_UNSPACED_BEFORE: Final = ("ไม่มี|ไม่ใช่|ไม่|ปราศจาก", "不是|没有|沒有|無|无|非|不")
_BETWEEN: Final = (
    "a|an|any|the|of|is|are|real|actual|ein|eine|einen|un|une|uno|una|de|des|du|d'|es|son|est|é|uma|um|è|to|jest|any of"
)
# Negations behind a word: without and with a space.
_UNSPACED_BEHIND: Final = (
    "(?:は|も|が|の|では|じゃ)?(?:なし|無し|ではない|じゃない|ではなく|じゃなく)|がない",
    "[가-힣]{0,3}[ _]*(?:없음|없이|없는|아님|아닌|아니|이 아닌|가 아닌|이 아님|가 아님|이 아니|가 아니)",
)
_SPACED_BEHIND: Final = ("yok|değil|degil|olmadan|olmayan|içermez", "नहीं|नही|के बिना|रहित")
_ENDING: Final = "[a-zçğıöşü]{0,8}"  # of a Turkish word
_NEGATED_BY = re.compile(
    rf"(?:(?<![^\W_])(?:{'|'.join(_SPACED_BEFORE)})(?:[\s_-]+(?:{_BETWEEN}))*[\s_-]+"
    rf"|(?:{'|'.join(_UNSPACED_BEFORE)})[\s_]*(?:ภาพ|รูป|ฉาก)?)$",
    re.IGNORECASE,
)
# The text before a negated word ends with one of these, apart from separators. This check is quicker than the pattern.
_SEPARATORS: Final = "".join(filter(str.isspace, map(chr, range(0x3001)))) + "_-"
_BEFORE: Final = "|".join((*_SPACED_BEFORE, *_UNSPACED_BEFORE, _BETWEEN, "ภาพ|รูป|ฉาก")).casefold().split("|")
_LAST_BEFORE: Final = tuple(words.rpartition(" ")[2] for words in _BEFORE)
_NEGATED_BEHIND = re.compile(
    rf"[\s_]*(?:{'|'.join(_UNSPACED_BEHIND)})|{_ENDING}[\s_]+(?:{'|'.join(_SPACED_BEHIND)})(?![^\W_])|-free(?![^\W_])",
    re.IGNORECASE,
)


def is_negated(text: str, span: Span) -> bool:
    """Whether the text says that what stands there is not in the picture."""
    before, behind = text[max(span.start - _REACH, 0) : span.start], text[span.end : span.end + _REACH]
    folded = before.casefold().replace("\u0307", "").replace("ı", "i")  # `re` takes both Turkish letters for an i
    if folded.rstrip(_SEPARATORS).endswith(_LAST_BEFORE) and _NEGATED_BY.search(before):
        return True
    return _NEGATED_BEHIND.match(behind) is not None


def find_meant(
    matcher: ExceptingMatcher[Label], text: NormalisedText, always: Label | None = None
) -> list[WordHit[Label]]:
    """The words that a text has and does not negate; those with the label `always` even so, within a part of it."""
    hits = matcher.find(text)
    if not any(is_negated(text.text, hit.span) for hit in hits):
        return hits
    hits = matcher.find(text, everywhere=True)
    return [
        hit
        for hit in hits
        if (hit.word.label is always and "," not in text.text[slice(*hit.span)]) or not is_negated(text.text, hit.span)
    ]
