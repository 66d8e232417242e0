"""What staff have chosen for their server, as JSON in one row for each server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.people import people
from bot.database.query import Query, SqlStatement
from inference.content_rating import ContentRating
from inference.lora.beside.categories import Category

MAX_CHOSEN = 100  # channels, checkpoints or roles in one list
MAX_ART_CHANNELS = 25  # as many as one menu offers
MAX_TAGS = 100  # more categories and base models than there are
MAX_NEWCOMER_HOURS = 24 * 365


def _each_once(chosen: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(sorted(set(chosen)))


Snowflake = Annotated[int, Field(ge=1, lt=2**63)]
Snowflakes = Annotated[tuple[Snowflake, ...], Field(max_length=MAX_CHOSEN), AfterValidator(_each_once)]
Names = Annotated[
    tuple[Annotated[str, Field(max_length=100)], ...], Field(max_length=MAX_CHOSEN), AfterValidator(_each_once)
]


# Pictures for adults alone are shown in places that Discord opens to adults alone, whatever staff choose.
OpenRating = Literal[ContentRating.GENERAL, ContentRating.TEEN, ContentRating.MATURE]


class ArtChannel(BaseModel):
    """A text channel, thread or forum in which people publish pictures.

    `tags` are those of a forum that its posts get: ids by a category (`style`) or a base model (`sdxl/illustrious`).
    `parent_id` is the channel of a thread, whose age restriction holds in it, also while Discord tells nothing of the
    thread because it is archived.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    channel_id: Snowflake
    parent_id: Snowflake | None = None
    tags: Mapping[Annotated[str, Field(max_length=100)], Snowflake] = Field(default={}, max_length=MAX_TAGS)


class ServerSettings(BaseModel):
    """The choices of one server. An empty list of channels, checkpoints or categories allows all.

    Lists of roles say who may do something beside staff; None is the usual (`bot.servers.rights`). The role of
    everybody has the id of the server itself, as in Discord. `staff_roles` are staff beside the people with *Manage
    Server*. `shows_prompt` is whether prompts stand under public pictures of people who have not chosen it. For
    `newcomer_hours` after joining, the limits of newcomers hold. Places that are open to all show pictures up to
    `open_rating`; what nobody has rated counts as `unrated_as`. Pictures in `spoiler_channels`, and in their threads,
    are hidden until somebody presses them. Reports are posted in `reports_channel`, and operators see those that come
    while `shares_reports` is on. People publish in `art_channels`, if there are any.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    channels: Snowflakes = ()
    checkpoints: Names = ()
    categories: Annotated[tuple[Category, ...], AfterValidator(_each_once)] = ()
    staff_roles: Snowflakes = ()
    paint_roles: Snowflakes | None = None
    queue_roles: Snowflakes | None = None
    lora_roles: Snowflakes | None = None
    publish_roles: Snowflakes | None = None
    default_checkpoint: str | None = None
    language: str | None = None
    shows_prompt: bool | None = None
    newcomer_hours: Annotated[int, Field(ge=0, le=MAX_NEWCOMER_HOURS)] = 0
    open_rating: OpenRating = ContentRating.TEEN
    unrated_as: ContentRating = ContentRating.GENERAL
    spoiler_channels: Snowflakes = ()
    reports_channel: Snowflake | None = None
    shares_reports: bool = False
    art_channels: Annotated[tuple[ArtChannel, ...], Field(max_length=MAX_ART_CHANNELS)] = ()

    def art_channel(self, channel_id: int) -> ArtChannel | None:
        """The art channel with this id, or None."""
        return next((each for each in self.art_channels if each.channel_id == channel_id), None)


SERVER_SETTINGS = Query(str, "SELECT settings FROM server_settings WHERE server_id = ?")
SAVE_SERVER_SETTINGS = SqlStatement("""
    INSERT INTO server_settings (server_id, settings, updated_at) VALUES (:server, :settings, :now)
    ON CONFLICT (server_id) DO UPDATE
    SET settings = excluded.settings, updated_at = excluded.updated_at
""")


async def find_server_settings(db: Database, server_id: int) -> ServerSettings:
    """The choices of a server."""
    return ServerSettings.model_validate_json(await db.one(SERVER_SETTINGS, server_id) or "{}")


async def save_server_settings(db: Database, server_id: int, settings: ServerSettings) -> None:
    """Store them."""
    async with db.transaction():
        await people.remember_server(db, server_id)
        await db.run(SAVE_SERVER_SETTINGS, server=server_id, settings=settings.model_dump_json(), now=now_ms())
