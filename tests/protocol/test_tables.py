"""The search for gaps and dead rows, against the plain way of trying every situation."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allstop.domain.approvals import APPROVAL_FACTS
from allstop.domain.conditions import all_hold
from allstop.domain.impact import IMPACT_FACTS
from allstop.domain.policy import Condition
from allstop.domain.policy.tables import Scalar
from allstop.domain.remedy import REMEDY_FACTS
from allstop.protocol import tables
from allstop.protocol.tables import described, examine, truth
from tests.protocol.projects import protocol

FACTS = {
    "breach": "yes/no",
    "schema_changed": "yes/no",
    "fix_minutes": "number",
    "severity_rank": "number",
}
SITUATIONS: list[dict[str, Scalar]] = [
    dict(zip(FACTS, values, strict=True))
    for values in product([True, False, None], [True, False, None], [*range(8), None], [1, 2, 3, 4])
]

YES_NO = st.tuples(
    st.sampled_from(["breach", "schema_changed"]),
    st.sampled_from(["is", "is_not"]),
    st.sampled_from([True, False, None]),
)
NUMBERS = st.tuples(
    st.sampled_from(["fix_minutes", "severity_rank"]),
    st.sampled_from(["at_least", "more_than", "at_most", "less_than", "is", "is_not"]),
    st.integers(1, 5),
)
ROWS = st.lists(
    st.lists(st.one_of(YES_NO, NUMBERS).map(lambda each: Condition(*each)), max_size=3).map(tuple),
    min_size=1,
    max_size=6,
)


@settings(max_examples=300, deadline=None)
@given(ROWS)
def test_it_agrees_with_trying_every_situation(rows: list[tuple[Condition, ...]]) -> None:
    report = examine(rows, FACTS)
    first = [
        next((at for at, row in enumerate(rows) if all_hold(row, facts)), None)
        for facts in SITUATIONS
    ]
    reached = set(first)
    assert {row for row, _ in (*report.dead, *report.doubles)} == set(range(len(rows))) - reached
    assert bool(report.gaps) == (None in reached)
    for gap in report.gaps:
        # Every combination of the values a gap names is without a row, whatever the other facts are.
        for values in product(*gap.values()):
            facts = {**SITUATIONS[0], **dict(zip(gap, values, strict=True))}
            assert not any(all_hold(row, facts) for row in rows)


def test_the_planted_gap_between_fifteen_and_thirty_minutes_is_found() -> None:
    """The hole in the source protocols: a fix that takes 15 to 30 minutes."""
    rows = [
        (Condition("fix_minutes", "less_than", 15),),
        (Condition("fix_minutes", "more_than", 30),),
    ]
    report = examine(rows, REMEDY_FACTS)
    assert [described(gap) for gap in report.gaps] == ["fix_minutes 15 or unknown"]
    closed = [
        *rows,
        (Condition("fix_minutes", "at_least", 15),),
        (Condition("fix_minutes", "is", None),),
    ]
    assert examine(closed, REMEDY_FACTS).gaps == ()


def test_unknown_is_a_situation_of_its_own() -> None:
    rows = [(Condition("breach", "is", True),), (Condition("breach", "is", False),)]
    assert [described(gap) for gap in examine(rows, REMEDY_FACTS).gaps] == ["breach unknown"]


def test_counts_the_core_always_knows_need_no_row_for_unknown() -> None:
    rows = [
        (Condition("severity_rank", "at_most", 2),),
        (Condition("severity_rank", "more_than", 2),),
    ]
    assert examine(rows, REMEDY_FACTS).gaps == ()


def test_money_of_another_currency_is_a_gap() -> None:
    rows = [
        (Condition("lost_per_hour", "at_least", "10000", "USD"),),
        (Condition("lost_per_hour", "less_than", "10000", "USD"),),
        (Condition("lost_per_hour", "is", None),),
    ]
    assert [described(gap) for gap in examine(rows, IMPACT_FACTS).gaps] == [
        "lost_per_hour in another currency"
    ]


def test_dead_rows_say_which_row_covers_them() -> None:
    rows: list[tuple[Condition, ...]] = [
        (Condition("users", "at_least", 100),),
        (Condition("users", "more_than", 100), Condition("breach", "is", True)),
        (Condition("users", "at_least", "99.5"),),
        (Condition("users", "at_least", 5), Condition("users", "less_than", 3)),
        (),
        (Condition("breach", "is", None),),
    ]
    report = examine(rows, IMPACT_FACTS)
    assert report.dead == ((1, 0), (3, -1), (5, 4))
    assert report.doubles == ((2, 0),)


def test_what_waits_for_an_approval_is_always_known() -> None:
    rows = [
        (Condition("protected", "is", True),),
        (Condition("protected", "is", False), Condition("purpose", "is", "contain")),
        (Condition("purpose", "is_not", "contain"), Condition("risk", "at_most", 3)),
    ]
    report = examine(rows, APPROVAL_FACTS)
    # protected or not, contain or not, risk up to 3 or beyond.
    assert (report.situations, report.uncovered) == (2 * 2 * 2, 1)
    (gap,) = report.gaps
    assert described(gap).startswith("protected no, purpose remedy")


@settings(max_examples=200, deadline=None)
@given(ROWS)
def test_the_count_of_gaps_is_that_of_trying_every_situation(
    rows: list[tuple[Condition, ...]],
) -> None:
    """Given any table, when gaps are counted, then walking through its own fact space counts the same."""
    report = examine(rows, FACTS)
    space = tables._space(rows, FACTS, 4)
    situations = [dict(zip(space, values, strict=True)) for values in product(*space.values())]
    assert report.situations == len(situations)
    missed = [facts for facts in situations if not any(all_hold(row, facts) for row in rows)]
    assert report.uncovered == len(missed)


@pytest.mark.parametrize(
    ("row", "answer"),
    [
        ((Condition("users", "at_least", 1),), "sometimes"),
        ((Condition("users", "at_least", 0),), "always"),
        ((Condition("users", "is_not", None),), "always"),
        ((Condition("users", "at_least", 5), Condition("users", "at_most", 4)), "never"),
        ((Condition("core_functions_down", "is", None),), "never"),
        ((Condition("failed_share_percent", "at_most", 100),), "always"),
        ((Condition("failed_share_percent", "more_than", 100),), "never"),
        ((Condition("lost_per_hour", "at_least", "0", "USD"),), "sometimes"),
        ((), "always"),
    ],
)
def test_tests_hold_always_sometimes_or_never(row: tuple[Condition, ...], answer: str) -> None:
    assert truth(row, IMPACT_FACTS) == answer


def test_a_table_that_is_too_large_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    names = list(IMPACT_FACTS)[:5]
    sorts = dict.fromkeys(names, "number")
    rows = [tuple(Condition(name, "is", place * 3) for name in names) for place in range(1, 9)]
    assert examine(rows, sorts).exact
    monkeypatch.setattr(tables, "MOST_PIECES", 10)
    assert not examine(rows, sorts).exact


def test_a_table_that_is_too_large_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Given a table no search could finish, when it is checked, then people are told that nobody knows."""
    monkeypatch.setattr(tables, "MOST_STEPS", 3)
    found = protocol(tmp_path, "terms: {}\n")
    assert {each.code for each in found.problems} == {"AP089"}
    assert found.policy is not None
