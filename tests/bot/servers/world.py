"""A database with the services of servers on it, and a Discord of members and command settings that a test controls."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.config import Settings
from bot.config.sections.discord_settings import DiscordSettings
from bot.config.sections.limits import LimitSettings
from bot.config.sections.moderation import ModerationSettings
from bot.database.clock import now_ms
from bot.database.database import Database, open_database
from bot.database.jobs.jobs import Job, create_job
from bot.servers.automod import AutoModRule
from bot.servers.command_permissions import CommandOverwrite, CommandPermissions, OverwriteKind
from bot.servers.context import ActionContext, MemberFacts
from bot.servers.lookups import LookupFailed
from bot.servers.services import ServerServices, server_services
from inference.base_models import BaseModelId
from inference.messages.checkpoints import PredictionType
from inference.messages.request import GenerationRequest
from tests.house import House

SERVER, ELSEWHERE, CHANNEL = 100, 200, 7
OPERATOR, MANAGER, PERSON, OTHER = 1, 2, 3, 4
PAINTER = 12
MANAGE_SERVER = 1 << 5
JOINED = 1_000


@dataclass
class FakeDiscord:
    """Implements `DiscordLookup`. Who is not among `members` has no role. `restricted` has channels by their id."""

    restricted: dict[int, bool] = field(default_factory=dict[int, bool])
    members: dict[int, MemberFacts | None] = field(default_factory=dict[int, MemberFacts | None])
    automod: tuple[AutoModRule, ...] = ()
    closed: bool = False
    fails: bool = False

    async def member(self, server_id: int, person_id: int) -> MemberFacts | None:
        if self.fails:
            raise LookupFailed("503")
        return self.members.get(person_id, MemberFacts(frozenset(), 0, JOINED))

    def age_restricted(self, where: ActionContext) -> bool | None:
        if self.fails:
            raise LookupFailed("not connected")
        return self.restricted.get(where.channel_id)

    async def automod_rules(self, server_id: int) -> tuple[AutoModRule, ...]:
        if self.fails:
            raise LookupFailed("503")
        return self.automod

    async def command_permissions(self, server_id: int) -> CommandPermissions:
        if self.fails:
            raise LookupFailed("503")
        everybody = CommandOverwrite(OverwriteKind.ROLE, server_id, allowed=False)
        return CommandPermissions(of_app=(everybody,) if self.closed else ())


@dataclass
class Declarations:
    """Implements `BaseModelDeclarer`."""

    told: list[tuple[str, str, str, str]] = field(default_factory=list[tuple[str, str, str, str]])
    predictions: list[PredictionType | None] = field(default_factory=list[PredictionType | None])
    fails: bool = False

    async def declare(
        self, sha256: str, base_model: BaseModelId, *, who: str, reason: str, prediction: PredictionType | None
    ) -> None:
        if self.fails:
            raise OSError("the disk is full")
        self.told.append((sha256, str(base_model), who, reason))
        self.predictions.append(prediction)


@dataclass
class ServerWorld:
    """The services, what they stand on, and a clock that a test may move."""

    db: Database
    settings: Settings
    discord: FakeDiscord = field(default_factory=FakeDiscord)
    declarations: Declarations = field(default_factory=Declarations)
    later_ms: int = 0
    services: ServerServices = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """New services that remember nothing."""
        self.services = server_services(
            self.db,
            lambda: self.settings,
            declarer=self.declarations,
            clock=self.now,
        )
        self.services.connect(self.discord)

    def now(self) -> int:
        return now_ms() + self.later_ms

    def operator_limits(self, **limits: object) -> None:
        """Change the operator's limits, as a reload does."""
        changed = LimitSettings.model_validate(limits)
        self.settings = self.settings.model_copy(update={"limits": changed})

    def moderate(self, **moderation: object) -> None:
        """Change the operator's rules on words, as a reload does."""
        changed = ModerationSettings.model_validate(moderation)
        self.settings = self.settings.model_copy(update={"moderation": changed})

    async def order(self, who: ActionContext, made: GenerationRequest) -> Job:
        """Check, create and record, as the interface does."""
        checked = await self.services.checks.check_request(who, made)
        async with self.db.transaction():
            job = await create_job(
                self.db,
                made,
                person_id=who.person_id,
                channel_id=who.channel_id,
                server_id=who.server_id,
                weight=checked.policy.weight,
            )
            await self.services.checks.record(job, checked)
        return job


@asynccontextmanager
async def server_world(folder: Path) -> AsyncIterator[ServerWorld]:
    """The world on a new database; the checkpoints are those of the demo."""
    settings = House(folder / "house").settings.model_copy(update={"discord": DiscordSettings(operators=(OPERATOR,))})
    async with open_database(folder / "easel.sqlite3", clock=lambda: 0.0) as db:
        await db.connection.execute("PRAGMA synchronous = OFF")
        yield ServerWorld(db, settings)


def acting(person_id: int = PERSON, **changes: Any) -> ActionContext:
    """A person in the channel of the server; through a command unless it is said otherwise."""
    values: dict[str, Any] = {
        "person_id": person_id,
        "server_id": SERVER,
        "channel_id": CHANNEL,
        "permissions": MANAGE_SERVER if person_id == MANAGER else 0,
        "joined_at": JOINED,
        "checked_by_discord": True,
    }
    return ActionContext.model_validate(values | changes)
