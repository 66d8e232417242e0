"""What pages say of LoRAs, as text and as ratings, also when a page is made to be hard to read."""

from __future__ import annotations

from time import process_time, thread_time

import pytest

from bot.sources.hubs.civitai import Civitai
from bot.sources.hubs.descriptions import plain_text
from bot.sources.hubs.http import SourceHttp
from bot.sources.hubs.links import CivitaiLink
from bot.sources.hubs.remote import MAX_DESCRIPTION
from inference.content_rating import ContentRating
from tests.bot.sources.hubs import Hubs, content


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>About <b>Komori</b></p>", "About Komori"),
        ("<p>One</p><p>Two<br/>Three</p>", "One\nTwo\nThree"),
        ('<ul><li>a</li><li><a href="https://x.org/?a=1&b=2">b</a></li></ul>', "a\nb"),
        ("1 &lt; 2 &amp; 3 > 2", "1 < 2 & 3 > 2"),
        ("I <3 it", "I <3 it"),
        ("&amp;lt;b&amp;gt;", "&lt;b&gt;"),
        ("a<!-- hidden -->b", "ab"),
        ("a<!-- <p>hidden</p> -->b<!-- never <b>closed", "ab"),
        ("text <a href='cut", "text"),
        ("a\x00b\u202ec", "abc"),
        ("a" * 50, "a" * 19 + "…"),
        (None, ""),
        (5, ""),
    ],
)
def test_a_description_is_read_without_its_markup(html: object, text: str) -> None:
    assert plain_text(html, 20 if html == "a" * 50 else 1000) == text


@pytest.mark.parametrize(
    "piece", ["<!--", "<a ", "<", "<![", "</", "<?", "&#", "<a b='", "<p>", "&lt;", " \n", "<!-- -"]
)
def test_a_description_that_is_made_to_be_slow_is_read_fast(piece: str) -> None:
    before = thread_time()
    plain_text(piece * (100_000 // len(piece)), MAX_DESCRIPTION)
    assert thread_time() - before < 0.3


async def test_a_description_is_read_once_for_all_versions(hubs: Hubs, http: SourceHttp) -> None:
    model_id = hubs.add_model("Komori", description="<p>word <b>and</b> word</p>" * 4000)
    for n in range(50):
        hubs.add_version(model_id, bytes([n]) * 100)
    before = process_time()
    told = await Civitai(http, lambda: hubs.settings).model(CivitaiLink(model_id))
    assert process_time() - before < 1.0
    assert {len(version.description) for version in told.versions} == {MAX_DESCRIPTION}


async def test_a_list_longer_than_was_asked_for_is_not_read_to_its_end(hubs: Hubs, http: SourceHttp) -> None:
    civitai, many = Civitai(http, lambda: hubs.settings), b",".join([b'{"id":1,"modelVersions":[{},{}]}'] * 50_000)
    hubs.fault("/api/v1/model-versions/by-hash", content(b"[%s]" % many, "application/json"))
    hubs.fault("/api/v1/models", content(b'{"items":[%s]}' % many, "application/json"))
    before = process_time()
    assert await civitai.with_hashes(["ab" * 32]) == []
    assert await civitai.models([1]) == {1: ()}
    assert process_time() - before < 1.5


@pytest.mark.parametrize(
    ("model", "version", "rating", "strictest"),
    [
        ({"nsfw": True, "nsfwLevel": 31}, 1, ContentRating.MATURE, ContentRating.EXPLICIT),
        ({"nsfw": True, "nsfwLevel": 1}, 1, ContentRating.MATURE, ContentRating.MATURE),
        ({"nsfw": True, "nsfwLevel": 1}, 16, ContentRating.EXPLICIT, ContentRating.EXPLICIT),
        ({"nsfw": False, "nsfwLevel": 31}, 3, ContentRating.TEEN, ContentRating.EXPLICIT),
        ({"nsfw": False, "nsfwLevel": 1}, 4, ContentRating.MATURE, ContentRating.MATURE),
        ({"nsfw": False, "nsfwLevel": 8}, 0, ContentRating.EXPLICIT, ContentRating.EXPLICIT),
        ({"nsfw": False, "nsfwLevel": 8}, None, ContentRating.EXPLICIT, ContentRating.EXPLICIT),
        ({"nsfw": True, "nsfwLevel": 0}, 0, ContentRating.MATURE, ContentRating.MATURE),
        ({"nsfw": False, "nsfwLevel": 1}, 1, ContentRating.GENERAL, ContentRating.GENERAL),
        ({"nsfw": False, "nsfwLevel": "x"}, [], None, None),
    ],
)
async def test_a_version_is_rated_by_its_own_level_and_minors_by_the_highest_of_its_page(
    hubs: Hubs,
    http: SourceHttp,
    model: dict[str, object],
    version: object,
    rating: ContentRating | None,
    strictest: ContentRating | None,
) -> None:
    model_id = hubs.add_model("Komori", **model)
    hubs.add_version(model_id, b"data", nsfwLevel=version)
    told = await Civitai(http, lambda: hubs.settings).model(CivitaiLink(model_id))
    assert (told.versions[0].rating, told.versions[0].strictest_rating) == (rating, strictest)
