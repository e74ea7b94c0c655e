"""What is written can be read back to the byte, and old entries stay readable for ever."""

from __future__ import annotations

import json
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

from allstop.application import codec, policy_upcasts
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
from allstop.domain.approvals import Need, need_for
from allstop.domain.effects import Effect, Lane
from allstop.domain.incident.events import NoteAdded
from allstop.domain.moment import Now
from allstop.domain.money import Money
from allstop.domain.policy import Policy, Span
from allstop.domain.record import Record
from allstop.domain.registry import KINDS, schema_of, wire_name
from allstop.domain.world import World, evolve
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


# --- what earlier versions stored ----------------------------------------------------------------

HERE = Path(__file__).parent
RECORDED, POLICIES = HERE / "recorded", HERE / "policies"
OLD = [
    pytest.param(file.read_text("utf-8"), id=file.stem) for file in sorted(POLICIES.glob("*.json"))
]


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (RECORDED / name).read_text("utf-8").splitlines()]


def old_log() -> list[Record]:
    """The log of two incidents as the first version wrote it, with most of the samples left out."""
    return [
        Record(
            0, one["stream"], one["version"], one["kind"], one["schema"], read_time(one["at"]),
            one["actor"], one["cause"], read_event(one["kind"], one["schema"], json.dumps(one["body"])),
        )
        for one in lines("step-1-log.jsonl")
    ]  # fmt: skip


def old_policy(name: str = "step-1") -> Policy:
    return read_policy((POLICIES / f"{name}.json").read_bytes())


@pytest.mark.parametrize("body", OLD)
def test_a_policy_of_the_first_version_means_what_it_meant(body: str) -> None:
    """Given a policy as it was stored, when it is read, then every time, chain and name is what it was."""
    before, after = json.loads(body)["protocol"], read_policy(body).protocol
    for rule, lifted in zip(before["severities"], after.severities, strict=True):
        assert lifted.respond == Span(rule["respond_ms"])
        every = rule["update_every_ms"]
        assert lifted.update_every == (None if every is None else Span(every))
    for rule, owed in zip(before["obligations"], after.obligations, strict=True):
        assert (owed.id, owed.within, owed.begins) == (
            rule["id"],
            Span(rule["within_ms"]),
            "stood-down",
        )
    assert list(after.escalation.chain) == before["escalation"]
    assert after.escalation.every_ms == 0
    assert [one.id for one in after.criteria()] == [
        one["id"] for phase in before["phases"] for one in phase["exit"]
    ] + [one["id"] for one in before["stand_down"]]
    assert after.closing.requires == {}


@pytest.mark.parametrize("body", OLD)
def test_a_policy_that_was_lifted_can_be_written_as_one_of_today(body: str) -> None:
    """Given a lifted policy, then it is a whole policy of today, and reading it again changes nothing."""
    lifted = read_policy(body)
    assert read_policy(write_policy(lifted)) == lifted
    assert policy_upcasts.lift(json.loads(write_policy(lifted))) == json.loads(write_policy(lifted))


def old_need(severity: str, purpose: str, *, protected: bool = False, **remedy: Any) -> Need:
    """Who must agree under an old policy, with its remedy part changed."""
    body = json.loads((POLICIES / "step-1.json").read_bytes())
    body["protocol"]["remedy"] |= remedy
    policy = read_policy(json.dumps(body))
    rank = policy.protocol.severity(severity).rank
    facts: dict[str, Any] = {
        "purpose": purpose,
        "severity_rank": rank,
        "protected": protected,
        "stateful": True,
        "risk": 4,
    }
    return need_for(policy, facts | {"emergency": False})


@pytest.mark.parametrize(("severity", "purpose", "protected", "approve", "people"), [
    ("SEV1", "contain", False, "commander", 0), ("SEV1", "contain", True, "commander", 1),
    ("SEV2", "contain", False, "commander", 1), ("SEV1", "remedy", False, "commander", 1),
    ("SEV1", "remedy", False, "", 0), ("SEV1", "remedy", True, "", 1), ("SEV3", "contain", True, "", 1),
    ("SEV3", "contain", False, "", 0),
])  # fmt: skip
def test_an_old_policy_asks_for_the_approvals_it_asked_for(
    severity: str, purpose: str, protected: bool, approve: str, people: int
) -> None:
    """Given the two special cases of before, then the table says the same in every combination."""
    need = old_need(severity, purpose, protected=protected, approve=approve)
    assert need.people == people
    assert need.because
    if people:
        assert need.by == ("role:commander", "owner")


def test_an_old_policy_lets_nobody_approve_whom_it_did_not_let() -> None:
    """Given a role that is asked and may not approve, then it is still only those who may."""
    assert old_need("SEV1", "remedy", approve="scribe").by == ("role:commander", "owner")


def test_every_kind_of_the_first_version_is_among_the_samples() -> None:
    """Given the recorded log and the rest, then each kind that was written then is read here."""
    kinds = {(one["kind"], one["schema"]) for one in lines("step-1-log.jsonl")}
    kinds |= {(one["kind"], one["schema"]) for one in lines("step-1-kinds.jsonl")}
    assert len(kinds) == 54
    assert kinds <= set(snapshot())


def test_every_old_body_is_read_with_what_it_left_out_at_its_default() -> None:
    """Given each stored body, then what it holds is read, and what is new is as if it had been absent."""
    for one in (*lines("step-1-log.jsonl"), *lines("step-1-kinds.jsonl")):
        event = read_event(one["kind"], one["schema"], json.dumps(one["body"]))
        again = json.loads(canonical(event))
        assert_holds(again, one["body"])


def assert_holds(whole: Any, part: Any) -> None:
    """Everything in `part` is in `whole`, at any depth."""
    if isinstance(part, dict):
        for key, value in part.items():
            assert_holds(whole[key], value)
    elif isinstance(part, list):
        assert len(whole) == len(part)
        for left, right in zip(whole, part, strict=True):
            assert_holds(left, right)
    else:
        assert whole == part


def test_an_old_log_is_folded_and_goes_on() -> None:
    """Given the log of the first version with the policy it pinned, when today's coordinator keeps time,
    then what was open goes on, what was owed is chased once, and nothing is missed that was not due."""
    records = old_log()
    world = World()
    for record in records:
        world = evolve(world, record)
    ended, running = world.incidents["INC-1"], world.incidents["INC-2"]
    assert (ended.state, ended.report, running.state) == ("stood-down", "reports/INC-1.md", "open")
    assert ended.obligations["report"].begins == "stood-down"
    assert world.plans["PLAN-2"].approved_by == "person:ada"

    before = running.missed
    now = Now(records[-1].at, 0, "boot-2")
    story = builders.Story(policy=old_policy(), world=world, now=now).settle()
    assert story.world.incidents["INC-2"].missed == before
    story.wait(3 * 24 * 60 * builders.MINUTE)
    missed = [one.event.deadline for one in story.records if one.kind == "deadline.missed"]
    assert missed.count("obligation:report") == 1
    assert len(missed) == len(set(missed))


def test_an_old_effect_is_read() -> None:
    """Given what lay in the outbox of the first version, then it can be taken up."""
    purposes = {
        read_effect(line).purpose.value
        for line in (RECORDED / "step-1-effects.jsonl").read_bytes().splitlines()
    }
    assert purposes == {"tell", "resume", "notify", "evidence", "step"}


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
