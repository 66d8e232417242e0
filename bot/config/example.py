"""Writes a config.toml: a complete example with comments from the settings' definitions, or a short one to start from.

The short one has only what an operator has answered. `config explain` describes the rest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from bot.config import CheckpointSettings, Settings
from bot.config.comments import comments_of
from bot.config.presets import ILLUSTRIOUS, PONY
from bot.config.section import section_of

_HEAD = """\
# Settings of Easel. Paths are relative to this file.
# Everything can also come from the environment: EASEL_SECTION__KEY, for example EASEL_DISCORD__TOKEN.
"""
_SHORT_HEAD = """\
# Settings of Easel. Paths are relative to this file. `easel config explain` lists all other settings.
"""

EXAMPLE_CHECKPOINTS: tuple[Mapping[str, Any], ...] = (
    ILLUSTRIOUS.declaration(str(ILLUSTRIOUS.repository)),
    PONY.declaration(Path("checkpoints/ponyDiffusionV6XL.safetensors")),
)


def config_text(checkpoints: Sequence[Mapping[str, Any]] = EXAMPLE_CHECKPOINTS, **sections: Mapping[str, Any]) -> str:
    """A whole config.toml with `checkpoints` declared; `sections` gives values that differ from the defaults."""
    parts = [_HEAD]
    for name, field in Settings.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            parts.append(_table(f"[{name}]", kind, sections.get(name, {})))
    first, *others = checkpoints
    parts.append(_table("[[checkpoints]]", CheckpointSettings, first))
    parts += [_bare_table("[[checkpoints]]", values) for values in others]  # without repeating the comments
    return "\n".join(parts)


def short_config_text(checkpoints: Sequence[Mapping[str, Any]], **sections: Mapping[str, Any]) -> str:
    """A config.toml with these values alone, and the purpose of each section. For None: an example, as a comment."""
    tables = [_short_table(f"[{name}]", Settings.model_fields[name], values) for name, values in sections.items()]
    declared = [
        _bare_table("[[checkpoints]]", {name: value for name, value in values.items() if value not in (None, "")})
        for values in checkpoints
    ]
    return "\n".join([_SHORT_HEAD, *tables, *declared])


def _short_table(title: str, section: FieldInfo, values: Mapping[str, Any]) -> str:
    kind = section_of(section)
    assert kind is not None, title
    lines = [f"{title}  # {' '.join((kind.__doc__ or '').split())}"]
    for name, value in values.items():
        if value is None:
            lines += [f"# {name} = {toml_value(each)}" for each in kind.model_fields[name].examples or ()]
        else:
            lines.append(f"{name} = {toml_value(value)}")
    return "\n".join(lines) + "\n"


def _table(title: str, kind: type[BaseModel], values: Mapping[str, Any]) -> str:
    lines = [*_comment(kind.__doc__), title]
    for name, field in kind.model_fields.items():
        if inner := section_of(field):  # tables below the section, of which none is needed
            table = _table(f"[[{title.strip('[]')}.{name}]]", inner, {})
            lines += [line if line.startswith("#") else f"# {line}" for line in table.splitlines()]
            continue
        lines += _comment(comments_of(kind).get(name))
        lines.append(_assignment(name, field, values))
    return "\n".join(lines) + "\n"


def _bare_table(title: str, values: Mapping[str, Any]) -> str:
    return "\n".join([title, *(f"{name} = {toml_value(value)}" for name, value in values.items())]) + "\n"


def _assignment(name: str, field: FieldInfo, values: Mapping[str, Any]) -> str:
    if name in values:
        return f"{name} = {toml_value(values[name])}"
    default = field.get_default(call_default_factory=False)
    if field.is_required() or default is None or isinstance(default, SecretStr):
        return f"# {name} ="
    empty = "# " if default in ((), "", {}) else ""  # shown as a comment
    return f"{empty}{name} = {toml_value(default)}"


def toml_value(value: Any) -> str:
    """A value as TOML writes it: numbers, text, paths, and lists and tables of them."""
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, tuple | list):
        return f"[{', '.join(toml_value(item) for item in value)}]"  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, Mapping):
        pairs = [f"{json.dumps(name)} = {toml_value(each)}" for name, each in cast("Mapping[str, Any]", value).items()]
        return f"{{ {', '.join(pairs)} }}" if pairs else "{}"
    return json.dumps(str(value), ensure_ascii=False)


def _comment(text: str | None) -> list[str]:
    return [f"# {line}".rstrip() for line in (text or "").strip().splitlines()]
