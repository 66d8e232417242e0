"""Settings: what makes sense holds at once, and leaves an entry in the audit log."""

from __future__ import annotations

import asyncio

import pytest

from bot.database.servers.limits import LimitHolder, LimitName
from bot.database.servers.settings import MAX_CHOSEN, ServerSettings
from bot.errors.servers import DefaultNotAllowed, LanguageUnknown, NewcomerTimeOutOfRange, TooManyChosen
from inference.errors import CheckpointNotFound, RequestError
from tests.bot.servers.administration.staff import OPERATING, STAFF, log, told
from tests.bot.servers.world import (
    ELSEWHERE,
    MANAGER,
    OPERATOR,
    PAINTER,
    SERVER,
    ServerWorld,
)
from tests.house import PASTEL, VIVID


async def test_changes_hold_at_once_and_are_logged_with_before_and_after(world: ServerWorld) -> None:
    administration = world.services.administration
    assert (await world.services.servers.of(SERVER)).settings == ServerSettings()
    await administration.settings.change(STAFF, SERVER, channels=(9, 7, 9), language="ja")
    changed = await administration.settings.change(OPERATING, SERVER, channels=(7,), paint_roles=(PAINTER,))
    assert changed == ServerSettings(channels=(7,), paint_roles=(PAINTER,), language="ja")
    assert (await world.services.servers.of(SERVER)).settings == changed
    assert (await world.services.servers.of(ELSEWHERE)).settings == ServerSettings()
    assert told(await log(world)) == [
        (MANAGER, "change_settings", {"channels": ([], [7, 9]), "language": (None, "ja")}),
        (OPERATOR, "change_settings", {"channels": ([7, 9], [7]), "paint_roles": (None, [PAINTER])}),
    ]
    world.restart()
    assert (await world.services.servers.of(SERVER)).settings == changed


async def test_what_changes_nothing_is_not_logged(world: ServerWorld) -> None:
    await world.services.administration.settings.change(STAFF, SERVER, language=None, channels=())
    await world.services.administration.limits.change(STAFF, SERVER, LimitHolder.EVERYBODY, {LimitName.WEIGHT: None})
    assert not await log(world)


async def test_two_of_staff_who_change_different_things_at_once_lose_nothing(world: ServerWorld) -> None:
    administration = world.services.administration
    changes = [{"language": "ja"}, {"channels": (7,)}, {"newcomer_hours": 5}, {"shows_prompt": True}]
    await asyncio.gather(*(administration.settings.change(STAFF, SERVER, **change) for change in changes))
    expected = ServerSettings(language="ja", channels=(7,), newcomer_hours=5, shows_prompt=True)
    assert (await world.services.servers.of(SERVER)).settings == expected


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"checkpoints": ("nothing",)}, CheckpointNotFound),
        ({"default_checkpoint": "nothing"}, CheckpointNotFound),
        ({"checkpoints": (VIVID,), "default_checkpoint": PASTEL}, DefaultNotAllowed),
        ({"language": "tlh"}, LanguageUnknown),
        ({"channels": tuple(range(1, MAX_CHOSEN + 2))}, TooManyChosen),
        ({"newcomer_hours": 10**6}, NewcomerTimeOutOfRange),
        ({"newcomer_hours": -1}, NewcomerTimeOutOfRange),
    ],
)
async def test_what_makes_no_sense_is_told_and_changes_nothing(
    world: ServerWorld, changes: dict[str, object], kind: type[RequestError]
) -> None:
    with pytest.raises(kind):
        await world.services.administration.settings.change(STAFF, SERVER, **changes)
    assert (await world.services.servers.of(SERVER)).settings == ServerSettings()
    assert not await log(world)


async def test_a_checkpoint_that_was_taken_away_does_not_hold_up_other_changes(world: ServerWorld) -> None:
    administration = world.services.administration
    await administration.settings.change(STAFF, SERVER, checkpoints=(VIVID, PASTEL), default_checkpoint=VIVID)
    left = tuple(checkpoint for checkpoint in world.settings.checkpoints if checkpoint.name != VIVID)
    world.settings = world.settings.model_copy(update={"checkpoints": left})
    await administration.settings.change(STAFF, SERVER, language="ja")
