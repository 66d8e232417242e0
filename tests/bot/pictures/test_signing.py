"""C2PA signatures in every form that is delivered, read by c2pa-python; what else a picture says stays readable."""

from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Barrier
from typing import Any

import c2pa
import numpy as np
import pytest
from PIL import Image

from bot.app.from_settings import require_signing
from bot.config import Settings
from bot.config.sections.c2pa import C2paAlgorithm, C2paSettings
from bot.pictures.attachments import PictureFile, fit
from bot.pictures.signing.attachments import PAUSE_SECONDS, SignedAttachments
from bot.pictures.signing.credentials import (
    MIME_TYPES,
    CertificateExpired,
    Credentials,
    SigningUnusable,
    credentials_of,
)
from bot.pictures.thumbnails import LIST, MAX_SOURCE_BYTES, Thumbnails
from inference.messages.request import GenerationRequest, SourceImage
from inference.parameters import (
    CHUNK,
    JSON_CHUNK,
    XMP_CHUNK,
    SoftBinding,
    ai_mark,
    infotext,
    strip_prompt,
    texts_in,
    with_texts,
)
from tests.bot.pictures.certificates import settings_in
from tests.inference.requests import request
from tests.xmp import source_types

LARGE = 10 * 2**20
IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def painted(
    folder: Path, made: GenerationRequest | None = None, side: int = 256, watermark: SoftBinding | None = None
) -> Path:
    """A picture as the worker leaves it, whose noise is hard to compress."""
    made = made or request(prompt="zebrafinch", seed=9)
    buffer = io.BytesIO()
    rng = np.random.default_rng(7)
    Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8)).save(buffer, "PNG")
    texts = {
        CHUNK: infotext(made, "c" * 64, {}),
        JSON_CHUNK: made.model_dump_json(),
        XMP_CHUNK: ai_mark(made, watermark),
    }
    path = folder / "job1-1-0.png"
    path.write_bytes(with_texts(buffer.getvalue(), texts))
    return path


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> C2paSettings:
    return settings_in(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def attachments(tmp_path: Path, certified: C2paSettings) -> SignedAttachments:
    return SignedAttachments(Thumbnails(tmp_path / "thumbnails", tmp_path), lambda: certified)


def read(made: PictureFile) -> dict[str, Any]:
    """The manifest, which belongs to exactly these bytes: only its root is not among those that the world trusts."""
    with c2pa.Reader(MIME_TYPES[Path(made.name).suffix], io.BytesIO(made.data)) as reader:
        store = json.loads(reader.json())
    assert [status["code"] for status in store["validation_status"]] == ["signingCredential.untrusted"]
    return store["manifests"][store["active_manifest"]]


def actions(made: PictureFile) -> list[dict[str, str]]:
    (assertion,) = read(made)["assertions"]
    return assertion["data"]["actions"]


FORMS: dict[str, Callable[[SignedAttachments, Path], PictureFile]] = {
    "PNG": lambda attachments, path: attachments.fit(path, LARGE),
    "PNG without words": lambda attachments, path: attachments.fit(path, LARGE, words=False),
    "WebP": lambda attachments, path: attachments.fit(path, path.stat().st_size - 1 + 65_536),
    "JPEG": lambda attachments, path: attachments.fit(path, 60_000 + 65_536),
    "sheet": lambda attachments, path: attachments.fitted("sheet-1.png", path.read_bytes(), LARGE, path),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_signed_once_and_says_all_that_it_said(
    attachments: SignedAttachments, tmp_path: Path, certified: C2paSettings, form: str
) -> None:
    path = painted(tmp_path)
    made = FORMS[form](attachments, path)
    unsigned = FORMS[form](SignedAttachments(Thumbnails(tmp_path / "no", tmp_path)), path)
    suffix = ".webp" if form == "WebP" else ".jpg" if form == "JPEG" else ".png"
    assert Path(made.name).suffix == suffix
    assert actions(made) == [{"action": "c2pa.created", "digitalSourceType": f"{IPTC}trainedAlgorithmicMedia"}]
    assert source_types(made.data) == ["trainedAlgorithmicMedia"]
    with Image.open(io.BytesIO(made.data)) as image, Image.open(io.BytesIO(path.read_bytes())) as original:
        image.load()
        if form != "JPEG":
            assert np.array_equal(np.asarray(image.convert("RGB")), np.asarray(original))
    if suffix == ".png":
        wanted = path.read_bytes() if form != "PNG without words" else strip_prompt(path.read_bytes())
        assert texts_in(made.data) == texts_in(wanted)
        assert (b"zebrafinch" in made.data) == (form != "PNG without words")
    again = SignedAttachments(Thumbnails(tmp_path / "thumbnails", tmp_path), lambda: certified)  # after a restart
    assert FORMS[form](again, path) == made, "another signature would be another file"
    assert len(made.data) < len(unsigned.data) + 20_000 or suffix != ".png"


@pytest.mark.parametrize("form", FORMS)
def test_what_is_stored_of_a_signature_is_small(attachments: SignedAttachments, tmp_path: Path, form: str) -> None:
    FORMS[form](attachments, painted(tmp_path))
    (stored,) = [file for file in (tmp_path / "thumbnails").rglob("*") if file.is_file()]
    assert stored.stat().st_size < 5000


def test_callers_at_once_send_the_same_file(tmp_path: Path, certified: C2paSettings) -> None:
    path, barrier = painted(tmp_path), Barrier(4)

    def made(_: int) -> bytes:
        barrier.wait()
        thumbnails = Thumbnails(tmp_path / "thumbnails", tmp_path)
        return SignedAttachments(thumbnails, lambda: certified).fit(path, LARGE).data

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(made, range(4)))) == 1


def test_a_damaged_signature_is_made_anew(attachments: SignedAttachments, tmp_path: Path) -> None:
    path = painted(tmp_path)
    attachments.fit(path, LARGE)
    (stored,) = [file for file in (tmp_path / "thumbnails").rglob("*") if file.is_file()]
    stored.write_bytes(b"")
    made = attachments.fit(path, LARGE)
    assert read(made) and attachments.fit(path, LARGE) == made


def test_a_picture_too_large_for_a_thumbnail_is_signed_once(attachments: SignedAttachments, tmp_path: Path) -> None:
    path = painted(tmp_path)
    with path.open("ab") as file:
        file.write(bytes(MAX_SOURCE_BYTES))
    assert attachments.fit(path, 2 * MAX_SOURCE_BYTES) == attachments.fit(path, 2 * MAX_SOURCE_BYTES)


def test_a_changed_picture_is_not_what_was_signed(attachments: SignedAttachments, tmp_path: Path) -> None:
    made = attachments.fit(painted(tmp_path))
    with c2pa.Reader("image/png", io.BytesIO(made.data.replace(b"zebrafinch", b"zebrafunch"))) as reader:
        assert reader.get_validation_state() == "Invalid"


def test_a_picture_of_a_person_makes_it_a_composite(attachments: SignedAttachments, tmp_path: Path) -> None:
    path = painted(tmp_path, request(image=SourceImage(sha256="a" * 64, strength=0.5)))
    for made in (attachments.fit(path), attachments.fit(path, 60_000 + 65_536)):
        assert actions(made)[0]["digitalSourceType"] == f"{IPTC}compositeWithTrainedAlgorithmicMedia"


@pytest.mark.parametrize("form", FORMS)
def test_the_signature_names_the_watermark(attachments: SignedAttachments, tmp_path: Path, form: str) -> None:
    watermark = SoftBinding("com.adobe.trustmark.P", "1*" + "01" * 30 + "0")
    created, marked = read(FORMS[form](attachments, painted(tmp_path, watermark=watermark)))["assertions"]
    assert [action["action"] for action in created["data"]["actions"]] == ["c2pa.created", "c2pa.watermarked.bound"]
    assert marked["label"] == "c2pa.soft-binding"
    assert marked["data"] == {"alg": watermark.algorithm, "blocks": [{"scope": {}, "value": watermark.value}]}


@pytest.mark.parametrize(
    "words", [f"{IPTC}compositeWithTrainedAlgorithmicMedia", 'easel:Watermark="com.adobe.trustmark.P 1*01"']
)
def test_a_prompt_cannot_change_what_is_signed(attachments: SignedAttachments, tmp_path: Path, words: str) -> None:
    made = attachments.fit(painted(tmp_path, request(prompt=words)))
    assert actions(made) == [{"action": "c2pa.created", "digitalSourceType": f"{IPTC}trainedAlgorithmicMedia"}]


async def test_signed_copies_go_with_the_picture(attachments: SignedAttachments, tmp_path: Path) -> None:
    path, thumbnails = painted(tmp_path), Thumbnails(tmp_path / "thumbnails", tmp_path)
    assert await thumbnails.of(path, LIST)
    for form in FORMS.values():
        form(attachments, path)
    kept = [file for file in (tmp_path / "thumbnails").rglob("*") if file.is_file()]
    assert len(kept) == len(FORMS), "the sheet of the test is the picture itself"
    thumbnails.forget(path)
    assert not [file for file in (tmp_path / "thumbnails").rglob("*") if file.is_file()]


def test_without_a_certificate_a_picture_stays_as_it_is(tmp_path: Path) -> None:
    path = painted(tmp_path)
    plain = SignedAttachments(Thumbnails(tmp_path / "thumbnails", tmp_path))
    assert plain.fit(path, LARGE) == fit(path, LARGE) and not (tmp_path / "thumbnails").exists()


@pytest.mark.parametrize("algorithm", C2paAlgorithm)
def test_every_algorithm_signs(tmp_path: Path, algorithm: C2paAlgorithm) -> None:
    credentials = Credentials.load(settings_in(tmp_path, algorithm))
    assert credentials is not None
    signed = credentials.sign(painted(tmp_path).read_bytes(), ".png", f"{IPTC}trainedAlgorithmicMedia")
    made = PictureFile("x.png", signed)
    assert read(made)["signature_info"]["alg"].lower() == algorithm.value


def another_key(settings: C2paSettings) -> None:
    assert settings.key is not None
    other = settings_in(settings.key.parent / "other")
    assert other.key is not None
    settings.key.write_bytes(other.key.read_bytes())


def self_signed(settings: C2paSettings) -> C2paSettings:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    from tests.bot.pictures.certificates import AUTHORITY, certificate

    assert settings.certificate is not None and settings.key is not None
    settings.certificate.write_bytes(certificate(AUTHORITY, authority=True).public_bytes(Encoding.PEM))
    settings.key.write_bytes(AUTHORITY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return settings


WRONG: dict[str, tuple[Callable[[C2paSettings], Any], str]] = {
    "no such key": (lambda s: s.key.unlink(), "key.pem cannot be read"),
    "others may read it": (lambda s: s.key.chmod(0o644), "chmod 600"),
    "no key": (lambda s: s.key.write_text("Dear diary"), "holds no private key"),
    "no certificate": (lambda s: s.certificate.write_text("Dear diary"), "holds no certificates"),
    "endless": (lambda s: s.certificate.write_bytes(b"x" * 100_000), "is something else"),
    "another key": (another_key, "is not that of the first certificate"),
    "self-signed": (self_signed, "self-signed"),
    "another algorithm": (lambda s: s.model_copy(update={"algorithm": C2paAlgorithm.PS256}), "of another kind"),
    "another curve": (lambda s: s.model_copy(update={"algorithm": C2paAlgorithm.ES384}), "of another kind"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_sign_is_told_without_the_key(tmp_path: Path, case: str) -> None:
    settings = settings_in(tmp_path)
    assert settings.key is not None
    secret = settings.key.read_text().splitlines()[1]
    change, told = WRONG[case]
    changed = change(settings)
    with pytest.raises(SigningUnusable, match=told) as problem:
        Credentials.load(changed if isinstance(changed, C2paSettings) else settings)
    assert secret not in str(problem.value) and "BEGIN" not in str(problem.value)


def test_expired_certificates_and_passphrases_are_told(tmp_path: Path) -> None:
    with pytest.raises(SigningUnusable, match="expired on"):
        Credentials.load(settings_in(tmp_path / "old", days=-1))
    with pytest.raises(SigningUnusable, match="has a passphrase"):
        Credentials.load(settings_in(tmp_path / "sealed", passphrase=b"secret"))
    credentials = Credentials.load(settings_in(tmp_path / "good"))
    assert "PRIVATE" not in repr(credentials) and Credentials.load(C2paSettings()) is None


def test_an_expired_certificate_stops_neither_the_start_nor_the_delivery(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    expired, now = settings_in(tmp_path / "certificates", days=-1), [1000.0]
    path, thumbnails = painted(tmp_path), Thumbnails(tmp_path / "thumbnails", tmp_path)
    with caplog.at_level(logging.ERROR):
        require_signing(Settings(c2pa=expired))
    assert "expired on" in caplog.text and "config certificate" in caplog.text
    attachments = SignedAttachments(thumbnails, lambda: expired, clock=lambda: now[0])
    made = attachments.fit(path, LARGE)
    assert made.unsigned and made.data == path.read_bytes() and source_types(made.data) == ["trainedAlgorithmicMedia"]
    settings_in(tmp_path / "certificates")
    now[0] += PAUSE_SECONDS
    assert actions(attachments.fit(path, LARGE)), "renewed, without a reload"


def test_a_certificate_that_expires_while_easel_runs_is_read_again(tmp_path: Path) -> None:
    settings, later = settings_in(tmp_path), datetime.now(UTC) + timedelta(days=91)
    old = credentials_of(settings)
    settings_in(tmp_path)
    assert credentials_of(settings) == old != credentials_of(settings, now=later)
    settings_in(tmp_path, days=-1)
    with pytest.raises(CertificateExpired):
        credentials_of(settings, now=later)


def test_a_picture_that_cannot_be_signed_is_sent_with_its_mark(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_in(tmp_path / "certificates")
    nobody = settings.model_copy(update={"timestamp_url": "http://127.0.0.1:9/"})
    path = painted(tmp_path)
    attachments = SignedAttachments(Thumbnails(tmp_path / "thumbnails", tmp_path), lambda: nobody)
    with caplog.at_level(logging.ERROR):
        made = attachments.fit(path, LARGE)
    assert made.data == path.read_bytes() and source_types(made.data) == ["trainedAlgorithmicMedia"]
    assert "without a C2PA signature" in caplog.text and "PRIVATE" not in caplog.text


def test_an_authority_that_does_not_answer_is_left_alone_for_a_while(tmp_path: Path, certified: C2paSettings) -> None:
    asked, now = list[str](), [1000.0]

    class Refuses(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.send_error(503)

        def log_message(self, *_args: Any) -> None:
            """Nobody reads it."""

    with HTTPServer(("127.0.0.1", 0), Refuses) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings = certified.model_copy(update={"timestamp_url": f"http://127.0.0.1:{server.server_port}/"})
        thumbnails = Thumbnails(tmp_path / "thumbnails", tmp_path)
        attachments = SignedAttachments(thumbnails, lambda: settings, clock=lambda: now[0])
        path = painted(tmp_path)
        attachments.fit(path, LARGE)
        before = len(asked)
        assert before and attachments.fit(path, LARGE).data == path.read_bytes() and len(asked) == before
        now[0] += PAUSE_SECONDS
        attachments.fit(path, LARGE)
        assert len(asked) > before
        before, settings = len(asked), certified
        assert attachments.fit(path, LARGE).data != path.read_bytes() and len(asked) == before, "other settings"
        server.shutdown()
