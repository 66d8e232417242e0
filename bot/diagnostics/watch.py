"""Findings that operators are notified of while the bot runs: from facts about data and workers to sentences.

The sentences are in the current language. The same facts give the same list to `doctor`, `status`, /status, the metrics
and direct messages.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.config import Settings
from bot.database.storage.backup import newest_copy
from bot.database.storage.integrity import FileState
from bot.diagnostics.finding import Finding, FindingGrade
from bot.i18n import _, duration, later, listed, number, sentences

LOW_DISK, FULL_DISK = 2_000_000_000, 100_000_000  # free bytes
LOW_SHARE, FULL_SHARE = 0.1, 0.05  # of a small disk
LATE_COPIES = 2.0  # intervals after which the newest copy is too old
LONG_WAIT_SECONDS = 1800.0  # of the oldest job
NOTIFIED_DAYS = 7  # days before a certificate expires in which operators are notified; `doctor` warns earlier
_HOUR, _DAY = 3600.0, 86_400.0

DATABASE, DATABASE_FILE, DISK, BACKUP, QUEUE, TOKEN = "database", "database file", "disk", "backup", "queue", "token"
SIGNATURES = "signatures"


@dataclass(frozen=True)
class DiskSpace:
    """Bytes of a disk, and what Easel saves on it: keys of `_SAVED`."""

    path: Path
    saved: tuple[str, ...]
    free: int
    total: int


@dataclass(frozen=True)
class BackupState:
    """The age of the newest copy in seconds and the interval; why the last attempt failed.

    `due`: the running bot is about to make a copy, so an old one is no finding.
    """

    age: float | None
    every: float
    problem: str | None = None
    due: bool = False


@dataclass(frozen=True)
class SilentWorker:
    """A worker that has jobs and reports no progress."""

    place: str
    seconds: float


@dataclass(frozen=True)
class CertificateState:
    """The certificate that signs pictures. `left` is in seconds, negative after it has expired."""

    file: Path
    expires: datetime
    left: float


@dataclass(frozen=True)
class WatchFacts:
    """Facts about the data and the running bot; what is not known is left out.

    `damage` is SQLite's description. `rescued` is a copy of a database whose file was removed. `longest_wait` is in
    seconds. `token_shared`: Discord says that another program answered an interaction first.
    """

    database: Path
    damage: str | None = None
    file: FileState = FileState.IN_PLACE
    rescued: Path | None = None
    disks: tuple[DiskSpace, ...] = ()
    backup: BackupState | None = None
    longest_wait: float | None = None
    silent: tuple[SilentWorker, ...] = ()
    token_shared: bool = False
    certificate: CertificateState | None = None


_SAVED: Mapping[str, str] = {
    "database": later("the database"),
    "pictures": later("pictures"),
    "backups": later("backups"),
}
FOLDERS = (*_SAVED, "library")  # the metrics report their free space
_FILE_SAYS = {
    FileState.REMOVED: later("The database file {path} was removed. Its data will be lost when Easel stops."),
    FileState.REPLACED: later(
        "The database file {path} was replaced while Easel was running. Easel is still using the old file."
    ),
}


def troubles(facts: WatchFacts) -> list[Finding]:
    """The findings that an operator should know of, the worst first."""
    found = [
        *_database(facts),
        *_database_file(facts),
        *(disk for disk in map(check_disk, facts.disks) if disk.grade is not FindingGrade.OK),
        *_workers(facts),
        *_token(facts),
        *_backup(facts),
        *_queue(facts),
        *_certificate(facts),
    ]
    return sorted(found, key=lambda finding: finding.grade is not FindingGrade.PROBLEM)


def _database(facts: WatchFacts) -> Iterator[Finding]:
    if facts.damage is not None:
        yield damaged(facts.damage)


def damaged(damage: str) -> Finding:
    """The database is damaged."""
    says = _("The database is damaged ({damage}). Stop Easel, then run `easel restore` to restore the newest backup.")
    return Finding(DATABASE, FindingGrade.PROBLEM, says.format(damage=damage))


def _database_file(facts: WatchFacts) -> Iterator[Finding]:
    if (template := _FILE_SAYS.get(facts.file)) is not None:
        lost = _(template).format(path=facts.database)
        if facts.rescued is None:
            advice = _(
                "Easel could not save a backup of the database, but keeps trying until you stop Easel. "
                "Then run `easel restore` to return to the newest earlier backup."
            )
        else:
            advice = _(
                "Easel saved a backup and will update the backup when you stop Easel. Stop Easel soon, "
                "then run `easel restore {copy}`."
            )
        says = f"{lost} {advice.format(copy=facts.rescued)}"
        yield Finding(DATABASE_FILE, FindingGrade.PROBLEM, says)
    elif facts.file is FileState.LINKED:
        says = _(
            "The database file {path} has a second name (a hard link). A program that opens the file under "
            "that name can damage the database. Delete the hard link. To make a safe copy, run `easel "
            "backup`."
        )
        yield Finding(DATABASE_FILE, FindingGrade.WARNING, says.format(path=facts.database))


def check_disk(disk: DiskSpace) -> Finding:
    """Whether there is enough room on a disk."""
    grade = FindingGrade.OK
    if disk.free < min(LOW_DISK, disk.total * LOW_SHARE):
        full = disk.free < min(FULL_DISK, disk.total * FULL_SHARE)
        grade = FindingGrade.PROBLEM if full else FindingGrade.WARNING
    says = _("{path} has {free} MB of free space for {saved}.")
    if grade is not FindingGrade.OK:
        says = _(
            "{path} has only {free} MB of free space for {saved}. Free some space there, or choose another folder."
        )
    saved = listed(_(_SAVED[each]) for each in disk.saved)
    return Finding(
        f"{DISK}: {', '.join(disk.saved)}",
        grade,
        says.format(free=number(disk.free / 1e6), path=disk.path, saved=saved),
    )


def _backup(facts: WatchFacts) -> Iterator[Finding]:
    if facts.backup is not None and (finding := check_backup(facts.backup)).grade is not FindingGrade.OK:
        yield finding


def check_backup(backup: BackupState) -> Finding:
    """Whether the newest copy of the database is new enough."""
    late = not backup.due and (backup.age is None or backup.age > LATE_COPIES * backup.every)
    if backup.problem is not None:
        says = _("The last backup of the database failed: {problem}").format(problem=backup.problem)
        return Finding(BACKUP, FindingGrade.PROBLEM if late else FindingGrade.WARNING, says)
    if not backup.every:
        return Finding(BACKUP, FindingGrade.OK, _("Automatic backups of the database are switched off."))
    if backup.age is None:
        says = _(
            "There is no backup of the database yet. Easel makes one when it starts. To make a backup now, "
            "run `easel backup`."
        )
        return Finding(BACKUP, FindingGrade.WARNING if late else FindingGrade.OK, says)
    says = _("The newest backup of the database is {age} old.").format(age=duration(backup.age))
    if late:
        advice = _("A backup is due every {every}. Run `easel backup`, and check that Easel is running.")
        return Finding(BACKUP, FindingGrade.WARNING, f"{says} {advice.format(every=duration(backup.every))}")
    return Finding(BACKUP, FindingGrade.OK, says)


def _workers(facts: WatchFacts) -> Iterator[Finding]:
    for worker in facts.silent:
        says = _(
            "Worker {place} has reported no progress for {time}. If this continues, Easel will restart the "
            "worker. If the worker stops responding again, check the log and the graphics card."
        )
        says = says.format(place=worker.place, time=duration(worker.seconds))
        yield Finding(f"worker {worker.place}", FindingGrade.PROBLEM, says)


def _token(facts: WatchFacts) -> Iterator[Finding]:
    if facts.token_shared:
        says = _(
            "Another program is using the bot's token and answered a command before Easel could. Stop that "
            "program, or reset the token in Discord's developer portal. Easel generates nothing for "
            "commands that the other program answers."
        )
        yield Finding(TOKEN, FindingGrade.PROBLEM, says)


def _queue(facts: WatchFacts) -> Iterator[Finding]:
    if facts.longest_wait is not None and facts.longest_wait > LONG_WAIT_SECONDS:
        says = _("The oldest job has been waiting for {time}. Use /status to see what the workers are doing.")
        yield Finding(QUEUE, FindingGrade.WARNING, says.format(time=duration(facts.longest_wait)))


def _certificate(facts: WatchFacts) -> Iterator[Finding]:
    certificate = facts.certificate
    if certificate is None or certificate.left >= NOTIFIED_DAYS * _DAY:
        return
    grade, says = (
        FindingGrade.WARNING,
        _("The certificate {file} expires on {day}. From then on, pictures get no signature."),
    )
    if certificate.left <= 0:
        grade, says = (
            FindingGrade.PROBLEM,
            _("The certificate {file} expired on {day}. Pictures no longer get a signature."),
        )
    advice = _(
        "If Easel created the certificate, rename the certificate file and run `easel config certificate`. "
        "Otherwise, get a new certificate from its issuer. In both cases, reload the settings afterwards."
    )
    says = says.format(file=certificate.file, day=f"{certificate.expires:%Y-%m-%d}")
    yield Finding(SIGNATURES, grade, sentences(says, advice))


def disk_spaces(settings: Settings) -> tuple[DiskSpace, ...]:
    """The disks on which Easel saves data, each once. A folder that is missing counts with the nearest parent."""
    disks: dict[int, tuple[Path, list[str]]] = {}
    for saved in _SAVED:
        place = place_of(settings, saved)
        disks.setdefault(place.stat().st_dev, (place, []))[1].append(saved)
    spaces: list[DiskSpace] = []
    for place, saved in disks.values():
        usage = shutil.disk_usage(place)
        spaces.append(DiskSpace(place, tuple(saved), usage.free, usage.total))
    return tuple(spaces)


def place_of(settings: Settings, name: str) -> Path:
    """The folder of this name in FOLDERS; if it is missing, the nearest parent."""
    storage = settings.storage
    folders = {
        "database": storage.folder,
        "pictures": storage.pictures,
        "backups": settings.backup_folder,
        "library": settings.library.folder,
    }
    folder = folders[name].absolute()
    return next(each for each in (folder, *folder.parents) if each.exists())


def backup_state(settings: Settings, clock: Callable[[], float]) -> BackupState:
    """The newest copy of the database, from its folder."""
    newest = newest_copy(settings.backup_folder, now := clock())
    return BackupState(None if newest is None else now - newest[1], settings.backup.every_hours * _HOUR)
