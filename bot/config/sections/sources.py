"""The section about where LoRAs and checkpoints come from when people add them by a link."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from bot.config.section import Section

_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9\-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9\-]*[a-z0-9])?)+")


def _endpoint(url: str) -> str:
    """Raise ValueError unless it is an origin: a scheme, a host and maybe a port."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError(f"must be an address such as https://civitai.com, not {url}")
    if parts.path not in {"", "/"}:
        raise ValueError(f"must end behind the host, as https://civitai.com does, not {url}")
    return url.rstrip("/")


def _host(name: str) -> str:
    if not _HOST.fullmatch(name.lower()):
        raise ValueError(f"must be the name of a host, such as civitai.com, not {name}")
    return name.lower()


Endpoint = Annotated[str, AfterValidator(_endpoint)]
Host = Annotated[str, AfterValidator(_host)]

# Where both hubs keep files: Civitai at Cloudflare, Hugging Face below hf.co.
HOSTS = (
    "civitai.com",
    "civitai.red",
    "5ac0637cfd0766c97916cefa3764fbdf.r2.cloudflarestorage.com",
    "huggingface.co",
    "hf.co",
)


class SourcesSettings(Section):
    """Downloads from Civitai and Hugging Face. Easel contacts them for imports and for `updates`."""

    enabled: bool = True
    """Allow members to import LoRAs in Discord. Staff of a server choose who can."""
    civitai_endpoint: Endpoint = "https://civitai.com"
    """Address of the Civitai API. This origin can use http and a private network; download hosts cannot."""
    civitai_red_endpoint: Endpoint = "https://civitai.red"
    """Address of the API for Civitai's adult models. This origin, too, can use http and a private network."""
    civitai_key: SecretStr = SecretStr("")
    """Civitai API key, for files that need a login. Prefer civitai_key_file or an environment variable."""
    civitai_key_file: Path | None = Field(default=None, examples=["/etc/easel/civitai-key"])
    """File with the API key, instead of `civitai_key`."""
    huggingface_endpoint: Endpoint = "https://huggingface.co"
    """Address of Hugging Face or of a mirror. This origin, too, can use http and a private network."""
    huggingface_token: SecretStr = SecretStr("")
    """Hugging Face token with read access, for files that need a login. Members who can import LoRAs can get
    everything that it reads."""
    huggingface_token_file: Path | None = Field(default=None, examples=["/etc/easel/huggingface-token"])
    """File with the token, instead of `huggingface_token`."""
    hosts: Annotated[tuple[Host, ...], Field(min_length=1, max_length=100)] = HOSTS
    """Hosts, with their subdomains, that files may come from, also after redirects."""
    max_lora_megabytes: Annotated[int, Field(ge=1, le=2**20)] = 2048
    """Maximum size of a LoRA to download."""
    max_checkpoint_gigabytes: Annotated[int, Field(ge=1, le=2**10)] = 32
    """Maximum size of a checkpoint that `easel library add-checkpoint` downloads."""
    free_gigabytes: Annotated[float, Field(ge=0, le=1e6)] = 5.0
    """Disk space that must stay free after a download."""
    at_once: Annotated[int, Field(ge=1, le=32)] = 2
    """Maximum number of simultaneous downloads. Further downloads wait."""
    stall_seconds: Annotated[float, Field(ge=1, le=3600)] = 60.0
    """A download that receives less than 64 KiB in this time is cancelled."""
    look_up_files: bool = True
    """Look up attached and linked files on Civitai by SHA-256: which persons they show, and their age rating. If
    Civitai does not answer, the file is refused unless its page is on Civitai. Switch this off if Civitai cannot
    be reached; attached files are then unrated."""
    real_people: bool = False
    """Allow LoRAs whose page says that they show a real person."""
    updates: bool = False
    """Check hubs once a day for changes and newer versions of imported LoRAs. `easel init` switches this on."""
