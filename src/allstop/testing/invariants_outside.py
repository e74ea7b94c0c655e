"""What must hold between the log and the world: checked against the journal kept outside."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from allstop.domain.effects import Purpose
from allstop.domain.halt import events as h
from allstop.domain.plan import events as p
from allstop.domain.plan.state import Plan
from allstop.testing.journal import Journal
from allstop.testing.traces import Trace

Found = Iterator[tuple[str, object]]
ONCE_VERBS = frozenset({"restart"})


def acknowledged(trace: Trace) -> Found:
    """S1: whatever was answered with yes is in the log, and was done once."""
    journal = trace.journal or Journal()
    places: dict[str, list[int]] = defaultdict(list)
    for record in trace.records:
        places[record.cause].append(record.position)
    for ack in journal.acks:
        found = places.get(ack.cause, [])
        if not found:
            yield f"{ack.command} was acknowledged and is not in the log", ack.cause
        elif found[-1] - found[0] != len(found) - 1:
            yield f"{ack.command} was carried out twice", ack.cause


def never_again(trace: Trace) -> Found:
    """S5: a step that is recorded done is not run again."""
    journal = trace.journal or Journal()
    done = {
        (record.stream, record.event.step): record.position
        for record in trace.records
        if isinstance(record.event, p.StepDone)
    }
    for call in journal.calls:
        effect = call.effect
        end = done.get((effect.stream, effect.ref)) if effect.purpose is Purpose.STEP else None
        if end is not None and call.how == "act" and call.after >= end:
            yield f"{effect.ref} was run again after it was done", effect.id


def once(trace: Trace) -> Found:
    """S6: what may happen only once happens once for each time it is asked for."""
    journal = trace.journal or Journal()
    deeds = Counter(deed.effect.id for deed in journal.deeds if deed.effect.verb in ONCE_VERBS)
    for id, times in deeds.items():
        if times > 1:
            yield f"took effect {times} times", id


def observed_first(trace: Trace) -> Found:
    """S7: what was under way at a crash is looked at before it is done again."""
    for id in (trace.journal or Journal()).unobserved:
        yield "acted on without looking first", id


def standing_still(trace: Trace) -> Found:
    """S11: while "all stopped" is said, no agent on the roll is really at work."""
    journal = trace.journal or Journal()
    for start, end, agents in _claims(trace):
        for agent in agents:
            runs = [one for one in journal.ran if one.agent == agent]
            before = [one.running for one in runs if one.after < start]
            if before and before[-1]:
                yield f"{agent} was at work when all were said to have stopped", start
            if any(one.running for one in runs if start <= one.after < end):
                yield f"{agent} went to work while all were said to have stopped", start


def _claims(trace: Trace) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """From where to where in the log "all stopped" was said, and of whom."""
    begun: dict[str, int] = {}
    for moment in trace.moments_of(h.HaltSettled, h.HaltReleased, h.AgentHeld):
        event, id = moment.record.event, moment.id
        if isinstance(event, h.HaltSettled):
            begun[id] = moment.record.position
        if isinstance(event, h.HaltReleased | h.AgentHeld) and id in begun:
            yield begun.pop(id), moment.record.position, tuple(moment.before.halts[id].roll)
    for id, start in begun.items():
        yield start, len(trace.records) + 1, tuple(trace.end.halts[id].roll)


def in_order_outside(trace: Trace) -> Found:
    """S9: nothing is done to the world before the steps it waits for are recorded done."""
    journal = trace.journal or Journal()
    done = _first_done(trace)
    for call in journal.calls:
        plan = _plan_of(trace, call.effect.stream)
        step = plan.step(call.effect.ref) if plan else None
        for before in step.after if step else ():
            at = done.get((call.effect.stream, before))
            if at is None or call.after < at:
                yield f"{call.effect.ref} was asked for before {before} was done", call.effect.id


def _first_done(trace: Trace) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for record in trace.records:
        if isinstance(record.event, p.StepDone):
            found.setdefault((record.stream, record.event.step), record.position)
    return found


def _plan_of(trace: Trace, stream: str) -> Plan | None:
    kind, _, id = stream.partition("/")
    return trace.end.plans.get(id) if kind == "plan" else None


def proven(trace: Trace) -> Found:
    """S10: a proof that is recorded was true in the world while it was looked for."""
    journal = trace.journal
    if journal is None:
        return
    started: dict[tuple[str, str], int] = {}
    for record in trace.records:
        event, plan = record.event, _plan_of(trace, record.stream)
        if isinstance(event, p.StepStarted):
            started[(record.stream, event.step)] = record.position
        if not isinstance(event, p.StepDone) or plan is None:
            continue
        step = plan.step(event.step)
        if step is None or step.kind != "probe":
            continue
        look, want = str(step.options.get("look", "")), step.options.get("want", "")
        begun = started.get((record.stream, event.step), 0)
        states = _states(journal, f"{step.service}/{look}", begun, record.position)
        if not any(_agrees(state, want) for state in states):
            yield f"{event.step} is recorded, the world says {states}", record.position


def _states(journal: Journal, name: str, start: int, end: int) -> list[object]:
    """The values a fact of the world had between two places of the log."""
    facts = [fact for fact in journal.facts if fact.name == name]
    before = [fact.value for fact in facts if fact.after < start][-1:]
    return before + [fact.value for fact in facts if start <= fact.after < end]


def _agrees(state: object, want: object) -> bool:
    return state == want if want else bool(state)


def all_back(trace: Trace) -> Found:
    """S4, L5: at the end, who is held stands still, and who was told to go on works."""
    journal = trace.journal
    if journal is None:
        return
    running = {one.agent: one.running for one in journal.ran}
    for halt in trace.end.halts.values():
        for line in halt.roll.values():
            free = not trace.end.holders(line.agent)
            if line.state == "resumed" and free and not running.get(line.agent, True):
                yield f"{line.agent} is recorded resumed and stands still", halt.id


OUTSIDE: tuple[Callable[[Trace], Found], ...] = (
    acknowledged, never_again, once, observed_first, standing_still, in_order_outside, proven,
    all_back,
)  # fmt: skip
