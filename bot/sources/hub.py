"""Hugging Face, through huggingface_hub: what repositories say and where files lie. No file comes this way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

from huggingface_hub import HfApi, ModelInfo, hf_hub_url
from huggingface_hub.errors import (
    DisabledRepoError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,  # pyright: ignore[reportPrivateImportUsage] (of whichever HTTP library it is built on)
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from pydantic import ValidationError

from bot.config.sources import SourcesSettings
from bot.sources.descriptions import guess_category
from bot.sources.errors import (
    AnswerUnreadable,
    Gone,
    LoginNeeded,
    NoAccess,
    NoLink,
    NoSafetensors,
    SourceBroken,
    SourceError,
    SourceUnreachable,
    TooManyQuestions,
)
from bot.sources.folders import RemoteFolder
from bot.sources.http import Passing, SourceHttp
from bot.sources.links import HubLink
from bot.sources.remote import MAX_NAME, RemoteFile, RemoteModel, RemoteVersion, Terms
from inference.content_rating import ContentRating
from inference.json_values import as_list, as_text

HUB = "Hugging Face"
SECONDS = 20.0
MAX_FILES = 50
MAX_LISTED = 5000  # files of a repository that are looked at
_SUFFIX = ".safetensors"
_NOT_FOR_ALL = "not-for-all-audiences"
# Folders of a whole model: what lies in them is no LoRA.
_PARTS = frozenset({"unet", "transformer", "vae", "text_encoder", "text_encoder_2", "text_encoder_3", "safety_checker"})


class HuggingFace:
    """Asks Hugging Face at the endpoint of the settings."""

    def __init__(self, http: SourceHttp, settings: Callable[[], SourcesSettings]) -> None:
        self._http = http
        self._settings = settings

    async def model(self, link: HubLink) -> RemoteModel:
        """The repository with the file that is meant, or each of its files as a version. Raises SourceError."""

        async def attempt() -> ModelInfo:
            return await asyncio.to_thread(self._info, link)

        info = await self._http.retrying(attempt)
        return self._model(info, link)

    async def folder(self, link: HubLink) -> RemoteFolder:
        """All files of a repository, at the commit that is meant. Raises SourceError."""

        async def attempt() -> ModelInfo:
            return await asyncio.to_thread(self._info, link)

        info = await self._http.retrying(attempt)
        card: dict[str, Any] = info.card_data.to_dict() if info.card_data else {}
        listed: list[Any] = list(info.siblings or [])[:MAX_LISTED]
        try:
            files = {str(file.rfilename): self._file(info, file, file.rfilename) for file in listed}
        except ValidationError:
            raise AnswerUnreadable(host=HUB) from None
        name = as_text(info.id.rpartition("/")[2], MAX_NAME) or "unnamed"
        if not info.sha:
            raise AnswerUnreadable(host=HUB)
        return RemoteFolder(name, info.sha, _base_model(card, info.tags or []) or info.id, files)

    def _file(self, info: ModelInfo, file: Any, name: str) -> RemoteFile:
        endpoint = self._settings().huggingface_endpoint
        return RemoteFile(
            url=hf_hub_url(info.id, file.rfilename, revision=info.sha, endpoint=endpoint),
            name=name[-200:],
            size=file.lfs.size if file.lfs else file.size,
            sha256=file.lfs.sha256 if file.lfs else None,
        )

    def _info(self, link: HubLink) -> ModelInfo:
        now = self._settings()
        token = now.huggingface_token.get_secret_value() or False
        try:
            api = HfApi(endpoint=now.huggingface_endpoint, token=token, library_name="easel")
            return api.model_info(link.repository, revision=link.revision, files_metadata=True, timeout=SECONDS)
        except HFValidationError:
            raise NoLink from None
        except (HTTPError, OfflineModeIsEnabled, OSError) as problem:
            raise _told(problem, logged_in=bool(token)) from None
        except (KeyError, TypeError, ValueError, AttributeError):  # it is read without being checked
            raise AnswerUnreadable(host=HUB) from None

    def _model(self, info: ModelInfo, link: HubLink) -> RemoteModel:
        files = [file for file in info.siblings or [] if _is_wanted(file.rfilename, link.path)][:MAX_FILES]
        if not files:
            raise Gone(host=HUB) if link.path and link.path.endswith(_SUFFIX) else NoSafetensors(host=HUB)
        try:
            versions = tuple(self._version(info, file) for file in files)
        except ValidationError:
            raise AnswerUnreadable(host=HUB) from None
        return RemoteModel(name=versions[0].name, versions=versions)

    def _version(self, info: ModelInfo, file: Any) -> RemoteVersion:
        """One file of a repository, at the commit that was asked about."""
        tags = info.tags or []
        card: dict[str, Any] = info.card_data.to_dict() if info.card_data else {}
        repository = info.id.rpartition("/")[2]
        said = tuple(filter(None, (as_text(tag, MAX_NAME) for tag in tags if ":" not in tag)))[:50]
        words = as_text(card.get("instance_prompt"), 500)
        return RemoteVersion(
            hub=HUB,
            page=f"https://huggingface.co/{info.id}",
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


def _is_wanted(name: str, path: str | None) -> bool:
    if path is not None:
        return name == path and name.endswith(_SUFFIX)
    return name.endswith(_SUFFIX) and not _PARTS & set(PurePosixPath(name).parts[:-1])


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


def _told(problem: Exception, *, logged_in: bool) -> SourceError | Passing:
    if isinstance(problem, GatedRepoError | DisabledRepoError):
        return NoAccess(host=HUB) if logged_in or isinstance(problem, DisabledRepoError) else LoginNeeded(host=HUB)
    if isinstance(problem, RepositoryNotFoundError | RevisionNotFoundError):
        return Gone(host=HUB)
    if not isinstance(problem, HfHubHTTPError):
        return Passing(SourceUnreachable(host=HUB, reason=f"{type(problem).__name__}: {problem}"[:300]))
    status = problem.response.status_code
    if status == 429:
        return TooManyQuestions(host=HUB, minutes=5)  # it counts in windows of five minutes
    if status in {401, 403}:
        return NoAccess(host=HUB) if logged_in else LoginNeeded(host=HUB)
    broken = SourceBroken(host=HUB, status=status)
    return Passing(broken) if status >= 500 else Gone(host=HUB) if status in {400, 404, 410} else broken
