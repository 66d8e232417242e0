"""Rules for modals: a title, one to five fields, each with its own custom_id."""

from dataclasses import dataclass, field

from playground.rules.components import OTHER_SELECTS, ROW, STRING_SELECT, TEXT, TEXT_INPUT
from playground.rules.form import FormErrors, Path
from playground.wire import Json, as_int, as_object, as_objects

LABEL, UPLOAD, RADIO, CHECKBOXES, CHECKBOX = 18, 19, 21, 22, 23
FIELDS = (TEXT_INPUT, STRING_SELECT, *OTHER_SELECTS, UPLOAD, RADIO, CHECKBOXES, CHECKBOX)


def check(modal: Json) -> None:
    """Refuse a modal that Discord would not open."""
    form = FormErrors()
    form.length(("data", "custom_id"), modal.get("custom_id"), 1, 100)
    form.length(("data", "title"), modal.get("title"), 1, 45)
    components = as_objects(modal.get("components"))
    form.count(("data", "components"), components, 1, 5)
    walker = _Fields(form)
    for index, component in enumerate(components):
        walker.top(("data", "components", index), component)
    form.refuse()


@dataclass
class _Fields:
    """Walks through a modal's components."""

    form: FormErrors
    custom_ids: set[str] = field(default_factory=set[str])

    def top(self, path: Path, component: Json) -> None:
        """A row with a text input (the old way), a label with any field, or plain text."""
        kind = component.get("type")
        if not self.form.choice((*path, "type"), kind, (ROW, TEXT, LABEL)):
            return
        if kind == ROW:
            self._row(path, component)
        elif kind == TEXT:
            self.form.length((*path, "content"), component.get("content"), 1, 4000)
        else:
            self._label(path, component)

    def _row(self, path: Path, row: Json) -> None:
        children = as_objects(row.get("components"))
        self.form.count((*path, "components"), children, 1, 1)
        for index, child in enumerate(children):
            place = (*path, "components", index)
            if self.form.choice((*place, "type"), child.get("type"), (TEXT_INPUT,)):
                self.form.length((*place, "label"), child.get("label"), 1, 45)
                self._field(place, child)

    def _label(self, path: Path, label: Json) -> None:
        self.form.length((*path, "label"), label.get("label"), 1, 45)
        self.form.length((*path, "description"), label.get("description"), 0, 100)
        inner = as_object(label.get("component"))
        place = (*path, "component")
        if not self.form.choice((*place, "type"), inner.get("type"), FIELDS):
            return
        if inner.get("type") == TEXT_INPUT and inner.get("label"):
            self.form.fault(
                (*place, "label"),
                "TEXT_INPUT_COMPONENT_LABEL_IN_LABEL",
                "A text input inside a label cannot have a label of its own",
            )
        self._field(place, inner)

    def _field(self, path: Path, inner: Json) -> None:
        custom_id = inner.get("custom_id")
        if self.form.length((*path, "custom_id"), custom_id, 1, 100):
            if custom_id in self.custom_ids:
                self.form.fault(
                    (*path, "custom_id"),
                    "COMPONENT_CUSTOM_ID_DUPLICATED",
                    "Component custom id cannot be duplicated",
                )
            self.custom_ids.add(str(custom_id))
        if inner.get("type") == TEXT_INPUT:
            self._text_input(path, inner)
        elif "options" in inner:
            self._options(path, inner)

    def _text_input(self, path: Path, inner: Json) -> None:
        self.form.choice((*path, "style"), inner.get("style"), (1, 2))
        self.form.within((*path, "min_length"), inner.get("min_length"), 0, 4000)
        self.form.within((*path, "max_length"), inner.get("max_length"), 1, 4000)
        self.form.length((*path, "placeholder"), inner.get("placeholder"), 0, 100)
        self.form.length((*path, "value"), inner.get("value"), 0, as_int(inner.get("max_length"), 4000))

    def _options(self, path: Path, inner: Json) -> None:
        options = as_objects(inner.get("options"))
        most = 25 if inner.get("type") == STRING_SELECT else 10
        self.form.count((*path, "options"), options, 1, most)
        for index, option in enumerate(options):
            place = (*path, "options", index)
            self.form.length((*place, "label"), option.get("label"), 1, 100)
            self.form.length((*place, "value"), option.get("value"), 1, 100)
            self.form.length((*place, "description"), option.get("description"), 0, 100)
