"""Kills the bot's process in the middle of decisions about reports, and judges what it makes of them afterwards.

    python -m tests.discord.decision_kills [--what delete block …] [--every 1] [--first 1]

A case is a decision or an answer to an appeal, and the number of an await of the bot's while it carries that out: after
it the process is killed with SIGKILL. Another one goes on. Everything has to be as it is without a kill: the message,
the files, the block, the rating, one notice to the owner, one message to staff.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from playground.control import Person
from playground.visible_message import VisibleMessage
from tests.discord.conftest import PATIENCE, PROMPT, Scene, open_scene
from tests.discord.killed_bot import KILL_AT
from tests.discord.test_removals import files_of, rows
from tests.discord.test_reports import choose_channel, letter, report
from tests.discord.test_restarts import bot_process
from tests.house import House

MODULE = "tests.discord.killed_bot"
FORMS: dict[str, dict[str, object]] = {  # of the decisions that ask for more
    "Hide and warn": {"note": "Not here."},
    "Hide and block": {"note": "Not here.", "end": "3 d"},
    "Delete everywhere": {},
    "Rate higher": {"rating": ["explicit"]},
}
DECISIONS = ("Hide", *FORMS, "Dismiss")
ANSWERS = tuple(f"{decision}, {answer}" for decision in DECISIONS[:-1] for answer in ("Uphold", "Reverse"))
OWED = """
    SELECT (SELECT count(*) FROM decision_step WHERE done_at IS NULL) + (SELECT count(*) FROM deletion)
    + (SELECT count(*) FROM report WHERE shown < revision OR message_due)
"""


@dataclass(frozen=True)
class Reported:
    """A picture that was reported, before and after."""

    owner: Person
    picture: VisibleMessage
    files: Sequence[Path]
    case: VisibleMessage
    report_id: int


async def reported(scene: Scene, number: int) -> Reported:
    """A new person's picture, which another new person reports."""
    owner, reporter = [await scene.control.new_person(f"{name}{number}") for name in ("Owner", "Reporter")]
    seed = 70_000 + number
    picture = await scene.painted(await owner.slash("imagine", prompt=PROMPT, seed=seed))
    await report(reporter, picture)
    case = await scene.control.wait_in_channel("staff-room", lambda seen: f"seed {seed}" in seen.text, PATIENCE)
    found = re.search(r"Report (\d+)", case.text)
    assert found
    return Reported(owner, picture, files_of(scene, picture), case, int(found[1]))


async def press(scene: Scene, case: VisibleMessage, button: str) -> None:
    """Decide or answer, without waiting for what comes of it."""
    opener = await scene.grace.press(case, button)
    if button in FORMS:
        await opener.modal(PATIENCE)
        await scene.grace.submit(opener, dict(FORMS[button]))


async def settled(scene: Scene) -> None:
    """Wait until the bot owes nothing."""
    changes = scene.playground.changes
    async with asyncio.timeout(PATIENCE):
        while await rows(scene, OWED) != [(0,)]:
            await changes.wait(changes.version, 0.05)


async def notices(scene: Scene, who: Reported, reference: str) -> list[VisibleMessage]:
    """The owner's direct messages with a reference."""
    return [seen for seen in await scene.control.messages("dm", who.owner.name) if seen.text.endswith(reference)]


async def faults(scene: Scene, who: Reported, decision: str, answer: str) -> list[str]:
    """What is not as it has to be."""
    back = decision == "Dismiss" or (answer == "Reverse" and decision != "Delete everywhere")
    message = await scene.control.message(who.picture.id)
    ((job_id, decision_id),) = await rows(
        scene,
        f"SELECT target_id, decision.id FROM report JOIN decision ON report_id = report.id "
        f"WHERE report.id = {who.report_id}",
    )
    posts = [seen for seen in await scene.control.messages("staff-room") if f"Report {who.report_id}\n" in seen.text]
    told = await notices(scene, who, f"D{decision_id}")
    answers = await notices(scene, who, f"A{decision_id}")
    blocks = await rows(scene, f"SELECT 1 FROM block WHERE created_by > 0 AND target_id = {owner_id(scene, who)}")
    taken = await rows(scene, f"SELECT 1 FROM takedown WHERE job_id = {job_id}")
    rated = await rows(scene, f"SELECT rating FROM job_rating WHERE job_id = {job_id} AND source = 'staff'")
    gone = decision == "Delete everywhere"
    checks = {
        "the message is there or gone": (message is None) is gone,
        "the message shows the pictures, or does not": gone or bool(message and message.attachments) is back,
        "files and row are there, or gone": all(file.exists() is not gone for file in who.files)
        and len(await rows(scene, f"SELECT 1 FROM job WHERE id = {job_id}")) == (not gone),
        "one message to staff, without buttons": len(posts) == 1 and not posts[0].buttons and not posts[0].attachments,
        "one notice, or none": len(told) == (decision != "Dismiss"),
        "one answer, or none": len(answers) == bool(answer),
        "the block": len(blocks) == (decision == "Hide and block" and not back),
        "the takedown": len(taken) == (decision.startswith("Hide") and not back),
        "the rating": rated == ([("explicit",)] if decision == "Rate higher" and not back else []),
        "one entry in the audit log": len(
            await rows(scene, f"SELECT 1 FROM audit WHERE target LIKE 'report {who.report_id}:%'")
        )
        == 1 + bool(answer),
    }
    return [what for what, holds in checks.items() if not holds]


def owner_id(scene: Scene, who: Reported) -> str:
    return next(user.id for user in scene.playground.world.users.values() if user.global_name == who.owner.name)


@dataclass
class Kills:
    """Kills one process after the other; the next one goes on with what the last one left."""

    scene: Scene
    kill_at: Path
    made: int = 0
    wrong: list[str] = field(default_factory=list[str])

    async def go_through(self, what: str, first: int = 1, every: int = 1) -> tuple[int, int]:
        """Every case of a decision, or of an answer to an appeal: its awaits, and the kills that there were."""
        scene, (decision, _, answer) = self.scene, what.partition(", ")
        async with bot_process(scene, module=MODULE) as process:
            if not self.made:
                await choose_channel(scene, scene.grace)
            (who,) = await self.prepared(1, decision, answer)
            awaits = await self.interrupted(process, who, answer or decision, 10**9)
            assert awaits is not None
            self.wrong += [f"{what}, not killed: {each}" for each in await faults(scene, who, decision, answer)]
            places = range(first, awaits + 1, every)
            waiting = await self.prepared(len(places), decision, answer)
        killed, before = 0, None
        for place, who in [*zip(places, waiting, strict=True), (0, None)]:
            async with bot_process(scene, module=MODULE) as process:
                if before is not None:
                    await settled(scene)
                    found = await faults(scene, before[1], decision, answer)
                    self.wrong += [f"{what}, killed after await {before[0]}: {each}" for each in found]
                if who is not None:
                    killed += await self.interrupted(process, who, answer or decision, place) is None
                    before = (place, who)
        return awaits, killed

    async def prepared(self, count: int, decision: str, answer: str) -> list[Reported]:
        """So many reported pictures; if an answer is wanted, decided and appealed ones."""
        numbers = range(self.made, self.made + count)
        self.made += count
        made = [await reported(self.scene, number) for number in numbers]
        if not answer:
            return made
        for who in made:
            await press(self.scene, who.case, decision)
        return [replace(who, case=await self.appealed(who)) for who in made]

    async def appealed(self, who: Reported) -> VisibleMessage:
        """Let the owner appeal the decision; the message to staff."""
        scene = self.scene
        notice = await letter(scene, who.owner.name, "a picture of yours")
        opener = await who.owner.press(notice, "Appeal")
        await opener.modal(PATIENCE)
        await (await who.owner.submit(opener, {"text": "It is ketchup."})).reply(PATIENCE)
        return await scene.control.wait_message(who.case.id, lambda seen: "Uphold" in seen.buttons, PATIENCE)

    async def interrupted(
        self, process: asyncio.subprocess.Process, who: Reported, button: str, place: int
    ) -> int | None:
        """Press a button; None when the process was killed then, else how many awaits there were."""
        await settled(self.scene)
        self.kill_at.write_text(str(place), "utf-8")
        await press(self.scene, who.case, button)
        survived, changes = self.kill_at.with_suffix(".survived"), self.scene.playground.changes
        async with asyncio.timeout(PATIENCE):
            while process.returncode is None and not await asyncio.to_thread(survived.exists):
                await changes.wait(changes.version, 0.05)
        if process.returncode is not None:
            return None
        await settled(self.scene)
        awaits = int(await asyncio.to_thread(survived.read_text, "utf-8"))
        await asyncio.to_thread(survived.unlink)
        return awaits


async def run(options: argparse.Namespace, folder: Path) -> int:
    """Go through what was asked for; how much is wrong."""
    os.environ[KILL_AT] = str(folder / "kill_at")
    async with open_scene(House(folder / "house")) as scene:
        kills = Kills(scene, folder / "kill_at")
        for what in options.what:
            began, before = time.monotonic(), len(kills.wrong)
            awaits, killed = await kills.go_through(what, options.first, options.every)
            print(f"{what}: {killed} kills in {awaits} awaits, {time.monotonic() - began:.0f} s", flush=True)
            print(*kills.wrong[before:], sep="\n", flush=True)
    return len(kills.wrong)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--what", nargs="+", default=[*DECISIONS, *ANSWERS], choices=[*DECISIONS, *ANSWERS])
    parser.add_argument("--every", type=int, default=1, help="only every n-th await")
    parser.add_argument("--first", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        raise SystemExit(min(1, asyncio.run(run(options, Path(folder)))))


if __name__ == "__main__":
    main()
