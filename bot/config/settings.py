"""All of config.toml, and reading it. Every setting can also come from the environment as EASEL_SECTION__KEY."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self, cast

from pydantic import BaseModel, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from bot.config.bot_token import looks_like_token
from bot.config.section import section_of
from bot.config.sections.c2pa import C2paSettings
from bot.config.sections.checkpoints import CheckpointSettings
from bot.config.sections.classifier import ClassifierSettings
from bot.config.sections.cluster import ClusterSettings
from bot.config.sections.discord_settings import DiscordSettings
from bot.config.sections.faces import FaceSettings
from bot.config.sections.library import LibrarySettings
from bot.config.sections.limits import LimitSettings
from bot.config.sections.matching import MatchingSettings
from bot.config.sections.moderation import ModerationSettings
from bot.config.sections.monitoring import LogSettings, MetricsSettings
from bot.config.sections.privacy import PrivacySettings
from bot.config.sections.retention import RetentionSettings
from bot.config.sections.sources import SourcesSettings
from bot.config.sections.storage import BackupSettings, StorageSettings
from bot.config.sections.text_judge import TextJudgeSettings
from bot.config.sections.watermark import WatermarkSettings
from bot.config.sections.worker import Backend, WorkerSettings
from bot.config.unknown_names import shown, similar
from bot.config.variables import (
    DELIMITER,
    PREFIX,
    variable_of,
    variables_that_are_no_json,
    variables_that_are_no_settings,
)
from bot.file_access import Need, why
from bot.program import program
from inference.errors import OperatorError

# Section and name of each secret; `NAME_file` in the same section is a file that holds it.
SECRETS = (("discord", "token"), ("sources", "civitai_key"), ("sources", "huggingface_token"), ("cluster", "secret"))


# The default of a section is validated together with all settings. An instance as default would be validated when the
# class is defined, by a validator that pydantic builds for this section alone.
_DEFAULTS: Any = Field(default={}, validate_default=True)


class ConfigError(OperatorError):
    """The settings cannot be used; the message names the key and says what to do."""


class Settings(BaseSettings):
    """All settings of an operator. Paths in the file are relative to the file."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=DELIMITER,
        extra="forbid",
        frozen=True,
        defer_build=True,
    )
    # A subclass sets one of these; the environment takes precedence over both.
    toml_file: ClassVar[Path | None] = None
    instead_of_file: ClassVar[Mapping[str, Any]] = {}

    discord: DiscordSettings = _DEFAULTS
    storage: StorageSettings = _DEFAULTS
    backup: BackupSettings = _DEFAULTS
    retention: RetentionSettings = _DEFAULTS
    privacy: PrivacySettings = _DEFAULTS
    logs: LogSettings = _DEFAULTS
    metrics: MetricsSettings = _DEFAULTS
    library: LibrarySettings = _DEFAULTS
    sources: SourcesSettings = _DEFAULTS
    worker: WorkerSettings = _DEFAULTS
    cluster: ClusterSettings = _DEFAULTS
    limits: LimitSettings = _DEFAULTS
    matching: MatchingSettings = _DEFAULTS
    moderation: ModerationSettings = _DEFAULTS
    classifier: ClassifierSettings = _DEFAULTS
    text_judge: TextJudgeSettings = _DEFAULTS
    faces: FaceSettings = _DEFAULTS
    c2pa: C2paSettings = _DEFAULTS
    watermark: WatermarkSettings = _DEFAULTS
    checkpoints: Annotated[tuple[CheckpointSettings, ...], Field(max_length=1000)] = ()

    @model_validator(mode="after")
    def _unique_names(self) -> Self:
        names = [checkpoint.name.casefold() for checkpoint in self.checkpoints]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two checkpoints are called {name!r}; give one of them another name")
        return self

    @model_validator(mode="after")
    def _known_devices(self) -> Self:
        for checkpoint in self.checkpoints:
            if strangers := set(checkpoint.devices) - set(self.worker.devices):
                raise ValueError(f"checkpoint {checkpoint.name!r} is for {min(strangers)}, which is no worker's device")
        return self

    @model_validator(mode="after")
    def _one_device_of_a_cluster(self) -> Self:
        if self.worker.backend is Backend.RAY and len(self.worker.devices) != 1:
            raise ValueError("set one device in worker.devices; the nodes of a cluster report their own devices")
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
        if cls.toml_file is None:
            return (init_settings, env_settings, InitSettingsSource(settings_cls, dict(cls.instead_of_file)))
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls, cls.toml_file))

    @property
    def backup_folder(self) -> Path:
        """The folder of the database's copies."""
        return self.backup.folder or self.storage.folder / "backups"

    @property
    def looks_for_updates(self) -> bool:
        """Whether Easel asks hubs about files that came from them."""
        return self.sources.enabled and self.sources.updates

    def checkpoint(self, name: str) -> CheckpointSettings | None:
        """The checkpoint of this name, compared without case; None if there is none."""
        return next((c for c in self.checkpoints if c.name.casefold() == name.casefold()), None)

    def relative_to(self, folder: Path) -> Settings:
        """These settings with every path made absolute, starting from `folder`."""
        checkpoints = tuple(checkpoint.relative_to(folder) for checkpoint in self.checkpoints)
        storage = self.storage.model_copy(update={"folder": folder / self.storage.folder.expanduser()})
        library = self.library.model_copy(update={"folder": folder / self.library.folder.expanduser()})
        backup = self.backup
        if backup.folder is not None:
            backup = backup.model_copy(update={"folder": folder / backup.folder.expanduser()})
        logs = self.logs
        if logs.folder is not None:
            logs = logs.model_copy(update={"folder": folder / logs.folder.expanduser()})
        secrets = {(at, f"{name}_file"): folder / file.expanduser() for at, name, file in self._secret_files()}
        classifier = self.classifier
        if classifier.path is not None:
            classifier = classifier.model_copy(update={"path": folder / classifier.path.expanduser()})
        text_judge = self.text_judge
        if text_judge.path is not None:
            text_judge = text_judge.model_copy(update={"path": folder / text_judge.path.expanduser()})
        watermark = self.watermark
        if watermark.path is not None:
            watermark = watermark.model_copy(update={"path": folder / watermark.path.expanduser()})
        c2pa = self.c2pa
        if c2pa.certificate is not None and c2pa.key is not None:
            files = {"certificate": folder / c2pa.certificate.expanduser(), "key": folder / c2pa.key.expanduser()}
            c2pa = c2pa.model_copy(update=files)
        cluster = self.cluster
        if cluster.token_file is not None:
            cluster = cluster.model_copy(update={"token_file": folder / cluster.token_file.expanduser()})
        paths = {
            "cluster": cluster, "checkpoints": checkpoints, "storage": storage, "library": library, "backup": backup,
            "classifier": classifier, "text_judge": text_judge, "watermark": watermark, "c2pa": c2pa, "logs": logs,
        }  # fmt: skip
        return _with(self.model_copy(update=paths), secrets)

    def with_secrets(self) -> Settings:
        """These settings with what the files of SECRETS hold. Raises ConfigError."""
        return _with(
            self, {(at, name): SecretStr(self._secret(at, name, file)) for at, name, file in self._secret_files()}
        )

    def _secret(self, section: str, name: str, file: Path) -> str:
        if getattr(getattr(self, section), name).get_secret_value():
            raise ConfigError(f"{section}.{name} and {section}.{name}_file are both set; leave one of them out.")
        return read_secret(file, f"{section}.{name}_file")

    def _secret_files(self) -> list[tuple[str, str, Path]]:
        """Section, name and file of each secret for which a file is given."""
        files = [(at, name, getattr(getattr(self, at), f"{name}_file")) for at, name in SECRETS]
        return [(at, name, file) for at, name, file in files if file is not None]


def read_secret(file: Path, key: str) -> str:
    """The secret in a file that the setting `key` names. Raises ConfigError."""
    if looks_like_token(file.name):
        raise ConfigError(f"{key} holds a token. Save it in a file, and give the path of the file.")
    try:
        secret = file.read_text("utf-8").strip()
    except OSError as problem:
        raise ConfigError(f"{key}: {file} cannot be read: {why(problem, file, Need.SECRET)}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{key}: {file} is not text.") from None
    if not secret:
        raise ConfigError(f"{key}: {file} is empty.")
    return secret


def require_settings_file(file: Path) -> None:
    """Raise ConfigError unless `file` is a regular file that can be read."""
    try:
        if file.is_dir():
            raise ConfigError(f"{file} is a folder; name the file in it, such as {file / 'config.toml'}.")
        if file.exists() and not file.is_file():  # opening a pipe would wait for ever
            raise ConfigError(f"{file} is not a regular file. Name a file such as config.toml.")
        file.open("rb").close()
    except PermissionError as problem:
        raise ConfigError(f"{file} cannot be read: {why(problem, file, Need.WRITE)}.") from None  # it may have secrets
    except OSError:
        raise ConfigError(
            f"There is no settings file {file}. `{program()} init DIR` writes one to start from."
        ) from None


def load_settings(file: Path) -> Settings:
    """Read `file` and the environment. Raises ConfigError with one line for each problem."""
    require_settings_file(file)
    return _load(_kind(toml_file=file), {}, str(file)).relative_to(file.resolve().parent).with_secrets()


def _kind(**values: object) -> type[Settings]:
    """The settings with class variables of their own."""
    named = {"__doc__": Settings.__doc__, "__module__": __name__}
    return cast("type[Settings]", type("Settings", (Settings,), {**values, **named}))


def _with(settings: Settings, values: Mapping[tuple[str, str], object]) -> Settings:
    """The settings with some values, by section and name."""
    changed: dict[str, BaseModel] = {}
    for (section, name), value in values.items():
        now: BaseModel = changed.get(section) or getattr(settings, section)
        changed[section] = now.model_copy(update={name: value})
    return settings.model_copy(update=changed)


def settings_from(values: Mapping[str, Any], folder: Path) -> Settings:
    """Settings without a file, from `values` over the environment. Raises ConfigError."""
    return _load(Settings, values, "the settings").relative_to(folder.resolve()).with_secrets()


def settings_below_environment(values: Mapping[str, Any], folder: Path) -> Settings:
    """Settings without a file, from the environment over `values`. Raises ConfigError."""
    return _load(_kind(instead_of_file=values), {}, "the settings").relative_to(folder.resolve()).with_secrets()


def _load(kind: type[Settings], values: Mapping[str, Any], where: str) -> Settings:
    fields = Settings.model_fields
    if wrong := [*variables_that_are_no_settings(fields), *variables_that_are_no_json(fields)]:
        raise ConfigError("\n".join(wrong))
    try:
        return kind(**values)
    except ValidationError as problem:
        written = _written(kind, values)
        raise ConfigError("\n".join(_sentence(error, where, written) for error in problem.errors())) from None
    except UnicodeDecodeError:
        raise ConfigError(f"{where} is not a text file.") from None
    except tomllib.TOMLDecodeError as problem:
        assert kind.toml_file is not None
        last = len(kind.toml_file.read_text("utf-8").splitlines())
        says = str(problem).replace("(at end of document)", f"(at the end, in line {last})")
        raise ConfigError(f"{where} is not valid TOML: {says}.") from None
    except (ValueError, OSError, RecursionError) as problem:  # not readable, or a variable that is not JSON
        raise ConfigError(f"{where} cannot be read: {problem}") from None


_ENTRIES = {"checkpoints": "checkpoint", "lists": "list of words"}  # entries with a name, by their section
# What pydantic says in words of Python.
_PLAIN = {
    "model_type": "write it as a section, such as [worker] or [[checkpoints]]",
    "path_type": "write a path in quotes",
    "string_type": "write a text in quotes",
    "tuple_type": 'write a list, such as ["auto"] or [1, 2]',
}
# What a value has to be, by the beginning of pydantic's name of the error.
_KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false"}


def _written(kind: type[Settings], values: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is written in the file, or given instead of one."""
    if kind.toml_file is None:
        return values or kind.instead_of_file
    return tomllib.loads(kind.toml_file.read_text("utf-8"))


def _sentence(error: Any, where: str, written: Mapping[str, Any]) -> str:
    variable, place = variable_of(error["loc"]), tuple[int | str, ...](error["loc"])
    origin = where if variable is None else f"The environment variable {variable}"
    if variable is None and (entry := _entry(place, written)) is not None:
        name, length = entry
        origin, rest = f"{origin}: {name}", place[length:]
    else:
        rest = place
    key = ".".join(map(str, rest))
    if error["type"] == "extra_forbidden":
        return f"{origin}: {shown(key)} is not a setting; {_advice(place, len(place) - len(rest))}"
    message = _PLAIN.get(error["type"]) or _wrong_kind(error, variable)
    message = message or str(error["msg"]).removeprefix("Value error, ")
    return f"{origin}: {key}: {message}" if key else f"{origin}: {message}"


def _wrong_kind(error: Any, variable: str | None) -> str | None:
    """What a value of the wrong type has to be. The value of a variable is not shown: it may be a secret."""
    kind = _KINDS.get(str(error["type"]).partition("_")[0])
    if kind is None or variable is not None:
        return kind and f"must be {kind}"
    return f"must be {kind}, not {shown(json.dumps(error['input'], default=str, ensure_ascii=False), 'value')}"


def _entry(place: tuple[int | str, ...], written: Any) -> tuple[str, int] | None:
    """The checkpoint or list of words at `place` by its name, and how many parts of `place` lead there."""
    for length, part in enumerate(place, 1):
        try:
            written = written[part]
        except (KeyError, IndexError, TypeError):
            return None
        if isinstance(part, int):
            name = cast("dict[str, object]", written).get("name") if isinstance(written, dict) else None
            kind = _ENTRIES.get(str(place[length - 2]))
            return (f"{kind} {name!r}", length) if kind and isinstance(name, str) else None
    return None


def _advice(place: tuple[int | str, ...], named: int) -> str:
    """The nearest setting to a misspelt one, without the first `named` parts of its place."""
    *above, last = (str(part) for part in place)
    names = Settings.model_fields
    for part in above:
        if not part.isdigit():  # the place in a list
            kind = section_of(names[part]) if part in names else None
            names = kind.model_fields if kind else {}
    nearest = similar(last, names)
    if not nearest:
        return f"`{program()} config explain` lists all of them"
    return f"do you mean {'.'.join((*above, nearest[0])[named:])}?"
