"""The mark that tells machines that a picture is generated: IPTC's digital source type, as XMP in the file.

It is a statement in the file, neither signed nor hidden in the pixels: whoever wants to can remove it. If the pixels
have a watermark, the XMP packet names it too.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

from PIL import Image
from pydantic import ValidationError

from inference.files.image_files import BROKEN
from inference.messages.request import GenerationRequest
from inference.parameters.files import CHUNK, JSON_CHUNK, XMP_CHUNK, UnreadableTexts, texts_in, with_texts

_VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"
GENERATED = f"{_VOCABULARY}trainedAlgorithmicMedia"
COMPOSITE = f"{_VOCABULARY}compositeWithTrainedAlgorithmicMedia"  # a person's picture went into it
_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    'Iptc4xmpExt:DigitalSourceType="{source_type}"{watermark}/>'
    "</rdf:RDF></x:xmpmeta>"
    '<?xpacket end="r"?>'
)


_WATERMARK = ' xmlns:easel="urn:easel:" easel:Watermark="{binding.algorithm} {binding.value}"'
_FOUND_WATERMARK = re.compile(rb'easel:Watermark="([\w.]{1,64}) ([\w*]{1,256})"')


@dataclass(frozen=True)
class SoftBinding:
    """A watermark in the pixels as C2PA names it: an algorithm of its list, and a value in that algorithm's form."""

    algorithm: str
    value: str


def ai_mark(request: GenerationRequest | None, watermark: SoftBinding | None = None) -> str:
    """The XMP packet of a picture that this request paints; None: it is not known which one painted it."""
    composite = request is not None and request.image is not None and not request.image.painted
    named = "" if watermark is None else _WATERMARK.format(binding=watermark)
    return _PACKET.format(source_type=COMPOSITE if composite else GENERATED, watermark=named)


def source_type_in(data: bytes) -> str:
    """The digital source type that a picture's own mark tells, in whatever format; generated where it tells none."""
    return COMPOSITE if COMPOSITE.encode() in _packet_in(data) else GENERATED


def soft_binding_in(data: bytes) -> SoftBinding | None:
    """The watermark that the XMP packet of a PNG, JPEG or WebP names; None without one."""
    found = _FOUND_WATERMARK.search(_packet_in(data))
    return found and SoftBinding(found[1].decode(), found[2].decode())


def _packet_in(data: bytes) -> bytes:
    """The XMP packet of a picture, empty without one. Prompts elsewhere in the file may imitate it."""
    try:
        with Image.open(io.BytesIO(data), formats=["PNG", "JPEG", "WEBP"]) as image:
            packet = image.info.get("xmp", b"")
    except BROKEN:
        return b""
    return packet if isinstance(packet, bytes) else b""


def bears_mark(data: bytes) -> bool:
    """Whether a picture's file, in whatever format, says that it is generated. Anybody can write or remove that."""
    return any(mark.encode() in data for mark in (GENERATED, COMPOSITE))


def marked(png: bytes) -> bytes:
    """The same picture with the mark. One that bears an XMP packet, or is no whole PNG, stays as it is."""
    try:
        texts = texts_in(png)
        if texts.xmp is not None:
            return png
        told = {CHUNK: texts.parameters, JSON_CHUNK: texts.easel, XMP_CHUNK: ai_mark(stored_request(texts.easel))}
        return with_texts(png, {key: text for key, text in told.items() if text is not None})
    except UnreadableTexts:
        return png


def stored_request(text: str | None) -> GenerationRequest | None:
    """The request that stands in a picture as JSON; None where there is none that this version can read."""
    try:
        return None if text is None else GenerationRequest.model_validate_json(text)
    except ValidationError:
        return None
