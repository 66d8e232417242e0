"""The section about limits: choose for whom, then change them in forms of at most five fields."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import discord
from discord import ui

from bot.database.servers.limits import HeldLimits, LimitHolder, LimitName, LimitValues
from bot.errors.limits import NotWhole, NumberUnclear
from bot.i18n import _, later, number
from bot.i18n.texts import bounded_lines, mention, plain
from bot.servers.limits import COUNTED, HOLDERS, LIMIT_LABELS, OF_DAY
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.views.persistent_items import MAX_DISCORD_ID, NO_CUSTOM_ID, outdated_error
from bot.ui.views.servers.entity_menus import role_menu
from bot.ui.views.servers.panel import (
    PAGE,
    GoButton,
    PanelButton,
    PanelForm,
    PanelMenu,
    PanelPage,
    PanelSection,
    administration,
    shown,
    turning,
)

QUOTAS = (*OF_DAY, LimitName.COOLDOWN_SECONDS, LimitName.WAITING_PER_PERSON, LimitName.WEIGHT)
PEOPLE = 8  # with limits of their own, on a page
MAX_TEXT = 3200  # characters of a list; a message holds 4000
_NUMBER = re.compile(r"-?\d{1,12}(\.\d{1,6})?")
_HOLDER = re.compile(r"(?P<holder>server|everybody|newcomers|(?P<kind>role|person)\.(?P<id>\d{1,19}))")
_SHARED = (LimitHolder.EVERYBODY, LimitHolder.NEWCOMERS, LimitHolder.SERVER)


@dataclass(frozen=True)
class LimitsOf:
    """For whom limits are set, as the detail of a page."""

    holder: LimitHolder
    id: int = 0

    @classmethod
    def of(cls, detail: str) -> Self:
        """The holder of a page. Raises NothingThere for what means none."""
        match = _HOLDER.fullmatch(detail)
        if match is None or int(match["id"] or 0) >= MAX_DISCORD_ID:
            raise outdated_error()
        return cls(LimitHolder(match["kind"] or match["holder"]), int(match["id"] or 0))

    def __str__(self) -> str:
        """The detail of a page."""
        return f"{self.holder.value}.{self.id}" if self.id else self.holder.value

    def title(self, server_id: int, name: str = "") -> str:
        """Who it is; `name` is that of a role which Discord may not know any more."""
        if self.holder is LimitHolder.PERSON:
            return mention(self.id)
        if self.holder is LimitHolder.ROLE:
            return (
                _(HOLDERS[LimitHolder.EVERYBODY])
                if self.id == server_id
                else f"<@&{self.id}> ({plain(name or str(self.id), 100)})"
            )
        return _(HOLDERS[self.holder])


class LimitsSection(PanelSection):
    """The limits that are set; of one holder, each with its form."""

    key, title = "limits", later("Limits")

    async def items(self, interaction: Interaction, page: PanelPage) -> Sequence[ui.Item[Any]]:
        """The list, or the page of a holder."""
        return await (_of_holder(interaction, page) if page.detail else _of_all(interaction, page))


async def _of_all(interaction: Interaction, page: PanelPage) -> Sequence[ui.Item[Any]]:
    services, who = administration(interaction)
    shared = (await services.settings.setup(who, page.server_id)).limits if not page.page else ()
    first = page.page * PEOPLE
    people = await services.limits.of_people(who, page.server_id, limit=PEOPLE + 1, offset=first)
    lines = [_line(held, page.server_id) for held in (*shared, *people[:PEOPLE])]
    rest = _("The most specific limit applies, in this order: user, role, new members, everyone.")
    return [
        shown([*bounded_lines(lines or [_("No limits are set.")], MAX_TEXT), "-# " + rest]),
        *_holder_menus(interaction, page),
        *turning(page, more=len(people) > PEOPLE),
    ]


def _holder_menus(interaction: Interaction, page: PanelPage) -> list[ui.ActionRow[Any]]:
    """For whom limits are shown and set."""
    roles = role_menu(interaction, page, (), _("Limits for a role"))
    return [
        ui.ActionRow[Any](HolderMenu.of(page)),
        ui.ActionRow[Any](LimitRoleMenu(page, **_one(roles))),
        ui.ActionRow[Any](LimitPersonMenu(page, ui.UserSelect, placeholder=_("Limits for a user"))),
    ]


def _one(menu: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a menu for one choice."""
    return {**menu, "min_values": 1, "max_values": 1}


def _line(held: HeldLimits, server_id: int) -> str:
    values = [
        _("{limit}: {value}").format(limit=_(LIMIT_LABELS[name]), value=number(value, 2))
        for name in LimitName
        if (value := held.values.get(name)) is not None
    ]
    return f"**{LimitsOf(held.holder, held.holder_id).title(server_id, held.name)}** · " + " · ".join(values)


async def _of_holder(interaction: Interaction, page: PanelPage) -> Sequence[ui.Item[Any]]:
    services, who = administration(interaction)
    holder = LimitsOf.of(page.detail)
    values = await services.limits.of_holder(who, page.server_id, holder.holder, holder.id)
    ceilings = services.limits.ceilings(holder.holder)
    names = COUNTED if holder.holder is LimitHolder.SERVER else tuple(LimitName)
    lines = [
        _("Limits for **{whom}**").format(whom=holder.title(page.server_id, _role_name(interaction, page, holder)))
    ]
    lines += [_value_line(name, values, ceilings) for name in names]
    buttons: list[PanelButton] = [QuotasButton(page)]
    if holder.holder is not LimitHolder.SERVER:
        buttons.append(AddingLimitsButton(page))
    if holder.holder is LimitHolder.NEWCOMERS:
        hours = (await services.settings.setup(who, page.server_id)).settings.newcomer_hours
        lines.insert(
            1,
            _(
                "Members count as new for this number of hours after they join: **{hours}**. With 0 hours, "
                "no member counts as new."
            ).format(hours=number(hours)),
        )
        buttons.append(NewcomerTimeButton(page))
    buttons.append(GoButton.to(page.about(""), _("All limits")))
    return [shown(lines), ui.ActionRow[Any](*buttons), *_holder_menus(interaction, page)]


def _value_line(name: LimitName, values: LimitValues, ceilings: LimitValues) -> str:
    value, ceiling = values.get(name), ceilings.get(name)
    shown_value = _("not set") if value is None else number(value, 2)
    text = _("{limit}: **{value}**").format(limit=_(LIMIT_LABELS[name]), value=shown_value)
    return text if ceiling is None else f"{text} · {_ceiling(name, ceiling)}"


def _ceiling(name: LimitName, ceiling: float) -> str:
    """The operator's limit in words."""
    if name is LimitName.COOLDOWN_SECONDS:
        return _("the bot's operator requires at least {value}").format(value=number(ceiling, 2))
    return _("the bot's operator allows at most {value}").format(value=number(ceiling, 2))


def _role_name(interaction: Interaction, page: PanelPage, holder: LimitsOf) -> str:
    server = interaction.client.get_guild(page.server_id)
    role = server.get_role(holder.id) if server and holder.holder is LimitHolder.ROLE else None
    return role.name if role else ""


class HolderMenu(PanelMenu, template=rf"svholder:{PAGE}"):
    """Chooses everybody, new members or the whole server."""

    name = "svholder"

    @classmethod
    def of(cls, page: PanelPage) -> Self:
        """The menu."""
        options = [discord.SelectOption(label=_(HOLDERS[each]), value=each.value) for each in _SHARED]
        return cls(page, options=options, placeholder=_("Limits for everyone, new members or the whole server"))

    async def handle(self, interaction: Interaction) -> None:
        """Show the limits of the chosen ones."""
        await self.page.about(str(LimitsOf.of(self.value(interaction)))).show(interaction)


class LimitRoleMenu(PanelMenu, template=rf"svlimitrole:{PAGE}"):
    """Chooses a role."""

    name, holder = "svlimitrole", LimitHolder.ROLE

    async def handle(self, interaction: Interaction) -> None:
        """Show the limits of the chosen one."""
        chosen = self.ids(interaction)
        if len(chosen) != 1:
            raise outdated_error()
        await self.page.about(str(LimitsOf(self.holder, chosen[0]))).show(interaction)


class LimitPersonMenu(LimitRoleMenu, template=rf"svlimitwho:{PAGE}"):
    """Chooses a person."""

    name, holder = "svlimitwho", LimitHolder.PERSON


class LimitsButton(PanelButton, template=NO_CUSTOM_ID):
    """Opens the form of some limits."""

    opens_modal = True
    limits: ClassVar[tuple[LimitName, ...]] = ()

    async def handle(self, interaction: Interaction) -> None:
        """Open it with the current values."""
        services, who = administration(interaction)
        holder = LimitsOf.of(self.page.detail)
        names = COUNTED if holder.holder is LimitHolder.SERVER else self.limits
        values = await services.limits.of_holder(who, self.page.server_id, holder.holder, holder.id)
        form = LimitsForm(
            _(self.label), self.page, names, values, services.limits.ceilings(holder.holder), opening=interaction.id
        )
        await acknowledge.open_modal(interaction, form)


class QuotasButton(LimitsButton, template=rf"svquotas:{PAGE}"):
    """Quotas of the day, and what concerns the queue."""

    name, label, limits = "svquotas", later("Daily and queue limits"), QUOTAS


class AddingLimitsButton(LimitsButton, template=rf"svadding:{PAGE}"):
    """How many LoRAs are added from outside."""

    name, label, limits = "svadding", later("Limits on adding LoRAs"), (LimitName.LORAS_PER_DAY,)


class LimitsForm(PanelForm):
    """A field for each of some limits; an empty one removes the limit. A field that nobody touched changes nothing.

    So of two people who have the form open at the same time, neither takes back what the other has changed.
    """

    def __init__(
        self,
        title: str,
        page: PanelPage,
        names: Sequence[LimitName],
        values: LimitValues,
        ceilings: LimitValues,
        *,
        opening: int,
    ) -> None:
        super().__init__(title, "svlimits", page, opening=opening)
        self.fields: dict[LimitName, ui.TextInput[Any]] = {}
        self._before = {name: _written(values.get(name)) for name in names}
        for name in names:
            ceiling = ceilings.get(name)
            field: ui.TextInput[Any] = ui.TextInput(
                custom_id=name.value, required=False, max_length=20, default=self._before[name] or None
            )
            hint = _("Leave empty to set no limit here")
            hint = hint if ceiling is None else f"{hint} · {_ceiling(name, ceiling)}"
            self.add_item(ui.Label[Any](text=_(LIMIT_LABELS[name])[:45], description=hint[:100], component=field))
            self.fields[name] = field

    async def submitted(self, interaction: Interaction) -> None:
        """Save them. Raises NumberUnclear, and what `LimitAdministration.change` raises."""
        services, who = administration(interaction)
        holder = LimitsOf.of(self.page.detail)
        values: Mapping[LimitName, float | None] = {
            name: number_in(each.value, LIMIT_LABELS[name])
            for name, each in self.fields.items()
            if each.value != self._before[name]
        }
        name = _role_name(interaction, self.page, holder)
        await services.limits.change(who, self.page.server_id, holder.holder, values, holder_id=holder.id, name=name)
        await self.page.show(interaction)


def _written(value: float | None) -> str:
    """A limit as `number_in` reads it, with all its digits."""
    return "" if value is None else f"{value:.15g}"


def number_in(typed: str, what: str) -> float | None:
    """The number in the field `what`; None for an empty one. A comma may mean thousands. Raises NumberUnclear."""
    text = unicodedata.normalize("NFKC", typed).strip()
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        raise NumberUnclear(what=what, typed=text[:40])
    return float(text)


class NewcomerTimeButton(PanelButton, template=rf"svnewtime:{PAGE}"):
    """Opens the form of how long members are new."""

    name, label = "svnewtime", later("New member period")
    opens_modal = True

    async def handle(self, interaction: Interaction) -> None:
        """Open it with the current time."""
        services, who = administration(interaction)
        hours = (await services.settings.setup(who, self.page.server_id)).settings.newcomer_hours
        await acknowledge.open_modal(interaction, NewcomerTimeForm(self.page, hours, opening=interaction.id))


class NewcomerTimeForm(PanelForm):
    """For how long members are new after joining, in hours."""

    def __init__(self, page: PanelPage, hours: int, *, opening: int) -> None:
        super().__init__(_("New member period"), "svnewhours", page, opening=opening)
        self.hours: ui.TextInput[Any] = ui.TextInput(custom_id="hours", default=str(hours), max_length=20)
        self.add_item(
            ui.Label[Any](
                text=_("Hours"), description=_("Enter 0 to turn off the new member period"), component=self.hours
            )
        )

    async def submitted(self, interaction: Interaction) -> None:
        """Save it. Raises NumberUnclear, NotWhole or NewcomerTimeOutOfRange."""
        services, who = administration(interaction)
        hours = number_in(self.hours.value, NewcomerTimeButton.label)
        if hours is None or hours % 1:
            raise NotWhole(what=NewcomerTimeButton.label)
        await services.settings.change(who, self.page.server_id, newcomer_hours=int(hours))
        await self.page.show(interaction)
