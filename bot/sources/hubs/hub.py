"""Hugging Face: what repositories say and where files lie. No file comes this way.

Its addresses, names and models are huggingface_hub's; the questions go through the client that all hubs are asked by.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from itertools import islice
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from aiohttp import ClientResponse
from huggingface_hub import ModelInfo, hf_hub_url
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from bot.config.sections.sources import SourcesSettings
from bot.sources.downloads.folders import RemoteFolder
from bot.sources.errors import (
    AnswerUnreadable,
    Gone,
    KeyRejected,
    LoginNeeded,
    NoAccess,
    NoLink,
    NoSafetensors,
    PullRequestFile,
    SourceError,
    TooManyQuestions,
)
from bot.sources.hubs.descriptions import guess_category
from bot.sources.hubs.http import SourceHttp
from bot.sources.hubs.links import HubLink, page_of_link
from bot.sources.hubs.remote import MAX_NAME, RemoteFile, RemoteModel, RemoteVersion, Terms
from inference.content_rating import ContentRating
from inference.files.json_values import as_dict, as_list, as_text

HUB = "Hugging Face"
MAX_FILES = 50
MAX_LISTED = 5000  # files of a repository that are looked at
_SUFFIX = ".safetensors"
_NOT_THERE = frozenset({"RepoNotFound", "RevisionNotFound", "EntryNotFound"})
_DEFAULT_BRANCH = "main"  # of every repository
_PULL_REQUESTS = "refs/pr/"
_NOT_FOR_ALL = "not-for-all-audiences"
# Folders of a whole model: what lies in them is no LoRA.
_PARTS = frozenset({"unet", "transformer", "vae", "text_encoder", "text_encoder_2", "text_encoder_3", "safety_checker"})


class HuggingFace:
    """Asks Hugging Face at the endpoint of the settings."""

    def __init__(self, http: SourceHttp, settings: Callable[[], SourcesSettings]) -> None:
        self._http = http
        self._settings = settings

    async def model(self, link: HubLink) -> RemoteModel:
        """The repository with the file that is meant, or each of its files as a version. Raises SourceError.

        Another revision than the default branch is a page of its own: anybody may open a pull request, whose commits
        can be asked for as those of the maker are.
        """
        if link.revision is not None and link.revision.lower().startswith(_PULL_REQUESTS):
            raise PullRequestFile(page=page_of_link(link))
        info = await self._info(link, lambda name: _is_wanted(name, link), MAX_FILES)
        own_page = None if await self._is_default(link, info) else link.revision
        with _readable():
            return self._model(info, link, own_page)

    async def _is_default(self, link: HubLink, info: ModelInfo) -> bool:
        """Whether an answer is about what the default branch is now. Raises SourceError."""
        if link.revision in {None, _DEFAULT_BRANCH}:
            return True
        default = await self._info(HubLink(link.repository), lambda _name: False, 0)
        return info.sha is not None and (info.id, info.sha) == (default.id, default.sha)

    async def base_of(self, repository: str) -> str | None:
        """The only base model that a repository claims; None without one. Raises SourceError."""
        info = await self._info(HubLink(repository), lambda _name: False, 0)
        with _readable():
            return _base_model(info.card_data.to_dict() if info.card_data else {}, info.tags or [])

    async def folder(self, link: HubLink) -> RemoteFolder:
        """All files of a repository, at the commit that is meant. Raises SourceError."""
        info = await self._info(link, lambda _name: True, MAX_LISTED)
        with _readable():
            return self._folder(info)

    def _folder(self, info: ModelInfo) -> RemoteFolder:
        card: dict[str, Any] = info.card_data.to_dict() if info.card_data else {}
        listed: list[Any] = list(info.siblings or [])
        files = {str(file.rfilename): self._file(info, file, file.rfilename) for file in listed}
        name = as_text(info.id.rpartition("/")[2], MAX_NAME) or "unnamed"
        if not info.sha:
            raise AnswerUnreadable(host=HUB)
        return RemoteFolder(name, info.sha, _base_model(card, info.tags or []) or info.id, files)

    def _file(self, info: ModelInfo, file: Any, name: str) -> RemoteFile:
        endpoint = self._settings().huggingface_endpoint
        return RemoteFile(
            url=hf_hub_url(info.id, file.rfilename, revision=info.sha, endpoint=endpoint),
            name=as_text(name[-200:], 200) or "unnamed",
            size=file.lfs.size if file.lfs else file.size,
            sha256=file.lfs.sha256 if file.lfs else None,
        )

    async def _info(self, link: HubLink, wanted: Callable[[str], bool], most: int) -> ModelInfo:
        """What the hub says of a repository, with at most so many of the files whose names are wanted.

        Raises SourceError.
        """
        try:
            validate_repo_id(link.repository)
        except HFValidationError:
            raise NoLink from None
        url = f"{self._settings().huggingface_endpoint}/api/models/{link.repository}"
        if link.revision is not None:
            url += f"/revision/{quote(link.revision, safe='')}"
        told = as_dict(await self._http.get_json(url, {"blobs": "true"}, _refusal))
        with _readable():
            validate_repo_id(told["id"])
            listed: list[Any] = told.get("siblings") or []
            files = (file for file in listed if wanted(file["rfilename"]))
            # What else it says is read by nothing, and what is odd in it is no reason to refuse.
            known: dict[str, Any] = {key: told.get(key) for key in ("id", "author", "sha", "tags", "cardData")}
            return ModelInfo(**known, siblings=list(islice(files, most)))

    def _model(self, info: ModelInfo, link: HubLink, own_page: str | None) -> RemoteModel:
        files = info.siblings or []
        if not files:
            raise Gone(host=HUB) if link.path and link.path.endswith((_SUFFIX, "/")) else NoSafetensors(host=HUB)
        versions = tuple(self._version(info, file, own_page) for file in files)
        return RemoteModel(name=versions[0].name, versions=versions)

    def _version(self, info: ModelInfo, file: Any, own_page: str | None) -> RemoteVersion:
        """One file of a repository, at the commit that was asked about. `own_page` is a revision that is one."""
        tags = info.tags or []
        card: dict[str, Any] = info.card_data.to_dict() if info.card_data else {}
        repository = info.id.rpartition("/")[2]
        said = tuple(filter(None, (as_text(tag, MAX_NAME) for tag in tags if ":" not in tag)))[:50]
        words = as_text(card.get("instance_prompt"), 500)
        return RemoteVersion(
            hub=HUB,
            page=repository_page(info.id, own_page),
            name=as_text(repository, MAX_NAME) or "unnamed",
            version=as_text(PurePosixPath(file.rfilename).stem, MAX_NAME) or "unnamed",
            revision=info.sha,
            creator=as_text(info.author or info.id.partition("/")[0], MAX_NAME) or None,
            base_model=_base_model(card, tags),
            trigger_words=(words,) if words else (),
            tags=said,
            rating=ContentRating.EXPLICIT if _NOT_FOR_ALL in tags else None,
            category=guess_category(said, repository),
            terms=Terms(licence=_licence(card, tags)),
            file=self._file(info, file, PurePosixPath(file.rfilename).name),
        )


def repository_page(repository: str, revision: str | None = None) -> str:
    """The page of a repository as its default branch has it, or of another revision."""
    page = f"https://huggingface.co/{repository}"
    return page if revision in {None, _DEFAULT_BRANCH} else f"{page}/tree/{quote(str(revision), safe='')}"


def _is_wanted(name: str, link: HubLink) -> bool:
    if not name.endswith(_SUFFIX) or not link.means(name):
        return False
    return link.is_file or not _PARTS & set(PurePosixPath(name).parts[:-1])


def _base_model(card: dict[str, Any], tags: list[str]) -> str | None:
    """The only base model that the card or a tag claims; of several none."""
    claimed = card.get("base_model")
    named = [claimed] if isinstance(claimed, str) else as_list(claimed)
    if not named:
        named = [tag.rpartition(":")[2] for tag in tags if tag.startswith("base_model:")]
    told = dict.fromkeys(as_text(name, 200) for name in named)
    return next(iter(told)) or None if len(told) == 1 else None


def _licence(card: dict[str, Any], tags: list[str]) -> str | None:
    tagged = next((tag.partition(":")[2] for tag in tags if tag.startswith("license:")), None)
    return (
        as_text(card.get("license_name"), MAX_NAME)
        or as_text(card.get("license"), MAX_NAME)
        or as_text(tagged, MAX_NAME)
        or None
    )


@contextmanager
def _readable() -> Generator[None]:
    """Tells people that an answer is of another form: huggingface_hub reads it without checking. AnswerUnreadable."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError):
        raise AnswerUnreadable(host=HUB) from None


def _refusal(response: ClientResponse, keyed: bool) -> SourceError | None:
    """What a refusal means, which the hub says in headers; None for what any server's means."""
    status, code = response.status, response.headers.get("X-Error-Code")
    message = response.headers.get("X-Error-Message")
    if status == 429:
        return TooManyQuestions(host=HUB, minutes=5)  # it counts in windows of five minutes
    if message == "Access to this resource is disabled.":
        return NoAccess(host=HUB)
    if code == "GatedRepo" or (status == 403 and code is None and response.content_type != "text/html"):
        return NoAccess(host=HUB) if keyed else LoginNeeded(host=HUB)
    if status == 401 and message == "Invalid credentials in Authorization header":
        return KeyRejected(host=HUB) if keyed else LoginNeeded(host=HUB)
    # Any other 401 hides whether a repository is private or not there, as huggingface_hub takes it too.
    return Gone(host=HUB) if code in _NOT_THERE or status in {400, 401, 404, 410} else None
