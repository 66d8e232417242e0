"""Words for architectures and lineages in `ss_base_model_version` and `modelspec.architecture`.

Trainers have words of their own, and some write one word for several models. Words are compared in lower case, up
to the slash, with hyphens for underscores, colons and blanks.

Sources: kohya-ss/sd-scripts and kohya-ss/musubi-tuner (`sai_model_spec.py`), ostris/ai-toolkit
(`get_base_model_version`), bghira/SimpleTuner (`save_hooks.py`), Nerogar/OneTrainer (`resources/sd_model_spec`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from inference.base_models import Architecture, BaseModelId
from inference.files.json_values import as_text
from inference.lora.beside.metadata import base_names
from inference.lora.words.relatives import names_no_version
from inference.lora.words.titles import bases_in_checkpoint_name

# Beginnings of words, and the architectures that each may mean; `$` ends a whole word. The first that fits decides.
_BEGINNINGS: tuple[tuple[str, str], ...] = (
    ("easel-demo", "demo"),
    ("demo$", "demo"),
    ("sd-v1", "sd1"),
    ("sd-1.", "sd1"),
    ("sd1x", "sd1"),
    ("sd1", "sd1"),
    ("stable-diffusion-v1", "sd1"),
    ("stable-diffusion-1.", "sd1"),
    ("sd-v2", "sd2"),
    ("sd-2.", "sd2"),
    ("sd2x", "sd2"),
    ("sd2", "sd2"),
    ("stable-diffusion-v2", "sd2"),
    ("stable-diffusion-2", "sd2"),
    ("sd-xl", "sdxl"),
    ("stable-diffusion-xl-v1-refiner", "sdxl-refiner"),
    ("stable-diffusion-xl", "sdxl"),
    ("sdxl", "sdxl"),
    ("illustrious", "sdxl"),
    ("noobai", "sdxl"),
    ("pony-v7", "auraflow"),
    ("pony", "sdxl"),
    ("animagine", "sdxl"),
    ("kolors", "sdxl"),
    ("medium$", "sd3"),
    ("5-medium$", "sd35m"),
    ("5-large$", "sd35l"),
    ("stable-diffusion-3-5-large", "sd35l"),
    ("stable-diffusion-3-5-medium", "sd35m"),
    ("stable-diffusion-3.5-large", "sd35l"),
    ("stable-diffusion-3.5-medium", "sd35m"),
    ("stable-diffusion-v3.5", "sd35m sd35l"),
    ("stable-diffusion-3-medium", "sd3"),
    ("stable-diffusion-v3-medium", "sd3"),
    ("sd-3.5-large", "sd35l"),
    ("sd-3.5-medium", "sd35m"),
    ("sd-3$", "sd3 sd35m sd35l"),
    ("sd3", "sd3 sd35m sd35l"),
    ("flux1", "flux1"),
    ("flux-1", "flux1"),
    ("flux.1", "flux1"),
    ("flux$", "flux1"),
    ("flux-dev", "flux1"),
    ("flux-schnell", "flux1"),
    ("flux-krea", "flux1"),
    ("flux-kontext", "flux1"),
    ("flux-2-dev", "flux2-dev"),
    ("flux.2-dev", "flux2-dev"),
    ("flux-2-klein-4b", "flux2-klein-4b"),
    ("flux.2-klein-4b", "flux2-klein-4b"),
    ("flux2-klein-4b", "flux2-klein-4b"),
    ("flux-2-klein-9b", "flux2-klein-9b"),
    ("flux.2-klein-9b", "flux2-klein-9b"),
    ("flux2-klein-9b", "flux2-klein-9b"),
    ("flux2-dev", "flux2-dev"),
    ("flux2", "flux2-dev flux2-klein-4b flux2-klein-9b"),
    ("flux.2", "flux2-dev flux2-klein-4b flux2-klein-9b"),
    ("flux-3", "flux3"),
    ("flux.3", "flux3"),
    ("flux3", "flux3"),
    ("chroma", "flux1"),
    ("lumina2", "lumina2"),
    ("lumina-2", "lumina2"),
    ("lumina$", "lumina2"),
    ("neta-lumina", "lumina2"),
    ("netayume", "lumina2"),
    ("auraflow", "auraflow"),
    ("anima", "anima"),
    ("cosmos-predict2-14b", "cosmos"),
    ("cosmos2image-14b", "cosmos"),
    ("cosmos-predict2", "anima"),  # of which Anima is a fine-tune, with a text encoder of its own
    ("cosmos2image", "anima"),
    ("cosmos", "cosmos"),
    ("qwen-image-2.", "qwen-image-2.1"),
    ("qwen-image-21", "qwen-image-2.1"),
    ("qwen-image", "qwen-image"),
    ("qwen$", "qwen-image qwen-image-2.1"),
    ("z-image", "z-image"),
    ("zimage", "z-image"),
    ("zimageturbo", "z-image"),
    ("zimagebase", "z-image"),
    ("krea-2", "krea2"),
    ("krea2", "krea2"),
    ("pixart", "pixart"),
    ("sana-video", "sana-video"),
    ("sana", "sana"),
    ("wan", "wan"),
    ("hunyuan-video-1.5", "hunyuan-video-1.5"),
    ("hunyuan-video-1-5", "hunyuan-video-1.5"),
    ("hunyuan-video", "hunyuan-video"),
    ("framepack", "hunyuan-video"),
    ("hunyuan-image", "hunyuan-image"),
    ("hidream", "hidream"),
    ("ideogram", "ideogram-4"),
    ("nucleus-image", "nucleus-image"),
    ("longcat-image", "longcat-image"),
    ("ltx-2", "ltx-2"),
    ("ltx2", "ltx-2"),
    ("ltx", "ltx-video"),
)
_MAX_QUOTED = 60  # characters of a name
_LONGEST = 6  # words of a model's name in a sentence
_SPOKEN = re.compile(r"[a-z]+\d*(?:\.\d+)*|\d+(?:\.\d+)*[a-z]*")
# Names that are ordinary words too: in a sentence they mean a model before a number alone.
_ORDINARY = frozenset({"anima", "chroma", "cosmos", "kolors", "ltx", "sana", "wan"})
_OF_SDXL = frozenset({"illustrious", "noobai", "pony", "animagine"})  # `titles.families_in_text` reads these
_UNITS = re.compile(r"(?:epoch|hour|day|step|image|picture|pic|photo|time|minute|repeat|concept|character)s?|[hk]")
# Words before the name of a model that made or captioned the training pictures.
_PAINTED_WITH = re.compile(
    r"\b(?:generat|creat|render|paint|caption|tagg|upscal|draw|images?|pictures?|pics|outputs?|datasets?)\w*"
    r"(?: \w+)? (?:by|with|in|using|from|of) (?:the )?$"
)
_NOTHING = frozenset(
    {
        "unknown",
        "none",
        "null",
        "n",
        "na",
        "custom",
        "auto",
        "sd-1.5",  # ai-toolkit writes it whatever it trains on
        "other",
        "lora",
        "base",
        "model",
        "unet",
        "transformer",
        "diffusion",
    }
)

# Whole words that name a lineage. Not here, because trainers write them for relatives too: `flux-1-dev` and `flux1`,
# `lumina2` and `lumina-2` (sd-scripts), `auraflow` and `qwen_image` (ai-toolkit).
_LINEAGES: tuple[tuple[re.Pattern[str], BaseModelId], ...] = tuple(
    (re.compile(pattern), BaseModelId(base))
    for pattern, base in (
        ("flux-1-schnell|flux-schnell", "flux1/schnell"),
        ("flux(?:[.]1)?-kontext(?:-dev)?", "flux1/kontext"),
        ("flux-krea", "flux1/krea"),
        ("chroma1?", "flux1/chroma"),
        ("anima(?:-(?:preview|unknown|base|release|v?[0-9.]+))*", "anima/base"),
        ("cosmos-predict2(?!-14b)(?:-.*)?|cosmos2image(?:-2b)?", "anima/cosmos-predict2"),
        ("lumina2-2[.]0", "lumina2/base"),
        ("(?:lumina2-)?neta-lumina(?:-.*)?|netayume(?:-.*)?", "lumina2/neta"),
        ("auraflow-v0[.][0-9]", "auraflow/base"),
        ("auraflow-pony|pony-v7(?:-base)?", "auraflow/pony-v7"),
        ("qwen-image(?:-2512|-v[12][.]0)?", "qwen-image/base"),
        ("qwen-image-edit(?:-.*)?", "qwen-image/edit"),
        ("qwen-image-layered(?:-.*)?", "qwen-image/layered"),
        ("z-?image(?:-(?:turbo|base|de-?turbo|v?[0-9.]+))*|z-image-turbo-ostris-v[0-9]", "z-image/base"),
        ("z-?image-edit(?:-.*)?", "z-image/edit"),
    )
)
_FAMILIES = {name: BaseModelId(f"sdxl/{name}") for name in ("illustrious", "noobai", "pony", "animagine")}


def claimed_architectures(metadata: Mapping[str, str]) -> frozenset[str]:
    """The architectures that the metadata names; more than one: it contradicts itself."""
    found = {meant[0] for word in _words(metadata) if len(meant := _architectures(word)) == 1}
    if not found and metadata.get("ss_v2", "").strip().lower() == "true":
        found.add("sd2")
    return frozenset(found)


def words_against(metadata: Mapping[str, str], architecture: str) -> tuple[str, ...]:
    """Words that name another architecture than this one, known to Easel or not.

    Forks of sd-scripts write a new model's version and leave the other field at its default, which is SD 1's.
    """
    version, kind = _version(metadata), _kind(metadata)
    default = kind.startswith("stable-diffusion-v1") and architecture in _architectures(version)
    named = {version, kind} - ({kind} if default else set())
    return tuple(word for word in sorted(named) if not _empty(word) and architecture not in _architectures(word))


def unknown_architectures(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """Words for an architecture that Easel does not know."""
    return tuple(word for word in _words(metadata) if not _empty(word) and not _architectures(word))


def quoted_architecture(metadata: Mapping[str, str]) -> str | None:
    """The name of an architecture without checkpoints, as the metadata writes it, in one line; None: there is none."""
    if any(_installable(_architectures(word)) for word in _words(metadata)):
        return None
    written = (metadata.get("modelspec.architecture", "").partition("/")[0], metadata.get("ss_base_model_version", ""))
    words = _words(metadata)
    return _first_quoted(value for value in written if _plain(value) in words)


def models_in_sentence(sentence: str) -> dict[str, tuple[str, ...]]:
    """Return the names of models in a sentence about a training, each with the architectures that it may mean.

    A version that nobody published has none. The model that painted or captioned the pictures is left out.
    """
    found: dict[str, tuple[str, ...]] = {}
    text = sentence.lower()
    spoken = list(_SPOKEN.finditer(text))
    for place, match in enumerate(spoken):
        name = _spoken_name([each[0] for each in spoken[place : place + _LONGEST + 1]])
        if not _PAINTED_WITH.search(text[: match.start()]) and (meant := _meant(name)) is not None:
            found.setdefault(name, meant)
    return found


def _spoken_name(spoken: list[str]) -> str:
    """Join up to six words, but stop before a count: `flux 3 epochs` names no version."""
    pairs = zip(spoken, [*spoken[1:], ""], strict=True)
    ends = (place for place, (word, after) in enumerate(pairs) if word.isdecimal() and _UNITS.fullmatch(after))
    return "-".join(spoken[: min(next(ends, _LONGEST), _LONGEST)])


def _meant(name: str) -> tuple[str, ...] | None:
    """Return the architectures of the model that the first words name; None if no name starts here."""
    if names_no_version(name):
        return ()
    word, _, after = name.partition("-")
    if (word in _OF_SDXL and _architectures(name) == ("sdxl",)) or (word in _ORDINARY and not after[:1].isdecimal()):
        return None
    known = any(not beginning.endswith("$") and _begins(name, beginning) for beginning, _ in _BEGINNINGS)
    return _architectures(name) if known else None


def _installable(architectures: Iterable[str]) -> bool:
    return not set(Architecture).isdisjoint(architectures)


def quoted_base(metadata: Mapping[str, str]) -> str | None:
    """The name of a training base that Easel does not know, in one line; `metadata` is what `evidence_in` kept."""
    names = (name.rstrip("/\\").replace("\\", "/").rpartition("/")[2] for name in base_names(metadata))
    return _first_quoted(name for name in names if not bases_in_checkpoint_name(name))


def _first_quoted(names: Iterable[str]) -> str | None:
    told = (as_text(name.removesuffix(".safetensors"), _MAX_QUOTED) for name in names)
    return next((name for name in told if not _empty(_plain(name))), None)


def stated_lineages(metadata: Mapping[str, str]) -> set[BaseModelId]:
    """The lineages that the fields for the architecture name: most of their values name an architecture only."""
    version, kind = _version(metadata), _kind(metadata)
    words = {kind, "" if _by_ai_toolkit(metadata) and version == "qwen-image" else version}
    words -= {word for word in words if names_no_version(word)}
    named = {base for pattern, base in _LINEAGES for word in words if pattern.fullmatch(word)}
    families = bases_in_checkpoint_name(kind)
    in_kind = families if families & set(_FAMILIES.values()) else set[BaseModelId]()
    return named | in_kind | ({_FAMILIES[kind]} if kind in _FAMILIES else set())


def architectures_of(word: str) -> tuple[str, ...]:
    """The architectures that one word may mean, however it is written."""
    return _architectures(_plain(word))


def _words(metadata: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((_version(metadata), _kind(metadata))))


def _version(metadata: Mapping[str, str]) -> str:
    word = _plain(metadata.get("ss_base_model_version", ""))
    # ai-toolkit has written `sd_1.5` whatever it trained on
    return "" if _by_ai_toolkit(metadata) and _architectures(word) == ("sd1",) else word


def _kind(metadata: Mapping[str, str]) -> str:
    return _plain(metadata.get("modelspec.architecture", ""))


def _plain(value: str) -> str:
    return re.sub(r"[_:\s]+", "-", value.strip().lower().partition("/")[0]).strip("-")[:100]


def _by_ai_toolkit(metadata: Mapping[str, str]) -> bool:
    return "ai-toolkit" in metadata.get("software", "").lower()


def _empty(word: str) -> bool:
    return not word or word in _NOTHING


def _architectures(word: str) -> tuple[str, ...]:
    """The architectures that a word may mean; none for a word that is not known, nor for a version that is not."""
    for beginning, architectures in _BEGINNINGS:
        if _begins(word, beginning):
            meant = tuple(architectures.split())
            return () if names_no_version(word) and set(meant) <= set(Architecture) else meant
    return tuple({base.architecture.value for base in bases_in_checkpoint_name(word)})


def _begins(word: str, beginning: str) -> bool:
    start = beginning.removesuffix("$")
    rest = word.removeprefix(start)
    return word.startswith(start) and not (rest if beginning.endswith("$") else rest[:1].isalpha())
