"""Kills the bot's process in the middle of decisions about reports, and judges what it makes of them afterwards.

    python -m tests.discord.decision_kills [--what delete block …] [--every 1] [--first 1]

What is killed is a decision, an answer to an appeal, or a reversal for which nobody asked (see `process_kills`).
Everything has to be as it is without a kill: the message, the files, the block, the rating, one notice to the owner,
one message to staff.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from playground.control import Person, SentInteraction
from playground.visible_message import VisibleMessage
from tests.discord.conftest import PATIENCE, PROMPT, Scene
from tests.discord.killed_bot import Work
from tests.discord.process_kills import ProcessKills, main
from tests.discord.test_removals import files_of, rows
from tests.discord.test_reports import choose_channel, letter, report

FORMS: dict[str, dict[str, object]] = {  # of the decisions that ask for more
    "Hide and warn author": {"note": "Not here."},
    "Hide and block author": {"note": "Not here.", "end": "3 d"},
    "Delete everywhere": {},
    "Raise rating": {"rating": ["explicit"]},
}
DECISIONS = ("Hide", *FORMS, "Dismiss")
UNASKED = "Reverse decision unasked"  # staff see by themselves that it was wrong
ANSWERS = tuple(
    f"{decision}, {answer}" for decision in DECISIONS[:-1] for answer in ("Uphold decision", "Reverse decision")
)
REVERSED = tuple(f"{decision}, {UNASKED}" for decision in DECISIONS[:-1])
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


async def press(scene: Scene, case: VisibleMessage, button: str) -> SentInteraction:
    """Decide or answer, without waiting for what comes of it."""
    opener = await scene.grace.press(case, button)
    if button not in FORMS:
        return opener
    await opener.modal(PATIENCE)
    return await scene.grace.submit(opener, dict(FORMS[button]))


def is_decided(case: VisibleMessage) -> bool:
    """Whether staff are offered to take back a decision; an appeal is not."""
    return list(case.buttons) == ["Reverse decision"]


async def notices(scene: Scene, who: Reported, reference: str) -> list[VisibleMessage]:
    """The owner's direct messages with a reference."""
    return [seen for seen in await scene.control.messages("dm", who.owner.name) if seen.text.endswith(reference)]


async def faults(scene: Scene, who: Reported, decision: str, answers: Sequence[str]) -> list[str]:
    """What is not as it has to be."""
    gone, reversal = decision == "Delete everywhere", bool(answers) and answers[0] != "Uphold decision"
    back = (decision == "Dismiss" or reversal) and not gone
    message = await scene.control.message(who.picture.id)
    ((job_id, decision_id),) = await rows(
        scene,
        f"SELECT target_id, decision.id FROM report LEFT JOIN decision ON report_id = report.id "
        f"WHERE report.id = {who.report_id}",
    )
    posts = [seen for seen in await scene.control.messages("staff-room") if f"Report {who.report_id}\n" in seen.text]
    told = {kind: len(await notices(scene, who, f"{kind}{decision_id}")) for kind in "DA"}
    telling = {"D": decision != "Dismiss", "A": bool(answers)}
    blocks = await rows(scene, f"SELECT 1 FROM block WHERE created_by > 0 AND target_id = {owner_id(scene, who)}")
    taken = await rows(scene, f"SELECT 1 FROM takedown WHERE job_id = {job_id}")
    rated = await rows(scene, f"SELECT rating FROM job_rating WHERE job_id = {job_id} AND source = 'staff'")
    buttons = [] if answers or decision == "Dismiss" else ["Reverse decision"]
    checks = {
        "the message is there or gone": (message is None) is gone,
        "the message shows the pictures, or does not": gone or bool(message and message.attachments) is back,
        "files and row are there, or gone": all(file.exists() is not gone for file in who.files)
        and len(await rows(scene, f"SELECT 1 FROM job WHERE id = {job_id}")) == (not gone),
        "it is decided": decision_id is not None,
        "one message to staff, with the buttons of what may come next": len(posts) == 1
        and buttons == list(posts[0].buttons)
        and not posts[0].attachments,
        "each notice once, or none": told == telling,
        "the block": len(blocks) == (decision == "Hide and block author" and not back),
        "the takedown": len(taken) == (decision.startswith("Hide") and not back),
        "the rating": rated == ([("explicit",)] if decision == "Raise rating" and not back else []),
        "one entry in the audit log for each": len(
            await rows(scene, f"SELECT 1 FROM audit WHERE target LIKE 'report {who.report_id}:%'")
        )
        == 1 + len(answers),
    }
    return [what for what, holds in checks.items() if not holds]


def owner_id(scene: Scene, who: Reported) -> str:
    return next(user.id for user in scene.playground.world.users.values() if user.global_name == who.owner.name)


class Kills(ProcessKills[Reported]):
    """Kills in decisions, in answers to appeals, and in what staff reverse by themselves."""

    owed = OWED

    async def set_up(self) -> None:
        await choose_channel(self.scene, self.scene.grace)

    async def prepared(self, what: str, number: int) -> Reported:
        """A reported picture; if more is wanted, a decided and an appealed one."""
        decision, *answers = what.split(", ")
        who = await reported(self.scene, number)
        if not answers:
            return who
        await press(self.scene, who.case, decision)
        if answers[0] != UNASKED:
            return replace(who, case=await self.appealed(who))
        case = await self.scene.control.wait_message(who.case.id, is_decided, PATIENCE)
        await self.settled()
        return replace(who, case=case)

    async def begin(self, what: str, case: Reported) -> SentInteraction:
        return await press(self.scene, case.case, what.split(", ")[-1].removesuffix(" unasked"))

    def work(self, what: str) -> Work:
        return Work.DECISION

    async def faults(self, what: str, case: Reported) -> list[str]:
        decision, *answers = what.split(", ")
        return await faults(self.scene, case, decision, answers)

    async def appealed(self, who: Reported) -> VisibleMessage:
        """Let the owner appeal the decision; the message to staff."""
        scene = self.scene
        notice = await letter(scene, who.owner.name, "one of your pictures")
        opener = await who.owner.press(notice, "Appeal")
        await opener.modal(PATIENCE)
        await (await who.owner.submit(opener, {"text": "It is ketchup."})).reply(PATIENCE)
        return await scene.control.wait_message(who.case.id, lambda seen: "Uphold decision" in seen.buttons, PATIENCE)


if __name__ == "__main__":
    main(Kills, [*DECISIONS, *ANSWERS, *REVERSED], __doc__)
