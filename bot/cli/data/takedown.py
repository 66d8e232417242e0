"""`takedown find`, `list`, `confirm` and `close`: somebody who is shown in pictures asks that they go."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from rich import box
from rich.table import Table

from bot.app.record_keeping import save_record
from bot.cli import DONE, REFUSED, harmless
from bot.cli.data.time_left import time_left
from bot.cli.terminal.output import Output
from bot.cli.terminal.progress import progress_bar
from bot.cli.terminal.settings import add_config, settings_of
from bot.config import ConfigError, Settings
from bot.database.clock import now_ms
from bot.database.database import Database, read_database
from bot.database.jobs.deliveries import FIND_DELIVERY
from bot.database.jobs.jobs import FIND_JOB
from bot.database.pictures.pictures import PICTURES_OF_JOB
from bot.database.privacy.takedown_cases import (
    ALL_CASES,
    COPIES_OF_CASE,
    FIND_TAKEDOWN_CASE,
    HASHES_OF_CASE,
    CaseState,
    CopyState,
    FoundCopy,
    TakedownCase,
    TakedownCopy,
)
from bot.database.privacy.takedown_commands import add_copies, close_case, confirm_case, open_case
from bot.i18n.texts import message_url
from bot.pictures.similarity.copies import find_copies, folder_of
from bot.pictures.similarity.perceptual_hash import REFUSED_BELOW, has_little_detail, is_too_plain, notice_hashes, read
from inference.files.image_files import BROKEN

TILE, LABEL, COLUMNS = 224, 36, 5  # pixels of the contact sheet
AT_A_TIME = 40  # copies on one contact sheet


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = (
        "Remove pictures for a person who is shown in them, within 48 hours of the notice. Works "
        "while the bot runs or not. The bot removes confirmed pictures."
    )
    kinds = parser.add_subparsers(required=True, metavar="WHAT")
    find = kinds.add_parser("find", help="open a case: find copies of pictures, and write a contact sheet")
    find.add_argument("pictures", nargs="*", type=Path, metavar="PICTURE", help="picture files of the notice")
    find.add_argument(
        "--job", type=int, action="append", default=[], metavar="JOB", help="pictures of a job of this Easel"
    )
    find.add_argument(
        "--received", type=_time, metavar="TIME", help="time of the notice, such as 2026-11-27T09:30 (default: now)"
    )
    find.add_argument("--note", default="", metavar="TEXT", help="your note, such as a ticket number")
    find.set_defaults(run=run_find)
    listed = kinds.add_parser("list", help="list open cases with the remaining hours, most urgent first")
    listed.add_argument("--all", action="store_true", help="include complete and closed cases")
    listed.set_defaults(run=run_list)
    confirm = kinds.add_parser("confirm", help="remove the copies of a case, after you looked at them")
    confirm.add_argument(
        "--except",
        dest="excepted",
        type=int,
        nargs="+",
        default=[],
        metavar="NUMBER",
        help="pictures to exclude, because they are no copies",
    )
    confirm.set_defaults(run=run_confirm)
    confirm.add_argument("--anyway", action="store_true", help="confirm although the hash may refuse other pictures")
    close = kinds.add_parser("close", help="close a case: stop removing and refusing copies, and delete its hash")
    close.set_defaults(run=run_close)
    for kind in (confirm, close):
        kind.add_argument("case", type=int, metavar="CASE", help="number of the case")
    for kind in (find, confirm):
        kind.add_argument(
            "--sheet", type=Path, metavar="FILE.png", help="the contact sheet (default: takedown-CASE.png)"
        )
    for kind in (find, listed, confirm, close):
        add_config(kind)


def run_find(options: argparse.Namespace) -> int:
    """Open a case, print its copies and write the contact sheet; 1 if the pictures can be compared with nothing."""
    settings = settings_of(options)
    pictures = asyncio.run(_pictures_of_notice(settings, options.pictures, options.job))
    hashes = list(map(notice_hashes, pictures))
    plain = [number for number, each in enumerate(hashes, 1) if is_too_plain(each)]
    if plain:
        print(f"Too little is in picture {plain[0]} of the notice to find copies of it.")
        return REFUSED
    notice = b"".join(hashes)
    found = asyncio.run(_find(settings, notice))
    case_id = open_case(
        settings.storage.database, notice, found, note=options.note, received_at=options.received or now_ms()
    )
    case, copies = asyncio.run(_case(settings, case_id))
    print(_line(case))
    asyncio.run(_show(settings, case, copies, options.sheet, pictures))
    print(
        f"No picture is removed yet. Look at the sheet, then run `takedown confirm {case_id}`, "
        "with --except NUMBER for others."
    )
    return DONE


def run_list(options: argparse.Namespace) -> int:
    """Print the cases."""
    cases = asyncio.run(_cases(settings_of(options)))
    shown = [case for case in cases if options.all or case.ended_at is None]
    for case in shown:
        print(_line(case))
    if not shown:
        print("No takedown is open.")
    return DONE


def run_confirm(options: argparse.Namespace) -> int:
    """Order that the copies are removed; 1 when there are new ones, or the hash would refuse others."""
    settings = settings_of(options)
    case, copies = asyncio.run(_case(settings, options.case))
    if case.state is not CaseState.OPEN:
        print(f"Case {case.id} is already {case.state}.")
        return REFUSED
    if unknown := set(options.excepted) - {copy.number for copy in copies}:
        print(f"Case {case.id} has no copy {min(unknown)}.")
        return REFUSED
    notice = asyncio.run(_hashes(settings, case.id))
    if new := add_copies(settings.storage.database, case.id, asyncio.run(_find(settings, notice))):
        print(f"{new} more copies were found meanwhile. No picture is removed yet: look at them, and confirm again.")
        asyncio.run(_show(settings, case, asyncio.run(_case(settings, case.id))[1], options.sheet, ()))
        return REFUSED
    alike = {copy.number for copy in copies if copy.distance < REFUSED_BELOW}
    print(f"The hash would refuse {len(alike)} other pictures that are stored here.")
    if not options.anyway and (why := _why_not_refused(notice, alike & set(options.excepted))):
        print(f"{why} No picture is removed yet. Add --anyway to confirm.")
        return REFUSED
    if not confirm_case(settings.storage.database, case.id, excepted=set(options.excepted)):
        print(f"Another operator has just decided case {case.id}.")
        return REFUSED
    save_record(settings.storage.database)
    print("Confirmed. A running bot removes the copies within a minute; a stopped bot removes them at its next start.")
    print("From now on, copies of them are refused. `takedown list --all` shows when all are removed.")
    return DONE


def _why_not_refused(notice: bytes, excepted: Collection[int]) -> str:
    """Why nothing should be refused by the hash; "" if it may. It would refuse the `excepted`, which are no copies."""
    if excepted:
        return f"{min(excepted)} is not a copy as you say, but pictures as similar to the notice would be refused."
    if has_little_detail(notice):
        return "A picture of the notice has few details. Its hash may refuse other plain pictures."
    return ""


def run_close(options: argparse.Namespace) -> int:
    """End a case; 1 while its copies are being removed, and when it is closed already."""
    settings = settings_of(options)
    case, _ = asyncio.run(_case(settings, options.case))
    if not close_case(settings.storage.database, case.id):
        print(f"Case {case.id} is {case.state}, and cannot be closed now.")
        return REFUSED
    save_record(settings.storage.database)
    print(f"Case {case.id} is closed, and its hash is deleted.")
    return DONE


def _time(text: str) -> int:
    """A time as a person types it, in unix ms; without a zone it is local. Raises ArgumentTypeError."""
    try:
        moment = int(datetime.fromisoformat(text).astimezone().timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 2026-11-27T09:30.") from None
    if moment > now_ms():
        raise argparse.ArgumentTypeError("The time of the notice is in the future.")
    return moment


async def _pictures_of_notice(settings: Settings, files: Sequence[Path], jobs: Sequence[int]) -> list[Image.Image]:
    """Raises ConfigError for a picture that is not there or cannot be read."""
    paths = list(files)
    async with read_database(settings.storage.database) as db:
        for job_id in jobs:
            of_job = await db.all(PICTURES_OF_JOB, job_id)
            if not of_job:
                raise ConfigError(f"Job {job_id} has no stored pictures.")
            paths += [settings.storage.pictures / picture.path for picture in of_job]
    if not paths:
        raise ConfigError("Give the pictures of the notice: files, or --job JOB.")
    pictures: list[Image.Image] = []
    for path in paths:
        try:
            pictures.append(await asyncio.to_thread(read, path))
        except BROKEN as problem:
            raise ConfigError(f"{path} cannot be read as a picture: {problem or type(problem).__name__}.") from None
    return pictures


async def _find(settings: Settings, notice: bytes) -> list[FoundCopy]:
    async with read_database(settings.storage.database) as db:
        with progress_bar("comparing") as report:
            return await find_copies(db, settings, notice, report)


async def _hashes(settings: Settings, case_id: int) -> bytes:
    async with read_database(settings.storage.database) as db:
        return await db.one(HASHES_OF_CASE, case_id) or b""


async def _cases(settings: Settings) -> list[TakedownCase]:
    async with read_database(settings.storage.database) as db:
        return await db.all(ALL_CASES)


async def _case(settings: Settings, case_id: int) -> tuple[TakedownCase, list[TakedownCopy]]:
    """Raises ConfigError if there is no such case."""
    async with read_database(settings.storage.database) as db:
        case = await db.one(FIND_TAKEDOWN_CASE, case_id)
        if case is None:
            raise ConfigError(f"There is no takedown {case_id}. `takedown list --all` lists all.")
        return case, await db.all(COPIES_OF_CASE, case_id)


def _line(case: TakedownCase) -> str:
    clock = time_left(case)
    if case.ended_at is not None:
        clock = f"ended {'in time' if case.ended_at <= case.due_at else 'late'}, {_local(case.ended_at)}"
    parts = [f"takedown {case.id}", str(case.state), clock]
    parts += [f"received {_local(case.received_at)}, due {_local(case.due_at)}"]
    parts += [f"{case.refused} copies refused since"] if case.refused else []
    parts += [case.note] if case.note else []
    return harmless(" · ".join(parts))


def _local(unix_ms: int) -> str:
    return datetime.fromtimestamp(unix_ms / 1000).astimezone().isoformat(" ", "minutes")


async def _show(
    settings: Settings,
    case: TakedownCase,
    copies: Sequence[TakedownCopy],
    sheet: Path | None,
    notice: Sequence[Image.Image],
) -> None:
    """Print what was found, and draw it to be looked at. Raises OSError."""
    if not copies:
        print("No copy was found.")
        return
    table = Table("number", "distance", "what", "person", "job", "where", box=box.SIMPLE)
    async with read_database(settings.storage.database) as db:
        for copy in copies:
            table.add_row(str(copy.number), f"{copy.distance:.2f}", copy.kind, *await _whose(db, copy))
    Output(markup=False, emoji=False).print(table)
    first = sheet or Path(f"takedown-{case.id}.png")
    for begin in range(0, len(copies), AT_A_TIME):
        path = first if not begin else first.with_stem(f"{first.stem}-{begin // AT_A_TIME + 1}")
        await asyncio.to_thread(_draw, settings, notice, copies[begin : begin + AT_A_TIME], path)
        print(f"The contact sheet is {path}")


async def _whose(db: Database, copy: TakedownCopy) -> tuple[str, str, str]:
    """The person, the job, and where it lies: a link to the message, or the file."""
    job = None if copy.job_id is None else await db.one(FIND_JOB, copy.job_id)
    if job is None:
        return "-", "-", harmless(copy.path)
    delivery = await db.one(FIND_DELIVERY, job.id)
    where = copy.path
    if delivery is not None and delivery.message_id is not None and not delivery.private:
        where = message_url(job.server_id, delivery.posting_in or job.channel_id, delivery.message_id)
    return str(job.person_id), str(job.id), harmless(where)


def _draw(settings: Settings, notice: Sequence[Image.Image], copies: Sequence[TakedownCopy], path: Path) -> None:
    """The pictures of the notice, then the copies with their numbers. Raises OSError."""
    tiles: list[tuple[Image.Image | None, str]] = [(picture, "the notice") for picture in notice]
    for copy in copies:
        said = "not a copy" if copy.state is CopyState.EXCEPTED else f"distance {copy.distance:.2f}"
        tiles.append((_opened(folder_of(copy.kind, settings) / copy.path), f"{copy.number} · {copy.kind} · {said}"))
    rows = -(-len(tiles) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * TILE, rows * (TILE + LABEL)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for place, (picture, label) in enumerate(tiles):
        x, y = place % COLUMNS * TILE, place // COLUMNS * (TILE + LABEL)
        if picture is not None:
            picture.thumbnail((TILE - 8, TILE - 8))
            sheet.paste(picture, (x + 4, y + 4))
        draw.text((x + 4, y + TILE), label, fill="black", font=font)
    sheet.save(path, "PNG")


def _opened(path: Path) -> Image.Image | None:
    try:
        return read(path)
    except BROKEN:
        return None
