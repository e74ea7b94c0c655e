"""What is written can be read back to the byte, and old entries stay readable for ever."""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allstop.application import codec
from allstop.application.codec import (
    canonical,
    read_effect,
    read_event,
    read_policy,
    read_time,
    recordable,
    write_effect,
    write_policy,
    write_time,
)
from allstop.application.ports import Write
from allstop.application.timeline import sentence, tone
from allstop.domain.effects import Effect, Lane
from allstop.domain.incident.events import NoteAdded
from allstop.domain.money import Money
from allstop.domain.record import Record
from allstop.domain.registry import KINDS, schema_of, wire_name
from tests.application.ground import House, told
from tests.domain import builders

SNAPSHOT = Path(__file__).with_name("kinds.txt")
LARGEST = 2**53 - 1

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
wholes = st.integers(-LARGEST, LARGEST)
times = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 (bounds are naive by hypothesis' rule)
plain = st.recursive(
    texts | wholes | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Anything of a type that events are made of."""
    simple: dict[Any, st.SearchStrategy[Any]] = {
        str: texts, int: wholes, bool: st.booleans(), datetime: times, type(None): st.none(), Any: plain,
    }  # fmt: skip
    if hint in simple:
        return simple[hint]
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return st.one_of([values_of(part) for part in parts])
    if origin is tuple:
        return st.lists(values_of(parts[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(values_of(parts[0]), values_of(parts[1]), max_size=3)
    if issubclass(hint, Enum):
        return st.sampled_from(list(hint))
    if hint is Money:
        return st.builds(Money, st.decimals(-(10**9), 10**9, places=2).map(str), texts)
    hints = get_type_hints(hint)
    return st.builds(hint, **{one.name: values_of(hints[one.name]) for one in fields(hint)})


events = st.sampled_from(sorted(KINDS)).flatmap(lambda kind: values_of(KINDS[kind]))


@given(events)
def test_an_event_comes_back_to_the_byte(event: Any) -> None:
    """Given any event of any kind, when it is read back, then it is equal, and so are its bytes."""
    body = canonical(event)
    back = read_event(wire_name(type(event)), schema_of(event), body)

    assert back == event
    assert canonical(back) == body
    assert b"\n" not in body


@pytest.mark.parametrize("kind", sorted(KINDS))
@settings(max_examples=20)
@given(st.data())
def test_every_event_can_be_told(kind: str, data: st.DataObject) -> None:
    """Given any event, when the timeline shows it, then it is a sentence in one of four tones."""
    event = data.draw(values_of(KINDS[kind]))
    record = Record(1, "incident/INC-1", 1, kind, 1, builders.START, "person:ada", "", event)

    assert sentence(record)
    assert tone(record) in ("good", "bad", "notice", "plain")


@given(values_of(Effect))
def test_an_effect_comes_back(effect: Effect) -> None:
    """Given any effect, when it is read back from the outbox, then it is equal."""
    assert read_effect(write_effect(effect)) == effect


@given(times)
def test_a_time_comes_back_and_sorts_as_text(at: datetime) -> None:
    """Given any time, then its text comes back as it, and sorts like it."""
    assert read_time(write_time(at)) == at
    assert (write_time(at) < write_time(builders.START)) == (at < builders.START)


def test_a_policy_comes_back_under_its_digest() -> None:
    """Given a policy, when its body is read and written again, then it is the same text."""
    body = write_policy(builders.policy())

    assert read_policy(body) == builders.policy()
    assert write_policy(read_policy(body)) == body


@pytest.mark.parametrize("value", [
    1.5, 1.0, float("nan"), {"a": [1, {"b": 0.25}]}, 2**53, -(2**53), "\ud800", {"\udfff": 1},
])  # fmt: skip
def test_what_others_would_read_differently_is_not_written(value: object) -> None:
    """Given a float, a number beyond 2^53 or half a character, then it is refused, wherever it stands."""
    with pytest.raises(ValueError, match=r".") as caught:
        canonical({"value": value})

    assert str(caught.value)


@pytest.mark.parametrize(("value", "fits"), [
    ("text", True), (LARGEST, True), (False, True), (None, True), ("", True),
    (2**53, False), ("\ud800", False), (1.0, False), ([1], False), (b"x", False), ({}, False),
])  # fmt: skip
def test_only_scalars_that_can_be_written_are_recordable(value: object, *, fits: bool) -> None:
    """Given values as adapters may return them, then those the log can hold are told apart."""
    assert recordable(value) is fits


# --- kinds and schemas -------------------------------------------------------------------------


def snapshot() -> list[tuple[str, int]]:
    lines = SNAPSHOT.read_text("utf-8").split("\n")
    pairs = [line.split() for line in lines if line and not line.startswith("#")]
    return [(kind, int(schema)) for kind, schema in pairs]


def test_no_kind_ever_disappears() -> None:
    """Given all kinds and schemas that were ever written, then each is known or can be lifted to today's;
    a new one has its line in kinds.txt."""
    today = {(kind, schema_of_kind(kind)) for kind in KINDS}
    ever = set(snapshot())

    assert today <= ever, "add the new kinds and schemas to kinds.txt"
    assert {kind for kind, _ in ever} == set(KINDS), "a kind in the log must stay readable"
    assert ever - today <= set(codec.UPCASTS), "an old schema needs its upcast"


def schema_of_kind(kind: str) -> int:
    """The schema number of a kind, without having an event of it."""
    return schema_of(object.__new__(KINDS[kind]))


def test_the_snapshot_is_in_order() -> None:
    """Given the list of kinds, then it is sorted and names none twice, so that changes are easy to see."""
    assert snapshot() == sorted(set(snapshot()))


def test_an_unknown_kind_is_an_error() -> None:
    """Given an entry of a kind nobody knows, then it is not read as anything else."""
    with pytest.raises(KeyError):
        read_event("incident.dreamt", 1, b"{}")


@pytest.fixture
def older(monkeypatch: pytest.MonkeyPatch) -> None:
    """`note.added` as if it had been written in two other shapes before."""
    lifts: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {
        -1: lambda body: {"words": body["letters"].split()},
        0: lambda body: {"text": " ".join(body["words"])},
    }
    for schema, lift in lifts.items():
        monkeypatch.setitem(codec.UPCASTS, ("note.added", schema), lift)


@pytest.mark.parametrize(("schema", "body"), [
    (-1, b'{"letters":"it  is slow"}'), (0, b'{"words":["it","is","slow"]}'), (1, b'{"text":"it is slow"}'),
])  # fmt: skip
@pytest.mark.usefixtures("older")
def test_an_old_schema_is_lifted_step_by_step(schema: int, body: bytes) -> None:
    """Given a body of an old schema, when it is read, then it is today's event."""
    assert read_event("note.added", schema, body) == NoteAdded("it is slow")


@pytest.mark.usefixtures("older")
@told
async def test_an_old_entry_is_replayed_and_stays_as_it_was_written(house: House) -> None:
    """Given a log with an entry of an old schema, when a coordinator starts on it, then the entry is shown
    in today's shape, and its stored body is untouched."""
    await house.declare()
    version = house.world.versions["incident/INC-1"] + 1
    body = b'{"words":["an","old","note"]}'
    record = Record(
        0, "incident/INC-1", version, "note.added", 0, builders.START, "person:ada", "",
        NoteAdded("an old note"),
    )  # fmt: skip
    await house.store.write(Lane.COMMAND, lambda _: Write(records=(record,), bodies=(body,)))
    await house.begin()

    assert house.world.versions["incident/INC-1"] == version
    assert house.views.timeline("INC-1")[-1].text == "Note: an old note"
    assert house.store.records(stream="incident/INC-1")[-1].body == body.decode()
