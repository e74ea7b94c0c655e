"""Every kind of entry has its sentence, and no sentence is about a kind that does not exist."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from allstop.application import timeline
from allstop.domain.incident import commands as c
from allstop.domain.incident import course_commands as k
from allstop.domain.incident import work_commands as w
from allstop.domain.money import Money
from allstop.domain.plan import events as p
from allstop.domain.record import Record
from allstop.domain.registry import KINDS, kind_of
from tests.application.ground import House, told
from tests.application.whole import whole
from tests.domain.builders import ADA


def test_every_event_has_a_sentence() -> None:
    """Given all registered events, when the sentences are listed, then they are the same classes."""
    assert set(timeline.SENTENCES) == set(KINDS.values())


def test_tones_name_existing_kinds() -> None:
    """Given the lists of tones, when they are compared with the kinds, then none is misspelt."""
    named = timeline.BAD | timeline.GOOD | timeline.NOTICE | timeline.QUIET

    assert named <= set(KINDS)


def test_an_entry_has_one_tone() -> None:
    """Given the lists of tones, then no kind stands in two of them."""
    every = (*timeline.BAD, *timeline.GOOD, *timeline.NOTICE)

    assert len(every) == len(set(every))


AT = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


def sample(kind: Any, word: str, *, full: bool) -> Any:
    """A value of a type, with a word in every text; not full: as little as the type allows."""
    origin, inside = get_origin(kind), get_args(kind)
    if origin is UnionType or (inside and NoneType in inside):
        return None if not full and NoneType in inside else sample(inside[0], word, full=full)
    if origin in (tuple, list):
        return (sample(inside[0], word, full=full),) if full else ()
    if origin is dict:
        return {word: sample(inside[1], word, full=full)} if full else {}
    if kind is Money:
        return Money("7.00", "EUR")
    if is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        return kind(**{one.name: sample(hints[one.name], word, full=full) for one in fields(kind)})
    plain = {bool: full, int: 3 if full else 0, datetime: AT, str: word if full else ""}
    return plain.get(kind, word)


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_sentence_can_be_said(kind: str, *, full: bool) -> None:
    """Given an event with everything in it, or with nothing, then its sentence is one, and no field shows
    as code."""
    event = sample(KINDS[kind], "word", full=full)
    said = timeline.sentence(Record(1, "x", 1, kind_of(event), 1, AT, "person:ada", "", event))

    assert said.strip()
    assert "None" not in said
    assert "datetime" not in said
    assert timeline.tone(Record(1, "x", 1, kind, 1, AT, "", "", event)) in (
        "good",
        "bad",
        "notice",
        "plain",
    )


@told
async def test_a_corrected_entry_keeps_its_words_and_shows_the_right_ones(house: House) -> None:
    """Given an entry that was corrected twice, then it is shown as it was with the newest correction, and
    nothing else is; the corrections stand in the timeline themselves."""
    await house.begin(whole())
    await house.declare()
    await house.do(c.AddNote("INC-1", "the database is full"), ADA)
    wrong = house.views.timeline("INC-1")[-1]
    for text in ("the queue is full", "the log is full"):
        await house.do(k.CorrectEntry("INC-1", wrong.version, text, "looked again"), ADA)
    shown = {one.position: one for one in house.views.timeline("INC-1")}

    assert shown[wrong.position].text == "Note: the database is full"
    assert shown[wrong.position].correction == "the log is full"
    assert [one.position for one in shown.values() if one.correction] == [wrong.position]
    first = next(one.text for one in shown.values() if one.kind == "entry.corrected")
    assert first.startswith(
        f"Correction of entry {wrong.version}: the queue is full, because looked again"
    )
    assert house.views.corrected(wrong).correction == "the log is full"
    (followed,) = [one for one in house.views.log(0, 100) if one.position == wrong.position]
    assert followed == shown[wrong.position]


@told
async def test_a_long_form_is_cut_in_the_timeline_and_whole_in_the_view(house: House) -> None:
    """Given a form with pages of text, then the timeline shows how it begins, and the view all of it."""
    await house.begin(whole())
    await house.declare()
    text = "it spreads\n" * 100
    await house.do(w.FileForm("INC-1", "briefing", {"situation": text}), ADA)
    (entry,) = [one for one in house.views.timeline("INC-1") if one.kind == "form.filed"]

    assert entry.text.startswith("Form briefing filed: situation: it spreads it spreads")
    assert len(entry.text) < 300
    assert house.views.forms("INC-1")[0].fields[0].value == text.strip()


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (p.PlanDone(), "PLAN-3: done"),
        (p.PlanHeld("stop-web", "it hangs"), "PLAN-3: HELD at stop-web: it hangs"),
        (p.StepStarted("stop-web", 2), "PLAN-3: Step stop-web starts, attempt 2"),
        (p.PlanSigned("ab12" * 16, "owner"), "PLAN-3: Signed as owner (hash ab12ab12ab12)"),
    ],
)
def test_what_becomes_of_a_plan_says_which(event: Any, text: str) -> None:
    """Given several plans of one incident, then each sentence about one says which plan it is."""
    record = Record(9, "plan/PLAN-3", 4, kind_of(event), 1, AT, "system:runner", "", event)
    assert timeline.sentence(record) == text


def test_the_making_of_a_plan_names_it_once() -> None:
    made = p.PlanMade("PLAN-3", "INC-1", "stop", "stop web", (), "ab12" * 16, "", 1, "p1")
    record = Record(9, "plan/PLAN-3", 1, kind_of(made), 1, AT, "person:ada", "", made)
    assert timeline.sentence(record).startswith("PLAN-3 (stop): stop web")
    assert timeline.sentence(record).count("PLAN-3") == 1
