"""What follows from the state of the response: plans, the remedy, the next phase."""

from __future__ import annotations

from allstop.domain.diagnosis import outdated
from allstop.domain.falling_due.found import Due
from allstop.domain.gates import all_passed, asked_for
from allstop.domain.incident import commands as incident_commands
from allstop.domain.incident.state import Incident
from allstop.domain.moment import Now, after
from allstop.domain.plan import commands as plan_commands
from allstop.domain.plan.remedies import remedy_begun
from allstop.domain.policy import CriterionKind, Policy
from allstop.domain.world import World


def response_due(found: Due, world: World, policy: Policy, incident: Incident, now: Now) -> None:
    """What follows from the state of the response: plans, the remedy, the next phase."""
    if _wants_containment(world, policy, incident):
        found.commands.append(plan_commands.MakePlan(incident.id, "contain"))
    if incident.remedy is None:
        waiting = any(piece.state == "requested" for piece in incident.evidence.values())
        limit = after(incident.begun, policy.protocol.remedy.decide_within_ms)
        found.at(limit if waiting else now.utc, now, incident_commands.DecideRemedy(incident.id))
    elif outdated(world, policy, incident):
        found.commands.append(incident_commands.DecideRemedy(incident.id))
    elif _wants_remedy(world, policy, incident):
        found.commands.append(plan_commands.MakePlan(incident.id, "remedy"))
    phase = policy.protocol.phase(incident.phase)
    leaving = phase.automatic and "resolved" not in incident.milestones
    if leaving and all_passed(world, policy, incident, phase.exit):
        found.commands.append(incident_commands.AdvancePhase(incident.id))


def _wants_containment(world: World, policy: Policy, incident: Incident) -> bool:
    """A gate of this or a later phase asks for it, and no plan was made yet.

    Where no gate does, nothing is cut off by itself: the protocol contains in another way, or the
    response began behind it, at the recovery.
    """
    if any(plan.purpose == "contain" for plan in world.plans_of(incident.id)):
        return False
    return asked_for(policy, CriterionKind.PLAN, "contain", since=incident.phase)


def _wants_remedy(world: World, policy: Policy, incident: Incident) -> bool:
    """A rollback or fix was decided, containment has ended, and no plan was made for this decision."""
    chosen = incident.remedy
    if chosen is None or chosen.remedy == "investigate" or incident.remedy_planned:
        return False
    if remedy_begun(world.plans_of(incident.id)):
        return False
    first = [plan for plan in world.plans_of(incident.id) if plan.purpose == "contain"]
    if any(plan.ended_at is None for plan in first) or _wants_containment(world, policy, incident):
        return False
    service = policy.fleet.service(chosen.service)
    action = "rollback" if chosen.remedy == "rollback" else "restart"
    possible = service is not None and action in service.actions
    return possible and (chosen.remedy == "fix" or chosen.service in world.known_good)
