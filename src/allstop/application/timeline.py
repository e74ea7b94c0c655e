"""The timeline: the log as people read it, one sentence per entry."""

from __future__ import annotations

from typing import Any

from allstop.domain.halt import events as h
from allstop.domain.incident import events as i
from allstop.domain.moment import words
from allstop.domain.plan import events as p
from allstop.domain.record import Record

# Entries that are too many to read; views leave them out unless asked for everything.
QUIET = frozenset({"samples.recorded", "notification.delivered"})


def sentence(record: Record) -> str:
    """What an entry says, in plain words. Total: an unknown kind is shown by its name."""
    event: Any = record.event
    kind = record.stream.partition("/")[0]
    text = None
    if kind == "incident":
        text = _incident_opening(event) or _incident_course(event)
    elif kind in ("halt", "agents"):
        text = _halt(event)
    elif kind in ("plan", "fleet"):
        text = _plan(event)
    return text or record.kind


def tone(record: Record) -> str:
    """good | bad | notice | plain: how a face may colour the entry."""
    bad = {
        "incident.declared", "agent.unaccounted", "agent.escaped", "agent.contradicted", "deadline.missed",
        "step.failed", "step.unknown", "plan.held", "evidence.failed", "notification.undeliverable",
        "agent.unreachable", "agent.stuck",
    }  # fmt: skip
    good = {
        "agent.confirmed", "agent.enforced", "halt.settled", "plan.done", "milestone.reached", "step.done",
        "incident.stood_down", "agent.resumed",
    }  # fmt: skip
    notice = {
        "severity.classified", "halt.ordered", "halt.released", "phase.entered", "remedy.decided", "plan.made",
        "plan.approved", "approval.given", "update.posted", "criterion.overridden", "update.requested",
    }  # fmt: skip
    if record.kind in bad:
        return "bad"
    if record.kind in good:
        return "good"
    return "notice" if record.kind in notice else "plain"


def _incident_opening(event: Any) -> str | None:
    match event:
        case i.IncidentDeclared(incident, title, services, trigger, _, _, began_at, evidence):
            where = f" Suspected: {', '.join(services)}." if services else ""
            since = f" Last seen well {began_at:%H:%M:%S} UTC." if began_at else ""
            seen = f" Seen: {evidence}." if evidence else ""
            return f"{incident} declared ({trigger}): {title}.{where}{since}{seen}"
        case i.ImpactMeasured(impact):
            return f"Impact: {impact.sentence()}"
        case i.SeverityClassified(severity, because, row, by_person):
            how = "set by hand" if by_person else f"row {row + 1} of the table" if row >= 0 else "no row matched"
            return f"Severity {severity}: {because} [{how}]"
        case i.PhaseEntered(phase):
            return f"Phase {phase} begins"
        case i.RoleAssigned(role, person, because, previous):
            before = f", was {previous}" if previous else ""
            return f"{person} is {role} ({because}{before})"
        case i.HandoffOffered(role, to, notes):
            return f"{role} is offered to {to}" + (f": {notes}" if notes else "")
        case i.IncidentAcknowledged(person):
            return f"{person} has it"
        case i.UpdateRequested(number, of):
            return f"Update {number} is due" + (f", {of} is asked for it" if of else ", and nobody holds the role")
        case i.UpdatePosted(number, status, text, next_at):
            due = f" Next one due {next_at:%H:%M:%S} UTC." if next_at else ""
            return f"Update {number} ({status}): {text}{due}"
        case i.EvidenceRequested(id):
            return f"Evidence asked for: {id}"
        case i.EvidenceCollected(id, summary, sha256):
            kept = f" [kept as {sha256[:12]}]" if sha256 else ""
            return f"Evidence {id}: {summary}{kept}"
        case i.EvidenceFailed(id, because):
            return f"Evidence {id} is not available: {because}"
    return None


def _incident_course(event: Any) -> str | None:
    match event:
        case i.StatementRecorded(subject, text):
            return f"Stated, {subject}: {text}"
        case i.ApprovalGiven(subject, role, _, note):
            return f"Approved as {role}: {subject}" + (f" ({note})" if note else "")
        case i.CriterionOverridden(criterion, reason):
            return f"OVERRIDDEN: {criterion}, because {reason}"
        case i.RemedyDecided(remedy, because, row, _, unknown, service, by_person):
            how = "overruled by a person" if by_person else f"row {row + 1} of the table" if row >= 0 else "no row"
            gaps = f" Not known: {', '.join(unknown)}." if unknown and not by_person else ""
            return f"Remedy for {service or 'no service'}: {remedy.upper()}, because {because} [{how}].{gaps}"
        case i.SamplesRecorded(samples):
            bad = [f"{one.probe}: {one.text}" for one in samples if not one.good]
            return f"{len(samples) - len(bad)} of {len(samples)} probes good" + (f"; {'; '.join(bad)}" if bad else "")
        case i.MilestoneReached(name):
            return f"Milestone: {name}"
        case i.DeadlineMissed(_, what, _, to):
            return f"MISSED: {what}; escalated to {', '.join(to) or 'nobody, the chain is empty'}"
        case i.NotificationRequested(_, to, channel, subject):
            return f"Telling {to} over {channel}: {subject}"
        case i.NotificationDelivered(id, how):
            return f"Delivered {id} ({how})"
        case i.NotificationUndeliverable(id, because):
            return f"UNDELIVERABLE {id}: {because}"
        case i.NoteAdded(text):
            return f"Note: {text}"
        case i.IncidentStoodDown(reason):
            return f"Stood down: {reason}"
        case i.ObligationOwed(_, title, owner, due_at):
            return f"Owed by {owner} until {due_at:%Y-%m-%d %H:%M} UTC: {title}"
        case i.ReportWritten(path):
            return f"Report written: {path}"
    return None


def _halt(event: Any) -> str | None:
    match event:
        case h.AgentRegistered(agent, _, team):
            return f"Agent {agent} of team {team} registered"
        case h.HaltOrdered(halt, scope, reason, _, agents):
            return f"ALL-STOP {halt}: {scope}, {len(agents)} agents; {reason}"
        case h.AgentHeld(agent):
            return f"{agent} came during the halt and starts halted"
        case h.AgentTold(agent, how):
            return f"{agent} told to stop ({how})"
        case h.AgentUnreachable(agent, because):
            return f"{agent} cannot be reached: {because}"
        case h.RollCallReminded(agents):
            return f"Roll call reminder to {', '.join(agents)}"
        case h.RollCallAnswered(agent, state, working_on, checkpoint):
            saved = f", saved as {checkpoint[:12]}" if checkpoint else ", nothing saved"
            return f"{agent} answers: {state}, was working on {working_on or 'nothing'}{saved}"
        case h.AgentConfirmed(agent, evidence):
            return f"{agent} CONFIRMED: {evidence}"
        case h.AgentContradicted(agent, because):
            return f"{agent} CONTRADICTED by evidence: {because}"
        case h.AgentUnaccounted(agent, because):
            return f"{agent} UNACCOUNTED FOR: {because}"
        case h.AgentEnforced(agent, evidence):
            return f"{agent} ENFORCED: {evidence}"
        case h.AgentEscaped(agent, because):
            return f"{agent} ESCAPED enforcement: {because}"
        case h.HaltSettled(0, 0):
            return "No agent is in the scope of the halt"
        case h.HaltSettled(confirmed, enforced):
            return f"All agents stopped: {confirmed} confirmed, {enforced} enforced"
        case h.HaltReleased(reason, agents):
            return f"Halt released: {reason}; may go on: {', '.join(agents) or 'nobody'}"
        case h.AgentResumed(agent, how):
            return f"{agent} may go on ({how})"
        case h.AgentStuck(agent, because):
            return f"{agent} could not be told to go on: {because}"
    return None


def _plan(event: Any) -> str | None:
    match event:
        case p.PlanMade(plan, _, purpose, title, steps, digest, approve):
            needs = f", waits for the {approve}" if approve else ", needs no approval"
            return f"{plan} ({purpose}): {title}; {len(steps)} steps, hash {digest[:12]}{needs}"
        case p.PlanApproved(digest, role):
            return f"Plan approved for the {role} (hash {digest[:12]})"
        case p.PlanStarted():
            return "Plan started"
        case p.StepStarted(step, attempt):
            return f"Step {step} starts" + (f", attempt {attempt}" if attempt > 1 else "")
        case p.StepDone(step, evidence):
            return f"Step {step} done: {evidence}"
        case p.StepFailed(step, because):
            return f"Step {step} FAILED: {because}"
        case p.StepUnknown(step, because):
            return f"Step {step} UNKNOWN: {because}"
        case p.PlanHeld(step, because):
            return f"Plan HELD at {step}: {because}"
        case p.PlanDone():
            return "Plan done"
        case p.PlanAbandoned(reason):
            return f"Plan abandoned: {reason}"
        case p.ReleaseKnownGood(service, release, good_for_ms):
            return f"{service} release {release[:12]} is known good (healthy for {words(good_for_ms)})"
    return None
