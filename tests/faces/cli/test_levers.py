"""Levers and circuits on the command line: what is pulled or open, until when, and a person's word about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from allstop.application.lever_shapes import CircuitLine, LeverLine
from tests.domain.fleet.test_levers import pulled
from tests.faces.cli.conftest import Run
from tests.faces.cli.coordinator import Recorded, problem
from tests.faces.cli.recorded import NOW, QUIET_OVERVIEW
from tests.faces.cli.test_plans import made

HOUR = timedelta(hours=1)
MAKE = "/incidents/current/plans"
LEVERS = (
    LeverLine(
        "search:cached", "search", "cached", "Cached answers", "minor", "an hour old", True,
        NOW - HOUR, NOW + HOUR, kept=True, plan="PLAN-1", incident="INC-1",
    ),
    LeverLine(
        "pay:cards", "pay", "cards", "No new cards", "critical", "", True, NOW - 2 * HOUR, NOW - HOUR,
        overdue=True, blocked="protected",
    ),
    LeverLine("web:slow", "web", "slow", "Slow", "major", "60 %", False),
)  # fmt: skip
CIRCUITS = (
    CircuitLine(
        "pay@sup", "calls", "pay", "sup", "", "open", "", NOW - HOUR, NOW + HOUR, 5, "no answer", "system:runner",
    ),
    CircuitLine("web:search", "breaker", "web", "", "search", "closed", "slow"),
)  # fmt: skip


@pytest.fixture
def fleet(book: Recorded) -> Recorded:
    book.answer("GET /levers", LEVERS)
    book.answer("GET /circuits", CIRCUITS)
    book.answer("GET /plans/PLAN-1", made(pulled()))
    book.answer(f"POST {MAKE}", {"plan": "PLAN-1"}, 201)
    return book


@pytest.mark.parametrize("words", [["lever"], ["lever", "list"]])
def test_levers_at_a_glance(allstop: Run, fleet: Recorded, words: list[str]) -> None:
    ran = allstop(*words)
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    assert "pulled 1h ago, ends in 1h (04:04:10 UTC), extended" in lines[1]
    assert "Cached answers (an hour old)" in lines[1]
    assert "ends OVERDUE by 1h" in lines[2]
    assert "its service is protected: a person has to take it back" in lines[2]
    assert lines[-1] == "next: allstop lever release pay:cards"
    assert allstop("lever", "-q").out.split() == ["search:cached", "pay:cards"]


@pytest.mark.parametrize("words", [["circuit"], ["circuit", "list"]])
def test_circuits_at_a_glance(allstop: Run, fleet: Recorded, words: list[str]) -> None:
    ran = allstop(*words)
    assert "open, 1h ago, tried again in 1h (04:04:10 UTC)" in ran.out
    assert "keeps calls to pay through sup back" in ran.out
    assert "pulls web:slow while search fails" in ran.out
    assert allstop("circuit", "-q").out.split() == ["pay@sup"]


@pytest.mark.parametrize("word", ["lever", "circuit"])
def test_where_there_are_none_it_says_so(allstop: Run, book: Recorded, word: str) -> None:
    book.answer(f"GET /{word}s", ())
    ran = allstop(word)
    assert (ran.code, len(ran.out.splitlines())) == (0, 1)
    assert "fleet.yaml" in ran.out


@pytest.mark.parametrize(
    ("words", "path", "body"),
    [
        (["lever", "pull", "web:slow", "a:b"], MAKE, {"purpose": "degrade", "levers": ["web:slow", "a:b"]}),
        (["lever", "release", "web:slow"], MAKE, {"purpose": "release", "levers": ["web:slow"]}),
        (
            ["lever", "extend", "web:slow", "--for", "1h30m", "--because", "b"],
            "/levers/web%3Aslow/extend", {"for_ms": 5_400_000, "because": "b"},
        ),
        (["circuit", "open", "pay@sup", "--because", "b"], "/circuits/pay%40sup/force", {"state": "open", "because": "b"}),
        (["circuit", "close", "pay@sup", "--because", "b"], "/circuits/pay%40sup/force", {"state": "closed", "because": "b"}),
        (["circuit", "off", "web:search", "--because", "b"], "/circuits/web%3Asearch/force", {"state": "off", "because": "b"}),
    ],
    ids=lambda one: str(one)[:40],
)  # fmt: skip
def test_what_a_command_asks(
    allstop: Run, fleet: Recorded, words: list[str], path: str, body: dict[str, Any]
) -> None:
    fleet.answers.setdefault(f"POST {path}", (200, {"until": "2026-11-21T05:34:10Z"}))
    ran = allstop(*words)
    assert ran.code == 0, ran.err
    asked = next(one for one in fleet.asked if one.method == "POST")
    assert (asked.path, asked.body) == (path, body)
    assert "next: allstop " in ran.out


def test_an_extension_says_until_when(allstop: Run, fleet: Recorded) -> None:
    fleet.answer("POST /levers/cached/extend", {"until": "2026-11-21T05:34:10Z"})
    ran = allstop("lever", "extend", "cached", "--for", "90m", "--because", "the index is rebuilt")
    assert "cached stays until 2026-11-21 05:34:10 UTC" in ran.out


@pytest.mark.parametrize("given", ["soon", "0s", ""])
def test_a_time_that_is_none_is_refused(allstop: Run, fleet: Recorded, given: str) -> None:
    ran = allstop("lever", "extend", "cached", "--for", given, "--because", "b")
    assert (ran.code, fleet.asked) == (2, [])


def test_a_refusal_says_what_is_pulled(allstop: Run, fleet: Recorded) -> None:
    reason = {"code": "not-pulled", "text": "no lever cachd is pulled", "hint": "did you mean search:cached?", "pointer": ""}  # fmt: skip
    fleet.answers["POST /levers/cachd/extend"] = problem(409, "refused", "no", reasons=[reason])
    ran = allstop("lever", "extend", "cachd", "--for", "1h", "--because", "b")
    assert ran.code == 3
    assert "no lever cachd is pulled" in ran.err


@pytest.mark.parametrize("words", [[], ["status"]])
def test_a_lever_beyond_its_time_is_said_at_first_sight(
    allstop: Run, book: Recorded, words: list[str]
) -> None:
    """Given a lever that stays pulled beyond its time, then whoever asks what is going on hears of it, with what
    stands in the way and what takes it back."""
    late = tuple(one for one in LEVERS if one.overdue)
    book.answer("GET /overview", replace(QUIET_OVERVIEW, overdue_levers=late))
    said = " ".join(allstop(*words).out.split())
    assert "lever pay:cards is pulled 1h beyond its time: its service is protected" in said
    assert "allstop lever release pay:cards" in said


@pytest.mark.parametrize(
    ("many", "told"), [(3, "pay:c2 is"), (9, "and 6 more levers are beyond their time: allstop lever")]
)  # fmt: skip
def test_of_many_levers_beyond_their_time_some_are_counted(
    allstop: Run, book: Recorded, many: int, told: str
) -> None:
    late = tuple(replace(LEVERS[1], name=f"pay:c{at}", taker="PLAN-7") for at in range(many))
    book.answer("GET /overview", replace(QUIET_OVERVIEW, overdue_levers=late))
    out = allstop("status").out
    assert told in out
    assert "PLAN-7 takes it back" in out
    assert out.count("beyond") == min(many, 4)
