"""Reading a signature calls no address. c2pa would call the address of an identity that the file claims (CAWG)."""

from __future__ import annotations

import base64
import io
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import c2pa
import pytest
from PIL import Image

from bot.pictures.signing.credentials import Credentials
from bot.pictures.signing.signature_reader import SignatureState, signature_in
from tests.bot.pictures.certificates import settings_in

ROOM = {"room": "x" * 2500}  # bytes in the signed file that the identity replaces
HARD_BINDING = "self#jumbf=c2pa.assertions/c2pa.hash.data"


@dataclass
class Listener:
    """A port of this machine. It closes each connection, and counts it before that."""

    socket: socket.socket
    connections: list[object] = field(default_factory=list[object])

    @property
    def issuer(self) -> str:
        """An issuer of identities whose document is at this port; c2pa refuses the name localhost and whole IPs."""
        return f"did:web:127.1%3A{self.socket.getsockname()[1]}"

    def run(self) -> None:
        """Run until the socket is closed."""
        while True:
            try:
                connection, address = self.socket.accept()
            except OSError:
                return
            self.connections.append(address)
            connection.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        listening = Listener(server)
        thread = threading.Thread(target=listening.run)
        thread.start()
        yield listening
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def cbor(value: Any) -> bytes:
    """The few kinds of values that an identity has."""
    match value:
        case bytes():
            return _head(2, len(value)) + value
        case str():
            return _head(3, len(value)) + value.encode()
        case list():
            return _head(4, len(value)) + b"".join(map(cbor, value))
        case _:
            return _head(5, len(value)) + b"".join(cbor(part) for item in value.items() for part in item)


def _head(kind: int, count: int) -> bytes:
    return bytes([kind << 5 | count]) if count < 24 else bytes([kind << 5 | 25]) + count.to_bytes(2)


def identity(issuer: str, binding: str) -> dict[str, Any]:
    """An identity that `issuer` vouches for, with a worthless signature. `binding` is the hash of the pixels."""
    kind = "cawg.identity_claims_aggregation"
    claim = {"type": "cawg.social_media", "username": "ada", "verifiedAt": "2024-01-01T00:00:00Z",
             "provider": {"id": "https://example.com", "name": "example"}}  # fmt: skip
    asset = {"referenced_assertions": [{"url": HARD_BINDING, "hash": binding}], "sig_type": kind}
    credential = {
        "@context": ["https://www.w3.org/ns/credentials/v2", "https://cawg.io/identity/1.1/ica/context/"],
        "type": ["VerifiableCredential", "IdentityClaimsAggregationCredential"],
        "issuer": issuer,
        "validFrom": "2024-01-01T00:00:00Z",
        "credentialSubject": {"verifiedIdentities": [claim], "c2paAsset": asset},
    }
    protected = b"\xa2\x01\x27\x03" + cbor("application/vc")  # Ed25519, and the type of the content
    signature = b"\xd2\x84" + b"".join(map(cbor, (protected, {}, json.dumps(credential).encode(), bytes(64))))
    referenced = [{"url": HARD_BINDING, "hash": base64.b64decode(binding)}]
    return {"signer_payload": {"referenced_assertions": referenced, "sig_type": kind}, "signature": signature}


def read_with(data: bytes, **settings: object) -> dict[str, Any]:
    with c2pa.Reader("image/png", io.BytesIO(data), context=c2pa.Context(c2pa.Settings.from_dict(settings))) as reader:
        store = json.loads(reader.detailed_json())
    return store["manifests"][store["active_manifest"]]


def claiming(folder: Path, issuer: str) -> bytes:
    """A signed PNG with an identity by `issuer`."""
    credentials, picture, done = Credentials.load(settings_in(folder)), io.BytesIO(), io.BytesIO()
    assert credentials is not None
    Image.new("RGB", (64, 64)).save(picture, "PNG")
    action = {"action": "c2pa.created", "digitalSourceType": "http://c2pa.org/digitalsourcetype/empty"}
    actions = {"label": "c2pa.actions.v2", "data": {"actions": [action]}}
    manifest = {"assertions": [actions, {"label": "cawg.identity", "data": ROOM}]}
    info = c2pa.C2paSignerInfo(credentials.algorithm.value, credentials.chain, credentials.key, None)
    with c2pa.Signer.from_info(info) as signer, c2pa.Builder(json.dumps(manifest)) as builder:
        builder.sign(signer, "image/png", picture, done)
    data, room = done.getvalue(), cbor(ROOM)
    claim = read_with(data, core={"decode_identity_assertions": False})["claim"]
    (binding,) = (each["hash"] for each in claim["created_assertions"] if each["url"] == HARD_BINDING)
    wanted = identity(issuer, binding)
    padding = len(room) - len(cbor(wanted | {"pad1": bytes(300)})) + 300
    assert padding >= 300 and data.count(room) == 1
    return data.replace(room, cbor(wanted | {"pad1": bytes(padding)}))


def test_an_identity_in_a_file_is_not_looked_up(listener: Listener, tmp_path: Path) -> None:
    data = claiming(tmp_path, listener.issuer)
    signature = signature_in(data)
    assert signature is not None and signature.state is SignatureState.CHANGED, "the identity came after the signature"
    assert listener.connections == []
    read_with(data)
    assert listener.connections, "c2pa by itself calls the address"
