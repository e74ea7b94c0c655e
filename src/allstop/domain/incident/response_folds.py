"""How each event of the response changes the state of an incident."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from allstop.domain.copying import replace
from allstop.domain.impact import Impact
from allstop.domain.incident import events as e
from allstop.domain.incident.parts import Approval, Evidence, Notification, Owed
from allstop.domain.incident.state import Incident
from allstop.domain.record import Record
from allstop.domain.samples import advance

Folds = dict[type, Callable[[Incident, Any, Record], Incident]]


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
    return replace(
        incident, gates=gates, last_samples={**incident.last_samples, **samples},
        runs=_runs(incident.runs, event), rounds=incident.rounds + 1,
    )  # fmt: skip


def _runs(runs: Mapping[str, int], event: e.SamplesRecorded) -> Mapping[str, int]:
    """Good or bad samples in a row of each probe that was ever bad; one that could not run changes nothing."""
    told = [one for one in event.samples if one.good is False or (one.good and one.probe in runs)]
    if not told:
        return runs
    now = dict(runs)
    for one in told:
        was = runs.get(one.probe, 0)
        now[one.probe] = max(was, 0) + 1 if one.good else min(was, 0) - 1
    return now


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
        financial_error=_either(seen.financial_error, now.financial_error),
        server_errors=_either(seen.server_errors, now.server_errors),
        compliance=max(seen.compliance, now.compliance, key=_gravity),
        failed_share_percent=most(seen.failed_share_percent, now.failed_share_percent),
        lost_per_hour=max(money, key=lambda amount: amount.value) if money else None,
        users=most(seen.users, now.users),
    )


def _entered(incident: Incident, event: e.PhaseEntered, record: Record) -> Incident:
    gates = {**incident.gates, **{gate.key: gate for gate in event.watch}}
    phases = (*incident.phases, (event.phase, record.at))
    # Timers count from here on: those of the phase it leaves are over, its own have not begun.
    return replace(incident, phase=event.phase, phases=phases, gates=gates, timers=frozenset())


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
    held = {role for role, holder in incident.roles.items() if record.actor == f"person:{holder}"}
    before = incident.approvals.get(event.subject)
    if before is not None and before.phase == incident.phase:
        held |= before.roles
    given = Approval(
        event.role, record.actor, event.binds, record.at, frozenset({*held, event.role}),
        incident.phase,
    )  # fmt: skip
    return replace(incident, approvals={**incident.approvals, event.subject: given})


def _stood_down(incident: Incident, _: e.IncidentStoodDown, record: Record) -> Incident:
    return replace(incident, stood_down_at=record.at, stood_down_by=record.actor)


def _relapsed(incident: Incident, _: e.StabilityLost, __: Record) -> Incident:
    """Neither "resolved" nor an approval to stand down outlives the stability they rested on."""
    return replace(
        incident,
        milestones={name: at for name, at in incident.milestones.items() if name != "resolved"},
        approvals={name: one for name, one in incident.approvals.items() if name != "stand-down"},
    )


def _classified(incident: Incident, event: e.SeverityClassified, record: Record) -> Incident:
    return replace(
        incident, severity=event.severity, severity_because=event.because, severity_at=record.at
    )


def _decided(incident: Incident, event: e.RemedyDecided, _: Record) -> Incident:
    """Another row of the table that leads to the same remedy asks for no other plan."""
    before = incident.remedy
    same = (
        before is not None
        and not event.by_person
        and (before.remedy, before.service) == (event.remedy, event.service)
    )
    return replace(incident, remedy=event, remedy_planned=same and incident.remedy_planned)


def _updated(incident: Incident, event: e.UpdatePosted, record: Record) -> Incident:
    return replace(
        incident, updates=event.number, last_update_at=record.at, status=event.status,
        update_fields=event.fields, expected_at=event.expected_at or incident.expected_at,
    )  # fmt: skip


def _owed(incident: Incident, event: e.ObligationOwed, _: Record) -> Incident:
    owed = Owed(
        event.id, event.title, event.owner, event.due_at, event.remind_at, event.met_by,
        begins=event.begins,
    )  # fmt: skip
    return replace(incident, obligations={**incident.obligations, event.id: owed})


RESPONSE_FOLDS: Folds = {
    e.ImpactMeasured: lambda i, event, _: replace(
        i, impact=event.impact, worst_impact=_worst(i.worst_impact, event.impact)
    ),
    e.SeverityClassified: _classified,
    e.PhaseEntered: _entered,
    e.RoleAssigned: _role_assigned,
    e.HandoffOffered: lambda i, event, _: replace(i, offers={**i.offers, event.role: event.to}),
    e.IncidentAcknowledged: _acknowledged,
    e.UpdateRequested: lambda i, event, _: replace(i, update_requested=event.number),
    e.UpdatePosted: _updated,
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
    e.RemedyDecided: _decided,
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
    e.ObligationOwed: _owed,
    e.ReportWritten: lambda i, event, _: replace(i, report=event.path),
}
