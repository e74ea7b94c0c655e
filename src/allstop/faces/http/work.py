"""The operations on the work in an incident: forms, tasks, findings, crews, changes, what is owed."""

from __future__ import annotations

from allstop.application.work_shapes import CrewLine, FormView, OwedView
from allstop.domain.incident import course_commands as course
from allstop.domain.incident import work_commands as c
from allstop.domain.incident.commands import CollectEvidence
from allstop.faces.http import models_course as n
from allstop.faces.http import models_work as m
from allstop.faces.http.incidents import ONE, about
from allstop.faces.http.models import utc
from allstop.faces.http.operation import Call, Operation, view


def _finding(id: str, call: Call) -> c.AddEvidence:
    body: m.Finding = call.body
    return c.AddEvidence(id, body.kind, body.text, body.service, body.link)


def _crew(id: str, call: Call) -> c.AssignCrew:
    body: m.Crew = call.body
    return c.AssignCrew(id, call.path["crew"], body.members, body.objective)


def _change(id: str, call: Call) -> c.ProposeChange:
    body: m.Change = call.body
    return c.ProposeChange(id, body.title, body.risk, body.action, body.service, body.detail)


def _action(id: str, call: Call) -> c.AddAction:
    body: m.Action = call.body
    due_at = utc(body.due_at)
    return c.AddAction(id, body.title, body.owner, due_at, body.priority, body.link)


def _action_change(id: str, call: Call) -> c.ChangeAction:
    body: m.ActionChange = call.body
    due_at = utc(body.due_at) if body.due_at else None
    return c.ChangeAction(
        id, call.path["action"], body.state, body.owner, due_at, body.priority, body.link, body.note
    )


FORMS_AND_TASKS: tuple[Operation, ...] = (
    Operation(
        "forms", "GET", f"{ONE}/forms", "Its forms, with what was filed and what is missing.",
        view(lambda call: call.views.forms(call.incident())), tuple[FormView, ...],
        subject="incident", tag="work",
    ),
    about(
        "fill", "forms/{form}", "File a form; a later filing replaces it, and both stay.", m.Form,
        lambda id, call: c.FileForm(id, call.path["form"], dict(call.body.fields)),
    ),
    about(
        "task-add", "tasks", "Add a task.", m.Task,
        lambda id, call: c.AddTask(id, call.body.title, call.body.owner),
    ),
    about(
        "task-assign", "tasks/{task}/assign", "Give a task to somebody.", m.Owner,
        lambda id, call: c.AssignTask(id, call.path["task"], call.body.owner),
    ),
    about(
        "task-end", "tasks/{task}/end", "Say that a task is done, or dropped and why.", m.TaskEnd,
        lambda id, call: c.EndTask(id, call.path["task"], call.body.state, call.body.note),
    ),
    about(
        "diagnose", "diagnosis", "Look at services by recipes that only read, and keep what is seen as evidence.",
        m.Diagnosis, lambda id, call: CollectEvidence(id, call.body.services, call.body.names),
    ),
    about("finding", "findings", "Add evidence by hand.", m.Finding, _finding),
    about(
        "facts", "facts", "State facts for the decision table.", m.Facts,
        lambda id, call: c.RecordFacts(id, dict(call.body.facts), call.body.because),
    ),
)  # fmt: skip

CREWS_AND_CHANGES: tuple[Operation, ...] = (
    Operation(
        "crews", "GET", f"{ONE}/crews", "Its crews: who is proposed, who was assigned.",
        view(lambda call: call.views.crews(call.incident())), tuple[CrewLine, ...],
        subject="incident", tag="work",
    ),
    about("crew", "crews/{crew}", "Assign a crew, as proposed or by name.", m.Crew, _crew),
    about("change", "changes", "Propose a change by hand.", m.Change, _change),
    about(
        "change-end", "changes/{change}/end", "Say what became of a change by hand.", m.ChangeEnd,
        lambda id, call: c.EndChange(id, call.path["change"], call.body.state, call.body.note),
    ),
)  # fmt: skip

OWED: tuple[Operation, ...] = (
    Operation(
        "owed", "GET", f"{ONE}/owed",
        "What it still owes, and what is missing before it may be closed.",
        view(lambda call: call.views.owed(call.incident())), OwedView,
        subject="incident", tag="work",
    ),
    about(
        "obligation", "obligations/{obligation}", "Say that an obligation was met.", m.Met,
        lambda id, call: c.MeetObligation(id, call.path["obligation"], call.body.how),
    ),
    about(
        "meeting", "obligations/{obligation}/meeting", "Move the meeting of an obligation.",
        n.Meeting,
        lambda id, call: course.ScheduleMeeting(
            id, call.path["obligation"], utc(call.body.at)
        ),
    ),
    about("action", "actions", "Add an action item.", m.Action, _action),
    about(
        "action-change", "actions/{action}", "Change or end an action item.", m.ActionChange,
        _action_change,
    ),
)  # fmt: skip

WORK = FORMS_AND_TASKS + CREWS_AND_CHANGES + OWED
