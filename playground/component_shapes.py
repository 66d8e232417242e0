"""Components as Discord returns them: numbered, with defaults and resolved media."""

from collections.abc import Callable, Iterator
from itertools import count

from playground.files import safe_name, unsigned
from playground.models import Attachment
from playground.rules import components as kinds
from playground.wire import Json, as_object, as_objects

_DEFAULTS: dict[int, Json] = {
    kinds.BUTTON: {"disabled": False},
    kinds.STRING_SELECT: {"min_values": 1, "max_values": 1, "disabled": False},
    **{kind: {"min_values": 1, "max_values": 1, "disabled": False} for kind in kinds.OTHER_SELECTS},
    kinds.THUMBNAIL: {"description": None, "spoiler": False},
    kinds.FILE: {"spoiler": False},
    kinds.SEPARATOR: {"spacing": 1, "divider": True},
    kinds.CONTAINER: {"accent_color": None, "spoiler": False},
}


class ComponentNormalizer:
    """Converts the components of a request to those of the response."""

    def __init__(self, files: list[Attachment], new_id: Callable[[], str]) -> None:
        self._by_name = {file.filename: file for file in files}
        self._by_url = {file.url: file for file in files}
        self._new_id = new_id

    def normalize(self, components: list[Json]) -> list[Json]:
        """All components, each with a unique id."""
        taken = {part["id"] for part in walk(components) if part.get("id")}
        numbers = (number for number in count(1) if number not in taken)
        return [self._one(component, numbers) for component in components]

    def embed(self, embed: Json) -> Json:
        """An embed with its pictures resolved."""
        done: Json = {key: value for key, value in embed.items() if value is not None}
        done["type"] = "rich"
        for place in ("image", "thumbnail"):
            if as_object(embed.get(place)).get("url"):
                done[place] = self._picture(as_object(embed[place]))
        done["fields"] = [{"inline": False, **entry} for entry in as_objects(embed.get("fields"))]
        return done

    def _one(self, component: Json, numbers: Iterator[int]) -> Json:
        kind = component["type"]
        given: Json = _without_nulls(component)
        done: Json = {**_DEFAULTS.get(kind, {}), **given}
        done["id"] = component.get("id") or next(numbers)
        if "default_values" in done:
            done["default_values"] = _with_text_ids(done["default_values"])
        if "components" in done:
            done["components"] = [self._one(child, numbers) for child in as_objects(done["components"])]
        if kind == kinds.SECTION:
            done["accessory"] = self._one(as_object(done["accessory"]), numbers)
        if kind == kinds.THUMBNAIL:
            done["media"] = self._media(as_object(done["media"]))
        if kind == kinds.GALLERY:
            done["items"] = [self._item(item) for item in as_objects(done["items"])]
        if kind == kinds.FILE:
            self._file(done)
        return done

    def _item(self, item: Json) -> Json:
        return {
            "description": item.get("description"),
            "spoiler": bool(item.get("spoiler")),
            "media": self._media(as_object(item["media"])),
        }

    def _file(self, done: Json) -> None:
        file = self._find(str(as_object(done["file"])["url"]))
        done["file"] = self._media(as_object(done["file"]))
        done |= {"name": file.filename if file else None, "size": file.size if file else None}

    def _find(self, url: str) -> Attachment | None:
        if url.startswith("attachment://"):
            return self._by_name.get(safe_name(url.removeprefix("attachment://")))
        return self._by_url.get(unsigned(url))

    def _media(self, given: Json) -> Json:
        url = str(given["url"])
        file = self._find(url)
        if file is None:
            unknown: Json = {"width": None, "height": None, "content_type": None}
            return {"id": self._new_id(), "url": url, "proxy_url": url, **unknown}
        return {
            "id": self._new_id(),
            "url": file.url,
            "proxy_url": file.url,
            "width": file.width,
            "height": file.height,
            "content_type": file.content_type,
            "attachment_id": file.id,
        }

    def _picture(self, given: Json) -> Json:
        url = str(given["url"])
        file = self._find(url)
        if file is None:
            return {"url": url, "proxy_url": url}
        size: Json = {"width": file.width, "height": file.height} if file.width else {}
        return {"url": file.url, "proxy_url": file.url, **size}


def modal_shape(modal: Json) -> Json:
    """A modal as Discord hands it to its client."""
    return {**modal, "components": [_modal_part(part) for part in as_objects(modal["components"])]}


def _modal_part(part: Json) -> Json:
    inner = as_object(part.get("component"))
    if "default_values" not in inner:
        return part
    return {**part, "component": {**inner, "default_values": _with_text_ids(inner["default_values"])}}


def _with_text_ids(values: object) -> list[Json]:
    """The values that a menu shows as chosen. Bots may send ids as numbers, which JavaScript rounds."""
    return [{**value, "id": str(value.get("id"))} for value in as_objects(values)]


def _without_nulls(part: Json) -> Json:
    """A part without keys that hold null; emojis and the options of selects too."""
    kept: Json = {key: value for key, value in part.items() if value is not None}
    if "emoji" in kept:
        kept["emoji"] = _without_nulls(as_object(kept["emoji"]))
    if "options" in kept:
        kept["options"] = [_without_nulls(option) for option in as_objects(kept["options"])]
    return kept


def walk(components: list[Json]) -> Iterator[Json]:
    """Every component, nested ones and accessories included."""
    for component in components:
        yield component
        yield from walk(as_objects(component.get("components")))
        nested = [component[key] for key in ("accessory", "component") if isinstance(component.get(key), dict)]
        yield from walk(as_objects(nested))


def text_of(components: list[Json]) -> str:
    """All text that components display, for finding mentions in it."""
    return "\n".join(str(part["content"]) for part in walk(components) if part.get("type") == kinds.TEXT)
