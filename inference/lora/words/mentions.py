"""Decides which model a text is about, if it names the base model that a page or a sidecar gives, and another one.

Authors mention other models for many reasons. A page's word is weak, so a text that names another base model disputes
it. The text does not dispute it if two things are plain: one clause says that this file is for the page's base model,
and the clause with the other name says something else ("also works on", "the other version is on my profile").

All texts are in plain letters: see `texts.plain`. Words in other scripts are translated there.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from inference.base_models import Architecture, BaseModelId
from inference.lora.tensors.tables import title
from inference.lora.words.architecture_words import models_in_sentence
from inference.lora.words.file_statements import statements_about_file
from inference.lora.words.relatives import names_itself, plain_model_named, relatives_spoken, without_denied_relatives
from inference.lora.words.texts import OF_TRAINING, TAUGHT, sentences
from inference.lora.words.titles import brands_in_sentence, families_in_text, without_denied_families, without_ponies

# Words that begin a clause of its own.
_APART = re.compile(
    r"[,()\[\]|]| - | / |(?=\b(?:but|while|whereas|however|although|though|because|since|hence|therefore|so|which|aber"
    r"|wahrend|weil|mais|pero|mas|ma|maar|ale|tapi)\b)"
    r"|(?=\b(?:and|und|et|y|e|i|en) (?:also|too|an?|the|my|it|is|was|works?|runs?|test\w*|tried|auch|aussi|tambien)\b)"
    r"|(?=\b(?:of|than|from) (?:my|the|our)\b)|\.{3}"
)
# This file was made for the model.
_OWN = (
    rf"{OF_TRAINING}|\b(?:for|fur|pour|para|per|voor|dla|untuk|ile|gelernt|loras?|lycoris|locon|version\w{{0,2}}|versao|versione"
    r"|wersja|base|model|checkpoint|recommended|port|v\d[\w.]{0,10})\b|\buse (?:it |this )?(?:with|on)\b"
)
# Words that show that a clause is about this file.
_OF_THIS_FILE = (
    r"\b(?:only|best|must|needs?|needed|requires?|required|recommend\w*|meant|intended|exclusively|strictly|ideal|enjoy"
    r"|seulement|uniquement|nur|solo|apenas|somente|soltanto|tylko|alleen"
    r"|this (?:file|download|upload|one|time|is)|the (?:uploaded|attached) \w+|the (?:file|download)"
    r"|you (?:get|download)|download here|instead(?! of)|still|until then|for now|currently|at the moment"
    r"|now(?! (?:also|works))|meanwhile"
    r"|per ora|por ahora|por enquanto|pour l'instant|na razie|bis dahin|sorry|oops|wrong|actually|really"
    r"|mixed|moves?|moved|switched|changed)\b"
)
# The model of another file, or another use of this one.
_ELSEWHERE = (
    r"\b(?:elsewhere|separate(?:ly)?"
    r"|(?:my|an?other|other|a separate) (?:\w+ )?(?:page|profile|upload|version|account|tabs?)"
    r"|(?:mein\w{0,2}|andere\w?|mon|une autre|mi|otra|meu|minha|outra|mio|mia|altra|moim|mijn)"
    r" (?:profil\w{0,2}|perfil|seite|page|pagina|stronie)"
    r"|on (?:my|the same|another) (?:\w+ )?(?:page|profile|account)|on this page too|port of|planned|coming|upcoming"
    r"|will (?:follow|come)|in the works|follows|in progress|not yet|later|soon|next|spater|kommt|plus tard|a venir"
    r"|mas tarde|depois|presto|wkrotce)\b|\bavailable (?:separately|elsewhere|too|here)\b|https?://"
)
_ALSO = (
    r"\b(?:also|too|as well|even|aussi|auch|tambien|anche|tambem|ook|takze|rowniez|tez|juga|works?|working"
    r"|(?:can|may) be used|funktioniert|lauft|fonctionne|funciona|funziona|dziala|compatible|usable|fine|okay|tested"
    r"|try|tried|previews|preview (?:pictures?|images?)|samples?|examples?|showcase"
    r"|generated|rendered|inspired|thanks?|credits?|better than|unlike|instead of|compared"
    r"|if you (?:use|want|prefer|need|like|are looking))\b|^(?:of|than|from) (?:my|the|our)\b"
)
_AFFIRMS = re.compile(_OWN, re.IGNORECASE)
_THIS = re.compile(_OF_THIS_FILE, re.IGNORECASE)
_ELSE = re.compile(f"{_ELSEWHERE}|{_ALSO}", re.IGNORECASE)
_OTHER_FILE = re.compile(
    r"\b(?:versions?|loras?|uploads?|files?|ports?|release|fassung|version\w)\b.{0,60}?"
    rf"(?:{_ELSEWHERE})|\b(?:my|another|my other) (?:page|profile|account)\b"
    rf"|(?:{_ELSEWHERE}).{{0,60}}?\b(?:versions?|loras?|uploads?|files?|ports?)\b"
    r"|\bother tabs\b|\balso made (?:one|another|an? [\w.\- ]{1,30}\b(?:version|lora|port|one))\b",
    re.IGNORECASE,
)
# A list of all versions, the page's among them.
_VERSIONS = re.compile(
    r"\b(?:versions|available|released|out) (?:for|in|on)\b"
    r"(?!.{0,200}\b(?:is|was|were|not|no|but|as|than|instead|old)\b)",
    re.IGNORECASE,
)
_TRAINED = re.compile(
    rf"\b(?:re)?train|\bfine ?-?tun|\bbuilt\b|\bbased?\b|\bfed\b|{TAUGHT}"
    r"|(?<!previews )(?<!images )(?<!pictures )\bmade\b",
    re.IGNORECASE,
)
# Such a clause describes an additional use. No other clause needs to affirm the page.
_TOO = re.compile(
    r"\b(?:works?|working|runs?|usable|fine|tested)\b.{0,60}\b(?:too|also|as well)\b|\b(?:also|as well)\b.{0,30}"
    r"\b(?:works?|working|runs?|usable|fine|tested)\b|\bcompatible with\b",
    re.IGNORECASE,
)
_USES = re.compile(r"\b(?:works?|working|tested|compatible|usable)\b", re.IGNORECASE)
_VERSION = re.compile(r"\bv\d[\w.]{0,10}\b", re.IGNORECASE)
# "v1 was Pony", and "NoobAI is a finetune of Illustrious".
_OTHER_SUBJECT = re.compile(
    r"^v\d[\w.]{0,10} (?:was|were)\b"
    r"|\b(?:noob\w*|illustrious\w*|pony\w*|animagine\w*|anima|chroma|kontext|netayume)(?: xl)? (?:is|was) "
    r"(?:an? )?(?:\w+ )?(?:fine ?-?tuned?|derived|descend\w+|based|built|trained|child)\b",
    re.IGNORECASE,
)
_LINKED = re.compile(r"\bversion is (?:over )?here$", re.IGNORECASE)  # a link that lost its address
# Words that take back what a clause says of the page's base model.
_NOT_NOW = re.compile(
    rf"{_ELSEWHERE}|{_ALSO}|\bno (?:\w+ )?versions?\b|\b(?:not exist|category|option|filed|listed|sorted|tag(?:ged)?"
    r"|chose|picked?|selected|closest|nearest|old|older|previous|used to|should|may|might|maybe|probably|perhaps"
    r"|hope|wish|users?|people|fans?|cooking|if|until|uploading|today|tonight|tomorrow|yesterday|week|month|days?|wait|see|download|grab|get|instead|disappointing|noise|garbage|child|descends?|sibling"
    r"|bis dahin|unter)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Clause:
    """A clause, whether it names the page's base model, and the other models that it names."""

    text: str
    names_base: bool
    others: frozenset[str]

    @classmethod
    def of(cls, text: str, base: BaseModelId) -> _Clause:
        """Read a clause. Models of another architecture count in a clause about the training alone."""
        families = families_in_text(text, clearly=False) | brands_in_sentence(text)
        others = {*map(str, families - {base}), *relatives_spoken(text, base, hints=True)}
        if _TRAINED.search(text):
            meant = models_in_sentence(text)
            if not any(base.architecture in each for each in meant.values()):
                others |= {title(each[0]) if each else name for name, each in meant.items()}
            if base.architecture is not Architecture.SDXL and (plain := plain_model_named(text, base)) is not None:
                others.add(plain)
        return cls(text, base in families or names_itself(text, base), frozenset(others))

    @property
    def affirms(self) -> bool:
        """Whether it says that this file is for the page's base model."""
        sure = _AFFIRMS.search(self.text) is not None and _NOT_NOW.search(self.text) is None
        return self.names_base and not self.others and sure

    @property
    def is_list(self) -> bool:
        """Whether it is a title or a list that names the page's base model too, and says nothing."""
        return self.names_base and not _has_cue(self.text)

    @property
    def is_of_version(self) -> bool:
        """Whether it is an entry in a list of versions."""
        return _VERSION.match(self.text) is not None

    @property
    def _is_of_this_file(self) -> bool:
        return _THIS.search(self.text) is not None or _TRAINED.search(self.text) is not None

    @property
    def is_of_other_file(self) -> bool:
        """Whether it plainly says where another file is."""
        return not self._is_of_this_file and _OTHER_FILE.search(self.text) is not None

    @property
    def is_of_further_use(self) -> bool:
        """Whether it plainly speaks of another file, or of another use beside the page's base model."""
        uses = _TOO.search(self.text) or (self.names_base and _USES.search(self.text))
        return self.is_of_other_file or (not self._is_of_this_file and bool(uses))

    @property
    def is_of_another(self) -> bool:
        """Whether it plainly speaks of another file, or of another use."""
        if _THIS.search(self.text):
            return False
        if any(pattern.search(self.text) for pattern in (_OTHER_FILE, _OTHER_SUBJECT)):
            return True
        if self.names_base and _VERSIONS.search(self.text) and not _TRAINED.search(self.text):
            return True
        return _ELSE.search(self.text) is not None and _TRAINED.search(self.text) is None


def other_models_mentioned(texts: Collection[str], base: BaseModelId) -> Iterator[tuple[str, str]]:
    """Yield each clause that disputes `base`, and the model that it names."""
    parts = dict.fromkeys(part for text in without_ponies(texts) for part in _clauses(text, base))
    clauses = [_Clause.of(part, base) for part in parts]
    affirmed = any(clause.affirms for clause in clauses)
    titles = (each for each in clauses if each.names_base and not each.others and not each.is_of_version)
    listed = any(_VERSION.search(each.text) for each in titles)  # the page's name has the version with the base
    stated = any(_Clause.of(each, base).names_base for text in texts for each in statements_about_file(text))
    for clause in clauses:
        excused = affirmed and (
            clause.is_of_another or (listed and clause.is_of_version) or (stated and _LINKED.search(clause.text))
        )
        if not (excused or clause.is_of_further_use or clause.is_list):
            yield from ((clause.text, each) for each in sorted(clause.others))


def texts_of_other_files(texts: Collection[str], base: BaseModelId) -> set[str]:
    """The texts that name other families only to say where another file is; none if no text affirms `base`."""
    of_others = [text for text in texts if (named := families_in_text(text, clearly=False)) and base not in named]
    if not of_others or not any(clause.affirms for text in texts for clause in _read(text, base)):
        return set()
    return {text for text in of_others if all(not each.others or each.is_of_other_file for each in _read(text, base))}


def _read(text: str, base: BaseModelId) -> Iterator[_Clause]:
    return (_Clause.of(part, base) for part in _clauses(text, base))


def _clauses(text: str, base: BaseModelId) -> Iterator[str]:
    """The clauses of a text without the models that it denies; a part without a cue belongs to its neighbour."""
    for sentence in sentences(text):
        allowed = without_denied_families(without_denied_relatives(sentence, base))
        clause = ""
        for part in filter(None, map(str.strip, _APART.split(allowed))):
            if _has_cue(part) and _has_cue(clause):
                yield clause
                clause = part
            else:
                clause = f"{clause} {part}".strip()
        yield clause


def _has_cue(clause: str) -> bool:
    return any(pattern.search(clause) for pattern in (_AFFIRMS, _THIS, _ELSE, _NOT_NOW))
