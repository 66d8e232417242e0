"""The sidecar of a LoRA file: a TOML or JSON file with the same stem that says what people should know of it.

Other programs keep files of that name too (A1111's `NAME.json`). One whose keys are mostly not ours is another
program's; one with a wrong key among ours is a mistake, and said. Where there is none of ours, what other programs left
is read as far as it tells the same (`foreign_sidecars`).
"""

from __future__ import annotations

import json
import re
import tomllib
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inference.base_models import BaseModelId
from inference.content_rating import ContentRating
from inference.files.json_values import as_dict
from inference.lora.beside.categories import Category
from inference.lora.beside.foreign_sidecars import (
    A1111_KEYS,
    adapter_configs,
    claims_of_hub_file,
    fields_of_foreign,
    fields_of_hub_file,
    hub_files,
    texts_of,
    texts_of_settings,
)
from inference.lora.beside.text_files import files_beside, text_files, texts_of_file
from inference.lora.beside.trigger_groups import bounded_groups
from inference.lora.few_steps import FewStepRecipe
from inference.messages.checkpoints import PredictionType
from inference.messages.values import Sha256, TriggerGroup, Weight

MAX_SIDECAR_BYTES = 256 * 1024
FROM_OTHERS = frozenset(
    {"others", "page_tags", "previews", "published", "texts"}
)  # fields that are no keys: other programs' files tell them
_SLIP = 0.7  # likeness of two words from which one is a slip in writing the other
MAX_KEY_PARTS = 64  # of a dotted key in TOML; ours have one
_ShortText = Annotated[str, Field(min_length=1, max_length=100)]


# What may be a dotted key, for which tomllib takes quadratic time; group 1 is the first part too many. Every string is
# read to its end or to the end of the line, so that no character is looked at twice.
_PART = r"""(?:[\w\-]++|"(?:[^"\\\n]|\\.)*+"?+|'[^'\n]*+'?+)"""
_DOTTED = re.compile(rf"{_PART}(?:[ \t]*+\.[ \t]*+{_PART}){{0,{MAX_KEY_PARTS - 1}}}+([ \t]*+\.[ \t]*+{_PART})?+")


class Sidecar(BaseModel):
    """What an operator wrote beside a LoRA file. Files with the same `name` are versions of one entry."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: _ShortText | None = None
    version: _ShortText | None = None
    category: Category = Category.OTHER
    base_model: BaseModelId | None = None
    prediction: PredictionType | None = None  # the prediction type that it was trained for
    sha256: Sha256 | None = None  # pins `base_model` and `prediction` to these bytes
    tags: Annotated[tuple[_ShortText, ...], Field(max_length=20)] = ()  # what it is about: "lighting", "camera"
    trigger_words: Annotated[tuple[TriggerGroup, ...], Field(max_length=50)] = ()
    trigger_groups: Annotated[dict[_ShortText, TriggerGroup], Field(max_length=25)] = {}  # words that have a name
    recommended_weight: Weight | None = None
    few_steps: FewStepRecipe | Literal[False] | None = None  # what it was made for; False: it is no few-step LoRA
    content_rating: ContentRating | None = None  # for whom its pictures are
    file_name: Annotated[str, Field(max_length=320)] | None = None  # where it came from: FILE, or REPOSITORY/FILE
    description: Annotated[str, Field(max_length=4000)] = ""
    example_prompt: Annotated[str, Field(max_length=1000)] = ""
    published: date | None = None  # not a key: the last day on which a hub's version was made or published
    previews: BaseModelId | None = None  # not a key: the base model of a hub's previews
    page_tags: tuple[str, ...] = ()  # not a key: tags on a hub's page that may name a model
    texts: tuple[str, ...] = ()  # not a key: what other programs' files beside the LoRA say that may name a model
    others: tuple[Sidecar, ...] = ()  # not a key: what further files beside the LoRA say of its base model

    @property
    def all_trigger_words(self) -> tuple[str, ...]:
        """Trigger words and groups, as many as are kept."""
        return bounded_groups((*self.trigger_words, *self.trigger_groups.values()))

    def all_of(self, sha256: str) -> list[Sidecar]:
        """It and the others, as far as they are of the file with this hash."""
        return [each for each in (self, *self.others) if each.sha256 in {None, sha256}]


class BadSidecar(Exception):
    """The sidecar cannot be used; the message says what to mend."""


def sidecar_path(lora: Path) -> Path | None:
    """The sidecar beside `lora`, TOML before JSON, or None."""
    return next(iter(_own_paths(lora)), None)


def _own_paths(lora: Path) -> list[Path]:
    return files_beside(lora, (".toml", ".json"))


def sidecar_paths(lora: Path) -> list[Path]:
    """All files beside `lora` that `read_sidecar` reads: its sidecars, and what other programs left."""
    return [*_own_paths(lora), *hub_files(lora), *adapter_configs(lora), *text_files(lora)]


def read_sidecar(lora: Path) -> Sidecar:
    """What stands beside `lora`; without a sidecar of ours what other programs left. Raises BadSidecar.

    What further files say of the base model comes with it: none of them overrules another.
    """
    own = _own_paths(lora)
    first = _first(lora, next(iter(own), None))
    others = [*map(_second, own[1:]), *map(_hub_sidecar, hub_files(lora))]
    others += [Sidecar(texts=texts_of(path)) for path in adapter_configs(lora)]
    others += [Sidecar(texts=texts_of_file(path)) for path in text_files(lora)]
    told = tuple(each for each in others if each is not None and each != first and each != Sidecar())
    return first.model_copy(update={"others": told})


def _second(path: Path) -> Sidecar | None:
    """A second sidecar, of ours or A1111's; None for what is no such thing."""
    try:
        value = _parse(path)
        strange = _strange_keys(value)
        told = fields_of_foreign(value) | {"texts": texts_of_settings(value)} if strange else _keys_of_ours(value)
        return Sidecar.model_validate(told)
    except (OSError, ValueError, RecursionError):
        return None


def _hub_sidecar(path: Path) -> Sidecar | None:
    """What a hub's file says of the base model, and what it calls the file."""
    try:
        return Sidecar.model_validate(claims_of_hub_file(path))
    except (OSError, ValueError):
        return None


def _first(lora: Path, path: Path | None) -> Sidecar:
    if path is None:
        return _foreign(lora, {})
    try:
        value = _parse(path)
        return _foreign(lora, value) if _strange_keys(value) else Sidecar.model_validate(_keys_of_ours(value))
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise BadSidecar(f"{path.name}: {where}: {first['msg']}") from None
    except RecursionError:
        raise BadSidecar(f"{path.name} cannot be read: it is nested too deeply") from None
    except (OSError, ValueError) as problem:
        raise BadSidecar(f"{path.name} cannot be read: {problem}") from None


def _keys_of_ours(value: Any) -> Any:
    """The table, if what is no key of a sidecar is not in it. Raises ValueError."""
    for key in FROM_OTHERS & as_dict(value).keys():
        raise ValueError(f"{key!r} is no key of a sidecar")
    return value


def _foreign(lora: Path, beside: dict[str, Any]) -> Sidecar:
    """What other programs tell: a hub, and over that what a person wrote into A1111's file (`beside`)."""
    try:
        path = next(iter(hub_files(lora)), None)
        told = fields_of_hub_file(path) if path else {}
        texts = (*told.pop("texts", ()), *texts_of_settings(beside))
        foreign = fields_of_foreign(beside)
        if foreign.get("prediction") is not PredictionType.V_PREDICTION and "prediction" in told:
            foreign.pop("prediction", None)  # trainers write epsilon when nobody set it
        return Sidecar.model_validate(told | foreign | {"texts": texts})
    except (OSError, ValidationError):
        return Sidecar()


def foreign_sidecar(lora: Path) -> str | None:
    """A sentence about a file beside `lora` that is another program's; None when there is none."""
    path = sidecar_path(lora)
    try:
        strange = _strange_keys(_parse(path)) if path else []
    except (OSError, ValueError, RecursionError):
        return None
    if path is None or not strange or A1111_KEYS.issuperset(strange):
        return None
    keys = ", ".join(repr(key[:40]) for key in strange[:3])
    return f"{path.name} is another program's file, and no sidecar: its keys ({keys}) are others"


def _strange_keys(value: Any) -> list[str]:
    """The keys that make a table another program's: like none of ours, and at least as many as the others."""
    table = as_dict(value)
    strange = [key for key in table if not _like_ours(key)]
    return strange if strange and 2 * len(strange) >= len(table) else []


def _like_ours(key: str) -> bool:
    """Whether a key is one of ours or a slip in writing one; none of ours has a blank in it."""
    return " " not in key and bool(get_close_matches(key[:40], Sidecar.model_fields, n=1, cutoff=_SLIP))


def _parse(path: Path) -> Any:
    with path.open("rb") as file:
        raw = file.read(MAX_SIDECAR_BYTES + 1)
    if len(raw) > MAX_SIDECAR_BYTES:
        raise ValueError(f"it is larger than {MAX_SIDECAR_BYTES // 1024} KiB")
    text = raw.decode("utf-8")
    if path.suffix != ".toml":
        return json.loads(text)
    if any(chain[1] for chain in _DOTTED.finditer(text)):
        raise ValueError(f"a key in it has more than {MAX_KEY_PARTS} parts")
    return tomllib.loads(text)
