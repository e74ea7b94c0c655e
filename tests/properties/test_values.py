"""Samples, conditions and classification: total, and monotone where it matters."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from allstop.domain.conditions import OPERATORS, holds
from allstop.domain.impact import Impact
from allstop.domain.money import Money, per_hour
from allstop.domain.policy import Condition, Protocol
from allstop.domain.samples import GateProgress, Sample, Standing, advance
from allstop.domain.severity import classify
from tests.domain.builders import protocol
from tests.properties.asking import impacts
from tests.properties.packs import compiled_standard

truths = st.none() | st.booleans()
rounds = st.lists(
    st.tuples(
        st.integers(-3000, 9000),
        st.sampled_from(("b1", "b1", "b1", "b2")),
        st.dictionaries(st.sampled_from(("deep", "route")), truths, max_size=2),
    ),
    max_size=40,
)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=12),
    st.sampled_from(("NaN", "sNaN", "Infinity", "1e999999", "12.50 USD", "NaN USD", "-0", "1_0")),
)  # fmt: skip


def watched(history: list[tuple[int, str, dict[str, bool | None]]]) -> list[GateProgress]:
    gate = GateProgress("g", ("deep", "route"), window_ms=3000, min_samples=3)
    gates, at = [gate], 10_000
    for passed, boot, seen in history:
        at += passed
        samples = {name: Sample(name, good) for name, good in seen.items()}
        gates.append(gate := advance(gate, samples, at, boot, 1000))
    return gates


@given(rounds)
def test_a_gate_passes_only_on_enough_good_samples_after_the_last_bad_one(
    history: list[tuple[int, str, dict[str, bool | None]]],
) -> None:
    gate = watched(history)[-1]
    good = 0
    for _, _, seen in history:
        if False in seen.values():
            good = 0
        elif list(seen.values()) == [True, True]:
            good += 1
    if gate.standing() is Standing.PASS:
        assert good >= gate.min_samples
        assert gate.stable_ms >= gate.window_ms
    if not good:
        assert gate.standing() is not Standing.PASS


@given(rounds)
def test_stability_grows_by_at_most_two_intervals_a_round_and_never_backwards(
    history: list[tuple[int, str, dict[str, bool | None]]],
) -> None:
    gates = watched(history)
    for before, after in pairwise(gates):
        grown = after.stable_ms - before.stable_ms
        assert after.stable_ms == 0 or 0 <= grown <= 2000


@given(rounds)
def test_an_incomplete_or_unknown_round_never_passes(
    history: list[tuple[int, str, dict[str, bool | None]]],
) -> None:
    gates = watched([*history, (1000, "b1", {"deep": True})])
    assert gates[-1].standing() is not Standing.PASS
    gates = watched([*history, (1000, "b1", {"deep": True, "route": None})])
    assert gates[-1].standing() is not Standing.PASS


@given(scalars, scalars, st.sampled_from(OPERATORS), st.sampled_from(("", "USD")))
def test_conditions_are_total_and_an_unknown_fact_satisfies_only_is_null(
    fact: str | int | bool | None, value: str | int | bool | None, op: str, unit: str
) -> None:
    found = holds(Condition("f", op, value, unit), {"f": fact})
    assert isinstance(found, bool)
    unknown = holds(Condition("f", op, value, unit), {})
    assert unknown == (op == "is" and value is None)


@given(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9))
def test_the_comparisons_agree_with_numbers(left: int, right: int) -> None:
    def is_true(op: str) -> bool:
        return holds(Condition("f", op, str(right)), {"f": left})

    assert is_true("at_least") == (left >= right) != is_true("less_than")
    assert is_true("at_most") == (left <= right) != is_true("more_than")


PROTOCOLS = [
    pytest.param(protocol(), id="builder"),
    pytest.param(compiled_standard(), id="standard"),
]


@pytest.mark.parametrize("rules", PROTOCOLS)
@given(impact=impacts, money=st.none() | st.integers(0, 10**7))
def test_classification_is_total(rules: Protocol, impact: Impact, money: int | None) -> None:
    lost = Money(f"{money}.00", "USD") if money is not None else None
    found = classify(rules, replace(impact, lost_per_hour=lost))
    assert rules.severity(found.severity).name == found.severity
    assert found.because


@pytest.mark.parametrize("rules", PROTOCOLS)
@given(
    impact=impacts, money=st.none() | st.integers(0, 10**6), more=st.integers(1, 10**6),
    part=st.sampled_from(
        ("failed_share_percent", "users", "records_exposed", "capacity_lost_percent", "data_loss",
         "breach", "core_functions_down", "functions_down", "lost_per_hour")
    ),
)  # fmt: skip
def test_a_worse_impact_is_never_a_milder_severity(
    rules: Protocol, impact: Impact, money: int | None, more: int, part: str
) -> None:
    lost = Money(f"{money}.00", "USD") if money is not None else None
    impact = replace(impact, lost_per_hour=lost)
    before = getattr(impact, part)
    # Learning a first figure may calm things down: what nobody has measured counts as bad.
    assume(before is not None or part in ("data_loss", "breach"))
    worse: Any
    if part in ("data_loss", "breach"):
        worse = True
    elif part.endswith("_down"):
        worse = (*before, "another")
    elif part == "lost_per_hour":
        assert money is not None
        worse = Money(f"{money + more}.00", "USD")
    else:
        worse = before + more
    changed: dict[str, Any] = {part: worse}
    ranks = [
        rules.severity(classify(rules, one).severity).rank
        for one in (impact, replace(impact, **changed))
    ]
    assert ranks[1] <= ranks[0]


@given(st.integers(0, 10**12), st.integers(1, 10**9))
def test_a_loss_is_scaled_to_the_hour(cents: int, window_ms: int) -> None:
    amount = f"{cents // 100}.{cents % 100:02d}"
    found = per_hour(amount, "USD", window_ms)
    assert found.value >= 0
    if window_ms == 3_600_000:
        assert found.amount == amount
