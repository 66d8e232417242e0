"""The sections of config.toml about the data folder and copies of the database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from bot.config.section import Section


class StorageSettings(Section):
    """Folder of the database, the pictures and the worker's spool."""

    folder: Path = Path("data")
    """Folder that this program can write. Two programs must not share it."""

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
    def findings(self) -> Path:
        """The file with the times at which operators were last notified of each finding."""
        return self.folder / "findings.json"

    @property
    def spool(self) -> Path:
        """The folder where the worker leaves what the bot has not taken yet."""
        return self.folder / "spool"

    def written(self) -> list[Path]:
        """All that this program writes in the folder, whether it is there or not."""
        backups = self.folder / "backups"
        return [
            *(self.pictures, self.thumbnails, self.inputs, self.spool, self.embeddings),
            *(self.caps, self.health, self.findings, backups),
            *self.folder.glob(f"{self.database.stem}*"),
            *self.folder.glob("pseudonyms.key*"),
            *self.folder.glob("removals.jsonl"),
        ]


class BackupSettings(Section):
    """Backups of the database, made at the first start and while the bot runs. `easel backup` also copies pictures."""

    folder: Path | None = Field(default=None, examples=["/mnt/other-disk/easel-backups"])
    """Folder of the backups. Default: `backups` beside the database. Another disk is safer."""
    every_hours: Annotated[float, Field(ge=0, le=24 * 365)] = 24.0
    """Hours between two backups. 0: never."""
    keep: Annotated[int, Field(ge=1, le=10_000)] = 7
    """Number of backups to keep."""
