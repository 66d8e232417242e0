"""A hub on this machine for the screens of `/lora add`: it speaks as much of Civitai's API as they need."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from inference.demo import LORAS

WEIGHTS = LORAS / "gloss-vivid.safetensors"
CHUNK = 2**15  # bytes that come at a time


@dataclass
class LocalHub:
    """Models with one version each. Files stop in their middle until they are `running`."""

    url: str = ""
    models: dict[int, dict[str, Any]] = field(default_factory=dict[int, dict[str, Any]])
    files: dict[int, bytes] = field(default_factory=dict[int, bytes])  # by the version's id
    early: set[int] = field(default_factory=set[int])  # versions in early access
    running: asyncio.Event = field(default_factory=asyncio.Event)

    def add(
        self,
        name: str,
        description: str,
        *,
        tags: tuple[str, ...] = (),
        early: bool = False,
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        """A LoRA with these metadata in place of some of its own; the link of its page."""
        number = 501 + len(self.models)
        version_id = 70_000 + number
        data = with_metadata(WEIGHTS.read_bytes(), {"modelspec.title": name, "number": str(number), **(metadata or {})})
        self.files[version_id] = data
        if early:
            self.early.add(version_id)
        file = {
            "name": f"{name}.safetensors", "type": "Model", "primary": True, "sizeKB": len(data) / 1024,
            "hashes": {"SHA256": hashlib.sha256(data).hexdigest().upper()},
            "downloadUrl": f"{self.url}/api/download/models/{version_id}",
        }  # fmt: skip
        version = {
            "id": version_id, "modelId": number, "name": "v1.0", "baseModel": "Other", "nsfwLevel": 1,
            "trainedWords": [], "files": [file], "images": [],
        }  # fmt: skip
        self.models[number] = {
            "id": number, "name": name, "type": "LORA", "nsfwLevel": 1, "description": f"<p>{description}</p>",
            "creator": {"username": "lanternmaker"}, "tags": list(tags), "allowNoCredit": False,
            "allowCommercialUse": ["Image"], "allowDerivatives": False, "modelVersions": [version],
        }  # fmt: skip
        return f"https://civitai.com/models/{number}/{name.lower().replace(' ', '-')}?modelVersionId={version_id}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The answer to anything."""
        parts = request.path.strip("/").split("/")
        if parts[:3] == ["api", "v1", "models"]:
            found = self.models.get(int(parts[3]))
            return web.json_response(found or {"error": "not found"}, status=200 if found else 404)
        if parts[:3] == ["api", "download", "models"]:
            return await self._file(request, int(parts[3]))
        return web.json_response([] if request.method == "POST" else {"error": "not found"}, status=200)

    async def _file(self, request: web.Request, version_id: int) -> web.StreamResponse:
        if version_id in self.early:
            said = {"error": "This asset is in Early Access", "deadline": "2027-01-15T10:00:00Z"}
            return web.json_response(said, status=403)
        data = self.files[version_id]
        start, stop = request.http_range.start or 0, request.http_range.stop
        if stop is not None:  # its header alone
            told = f"bytes {start}-{min(stop, len(data)) - 1}/{len(data)}"
            return web.Response(body=data[start:stop], status=206, headers={"Content-Range": told})
        response = web.StreamResponse(headers={"Content-Length": str(len(data))})
        await response.prepare(request)
        for start in range(0, len(data), CHUNK):
            if 3 * start > len(data):
                await self.running.wait()
            await response.write(data[start : start + CHUNK])
        return response


def with_metadata(lora: bytes, changed: dict[str, str]) -> bytes:
    """A LoRA file with other metadata."""
    length = int.from_bytes(lora[:8], "little")
    header = json.loads(lora[8 : 8 + length])
    header["__metadata__"] = {key: value for key, value in {**header["__metadata__"], **changed}.items() if value}
    raw = json.dumps(header).encode()
    raw += b" " * (-len(raw) % 8)
    return len(raw).to_bytes(8, "little") + raw + lora[8 + length :]


@asynccontextmanager
async def local_hub() -> AsyncGenerator[LocalHub]:
    """The hub, served while the context is open."""
    hub, app = LocalHub(), web.Application()
    hub.running.set()
    app.router.add_route("*", "/{anything:.*}", hub.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    hub.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield hub
    finally:
        hub.running.set()
        await runner.cleanup()
