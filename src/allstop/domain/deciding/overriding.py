"""Break-glass: what stands in the way is let through by a named holder, with a reason, on the record."""

from __future__ import annotations

from collections.abc import Callable

from allstop.domain.authority import may
from allstop.domain.deciding.advancing import leave_phase
from allstop.domain.deciding.all_stop import let_go
from allstop.domain.deciding.changing import let_change
from allstop.domain.deciding.declaring import change_severity
from allstop.domain.deciding.informing import checked
from allstop.domain.deciding.plan_running import (
    begin_again,
    begin_plan,
    check_not_started,
)
from allstop.domain.deciding.telling import announce
from allstop.domain.draft import Draft, Rules, refuse
from allstop.domain.gates import phase_standings
from allstop.domain.incident import commands as c
from allstop.domain.incident import events as e
from allstop.domain.incident.course_events import OverrideRecorded
from allstop.domain.incident.state import Incident
from allstop.domain.plan.events import PlanApproved
from allstop.domain.plan.lifecycle import PlanState
from allstop.domain.policy import Policy
from allstop.domain.record import plan_stream
from allstop.domain.verdict import nearest


def override(draft: Draft, command: c.Override) -> None:
    """Let one thing through, at once. It is recorded as an override, and everybody who is told hears of it."""
    closing = command.subject == "close"
    incident = draft.incident(command.incident, must_be_open=not closing)
    policy = draft.policy(incident)
    draft.require(may("override", draft.who, policy, incident.roles))
    reason = checked(command.reason, "an override")
    kind, _, name = command.subject.partition(":")
    if command.subject in {one.id for one in policy.protocol.criteria()}:
        draft.on_incident(incident.id, e.CriterionOverridden(command.subject, reason))
    elif kind in _WITH_NAME and name:
        _WITH_NAME[kind](draft, policy, incident, name, reason)
    elif command.subject in _ALONE:
        _ALONE[command.subject](draft, policy, incident, reason)
    else:
        _refuse_unknown(draft, policy, incident, command.subject)
    fields = {"who": str(draft.who), "subject": command.subject, "because": reason}
    announce(draft, incident.id, "override", fields)


def _plan(draft: Draft, policy: Policy, incident: Incident, name: str, reason: str) -> None:
    """Approvals, reviews and the preflight are skipped: it starts."""
    del policy
    plan = draft.world.plans.get(name)
    if plan is None or plan.incident != incident.id:
        known = [one.id for one in draft.world.plans_of(incident.id)]
        refuse("unknown-plan", f"{incident.id} has no plan {name}", nearest(name, known))
    check_not_started(plan)
    draft.on_incident(incident.id, OverrideRecorded(f"plan:{plan.id}", reason))
    if plan.state is PlanState.PROPOSED:
        draft.emit(plan_stream(plan.id), PlanApproved(plan.hash, "override"))
    begin_plan(draft, plan.id)


def _step(draft: Draft, policy: Policy, incident: Incident, name: str, reason: str) -> None:
    """A step that a safety rule refused begins all the same: this one, and no other."""
    del policy
    plan_name, _, id = name.partition("/")
    plan = draft.world.plans.get(plan_name)
    refused = (
        [one for one in plan.holding if plan.step(one) is not None and plan.standing(one).refused]
        if plan is not None and plan.incident == incident.id
        else []
    )
    if plan is None or id not in refused:
        hint = nearest(name, [f"{plan_name}/{one}" for one in refused]) or "allstop plans"
        refuse("not-refused", f"no safety rule keeps {name} from beginning", hint)
    draft.on_incident(incident.id, OverrideRecorded(f"step:{name}", reason))
    begin_again(draft, plan.id, id)


def _change(draft: Draft, policy: Policy, incident: Incident, name: str, reason: str) -> None:
    """Approvals and reviews are skipped: it may be made."""
    del policy
    change = incident.changes.get(name)
    if change is None:
        hint = nearest(name, incident.changes)
        refuse("unknown-change", f"{incident.id} has no change {name}", hint)
    if change.state != "proposed":
        refuse("not-proposed", f"{change.id} is {change.state}")
    draft.on_incident(incident.id, OverrideRecorded(f"change:{change.id}", reason))
    let_change(draft, incident.id, change)


def _halt(draft: Draft, policy: Policy, incident: Incident, name: str, reason: str) -> None:
    """The halt is lifted, whoever the protocol lets release it."""
    del policy
    halt = draft.world.halts.get(name)
    if halt is None:
        refuse("unknown-halt", f"there is no halt {name}", nearest(name, draft.world.halts))
    if halt.incident not in ("", incident.id):
        refuse("other-incident", f"{halt.id} belongs to {halt.incident}")
    if not halt.stands:
        refuse("already-released", f"{halt.id} was released by {halt.released_by}")
    draft.on_incident(incident.id, OverrideRecorded(f"halt:{halt.id}", reason))
    let_go(draft, halt, reason)


def _severity(draft: Draft, policy: Policy, incident: Incident, name: str, reason: str) -> None:
    """The severity is what they say, milder too."""
    known = [rule.name for rule in policy.protocol.severities]
    if name not in known:
        text = f"the protocol has no severity {name}"
        refuse("unknown-severity", text, nearest(name, known))
    if name == incident.severity:
        refuse("same-severity", f"{incident.id} is {name} already")
    draft.on_incident(incident.id, OverrideRecorded(f"severity:{name}", reason))
    event = e.SeverityClassified(name, reason, -1, by_person=True)
    change_severity(draft, incident.id, event)


def _phase(draft: Draft, policy: Policy, incident: Incident, reason: str) -> None:
    """The phase is left now: everything its gate still wants is overridden, each on the record."""
    if "resolved" in incident.milestones:
        refuse("last-phase", f"{incident.id} has left its last phase", "allstop stand-down")
    phase = policy.protocol.phase(incident.phase)
    draft.on_incident(incident.id, OverrideRecorded("phase", reason))
    for one in phase_standings(draft.world, policy, incident, phase):
        if not one.passed:
            draft.on_incident(incident.id, e.CriterionOverridden(one.criterion.id, reason))
    leave_phase(draft, incident.id)


def _preflight(draft: Draft, policy: Policy, incident: Incident, reason: str) -> None:
    """Plans start whatever the checks say."""
    if not policy.protocol.preflight.required:
        refuse("not-needed", "the protocol lets no plan wait for the preflight")
    draft.on_incident(incident.id, OverrideRecorded("preflight", reason))


def _close(draft: Draft, policy: Policy, incident: Incident, reason: str) -> None:
    """It may be closed whatever is missing."""
    del policy
    if incident.is_open:
        hint = f"allstop stand-down --incident {incident.id}"
        refuse("not-stood-down", f"{incident.id} is still open", hint)
    if incident.state != "stood-down":
        refuse("ended", f"{incident.id} was {incident.state}, there is nothing to close")
    draft.on_incident(incident.id, OverrideRecorded("close", reason))


_WITH_NAME: dict[str, Callable[[Draft, Policy, Incident, str, str], None]] = {
    "plan": _plan,
    "step": _step,
    "change": _change,
    "halt": _halt,
    "severity": _severity,
}
_ALONE: dict[str, Callable[[Draft, Policy, Incident, str], None]] = {
    "phase": _phase,
    "preflight": _preflight,
    "close": _close,
}


def _refuse_unknown(draft: Draft, policy: Policy, incident: Incident, subject: str) -> None:
    """Name what could be meant: whatever stands in the way of this incident."""
    if subject == "stand-down":
        names = ", ".join(one.id for one in policy.protocol.stand_down)
        text = "standing down is no single gate: override what is missing of it"
        refuse("unknown-subject", text, f"one of: {names}")
    world = draft.world
    known = [one.id for one in policy.protocol.criteria()]
    known += [f"plan:{one.id}" for one in world.plans_of(incident.id) if one.ended_at is None]
    known += [f"change:{one.id}" for one in incident.changes.values() if one.state == "proposed"]
    known += [f"halt:{one.id}" for one in world.halts_of(incident.id) if one.stands]
    known += [f"severity:{one.name}" for one in policy.protocol.severities]
    text = f"there is no {subject} that could be overridden"
    refuse("unknown-subject", text, nearest(subject, (*known, *_ALONE)))


RULES: Rules = {c.Override: override}
INTERNAL: frozenset[type] = frozenset()
