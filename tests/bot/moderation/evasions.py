"""Evasions and near misses made from a seed, and how the rules judge them.

    python -m tests.bot.moderation.evasions [--seeds 1 2 3] [--count 500] [--show]

An evasion is a banned word, changed by one to three transforms, in an ordinary prompt. A near miss is an ordinary
prompt with what resembles a banned word: words of an English dictionary that contain one or differ in one letter,
neighbours that make one across the space between them, figures that read like one. The tables of look-alikes and
signs are written down here and owe nothing to those that the rules use.
"""

# ruff: noqa: RUF001 (look-alikes are what this file is about)

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from string import ascii_lowercase

from english_words import get_english_words_set

from bot.moderation.word_rules import TextKind, WordList, WordVerdict, judge


def listed(text: str) -> list[str]:
    return [part.strip() for part in text.split("|")]


CAUGHT, FALSELY_REFUSED = 0.95, 0.01  # at least, at most

BANNED = listed(
    """
    rape | cock | cunt | sex | shit | ass | anal | tit | cum | gook | penis | whore | incest | slut | nude | corpse |
    gore | beheading | cocaine | heroin | meth | suicide | swastika | nazi | noose | bomb | terrorist | vomit |
    blood | zombie
    """
)
PHRASES = listed(
    """
    dead body | hanged man | mass grave
    """
)
LIST = WordList("test", (*BANNED, *PHRASES))
OF_SERVER = (WordList("first", tuple(BANNED[::2]), id=1), WordList("second", (*BANNED[1::2], *PHRASES), id=2))

OPENINGS = [
    "masterpiece, best quality, ",
    "score_9_up, source_anime, ",
    "a photo of ",
    "1girl, solo, ",
    "oil painting, ",
    "",
    "8k uhd, ",
    "(detailed:1.2), ",
]
SUBJECTS = listed(
    """
    a lighthouse by the sea | an old wizard | a red fox in the snow | city street at night | a bowl of ramen |
    two friends in a park | a steam train | portrait of a knight | a quiet library | mountain lake
    """
)
CLOSINGS = [
    ", cinematic lighting",
    ", rating_safe",
    ", 35mm film, f1.8",
    ", by the window",
    ", year 2025",
    ", (hair:0.8)",
    "",
    ", wide shot, depth of field",
    ", watercolor",
]

LOOKALIKES = {
    "a": "аαａ𝐚ⓐᴀ", "b": "Ьｂ𝐛ʙ", "c": "сｃ𝐜ᴄϲ", "d": "ԁｄ𝐝ⓓᴅ", "e": "еｅ𝐞ⓔᴇ", "f": "ｆ𝐟ꜰ",
    "g": "ɡｇ𝐠ɢ", "h": "һｈ𝐡ʜ", "i": "іｉ𝐢ɪı", "j": "јｊ𝐣", "k": "кｋ𝐤ᴋ", "l": "ӏｌ𝐥ʟⅼ",
    "m": "ｍ𝐦ᴍⓜ", "n": "ｎ𝐧ɴⓝ", "o": "оοｏ𝐨ᴏ", "p": "рρｐ𝐩ᴘ", "q": "ԛｑ𝐪", "r": "ｒ𝐫ʀⓡ",
    "s": "ѕｓ𝐬ꜱ", "t": "ｔ𝐭ᴛⓣ", "u": "υｕ𝐮ᴜ", "v": "νｖ𝐯ᴠ", "w": "ԝｗ𝐰ᴡ", "x": "хｘ𝐱",
    "y": "уｙ𝐲ʏ", "z": "ｚ𝐳ᴢ",
}  # fmt: skip
SIGNS = {"a": "4@", "b": "8", "e": "3€", "g": "9", "i": "1!", "l": "1|", "o": "0", "s": "5$", "t": "7+", "z": "2"}
ACCENTS = "\u0300\u0301\u0302\u0303\u0308\u0327\u0336\u0323"
UNSEEN = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u202e\u202c\u2066\u2069\ufe0f"
SEPARATORS = [" ", ".", "-", "_", "*", "  ", "/", " . ", "~", "·", ", "]

Transform = Callable[[str, Random], str]


def cased(word: str, chance: Random) -> str:
    return "".join(chance.choice((letter.upper(), letter)) for letter in word)


def accented(word: str, chance: Random) -> str:
    return "".join(letter + chance.choice(ACCENTS) if chance.random() < 0.5 else letter for letter in word)


def lookalike(word: str, chance: Random) -> str:
    return "".join(
        chance.choice(LOOKALIKES.get(letter, letter)) if chance.random() < 0.6 else letter for letter in word
    )


def unseen(word: str, chance: Random) -> str:
    return "".join(letter + chance.choice(UNSEEN) if chance.random() < 0.6 else letter for letter in word)


def leet(word: str, chance: Random) -> str:
    """Some of its letters as signs, at most half of them and two."""
    places = [place for place, letter in enumerate(word) if letter in SIGNS]
    chosen = chance.sample(places, min(len(places), max(1, min(2, len(word) // 2 - (len(word) == 3)))))
    return "".join(chance.choice(SIGNS[letter]) if place in chosen else letter for place, letter in enumerate(word))


def spaced(word: str, chance: Random) -> str:
    return chance.choice(SEPARATORS).join(word)


def cut(word: str, chance: Random) -> str:
    """Two pieces: by a sign, or a long word by a space."""
    place = chance.randrange(1, len(word))
    if len(word) <= 3:
        return spaced(word, chance)
    return word[:place] + chance.choice(".-_*~ " if len(word) > 4 else ".-_*~") + word[place:]


def repeated(word: str, chance: Random) -> str:
    place = chance.randrange(len(word))
    times = chance.choice((2, 3, 4)) if len(word) > 3 else chance.choice((3, 4))
    return word[:place] + word[place] * times + word[place + 1 :]


SINGLE: tuple[Transform, ...] = (cased, accented, lookalike, unseen, leet, spaced, cut, repeated)
# In an order in which the later ones leave the earlier ones' work alone.
TOGETHER: tuple[tuple[Transform, ...], ...] = (
    (leet, cased), (repeated, cased), (repeated, leet), (leet, spaced), (spaced, cased), (lookalike, unseen),
    (repeated, lookalike), (lookalike, spaced), (cased, accented), (cut, cased), (leet, unseen),
    (leet, cased, accented),
    (repeated, spaced), (cut, unseen), (repeated, lookalike, unseen), (leet, lookalike, spaced),
)  # fmt: skip


def evaded(word: str, chance: Random) -> str:
    """The word, or each word of a phrase, changed by one to three transforms."""
    transforms = (chance.choice(SINGLE),) if chance.random() < 0.5 else chance.choice(TOGETHER)
    for transform in transforms:
        word = " ".join(transform(part, chance) if len(part) > 1 else part for part in word.split(" "))
        if transform in (spaced, cut):
            return "".join(_each_letter(word, transforms[transforms.index(transform) + 1 :], chance))
    return word


def _each_letter(text: str, transforms: Sequence[Transform], chance: Random) -> Iterator[str]:
    for letter in text:
        for transform in transforms:
            if letter.isalnum():
                letter = transform(letter, chance)
        yield letter


def in_a_prompt(what: str, chance: Random) -> str:
    subject = chance.choice(SUBJECTS)
    middle = chance.choice(
        (
            f"{what} {subject}",
            f"{subject} {what}",
            f"{subject}, {what}",
            f"{what}, {subject}",
            f"({what}:1.3), {subject}",
        )
    )
    return chance.choice(OPENINGS) + middle + chance.choice(CLOSINGS)


@cache
def dictionary() -> frozenset[str]:
    """Common and rare English words of four letters and more."""
    return frozenset(word for word in get_english_words_set(["web2"], lower=True) if word.isalpha() and len(word) > 3)


@cache
def resembling(words: tuple[str, ...], harmless: Callable[[str], bool]) -> tuple[list[str], list[str], list[str]]:
    """Dictionary words that contain one of the words, those that differ in a letter, and pairs that span one."""
    kept = sorted(word for word in dictionary() if harmless(word))
    containing = [each for each in kept if any(word in each for word in words)]
    alike = sorted(set(kept).intersection(*[set[str]().union(*map(one_letter_more_or_less, words))]))
    some, spanning = kept[::17], list[str]()
    for word in words:
        for place in range(1, len(word)):
            heads = [each for each in some if each.endswith(word[:place])][:12]
            tails = [each for each in some if each.startswith(word[place:])][:12]
            spanning += [f"{head} {tail}" for head, tail in zip(heads, tails, strict=False)]
    return containing, alike, spanning


def one_letter_more_or_less(word: str) -> set[str]:
    """What is made of a word by adding, taking away or exchanging one letter."""
    cuts = [(word[:place], word[place:]) for place in range(len(word) + 1)]
    return {
        *(head + tail[1:] for head, tail in cuts if tail),
        *(head + letter + tail for head, tail in cuts for letter in ascii_lowercase),
        *(head + letter + tail[1:] for head, tail in cuts if tail for letter in ascii_lowercase),
    } - {word}


HARD = listed(
    """
    the pen is red | who re-entered the hall | Acme Inc, est. 1990 | didn't it rain | a mass hit by waves |
    as shot on film | young oak | Essex | shitake | Scunthorpe | grape | cocktail | A minor | Galaxy A55 | 90s anime |
    1080p | class of 55 | assassin | bass guitar | titanium | cucumber | document | sextant | Middlesex | see x-ray |
    peacock | shuttlecock | therapist | drapes | analog camera | canal | analysis | nudge | corps | forego | method |
    bombastic | bloodless stone | knight s word | pass it | 4s5 | t-shirt | c major | A S Byatt | U S A | R 2 D 2 |
    AK47 | black*white | 4*4 truck | rock*roll | w*h | 100%cotton | A#minor | track #9 | 2*3 grid | f*stop |
    stressed | desserts | drawer | drab denim | regal lager | a live devil | level | star rats | spoons | animal |
    score_9_up | rating_safe | source_anime | 1girl | school uniform | petite | (hair:0.8), year 2025 |
    18 years old wine | mp3 player | gorge | matador | nudibranch | therapeutic
    """
)


def near_miss(chance: Random) -> str:
    """An ordinary prompt that resembles one that is refused."""
    containing, alike, spanning = resembling(tuple(BANNED), _is_not_banned)
    what = chance.choice((HARD, containing, alike, spanning, containing, alike))
    word = chance.choice(what)
    return in_a_prompt(cased(word, chance) if chance.random() < 0.2 else word, chance)


def _is_not_banned(word: str) -> bool:
    return word not in BANNED


def evasion(chance: Random) -> str:
    """A prompt with a banned word that is hidden."""
    return in_a_prompt(evaded(chance.choice(BANNED + PHRASES), chance), chance)


# --- the rule on minors -------------------------------------------------------------------------------------------

ALWAYS = listed(
    """
    loli | lolicon | shotacon | child porn | pedophilia | jailbait
    """
)
YOUNG = listed(
    """
    child | children | kid | toddler | infant | preteen | underage | teenager | minor | schoolgirl | kindergarten |
    loli | shota | little girl | young boy | elementary school
    """
)
AGES = listed(
    """
    girl (12) | 1girl, 13, | a boy, 9, | 少女(11) | douze ans | trece años | 14 ans | niña | niño |
    petite fille | colegiala |
    12 years old | 12yo | aged 13 | nine year old | fifteen-year-old | 7 y.o. | age 16 | 12歳 | 十四歳 |
    8 months old
    """
)
SEXUAL = listed(
    """
    toute nue | sexe | seins nus | desnuda | sexo | tetas |
    nsfw | nude | naked | sex | porn | hentai | explicit | topless | erotic | penis | vagina | orgasm | blowjob |
    lingerie | masturbation
    """
)
JAPANESE_YOUNG, JAPANESE_SEXUAL = (
    ["幼女", "小学生", "子供", "児童", "未成年", "ロリ"],
    ["全裸", "エロ", "セックス", "ヌード", "成人向け", "18禁"],
)
ADULT = listed(
    """
    vingt-deux ans | treinta y dos años | 1girl, 2, | 1girl, 18, | girl, 4 lamps | (girl:1.2) | Nina | Nino Rota |
    gamine look |
    sonate en la mineur | neet | Lana | 1girl, 9:16 | person, 3 | year 12 b.c. | vino de 12 meses | enfant terrible |
    1woman | 18yo | 25 years old | twenty-one years old | 二十歳 | age 40 | mature woman | young woman | office lady |
    school uniform | petite | gothic lolita dress | score_9_up | rating_explicit, 1girl | 12 years old whisky |
    120 year old oak tree | 17th century | 16mm film | A minor | C minor | kidney | kidnap | teal hair | ten candles |
    mining | minority | minotaur | infantry | childhood home | baby blue dress | lollipop | lolling | kite |
    カロリー | ロリポップ | 個性的 | Billy the Kid | young oak | cubism | cube | eighteen years old | year 2017 |
    (hair:0.17) | at 12 o'clock | 15 pounds | 1girl, 1boy | tote bag | Toddington | chili | chilled wine | twist cap
    """
)
SAFE = listed(
    """
    cocktail | Scunthorpe | Essex | sextant | analog camera | grape juice | sand-coloured | peacock | rating_safe |
    unisex toilet sign | sixty balloons | explore | explicable | hen tail | topiary | porcelain | portrait |
    penguins | the pen is red | vagrant | organism | linger | cucumber | document | sussex | playing in a garden |
    birthday cake | school uniform | riding a horse | 男性的 | 中性的 | ピエロ | 裸足 | source_anime | score_9_up |
    snack bar | shitake | title page
    """
)


def minors_evasion(chance: Random) -> str:
    """A prompt that the rule on minors refuses, with a term that is hidden."""
    way = chance.random()
    if way < 0.2:
        return in_a_prompt(evaded(chance.choice(ALWAYS), chance), chance)
    if way < 0.3:
        return f"{chance.choice(JAPANESE_YOUNG)}{chance.choice('、の ・')}{chance.choice(JAPANESE_SEXUAL)}"
    sexual = chance.choice(SEXUAL)
    if way < 0.5:
        terms = [chance.choice(AGES), evaded(sexual, chance)]
    else:
        young, both = chance.choice(YOUNG), chance.random()
        terms = [evaded(young, chance) if both < 0.7 else young, evaded(sexual, chance) if both > 0.3 else sexual]
    chance.shuffle(terms)
    return in_a_prompt(", ".join(terms), chance)


def minors_near_miss(chance: Random) -> str:
    """An adult prompt with what resembles a minor, or a child with what resembles something sexual."""
    young = resembling(tuple(word for word in YOUNG if " " not in word), _is_no_term)
    sexual = resembling(tuple(SEXUAL), _is_no_term)
    if chance.random() < 0.5:
        term = chance.choice(chance.choice((ADULT, ADULT, *young)))
        return in_a_prompt(f"{chance.choice(SEXUAL)}, {term}", chance)
    term = chance.choice(chance.choice((SAFE, SAFE, *sexual)))
    return in_a_prompt(f"{chance.choice(YOUNG[:11])}, {term}", chance)


def _is_no_term(word: str) -> bool:
    """Whether an English word is none that means what the rule is about: those are no near misses."""
    roots = tuple(
        listed("porn | erotic | nude | naked | masturbat | vagin | sexual | orgas | teenage | kindergart | preteen")
    )
    same = listed("sexy | childs | kids | kiddie | infants | toddlers | teen | teens | minors | penial | shotas")
    return word not in [*same, *YOUNG, *SEXUAL] and not word.startswith(roots)


# --- what is measured ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Score:
    """How many of the evasions were refused, how many of the near misses, and which were judged wrongly."""

    caught: float
    falsely_refused: float
    missed: list[str]
    refused: list[str]

    @property
    def is_good(self) -> bool:
        return self.caught >= CAUGHT and self.falsely_refused <= FALSELY_REFUSED

    def __str__(self) -> str:
        return f"caught {self.caught:.1%}, falsely refused {self.falsely_refused:.1%}"


def measured(
    seed: int,
    count: int,
    evasion: Callable[[Random], str],
    near_miss: Callable[[Random], str],
    refuses: Callable[[WordVerdict], bool],
    lists: Sequence[WordList] = (LIST,),
) -> Score:
    chance = Random(seed)
    missed = [text for text in (evasion(chance) for _ in range(count)) if not refuses(_verdict(text, lists))]
    refused = [text for text in (near_miss(chance) for _ in range(count)) if refuses(_verdict(text, lists))]
    return Score(1 - len(missed) / count, len(refused) / count, missed, refused)


def _verdict(text: str, lists: Sequence[WordList]) -> WordVerdict:
    return judge(text, TextKind.PROMPT, lists)


def of_lists(seed: int, count: int = 500) -> Score:
    """How a list of words does."""
    return measured(
        seed, count, evasion, near_miss, lambda verdict: any(match.list_name == LIST.name for match in verdict.refusals)
    )


def of_servers_lists(seed: int, count: int = 500) -> Score:
    """How the same words do in two lists of a server."""

    def refuses(verdict: WordVerdict) -> bool:
        return any(match.list_id is not None for match in verdict.refusals)

    return measured(seed, count, evasion, near_miss, refuses, OF_SERVER)


def of_minors(seed: int, count: int = 500) -> Score:
    """How the rule on minors does."""
    return measured(seed, count, minors_evasion, minors_near_miss, lambda verdict: verdict.about_minors)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--show", action="store_true", help="what was judged wrongly")
    options = parser.parse_args()
    for seed in options.seeds:
        for name, kind in (("lists", of_lists), ("server", of_servers_lists), ("minors", of_minors)):
            score = kind(seed, options.count)
            print(f"seed {seed} {name:7} {score}", "" if score.is_good else "FAILED")
            if options.show:
                print(*(f"  missed   {text!r}" for text in score.missed), sep="\n")
                print(*(f"  refused  {text!r}" for text in score.refused), sep="\n")


if __name__ == "__main__":
    main()
