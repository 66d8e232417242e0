"""Reads the body of a request: JSON, or multipart with `payload_json` and files."""

import json
import re

from aiohttp import BodyPartReader, web

from playground import errors
from playground.message_writer import Upload
from playground.rules.form import refuse_one
from playground.wire import UPLOAD_LIMIT

FILE_FIELD = re.compile(r"(?:files\[(\d+)\]|file(\d*))")


async def read(request: web.Request) -> tuple[object, list[Upload]]:
    """The JSON of a request and its files."""
    if request.content_type == "multipart/form-data":
        return await _multipart(request)
    raw = await request.read()
    if not raw:
        return None, []
    if request.content_type != "application/json":
        expected = "Expected \"Content-Type\" header to be one of {'application/json'}."
        raise refuse_one((), "CONTENT_TYPE_INVALID", expected)
    return _parse(raw), []


def _parse(raw: bytes) -> object:
    try:
        return json.loads(raw)
    except ValueError:
        raise errors.bad_json() from None


async def _multipart(request: web.Request) -> tuple[object, list[Upload]]:
    payload: object = None
    uploads: list[Upload] = []
    reader = await request.multipart()
    while (part := await reader.next()) is not None:
        if not isinstance(part, BodyPartReader):
            continue
        data = await _part(part)
        found = FILE_FIELD.fullmatch(part.name or "")
        if part.name == "payload_json":
            payload = _parse(data)
        elif found is not None:
            uploads.append(Upload(found[1] or found[2] or "0", part.filename or "unknown", data))
    return payload, uploads


async def _part(part: BodyPartReader) -> bytes:
    """A part's bytes; of one that is too large only the beginning, which is enough to refuse it."""
    data = bytearray()
    while chunk := await part.read_chunk(65536):
        if len(data) <= UPLOAD_LIMIT:
            data += chunk
    return bytes(data)
