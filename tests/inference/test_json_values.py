"""JSON from outside is read value by value, whatever it is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.files.json_values import as_dict, as_id, as_list, as_number, as_text, parse_json

JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def isa(value: Any, kind: type) -> bool:
    return isinstance(value, kind)


@given(JSON)
def test_any_value_is_read_as_what_it_is_or_as_nothing(value: Any) -> None:
    assert as_dict(value) == (value if isa(value, dict) else {})
    assert as_list(value) == (value if isa(value, list) else [])
    assert (as_id(value) is not None) == (isa(value, int) and not isa(value, bool) and 0 < value < 2**53)
    text = as_text(value, 20)
    assert len(text) <= 20 and text == text.strip() and text.isprintable() and (isa(value, str) or not text)
    number = as_number(value)
    assert number is None or abs(number) < float("inf")


def test_text_is_one_line() -> None:
    assert as_text("  a\n\tb\x00\u202e c  ", 100) == "a b c"
    assert as_text("x" * 300, 100) == "x" * 100
    assert as_text("abc def", 4) == "abc"


@pytest.mark.parametrize("value", [True, False, 0, -1, 2**53, 1.0, "1", None])
def test_what_is_no_id(value: object) -> None:
    assert as_id(value) is None


@pytest.mark.parametrize("value", [True, "1", float("nan"), float("inf"), -float("inf"), 10**400, None, []])
def test_what_is_no_number(value: object) -> None:
    assert as_number(value) is None
    assert as_number(3) == 3.0


@pytest.mark.parametrize("text", ["", "{", "[" * 200_000, b"\xff", '{"a": ' + "9" * 5000 + "}"])
def test_rubbish_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (json raises its own kinds of it)
        parse_json(text)
