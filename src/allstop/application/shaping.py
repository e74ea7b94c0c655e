"""From state to read shapes: one function per shape."""

from __future__ import annotations

from datetime import datetime

from allstop.application.monitor import Watch
from allstop.application.shapes import (
    CriterionLine,
    DutyLine,
    Entry,
    EvidenceLine,
    MeasureLine,
    ProbeLine,
    RoleLine,
    RollLine,
)
from allstop.application.timeline import sentence, tone
from allstop.domain.duty import hours, relief_at
from allstop.domain.gates import CriterionStanding, hint_of
from allstop.domain.halt.lifecycle import SETTLED
from allstop.domain.halt.state import Agent, Roll
from allstop.domain.impact import Impact
from allstop.domain.incident.state import Incident
from allstop.domain.metrics import Measure
from allstop.domain.moment import words
from allstop.domain.policy import Policy
from allstop.domain.record import Record
from allstop.domain.world import World


def entry(record: Record, correction: str = "") -> Entry:
    """One timeline line. correction: what it should have said; the text itself stays as it was."""
    return Entry(
        record.position, record.at, record.stream, record.kind, record.actor, tone(record),
        sentence(record), record.version, correction,
    )  # fmt: skip


def correction_of(world: World, stream: str, version: int) -> str:
    """The newest correction of an entry, or empty. Only entries of incidents can be corrected."""
    kind, _, id = stream.partition("/")
    incident = world.incidents.get(id) if kind == "incident" else None
    return incident.corrections.get(version, "") if incident is not None else ""


def impact_text(incident: Incident) -> str:
    """The impact now; when nothing is down any more, what it was at its worst."""
    if incident.impact == Impact() and incident.worst_impact != Impact():
        return f"nothing that is measured is down now; at worst: {incident.worst_impact.sentence()}"
    return incident.impact.sentence()


def roll_line(line: Roll, agent: Agent) -> RollLine:
    held_as = line.held_as or line.state
    return RollLine(
        agent=agent.id,
        name=agent.name,
        team=agent.team,
        state=line.state.value,
        settled=held_as in SETTLED,
        working_on=line.working_on,
        checkpoint=line.checkpoint,
        evidence=line.evidence,
        held_as=held_as.value,
        answered_at=line.answered_at,
        available=line.available,
        allowed=line.allowed,
    )


def criteria_lines(found: tuple[CriterionStanding, ...]) -> tuple[CriterionLine, ...]:
    return tuple(
        CriterionLine(
            one.criterion.id,
            one.criterion.title,
            one.passed,
            one.overridden,
            one.text,
            "" if one.passed else hint_of(one.criterion),
        )
        for one in found
    )


def roles_lines(incident: Incident, policy: Policy) -> tuple[RoleLine, ...]:
    found = []
    for rule in policy.protocol.roles:
        holder = incident.roles.get(rule.name, "")
        person = policy.roster.person(holder)
        title = policy.protocol.terms.get(rule.name, rule.title)
        found.append(
            RoleLine(
                rule.name,
                title,
                holder,
                person.name if person else "",
                incident.offers.get(rule.name, ""),
            )
        )
    return tuple(found)


def duty_lines(incident: Incident, policy: Policy, now: datetime) -> tuple[DutyLine, ...]:
    """The hours of everybody who holds or held a role, the longest first."""
    found = []
    for person, duty in incident.duty.items():
        known = policy.roster.person(person)
        spent = hours(duty, policy.protocol.relief, now)
        found.append(
            DutyLine(
                person, known.name if known else "", duty.is_on, spent.of_ms, spent.since_rest_ms,
                relief_at(policy, incident, person), duty.asked_at,
            )
        )  # fmt: skip
    return tuple(sorted(found, key=lambda one: -one.on_duty_ms))


def evidence_lines(incident: Incident) -> tuple[EvidenceLine, ...]:
    return tuple(
        EvidenceLine(
            piece.id, piece.state, piece.summary, piece.sha256,
            {key: "unknown" if value is None else str(value) for key, value in piece.facts.items()},
        )
        for piece in incident.evidence.values()
    )  # fmt: skip


def measure_line(one: Measure) -> MeasureLine:
    measured = words(one.measured_ms) if one.measured_ms is not None else "not yet"
    target = words(one.target_ms) if one.target_ms is not None else "none set"
    return MeasureLine(
        one.name, one.formula, one.measured_ms, measured, one.target_ms, target, one.met
    )


def probe_line(name: str, watch: Watch | None) -> ProbeLine:
    if watch is None or watch.last is None:
        return ProbeLine(name, "unknown", "not sampled yet", None)
    state = "down" if watch.down else "failing" if watch.last.good is False else "up"
    if watch.last.good is None:
        state = "unknown"
    return ProbeLine(name, state, watch.last.text, watch.at)
