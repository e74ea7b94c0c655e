"""The operations on incidents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from allstop.application.shapes import Entry, IncidentLine, IncidentView, Overview
from allstop.domain.incident import commands as c
from allstop.faces.http import models as m
from allstop.faces.http.operation import (
    Call,
    Operation,
    Query,
    command,
    incident_command,
    long_view,
    view,
)
from allstop.faces.http.shapes import Done, Filed, encode

PATH = "/api/v1/incidents"
MARKDOWN = "md"
ONE = f"{PATH}/{{id}}"


def _declare(call: Call) -> c.DeclareIncident:
    body: m.Declare = call.body
    return c.DeclareIncident(
        body.title, body.services, body.trigger, body.impact.impact(), body.severity, body.dedup,
        body.began(), body.evidence, body.kind, body.domain, body.source, body.private,
    )  # fmt: skip


def _timeline(call: Call) -> Response:
    everything = call.query.get("everything", False)
    found = call.views.timeline(call.incident(), everything=everything)
    return Response(encode(found), media_type="application/json")


def _report(call: Call) -> Response:
    incident, reports = call.incident(), call.coordinator.reports.for_(call.views)
    kind, form = call.query.get("kind", "report"), call.query.get("format", MARKDOWN)
    body, media = reports.print(incident, kind, form)
    # Never shown by a browser as a page of ours: people wrote it.
    headers = {"Content-Disposition": f'attachment; filename="{incident}-{kind}.{form}"'}
    return Response(body, media_type=media, headers={} if form == MARKDOWN else headers)


async def _file_report(call: Call) -> Filed:
    return Filed(*await call.coordinator.reports.file(call.incident(), call.who))


READING: tuple[Operation, ...] = (
    Operation(
        "overview", "GET", "/api/v1/overview", "How bad is it, and what to do next.",
        view(lambda call: call.views.overview()), Overview, tag="incidents",
    ),
    Operation(
        "incidents", "GET", PATH, "All incidents, open ones first.",
        view(lambda call: call.views.incidents()), tuple[IncidentLine, ...], tag="incidents",
    ),
    Operation(
        "show", "GET", ONE, "Everything about one incident.",
        view(lambda call: call.views.incident(call.incident())), IncidentView,
        subject="incident", tag="incidents",
    ),
    Operation(
        "timeline", "GET", f"{ONE}/timeline", "The log of an incident, its halts and its plans.",
        long_view(_timeline), tuple[Entry, ...],
        query=(Query("everything", "boolean", "with samples and deliveries"),),
        subject="incident", tag="incidents",
    ),
    Operation(
        "report", "GET", f"{ONE}/report", "The report as it stands now, or the post-mortem.",
        long_view(_report), media="text/markdown", subject="incident", tag="incidents",
        more_media=("text/html", "application/json", "application/pdf"),
        query=(
            Query("kind", "string", "report (the default) or post-mortem"),
            Query("format", "string", "md (the default), html, json or pdf"),
        ),
    ),
)  # fmt: skip


def about(
    id: str, path: str, summary: str, body: type[m.Body], make: Callable[[str, Call], Any]
) -> Operation:
    """A command about one incident."""
    return Operation(
        id, "POST", f"{ONE}/{path}", summary, incident_command(make), Done, body,
        subject="incident", tag="incidents", keyed=True, problems=(403, 409),
    )  # fmt: skip


CHANGING: tuple[Operation, ...] = (
    Operation(
        "declare", "POST", PATH, "Declare an incident.", command(_declare), Done, m.Declare,
        status=201, tag="incidents", keyed=True, problems=(403, 409),
    ),
    about(
        "acknowledge", "acknowledge", "Say that you have it.", m.Nothing,
        lambda id, _: c.AcknowledgeIncident(id),
    ),
    about(
        "update", "updates", "Post an update to the audiences.", m.Update,
        lambda id, call: c.PostUpdate(
            id, call.body.status, call.body.text, dict(call.body.fields), call.body.expected()
        ),
    ),
    about(
        "assign", "roles/{role}", "Assign a role.", m.Assign,
        lambda id, call: c.AssignRole(id, call.path["role"], call.body.person),
    ),
    about(
        "handoff", "roles/{role}/handoff", "Offer a role to somebody.", m.Handoff,
        lambda id, call: c.OfferHandoff(id, call.path["role"], call.body.to, call.body.notes),
    ),
    about(
        "accept", "roles/{role}/accept", "Accept a role that was offered to you.", m.Nothing,
        lambda id, call: c.AcceptHandoff(id, call.path["role"]),
    ),
    about(
        "impact", "impact", "Report what is known of the impact now; only what is said changes.",
        m.ImpactReport, lambda id, call: c.MeasureImpact(id, call.body.impact.impact()),
    ),
    about(
        "severity", "severity", "Set the severity by hand.", m.Severity,
        lambda id, call: c.SetSeverity(id, call.body.severity, call.body.because),
    ),
    about(
        "statement", "statements", "Record a statement the protocol asks for.", m.Statement,
        lambda id, call: c.RecordStatement(id, call.body.subject, call.body.text),
    ),
    about(
        "note", "notes", "Add a note to the timeline.", m.Note,
        lambda id, call: c.AddNote(id, call.body.text),
    ),
    about(
        "approve", "approvals",
        "Approve standing down, a change by hand, or exactly the plan that was shown.",
        m.Approval,
        lambda id, call: c.Approve(
            id, call.body.subject, call.body.binds, call.body.note, call.body.as_reviewer
        ),
    ),
    about(
        "override", "overrides", "Let through what stands in the way, on the record.", m.Override,
        lambda id, call: c.Override(id, call.body.subject, call.body.because),
    ),
    about(
        "remedy", "remedy", "Choose the remedy instead of the decision table.", m.Remedy,
        lambda id, call: c.DecideRemedy(
            id, call.body.remedy, call.body.because, call.body.service
        ),
    ),
    about(
        "advance", "phase", "Leave the phase through its gate.", m.Nothing,
        lambda id, _: c.AdvancePhase(id),
    ),
    about(
        "stand-down", "stand-down", "End the response, and release what it holds.", m.StandDown,
        lambda id, call: c.StandDown(id, call.body.reason),
    ),
    Operation(
        "file-report", "POST", f"{ONE}/report", "Write the report into the project folder.",
        _file_report, Filed, m.Nothing, subject="incident", tag="incidents", problems=(403, 409),
    ),
)  # fmt: skip

INCIDENTS = READING + CHANGING
