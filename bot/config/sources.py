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
    """LoRAs and checkpoints from Civitai and Hugging Face. Asked when somebody adds something, and by `updates`."""

    enabled: bool = True
    """Whether LoRAs may be added in Discord; server staff say who may."""
    civitai_endpoint: Endpoint = "https://civitai.com"
    """Where Civitai is asked. This origin alone may be http and lie in a private network."""
    civitai_red_endpoint: Endpoint = "https://civitai.red"
    """Where Civitai's models for adults are asked for, likewise."""
    civitai_key: SecretStr = SecretStr("")
    """An API key of Civitai, for files that need a login. Better kept out of the file, as the token is."""
    civitai_key_file: Path | None = None
    """In place of the key a file that holds it."""
    huggingface_endpoint: Endpoint = "https://huggingface.co"
    """Where Hugging Face is asked, likewise; a mirror of it, for example."""
    huggingface_token: SecretStr = SecretStr("")
    """A token of Hugging Face that may read, for what needs a login. People who may add can have all that it reads."""
    huggingface_token_file: Path | None = None
    """In place of the token a file that holds it."""
    hosts: Annotated[tuple[Host, ...], Field(min_length=1, max_length=100)] = HOSTS
    """Hosts from which files may come, with all below them; also where a hub redirects to."""
    max_lora_megabytes: Annotated[int, Field(ge=1, le=2**20)] = 2048
    """A larger LoRA is not fetched."""
    max_checkpoint_gigabytes: Annotated[int, Field(ge=1, le=2**10)] = 32
    """A larger checkpoint is not fetched by `easel library add-checkpoint`."""
    free_gigabytes: Annotated[float, Field(ge=0, le=1e6)] = 5.0
    """Nothing is fetched that would leave less room on the disk."""
    at_once: Annotated[int, Field(ge=1, le=32)] = 2
    """Files that are fetched at the same time; the others wait."""
    stall_seconds: Annotated[float, Field(ge=1, le=3600)] = 60.0
    """A file of which less than 64 KiB came in this time is given up."""
    look_up_files: bool = True
    """Whether Civitai is asked by SHA-256 whom a file shows and for whom it is, of what people attach or link to. If it
    does not answer, the file is refused, unless its page is Civitai's. Switch it off where Civitai cannot be reached:
    then nobody has rated what is attached."""
    real_people: bool = False
    """Whether LoRAs that their page says show a real person may be added."""
    updates: bool = True
    """Whether hubs are asked once a day about LoRAs that came from them, and for newer versions. Nobody is asked where
    the settings say nothing in this section."""
