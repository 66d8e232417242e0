"""Converts entered values to a submitted modal, with the checks that a client makes."""

from typing import cast

from playground.people.action_refused import ActionRefused
from playground.people.options import Reader
from playground.rules import components as kinds
from playground.rules import modals
from playground.wire import Json, as_object, as_objects, as_strings

SELECT_KINDS = {5: 6, 6: 8, 7: 9, 8: 7}  # kind of select -> kind of option that resolves the same things


def submitted(modal: Json, values: Json, reader: Reader) -> list[Json]:
    """The components of a modal as they are sent back; fields without a value keep their default."""
    known = {str(field["custom_id"]) for field in _fields(modal)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise ActionRefused(f"The modal has no field {unknown[0]!r}; it has {', '.join(sorted(known))}.")
    numbered = enumerate(as_objects(modal["components"]), start=1)
    return [_top(component, number * 2 - 1, values, reader) for number, component in numbered]


def _fields(modal: Json) -> list[Json]:
    found: list[Json] = []
    for component in as_objects(modal["components"]):
        found += as_objects(component.get("components"))
        if component.get("component"):
            found.append(as_object(component["component"]))
    return found


def _top(component: Json, number: int, values: Json, reader: Reader) -> Json:
    if component["type"] == kinds.ROW:
        inner = as_objects(component["components"])[0]
        return {"type": kinds.ROW, "id": number, "components": [_field(inner, number + 1, values, reader)]}
    if component["type"] == modals.LABEL:
        inner = as_object(component["component"])
        return {"type": modals.LABEL, "id": number, "component": _field(inner, number + 1, values, reader)}
    return {"type": component["type"], "id": number}


def _field(field: Json, number: int, values: Json, reader: Reader) -> Json:
    kind = field["type"]
    value = values.get(str(field["custom_id"]))
    sent: Json = {"type": kind, "id": number, "custom_id": field["custom_id"]}
    if kind == kinds.TEXT_INPUT:
        return {**sent, "value": _text(field, value)}
    if kind == modals.CHECKBOX:
        return {**sent, "value": bool(field.get("default") if value is None else value)}
    if kind == modals.UPLOAD:
        return {**sent, "values": _files(field, value, reader)}
    chosen = _chosen(field, value)
    if kind == modals.RADIO:
        return {**sent, "value": chosen[0] if chosen else None}
    if kind in SELECT_KINDS:
        chosen = [reader.named(SELECT_KINDS[kind], one) for one in chosen]
    return {**sent, "values": chosen}


def _text(field: Json, value: object) -> str:
    text = str(field.get("value") or "" if value is None else value)
    if not text and field.get("required") is False:
        return ""
    least, most = field.get("min_length") or 1, field.get("max_length") or 4000
    if not least <= len(text) <= most:
        raise ActionRefused(f"The field {field['custom_id']!r} takes {least} to {most} characters.")
    return text


def _chosen(field: Json, value: object) -> list[str]:
    options = as_objects(field.get("options"))
    if value is None:
        chosen = [str(option["value"]) for option in options if option.get("default")]
    else:
        chosen = as_strings(cast("object", value)) if isinstance(value, list) else [str(value)]
    allowed = [str(option["value"]) for option in options]
    unknown = [one for one in chosen if options and one not in allowed]
    if unknown:
        raise ActionRefused(f"{unknown[0]!r} is none of the choices of {field['custom_id']!r}.")
    check_count(field, len(chosen))
    return chosen


def check_count(field: Json, chosen: int) -> None:
    """Check the number of choices of a field; an optional field may have none."""
    if chosen == 0 and field.get("required") is False:
        return
    least = field.get("min_values", 1)
    most = field.get("max_values") or (len(field.get("options") or []) if field["type"] == 22 else 1)
    if not (1 if least is None else least) <= chosen <= most:
        raise ActionRefused(f"{field['custom_id']!r} takes {least} to {most} choices, not {chosen}.")


def _files(field: Json, value: object, reader: Reader) -> list[str]:
    keys = as_strings(cast("object", value)) if isinstance(value, list) else []
    check_count(field, len(keys))
    uploads = {upload.key: upload for upload in reader.uploads}
    missing = [key for key in keys if key not in uploads]
    if missing:
        raise ActionRefused(f"No file was sent for {missing[0]!r}.")
    return [reader.attach(uploads[key]) for key in keys]
