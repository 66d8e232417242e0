"""The status message for staff and operators; operators can reload the settings from it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from discord import ui

from bot.app.overview import Overview, look
from bot.app.reloading import Reloaded
from bot.config import ConfigError
from bot.database.clock import now_ms
from bot.database.loras.file_counts import COUNT_AT_HUBS, HubCount
from bot.database.loras.sample_failures import suspects
from bot.database.privacy.takedown_cases import UNFINISHED_CASES, CaseState, TakedownCase
from bot.diagnostics.finding import Finding
from bot.i18n import _, duration, later, listed, ngettext, number, sentences
from bot.i18n.texts import code, plain, with_code
from bot.jobs.worker_slots import NOT_READY, WorkerState, WorkerStatus
from bot.library.catalogue import FileProblem
from bot.servers.rights import Action
from bot.ui.access import is_operator, require
from bot.ui.client import Client, Interaction
from bot.ui.interactions.acknowledge import acknowledge, replace
from bot.ui.interactions.replies import send_ephemeral_text
from bot.ui.rendered_message import view_of
from bot.ui.views.persistent_items import PersistentButton
from inference.queue.policy import EVERYWHERE

SHARD_SHIFT = 22  # bits of a server's id that do not say on which shard it is
SHOWN_CASES = 5  # takedowns, those that are due first; `takedown list` names all
SHOWN_WORKERS = 10  # the metrics have all
MAX_PLACE = 60  # characters of a worker's machine and device
SHOWN_FILES = 5  # of the unusable files; `library list` names all
MAX_REASON = 200  # characters of why one cannot be used
SHOWN_FINDINGS, MAX_FINDING = 4, 350  # findings, characters of each; `doctor` shows all
MAX_PROBLEM = 1500  # characters of an error in the settings; a message holds 4000

_STATES = {
    WorkerState.STARTING: later("starting up ({time} so far)"),
    WorkerState.FREE: later("idle for {time}"),
    WorkerState.PAINTING: later("generating for {time}"),
    WorkerState.CLOSING: later("finishing the running jobs before applying new settings ({time} so far)"),
    WorkerState.AWAY: later("failed {time} ago"),
}


async def status_view(interaction: Interaction) -> ui.LayoutView:
    """The status of workers, queue, library and database. Raises NotStaff or another refusal."""
    await require(interaction, Action.SEE_STATUS)
    client = interaction.client
    overview = await look(client.jobs, client.keeper, client.configuration.settings, client.started)
    cases = await client.db.all(UNFINISHED_CASES) if is_operator(interaction) else []
    hubs = await client.db.get(COUNT_AT_HUBS) if is_operator(interaction) else HubCount(0, 0)
    suspect = [each.path for each in await suspects(client.db)] if is_operator(interaction) else []
    findings = client.watchman.findings if is_operator(interaction) else []
    parts = (
        f"## {_('Status')}\n{_running(overview, client, interaction.guild_id)}",
        *([f"**{_('Needs attention')}**\n{_findings(findings)}"] if findings else []),
        f"**{_('Workers')}**\n{_workers(overview.workers)}",
        f"**{_('Queue')}**\n{_queue(overview, interaction.guild_id)}",
        f"**{_('Library')}**\n{_library(overview, hubs, suspect, reasons=is_operator(interaction))}",
        f"**{_('Database')}**\n{_records(overview)}",
        *([f"**{_('Takedowns')}**\n" + "\n".join(map(takedown_text, cases[:SHOWN_CASES]))] if cases else []),
        "-# " + " · ".join(f"{name} {version}" for name, version in overview.versions.items()),
    )
    buttons = [RefreshStatusButton(), *([ReloadButton()] if is_operator(interaction) else [])]
    return view_of(ui.Container[Any](*map(ui.TextDisplay[Any], parts)), ui.ActionRow[Any](*buttons))


def _running(overview: Overview, client: Client, server_id: int | None) -> str:
    """Since when it runs; and the shards, where there are several."""
    text, shards = _("Easel has been running for {time}.").format(time=duration(overview.running)), client.shards
    if len(shards) < 2:
        return text
    connected = sum(not shard.is_closed() for shard in shards.values())
    told = _("{connected} of {count} shards are connected.")
    text = sentences(text, told.format(connected=number(connected), count=number(len(shards))))
    if server_id is None:
        return text
    mine = (server_id >> SHARD_SHIFT) % len(shards)
    return sentences(text, _("This server is on shard {number}.").format(number=mine))


def _findings(findings: Sequence[Finding]) -> str:
    """The first findings, the worst of all."""
    lines = [f"- {with_code(finding.says, MAX_FINDING)}" for finding in findings[:SHOWN_FINDINGS]]
    if more := len(findings[SHOWN_FINDINGS:]):
        lines.append(ngettext("… and {count} more", "… and {count} more", more).format(count=number(more)))
    return "\n".join(lines)


def _workers(workers: Sequence[WorkerStatus]) -> str:
    """The first workers, those before all others that cannot paint."""
    if not workers:
        return _("No worker is online. Requests stay queued until a worker starts.")
    ordered = sorted(workers, key=lambda worker: worker.state not in NOT_READY)
    lines = [_worker(worker) for worker in ordered[:SHOWN_WORKERS]]
    if more := len(ordered[SHOWN_WORKERS:]):
        lines.append(ngettext("… and {count} more", "… and {count} more", more).format(count=number(more)))
    return "\n".join(lines)


def _worker(worker: WorkerStatus) -> str:
    where = code(f"{worker.node}: {worker.device}", MAX_PLACE) if worker.node else f"`{worker.device}`"
    parts = [where, _(_STATES[worker.state]).format(time=duration(worker.seconds))]
    if worker.back is not None:
        parts.append(_("restarts in {time}").format(time=duration(worker.back)))
    if worker.jobs:
        parts.append(ngettext("{count} job", "{count} jobs", worker.jobs).format(count=worker.jobs))
    if worker.back is None:
        loaded = listed(plain(name) for name in worker.loaded)
        parts.append(_("loaded models: {names}").format(names=loaded) if loaded else _("no model loaded yet"))
    return " · ".join(parts)


def _queue(overview: Overview, server_id: int | None) -> str:
    waiting, begun = overview.waiting, overview.begun
    parts = [
        ngettext("{count} job queued", "{count} jobs queued", waiting).format(count=number(waiting)),
        ngettext("{count} running", "{count} running", begun).format(count=number(begun)),
    ]
    if overview.longest_wait is not None:
        parts.append(_("longest wait: {time}").format(time=duration(overview.longest_wait)))
    lines = [" · ".join(parts)]
    if EVERYWHERE in overview.paused:
        lines.append(_("The whole queue is paused. No new jobs will start."))
    elif server_id in overview.paused:
        lines.append(_("This server's queue is paused. No new jobs will start."))
    if others := len(overview.paused - {EVERYWHERE, server_id}):
        text = ngettext(
            "The queue of {count} other server is paused.", "The queues of {count} other servers are paused.", others
        )
        lines.append(text.format(count=others))
    return "\n".join(lines)


def _library(overview: Overview, hubs: HubCount, suspect: Sequence[str], *, reasons: bool) -> str:
    scanned = overview.library
    if scanned is None:
        return _("Easel has not scanned the library yet.")
    report, ago = scanned.report, _since(scanned.when)
    text = ngettext("{count} file", "{count} files", report.files).format(count=number(report.files))
    lines = [f"{text} · {_('scanned {time} ago').format(time=ago)}"]
    if unknown := len(report.unknown):
        text = ngettext(
            "Files with an unknown base model: {count}", "Files with an unknown base model: {count}", unknown
        )
        lines.append(text.format(count=number(unknown)))
    if hubs.lost or hubs.newer:
        text = _("Files from Civitai and Hugging Face: {lost} no longer available there, {newer} with a newer version.")
        lines.append(text.format(lost=number(hubs.lost), newer=number(hubs.newer)))
    if suspect:
        text = _("Suspect files (Easel could not generate samples with them): {names}")
        names = ", ".join(code(name, 60) for name in suspect[:SHOWN_FILES])
        lines.append(text.format(names=names + (" …" if suspect[SHOWN_FILES:] else "")))
    if reasons:
        return "\n".join([*lines, *_refused(report.refused)])
    if broken := [file.path for file in report.broken]:
        names = ", ".join(code(name, 60) for name in broken[:SHOWN_FILES])
        text = ngettext("Unusable files ({count}): {names}", "Unusable files ({count}): {names}", len(broken))
        lines.append(text.format(count=number(len(broken)), names=names + (" …" if broken[SHOWN_FILES:] else "")))
    return "\n".join(lines)


def _refused(files: Sequence[FileProblem]) -> list[str]:
    """The first of the files that are not used, with the reasons, as an operator is told them."""
    named = [f"{code(file.path, 60)}: {with_code(file.problem, MAX_REASON)}" for file in files[:SHOWN_FILES]]
    lines = [_("Files that Easel does not use:"), *(f"- {each}" for each in named)] if named else []
    if more := len(files[SHOWN_FILES:]):
        lines.append(ngettext("… and {count} more", "… and {count} more", more).format(count=number(more)))
    return lines


def _records(overview: Overview) -> str:
    records = overview.records
    size = _("{count} MB").format(count=number(records.nbytes / 1e6, 1))
    if records.copied is None or records.copy_nbytes is None:
        return f"{size} · {_('no backup yet')}"
    copy = _("{count} MB").format(count=number(records.copy_nbytes / 1e6, 1))
    return f"{size} · " + _("latest backup {time} ago, {size}").format(time=_since(records.copied), size=copy)


def takedown_text(case: TakedownCase) -> str:
    """How long an unfinished takedown has, as a line of Markdown."""
    left = (case.due_at - now_ms()) / 1000
    open_ = case.state is CaseState.OPEN
    if left > 0:
        text = _("Takedown {number} is due in {time}.").format(number=case.id, time=duration(left))
    else:
        text = _("Takedown {number} is overdue by {time}.").format(number=case.id, time=duration(-left))
    what = (
        _("An operator must review the copies that Easel found and confirm which ones to remove.")
        if open_
        else _(
            "An operator confirmed which pictures are copies of those in the takedown notice. Easel is deleting these "
            "copies."
        )
    )
    return sentences(text, what)


def _since(when: datetime) -> str:
    return duration(max(0.0, (datetime.now(UTC) - when).total_seconds()))


def reloaded_text(done: Reloaded) -> str:
    """The changes of a reload, as Markdown."""
    changes = done.changes
    templates = (
        (_("New models: {names}."), changes.added),
        (
            _("Removed models: {names}. Easel notifies the users whose queued requests need these models."),
            changes.removed,
        ),
        (_("Changed models: {names}."), changes.changed),
        (_("Changed settings: {names}."), tuple(f"`{name}`" for name in changes.settings)),
        (
            _("Restart Easel to apply {names}. Until then, the old values stay in effect."),
            tuple(f"`{name}`" for name in changes.restart),
        ),
    )
    lines = [text.format(names=listed(names)) for text, names in templates if names]
    if done.library_problem:
        lines.append(plain(done.library_problem, MAX_PROBLEM))
    if not lines:
        return _("Settings reloaded. No changes.")
    return "\n".join([_("Settings reloaded."), *lines])


async def reload_and_report(interaction: Interaction) -> str:
    """Reload the settings and describe the changes or the error. Raises NotOperator or DatabaseError."""
    await require(interaction, Action.RELOAD)
    try:
        return reloaded_text(await interaction.client.reloader.reload())
    except ConfigError as problem:
        return sentences(
            _("Easel changed nothing, because the settings are invalid:"), plain(str(problem), MAX_PROBLEM)
        )


class RefreshStatusButton(PersistentButton, prefix="status:look"):
    """Refreshes the status."""

    command, label = "status", later("Refresh")

    async def handle(self, interaction: Interaction) -> None:
        """Edit the message to show the current status."""
        await replace(interaction, await status_view(interaction))


class ReloadButton(PersistentButton, prefix="status:reload"):
    """Reloads the settings."""

    command, label = "reload", later("Reload settings")

    async def handle(self, interaction: Interaction) -> None:
        """Reload, and reply in a follow-up: hashing a new checkpoint takes longer than three seconds."""
        await acknowledge(interaction)
        await send_ephemeral_text(interaction, await reload_and_report(interaction))
