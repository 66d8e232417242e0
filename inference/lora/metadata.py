"""Reading what trainers write into a LoRA's metadata: hashes, ids, architectures, trigger words.

Every value is text from a stranger. Nothing here trusts it: a value that is not of the expected form says nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from inference.base_models import BaseModelId
from inference.bounds import MAX_TRIGGER_GROUP
from inference.json_values import as_dict, as_text
from inference.lora.adapter_config import KEY as ADAPTER_CONFIG
from inference.lora.adapter_config import PARTS
from inference.lora.titles import bases_in_checkpoint_name

# What is kept of a file's metadata, besides what `evidence_in` takes out of trainers' configurations.
EVIDENCE_KEYS = (
    "software",
    "ss_base_model_version",
    "ss_new_sd_model_hash",
    "ss_output_name",
    "ss_sd_model_hash",
    "ss_sd_model_name",
    "ss_v2",
    "ss_v_parameterization",
    "ss_zero_terminal_snr",
    "modelspec.architecture",
    "modelspec.prediction_type",
    "modelspec.tags",
    "modelspec.title",
    "modelspec.trigger_phrase",
)
# Names of the training base that `evidence_in` takes out of a configuration: OneTrainer's and PEFT's.
_ONETRAINER_BASE = "ot_config.base_model_name"
_PEFT_BASE = "lora_adapter_metadata.base_model_name_or_path"
_BASE_NAMES = ("ss_sd_model_name", _ONETRAINER_BASE, _PEFT_BASE)
_NAMES_NOTHING = frozenset({"", "sd_1.5", "unknown", "other", "none", "null", "custom", "auto"})
_MAX_NAMED = 60  # characters of a name that are quoted
_MAX_VALUE = 1000  # characters of a value that are kept

# What trainers write for "no hash", in lower case: a missing file, a folder, and the SHA-256 of nothing.
_NO_HASH = frozenset({"", "nofile", "isadirectory", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"})
_NO_OLD_HASH = frozenset({"", "nofile", "isadirectory", "e3b0c442"})
_HEX_64, _HEX_8 = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{8}")
_VERSION_FILE = re.compile(r"([0-9]{4,12})(?:\.safetensors)?")
_VERSION_PAGE = re.compile(
    r"https://civitai\.com/(?:models/\d{1,12}(?:/[\w\-]{0,200})?\?modelVersionId=|api/download/models/)([0-9]{1,12})"
)
_PIXAI_FILE = re.compile(r"([0-9]{16,20})(?:\.safetensors)?")
_PLACEHOLDER = re.compile(
    r"(?:|none|null|model|checkpoint|base|base_model|unet|transformer|diffusion_pytorch_model|model_index)"
    r"(?:\.(?:safetensors|ckpt|sft|json))?"
)
_AIR = re.compile(r"(?:(?:urn:)?(?:air:)?(?:[\w\-]+:)?checkpoint:)?civitai:[0-9]{1,12}@([0-9]{1,12})", re.IGNORECASE)

_VERSIONS = {
    "sd_v1": "sd1",
    "sd_v1_v": "sd1",
    "sd_v2": "sd2",
    "sd_v2_v": "sd2",
    "flux1": "flux1",
    "chroma": "flux1",
    "flux_kontext": "flux1",
    "flux_2_dev": "flux2-dev",
    "flux_2_klein_4b": "flux2-klein-4b",
    "flux_2_klein_9b": "flux2-klein-9b",
    "lumina2": "lumina2",
    "anima": "anima",
    "krea2": "krea2",
    "qwen_image": "qwen-image",
    "qwen_image_edit": "qwen-image",
    "z_image": "z-image",
    "wan": "wan",
    "hunyuan_video": "hunyuan-video",
    "framepack": "hunyuan-video",
    "hunyuan_video_1_5": "hunyuan-video-1.5",
    "hunyuan-image-2.1": "hunyuan-image",
    "ideogram4": "ideogram-4",
    "medium": "sd3",
    "5-medium": "sd35m",
    "5-large": "sd35l",
}
# Longest first where one begins another.
_MODELSPEC = (
    ("stable-diffusion-xl-v1-refiner", "sdxl-refiner"),
    ("stable-diffusion-xl", "sdxl"),
    ("sdxl", "sdxl"),
    ("stable-diffusion-v1", "sd1"),
    ("stable-diffusion-v2", "sd2"),
    ("stable-diffusion-3-5-large", "sd35l"),
    ("stable-diffusion-3-5-medium", "sd35m"),
    ("stable-diffusion-3-medium", "sd3"),
    ("stable-diffusion-v3-medium", "sd3"),
    ("flux-1", "flux1"),
    ("flux.1", "flux1"),
    ("flux-2-dev", "flux2-dev"),
    ("flux.2-dev", "flux2-dev"),
    ("flux.2-klein-4b", "flux2-klein-4b"),
    ("flux.2-klein-9b", "flux2-klein-9b"),
    ("chroma", "flux1"),
    ("lumina-2", "lumina2"),
    ("wan", "wan"),
    ("hunyuan-video-1.5", "hunyuan-video-1.5"),
    ("hunyuan-video", "hunyuan-video"),
    ("framepack", "hunyuan-video"),
    ("hunyuan-image", "hunyuan-image"),
    ("hidream-i1", "hidream"),
    ("ideogram", "ideogram-4"),
    ("qwen-image", "qwen-image"),
    ("z-image", "z-image"),
    ("krea-2", "krea2"),
    ("pixart-", "pixart"),
    ("illustrious", "sdxl"),
    ("noobai", "sdxl"),
    ("pony", "sdxl"),
    ("animagine", "sdxl"),
    ("anima", "anima"),
)
# Not `flux-1-dev`: sd-scripts writes it for every model that has a guidance layer.
_LINEAGES = {
    "flux-1-schnell": "flux1/schnell",
    "flux.1-kontext-dev": "flux1/kontext",
    "chroma": "flux1/chroma",
    "chroma1": "flux1/chroma",
    "illustrious": "sdxl/illustrious",
    "noobai": "sdxl/noobai",
    "pony": "sdxl/pony",
    "animagine": "sdxl/animagine",
}
_LINEAGES_OF_VERSIONS = {"chroma": "flux1/chroma", "flux_kontext": "flux1/kontext"}
_FAMILIES = frozenset({"sdxl/illustrious", "sdxl/noobai", "sdxl/pony", "sdxl/animagine"})
# `"tag": 12`, in JSON's quotes or in Python's, which some trainers leave. Folders' names stand before a brace, so
# they have no number; nothing is nested. Every string is read to its end, or to the end of the text where nothing
# closes it, so that no character is looked at twice.
_TAG_COUNT = re.compile(
    r"""(?:"((?:[^"\\]|\\.)*+)"?+|'((?:[^'\\]|\\.)*+)'?+)(?:\s*+:\s*+(\d{1,9})(?!\d))?+""", re.DOTALL
)
_MAX_TAG_TEXT = 2**20  # characters


def recorded_hash(metadata: Mapping[str, str]) -> str | None:
    """SHA-256 of the checkpoint it was trained on."""
    value = metadata.get("ss_new_sd_model_hash", "").strip().lower().removeprefix("0x")
    return value if value not in _NO_HASH and _HEX_64.fullmatch(value) else None


def recorded_old_hash(metadata: Mapping[str, str]) -> str | None:
    """The old hash, eight digits, of the checkpoint it was trained on."""
    value = metadata.get("ss_sd_model_hash", "").strip().lower().removeprefix("0x")
    return value if value not in _NO_OLD_HASH and _HEX_8.fullmatch(value) else None


def evidence_in(metadata: Mapping[str, str]) -> dict[str, str]:
    """The part of a file's metadata that counts as evidence, small enough to be kept."""
    kept = {key: _shortened(metadata[key]) for key in EVIDENCE_KEYS if key in metadata}
    taken = {_ONETRAINER_BASE: _onetrainer_bases(metadata), _PEFT_BASE: _peft_bases(metadata)}
    return kept | {key: _shortened("\n".join(names)) for key, names in taken.items() if names}


def _shortened(value: str) -> str:
    """A long value ends in a mark that no id, hash or name has: its beginning alone must not pass for one."""
    return value if len(value) <= _MAX_VALUE else f"{value[:_MAX_VALUE]}…"


def _onetrainer_bases(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """OneTrainer's base model; a denoiser of its own, where one was given, is what was trained."""
    config = _table(metadata.get("ot_config", ""))
    parts = (config.get(part) for part in ("unet", "transformer", "prior"))
    inner = [as_dict(part).get("model_name") for part in parts]
    return _names(inner) or _names([config.get("base_model_name")])


def _peft_bases(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """The base model of every part of a pipeline that PEFT's configuration tells of."""
    config = _table(metadata.get(ADAPTER_CONFIG, ""))
    return _names(config.get(f"{part}base_model_name_or_path") for part in ("", *(f"{part}." for part in PARTS)))


def _names(values: Iterable[Any]) -> tuple[str, ...]:
    names = (" ".join(value.splitlines()).strip() for value in values if isinstance(value, str))
    return tuple(dict.fromkeys(name for name in names if name))


def _table(text: str) -> dict[str, Any]:
    """A configuration in JSON; one that gives a key twice says nothing."""
    try:
        value: Any = json.loads(text, object_pairs_hook=_unique_keys) if text else {}
    except (ValueError, RecursionError):
        return {}
    return as_dict(value)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def base_names(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """What trainers call the checkpoint it was trained on, in `evidence_in`'s part; words that say nothing left out."""
    names = (name.strip() for key in _BASE_NAMES for name in metadata.get(key, "").split("\n"))
    return tuple(dict.fromkeys(name for name in names if not _PLACEHOLDER.fullmatch(name.lower())))


def civitai_version(name: str) -> int | None:
    """CivitAI's id of a model version, from `290640.safetensors`, `urn:air:…:civitai:257749@290640` or its page."""
    wanted = name.strip()
    forms = (_VERSION_FILE.fullmatch(wanted), _AIR.fullmatch(wanted), _VERSION_PAGE.fullmatch(wanted))
    return next((int(match[1]) for match in forms if match), None)


def pixai_version(name: str) -> int | None:
    """PixAI's id of a model version, from its file's name."""
    match = _PIXAI_FILE.fullmatch(name.strip())
    return int(match[1]) if match else None


def claimed_architectures(metadata: Mapping[str, str]) -> frozenset[str]:
    """The architectures that the metadata names; more than one: it contradicts itself."""
    version = metadata.get("ss_base_model_version", "").strip().lower()
    found = {"sdxl"} if version.startswith("sdxl_") else {_VERSIONS[version]} if version in _VERSIONS else set[str]()
    if metadata.get("software", "").lower().find("ai-toolkit") >= 0:
        found.clear()  # it has written sd_1.5 whatever it trained on
    kind = _modelspec(metadata)
    found |= set([architecture for begin, architecture in _MODELSPEC if kind.startswith(begin)][:1])
    if not found and metadata.get("ss_v2", "").strip().lower() == "true":
        found.add("sd2")
    return frozenset(found)


def unknown_architecture(metadata: Mapping[str, str]) -> str | None:
    """How the metadata names an architecture that Easel does not know, in one line; None: it names none."""
    if claimed_architectures(metadata):
        return None
    kind = metadata.get("modelspec.architecture", "").strip().partition("/")[0]
    return _first_named((kind, metadata.get("ss_base_model_version", "").strip()))


def unknown_base(metadata: Mapping[str, str]) -> str | None:
    """How the metadata, as `evidence_in` keeps it, names a training base that Easel does not know, in one line."""
    names = (name.rstrip("/\\").replace("\\", "/").rpartition("/")[2] for name in base_names(metadata))
    return _first_named(name for name in names if not bases_in_checkpoint_name(name))


def _first_named(names: Iterable[str]) -> str | None:
    told = (as_text(name.removesuffix(".safetensors"), _MAX_NAMED) for name in names)
    return next((name for name in told if name.lower() not in _NAMES_NOTHING), None)


def stated_lineages(metadata: Mapping[str, str]) -> set[BaseModelId]:
    """The lineages that the fields for the architecture name: most of their values name an architecture only."""
    kind = _modelspec(metadata)
    version = metadata.get("ss_base_model_version", "").strip().lower()
    named = {_LINEAGES.get(kind), _LINEAGES_OF_VERSIONS.get(version)} - {None}
    families = bases_in_checkpoint_name(kind)
    return {BaseModelId(each) for each in named if each} | (families if families & _FAMILIES else set())


def _modelspec(metadata: Mapping[str, str]) -> str:
    return metadata.get("modelspec.architecture", "").strip().lower().partition("/")[0]


def trigger_words(metadata: Mapping[str, str], limit: int = 8) -> tuple[str, ...]:
    """Candidates for trigger words: the phrase its maker wrote, else the tags most frequent in training.

    A phrase of several lines gives a group in each; the words of a single line are each for themselves.
    """
    phrase = metadata.get("modelspec.trigger_phrase", "")[:2000].strip()
    words = [word.strip(" ,") for word in phrase.split("\n" if "\n" in phrase else ",")]
    given = [word for word in words if word and word.lower() != "none"]
    return tuple(dict.fromkeys(word[:MAX_TRIGGER_GROUP] for word in given or frequent_tags(metadata)))[:limit]


def written_tags(metadata: Mapping[str, str], limit: int = 20) -> tuple[str, ...]:
    """The words by which its maker filed it, from `modelspec.tags`."""
    words = [word.strip()[:100] for word in metadata.get("modelspec.tags", "")[:2000].split(",")]
    return tuple(dict.fromkeys(word for word in words if word))[:limit]


def frequent_tags(metadata: Mapping[str, str]) -> list[str]:
    """The tags of `ss_tag_frequency`, the most frequent first."""
    counts: dict[str, int] = {}
    for match in _TAG_COUNT.finditer(metadata.get("ss_tag_frequency", "")[:_MAX_TAG_TEXT]):
        tag = _unescaped(match[1] if match[1] is not None else match[2]).strip() if match[3] else ""
        if tag:
            counts[tag] = counts.get(tag, 0) + int(match[3])
    return sorted(counts, key=lambda tag: -counts[tag])[:50]


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:  # Python's way of escaping
        return text.replace("\\", "")
