"""Merging: the response to one incident goes on in another, and nobody is let go on the way."""

from __future__ import annotations

from allstop.domain.authority import may
from allstop.domain.deciding.aborting import abort_plans
from allstop.domain.deciding.all_stop import order_same, release_halts_of
from allstop.domain.deciding.declaring import change_severity
from allstop.domain.deciding.informing import checked
from allstop.domain.deciding.kinship import link
from allstop.domain.deciding.mode_keeping import end_mode
from allstop.domain.deciding.telling import announce, tell_person
from allstop.domain.draft import Draft, Rules, refuse
from allstop.domain.halt.scope import blocked
from allstop.domain.halt.state import Halt
from allstop.domain.incident import course_commands as cc
from allstop.domain.incident import course_events as ce
from allstop.domain.incident import events as e
from allstop.domain.incident.state import Incident
from allstop.domain.severity import worse

# What is said of a private incident to those who have no part in it.
_ELSEWHERE, _WITHHELD = "another incident", "It is dealt with there."


def merge(draft: Draft, command: cc.MergeIncident) -> None:
    """End an incident because another one is the same emergency. The one that goes on is as bad, and
    holds whom this one held, before anything of this one ends."""
    incident = draft.incident(command.incident)
    policy = draft.policy(incident)
    draft.require(may("link", draft.who, policy, incident.roles))
    # It ends a response without the proofs that standing down takes.
    draft.only_people("may merge incidents")
    into = draft.incident(command.into)
    _check(draft, incident, into)
    reason = checked(command.reason, "merging")
    _as_bad(draft, incident, into)
    for halt in draft.world.halts_of(incident.id):
        if halt.stands and not _held(draft, halt, into.id):
            order_same(draft, halt, into.id)
    abort_plans(draft, incident.id, f"{incident.id} was merged into {into.id}")
    link(draft, incident.id, "duplicate-of", into.id)
    services = f"; it is about {', '.join(incident.services)}" if incident.services else ""
    note = f"{incident.id} ({incident.title}) goes on here: {reason}{services}"
    draft.on_incident(into.id, e.NoteAdded(note))
    draft.on_incident(incident.id, ce.IncidentMerged(into.id, reason))
    end_mode(draft, incident.id, f"it goes on in {into.id}")
    release_halts_of(
        draft, incident.id, f"{incident.id} goes on in {into.id}, which holds them too"
    )
    _tell(draft, incident, into, reason)
    draft.result["into"] = into.id


def _tell(draft: Draft, incident: Incident, into: Incident, reason: str) -> None:
    """Whoever worked on it, and its audiences. Where it goes on in private, that is all that others hear."""
    hidden = into.private and not incident.private
    knowing = {*into.roles.values(), *into.called} if hidden else set(incident.roles.values())
    for person in dict.fromkeys(incident.roles.values()):
        where, why = (into.id, reason) if person in knowing else (_ELSEWHERE, _WITHHELD)
        tell_person(draft, incident.id, person, f"{incident.id} goes on in {where}", why)
    where, why = (_ELSEWHERE, _WITHHELD) if hidden else (into.id, reason)
    announce(draft, incident.id, "merged", {"into": where, "because": why})


def _check(draft: Draft, incident: Incident, into: Incident) -> None:
    if into.id == incident.id:
        refuse("itself", f"{incident.id} cannot go on in itself")
    active = [
        plan
        for plan in draft.world.plans_of(incident.id)
        if plan.state.value in ("running", "held", "paused")
    ]
    if active:
        hint = f"wait for it, or allstop plan abort {active[0].id}"
        refuse("plan-active", f"{active[0].id} of {incident.id} is {active[0].state}", hint)
    if incident.private and not into.private:
        text = f"{incident.id} is private and {into.id} is not: everybody would read of it there"
        refuse("private", text, f'allstop private --incident {into.id} --because "..."')


def _as_bad(draft: Draft, incident: Incident, into: Incident) -> None:
    """What goes on is at least as bad as what was merged into it."""
    protocol = draft.policy(into).protocol
    if incident.severity not in [rule.name for rule in protocol.severities]:
        return
    if worse(protocol, incident.severity, into.severity) != into.severity:
        because = f"{incident.id}, which goes on here, is {incident.severity}"
        event = e.SeverityClassified(incident.severity, because, -1)
        change_severity(draft, into.id, event)


def _held(draft: Draft, halt: Halt, into: str) -> bool:
    """Whether the other incident holds everybody this halt holds, and would hold newcomers too."""
    others = [other for other in draft.world.halts_of(into) if other.stands]
    wide = any(
        other.scope in ("all", halt.scope)
        and set(other.exempt) <= set(halt.exempt)
        and blocked(other.classes) >= blocked(halt.classes)
        for other in others
    )
    held = {line.agent for other in others for line in other.roll.values() if not line.is_let_go}
    mine = {line.agent for line in halt.roll.values() if not line.is_let_go}
    return wide and held >= mine


RULES: Rules = {cc.MergeIncident: merge}
INTERNAL: frozenset[type] = frozenset()
