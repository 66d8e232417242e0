"""The OpenAPI validator itself: it finds violations and reports where."""

from dataclasses import replace
from typing import Any

import pytest

from playground import default_world
from playground.recorder import Exchange
from tests.playground import openapi

from .conftest import Rest

pytestmark = pytest.mark.skipif(
    openapi.document_path() is None, reason=f"{openapi.VARIABLE} names no copy of Discord's OpenAPI document"
)


@pytest.fixture
async def posted(rest: Rest, playground: Any) -> Exchange:
    """A good exchange to spoil."""
    embed = {"title": "t", "fields": [{"name": "n", "value": "v"}]}
    await rest("POST", f"/channels/{default_world.ART}/messages", {"content": "hello", "embeds": [embed]})
    return playground.exchanges[-1]


async def test_a_valid_exchange_passes(posted: Exchange) -> None:
    assert openapi.validator().faults([posted]) == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"id": None}, "id"),
        ({"flags": "many"}, "flags"),
        ({"embeds": [{"title": 3}]}, "embeds"),
        ({"author": {"id": "1"}}, "author"),
        ({"components": [{"type": 2}]}, "components"),
    ],
)
async def test_an_invalid_response_is_found(posted: Exchange, change: dict[str, Any], word: str) -> None:
    assert isinstance(posted.answer, dict)
    (fault,) = openapi.validator().faults([replace(posted, answer={**posted.answer, **change})])
    assert "answer" in fault and word in fault


async def test_a_missing_key_is_found(posted: Exchange) -> None:
    assert isinstance(posted.answer, dict)
    for key in ("id", "author", "timestamp", "attachments", "components", "mentions"):
        spoilt = {name: value for name, value in posted.answer.items() if name != key}
        assert len(openapi.validator().faults([replace(posted, answer=spoilt)])) == 1, key


async def test_an_invalid_request_is_found(posted: Exchange) -> None:
    for body in ({"content": 3}, {"embeds": "none"}, {"attachments": [{}]}):
        (fault,) = openapi.validator().faults([replace(posted, request=body)])
        assert "request" in fault


async def test_unknown_routes_and_statuses_are_found(posted: Exchange) -> None:
    (fault,) = openapi.validator().faults([replace(posted, route="/no/such")])
    assert "not in the document" in fault
    (fault,) = openapi.validator().faults([replace(posted, status=302)])
    assert "302 is not among the answers" in fault
