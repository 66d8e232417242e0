"""Rules for components in messages: rows of buttons and selects, and components V2."""

from collections.abc import Callable, Set
from dataclasses import dataclass, field
from typing import cast

from playground.rules import media
from playground.rules.form import FormErrors, Path
from playground.wire import Json, as_int, as_object, as_objects

ROW, BUTTON, STRING_SELECT, TEXT_INPUT = 1, 2, 3, 4
OTHER_SELECTS = (5, 6, 7, 8)  # user, role, mentionable, channel
SELECTS = (STRING_SELECT, *OTHER_SELECTS)
SECTION, TEXT, THUMBNAIL, GALLERY, FILE, SEPARATOR, CONTAINER = 9, 10, 11, 12, 13, 14, 17
IN_CONTAINER = (ROW, SECTION, TEXT, GALLERY, FILE, SEPARATOR)
TOP_V2 = (*IN_CONTAINER, CONTAINER)
LINK, PREMIUM = 5, 6

TOTAL_LIMIT = 40  # components in a V2 message, nested ones and accessories included
TEXT_LIMIT = 4000  # characters of all text displays together


@dataclass
class Components:
    """Walks through a message's components and records every error."""

    form: FormErrors
    files: Set[str]
    v2: bool
    total: int = 0
    characters: int = 0
    custom_ids: set[str] = field(default_factory=set[str])
    numbers: set[int] = field(default_factory=set[int])

    def check(self, path: Path, components: list[Json]) -> None:
        """All components of a message."""
        most = TOTAL_LIMIT if self.v2 else 5
        if len(components) > most:
            self.form.fault(path, "BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {most} in length.")
        self._each(path, components, TOP_V2 if self.v2 else (ROW,))
        if self.v2 and self.total > TOTAL_LIMIT:
            self.form.fault(
                path,
                "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED",
                f"Total number of components cannot exceed {TOTAL_LIMIT}",
            )
        if self.characters > TEXT_LIMIT:
            self.form.fault(
                path,
                "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED",
                f"Components displayable text size exceeds maximum size of {TEXT_LIMIT}",
            )

    def _each(self, path: Path, components: list[Json], allowed: tuple[int, ...]) -> None:
        for index, component in enumerate(components):
            self._one((*path, index), component, allowed)

    def _one(self, path: Path, component: Json, allowed: tuple[int, ...]) -> None:
        self.total += 1
        kind = component.get("type")
        if kind not in allowed:
            listed = ", ".join(map(str, allowed))
            self.form.fault((*path, "type"), "UNION_TYPE_CHOICES", f'Value of field "type" must be one of ({listed}).')
            return
        self._note_number(path, component)
        self._checkers()[cast("int", kind)](path, component)

    def _checkers(self) -> dict[int, Callable[[Path, Json], None]]:
        return {
            ROW: self._row,
            BUTTON: self._button,
            STRING_SELECT: self._string_select,
            **dict.fromkeys(OTHER_SELECTS, self._select),
            SECTION: self._section,
            TEXT: self._text,
            THUMBNAIL: self._thumbnail,
            GALLERY: self._gallery,
            FILE: self._file,
            SEPARATOR: self._separator,
            CONTAINER: self._container,
        }

    def _note_number(self, path: Path, component: Json) -> None:
        """The optional number `id` is unique in a message; 0 means "give it one"."""
        number = component.get("id")
        if not isinstance(number, int) or number == 0:
            return
        if number in self.numbers:
            self.form.fault((*path, "id"), "COMPONENT_ID_DUPLICATED", "Component id cannot be duplicated")
        self.numbers.add(number)

    def _note_custom_id(self, path: Path, component: Json) -> None:
        place = (*path, "custom_id")
        custom_id = component.get("custom_id")
        if not self.form.length(place, custom_id, 1, 100):
            return
        if custom_id in self.custom_ids:
            self.form.fault(place, "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated")
        self.custom_ids.add(str(custom_id))

    def _row(self, path: Path, row: Json) -> None:
        children = as_objects(row.get("components"))
        place = (*path, "components")
        self.form.count(place, children, 1, 5)
        if len(children) > 1 and any(child.get("type") in SELECTS for child in children):
            self.form.fault(
                place,
                "COMPONENT_LAYOUT_WIDTH_EXCEEDED",
                "The specified component exceeds the maximum width",
            )
        self._each(place, children, (BUTTON, *SELECTS))

    def _button(self, path: Path, button: Json) -> None:
        style = button.get("style")
        self.form.choice((*path, "style"), style, (1, 2, 3, 4, LINK, PREMIUM))
        self.form.length((*path, "label"), button.get("label"), 0, 80)
        if style == LINK:
            self.form.length((*path, "url"), button.get("url"), 1, 512)
            self._refuse_both(path, button, "custom_id", "url")
        elif style != PREMIUM:
            self._note_custom_id(path, button)
            self._refuse_both(path, button, "url", "custom_id")
        if style != PREMIUM and not button.get("label") and not button.get("emoji"):
            self.form.fault(path, "BUTTON_COMPONENT_INVALID_LABEL_OR_EMOJI", "A button must have a label or emoji")

    def _refuse_both(self, path: Path, button: Json, extra: str, own: str) -> None:
        if button.get(extra):
            self.form.fault(
                path,
                "BUTTON_COMPONENT_CUSTOM_ID_OR_URL",
                f"A button of this style takes {own} and no {extra}",
            )

    def _string_select(self, path: Path, select: Json) -> None:
        self._select(path, select)
        options = as_objects(select.get("options"))
        place = (*path, "options")
        self.form.count(place, options, 1, 25)
        values: set[str] = set()
        for index, option in enumerate(options):
            self.form.length((*place, index, "label"), option.get("label"), 1, 100)
            self.form.length((*place, index, "value"), option.get("value"), 1, 100)
            self.form.length((*place, index, "description"), option.get("description"), 0, 100)
            if str(option.get("value")) in values:
                self.form.fault(
                    (*place, index, "value"),
                    "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED",
                    "The specified option value is already used",
                )
            values.add(str(option.get("value")))
        defaults = sum(bool(option.get("default")) for option in options)
        if defaults > as_int(select.get("max_values"), 1):
            self.form.fault(place, "SELECT_COMPONENT_TOO_MANY_DEFAULT_VALUES", "More defaults than max_values")

    def _select(self, path: Path, select: Json) -> None:
        self._note_custom_id(path, select)
        self.form.length((*path, "placeholder"), select.get("placeholder"), 0, 150)
        least, most = select.get("min_values"), select.get("max_values")
        self.form.within((*path, "min_values"), least, 0, 25)
        self.form.within((*path, "max_values"), most, 1, 25)
        if isinstance(least, int) and isinstance(most, int) and least > most:
            self.form.fault((*path, "min_values"), "BASE_TYPE_MAX", "min_values is greater than max_values")
        if select.get("type") == STRING_SELECT and isinstance(most, int):
            self.form.within((*path, "max_values"), most, 1, len(as_objects(select.get("options"))))

    def _section(self, path: Path, section: Json) -> None:
        texts = as_objects(section.get("components"))
        self.form.count((*path, "components"), texts, 1, 3)
        self._each((*path, "components"), texts, (TEXT,))
        accessory = section.get("accessory")
        if accessory is None:
            self.form.fault((*path, "accessory"), "BASE_TYPE_REQUIRED", "This field is required")
            return
        self._one((*path, "accessory"), as_object(accessory), (BUTTON, THUMBNAIL))

    def _text(self, path: Path, text: Json) -> None:
        content = text.get("content")
        if self.form.length((*path, "content"), content, 1, TEXT_LIMIT):
            self.characters += len(str(content))

    def _thumbnail(self, path: Path, thumbnail: Json) -> None:
        media.check(self.form, (*path, "media"), thumbnail.get("media"), self.files)
        self._description(path, thumbnail)

    def _description(self, path: Path, holder: Json) -> None:
        if holder.get("description") is not None:
            self.form.length((*path, "description"), holder["description"], 1, 1024)

    def _gallery(self, path: Path, gallery: Json) -> None:
        items = as_objects(gallery.get("items"))
        self.form.count((*path, "items"), items, 1, 10)
        for index, item in enumerate(items):
            place = (*path, "items", index)
            media.check(self.form, (*place, "media"), item.get("media"), self.files)
            self._description(place, item)

    def _file(self, path: Path, component: Json) -> None:
        media.check(self.form, (*path, "file"), component.get("file"), self.files, uploaded_only=True)

    def _separator(self, path: Path, separator: Json) -> None:
        if separator.get("spacing") is not None:
            self.form.choice((*path, "spacing"), separator["spacing"], (1, 2))

    def _container(self, path: Path, container: Json) -> None:
        self.form.within((*path, "accent_color"), container.get("accent_color"), 0, 0xFFFFFF)
        children = as_objects(container.get("components"))
        if not children:
            self.form.count((*path, "components"), children, 1, TOTAL_LIMIT)
        self._each((*path, "components"), children, IN_CONTAINER)
