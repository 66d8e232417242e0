"""The form in which people report pictures and LoRAs, and the button on a LoRA's page."""

from __future__ import annotations

from bot.database.jobs.jobs import Job
from bot.database.loras.catalogue import Lora
from bot.database.reports.reports import Report, ReportReason, ReportState
from bot.errors.missing import NothingThere
from bot.errors.reports import OwnReport
from bot.i18n import _, label, later, sentences
from bot.reports.reporting import MAX_NOTE
from bot.ui.access import context_of
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.interactions.replies import send_ephemeral_text
from bot.ui.views.forms import ChoiceField, Form, Option, TextField
from bot.ui.views.loras.buttons import LoraButton
from inference.queue.policy import EVERYWHERE


class ReportForm(Form):
    """Why a picture or a LoRA is reported."""

    private = True
    reason = ChoiceField(later("Reason for the report"))
    note = TextField(
        later("More details (optional)"),
        later("The reviewers will read these details. No one else learns that you sent the report."),
        length=MAX_NOTE,
        long=True,
        required=False,
    )

    def __init__(self, title: str, opening: int) -> None:
        choices = [Option(reason, label(reason)) for reason in ReportReason]
        super().__init__(title, opening, reason=ReportForm.reason.but(choices=choices))

    def chosen(self) -> tuple[ReportReason, str]:
        """The reason and the note. Raises NothingThere for a forged reason."""
        return ReportReason(self.reason), self.note


async def open_report_form(interaction: Interaction, job: Job) -> None:
    """Ask why the person reports a job's pictures. Raises OwnReport, and NothingThere before there are any.

    A decision would be carried out, and the pictures would come after it.
    """
    if job.person_id == interaction.user.id:
        raise OwnReport
    if not job.state.final:
        raise NothingThere(
            what=_(
                "This picture is not finished yet. Please report it when it appears. Until then, staff can "
                "cancel its generation."
            )
        )
    await acknowledge.open_modal(interaction, ReportPicturesForm(job, interaction.id))


class ReportPicturesForm(ReportForm, key="report"):
    """Reports the pictures of a job."""

    command = "Report"

    def __init__(self, job: Job, opening: int) -> None:
        super().__init__(_("Report this picture"), opening)
        self._job = job

    async def submitted(self, interaction: Interaction) -> None:
        """Report it. Raises OwnReport or TooManyReports."""
        report = await interaction.client.reporting.report_pictures(context_of(interaction), self._job, *self.chosen())
        await send_ephemeral_text(interaction, _thanks(report))


class ReportLoraForm(ReportForm, key="reportlora"):
    """Reports a LoRA."""

    command = "lora"

    def __init__(self, lora: Lora, opening: int) -> None:
        super().__init__(_("Report {name}").format(name=lora.name), opening)
        self._lora = lora

    async def submitted(self, interaction: Interaction) -> None:
        """Report it. Raises TooManyReports."""
        report = await interaction.client.reporting.report_lora(context_of(interaction), self._lora, *self.chosen())
        await send_ephemeral_text(interaction, _thanks(report))


def _thanks(report: Report) -> str:
    """What happens next. Who reports the same twice reads the same."""
    if report.state is ReportState.DECIDED:
        return _("Thank you for your report. You reported this before, and the reviewers have already decided.")
    whose = _("The staff of this server will review the report.")
    if report.server_id == EVERYWHERE:
        whose = _("The operators of this bot will review the report.")
    return sentences(_("Thank you for your report."), whose, _("No one else learns that you sent the report."))


class ReportLoraButton(LoraButton, prefix="report:lora"):
    """Opens the form about a LoRA."""

    opens_modal = True
    label = later("Report")

    async def handle(self, interaction: Interaction) -> None:
        """Open it. Raises NothingThere."""
        await acknowledge.open_modal(interaction, ReportLoraForm(await self.lora(interaction), interaction.id))
