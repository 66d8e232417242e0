"""Only this machine's own page and programs have access."""

import aiohttp
import pytest

from playground import Playground

PAGE_FILES = ("style.css", "message.css", "app.js", "icon.svg")


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://127.0.0.1:1"},
    ],
)
@pytest.mark.parametrize("path", ["", "control/world?as=Ada", "control/live?as=Ada", "gateway", "api/v10/gateway"])
async def test_foreign_requests_are_refused(playground: Playground, path: str, headers: dict[str, str]) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(playground.page_url + path, headers=headers) as response,
    ):
        assert response.status == 403


async def test_own_page_is_served_with_a_policy(playground: Playground) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(playground.page_url, headers={"Origin": playground.origin}) as response:
            assert response.status == 200
            text = await response.text()
            assert "script-src 'self'" in response.headers["Content-Security-Policy"]
            assert response.headers["X-Content-Type-Options"] == "nosniff"
        for name in PAGE_FILES:
            async with session.get(f"{playground.page_url}page/{name}") as response:
                assert response.status == 200, name
    assert "Local playground, not Discord" in text


async def test_uploads_never_run_as_documents(playground: Playground) -> None:
    file = playground.message_writer.keep_file("a.html", b"<script>alert(1)</script>")
    link = str(playground.world.links.signed(file.url))
    async with aiohttp.ClientSession() as session, session.get(link) as response:
        assert response.content_type == "application/octet-stream"
        assert response.headers["Content-Disposition"].startswith("attachment")


async def test_only_loopback() -> None:
    with pytest.raises(ValueError, match="only listens on this machine"):
        async with Playground.serve(host="0.0.0.0"):
            pass
