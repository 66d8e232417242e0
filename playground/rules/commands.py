"""Rules for registering application commands: names, options, choices, total size."""

import unicodedata
from typing import cast

from playground.rules.form import FormErrors, Path
from playground.wire import Json, as_object, as_objects

CHAT_INPUT, USER_MENU, MESSAGE_MENU = 1, 2, 3
SUBCOMMAND, GROUP = 1, 2
STRING, INTEGER, NUMBER, ATTACHMENT = 3, 4, 10, 11
OPTION_TYPES = tuple(range(1, 12))
SUGGESTING = (STRING, INTEGER, NUMBER)  # option types that take choices or autocomplete
SIZE_LIMIT = 8000  # characters of names, descriptions and values in one command
PER_TYPE = {CHAT_INPUT: 100, USER_MENU: 15, MESSAGE_MENU: 15}


def check(form: FormErrors, path: Path, body: Json) -> None:
    """Validate one command that a bot registers."""
    kind = body.get("type") or CHAT_INPUT
    if not form.choice((*path, "type"), kind, (CHAT_INPUT, USER_MENU, MESSAGE_MENU)):
        return
    if kind == CHAT_INPUT:
        _check_name(form, (*path, "name"), body.get("name"))
        form.length((*path, "description"), body.get("description"), 1, 100)
        _check_options(form, (*path, "options"), as_objects(body.get("options")), depth=0)
    else:
        form.length((*path, "name"), body.get("name"), 1, 32)
        _check_menu(form, path, body)
    if size(body) > SIZE_LIMIT:
        form.fault(path, "APPLICATION_COMMAND_TOO_LARGE", f"Command exceeds maximum size ({SIZE_LIMIT})")


def check_unique(form: FormErrors, bodies: list[Json]) -> None:
    """No two commands of one kind with the same name in a bulk overwrite."""
    seen: set[tuple[str, str]] = set()
    for index, body in enumerate(bodies):
        key = (str(body.get("type") or CHAT_INPUT), str(body.get("name")))
        if key in seen:
            form.fault((index,), "APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique")
        seen.add(key)


def size(body: Json) -> int:
    """Characters that count: name, description and choice values, through all options; longest language."""
    own = _longest(body, "name") + _longest(body, "description")
    choices = as_objects(body.get("choices"))
    own += sum(_longest(choice, "name") + len(str(choice.get("value", ""))) for choice in choices)
    return own + sum(size(option) for option in as_objects(body.get("options")))


def _longest(body: Json, key: str) -> int:
    texts = [body.get(key), *as_object(body.get(f"{key}_localizations")).values()]
    return max(len(str(text or "")) for text in texts)


def _check_menu(form: FormErrors, path: Path, body: Json) -> None:
    if body.get("description"):
        form.fault(
            (*path, "description"),
            "APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION_NOT_EMPTY",
            "Context menu commands cannot have description",
        )
    if body.get("options"):
        form.fault(
            (*path, "options"),
            "APPLICATION_COMMAND_CONTEXT_MENU_OPTIONS_NOT_EMPTY",
            "Context menu commands cannot have options",
        )


def _check_name(form: FormErrors, path: Path, name: object) -> None:
    """Lower-case letters and digits of any script, hyphen, underscore and apostrophe; at most 32."""
    if not form.length(path, name, 1, 32):
        return
    text = cast("str", name)
    if text != text.lower() or not all(_may_name(letter) for letter in text):
        form.fault(path, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")


def _may_name(letter: str) -> bool:
    devanagari_or_thai = "\u0900" <= letter <= "\u097f" or "\u0e00" <= letter <= "\u0e7f"
    return letter in "-_'" or devanagari_or_thai or unicodedata.category(letter)[0] in "LN"


def _check_options(form: FormErrors, path: Path, options: list[Json], depth: int) -> None:
    if len(options) > 25:
        form.fault(path, "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
    _check_order(form, path, options)
    names: set[str] = set()
    for index, option in enumerate(options):
        place = (*path, index)
        name = str(option.get("name"))
        if name in names:
            form.fault(
                (*place, "name"),
                "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS",
                "Option name already exists",
            )
        names.add(name)
        _check_option(form, place, option, depth)


def _check_order(form: FormErrors, path: Path, options: list[Json]) -> None:
    """Required options first; subcommands and plain options never side by side."""
    optional_seen = False
    nesting = {option.get("type") in (SUBCOMMAND, GROUP) for option in options}
    if len(nesting) > 1:
        form.fault(
            path,
            "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
            "Sub-command and sub-command group option types are mutually exclusive to all other types",
        )
    for index, option in enumerate(options):
        if option.get("required") and optional_seen:
            form.fault(
                (*path, index),
                "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
                "Required options must be placed before non-required options",
            )
        optional_seen = optional_seen or not option.get("required")


def _check_option(form: FormErrors, path: Path, option: Json, depth: int) -> None:
    _check_name(form, (*path, "name"), option.get("name"))
    form.length((*path, "description"), option.get("description"), 1, 100)
    kind = option.get("type")
    if not form.choice((*path, "type"), kind, OPTION_TYPES):
        return
    if kind in (SUBCOMMAND, GROUP):
        if depth >= (2 if kind == SUBCOMMAND else 1):
            form.fault(
                (*path, "type"),
                "APPLICATION_COMMAND_OPTIONS_NESTING",
                "Sub-command and sub-command group options can't be nested this deep",
            )
            return
        _check_options(form, (*path, "options"), as_objects(option.get("options")), depth + 1)
        return
    _check_suggestions(form, path, option)
    _check_bounds(form, path, option)


def _check_suggestions(form: FormErrors, path: Path, option: Json) -> None:
    choices = as_objects(option.get("choices"))
    if (choices or option.get("autocomplete")) and option.get("type") not in SUGGESTING:
        form.fault(
            (*path, "autocomplete" if option.get("autocomplete") else "choices"),
            "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
            "Only string, integer and number options take choices or autocomplete",
        )
    if choices and option.get("autocomplete"):
        form.fault(
            (*path, "autocomplete"),
            "APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE_WITH_CHOICES",
            "Autocomplete cannot be set to true when choices are present",
        )
    if len(choices) > 25:
        form.fault((*path, "choices"), "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
    for index, choice in enumerate(choices):
        check_choice(form, (*path, "choices", index), choice, option.get("type"))


def check_choice(form: FormErrors, path: Path, choice: Json, kind: object) -> None:
    """A choice of an option or of autocomplete: name and text value of 1 to 100 characters."""
    form.length((*path, "name"), choice.get("name"), 1, 100)
    value = choice.get("value")
    if kind == STRING:
        form.length((*path, "value"), value, 1, 100)
    elif not isinstance(value, int | float) or isinstance(value, bool):
        form.fault((*path, "value"), "NUMBER_TYPE_COERCE", f'Value "{value}" is not a number.')


def _check_bounds(form: FormErrors, path: Path, option: Json) -> None:
    for low, high in (("min_value", "max_value"), ("min_length", "max_length")):
        least, most = option.get(low), option.get(high)
        if isinstance(least, int | float) and isinstance(most, int | float) and least > most:
            form.fault((*path, low), "NUMBER_TYPE_MAX", f"int value should be less than or equal to {most}.")
    form.within((*path, "min_length"), option.get("min_length"), 0, 6000)
    form.within((*path, "max_length"), option.get("max_length"), 1, 6000)
