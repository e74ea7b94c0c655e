"""How the work in an incident changes its state: forms, tasks, evidence, crews, changes, actions."""

from __future__ import annotations

from typing import Any

from allstop.domain.copying import replace
from allstop.domain.incident import work_events as e
from allstop.domain.incident.parts import (
    ActionItem,
    Change,
    Crew,
    FiledForm,
    Finding,
    Points,
    Signature,
    Task,
)
from allstop.domain.incident.response_folds import Folds
from allstop.domain.incident.state import Incident
from allstop.domain.record import Record


def _filed(incident: Incident, event: e.FormFiled, record: Record) -> Incident:
    filed = FiledForm(event.fields, record.actor, record.at, event.number)
    return replace(incident, forms={**incident.forms, event.form: filed})


def _task_added(incident: Incident, event: e.TaskAdded, _: Record) -> Incident:
    task = Task(event.id, event.title, event.phase, event.owner)
    return replace(incident, tasks={**incident.tasks, event.id: task})


def _task_changed(incident: Incident, id: str, **changes: Any) -> Incident:
    task = incident.tasks.get(id)
    if task is None:
        return incident
    return replace(incident, tasks={**incident.tasks, id: replace(task, **changes)})


def _found(incident: Incident, event: e.EvidenceAdded, record: Record) -> Incident:
    finding = Finding(
        event.id, event.kind, event.text, event.service, event.link, record.actor, record.at
    )
    return replace(incident, findings={**incident.findings, event.id: finding})


def _crew_proposed(incident: Incident, event: e.CrewProposed, _: Record) -> Incident:
    known = incident.crews.get(event.crew) or Crew(event.crew, event.objective)
    crew = replace(known, proposed=event.members, because=event.because)
    return replace(incident, crews={**incident.crews, event.crew: crew})


def _crew_assigned(incident: Incident, event: e.CrewAssigned, _: Record) -> Incident:
    known = incident.crews.get(event.crew) or Crew(event.crew, event.objective)
    crew = replace(known, members=event.members, objective=event.objective)
    return replace(incident, crews={**incident.crews, event.crew: crew})


def _change_proposed(incident: Incident, event: e.ChangeProposed, record: Record) -> Incident:
    change = Change(
        event.id, event.title, event.risk, event.service, record.actor, event.by, event.people,
        event.reviewers, event.because, record.at, event.detail, review_by=event.review_by,
    )  # fmt: skip
    return replace(incident, changes={**incident.changes, event.id: change})


def _change_moved(incident: Incident, id: str, **changes: Any) -> Incident:
    change = incident.changes.get(id)
    if change is None:
        return incident
    return replace(incident, changes={**incident.changes, id: replace(change, **changes)})


def _change_signed(incident: Incident, event: e.ChangeSigned, record: Record) -> Incident:
    change = incident.changes.get(event.id)
    if change is None:
        return incident
    signed = (*change.signatures, Signature(record.actor, event.role, event.review))
    return _change_moved(incident, event.id, signatures=signed)


def _action_added(incident: Incident, event: e.ActionAdded, _: Record) -> Incident:
    item = ActionItem(event.id, event.title, event.owner, event.due_at, event.priority, event.link)
    return replace(incident, actions={**incident.actions, event.id: item})


def _action_changed(incident: Incident, event: e.ActionChanged, _: Record) -> Incident:
    item = incident.actions.get(event.id)
    if item is None:
        return incident
    moved = replace(
        item, state=event.state, owner=event.owner, due_at=event.due_at, priority=event.priority,
        link=event.link, note=event.note,
    )  # fmt: skip
    return replace(incident, actions={**incident.actions, event.id: moved})


def _met(incident: Incident, event: e.ObligationMet, record: Record) -> Incident:
    owed = incident.obligations.get(event.id)
    if owed is None:
        return incident
    kept = replace(owed, met=event.how, met_at=record.at)
    return replace(incident, obligations={**incident.obligations, event.id: kept})


def _awarded(incident: Incident, event: e.PointsAwarded, record: Record) -> Incident:
    given = Points(event.team, event.points, event.because, event.rule, record.at, record.actor)
    return replace(incident, points=(*incident.points, given))


WORK_FOLDS: Folds = {
    e.FormFiled: _filed,
    e.TaskAdded: _task_added,
    e.TaskAssigned: lambda i, event, _: _task_changed(i, event.id, owner=event.owner),
    e.TaskEnded: lambda i, event, _: _task_changed(i, event.id, state=event.state, note=event.note),
    e.EvidenceAdded: _found,
    e.FactsRecorded: lambda i, event, _: replace(i, facts={**i.facts, **event.facts}),
    e.CrewProposed: _crew_proposed,
    e.CrewAssigned: _crew_assigned,
    e.ChangeProposed: _change_proposed,
    e.ChangeSigned: _change_signed,
    e.ChangeApproved: lambda i, event, _: _change_moved(i, event.id, state="approved"),
    e.ChangeEnded: lambda i, event, _: _change_moved(i, event.id, state=event.state),
    e.ActionAdded: _action_added,
    e.ActionChanged: _action_changed,
    e.ObligationMet: _met,
    e.ObligationReminded: lambda i, event, _: replace(
        i, warned=i.warned | {f"obligation:{event.id}"}
    ),
    e.PointsAwarded: _awarded,
}
