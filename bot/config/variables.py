"""The environment's variables: which there are, and which one a problem is of. Their values are never told."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from bot.config.unknown_names import shown, similar
from bot.program import program
from inference.processes.child_processes import SETTINGS_PREFIX as PREFIX

DELIMITER = "__"
EXAMPLES = {dict: '{"key": "value"}', tuple: '["first", "second"]'}  # of JSON

# Variables of compose.yaml, which an operator may have exported. They are not settings.
COMPOSE = frozenset({"EASEL_EXTRAS", "EASEL_MEMORY", "EASEL_MODELS", "EASEL_TOKEN", "EASEL_TORCH"})

Fields = Mapping[str, FieldInfo]


def variables_that_are_no_settings(fields: Fields) -> list[str]:
    """A sentence for each variable of ours that no setting of `fields` reads; pydantic ignores some of them."""
    if not (present := _present()):
        return []
    known = dict(_known(fields))
    return [_unknown(name, _nearest(parts, known)) for parts, name in present.items() if parts not in known]


def _unknown(name: str, nearest: Sequence[str] | None) -> str:
    advice = f"do you mean {_name(nearest)}?" if nearest else f"`{program()} config explain KEY` names the right one."
    return f"The environment variable {shown(name)} is not a setting; {advice}"


def _nearest(parts: Sequence[str], known: Iterable[tuple[str, ...]]) -> Sequence[str] | None:
    """The setting with a similar name in the same section; for one part, the setting that lacks a delimiter."""
    section, *rest = parts
    if not rest:
        whole = {"_".join(each): each for each in known if len(each) > 1}
        return whole.get(section)
    for near in similar(section, (each[0] for each in known if len(each) == 1)):
        keys = [each[1] for each in known if each[0] == near and len(each) > 1]
        for key in similar(DELIMITER.join(rest), keys):
            return (near, key)
    return None


def variables_that_are_no_json(fields: Fields) -> list[str]:
    """A sentence for each variable that has to hold JSON and does not."""
    found: list[str] = []
    present = _present()
    for parts, field in _known(fields) if present else ():
        name = present.get(parts)
        kind = dict if len(parts) == 1 and _is_section(field) else get_origin(field.annotation)
        if name is not None and kind in EXAMPLES and not _is_json(os.environ[name]):
            found.append(f"The environment variable {name} has to be JSON, such as {EXAMPLES[kind]}.")
    return found


def variable_of(place: Sequence[int | str]) -> str | None:
    """The variable that the value at `place` of the settings comes from; None for the file."""
    present = _present()
    for length in range(len(place), 0, -1):
        name = present.get(tuple(str(part) for part in place[:length]))
        if name is not None and _holds(os.environ[name], place[length:]):
            return name
    return None


def _holds(value: str, rest: Sequence[int | str]) -> bool:
    """Whether a variable holds what is at the place `rest` of it: of a section some keys, of a list everything."""
    if not rest:
        return True
    try:
        held: Any = json.loads(value)
    except ValueError:
        return False
    return isinstance(held, list) or (isinstance(held, dict) and rest[0] in held)


def _present() -> dict[tuple[str, ...], str]:
    """The variables of ours that are set, by the place that each names; case does not matter."""
    ours = (name for name in os.environ if name.upper().startswith(PREFIX) and name not in COMPOSE)
    return {tuple(name[len(PREFIX) :].lower().split(DELIMITER)): name for name in ours}


def _known(fields: Fields) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    for section, field in fields.items():
        yield (section,), field
        if _is_section(field):
            assert isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
            yield from (((section, key), inner) for key, inner in field.annotation.model_fields.items())


def _is_section(field: FieldInfo) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)


def _name(parts: Iterable[str]) -> str:
    return PREFIX + DELIMITER.join(parts).upper()


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
