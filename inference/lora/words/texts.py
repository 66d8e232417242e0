"""Collects the texts that come with a file and may name a model, from every field and in many languages.

A text that names another model, and not the claimed one, contradicts the claim. The sentences about the training are
compared with the claim a second time, without the rest of the text. Captions, prompts and tags describe pictures, so
they are skipped.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator

from inference.files.json_values import as_dict, as_list, parse_json
from inference.lora.words.file_statements import statements_about_file
from inference.lora.words.labels import CELL, with_statements
from inference.lora.words.titles import without_ponies
from inference.lora.words.translated_words import WORDS_IN_LATIN

_MAX_VERSION = 20  # characters of a version's name that lists use
_MAX_JSON = 2**20  # characters of a configuration that tells of pictures
MAX_FIELD = 2**16  # characters of one text that are read
_MAX_TEXT = 1000  # characters of it that are kept
_MAX_TEXTS = 200
_WINDOW = 60  # characters of a long text that are kept on both sides of a name
_APART = re.compile(
    r"caption|prompt|tag_?frequency|dataset|bucket|^neg|negative|^images?$|^samples?$|^meta$|gallery|preview|thumbnail"
    r"|trigger|activation|trainedwords|^widget$|^base_model_name$"
)
# Keys that tell of the training by themselves.
_TELLING_KEY = re.compile(r"qwen_image_edit|kontext|control_(?:directory|path|image)", re.IGNORECASE)
# Settings that name the training base.
_NAMES_A_BASE = re.compile(
    r"(?:ss_|modelspec\.|training_)?(?:(?:base|pretrained|sd|parent|source|original)_?(?:model|checkpoint|ckpt)"
    r"|checkpoint|ckpt|dit|unet|transformer)(?:_?(?:name|path|file|id|repo|or))*|name_or_path"
)
_ENDING = re.compile(r"\.(?:safetensors|ckpt|sft|pt|pth|bin|gguf)$", re.IGNORECASE)
_MAX_NAME = 300  # characters of the name of a training base
_OFF = frozenset({"false", "0", "0.0", "no", "off", "none", "null", "", "[]", "{}"})
_LINK = re.compile(r"""<a\b[^<>]{0,500}?\bhref=["']?([^"'\s<>]{1,500})[^<>]{0,500}>""", re.IGNORECASE)
_INLINE = re.compile(r"</?(?:a|b|code|em|font|i|mark|s|small|span|strong|sub|sup|u|wbr)\b[^<>]{0,2000}>", re.IGNORECASE)
_BLOCK = re.compile(
    r"</?(?:article|blockquote|br|dd|div|dl|dt|figure|h[1-6]|hr|iframe|img|li|ol|p|pre|section|table|tbody|thead|tr|ul"
    r"|video)\b[^<>]{0,2000}>",
    re.IGNORECASE,
)
_NEXT_CELL = re.compile(r"</t[dh]\s*>\s*<t[dh]\b[^<>]{0,2000}>", re.IGNORECASE)
_CELLS = re.compile(r"</?t[dh]\b[^<>]{0,2000}>", re.IGNORECASE)
# What A1111 writes under a picture: the checkpoint that painted it is not the training base.
_OF_A_PICTURE = tuple(re.compile(rf"\b{key}: ?\w") for key in ("Steps", "Sampler", "Seed"))
_PAINTED_WITH = re.compile(r"(?m)(?:^|,) *Model hash: ?[0-9A-Fa-f]{8,64}\b")
# What every name of a model, and every word for v-prediction, has in it.
_TRACE = re.compile(
    r"pony|p[dn]y?xl|pnxl|noob|\bnai|illu|(?<![a-z])il+(?![a-z])|ilxl|illxl|animagine|kolors|kontext|krea|schnell|chroma"
    r"|flux|flex|playground|kohaku|rectified|qwen|qie|edit|layered|image|neta|lumina|cosmos|anima|vega|ssd|segmind|longcat|long-cat"
    r"|v[ _\-]?pred|v[ _\-]?param|snr|768|v[ _\-]objective|easy ?fluff|paramete?ri|flow|common ?canvas|rou ?wei"
    r"|alt ?diffusion|zeroscope|svd|stable.?video|text ?2 ?video|terminus|big ?asp|cos ?xl"
    r"|veloc|pred(?:i[ckz]|yk)|previsao|vorhersage|voorspelling|tahmin|illuminati|realism ?engine"
    r"|\bfed\b|mistake|accident|\b(?:not|no|nicht|niet|pas|nao|non|nie) (?:\w{1,12} ){0,4}sd ?xl"
    r"|\bsd ?xl (?:\w{1,12} ){0,4}(?:not|nicht|niet|unusable|degil|calismaz)\b"
    r"|\bil+y?ust|pd ?v ?6|wrong|incorrect|mislabel|mistag|ignore the|change the base"
    r"|nov[ae]l|category|option|entry|listed as|filed under|mixed up|swapped|confused"
    r"|control_"
    r"|(?<=\w )eps(?:ilon)?(?![a-z])|(?<![a-z])eps(?:ilon)?(?=[ \-]\w)"
    r"|urn:air|modelversionid|civitai[.:]|\b(?:0x)?(?:[0-9a-f]{8}|[0-9a-f]{10}|[0-9a-f]{12})\b|[0-9a-f]{64}"
    r"|(?:(?<![a-z])sd|stable.?diffusion)[ \-_]?v?\d|klein|hunyuan|hidream|pixart|(?:wan|sana) ?\d|aura",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[\n;!\u3002]|\.(?!\d|\w{2,5}/)|\bminus\b")  # not in the address of a page
# "Trained" in further languages.
TAUGHT = (
    r"\b(?:entren|entra[i\u00ee]n\w*|trein|addestra|(?:wy)?tren(?:ow|uj)|na?trenov|szkol(?:on|en)|(?:wy)?uczon|egit(?:il|im)"
    r"|dilatih|pelatihan|huan luyen|getrain|antrena|koulutet|(?:be)?tanit(?:ott|va)|tranad|trente?\b)"
)
OF_TRAINING = (
    r"\b(?:re)?(?:train|fine ?-?tun|base|merg|mix|blend|extract)\w*\b|\b(?:made|built|ckpt|fed)\b"
    rf"|{TAUGHT}|\b(?:basis|grund)modell|\b(?:lora|lycoris|dora|adapter|lokr|loha) for\b"
)
_OF_TRAINING = re.compile(OF_TRAINING, re.IGNORECASE)
_OF_USE = re.compile(
    r"\b(?:only|needs?|requires?)\b|\buse (?:it )?(?:with|on)\b|\ban? [\w .\-\[\]]{1,30} (?:lora|lycoris|lokr|loha)\b"
    r"|^\W*+(?!use\b|this\b|my\b|the\b)[\w .\-\[\]]{1,30} (?:lora|lycoris|lokr|loha)\b",
    re.IGNORECASE,
)
_OF_OTHERS = re.compile(
    r"\b(?:also|too|other|another|see|separate|port(?:ed)?|test(?:ed)?|previews|samples?|examples?|generated"
    r"|aussi|auch|tambien|anche)\b"
    # `the Z-Image 2 preview weights` are a model
    r"|(?<![\d] )\bpreview\b(?! ?(?:\d|weights?\b|models?\b|checkpoints?\b|versions?\b|builds?\b|release))"
    r"|\bversions?\b.{0,60}\b(?:here|out|page)\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r",|\(|\bbut\b|\bmais\b|\baber\b|\bpero\b|\bworks?\b| - ")
_OWN_BASE = re.compile(
    rf"\b(?:re)?train(?:ed|iert)?\b|\bfine ?-?tuned\b|{TAUGHT}|\b(?:is|it'?s) (?:an?|for)\b",
    re.IGNORECASE,
)
# Latin letters that do not come apart into a plain one and a mark, and other scripts' ends of sentences and clauses.
_PLAIN_LETTERS = str.maketrans(
    {"\u0131": "i", "\u0111": "d", "\u0142": "l", "\u00f8": "o", "\u00e6": "ae", "\u00df": "ss"}
    | {"\u3002": ". ", "\u0964": ". ", "\u3001": ", ", "\u060c": ", ", "\u061f": "? "}
)
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")
_PORTUGUESE = re.compile(r"\b(?:re)?trein\w{1,10}(?: \w{1,12})? n[oa]s?\b", re.IGNORECASE)  # `no` is "on the"
_USES = re.compile(
    r"\b(?:works?|runs?|usable|compatible|fine|good|ok(?:ay)?|(?:can|may|could) (?:also )?be used)\b"
    r"(?: \w{1,12}){0,2} (?:on|with|for)\b",
    re.IGNORECASE,
)
_MADE = re.compile(r"\b(?:re)?train|\bmade\b|\bbuilt\b|\bbase[ds]?\b|\btuned\b", re.IGNORECASE)
_FAMILY = r"(?:an? |the )?(?:illustrious|pony|noob|animagine|sdxl|flux|qwen|z-image|lumina|anima)"
_MISTAKE = re.compile(
    r"\b(?:mixed up|swapped|confused)\b[^.;!]{0,20}\b(?:uploads?|files?|versions?|pages?)\b|"
    r"(?<!you )\b(?:picked|selected|chosen?|uploaded|listed|tagged|marked|(?:i|accidentally) (?:set|put))\b[^.;!]{0,30}"
    r"\bwrong (?:base|model|checkpoint|category|file|version|option|tag|type)\b"
    r"|\b(?:uploaded|posted)\b[^.;!]{0,60}\bby (?:mistake|accident)\b"
    r"|\bwrongly (?:picked|selected|chosen|set|listed|tagged|marked)\b"
    r"|\b(?:is|was|page|model) mis(?:label|tagg|classif)\w+"
    r"|\b(?:base|base model|category|tag|page)\b[^.;!]{0,30}\b(?:is|was|are) (?:wrong|incorrect|false)\b"
    r"|\b(?:uploaded|posted|wrong) (?:the )?(?:wrong )?upload\b"
    r"|\b(?:has|have|is|was|offers?) (?:no|not an?|any) (?:\w{1,12} )?(?:category|option|entry)\b"
    r"|\b(?:closest|nearest|next best|only) (?:\w{1,12} )?(?:category|option|entry|match)\b"
    rf"|\b(?:filed|listed|sorted|posted|categori[sz]ed) (?:it )?(?:under|as|in|with) {_FAMILY}"
    rf"|\b(?:had to (?:pick|choose|select|take|use)|(?:picked|selected|chose)) {_FAMILY}"
    r"|\bignore the\b[^.;!]{0,20}\b(?:tag|base|category|label)\b|\b(?:can|wo)n'?t (?:let me )?change the base\b",
    re.IGNORECASE,
)
_TELLING = re.compile(f"{_OF_TRAINING.pattern}|{_OF_USE.pattern}", re.IGNORECASE)


def texts_in(
    name: str, value: object, *, unnamed: Collection[int] = (), without: Collection[str] = ()
) -> Iterator[str]:
    """Every text inside `value`, also inside of JSON that is written as a text.

    `unnamed` has the ids of tables whose `name` is skipped; `without` has keys in lower case that are skipped. Of
    captions, prompts and pictures, only the names of keys are read that tell how the pictures were used.
    """
    waiting: list[tuple[str, object, bool]] = [(name, value, False)]
    told: set[str] = set()
    while waiting:
        key, each, skipped = waiting.pop()
        key = key[:100]
        if _TELLING_KEY.search(key) and key not in told and _is_on(each):
            told.add(key)
            yield key
        skipped = skipped or is_apart(key)
        if isinstance(each, str) and skipped and not (len(each) <= _MAX_JSON and _TELLING_KEY.search(each)):
            continue
        inner = parsed(each) if isinstance(each, str) else each
        table = {of: part for of, part in as_dict(inner).items() if of.lower() not in without}
        waiting += [(of, part, skipped) for of, part in table.items() if of != "name" or id(inner) not in unnamed]
        waiting += [(key, part, skipped) for part in _without_animals(as_list(inner))]
        if isinstance(inner, str) and not skipped:
            yield inner[:MAX_FIELD]


def _without_animals(values: list[object]) -> Iterable[object]:
    tags = [each for each in values if isinstance(each, str)]
    return without_ponies(tags) if len(tags) == len(values) else values


def is_apart(key: str) -> bool:
    """Whether the key of a text is for captions, prompts or pictures."""
    return _APART.search(key[:100].lower()) is not None


def names_a_base(key: str) -> bool:
    """Whether the key of a setting is for the training base."""
    return _NAMES_A_BASE.fullmatch(key[:100].lower()) is not None


def trained_on(settings: Iterable[tuple[str, object]]) -> tuple[str, ...]:
    """Return the names of training bases in settings, each as a sentence; of the path of a file its last part."""
    named = (value for key, value in settings if isinstance(value, str) and names_a_base(key))
    names = (name if "://" in name else re.split(r"[/\\]", name)[-1] for name in named if len(name) <= _MAX_NAME)
    return tuple(dict.fromkeys(f"Trained on {_ENDING.sub('', name)}" for name in names if name))


def _is_on(value: object) -> bool:
    """Whether a setting is one that somebody set."""
    return value.lower() not in _OFF if isinstance(value, str) else bool(value)


def _readable(text: str) -> str:
    """A text as a page shows it, without tags and character references; names of models are in Latin letters."""
    text = _ESCAPED.sub(lambda escape: chr(int(escape[1], 16)), text)
    if "<" in text or "&" in text:
        text = _CELLS.sub("\n", _NEXT_CELL.sub(CELL, _INLINE.sub("", _LINK.sub(r" \1 ", text))))
        text = html.unescape(_BLOCK.sub("\n", text))
    if all(key.search(text) for key in _OF_A_PICTURE):
        text = _PAINTED_WITH.sub("", text)
    return _PORTUGUESE.sub("trained on", with_statements(_translated(text)).replace(CELL, "\n"))


def parsed(text: str) -> object:
    """The value of JSON that is written as a text; any other text itself."""
    try:
        return parse_json(text) if text.lstrip()[:1] in {"{", "[", '"'} else text
    except ValueError:
        return text


def telling(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the texts that may name a model, and their sentences about the training: each short, in one line."""
    found: dict[str, None] = {}
    for text in (_readable(each[:MAX_FIELD]) for each in texts):
        told = dict.fromkeys((*told_of_training(text), *told_of_base(text)))
        found[_around_names(plain(text.replace("\n", "; ")), _TRACE)] = None
        found[_around_names(plain("; ".join(told)), _TELLING)] = None
    return tuple(sorted(filter(None, found), key=len)[:_MAX_TEXTS])


def plain(text: str) -> str:
    """A text in one line and in Latin letters; names in other letters are translated."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", _translated(unicodedata.normalize("NFKC", text)).translate(_PLAIN_LETTERS))
        text = "".join(each for each in text if not unicodedata.combining(each))
        text = "".join(each if each.isascii() else " " for each in text if unicodedata.category(each) != "Cf")
    return " ".join(text.split())


def _translated(text: str) -> str:
    """A text in which names of models, and words for training, are in Latin letters."""
    if not text.isascii():
        for word, latin in WORDS_IN_LATIN.items():
            text = word.sub(latin, text)
    return text


def _around_names(text: str, trace: re.Pattern[str]) -> str:
    """The text, or of a long one what stands around the names in it."""
    if len(text) <= _MAX_TEXT:
        return text if trace.search(text) else ""
    parts: list[str] = []
    read = 0
    for match in trace.finditer(text):
        if match.start() >= read:
            begin = text.rfind(" ", 0, max(0, match.start() - _WINDOW)) + 1
            read = text.find(" ", match.end() + _WINDOW)
            read = len(text) if read < 0 else read
            parts.append(text[max(begin, match.start() - 2 * _WINDOW) : min(read, match.end() + 2 * _WINDOW)])
    return " ... ".join(dict.fromkeys(parts))[:_MAX_TEXT]


def told_of_training(text: str) -> tuple[str, ...]:
    """Return the sentences about the training. Other sentences may name models that the LoRA only works with."""
    return tuple(each for each in sentences(text) if _tells_of_training(each))


def clauses_about_base(text: str) -> tuple[str, ...]:
    """Return the clauses about the LoRA's own base: `It was trained on Pony` of "… Pony, but works on NoobAI".

    Also what a sentence says that the file itself is: `the old Pony version` of "this file is the old Pony version".
    """
    parts = (part for each in told_of_base(text) for part in _CLAUSE.split(each))
    return (*(part for part in parts if _OWN_BASE.search(part)), *statements_about_file(text))


def claims_about_version(text: str, version: str) -> tuple[str, ...]:
    """Return what a list of versions says this one was trained on: `Trained on Pony` for v1 of "v1: Pony, v2: Flux"."""
    if not 1 < len(version) <= _MAX_VERSION:
        return ()
    listed = re.compile(
        rf"(?<![\w.]){re.escape(version)}(?![\w.]) ?(?:[:=(]|was trained on|is for|(?:is |for |- )?(?={_FAMILY}))"
        r"([^,;<(\n]{1,60})",
        re.IGNORECASE,
    )
    return tuple(f"Trained on {match[1].strip()}" for match in listed.finditer(_readable(text[:MAX_FIELD])))


def _tells_of_training(text: str) -> bool:
    """Whether a sentence is about the training, not only about what the LoRA works with."""
    about_use = _USES.search(text) is not None and _MADE.search(text) is None
    return not about_use and _OF_TRAINING.search(text) is not None


def told_of_base(text: str) -> tuple[str, ...]:
    """Return the sentences about what the LoRA was trained on or is for, without those about other LoRAs."""
    told = (each for each in sentences(text) if not _OF_OTHERS.search(each))
    return tuple(each for each in told if _tells_of_training(each) or _OF_USE.search(each))


def tells_of_mistake(text: str) -> bool:
    """Whether the author says that the page has the wrong base model or file."""
    return _MISTAKE.search(text) is not None


def sentences(text: str) -> list[str]:
    """The sentences of a text."""
    return _SENTENCE.split(text)
