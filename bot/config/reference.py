"""The reference of all settings: purpose, values, default and an example of each, read from their definitions.

`config explain` prints it. The definitions also make config.example.toml, so both say the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from bot.config.changes import NEEDS_RESTART
from bot.config.comments import comments_of
from bot.config.example import toml_value
from bot.config.section import Section, section_of
from bot.config.settings import Settings
from bot.config.unknown_names import similar
from bot.config.variables import DELIMITER, PREFIX

MAX_SUGGESTIONS = 5
_UNITS = frozenset({"seconds", "minutes", "hours", "days", "megabytes", "gigabytes", "megapixels", "pixels", "steps"})
_DEFAULT_IN_WORDS = re.compile(r"(?:Default|If left out): (.+?)\.(?:\s|$)", re.DOTALL)


@dataclass(frozen=True)
class SettingSection:
    """A section of config.toml. `table` is its title there, such as `[limits]` or `[[checkpoints]]`."""

    name: str
    kind: type[Section]
    repeated: bool

    @property
    def table(self) -> str:
        """The line that begins the section."""
        return f"[[{self.name}]]" if self.repeated else f"[{self.name}]"

    @property
    def description(self) -> str:
        """The purpose of the section."""
        return _one_line(self.kind.__doc__)


@dataclass(frozen=True)
class Setting:
    """A setting by its definition. `schema` is its JSON schema, with all references resolved in `definitions`."""

    section: SettingSection
    name: str
    field: FieldInfo
    schema: Mapping[str, Any]
    definitions: Mapping[str, Any]

    @property
    def key(self) -> str:
        """The full name, such as `limits.max_loras`."""
        return f"{self.section.name}.{self.name}"

    @property
    def description(self) -> str:
        """The purpose of the setting."""
        return _one_line(comments_of(self.section.kind).get(self.name))

    @property
    def secret(self) -> bool:
        """Whether its value must not be shown."""
        return self.field.annotation is SecretStr

    @property
    def needs_restart(self) -> bool:
        """Whether a change has no effect before the next start."""
        return self.key in NEEDS_RESTART

    @property
    def variable(self) -> str | None:
        """The environment variable that sets it; None in a section that may be repeated."""
        return None if self.section.repeated else PREFIX + self.key.replace(".", DELIMITER).upper()

    @property
    def values(self) -> str:
        """Type, unit and bounds of its value."""
        unit = self.name.split("_")[-1]
        return self._kind(self.schema, f" of {unit}" if unit in _UNITS else "")

    @property
    def default(self) -> str:
        """The value if nobody sets it. The description may say it in words, such as "Default: all"."""
        if found := _DEFAULT_IN_WORDS.search(self.description):
            return found[1]
        if self.field.is_required():
            return "none, so it must be set"
        value = self.field.get_default(call_default_factory=True)
        return "not set" if _is_empty(value) else toml_value(value)

    @property
    def example(self) -> str:
        """Lines for config.toml."""
        return f"{self.section.table}\n{self.name} = {toml_value(self._example_value())}"

    def _example_value(self) -> Any:
        if self.field.examples:
            return self.field.examples[0]
        default = None if self.field.is_required() else self.field.get_default(call_default_factory=True)
        return self._any(self.schema) if _is_empty(default) else default

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """Follow references, and skip null in `anyOf`."""
        for choice in schema.get("anyOf", ()):
            if choice.get("type") != "null":
                return self._resolved(choice)
        if "$ref" in schema:
            return self._resolved(self.definitions[schema["$ref"].rpartition("/")[2]])
        return schema

    def _kind(self, schema: Mapping[str, Any], unit: str = "") -> str:
        """Describe the values that a schema allows."""
        schema = self._resolved(schema)
        if "enum" in schema or "const" in schema:
            values = cast("list[Any]", schema.get("enum") or [schema["const"]])
            return f"one of {', '.join(map(toml_value, values))}" if len(values) > 1 else toml_value(values[0])
        match schema.get("type"):
            case "boolean":
                return "true or false"
            case "integer":
                return f"whole number{unit}{_bounds(schema)}"
            case "number":
                return f"number{unit}{_bounds(schema)}"
            case "array":
                return self._list(schema)
            case "object":
                return f"table{_limit(schema, 'maxProperties', 'entries')}"
            case _:
                return _text(schema)

    def _list(self, schema: Mapping[str, Any]) -> str:
        items = schema.get("items", {})
        if "prefixItems" in items:
            return f"list of pairs; each value: {self._kind(items['prefixItems'][0])}"
        return f"list; each entry: {self._kind(items)}{_limit(schema, 'maxItems', 'entries')}"

    def _any(self, schema: Mapping[str, Any]) -> Any:
        """Make an example value for a setting that declares none."""
        schema = self._resolved(schema)
        if "enum" in schema:
            return schema["enum"][0]
        if "examples" in schema:
            return schema["examples"][0]
        match schema.get("type"):
            case "integer" | "number":
                return max(1, schema.get("minimum", 1))
            case "array":
                return [self._any(schema.get("items", {}))]
            case "object":
                return {}
            case _:
                return "path/to/it" if schema.get("format") == "path" else "…"


@cache
def all_sections() -> Mapping[str, SettingSection]:
    """Every section by its name, in the order of config.example.toml."""
    return {section.name: section for section in _sections()}


@cache
def all_settings() -> Mapping[str, Setting]:
    """Every setting by its full name, in the order of config.example.toml."""
    return {setting.key: setting for section in all_sections().values() for setting in _settings(section)}


def _sections() -> Iterator[SettingSection]:
    for name, defined in Settings.model_fields.items():
        kind = section_of(defined)
        assert kind is not None, "every field of the settings is a section"
        yield SettingSection(name, kind, repeated=defined.annotation is not kind)
        for inner, each in kind.model_fields.items():
            if (below := section_of(each)) is not None:
                yield SettingSection(f"{name}.{inner}", below, repeated=True)


def _settings(section: SettingSection) -> Iterator[Setting]:
    schema = section.kind.model_json_schema()
    for name, defined in section.kind.model_fields.items():
        if section_of(defined) is None:
            yield Setting(section, name, defined, schema["properties"][name], schema.get("$defs", {}))


def plain_key(typed: str) -> str:
    """The key that a person means by `[limits] max_loras`, `EASEL_LIMITS__MAX_LORAS` or `checkpoints.0.steps`."""
    text = typed.strip()
    if text.upper().startswith(PREFIX):
        text = text[len(PREFIX) :].replace(DELIMITER, ".")
    parts = re.split(r"[\s.\[\]]+", text.casefold())
    return ".".join(part for part in parts if part and not part.isdigit())


def settings_called(key: str) -> list[Setting]:
    """Return the setting with this full name, or all with this last part."""
    settings = all_settings()
    if key in settings:
        return [settings[key]]
    return [setting for setting in settings.values() if setting.name == key]


def suggestions(key: str) -> list[str]:
    """Keys that a person may have meant, the nearest first."""
    above, _, last = key.rpartition(".")
    sections = similar(above, all_sections()) or list(all_sections())
    settings = [setting for setting in all_settings().values() if setting.section.name in sections]
    names = dict.fromkeys(setting.name for setting in settings)
    likely = [*similar(last, names, MAX_SUGGESTIONS), *(name for name in names if len(last) > 2 and last in name)]
    found = [setting.key for name in likely for setting in settings if setting.name == name]
    return list(dict.fromkeys([*similar(key, all_sections()), *found]))[:MAX_SUGGESTIONS]


def first_sentence(text: str) -> str:
    """The beginning of a description, for a list."""
    return re.split(r"(?<=\.)\s", text, maxsplit=1)[0]


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


def _is_empty(value: object) -> bool:
    return value is None or isinstance(value, SecretStr) or value in ((), "", {})


def _bounds(schema: Mapping[str, Any]) -> str:
    bounds = {
        "from": schema.get("minimum"),
        "above": schema.get("exclusiveMinimum"),
        "to": schema.get("maximum"),
        "below": schema.get("exclusiveMaximum"),
    }
    words = " ".join(
        f"{word} {int(number) if number == int(number) else number}"
        for word, number in bounds.items()
        if number is not None
    )
    return f", {words}" if words else ""


def _limit(schema: Mapping[str, Any], name: str, what: str) -> str:
    return f"; at most {schema[name]} {what}" if name in schema else ""


def _text(schema: Mapping[str, Any]) -> str:
    match schema.get("format"):
        case "path":
            return "path; a relative one starts at the folder of the settings file"
        case "password":
            return "text, which Easel never shows"
        case _:
            pass
    if schema.get("pattern") == "^[0-9a-f]{64}$":
        return "text, 64 hexadecimal digits in lower case"
    such = f", such as {toml_value(schema['examples'][0])}" if "examples" in schema else ""
    return f"text{such}{_limit(schema, 'maxLength', 'characters')}"
