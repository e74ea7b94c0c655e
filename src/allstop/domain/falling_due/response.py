"""What follows from the state of the response: plans, the remedy, the next phase."""

from __future__ import annotations

from allstop.domain.falling_due.found import Due
from allstop.domain.gates import phase_standings, verdict_of
from allstop.domain.incident import commands as incident_commands
from allstop.domain.incident.state import Incident
from allstop.domain.moment import Now, after
from allstop.domain.plan import commands as plan_commands
from allstop.domain.policy import Policy
from allstop.domain.world import World


def response_due(found: Due, world: World, policy: Policy, incident: Incident, now: Now) -> None:
    """What follows from the state of the response: plans, the remedy, the next phase."""
    plans = world.plans_of(incident.id)
    if not any(plan.purpose == "contain" for plan in plans):
        found.commands.append(plan_commands.MakePlan(incident.id, "contain"))
    if incident.remedy is None:
        waiting = any(piece.state == "requested" for piece in incident.evidence.values())
        limit = after(incident.declared_at, policy.protocol.remedy.decide_within_ms)
        found.at(limit if waiting else now.utc, now, incident_commands.DecideRemedy(incident.id))
    elif _wants_plan(world, policy, incident):
        found.commands.append(plan_commands.MakePlan(incident.id, "remedy"))
    phase = policy.protocol.phase(incident.phase)
    leaving = phase.automatic and "resolved" not in incident.milestones
    if leaving and verdict_of(phase_standings(world, policy, incident, phase)).allowed:
        found.commands.append(incident_commands.AdvancePhase(incident.id))


def _wants_plan(world: World, policy: Policy, incident: Incident) -> bool:
    """A rollback or fix was decided, containment has ended, and no plan was made for this decision."""
    chosen = incident.remedy
    if chosen is None or chosen.remedy == "investigate":
        return False
    plans = world.plans_of(incident.id)
    contained = any(plan.purpose == "contain" and plan.ended_at is not None for plan in plans)
    service = policy.fleet.service(chosen.service)
    action = "rollback" if chosen.remedy == "rollback" else "restart"
    possible = service is not None and action in service.actions
    if chosen.remedy == "rollback":
        possible = possible and chosen.service in world.known_good
    return contained and possible and not incident.remedy_planned
