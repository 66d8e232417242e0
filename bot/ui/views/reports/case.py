"""A report as staff see it, with the buttons that decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import discord
from discord import ui

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.pictures.pictures import PICTURES_OF_JOB
from bot.database.privacy.erasure_leftovers import PATHS_HELD_FOR_REPORT
from bot.database.reports.appeals import AppealState
from bot.database.reports.decisions import DecisionAction
from bot.database.reports.reports import ReportReason, ReportState, Subject
from bot.errors.blocks import EndNeeded, EndUnclear
from bot.errors.decisions import DecidedAlready
from bot.errors.missing import NothingThere
from bot.i18n import _, label, later, sentences, speaking
from bot.pictures.thumbnails import GALLERY, Thumbnails
from bot.reports.plans import actions
from bot.reports.reporting import MAX_NOTE, Case
from bot.servers.block_ends import end_of
from bot.servers.rights import Action
from bot.ui.access import context_of
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.interactions.replies import send_ephemeral
from bot.ui.rendered_message import RenderedMessage
from bot.ui.views.custom_ids import DiscordId, Id
from bot.ui.views.forms import ChoiceField, Form, Option, TextField
from bot.ui.views.persistent_items import PersistentButton
from bot.ui.views.reports.text import outcome_lines, reported_lines
from bot.ui.views.results.removal_form import REASON
from inference.content_rating import ContentRating

_WAITS, _IS_DECIDED = discord.Color.orange(), discord.Color.dark_grey()


async def render_case(db: Database, thumbnails: Thumbnails, case: Case) -> RenderedMessage:
    """The report in the current language. Pictures are shown as long as it is open. Raises DatabaseError.

    What looks like a minor is not posted again: who presses a button is shown it, alone.
    """
    page = RenderedMessage()
    waits = case.report.state is ReportState.OPEN or (case.appeal is not None and case.appeal.state is AppealState.OPEN)
    container = ui.Container[Any](accent_color=_WAITS if waits else _IS_DECIDED)
    container.add_item(ui.TextDisplay[Any]("\n".join(await reported_lines(db, case))))
    if case.report.state is ReportState.OPEN and not _is_about_minors(case):
        gallery = await _gallery(db, thumbnails, case, page)
        if gallery is not None:
            container.add_item(gallery)
    if lines := outcome_lines(case):
        container.add_item(ui.TextDisplay[Any]("\n".join(lines)))
    for row in _rows(case):
        container.add_item(row)
    page.view.add_item(container)
    return page


async def render_pictures(db: Database, thumbnails: Thumbnails, case: Case) -> RenderedMessage:
    """What was reported, for one person alone. Raises NothingThere if nothing of it is left, or DatabaseError."""
    page = RenderedMessage()
    gallery = await _gallery(db, thumbnails, case, page)
    if gallery is None:
        raise NothingThere(what=_("The reported content no longer exists."))
    heading = "### " + _("Report {number}").format(number=case.report.id)
    text = _("Only you can see this message. The audit log in /server records that you viewed the reported picture.")
    page.view.add_item(ui.TextDisplay[Any](f"{heading}\n-# {text}"))
    page.view.add_item(gallery)
    return page


def _is_about_minors(case: Case) -> bool:
    return any(complaint.reason == ReportReason.MINORS for complaint in case.complaints)


async def _gallery(
    db: Database, thumbnails: Thumbnails, case: Case, page: RenderedMessage
) -> ui.MediaGallery[Any] | None:
    """The pictures, hidden until they are pressed; None for a LoRA, and when nothing is kept."""
    if case.report.kind is not Subject.PICTURES:
        return None
    paths = [picture.path for picture in await db.all(PICTURES_OF_JOB, case.report.target_id)]
    paths = paths or await db.all(PATHS_HELD_FOR_REPORT, case.report.id)
    found = [await thumbnails.of_painted(path, GALLERY) for path in paths]
    items = [discord.MediaGalleryItem(page.attach(file), spoiler=True) for file in found if file]
    return ui.MediaGallery[Any](*items) if items else None


def _rows(case: Case) -> list[ui.ActionRow[Any]]:
    place = case.report.server_id, case.report.id
    if case.report.state is ReportState.OPEN:
        allowed = actions(case.report.kind)
        kinds = [kind for kind in DECISIONS if kind.decision in allowed]
        rows = [kinds[start : start + 3] for start in range(0, len(kinds), 3)]
        shown = [ui.ActionRow[Any](ReportLookButton(*place))] if _is_about_minors(case) else []
        return shown + [ui.ActionRow[Any](*(kind(*place) for kind in row)) for row in rows]
    if case.report.state is ReportState.APPEALED:
        shown = [] if case.job is None else [ReportLookButton(*place)]
        return [ui.ActionRow[Any](AppealUpholdButton(*place), AppealReverseButton(*place), *shown)]
    if case.decision is None or case.decision.action is DecisionAction.DISMISS or case.appeal is not None:
        return []
    return [ui.ActionRow[Any](DecisionReverseButton(*place))]


async def show_case(interaction: Interaction, case: Case) -> None:
    """Edit the message whose control was used to show the case: what all staff see in the server's language."""
    client, message = interaction.client, interaction.message
    if message is not None and message.flags.ephemeral:
        page = await render_case(client.db, client.thumbnails, case)
    else:
        with speaking(await client.reporting.language_of(case.report.server_id)):
            page = await render_case(client.db, client.thumbnails, case)
    await acknowledge.replace(interaction, page)


# --- the buttons ----------------------------------------------------------------------------------------------------


class CaseButton(PersistentButton):
    """A button about a report; its server is checked again by the service, because the one here may be forged."""

    command = "server"
    action = Action.MODERATE

    server_id: DiscordId
    report_id: Id

    @property
    def place(self) -> int:
        """The server of the report."""
        return self.server_id


class ReportLookButton(CaseButton, prefix="rplook"):
    """Shows what was reported to the person who presses it, alone, and writes down who looked."""

    label = later("Show picture only to me")

    async def handle(self, interaction: Interaction) -> None:
        """Show it. Raises NothingThere, and what `Reporting.look` raises."""
        client = interaction.client
        case = await client.reporting.look(context_of(interaction), self.report_id)
        await send_ephemeral(interaction, await render_pictures(client.db, client.thumbnails, case))


class DecisionButton(CaseButton):
    """Decides, or opens the form that does."""

    decision: ClassVar[DecisionAction]

    async def handle(self, interaction: Interaction) -> None:
        """Decide at once. Raises what `Reporting.decide` raises."""
        case = await interaction.client.reporting.decide(context_of(interaction), self.report_id, self.decision)
        await show_case(interaction, case)


class ReportHideButton(DecisionButton, prefix="rphide"):
    """Takes the picture down in the server; blocks a LoRA."""

    label, decision = later("Hide"), DecisionAction.HIDE
    style = discord.ButtonStyle.primary


class ReportDismissButton(DecisionButton, prefix="rpdismiss"):
    """Leaves all as it is. It does not ask: staff can still remove the picture by themselves."""

    label, decision = later("Dismiss"), DecisionAction.DISMISS


class AskingButton(DecisionButton):
    """Opens the form of a decision."""

    opens_modal = True
    form: ClassVar[type[DecisionForm]]

    async def handle(self, interaction: Interaction) -> None:
        """Open it. Raises DecidedAlready, and what `Reporting.case` raises."""
        case = await interaction.client.reporting.case(context_of(interaction), self.report_id)
        if case.decision is not None:
            raise DecidedAlready
        await acknowledge.open_modal(interaction, await self.form_about(interaction, case))

    async def form_about(self, interaction: Interaction, case: Case) -> DecisionForm:
        """The form that asks what more is to be said. Raises a RequestError or DatabaseError."""
        return self.form(case.report.id, interaction.id)


class DecisionForm(Form):
    """What more has to be said of a decision."""

    command, action = "server", Action.USE
    sends_message = False
    heading: ClassVar[str] = ""  # marked by `later`
    decision: ClassVar[DecisionAction]
    note = REASON.but(length=MAX_NOTE, required=False)

    def __init__(self, report_id: int, opening: int, *, above: str = "", **values: object) -> None:
        super().__init__(_(self.heading), opening, above=above, **values)
        self._report_id = report_id

    def options(self) -> dict[str, Any]:
        """The arguments that the fields give. Raises a RequestError."""
        return {}

    async def submitted(self, interaction: Interaction) -> None:
        """Decide. Raises what `Reporting.decide` raises."""
        options = self.options()
        case = await interaction.client.reporting.decide(
            context_of(interaction), self._report_id, self.decision, note=self.note, **options
        )
        await show_case(interaction, case)


class WarnForm(DecisionForm, key="rpwarn"):
    """What the owner is warned of."""

    decision, note = DecisionAction.WARN, REASON.but(length=MAX_NOTE)
    heading = later("Hide the picture and warn its author")


class BlockOwnerForm(DecisionForm, key="rpblock"):
    """How long the owner is blocked."""

    decision, note = DecisionAction.BLOCK, REASON.but(length=MAX_NOTE)
    heading = later("Hide the picture and block its author")

    end = TextField(
        later("Duration or end date"),
        later("Examples: 3 days, 12 hours, 2 weeks, or a date such as 2031-05-30"),
        length=40,
    )

    def __init__(self, report_id: int, opening: int) -> None:
        super().__init__(report_id, opening, end=_("1 day"))

    def options(self) -> dict[str, Any]:
        """The end. Raises EndNeeded."""
        try:
            ends_at = end_of(self.end, now_ms())
        except EndUnclear:
            ends_at = None
        if ends_at is None:
            raise EndNeeded(typed=self.end[:40])
        return {"ends_at": ends_at}


class DeleteEverywhereForm(DecisionForm, key="rpdelete"):
    """The question before the pictures are deleted."""

    decision = DecisionAction.DELETE
    heading = later("Permanently delete the picture everywhere?")

    def __init__(self, report_id: int, opening: int) -> None:
        text = sentences(
            _("This deletes the picture, its message and its copies, including the copy in the author's history."),
            _(
                "Easel does not delete pictures that other users generated from this picture. Easel also "
                "keeps the copies of this picture that those users started from."
            ),
            _("The deletion cannot be undone, even after an appeal."),
        )
        super().__init__(report_id, opening, above=text)


class RateHigherForm(DecisionForm, key="rprate"):
    """For whom it is."""

    decision = DecisionAction.RATE
    heading = later("Raise the rating")

    rating = ChoiceField(later("Content rating"))

    def __init__(self, report_id: int, higher: Sequence[ContentRating], opening: int) -> None:
        choices = [Option(rating, label(rating)) for rating in higher]
        super().__init__(report_id, opening, rating=RateHigherForm.rating.but(choices=choices))

    def options(self) -> dict[str, Any]:
        """The rating. Raises NothingThere for a forged one."""
        return {"rating": ContentRating(self.rating)}


class ReportWarnButton(AskingButton, prefix="rpwarn"):
    """Hides the picture, and warns its owner."""

    label, decision, form = later("Hide and warn author"), DecisionAction.WARN, WarnForm


class ReportBlockButton(AskingButton, prefix="rpblock"):
    """Hides the picture, and blocks its owner for a time."""

    label, decision, form = later("Hide and block author"), DecisionAction.BLOCK, BlockOwnerForm


class ReportDeleteButton(AskingButton, prefix="rpdelete"):
    """Deletes the pictures everywhere."""

    label, decision = later("Delete everywhere"), DecisionAction.DELETE
    style, form = discord.ButtonStyle.danger, DeleteEverywhereForm


class ReportRateButton(AskingButton, prefix="rprate"):
    """Rates the pictures or the LoRA higher."""

    label, decision = later("Raise rating"), DecisionAction.RATE

    async def form_about(self, interaction: Interaction, case: Case) -> DecisionForm:
        """The form with the ratings that are higher than what it is rated now. Raises NothingThere if there is none."""
        rated = None if case.lora is None else case.lora.content_rating
        if case.job is not None:
            rated = await interaction.client.servers.checks.rating_of(case.job)
        higher = [rating for rating in ContentRating if rating > (rated or ContentRating.GENERAL)]
        if not higher:
            raise NothingThere(what=_("The rating is already “blocked”, the highest rating."))
        return RateHigherForm(case.report.id, higher, interaction.id)


DECISIONS: tuple[type[DecisionButton], ...] = (
    ReportHideButton,
    ReportWarnButton,
    ReportBlockButton,
    ReportDeleteButton,
    ReportRateButton,
    ReportDismissButton,
)


class AnswerButton(CaseButton):
    """Answers an appeal."""

    answer: ClassVar[AppealState]

    async def handle(self, interaction: Interaction) -> None:
        """Answer. Raises what `Reporting.answer` raises."""
        case = await interaction.client.reporting.answer(context_of(interaction), self.report_id, self.answer)
        await show_case(interaction, case)


class AppealUpholdButton(AnswerButton, prefix="rpuphold"):
    """The decision stays."""

    label, answer = later("Uphold decision"), AppealState.UPHELD


class AppealReverseButton(AnswerButton, prefix="rpreverse"):
    """The decision is taken back, as far as it can be."""

    label, answer = later("Reverse decision"), AppealState.REVERSED
    style = discord.ButtonStyle.primary


class DecisionReverseButton(CaseButton, prefix="rptakeback"):
    """Reverses a decision that nobody has appealed."""

    label = later("Reverse decision")

    async def handle(self, interaction: Interaction) -> None:
        """Reverse it. Raises what `Reporting.reverse` raises."""
        case = await interaction.client.reporting.reverse(context_of(interaction), self.report_id)
        await show_case(interaction, case)
