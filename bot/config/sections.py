"""The sections of config.toml that hold plain values, one class each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic.fields import FieldInfo

from bot.config.word_patterns import checked_pattern, checked_word
from inference.base_models import BaseModelId, CompatibilityTable
from inference.bounds import MAX_COUNT, MAX_LORAS, MAX_PICTURES, MAX_SIDE, MAX_STEPS, MIN_STEPS
from inference.content_rating import ContentRating
from inference.lora.few_steps import FewStepRecipe
from inference.messages.options import (
    EMBEDDING_CACHE_BYTES,
    LORA_CACHE_BYTES,
    LORA_SET_BYTES,
    MAX_CLASSES,
    MAX_DENSE_BYTES,
    MAX_PLACES,
    STATE_STEPS,
    ClassifierSpec,
    Offload,
)
from inference.messages.values import Name, Sha256
from inference.queue import Policy

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_DEVICE = re.compile(r"auto|cpu|mps|cuda(:[0-9]{1,3})?")
_Word = Annotated[str, AfterValidator(checked_word)]
_BASE_MODEL_PAIR = tuple[BaseModelId, BaseModelId]


def device_name(text: str) -> str:
    """The name of a device. Raises ValueError for what is none."""
    if not _DEVICE.fullmatch(text):
        raise ValueError(f"{text!r} is no device; auto, cuda, cuda:1, mps and cpu are")
    return text


Threshold = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Device = Annotated[str, AfterValidator(device_name)]


class LogFormat(StrEnum):
    """The format of log lines."""

    TEXT = "text"
    JSON = "json"


class ClassifierDevice(StrEnum):
    """Where a classifier runs."""

    CPU = "cpu"
    WORKER = "worker"


class C2paAlgorithm(StrEnum):
    """Kinds of signatures."""

    ES256 = "es256"
    ES384 = "es384"
    ES512 = "es512"
    PS256 = "ps256"
    PS384 = "ps384"
    PS512 = "ps512"
    ED25519 = "ed25519"


class WordListMode(StrEnum):
    """What a list of words does to a text that has one of them."""

    OFF = "off"
    SHADOW = "shadow"
    ACTIVE = "active"


class Section(BaseModel):
    """The base class of all sections."""

    # The docstrings under the fields are also the comments in config.example.toml.
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @model_validator(mode="after")
    def _possible_paths(self) -> Self:
        for name, value in self:
            if isinstance(value, Path) and "\0" in str(value):
                raise ValueError(f"{name} has a character that is in no path")
        return self


def section_of(field: FieldInfo) -> type[Section] | None:
    """The class of a field that is a section or a list of sections; None for a plain value."""
    kinds = (field.annotation, *get_args(field.annotation))
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Section)), None)


def _registry(url: str) -> str:
    """Raise ValueError unless the address is https or local: hashes of people's files are sent there."""
    parts = urlsplit(url)
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    if not safe or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError(f"must be an https address, such as https://civitai.com/api/v1, not {url}")
    return url.rstrip("/")


def _loopback(url: str) -> str:
    """Raise ValueError unless the address is on this machine: the bot's token is sent there."""
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname not in LOOPBACK or parts.username or parts.query:
        raise ValueError(f"must be an http address of this machine, such as http://127.0.0.1:8014/api/v10, not {url}")
    return url.rstrip("/")


def _web_address(url: str) -> str:
    """Raise ValueError unless it is an address of the web."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
        raise ValueError(f"must be an address such as http://timestamp.digicert.com, not {url}")
    return url


def _some_devices(devices: tuple[str, ...]) -> tuple[str, ...]:
    if not devices:
        raise ValueError('name at least one device, such as ["auto"]')
    return devices


class DiscordSettings(Section):
    """How the bot reaches Discord, and who runs it."""

    token: SecretStr = SecretStr("")
    """The bot's token. Better kept out of the file: EASEL_DISCORD__TOKEN in the environment."""
    token_file: Path | None = None
    """In place of the token a file that holds it, such as a container's secret /run/secrets/discord_token."""
    operators: tuple[Annotated[int, Field(ge=1, lt=2**63)], ...] = ()
    """Discord ids of the people who run this bot and may declare base models."""
    nsfw_command: bool = False
    """Whether /imagine-nsfw is offered, in age-restricted channels and to adults who enabled such commands in their
    direct messages. Discord allows no such command to apps that have discovery switched on."""
    api_url: Annotated[str, AfterValidator(_loopback)] | None = None
    """Another Discord-compatible server on this machine, such as http://127.0.0.1:8014/api/v10."""


class StorageSettings(Section):
    """Where the database, the finished pictures and the worker's spool lie."""

    folder: Path = Path("data")
    """A folder that this program may write; two programs must not share one."""

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.folder / "easel.sqlite3"

    @property
    def pictures(self) -> Path:
        """The folder of finished pictures."""
        return self.folder / "pictures"

    @property
    def thumbnails(self) -> Path:
        """The folder of small pictures for lists; may be deleted at any time."""
        return self.folder / "thumbnails"

    @property
    def inputs(self) -> Path:
        """The folder of pictures to start from."""
        return self.folder / "inputs"

    @property
    def caps(self) -> Path:
        """What was measured of checkpoints and sizes; may be deleted at any time."""
        return self.folder / "caps.json"

    @property
    def embeddings(self) -> Path:
        """The folder of encoded prompts; may be deleted at any time."""
        return self.folder / "embeddings"

    @property
    def health(self) -> Path:
        """What the running program last told of itself, for `easel health`."""
        return self.folder / "health.json"

    @property
    def spool(self) -> Path:
        """The folder where the worker leaves what the bot has not taken yet."""
        return self.folder / "spool"

    def written(self) -> list[Path]:
        """All that this program writes in the folder, whether it is there or not."""
        backups = self.folder / "backups"
        return [
            *(self.pictures, self.thumbnails, self.inputs, self.spool, self.embeddings),
            *(self.caps, self.health, backups),
            *self.folder.glob(f"{self.database.stem}*"),
            *self.folder.glob("pseudonyms.key*"),
        ]


class BackupSettings(Section):
    """Copies of the database, made while the bot runs. The pictures are files; copy their folder with any tool."""

    folder: Path | None = None
    """Where the copies go; left out, a folder `backups` beside the database. Another disk is better."""
    every_hours: Annotated[float, Field(ge=0, le=24 * 365)] = 24.0
    """How often; 0 is never."""
    keep: Annotated[int, Field(ge=1, le=10_000)] = 7
    """How many copies stay."""


class KeptPicture(StrEnum):
    """Why a picture stays when its time is over."""

    BOOKMARKED = "bookmarked"
    IN_STACK = "in_stack"
    PUBLISHED = "published"


_Days = Annotated[int, Field(ge=0, le=36_500)]


class RetentionSettings(Section):
    """How long what people leave is kept: `easel retention --dry-run` tells what would go. 0 is for ever."""

    undo_minutes: Annotated[int, Field(ge=0, le=1440)] = 10
    """How long a person can bring back a picture that they deleted; nothing is gone before. 0: it goes at once."""
    pictures_days: _Days = 0
    """Pictures, since they were painted; they go from /history and from the disk, not from Discord."""
    pictures_gigabytes: Annotated[float, Field(ge=0, le=1e6)] = 0.0
    """The most that the folder of pictures may take; the oldest go first."""
    keep: tuple[KeptPicture, ...] = (KeptPicture.BOOKMARKED, KeptPicture.IN_STACK, KeptPicture.PUBLISHED)
    """Pictures that stay in spite of both: with a LoRA that their owner has bookmarked or in a stack, and published."""
    jobs_days: _Days = 90
    """Orders with their prompts, once they have no pictures: failed, cancelled, or the pictures went before."""
    thumbnails_days: _Days = 90
    """Small pictures for lists; they are made anew when they are needed."""
    drafts_days: _Days = 7
    """Requests that could not be painted, for the buttons under the answer."""
    inputs_days: _Days = 7
    """Pictures to start from that no picture and no order needs."""
    embeddings_days: _Days = 7
    """Encoded prompts in files ([worker] embedding_files_megabytes), since they were encoded."""
    states_days: _Days = 1
    """What a worker left of an order that has ended, where it was not removed at once."""
    logs_days: _Days = 30
    """The files of [logs] folder."""
    receipts_days: _Days = 30
    """Receipts of people who had all deleted."""
    servers_days: _Days = 30
    """Servers that removed the bot, with what their staff have set; people keep their own pictures."""


class LogSettings(Section):
    """What the running bot writes to stderr."""

    format: LogFormat = LogFormat.TEXT
    """text for people, json for programs that collect logs; both name the job on every line that is about one."""
    folder: Path | None = None
    """Where a file for each day (UTC) goes besides stderr; `[retention] logs_days` says how long it stays."""


class MetricsSettings(Section):
    """Numbers for Prometheus, on this machine alone."""

    port: Annotated[int, Field(ge=0, le=65_535)] = 0
    """http://127.0.0.1:PORT/metrics; 0 is off."""


class LibrarySettings(Section):
    """The folder of LoRA files, with their sidecars and the operator's declarations."""

    folder: Path = Path("loras")
    """Only .safetensors files are read; folders inside are searched too."""
    look_seconds: Annotated[float, Field(ge=1, le=86_400)] = 30.0
    """How often to look for files that were added, removed or replaced."""
    registry: Annotated[str, AfterValidator(_registry)] | None = None
    """A registry such as https://civitai.com/api/v1, asked by SHA-256 about files whose base model nothing tells."""
    samples: Annotated[int, Field(ge=0, le=MAX_COUNT)] = 2
    """Pictures that Easel paints by itself of each LoRA, with one without it beside them, while nobody waits."""
    few_step_files: Annotated[dict[Sha256, FewStepRecipe], Field(max_length=1000)] = {}
    """Recipes of few-step LoRAs by the SHA-256 of their files, such as { "0a1b…" = { steps = 4, guidance = 1.0 } }."""
    measure_weights: bool = False
    """Whether Easel also paints each LoRA at several weights, 12 pictures, to tell which are useful."""


class Backend(StrEnum):
    """Where workers run."""

    LOCAL = "local"
    RAY = "ray"


class WorkerSettings(Section):
    """The processes that paint."""

    backend: Backend = Backend.LOCAL
    """local: on this machine; ray: on the nodes of a cluster, one for each of their GPUs, by the section [cluster]."""
    devices: Annotated[tuple[Device, ...], AfterValidator(_some_devices)] = ("auto",)
    """auto, cuda, cuda:1, mps or cpu. There is one worker for each, such as ["cuda:0", "cuda:1"]; one for a cluster."""
    threads: Annotated[int, Field(ge=1, le=256)] | None = None
    """CPU threads of the worker; left out, torch decides. On two cores 1 is fastest."""
    places: Annotated[int, Field(ge=1, le=MAX_PLACES)] | None = None
    """Pictures painted together; left out, as many as make each cheaper, which is measured by checkpoint and size."""
    max_lora_megabytes: Annotated[int, Field(ge=1, le=2**20)] = 4096
    """A larger LoRA file is refused."""
    max_dense_megabytes: Annotated[int, Field(ge=0, le=2**20)] = MAX_DENSE_BYTES // 2**20
    """Memory for one LoRA without a low-rank form: full differences, LoKr with whole factors. More is refused."""
    lora_cache_megabytes: Annotated[int, Field(ge=0, le=2**24)] = LORA_CACHE_BYTES // 2**20
    """Host memory of each worker for LoRAs used before: half as they lie on disk, half as they are painted."""
    lora_set_megabytes: Annotated[int, Field(ge=0, le=2**24)] = LORA_SET_BYTES // 2**20
    """Host memory for LoRAs at weights that were used before, ready to be painted with. Those in use come on top."""
    embedding_cache_megabytes: Annotated[int, Field(ge=0, le=2**24)] = EMBEDDING_CACHE_BYTES // 2**20
    """Memory of the device for prompts that were encoded before."""
    embedding_files_megabytes: Annotated[int, Field(ge=0, le=2**24)] = 0
    """Disk for them, so that no text encoder is needed for a prompt used before, also after a restart: worth it for
    Flux or Qwen-Image where memory is short. They tell of people's words; 0: none are kept. See [retention]."""
    state_steps: Annotated[int, Field(ge=0, le=MAX_STEPS)] = STATE_STEPS
    """How often a picture's state is kept, for a worker that broke down to go on from there; 0 is never."""
    offload: Offload = Offload.WHEN_SHORT
    """never; when_short: what is not in use makes room, and the last checkpoint waits in host memory; always: one
    network on the device at a time, slower and in less memory."""
    compiled: bool = False
    """torch.compile for the repeated blocks of SD's and SDXL's denoisers; each new shape costs seconds, once."""
    expandable_segments: bool = True
    """Whether torch grows its blocks of an NVIDIA card's memory, so that less of it lies idle between; on Linux."""


class LimitSettings(Section):
    """How much may be asked for, who waits, how often a job is tried."""

    max_loras: Annotated[int, Field(ge=0, le=MAX_LORAS)] = 5
    """LoRAs that one picture may combine."""
    max_attempts: Annotated[int, Field(ge=1, le=100)] = 3
    """How often a job is begun again after the worker died at it."""
    waiting_per_person: Annotated[int, Field(ge=1, le=10_000)] = 10
    """Jobs that one person may have waiting."""
    waiting_in_all: Annotated[int, Field(ge=1, le=10_000)] = 500
    """Jobs that may wait, everybody's together."""
    max_age_hours: Annotated[int, Field(ge=1, le=10_000)] = 24
    """A job that waited longer, because bot or worker was away, is given up with an apology."""
    pictures_per_day: Annotated[int, Field(ge=0, le=10**9)] | None = None
    """Pictures of one person in a day (UTC), in all servers and direct messages together; left out, any number."""
    megapixel_steps_per_day: Annotated[int, Field(ge=0, le=10**9)] | None = None
    """The same in megapixels times steps, which is what pictures cost: one of 1024x1024 in 28 steps costs 29.4, and
    with two regions twice as much."""
    server_pictures_per_day: Annotated[int, Field(ge=0, le=10**9)] | None = None
    """Pictures of everybody in one server in a day."""
    server_megapixel_steps_per_day: Annotated[int, Field(ge=0, le=10**9)] | None = None
    """The same in megapixels times steps."""
    cooldown_seconds: Annotated[int, Field(ge=0, le=86_400)] = 0
    """The time between two orders of one person; 0 is none."""
    max_count: Annotated[int, Field(ge=1, le=MAX_PICTURES)] | None = None
    """Pictures that one request may ask for; left out, as many as the command offers."""
    max_steps: Annotated[int, Field(ge=MIN_STEPS, le=MAX_STEPS)] | None = None
    """Steps that one request may ask for."""
    max_megapixels: Annotated[float, Field(gt=0, le=MAX_SIDE**2 / 1e6)] | None = None
    """The size of one picture; 1024x1024 is 1.05 megapixels."""
    max_weight: Annotated[float, Field(ge=0.1, le=10)] = 4.0
    """The greatest weight in the queue that a server may give a role or a person; everybody else has 1."""
    identical_in_a_row: Annotated[int, Field(ge=0, le=20)] = 4
    """Requests in a row that differ in nothing but their seed and still count fully in the queue; each one more halves
    the weight again, down to an eighth. 0 is any number."""
    loras_per_day: Annotated[int, Field(ge=0, le=10**6)] = 10
    """LoRAs that one person may add from outside in 24 hours. Staff of a server may set less; operators add any
    number."""
    server_loras_per_day: Annotated[int, Field(ge=0, le=10**6)] = 30
    """LoRAs that everybody in one server may add in 24 hours."""

    @property
    def policy(self) -> Policy:
        """The policy of everybody who has no own one."""
        return Policy(waiting_per_person=self.waiting_per_person, waiting_in_all=self.waiting_in_all)


class MatchingSettings(Section):
    """Pairs of base models that go together although they differ: [LoRA's, checkpoint's]."""

    allow: tuple[_BASE_MODEL_PAIR, ...] = ()
    """For example [["sdxl/illustrious", "sdxl/noobai"]]; never across architectures."""
    allow_v_on_epsilon: bool = False
    """Whether a LoRA trained for v-prediction may go on an epsilon checkpoint; the pictures mostly break."""
    trust_tags: bool = False
    """Whether a LoRA's own title, output name or tag, such as "[Pony] Komori", tells its base model when its
    metadata name no training base. Anybody may choose such a name, and some LoRAs paint ponies."""

    @model_validator(mode="after")
    def _same_architecture(self) -> Self:
        CompatibilityTable.of(self.allow)
        return self

    @property
    def table(self) -> CompatibilityTable:
        """The base models that go together."""
        return CompatibilityTable.of(self.allow)


def is_repository(name: str) -> bool:
    """Whether a text is the name of a repository of the hub."""
    return re.fullmatch(r"[\w.\-]+/[\w.\-]+", name) is not None


def _repository(name: str) -> str:
    if not is_repository(name):
        raise ValueError("write a repository as OWNER/NAME, as its address on the hub ends")
    return name


Repository = Annotated[str, AfterValidator(_repository)]


class ClassifierSettings(Section):
    """A model that looks at each finished picture and gives scores, for which it is rated. Off without a model."""

    path: Path | None = None
    """A folder as transformers or timm saves a model: config.json and model.safetensors …"""
    repository: Repository | None = None
    """… or a repository of the Hugging Face hub, such as Marqo/nsfw-image-detection-384 (timm, 22 MB, Apache-2.0)."""
    thresholds: Annotated[dict[Name, dict[ContentRating, Threshold]], Field(max_length=MAX_CLASSES)] = {}
    """From which score of a class on a picture has a rating: { NSFW = { mature = 0.5, explicit = 0.85 } }."""
    device: ClassifierDevice = ClassifierDevice.CPU
    """cpu, or worker: where the worker paints; a large model is faster there and takes memory from the checkpoints."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.path is not None and self.repository is not None:
            raise ValueError("a classifier has either a path or a repository")
        if self.enabled and not any(self.thresholds.values()):
            raise ValueError("a classifier needs thresholds, such as { NSFW = { mature = 0.5, explicit = 0.85 } }")
        return self

    @property
    def enabled(self) -> bool:
        """Whether there is a classifier."""
        return self.path is not None or self.repository is not None

    @property
    def spec(self) -> ClassifierSpec | None:
        """The specification for the worker; None without a classifier."""
        if not self.enabled:
            return None
        return ClassifierSpec(
            source=str(self.path or self.repository),
            repository=self.path is None,
            classes=tuple(self.thresholds),
            on_device=self.device is ClassifierDevice.WORKER,
        )

    @property
    def highest(self) -> ContentRating | None:
        """The highest rating that it can give; None without a classifier."""
        ratings = (rating for thresholds in self.thresholds.values() for rating in thresholds)
        return max(ratings, default=None) if self.enabled else None

    def rate(self, scores: Iterable[Mapping[str, float]]) -> ContentRating | None:
        """The highest rating that a class reaches on one of several pictures; None when none reaches any."""
        reached = [
            rating
            for of_picture in scores
            for name, thresholds in self.thresholds.items()
            for rating, threshold in thresholds.items()
            if of_picture.get(name, 0.0) >= threshold
        ]
        return max(reached, default=None)


class C2paSettings(Section):
    """C2PA signatures in delivered pictures, for which easel[c2pa] has to be installed. Off without a certificate."""

    certificate: Path | None = None
    """A PEM file with the certificate that signs, and behind it those above it."""
    key: Path | None = None
    """A PEM file with its private key, without a passphrase, that no other account may read."""
    algorithm: C2paAlgorithm = C2paAlgorithm.ES256
    """es256, es384, es512, ps256, ps384, ps512 or ed25519, as the key is."""
    timestamp_url: Annotated[str, AfterValidator(_web_address)] | None = None
    """A timestamp authority (RFC 3161), asked for each picture: it learns when, not which. Left out, none is asked."""

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("a certificate and its key go together; give both or neither")
        return self

    @property
    def enabled(self) -> bool:
        """Whether pictures are signed."""
        return self.certificate is not None


class WordListSettings(Section):
    """A list of words and patterns. Case, accents, look-alikes, spacing and repeated letters make no difference."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    """A name of your own, which people are told and logs have."""
    words: Annotated[tuple[_Word, ...], Field(max_length=10_000)] = ()
    """Whole words and phrases; "word*" is the beginning of one, "*word" its end, "*word*" any part."""
    patterns: Annotated[tuple[Annotated[str, AfterValidator(checked_pattern)], ...], Field(max_length=100)] = ()
    """Regular expressions of RE2, in lower case and without accents; those that look ahead or back are refused."""
    mode: WordListMode = WordListMode.ACTIVE
    """active refuses the text, shadow only logs it, off does nothing."""
    negative_prompts: bool = False
    """Whether negative prompts are read too, where people write what a picture must not show."""


class ModerationSettings(Section):
    """Rules on words in prompts, names and trigger words of LoRAs, notes and names of stacks."""

    minor_terms: tuple[_Word, ...] = ()
    """More words for minors, refused together with anything sexual. The rule on minors has a list and no switch."""
    sexual_terms: tuple[_Word, ...] = ()
    """More words that are sexual, refused together with minors."""
    ordinary_phrases: tuple[_Word, ...] = ()
    """More phrases in which such a word means something else, such as "billy the kid"."""
    lists: tuple[WordListSettings, ...] = ()
    """Lists of words."""
    reports_channel: Annotated[int, Field(ge=1, lt=2**63)] | None = None
    """The id of the channel in which the bot posts reports of LoRAs, and of pictures outside of servers. Operators also
    find them, and what servers share, under Reports in /server."""
    held_days: Annotated[int, Field(ge=0, le=365)] = 30
    """For how many days an open report keeps pictures out of sight, and their files kept when whoever painted them
    deletes them or all their data. Then they are shown again. 0: a report hides and keeps nothing."""

    @property
    def held_ms(self) -> int:
        """The same in milliseconds."""
        return self.held_days * 86_400_000

    @model_validator(mode="after")
    def _unique_names(self) -> Self:
        names = [each.name.casefold() for each in self.lists]
        for name in names:
            if names.count(name) > 1 or name == "minors":
                raise ValueError(f"a list cannot be called {name!r}, because another one is")
        return self
