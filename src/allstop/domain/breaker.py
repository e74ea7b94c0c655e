"""Circuit breaker: stops calling what keeps failing, tries again with few and timed calls, and says so.

A trial that never comes back counts as failed when its time is over, so half-open always ends; and no more
trials than allowed are ever let through, however many callers ask at once.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from enum import StrEnum


class Circuit(StrEnum):
    """closed -> open -> half-open -> closed or open; forced open and disabled are a person's word."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"
    FORCED_OPEN = "forced-open"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """failures: in a row that open it; share_percent: of failed or slow calls among the newest `window` that
    open it, once `min_calls` are known (0: does not count); slow_ms: from when on a call is slow (0: never);
    open_ms: until it is tried again; trials: at once, and that must go well to close it; trial_ms: how long
    one may take.
    """

    failures: int = 5
    share_percent: int = 0
    window: int = 100
    min_calls: int = 20
    slow_ms: int = 0
    open_ms: int = 300_000
    trials: int = 1
    trial_ms: int = 30_000


@dataclass(frozen=True, slots=True)
class Breaker:
    """since_ms: monotonic time of the last change; in_a_row: failures without a success between; recent: the
    newest calls, True for bad; trials: begin of each that is under way, by token; good_trials: so far.
    """

    rules: BreakerRules = field(default_factory=BreakerRules)
    state: Circuit = Circuit.CLOSED
    since_ms: int = 0
    in_a_row: int = 0
    recent: tuple[bool, ...] = ()
    trials: dict[int, int] = field(default_factory=dict)
    good_trials: int = 0
    next_token: int = 1


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether a call may be made. token: to report its end with; wait_ms: how long to wait otherwise."""

    allowed: bool
    token: int = 0
    wait_ms: int = 0


def admit(breaker: Breaker, now_ms: int) -> tuple[Breaker, Admission]:
    """Ask for one call."""
    breaker = settled(breaker, now_ms)
    rules = breaker.rules
    match breaker.state:
        case Circuit.CLOSED | Circuit.DISABLED:
            token = breaker.next_token
            return replace(breaker, next_token=token + 1), Admission(True, token)
        case Circuit.HALF_OPEN if len(breaker.trials) + breaker.good_trials < rules.trials:
            token = breaker.next_token
            trials = {**breaker.trials, token: now_ms}
            return replace(breaker, next_token=token + 1, trials=trials), Admission(True, token)
        case Circuit.HALF_OPEN:
            ends = [began + rules.trial_ms - now_ms for began in breaker.trials.values()]
            return breaker, Admission(False, wait_ms=max(1, min(ends, default=1)))
        case Circuit.OPEN:
            return breaker, Admission(
                False, wait_ms=max(1, breaker.since_ms + rules.open_ms - now_ms)
            )
        case _:
            return breaker, Admission(False, wait_ms=rules.open_ms)


def ended(breaker: Breaker, token: int, now_ms: int, *, good: bool, took_ms: int) -> Breaker:
    """A call has ended. One that was let through before the circuit opened no longer counts."""
    breaker = settled(breaker, now_ms)
    rules = breaker.rules
    bad = not good or bool(rules.slow_ms and took_ms >= rules.slow_ms)
    if breaker.state is Circuit.HALF_OPEN:
        if token not in breaker.trials:
            return breaker
        if bad:
            return _opened(breaker, now_ms)
        trials = {one: began for one, began in breaker.trials.items() if one != token}
        good_trials = breaker.good_trials + 1
        if good_trials >= rules.trials:
            return replace(_fresh(breaker, now_ms), state=Circuit.CLOSED)
        return replace(breaker, trials=trials, good_trials=good_trials)
    if breaker.state is not Circuit.CLOSED:
        return breaker
    recent = deque(breaker.recent, maxlen=rules.window)
    recent.append(bad)
    now = replace(breaker, in_a_row=0 if good else breaker.in_a_row + 1, recent=tuple(recent))
    return _opened(now, now_ms) if _too_bad(now) else now


def settled(breaker: Breaker, now_ms: int) -> Breaker:
    """What time alone changes: open long enough becomes half-open; a trial that takes too long has failed."""
    rules = breaker.rules
    if breaker.state is Circuit.OPEN and now_ms - breaker.since_ms >= rules.open_ms:
        return replace(_fresh(breaker, now_ms), state=Circuit.HALF_OPEN)
    if breaker.state is Circuit.HALF_OPEN and any(
        now_ms - began >= rules.trial_ms for began in breaker.trials.values()
    ):
        return _opened(breaker, now_ms)
    return breaker


def forced(breaker: Breaker, state: Circuit, now_ms: int) -> Breaker:
    """A person's word: open until they say otherwise, never open, or back to watching."""
    return replace(_fresh(breaker, now_ms), state=state)


def _too_bad(breaker: Breaker) -> bool:
    rules, calls = breaker.rules, len(breaker.recent)
    if rules.failures and breaker.in_a_row >= rules.failures:
        return True
    known = rules.share_percent and calls >= rules.min_calls
    return bool(known and 100 * sum(breaker.recent) >= rules.share_percent * calls)


def _opened(breaker: Breaker, now_ms: int) -> Breaker:
    return replace(_fresh(breaker, now_ms), state=Circuit.OPEN)


def _fresh(breaker: Breaker, now_ms: int) -> Breaker:
    """Nothing of before counts any more; tokens go on, so that a late call is recognised."""
    return replace(breaker, since_ms=now_ms, in_a_row=0, recent=(), trials={}, good_trials=0)
