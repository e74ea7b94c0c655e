"""The circuit breaker: opens, tries again with few and timed calls, closes; never floods what comes back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from allstop.domain.breaker import Breaker, BreakerRules, Circuit, admit, ended, forced, settled

RULES = BreakerRules(failures=5, open_ms=300_000, trials=2, trial_ms=10_000)


def failing(times: int, breaker: Breaker | None = None) -> Breaker:
    now = breaker or Breaker(RULES)
    for _ in range(times):
        now, admission = admit(now, 0)
        now = ended(now, admission.token, 0, good=False, took_ms=1)
    return now


def test_the_fifth_failure_in_a_row_opens_it() -> None:
    assert failing(4).state is Circuit.CLOSED
    opened = failing(5)
    assert opened.state is Circuit.OPEN
    _, admission = admit(opened, 1000)
    assert (admission.allowed, admission.wait_ms) == (False, 299_000)


def test_a_success_between_makes_it_count_anew() -> None:
    now, admission = admit(failing(4), 0)
    now = ended(now, admission.token, 0, good=True, took_ms=1)
    assert failing(4, now).state is Circuit.CLOSED


def test_of_twenty_callers_only_as_many_as_allowed_try_it() -> None:
    now = settled(failing(5), 300_000)
    assert now.state is Circuit.HALF_OPEN
    allowed = 0
    for _ in range(20):
        now, admission = admit(now, 300_000)
        allowed += admission.allowed
    assert allowed == 2


def test_a_trial_that_hangs_opens_it_again_when_its_time_is_over() -> None:
    now, trial = admit(failing(5), 300_000)
    assert trial.allowed
    assert settled(now, 309_999).state is Circuit.HALF_OPEN
    now = settled(now, 310_000)
    assert now.state is Circuit.OPEN
    assert ended(now, trial.token, 311_000, good=True, took_ms=11_000).state is Circuit.OPEN


def test_it_closes_once_all_trials_went_well() -> None:
    now, first = admit(failing(5), 300_000)
    now, second = admit(now, 300_000)
    now = ended(now, first.token, 300_010, good=True, took_ms=10)
    assert now.state is Circuit.HALF_OPEN
    assert not admit(now, 300_020)[1].allowed, "the second trial is still out"
    assert ended(now, second.token, 300_030, good=True, took_ms=10).state is Circuit.CLOSED


def test_slow_calls_count_where_a_share_of_them_does() -> None:
    now = Breaker(BreakerRules(failures=0, share_percent=50, min_calls=4, slow_ms=100))
    for took in (10, 200, 10):
        now, admission = admit(now, 0)
        now = ended(now, admission.token, 0, good=True, took_ms=took)
    assert now.state is Circuit.CLOSED, "three calls say nothing yet"
    now, admission = admit(now, 0)
    assert ended(now, admission.token, 0, good=True, took_ms=300).state is Circuit.OPEN


def test_what_a_person_forces_stays_until_a_person_says_otherwise() -> None:
    now = forced(Breaker(RULES), Circuit.FORCED_OPEN, 0)
    assert not admit(settled(now, 10**9), 10**9)[1].allowed
    never = forced(Breaker(RULES), Circuit.DISABLED, 0)
    assert failing(50, never).state is Circuit.DISABLED


class Calls(RuleBasedStateMachine):
    """Any mixture of calls, ends and time: never more trials than allowed, and never stuck."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.breaker = Breaker(RULES)
        self.out: list[int] = []

    @rule(passed=st.integers(0, 400_000))
    def time_passes(self, passed: int) -> None:
        self.now += passed
        self.breaker = settled(self.breaker, self.now)

    @rule()
    def a_call_is_asked_for(self) -> None:
        self.breaker, admission = admit(self.breaker, self.now)
        if admission.allowed:
            assert admission.token not in self.out
            self.out.append(admission.token)
        else:
            assert admission.wait_ms > 0
            later, again = admit(self.breaker, self.now + admission.wait_ms)
            assert again.allowed or later.state is not self.breaker.state

    @precondition(lambda self: self.out)
    @rule(good=st.booleans(), at=st.integers(0, 100))
    def a_call_ends(self, good: bool, at: int) -> None:
        token = self.out.pop(at % len(self.out))
        self.breaker = ended(self.breaker, token, self.now, good=good, took_ms=1)

    @invariant()
    def trials_are_few(self) -> None:
        assert len(self.breaker.trials) <= RULES.trials
        assert self.breaker.state is Circuit.HALF_OPEN or not self.breaker.trials


TestCalls = Calls.TestCase


@given(st.lists(st.booleans(), max_size=60))
def test_it_opens_exactly_when_five_in_a_row_were_bad(outcomes: list[bool]) -> None:
    now, row = Breaker(RULES), 0
    for good in outcomes:
        if now.state is not Circuit.CLOSED:
            break
        now, admission = admit(now, 0)
        now = ended(now, admission.token, 0, good=good, took_ms=1)
        row = 0 if good else row + 1
        assert (now.state is Circuit.OPEN) == (row >= 5)
