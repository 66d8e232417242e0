"""Settings: the typed form of config.toml. Every one can also come from the environment as EASEL_SECTION__KEY."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self, cast
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from inference.base_models import Architecture, BaseModelId, CompatibilityTable
from inference.messages import (
    MAX_LORAS,
    CheckpointSpec,
    Guidance,
    PredictionType,
    Prompt,
    Sampler,
    Sha256,
    Side,
    Steps,
)

PREFIX = "EASEL_"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_BASE_MODEL_PAIR = tuple[BaseModelId, BaseModelId]


class ConfigError(Exception):
    """The settings cannot be used; the message names the key and says what to do."""


class _Section(BaseModel):
    # The docstrings under the fields are also the comments in config.example.toml.
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def _loopback(url: str) -> str:
    """The bot's token goes to this address, so it may not leave the machine."""
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname not in LOOPBACK or parts.username or parts.query:
        raise ValueError(f"must be an http address of this machine, such as http://127.0.0.1:8014/api/v10, not {url}")
    return url.rstrip("/")


class DiscordSettings(_Section):
    """How the bot reaches Discord, and who runs it."""

    token: SecretStr = SecretStr("")
    """The bot's token. Better kept out of the file: EASEL_DISCORD__TOKEN in the environment."""
    operators: tuple[Annotated[int, Field(ge=1, lt=2**63)], ...] = ()
    """Discord ids of the people who run this bot and may declare base models."""
    api_url: Annotated[str, AfterValidator(_loopback)] | None = None
    """Another Discord-compatible server on this machine, such as http://127.0.0.1:8014/api/v10."""


class StorageSettings(_Section):
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
    def spool(self) -> Path:
        """The folder where the worker leaves what the bot has not taken yet."""
        return self.folder / "spool"


class LibrarySettings(_Section):
    """The folder of LoRA files, with their sidecars and the operator's declarations."""

    folder: Path = Path("loras")
    """Only .safetensors files are read; folders inside are searched too."""
    look_seconds: Annotated[float, Field(ge=1, le=86_400)] = 30.0
    """How often to look for files that were added, removed or replaced."""


class WorkerSettings(_Section):
    """The process that paints."""

    device: Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")] = "auto"
    """auto, cuda, cuda:1, mps or cpu."""
    threads: Annotated[int, Field(ge=1, le=256)] | None = None
    """CPU threads of the worker; left out, torch decides. On two cores 1 is fastest."""
    max_lora_megabytes: Annotated[int, Field(ge=1, le=2**20)] = 4096
    """A larger LoRA file is refused."""


class LimitSettings(_Section):
    """How much one request may ask for, and how often a job is tried."""

    max_loras: Annotated[int, Field(ge=0, le=MAX_LORAS)] = 5
    """LoRAs that one picture may combine."""
    max_attempts: Annotated[int, Field(ge=1, le=100)] = 3
    """How often a job is begun again after the worker died at it."""


class MatchingSettings(_Section):
    """Pairs of base models that go together although they differ: [LoRA's, checkpoint's]."""

    allow: tuple[_BASE_MODEL_PAIR, ...] = ()
    """For example [["sdxl/illustrious", "sdxl/noobai"]]; never across architectures."""
    allow_v_on_epsilon: bool = False
    """Whether a LoRA trained for v-prediction may go on an epsilon checkpoint; the pictures mostly break."""

    @model_validator(mode="after")
    def _same_architecture(self) -> Self:
        CompatibilityTable.of(self.allow)
        return self

    @property
    def table(self) -> CompatibilityTable:
        """What goes together."""
        return CompatibilityTable.of(self.allow)


class Size(BaseModel):
    """Width and height in pixels, written `832x1216` in the settings."""

    model_config = ConfigDict(frozen=True)

    width: Side
    height: Side

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        width, cross, height = value.lower().partition("x")
        if not (cross and width.isdecimal() and height.isdecimal()):
            raise ValueError("write a size as WIDTHxHEIGHT, for example 832x1216")
        return {"width": int(width), "height": int(height)}

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"

    @property
    def shape(self) -> str:
        """portrait, landscape or square: the names people choose by."""
        if self.width == self.height:
            return "square"
        return "portrait" if self.width < self.height else "landscape"


_SDXL_SIZES = tuple(Size(width=w, height=h) for w, h in ((1024, 1024), (832, 1216), (1216, 832)))
_SD1_SIZES = tuple(Size(width=w, height=h) for w, h in ((512, 512), (512, 768), (768, 512)))
DEFAULT_SIZES: Mapping[Architecture, tuple[Size, ...]] = {
    Architecture.SD1: _SD1_SIZES,
    Architecture.SD2: tuple(Size(width=w, height=h) for w, h in ((768, 768), (640, 896), (896, 640))),
    Architecture.SDXL: _SDXL_SIZES,
    Architecture.DEMO: tuple(Size(width=w, height=h) for w, h in ((64, 64), (48, 80), (80, 48))),
}


def _plain_name(name: str) -> str:
    if not name.strip() or any(character in name for character in ',:"<>\n\t'):
        raise ValueError("a name is one line without commas, colons, quotes and angle brackets")
    return name


class CheckpointSettings(_Section):
    """A checkpoint that paints: what it is, where it lies, and what it likes. The first size is its default."""

    name: Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_plain_name)]
    """What people choose it by."""
    path: Path | None = None
    """A folder of diffusers' kind or a .safetensors file …"""
    repository: Annotated[str, Field(pattern=r"^[\w.\-]+/[\w.\-]+$")] | None = None
    """… or a repository of the Hugging Face hub, downloaded at first use."""
    base_model: BaseModelId
    """architecture/lineage. Only LoRAs of the same base model are used on it."""
    prediction_type: PredictionType | None = None
    """epsilon or v_prediction; left out, the checkpoint's own configuration decides."""
    source_sha256: Sha256 | None = None
    """SHA-256 of the single file from which a folder was converted: LoRAs record that one."""
    sizes: Annotated[tuple[Size, ...], Field(max_length=24)] = ()
    """Sizes offered, the default first; left out, those usual for the architecture."""
    steps: Steps = 28
    """Denoising steps when nobody asks for another number."""
    guidance_scale: Guidance = 6.0
    """How strictly the prompt is followed."""
    sampler: Sampler = Sampler.DPMPP_2M_KARRAS
    """euler, euler_a, ddim, dpmpp_2m, dpmpp_2m_karras, dpmpp_2m_sde, unipc, heun or lcm."""
    negative_prompt: Prompt = ""
    """Used when the person gives none."""
    prompt_prefix: Annotated[str, Field(max_length=500)] = ""
    """Quality tags put before every prompt, such as "score_9, score_8_up"."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.path is None) == (self.repository is None):
            raise ValueError(f"checkpoint {self.name!r} needs either a path or a repository")
        if not self.sizes and self.base_model.architecture not in DEFAULT_SIZES:
            object.__setattr__(self, "sizes", _SDXL_SIZES)
        if not self.sizes:
            object.__setattr__(self, "sizes", DEFAULT_SIZES[self.base_model.architecture])
        return self

    @property
    def default_size(self) -> Size:
        """The size when nobody asks for another."""
        return self.sizes[0]

    def size(self, wish: str) -> Size | None:
        """The offered size that `wish` names (`portrait` or `832x1216`), None when it is not offered."""
        return next((size for size in self.sizes if wish.lower() in {size.shape, str(size)}), None)

    def spec(self, sha256: str | None, short_hash: str | None = None) -> CheckpointSpec:
        """What the worker needs to know of it."""
        return CheckpointSpec(
            name=self.name,
            source=str(self.path) if self.path else str(self.repository),
            repository=self.path is None,
            base_model=self.base_model,
            prediction_type=self.prediction_type,
            sha256=self.source_sha256 or sha256,
            short_hash=short_hash,
        )


class Settings(BaseSettings):
    """Everything an operator decides. Paths in the file are relative to the file."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )
    toml_file: ClassVar[Path | None] = None  # set on a subclass by `load_settings`

    discord: DiscordSettings = DiscordSettings()
    storage: StorageSettings = StorageSettings()
    library: LibrarySettings = LibrarySettings()
    worker: WorkerSettings = WorkerSettings()
    limits: LimitSettings = LimitSettings()
    matching: MatchingSettings = MatchingSettings()
    checkpoints: Annotated[tuple[CheckpointSettings, ...], Field(max_length=1000)] = ()

    @model_validator(mode="after")
    def _unique_names(self) -> Self:
        names = [checkpoint.name.casefold() for checkpoint in self.checkpoints]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two checkpoints are called {name!r}; give one of them another name")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments over environment over file."""
        file = () if cls.toml_file is None else (TomlConfigSettingsSource(settings_cls, cls.toml_file),)
        return (init_settings, env_settings, *file)

    def checkpoint(self, name: str) -> CheckpointSettings | None:
        """The checkpoint of this name, whatever its case."""
        return next((c for c in self.checkpoints if c.name.casefold() == name.casefold()), None)

    def relative_to(self, folder: Path) -> Settings:
        """These settings with every path made absolute, starting from `folder`."""
        checkpoints = tuple(
            c.model_copy(update={"path": folder / c.path.expanduser()}) if c.path else c for c in self.checkpoints
        )
        storage = self.storage.model_copy(update={"folder": folder / self.storage.folder.expanduser()})
        library = self.library.model_copy(update={"folder": folder / self.library.folder.expanduser()})
        return self.model_copy(update={"checkpoints": checkpoints, "storage": storage, "library": library})


def load_settings(file: Path) -> Settings:
    """Read `file` and the environment. Raises ConfigError with one sentence a problem."""
    if file.is_dir():
        raise ConfigError(f"{file} is a folder; name the file in it, such as {file / 'config.toml'}.")
    if not file.is_file():
        raise ConfigError(f"There is no settings file {file}. `python -m bot init DIR` writes one to start from.")
    source = type("Settings", (Settings,), {"toml_file": file, "__doc__": Settings.__doc__, "__module__": __name__})
    return _load(cast("type[Settings]", source), {}, str(file)).relative_to(file.resolve().parent)


def settings_from(values: Mapping[str, Any], folder: Path) -> Settings:
    """Settings without a file, from `values` and the environment. Raises ConfigError."""
    return _load(Settings, values, "the settings").relative_to(folder.resolve())


def _load(kind: type[Settings], values: Mapping[str, Any], where: str) -> Settings:
    _refuse_unknown_variables()
    try:
        return kind(**values)
    except ValidationError as problem:
        raise ConfigError("\n".join(f"{where}: {_sentence(error)}" for error in problem.errors())) from None
    except (ValueError, OSError, RecursionError) as problem:  # no TOML, no text, not readable, no JSON in a variable
        raise ConfigError(f"{where} cannot be read: {problem}") from None


def _refuse_unknown_variables() -> None:
    """pydantic ignores a misspelt section in the environment; a person who sets it wants to know."""
    for variable in os.environ:
        if variable.startswith(PREFIX):
            section = variable.removeprefix(PREFIX).partition("__")[0].lower()
            if section not in Settings.model_fields:
                known = ", ".join(f"{PREFIX}{name.upper()}__…" for name in Settings.model_fields)
                raise ConfigError(f"The environment variable {variable} names no section; known are {known}.")


def _sentence(error: Any) -> str:
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{place} is not a setting; is it misspelt? config.example.toml lists all of them"
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
