"""The certificate of an installation: accepted by c2pa-python, made once, and nobody else can issue another one."""

from __future__ import annotations

import io
import json
import re
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier

import c2pa
import pytest
from cryptography import x509

from bot.cli.setup.certificate import certificate_in
from bot.config.sections.c2pa import C2paAlgorithm, C2paSettings
from bot.pictures.signing.certificates import make_certificate
from bot.pictures.signing.credentials import SigningUnusable
from inference.parameters import GENERATED
from tests.bot.pictures.certificates import settings_in
from tests.bot.pictures.test_signing import painted

CALLERS = 4


def files(settings: C2paSettings) -> tuple[bytes, bytes]:
    assert settings.certificate is not None and settings.key is not None
    return settings.certificate.read_bytes(), settings.key.read_bytes()


def test_readers_accept_it_for_ten_years_and_know_its_root_only_if_told(tmp_path: Path) -> None:
    settings = certificate_in(tmp_path)
    made = make_certificate(settings)
    assert made.expires > datetime.now(UTC) + timedelta(days=3650)
    signed = made.sign(painted(tmp_path).read_bytes(), ".png", GENERATED)
    with c2pa.Reader("image/png", io.BytesIO(signed)) as reader:
        store = json.loads(reader.json())
        assert reader.get_validation_state() == "Valid"
    assert [status["code"] for status in store["validation_status"]] == ["signingCredential.untrusted"]
    signature = store["manifests"][store["active_manifest"]]["signature_info"]
    assert signature["issuer"] == "self-hosted Easel"
    assert re.fullmatch(r"Easel installation [0-9a-f]{8}", signature["common_name"])
    root = x509.load_pem_x509_certificates(files(settings)[0])[1]
    trusting = c2pa.Context(c2pa.Settings.from_dict({"trust": {"trust_anchors": _pem(root)}}))
    with c2pa.Reader("image/png", io.BytesIO(signed), context=trusting) as reader:
        assert reader.get_validation_state() == "Trusted"


def _pem(certificate: x509.Certificate) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM).decode()


def test_the_key_of_the_root_is_nowhere(tmp_path: Path) -> None:
    settings = certificate_in(tmp_path)
    make_certificate(settings)
    chain, key = files(settings)
    leaf, root = x509.load_pem_x509_certificates(chain)
    leaf.verify_directly_issued_by(root)
    assert {path.name for path in tmp_path.rglob("*.*")} == {"chain.pem", "key.pem"}
    assert (chain.count(b"PRIVATE"), key.count(b"BEGIN")) == (0, 1)
    assert leaf.public_key() != root.public_key(), "the key that is stored is that of the leaf, as signing proves"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_nobody_else_can_read_the_key(tmp_path: Path) -> None:
    make_certificate(certificate_in(tmp_path))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "c2pa", *tmp_path.rglob("*.pem"))}
    assert modes == {"c2pa": 0o700, "chain.pem": 0o600, "key.pem": 0o600}


def test_files_stay_and_a_missing_certificate_is_made_for_the_same_key(tmp_path: Path) -> None:
    settings = certificate_in(tmp_path)
    make_certificate(settings)
    before = files(settings)
    make_certificate(settings)
    assert files(settings) == before
    assert settings.certificate is not None
    settings.certificate.unlink()
    make_certificate(settings)
    after = files(settings)
    assert after[1] == before[1] and after[0] != before[0]


def test_callers_at_once_get_one_key(tmp_path: Path) -> None:
    settings, barrier = certificate_in(tmp_path), Barrier(CALLERS)

    def made(_: int) -> bytes:
        barrier.wait()
        return make_certificate(settings).key

    with ThreadPoolExecutor(CALLERS) as pool:
        assert len(set(pool.map(made, range(CALLERS)))) == 1


def test_a_key_of_another_kind_is_not_touched(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, C2paAlgorithm.PS256)
    assert settings.certificate is not None
    settings.certificate.unlink()
    before = settings.key and settings.key.read_bytes()
    for algorithm, told in ((C2paAlgorithm.ES256, "is no key for es256"), (C2paAlgorithm.PS256, "only for")):
        with pytest.raises(SigningUnusable, match=told):
            make_certificate(settings.model_copy(update={"algorithm": algorithm}))
    assert settings.key is not None and settings.key.read_bytes() == before and not settings.certificate.exists()
