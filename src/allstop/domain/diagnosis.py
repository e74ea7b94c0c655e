"""What is known about the service at fault: observed, stated by people, or unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from allstop.domain.impact import Impact
from allstop.domain.incident.state import Incident
from allstop.domain.plan.remedies import remedy_begun
from allstop.domain.plan.state import Plan
from allstop.domain.policy import Criterion, CriterionKind, Policy
from allstop.domain.policy.tables import Scalar
from allstop.domain.remedy import REMEDY_FACTS, STATED_FACTS, row_by_table
from allstop.domain.world import World

UNMEASURED = Impact()
# Criteria that wait for a remedy, or for its plan: their subjects by kind.
_AWAITED = {CriterionKind.REMEDY: "", CriterionKind.PLAN: "remedy"}
# What people know better than any machine: here what they state goes before what was observed.
PEOPLE_KNOW = frozenset(
    {"isolated", "fix_safe", "rollback_disrupts", "fix_minutes", "cause_understood"}
)


@dataclass(frozen=True, slots=True)
class Dispute:
    """A fact of which people state something else than was observed."""

    fact: str
    stated: Scalar
    observed: Scalar

    @property
    def by_people(self) -> bool:
        """Whether the table goes by what people state."""
        return self.fact in PEOPLE_KNOW

    @property
    def set_aside(self) -> Scalar:
        """The value that is not used."""
        return self.observed if self.by_people else self.stated

    def words(self) -> str:
        """`data loss: yes was observed and is used, no was stated`."""
        stated, observed = (
            f"{_word(self.stated)} was stated",
            f"{_word(self.observed)} was observed",
        )
        used, other = (stated, observed) if self.by_people else (observed, stated)
        return f"{self.fact.replace('_', ' ')}: {used} and is used, {other}"


def remedy_facts(world: World, policy: Policy, incident: Incident, name: str) -> dict[str, Scalar]:
    """Every fact the decision table may test about a service; None where nobody knows."""
    facts = _observed(world, policy, incident, name)
    for fact, value in _stated(incident).items():
        if facts[fact] is None or fact in PEOPLE_KNOW:
            facts[fact] = value
    return facts


def disputes(world: World, policy: Policy, incident: Incident, name: str) -> tuple[Dispute, ...]:
    """What people and machines say differently about a service."""
    observed = _observed(world, policy, incident, name)
    return tuple(
        Dispute(fact, value, observed[fact])
        for fact, value in _stated(incident).items()
        if observed[fact] is not None and observed[fact] != value
    )


def at_fault(incident: Incident) -> str:
    """The service the table is asked about: the remedy's, or the first that is suspected; may be empty."""
    if incident.remedy is not None:
        return incident.remedy.service
    return incident.services[0] if incident.services else ""


def outdated(world: World, policy: Policy, incident: Incident) -> bool:
    """Whether the table would decide otherwise with what is known now: another remedy, or another row.

    A person's choice stands, and so does a decision whose plan was approved or has begun. Once the
    response waits for no remedy any more, what is learned is for the report.
    """
    chosen = incident.remedy
    if chosen is None or chosen.by_person:
        return False
    plans = world.plans_of(incident.id)
    if any(map(_is_settled, plans)) or remedy_begun(plans):
        return False
    if not _is_waited_for(policy, incident):
        return False
    facts = remedy_facts(world, policy, incident, chosen.service)
    return row_by_table(policy.protocol, facts) != (chosen.remedy, chosen.row)


def _is_waited_for(policy: Policy, incident: Incident) -> bool:
    """Whether a gate ahead asks for a remedy or its plan; without any such gate, until it is resolved."""
    if {"mitigated", "resolved"} & incident.milestones.keys():
        return False
    asks = [any(map(_asks, phase.exit)) for phase in policy.protocol.phases]
    here = (place for place, one in enumerate(policy.protocol.phases) if one.name == incident.phase)
    return not any(asks) or any(asks[next(here, 0) :])


def _asks(criterion: Criterion) -> bool:
    """Whether a criterion waits for a remedy, or for its plan."""
    return _AWAITED.get(criterion.kind) == criterion.subject


def _is_settled(plan: Plan) -> bool:
    begun = plan.started_at is not None or bool(plan.approved_by)
    return plan.purpose == "remedy" and begun


def _stated(incident: Incident) -> dict[str, Scalar]:
    if not incident.facts:
        return {}
    known = STATED_FACTS.keys() & incident.facts.keys()
    return {
        fact: incident.facts[fact] for fact in sorted(known) if incident.facts[fact] is not None
    }


def _word(value: Scalar) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _observed(world: World, policy: Policy, incident: Incident, name: str) -> dict[str, Scalar]:
    service = policy.fleet.service(name)
    changes = _facts_of(incident, name, "recent-changes")
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
    facts["process_running"] = _running(_facts_of(incident, name, "service-state"))
    # Knowing that a process is gone is not knowing why: only a person states a cause.
    facts["cause_understood"] = True if "root-cause" in incident.statements else None
    schema = changes.get("schema_changed")
    facts["schema_changed"] = schema if isinstance(schema, bool) else None
    facts["isolated"] = _isolated(policy, incident)
    if facts["process_running"] is False and facts["restart_available"]:
        facts["fix_minutes"] = 1
    return facts


def _isolated(policy: Policy, incident: Incident) -> bool | None:
    """Whether one service is hit and nothing beside it; unknown until the impact was measured.

    Judged by the worst impact and not by the newest samples: what was hit once was not isolated, and
    a decision must not turn with every sample.
    """
    if not incident.services or incident.worst_impact == UNMEASURED:
        return None
    down = {*incident.worst_impact.core_functions_down, *incident.worst_impact.functions_down}
    probes = {one.probe for one in policy.fleet.functions if one.title in down}
    seen_at = {spec.service for spec in policy.fleet.probes() if spec.name in probes}
    return len({*incident.services, *seen_at}) == 1


def _running(state: Mapping[str, Scalar]) -> bool | None:
    """What `service-state` says: `running: true`, or a supervisor's `state: running`."""
    running, word = state.get("running"), state.get("state")
    if isinstance(running, bool):
        return running
    return word == "running" if isinstance(word, str) else None


def _facts_of(incident: Incident, service: str, name: str) -> Mapping[str, Scalar]:
    piece = incident.evidence.get(f"{service}/{name}")
    return piece.facts if piece is not None else {}
