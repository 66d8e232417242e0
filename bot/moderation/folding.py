"""Folding: one plain character for all that look alike, without case, accents and what nobody sees.

`fold` maps each character separately. So each place in the folded text leads back to a place in the original.
Both cases of a letter are folded to the same, in every alphabet. If a word mixes alphabets, somebody wants it to look
like another word, so `displayed` replaces its letters by the Latin letters that they look like.
"""

# ruff: noqa: RUF001 (look-alikes are what this file is about)

from __future__ import annotations

import re
import unicodedata
from itertools import chain
from typing import Final

import disarm

from bot.visible_text import is_space, is_unseen

_MARKS = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u064b-\u0655\u0670\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
)
_TATWEEL = "\u0640"  # lengthens Arabic words
_EAST_ASIAN = re.compile("[\u1100-\u11ff\u3005-\u30ff\u3400-\u9fff\uac00-\ud7ff\U00020000-\U0003ffff]")
_NAME = re.compile(
    r"(?:LATIN (?:SMALL |CAPITAL )?LETTER (?:SMALL CAPITAL )?|SYMBOL LETTER |LATIN CAPITAL LETTER )([A-Z])\b"
)
_MAX_FOLDED = 4  # letters of one character; the longest compatibility form has 18
_APOSTROPHES = "\u2018\u2019\u02bc\u00b4"

# Letters that are displayed like a Latin one, and that disarm's table does not have or has by another reading.
_ALIKE: Final = {
    "coptic": "ⲀaⲂbⲄrⲆaⲈeⲎhⲐoⲒiⲔkⲖaⲘmⲚnⲞoⲠnⲢpⲤcⲦtⲨyⲪoⲬxⲰwϢwϤqϦbϨsϪxϮt",
    "canadian": "ᗩaᗅaᗋaᐱaᗷbᗸbᑕcᑢcᗪdᗞdᗟdᗴeᕮeᗕeᖴfᘜgᕼhᓰiᒍjᒎjᛕkᒪlᗰmᑎnᘉnᗝoᘎoᑭpᕈpᑫqᕴqᖇrᔕsᔖsᑌuᐯvᗯwᘺwᙎw᙭xᖻyᘔz",
    "thai": "คaลaดaตaถaธsรsเlแeโlใlไlๅlาlอoฮoภnทnฑnกnถnฤnบuยuนuมuหmพwฟwฬwผwป u๐o๏o๒b๓m๔d๕d๗n๖bงgวc",
    "georgian": "ჿoႽsⴝsႭoႮpႦbႷyႩhႤeႠaႢgႣdႨiႱrႲtႳuႴvႵfႾxႰrთoოoყyხbჩhძdცgგgუyრrნnიoსbჯxკkლmღnქjფqბbეeპzვvზbაaდdტdჟjწfჭk",
    "hebrew": "אxוlןlטuסoעyץyקpשwתnרrהnחnדtבzגa",
    "arabic": "ﻮgهoةo٥oاlﺍl",
    "armenian": "աwբpգqդnեtզqէtթpժdիhլlխxծoկkհhձdղnճxմuյjնuշ2ոnպwջ2ռnսuվdտsրnցgւlքpօoֆpՇtՏsՕoԱuՍsԼl",
    "cyrillic": "ђhћhєeіiїiјjљbњbќkўyџuґrғfқkңhөoүyұyһhәeӏlԁdԛqԝwѕsҫcҳx",
    "greek": "ΑaΒbΕeΖzΗhΙiΚkΛaΜmΝnΟoΡpΣeΤtΥyΧxΩoαaβbγyδdεeηnθoιiκkλlμuνvξeοoπnρpςcσoτtυuφoχxψwωw",
}


def _pairs(written: str) -> dict[int, str]:
    letters = written.replace(" ", "")
    return {ord(letters[place]): letters[place + 1] for place in range(0, len(letters) - 1, 2)}


# By script, the letters that are displayed like a Latin one.
_DISPLAYED: Final = {script: _pairs(written) for script, written in _ALIKE.items()}
_AS_DISPLAYED: Final = dict(chain.from_iterable(letters.items() for letters in _DISPLAYED.values()))
_LIKE_LATIN: Final = re.compile(f"[{''.join(map(chr, _AS_DISPLAYED))}]")
_SCRIPT_OF: Final = {code: script for script, letters in _DISPLAYED.items() for code in letters}
_ALWAYS: Final = {chr(code): letter for script in ("coptic", "canadian") for code, letter in _DISPLAYED[script].items()}
_WORD: Final = re.compile(r"(?:[^\W_]|[๏])+")
# Letters of tags (U+E0020 to U+E007E) are the ASCII ones, which nobody sees; between seen letters they hide a word.
_TAGS: Final = re.compile("(?<![^\\W_])[\U000e0020-\U000e007e]+(?![^\\W_])")
_TAG_OFFSET: Final = 0xE0000
_HIRAGANA: Final = {katakana: katakana - 0x60 for katakana in range(0x30A1, 0x30F7)}


class _FoldTable(dict[int, str]):
    """A table for `str.translate`, filled when a character is first met."""

    def __missing__(self, code: int) -> str:
        folded = _fold_character(chr(code))
        if len(self) < 20_000:  # texts cannot fill the memory
            self[code] = folded
        return folded


def _fold_character(char: str) -> str:
    if is_space(char):
        return " "
    if unicodedata.category(char) == "Nd":
        return str(unicodedata.digit(char))
    if char == _TATWEEL or is_unseen(char):
        return ""
    letters = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", char).casefold())
    if not letters.isascii():
        lower = char.casefold()
        for same in (lower, lower.upper()):  # both cases of a letter get the same answer
            if len(same) == 1 and (alike := _plain(same)).isascii():
                return alike
    folded = "".join(_plain(letter) for letter in letters if not _MARKS.match(letter))
    return folded if len(folded) <= _MAX_FOLDED else " "


def _plain(letter: str) -> str:
    """The Latin letter or apostrophe that looks like this; the letter itself if there is none."""
    if letter.isascii() or _EAST_ASIAN.match(letter):
        return "'" if letter == "`" else letter
    if letter in _APOSTROPHES:
        return "'"
    if letter in _ALWAYS or letter.upper() in _ALWAYS:
        return _ALWAYS.get(letter) or _ALWAYS[letter.upper()]
    alike = disarm.normalize_confusables(letter).casefold()
    name = unicodedata.name(letter, "")
    is_one = not letter.isalpha() or (alike.isalpha() and (len(alike) == 1 or name.startswith("LATIN")))
    if alike.isascii() and alike.isalnum() and is_one:
        return alike
    named = _NAME.search(name)
    return named[1].lower() if named else letter


_FOLD = _FoldTable()


def displayed(text: str) -> str:
    """Replace letters of tags, and letters in words of several alphabets, by what they look like. The length stays."""
    if text.isascii():
        return text
    text = _TAGS.sub(lambda tags: "".join(chr(ord(tag) - _TAG_OFFSET) for tag in tags[0]), text)
    return _WORD.sub(lambda word: _read_as_latin(word[0]), text) if _LIKE_LATIN.search(text) else text


def _read_as_latin(word: str) -> str:
    if word.isascii():
        return word
    scripts = {_SCRIPT_OF[ord(letter)] for letter in word if ord(letter) in _SCRIPT_OF}
    if len(scripts) + any(letter.isascii() and letter.isalpha() for letter in word) < 2:
        return word
    return word.translate(_AS_DISPLAYED)


def fold(text: str) -> str:
    """The text in plain letters: without case, accents, look-alikes and characters that nobody sees."""
    return displayed(text).translate(_FOLD)


def folded_length(char: str) -> int:
    """How many characters of the folded text come of a character of `displayed`."""
    return len(_FOLD[ord(char)])


def in_hiragana(letters: str) -> str:
    """Letters with hiragana in the place of katakana."""
    return letters.translate(_HIRAGANA)


_IN_CLASS = re.compile(r"\[(?:\\.|[^\[\]\\]){1,120}\]", re.DOTALL)
_RANGE = re.compile(r"([^\x00-\x7f])-([^\x00-\x7f])")
_MOST_IN_RANGE: Final = 512  # letters; longer ranges, such as kanji, stay


def fold_pattern(pattern: str) -> str:
    """Fold the letters of a regular expression, so that it matches folded texts. Its signs stay.

    It reads composed kana and Hangul, and hiragana for katakana (`ComposedReading`).
    """
    if pattern.isascii():
        return pattern
    ranges = _IN_CLASS.sub(lambda found: _RANGE.sub(_members, found[0]), pattern)
    folded = "".join(letter if letter.isascii() else letter.translate(_FOLD) or letter for letter in ranges)
    return in_hiragana(unicodedata.normalize("NFC", folded))


def _members(found: re.Match[str]) -> str:
    first, last = ord(found[1]), ord(found[2])
    if not 0 < last - first < _MOST_IN_RANGE or _EAST_ASIAN.match(found[1]):
        return found[0]
    return "".join(map(chr, range(first, last + 1)))
