"""The timeline: the log as people read it, one sentence per kind of entry.

`SENTENCES` is the whole list, put together from the subjects; a test compares it with the events
that exist.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allstop.application.timeline_course import COURSE_SENTENCES
from allstop.application.timeline_hosts import HOST_SENTENCES, asked, ordered, staged
from allstop.application.timeline_levers import LEVER_SENTENCES
from allstop.application.timeline_plans import PLAN_SENTENCES, of_plan
from allstop.application.timeline_work import WORK_SENTENCES, named
from allstop.domain.halt import events as h
from allstop.domain.incident import events as i
from allstop.domain.moment import words
from allstop.domain.record import Record

# Entries that are too many to read; views leave them out unless asked for everything.
QUIET = frozenset(
    {"samples.recorded", "notification.delivered", "deadline.set", "aftercare.looked"}
)

BAD = frozenset({
    "incident.declared", "agent.unaccounted", "agent.escaped", "agent.contradicted", "deadline.missed",
    "step.failed", "step.unknown", "plan.held", "evidence.failed", "notification.undeliverable",
    "agent.unreachable", "agent.stuck", "stability.lost", "rule.violated", "incident.reopened",
    "node.held", "plan.phase_late", "aftercare.failed", "node.cut_short", "lever.overdue", "circuit.opened",
    "host.refused", "host.lost",
})  # fmt: skip
GOOD = frozenset({
    "agent.confirmed", "agent.enforced", "halt.settled", "plan.done", "milestone.reached", "step.done",
    "incident.stood_down", "agent.resumed", "incident.closed", "obligation.met", "change.approved",
    "circuit.closed",
})  # fmt: skip
NOTICE = frozenset({
    "severity.classified", "halt.ordered", "halt.released", "phase.entered", "remedy.decided", "plan.made",
    "plan.approved", "approval.given", "update.posted", "criterion.overridden", "update.requested",
    "plan.signed", "plan.resumed", "plan.paused", "plan.continued", "step.waived", "node.ended",
    "lever.asked", "lever.extended", "lever.expired", "circuit.forced", "circuit.half_opened",
    "change.proposed", "change.signed", "override.recorded", "incident.triaged",
    "incident.dismissed", "incident.merged", "privacy.changed", "responders.called", "mode.begun",
    "mode.ended", "deadline.warned", "entry.corrected", "form.filed", "crew.assigned", "preflight.done", "preflight.turned",
    "obligation.reminded", "activation.proposed", "activation.confirmed", "activation.dismissed",
    "aftercare.ended", "host.enrolled", "release.asked",
    "release.staged", "release.aborted",
})  # fmt: skip


def sentence(record: Record) -> str:
    """What an entry says, in plain words. Total: a kind without a sentence is shown by its name."""
    say = SENTENCES.get(type(record.event))
    if say is None:
        return record.kind
    text = say(record.event)
    return of_plan(record.stream, text) if type(record.event) in PLAN_SENTENCES else text


def tone(record: Record) -> str:
    """good | bad | notice | plain: how a face may colour the entry."""
    if record.kind in BAD:
        return "bad"
    if record.kind in GOOD:
        return "good"
    return "notice" if record.kind in NOTICE else "plain"


def _row(row: int, *, by_person: bool) -> str:
    """Who or what decided, behind the sentence. Where no row did, the sentence itself says why: an alert named
    the severity, its kind of emergency has one of its own, or the table has a gap."""
    if by_person:
        return " [by a person]"
    return f" [row {row + 1} of the table]" if row >= 0 else ""


def _declared(event: i.IncidentDeclared) -> str:
    how = ", ".join(part for part in (event.trigger, event.kind) if part)
    where = f" Suspected: {', '.join(event.services)}." if event.services else ""
    told = f" Reported by {event.source}." if event.source else ""
    since = f" Last seen well {event.began_at:%H:%M:%S} UTC." if event.began_at else ""
    seen = f" Seen: {event.evidence}." if event.evidence else ""
    return f"{event.incident} declared ({how}): {event.title}.{where}{told}{since}{seen}"


def _classified(event: i.SeverityClassified) -> str:
    how = _row(event.row, by_person=event.by_person)
    return f"Severity {event.severity}: {event.because}{how}"


def _assigned(event: i.RoleAssigned) -> str:
    before = f", was {event.previous}" if event.previous else ""
    return f"{event.person} is {event.role} ({event.because}{before})"


def _offered(event: i.HandoffOffered) -> str:
    notes = f": {event.notes}" if event.notes else ""
    return f"{event.role} is offered to {event.to}{notes}"


def _update_requested(event: i.UpdateRequested) -> str:
    asked = f", {event.of} is asked for it" if event.of else ", and nobody holds the role"
    return f"Update {event.number} is due{asked}"


def _update_posted(event: i.UpdatePosted) -> str:
    more = f" {named(event.fields)}." if event.fields else ""
    end = (
        f" Expected to be over {event.expected_at:%Y-%m-%d %H:%M} UTC." if event.expected_at else ""
    )
    due = f" [next one due {event.next_at:%H:%M:%S} UTC]" if event.next_at else ""
    return f"Update {event.number} ({event.status}): {event.text}{more}{end}{due}"


def _collected(event: i.EvidenceCollected) -> str:
    kept = f" [kept as {event.sha256[:12]}]" if event.sha256 else ""
    return f"Evidence {event.id}: {event.summary}{kept}"


def _approved(event: i.ApprovalGiven) -> str:
    note = f" ({event.note})" if event.note else ""
    return f"Approved as {event.role}: {event.subject}{note}"


def _remedy(event: i.RemedyDecided) -> str:
    how = _row(event.row, by_person=event.by_person)
    gaps = (
        f" Not known: {', '.join(event.unknown)}." if event.unknown and not event.by_person else ""
    )
    service = event.service or "no service"
    return f"Remedy for {service}: {event.remedy.upper()}, because {event.because}{how}.{gaps}"


def _samples(event: i.SamplesRecorded) -> str:
    bad = [f"{one.probe}: {one.text}" for one in event.samples if not one.good]
    good = len(event.samples) - len(bad)
    return f"{good} of {len(event.samples)} probes good" + (f"; {'; '.join(bad)}" if bad else "")


def _missed(event: i.DeadlineMissed) -> str:
    to = ", ".join(event.escalated_to) or "nobody, the chain is empty"
    return f"MISSED: {event.what}; escalated to {to}"


def _answered(event: h.RollCallAnswered) -> str:
    saved = f", saved as {event.checkpoint[:12]}" if event.checkpoint else ", nothing saved"
    return f"{event.agent} answers: {event.state}, was working on {event.working_on or 'nothing'}{saved}"


def _settled(event: h.HaltSettled) -> str:
    if event.confirmed + event.enforced == 0:
        return "No agent is in the scope of the halt"
    return f"All agents stopped: {event.confirmed} confirmed, {event.enforced} enforced"


SENTENCES: dict[type, Callable[[Any], str]] = {
    i.IncidentDeclared: _declared,
    i.ImpactMeasured: lambda e: (
        f"Impact: {e.impact.sentence('nothing that is measured is down now')}"
    ),
    i.SeverityClassified: _classified,
    i.PhaseEntered: lambda e: f"Phase {e.phase} begins",
    i.RoleAssigned: _assigned,
    i.HandoffOffered: _offered,
    i.IncidentAcknowledged: lambda e: f"{e.person} has it",
    i.UpdateRequested: _update_requested,
    i.UpdatePosted: _update_posted,
    i.EvidenceRequested: lambda e: f"Evidence asked for: {e.id}",
    i.EvidenceCollected: _collected,
    i.EvidenceFailed: lambda e: f"Evidence {e.id} is not available: {e.because}",
    i.StatementRecorded: lambda e: f"Stated, {e.subject}: {e.text}",
    i.ApprovalGiven: _approved,
    i.CriterionOverridden: lambda e: f"OVERRIDDEN: {e.criterion}, because {e.reason}",
    i.RemedyDecided: _remedy,
    i.SamplesRecorded: _samples,
    i.StabilityLost: lambda e: f"IT IS BACK after {words(e.after_ms)} of stability: {e.seen}",
    i.MilestoneReached: lambda e: f"Milestone: {e.name}",
    i.DeadlineMissed: _missed,
    i.NotificationRequested: lambda e: f"Telling {e.to} over {e.channel}: {e.subject}",
    i.NotificationDelivered: lambda e: f"Delivered {e.id} ({e.how})",
    i.NotificationUndeliverable: lambda e: f"UNDELIVERABLE {e.id}: {e.because}",
    i.NoteAdded: lambda e: f"Note: {e.text}",
    i.IncidentStoodDown: lambda e: f"Stood down: {e.reason}",
    i.ObligationOwed: lambda e: f"Owed by {e.owner} until {e.due_at:%Y-%m-%d %H:%M} UTC: {e.title}",
    i.ReportWritten: lambda e: f"Report written: {e.path}",
    h.AgentRegistered: lambda e: f"Agent {e.agent} of team {e.team} registered",
    h.AgentRemoved: lambda e: f"Agent {e.agent} removed: {e.reason}",
    h.HaltOrdered: ordered,
    h.AgentHeld: lambda e: f"{e.agent} came during the halt and starts halted",
    h.AgentTold: lambda e: f"{e.agent} told to stop ({e.how})",
    h.AgentUnreachable: lambda e: f"{e.agent} cannot be reached: {e.because}",
    h.RollCallReminded: lambda e: f"Roll call reminder to {', '.join(e.agents)}",
    h.RollCallAnswered: _answered,
    h.AgentConfirmed: lambda e: f"{e.agent} CONFIRMED: {e.evidence}",
    h.AgentContradicted: lambda e: f"{e.agent} CONTRADICTED by evidence: {e.because}",
    h.AgentUnaccounted: lambda e: f"{e.agent} UNACCOUNTED FOR: {e.because}",
    h.AgentEnforced: lambda e: f"{e.agent} ENFORCED: {e.evidence}",
    h.AgentEscaped: lambda e: f"{e.agent} ESCAPED enforcement: {e.because}",
    h.HaltSettled: _settled,
    h.ReleaseAsked: asked,
    h.ReleaseStaged: staged,
    h.ReleaseAborted: lambda e: f"RELEASE ABORTED, the halt is put back: {e.reason}",
    h.HaltReleased: lambda e: (
        f"Halt released: {e.reason}; may go on: {', '.join(e.agents) or 'nobody'}"
    ),
    h.AgentResumed: lambda e: f"{e.agent} may go on ({e.how})",
    h.AgentStuck: lambda e: f"{e.agent} could not be told to go on: {e.because}",
    **HOST_SENTENCES,
    **PLAN_SENTENCES,
    **LEVER_SENTENCES,
    **COURSE_SENTENCES,
    **WORK_SENTENCES,
}
