"""What other programs leave beside a LoRA file, as far as it tells what ours would.

`NAME.metadata.json` is of ComfyUI-Lora-Manager and bears the file's SHA-256; `NAME.civitai.info` is what Civitai says
of a version, and lists the SHA-256 of its files; `NAME.cm-info.json` of Stability Matrix says the same in words of its
own; `NAME.json` of A1111 has words and a weight, and of the base model only the architecture. None of them may name an
entry. What they say of the base model counts as a sidecar's word, for the bytes alone that they name. What is not of
the expected form says nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from inference.base_models import BaseModelId
from inference.files.json_values import as_dict, as_id, as_list, as_number, as_text, day_of, leaves, parse_json
from inference.lora.beside.text_files import files_beside
from inference.lora.beside.trigger_groups import trigger_groups
from inference.lora.known.known_bases import bases_by_id_in_text
from inference.lora.known.registry import named_base_model
from inference.lora.words.prediction_words import prediction_in_records, prediction_on_page
from inference.lora.words.texts import claims_about_version, telling, texts_in, trained_on
from inference.lora.words.titles import bases_in_checkpoint_name

METADATA, CIVITAI, STABILITY_MATRIX = ".metadata.json", ".civitai.info", ".cm-info.json"
HUB_SUFFIXES = (METADATA, CIVITAI, STABILITY_MATRIX)
MAX_BYTES = 4 * 2**20  # example pictures with their prompts are in them
A1111_KEYS = frozenset({"description", "sd version", "activation text", "preferred weight", "negative text", "notes"})
_LONGEST = 100  # characters of a tag
_MOST_TEXT = 20_000  # characters of one text that are read
_MOST_PICTURES = 100
_MAX_GRAPH = 2**20  # characters of ComfyUI's workflow in a picture
_CHECKPOINT_IN_GRAPH = re.compile(r"(?:base_)?ckpt_name|unet_name")
_HEX_64 = re.compile(r"[0-9a-f]{64}")
_MARKUP = re.compile(r"<[^<>]{0,2000}>")


def hub_files(lora: Path) -> list[Path]:
    """The files in which other programs keep what a hub says, the one that is read first."""
    return files_beside(lora, HUB_SUFFIXES)


def adapter_configs(lora: Path) -> list[Path]:
    """The configuration that PEFT keeps beside a file of its own name."""
    path = lora.with_name("adapter_config.json") if lora.stem == "adapter_model" else None
    return [path] if path is not None and path.is_file() else []


def texts_of(path: Path) -> tuple[str, ...]:
    """All texts of such a file that may name a model; none of one that cannot be read."""
    try:
        return _texts(_read(path))
    except OSError:
        return ()


def texts_of_settings(told: object) -> tuple[str, ...]:
    """The texts of a table of settings that may name a model, and of those for the training base what they say."""
    return telling((*texts_in("", told), *trained_on(leaves("", told))))


def _texts(told: dict[str, Any]) -> tuple[str, ...]:
    """Its texts but tags, and the names of the model and the version together: several versions may share either."""
    version = as_dict(told.get("civitai")) or told
    names = {id(each) for each in (version, as_dict(version.get("model")), as_dict(told.get("model")))}
    texts = tuple(texts_in("", told, unnamed=names, without={"tags"}))
    name = as_text(version.get("name"), _LONGEST)
    listed = (claim for text in texts for claim in claims_about_version(text, name))
    return telling((_titles(version, told), *texts, *listed))


def fields_of_hub_file(path: Path) -> dict[str, Any]:
    """The fields of a sidecar of ours that such a file tells. Raises OSError for one that cannot be read."""
    told = _read(path)
    version, hashes = _version_and_hashes(path, told)
    base, titles = _base_and_titles(path, told, version)
    if path.name.endswith(METADATA):
        description, tags = told.get("modelDescription"), told.get("tags")
    else:
        model = as_dict(told.get("model"))
        description, tags = model.get("description") or told.get("description"), model.get("tags")
    return _kept(
        {
            **_pinned(base, titles, hashes),
            "file_name": _file_name(path, told),
            "trigger_words": _words(as_list(version.get("trainedWords"))),
            "tags": tuple(tag[:_LONGEST] for tag in _words(as_list(tags)))[:20],
            "description": _plain(description),
            "published": _published(version),
            "previews": _base_of_previews(version),
            "page_tags": _page_tags(told, version),
            "texts": _texts(told),
        }
    )


def claims_of_hub_file(path: Path) -> dict[str, Any]:
    """What such a file says of the base model, and its names of the model and the version. Raises OSError likewise."""
    told = _read(path)
    version, hashes = _version_and_hashes(path, told)
    base, titles = _base_and_titles(path, told, version)
    name, file_name = titles[:_LONGEST], _file_name(path, told)
    facts = {"published": _published(version), "previews": _base_of_previews(version), "texts": _texts(told)}
    facts["page_tags"] = _page_tags(told, version)
    return _kept({**_pinned(base, titles, hashes), "name": name, "file_name": file_name, **facts})


def _page_tags(told: dict[str, Any], version: dict[str, Any]) -> tuple[str, ...]:
    """The tags that may name a model."""
    tables = (told, version, as_dict(told.get("model")), as_dict(version.get("model")))
    return telling(tag for table in tables for tag in texts_in("tags", table.get("tags")))


def _published(version: dict[str, Any]) -> date | None:
    """The last day on which the version was made or published."""
    return max(filter(None, map(day_of, (version.get("createdAt"), version.get("publishedAt")))), default=None)


def _base_of_previews(version: dict[str, Any]) -> BaseModelId | None:
    """The base model of all previews that name a checkpoint, if there are at least two and all agree."""
    metas = [as_dict(as_dict(image).get("meta")) for image in as_list(version.get("images"))[:_MOST_PICTURES]]
    painted = [told for told in map(_painted_with, metas) if told is not None]
    named = set[BaseModelId]().union(*painted)
    return named.pop() if len(painted) > 1 and len(named) == 1 and all(painted) else None


def _painted_with(meta: dict[str, Any]) -> set[BaseModelId] | None:
    """The base models of the checkpoint that a picture names: by its file's name, its hash or its id; None without."""
    used = [as_dict(each) for key in ("resources", "civitaiResources") for each in as_list(meta.get(key))]
    used = [each for each in used if each.get("type") in {"model", "checkpoint"}]
    ids = [f"modelVersionId={as_id(each.get('modelVersionId')) or 0}" for each in used]
    names = [meta.get("Model"), *as_list(meta.get("models")), *_checkpoints_of_graph(meta.get("comfy"))]
    names += [each.get("name") for each in used]
    hashes = [meta.get("Model hash"), as_dict(meta.get("hashes")).get("model"), *(each.get("hash") for each in used)]
    told = [text for name in names if (text := as_text(name, _LONGEST))]
    by_hash = [text for hash_ in hashes if (text := as_text(hash_, 64))]
    if not (told or by_hash or used):
        return None
    named = [bases_in_checkpoint_name(name) for name in told]
    return set[BaseModelId]().union(*named, bases_by_id_in_text(" ".join((*ids, *by_hash)), {}))


def _checkpoints_of_graph(graph: object) -> list[object]:
    """The checkpoint files that a ComfyUI workflow loads. The metadata has the workflow as text."""
    try:
        told = parse_json(graph) if isinstance(graph, str) and len(graph) <= _MAX_GRAPH else graph
    except ValueError:
        return []
    return [value for key, value in leaves("", told) if _CHECKPOINT_IN_GRAPH.fullmatch(key)]


def _file_name(path: Path, told: dict[str, Any]) -> str:
    """What the hub, or the program that fetched the file, calls it."""
    files = [as_dict(file).get("name") for file in as_list(told.get("files"))]
    names = [told.get("file_name")] if path.name.endswith(METADATA) else files if len(files) == 1 else []
    return next((as_text(name, _LONGEST) for name in names), "")


def _base_and_titles(path: Path, told: dict[str, Any], version: dict[str, Any]) -> tuple[str, str]:
    base = told.get("base_model" if path.name.endswith(METADATA) else "baseModel")
    return as_text(base, _MOST_TEXT), _titles(version, told)


def hashes_at_civitai(path: Path) -> frozenset[str]:
    """The SHA-256 of files that such a file says to be of a version at Civitai. Raises OSError likewise."""
    version, hashes = _version_and_hashes(path, _read(path))
    return hashes if as_id(version.get("id")) else frozenset()


def _read(path: Path) -> dict[str, Any]:
    """Its content with Civitai's keys; empty if the file is malformed. Raises OSError."""
    with path.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    try:
        told = as_dict(parse_json(raw, unique=True)) if len(raw) <= MAX_BYTES else {}
    except ValueError:
        return {}
    return _in_civitai_s_words(told) if path.name.endswith(STABILITY_MATRIX) else told


def _in_civitai_s_words(told: dict[str, Any]) -> dict[str, Any]:
    """Stability Matrix's file with Civitai's keys. Unknown keys stay."""
    model, version = told.pop("ModelName", None), told.pop("VersionName", None)
    return {
        **told,
        "id": told.get("VersionId"),
        "name": version,
        "baseModel": told.get("BaseModel"),
        "trainedWords": told.get("TrainedWords"),
        "description": told.get("VersionDescription"),
        "model": {"name": model, "description": told.get("ModelDescription"), "tags": told.get("Tags")},
        "files": [{"hashes": told.get("Hashes")}],
    }


def _version_and_hashes(path: Path, told: dict[str, Any]) -> tuple[dict[str, Any], frozenset[str]]:
    """What Civitai says of the version, and the SHA-256 of its files or of the file beside."""
    if path.name.endswith(METADATA):
        version, hashes = as_dict(told.get("civitai")), [told.get("sha256")]
    else:
        version = told
        hashes = [as_dict(as_dict(file).get("hashes")).get("SHA256") for file in as_list(told.get("files"))]
    named = (as_text(hash_, _MOST_TEXT).lower() for hash_ in hashes)
    return version, frozenset(hash_ for hash_ in named if _HEX_64.fullmatch(hash_))


def fields_of_foreign(told: dict[str, Any]) -> dict[str, Any]:
    """The fields of a sidecar of ours that another program's `NAME.json` tells: A1111's, or a trainer's settings."""
    if not told.keys() & (A1111_KEYS - {"description"}):
        settings = {key: value if isinstance(value, str) else json.dumps(value) for key, value in told.items()}
        return _kept({"prediction": prediction_in_records(settings)})
    weight = as_number(told.get("preferred weight"))
    return _kept(
        {
            "description": _plain(told.get("description")),
            "trigger_words": _words([as_text(told.get("activation text"), _MOST_TEXT)]),
            "recommended_weight": weight if weight is not None and 0 < weight <= 2 else None,
        }
    )


def _titles(version: dict[str, Any], told: dict[str, Any]) -> str:
    """The names of the model and of the version."""
    model = as_dict(version.get("model")) or as_dict(told.get("model"))
    return " · ".join(filter(None, (as_text(each.get("name"), _LONGEST) for each in (model, version))))


def _pinned(base: str, titles: str, hashes: frozenset[str]) -> dict[str, Any]:
    """A base model and a prediction type that are known, pinned to the only file that is meant; else nothing."""
    told = {"base_model": named_base_model(base), "prediction": prediction_on_page(base, titles)}
    known = {name: value for name, value in told.items() if value is not None}
    return {**known, "sha256": next(iter(hashes))} if known and len(hashes) == 1 else {}


def _kept(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in ((), "", None)}


def _words(groups: Iterable[object]) -> tuple[str, ...]:
    return trigger_groups(as_text(group, _MOST_TEXT) for group in groups)


def _plain(value: object) -> str:
    return _MARKUP.sub(" ", as_text(value, _MOST_TEXT)).strip()[:4000]
