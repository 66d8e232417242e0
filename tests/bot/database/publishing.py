"""Published pictures without Discord."""

from __future__ import annotations

from itertools import count

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.gallery.pages import PlaceFilter
from bot.database.gallery.publications import NewPublication, Publication, begin_publication, mark_posted
from bot.database.gallery.terms import PublishedFacets
from bot.database.jobs.jobs import START_JOB, create_job
from bot.database.pictures.pictures import NewPicture
from inference.content_rating import ContentRating
from inference.lora.beside.categories import Category
from inference.messages.request import LoraUse
from tests.bot.database.conftest import ILLUSTRIOUS, finish, request_for, sha

SERVER, ART = 900, 901
EVERYTHING = PlaceFilter(ContentRating.EXPLICIT)
_messages = count(1000)


async def painted(db: Database, *loras: str, person: int = 1, prompt: str = "a fox") -> int:
    """A job that painted one picture with these LoRAs; its id."""
    uses = [LoraUse(sha256=sha(f"{name}.safetensors"), name=name, weight=1) for name in loras]
    job = await create_job(db, request_for(*uses, prompt=prompt), person_id=person, channel_id=5)
    await db.one(START_JOB, now=now_ms(), id=job.id)
    await finish(db, job.id, 1, [NewPicture(path=f"{job.id}.png", width=64, height=64, seed=7)])
    return job.id


def new_publication(
    job_id: int, *loras: str, said: ContentRating | None = None, server: int = SERVER
) -> NewPublication:
    """The intent to publish the first picture of a job."""
    files = [sha(f"{name}.safetensors") for name in loras]
    return NewPublication(server, job_id, 0, ART, True, ILLUSTRIOUS, said, files)


async def published(
    db: Database,
    *loras: str,
    person: int = 1,
    words: str = "a fox",
    said: ContentRating | None = None,
    categories: tuple[Category, ...] = (),
    server: int = SERVER,
) -> Publication:
    """A picture that is posted."""
    job = await painted(db, *loras, person=person)
    begun = await begin_publication(db, new_publication(job, *loras, said=said, server=server))
    assert begun is not None
    facets = PublishedFacets(categories)
    posted = await mark_posted(db, begun.id, ART, next(_messages), facets, words)
    assert posted is not None
    return posted
