"""Validates what a bot sent and what the playground answered against Discord's OpenAPI document.

The document is not part of this project: the tests read the file that DISCORD_OPENAPI names.
"""

import copy
import json
import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from playground.recorder import Exchange

VARIABLE = "DISCORD_OPENAPI"
ROOT = "urn:discord"

Json = dict[str, Any]

# The document says that faults inside a form have numbers; Discord's reference shows names, and it sends names.
_FAULT: Json = {
    "type": "object",
    "properties": {"code": {"type": "string", "pattern": "^[A-Z0-9_]+$"}, "message": {"type": "string"}},
    "required": ["code", "message"],
}
_INNER_ERRORS: Json = {
    "type": "object",
    "properties": {"_errors": {"type": "array", "items": _FAULT}},
    "required": ["_errors"],
}


def _any_of(validator: Any, alternatives: list[Json], value: Any, schema: Json) -> Iterator[Any]:
    """As the original, which gathers every fault of every alternative that does not fit before it tries the next."""
    if not any(validator.evolve(schema=each).is_valid(value) for each in alternatives):
        yield from jsonschema.Draft202012Validator.VALIDATORS["anyOf"](validator, alternatives, value, schema)


_Validator = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"anyOf": _any_of})


def document_path() -> Path | None:
    """The document's place, or None when nobody named it."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else None


class OpenApiValidator:
    """Finds violations of the document in exchanges."""

    def __init__(self, document: Json) -> None:
        self.document = _relaxed(copy.deepcopy(document))
        self.document["components"]["schemas"]["InnerErrors"] = _INNER_ERRORS
        resource = Resource.from_contents(self.document, default_specification=DRAFT202012)
        self.registry: Registry[Any] = Registry().with_resource(ROOT, resource)
        self.judged = 0
        self._validators: dict[tuple[str, ...], Any] = {}

    def faults(self, exchanges: Iterable[Exchange]) -> list[str]:
        """One line per violation; requests that were refused on purpose are not validated."""
        found: list[str] = []
        for exchange in exchanges:
            if exchange.route is not None and not exchange.injected:
                found += self._faults_of(exchange)
        return found

    def _faults_of(self, exchange: Exchange) -> list[str]:
        operation = self.document["paths"].get(exchange.route, {}).get(exchange.method.lower())
        if operation is None:
            return [f"{exchange.method} {exchange.route} is not in the document"]
        self.judged += 1
        found: list[str] = []
        place = ("paths", str(exchange.route), exchange.method.lower())
        if exchange.request is not None and exchange.status < 400:
            kind = "multipart/form-data" if exchange.files else "application/json"
            found += self._check(exchange, "request", (*place, "requestBody", "content", kind), exchange.request)
        if exchange.status != 204:
            found += self._check_answer(exchange, operation, place)
        elif "204" not in operation["responses"]:
            found.append(f"{exchange.method} {exchange.route}: 204 is not among the answers")
        return found

    def _check_answer(self, exchange: Exchange, operation: Json, place: tuple[str, ...]) -> list[str]:
        named = str(exchange.status)
        named = named if named in operation["responses"] else f"{named[0]}XX"
        answer = operation["responses"].get(named)
        if answer is None:
            return [f"{exchange.method} {exchange.route}: {exchange.status} is not among the answers"]
        if "$ref" in answer:
            place = ("components", "responses", answer["$ref"].rsplit("/", 1)[1])
        else:
            place = (*place, "responses", named)
        return self._check(exchange, "answer", (*place, "content", "application/json"), exchange.answer)

    def _check(self, exchange: Exchange, what: str, place: tuple[str, ...], value: object) -> list[str]:
        errors = list(self._validator(place).iter_errors(value))
        if not errors:
            return []
        worst = jsonschema.exceptions.best_match(errors)
        where = "/".join(map(str, worst.absolute_path))
        line = f"{exchange.method} {exchange.route} {exchange.status} {what} at {where or '(top)'}: "
        return [line + worst.message[:300]]

    def _validator(self, place: tuple[str, ...]) -> Any:
        if place not in self._validators:
            pointer = "/".join(step.replace("~", "~0").replace("/", "~1") for step in (*place, "schema"))
            reference = {"$ref": f"{ROOT}#/{pointer}"}
            self._validators[place] = _Validator(reference, registry=self.registry)
        return self._validators[place]


@cache
def validator() -> OpenApiValidator:
    """The judge for the document that is named."""
    path = document_path()
    assert path is not None, f"{VARIABLE} names no file."
    return OpenApiValidator(json.loads(path.read_text()))


def _relaxed(node: Any) -> Any:
    """Discord accepts more than its document says: snowflakes as numbers, numbers as digits, overlapping unions."""
    if isinstance(node, list):
        return [_relaxed(entry) for entry in node]
    if not isinstance(node, dict):
        return node
    relaxed = {key: _relaxed(value) for key, value in node.items()}
    if "oneOf" in relaxed:
        relaxed["anyOf"] = relaxed.pop("oneOf")
    if relaxed.get("format") == "snowflake":
        relaxed = {"type": ["string", "integer"], "pattern": relaxed["pattern"]}
    if relaxed.get("type") in ("integer", ["integer", "null"]) and "enum" not in relaxed:
        relaxed["type"] = ["integer", "string", *(["null"] if "null" in relaxed["type"] else [])]
        relaxed["pattern"] = "^-?[0-9]+$"  # binds strings only
    return relaxed
