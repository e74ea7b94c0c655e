"""A person looks: real or a false alarm, and how bad."""

from __future__ import annotations

from allstop.domain.authority import may
from allstop.domain.deciding.aborting import abort_plans
from allstop.domain.deciding.all_stop import release_halts_of
from allstop.domain.deciding.calling import call_responders
from allstop.domain.deciding.declaring import raise_to_kinds, set_severity
from allstop.domain.deciding.informing import TEXT_LIMIT, checked
from allstop.domain.deciding.mode_keeping import end_mode
from allstop.domain.deciding.telling import announce
from allstop.domain.draft import Draft, Rules, refuse
from allstop.domain.incident import commands as c
from allstop.domain.incident import course_commands as cc
from allstop.domain.incident import course_events as ce
from allstop.domain.incident import events as e
from allstop.domain.incident.state import Incident
from allstop.domain.plan.lifecycle import StepState
from allstop.domain.policy import EmergencyKind, Policy
from allstop.domain.verdict import nearest


def triage(draft: Draft, command: cc.TriageIncident) -> None:
    """Confirm that it is real, how bad and of which kind it is, or end it as a false alarm."""
    incident = draft.incident(command.incident)
    policy = draft.policy(incident)
    draft.require(may("triage", draft.who, policy, incident.roles))
    kind = _kind(policy, incident, command)
    if not command.real:
        _dismiss(draft, incident, checked(command.text, "calling it a false alarm"))
        return
    if incident.triaged_at is not None:
        hint = f"allstop severity SEV --incident {incident.id} sets another"
        refuse("already-triaged", f"{incident.id} was triaged already", hint)
    text = command.text.strip()
    if len(text) > TEXT_LIMIT:
        refuse("too-long", f"a triage has at most {TEXT_LIMIT} characters")
    if command.severity and command.severity != incident.severity:
        set_severity(draft, c.SetSeverity(incident.id, command.severity, text))
    if kind is not None:
        raise_to_kinds(draft, incident.id, (kind,))
    severity = draft.incident(incident.id).severity
    named = kind.name if kind else ""
    draft.on_incident(incident.id, ce.IncidentTriaged(severity, text, named))
    if kind is not None:
        call_responders(draft, incident.id, kind)
    # Whoever has looked at it has answered: nobody needs to be called for that any more.
    if incident.acknowledged_at is None:
        draft.on_incident(incident.id, e.IncidentAcknowledged(draft.who.id))
    draft.result["severity"] = severity


def _kind(policy: Policy, incident: Incident, command: cc.TriageIncident) -> EmergencyKind | None:
    """The kind of emergency that is named and that it was not of until now."""
    if not command.kind:
        return None
    if not command.real:
        refuse("no-kind", "a false alarm is of no kind", "leave the kind out")
    found = policy.protocol.activation.kind(command.kind)
    if found is None:
        kinds = [one.name for one in policy.protocol.activation.kinds]
        text = f"the protocol has no kind of emergency {command.kind}"
        refuse("unknown-kind", text, nearest(command.kind, kinds) or "it knows none")
    return found if found.name != incident.kind else None


def _dismiss(draft: Draft, incident: Incident, reason: str) -> None:
    """End it without a response. Once something was changed, it has to be stood down with proofs."""
    if incident.reopened:
        text = f"{incident.id} was real the first time, so it cannot end as a false alarm"
        refuse("reopened", text, "allstop stand-down, when it is over")
    changed = _changed(draft, incident)
    if changed:
        text = (
            f"{changed} has changed something, so this is no false alarm that can just be dropped"
        )
        refuse("changed", text, "allstop stand-down, when everything is back")
    abort_plans(draft, incident.id, f"{incident.id} was a false alarm: {reason}")
    end_mode(draft, incident.id, f"{incident.id} was a false alarm")
    draft.on_incident(incident.id, ce.IncidentDismissed(reason))
    release_halts_of(draft, incident.id, f"{incident.id} was a false alarm: {reason}")
    announce(draft, incident.id, "dismissed", {"because": reason})


def _changed(draft: Draft, incident: Incident) -> str:
    """The first plan that has begun to change something, or the first change made by hand, or nothing."""
    for plan in draft.world.plans_of(incident.id):
        acts = (step.id for step in plan.steps if step.kind == "act")
        if any(plan.standing(id).state is not StepState.WAITING for id in acts):
            return plan.id
    return next((one.id for one in incident.changes.values() if one.state == "made"), "")


RULES: Rules = {cc.TriageIncident: triage}
INTERNAL: frozenset[type] = frozenset()
