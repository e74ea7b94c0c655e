"""What must hold of every log, whatever happened: for property tests, simulator and audits.

Ids are those of the design notes: S safety, L bounded liveness, U audit. Each check yields what it
found; `check` runs them all. That every one of them can fail is proven in tests/properties.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields

from allstop.application.chain import GENESIS, link
from allstop.domain.approvals import waits_for
from allstop.domain.deciding.node_running import TAKING_ROOM
from allstop.domain.gates import CriterionStanding, phase_standings, standings
from allstop.domain.halt import events as h
from allstop.domain.halt.lifecycle import SETTLED
from allstop.domain.incident import course_events as ce
from allstop.domain.incident import events as e
from allstop.domain.incident import work_events as w
from allstop.domain.plan import events as p
from allstop.domain.plan.lifecycle import PlanState, StepState
from allstop.domain.plan.state import ENDED
from allstop.domain.preflight import lets_start
from allstop.domain.samples import Standing
from allstop.domain.stop_rules import violated
from allstop.domain.world import World
from allstop.testing.invariants_halts import HALTS
from allstop.testing.invariants_levers import LEVERS
from allstop.testing.invariants_nodes import awaited, branch_stands, nodes_end_as_seen, over
from allstop.testing.invariants_outside import OUTSIDE
from allstop.testing.invariants_people import PEOPLE
from allstop.testing.invariants_playbooks import PLAYBOOKS
from allstop.testing.traces import Moment, Trace, Violation

Found = Iterator[tuple[str, object]]
TroubledSteps = (StepState.FAILED, StepState.UNKNOWN)


def dense(trace: Trace) -> Found:
    """U1: positions and versions have no gaps, and every entry is linked to the one before it."""
    versions: dict[str, int] = {}
    for place, record in enumerate(trace.records, 1):
        if record.position not in (0, place):
            yield f"position {record.position} where {place} belongs", record.kind
        version = versions.get(record.stream, 0) + 1
        if record.version != version:
            yield f"version {record.version} where {version} belongs", record.stream
        versions[record.stream] = record.version


def chained(trace: Trace) -> Found:
    """U1: the hash of every entry is right."""
    ends: dict[str, str] = {}
    for one in trace.stored or ():
        prev = ends.get(one.stream, GENESIS)
        body = one.body.encode()
        wanted = link(
            prev, one.stream, one.version, one.kind, one.schema, one.at, one.actor, one.cause, body
        )
        if one.prev != prev or one.hash != wanted:
            yield "the chain is broken", one.position
        ends[one.stream] = one.hash


def replayed(trace: Trace) -> Found:
    """U1: the state is what the log leads to."""
    if trace.live is not None and trace.live != trace.end:
        for part in fields(World):
            if getattr(trace.live, part.name) != getattr(trace.end, part.name):
                yield f"replay and live state differ in {part.name}", "end"


def severity_kept(trace: Trace) -> Found:
    """S13: the severity never drops without a person."""
    for moment in trace.moments_of(e.SeverityClassified):
        event = moment.record.event
        if not isinstance(event, e.SeverityClassified) or event.by_person:
            continue
        incident = moment.before.incidents[moment.id]
        protocol = trace.book.pinned(incident.policy).protocol
        if not incident.severity:
            continue
        if protocol.severity(event.severity).rank > protocol.severity(incident.severity).rank:
            yield f"{incident.severity} became {event.severity} by itself", moment


def gates_kept(trace: Trace) -> Found:
    """S12: a phase is left, and an incident stood down, only with every criterion met or overridden."""
    for moment in trace.moments_of(e.PhaseEntered, e.MilestoneReached, e.IncidentStoodDown):
        event = moment.record.event
        incident = moment.before.incidents.get(moment.id)
        if incident is None:
            continue
        policy = trace.book.pinned(incident.policy)
        leaves = isinstance(event, e.PhaseEntered) and bool(incident.phase)
        resolves = isinstance(event, e.MilestoneReached) and event.name == "resolved"
        wanted: tuple[CriterionStanding, ...] = ()
        if leaves or resolves:
            phase = policy.protocol.phase(incident.phase)
            wanted = phase_standings(moment.before, policy, incident, phase)
        if isinstance(event, e.IncidentStoodDown):
            wanted = standings(moment.before, policy, incident, policy.protocol.stand_down)
            yield from _unready(moment)
        for one in wanted:
            if not one.passed:
                yield f"{one.criterion.id} was not met: {one.text}", moment


def _unready(moment: Moment) -> Found:
    incident = moment.before.incidents[moment.id]
    if "resolved" not in incident.milestones:
        yield "stood down before it was resolved", moment
    if not moment.record.actor.startswith("person:"):
        yield f"stood down by {moment.record.actor}", moment
    for plan in moment.before.plans_of(incident.id):
        if plan.state in (PlanState.RUNNING, PlanState.HELD, PlanState.PAUSED):
            yield f"stood down while {plan.id} was {plan.state}", moment


def settled_truly(trace: Trace) -> Found:
    """S11: "all stopped" means every agent is confirmed by evidence or enforced."""
    for moment in trace.moments_of(h.HaltSettled):
        if isinstance(moment.record.event, h.HaltSettled):
            for line in moment.after.halts[moment.id].roll.values():
                if line.state not in SETTLED:
                    yield f"settled while {line.agent} is {line.state}", moment


def latched(trace: Trace) -> Found:
    """S2, S3: only a person lifts a halt, once, with a reason; whom another one holds stays held."""
    for moment in trace.moments():
        event = moment.record.event
        before = moment.before.halts
        for id, halt in before.items() if moment.after.halts is not before else ():
            if halt.stands and not moment.after.halts[id].stands and moment.id != id:
                yield f"{id} was lifted by an entry that is not about it", moment
        if not isinstance(event, h.HaltReleased):
            continue
        if not moment.record.actor.startswith("person:") or not event.reason.strip():
            yield f"lifted by {moment.record.actor}: {event.reason!r}", moment
        if not moment.before.halts[moment.id].stands:
            yield "lifted twice", moment
        for agent in event.agents:
            if moment.after.holders(agent):
                yield f"{agent} is let go while another halt holds it", moment


def newcomers_held(trace: Trace) -> Found:
    """S2: at the end, every agent in the scope of a standing halt is on its roll."""
    for halt in trace.end.standing_halts():
        for agent in trace.end.agents.values():
            if halt.covers(agent) and agent.id not in halt.roll:
                yield f"{agent.id} runs free of {halt.id}", "end"


def deadlines_once(trace: Trace) -> Found:
    """L1: a deadline is missed at most once, and not before its time."""
    seen: set[tuple[str, str]] = set()
    for moment in trace.moments_of(e.DeadlineMissed):
        event = moment.record.event
        if isinstance(event, e.DeadlineMissed):
            if (moment.id, event.deadline) in seen:
                yield f"{event.deadline} was missed twice", moment
            seen.add((moment.id, event.deadline))
            if moment.record.at < event.due_at:
                yield f"{event.deadline} was called missed too early", moment


def updates_once(trace: Trace) -> Found:
    """L1: an update is asked for once (once more after a reopening), and updates are numbered without gaps."""
    asked: set[tuple[str, int, int]] = set()
    for moment in trace.moments_of(e.UpdateRequested, e.UpdatePosted):
        event = moment.record.event
        if isinstance(event, e.UpdateRequested):
            once = (moment.id, event.number, len(moment.before.incidents[moment.id].reopened))
            if once in asked:
                yield f"update {event.number} was asked for twice", moment
            asked.add(once)
        if not isinstance(event, e.UpdatePosted):
            continue
        if event.number != moment.before.incidents[moment.id].updates + 1:
            yield f"update {event.number} out of turn", moment


def one_per_key(trace: Trace) -> Found:
    """S15: at most one open incident bears the same deduplication key."""
    for moment in trace.moments_of(e.IncidentDeclared):
        event = moment.record.event
        if isinstance(event, e.IncidentDeclared) and event.dedup:
            for other in moment.before.open_incidents():
                if other.dedup == event.dedup:
                    yield f"{other.id} is open for {event.dedup} already", moment


def steps_in_order(trace: Trace) -> Found:
    """S5, S7, S9: no step starts twice, out of order, unapproved, after the end, or past a held one."""
    for moment in trace.moments_of(p.PlanStarted, p.StepStarted):
        event, plan = moment.record.event, moment.before.plans.get(moment.id)
        if plan is None:
            continue
        if isinstance(event, p.PlanStarted) and plan.approve and not plan.approved_by:
            yield "started without its approval", moment
        if not isinstance(event, p.StepStarted):
            continue
        state, step = plan.standing(event.step).state, plan.step(event.step)
        if state not in (StepState.WAITING, *TroubledSteps):
            yield f"{event.step} started although it is {state}", moment
        if state is StepState.WAITING and plan.state is not PlanState.RUNNING:
            yield f"{event.step} started while the plan is {plan.state}", moment
        if plan.state in ENDED:
            yield f"{event.step} started in a plan that has ended", moment
        for before in awaited(plan, event.step) if step else ():
            if not over(plan, before, event.step):
                yield f"{event.step} started before {before} was done", moment


def troubles_hold(trace: Trace) -> Found:
    """L5: between two transactions a failed step holds its plan or its branch, and a running plan has work."""
    last = {record.cause: record.position for record in trace.records}
    for plan in trace.end.plans.values():
        states = {step.id: plan.standing(step.id).state for step in plan.steps}
        failed = [id for id, state in states.items() if state is StepState.FAILED]
        if plan.state is PlanState.RUNNING and not all(branch_stands(plan, id) for id in failed):
            yield f"{plan.id} runs on past a failed step", last.get("", "end")
        if plan.state is PlanState.RUNNING and not {StepState.RUNNING, StepState.UNKNOWN} & set(
            states.values()
        ):
            yield f"{plan.id} is running and nothing of it is", "end"


def gates_passed(trace: Trace) -> Found:
    """S12: a gate step is done only when its samples say so."""
    for moment in trace.moments_of(p.StepDone):
        event, plan = moment.record.event, moment.before.plans.get(moment.id)
        if plan is None or not isinstance(event, p.StepDone):
            continue
        step, gate = plan.step(event.step), plan.gates.get(event.step)
        if step is None or step.kind != "gate":
            continue
        if gate is None or gate.standing() is not Standing.PASS:
            yield f"{event.step} is done without a pass", moment


def approvals_bind(trace: Trace) -> Found:
    """S8: who agrees is a person, to exactly these steps, and everybody who must has, or was overridden."""
    for moment in trace.moments_of(*_BY_PEOPLE, w.ChangeApproved, w.ChangeEnded):
        event, actor = moment.record.event, moment.record.actor
        if isinstance(event, _BY_PEOPLE) and not actor.startswith("person:"):
            yield f"{moment.record.kind} by {actor}", moment
        if isinstance(event, p.PlanApproved):
            yield from _plan_agreed(moment, event)
        if isinstance(event, p.PlanSigned) and event.hash != moment.before.plans[moment.id].hash:
            yield "signed other steps than it has", moment
        if isinstance(event, w.ChangeSigned | w.ChangeApproved | w.ChangeEnded):
            yield from _change_agreed(moment)


# What no machine may do. A change that needs nobody is approved for whoever asked, so it is not here.
_BY_PEOPLE = (
    e.ApprovalGiven, e.CriterionOverridden, ce.OverrideRecorded, p.PlanSigned, p.PlanApproved,
    p.PlanResumed, w.ChangeSigned,
)  # fmt: skip


def _plan_agreed(moment: Moment, event: p.PlanApproved) -> Found:
    plan = moment.before.plans[moment.id]
    if event.hash != plan.hash:
        yield "approved other steps than it has", moment
    incident = moment.before.incidents[plan.incident]
    # Plans of logs from before there were signatures name who must agree in words alone.
    counted = bool(plan.people or plan.reviewers)
    overridden = f"plan:{plan.id}" in incident.overrides
    if counted and not overridden and waits_for(plan):
        yield f"approved while it waits for {waits_for(plan)}", moment


def _change_agreed(moment: Moment) -> Found:
    event, incident = moment.record.event, moment.before.incidents[moment.id]
    change = incident.changes[event.id]
    if isinstance(event, w.ChangeSigned) and moment.record.actor == change.requested_by:
        yield f"{change.id} was signed by whoever asked for it", moment
    overridden = f"change:{change.id}" in incident.overrides
    if isinstance(event, w.ChangeApproved) and not overridden and waits_for(change):
        yield f"{change.id} was approved while it waits for {waits_for(change)}", moment
    if isinstance(event, w.ChangeEnded) and event.state == "made" and change.state != "approved":
        yield f"{change.id} was made while it was {change.state}", moment


def checked_first(trace: Trace) -> Found:
    """S16: no plan starts before the preflight that it waits for has passed or was overridden."""
    for moment in trace.moments_of(p.PlanStarted):
        if not isinstance(moment.record.event, p.PlanStarted):
            continue
        plan = moment.before.plans[moment.id]
        incident = moment.before.incidents[plan.incident]
        for reason in lets_start(trace.book.pinned(incident.policy), incident, plan).reasons:
            yield f"started although {reason.text}", moment


def rules_kept(trace: Trace) -> Found:
    """S17: no step of a plan begins while a stop rule is violated that nobody has accepted."""
    for moment in trace.moments_of(p.StepStarted):
        event, plan = moment.record.event, moment.before.plans.get(moment.id)
        if plan is None or not isinstance(event, p.StepStarted):
            continue
        incident = moment.before.incidents[plan.incident]
        policy = trace.book.pinned(incident.policy)
        waiting = plan.standing(event.step).state is StepState.WAITING
        for rule, _ in violated(policy, incident, plan, moment.record.at) if waiting else ():
            yield f"{event.step} began against the rule {rule.id}", moment


def effects_asked(trace: Trace) -> Found:
    """S5: every start of an act or a proof has exactly one effect, under its own key."""
    if trace.effects is None:
        return
    for moment in trace.moments_of(p.StepStarted):
        event, plan = moment.record.event, moment.before.plans.get(moment.id)
        if plan is None or not isinstance(event, p.StepStarted):
            continue
        step = plan.step(event.step)
        key = f"{moment.record.stream}:{moment.record.version}:0"
        if step is not None and (step.kind in TAKING_ROOM) != (key in trace.effects):
            yield f"{event.step} has {'no' if step.kind in TAKING_ROOM else 'an'} effect", moment


CHECKS: tuple[Callable[[Trace], Found], ...] = (
    dense, chained, replayed, severity_kept, gates_kept, settled_truly, latched, newcomers_held,
    deadlines_once, updates_once, one_per_key, steps_in_order, troubles_hold, gates_passed,
    approvals_bind, checked_first, rules_kept, effects_asked, nodes_end_as_seen, *PLAYBOOKS, *LEVERS, *PEOPLE, *OUTSIDE,
    *HALTS,
)  # fmt: skip


def check(trace: Trace) -> tuple[Violation, ...]:
    """Everything that does not hold."""
    found = []
    for one in CHECKS:
        name = (one.__doc__ or one.__name__).partition(":")[0]
        found += [
            Violation(name, f"{one.__name__}: {what}", str(where)) for what, where in one(trace)
        ]
    return tuple(found)
