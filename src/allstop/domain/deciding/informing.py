"""Updates, statements, notes and missed deadlines."""

from __future__ import annotations

from allstop.domain.authority import may
from allstop.domain.business_time import due_at
from allstop.domain.deciding.telling import announce, tell_person
from allstop.domain.draft import Draft, refuse
from allstop.domain.incident import commands as c
from allstop.domain.incident import events as e
from allstop.domain.span_words import span_words
from allstop.domain.verdict import nearest

TEXT_LIMIT = 4000


def checked(text: str, what: str) -> str:
    """The text without outer blanks. Refuses an empty or overlong one."""
    text = text.strip()
    if not text:
        refuse("empty", f"{what} needs some words")
    if len(text) > TEXT_LIMIT:
        refuse("too-long", f"{what} has at most {TEXT_LIMIT} characters")
    return text


def request_update(draft: Draft, command: c.RequestUpdate) -> None:
    """An update has fallen due: it is asked for, once."""
    incident = draft.incident(command.incident)
    if incident.update_requested >= command.number or incident.updates >= command.number:
        return
    of = incident.roles.get("communications") or incident.roles.get("commander", "")
    draft.on_incident(incident.id, e.UpdateRequested(command.number, of))
    if of:
        hint = f'allstop update "..." --incident {incident.id}'
        tell_person(draft, incident.id, of, f"{incident.id}: update {command.number} is due", hint)


def post_update(draft: Draft, command: c.PostUpdate) -> None:
    incident = draft.incident(command.incident)
    policy = draft.policy(incident)
    draft.require(may("update", draft.who, policy, incident.roles))
    text = checked(command.text, "an update")
    known = policy.protocol.updates.statuses
    if command.status not in known:
        refuse(
            "unknown-status", f"there is no status {command.status}", nearest(command.status, known)
        )
    number = incident.updates + 1
    every = policy.protocol.severity(incident.severity).update_every
    next_at = due_at(draft.now.utc, every, policy.protocol.calendar) if every else None
    event = e.UpdatePosted(
        number, command.status, text, next_at, dict(command.fields), command.expected_at
    )
    draft.on_incident(incident.id, event)
    next_in = f" The next update is due in {span_words(every)}." if every else ""
    fields = {"number": str(number), "text": text, "fields": "", "next_in": next_in}
    announce(draft, incident.id, "update", fields)
    draft.result["number"] = number


def record_statement(draft: Draft, command: c.RecordStatement) -> None:
    incident = draft.incident(command.incident)
    policy = draft.policy(incident)
    draft.require(may("statement", draft.who, policy, incident.roles))
    gates = (
        *policy.protocol.stand_down,
        *(one for phase in policy.protocol.phases for one in phase.exit),
    )
    wanted = {criterion.subject for criterion in gates if criterion.kind.value == "statement"}
    if command.subject not in wanted:
        text = f"the protocol asks for no statement {command.subject}"
        refuse("unknown-statement", text, nearest(command.subject, wanted))
    draft.on_incident(
        incident.id, e.StatementRecorded(command.subject, checked(command.text, "a statement"))
    )


def add_note(draft: Draft, command: c.AddNote) -> None:
    incident = draft.incident(command.incident, must_be_open=False)
    draft.require(may("note", draft.who, draft.policy(incident), incident.roles))
    draft.on_incident(incident.id, e.NoteAdded(checked(command.text, "a note")))


def record_report(draft: Draft, command: c.RecordReport) -> None:
    incident = draft.incident(command.incident, must_be_open=False)
    draft.require(may("note", draft.who, draft.policy(incident), incident.roles))
    draft.on_incident(incident.id, e.ReportWritten(command.path, command.sha256))
