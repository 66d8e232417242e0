"""Civitai's API, version 1: models, versions, and versions by the hash of a file.

Its site for adults (civitai.red) has the same API; what one of the two does not know, the other is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from bot.config.sections.sources import SourcesSettings
from bot.sources.errors import AnswerUnreadable, Gone, ModelUnreadable
from bot.sources.hubs.descriptions import content_rating, guess_category, plain_text
from bot.sources.hubs.http import SourceHttp, early_access_end
from bot.sources.hubs.links import CivitaiLink
from bot.sources.hubs.remote import (
    MAX_DESCRIPTION,
    MAX_NAME,
    RemoteFile,
    RemoteModel,
    RemoteVersion,
    Terms,
)
from inference.content_rating import ContentRating
from inference.files.json_values import as_dict, as_flag, as_id, as_list, as_text

HUB = "Civitai"
LORA_KINDS = frozenset({"LORA", "LoCon", "DoRA"})
CHECKPOINT_KIND = "Checkpoint"
MAX_HASHES = 100  # in one question, as Civitai allows
MAX_TOLD = 1000  # versions of one answer
MAX_PAGES_OF_FILE = 100
MAX_MODELS = 50  # in one question; it answers at most a hundred
MAX_VERSIONS = 200
_MODEL_FILES = ("Model", "Pruned Model")
_CLOSED = frozenset({"Archived", "TakenDown"})
_SCANS = ("virusScanResult", "pickleScanResult")
_UNFINISHED = frozenset({"pending", "error"})  # results of an unfinished scan
_SUFFIX = ".safetensors"
_SITE = "https://civitai.com"


class Civitai:
    """Asks Civitai at the endpoints of the settings, or at other addresses of its API."""

    def __init__(
        self, http: SourceHttp, settings: Callable[[], SourcesSettings], *, apis: tuple[str, ...] | None = None
    ) -> None:
        self._http = http
        self._settings = settings
        self._other_apis = apis

    async def model(self, link: CivitaiLink) -> RemoteModel:
        """The model that a link means, with all its versions or the one that the link names. Raises SourceError."""
        if link.model_id is None:
            version = await self._get(f"model-versions/{link.version_id}", red=link.red)
            return await self.model_of(version)
        told = as_dict(await self._get(f"models/{link.model_id}", red=link.red))
        return self._model(told, link.version_id)

    async def by_hash(self, hash_: str) -> RemoteModel:
        """The version that has a file with this hash, of any kind that Civitai knows, with that file alone.

        Raises SourceError.
        """
        told = as_dict(await self._get(f"model-versions/by-hash/{hash_}", red=False))
        meant = _with_hash(told, hash_.lower())
        if not meant:
            raise AnswerUnreadable(host=HUB)
        model = await self.model_of(told)
        version = model.versions[0].model_copy(update=_taken(meant, archived=model.versions[0].archived))
        return model.model_copy(update={"versions": (version,)})

    async def with_hashes(self, hashes: Sequence[str]) -> list[tuple[str, RemoteVersion]]:
        """All versions that have files with these SHA-256: uploaders may say unlike things. Raises SourceError."""
        versions: dict[int | None, dict[str, Any]] = {}
        for told in filter(None, map(as_dict, await self._told_of(hashes))):
            versions.setdefault(as_id(told.get("id")), told)
        found: list[tuple[str, RemoteVersion]] = []
        for told in versions.values():
            version = self._version(told, as_dict(told.get("model")))
            known = [hash_ for hash_ in file_hashes(told) if hash_ in hashes]
            found += [(hash_, version) for hash_ in known if version is not None]
        return found

    async def pages_of_file(self, sha256: str) -> list[RemoteVersion]:
        """All versions with this file, each with all that its model says, archived ones too.

        Raises SourceError, also for a page that cannot be read: it might say whom the file shows. So does an answer
        with anything else than versions of this file: only an empty list says that nobody knows it.
        """
        about: dict[int, dict[str, Any]] = {}
        for told in map(as_dict, await self._told_of([sha256])):
            version_id, hashes = as_id(told.get("id")), file_hashes(told)
            if version_id is None or (hashes and sha256 not in hashes):
                raise AnswerUnreadable(host=HUB)
            about.setdefault(version_id, told)
        if len(about) > MAX_PAGES_OF_FILE:
            raise AnswerUnreadable(host=HUB)
        pages = [((await self.model_of(each)).versions[0], each) for each in about.values()]
        return [version.model_copy(update=_scan(_with_hash(each, sha256))) for version, each in pages]

    async def _told_of(self, hashes: Sequence[str]) -> list[Any]:
        """What both sites tell of versions with files of these SHA-256. Raises SourceError.

        Both are asked about all: one may list another page of the same file than the other.
        """
        found: list[Any] = []
        for start in range(0, len(hashes), MAX_HASHES):
            wanted = [hash_.upper() for hash_ in hashes[start : start + MAX_HASHES]]
            for api in self._apis():
                answer = await self._http.post_json(f"{api}/model-versions/by-hash", wanted)
                if (listed := as_list(answer)) == [] and answer != []:
                    raise AnswerUnreadable(host=HUB)
                found += listed[:MAX_TOLD]
        return found

    async def identified(self, version_id: int) -> list[tuple[str, RemoteVersion]]:
        """The version with this id by the SHA-256 of each of its files, also of those that cannot be had any more.

        Raises SourceError.
        """
        told = as_dict(await self._get(f"model-versions/{version_id}", red=False))
        version = self._version(told, as_dict(told.get("model")))
        if version is None or version.version_id != version_id:
            raise AnswerUnreadable(host=HUB)
        return [(hash_, version) for hash_ in file_hashes(told) if hash_]

    async def models(self, model_ids: Sequence[int], *, red: bool = False) -> dict[int, tuple[RemoteVersion, ...]]:
        """The models with these ids with all their versions, asked in one question; those that it lists.

        A site leaves out what it does not show to everybody. Raises SourceError.
        """
        api = self._apis()[-1 if red else 0]
        asked = {"ids": ",".join(map(str, model_ids)), "limit": "100", "nsfw": "true"}
        told = as_dict(await self._http.get_json(f"{api}/models", asked))
        if not isinstance(told.get("items"), list):
            raise AnswerUnreadable(host=HUB)
        found: dict[int, tuple[RemoteVersion, ...]] = {}
        for model in map(as_dict, as_list(told["items"])):
            model_id = as_id(model.get("id"))
            if model_id in model_ids and model_id is not None and model_id not in found:
                found[model_id] = self._versions(model)
        return found

    async def model_of(self, version: object) -> RemoteModel:
        """The model of a version as the API tells it, with that version alone.

        Raises SourceError, ModelUnreadable where the version is there and its model is not: only that says whether it
        shows a minor.
        """
        told = as_dict(version)
        model_id, version_id = as_id(told.get("modelId")), as_id(told.get("id"))
        if version_id is None:
            raise AnswerUnreadable(host=HUB)
        if model_id is None:
            raise ModelUnreadable(host=HUB, page=page_address(None, version_id))
        try:
            model = as_dict(await self._get(f"models/{model_id}", red=False))
        except Gone:
            raise ModelUnreadable(host=HUB, page=page_address(model_id, version_id)) from None
        try:
            return self._model(model, version_id)
        except Gone:  # its model does not list it any more
            alone = self._version(told, {**as_dict(told.get("model")), **model})
        if alone is None:
            raise AnswerUnreadable(host=HUB)
        return RemoteModel(name=alone.name, versions=(alone,))

    async def _get(self, path: str, *, red: bool) -> Any:
        """The answer of the site that is meant; of the other one if it does not have it. Raises SourceError."""
        first, *others = self._apis()[:: -1 if red else 1]
        try:
            return await self._http.get_json(f"{first}/{path}")
        except Gone:
            if not others:
                raise
            return await self._http.get_json(f"{others[0]}/{path}")

    def _apis(self) -> tuple[str, ...]:
        """Where the two sites have their API; one address where the settings name the same for both."""
        now = self._settings()
        sites = dict.fromkeys((now.civitai_endpoint, now.civitai_red_endpoint))
        return self._other_apis or tuple(f"{site}/api/v1" for site in sites)

    def _model(self, told: dict[str, Any], version_id: int | None) -> RemoteModel:
        """Raises AnswerUnreadable, or Gone when it has no such version."""
        known = self._versions(told)
        if not known or not as_id(told.get("id")):
            raise AnswerUnreadable(host=HUB)
        wanted = [each for each in known if version_id in {None, each.version_id}]
        if not wanted:
            raise Gone(host=HUB)
        return RemoteModel(name=known[0].name, versions=tuple(wanted))

    def _versions(self, model: dict[str, Any]) -> tuple[RemoteVersion, ...]:
        """The versions of a model that can be read."""
        told = as_list(model.get("modelVersions"))[:MAX_VERSIONS]
        description = plain_text(model.get("description"), MAX_DESCRIPTION)
        return tuple(filter(None, (self._version(as_dict(each), model, description) for each in told)))

    def _version(
        self, told: dict[str, Any], model: dict[str, Any], description: str | None = None
    ) -> RemoteVersion | None:
        """A version with what its model says, whose description may have been read; None for what cannot be read."""
        model_id, version_id = as_id(model.get("id")) or as_id(told.get("modelId")), as_id(told.get("id"))
        tags = tuple(filter(None, (as_text(tag, MAX_NAME) for tag in as_list(model.get("tags"))[:50])))
        name, archived = as_text(model.get("name"), MAX_NAME), as_text(model.get("mode"), MAX_NAME) in _CLOSED
        preview = _preview(as_list(told.get("images")))
        try:
            return RemoteVersion(
                hub=HUB,
                page=page_address(model_id, version_id),
                name=name,
                version=as_text(told.get("name"), MAX_NAME) or str(version_id),
                kind=as_text(model.get("type"), 60) or "?",
                model_id=model_id,
                version_id=version_id,
                creator=as_text(as_dict(model.get("creator")).get("username"), MAX_NAME) or None,
                base_model=as_text(told.get("baseModel"), MAX_NAME) or None,
                trigger_words=_words(told.get("trainedWords")),
                tags=tags,
                description=plain_text(model.get("description"), MAX_DESCRIPTION)
                if description is None
                else description,
                rating=_rating(told, model),
                highest_rating=_highest(told, model),
                category=guess_category(tags, name),
                minor=_says(told, model, "minor"),
                real_person=_says(told, model, "poi"),
                terms=_terms(model),
                preview=preview[0],
                preview_rating=preview[1],
                early_access=_is_early(told),
                ends=_ends(told),
                archived=archived,
                **_taken(as_list(told.get("files")), archived=archived),
            )
        except ValidationError:
            return None


def page_address(model_id: int | None, version_id: int | None) -> str:
    """The page where people see a version."""
    if model_id is None:
        return f"{_SITE}/model-versions/{version_id}"
    return f"{_SITE}/models/{model_id}?modelVersionId={version_id}"


def file_hashes(version: dict[str, Any]) -> list[str]:
    """The SHA-256 of each file of a version, in lower case."""
    files = (as_dict(as_dict(file).get("hashes")) for file in as_list(version.get("files")))
    return [as_text(hashes.get("SHA256"), MAX_NAME).lower() for hashes in files]


def _with_hash(version: dict[str, Any], hash_: str) -> list[dict[str, Any]]:
    """The files of a version that have this hash."""
    return [file for file in map(as_dict, as_list(version.get("files"))) if _has_hash(file, hash_)]


def _has_hash(file: dict[str, Any], hash_: str) -> bool:
    """Whether a file has this hash, of any kind; the short ones are the first digits of a long one."""
    hashes = [as_text(each, MAX_NAME).lower() for each in as_dict(file.get("hashes")).values()]
    return any(each == hash_ or (len(each) > len(hash_) and each.startswith(hash_)) for each in hashes)


def _rating(version: dict[str, Any], model: dict[str, Any]) -> ContentRating | None:
    """A version's own rating; where it has none, that of its model, which joins all its versions. None without any.

    What its model says is not for everybody is at least mature.
    """
    own = content_rating(version.get("nsfwLevel")) or content_rating(model.get("nsfwLevel"))
    adult = ContentRating.MATURE if _says(version, model, "nsfw") else None
    return max(filter(None, (own, adult)), default=None)


def _says(version: dict[str, Any], model: dict[str, Any], flag: str) -> bool:
    """Whether a version or its model has a flag that warns of what it shows."""
    return as_flag(version.get(flag)) or as_flag(model.get(flag))


def _highest(version: dict[str, Any], model: dict[str, Any]) -> ContentRating | None:
    """The highest rating that a version or its model has; None without any."""
    return max(filter(None, (_rating(version, model), content_rating(model.get("nsfwLevel")))), default=None)


def _words(value: object) -> tuple[str, ...]:
    words = (as_text(word, 500) for word in as_list(value)[:MAX_NAME])
    return tuple(dict.fromkeys(word for word in words if word))[:50]


def _terms(model: dict[str, Any]) -> Terms:
    sold = model.get("allowCommercialUse")
    allowed = {as_text(each, MAX_NAME) for each in as_list(sold)} or {*_listed(as_text(sold, MAX_NAME))}
    no_credit, merging = model.get("allowNoCredit"), model.get("allowDerivatives")
    return Terms(
        credit=not no_credit if isinstance(no_credit, bool) else None,
        selling_pictures=bool(allowed & {"Image", "Sell"}) if sold is not None else None,
        merging=merging if isinstance(merging, bool) else None,
    )


def _listed(text: str) -> list[str]:
    """What stands in Civitai's older way of writing a list: `{Image,RentCivit}`."""
    return [word.strip() for word in text.strip("{}").split(",")]


def _preview(images: list[Any]) -> tuple[str | None, ContentRating | None]:
    """The address of the tamest still picture, and its rating."""
    stills = [as_dict(image) for image in images if as_dict(image).get("type", "image") == "image"]
    rated = [(content_rating(image.get("nsfwLevel")), as_text(image.get("url"), 500)) for image in stills]
    rated = [(rating, url) for rating, url in rated if url.startswith(("https://", "http://"))]
    if not rated:
        return None, None
    rating, url = min(rated, key=lambda each: each[0].level if each[0] else len(ContentRating))
    return url, rating


def _ends(version: dict[str, Any]) -> str | None:
    """When a version's early access ends; None when it is over or there is none."""
    value = version.get("earlyAccessEndsAt")
    told = early_access_end(value)
    if told is None:
        return None
    return told if told > datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC") else None


def _is_early(version: dict[str, Any]) -> bool:
    """Whether a version is in early access, also where its page does not say until when."""
    return as_text(version.get("availability"), 40) == "EarlyAccess" or _ends(version) is not None


def _taken(files: Sequence[Any], *, archived: bool) -> dict[str, Any]:
    """Return the fields of a version about its file. An archived version has no file."""
    file = None if archived else _preferred(files)
    return {"file": None, **_scan([])} if file is None else {"file": _file(file), **_scan([file])}


def _scan(files: Sequence[dict[str, Any]]) -> dict[str, bool]:
    """Return the results of Civitai's virus and pickle scans. An unknown result counts as infected."""
    told = (file.get(key) for file in files for key in _SCANS)
    results = {as_text(result, 40).lower() for result in told if result is not None}
    return {"infected": bool(results - _UNFINISHED - {"success"}), "unscanned": bool(results & _UNFINISHED)}


def _preferred(files: Sequence[Any]) -> dict[str, Any] | None:
    """The file to take: weights as safetensors, the primary one first; None without any."""
    told = [as_dict(file) for file in files]
    fitting = [
        file
        for file in told
        if file.get("type") in _MODEL_FILES and as_text(file.get("name"), 200).lower().endswith(_SUFFIX)
    ]
    if not fitting:
        return None
    return next((file for file in fitting if file.get("primary") is True), fitting[0])


def _file(file: dict[str, Any]) -> RemoteFile:
    size, sha256 = file.get("sizeKB"), as_text(as_dict(file.get("hashes")).get("SHA256"), MAX_NAME).lower()
    return RemoteFile(
        url=as_text(file.get("downloadUrl"), 500),
        name=as_text(file.get("name"), 200),
        size=round(size * 1024) if isinstance(size, int | float) and 0 < size < 2**40 else None,
        sha256=sha256 or None,
    )
