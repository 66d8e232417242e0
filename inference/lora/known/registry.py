"""What a public registry of models says of LoRA files: kept beside the library, so that bot and worker read the same.

The bot asks, where its operator wants that; nobody else does. A registry knows what the uploader wrote there, so its
word counts as little as a sidecar's, and a name that leaves the lineage open decides nothing.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inference.base_models import BaseModelId
from inference.lora.beside.journal import append, read_lines
from inference.lora.known.known_bases import REPOSITORY, repository_base
from inference.messages.values import Sha256, TriggerGroup

FILE_NAME = "registry.jsonl"
BaseModelName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._+()/\-]{0,99}$")]

# CivitAI's names of base models, exactly as it writes them. Not here, because they leave the lineage open: all
# SDXL names but those of families (LoRAs for Animagine are uploaded as `SDXL 1.0`, or as `Other`), `SD 3.5`, `Qwen`
# (LoRAs for Qwen-Image-Edit are uploaded as that too) and `Lumina` (those for Neta Lumina).
_NAMES: dict[str, str] = {
    **dict.fromkeys(("SD 1.4", "SD 1.5", "SD 1.5 LCM", "SD 1.5 Hyper"), "sd1/base"),
    **dict.fromkeys(("SD 2.0", "SD 2.0 768", "SD 2.1", "SD 2.1 768", "SD 2.1 Unclip"), "sd2/base"),
    "Pony": "sdxl/pony",
    "Illustrious": "sdxl/illustrious",
    "NoobAI": "sdxl/noobai",
    "Kolors": "sdxl/kolors",
    "Playground v2": "sdxl/playground",
    "SD 3": "sd3/base",
    "SD 3.5 Medium": "sd35m/base",
    **dict.fromkeys(("SD 3.5 Large", "SD 3.5 Large Turbo"), "sd35l/base"),
    "Flux.1 D": "flux1/dev",
    "Flux.1 S": "flux1/schnell",
    "Flux.1 Krea": "flux1/krea",
    "Flux.1 Kontext": "flux1/kontext",
    "Chroma": "flux1/chroma",
    "Flux.2 D": "flux2-dev/base",
    **dict.fromkeys(("Flux.2 Klein 9B", "Flux.2 Klein 9B-base"), "flux2-klein-9b/base"),
    **dict.fromkeys(("Flux.2 Klein 4B", "Flux.2 Klein 4B-base"), "flux2-klein-4b/base"),
    "AuraFlow": "auraflow/base",
    "Pony V7": "auraflow/pony-v7",
    **dict.fromkeys(("ZImageTurbo", "ZImageBase"), "z-image/base"),
    **dict.fromkeys(("PixArt a", "PixArt E"), "pixart/base"),
    "Anima": "anima/base",
    "Krea 2": "krea2/base",
    "Hunyuan Video": "hunyuan-video/base",
}
REGISTRY_NAMES: dict[str, BaseModelId] = {name: BaseModelId(base) for name, base in _NAMES.items()}
_WAN = "Wan Video"  # followed by a version and a size


class RegistryAnswer(BaseModel):
    """What a registry said of the file with this SHA-256, which may be a checkpoint that LoRAs were trained on.

    Without a `base_model` it does not know the file. `base_model` is the registry's own name of it, or the id of a
    hub's repository; `trigger_words` are the uploader's; `version_id` is the registry's id of the file's version, and
    `page` the address of the page that says it, where there is one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: Sha256
    registry: Annotated[str, Field(max_length=200)]
    when: datetime
    base_model: BaseModelName | None = None
    name: Annotated[str, Field(max_length=200)] = ""
    trigger_words: Annotated[tuple[TriggerGroup, ...], Field(max_length=50)] = ()
    version_id: Annotated[int, Field(ge=1, lt=2**53)] | None = None
    page: Annotated[str, Field(max_length=500)] = ""

    @property
    def origin(self) -> tuple[str, str] | int:
        """Who says it: a newer answer replaces an older one of the same origin alone."""
        return self.version_id or (self.registry, self.page)

    @property
    def known_base_model(self) -> BaseModelId | None:
        """The base model that is meant; None for a name that is not known or leaves the lineage open."""
        return named_base_model(self.base_model or "")


class RepositoryAnswer(BaseModel):
    """What a hub's repository, which LoRAs name as their training base, says of its own base model.

    It stands among the answers about files. `base_model` is the id of another repository.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    repository: Annotated[str, Field(pattern=f"^{REPOSITORY.pattern}$")]
    when: datetime
    base_model: BaseModelName

    @property
    def key(self) -> str:
        """The id in the case in which it is looked up: hubs do not tell ids apart by it."""
        return self.repository.lower()


def named_base_model(name: str) -> BaseModelId | None:
    """What a registry's name or a repository's id means; None for one that is not known or leaves the lineage open."""
    if name.startswith(_WAN):
        return BaseModelId("wan/base")
    return REGISTRY_NAMES.get(name) or (repository_base(name) if "/" in name else None)


def read_answers(library: Path) -> dict[str, tuple[RegistryAnswer, ...]]:
    """The answers beside `library` by SHA-256: the last of each origin. Raises OSError when the file cannot be read.

    Pages that have the same bytes may say different things of them. A damaged line says nothing: what it said can be
    asked again.
    """
    try:
        lines = read_lines(library / FILE_NAME)
    except UnicodeDecodeError:
        return {}
    found: dict[str, dict[tuple[str, str] | int, RegistryAnswer]] = {}
    for answer in (_parse(line) for _, line in lines):
        if answer is not None:
            found.setdefault(answer.sha256, {})[answer.origin] = answer
    return {sha256: tuple(answers.values()) for sha256, answers in found.items()}


def read_repositories(library: Path) -> dict[str, BaseModelId]:
    """The base models of repositories by their ids in lower case, as the last answer of each says beside `library`.

    Raises OSError when the file cannot be read.
    """
    try:
        lines = read_lines(library / FILE_NAME)
    except UnicodeDecodeError:
        return {}
    found: dict[str, BaseModelId | None] = {}
    for _, line in lines:
        try:
            answer = RepositoryAnswer.model_validate_json(line)
        except ValidationError:
            continue
        found[answer.key] = named_base_model(answer.base_model)
    return {key: base for key, base in found.items() if base is not None}


def _parse(line: str) -> RegistryAnswer | None:
    try:
        return RegistryAnswer.model_validate_json(line)
    except ValidationError:
        return None


def keep_answer(library: Path, answer: RegistryAnswer | RepositoryAnswer) -> None:
    """Append `answer` to what is kept beside `library`. Raises OSError."""
    append(library / FILE_NAME, answer)
