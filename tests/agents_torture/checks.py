"""What must never be seen, and what of it was seen in one run. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

# What claims that an agent does nothing any more.
STOPPED = frozenset({"confirmed", "enforced"})
RAN, REFUSED = 0, 2


@dataclass(frozen=True, slots=True)
class Seen:
    """One agent in one run. All times in seconds of the clock that all processes of a machine share.

    stopped_at: when the roll call had been read that said so first, None when it never did; state: in it at the end;
    ticks: when it worked; calls: (when the gate was asked, its exit code); tries: (what it tried, whether it was taken).
    """

    agent: str
    state: str
    stopped_at: float | None
    ticks: tuple[float, ...] = ()
    calls: tuple[tuple[float, int], ...] = ()
    tries: tuple[tuple[str, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """held_at: when the halt was seen in the state file; released_at: just before its release was asked for;
    gaps: when the state file did not hold it in between; asleep: agents that did not go on after the release."""

    held_at: float
    released_at: float
    agents: tuple[Seen, ...] = ()
    gaps: tuple[float, ...] = ()
    asleep: tuple[str, ...] = ()
    troubles: tuple[str, ...] = field(default=())


def violations(run: Run) -> list[str]:
    """Each in a sentence; none is as it must be."""
    found = [text for seen in run.agents for text in _of_one(run, seen)]
    found += [f"the state file did not hold the halt at {at:.3f}" for at in run.gaps]
    found += [f"{agent} did not go on after the release" for agent in run.asleep]
    return found + list(run.troubles)


def false_stops(run: Run) -> int:
    """How many agents worked while it was said of them that they had stopped."""
    return sum(1 for seen in run.agents if _ticks_after_stop(run, seen))


def gated_calls(run: Run) -> int:
    """How many calls the gate let through after the halt had reached the machine."""
    return sum(len(_let_through(run, seen)) for seen in run.agents)


def _of_one(run: Run, seen: Seen) -> Iterator[str]:
    if seen.stopped_at is None:
        yield f"{seen.agent} was never said to have stopped: {seen.state}"
    late = _ticks_after_stop(run, seen)
    if late and seen.stopped_at is not None:
        after = late[0] - seen.stopped_at
        yield f"{seen.agent} is {seen.state} and worked {len(late)} times, first {after:.3f} s later"  # fmt: skip
    through = _let_through(run, seen)
    if through:
        yield f"the gate let {seen.agent} through {through[0] - run.held_at:.3f} s after the halt was there"  # fmt: skip
    for at, code in seen.calls:
        if code not in (RAN, REFUSED):
            yield f"the gate ended with {code} for {seen.agent} at {at:.3f}"
    for what, taken in seen.tries:
        if taken:
            yield f"{seen.agent} {what}, and it was taken"


def _ticks_after_stop(run: Run, seen: Seen) -> list[float]:
    if seen.stopped_at is None:
        return []
    return [at for at in seen.ticks if seen.stopped_at < at < run.released_at]


def _let_through(run: Run, seen: Seen) -> list[float]:
    return [at for at, code in seen.calls if code == RAN and run.held_at < at < run.released_at]
