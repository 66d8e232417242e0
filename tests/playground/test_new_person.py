"""Adding a person, for scripts that need many."""

from __future__ import annotations

import pytest

from playground.control import Control, ControlError


async def test_a_new_person_is_a_member_and_can_write(control: Control) -> None:
    person = await control.new_person("Hedy")
    said = await person.say("hello")
    assert said.content == "hello"
    assert await person.messages("dm") == []
    with pytest.raises(ControlError, match="already"):
        await control.new_person("Hedy")
