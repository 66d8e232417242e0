"""Rules on words: what they find, what they let pass, and what an operator may not write."""

# ruff: noqa: RUF001 (look-alikes are what this file is about)

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pytest

from bot.config import ConfigError, WordListMode, settings_from
from bot.moderation.allowed_phrases import AllowedPhrases
from bot.moderation.minors import MinorsTerms, minors_rule, operators_terms
from bot.moderation.word_rules import TextKind, WordList, judge
from tests.bot.moderation.evasions import listed, of_lists, of_minors, of_servers_lists
from tests.growth import STEEPEST, growth

# What issue after issue of other bots tells of: ordinary words that a filter must let pass.
ORDINARY = """
score_9_up | rating_safe | source_anime | 1girl | school uniform | petite | (hair:0.8), year 2025 |
18 years old wine | grape | cocktail | Scunthorpe | A minor | young oak | Essex | shitake |
a child playing in a garden | nsfw, 1woman | see x-ray | the pen is red | didn't it rain | nsfw, 18yo |
nsfw, twenty-one years old | nsfw, 二十歳 | nude, 12 years old whisky | lol! | 個性的な子供 | 裸足の子供 |
nsfw, カロリー, ロリポップ | nsfw, gothic lolita dress | explicit, A minor | child, analog camera |
nude | (pen:1.5), is | nude, 12 | newborn star nebula, sensual curves | nude, kidney | 裸足の子供, 裸眼 |
teenage mutant ninja turtles, sexy pin-up | (hair:0.8)(year:1.2) 2025 |
1girl, nude, 8k uhd | girl, 4 people, nude | 1girl, 18, nude | nude girl (1.2) | (girl:1.3), nude | 1girl, 9:16, nude |
person, 3, nude | Nina, desnuda | Nino Rota, sensual | vingt-deux ans, nue, sexe | treinta y dos años, desnuda |
neet, nude | Lana, kid | rock*roll kid, 4*4 truck | gamine haircut, lingerie | sonate en la mineur, sensual |
stressed kid, desserts | k*g, nude | femme de dix-huit ans, lingerie | couple de dix-neuf ans, sexy |
femme sexy de soixante-dix-huit ans | quatre-vingt-dix-neuf ans, nue, sexe | septante-deux ans, sexe |
cinquante‑cinq ans, sexe | veinte y dos años, desnuda | hace diez años, mujer desnuda |
film érotique d'il y a dix ans | Am F C G, F#m, C#m, kids song lyrics | C#m chord, child at the piano |
child, score 5%x zoom | enfant nu-pieds, plage | árboles desnudos, niños jugando | chien à poil long et enfant |
levrette italienne avec un enfant | viola da gamba, child musician | Grand Teton National Park, child hiking |
Bebe Rexha, lingerie
"""
REFUSED = """
loli | 1loli | L0L1 | l.o.l.i | ｌｏｌｉ | ӏоӏі | lo\u200bli | loooli | nsfw child | ch1ld, n.s.f.w |
12yo, nude | sixteen-year-old, naked | rating_explicit, little girl | rating:explicit, toddler | 十二歳、全裸 |
12歳のエロ | ロリ | 幼女のヌード | nude, s1xteen years old | nude, chi ld | 18 months old, naked | секс, дети |
12살 누드 | blowjo-b, minor | (child:1.2), (nude:1.1) | nude, child's room | k i d, s e x |
(chi:1.1)ld, nude | (lo:1.1)(li:1.2) | (ch: 1.05)(ild:-0.3), nsfw | NakedChild | childnude | ろり | 幼女, 裸 |
小女孩 裸体 | маленькая девочка, голая | 여자아이 누드 | a girl of twelve, topless |
nude, girl (12) | 1girl, 13, nude | girl [9], topless | 少女(12)、全裸 | fille (14), seins |
douze ans, toute nue | dix-sept ans, sexe |
doce años, desnuda | NIÑA, desnuda | niño, desnudo | una nina sin ropa | petite fille toute nue | colegiala, tetas |
fille de dix‑sept ans, nue, sexe | quinze ans, seins | diecisiete años, desnuda | enfant nu
"""
WORDS = WordList(
    "words",
    ("penis", "rape", "ass", "sex", "cat*", "*dog", "*bird*", "dead body", "猫", "pussy", "xxx"),
)


def rules(text: str, words: WordList = WORDS, kind: TextKind = TextKind.PROMPT) -> list[str]:
    return [match.rule for match in judge(text, kind, [words]).refusals if match.list_name == words.name]


@pytest.mark.parametrize("text", listed(ORDINARY))
def test_ordinary_prompts_pass(text: str) -> None:
    assert not judge(text, TextKind.PROMPT, [WORDS]).refusals


@pytest.mark.parametrize("text", listed(REFUSED))
def test_sexual_content_about_minors_is_refused(text: str) -> None:
    assert judge(text, TextKind.PROMPT).about_minors
    assert not judge(text, TextKind.NEGATIVE_PROMPT).matches, "people write there what a picture must not show"


@pytest.mark.parametrize("kind", sorted(set(TextKind) - {TextKind.NEGATIVE_PROMPT}))
def test_the_rule_on_minors_reads_every_other_kind_of_text(kind: TextKind) -> None:
    match, *others = judge("a nude toddler", kind).refusals
    assert (match.list_name, match.rule, others) == ("minors", "nude + toddler", [])


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a p.e.n.i.s", "penis"), ("pen-is", "penis"), ("p e n i s", "penis"), ("ＰＥＮＩＳ", "penis"),
        ("pénïs", "penis"), ("ρеnіѕ", "penis"), ("p\u2066e\u200bn\u00adis", "penis"),
        ("p3n1s", "penis"), ("peniiis", "penis"), ("p  u  s  s  y", "pussy"),
        ("p u u s s y", "pussy"), ("r4pe!", "rape"), ("$ex", "sex"), ("p-e-n-i-s s", "penis"),
        ("catalogue", "cat*"), ("a c a t", "cat*"), ("bulldog", "*dog"), ("songbirds", "*bird*"),
        ("dead_body", "dead body"), ("d3ad b0dy", "dead body"), ("deadbody", "dead body"),
        ("白猫の絵", "猫"), ("xxxx", "xxx"), ("p+e+n+i+s", "penis"), ("ᴘᴇɴɪꜱ", "penis"),
        ("🅿🅴🅽🅸🆂", "penis"),
    ],
)  # fmt: skip
def test_a_hidden_word_is_found(text: str, rule: str) -> None:
    assert rules(text) == [rule]


@pytest.mark.parametrize(
    "text",
    [
        "penisula", "the pen is red", "grape", "class", "as s", "Essex", "see x", "bobcat", "dogma",
        "dead bodyguard", "A55", "(pen:1.5), a desk", "70s", "c1ass", "didn't it", "assassin", "Kass", "a bush",
        "dead, and then somewhere else a body", "pusy", "epar", "sinep", "p***s", "p*nisula", "*enis", "peni*",
    ],
)  # fmt: skip
def test_an_ordinary_word_is_none(text: str) -> None:
    assert rules(text) == []


def test_a_match_tells_list_rule_mode_and_place() -> None:
    text = "Ａ photo: p​.é.n.i.s, ｶﾞﾗｽ猫"
    first, second = judge(text, TextKind.NOTE, [WORDS]).refusals
    assert (first.list_name, first.rule, first.mode) == ("words", "penis", WordListMode.ACTIVE)
    assert [text[start:end] for match in (first, second) for start, end in match.spans] == ["p​.é.n.i.s", "猫"]


def test_modes_and_negative_prompts() -> None:
    shadow = WordList("quiet", ("fog",), (), WordListMode.SHADOW)
    off = WordList("none", ("fog",), (), WordListMode.OFF)
    everywhere = WordList("both", ("fog",), negative_prompts=True)
    verdict = judge("thick fog", TextKind.PROMPT, [shadow, off, everywhere])
    assert [match.list_name for match in verdict.shadowed] == ["quiet"]
    assert [match.list_name for match in verdict.refusals] == ["both"]
    verdict = judge("thick fog", TextKind.NEGATIVE_PROMPT, [shadow, off, everywhere])
    assert [match.list_name for match in verdict.matches] == ["both"]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("ДЕТСКИЙ РЕБЁНОК", "ребёнок"), ("рЕбЁнОк", "ребёнок"), ("CΗAIR", "chair"), ("chai\U000e0061r", "chair"),
        ("\U000e0063\U000e0068\U000e0061\U000e0069\U000e0072", "chair"),
        ("ᑕᕼᗩIᖇ", "chair"), ("ⲤⲎⲀⲒr", "chair"),
        ("c      h  a     i      r", "chair"), ("cha BREAK ir", "chair"), ("cha AND ir", "chair"), ("いす", "イス"),
        ("ｲｽ", "イス"), ("イスの絵", "イス"),
        ("lantrens", "lanterns"), ("LANTERN", "lanterns"), ("lanterms", "lanterns"),
    ],
)  # fmt: skip
def test_a_word_is_found_in_every_alphabet_and_form(text: str, rule: str) -> None:
    lists = [WordList("forms", ("lanterns",), forms=True), WordList("words", ("chair", "ребёнок", "イス"))]
    assert [match.rule for match in judge(f"oil painting, {text}", TextKind.PROMPT, lists).matches] == [rule]


@pytest.mark.parametrize("text", ["BREAKchair", "hair", "いすみ市", "lancers", "antlers", "lanternfish", "chairs"])
def test_other_words_are_no_forms(text: str) -> None:
    lists = [WordList("forms", ("lanterns",), forms=True), WordList("words", ("chair", "ребёнок", "イス"))]
    assert not judge(f"oil painting, {text}", TextKind.PROMPT, lists).matches


def test_exceptions_hold_for_forms_and_only_where_they_stand() -> None:
    lists = [WordList("forms", ("lanterns",), exceptions=("magic lantern",), forms=True)]
    assert not judge("a magic lantern", TextKind.PROMPT, lists).matches
    assert judge("a magic lantern, a lantern", TextKind.PROMPT, lists).matches
    snow = [WordList("snow", ("snow",), exceptions=("snowman",))]
    assert (
        not judge("snow-man", TextKind.PROMPT, snow).matches and judge("snow-man, snow", TextKind.PROMPT, snow).matches
    )


def test_ordinary_words_are_no_slips_of_short_ones() -> None:
    lists = [WordList("forms", ("raping", "breast", "incest"), forms=True)]
    assert not judge("rating, racing, beast, invest", TextKind.PROMPT, lists).matches


@pytest.mark.parametrize("word", ["\ufdfa\ufdfa", "\u0640\u0640"])
def test_a_word_of_which_nothing_is_left_matches_nothing(word: str) -> None:
    assert [match.rule for match in judge("a fog", TextKind.PROMPT, [WordList("odd", (word, "fog"))]).matches] == [
        "fog"
    ]


@pytest.mark.parametrize("weight", [":1.", ":1.0000001", ":0001.1", ":    1", ":-1", ":1.2"])
def test_no_weight_parts_a_word(weight: str) -> None:
    assert judge(f"(chi{weight})ld, nsfw", TextKind.PROMPT).about_minors


@pytest.mark.parametrize(
    "text", ["no 👶, 👶 nsfw", "no niña, niña nsfw", "no child, a child, nsfw", "nude s-hade, nudes, child"]
)
def test_a_negation_or_exception_clears_only_its_own_place(text: str) -> None:
    assert judge(text, TextKind.PROMPT).about_minors


@pytest.mark.parametrize("text", ["двенадцать лет", "ДВЕНАДЦАТЬ  ЛЕТ", "12 лет"])
def test_a_pattern_in_another_alphabet_reads_texts_as_they_are_written(text: str) -> None:
    patterns = WordList("patterns", (), ("(?:[а-я]+|[0-9]+) +лет",))
    assert judge(f"она, {text}", TextKind.PROMPT, [patterns]).refusals


@pytest.mark.parametrize(
    "text",
    ["no nudity, a child", "not a child, nude", "ヌードなし、子供", "çocuk değil, çıplak", "без наготы, ребёнок"],
)
def test_what_a_text_negates_does_not_count(text: str) -> None:
    assert not judge(text, TextKind.PROMPT).refusals
    assert judge(f"{text}, nude child", TextKind.PROMPT).about_minors


def test_a_negative_prompt_that_excludes_adults_counts_like_an_age() -> None:
    rule = minors_rule()
    assert [rule.excludes_adults(text) for text in ("adult, grown-up", "adult content, nsfw", "child, loli", "")] == [
        True, False, False, False,
    ]  # fmt: skip
    assert judge("girl, nude", TextKind.PROMPT, without_adults=True).about_minors
    assert judge("girl", TextKind.PROMPT, adult=True, without_adults=True).about_minors_by_rating
    assert not judge("girl", TextKind.PROMPT, without_adults=True).refusals


@pytest.mark.parametrize("text", ["Fóg 12", "f0g 12", "f o g 12", "fooog 12", "ｆｏｇ​ 12", "ガラス fog 12"])
def test_a_pattern_reads_the_folded_and_the_decoded_text(text: str) -> None:
    patterns = WordList("patterns", (), (r"\bfog\s+\d\d", "ガラスの塔"))
    (match,) = judge(f"in the {text}, tower", TextKind.PROMPT, [patterns]).refusals
    (span,) = match.spans
    assert match.rule == r"\bfog\s+\d\d" and text.endswith(f"in the {text}, tower"[span.start : span.end])
    assert judge("ｶﾞﾗｽの塔", TextKind.PROMPT, [patterns]).refusals[0].rule == "ガラスの塔"


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ({"patterns": ["fog(?=horn)"]}, "lookahead or lookbehind"),
        ({"patterns": [r"(fog)\1"]}, "backreference"),
        ({"patterns": ["fog("]}, "malformed"),
        ({"patterns": ["(fog|mist){90}"]}, "too large"),
        ({"patterns": ["fog*|"]}, "matches every text"),
        ({"words": ["f*g"]}, "may stand at the ends"),
        ({"words": ["*f*"]}, "needs two letters"),
        ({"words": ["fog"], "mode": "loud"}, "'off', 'shadow' or 'active'"),
        ({"wrods": ["fog"]}, "do you mean words?"),
    ],
)
def test_a_list_that_cannot_be_used_is_told_at_the_start(
    written: dict[str, object], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="list of words 'weather'") as problem:
        settings_from({"moderation": {"lists": [{"name": "weather", **written}]}}, tmp_path)
    assert reason in str(problem.value)


def test_lists_have_names_of_their_own(tmp_path: Path) -> None:
    for names in (["a", "A"], ["Minors"]):
        with pytest.raises(ConfigError, match="cannot be called"):
            settings_from({"moderation": {"lists": [{"name": name} for name in names]}}, tmp_path)


def test_settings_make_a_list(tmp_path: Path) -> None:
    written = {
        "name": "weather",
        "words": ["fog*"],
        "patterns": ["rain.?bow"],
        "mode": "shadow",
        "negative_prompts": True,
    }
    (settings,) = settings_from({"moderation": {"lists": [written]}}, tmp_path).moderation.lists
    matches = judge("a foggy rain-bow", TextKind.NEGATIVE_PROMPT, [WordList.of(settings)]).shadowed
    assert [match.rule for match in matches] == ["fog*", "rain.?bow"]


HARD_TEXTS = [
    "a",
    "l1!|",
    "as s ",
    "c h i l d ",
    "nude moby dick ",
    "nude 20yo ",
    "nude, ",
    "a'b!c1 ",
    "ﷺ",
    "ガ",
    "p u s s y ",
    "xx x ",
    "a*",
    "ab*c ",
    "*",
    "́a",
]


@pytest.mark.parametrize("text", HARD_TEXTS)
def test_time_grows_with_the_text_and_no_faster(text: str) -> None:
    lists = [WORDS, WordList("patterns", (), ("(x+x+)+y", "(a|aa)+$", "(a|b)*a(a|b){20}c"))]
    measured = growth(lambda given: judge(given, TextKind.PROMPT, lists), lambda length: (text * length)[:length])
    assert measured.factor < STEEPEST, str(measured)


def test_evasions_are_caught_and_near_misses_pass() -> None:
    score = of_lists(seed=2026)
    assert score.is_good, f"{score} {score.missed} {score.refused}"


def test_evasions_are_caught_by_a_servers_lists_too() -> None:
    score = of_servers_lists(seed=2027)
    assert score.is_good, f"{score}; missed {score.missed}; refused {score.refused}"


def test_evasions_of_the_rule_on_minors_are_caught_and_near_misses_pass() -> None:
    score = of_minors(seed=2026)
    assert score.is_good, f"{score} {score.missed} {score.refused}"


def test_every_term_of_the_rule_on_minors_is_found_as_it_is_written() -> None:
    terms = MinorsTerms.read((resources.files("bot.moderation") / "minors.toml").read_text("utf-8"))
    plain = {term: [word.strip("*") for word in getattr(terms, term)] for term in ("always", "minor", "sexual")}
    unseen = [term for term in plain["always"] if not judge(term, TextKind.PROMPT).about_minors]
    unseen += [term for term in plain["minor"] if not judge(f"{term}, nude", TextKind.PROMPT).about_minors]
    unseen += [term for term in plain["sexual"] if not judge(f"child, {term}", TextKind.PROMPT).about_minors]
    assert not unseen


def test_an_operator_extends_the_rule_on_minors(tmp_path: Path) -> None:
    written = {"minor_terms": ["moppet*"], "sexual_terms": ["steamy"], "ordinary_phrases": ["steamy moppet show"]}
    rule = minors_rule(operators_terms(settings_from({"moderation": written}, tmp_path).moderation))
    assert judge("a steamy m0ppets", TextKind.PROMPT, (), rule).about_minors
    assert not judge("a steamy m0ppets", TextKind.PROMPT).about_minors
    assert not judge("a steamy moppet show", TextKind.PROMPT, (), rule).about_minors
    assert judge("nude child", TextKind.PROMPT, (), rule).about_minors


def test_a_list_of_the_rule_on_minors_that_is_none_is_told() -> None:
    with pytest.raises(ValueError, match="minro is no list"):
        MinorsTerms.read("minro = []")


@pytest.mark.parametrize("pupil", ["7th grader", "first grader", "Erstklässlerin", "5. Klässler", "шестиклассница"])
@pytest.mark.parametrize("prompt", ["a nude {}", "nude, {} photo", "nude, {} with a truck", "nude, {} painting"])
def test_a_pupil_of_a_class_is_no_thing_of_that_age(pupil: str, prompt: str) -> None:
    assert judge(prompt.format(pupil), TextKind.PROMPT).about_minors


def test_school_years_are_in_the_file_about_ages_alone() -> None:
    terms = MinorsTerms.read((resources.files("bot.moderation") / "minors.toml").read_text("utf-8"))
    assert not [term for term in terms.minor if re.search("grader|klässler|classe de|sexto", term)]
    assert judge("alumna de sexto, desnuda", TextKind.PROMPT).about_minors


SPLIT = WordList("split", ("in to the wild", "dragon", "heroin", "beheading", "blowjob", "penis"))


@pytest.mark.parametrize(
    "text",
    ["a drag on stage", "a long Drag  on a pipe", "(drag:1.2) on stage", "drag_on_stage", "a drag, on stage",
     "a hero in action", "to be heading home", "the pen is red", "pen_is_red"],
)  # fmt: skip
def test_ordinary_words_that_meet_are_no_other_word(text: str) -> None:
    assert not judge(text, TextKind.PROMPT, [SPLIT]).matches


@pytest.mark.parametrize(
    "text",
    ["dra gon", "dr_agon", "d r a g o n", "d.r.a.g on", "drag-on", "drag * on", "drag ~on", "dr4g on", "drag 0n",
     "drаg on", "her oin", "hero1n", "be head ing", "blow job", "blow_job", "p e n is", "into the wild"],
)  # fmt: skip
def test_a_word_in_pieces_is_found_where_something_is_odd(text: str) -> None:
    assert judge(text, TextKind.PROMPT, [SPLIT]).matches


FORMS = WordList("forms", ("butterfly", "dragon", "party"), exceptions=("dragon fruit", "tea party"), forms=True)


@pytest.mark.parametrize("text", ["butterflies", "a butterfly's wing", "parties", "dragons", "dragon, fruits"])
def test_plurals_of_words_are_forms(text: str) -> None:
    assert judge(text, TextKind.PROMPT, [FORMS]).matches


@pytest.mark.parametrize("text", ["dragon fruits", "a dragon fruit", "two tea parties"])
def test_exceptions_of_a_list_with_forms_have_plurals_too(text: str) -> None:
    assert not judge(text, TextKind.PROMPT, [FORMS]).matches


@pytest.mark.parametrize("forms", [True, False])
def test_a_servers_phrases_have_plurals_for_lists_with_forms(forms: bool) -> None:
    listed = WordList("forms", ("dragon",), id=1, forms=forms)
    allowed = AllowedPhrases(("dragon fruit",))
    assert not judge("a dragon fruit", TextKind.PROMPT, [listed], allowed=allowed).matches
    assert bool(judge("dragon fruits", TextKind.PROMPT, [listed], allowed=allowed).matches) is not forms
    assert judge("dragons beside dragon fruits", TextKind.PROMPT, [listed], allowed=allowed).matches or not forms
