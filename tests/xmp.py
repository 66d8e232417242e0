"""Reads the XMP packet of a picture by the formats' own specifications, with nothing of the program and no Pillow."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as ET

_SOURCE_TYPE = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
_JPEG_HEADER = b"http://ns.adobe.com/xap/1.0/\0"


def source_types(picture: bytes) -> list[str]:
    """The IPTC digital source type of each XMP packet in the file, without the vocabulary's address."""
    elements = (element for packet in _packets(picture) for element in ET.fromstring(packet).iter())
    found = [element.attrib[_SOURCE_TYPE] for element in elements if _SOURCE_TYPE in element.attrib]
    vocabulary = "http://cv.iptc.org/newscodes/digitalsourcetype/"
    assert all(value.startswith(vocabulary) for value in found)
    return [value.removeprefix(vocabulary) for value in found]


def _packets(data: bytes) -> Iterator[bytes]:
    if data.startswith(b"\x89PNG"):
        for kind, body in _blocks(data, 8, "big", overhead=4, length_first=True):
            if kind == b"iTXt" and body.startswith(b"XML:com.adobe.xmp\0"):
                assert body[18:22] == b"\0\0\0\0", "XMP says: not packed, no language, no other keyword"
                yield body[22:]
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        yield from (body for kind, body in _blocks(data, 12, "little", overhead=0) if kind == b"XMP ")
    else:
        assert data[:2] == b"\xff\xd8", "a JPEG"
        place = 2
        while data[place + 1] != 0xDA:  # the pixels
            length = int.from_bytes(data[place + 2 : place + 4], "big")
            body = data[place + 4 : place + 2 + length]
            if data[place + 1] == 0xE1 and body.startswith(_JPEG_HEADER):
                yield body.removeprefix(_JPEG_HEADER)
            place += 2 + length


def _blocks(
    data: bytes, place: int, order: str, *, overhead: int, length_first: bool = False
) -> Iterator[tuple[bytes, bytes]]:
    """Kind and body of each chunk; WebP pads bodies to whole words."""
    while place < len(data):
        kind, size = data[place : place + 4], data[place + 4 : place + 8]
        if length_first:
            kind, size = size, kind
        length = int.from_bytes(size, "little" if order == "little" else "big")
        yield kind, data[place + 8 : place + 8 + length]
        place += 8 + length + overhead + (length % 2 if order == "little" else 0)
