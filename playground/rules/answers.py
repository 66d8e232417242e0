"""The response types that an interaction allows, and the rules for autocomplete choices."""

from typing import cast

from playground.models import Interaction
from playground.rules import commands
from playground.rules.form import FormErrors, refuse_one
from playground.wire import Json, as_objects

PING, COMMAND, COMPONENT, AUTOCOMPLETE, MODAL_SUBMIT = 1, 2, 3, 4, 5
MESSAGE, DEFER_MESSAGE, DEFER_UPDATE, UPDATE, CHOICES, MODAL = 4, 5, 6, 7, 8, 9


def check_type(interaction: Interaction, given: object) -> int:
    """Refuse a response of a type that the interaction does not allow."""
    allowed = _allowed(interaction)
    if given not in allowed or isinstance(given, bool):
        listed = ", ".join(map(str, allowed))
        raise refuse_one(("type",), "BASE_TYPE_CHOICES", f"Value must be one of ({listed}).")
    return cast("int", given)


def _allowed(interaction: Interaction) -> tuple[int, ...]:
    if interaction.type == AUTOCOMPLETE:
        return (CHOICES,)
    allowed: tuple[int, ...] = (MESSAGE, DEFER_MESSAGE)
    if interaction.source_message_id is not None:
        allowed += (DEFER_UPDATE, UPDATE)
    if interaction.type != MODAL_SUBMIT:
        allowed += (MODAL,)
    return allowed


def check_choices(data: Json, kind: object) -> list[Json]:
    """At most 25 choices, names and text values of 1 to 100 characters."""
    form = FormErrors()
    choices = as_objects(data.get("choices"))
    if len(choices) > 25:
        form.fault(("data", "choices"), "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
    for index, choice in enumerate(choices):
        commands.check_choice(form, ("data", "choices", index), choice, kind)
    form.refuse()
    return choices
