"""Samples, phases, overrides, approvals and standing down."""

from __future__ import annotations

from allstop.domain.authority import acts_as, may
from allstop.domain.clocks import lasted
from allstop.domain.deciding.aborting import abort_plans
from allstop.domain.deciding.all_stop import release_halts_of
from allstop.domain.deciding.awarding import award
from allstop.domain.deciding.changing import approve_change
from allstop.domain.deciding.informing import checked
from allstop.domain.deciding.levers import levers_undecided
from allstop.domain.deciding.mode_keeping import end_mode
from allstop.domain.deciding.owing import owe
from allstop.domain.deciding.plan_approving import approve_plan
from allstop.domain.deciding.plan_running import settle_gates
from allstop.domain.deciding.telling import announce
from allstop.domain.deciding.working import add_phase_tasks
from allstop.domain.draft import Draft, refuse
from allstop.domain.gates import phase_standings, standings, verdict_of, watches
from allstop.domain.incident import commands as c
from allstop.domain.incident import events as e
from allstop.domain.incident.state import Incident
from allstop.domain.moment import time_words, words
from allstop.domain.policy import Policy
from allstop.domain.verdict import Reason, Verdict


def record_samples(draft: Draft, command: c.RecordSamples) -> None:
    """A round of probes: recorded, and every gate of a plan that waits on them is judged."""
    incident = draft.incident(command.incident)
    event = e.SamplesRecorded(
        command.samples, draft.now.monotonic_ms, draft.now.boot, command.interval_ms
    )
    draft.on_incident(incident.id, event)
    _notice_relapse(draft, incident)
    settle_gates(draft, incident.id, command.samples)


def _notice_relapse(draft: Draft, before: Incident) -> None:
    """In the last phase a bad sample after good ones is news: said once, and told to everybody."""
    policy = draft.policy(before)
    if before.phase != policy.protocol.phases[-1].name:
        return
    now = draft.incident(before.id)
    for key in (criterion.id for criterion in policy.protocol.phases[-1].exit):
        was, gate = before.gates.get(key), now.gates.get(key)
        if was is None or gate is None or gate.resets == was.resets:
            continue
        lost = e.StabilityLost(gate.trouble.removeprefix("bad: "), was.stable_ms)
        draft.on_incident(before.id, lost)
        fields = {"seen": lost.seen, "after": words(was.stable_ms)}
        announce(draft, before.id, "relapse", fields)
        return


def advance_phase(draft: Draft, command: c.AdvancePhase) -> None:
    """Leave the phase through its gate. Leaving the last one means: resolved."""
    incident = draft.incident(command.incident)
    policy = draft.policy(incident)
    draft.require(may("advance", draft.who, policy, incident.roles))
    if "resolved" in incident.milestones:
        refuse("last-phase", f"{incident.id} has left its last phase", "allstop stand-down")
    phase = policy.protocol.phase(incident.phase)
    draft.require(verdict_of(phase_standings(draft.world, policy, incident, phase)))
    leave_phase(draft, incident.id)


def leave_phase(draft: Draft, incident_id: str) -> None:
    """Enter the next phase, or be resolved: its gate has opened, or was overridden."""
    incident = draft.incident(incident_id)
    policy = draft.policy(incident)
    following = policy.protocol.next_phase(incident.phase)
    if following is None:
        draft.on_incident(incident.id, e.MilestoneReached("resolved"))
        return
    draft.on_incident(incident.id, e.PhaseEntered(following.name, watches(policy, following.exit)))
    add_phase_tasks(draft, incident.id, following)


def approve(draft: Draft, command: c.Approve) -> None:
    """A person approves standing down, a plan by its hash, or a change by hand."""
    incident = draft.incident(command.incident)
    policy = draft.policy(incident)
    kind, _, name = command.subject.partition(":")
    if kind == "plan" and name:
        approve_plan(draft, incident, policy, command)
    elif kind == "change" and name:
        approve_change(draft, incident, policy, command)
    elif command.subject == "stand-down":
        _approve_stand_down(draft, incident, policy, command)
    else:
        text = f"{command.subject} cannot be approved"
        refuse("unknown-subject", text, "stand-down, plan:PLAN-1 or change:CHG-1")


def _approve_stand_down(
    draft: Draft, incident: Incident, policy: Policy, command: c.Approve
) -> None:
    draft.require(may("approve-stand-down", draft.who, policy, incident.roles))
    role = acts_as("approve-stand-down", draft.who, policy, incident.roles)
    draft.on_incident(incident.id, e.ApprovalGiven("stand-down", role, "", command.note))


def stand_down_verdict(draft: Draft, incident_id: str, policy: Policy) -> Verdict:
    """Everything that still stands against standing down, all at once."""
    incident = draft.incident(incident_id)
    verdict = Verdict()
    if "resolved" not in incident.milestones:
        phase = policy.protocol.phase(incident.phase)
        text = f"the response is still in {phase.title}"
        verdict = Verdict((Reason("phase", text, f"allstop show {incident.id}"),))
        verdict &= verdict_of(phase_standings(draft.world, policy, incident, phase))
    verdict &= verdict_of(standings(draft.world, policy, incident, policy.protocol.stand_down))
    verdict &= _fresh(draft, incident, policy)
    verdict &= levers_undecided(draft.world, incident)
    held = [
        plan.id
        for plan in draft.world.plans_of(incident.id)
        if plan.state.value in ("running", "held", "paused")
    ]
    if held:
        verdict &= Verdict.no("plan-active", f"{', '.join(held)} not ended", "allstop plans")
    return verdict


def _fresh(draft: Draft, incident: Incident, policy: Policy) -> Verdict:
    """Stability that nobody has looked at since proves nothing: its last sample must be fresh."""
    longest = 2 * draft.book.latest.fleet.monitor.interval_ms
    for criterion in policy.protocol.stand_down:
        gate = incident.gates.get(criterion.id)
        if gate is None or criterion.id in incident.overrides or gate.last_ms < 0:
            continue
        old = draft.now.monotonic_ms - gate.last_ms
        if gate.boot != draft.now.boot or old > longest:
            text = f"{criterion.title}: nobody has watched since its last sample"
            return Verdict.no("stale", text, "wait for the next rounds of samples")
    return Verdict.yes()


def stand_down(draft: Draft, command: c.StandDown) -> None:
    """End the response: refused with every reason until the evidence is in."""
    incident = draft.incident(command.incident)
    policy = draft.policy(incident)
    authority = may("stand-down", draft.who, policy, incident.roles)
    if any(halt.stands for halt in draft.world.halts_of(incident.id)):
        authority &= may("release", draft.who, policy, incident.roles)
    draft.require(authority & stand_down_verdict(draft, incident.id, policy))
    reason = checked(command.reason, "a stand-down")
    draft.on_incident(incident.id, e.IncidentStoodDown(reason))
    abort_plans(draft, incident.id, f"{incident.id} stood down")
    owe(draft, incident.id, "stood-down")
    release_halts_of(draft, incident.id, f"{incident.id} stood down: {reason}")
    end_mode(draft, incident.id, f"{incident.id} stood down")
    award(draft, incident.id)
    cause = incident.statements.get("root-cause", "not stated")
    fields = {
        "reason": _ended(reason),
        "duration": lasted(incident, draft.now.utc),
        "root_cause": cause,
    }
    fields["review"] = _review_words(draft.incident(incident.id, must_be_open=False))
    announce(draft, incident.id, "stood-down", fields)


def _ended(sentence: str) -> str:
    """With a full stop, where whoever wrote it left it to others."""
    return sentence if sentence.endswith((".", "!", "?", "…")) else f"{sentence}."


def _review_words(incident: Incident) -> str:
    """When what happened will be talked about, as one more sentence of the announcement."""
    meetings = sorted(
        (owed.meeting_at, owed.title)
        for owed in incident.obligations.values()
        if owed.meeting_at is not None and not owed.met
    )
    if not meetings:
        return ""
    listed = ", ".join(f"{time_words(at)} ({title})" for at, title in meetings)
    return f" Review scheduled for {listed}."
