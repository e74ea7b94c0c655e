"""Canonical JSON is written by the faster of two writers where both write the same, to the byte."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from allstop.application.codec import canonical
from tests.application.test_codec import events, texts, wholes

# Names and texts of the sort on which writers of JSON differ: escapes, and order by UTF-16 or by code point.
odd = st.text(
    st.sampled_from('a"\\/\b\f\n\r\t\0\x1f\x7f\x80é￿\ue000\u2028\U00010000\U0010ffff'), max_size=4
)
anything = st.recursive(
    texts | odd | wholes | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts | odd, inner, max_size=4),
    max_leaves=12,
)


@given(events)
def test_events_are_written_as_rfc_8785_says(event: Any) -> None:
    assert canonical(event) == rfc8785.dumps(msgspec.to_builtins(event))


@given(anything)
def test_whatever_else_is_written_as_rfc_8785_says(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize("value", [
    1.0, float("nan"), 2**53, -(2**53), "\ud800", {"\ud800": 1}, {1: "a whole number as a name"},
])  # fmt: skip
@pytest.mark.parametrize(
    "place", [lambda one: one, lambda one: [one], lambda one: {"a": {"b": [one]}}]
)
def test_what_it_refuses_is_refused_wherever_it_stands(value: Any, place: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        canonical(place(value))
