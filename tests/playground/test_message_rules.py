"""The rules of messages and components, with a violation of each."""

import json
from typing import Any

import aiohttp
import pytest

from playground import default_world
from playground.control import Control
from playground.wire import UPLOAD_LIMIT
from playground.world import FILE_SECONDS

from .conftest import Rest, codes
from .pictures import picture

Json = dict[str, Any]
PATH = f"/channels/{default_world.ART}/messages"
V2 = 32768


async def post(rest: Rest, body: Json) -> tuple[int, Any]:
    return await rest("POST", PATH, body)


def text(content: str = "x") -> Json:
    return {"type": 10, "content": content}


def button(custom_id: str = "a", **more: Any) -> Json:
    return {"type": 2, "style": 1, "label": "L", "custom_id": custom_id, **more}


def row(*children: Json) -> Json:
    return {"type": 1, "components": list(children)}


def select(custom_id: str = "s", count: int = 1, **more: Any) -> Json:
    options = [{"label": str(number), "value": str(number)} for number in range(count)]
    return {"type": 3, "custom_id": custom_id, "options": options, **more}


TOO_LONG, BAD_LENGTH, WRONG_TYPE = "BASE_TYPE_MAX_LENGTH", "BASE_TYPE_BAD_LENGTH", "UNION_TYPE_CHOICES"
LEGACY = "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"
NOT_FOUND = "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND"
thumbnail = {"type": 11, "media": {"url": "attachment://nowhere.png"}}

BROKEN: list[tuple[str, Json, list[str | int], str]] = [
    ("content over 2000", {"content": "x" * 2001}, ["content"], TOO_LONG),
    ("nonce over 25", {"content": "x", "nonce": "n" * 26}, ["nonce"], TOO_LONG),
    ("eleven embeds", {"embeds": [{"title": "t"}] * 11}, ["embeds"], TOO_LONG),
    ("embed title", {"embeds": [{"title": "t" * 257}]}, ["embeds", 0, "title"], TOO_LONG),
    ("embed size", {"embeds": [{"description": "t" * 3001}] * 2}, ["embeds"], "MAX_EMBED_SIZE_EXCEEDED"),
    ("embed fields", {"embeds": [{"fields": [{"name": "n", "value": "v"}] * 26}]}, ["embeds", 0, "fields"], TOO_LONG),
    (
        "embed field",
        {"embeds": [{"fields": [{"name": "n", "value": ""}]}]},
        ["embeds", 0, "fields", 0, "value"],
        BAD_LENGTH,
    ),
    ("six rows", {"components": [row(button(str(n))) for n in range(6)]}, ["components"], BAD_LENGTH),
    (
        "six buttons",
        {"components": [row(*(button(str(n)) for n in range(6)))]},
        ["components", 0, "components"],
        BAD_LENGTH,
    ),
    (
        "select beside a button",
        {"components": [row(button(), select())]},
        ["components", 0, "components"],
        "COMPONENT_LAYOUT_WIDTH_EXCEEDED",
    ),
    ("26 options", {"components": [row(select(count=26))]}, ["components", 0, "components", 0, "options"], BAD_LENGTH),
    (
        "max_values over options",
        {"components": [row(select(count=2, max_values=3))]},
        ["components", 0, "components", 0, "max_values"],
        "NUMBER_TYPE_RANGE",
    ),
    (
        "custom_id over 100",
        {"components": [row(button("x" * 101))]},
        ["components", 0, "components", 0, "custom_id"],
        BAD_LENGTH,
    ),
    (
        "custom_id twice",
        {"components": [row(button("a")), row(button("a"))]},
        ["components", 1, "components", 0, "custom_id"],
        "COMPONENT_CUSTOM_ID_DUPLICATED",
    ),
    (
        "label over 80",
        {"components": [row(button(label="x" * 81))]},
        ["components", 0, "components", 0, "label"],
        TOO_LONG,
    ),
    (
        "nothing on the button",
        {"components": [row(button(label=None))]},
        ["components", 0, "components", 0],
        "BUTTON_COMPONENT_INVALID_LABEL_OR_EMOJI",
    ),
    (
        "link without url",
        {"components": [row({"type": 2, "style": 5, "label": "L"})]},
        ["components", 0, "components", 0, "url"],
        "BASE_TYPE_REQUIRED",
    ),
    ("V2 parts without the flag", {"components": [text()]}, ["components", 0, "type"], WRONG_TYPE),
    ("content with V2", {"flags": V2, "components": [text()], "content": "x"}, ["content"], LEGACY),
    ("embeds with V2", {"flags": V2, "components": [text()], "embeds": [{"title": "t"}]}, ["embeds"], LEGACY),
    (
        "41 components",
        {"flags": V2, "components": [{"type": 17, "components": [text()] * 40}]},
        ["components"],
        "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED",
    ),
    (
        "41 with accessories",
        {
            "flags": V2,
            "components": [{"type": 9, "components": [text()], "accessory": button(str(n))} for n in range(14)],
        },
        ["components"],
        "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED",
    ),
    (
        "4001 characters",
        {"flags": V2, "components": [text("x" * 2000), text("x" * 2001)]},
        ["components"],
        "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED",
    ),
    ("empty text", {"flags": V2, "components": [text("")]}, ["components", 0, "content"], BAD_LENGTH),
    (
        "section without accessory",
        {"flags": V2, "components": [{"type": 9, "components": [text()]}]},
        ["components", 0, "accessory"],
        "BASE_TYPE_REQUIRED",
    ),
    (
        "four texts in a section",
        {"flags": V2, "components": [{"type": 9, "components": [text()] * 4, "accessory": button()}]},
        ["components", 0, "components"],
        BAD_LENGTH,
    ),
    (
        "eleven pictures",
        {"flags": V2, "components": [{"type": 12, "items": [{"media": {"url": "https://example.org/a.png"}}] * 11}]},
        ["components", 0, "items"],
        BAD_LENGTH,
    ),
    (
        "missing attachment",
        {"flags": V2, "components": [{"type": 9, "components": [text()], "accessory": thumbnail}]},
        ["components", 0, "accessory", "media", "url"],
        NOT_FOUND,
    ),
    (
        "script address",
        {"flags": V2, "components": [{"type": 12, "items": [{"media": {"url": "javascript:1"}}]}]},
        ["components", 0, "items", 0, "media", "url"],
        "URL_TYPE_INVALID_SCHEME",
    ),
    (
        "file from the web",
        {"flags": V2, "components": [{"type": 13, "file": {"url": "https://example.org/a"}}]},
        ["components", 0, "file", "url"],
        "FILE_COMPONENT_ATTACHMENT_REQUIRED",
    ),
    (
        "container in a container",
        {"flags": V2, "components": [{"type": 17, "components": [{"type": 17, "components": [text()]}]}]},
        ["components", 0, "components", 0, "type"],
        WRONG_TYPE,
    ),
    ("button without a row", {"flags": V2, "components": [button()]}, ["components", 0, "type"], WRONG_TYPE),
    (
        "id twice",
        {"flags": V2, "components": [{**text(), "id": 7}, {**text(), "id": 7}]},
        ["components", 1, "id"],
        "COMPONENT_ID_DUPLICATED",
    ),
    (
        "mentions both ways",
        {"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}},
        ["allowed_mentions"],
        "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
    ),
    (
        "reply to nothing",
        {"content": "x", "message_reference": {"message_id": "1"}},
        ["message_reference"],
        "MESSAGE_REFERENCE_UNKNOWN_MESSAGE",
    ),
]


@pytest.mark.parametrize(("body", "path", "code"), [one[1:] for one in BROKEN], ids=[one[0] for one in BROKEN])
async def test_broken_rules(rest: Rest, body: Json, path: list[str | int], code: str) -> None:
    status, answer = await post(rest, body)
    assert (status, codes(answer, *path)) == (400, [code])


async def test_at_the_limit_it_passes(rest: Rest) -> None:
    bodies: list[Json] = [
        {"content": "x" * 2000},
        {"flags": V2, "components": [{"type": 17, "components": [text()] * 39}]},
        {"flags": V2, "components": [text("x" * 4000)]},
        {"components": [row(*(button(f"{r}{n}") for n in range(5))) for r in range(5)]},
        {"components": [row(select(count=25, max_values=25))]},
        {"content": "x", "components": [row(button("x" * 100))]},
    ]
    for body in bodies:
        status, answer = await post(rest, body)
        assert status == 200, answer


async def test_v2_flag_cannot_be_removed(rest: Rest) -> None:
    _, message = await post(rest, {"flags": V2, "components": [text()]})
    path = f"{PATH}/{message['id']}"
    _, answer = await rest("PATCH", path, {"flags": 0})
    assert codes(answer, "flags") == ["MESSAGE_CANNOT_REMOVE_COMPONENTS_V2_FLAG"]
    assert codes((await rest("PATCH", path, {"content": "x"}))[1], "content") == [LEGACY]
    _, edited = await rest("PATCH", path, {"components": [text("y")]})
    assert (edited["flags"], edited["components"][0]["content"]) == (V2, "y")


async def test_classic_message_becomes_v2_when_its_text_is_cleared(rest: Rest) -> None:
    _, message = await post(rest, {"content": "x"})
    path = f"{PATH}/{message['id']}"
    body = {"flags": V2, "components": [text()]}
    assert codes((await rest("PATCH", path, body))[1], "content") == [LEGACY]
    status, edited = await rest("PATCH", path, {**body, "content": None})
    assert (status, edited["content"]) == (200, "")


async def test_a_refused_edit_changes_nothing(rest: Rest) -> None:
    _, message = await post(rest, {"content": "x"})
    path = f"{PATH}/{message['id']}"
    await rest("PATCH", path, {"content": "y", "components": [text()]})
    assert (await rest("GET", path))[1]["content"] == "x"


async def test_empty_message(rest: Rest) -> None:
    status, answer = await post(rest, {"content": ""})
    assert (status, answer["code"]) == (400, 50006)


def upload(body: Json, *files: tuple[str, bytes]) -> aiohttp.FormData:
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("payload_json", json.dumps(body), content_type="application/json")
    for index, (name, data) in enumerate(files):
        form.add_field(f"files[{index}]", data, filename=name, content_type="application/octet-stream")
    return form


async def test_upload_over_ten_mebibytes(rest: Rest) -> None:
    status, answer = await rest("POST", PATH, data=upload({}, ("a.bin", bytes(UPLOAD_LIMIT + 1))))
    assert (status, answer["code"]) == (413, 40005)
    assert (await rest("POST", PATH, data=upload({}, ("a.bin", bytes(UPLOAD_LIMIT)))))[0] == 200


async def test_eleven_files(rest: Rest) -> None:
    files = [(f"{number}.png", picture()) for number in range(11)]
    assert codes((await rest("POST", PATH, data=upload({}, *files)))[1], "attachments") == [TOO_LONG]


async def test_files_are_sniffed(rest: Rest) -> None:
    files = [
        ("a.bin", picture("PNG")),
        ("b.bin", picture("JPEG", (20, 10))),
        ("c.bin", picture("WEBP", (33, 17))),
        ("d.bin", picture("WEBP", (33, 17), lossless=True)),
        ("e.bin", picture("GIF", (5, 4))),
        ("f.txt", b"hello"),
        ("ø g.bin", b"?"),
    ]
    _, message = await rest("POST", PATH, data=upload({"content": "x"}, *files))
    seen = [(f["filename"], f.get("content_type"), f.get("width"), f.get("height")) for f in message["attachments"]]
    assert seen == [
        ("a.bin", "image/png", 8, 6),
        ("b.bin", "image/jpeg", 20, 10),
        ("c.bin", "image/webp", 33, 17),
        ("d.bin", "image/webp", 33, 17),
        ("e.bin", "image/gif", 5, 4),
        ("f.txt", "text/plain; charset=utf-8", None, None),
        ("__g.bin", None, None, None),
    ]


async def test_files_of_an_edited_or_deleted_message_are_soon_gone(rest: Rest, control: Control) -> None:
    """Not at once: a page that has read the message before may be about to load them."""
    sent = [await rest("POST", PATH, data=upload({"content": "x"}, ("a.png", picture()))) for _ in range(2)]
    (_, edited), (_, deleted) = sent
    await rest("PATCH", f"{PATH}/{edited['id']}", {"attachments": []})
    await rest("DELETE", f"{PATH}/{deleted['id']}")
    async with aiohttp.ClientSession() as session:
        for status in (200, 404):
            for message in (edited, deleted):
                async with session.get(message["attachments"][0]["url"]) as response:
                    assert response.status == status
            await control.advance_clock(FILE_SECONDS)


async def test_bodies_that_are_not_json(rest: Rest) -> None:
    rest.headers["Content-Type"] = "application/json"
    status, answer = await rest("POST", PATH, data=b"{")
    assert (status, answer["code"]) == (400, 50109)
    rest.headers["Content-Type"] = "text/plain"
    assert codes((await rest("POST", PATH, data=b"hello"))[1]) == ["CONTENT_TYPE_INVALID"]


async def test_without_a_token(rest: Rest) -> None:
    rest.headers = {"Authorization": "Bot wrong"}
    status, answer = await rest("GET", "/users/@me")
    assert (status, answer) == (401, {"message": "401: Unauthorized", "code": 0})
