"""Load test of likes: 200 people like published pictures for a minute, while others order, search and turn pages.

The same crowd of others comes twice: first without likes, then with them. The posts are older than an hour, so that
Discord's limit for edits of old messages holds. Measures how long Discord waited for the first answer to an interaction
(`ack_p99_s` of the others without and with likes, and of likes), how many requests Discord refused with 429 or 30046
outside first answers, and whether every like is counted once. All times are taken by the playground, which is a process
of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks._command import BenchmarkCommand, closing_line
from benchmarks._town import town
from benchmarks.storm import ANSWERED, PATIENCE, Storm
from playground import default_world
from playground.control import Control, Person
from playground.visible_message import VisibleMessage
from playground.wire import Json

OLD_SECONDS = 2 * 3600.0
POST_BUTTONS = {"Like", "Unpublish"}
PAGES = 20  # that others have open to turn
LIKES_SUM = "SELECT coalesce(sum(likes), 0) FROM publication"
LIKES_ROWS = "SELECT count(*) FROM publication_like"


async def measure(folder: Path, people: int, posts: int, others: int, seconds: float) -> dict[str, Any]:
    """Publish pictures, let the others come alone, and then with everybody who likes."""
    dice = random.Random(1)
    quiet: dict[str, object] = {"samples": 0, "look_seconds": 86_400}
    async with town(folder, library=quiet) as here:
        await here.start_bot()
        control = here.control
        crowd = [await control.new_person(f"Person{number}") for number in range(people)]
        published = await _published(control, posts)
        await control.advance_clock(OLD_SECONDS)
        storm = Storm(here, crowd)
        storm.pictures = await _with_buttons(control, "general", {"Details"})
        without = await _phase(storm, [], others, seconds, dice)
        likes = [(person, post) for person in crowd for post in published]
        dice.shuffle(likes)
        with_likes = await _phase(storm, likes, others, seconds, dice)
        counted, rows = here.count(LIKES_SUM), here.count(LIKES_ROWS)
    return {
        "likes_pressed": len(likes),
        "likes_counted": counted,
        "likes_kept": rows,
        "ack_p99_s": {
            "without_likes": _p99(without["others"]),
            "with_likes": _p99(with_likes["others"]),
            "likes": _p99(with_likes["likes"]),
        },
        "ack_median_s": {
            "without_likes": _median(without["others"]),
            "with_likes": _median(with_likes["others"]),
            "likes": _median(with_likes["likes"]),
        },
        "unanswered": with_likes["unanswered"] + without["unanswered"],
        "refused": with_likes["refused"],
        "load_average": [without["load"], with_likes["load"]],
    }


async def _published(control: Control, count: int) -> list[VisibleMessage]:
    """So many pictures of Ada's in an art channel."""
    grace, ada = control.person("Grace"), control.person("Ada")
    panel = await (await grace.slash("server")).reply(PATIENCE)
    section = next(name for name in panel.selects if name.startswith("svsection:"))
    panel = await (await grace.select(panel, section, "art")).reply(PATIENCE)
    add = next(name for name in panel.selects if name.startswith("svartadd:"))
    await (await grace.select(panel, add, default_world.ART)).reply(PATIENCE)
    for seed in range(count):
        order = await (await ada.slash("imagine", prompt="a star", checkpoint="vivid", seed=seed)).reply(PATIENCE)
        picture = await control.wait_message(order.id, lambda seen: "Publish" in seen.buttons, 300)
        question = await (await ada.press(picture, "Publish")).reply(PATIENCE)
        await (await ada.press(question, "Publish")).reply(PATIENCE)
    return await _with_buttons(control, "art", POST_BUTTONS)


async def _with_buttons(control: Control, channel: str, buttons: set[str]) -> list[VisibleMessage]:
    seen = await control.messages(channel)
    return [one for one in seen if not one.ephemeral and buttons <= set(one.buttons)]


async def _phase(
    storm: Storm, likes: list[tuple[Person, VisibleMessage]], others: int, seconds: float, dice: random.Random
) -> dict[str, Any]:
    """The others, and all likes at random moments; what came of it."""
    control, here = storm.here.control, storm.here
    await storm.prepare(PAGES, dice)
    storm.sent.clear()
    before = (await control.exchanges(storm.looked_at))[-1]["number"]
    liked: list[str] = []
    began = time.monotonic()

    async def like(person: Person, post: VisibleMessage, at: float) -> None:
        await asyncio.sleep(max(0.0, at - (time.monotonic() - began)))
        button = next(one["custom_id"] for label, one in post.buttons.items() if label == "Like")
        liked.append((await person.press(post, button)).interaction_id)

    pressed = [like(person, post, dice.uniform(0, seconds)) for person, post in likes]
    await asyncio.gather(storm.blow(others, seconds, dice), *pressed)
    load = round(os.getloadavg()[0], 1)
    while here.owed():
        await asyncio.sleep(1.0)
    await asyncio.sleep(5.0)  # what is not answered by then never will be
    exchanges = await control.exchanges(before)
    storm.looked_at = exchanges[-1]["number"]
    waits: dict[str, list[float | None]] = {}
    answered = {match[1]: one["at"] for one in exchanges if (match := ANSWERED.match(one["path"]))}
    for kind, sent in (("others", list(storm.sent)), ("likes", liked)):
        waits[kind] = [await _wait(control, one, answered) for one in sent]
    return {
        **waits,
        "unanswered": sum(each.count(None) for each in waits.values()),
        "refused": _refused(exchanges),
        "load": load,
    }


async def _wait(control: Control, interaction: str, answered: dict[str, float]) -> float | None:
    """The seconds until the first answer; None without one."""
    state = (await control.get(f"interactions/{interaction}"))["interaction"]
    return None if state["failed"] or interaction not in answered else answered[interaction] - state["created_at"]


def _refused(exchanges: list[Json]) -> dict[str, int]:
    """Requests outside first answers that Discord refused for their number."""
    found = [one for one in exchanges if one["status"] == 429 and not ANSWERED.match(one["path"])]
    old = sum("30046" in json.dumps(one["response"]) for one in found)
    return {"429": len(found) - old, "30046": old}


def _p99(waits: list[float | None]) -> float:
    return round(statistics.quantiles([one for one in waits if one is not None], n=100)[98], 3)


def _median(waits: list[float | None]) -> float:
    return round(statistics.median(one for one in waits if one is not None), 3)


def main() -> int:
    """Measure in a temporary folder; the exit code. A lost like or a refused request makes it fail."""
    parser = BenchmarkCommand(__doc__)
    parser.add_size("--people", 200, 20, "people who like every picture once")
    parser.add_size("--posts", 6, 2, "published pictures")
    parser.add_size("--others", 120, 20, "interactions besides, once without likes and once with them")
    parser.add_size("--seconds", 60.0, 10.0, "that each lasts")
    options = parser.read()
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(measure(Path(folder), options.people, options.posts, options.others, options.seconds))
    failed: list[str] = []
    wanted = options.people * options.posts
    if (figures["likes_counted"], figures["likes_kept"]) != (wanted, wanted):
        failed.append(f"{figures['likes_counted']} likes were counted instead of {wanted}")
    failed += [f"{count} requests were refused with {code}" for code, count in figures["refused"].items() if count]
    failed += [f"{figures['unanswered']} were not answered"] if figures["unanswered"] else []
    return closing_line("likes", {"people": options.people, **figures}, failed, quick=options.quick)


if __name__ == "__main__":
    sys.exit(main())
