"""What a signature adds makes the signed file again, whatever it changed; what is damaged makes none."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.pictures.signing.signature_bytes import added_bytes, with_added

PLAIN = bytes(range(256)) * 400


@given(st.binary(max_size=60), st.binary(min_size=12, max_size=60))
def test_every_file_comes_back(plain: bytes, signed: bytes) -> None:
    assert with_added(plain, added_bytes(plain, signed)) == signed


@given(st.integers(0, len(PLAIN)), st.binary(min_size=1, max_size=50), st.binary(min_size=12, max_size=12))
def test_an_insertion_and_a_changed_head_cost_no_more_than_the_insertion(place: int, new: bytes, head: bytes) -> None:
    signed = head + (PLAIN[:place] + new + PLAIN[place:])[12:]
    added = added_bytes(PLAIN, signed)
    assert with_added(PLAIN, added) == signed and len(added) <= len(new) + 100


@given(st.data())
def test_what_is_damaged_or_of_another_file_makes_none(data: st.DataObject) -> None:
    added = bytearray(added_bytes(PLAIN, PLAIN[:500] + b"signature" + PLAIN[500:]))
    assert with_added(PLAIN[1:], bytes(added)) is None
    assert with_added(PLAIN, bytes(added[: data.draw(st.integers(0, len(added) - 1))])) is None
    added[data.draw(st.integers(0, len(added) - 1))] ^= 1
    assert with_added(PLAIN, bytes(added)) is None
