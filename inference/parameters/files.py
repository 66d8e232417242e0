"""Where the text stands in a file: in PNG chunks, or in the EXIF of a JPEG or WebP. No pixel is decoded."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from PIL import ExifTags, Image

from inference.files.image_files import PictureBytes

CHUNK = "parameters"  # the PNG text chunk that the field reads
JSON_CHUNK = "easel"
XMP_CHUNK = "XML:com.adobe.xmp"
MAX_TEXT = 256 * 1024  # bytes of one text, unpacked; those of the field have a few thousand
MAX_CHUNKS = 10_000
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TEXT_CHUNKS = (b"tEXt", b"zTXt", b"iTXt")
_MAX_KEYWORD = 79  # bytes, says the standard
_LENGTH, _FRAME = 4, 12  # bytes: a chunk's length; length, kind and checksum together
# What Pillow raises over files that are not what they pretend to be.
_BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    KeyError,
    TypeError,
    IndexError,
    struct.error,
    Image.DecompressionBombError,
)


class UnreadableTexts(Exception):
    """The file is broken, or its texts unpack to absurd sizes."""


@dataclass(frozen=True)
class Texts:
    """The two texts that tell how a picture was painted, and a PNG's XMP packet; None for what is not there."""

    parameters: str | None = None
    easel: str | None = None
    xmp: str | None = None


def texts_in(data: bytes) -> Texts:
    """The texts of a PNG, JPEG or WebP file; nothing for another one. Raises UnreadableTexts."""
    if not data.startswith(_SIGNATURE):
        return Texts(_user_comment(data))
    found: dict[str, str] = {}
    for kind, body in _chunks(data):
        keyword = body[: _MAX_KEYWORD + 1].partition(b"\0")[0].decode("latin-1") if kind in _TEXT_CHUNKS else ""
        # Others of the same name are not even unpacked.
        if keyword in {CHUNK, JSON_CHUNK, XMP_CHUNK} and keyword not in found:
            found[keyword] = _text(kind, body[len(keyword) + 1 :])
    return Texts(found.get(CHUNK), found.get(JSON_CHUNK), found.get(XMP_CHUNK))


def with_texts(png: bytes, texts: Mapping[str, str]) -> bytes:
    """The same PNG, to the bit of its pixels, with `texts` in the place of all that it held. Raises UnreadableTexts."""
    kept = [(kind, body) for kind, body in _chunks(png) if kind not in _TEXT_CHUNKS]
    if not kept:
        raise UnreadableTexts
    new = [(b"iTXt", key.encode("latin-1") + b"\0\0\0\0\0" + text.encode()) for key, text in texts.items()]
    return _SIGNATURE + b"".join(_framed(*chunk) for chunk in [kept[0], *new, *kept[1:]])


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and body of each chunk."""
    position = len(_SIGNATURE)
    for _ in range(MAX_CHUNKS):
        if position >= len(png):
            return
        length = int.from_bytes(png[position : position + _LENGTH])
        body = png[position + 8 : position + 8 + length]
        if len(body) != length:
            raise UnreadableTexts
        yield png[position + 4 : position + 8], body
        position += _FRAME + length
    raise UnreadableTexts


def _framed(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _text(kind: bytes, body: bytes) -> str:
    if kind == b"tEXt":
        return _decoded(body)
    if kind == b"zTXt":
        return _decoded(_unpacked(body[1:]))
    packed = body[:1] == b"\1"
    text = body[2:].split(b"\0", 2)[-1]  # behind language and translated keyword
    return _decoded(_unpacked(text) if packed else text)


def _unpacked(packed: bytes) -> bytes:
    """Never more than MAX_TEXT is unpacked, whatever a few bytes would unfold to."""
    try:
        return zlib.decompressobj().decompress(packed, MAX_TEXT + 1)
    except zlib.error:
        raise UnreadableTexts from None


def _decoded(text: bytes) -> str:
    """The standard says Latin-1 where many programs write UTF-8."""
    if len(text) > MAX_TEXT:
        raise UnreadableTexts
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")


def _user_comment(data: bytes) -> str | None:
    """The comment in EXIF, where JPEG and WebP files hold the text; None without one."""
    try:
        with Image.open(PictureBytes(data), formats=["JPEG", "WEBP"]) as image:
            comment = image.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment)
    except _BROKEN:
        return None
    if not isinstance(comment, bytes) or len(comment) > MAX_TEXT:
        return None
    code, text = comment[:8], comment[8:]
    if code != b"UNICODE\0":
        return _decoded(text) or None
    # Nobody says which end comes first; in letters of the fields the upper byte is empty.
    order = "utf-16-be" if text[::2].count(0) > text[1::2].count(0) else "utf-16-le"
    return text.decode(order, "replace") or None
