"""Sentences about the work in an incident: forms, tasks, evidence, crews, changes, what is owed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from allstop.domain.incident import work_events as w

# A filed form may be pages long: the timeline shows how each field begins.
FIELD_SHOWN = 200


def named(values: Mapping[str, object]) -> str:
    """`situation: ...; scope: ...`, each value on one line and cut where it grows long."""
    return "; ".join(f"{name}: {_short(value)}" for name, value in values.items())


def _short(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "unknown", True: "yes", False: "no"}[value]
    text = " ".join(str(value).split())
    return text if len(text) <= FIELD_SHOWN else f"{text[: FIELD_SHOWN - 3]}..."


def noted(text: str, note: str) -> str:
    """A text with what somebody noted, if they did."""
    return f"{text}: {note}" if note else text


def _filed(event: w.FormFiled) -> str:
    again = f", filing {event.number}" if event.number > 1 else ""
    return f"Form {event.form} filed{again}: {named(event.fields) or 'empty'}"


def _task(event: w.TaskAdded) -> str:
    owner = f", {event.owner} has it" if event.owner else ""
    phase = f" ({event.phase})" if event.phase else ""
    return f"Task {event.id}{phase}: {event.title}{owner}"


def _found(event: w.EvidenceAdded) -> str:
    about = f" about {event.service}" if event.service else ""
    link = f" [{event.link}]" if event.link else ""
    return f"Finding {event.id}, {event.kind}{about}: {event.text}{link}"


def _crew(verb: str, event: w.CrewProposed | w.CrewAssigned) -> str:
    members = ", ".join(event.members) or "nobody"
    why = f" ({event.because})" if isinstance(event, w.CrewProposed) else ""
    return noted(f"Crew {event.crew} {verb}, {members}{why}", event.objective)


def _change(event: w.ChangeProposed) -> str:
    where = f" of {event.service}" if event.service else ""
    names = ", ".join(one.removeprefix("role:") for one in event.by) or "somebody who may approve"
    needs = f"needs {event.people} of {names}" if event.people else "needs no approval"
    reviewers = f", reviewed by {', '.join(event.reviewers)}" if event.reviewers else ""
    text = f"Change {event.id}{where}, risk {event.risk}: {event.title}"
    return f"{text}; {needs}{reviewers} ({event.because})"


def _action(event: w.ActionAdded) -> str:
    link = f" [{event.link}]" if event.link else ""
    due = f"{event.owner} until {event.due_at:%Y-%m-%d}"
    return f"Action item {event.id}, {event.priority}: {event.title} ({due}){link}"


def _action_changed(event: w.ActionChanged) -> str:
    due = f"{event.owner} until {event.due_at:%Y-%m-%d}, {event.priority}"
    return noted(f"Action item {event.id} is {event.state} ({due})", event.note)


def _points(event: w.PointsAwarded) -> str:
    rule = f" [{event.rule}]" if event.rule else ""
    return f"{event.points:+d} points to {event.team}: {event.because}{rule}"


WORK_SENTENCES: dict[type, Callable[[Any], str]] = {
    w.FormFiled: _filed,
    w.TaskAdded: _task,
    w.TaskAssigned: lambda e: f"Task {e.id} goes to {e.owner or 'nobody'}",
    w.TaskEnded: lambda e: noted(f"Task {e.id} {e.state}", e.note),
    w.EvidenceAdded: _found,
    w.FactsRecorded: lambda e: f"Facts stated: {named(e.facts)}, because {e.because}",
    w.CrewProposed: lambda e: _crew("proposed", e),
    w.CrewAssigned: lambda e: _crew("assigned", e),
    w.ChangeProposed: _change,
    w.ChangeSigned: lambda e: f"Change {e.id} {'reviewed' if e.review else 'signed'} as {e.role}",
    w.ChangeApproved: lambda e: f"Change {e.id} approved: everybody who must agree has",
    w.ChangeEnded: lambda e: noted(f"Change {e.id} {e.state}", e.note),
    w.ActionAdded: _action,
    w.ActionChanged: _action_changed,
    w.ObligationMet: lambda e: f"Obligation {e.id} met: {e.how}",
    w.ObligationReminded: lambda e: f"Reminded of {e.id}: {', '.join(e.to) or 'nobody'}",
    w.PointsAwarded: _points,
}
