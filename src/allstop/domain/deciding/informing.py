"""Updates, statements and notes."""

from __future__ import annotations

from datetime import UTC, datetime

from allstop.domain.authority import may
from allstop.domain.business_time import due_at
from allstop.domain.deciding.telling import announce, tell_person
from allstop.domain.draft import Draft, refuse
from allstop.domain.form_fields import filled, in_utc, instant, said, written
from allstop.domain.incident import commands as c
from allstop.domain.incident import events as e
from allstop.domain.incident.state import Incident
from allstop.domain.ledger import CAUSED_BY
from allstop.domain.policy import FormField, Policy
from allstop.domain.prefill import Known
from allstop.domain.span_words import span_words
from allstop.domain.verdict import Verdict, nearest

# How many characters a text, a title and a link may have.
TEXT_LIMIT = 4000
TITLE_LIMIT = 200
LINK_LIMIT = 2000
# The field of an update that says when it will be over; without one of this id, the first time counts.
EXPECTED = "expected"


def checked(text: str, what: str, most: int = TEXT_LIMIT) -> str:
    """The text without outer blanks. Refuses an empty one, and one of more than `most` characters."""
    text = text.strip()
    if not text:
        refuse("empty", f"{what} needs some words")
    if len(text) > most:
        refuse("too-long", f"{what} has at most {most} characters")
    return text


def checked_time(at: datetime) -> datetime:
    """A time somebody gave, as UTC. Refuses one without a zone, which nobody can place."""
    if at.tzinfo is None:
        refuse("no-zone", f"{at} names no time zone", "write it like 2026-12-01T10:00:00Z")
    return at.astimezone(UTC)


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
    """Say where it stands. Everything the protocol asks of an update is refused at once when it lacks."""
    incident = draft.incident(command.incident)
    policy = draft.policy(incident)
    rules = policy.protocol.updates
    draft.require(may("update", draft.who, policy, incident.roles))
    text = checked(command.text, "an update")
    expects = _expecting(rules.fields)
    given = dict(command.fields)
    if expects and command.expected_at is not None:
        given.setdefault(expects, written(command.expected_at))
    known = Known(draft.world, policy, incident, draft.now.utc)
    found = filled(rules.fields, given, known, "an update")
    verdict = found.verdict
    if command.status not in rules.statuses:
        unknown = f"there is no status {command.status}"
        verdict &= Verdict.no("unknown-status", unknown, nearest(command.status, rules.statuses))
    draft.require(verdict)
    expected_at = instant(found.values.get(expects, "")) if expects else command.expected_at
    every = policy.protocol.severity(incident.severity).update_every
    next_at = due_at(draft.now.utc, every, policy.protocol.calendar) if every else None
    event = e.UpdatePosted(
        incident.updates + 1, command.status, text, next_at, found.values,
        _to_come(expected_at, draft.now.utc),
    )  # fmt: skip
    draft.on_incident(incident.id, event)
    next_in = ""
    if every and next_at is not None:
        next_in = f"The next update is due in {span_words(every)}, at {next_at:%H:%M} UTC."
    fields = {"text": text, "fields": said(rules.fields, found.values), "next_in": next_in}
    announce(draft, incident.id, "update", {"number": str(event.number), **fields})
    draft.result["number"] = event.number


def _expecting(fields: tuple[FormField, ...]) -> str:
    """The id of the field that says when it will be over, or empty."""
    times = [one.id for one in fields if one.kind == "time"]
    return EXPECTED if EXPECTED in times else next(iter(times), "")


def _to_come(at: datetime | None, now: datetime) -> datetime | None:
    """Nothing can be late for a time that had passed when it was named: that starts no clock."""
    return in_utc(at) if at is not None and in_utc(at) > now else None


def record_statement(draft: Draft, command: c.RecordStatement) -> None:
    """State what a gate waits for; after standing down, only what is owed or asked for before closing."""
    policy = draft.policy(draft.incident(command.incident, must_be_open=False))
    later = _stated_later(policy)
    incident = draft.incident(command.incident, must_be_open=command.subject not in later)
    refuse_ended(incident)
    draft.require(may("statement", draft.who, policy, incident.roles))
    criteria = policy.protocol.criteria()
    wanted = {one.subject for one in criteria if one.kind.value == "statement"} | later
    if command.subject not in wanted:
        text = f"the protocol asks for no statement {command.subject}"
        refuse("unknown-statement", text, nearest(command.subject, wanted))
    draft.on_incident(
        incident.id, e.StatementRecorded(command.subject, checked(command.text, "a statement"))
    )


def _stated_later(policy: Policy) -> set[str]:
    """Subjects that an obligation is met by, that closing requires, or that the ledger goes by."""
    marks = {one.met_by for one in policy.protocol.obligations}
    marks |= {mark for some in policy.protocol.closing.requires.values() for mark in some}
    marks |= {mark for rule in policy.protocol.deadlines for mark in rule.until}
    stated = {mark.removeprefix("statement:") for mark in marks if mark.startswith("statement:")}
    blames = any(rule.to == "causer" for rule in policy.protocol.ledger.rules)
    return stated | {CAUSED_BY} if blames else stated


def refuse_ended(incident: Incident) -> None:
    """Refuse what is only for incidents that are open or stood down: the record of a closed one stands."""
    if incident.state not in ("open", "stood-down"):
        into = f" into {incident.merged_into}" if incident.merged_into else ""
        hint = f"allstop reopen {incident.id}" if incident.state == "closed" else ""
        refuse("ended", f"{incident.id} is {incident.state}{into}", hint or "allstop note")


def add_note(draft: Draft, command: c.AddNote) -> None:
    incident = draft.incident(command.incident, must_be_open=False)
    draft.require(may("note", draft.who, draft.policy(incident), incident.roles))
    draft.on_incident(incident.id, e.NoteAdded(checked(command.text, "a note")))


def record_report(draft: Draft, command: c.RecordReport) -> None:
    incident = draft.incident(command.incident, must_be_open=False)
    draft.require(may("note", draft.who, draft.policy(incident), incident.roles))
    draft.on_incident(incident.id, e.ReportWritten(command.path, command.sha256))
