"""Base models in names: which words in a checkpoint's or a LoRA's name tell its lineage.

The rules are narrow because names are full of traps: `il` stands in one old title of twelve, Illustrious is also a
character, and `notPony` is no Pony. A family is told by a whole word that stands as models are named; a denial
anywhere in the name silences it, and a name with words of two families tells both, which leaves it unknown.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from functools import cache

from inference.base_models import Architecture, BaseModelId
from inference.lora.words.brands import BRANDS, Brand
from inference.lora.words.denials import apart, is_absent, is_denied

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SEPARATORS = re.compile(r"[\s_.\-+&()\[\]]+")
_FOLDERS = re.compile(r"[/\\]")
_MAX = 255  # characters; a longer one is no file's name
_MOST = 1000  # characters of a title in which words are looked for that dispute others

# What may follow a family's name in the name of one of its checkpoints; other words may make it mean something else.
_MODEL_WORD = (
    r"(?:sd ?)?xl(?: ?v?\d+\w*)?|v ?\d+\w*|\d+\w*|v ?pred\w*|e(?:ps|psilon)(?: ?pred)?|vae|fp16|bf16|fp8|pruned|final"
    r"|early|release|base|model|checkpoint|realism|realistic|anime|diffusion|hyper|lightning|turbo|dmd2?"
    r"|safetensors|ckpt|sft"
)
_AS_A_MODEL = rf"(?= ?(?:{_MODEL_WORD})\b|$)"

_ILLUSTRIOUS_MISSPELT = re.compile(r"\bil+y?ust+ri*[ou]+s(?![a-z])")
_PD_V6 = re.compile(r"\bpd ?v ?6(?: ?xl)?\b")
# A version that is written as one word with the name of a family: `naixl11`, `ponyv6`.
_VERSIONED = re.compile(
    r"\b(pony(?:xl)?|p(?:d|ny|n)xl|illus|illustrious(?:xl)?|il+xl|noob(?:ai)?(?:xl)?|naixl|animagine(?:xl)?)(?=v?\d)"
)
_SAIBOT = re.compile(r"\bnoob ?(?=saibot\b)")  # a character of Mortal Kombat
_NO_LETTER = r"(?=v?\d|\b)"
_V6 = r"(?! ?(?:diffusion ?)?v? ?[1-57])"  # of Pony's versions only the sixth is for SDXL

# The word alone, where it means no pony tail, no horse and no other version.
_PONY = (
    r"(?<!little )(?<!shetland )(?<!welsh )(?<!connemara )(?<!icelandic )\bpony"
    r"(?! ?tails?\b| ?v ?7\b| (?:rides?|riding|riders?|farm|stables?|carts?|foals?|express|photos?|photography)\b)"
)

# What may follow the name of one published file.
_SUFFIXES = (
    r"(?: ?(?:base|0 9|vae|fix|fp16|fp8|bf16|e4m3fn|e5m2|scaled|pruned|original"
    r"|diffusers|incl|clips|t5xxlfp16|t5xxlfp8|safetensors|ckpt|sft))*$"
)

_FILE = (  # words that may follow the name of a published transformer file
    r"(?: ?(?:bf16|fp16|fp32|fp8|int8|int4|nf4|nvfp4|e4m3fn|e5m2|scaled|mixed|pruned|original|official|model|diffusers"
    r"|gguf|q\d\w*|[01kms]|safetensors|ckpt|sft))*$"
)

_NO_CHROMA = (
    r"radiance|flux|dev|schnell|kontext|krea|(?:sd ?)?xl|sd|mix|merged?"  # words of a name that is not Chroma's
)

_NO_MODEL = (
    r"(?! ?(?:xl|v ?\d|diffusion|models?|checkpoints?|base|loras?|merges?|mix|versions?|based|sdxl|only|realis\w+|page"
    r"|files?|one|weights|upload|download|release|port|users?)\b)"
)
# Words beside which a bare `pony` is an animal, or a figure of My Little Pony.
_HORSES = re.compile(
    r"\b(?:my little pony|mlp|equestria\w*|brony|bronies|horses?|equine|pegas(?:us|i)|unicorns?|alicorns?|foals?|mares?"
    r"|stallions?|hoove[sd]|hoofs?|saddles?)\b"
)
_BARE_PONY = re.compile(
    r"(?<!\bon )(?<!\bfor )(?<!\bwith )(?<!\bbase )(?<!\busing )(?<!: )\bpon(?:y|ies)\b"
    rf"{_NO_MODEL}"
)
# Rules are asked of words that stand apart by one blank.
_ANYWHERE = (
    ("sdxl/illustrious", r"\billustrious ?xl"),
    ("sdxl/noobai", r"\bnoob ?ai(?: ?xl)?\b|\bnoob ?xl\b|\bnai ?xl\b"),
    ("sdxl/pony", rf"\bpdxl\b|{_PONY}(?: ?(?:xl|diffusion)| ?v?6)?\b"),
    ("sdxl/animagine", r"\banimagine(?:xl\w*)?\b"),
    ("auraflow/pony-v7", r"\bpony ?v ?7\b"),
    ("qwen-image/edit", r"\bqwen ?(?:image ?)?edit\b"),
    ("qwen-image/layered", r"\bqwen ?(?:image ?)?layered\b"),
    ("z-image/edit", r"\bz ?image ?edit\b"),
    ("lumina2/neta", r"\bneta ?(?:yume|lumina)"),
    ("anima/cosmos-predict2", r"\bcosmos ?predict ?2"),
)
# Words in a LoRA's own name that may mean these families. They decide nothing, but dispute other sources.
_HINTS = (
    ("sdxl/illustrious", r"\billustrious(?! ?\(?azur)|\bil+ ?xl\b|\billus?\b|(?<=\w )(?:il|ill|illu)(?:v?\d+)?\b"),
    ("sdxl/noobai", r"\bnoob ?(?:ai)?(?: ?xl)?\b|\bnai ?xl\b"),
    ("sdxl/pony", rf"\bp(?:d|ny|n)xl\b|{_PONY}(?:xl|v?6)?\b"),
    ("sdxl/animagine", r"\banimagine"),
)
_ILLUSTRIOUS_IN_CAPITALS = re.compile(r"(?<![A-Za-z])IL(?![A-Za-z])")  # not `Il Capitano`
# The same where no other sense is likely: they dispute even what was recorded of the training base. Pony has tags for
# quality and sources.
_CLAIMS = (
    ("sdxl/illustrious", rf"\billustrious ?xl|\bil+ ?xl\b|(?<=\w )(?<!hms )(?<!lane )illustrious{_AS_A_MODEL}"),
    ("sdxl/noobai", r"\bnoob ?ai(?: ?xl)?\b|\bnoob ?xl\b|\bnai ?xl\b"),
    ("sdxl/pony", rf"\bp(?:d|ny|n)xl\b|{_PONY} ?(?:xl|diffusion|v?6)\b|(?<=\w ){_PONY}{_AS_A_MODEL}"),
    (
        "sdxl/pony",
        r"\bscore ?9\b|\bscore ?[4-8] ?up\b|\bsource (?:anime|cartoon|furry|pony)\b",
    ),  # its words for quality
    ("sdxl/animagine", r"\banimagine"),
)
# Whole names of published files.
_PUBLISHED = (
    ("sd1/base", rf"^(?:sd |stable diffusion )?v1 5(?: (?:pruned|emaonly))*{_FILE}"),
    ("sd1/base", rf"^animefull(?: (?:final|latest|pruned))*{_FILE}"),
    ("qwen-image/base", rf"^qwen ?image(?: ?2512)?{_FILE}"),
    ("qwen-image/edit", rf"^qwen ?image ?edit(?: ?(?:plus|2509|2511|v?\d))*{_FILE}"),
    ("qwen-image/layered", rf"^qwen ?image ?layered{_FILE}"),
    ("z-image/base", rf"^z ?image(?: ?(?:turbo|base|de turbo))*{_FILE}"),
    ("z-image/edit", rf"^z ?image ?edit{_FILE}"),
    ("anima/base", rf"^anima(?: (?:preview ?\d*|base|v ?\d+|\d+))*{_FILE}"),
    (
        "anima/cosmos-predict2",
        rf"^cosmos ?predict ?2(?: 2b)?(?: (?:t2i|v2w|text2image|video2world|480p|720p|\d+fps))*{_FILE}",
    ),
    ("lumina2/base", rf"^lumina ?(?:image ?)?2(?: 0)?{_FILE}"),
    ("auraflow/base", rf"^aura ?flow(?: v?0 ?\d)?{_FILE}"),
    ("auraflow/pony-v7", rf"^pony ?(?:diffusion ?)?v ?7(?: (?:base|v7))*{_FILE}"),
)
_IN_CHECKPOINTS = (
    ("sdxl/illustrious", rf"\billustrious{_AS_A_MODEL}"),
    ("sdxl/noobai", r"\bnoob ?ai(?: ?xl\w*)?\b|\bnoob ?xl\b|\bnai ?xl\b"),
    ("sdxl/pony", rf"\bpdxl\b|\bpony ?(?:(?:sd ?)?xl{_NO_LETTER}|diffusion{_V6}|v6)|^pony{_V6}{_AS_A_MODEL}"),
    ("sdxl/animagine", r"\banimagine(?:xl\w*)?\b"),
    ("sdxl/base", rf"^(?:sd|stable diffusion) ?xl ?(?:(?:base ?)?v?(?:1 ?0|0 ?9)|base){_SUFFIXES}"),
    ("sd3/base", rf"^(?:sd|stable diffusion) ?3 medium{_SUFFIXES}"),
    ("sd35m/base", rf"^(?:sd|stable diffusion) ?3 ?5 medium{_SUFFIXES}"),
    ("sdxl/kolors", rf"^(?:kwai )?kolors{_SUFFIXES}"),
    (
        "flux1/chroma",
        rf"^chroma(?: ?1)?(?: (?:hd|base|flash|unlocked)| ?1\b| ?v\d)(?!.*\b(?:{_NO_CHROMA})\b)",
    ),
    ("flux1/kontext", rf"^flux ?1? (?:dev kontext|kontext dev|kontext){_SUFFIXES}"),
    ("flux1/krea", rf"^flux ?1? (?:dev krea|krea dev|krea){_SUFFIXES}"),
    ("flux1/schnell", rf"^flux ?1? schnell{_SUFFIXES}"),
    ("flux1/dev", rf"^flux ?1? dev{_SUFFIXES}"),
)
# Traces of a family. They tell nothing alone; beside another family's name they make it a mixture.
_TRACES = (
    ("sdxl/illustrious", r"illustri|\b(?:il|ill|illu|ilxl|illxl)(?:v?\d+)?\b"),
    ("sdxl/noobai", r"noob|\bnai(?:v?\d+)?\b"),
    ("sdxl/pony", r"pony|ponif|pdxl|\bp(?:ny|n)xl\b|\bpny\b"),
    ("sdxl/animagine", r"animagine"),
    ("sdxl/kolors", r"\bkolors\b"),
    ("sdxl/playground", r"\bplayground\b"),
    ("flux1/chroma", r"\bchroma ?\d*\b"),
    ("flux1/dev", r"\bflux(?: ?1)?\b"),
    ("flux1/schnell", r"\bschnell\b"),
    ("flux1/krea", r"\bkrea\b"),
    ("flux1/kontext", r"\bkontext\b"),
    ("sd1/base", r"\bsd ?1(?: ?[45])?\b|\bsd ?v1\b"),
    ("sd2/base", r"\bsd ?2(?: ?[01])?\b|\bsd ?v2\b"),
    ("sd3/base", r"\bsd ?3\b(?! ?5)"),
    ("sd35m/base", r"\bsd ?3 ?5\b"),
    ("qwen-image/base", r"\bqwen\b"),
)
# A name with one of these words says what the model is not; that of a checkpoint also, what it is only like.
_DENIALS = """
    not no non never none neither nor isnt arent wasnt dont doesnt aint cant wont anti contra against without sans minus
    un instead unlike goodbye bye hate little kein keine nicht ohne pas sin senza sem zonder bez nie
"""
_LIKENESSES = """
    like alike esque ish inspired friendly unfriendly compatible incompatible style styled lookalike clone mock parody
    imitation ersatz pseudo quasi proto semi half almost near nearly maybe kinda fake faux false wrong than vs versus
    beyond post pre less free de ex to into for from killer removed excluded purged gone users fans tags but except
    zero nope nada avoid stop subtract subtracted difference diff alternative rival replaces replacement was formerly
    previously negative unlearned opposite inverse reverse erased eraser
    and plus meets
"""
# Models and families that have no rule here. Beside a family's name they make it a mixture, or another model's.
_STRANGERS = r"""
    kohaku rouwei janku novel\s?ai haruka hoshino lumina z\s?image zeta klein kaleidoscope hunyuan wan anima aura\s?flow
    sana pixart cascade
"""
_MERGES = r"\b(?:x|mix(?:ed)?|merged?|fusion|blend|hybrid)\b"  # behind a brand
_NOTHING = r"(?!)"
_GROWN_ON = r"\b(?:not|no|non|anti|un|never)(?=pony|illustrious|noob|animagine)"  # notPony, written as one word
_NEGATION = rf"\b(?:{'|'.join(_DENIALS.split())})\b|n't\b|{_GROWN_ON}"
_LIKENESS = rf"\b(?:{'|'.join(_LIKENESSES.split())})\b|\b(?:{'|'.join(_STRANGERS.split())})(?: ?xl)?\b"

# Words in a text that name no family, or deny one.
_NO_FAMILY = re.compile(
    r"\b(?:not?|non|never|without|isn ?'?t|instead of|rather than)"
    r"(?: (?:an?|for|the|it|with|on|from|of|trained|tested|made|based|meant|works?|working|compatible)\b)*"
    r" (?:pony|illustrious|noob|nai|animagine|kolors)\w*"
    r"|\buntested (?:on|with) (?:pony|illustrious|noob|nai|animagine|kolors)\w*"
    r"|\b(?:an?|the|her|his|my|their|little|cute|small|white|black|brown|pink|blue|purple"
    rf"|yellow|pegasus|unicorn|alicorn|earth|bat) pony\b{_NO_MODEL}"
    r"|\bhms illustrious\b|\billustrious,? (?:from |of )?azur"
    r"|\ban illustrious\b(?! ?(?:xl|model|checkpoint|base|lora)\b)"
)
_PLACES = re.compile(
    r"(?:[:=] ?"
    r"|(?:\b(?:base|training) (?:model|checkpoint|ckpt) (?:is|was)|\bfed (?:[\w']{1,12} ){0,6}to"
    r"|\b(?:on|for|from|with|against|using|auf|mit|fur|con|para|sobre|com|em|no|sur|pour|su|met|op|voor|na"
    r"|base|model|checkpoint|ckpt|trained|needs|requires):?) )"
    r"[\"'*`=]{0,3} ?(?:(?:the|an?) )?"
    r"|\bcivitai \w{2,5}/models/\d{1,12}/"  # before the name in the address of a page
)
_LORA = re.compile(r"(?:lora|lycoris|only|trained)\b")
_ELSEWHERE = re.compile(r"\bsee also\b(?:[^.;!]|\.(?=\w))*", re.IGNORECASE)
_ALSO = re.compile(
    r"\balso\b[^.;!]*|(?:^|(?<=[.;!]))[^.;!]*\btoo\b(?= *(?:[.;!]|$))"
    r"|(?<!only )\bworks? (?:\w+ )?(?:with|on)\b[^.;!]*|\b(?:thanks|credits?)\b[^.;!]*",
    re.IGNORECASE,
)
_FAMILY = re.compile(
    r"(?<![a-z])(?P<family>pony|pdxl|illustrious|il+xl|noob(?: ?ai)?|nai|animagine)(?: ?xl)?(?![a-z])"
    r"(?! ?(?:tails?|tags?|scores?|quality|style)\b)"
)
_FAMILY_NAMES = {"noob": "noobai", "noob ai": "noobai", "nai": "noobai", "pdxl": "pony"}
_ALONE = tuple(
    (f"sdxl/{name}", rf"^{words}$")
    for name, words in (
        ("illustrious", "illustrious"),
        ("noobai", "noob ?(?:ai)?"),
        ("pony", "pony"),
        ("animagine", "animagine"),
    )
)
_SDXL_ITSELF = r"\bsd ?xl ?(?:1 0|base)\b|\bstable diffusion xl base [01]\b"

_TAG = re.compile(r"^\s*\[(illustrious|pony|noobai|sdxl|animagine|flux)(?![a-z])[^\]]*\]", re.IGNORECASE)
_TAGGED = {
    "illustrious": "sdxl/illustrious",
    "pony": "sdxl/pony",
    "noobai": "sdxl/noobai",
    "animagine": "sdxl/animagine",
}  # `[SDXL]` and `[Flux]` name an architecture, not a lineage

# The longest brands first: `juggernaut xl` is not `juggernaut`.
_BRANDED: tuple[tuple[Brand, re.Pattern[str]], ...] = tuple(
    (
        brand,
        re.compile(rf"(?:sdxl |\d{{1,2}} )?{brand.words.replace(' ', ' ?')}{_NO_LETTER} ?(?:{brand.versions})"),
    )
    for brand in sorted(BRANDS, key=lambda brand: -len(brand.words))
)

# The brands as sentences name them, without a version.
_SPOKEN = tuple(
    (BaseModelId(brand.base), re.compile(rf"{brand.words.replace(' ', ' ?')}{_NO_LETTER}")) for brand, _ in _BRANDED
)

_Rules = tuple[tuple[str, str], ...]


def words(name: str) -> str:
    """A name in lower case with its words apart: camelCase split, separators made blanks."""
    return _SEPARATORS.sub(" ", _CAMEL.sub(" ", name)).strip().lower()


def bases_in_checkpoint_name(name: str) -> set[BaseModelId]:
    """The base models that a checkpoint's file name tells; two: a mixture, or a name that misleads.

    Of a path only the last part counts.
    """
    last = last_part(name)
    if published := _found(last, _PUBLISHED, _NOTHING):
        return published
    if (branded := _branded(last)) is not None:
        return branded
    told = _found(last, _IN_CHECKPOINTS, f"{_NEGATION}|{_LIKENESS}")
    return told | _others(last, told) if told else told


def last_part(path: str) -> str:
    """The last part of a path with slashes of either kind."""
    return _FOLDERS.split(path)[-1]


def bases_in_title(title: str) -> set[BaseModelId]:
    """The base models that a LoRA's own title in its metadata tells, by its words or by a tag in front.

    A title that tells one family and hints at another names a merge.
    """
    told = _found(title, _ANYWHERE, _NEGATION) | bases_in_tag(title)
    return told | families_hinted(title) if told else told


def families_hinted(title: str) -> set[BaseModelId]:
    """Families of SDXL that a LoRA's own name may mean: not enough to decide, enough to dispute another."""
    in_capitals = _ILLUSTRIOUS_IN_CAPITALS.search(title[:_MOST])
    return _found(latin(title), _HINTS, _NEGATION, most=_MOST) | (
        {BaseModelId("sdxl/illustrious")} if in_capitals else set()
    )


def families_claimed(title: str) -> set[BaseModelId]:
    """Families of SDXL that a LoRA's own name hardly means otherwise: enough to dispute a recorded base."""
    return _found(latin(title), _CLAIMS, _NEGATION, most=_MOST) | bases_in_tag(title)


def families_in_text(text: str, *, clearly: bool) -> set[BaseModelId]:
    """Families of SDXL that a text of any length names; with `clearly` such as hardly mean another thing.

    One that the text denies is none, nor is an animal or a ship. A name alone is clear, "it works on Pony too" is not.
    """
    alone = _matching(name_forms(text), _ALONE)
    forms = name_forms((_ALSO if clearly else _ELSEWHERE).sub(" ", text))
    allowed = map(_without_denied, forms)
    spoken = [_NO_FAMILY.sub(" ", _BARE_PONY.sub(" ", form) if _HORSES.search(form) else form) for form in allowed]
    found = alone | _matching(spoken, _CLAIMS if clearly else _HINTS)
    return found | ({BaseModelId("sdxl/base")} if any(_rule(_SDXL_ITSELF).search(form) for form in spoken) else set())


def without_ponies(tags: Collection[str]) -> list[str]:
    """Return tags without a bare `pony` that stands beside tags for horses or My Little Pony."""
    of_horses = any(_HORSES.search(form) for tag in tags for form in name_forms(tag[:_MOST]))
    return [tag for tag in tags if not (of_horses and _BARE_PONY.fullmatch(words(tag[:_MOST])))]


def families_denied(text: str) -> set[BaseModelId]:
    """Return the families of SDXL that a text rules out: "not for Pony", "no funciona con Illustrious"."""
    forms = (form for sentence in apart(text) for form in name_forms(sentence))
    found = {match["family"] for form in forms for match in _denied_in(form)}
    names = ("illustrious" if name.startswith("il") else _FAMILY_NAMES.get(name, name) for name in found)
    return {BaseModelId(f"sdxl/{name}") for name in names}


def _denied_in(form: str) -> Iterator[re.Match[str]]:
    return (match for match in _FAMILY.finditer(form) if is_denied(form, *match.span()))


def _ruled_out_in(form: str) -> Iterator[re.Match[str]]:
    """The families that a text denies, or whose version it says does not exist."""
    rules = (is_denied, is_absent)
    return (match for match in _FAMILY.finditer(form) if any(rule(form, *match.span()) for rule in rules))


def _without_denied(form: str) -> str:
    return _without(form, _ruled_out_in(form))


def _without(text: str, matches: Iterable[re.Match[str]]) -> str:
    for match in reversed([*matches]):
        text = f"{text[: match.start()]} {text[match.end() :]}"
    return text


def without_denied_families(text: str) -> str:
    """A text in plain letters without the names of families that it rules out."""
    return _without(text, _ruled_out_in(text.lower()))


def without_asides(text: str) -> str:
    """Remove the clauses about other uses and thanks: "works on Pony too", "thanks to the NoobAI team"."""
    return _ALSO.sub(" ", text)


def brands_in_sentence(sentence: str) -> set[BaseModelId]:
    """Return the base models of popular checkpoints that a sentence names as what a LoRA is for, or was trained on.

    Many brands are ordinary words, so a brand counts only after a word such as `on`, or before `LoRA`.
    """
    found: set[BaseModelId] = set()
    for form in name_forms(sentence[:_MOST]):
        for place in _PLACES.finditer(form):
            found |= {base for base, rule in _SPOKEN if rule.match(form, place.end())}
        if _LORA.search(form):
            found |= {base for base, rule in _SPOKEN if _before_lora(rule, form)}
    return found


def _before_lora(rule: re.Pattern[str], form: str) -> bool:
    return any(re.match(rf"\w* ?{_LORA.pattern}", form[match.end() :].strip()) for match in rule.finditer(form))


def families_traced(name: str) -> set[BaseModelId]:
    """Families of which a name has a trace, the least that tells of them."""
    return _matching(name_forms(latin(name)), _TRACES)


def latin(name: str) -> str:
    """A name's Latin words, without invisible characters. They prove nothing, for a word beside may deny them."""
    if name.isascii():
        return name[:_MOST]
    plain = unicodedata.normalize("NFKC", name[:_MOST])[:_MOST]
    visible = (each for each in plain if unicodedata.category(each) != "Cf")
    return "".join(each if each.isascii() else " " for each in visible)


def bases_in_tag(name: str) -> set[BaseModelId]:
    """The base model of a tag in front of a name: `[Illustrious] Komori Met`."""
    match = _TAG.match(name) if len(name) <= _MAX else None
    base = _TAGGED.get(match[1].lower()) if match else None
    return set() if base is None else {BaseModelId(base)}


def _found(name: str, rules: _Rules, denial: str, *, most: int = _MAX) -> set[BaseModelId]:
    """What `rules` find in a name without a `denial`; one in other letters may deny what its Latin words say."""
    if len(name) > most or not name.isascii():
        return set()
    forms = name_forms(name)
    return set() if any(_rule(denial).search(form) for form in forms) else _matching(forms, rules)


def _branded(name: str) -> set[BaseModelId] | None:
    """Return the base model of a name's brand, and families with a trace in the rest; None for a name without a brand.

    A word for a denial or a merge in the rest makes it another model: then the brand proves nothing.
    """
    if len(name) > _MAX or not name.isascii():
        return None
    for form in name_forms(name):
        for brand, rule in _BRANDED:
            match = rule.match(form)
            if match is None:
                continue
            rest = form[match.end() :]
            if _rule(f"{_NEGATION}|{_LIKENESS}|{_MERGES}").search(rest):
                return set()
            return {BaseModelId(brand.base)} | _matching([rest], _TRACES)
    return None


def _others(name: str, told: Collection[BaseModelId]) -> set[BaseModelId]:
    """Further families of which a name has a trace; outside of SDXL, other lineages of an architecture are none."""
    architectures = {base.architecture for base in told} - {Architecture.SDXL}
    return {base for base in _matching(name_forms(name), _TRACES) if base.architecture not in architectures}


def _matching(forms: Collection[str], rules: _Rules) -> set[BaseModelId]:
    return {BaseModelId(base) for base, rule in rules if any(_rule(rule).search(form) for form in forms)}


def name_forms(name: str) -> tuple[str, str]:
    """A name's words split at capitals, and unsplit: `NoobAI` is one word or two. Slips and versions are mended."""
    forms = words(name), _SEPARATORS.sub(" ", name).strip().lower()
    return _mended(forms[0]), _mended(forms[1])


def _mended(form: str) -> str:
    form = _SAIBOT.sub("", _ILLUSTRIOUS_MISSPELT.sub("illustrious", form))
    return _VERSIONED.sub(r"\1 ", _PD_V6.sub("pdxl", form))


@cache
def _rule(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
