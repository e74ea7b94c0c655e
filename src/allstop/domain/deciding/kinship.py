"""The record of incidents beside each other: corrections, links, privacy, and opening one again."""

from __future__ import annotations

from allstop.domain.authority import may
from allstop.domain.deciding.aborting import abort_plans
from allstop.domain.deciding.all_stop import ensure_all_stop
from allstop.domain.deciding.changing import withdraw_open
from allstop.domain.deciding.informing import checked
from allstop.domain.deciding.mode_keeping import begin_mode
from allstop.domain.deciding.telling import announce, tell_person
from allstop.domain.deciding.working import add_phase_tasks
from allstop.domain.draft import Draft, Rules, refuse
from allstop.domain.gates import watches
from allstop.domain.incident import course_commands as cc
from allstop.domain.incident import course_events as ce
from allstop.domain.incident import events as e
from allstop.domain.incident.state import Incident
from allstop.domain.policy import Phase
from allstop.domain.recognition import first_phase
from allstop.domain.record import incident_stream
from allstop.domain.verdict import nearest

# What the other side of a link says.
INVERSE = {
    "related": "related",
    "caused-by": "causes",
    "causes": "caused-by",
    "duplicate-of": "duplicated-by",
    "duplicated-by": "duplicate-of",
}


def correct_entry(draft: Draft, command: cc.CorrectEntry) -> None:
    """Put the right words beside an entry. What was written first stays; a correction can be corrected."""
    incident = draft.incident(command.incident, must_be_open=False)
    draft.require(may("correct", draft.who, draft.policy(incident), incident.roles))
    last = draft.world.versions.get(incident_stream(incident.id), 0)
    if not 1 <= command.version <= last:
        hint = f"1 to {last}, as `allstop timeline {incident.id}` counts them"
        refuse("unknown-entry", f"{incident.id} has no entry {command.version}", hint)
    text = checked(command.text, "a correction")
    because = checked(command.because, "the reason for a correction")
    draft.on_incident(incident.id, ce.EntryCorrected(command.version, text, because))


def link_incidents(draft: Draft, command: cc.LinkIncidents) -> None:
    """Say how two incidents belong together, on both of them."""
    incident = draft.incident(command.incident, must_be_open=False)
    draft.require(may("link", draft.who, draft.policy(incident), incident.roles))
    other = draft.incident(command.to, must_be_open=False)
    if other.id == incident.id:
        refuse("itself", f"{incident.id} cannot be linked to itself")
    if command.how not in INVERSE:
        refuse("unknown-link", f"there is no link {command.how}", nearest(command.how, INVERSE))
    if (other.id, command.how) in incident.links:
        refuse("already-linked", f"{incident.id} is {command.how} {other.id} already")
    link(draft, incident.id, command.how, other.id)


def link(draft: Draft, one: str, how: str, other: str) -> None:
    draft.on_incident(one, ce.IncidentLinked(other, how))
    draft.on_incident(other, ce.IncidentLinked(one, INVERSE[how]))


def set_privacy(draft: Draft, command: cc.SetPrivacy) -> None:
    """Private: no audience is told from now on. Public again: those who did not hear yet get a notice."""
    incident = draft.incident(command.incident, must_be_open=False)
    draft.require(may("privacy", draft.who, draft.policy(incident), incident.roles))
    reason = checked(command.reason, "a change of privacy")
    if command.private == incident.private:
        state = "private" if incident.private else "public"
        refuse("same-privacy", f"{incident.id} is {state} already")
    draft.on_incident(incident.id, ce.PrivacyChanged(command.private, reason))


def reopen(draft: Draft, command: cc.ReopenIncident) -> None:
    """A person opens an incident again whose response had ended."""
    incident = draft.incident(command.incident, must_be_open=False)
    draft.require(may("reopen", draft.who, draft.policy(incident), incident.roles))
    if incident.is_open:
        refuse("already-open", f"{incident.id} is open", f"allstop show {incident.id}")
    if incident.state not in ("stood-down", "closed"):
        into = f": it goes on in {incident.merged_into}" if incident.merged_into else ""
        hint = "declare a new incident, and link the two"
        refuse("ended", f"{incident.id} was {incident.state}{into}", hint)
    if same := draft.world.open_for(incident.dedup):
        hint = f"go on there, or link the two: allstop show {same.id}"
        refuse("already-declared", f"{same.id} is open for {incident.dedup}", hint)
    reopen_recurrence(draft, incident, checked(command.reason, "opening an incident again"))


def reopen_recurrence(
    draft: Draft, incident: Incident, reason: str, services: tuple[str, ...] = ()
) -> None:
    """The response begins again from the beginning, with the people it had and at its severity.

    Whoever asks has been judged before: by `reopen`, by the rules of declaring, or by a watch of the
    aftercare. services: suspected besides those it was about.
    """
    id = incident.id
    policy = draft.policy(incident)
    # What nobody started then must not be approved now, in another emergency.
    abort_plans(draft, id, f"{id} was reopened")
    withdraw_open(draft, incident, f"{id} was reopened: ask for it again if it is still wanted")
    first = first_phase(policy.protocol, incident.kind)
    draft.on_incident(id, ce.IncidentReopened(reason, first.name, services))
    kind = policy.protocol.activation.kind(incident.kind)
    stops = policy.protocol.severity(incident.severity).all_stop or (kind and kind.all_stop)
    if stops:
        ensure_all_stop(draft, id)
    begin_response(draft, id, first)
    for piece in incident.evidence.values():
        # What the diagnosis said then says nothing about now.
        draft.on_incident(id, e.EvidenceRequested(piece.id, piece.service, piece.name))
    begin_mode(draft, id, f"{id} was opened again")
    for person in dict.fromkeys((*incident.roles.values(), *incident.called)):
        tell_person(draft, id, person, f"{id} is open again: {incident.title}", reason)
    announce(draft, id, "reopened", {"because": reason})


def begin_response(draft: Draft, incident: str, first: Phase) -> None:
    """Enter the phase a response begins with; from here on its gate and that of standing down are watched."""
    policy = draft.policy(draft.incident(incident))
    watched = watches(policy, first.exit) + watches(policy, policy.protocol.stand_down)
    draft.on_incident(incident, e.PhaseEntered(first.name, watched))
    add_phase_tasks(draft, incident, first)


RULES: Rules = {
    cc.CorrectEntry: correct_entry,
    cc.LinkIncidents: link_incidents,
    cc.SetPrivacy: set_privacy,
    cc.ReopenIncident: reopen,
}
INTERNAL: frozenset[type] = frozenset()
