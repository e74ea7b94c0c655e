"""Running plans: approvals, steps, outcomes and gates."""

from __future__ import annotations

from allstop.domain.approvals import waits_for
from allstop.domain.authority import may
from allstop.domain.deciding.aborting import abort_beside
from allstop.domain.deciding.escalating import escalate
from allstop.domain.deciding.node_running import (
    hold_by_failures,
    hold_where_stuck,
    node_step_done,
    node_step_failed,
    startable,
)
from allstop.domain.deciding.own_steps import carry_out, check_may_settle, is_open_task
from allstop.domain.deciding.plan_drawing import check_apart, check_still_true
from allstop.domain.deciding.plan_finding import incident_of, known_plan, refuse_moot
from allstop.domain.deciding.safe_again import unsafe_now
from allstop.domain.deciding.stopping_plans import hold_by_rules
from allstop.domain.deciding.telling import announce
from allstop.domain.draft import Draft, refuse
from allstop.domain.effects import Ending, Outcome
from allstop.domain.incident.commands import NoteRelease
from allstop.domain.incident.events import MilestoneReached
from allstop.domain.moment import between, words
from allstop.domain.plan import commands as c
from allstop.domain.plan import events as e
from allstop.domain.plan.lifecycle import ENDS, PlanState, StepState
from allstop.domain.plan.remedies import milestone_of
from allstop.domain.plan.state import ENDED, FAILURES, RULE, Plan, holds_all
from allstop.domain.preflight import lets_start
from allstop.domain.principal import Kind
from allstop.domain.record import FLEET_STREAM, plan_stream
from allstop.domain.samples import Sample, Standing
from allstop.domain.verdict import nearest

# So many probes of a gate are told by name with what they saw; its facts hold all.
LINES_TOLD = 6


def start_plan(draft: Draft, command: c.StartPlan) -> None:
    """Start a plan that everybody agreed to, once the checks before it have passed."""
    plan = known_plan(draft, command.plan)
    incident = draft.incident(plan.incident)
    policy = draft.policy(incident)
    draft.require(may("plan", draft.who, policy, incident.roles))
    check_not_started(plan)
    if plan.approve and plan.state is not PlanState.APPROVED:
        text = f"{plan.id} waits for {waits_for(plan)}"
        refuse("not-approved", text, f"allstop approve {plan.id}")
    draft.require(lets_start(policy, incident, plan))
    check_still_true(draft, policy, plan)
    abort_beside(draft, plan)
    begin_plan(draft, plan.id)


def check_not_started(plan: Plan) -> None:
    """Refuse a plan that has been started, or has ended."""
    if plan.state not in (PlanState.PROPOSED, PlanState.APPROVED):
        refuse("not-proposed", f"{plan.id} is {plan.state}")


def begin_plan(draft: Draft, plan_id: str) -> None:
    """Whatever stood before it is settled or overridden: it runs. Two plans never work on the same service."""
    # What the coordinator begins by itself has looked before (see `expiry`).
    if draft.who.kind is not Kind.SYSTEM:
        check_apart(draft, draft.world.plans[plan_id])
    draft.emit(plan_stream(plan_id), e.PlanStarted(draft.world.epoch + 1))
    _go_on(draft, plan_id)


def step_outcome(draft: Draft, plan_id: str, step: str, outcome: Outcome) -> None:
    """What the runner observed about one step. Anything but done holds the plan."""
    plan = draft.world.plans.get(plan_id)
    if plan is None or plan.standing(step).state not in (StepState.RUNNING, StepState.UNKNOWN):
        return
    match outcome.ending:
        case Ending.DONE:
            _done(draft, plan_id, step, outcome.because, outcome.evidence, dict(outcome.facts))
        case Ending.UNKNOWN:
            if plan.standing(step).state is StepState.RUNNING:
                draft.emit(plan_stream(plan_id), e.StepUnknown(step, outcome.because))
        case _:
            draft.emit(plan_stream(plan_id), e.StepFailed(step, outcome.because, outcome.evidence))
            _failed(draft, plan_id, step, outcome.because)


def step_parked(draft: Draft, plan_id: str, step: str, because: str) -> None:
    """No machine can say how the step ended: a person has to."""
    plan = draft.world.plans.get(plan_id)
    if plan is None or plan.standing(step).state not in (StepState.RUNNING, StepState.UNKNOWN):
        return
    if plan.standing(step).state is StepState.RUNNING:
        draft.emit(plan_stream(plan_id), e.StepUnknown(step, because))
    _failed(draft, plan_id, step, f"outcome unknown: {because}")


def retry_step(draft: Draft, command: c.RetryStep) -> None:
    """Try a step again that failed; or accept that a stop rule is violated, and go on."""
    if command.step.startswith(RULE) or command.step == FAILURES:
        _accept(draft, command.plan, command.step)
        return
    plan = _held(draft, command.plan, command.step)
    draft.only_people("tries a step again")
    begin_again(draft, plan.id, command.step)


def begin_again(draft: Draft, plan_id: str, step: str) -> None:
    """Start a step once more; what ends where it begins may let more begin."""
    if _begin(draft, plan_id, step):
        _go_on(draft, plan_id)


def _accept(draft: Draft, plan_id: str, rule: str) -> None:
    """A person takes it upon themselves: this rule stops the plan no more, and that is on the record."""
    plan = known_plan(draft, plan_id)
    incident = incident_of(draft, plan)
    draft.require(may("plan", draft.who, draft.policy(incident), incident.roles))
    if draft.who.kind is not Kind.PERSON:
        refuse(
            "human-only",
            f"only a person may accept that a rule is violated, and {draft.who} is none",
        )
    if plan.state in ENDED:
        refuse("ended", f"{plan.id} is {plan.state}, nothing of it is done any more")
    if rule not in plan.holding:
        refuse("not-held", f"{rule} does not hold {plan.id}", nearest(rule, plan.holding))
    draft.emit(plan_stream(plan.id), e.PlanResumed(rule.removeprefix(RULE)))
    settle_gates(draft, plan.incident)
    _go_on(draft, plan.id)


def settle_step(draft: Draft, command: c.SettleStep) -> None:
    """A person has looked and says how an unknown step ended; or whether a task of theirs is done."""
    plan = known_plan(draft, command.plan)
    if is_open_task(plan, command.step):
        _settle_task(draft, plan, command)
        return
    plan = _held(draft, command.plan, command.step)
    if draft.who.kind.value != "person":
        refuse("human-only", "only a person can settle a step")
    if not command.evidence.strip():
        refuse("no-evidence", "say what you saw", '--evidence "..."')
    if plan.standing(command.step).state is not StepState.UNKNOWN:
        hint = f"allstop plan retry {plan.id} {command.step}"
        refuse("not-unknown", f"{command.step} failed, there is nothing to settle", hint)
    if command.happened:
        _done(draft, plan.id, command.step, f"{draft.who}: {command.evidence.strip()}", "", {})
    else:
        # It has not happened, whether or not it may be done again now.
        said = f"{draft.who}: {command.evidence.strip()}"
        draft.emit(plan_stream(plan.id), e.StepFailed(command.step, said))
        begin_again(draft, plan.id, command.step)


def _settle_task(draft: Draft, plan: Plan, command: c.SettleStep) -> None:
    check_may_settle(draft, plan, plan.routes.steps[command.step], command.evidence)
    said = f"{draft.who}: {command.evidence.strip()}"
    if command.happened:
        _done(draft, plan.id, command.step, said, "", {})
    else:
        draft.emit(plan_stream(plan.id), e.StepFailed(command.step, said))
        _failed(draft, plan.id, command.step, said)


def abort_plan(draft: Draft, command: c.AbortPlan) -> None:
    plan = known_plan(draft, command.plan)
    incident = incident_of(draft, plan)
    draft.require(may("plan", draft.who, draft.policy(incident), incident.roles))
    if plan.state in ENDED:
        refuse("ended", f"{plan.id} is {plan.state}")
    if not command.reason.strip():
        refuse("no-reason", "aborting a plan needs a reason", '--because "..."')
    draft.emit(plan_stream(plan.id), e.PlanAborted(command.reason.strip()))


def continue_plan(draft: Draft, command: c.ContinuePlan) -> None:
    """The end of a pause: what has become ready meanwhile starts."""
    plan = known_plan(draft, command.plan)
    incident = incident_of(draft, plan)
    draft.require(may("plan", draft.who, draft.policy(incident), incident.roles))
    if plan.state is not PlanState.PAUSED:
        refuse("not-paused", f"{plan.id} is {plan.state}", f"allstop plan show {plan.id}")
    draft.emit(plan_stream(plan.id), e.PlanContinued())
    # What failed during the pause holds it as it would have before.
    for name, because in plan.holding.items():
        if holds_all(plan, name):
            draft.emit(plan_stream(plan.id), e.PlanHeld(name, because))
    settle_gates(draft, plan.incident)
    _go_on(draft, plan.id)


def waive_step(draft: Draft, command: c.WaiveStep) -> None:
    """A person lets a node go on without a step of it that failed: named, with a reason, on the record."""
    plan = _held(draft, command.plan, command.step)
    if draft.who.kind is not Kind.PERSON:
        refuse("human-only", f"only a person may waive a step, and {draft.who} is none")
    if not plan.nodes:
        hint = f"allstop plan retry {plan.id} {command.step}, or allstop plan abort {plan.id}"
        refuse("not-waivable", f"every step of {plan.id} is needed", hint)
    if not command.reason.strip():
        refuse("no-reason", "waiving a step needs a reason", '--because "..."')
    draft.emit(plan_stream(plan.id), e.StepWaived(command.step, command.reason.strip()))
    node_step_done(draft, plan.id, command.step)
    _go_on(draft, plan.id)


def settle_gates(draft: Draft, incident: str, samples: tuple[Sample, ...] = ()) -> None:
    """After a round of samples: every running gate that has passed is done, with what each probe saw."""
    seen = {one.probe: one.text for one in samples}
    for plan in draft.world.plans_of(incident):
        if plan.state is not PlanState.RUNNING:
            continue
        for key, gate in plan.gates.items():
            if gate.standing() is Standing.PASS:
                text = f"{gate.good_run} good samples in a row, stable for {words(gate.stable_ms)}"
                lines = {name: seen[name] for name in gate.probes if name in seen}
                shown = [f"{name}: {said}" for name, said in tuple(lines.items())[:LINES_TOLD]]
                if len(lines) > LINES_TOLD:
                    shown.append(f"and {len(lines) - LINES_TOLD} more")
                _done(draft, plan.id, key, "; ".join((text, *shown)), "", dict(lines))


def fail_gate(draft: Draft, command: c.FailGate) -> None:
    """A gate has used up its time."""
    plan = known_plan(draft, command.plan)
    step, standing = plan.step(command.step), plan.standing(command.step)
    if step is None or standing.state is not StepState.RUNNING or standing.started_at is None:
        return
    if not step.limit_ms or between(standing.started_at, draft.now.utc) < step.limit_ms:
        return
    gate = plan.gates.get(command.step)
    seen = f"{gate.good_run} good samples, {gate.trouble or 'no trouble'}" if gate else "no samples"
    because = f"not passed within {words(step.limit_ms)}: {seen}"
    draft.emit(plan_stream(plan.id), e.StepFailed(command.step, because))
    _failed(draft, plan.id, command.step, because)


def note_release(draft: Draft, command: NoteRelease) -> None:
    """The monitor has seen a release healthy long enough to be one to go back to."""
    known = draft.world.known_good.get(command.service)
    if known is None or known.release != command.release:
        draft.emit(
            FLEET_STREAM, e.ReleaseKnownGood(command.service, command.release, command.good_for_ms)
        )


def _done(
    draft: Draft, plan_id: str, step: str, evidence: str, sha256: str, facts: dict[str, object]
) -> None:
    draft.emit(plan_stream(plan_id), e.StepDone(step, evidence, sha256, facts))  # type: ignore[arg-type]
    if draft.world.plans[plan_id].nodes:
        node_step_done(draft, plan_id, step)
    _go_on(draft, plan_id)


def _failed(draft: Draft, plan_id: str, step: str, because: str) -> None:
    """A step has failed or cannot be known. In a plan with nodes that concerns its branch only."""
    plan = draft.world.plans[plan_id]
    if not plan.nodes:
        _hold(draft, plan_id, step, because)
        return
    _tell_of_node(draft, plan_id, step, because)
    _go_on(draft, plan_id)


def _go_on(draft: Draft, plan_id: str) -> None:
    """Start whatever has become ready; end the plan when nothing is left. Event-driven, never waves."""
    # What ends where it begins may make more ready, or be the failure that keeps the rest from beginning.
    while _is_running(draft, plan_id):
        ready = startable(draft.world.plans[plan_id])
        if not any(_begin(draft, plan_id, step.id) for step in ready):
            break
    plan = draft.world.plans[plan_id]
    if plan.state is not PlanState.RUNNING:
        return
    if not plan.finished:
        stuck = hold_where_stuck(draft, plan_id) if plan.nodes else ""
        if stuck:
            _tell_held(draft, plan_id, "", stuck)
        return
    draft.emit(plan_stream(plan_id), e.PlanDone())
    incident = draft.incident(plan.incident, must_be_open=False)
    milestone = milestone_of(plan, incident)
    if milestone and milestone not in incident.milestones and incident.is_open:
        draft.on_incident(plan.incident, MilestoneReached(milestone))
        announce(draft, plan.incident, "milestone", {"milestone": milestone, "how": plan.title})


def _is_running(draft: Draft, plan_id: str) -> bool:
    """Whether anything may start. What is against the rules starts nothing further, not even its first step."""
    hold_by_rules(draft, plan_id)
    if too_many := hold_by_failures(draft, plan_id):
        _tell_held(draft, plan_id, FAILURES, too_many)
    return draft.world.plans[plan_id].state is PlanState.RUNNING


def _begin(draft: Draft, plan_id: str, step_id: str) -> bool:
    """Start a step, once more where it failed. Returns whether it has ended with that already."""
    plan = draft.world.plans[plan_id]
    attempt = plan.standing(step_id).attempt + 1
    if unsafe := _unsafe(draft, plan, step_id):
        draft.emit(plan_stream(plan_id), e.StepRefused(step_id, unsafe))
        draft.emit(
            plan_stream(plan_id), e.NodeHeld(plan.routes.steps[step_id].node, step_id, unsafe)
        )
        _tell_held(draft, plan_id, step_id, unsafe)
        return True
    draft.emit(plan_stream(plan_id), e.StepStarted(step_id, attempt))
    ended = carry_out(draft, plan_id, plan.routes.steps[step_id])
    if ended is None:
        return False
    happened, text = ended
    if happened:
        draft.emit(plan_stream(plan_id), e.StepDone(step_id, text))
        node_step_done(draft, plan_id, step_id)
        return True
    draft.emit(plan_stream(plan_id), e.StepFailed(step_id, text))
    _tell_of_node(draft, plan_id, step_id, text)
    return True


def _unsafe(draft: Draft, plan: Plan, step_id: str) -> str:
    """Why a step of a node must not begin now. Judged before it counts as begun."""
    if not plan.nodes:
        return ""
    incident = incident_of(draft, plan)
    return unsafe_now(
        draft.world, draft.policy(incident), incident, plan, plan.routes.steps[step_id]
    )


def _hold(draft: Draft, plan_id: str, step: str, because: str) -> None:
    """Stop here, say so, ask the commander, and escalate: nothing claims success."""
    plan = draft.world.plans[plan_id]
    if plan.state not in (PlanState.RUNNING, PlanState.HELD, PlanState.PAUSED):
        return
    draft.emit(plan_stream(plan_id), e.PlanHeld(step, because))
    _tell_held(draft, plan_id, step, because)


def _tell_of_node(draft: Draft, plan_id: str, step: str, because: str) -> None:
    """What a failure means for its node; told where a person has to look, at this step or at its rescue."""
    waits = node_step_failed(draft, plan_id, step, because)
    if waits:
        why = because if waits == step else draft.world.plans[plan_id].standing(waits).evidence
        _tell_held(draft, plan_id, waits, why)


def _tell_held(draft: Draft, plan_id: str, step: str, because: str) -> None:
    plan = draft.world.plans[plan_id]
    incident = draft.incident(plan.incident, must_be_open=False)
    commander = incident.roles.get("commander", "")
    again = f"allstop plan retry {plan_id} {step}" if step else f"allstop plan show {plan_id}"
    first = (commander,) if commander else ()
    if plan.state in ENDED:
        text = (
            f"{because}. Nothing of it is tried again; how far it came: allstop plan show {plan_id}"
        )
        escalate(
            draft, incident.id, f"{plan_id} is {plan.state}, and {step} went wrong", text, first
        )
        return
    found = plan.step(step)
    if found is not None and found.node and plan.node_at(found.node).state in ENDS:
        subject = f"{found.node} of {plan_id} is left as it is"
        escalate(draft, incident.id, subject, f"{because}. allstop plan show {plan_id}", first)
        return
    text = f"{because}. {again}, or allstop plan abort {plan_id}"
    escalate(draft, incident.id, f"{plan_id} is held", text, first)


def _held(draft: Draft, plan_id: str, step: str) -> Plan:
    plan = known_plan(draft, plan_id)
    incident = incident_of(draft, plan)
    draft.require(may("plan", draft.who, draft.policy(incident), incident.roles))
    if plan.step(step) is None:
        refuse(
            "unknown-step",
            f"{plan_id} has no step {step}",
            nearest(step, [one.id for one in plan.steps]),
        )
    if plan.standing(step).state not in (StepState.FAILED, StepState.UNKNOWN):
        refuse("not-held", f"{step} is {plan.standing(step).state}")
    if plan.state in ENDED:
        refuse("ended", f"{plan.id} is {plan.state}, nothing of it is done any more")
    rule = next((name for name in plan.holding if name.startswith(RULE)), "")
    if rule:
        text = f"{plan.id} is held by a stop rule: {plan.holding[rule]}"
        refuse("rule-violated", text, f"allstop plan retry {plan.id} {rule}, to accept it")
    if step not in plan.holding and plan.standing(step).state is StepState.FAILED:
        refuse_moot(plan, plan.routes.steps[step])
    if step not in plan.holding:
        refuse("being-observed", f"it is being looked at how {step} ended", "allstop plans")
    return plan
