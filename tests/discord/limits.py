"""Checks everything that a bot sent against Discord's limits on messages and modals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from playground.component_shapes import walk
from playground.recorder import Exchange
from playground.wire import Json, as_object, as_objects

ROW, BUTTON, SELECT, TEXT, GALLERY = 1, 2, 3, 10, 12
GONE = "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND"
ARCHIVED = 50083  # in an archived thread nothing is edited
ACKNOWLEDGED = 40060  # another program answered the interaction, or another copy of its event was answered
MOST_COMPONENTS, MOST_TEXT = 40, 4000
FORM, SUGGESTIONS = 9, 8  # types of first answers
IN_COMPONENT = {"custom_id": 100, "label": 80, "placeholder": 150}  # characters
IN_LABEL = {"label": 45, "description": 100}  # of a form
IN_OPTION = {"label": 100, "value": 100, "description": 100}


def over(exchanges: Iterable[Exchange]) -> list[str]:
    """One line for each exceeded limit, and for each refused request that was not corrected."""
    seen = list(exchanges)
    return [fault for number, exchange in enumerate(seen) for fault in _faults(exchange, seen[number + 1 :])]


def fullest(exchanges: Iterable[Exchange]) -> tuple[int, int]:
    """The largest numbers of components and characters in a message."""
    bodies = [body for exchange in exchanges for body in _bodies(exchange)]
    counts = [len(list(walk(as_objects(body.get("components"))))) for body in bodies]
    return max(counts), max(map(_characters, bodies))


def _faults(exchange: Exchange, later: Iterable[Exchange]) -> Iterator[str]:
    where = f"{exchange.method} {exchange.route}: "
    if exchange.status == 400 and not exchange.injected and not _mended(exchange, later):
        yield f"{where}refused with {exchange.answer}"
    for body in _bodies(exchange):
        yield from (where + fault for fault in _in_body(body))


def _mended(exchange: Exchange, later: Iterable[Exchange]) -> bool:
    """Whether nobody waits for the answer, lost pictures were uploaded again, or an archived thread was opened."""
    if as_object(exchange.answer).get("code") == ACKNOWLEDGED:
        return True
    if as_object(exchange.answer).get("code") == ARCHIVED:
        thread, _, _ = exchange.path.partition("/messages/")
        return any((each.method, each.path) == ("PATCH", thread) for each in later)
    again = (each for each in later if (each.method, each.path) == (exchange.method, exchange.path))
    return GONE in str(exchange.answer) and any(each.files and each.status < 400 for each in again)


def _bodies(exchange: Exchange) -> Iterator[Json]:
    """The messages or modals in a request: the body itself, or the data of a first response."""
    if exchange.method in {"POST", "PATCH"} and isinstance(exchange.request, dict):
        request = as_object(exchange.request)
        data = as_object(request.get("data")) if "data" in request else request
        if "components" in data or "choices" in data:
            yield data


def _in_body(body: Json) -> Iterator[str]:
    choices = as_objects(body.get("choices"))
    if len(choices) > 25 or any(len(str(choice[key])) > 100 for choice in choices for key in ("name", "value")):
        yield f"suggestions: {choices}"
    parts = list(walk(as_objects(body.get("components"))))
    is_form = "title" in body
    if is_form and (len(str(body["title"])) > 45 or not 1 <= len(as_objects(body["components"])) <= 5):
        yield f"form of {len(parts)} parts: {body['title']}"
    if not is_form and len(parts) > MOST_COMPONENTS:
        yield f"{len(parts)} components"
    if _characters(body) > MOST_TEXT:
        yield f"{_characters(body)} characters"
    ids = [part["custom_id"] for part in parts if "custom_id" in part]
    if len(ids) != len(set(ids)):
        yield f"twice the same custom_id: {ids}"
    for part in parts:
        yield from _in_part(part, IN_LABEL if is_form and part["type"] == 18 else IN_COMPONENT)


def _in_part(part: Json, limits: dict[str, int]) -> Iterator[str]:
    for key, most in limits.items():
        if len(str(part.get(key) or "")) > most:
            yield f"{key} of {len(part[key])}: {part[key]}"
    kind = part["type"]
    if kind in {ROW, GALLERY} and len(as_objects(part.get("components") or part.get("items"))) > (
        5 if kind == ROW else 10
    ):
        yield f"too much in one row or gallery: {part}"
    if kind == BUTTON and not (part.get("label") or part.get("emoji")):
        yield f"a button without words: {part}"
    if kind == SELECT:
        options = as_objects(part.get("options"))
        if not 1 <= len(options) <= 25 or len({option["value"] for option in options}) != len(options):
            yield f"{len(options)} options: {[option['value'] for option in options]}"
        for option in options:
            yield from (
                f"{key} of an option: {option}" for key, most in IN_OPTION.items() if len(option.get(key) or "") > most
            )


def _characters(body: Json) -> int:
    parts = walk(as_objects(body.get("components")))
    return sum(len(str(part["content"])) for part in parts if part["type"] == TEXT)
