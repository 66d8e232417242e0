"""Autocomplete when the database is slow."""

from __future__ import annotations

from pathlib import Path

from bot.database.database import open_database
from bot.database.loras.autocomplete import lora_choices
from bot.database.people.people import remember_person
from bot.ui.cogs.autocomplete import choices_or_typed


async def test_the_typed_text_is_offered_when_the_database_is_slow(tmp_path: Path) -> None:
    async with open_database(tmp_path / "easel.sqlite3") as db:
        (choice,) = await choices_or_typed(lora_choices(db, 1, "Komori"), "Komori", seconds=0)
        assert choice.value == "Komori" and "Komori" in choice.name and "busy" in choice.name
        (longest,) = await choices_or_typed(lora_choices(db, 1, "K" * 100), "K" * 100, seconds=0)
        assert longest.value == "K" * 100 and len(longest.name) <= 100
        assert await choices_or_typed(lora_choices(db, 1, ""), "", seconds=0) == []
        await remember_person(db, 1)  # the cancelled query does not block the connection


async def test_only_results_are_offered_when_the_database_is_fast(tmp_path: Path) -> None:
    async with open_database(tmp_path / "easel.sqlite3") as db:
        assert await choices_or_typed(lora_choices(db, 1, "Komori"), "Komori", seconds=60) == []
