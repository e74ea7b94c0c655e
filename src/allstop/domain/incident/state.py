"""The state of one incident, and how each event changes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from allstop.domain.impact import Impact
from allstop.domain.incident import events as e
from allstop.domain.policy.protocol import Scalar
from allstop.domain.record import Record
from allstop.domain.samples import GateProgress, Sample, advance


@dataclass(frozen=True, slots=True)
class Evidence:
    """One requested piece. state: requested | collected | failed."""

    id: str
    service: str
    name: str
    state: str = "requested"
    summary: str = ""
    sha256: str = ""
    facts: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notification:
    """state: requested | delivered | undeliverable."""

    id: str
    to: str
    channel: str
    subject: str
    text: str
    state: str = "requested"


@dataclass(frozen=True, slots=True)
class Approval:
    role: str
    person: str
    binds: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Incident:
    """Everything decisions about an incident need. state: open | stood-down.

    remedy_planned: whether a plan was made for the present remedy; times cannot tell, clocks step.
    """

    id: str
    title: str
    services: tuple[str, ...]
    trigger: str
    policy: str
    dedup: str
    declared_at: datetime
    declared_by: str
    began_at: datetime | None
    state: str = "open"
    severity: str = ""
    severity_because: str = ""
    impact: Impact = Impact()
    worst_impact: Impact = Impact()
    phase: str = ""
    phases: tuple[tuple[str, datetime], ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)
    offers: Mapping[str, str] = field(default_factory=dict)
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    updates: int = 0
    update_requested: int = 0
    last_update_at: datetime | None = None
    status: str = ""
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    statements: Mapping[str, str] = field(default_factory=dict)
    approvals: Mapping[str, Approval] = field(default_factory=dict)
    overrides: Mapping[str, str] = field(default_factory=dict)
    remedy: e.RemedyDecided | None = None
    remedy_planned: bool = False
    gates: Mapping[str, GateProgress] = field(default_factory=dict)
    last_samples: Mapping[str, Sample] = field(default_factory=dict)
    milestones: Mapping[str, datetime] = field(default_factory=dict)
    missed: frozenset[str] = frozenset()
    notifications: Mapping[str, Notification] = field(default_factory=dict)
    stood_down_at: datetime | None = None
    stood_down_by: str = ""
    obligations: tuple[e.ObligationOwed, ...] = ()
    report: str = ""

    @property
    def is_open(self) -> bool:
        return self.state == "open"


def declared(record: Record) -> Incident:
    """The first state, from the declaration."""
    event: e.IncidentDeclared = record.event
    return Incident(
        event.incident, event.title, event.services, event.trigger, event.policy, event.dedup,
        record.at, record.actor, event.began_at,
    )  # fmt: skip


def evolve(incident: Incident, record: Record) -> Incident:
    """The state after one event. Total: an event that says nothing about the state leaves it alone."""
    fold = FOLDS.get(type(record.event))
    return incident if fold is None else fold(incident, record.event, record)


def _with_evidence(incident: Incident, piece: Evidence) -> Incident:
    return replace(incident, evidence={**incident.evidence, piece.id: piece})


def _with_notification(incident: Incident, note: Notification) -> Incident:
    return replace(incident, notifications={**incident.notifications, note.id: note})


def _notified(incident: Incident, id: str, state: str) -> Incident:
    note = incident.notifications.get(id)
    return incident if note is None else _with_notification(incident, replace(note, state=state))


def _sampled(incident: Incident, event: e.SamplesRecorded, _: Record) -> Incident:
    samples = {sample.probe: sample for sample in event.samples}
    gates = {
        key: advance(gate, samples, event.monotonic_ms, event.boot, event.interval_ms)
        for key, gate in incident.gates.items()
    }
    return replace(incident, gates=gates, last_samples={**incident.last_samples, **samples})


def _gravity(compliance: str | None) -> int:
    return {None: 0, "none": 1, "possible": 2}.get(compliance, 3)


def _either(seen: bool | None, now: bool | None) -> bool | None:
    """Once true it stays true; knowing it is false is more than not knowing."""
    return True if seen or now else now if now is not None else seen


def _worst(seen: Impact, now: Impact) -> Impact:
    """The worst of each measure so far, for the report."""

    def most(left: int | None, right: int | None) -> int | None:
        known = [value for value in (left, right) if value is not None]
        return max(known) if known else None

    money = [amount for amount in (seen.lost_per_hour, now.lost_per_hour) if amount is not None]
    return replace(
        now,
        core_functions_down=tuple(
            dict.fromkeys(seen.core_functions_down + now.core_functions_down)
        ),
        functions_down=tuple(dict.fromkeys(seen.functions_down + now.functions_down)),
        records_exposed=most(seen.records_exposed, now.records_exposed),
        capacity_lost_percent=most(seen.capacity_lost_percent, now.capacity_lost_percent),
        data_loss=_either(seen.data_loss, now.data_loss),
        breach=_either(seen.breach, now.breach),
        compliance=max(seen.compliance, now.compliance, key=_gravity),
        failed_share_percent=most(seen.failed_share_percent, now.failed_share_percent),
        lost_per_hour=max(money, key=lambda amount: amount.value) if money else None,
        users=most(seen.users, now.users),
    )


def _entered(incident: Incident, event: e.PhaseEntered, record: Record) -> Incident:
    gates = {**incident.gates, **{gate.key: gate for gate in event.watch}}
    phases = (*incident.phases, (event.phase, record.at))
    return replace(incident, phase=event.phase, phases=phases, gates=gates)


def _role_assigned(incident: Incident, event: e.RoleAssigned, _: Record) -> Incident:
    offers = {name: to for name, to in incident.offers.items() if name != event.role}
    return replace(incident, roles={**incident.roles, event.role: event.person}, offers=offers)


def _acknowledged(incident: Incident, event: e.IncidentAcknowledged, record: Record) -> Incident:
    return replace(
        incident,
        acknowledged_at=incident.acknowledged_at or record.at,
        acknowledged_by=incident.acknowledged_by or event.person,
    )


def _collected(incident: Incident, event: e.EvidenceCollected, _: Record) -> Incident:
    known = incident.evidence.get(event.id) or Evidence(event.id, "", event.id)
    piece = replace(
        known, state="collected", summary=event.summary, sha256=event.sha256, facts=event.facts
    )
    return _with_evidence(incident, piece)


def _evidence_failed(incident: Incident, event: e.EvidenceFailed, _: Record) -> Incident:
    known = incident.evidence.get(event.id) or Evidence(event.id, "", event.id)
    return _with_evidence(incident, replace(known, state="failed", summary=event.because))


def _approved(incident: Incident, event: e.ApprovalGiven, record: Record) -> Incident:
    given = Approval(event.role, record.actor, event.binds, record.at)
    return replace(incident, approvals={**incident.approvals, event.subject: given})


def _stood_down(incident: Incident, _: e.IncidentStoodDown, record: Record) -> Incident:
    return replace(
        incident, state="stood-down", stood_down_at=record.at, stood_down_by=record.actor
    )


def _relapsed(incident: Incident, _: e.StabilityLost, __: Record) -> Incident:
    """Neither "resolved" nor an approval to stand down outlives the stability they rested on."""
    return replace(
        incident,
        milestones={name: at for name, at in incident.milestones.items() if name != "resolved"},
        approvals={name: one for name, one in incident.approvals.items() if name != "stand-down"},
    )


# What each event does to the state; what is not named here does nothing to it.
FOLDS: dict[type, Callable[[Incident, Any, Record], Incident]] = {
    e.ImpactMeasured: lambda i, event, _: replace(
        i, impact=event.impact, worst_impact=_worst(i.worst_impact, event.impact)
    ),
    e.SeverityClassified: lambda i, event, _: replace(
        i, severity=event.severity, severity_because=event.because
    ),
    e.PhaseEntered: _entered,
    e.RoleAssigned: _role_assigned,
    e.HandoffOffered: lambda i, event, _: replace(i, offers={**i.offers, event.role: event.to}),
    e.IncidentAcknowledged: _acknowledged,
    e.UpdateRequested: lambda i, event, _: replace(i, update_requested=event.number),
    e.UpdatePosted: lambda i, event, record: replace(
        i, updates=event.number, last_update_at=record.at, status=event.status
    ),
    e.EvidenceRequested: lambda i, event, _: _with_evidence(
        i, Evidence(event.id, event.service, event.name)
    ),
    e.EvidenceCollected: _collected,
    e.EvidenceFailed: _evidence_failed,
    e.StatementRecorded: lambda i, event, _: replace(
        i, statements={**i.statements, event.subject: event.text}
    ),
    e.ApprovalGiven: _approved,
    e.CriterionOverridden: lambda i, event, _: replace(
        i, overrides={**i.overrides, event.criterion: event.reason}
    ),
    e.RemedyDecided: lambda i, event, _: replace(i, remedy=event, remedy_planned=False),
    e.SamplesRecorded: _sampled,
    e.MilestoneReached: lambda i, event, record: replace(
        i, milestones={**i.milestones, event.name: record.at}
    ),
    e.StabilityLost: _relapsed,
    e.DeadlineMissed: lambda i, event, _: replace(i, missed=i.missed | {event.deadline}),
    e.NotificationRequested: lambda i, event, _: _with_notification(
        i, Notification(event.id, event.to, event.channel, event.subject, event.text)
    ),
    e.NotificationDelivered: lambda i, event, _: _notified(i, event.id, "delivered"),
    e.NotificationUndeliverable: lambda i, event, _: _notified(i, event.id, "undeliverable"),
    e.IncidentStoodDown: _stood_down,
    e.ObligationOwed: lambda i, event, _: replace(i, obligations=(*i.obligations, event)),
    e.ReportWritten: lambda i, event, _: replace(i, report=event.path),
}
