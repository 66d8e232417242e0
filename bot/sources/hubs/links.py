"""What a person typed to say which LoRA they mean: a link of Civitai or Hugging Face, a version's id, or a hash."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlsplit

_SITES = ("civitai.com", "civitai.green", "civitai.red")
CIVITAI_HOSTS = frozenset(f"{www}{site}" for site in _SITES for www in ("", "www."))
RED_HOSTS = frozenset({"civitai.red", "www.civitai.red"})
HUB_HOSTS = frozenset({"huggingface.co", "www.huggingface.co", "hf.co"})
MAX_TYPED = 2000  # characters

_ID = re.compile(r"[1-9][0-9]{0,11}")
_TYPED_ID = re.compile(r"[1-9][0-9]{0,8}")  # ten digits are a hash
_HASH = re.compile(r"(?:0x)?([0-9a-fA-F]{8}|[0-9a-fA-F]{10}|[0-9a-fA-F]{12}|[0-9a-fA-F]{64})")
_AIR = re.compile(
    r"(?:urn:air:)?(?:[\w.\-]+:)?(?:[\w.\-]+:)?civitai:([1-9][0-9]{0,11})@([1-9][0-9]{0,11})", re.IGNORECASE
)
_PART = re.compile(r"[\w.\-]{1,96}", re.ASCII)
_REVISION = re.compile(r"[\w.\-/]{1,200}", re.ASCII)
_LINK = re.compile(
    r"(?:https?:|(?<![\w:/.]))//[^\s<>\"'`|\]\)]{1,500}(?![^\s<>\"'`|\]\)])"
)  # none of those that are longer
_NO_HASH = "e3b0c44298fc"  # of nothing: what a broken file is listed under


@dataclass(frozen=True)
class CivitaiLink:
    """A page of Civitai: a model, a version of it, or both. `red`: of its site for adults."""

    model_id: int | None = None
    version_id: int | None = None
    red: bool = False


@dataclass(frozen=True)
class HubLink:
    """A repository of Hugging Face, one file of it, or the files of a folder. Without a `revision` the newest is meant.

    `path` is a file; one that ends in a slash is a folder with all below it.
    """

    repository: str
    path: str | None = None
    revision: str | None = None

    @property
    def is_file(self) -> bool:
        """Whether the link means one file."""
        return self.path is not None and not self.path.endswith("/")

    def means(self, path: str | None) -> bool:
        """Whether the link means the file at this path, alone or among others."""
        if self.path is None or path is None:
            return self.path is None
        return path == self.path if self.is_file else path.startswith(self.path)


@dataclass(frozen=True)
class HashLink:
    """A hash of a file, in lower case: SHA-256, or one of Civitai's shorter ones."""

    hash: str


Link: TypeAlias = CivitaiLink | HubLink | HashLink


def parse_link(typed: str) -> Link | None:
    """What is meant; None for what is none of these."""
    text = typed.strip().strip("<>")
    if len(text) > MAX_TYPED:
        return None
    if air := _AIR.fullmatch(text):
        return CivitaiLink(int(air[1]), int(air[2]))
    if _TYPED_ID.fullmatch(text):
        return CivitaiLink(version_id=int(text))
    if found := _HASH.fullmatch(text):
        hash_ = found[1].lower()
        return None if hash_.startswith(_NO_HASH) else HashLink(hash_)
    return _parse_address(text)


def page_of_link(link: CivitaiLink | HubLink) -> str:
    """The page that is meant, as people write it: `civitai.com/models/12?modelVersionId=34`. `parse_link` reads it."""
    if isinstance(link, HubLink):
        place = f"huggingface.co/{link.repository}"
        if link.path is not None:
            kind = "blob" if link.is_file else "tree"
            return f"{place}/{kind}/{quote(link.revision or 'main', safe='')}/{quote(link.path.rstrip('/'))}"
        return place if link.revision is None else f"{place}/tree/{quote(link.revision, safe='')}"
    site = "civitai.red" if link.red else "civitai.com"
    if link.model_id is None:
        return f"{site}/model-versions/{link.version_id}"
    version = "" if link.version_id is None else f"?modelVersionId={link.version_id}"
    return f"{site}/models/{link.model_id}{version}"


def links_in(text: str) -> tuple[Link, ...]:
    """The links of LoRAs in a text, such as a prompt; a repository as a whole is none."""
    found = [_parse_address(match[0].rstrip(".,;:!?")) for match in _LINK.finditer(text)]
    wanted = [link for link in found if isinstance(link, CivitaiLink) or (isinstance(link, HubLink) and link.is_file)]
    return tuple(dict.fromkeys(wanted))


def without_links(text: str) -> str:
    """A text without the links that `links_in` finds."""

    def kept(match: re.Match[str]) -> str:
        return "" if links_in(match[0]) else match[0]

    return " ".join(_LINK.sub(kept, text).split()) if links_in(text) else text


def _parse_address(text: str) -> Link | None:
    try:
        parts = urlsplit(text if "://" in text else f"https://{text.removeprefix('//')}")
        host = parts.hostname or ""
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or parts.username:
        return None
    if host in CIVITAI_HOSTS:
        return _civitai(parts, red=host in RED_HOSTS)
    return _hub(parts) if host in HUB_HOSTS else None


def _civitai(parts: SplitResult, *, red: bool) -> CivitaiLink | None:
    path = [part for part in parts.path.split("/") if part]
    if path[:3] == ["api", "download", "models"] and len(path) == 4:
        return CivitaiLink(version_id=int(path[3]), red=red) if _ID.fullmatch(path[3]) else None
    if path[:1] == ["model-versions"] and len(path) == 2:
        return CivitaiLink(version_id=int(path[1]), red=red) if _ID.fullmatch(path[1]) else None
    if path[:1] != ["models"] or len(path) < 2 or not _ID.fullmatch(path[1]):
        return None
    version = next(iter(parse_qs(parts.query).get("modelVersionId", ())), "")
    return CivitaiLink(int(path[1]), int(version) if _ID.fullmatch(version) else None, red=red)


def _hub(parts: SplitResult) -> HubLink | None:
    path = [unquote(part) for part in parts.path.split("/") if part]
    if path[:1] == ["models"]:
        path = path[1:]
    if len(path) < 2 or not all(_PART.fullmatch(part) for part in path[:2]) or path[0] in {"datasets", "spaces"}:
        return None
    repository = "/".join(path[:2])
    kind, rest = path[2:3], path[3:]
    if kind in (["blob"], ["resolve"]) and len(rest) >= 2 and _plain(rest):
        return HubLink(repository, "/".join(rest[1:]), rest[0])
    if kind == ["tree"] and rest and _plain(rest):
        folder = "/".join(rest[1:])
        is_file = folder.endswith(".safetensors")
        return HubLink(repository, folder if is_file else f"{folder}/" if folder else None, rest[0])
    return HubLink(repository) if not kind else None


def _plain(parts: list[str]) -> bool:
    """Whether these are names of a folder and files, and none leads elsewhere."""
    return all(part not in {".", ".."} and part.isprintable() and "\\" not in part for part in parts) and bool(
        _REVISION.fullmatch(parts[0])
    )
