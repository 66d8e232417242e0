"""Reading what trainers write into a LoRA's metadata: hashes, ids, architectures, trigger words.

Every value is text from a stranger. Nothing here trusts it: a value that is not of the expected form says nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import PurePosixPath
from typing import Any

from inference.bounds import MAX_TRIGGER_GROUP
from inference.files.json_values import as_dict, day_of
from inference.lora.beside.adapter_config import KEY as ADAPTER_CONFIG
from inference.lora.beside.adapter_config import PARTS
from inference.lora.words.prediction_words import prediction_in_records, settings_in
from inference.lora.words.texts import names_a_base, parsed, sentences, telling, texts_in
from inference.messages.checkpoints import PredictionType
from inference.prediction import named_prediction

# What is kept of a file's metadata, besides what `evidence_in` takes out of trainers' configurations.
EVIDENCE_KEYS = (
    "software",
    "ss_base_model_version",
    "ss_new_sd_model_hash",
    "ss_output_name",
    "ss_sd_model_hash",
    "ss_sd_model_name",
    "ss_training_comment",
    "ss_training_finished_at",
    "ss_training_started_at",
    "ss_v2",
    "ss_v_parameterization",
    "ss_zero_terminal_snr",
    "modelspec.architecture",
    "modelspec.date",
    "modelspec.description",
    "modelspec.merged_from",
    "modelspec.prediction_type",
    "modelspec.tags",
    "modelspec.title",
    "modelspec.trigger_phrase",
    "modelspec.usage_hint",
)
ARCHITECTURE_KEYS = ("ss_base_model_version", "modelspec.architecture")
# Names of the training base that `evidence_in` takes out of a configuration: OneTrainer's and PEFT's.
_ONETRAINER_BASE = "ot_config.base_model_name"
_PEFT_BASE = "lora_adapter_metadata.base_model_name_or_path"
_READ_ELSEWHERE = frozenset({*EVIDENCE_KEYS, "ot_config", ADAPTER_CONFIG, "ss_tag_frequency"})
_BASE_NAMES = ("ss_sd_model_name", _ONETRAINER_BASE, _PEFT_BASE)
# Further names of it, and names and hashes of a merge's parts, in whatever field: they stand against what is said.
_FURTHER_BASES, _MERGED, _MODEL_TYPE = "further.base_names", "further.merged_names", "further.model_type"
_TEXTS = "further.texts"
_PART = re.compile(r"[,;\n+|]")
_MAX_FIELD = 2**16  # characters of a field in which they are looked for
_READ_AS_A_BASE = frozenset({"ss_sd_model_name", *ARCHITECTURE_KEYS})
_PREDICTION = "trainer.prediction"  # key of the type that `evidence_in` finds in settings, arguments and comments
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
_AIR = re.compile(r"(?:(?:urn:)?(?:air:)?(?:([\w\-]+):)?checkpoint:)?civitai:[0-9]{1,12}@([0-9]{1,12})", re.IGNORECASE)
_AIR_IN_TEXT = re.compile(r"\burn:air:([\w\-]{1,40}):checkpoint:", re.IGNORECASE)

_V_FLAG = {
    **dict.fromkeys(("true", "1", "yes", "on"), PredictionType.V_PREDICTION),
    **dict.fromkeys(("false", "0", "no", "off"), PredictionType.EPSILON),
}
_V_VERSIONS = frozenset({"sd_v1_v", "sd_v2_v"})
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
    kept = {key: _shortened(_unquoted(metadata[key])) for key in EVIDENCE_KEYS if key in metadata}
    taken = {_ONETRAINER_BASE: _onetrainer_bases(metadata), _PEFT_BASE: _peft_bases(metadata)}
    others = {key: value[:_MAX_FIELD] for key, value in metadata.items() if key not in _READ_ELSEWHERE}
    taken |= {_FURTHER_BASES: _further_bases(others), _MERGED: _parts_of_merges(others)}
    taken[_MODEL_TYPE] = _names([_table(metadata.get("ot_config", "")).get("model_type")])
    kept |= {key: _shortened("\n".join(names)) for key, names in taken.items() if names}
    written = ((key, text) for key, text in metadata.items() if key not in _READ_AS_A_BASE)
    if texts := telling(each for key, text in written for each in texts_in(key, text)):
        kept[_TEXTS] = "\n".join(texts)
    recorded = prediction_in_records(metadata)
    return kept | ({_PREDICTION: recorded.value} if recorded else {})


def _unquoted(value: str) -> str:
    """A value that is written as a string of JSON, as some trainers write comments."""
    text = parsed(value)
    return text.encode(errors="replace").decode() if isinstance(text, str) else value  # half of a surrogate pair


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


def _further_bases(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """The values of all settings that name a training base by their key, and every SHA-256."""
    settings = [each for key, text in metadata.items() for each in settings_in(key, text)]
    named = [value for key, value in settings if names_a_base(key)]
    return _names([*named, *(value for _, value in settings if _HEX_64.fullmatch(str(value)))])


def _parts_of_merges(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """The values of all fields about a merge, such as `sd_merge_models`, and the hashes among their keys."""
    fields = [(key, text) for key, text in metadata.items() if "merge" in key.lower()]
    settings = [each for key, text in fields for each in settings_in(key, text)]
    hashes = [found for _, text in fields for found in _HEX_64.findall(text.lower())]
    parts = (part for _, value in settings if isinstance(value, str) for part in _PART.split(value))
    return _names([*(part for part in parts if re.search(r"[^\W\d_]", part)), *hashes])


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


def recorded_predictions(metadata: Mapping[str, str]) -> set[PredictionType]:
    """The prediction types that its trainer was set to, by `evidence_in`'s part; trainers may contradict themselves."""
    found = {named_prediction(metadata.get(key, "")) for key in ("modelspec.prediction_type", _PREDICTION)}
    found.add(_V_FLAG.get(metadata.get("ss_v_parameterization", "").strip().lower()))
    version = metadata.get("ss_base_model_version", "").strip().lower()
    zero_snr = metadata.get("ss_zero_terminal_snr", "").strip().lower() == "true"  # which only v can sample
    kind = metadata.get("modelspec.architecture", "").strip().lower()
    if zero_snr or version in _V_VERSIONS or kind.startswith("stable-diffusion-v2-768-v"):
        found.add(PredictionType.V_PREDICTION)
    return {kind for kind in found if kind is not None}


def civitai_version(name: str) -> int | None:
    """CivitAI's id of a model version, from `290640.safetensors`, `urn:air:…:civitai:257749@290640` or its page.

    The name may also be the path of such a file.
    """
    forms = (name.strip(), PurePosixPath(name.replace("\\", "/")).name.strip())
    found = (rule.fullmatch(form) for form in forms for rule in (_VERSION_FILE, _AIR, _VERSION_PAGE))
    return next((int(match.groups()[-1]) for match in found if match), None)


def air_ecosystem(name: str) -> str:
    """What an AIR calls the family of its model, such as `sdxl`; nothing for another name."""
    match = _AIR.fullmatch(name.strip())
    return (match[1] or "") if match else ""


def ecosystems_in_text(text: str) -> set[str]:
    """The ecosystems in a text's AIRs of checkpoints, such as `sdxl`."""
    return {match[1] for match in _AIR_IN_TEXT.finditer(text)}


def pixai_version(name: str) -> int | None:
    """PixAI's id of a model version, from its file's name."""
    match = _PIXAI_FILE.fullmatch(name.strip())
    return int(match[1]) if match else None


def trained_on_day(metadata: Mapping[str, str]) -> date | None:
    """The last day that the trainer recorded: of its beginning, its end or the file."""
    seconds = (metadata.get(f"ss_training_{name}_at", "") for name in ("started", "finished"))
    days = [day_of(metadata.get("modelspec.date", "")), *(_day_of_seconds(each) for each in seconds)]
    return max(filter(None, days), default=None)


def _day_of_seconds(text: str) -> date | None:
    try:
        return datetime.fromtimestamp(float(text[:30]), UTC).date()
    except (ValueError, OverflowError, OSError):
        return None


def own_names(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """What it calls itself."""
    return metadata.get("modelspec.title", ""), metadata.get("ss_output_name", "")


def further_base_names(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the training base in fields that no known trainer writes: enough to dispute, not to decide."""
    return tuple(name for name in metadata.get(_FURTHER_BASES, "").split("\n") if name)


def model_types(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """What OneTrainer was set to train, such as `CHROMA_1`: an architecture, and of some relatives the lineage."""
    return tuple(filter(None, [metadata.get(_MODEL_TYPE, "")]))


def comments(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """The sentences of the trainer's comment."""
    return tuple(sentences(metadata.get("ss_training_comment", "")))


def texts(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """All texts in whatever field that may name a model, in `evidence_in`'s part."""
    return tuple(filter(None, metadata.get(_TEXTS, "").split("\n")))


def merged_names(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """The names of what it was merged from, as `merged_from` and other fields about merges list them."""
    fields = (metadata.get("modelspec.merged_from", ""), metadata.get(_MERGED, ""))
    names = (name.strip() for field in fields for name in _PART.split(field))
    return tuple(dict.fromkeys(name for name in names if name and name.lower() != "none"))


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
