"""Steps of a plan that no adapter carries out: a phase begins, an audience is told, something is owed, a task
is given to a person. All but the task end where they begin, in the same transaction as what they cause.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from allstop.domain.authority import may
from allstop.domain.conditions import all_hold
from allstop.domain.deciding.escalating import escalate
from allstop.domain.deciding.owing import owe_one, who_owes
from allstop.domain.deciding.telling import common_fields, tell_audience, tell_person
from allstop.domain.draft import Draft, Rules, refuse
from allstop.domain.incident.state import Incident
from allstop.domain.moment import after, between, time_words, words
from allstop.domain.plan import commands as c
from allstop.domain.plan import events as e
from allstop.domain.plan.lifecycle import StepState
from allstop.domain.plan.state import ENDED, Plan
from allstop.domain.policy import Clock, Obligation, Policy, Span
from allstop.domain.principal import Kind
from allstop.domain.record import plan_stream
from allstop.domain.templates import fill

TASK = "task"
# The occasion under which a protocol may say how such a message looks.
OCCASION = "playbook"
Ended = tuple[bool, str]


def carry_out(draft: Draft, plan_id: str, step: e.Step) -> Ended | None:
    """What a step that has just begun brings by itself: whether it happened and what was done.

    None for a step that ends later: a task when a person says so, any other when its outcome comes.
    """
    plan = draft.world.plans[plan_id]
    match step.kind:
        case "phase":
            return True, _begun(draft, plan, step)
        case "tell":
            return _told(draft, plan, step)
        case "owe":
            return True, _owed(draft, plan, step)
        case "task":
            _ask(draft, plan, step)
            return None
        case _:
            return None


def _begun(draft: Draft, plan: Plan, step: e.Step) -> str:
    start = plan.started_at or draft.now.utc
    since = words(max(0, between(start, draft.now.utc)))
    until = after(start, int(step.options["within_ms"]))
    return f"{step.title} begins {since} after the start; to have ended by {until:%H:%M:%S} UTC"


def _told(draft: Draft, plan: Plan, step: e.Step) -> Ended:
    """Told is: handed to every channel of the audience. Whether it was delivered stands beside each message."""
    incident = draft.incident(plan.incident, must_be_open=False)
    policy = draft.policy(incident)
    name = str(step.options["audience"])
    audience = next((one for one in policy.protocol.audiences if one.name == name), None)
    if audience is None or not audience.channels:
        return False, f"{name} has no channel, so nobody was told"
    if incident.private:
        return False, f"{incident.id} is private, so nobody was told"
    # Who approved the plan wants them told now, whatever they would be held back by. Whether it concerns them
    # at all is another matter.
    if not all_hold(audience.when, incident.worst_impact.facts()):
        return False, f"{incident.id} does not concern {name} so far, so nobody was told"
    every = common_fields(draft.world, policy, incident)
    every |= {"now": f"{draft.now.utc:%Y-%m-%d %H:%M:%S} UTC"}
    subject = fill(str(step.options["subject"]) or step.title, every)
    text = fill(str(step.options["text"]), every)
    fields = {"step": subject, "text": text, "plan": plan.title}
    used = tell_audience(draft, incident.id, audience, OCCASION, fields)
    return True, f"{name} told over {', '.join(sorted(used))}"


def _owed(draft: Draft, plan: Plan, step: e.Step) -> str:
    options = step.options
    within = _span(options["within"])
    assert within is not None, "the checker wants a time for whatever is owed"
    rule = Obligation(
        str(options["obligation"]), str(options["title"]), str(options["owner"]), within,
        begins="plan", met_by=str(options["met_by"]), remind=_span(options["remind"]),
    )  # fmt: skip
    return owe_one(draft, plan.incident, rule)


def _span(given: Sequence[Any]) -> Span | None:
    return Span(int(given[0]), Clock(given[1])) if given else None


def _ask(draft: Draft, plan: Plan, step: e.Step) -> None:
    """Page whoever holds the role; the owner where nobody does."""
    incident = draft.incident(plan.incident, must_be_open=False)
    role, task = str(step.options["role"]), str(step.options["task"])
    more = str(step.options.get("text", ""))
    how = f'allstop plan settle {plan.id} {step.id} --happened --evidence "what you saw"'
    text = "\n".join(part for part in (more, f"When it is done: {how}") if part)
    for person in who_owes(draft.policy(incident), incident, role):
        tell_person(draft, incident.id, person, f"{incident.id} asks you: {task}", text)


def is_open_task(plan: Plan, step_id: str) -> bool:
    """Whether a step is a task that waits for its person."""
    step = plan.step(step_id)
    return (
        step is not None
        and step.kind == TASK
        and plan.standing(step_id).state is StepState.RUNNING
        and plan.state not in ENDED
    )


def check_may_settle(draft: Draft, plan: Plan, step: e.Step, evidence: str) -> None:
    """A task is settled by a person: whoever was asked, or whoever may steer the plan; with what was seen."""
    incident = draft.incident(plan.incident)
    policy = draft.policy(incident)
    if draft.who.kind is not Kind.PERSON:
        refuse("human-only", f"only a person can say that a task is done, and {draft.who} is none")
    if draft.who.id not in who_owes(policy, incident, str(step.options["role"])):
        draft.require(may("plan", draft.who, policy, incident.roles))
    if not evidence.strip():
        refuse("no-evidence", "say what you saw", '--evidence "..."')


def miss_phase(draft: Draft, command: c.MissPhase) -> None:
    """A phase has not ended within its time: said once, to the commander, with what it waits for."""
    plan = draft.world.plans.get(command.plan)
    phase = next((one for one in plan.phases if one.name == command.phase), None) if plan else None
    if plan is None or phase is None or plan.started_at is None or plan.state in ENDED:
        return
    waits = plan.waits_in(phase.name)
    late = between(plan.started_at, draft.now.utc) >= phase.within_ms
    if not late or not waits or phase.name in plan.late:
        return
    event = e.PhaseLate(phase.name, phase.title, phase.within_ms, waits)
    draft.emit(plan_stream(plan.id), event)
    incident = draft.incident(plan.incident, must_be_open=False)
    _page(draft, draft.policy(incident), incident, _late_words(plan, phase, waits))


def _late_words(plan: Plan, phase: e.PlanPhase, waits: tuple[str, ...]) -> tuple[str, str]:
    shown = ", ".join(waits[:5]) + (f" and {len(waits) - 5} more" if len(waits) > 5 else "")
    due = time_words(after(plan.started_at, phase.within_ms)) if plan.started_at else ""
    text = f"It was to have ended within {words(phase.within_ms)}, by {due}. It waits for: {shown}."
    return (
        f"{plan.id}: the phase {phase.title} is late",
        f"{text} allstop plan show {plan.id}",
    )


def _page(draft: Draft, policy: Policy, incident: Incident, said: tuple[str, str]) -> None:
    """The commander; without one, the first of the chain."""
    commander = incident.roles.get("commander", "")
    if commander and policy.roster.person(commander) is not None:
        tell_person(draft, incident.id, commander, f"{incident.id}: {said[0]}", said[1])
        return
    escalate(draft, incident.id, *said)


RULES: Rules = {c.MissPhase: miss_phase}
INTERNAL: frozenset[type] = frozenset(RULES)
