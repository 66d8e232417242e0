"""Models beside those that a source may mean: relatives with the same layers, and versions that do not exist.

Relatives share an architecture, so that no shape tells them apart; people name a LoRA's file, title and page by them.
Such a word proves no lineage, it stands against what is said of the base model. An ordinary word (`chroma`, `krea`)
stands against a page alone, a relative's full name against all but a hash, an id and an operator's word.

A number behind a family's name that no published version has is of a successor, whose layers may be the same.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from inference.base_models import Architecture, BaseModelId
from inference.lora.few_steps import read_name
from inference.lora.words.denials import apart, is_denied
from inference.lora.words.titles import families_traced, last_part, latin, name_forms

APART = " · "  # between the names of a page and its version
_MAX = 320  # characters of a name that are read
_NEVER = r"(?!)"
_FLUX = r"\bflux ?(?:1 ?)?(?:dev ?)?"
_FLUXES = tuple(each for each in Architecture if each.value.startswith("flux"))
_CONTROL = r"\bcontrol ?(?:directory|path|image)\b"  # a trainer's key for the pictures that are edited
_ECOSYSTEM = re.compile(r"\burn:air:[\w\-]{1,40}:(?=checkpoint:)", re.IGNORECASE)  # of an AIR, see `metadata`
_ENDING = re.compile(r"\.(?:safetensors|ckpt|sft|gguf)$")
_JOINTS = re.compile(r"[_\-.](?=\w)")


@dataclass(frozen=True)
class Relative:
    """A lineage, or a model that has none here; `words` are its full name, `hints` such as may mean another thing.

    If `words` may be ordinary words in a sentence, `spoken` is the name in sentences.
    """

    architecture: Architecture
    name: str
    words: str
    hints: str = _NEVER
    spoken: str = ""


# `Kontext` is German for "context", and the same in further languages.
_OF_A_MODEL = (
    r"(?:flux|dev|edit\w*|(?:re)?train\w*|loras?|model\w*|base|checkpoint|comfy\w*|workflows?|version|unet|gguf)"
)
_KONTEXT = (
    rf"{_FLUX}kontext\b|\bf ?1 kontext\b|\bkontext (?:dev|pro|max)\b|_kontext|kontext_|^kontext$|(?<=;) kontext(?= ;|$)"
    r"|\b(?:on|for|with|using|only|needs?|requires?|use|nur fur|solo para|pour) kontext\b"
    rf"|(?<!\bim )(?<!\bin )(?<!\bde[mnr] )(?<!\bem )\bkontext (?:\w+ ){{0,3}}{_OF_A_MODEL}\b"
    rf"|\b{_OF_A_MODEL} (?:(?!im |in |de[mnr] )\w+ ){{0,3}}kontext\b|{_CONTROL}"
)
RELATIVES: tuple[Relative, ...] = (
    Relative(Architecture.FLUX1, "flux1/kontext", rf"\bkontext\b(?! of\b)|{_CONTROL}", spoken=_KONTEXT),
    Relative(Architecture.FLUX1, "flux1/krea", rf"{_FLUX}krea\b", r"\bkrea\b"),
    Relative(Architecture.FLUX1, "flux1/schnell", rf"{_FLUX}schnell\b", r"\bschnell\b"),
    Relative(Architecture.FLUX1, "flux1/chroma", r"\bchroma ?1? ?(?:hd|flash|unlocked|radiance)\b", r"\bchroma ?1?\b"),
    Relative(Architecture.FLUX1, "Flux.1 Fill", rf"{_FLUX}fill\b"),
    Relative(Architecture.FLUX1, "Flux.1 Redux", rf"{_FLUX}redux\b"),
    Relative(Architecture.FLUX1, "Flex", r"\bflex ?[12]\b"),
    Relative(Architecture.FLUX1, "Flux.1 Lite", rf"{_FLUX}lite\b"),
    Relative(Architecture.FLUX1, "OpenFLUX or LibreFLUX", r"\b(?:open|libre) ?flux\b"),
    Relative(Architecture.FLUX1, "Flux.1 Canny or Depth", r"\bflux ?(?:1 ?)?(?:canny|depth) ?dev\b"),
    Relative(Architecture.SDXL, "sdxl/kolors", r"\bkolors\b"),
    Relative(Architecture.SDXL, "sdxl/playground", r"\bplayground ?v?2\b"),
    Relative(Architecture.SDXL, "Kohaku XL", r"\bkohaku ?xl\b"),
    Relative(Architecture.SDXL, "RouWei", r"\brou ?wei\b(?! ?(?:like|style)\b)"),
    Relative(Architecture.SDXL, "a later NovelAI", r"\bnovel ?ai ?v?[3-9]\b"),
    Relative(Architecture.SDXL, "CommonCanvas", r"\bcommon ?canvas\b"),
    Relative(Architecture.SDXL, "CosXL", r"\bcos ?xl\b"),
    Relative(Architecture.SDXL, "Terminus XL", r"\bterminus ?xl\b"),
    Relative(Architecture.SDXL, "bigASP 2.5", r"\bbig ?asp ?v?2 5\b"),
    Relative(Architecture.SD1, "AltDiffusion", r"\balt ?diffusion\b"),
    Relative(Architecture.SD2, "Stable Video Diffusion", r"\bstable ?video ?diffusion\b|\bsvd\b"),
    Relative(Architecture.SD2, "Zeroscope", r"\bzeroscope\b|\btext ?2 ?video\b"),
    Relative(Architecture.SDXL, "SDXL with rectified flow", r"\brectified ?flow\b|\bflow ?(?:model|match\w*)\b"),
    Relative(Architecture.SDXL, "Segmind Vega or SSD-1B", r"\bsegmind ?vega\b|\bssd ?1b\b"),
    Relative(
        Architecture.QWEN_IMAGE,
        "qwen-image/edit",
        r"\bqwen ?(?:image ?)?edit\b|\bqwen ?rapid ?aio\b|\bimage ?edit\b|\bedit ?(?:plus|version)\b|(?<!\S)--edit\b"
        rf"|{_CONTROL}",
        r"\bqie(?: ?25\d\d)?\b",
    ),
    Relative(Architecture.QWEN_IMAGE, "Qwen-Image 2", r"\bqwen ?image ?2 \d\b"),
    Relative(Architecture.QWEN_IMAGE, "LongCat-Image", r"\blong ?cat\b"),
    Relative(Architecture.QWEN_IMAGE, "qwen-image/layered", r"\bqwen ?(?:image ?)?layered\b"),
    Relative(Architecture.Z_IMAGE, "z-image/edit", r"\bz ?image ?(?:(?:turbo|base|image) ?)?edit\b"),
    Relative(Architecture.Z_IMAGE, "Z-Image-Omni", r"\bz ?image ?omni\b"),
    Relative(Architecture.LUMINA2, "another Lumina", r"\blumina ?(?:mgpt|dimoo|next|t2\w)\b"),
    Relative(Architecture.LUMINA2, "Illustrious-Lumina", r"\billustrious ?lumina\b"),
    Relative(Architecture.LUMINA2, "lumina2/neta", r"\bneta ?(?:yume(?: ?lumina)?|lumina)", r"\bneta\b"),
    Relative(Architecture.ANIMA, "anima/cosmos-predict2", r"\bcosmos ?predict", r"\bcosmos(?: ?2\w*)?\b"),
    Relative(Architecture.AURAFLOW, "auraflow/pony-v7", r"\bpony ?(?:diffusion ?)?v ?7\b"),
    Relative(Architecture.KREA2, "Krea 2 Edit", r"\bkrea ?2 ?edit\b"),
    Relative(Architecture.KREA2, "another Krea", r"\bkrea ?v?(?:1|2 [1-9]|[3-9])\b"),
    *(Relative(each, "FLUX.3", r"^flux ?3 (?:klein|dev|pro|schnell|base|kontext)\b") for each in _FLUXES),
)
# The model that others descend from, by its name.
_PLAIN: dict[Architecture, tuple[str, str]] = {
    Architecture.FLUX1: ("flux1/dev", r"\bflux ?(?:1 ?)?d(?:ev)?\b"),
    Architecture.SDXL: ("sdxl/base", r"\b(?:sd|stable diffusion) ?xl(?![a-z])"),
    Architecture.QWEN_IMAGE: ("qwen-image/base", r"\bqwen ?image\b"),
    Architecture.Z_IMAGE: ("z-image/base", r"\bz ?image\b"),
    Architecture.LUMINA2: ("lumina2/base", r"\blumina(?: ?image)?(?: ?2)?\b"),
    Architecture.ANIMA: ("anima/base", r"\banima\b"),
    Architecture.AURAFLOW: ("auraflow/base", r"\baura ?flow\b"),
}
_NUMBERED = {
    Architecture.KREA2: r"\bkrea ?2\b",
    Architecture.SD1: r"\bsd ?1 5\b|\bstable ?diffusion ?1",
    Architecture.SD2: r"\bsd ?2\b|\bstable ?diffusion ?2",
}
# Words after a model's name that make it the name of another model.
_FURTHER = r"edit|layered|omni|turbo|lightning|krea|kontext|schnell|fill|redux|chroma|\d+|v\d+"
# What no published version is called, at the beginning of a name.
_NO_VERSION = re.compile(
    r"(?:anima|z ?image) ?(?:(?:base|turbo) ?)?v?(?:[2-9]|[1-9]\d+)\b(?! ?steps?\b)"
    r"|qwen ?image ?v?[3-9]\b"
    r"|krea ?v?(?:2 [1-9]|[3-9])\b(?! ?steps?\b)"
    r"|flux ?[3-9]\b(?! ?steps?\b)"
    r"|chroma ?[2-9]\b"
    r"|(?:sd ?xl|stable ?diffusion ?xl) ?(?:base ?)?v?[2-9](?: \d)?(?: base)?$"
    r"|(?:sd|stable ?diffusion) ?v?[4-9]\b(?! ?steps?\b)"
    r"|lumina ?(?:image ?)?v?[3-9]\b"
    r"|aura ?flow ?v?[1-9]\b"
    r"|pony ?(?:diffusion ?)?(?:xl ?)?v?(?:[89]|1\d)(?: 0)?(?: ?xl)?\b"
    r"|illustrious ?(?:xl ?)?v?[4-9]\d?\b(?! ?steps?\b)"
    r"|noob ?(?:ai)? ?(?:xl ?)?(?:v ?pred ?|eps(?:ilon)? ?(?:pred ?)?)?v?[2-9]\d?\b(?! ?steps?\b)"
    r"|animagine ?(?:xl ?)?v?[5-9]\d?\b(?! ?steps?\b)"
)

_NO_VERSION_ANYWHERE = re.compile(rf"(?P<for>\b(?:for|on|with|using) (?:the )?)?\b(?P<version>{_NO_VERSION.pattern})")
_WITH_V = re.compile(r"pony|animagine")
_LETTERED, _POINT = re.compile(r"\bv ?\d"), re.compile(r"\d \d")


def relatives_named(name: str, base: BaseModelId, *, hints: bool) -> tuple[str, ...]:
    """The relatives of `base` that a name names, with `hints` also those that it may mean."""
    read = latin(name.replace(APART, " | "))[:_MAX]
    forms = (*name_forms(read), read.lower())
    return tuple(each.name for each in _relatives_of(base) if _names(each, forms, hints=hints))


# A command of musubi-tuner names the model by an option; its script has the name of the architecture.
_SCRIPT = re.compile(r"\b\w{1,40}_train_network\.py\b", re.IGNORECASE)
_MODEL_VERSION = re.compile(r"--model_version[ =]{1,3}(edit|layered)", re.IGNORECASE)


def relatives_in_text(text: str, base: BaseModelId, *, hints: bool) -> tuple[str, ...]:
    """The relatives of `base` that a longer text names, if it does not name `base` beside them."""
    text = _MODEL_VERSION.sub(r"qwen-image-\1", _SCRIPT.sub(" ", text))
    spoken = relatives_spoken(text, base, hints=hints)
    beside = base.architecture is not Architecture.SDXL and names_itself(text, base)
    return () if beside else spoken


def relatives_spoken(text: str, base: BaseModelId, *, hints: bool) -> tuple[str, ...]:
    """The relatives of `base` that a sentence names."""
    forms = (*name_forms(text), text.lower())
    return tuple(each.name for each in _relatives_of(base) if _names(_as_spoken(each), forms, hints=hints))


def _as_spoken(relative: Relative) -> Relative:
    return replace(relative, words=relative.spoken or relative.words)


def names_itself(text: str, base: BaseModelId) -> bool:
    """Whether a text names `base`, apart from the names of its relatives: `Qwen-Image-Edit` names no Qwen-Image."""
    forms = (*name_forms(text), text.lower())
    for pattern in (pattern for each in _relatives_of(base) for pattern in (each.words, each.hints)):
        forms = [re.sub(rf"(?:{_FLUX})?(?:{pattern})", "#", form) for form in forms]  # `flux1-dev-kontext`
    plain, pattern = _PLAIN.get(base.architecture, (base, _NUMBERED.get(base.architecture, _NEVER)))
    itself = Relative(base.architecture, base, pattern) if plain == base else _itself(base)
    return _names(itself, forms, hints=True)


def without_denied_relatives(text: str, base: BaseModelId) -> str:
    """A text in plain letters without the names of relatives that it rules out: "not for Kontext"."""
    flat = _JOINTS.sub(" ", text.lower())
    for pattern in (pattern for each in _relatives_of(base) for pattern in (each.words, each.hints)):
        for match in re.finditer(pattern, flat):
            if is_denied(flat, *match.span()):
                blank = " " * (match.end() - match.start())
                text = f"{text[: match.start()]}{blank}{text[match.end() :]}"
    return text


def denies(text: str, base: BaseModelId) -> bool:
    """Whether a text says that the LoRA is not for the model `base`: "not for Krea 2"."""
    plain, pattern = _PLAIN.get(base.architecture, (base, _NUMBERED.get(base.architecture, _NEVER)))
    named = re.compile(rf"(?:{pattern})(?! ?(?:{_FURTHER})\b)")
    forms = [form for sentence in apart(text) for form in name_forms(sentence)] if plain == base else []
    return any(is_denied(form, *match.span()) for form in forms for match in named.finditer(form))


def _relatives_of(base: BaseModelId) -> list[Relative]:
    return [each for each in RELATIVES if each.architecture is base.architecture and each.name != base]


def _itself(base: BaseModelId) -> Relative:
    listed = (each for each in RELATIVES if each.name == base)
    words = _NEVER if base.lineage == "base" else rf"\b{re.escape(base.lineage)}"
    return next(listed, Relative(base.architecture, base, words))


def plain_model_named(name: str, base: BaseModelId, *, first: bool = False) -> str | None:
    """The model that `base` descends from, if a name names that and not `base` itself; with `first` as its first word.

    Few-step LoRAs, which are called by how they were made alone, were made for that model too.
    """
    plain, pattern = _PLAIN.get(base.architecture, (base, _NEVER))
    name = _ECOSYSTEM.sub(" ", name)
    forms = name_forms(latin(last_part(name) if first else name)[:_MAX])
    named = any((re.match if first else re.search)(pattern, form) for form in forms)
    made_for_it = not first and read_name(PurePosixPath(latin(name)).stem, base.architecture).recipe is not None
    if plain == base or not (named or made_for_it):
        return None
    return None if base in families_traced(name) or _names(_itself(base), forms, hints=True) else plain


def _names(relative: Relative, forms: Collection[str], *, hints: bool) -> bool:
    patterns = (relative.words, *([relative.hints] * hints))
    return any(re.search(pattern, form) for pattern in patterns for form in forms)


def names_no_version(name: str) -> bool:
    """Whether a training base's name or a trainer's word begins with a family and a version that was not published."""
    return unpublished_version(name) is not None


def unpublished_version_for(name: str, architecture: Architecture) -> str | None:
    """The unpublished version of a family that a LoRA is for, by its name or the name of its version.

    `NoobAI v3` may be the third version of a LoRA. So a number with a `v` counts only if the family's makers write it
    in this way: after `for`, alone, or after the full name. A number without a `v` counts after `for`, or with a point.
    """
    forms = (form for part in name.split(APART) for form in name_forms(latin(part)[:_MAX]))
    for form in forms:
        for match in _NO_VERSION_ANYWHERE.finditer(form):
            version = match["version"]
            number = version + form[match.end() : match.end() + 2]
            if _LETTERED.search(number):
                clear = match["for"] or match[0] == form or "diffusion" in version
                counts = clear and _WITH_V.match(version)
            else:
                counts = match["for"] or _POINT.search(number)
            if counts and _is_of(version, architecture):
                return version
    return None


def _is_of(version: str, architecture: Architecture) -> bool:
    """Whether the name of a version is of an architecture: by its first letters or as one of its families."""
    families = {base.architecture for base in families_traced(version)}
    return version.startswith(architecture.value.partition("-")[0].rstrip("0123456789")) or architecture in families


def unpublished_version(name: str) -> str | None:
    """The family and the version with which a name begins, in lower case, if no such version was published."""
    last = _ENDING.sub("", re.split(r"[/\\]", name.strip().rstrip("/\\")[:_MAX])[-1].lower())
    found = (_NO_VERSION.match(form) for form in name_forms(last))
    return next((match[0] for match in found if match), None)
