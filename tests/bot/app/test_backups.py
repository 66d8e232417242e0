"""Copies that the running bot makes by itself."""

from __future__ import annotations

from bot import background
from bot.app.backups import keep_backups
from bot.library.configuration import Configuration
from tests.house import House
from tests.log import Log


async def test_a_database_that_somebody_moved_away_does_not_end_the_copying(house: House) -> None:
    settings = house.settings
    settings = settings.model_copy(update={"backup": settings.backup.model_copy(update={"every_hours": 1e-6})})
    with Log.listening() as log:
        copying = background.start(keep_backups(Configuration(settings, ())), "copying the database")
        await log.heard("There is no database")
        assert not copying.done() and not log.tracebacks
        copying.cancel()
