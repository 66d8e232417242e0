"""The settings of a server: channels, roles, checkpoints, language and more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pydantic import ValidationError

from bot.database.database import Database
from bot.database.servers.audit import AuditAction
from bot.database.servers.settings import (
    MAX_CHOSEN,
    MAX_NEWCOMER_HOURS,
    ServerSettings,
    find_server_settings,
    save_server_settings,
)
from bot.errors.servers import (
    DefaultNotAllowed,
    LanguageUnknown,
    NewcomerTimeOutOfRange,
    OpenRatingTooHigh,
    TooManyChosen,
)
from bot.i18n.catalogue import ENGLISH, languages
from bot.servers.access import Rights
from bot.servers.administration.audit_log import AuditLog, differences
from bot.servers.context import ActionContext
from bot.servers.rights import Action, checkpoint_allowed
from bot.servers.server_cache import ServerCache, ServerSetup
from inference.errors import CheckpointNotFound


class SettingsAdministration:
    """Reads and changes settings. `installed` (names of checkpoints) is asked each time."""

    def __init__(
        self,
        db: Database,
        servers: ServerCache,
        rights: Rights,
        audit: AuditLog,
        *,
        installed: Callable[[], Sequence[str]],
    ) -> None:
        self._db = db
        self._servers = servers
        self._rights = rights
        self._audit = audit
        self._installed = installed

    async def setup(self, who: ActionContext, server_id: int) -> ServerSetup:
        """What is set in the server, its limits and blocks included."""
        await self._rights.require(Action.CONFIGURE, who, server_id)
        return await self._servers.of(server_id)

    async def change(self, who: ActionContext, server_id: int, **changes: object) -> ServerSettings:
        """Change the named fields of the server's settings; the others stay.

        Raises CheckpointNotFound, DefaultNotAllowed, LanguageUnknown, and what `_changed` raises.
        """
        await self._rights.require(Action.CONFIGURE, who, server_id)
        async with self._db.transaction():
            before = await find_server_settings(self._db, server_id)
            after = _changed(before, changes)
            self._check(before, after)
            if after != before:
                await save_server_settings(self._db, server_id, after)
                difference = differences(before.model_dump(mode="json"), after.model_dump(mode="json"))
                await self._audit.record(who, server_id, AuditAction.CHANGE_SETTINGS, difference)
        self._servers.forget(server_id)
        return after

    def _check(self, before: ServerSettings, after: ServerSettings) -> None:
        """Raise what is wrong with the new settings. A checkpoint that was chosen earlier may be gone by now."""
        installed = list(self._installed())
        known = {name.casefold() for name in (*installed, *before.checkpoints)}
        for name in (*after.checkpoints, *filter(None, (after.default_checkpoint,))):
            if name.casefold() not in known and name != before.default_checkpoint:
                raise CheckpointNotFound(name=name, installed=installed)
        default = after.default_checkpoint
        if default is not None and not checkpoint_allowed(after, default):
            raise DefaultNotAllowed(checkpoint=default, allowed=list(after.checkpoints))
        spoken = sorted(languages() | {ENGLISH})
        if after.language not in {None, before.language, *spoken}:
            raise LanguageUnknown(language=str(after.language)[:40], known=spoken)


def _changed(settings: ServerSettings, changes: Mapping[str, object]) -> ServerSettings:
    """The settings with changes.

    Raises TooManyChosen, NewcomerTimeOutOfRange or OpenRatingTooHigh for what people may give wrongly.
    """
    try:
        return ServerSettings.model_validate({**settings.model_dump(), **changes})
    except ValidationError as problem:
        (error, *_more) = problem.errors()
        if error["type"] == "too_long":
            raise TooManyChosen(limit=MAX_CHOSEN) from None
        if error["loc"] == ("newcomer_hours",):
            raise NewcomerTimeOutOfRange(limit=MAX_NEWCOMER_HOURS) from None
        if error["loc"][0] in {"open_rating", "unrated_as"}:
            raise OpenRatingTooHigh from None
        raise
