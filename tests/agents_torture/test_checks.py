"""The checks of the trials with stub agents see what they are for: each fault is planted once."""

from __future__ import annotations

import pytest

from tests.agents_torture.checks import Run, Seen, false_stops, gated_calls, violations

GOOD = Seen(
    "liar", "enforced", 14.0, ticks=(9.0, 13.9, 21.0), calls=((9.5, 0), (10.2, 2), (20.5, 0)),
    tries=(("lifts at the door", False),),
)  # fmt: skip


def run(*agents: Seen, gaps: tuple[float, ...] = (), asleep: tuple[str, ...] = ()) -> Run:
    return Run(10.0, 20.0, agents or (GOOD,), gaps, asleep)


def test_an_agent_that_worked_before_and_after_but_not_in_between_is_well() -> None:
    assert violations(run()) == []
    assert (false_stops(run()), gated_calls(run())) == (0, 0)


def test_work_after_it_was_said_to_have_stopped_is_a_false_stop() -> None:
    seen = Seen("liar", "confirmed", 14.0, ticks=(13.0, 14.5, 15.0))
    assert violations(run(seen)) == ["liar is confirmed and worked 2 times, first 0.500 s later"]
    assert false_stops(run(seen, GOOD)) == 1


def test_a_call_that_was_let_through_after_the_halt_was_there_is_counted() -> None:
    seen = Seen("liar", "enforced", 14.0, calls=((9.9, 0), (10.5, 0), (11.0, 0), (12.0, 2)))
    assert violations(run(seen)) == ["the gate let liar through 0.500 s after the halt was there"]
    assert gated_calls(run(seen)) == 2


@pytest.mark.parametrize(
    ("planted", "said"),
    [
        (run(Seen("silent", "unaccounted", None)), "silent was never said to have stopped: unaccounted"),
        (run(Seen("forger", "enforced", 14.0, tries=(("releases", True),))), "forger releases, and it was taken"),
        (run(Seen("liar", "enforced", 14.0, calls=((11.0, 127),))), "the gate ended with 127 for liar at 11.000"),
        (run(gaps=(12.5,)), "the state file did not hold the halt at 12.500"),
        (run(asleep=("mover",)), "mover did not go on after the release"),
        (Run(10.0, 20.0, troubles=("the spool has grown",)), "the spool has grown"),
    ],
)  # fmt: skip
def test_every_other_fault_is_said_in_a_sentence(planted: Run, said: str) -> None:
    assert violations(planted) == [said]
