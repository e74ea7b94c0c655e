"""Gates: what each exit criterion still wants, in words."""

from __future__ import annotations

from dataclasses import dataclass

from allstop.domain.approvals import waits_for
from allstop.domain.halt.lifecycle import SETTLED
from allstop.domain.incident.parts import Approval
from allstop.domain.incident.state import Incident
from allstop.domain.moment import words
from allstop.domain.plan.lifecycle import PlanState
from allstop.domain.plan.remedies import is_done_remedy
from allstop.domain.plan.state import Plan
from allstop.domain.policy import Criterion, CriterionKind, Phase, Policy
from allstop.domain.preflight import lets_start
from allstop.domain.recognition import first_phase
from allstop.domain.samples import GateProgress, Standing
from allstop.domain.verdict import Reason, Verdict
from allstop.domain.work_gates import judge_work, work_hint
from allstop.domain.world import World


@dataclass(frozen=True, slots=True)
class CriterionStanding:
    """met: holds now; overridden: let through by a person; text: how far it is, or what is missing."""

    criterion: Criterion
    met: bool
    text: str
    overridden: bool = False

    @property
    def passed(self) -> bool:
        return self.met or self.overridden


def watches(policy: Policy, criteria: tuple[Criterion, ...]) -> tuple[GateProgress, ...]:
    """The gates over samples that these criteria need, each from nothing."""
    every = tuple(probe.name for probe in policy.fleet.probes())
    return tuple(
        GateProgress(
            criterion.id, criterion.probes or every, criterion.window_ms, criterion.min_samples
        )
        for criterion in criteria
        if criterion.kind in (CriterionKind.PROBE, CriterionKind.STABLE_FOR)
    )


def standings(
    world: World, policy: Policy, incident: Incident, criteria: tuple[Criterion, ...]
) -> tuple[CriterionStanding, ...]:
    """Where each criterion stands, in the protocol's order."""
    return tuple(_standing(world, policy, incident, criterion) for criterion in criteria)


def phase_standings(
    world: World, policy: Policy, incident: Incident, phase: Phase
) -> tuple[CriterionStanding, ...]:
    return standings(world, policy, incident, phase.exit)


def all_passed(
    world: World, policy: Policy, incident: Incident, criteria: tuple[Criterion, ...]
) -> bool:
    """Whether nothing is wanted any more."""
    return all(
        one.id in incident.overrides or _judge(world, policy, incident, one)[0] for one in criteria
    )


def asked_for(policy: Policy, kind: CriterionKind, subject: str = "", *, since: str = "") -> bool:
    """Whether a phase has a criterion of this kind and subject. since: only this phase and later ones."""
    phases = policy.protocol.phases
    first = next((place for place, phase in enumerate(phases) if phase.name == since), 0)
    return any(
        one.subject == subject and one.kind == kind
        for phase in phases[first:]
        for one in phase.exit
    )


def begins_behind_containment(policy: Policy, incident: Incident) -> bool:
    """Whether its kind of emergency begins behind the gate that asks for containing."""
    begins = first_phase(policy.protocol, incident.kind).name
    asked = asked_for(policy, CriterionKind.PLAN, "contain")
    return asked and not asked_for(policy, CriterionKind.PLAN, "contain", since=begins)


def verdict_of(found: tuple[CriterionStanding, ...]) -> Verdict:
    """Open when every criterion passed, otherwise shut with what is missing."""
    return Verdict(
        tuple(
            Reason(
                f"criterion:{one.criterion.id}",
                f"{one.criterion.title}: {one.text}",
                hint_of(one.criterion),
            )
            for one in found
            if not one.passed
        )
    )


def _standing(
    world: World, policy: Policy, incident: Incident, criterion: Criterion
) -> CriterionStanding:
    met, text = _judge(world, policy, incident, criterion)
    reason = incident.overrides.get(criterion.id)
    if reason is not None and not met:
        return CriterionStanding(
            criterion, met, f"overridden: {reason} (was: {text})", overridden=True
        )
    return CriterionStanding(criterion, met, text)


def _judge(
    world: World, policy: Policy, incident: Incident, criterion: Criterion
) -> tuple[bool, str]:
    match criterion.kind:
        case CriterionKind.ROLL_CALL:
            return roll_call(world, policy, incident)
        case CriterionKind.EVIDENCE:
            return _evidence(incident)
        case CriterionKind.REMEDY:
            chosen = incident.remedy
            return (
                chosen is not None,
                f"{chosen.remedy}: {chosen.because}" if chosen else "not decided yet",
            )
        case CriterionKind.PLAN:
            return _plan(world, policy, incident, criterion.subject)
        case CriterionKind.PROBE | CriterionKind.STABLE_FOR:
            return _sampled(incident, criterion)
        case CriterionKind.STATEMENT:
            said = incident.statements.get(criterion.subject)
            return (said is not None, said if said is not None else "nobody has stated it")
        case CriterionKind.APPROVAL:
            return _approval(policy, incident, criterion.subject)
        case CriterionKind.ROLE:
            holder = incident.roles.get(criterion.subject)
            return (holder is not None, f"{holder}" if holder else "nobody holds it")
        case _:
            return judge_work(policy, incident, criterion)


def roll_call(world: World, policy: Policy, incident: Incident) -> tuple[bool, str]:
    """Whether every agent that was told to stop is confirmed or enforced, and how many are."""
    halts = world.halts_of(incident.id)
    newest = tuple(halt for halt in halts if halt.is_all_stop)[-1:]
    if not newest and policy.protocol.severity(incident.severity).all_stop:
        return (False, "no all-stop was ordered")
    # The incident may hold smaller halts beside its all-stop: while they stand, each of them counts.
    counted = newest + tuple(halt for halt in halts if halt.stands and halt not in newest)
    if not counted:
        return (True, "no all-stop at this severity")
    lines = tuple(line for halt in counted for line in halt.roll.values())
    if not lines:
        return (True, "no agents are registered")
    states = [(line.agent, line.held_as or line.state) for line in lines]
    waiting = [f"{agent} {state}" for agent, state in states if state not in SETTLED]
    text = f"{len(lines) - len(waiting)} of {len(lines)} agents confirmed or enforced"
    if waiting and not any(halt.stands for halt in counted):
        text += " when the halt was released"
    return (not waiting, f"{text}; {', '.join(waiting)}" if waiting else text)


def _evidence(incident: Incident) -> tuple[bool, str]:
    pieces = tuple(incident.evidence.values())
    if not pieces:
        return (True, "no evidence is defined for these services")
    waiting = [piece.id for piece in pieces if piece.state == "requested"]
    lost = [piece.id for piece in pieces if piece.state == "failed"]
    if waiting:
        return (False, f"waiting for {', '.join(waiting)}")
    text = f"{len(pieces) - len(lost)} of {len(pieces)} collected"
    return (True, f"{text}; not available: {', '.join(lost)}" if lost else text)


def _approval(policy: Policy, incident: Incident, role: str) -> tuple[bool, str]:
    """Given by a holder of the role, or by somebody who may give it without holding any, such as the owner.

    An approval that let the response leave a phase is used up: it does not end the response as well.
    """
    given = incident.approvals.get("stand-down")
    if given is None or _used_up(policy, incident, given):
        return (False, f"waits for the {role}")
    known = {rule.name for rule in policy.protocol.roles}
    if role in given.roles or given.roles - known:
        return (True, f"approved by {given.person}")
    return (False, f"waits for the {role}; {given.person} approved as {given.role}")


def _used_up(policy: Policy, incident: Incident, given: Approval) -> bool:
    phases = [one for one in policy.protocol.phases if one.name == given.phase != incident.phase]
    return any(one.kind is CriterionKind.APPROVAL for phase in phases for one in phase.exit)


def _plan(world: World, policy: Policy, incident: Incident, purpose: str) -> tuple[bool, str]:
    plans = [
        plan
        for plan in world.plans_of(incident.id)
        if plan.purpose == purpose or (purpose == "remedy" and is_done_remedy(plan, incident))
    ]
    if not plans:
        return (False, "no plan was made yet")
    plan = plans[-1]
    if plan.state is PlanState.DONE and not plan.steps:
        return (True, f"nothing was done: {plan.title}")
    if plan.state is PlanState.DONE:
        return (True, f"{plan.id} done: {plan.title}")
    if plan.state is PlanState.HELD:
        return (False, f"{plan.id} is held: {plan.held_because}")
    if plan.state in (PlanState.PROPOSED, PlanState.APPROVED):
        return (False, f"{plan.id} {_before_start(policy, incident, plan)}")
    done = sum(1 for step in plan.steps if plan.standing(step.id).state == "done")
    return (False, f"{plan.id} {plan.state}, {done} of {len(plan.steps)} steps done")


def _before_start(policy: Policy, incident: Incident, plan: Plan) -> str:
    """What a plan that was not started waits for."""
    if plan.state is PlanState.PROPOSED and plan.approve:
        return f"waits for approval by {waits_for(plan)}"
    checks = lets_start(policy, incident, plan)
    if not checks.allowed:
        return f"waits for the preflight: {'; '.join(one.text for one in checks.reasons)}"
    return "is about to start"


def _sampled(incident: Incident, criterion: Criterion) -> tuple[bool, str]:
    gate = incident.gates.get(criterion.id)
    if gate is None:
        return (False, "watching has not begun")
    if not gate.probes:
        return (
            False,
            "no probe is defined, so nothing can be proven: override this one, and add probes for later incidents",
        )
    standing = gate.standing()
    far = f"stable for {words(gate.stable_ms)} of {words(gate.window_ms)}" if gate.window_ms else ""
    count = f"{gate.good_run} good samples in a row, {gate.min_samples} wanted"
    text = f"{far}, {count}" if far else count
    if gate.resets:
        text += f", restarted {gate.resets}x"
    if standing is not Standing.PASS and gate.trouble:
        text += f" ({gate.trouble})"
    if standing is Standing.INCONCLUSIVE:
        text = f"inconclusive: {text}"
    return (standing is Standing.PASS, text)


def hint_of(criterion: Criterion) -> str:
    """The command that would meet a criterion; empty where only time or the runner can."""
    match criterion.kind:
        case CriterionKind.STATEMENT:
            return f'allstop state {criterion.subject} "..."'
        case CriterionKind.APPROVAL:
            return "allstop approve stand-down"
        case CriterionKind.ROLL_CALL:
            return "allstop rollcall"
        case CriterionKind.PLAN:
            return "allstop plans"
        case _:
            return work_hint(criterion)
