"""Evidence, and the decision between rollback, fix and investigation."""

from __future__ import annotations

from allstop.domain.authority import may
from allstop.domain.deciding.aborting import abort_plans
from allstop.domain.deciding.telling import announce
from allstop.domain.diagnosis import Dispute, at_fault, disputes, outdated, remedy_facts
from allstop.domain.draft import Draft, Refuse, refuse
from allstop.domain.effects import Ending, Outcome
from allstop.domain.incident import commands as c
from allstop.domain.incident import events as e
from allstop.domain.incident.state import Incident
from allstop.domain.policy import Policy
from allstop.domain.policy.tables import Scalar
from allstop.domain.recipes import recipes
from allstop.domain.remedy import REMEDIES, decide_by_table
from allstop.domain.verdict import Reason, Verdict, nearest


def collect_evidence(draft: Draft, command: c.CollectEvidence) -> None:
    """Look at services, by recipes that only read. What is being looked at already is not asked for twice."""
    incident = draft.incident(command.incident)
    policy = draft.policy(incident)
    draft.require(may("evidence", draft.who, policy, incident.roles))
    wanted = _looks(policy, incident, command)
    asked = [(service, name) for service, name in wanted if _is_free(incident, service, name)]
    for service, name in asked:
        draft.on_incident(incident.id, e.EvidenceRequested(f"{service}/{name}", service, name))
    draft.result["looked"] = [f"{service}/{name}" for service, name in wanted]


def _is_free(incident: Incident, service: str, name: str) -> bool:
    piece = incident.evidence.get(f"{service}/{name}")
    return piece is None or piece.state != "requested"


def _looks(policy: Policy, incident: Incident, command: c.CollectEvidence) -> list[tuple[str, str]]:
    """Services and names of their recipes. Refuses with every name there is not."""
    services = command.services or incident.services
    if not services:
        hint = "allstop diagnose SERVICE"
        refuse("no-service", f"{incident.id} names no service, so say which", hint)
    known = {one.name: one for one in policy.fleet.services}
    reasons = [
        Reason("unknown-service", f"the fleet has no service {name}", nearest(name, known))
        for name in services
        if name not in known
    ]
    offered = {name: recipes(known[name]) for name in dict.fromkeys(services) if name in known}
    every = {name for found in offered.values() for name in found}
    reasons += [
        Reason("unknown-recipe", f"nothing is called {name} there", nearest(name, every))
        for name in command.names
        if offered and name not in every
    ]
    reasons += [
        Reason("no-recipe", f"{name} offers nothing to look at", "probes or diagnose in fleet.yaml")
        for name, found in offered.items()
        if not found
    ]
    if reasons:
        raise Refuse(Verdict(tuple(reasons)))
    names = command.names
    return [
        (service, name)
        for service, found in offered.items()
        for name in found
        if not names or name in names
    ]


def evidence_outcome(draft: Draft, incident: str, id: str, outcome: Outcome) -> None:
    """A diagnosis command has ended. What could not be had is recorded as such, never as fine."""
    found = draft.incident(incident, must_be_open=False)
    piece = found.evidence.get(id)
    if piece is None or piece.state != "requested":
        return
    before = disputed(draft, incident)
    if outcome.ending is Ending.DONE:
        draft.on_incident(
            incident, e.EvidenceCollected(id, outcome.because, outcome.evidence, outcome.facts)
        )
    else:
        draft.on_incident(incident, e.EvidenceFailed(id, outcome.because))
    note_disputes(draft, incident, before)


def disputed(draft: Draft, incident: str) -> tuple[Dispute, ...]:
    """What people and machines say differently about the service at fault, as drafted so far."""
    found = draft.incident(incident, must_be_open=False)
    return disputes(draft.world, draft.policy(found), found, at_fault(found))


def note_disputes(draft: Draft, incident: str, before: tuple[Dispute, ...]) -> str:
    """Say of each fact that is disputed since just now what both sides say, and which one is used.

    before: what was disputed until then. Returns what was said.
    """
    new = "; ".join(one.words() for one in disputed(draft, incident) if one not in before)
    if new:
        draft.on_incident(incident, e.NoteAdded(new))
    return new


def decide_remedy(draft: Draft, command: c.DecideRemedy) -> None:
    """Consult the table, again when what is known has turned it, or record a person's own choice.

    The same remedy by another row is recorded, and told to nobody: what is done stays the same.
    """
    incident = draft.incident(command.incident)
    policy = draft.policy(incident)
    draft.require(may("remedy", draft.who, policy, incident.roles))
    if command.remedy:
        service = command.service or next(iter(incident.services), "")
        facts = remedy_facts(draft.world, policy, incident, service)
        _overrule(draft, incident, policy, command, facts, service)
    elif incident.remedy is None or outdated(draft.world, policy, incident):
        _consult(draft, incident, policy, command.service)
    else:
        return
    before, chosen = incident.remedy, draft.incident(incident.id).remedy
    same = before and chosen and not chosen.by_person and before.remedy == chosen.remedy
    if chosen is not None and not same:
        fields = {"remedy": chosen.remedy, "because": chosen.because}
        announce(draft, incident.id, "remedy", fields)


def _consult(draft: Draft, incident: Incident, policy: Policy, service: str) -> None:
    """What the table says with the facts as they are known now."""
    before = incident.remedy
    service = before.service if before else service or at_fault(incident)
    facts = remedy_facts(draft.world, policy, incident, service)
    found = decide_by_table(policy.protocol, facts)
    if before is not None and before.remedy != found.remedy:
        because = f"more is known by now, and the remedy is {found.remedy}: {found.because}"
        abort_plans(draft, incident.id, because, "remedy")
    besides = disputes(draft.world, policy, incident, service)
    because = "; ".join((found.because, *(one.words() for one in besides)))
    aside = {one.fact: one.set_aside for one in besides}
    event = e.RemedyDecided(
        found.remedy, because, found.row, facts, found.unknown, service, set_aside=aside
    )
    draft.on_incident(incident.id, event)


def _overrule(
    draft: Draft,
    incident: Incident,
    policy: Policy,
    command: c.DecideRemedy,
    facts: dict[str, Scalar],
    service: str,
) -> None:
    draft.only_people("overrules the decision table")
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
        refuse("plan-active", f"{plan.id} is {plan.state}", f"allstop plan abort {plan.id} first")
    besides = disputes(draft.world, policy, incident, service)
    event = e.RemedyDecided(
        command.remedy, command.reason.strip(), -1, facts, (), service, by_person=True,
        set_aside={one.fact: one.set_aside for one in besides},
    )  # fmt: skip
    draft.on_incident(incident.id, event)
