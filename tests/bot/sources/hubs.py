"""Civitai and Hugging Face on this machine: their APIs as their documentation describes them, with all their faults.

The real clients speak to it; only the endpoints of the settings differ.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bot.config.sections.sources import SourcesSettings
from inference.files.hashes import autov3_of

_BOUNDED = re.compile(r"bytes=\d+-\d+")
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
COMMIT = "c0ffee" * 6 + "abcd"  # the commit of every repository


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class Asked:
    """A request that came in."""

    method: str
    path: str
    query: str
    headers: dict[str, str]

    @property
    def is_for_header(self) -> bool:
        """Whether a range with an end was asked for: a download asks for all that is left."""
        return _BOUNDED.fullmatch(self.headers.get("Range", "")) is not None


@dataclass
class Hubs:
    """What both hubs know, what went wrong with them, and what they were asked."""

    url: str = ""
    models: dict[int, dict[str, Any]] = field(default_factory=dict[int, dict[str, Any]])
    blobs: dict[int, bytes] = field(default_factory=dict[int, bytes])  # by version
    repositories: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    trees: dict[str, dict[str, bytes]] = field(default_factory=dict[str, dict[str, bytes]])
    faults: dict[str, list[Answer]] = field(default_factory=dict[str, list[Answer]])  # by path; the last one stays
    header_faults: dict[str, list[Answer]] = field(
        default_factory=dict[str, list[Answer]]
    )  # by a file's path, likewise
    asked: list[Asked] = field(default_factory=list[Asked])
    paused: asyncio.Event = field(default_factory=asyncio.Event)  # cleared: files stop in the middle
    needs_key: str | None = None  # for files
    sizes: dict[str, int] = field(default_factory=dict[str, int])  # that repositories declare in place of the true ones
    unlisted: set[int] = field(default_factory=set[int])  # models that lists leave out

    def __post_init__(self) -> None:
        self.paused.set()

    @property
    def settings(self) -> SourcesSettings:
        """Settings that lead here."""
        return SourcesSettings(
            civitai_endpoint=self.url,
            civitai_red_endpoint=self.url,
            huggingface_endpoint=self.url,
            free_gigabytes=0,
            updates=True,
        )

    # --- what they know -----------------------------------------------------------------------------------------

    def add_model(self, name: str, **fields: object) -> int:
        """A model of Civitai without versions; its id."""
        model_id = max(self.models, default=999) + 1
        self.models[model_id] = {
            "id": model_id,
            "name": name,
            "type": "LORA",
            "nsfw": False,
            "nsfwLevel": 1,
            "poi": False,
            "minor": False,
            "mode": None,
            "description": f"<p>About <b>{name}</b></p>",
            "creator": {"username": "maker"},
            "tags": ["anime", "character"],
            "allowNoCredit": False,
            "allowCommercialUse": ["Image"],
            "allowDerivatives": True,
            "modelVersions": [],
            **fields,
        }
        return model_id

    def add_version(self, model_id: int, data: bytes, base_model: str = "Illustrious", **fields: object) -> int:
        """The newest version of a model, with a file; its id."""
        version_id = 50_000 + len(self.blobs)
        self.blobs[version_id] = data
        url = f"{self.url}/api/download/models/{version_id}"
        file = {
            "name": f"{self.models[model_id]['name']}.safetensors",
            "type": "Model",
            "sizeKB": len(data) / 1024,
            "primary": True,
            "metadata": {"format": "SafeTensor", "fp": "fp16"},
            "hashes": {"SHA256": sha256(data).upper(), "AutoV2": sha256(data)[:10].upper(), **_autov3(data)},
            "downloadUrl": url,
            **fields.pop("file", {}),  # pyright: ignore[reportGeneralTypeIssues]
        }
        version = {
            "id": version_id,
            "modelId": model_id,
            "name": f"v{len(self.models[model_id]['modelVersions']) + 1}",
            "baseModel": base_model,
            "nsfwLevel": 1,
            "trainedWords": ["komori", "blue dress, hat"],
            "availability": "Public",
            "earlyAccessEndsAt": None,
            "images": [{"url": f"{self.url}/preview.png", "nsfwLevel": 1, "type": "image"}],
            "files": [file],
            "downloadUrl": url,
            **fields,
        }
        self.models[model_id]["modelVersions"].insert(0, version)
        return version_id

    def add_lora(self, name: str, data: bytes, base_model: str = "Illustrious", **fields: object) -> int:
        """A model with one version; the version's id."""
        return self.add_version(self.add_model(name, **fields), data, base_model)

    def add_repository(self, name: str, files: dict[str, bytes], **card: object) -> str:
        """A repository of Hugging Face with files and a card; its name."""
        self.trees[name] = files
        self.repositories[name] = {"cardData": card, "tags": [], "gated": False, "private": False}
        return name

    def add_revision(self, name: str, revision: str, commit: str, files: dict[str, bytes], **card: object) -> None:
        """Another revision of a repository, such as a branch or a pull request, at this commit."""
        at, path = self._repository_info(name, files, commit), f"/api/models/{name}/revision"
        for asked in (revision, commit):
            self.fault(f"{path}/{asked}", json_of({**at, "tags": [], "cardData": card}))
        for file, data in files.items():
            self.fault(f"/{name}/resolve/{commit}/{file}", content(data))

    def link(self, version_id: int) -> str:
        """The link of a version's page, as people copy it."""
        model = next(m for m in self.models.values() for v in m["modelVersions"] if v["id"] == version_id)
        return f"https://civitai.com/models/{model['id']}/some-name?modelVersionId={version_id}"

    def file_path(self, version_id: int) -> str:
        """Where a version's file is downloaded."""
        return f"/api/download/models/{version_id}"

    def data_at(self, path: str) -> bytes:
        """The file that is downloaded at a path."""
        parts = path.strip("/").split("/")
        if parts[:1] == ["api"]:
            return self.blobs[int(parts[-1])]
        return self.trees["/".join(parts[:2])]["/".join(parts[4:])]

    def fault(self, path: str, *answers: Answer) -> None:
        """Answer this path so, one after the other; the last one from then on. None left: as usual."""
        self.faults[path] = list(answers)

    def requests(self, path: str) -> list[Asked]:
        """What came in at a path, except for a header alone."""
        return [asked for asked in self.asked if asked.path == path and not asked.is_for_header]

    def header_requests(self, path: str) -> list[Asked]:
        """What came in for the header of the file at a path."""
        return [asked for asked in self.asked if asked.path == path and asked.is_for_header]

    # --- what they answer ---------------------------------------------------------------------------------------

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The answer to anything."""
        asked = Asked(request.method, request.path, request.query_string, dict(request.headers))
        self.asked.append(asked)
        faults = (self.header_faults if asked.is_for_header else self.faults).get(request.path)
        if faults:
            return await (faults[0] if len(faults) == 1 else faults.pop(0))(request)
        return await self.usual(request)

    async def usual(self, request: web.Request) -> web.StreamResponse:
        """The answer without faults."""
        parts = request.path.strip("/").split("/")
        if parts[:2] == ["api", "v1"]:
            return await self._civitai(request, parts[2:])
        if parts[:3] == ["api", "download", "models"]:
            if self.needs_key and request.headers.get("Authorization") != f"Bearer {self.needs_key}":
                return web.json_response({"error": "Unauthorized"}, status=401)
            return await self._bytes(request, self.blobs.get(int(parts[3])))
        if parts[:2] == ["api", "models"]:  # perhaps with a revision behind
            return self._repository("/".join(parts[2:4]))
        if len(parts) > 4 and parts[2] == "resolve":
            return await self._bytes(request, self.trees.get("/".join(parts[:2]), {}).get("/".join(parts[4:])))
        return web.json_response({"error": "Not found"}, status=404)

    async def _civitai(self, request: web.Request, parts: list[str]) -> web.Response:
        versions = [v | {"model": _brief(m)} for m in self.models.values() for v in m["modelVersions"]]
        if parts == ["models"]:
            ids = [int(each) for each in request.query["ids"].split(",")]
            listed = [m for m in self.models.values() if m["id"] in ids and m["id"] not in self.unlisted]
            return web.json_response({"items": listed, "metadata": {"pageSize": 100}})
        if parts[0] == "models":
            found = self.models.get(int(parts[1]))
        elif parts[:2] == ["model-versions", "by-hash"] and request.method == "POST":
            wanted = set(await request.json())
            return web.json_response([v for v in versions if _hashes(v) & wanted])
        elif parts[1] == "by-hash":
            found = next((v for v in versions if parts[2].upper() in _hashes(v)), None)
        else:
            found = next((v for v in versions if v["id"] == int(parts[1])), None)
        if found is None:
            return web.json_response({"error": "Model not found"}, status=404)
        return web.json_response(found)

    def _repository(self, name: str) -> web.Response:
        found = self.repositories.get(name)
        if found is None:
            headers = {"X-Error-Code": "RepoNotFound"}
            return web.json_response({"error": "Invalid username or password."}, status=401, headers=headers)
        if found["gated"]:
            headers = {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access to model is restricted."}
            return web.json_response({"error": "gated"}, status=403, headers=headers)
        return web.json_response({**self._repository_info(name, self.trees[name], COMMIT), **found})

    def _repository_info(self, name: str, files: dict[str, bytes], commit: str) -> dict[str, Any]:
        siblings = [
            {
                "rfilename": path,
                "size": (size := self.sizes.get(name, len(data))),
                "lfs": {"size": size, "sha256": sha256(data), "pointerSize": 130},
            }
            for path, data in files.items()
        ]
        about = {"_id": "1", "id": name, "modelId": name, "author": name.partition("/")[0], "sha": commit}
        return {**about, "siblings": siblings}

    async def _bytes(self, request: web.Request, data: bytes | None) -> web.StreamResponse:
        if data is None:
            return web.json_response({"error": "File not found"}, status=404)
        start, stop = request.http_range.start or 0, request.http_range.stop
        if start and start >= len(data):
            return web.Response(status=416, headers={"Content-Range": f"bytes */{len(data)}"})
        if stop is not None:
            body = data[start:stop]
            told = f"bytes {start}-{start + len(body) - 1}/{len(data)}"
            return web.Response(body=body, status=206, headers={"Content-Range": told})
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(len(data) - start)}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        response = web.StreamResponse(status=206 if start else 200, headers=headers)
        await response.prepare(request)
        step = max(1, min(2**14, (len(data) - start) // 2))
        for at in range(start, len(data), step):
            await response.write(data[at : at + step])
            await self.paused.wait()
        return response


def _autov3(data: bytes) -> dict[str, str]:
    """The hash of what stands behind the header, of a file that has one."""
    length = int.from_bytes(data[:8], "little")
    return {"AutoV3": autov3_of(data, length).upper()} if 8 + length < len(data) else {}


def _brief(model: dict[str, Any]) -> dict[str, Any]:
    return {key: model[key] for key in ("name", "type", "nsfw", "poi", "mode")}


def _hashes(version: dict[str, Any]) -> set[str]:
    return {hash_ for file in version["files"] for hash_ in file["hashes"].values()}


@asynccontextmanager
async def running_hubs() -> AsyncGenerator[Hubs]:
    """Both hubs, served while the context is open."""
    hubs, app = Hubs(), web.Application(client_max_size=2**20)
    app.router.add_route("*", "/{anything:.*}", hubs.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    hubs.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield hubs
    finally:
        hubs.paused.set()
        await runner.cleanup()


# --- faults ---------------------------------------------------------------------------------------------------------


def status(code: int, said: dict[str, object] | None = None, **headers: str) -> Answer:
    """This status, with JSON."""

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.json_response(said or {"error": str(code)}, status=code, headers=headers)

    return answer


def json_of(value: object) -> Answer:
    """This value, as JSON."""

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.json_response(value)

    return answer


def challenge(code: int) -> Answer:
    """A page that asks for proof that no robot is asking, as Cloudflare marks it."""

    async def answer(_request: web.Request) -> web.StreamResponse:
        headers = {"cf-mitigated": "challenge"}
        return web.Response(body=b"<!DOCTYPE html><html>", content_type="text/html", status=code, headers=headers)

    return answer


def redirect(to: str) -> Answer:
    """A redirect."""

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=307, headers={"Location": to})

    return answer


def content(body: bytes, kind: str = "application/octet-stream") -> Answer:
    """Something else in place of the file."""

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, content_type=kind)

    return answer


def cut_after(hubs: Hubs, size: int, came: asyncio.Event | None = None) -> Answer:
    """The usual answer, broken off after `size` bytes more; only once they `came`, if that is given."""

    async def answer(request: web.Request) -> web.StreamResponse:
        data = hubs.data_at(request.path)
        start = request.http_range.start or 0
        headers = {"Content-Length": str(len(data) - start)}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        response = web.StreamResponse(status=206 if start else 200, headers=headers)
        await response.prepare(request)
        await response.write(data[start : start + size])
        if came is not None:
            await came.wait()
            came.clear()
        assert request.transport is not None
        request.transport.close()
        return response

    return answer


def stopped_after(hubs: Hubs, size: int) -> Answer:
    """The usual answer, in which no more comes after `size` bytes until nothing is paused any more."""

    async def answer(request: web.Request) -> web.StreamResponse:
        data = hubs.data_at(request.path)
        hubs.paused.clear()
        response = web.StreamResponse(headers={"Content-Length": str(len(data))})
        await response.prepare(request)
        await response.write(data[:size])
        await hubs.paused.wait()
        return response

    return answer


def endless(start: bytes, length: int | None = None) -> Answer:
    """A body that goes on for as long as somebody reads, with or without a declared length."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={} if length is None else {"Content-Length": str(length)})
        if length is None:
            response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(start)
        with suppress(ConnectionError):
            while True:
                await response.write(b"0" * 2**16)
        return response

    return answer


def chunked(data: bytes) -> Answer:
    """A body without a declared length."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        for at in range(0, len(data), 2**16):
            await response.write(data[at : at + 2**16])
        return response

    return answer


def drip(data: bytes) -> Answer:
    """One byte after the other, for ever."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(data))})
        await response.prepare(request)
        for at in range(len(data)):
            await response.write(data[at : at + 1])
            await asyncio.sleep(0.05)
        return response

    return answer


def silent() -> Answer:
    """No answer at all, for as long as somebody waits."""

    async def answer(_request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    return answer
