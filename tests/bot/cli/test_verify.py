"""`verify`: whether a picture was generated here, after a preview, a crop or a screenshot too."""

from __future__ import annotations

import asyncio
import http.server
import io
import json
import os
import random
import sys
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from PIL import Image, ImageOps, PngImagePlugin

from benchmarks._copied_pictures import TRANSFORMS
from benchmarks._varied_pictures import varied
from bot.cli import DONE, REFUSED, UNUSABLE
from bot.cli.setup.certificate import certificate_in, ensure_certificate
from bot.database.clock import now_ms
from bot.database.database import Database, open_database
from bot.database.jobs.jobs import START_JOB, create_job
from bot.database.pictures.hashes import record_hashes
from bot.database.pictures.pictures import PICTURES_OF_JOB, NewPicture
from bot.pictures.signing.attachments import SignedAttachments
from bot.pictures.signing.credentials import Credentials
from bot.pictures.signing.signature_reader import Signature, SignatureState, signature_in
from bot.pictures.similarity.perceptual_hash import hash_file, picture_hash
from bot.pictures.thumbnails import Thumbnails
from inference.files.image_files import MAX_READS
from inference.parameters import GENERATED
from tests.bot.cli.commands import Here
from tests.bot.database.conftest import finish, request_for
from tests.bot.pictures.certificates import forged_settings, settings_in
from tests.house import House

OWNER = 77
SEEDS = range(20, 30)
MADE, STRANGE = 23, 4711  # seeds of a picture that is stored, and of one that is not


@dataclass(frozen=True)
class Stored:
    """A house with ten pictures. `job_id` generated the one of the seed MADE."""

    house: House
    job_id: int

    @property
    def config(self) -> Path:
        return self.house.config


@pytest.fixture(scope="module")
def easel(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    return painted(tmp_path_factory.mktemp("verified") / "house")


def painted(folder: Path) -> Stored:
    house = House(folder)
    house.settings.storage.pictures.mkdir(parents=True)
    return Stored(house, asyncio.run(paint(house))[MADE])


async def paint(house: House) -> dict[int, int]:
    """Store a picture of each seed; their jobs."""
    jobs: dict[int, int] = {}
    async with open_database(house.settings.storage.database) as db:
        for seed in SEEDS:
            jobs[seed] = await store(db, house, varied(seed, 512))
    return jobs


async def store(db: Database, house: House, made: Image.Image, **how: Any) -> int:
    """Store a picture; its job."""
    job = await create_job(db, request_for(), person_id=OWNER, channel_id=1)
    await db.one(START_JOB, now=now_ms(), id=job.id)
    path = stored_file(house, job.id)
    made.save(path, **how)
    await finish(db, job.id, 1, [NewPicture(path.name, *made.size, 7)])
    (picture,) = await db.all(PICTURES_OF_JOB, job.id)
    await record_hashes(db, [(picture.id, hash_file(path))])
    return job.id


def stored_file(house: House, job_id: int) -> Path:
    return house.settings.storage.pictures / f"{job_id}.png"


@pytest.fixture
def made() -> Image.Image:
    return varied(MADE, 512)


def saved(path: Path, picture: Image.Image, **how: object) -> Path:
    picture.save(path, **how)
    return path


def copies(picture: Image.Image) -> Iterator[tuple[str, Image.Image, dict[str, object]]]:
    """A name, the picture and how it is saved."""
    chance, company = random.Random(5), [varied(seed, 400) for seed in range(900, 912)]
    width, height = picture.size
    half = picture.resize((width // 2, height // 2), Image.Resampling.LANCZOS)
    yield "preview.webp", picture, {"quality": 80}
    yield "preview.jpg", picture, {"quality": 80}
    yield "half.webp", half, {"quality": 80}
    yield "half.jpg", half, {"quality": 80}
    yield (
        "crop.jpg",
        picture.crop((width // 20, height // 20, width - width // 20, height - height // 20)),
        {"quality": 85},
    )
    yield "mirrored.png", ImageOps.mirror(picture), {}
    for name in ("screenshot", "framed"):
        yield f"{name}.jpg", TRANSFORMS[name](chance, picture, company), {"quality": 85}


def test_copies_are_found_with_their_job_and_owner(
    here: Here, easel: Stored, made: Image.Image, tmp_path: Path
) -> None:
    files = [saved(tmp_path / name, picture, **how) for name, picture, how in copies(made)]
    said = here("verify", "--json", *files, "--config", easel.config)
    assert said.code == DONE, said.out
    for told in json.loads(said.out):
        origin = told["made_here"]
        assert (origin["job_id"], origin["person_id"], origin["position"]) == (easel.job_id, OWNER, 0), told
        assert origin["created_at"] > 0 and origin["distance"] < 0.2


def test_strangers_are_not_found_and_make_the_exit_code_1(
    here: Here, easel: Stored, made: Image.Image, tmp_path: Path
) -> None:
    ours, other = saved(tmp_path / "ours.png", made), saved(tmp_path / "other.png", varied(STRANGE, 512))
    said = here("verify", ours, other, "--config", easel.config)
    assert said.code == REFUSED
    assert said.out.count("Generated by this Easel") == 1 and said.out.count("Not found") == 1


def test_rubbish_gets_a_sentence(here: Here, easel: Stored, tmp_path: Path) -> None:
    text, plain = tmp_path / "text.png", saved(tmp_path / "plain.png", Image.new("RGB", (600, 600), "red"))
    text.write_text("no picture")
    said = here("verify", text, plain, tmp_path / "none.png", tmp_path, "--config", easel.config)
    assert said.code == UNUSABLE and "Traceback" not in said.err
    for sentence in ("cannot read this file as a picture", "too little detail", "There is no such file"):
        assert sentence in said.out


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_file_that_would_never_end_is_refused(here: Here, easel: Stored, tmp_path: Path) -> None:
    """Files of /proc pretend to be regular and empty. One of them, kmsg, waits for news and needs rights to open."""
    pipe, empty = tmp_path / "pipe", tmp_path / "empty.png"
    os.mkfifo(pipe)
    empty.touch()
    said = here("verify", pipe, "/dev/zero", empty, "/proc/uptime", "--config", easel.config)
    assert said.code == UNUSABLE
    assert said.out.count("it is not a regular file") == 2 and said.out.count("The file is empty") == 2, said.out


def in_parts(picture: Image.Image, kind: str) -> bytes:
    """A picture whose file has a few hundred thousand empty parts, between its start and its end."""
    buffer = io.BytesIO()
    picture.save(buffer, kind)
    data, parts = buffer.getvalue(), MAX_READS // 2
    if kind == "PNG":
        return data[:33] + (bytes(4) + b"abCd" + zlib.crc32(b"abCd").to_bytes(4)) * parts + data[33:]
    if kind == "JPEG":
        return data[:2] + b"\xff\xfe\x00\x02" * parts + data[2:]
    colours = 13 + 3 * 2 ** ((data[10] & 7) + 1)  # where the first block of a GIF begins
    return data[:colours] + b"\x21\xf1" + b"\x01a" * parts + b"\0" + data[colours:]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF"])
def test_a_file_of_countless_parts_is_not_walked(
    here: Here, easel: Stored, made: Image.Image, tmp_path: Path, kind: str
) -> None:
    """Eight million parts fit into the size that is read, and would take minutes."""
    file = tmp_path / "parts"
    file.write_bytes(in_parts(made, kind))
    said = here("verify", file, "--config", easel.config)
    assert said.code == UNUSABLE and "The file has too many parts" in said.out


def test_a_signature_among_countless_parts_is_not_looked_for(made: Image.Image) -> None:
    signature = signature_in(in_parts(made, "PNG") + b"c2pa")
    assert signature is not None and signature.state is SignatureState.UNREADABLE


def test_a_plain_picture_still_shows_its_mark_and_signature(here: Here, easel: Stored, tmp_path: Path) -> None:
    """It cannot be compared, but its file says where it comes from."""
    credentials = Credentials.load(settings_in(tmp_path / "c2pa"))
    assert credentials is not None
    buffer, plain = io.BytesIO(), tmp_path / "plain.png"
    Image.new("RGB", (600, 600), "red").save(buffer, "PNG")
    plain.write_bytes(credentials.sign(buffer.getvalue(), ".png", GENERATED))
    said = here("verify", plain, "--config", easel.config)
    assert said.code == UNUSABLE and "too little detail" in said.out
    assert "Signature: by “Easel” (not verified: " in said.out and "), unchanged since signing" in said.out


def test_a_signed_file_of_a_plain_picture_names_its_job(here: Here, tmp_path: Path) -> None:
    """As in the demo: two white pictures, which no comparison can tell apart, in the folder of `easel demo`."""
    house, plain = House(tmp_path / "house"), Image.new("RGB", (64, 64), "white")
    house.settings.storage.pictures.mkdir(parents=True)
    storage, certificate = house.settings.storage, certificate_in(house.data)
    ensure_certificate(certificate)

    async def paint_twice() -> list[int]:
        async with open_database(storage.database) as db:
            return [await store(db, house, plain, compress_level=level) for level in (1, 9)]

    first, second = asyncio.run(paint_twice())
    attachments = SignedAttachments(Thumbnails(storage.thumbnails, storage.pictures), lambda: certificate)
    files = [tmp_path / f"{job}.png" for job in (first, second)]
    for job, file in zip((first, second), files, strict=True):
        file.write_bytes(attachments.fit(stored_file(house, job)).data)
    said = here("verify", "--json", *files, "--demo", house.data)
    assert said.code == DONE, said.out
    assert [told["made_here"]["job_id"] for told in json.loads(said.out)] == [first, second]

    stored_file(house, first).unlink()
    said = here("verify", files[0], "--demo", house.data)
    assert said.code == DONE and "Generated by this Easel" in said.out and "job is unknown" in said.out
    assert "too little detail" not in said.out and "Signature: by this Easel, unchanged" in said.out
    changed = tmp_path / "changed.png"
    changed.write_bytes(files[1].read_bytes() + b"more")
    said = here("verify", changed, "--demo", house.data)
    assert said.code == UNUSABLE and "too little detail" in said.out and "Generated" not in said.out


@pytest.mark.parametrize("chain", ["", "none.pem", "other.pem"])
def test_the_reason_why_a_signature_is_not_verified_is_given(
    here: Here, easel: Stored, made: Image.Image, tmp_path: Path, chain: str
) -> None:
    credentials, other = Credentials.load(settings_in(tmp_path / "c2pa")), settings_in(tmp_path / "other")
    assert credentials is not None and other.certificate is not None
    other.certificate.rename(tmp_path / "other.pem")
    config = easel.config.with_name(f"signing{chain}.toml")
    names = f'[c2pa]\ncertificate = "{tmp_path / chain}"\nkey = "{other.key}"\n' if chain else "[c2pa]\n"
    config.write_text(easel.config.read_text().replace("[c2pa]\n", names))
    buffer, signed = io.BytesIO(), tmp_path / "signed.png"
    made.save(buffer, "PNG")
    signed.write_bytes(credentials.sign(buffer.getvalue(), ".png", GENERATED))
    said = here("verify", signed, "--config", config)
    reason = {
        "": "the settings name no certificate; set certificate and key in [c2pa] to those that signed it",
        "none.pem": f"Easel cannot read the certificate {tmp_path / 'none.pem'}",
        "other.pem": "its certificate is not the one in [c2pa]",
    }[chain]
    assert f"(not verified: {reason}" in said.out, said.out


def test_a_command_that_finds_no_pictures_says_where_it_looked(
    here: Here, made: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = here("verify", saved(tmp_path / "made.png", made), "--demo", "nowhere")
    assert said.code == UNUSABLE and str(tmp_path / "nowhere") in said.sentence
    assert here("verify", "a.png", "--demo", "nowhere", "--config", "a.toml").code == UNUSABLE
    said = here("verify", tmp_path / "made.png", XDG_DATA_HOME=str(tmp_path))
    assert said.code == UNUSABLE and "--config" in said.sentence and "--demo" in said.sentence


def test_the_signature_is_read_and_changes_show(here: Here, easel: Stored, made: Image.Image, tmp_path: Path) -> None:
    c2pa = settings_in(tmp_path / "c2pa")
    credentials, other = Credentials.load(c2pa), Credentials.load(settings_in(tmp_path / "other"))
    assert credentials is not None and other is not None
    certificate = f'[c2pa]\ncertificate = "{c2pa.certificate}"\nkey = "{c2pa.key}"\n'
    config = easel.config.with_name("signing.toml")
    config.write_text(easel.config.read_text().replace("[c2pa]\n", certificate))
    buffer = io.BytesIO()
    made.save(buffer, "PNG")
    data = credentials.sign(buffer.getvalue(), ".png", GENERATED)
    signed, changed, foreign = (tmp_path / f"{name}.png" for name in ("signed", "changed", "foreign"))
    signed.write_bytes(data)
    changed.write_bytes(data + b"more")
    foreign.write_bytes(other.sign(buffer.getvalue(), ".png", GENERATED))
    said = here("verify", signed, changed, foreign, "--config", config)
    assert said.code == DONE
    assert said.out.count("by this Easel, unchanged since") == 1
    assert said.out.count("the file was changed after signing") == 1
    assert said.out.count("Signature: by “Easel” (not verified), but the file was changed after signing") == 1
    assert said.out.count("Signature: by “Easel” (not verified: its certificate is not the one in [c2pa];") == 1


def test_a_watermark_that_cannot_be_read_does_not_hide_the_rest(
    here: Here, easel: Stored, made: Image.Image, tmp_path: Path
) -> None:
    weights = f'[watermark]\npath = "{tmp_path / "weights"}"\n'
    config = easel.config.with_name("marking.toml")
    config.write_text(easel.config.read_text().replace("[watermark]\n", weights))
    said = here("verify", saved(tmp_path / "made.png", made), "--config", config)
    assert said.code == DONE and "Generated by this Easel" in said.out
    assert "Watermark: not checked: there is no" in said.out


def test_number_and_name_of_a_certificate_do_not_make_it_ours(made: Image.Image, tmp_path: Path) -> None:
    """Both stand in every signed file, so anybody can copy them."""
    ours, forger = settings_in(tmp_path / "ours"), tmp_path / "forger"
    assert ours.certificate is not None
    leaf = x509.load_pem_x509_certificate(ours.certificate.read_bytes())
    own, forged = Credentials.load(ours), Credentials.load(forged_settings(forger, leaf.serial_number))
    assert own is not None and forged is not None
    buffer = io.BytesIO()
    made.save(buffer, "PNG")
    signature = signature_in(own.sign(buffer.getvalue(), ".png", GENERATED), ours.certificate)
    assert signature == Signature(SignatureState.INTACT, "Easel", ours=True)
    signature = signature_in(forged.sign(buffer.getvalue(), ".png", GENERATED), ours.certificate)
    assert signature == Signature(SignatureState.INTACT, "Easel", ours=False)


def test_a_certificate_that_cannot_be_read_is_not_ours(made: Image.Image, tmp_path: Path) -> None:
    credentials = Credentials.load(settings_in(tmp_path / "c2pa"))
    assert credentials is not None
    buffer = io.BytesIO()
    made.save(buffer, "PNG")
    data, rubbish = credentials.sign(buffer.getvalue(), ".png", GENERATED), tmp_path / "rubbish.pem"
    rubbish.write_bytes(b"\xff no PEM")
    for certificate in (rubbish, tmp_path / "none.pem"):
        assert signature_in(data, certificate) == Signature(SignatureState.INTACT, "Easel", ours=False)


def test_nothing_in_a_name_reaches_the_terminal(here: Here, easel: Stored, tmp_path: Path) -> None:
    hostile = tmp_path / "no\x1b[31mred\nGenerated by this Easel: yes.png"
    hostile.mkdir()
    said = here("verify", hostile, "--config", easel.config)
    assert said.code == UNUSABLE and "\x1b" not in said.out and "\nGenerated" not in said.out


def test_pictures_that_cannot_be_compared_are_passed_over_and_counted(
    here: Here, made: Image.Image, tmp_path: Path
) -> None:
    """Their hash is missing, empty, too plain or has another length."""
    easel = painted(tmp_path / "house")
    files = [saved(tmp_path / "made.png", made), saved(tmp_path / "other.png", varied(STRANGE, 512))]
    assert "compared" not in here("verify", *files, "--config", easel.config).out
    plain = picture_hash(Image.new("RGB", (64, 64), "red"))

    async def damage() -> None:
        async with open_database(easel.house.settings.storage.database) as db:
            for picture_id, hashed in ((1, b"\0"), (2, b""), (3, plain), (5, plain * 2)):
                await db.connection.execute(
                    "UPDATE picture_hash SET hash = ? WHERE picture_id = ?", (hashed, picture_id)
                )
            await db.connection.execute("DELETE FROM picture_hash WHERE picture_id = 6")
            await db.connection.commit()

    asyncio.run(damage())
    ours, other = json.loads(here("verify", "--json", *files, "--config", easel.config).out)
    assert ours["made_here"]["job_id"] == easel.job_id
    assert other["made_here"] is None and other["not_compared"] == 5
    said = here("verify", *files, "--config", easel.config)
    assert said.out.count("Stored pictures that could not be compared: 5.") == 1


def test_no_address_in_a_file_is_called(here: Here, easel: Stored, tmp_path: Path) -> None:
    """A file may name an address for its manifest, which would be asked from the operator's network."""
    asked: list[str] = []

    class Manifests(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Manifests) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        text = PngImagePlugin.PngInfo()
        rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
        text.add_itxt(
            "XML:com.adobe.xmp",
            f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{rdf}"><rdf:Description rdf:about="" '
            f'xmlns:dcterms="http://purl.org/dc/terms/" dcterms:provenance="http://127.0.0.1:{server.server_port}/m"/>'
            "</rdf:RDF></x:xmpmeta>",
        )
        text.add_text("label", "c2pa")
        file = saved(tmp_path / "remote.png", varied(STRANGE, 512), pnginfo=text)
        said = here("verify", file, "--config", easel.config)
        server.shutdown()
    assert said.code == REFUSED and "Signature: cannot be read" in said.out
    assert asked == []


def test_a_picture_that_was_deleted_is_not_found(here: Here, made: Image.Image, tmp_path: Path) -> None:
    easel = painted(tmp_path / "house")
    file = saved(tmp_path / "made.png", made)
    assert here("verify", file, "--config", easel.config).code == DONE

    async def forget() -> None:
        async with open_database(easel.house.settings.storage.database) as db:
            await db.connection.execute("DELETE FROM picture WHERE job_id = ?", (easel.job_id,))
            await db.connection.commit()

    asyncio.run(forget())
    assert here("verify", file, "--config", easel.config).code == REFUSED
