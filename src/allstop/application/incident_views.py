"""One incident as faces show it: its line in the list, and everything about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from allstop.application.plan_shaping import plan_view
from allstop.application.privacy import Reader
from allstop.application.shapes import (
    DeadlineLine,
    HaltView,
    IncidentLine,
    IncidentView,
    PhaseLine,
)
from allstop.application.shaping import (
    criteria_lines,
    duty_lines,
    evidence_lines,
    impact_text,
    measure_line,
    roles_lines,
)
from allstop.application.work_shapes import LinkLine
from allstop.application.work_shaping import (
    action_lines,
    aftercare_lines,
    change_line,
    crew_lines,
    filed_forms,
    finding_lines,
    missing_lines,
    mode_line,
    obligation_lines,
    points_line,
    preflight_line,
    task_lines,
)
from allstop.domain.aftercare import aftercare_words
from allstop.domain.clocks import running, update_due_at
from allstop.domain.gates import phase_standings, standings
from allstop.domain.incident.state import GONE, Incident
from allstop.domain.metrics import measures
from allstop.domain.moment import between, words
from allstop.domain.planning.playing import fitting
from allstop.domain.policy import Policy
from allstop.domain.world import World


@dataclass(frozen=True, slots=True)
class Seen:
    """One incident at one moment, by the rules it is pinned to, for one reader."""

    world: World
    policy: Policy
    incident: Incident
    now: datetime
    reader: Reader


def incident_line(seen: Seen) -> IncidentLine:
    incident, policy = seen.incident, seen.policy
    rule = policy.protocol.severity(incident.severity)
    phase = policy.protocol.phase(incident.phase)
    end = incident.stood_down_at or seen.now
    return IncidentLine(
        incident.id, incident.title, incident.state, incident.severity, rule.title, incident.phase,
        phase.title, incident.roles.get("commander", ""), incident.services, impact_text(incident),
        incident.declared_at, words(between(incident.declared_at, end)),
        update_due_at(incident, policy) if incident.is_open else None, _waits(seen),
        incident.kind, incident.private, aftercare_words(policy, incident),
    )  # fmt: skip


def incident_view(seen: Seen, halts: tuple[HaltView, ...]) -> IncidentView:
    """Everything about it. halts: those it holds, or held."""
    incident, policy, world, now = seen.incident, seen.policy, seen.world, seen.now
    chosen = incident.remedy
    kind = policy.protocol.activation.kind(incident.kind)
    return IncidentView(
        line=incident_line(seen),
        trigger=incident.trigger,
        declared_by=incident.declared_by,
        protocol=policy.protocol.title,
        policy=incident.policy,
        severity_because=incident.severity_because,
        status=incident.status,
        acknowledged_by=incident.acknowledged_by,
        phases=_phases(seen),
        stand_down=criteria_lines(standings(world, policy, incident, policy.protocol.stand_down)),
        roles=roles_lines(incident, policy),
        duty=duty_lines(incident, policy, seen.now),
        evidence=evidence_lines(incident),
        remedy=chosen.remedy if chosen else "",
        remedy_because=chosen.because if chosen else "",
        plans=tuple(
            plan_view(plan, world, policy, incident) for plan in world.all_plans_of(incident.id)
        ),
        halts=halts,
        measures=tuple(measure_line(one) for one in measures(incident, policy)),
        deadlines=_deadlines(seen),
        statements=dict(incident.statements),
        obligations=obligation_lines(incident, now),
        report=incident.report,
        kind=incident.kind,
        kind_title=kind.title if kind else "",
        domain=incident.domain,
        source=incident.source,
        private=incident.private,
        triaged_at=incident.triaged_at,
        stood_down_at=incident.stood_down_at,
        closed_at=incident.closed_at,
        reopened=incident.reopened,
        merged_into=incident.merged_into if seen.reader.sees(incident.merged_into) else "",
        links=_links(seen),
        channel=incident.channel,
        called=incident.called,
        update_fields=dict(incident.update_fields),
        expected_at=incident.expected_at,
        forms=filed_forms(incident, policy),
        tasks=task_lines(incident),
        findings=finding_lines(incident),
        facts=dict(incident.facts),
        crews=crew_lines(incident, policy),
        changes=tuple(change_line(one) for one in incident.changes.values()),
        mode=mode_line(incident),
        preflight=preflight_line(incident.preflights[-1]) if incident.preflights else None,
        overrides=dict(incident.overrides),
        actions=action_lines(incident, now),
        points=tuple(points_line(one, incident.id) for one in incident.points),
        missing_before_close=tuple(one.text for one in missing_lines(world, policy, incident)),
        aftercare=aftercare_lines(incident, policy),
        playbooks=_playbooks(seen),
    )


def _playbooks(seen: Seen) -> tuple[str, ...]:
    """Those that are for it, and that nobody has made a plan of."""
    if not seen.incident.is_open:
        return ()
    made = {plan.asked.get("playbook") for plan in seen.world.plans_of(seen.incident.id)}
    found = fitting(seen.policy, seen.incident)
    return tuple(one.name for one in found if one.name not in made)


def _deadlines(seen: Seen) -> tuple[DeadlineLine, ...]:
    incident = seen.incident
    if incident.state in GONE:
        return ()
    return tuple(
        DeadlineLine(
            one.deadline, one.what, one.at, one.deadline in incident.missed, one.warn_at,
            one.deadline in incident.warned,
        )
        for one in running(seen.world, seen.policy, incident)
    )  # fmt: skip


def _links(seen: Seen) -> tuple[LinkLine, ...]:
    """What it is linked to, as far as the reader may know of it."""
    known = {one.id: one.title for one in seen.reader.incidents()}
    return tuple(
        LinkLine(to, how, known.get(to, ""))
        for to, how in seen.incident.links
        if seen.reader.sees(to)
    )


def _waits(seen: Seen) -> tuple[str, ...]:
    """What the response waits for now, most specific first."""
    incident, policy, world = seen.incident, seen.policy, seen.world
    if not incident.is_open:
        return ()
    gate = phase_standings(world, policy, incident, policy.protocol.phase(incident.phase))
    missing = [one for one in gate if not one.passed]
    if not missing:
        missing = [
            one
            for one in standings(world, policy, incident, policy.protocol.stand_down)
            if not one.passed
        ]
    return tuple(f"{one.criterion.title}: {one.text}" for one in missing)


def _phases(seen: Seen) -> tuple[PhaseLine, ...]:
    incident, policy = seen.incident, seen.policy
    entered = dict(incident.phases)
    names = [phase.name for phase in policy.protocol.phases]
    place = names.index(incident.phase)
    left_all = "resolved" in incident.milestones
    found = []
    for number, phase in enumerate(policy.protocol.phases):
        state = "done" if number < place or left_all else "current" if number == place else "ahead"
        gate = phase_standings(seen.world, policy, incident, phase)
        found.append(
            PhaseLine(phase.name, phase.title, state, entered.get(phase.name), criteria_lines(gate))
        )
    return tuple(found)
