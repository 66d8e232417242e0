"""Removes files of pictures, with their thumbnails and what a worker has left of their jobs; encoded prompts too."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from pathlib import Path

from bot.database.database import Database
from bot.database.pictures.inputs import IS_INPUT_OF_DRAFT, IS_INPUT_OF_JOB, forget_given
from bot.database.privacy.erasure_leftovers import FileFolder, LeftFile
from bot.library.configuration import Configuration
from bot.pictures.thumbnails import Thumbnails
from inference.messages.spool import job_of_file


class FileRemoval:
    """Removes files from the folders of the settings."""

    def __init__(self, db: Database, configuration: Configuration, thumbnails: Thumbnails) -> None:
        self._db = db
        self._configuration = configuration
        self._thumbnails = thumbnails

    async def remove(self, files: Sequence[LeftFile]) -> None:
        """Remove files, where they are; a picture that somebody else starts from stays, unless it is `unconditional`.

        Raises DatabaseError or OSError.
        """
        going = await self.unneeded(files)
        await asyncio.to_thread(self._remove, going)
        if inputs := [file.path for file in going if file.folder is FileFolder.INPUTS]:
            await forget_given(self._db, inputs)

    async def remove_embeddings(self) -> None:
        """Remove all encoded prompts: nobody can tell whose they are, and they are made anew. Raises OSError."""
        await asyncio.to_thread(self._remove_embeddings)

    async def unneeded(self, files: Sequence[LeftFile]) -> list[LeftFile]:
        """Those that nobody starts from in a job, a draft or a studio, and unconditional ones. Raises DatabaseError."""
        return [file for file in files if not await self._is_needed(file)]

    async def spooled(self, job_ids: Collection[int]) -> list[LeftFile]:
        """What jobs have left in the spool. Raises OSError."""
        return await asyncio.to_thread(self._spooled, job_ids)

    async def _is_needed(self, file: LeftFile) -> bool:
        if file.folder is not FileFolder.INPUTS or file.unconditional:
            return False
        return await self._db.get(IS_INPUT_OF_JOB, file.path) or await self._db.get(IS_INPUT_OF_DRAFT, sha256=file.path)

    def _remove(self, files: Sequence[LeftFile]) -> None:
        for file in files:
            path = self._folder(file.folder) / file.path
            if file.folder is not FileFolder.SPOOL:
                self._thumbnails.forget(path)
            path.unlink(missing_ok=True)

    def _remove_embeddings(self) -> None:
        folder = self._configuration.settings.storage.embeddings
        for path in [*folder.iterdir()] if folder.is_dir() else ():
            path.unlink(missing_ok=True)

    def _spooled(self, job_ids: Collection[int]) -> list[LeftFile]:
        folder = self._folder(FileFolder.SPOOL)
        names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
        return [LeftFile(FileFolder.SPOOL, name) for name in names if job_of_file(name) in job_ids]

    def _folder(self, folder: FileFolder) -> Path:
        storage = self._configuration.settings.storage
        return {
            FileFolder.PICTURES: storage.pictures,
            FileFolder.INPUTS: storage.inputs,
            FileFolder.SPOOL: storage.spool,
        }[folder]
