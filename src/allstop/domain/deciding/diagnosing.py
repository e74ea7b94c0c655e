"""Evidence, and the decision between rollback, fix and investigation."""

from __future__ import annotations

from allstop.domain.authority import may
from allstop.domain.deciding.telling import announce
from allstop.domain.draft import Draft, refuse
from allstop.domain.effects import Ending, Outcome
from allstop.domain.incident import commands as c
from allstop.domain.incident import events as e
from allstop.domain.incident.state import Incident
from allstop.domain.policy import Policy
from allstop.domain.policy.tables import Scalar
from allstop.domain.remedy import REMEDIES, REMEDY_FACTS, decide_by_table
from allstop.domain.verdict import nearest
from allstop.domain.world import World


def evidence_outcome(draft: Draft, incident: str, id: str, outcome: Outcome) -> None:
    """A diagnosis command has ended. What could not be had is recorded as such, never as fine."""
    found = draft.incident(incident, must_be_open=False)
    piece = found.evidence.get(id)
    if piece is None or piece.state != "requested":
        return
    if outcome.ending is Ending.DONE:
        draft.on_incident(
            incident, e.EvidenceCollected(id, outcome.because, outcome.evidence, outcome.facts)
        )
    else:
        draft.on_incident(incident, e.EvidenceFailed(id, outcome.because))


def decide_remedy(draft: Draft, command: c.DecideRemedy) -> None:
    """Consult the table, or record the choice of a person who overrules it."""
    incident = draft.incident(command.incident)
    policy = draft.policy(incident)
    draft.require(may("remedy", draft.who, policy, incident.roles))
    service = command.service or (incident.services[0] if incident.services else "")
    facts = remedy_facts(draft.world, policy, incident, service)
    if command.remedy:
        _overrule(draft, incident, policy, command, facts, service)
    elif incident.remedy is None:
        found = decide_by_table(policy.protocol, facts)
        draft.on_incident(
            incident.id,
            e.RemedyDecided(found.remedy, found.because, found.row, facts, found.unknown, service),
        )
    else:
        return
    chosen = draft.incident(incident.id).remedy
    if chosen is not None:
        fields = {"remedy": chosen.remedy, "because": chosen.because}
        announce(draft, incident.id, "remedy", fields)


def _overrule(
    draft: Draft,
    incident: Incident,
    policy: Policy,
    command: c.DecideRemedy,
    facts: dict[str, Scalar],
    service: str,
) -> None:
    if draft.who.kind.value != "person":
        refuse("human-only", "only a person overrules the decision table")
    if command.remedy not in REMEDIES:
        refuse(
            "unknown-remedy",
            f"there is no remedy {command.remedy}",
            nearest(command.remedy, REMEDIES),
        )
    if not command.reason.strip():
        refuse("no-reason", "overruling the decision table needs a reason", '--because "..."')
    if service and policy.fleet.service(service) is None:
        names = [one.name for one in policy.fleet.services]
        refuse("unknown-service", f"the fleet has no service {service}", nearest(service, names))
    lacking = {
        "rollback": ("rollback_available", "known_good_release"),
        "fix": ("restart_available",),
    }
    for fact in lacking.get(command.remedy, ()):
        if facts[fact] is False:
            text = f"{service or 'no service'}: {fact.replace('_', ' ')}: no"
            refuse(
                "not-available",
                text,
                "another remedy, or --service NAME, or describe it in fleet.yaml",
            )
    active = [
        plan
        for plan in draft.world.plans_of(incident.id)
        if plan.purpose == "remedy" and plan.ended_at is None
    ]
    if active:
        plan = active[-1]
        refuse("plan-active", f"{plan.id} is {plan.state}", f"allstop plan abandon {plan.id} first")
    event = e.RemedyDecided(
        command.remedy, command.reason.strip(), -1, facts, (), service, by_person=True
    )
    draft.on_incident(incident.id, event)


def remedy_facts(world: World, policy: Policy, incident: Incident, name: str) -> dict[str, Scalar]:
    """What is known about the service at fault; None where nobody knows."""
    service = policy.fleet.service(name)
    changes = _facts_of(incident, name, "recent-changes")
    state = _facts_of(incident, name, "service-state")
    facts: dict[str, Scalar] = dict.fromkeys(REMEDY_FACTS)
    facts["severity_rank"] = policy.protocol.severity(incident.severity).rank
    facts["core_functions_down"] = len(incident.worst_impact.core_functions_down)
    facts["data_loss"] = incident.worst_impact.data_loss
    facts["breach"] = incident.worst_impact.breach
    age = changes.get("head_age_seconds")
    if isinstance(age, int) and not isinstance(age, bool):
        facts["recent_deployment"] = age * 1000 <= policy.protocol.remedy.recent_ms
    facts["rollback_available"] = service is not None and "rollback" in service.actions
    facts["restart_available"] = service is not None and "restart" in service.actions
    good = world.known_good.get(name)
    # Going back to what already runs would change nothing: that is not a release to go back to.
    facts["known_good_release"] = good is not None and good.release != changes.get("head_tree")
    running = _running(state)
    if running is not None:
        facts["process_running"] = running
    # Knowing that a process is gone is not knowing why: only a person states a cause.
    facts["cause_understood"] = True if "root-cause" in incident.statements else None
    schema = changes.get("schema_changed")
    facts["schema_changed"] = schema if isinstance(schema, bool) else None
    if facts["process_running"] is False and facts["restart_available"]:
        facts["fix_minutes"] = 1
    return facts


def _running(state: dict[str, Scalar]) -> bool | None:
    """What `service-state` says: `running: true`, or a supervisor's `state: running`."""
    running, word = state.get("running"), state.get("state")
    if isinstance(running, bool):
        return running
    return word == "running" if isinstance(word, str) else None


def _facts_of(incident: Incident, service: str, name: str) -> dict[str, Scalar]:
    piece = incident.evidence.get(f"{service}/{name}")
    return dict(piece.facts) if piece is not None else {}
