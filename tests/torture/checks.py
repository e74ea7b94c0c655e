"""What must hold after an emergency, whatever died in it. Each check says in sentences what does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from tests.torture.coordinator import GRACE_SECONDS
from tests.torture.emergency import Entry, Evidence

# Two processes on one machine read the same clock; its last digits may still be rounded differently.
CLOCK_SECONDS = 0.002

Check = Callable[[Evidence], Iterator[str]]


def violations(evidence: Evidence) -> list[str]:
    """Everything that is not as it must be, each with the name of its check."""
    return [f"{check.__name__}: {text}" for check in CHECKS for text in check(evidence)]


def went_on(found: Evidence) -> Iterator[str]:
    """The emergency came to its end, and the coordinator died only when it was meant to."""
    yield from found.faults
    if not found.resolved:
        yield f"not resolved after {found.seconds:.0f} s; the log ends with {_tail(found)}"
    code, seconds = found.stopped
    if code != 0 or seconds > GRACE_SECONDS:
        yield f"SIGTERM ended it with {code} after {seconds:.1f} s"


def nothing_lost(found: Evidence) -> Iterator[str]:
    """What was answered 2xx is recorded once; what was not answered at most once; nothing refused."""
    texts = Counter(
        one.body["text"] for one in found.log if one.kind in ("note.added", "update.posted")
    )
    for text in found.ledger.promised:
        if texts[text] != 1:
            yield f"{text!r} was acknowledged and is recorded {texts[text]} times"
    for text in found.ledger.tried:
        if texts[text] > 1:
            yield f"{text!r} is recorded {texts[text]} times"
    yield from (f"refused: {text}" for text in found.ledger.refused)


def audit_is_whole(found: Evidence) -> Iterator[str]:
    """`allstop audit verify` agrees with the log."""
    if found.audit.get("ok") is not True:
        yield f"audit verify: {found.audit}"
    if found.audit.get("entries") not in (None, len(found.log)):
        yield f"audit saw {found.audit['entries']} entries, the file has {len(found.log)}"


def declared_once(found: Evidence) -> Iterator[str]:
    """The outage is one incident, in every life."""
    titles = [one.body["title"] for one in found.log if one.kind == "incident.declared"]
    if len(titles) != 1:
        yield f"{len(titles)} incidents: {titles}"


def done_is_done(found: Evidence) -> Iterator[str]:
    """No program starts after its step was recorded as done."""
    ended = _ended(found.log)
    for run in found.runs:
        at = ended.get(run.key)
        if at is not None and run.started > at + CLOCK_SECONDS:
            yield f"{run.key} was started {run.started - at:.3f} s after it was recorded as done"


def no_needless_repeat(found: Evidence) -> Iterator[str]:
    """Only what was in flight at a crash may be run again, and once per such crash at most."""
    for key, times in Counter(run.key for run in found.runs).items():
        allowed = 1 + sum(key in crash.in_flight for crash in found.crashes)
        if times > allowed:
            yield f"{key} was run {times} times, {allowed} were allowed"
        if key not in _started(found.log):
            yield f"{key} was run and no step of that key was ever started"


def looked_first(found: Evidence) -> Iterator[str]:
    """A step that was claimed when the coordinator died becomes unknown before it is anything else."""
    steps = _started(found.log)
    for crash in found.crashes:
        for key in crash.in_flight & steps.keys():
            stream, step = steps[key]
            if _kind(found.log, stream, step) == "probe":
                continue  # a proof changes nothing: it is simply looked for again
            moves = [
                one for one in found.log
                if one.stream == stream and one.kind.startswith("step.") and one.body["step"] == step
            ]  # fmt: skip
            was = [one.kind for one in moves if one.position <= crash.before][-1:]
            then = [one.kind for one in moves if one.position > crash.before][:1]
            if "step.unknown" not in (*was, *then):
                yield f"{key} was in flight at {crash.death}: {was}, and went on with {then}"


def steps_are_well_formed(found: Evidence) -> Iterator[str]:
    """Every step is started once and done once, and every plan is done."""
    for kind in ("step.started", "step.done"):
        times = Counter((one.stream, one.body["step"]) for one in found.log if one.kind == kind)
        yield from (
            f"{kind} {stream} {step} {n} times" for (stream, step), n in times.items() if n != 1
        )
    made = [one.stream for one in found.log if one.kind == "plan.made"]
    done = [one.stream for one in found.log if one.kind == "plan.done"]
    if sorted(made) != sorted(done):
        yield f"plans made {made}, done {done}"


def world_agrees(found: Evidence) -> Iterator[str]:
    """Routes, release and history are what the log says they are."""
    last: dict[str, tuple[str, str]] = {}
    steps, ended = _started(found.log), _ended(found.log)
    rollbacks = []
    for key, (stream, step) in steps.items():
        service = _step(found.log, stream, step)["service"]
        if key in ended and step.startswith("isolate-"):
            last[service] = ("isolated", key)
        if key in ended and step == "reopen":
            last[service] = ("open", key)
        if step == "rollback":
            rollbacks.append(key)
    for service, (state, key) in last.items():
        route = found.routes[service]
        if (route["state"], route["key"]) != (state, key):
            yield f"route {service} is {route}, the log says {state} by {key}"
    if list(found.rollbacks) != rollbacks:
        yield f"[ROLLBACK] commits carry {found.rollbacks}, the log started {rollbacks}"
    service = "payments" if found.fault == "bad-release" else "orders"
    good = [
        one.body["release"]
        for one in found.log
        if one.kind == "release.known_good" and one.body["service"] == service
    ]
    if not good or found.release != good[0]:
        yield f"{service} runs {found.release}, known good is {good[:1]}"


def agents_stay_halted(found: Evidence) -> Iterator[str]:
    """Nobody was released, so nobody runs: not by a restart, not in between."""
    for agent in [one.body["agent"] for one in found.log if one.kind == "agent.resumed"]:
        yield f"{agent} was resumed"
    halts = [one for one in found.log if one.kind == "halt.ordered"]
    if len(halts) != 1:
        yield f"{len(halts)} halts were ordered"
    halted = {agent for _, agent, up in found.halt_flips if up}
    for at, agent, up in found.halt_flips:
        if not up:
            yield f"the halt file of {agent} let it run at {at:.3f}"
    for agent in {name for one in halts for name in one.body["agents"]} - halted:
        yield f"the halt file of {agent} never said halt"


def orders_are_there(found: Evidence) -> Iterator[str]:
    """Every order the shop acknowledged is in its books."""
    if found.book.missing:
        yield f"{len(found.book.missing)} orders are missing: {found.book.missing[:3]}"
    if not found.book.acknowledged:
        yield "the shop sold nothing, so this proves nothing"


CHECKS: tuple[Check, ...] = (
    went_on, nothing_lost, audit_is_whole, declared_once, done_is_done, no_needless_repeat,
    looked_first, steps_are_well_formed, world_agrees, agents_stay_halted, orders_are_there,
)  # fmt: skip


def rerun(found: Evidence) -> int:
    """How many programs were run more than once."""
    return sum(times - 1 for times in Counter(run.key for run in found.runs).values())


def lost(found: Evidence) -> int:
    """How many acknowledged requests are not in the log."""
    texts = {one.body["text"] for one in found.log if one.kind in ("note.added", "update.posted")}
    return len(set(found.ledger.promised) - texts)


def _started(log: tuple[Entry, ...]) -> dict[str, tuple[str, str]]:
    """(stream, step) by the key of the step's effect, in order."""
    return {
        f"{one.stream}:{one.version}:0": (one.stream, str(one.body["step"]))
        for one in log
        if one.kind == "step.started"
    }


def _ended(log: tuple[Entry, ...]) -> dict[str, float]:
    """When each step was recorded as done, by key."""
    keys = {place: key for key, place in _started(log).items()}
    return {
        keys[one.stream, str(one.body["step"])]: one.at for one in log if one.kind == "step.done"
    }


def _step(log: tuple[Entry, ...], stream: str, step: str) -> dict[str, str]:
    """The step as its plan has it."""
    plan = next(one for one in log if one.kind == "plan.made" and one.stream == stream)
    return next(dict(one) for one in plan.body["steps"] if one["id"] == step)


def _kind(log: tuple[Entry, ...], stream: str, step: str) -> str:
    return _step(log, stream, step)["kind"]


def _tail(found: Evidence) -> list[str]:
    return [f"{one.kind} {one.body}"[:160] for one in found.log if one.kind != "samples.recorded"][
        -8:
    ]
