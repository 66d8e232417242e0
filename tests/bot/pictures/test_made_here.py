"""Whose picture a copy is, and that simple pictures are not taken for others that look nearly the same."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from benchmarks._simple_pictures import KINDS, simple
from benchmarks._varied_pictures import varied
from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.jobs.jobs import START_JOB, create_job
from bot.database.pictures.hashes import record_hashes
from bot.database.pictures.pictures import NewPicture
from bot.pictures.signing.attachments import SignedAttachments
from bot.pictures.similarity.made_here import Obstacle, OriginAnswer, find_made_here
from bot.pictures.similarity.perceptual_hash import SAME_BELOW, Search, picture_hash
from bot.pictures.similarity.pixel_comparison import shows
from bot.pictures.thumbnails import Thumbnails
from tests.bot.database.conftest import db, finish, path, request_for
from tests.bot.pictures.certificates import settings_in
from tests.bot.pictures.unsigned import attachments

__all__ = ["db", "path"]  # fixtures

FIRST, SECOND, OTHER = 1, 2, 3  # users


@dataclass(frozen=True)
class Installation:
    """An installation that stores pictures in a folder."""

    db: Database
    folder: Path

    async def paint(self, picture: Image.Image, person_id: int) -> int:
        """The id of the job that painted it."""
        job = await create_job(self.db, request_for(), person_id=person_id, channel_id=7)
        started = await self.db.one(START_JOB, now=now_ms(), id=job.id)
        assert started is not None
        name = f"{job.id}.png"
        picture.save(self.folder / name)
        done = await finish(self.db, job.id, started.attempt, [NewPicture(name, *picture.size, 1)])
        assert done is not None
        await record_hashes(self.db, [(done.pictures[0].id, picture_hash(picture))])
        return job.id

    async def find(self, picture: Image.Image, person_id: int | None = None) -> OriginAnswer:
        return await find_made_here(self.db, attachments(self.folder), self.folder, webp(picture), person_id=person_id)


@pytest.fixture
def easel(db: Database, tmp_path: Path) -> Installation:
    (tmp_path / "pictures").mkdir()
    return Installation(db, tmp_path / "pictures")


def webp(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=80)
    return buffer.getvalue()


async def test_each_owner_of_an_equal_picture_finds_their_own_job(easel: Installation) -> None:
    picture = varied(23, 320)
    jobs = {person: await easel.paint(picture, person) for person in (FIRST, SECOND)}
    for person in (FIRST, SECOND):
        found = (await easel.find(picture, person)).found
        assert found is not None and (found.origin.person_id, found.origin.job_id) == (person, jobs[person])
    for person in (OTHER, None):
        found = (await easel.find(picture, person)).found
        assert found is not None and found.origin.job_id == jobs[FIRST], "the oldest one"


async def test_a_similar_picture_of_the_user_is_no_reason_to_name_it(easel: Installation) -> None:
    await easel.paint(simple("face", 1), FIRST)
    theirs = await easel.paint(simple("face", 4), SECOND)
    found = (await easel.find(simple("face", 4), FIRST)).found
    assert found is not None and found.origin.job_id == theirs


async def test_a_stored_picture_without_file_is_not_compared(easel: Installation) -> None:
    job_id, picture = await easel.paint(varied(23, 320), FIRST), varied(23, 320)
    (easel.folder / f"{job_id}.png").unlink()
    assert await easel.find(picture) == OriginAnswer(None, 1)
    await easel.paint(picture, SECOND)
    assert (await easel.find(picture)).found is not None


async def test_each_owner_of_an_equal_signed_picture_finds_their_own_job(easel: Installation, tmp_path: Path) -> None:
    """The file of both is the same, and too plain to compare."""
    white, settings = Image.new("RGB", (64, 64), "white"), settings_in(tmp_path / "c2pa")
    jobs = {person: await easel.paint(white, person) for person in (FIRST, SECOND)}
    signing = SignedAttachments(Thumbnails(tmp_path / "thumbnails", easel.folder), lambda: settings)
    data = signing.fit(easel.folder / f"{jobs[FIRST]}.png").data
    for person, job in {**jobs, OTHER: jobs[FIRST]}.items():
        answer = await find_made_here(easel.db, signing, easel.folder, data, person_id=person)
        assert answer.signed and answer.found is not None and answer.found.origin.job_id == job
    unsigned = await find_made_here(easel.db, attachments(easel.folder), easel.folder, data)
    assert unsigned == OriginAnswer(None, 0, Obstacle.PLAIN)


async def test_a_signed_file_is_never_taken_for_a_picture_that_looks_like_it(
    easel: Installation, tmp_path: Path
) -> None:
    picture, settings = varied(23, 320), settings_in(tmp_path / "c2pa")
    signing = SignedAttachments(Thumbnails(tmp_path / "thumbnails", easel.folder), lambda: settings)
    job_id = await easel.paint(picture, FIRST)
    data = signing.fit(easel.folder / f"{job_id}.png").data
    twin = await easel.paint(Image.blend(picture, Image.new("RGB", picture.size, "red"), 0.02), SECOND)

    async def asked() -> OriginAnswer:
        return await find_made_here(easel.db, signing, easel.folder, data, person_id=SECOND)

    found = (await easel.find(picture, SECOND)).found
    assert found is not None and found.origin.job_id == twin, "without a signature, the own picture comes first"
    answer = await asked()
    assert answer.signed and answer.found is not None and answer.found.origin.job_id == job_id
    await easel.db.write("UPDATE job SET delete_at = 1 WHERE id = ?", (job_id,))
    assert await asked() == OriginAnswer(None, 0, signed=True), "a deleted picture is hidden at once"


async def test_the_obstacle_is_named(easel: Installation) -> None:
    buffer = io.BytesIO()
    varied(23, 320).save(buffer, "PNG")
    whole, size = buffer.getvalue(), struct.pack(">II", 9000, 9000)
    header = b"IHDR" + size + whole[24:29]
    large = whole[:12] + header + struct.pack(">I", zlib.crc32(header)) + whole[33:]
    for data, obstacle in ((whole[:-500], Obstacle.BROKEN), (b"text", Obstacle.BROKEN), (large, Obstacle.LARGE)):
        answer = await find_made_here(easel.db, attachments(easel.folder), easel.folder, data)
        assert answer == OriginAnswer(None, 0, obstacle)


@pytest.mark.parametrize("kind", KINDS)
def test_simple_pictures_are_recognized_and_not_mixed_up(kind: str) -> None:
    pictures = [simple(kind, seed) for seed in range(5)]
    for place, picture in enumerate(pictures):
        half = picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.LANCZOS)
        copy = ImageOps.mirror(Image.open(io.BytesIO(webp(half))).convert("RGB"))
        assert [shows(copy, other) for other in pictures].index(True) == place
        assert sum(shows(copy, other) for other in pictures) == 1


def test_faces_have_the_same_hash_and_other_pixels() -> None:
    faces = [simple("face", seed) for seed in (1, 4, 8)]
    hashes = list(map(picture_hash, faces))
    assert Search(hashes[0]).near(hashes, SAME_BELOW) == [0, 1, 2]
    assert [shows(faces[0], face) for face in faces] == [True, False, False]
