"""Adding a person, for scripts that need many."""

from __future__ import annotations

from playground.control import Control


async def test_a_new_person_is_a_member_and_can_write(control: Control) -> None:
    person = await control.new_person("Hedy")
    said = await person.say("hello")
    assert said.content == "hello"
    assert await person.messages("dm") == []


async def test_a_taken_name_gets_a_number(control: Control) -> None:
    names = [(await control.new_person("Hedy")).name for _ in range(3)]
    assert names == ["Hedy", "Hedy 2", "Hedy 3"]
