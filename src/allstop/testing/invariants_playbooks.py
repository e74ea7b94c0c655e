"""What must hold of plans made by playbooks: tasks are people's, what is owed is owed, late is said in time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from allstop.domain.moment import between
from allstop.domain.plan import events as p
from allstop.domain.plan.state import Plan
from allstop.testing.traces import Moment, Trace

Found = Iterator[tuple[str, object]]


def own_steps_true(trace: Trace) -> Found:
    """S6: a step that no adapter carries out is done only when what it speaks of has happened."""
    for moment in trace.moments_of(p.StepDone):
        event, plan = moment.record.event, moment.before.plans.get(moment.id)
        step = plan.step(event.step) if plan is not None else None
        if plan is None or step is None:
            continue
        match step.kind:
            case "task" if not moment.record.actor.startswith("person:"):
                yield f"{step.id} is said to be done by {moment.record.actor}", moment
            case "owe":
                owed = moment.after.incidents[plan.incident].obligations
                if step.options["obligation"] not in owed:
                    yield f"{step.id} is done, and nothing is owed", moment
            case "tell" if not _told(moment, plan, str(step.options["audience"])):
                yield f"{step.id} is done, and nobody was told", moment


def _told(moment: Moment, plan: Plan, audience: str) -> bool:
    notes = moment.after.incidents[plan.incident].notifications.values()
    return any(one.to == f"audience:{audience}" for one in notes)


def late_said_once(trace: Trace) -> Found:
    """L1: that a phase is late is said once, not before its time, and only while it waits for something."""
    said: set[tuple[str, str]] = set()
    for moment in trace.moments_of(p.PhaseLate):
        event, plan = moment.record.event, moment.before.plans.get(moment.id)
        if plan is None:
            continue
        if (plan.id, event.phase) in said:
            yield f"{plan.id}: {event.phase} is said to be late again", moment
        said.add((plan.id, event.phase))
        if not plan.waits_in(event.phase):
            yield f"{plan.id}: {event.phase} is over, and said to be late", moment
        started = plan.started_at
        if started is None or between(started, moment.record.at) < event.within_ms:
            yield f"{plan.id}: {event.phase} is said to be late before its time", moment


PLAYBOOKS: tuple[Callable[[Trace], Found], ...] = (own_steps_true, late_said_once)
