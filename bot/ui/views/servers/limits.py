"""The section about limits: choose for whom, then change them in forms of at most five fields."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
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
from bot.ui.rendered_message import Items, RenderedMessage
from bot.ui.views.custom_ids import MAX_DISCORD_ID
from bot.ui.views.forms import TextField
from bot.ui.views.list_page import Cursor, Found, ListRef, TurnPageButton
from bot.ui.views.persistent_items import PersistentButton, outdated_error
from bot.ui.views.servers.entity_menus import offering_roles
from bot.ui.views.servers.panel import (
    PanelButton,
    PanelForm,
    PanelMenu,
    PanelPage,
    PanelSection,
    administration,
    shown,
)

QUOTAS = (*OF_DAY, LimitName.COOLDOWN_SECONDS, LimitName.WAITING_PER_PERSON, LimitName.WEIGHT)
PEOPLE = 8  # with limits of their own, on a page
MAX_TEXT = 3200  # characters of a list; a message holds 4000
_NUMBER = re.compile(r"-?\d{1,12}(\.\d{1,6})?")
_HOLDER = re.compile(r"(?P<holder>server|everybody|newcomers|(?P<kind>role|person)\.(?P<id>[0-9]{1,19}))")
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


class LimitsSection(PanelSection[HeldLimits]):
    """The limits that are set, of people page by page; of one holder, each with its form."""

    key, title = "limits", later("Limits")
    numbered = False

    async def fetch(self, interaction: Interaction, query: PanelPage, cursor: Cursor) -> Found[HeldLimits]:
        """A page of the people with limits."""
        if query.detail:
            return Found(())
        services, who = administration(interaction)
        offset = cursor.number * PEOPLE
        people = await services.limits.of_people(who, query.server_id, limit=PEOPLE + 1, offset=offset)
        return Found.peeked(people, cursor, PEOPLE)

    async def entries(
        self, interaction: Interaction, at: ListRef, query: PanelPage, found: Found[HeldLimits], page: RenderedMessage
    ) -> Items:
        """The limits of groups on the first page, then those of people; or the page of a holder."""
        here = query.to(at.cursor)
        if query.detail:
            return [*await _of_holder(interaction, here), *_holder_menus(interaction, here)]
        services, who = administration(interaction)
        shared = () if at.cursor.number else (await services.settings.setup(who, query.server_id)).limits
        lines = [_line(held, query.server_id) for held in (*shared, *found.entries)] or [_("No limits are set.")]
        rest = _("The most specific limit applies, in this order: user, role, new members, everyone.")
        return [shown([*bounded_lines(lines, MAX_TEXT), f"-# {rest}"]), *_holder_menus(interaction, here)]


def _holder_menus(interaction: Interaction, page: PanelPage) -> list[ui.ActionRow[Any]]:
    """For whom limits are shown and set."""
    shared = [discord.SelectOption(label=_(HOLDERS[each]), value=each.value) for each in _SHARED]
    return [
        ui.ActionRow[Any](menu)
        for menu in (
            HolderMenu(page).offering(shared, _("Limits for everyone, new members or the whole server")),
            offering_roles(LimitRoleMenu(page), interaction, (), _("Limits for a role"), least=1, most=1),
            LimitPersonMenu(page).offering(placeholder=_("Limits for a user")),
        )
    ]


def _line(held: HeldLimits, server_id: int) -> str:
    values = [
        _("{limit}: {value}").format(limit=_(LIMIT_LABELS[name]), value=number(value, 2))
        for name in LimitName
        if (value := held.values.get(name)) is not None
    ]
    return f"**{LimitsOf(held.holder, held.holder_id).title(server_id, held.name)}** · " + " · ".join(values)


async def _of_holder(interaction: Interaction, page: PanelPage) -> Items:
    services, who = administration(interaction)
    holder = LimitsOf.of(page.detail)
    values = await services.limits.of_holder(who, page.server_id, holder.holder, holder.id)
    ceilings = services.limits.ceilings(holder.holder)
    names = COUNTED if holder.holder is LimitHolder.SERVER else tuple(LimitName)
    lines = [
        _("Limits for **{whom}**").format(whom=holder.title(page.server_id, _role_name(interaction, page, holder)))
    ]
    lines += [_value_line(name, values, ceilings) for name in names]
    buttons: list[PersistentButton] = [QuotasButton(page)]
    if holder.holder is not LimitHolder.SERVER:
        buttons.append(AddingLimitsButton(page))
    if holder.holder is LimitHolder.NEWCOMERS:
        hours = (await page.settings(interaction)).newcomer_hours
        lines.insert(
            1,
            _(
                "Members count as new for this number of hours after they join: **{hours}**. With 0 hours, "
                "no member counts as new."
            ).format(hours=number(hours)),
        )
        buttons.append(NewcomerTimeButton(page))
    buttons.append(TurnPageButton(page.about("")).labelled(_("All limits")))
    return [shown(lines), ui.ActionRow[Any](*buttons)]


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


class HolderMenu(PanelMenu, prefix="svholder"):
    """Chooses everybody, new members or the whole server."""

    before: ClassVar[str] = ""  # in front of an id in the detail of a page

    async def handle(self, interaction: Interaction) -> None:
        """Show the limits of the chosen ones."""
        await self.page.about(self.before + self.value).show(interaction)


class LimitRoleMenu(HolderMenu, prefix="svlimitrole"):
    """Chooses a role."""

    before = "role."


class LimitPersonMenu(HolderMenu, prefix="svlimitwho"):
    """Chooses a person."""

    kind, before = ui.UserSelect, "person."


class LimitsButton(PanelButton):
    """Opens the form of some limits."""

    opens_modal = True
    limits: ClassVar[tuple[LimitName, ...]] = ()

    async def handle(self, interaction: Interaction) -> None:
        """Open it with the current values."""
        services, who = administration(interaction)
        holder = LimitsOf.of(self.page.detail)
        names = COUNTED if holder.holder is LimitHolder.SERVER else self.limits
        values = await services.limits.of_holder(who, self.place, holder.holder, holder.id)
        ceilings = services.limits.ceilings(holder.holder)
        form = LimitsForm(self.text(), self.page, interaction.id, names, values, ceilings)
        await acknowledge.open_modal(interaction, form)


class QuotasButton(LimitsButton, prefix="svquotas"):
    """Quotas of the day, and what concerns the queue."""

    label, limits = later("Daily and queue limits"), QUOTAS


class AddingLimitsButton(LimitsButton, prefix="svadding"):
    """How many LoRAs are added from outside."""

    label, limits = later("Limits on adding LoRAs"), (LimitName.LORAS_PER_DAY,)


class LimitsForm(PanelForm, key="svlimits"):
    """A field for each of some limits; an empty one removes the limit. A field that nobody touched changes nothing.

    So of two people who have the form open at the same time, neither takes back what the other has changed.
    """

    def __init__(
        self,
        title: str,
        page: PanelPage,
        opening: int,
        names: Sequence[LimitName],
        values: LimitValues,
        ceilings: LimitValues,
    ) -> None:
        super().__init__(title, page, opening)
        self._before = {name: _written(values.get(name)) for name in names}
        for name, before in self._before.items():
            ceiling = ceilings.get(name)
            hint = _("Leave empty to set no limit here")
            hint = hint if ceiling is None else f"{hint} · {_ceiling(name, ceiling)}"
            field = TextField(LIMIT_LABELS[name], hint, length=20, required=False)
            self.add(field.but(name=name.value, value=before))

    async def submitted(self, interaction: Interaction) -> None:
        """Save them. Raises NumberUnclear, and what `LimitAdministration.change` raises."""
        services, who = administration(interaction)
        holder = LimitsOf.of(self.page.detail)
        typed = {LimitName(name): field.read(component) for name, (field, component) in self.shown.items()}
        values = {
            name: number_in(text, LIMIT_LABELS[name]) for name, text in typed.items() if text != self._before[name]
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


class NewcomerTimeButton(PanelButton, prefix="svnewtime"):
    """Opens the form of how long members are new."""

    label = later("New member period")
    opens_modal = True

    async def handle(self, interaction: Interaction) -> None:
        """Open it with the current time."""
        hours = (await self.page.settings(interaction)).newcomer_hours
        form = NewcomerTimeForm(self.text(), self.page, interaction.id, hours=hours)
        await acknowledge.open_modal(interaction, form)


class NewcomerTimeForm(PanelForm, key="svnewhours"):
    """For how long members are new after joining, in hours."""

    hours = TextField(later("Hours"), later("Enter 0 to turn off the new member period"), length=20)

    async def submitted(self, interaction: Interaction) -> None:
        """Save it. Raises NumberUnclear, NotWhole or NewcomerTimeOutOfRange."""
        hours = number_in(self.hours, NewcomerTimeButton.label)
        if hours is None or hours % 1:
            raise NotWhole(what=NewcomerTimeButton.label)
        await self.page.change(interaction, newcomer_hours=int(hours))
