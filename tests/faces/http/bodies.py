"""A well-formed body for every operation that takes one, and the command each is to become."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from allstop.domain import proposals as p
from allstop.domain.confirmations import ConfirmProtocol
from allstop.domain.halt import commands as h
from allstop.domain.impact import Impact
from allstop.domain.incident import commands as c
from allstop.domain.incident import course_commands as k
from allstop.domain.incident import work_commands as w
from allstop.domain.plan import commands as n
from allstop.domain.plan import lever_commands as l
from allstop.domain.plan.asked import Asked

PLACES = {
    "id": "INC-1", "role": "scribe", "sha256": "0" * 64, "principal": "source:x", "form": "briefing",
    "task": "T1", "crew": "containment", "change": "CHG-1", "obligation": "review", "action": "ACT-1",
    "host": "web-1",
}  # fmt: skip
LATER = "2026-12-24T18:00:00+01:00"
THEN = datetime(2026, 12, 24, 17, 0, tzinfo=UTC)
I = "INC-1"  # noqa: E741 - it stands in every line below

# By id of the operation. The bodies have every field there is.
MEANT: dict[str, tuple[dict[str, Any], Any]] = {
    "declare": (
        {
            "title": "t", "services": ["payments"], "severity": "SEV1", "trigger": "manual",
            "impact": {"breach": True, "financial_error": True, "server_errors": False, "users": 3},
            "began_at": LATER, "evidence": "e", "dedup": "d", "kind": "breach", "domain": "money",
            "source": "a customer", "private": True,
        },
        c.DeclareIncident(
            "t", ("payments",), "manual",
            Impact(breach=True, financial_error=True, server_errors=False, users=3), "SEV1", "d", THEN, "e",
            "breach", "money", "a customer", private=True,
        ),
    ),
    "acknowledge": ({}, c.AcknowledgeIncident(I)),
    "update": (
        {"status": "fixing", "text": "t", "fields": {"progress": "half"}, "expected_at": LATER},
        c.PostUpdate(I, "fixing", "t", {"progress": "half"}, THEN),
    ),
    "assign": ({"person": "ben"}, c.AssignRole(I, "scribe", "ben")),
    "handoff": ({"to": "ben", "notes": "n"}, c.OfferHandoff(I, "scribe", "ben", "n")),
    "accept": ({}, c.AcceptHandoff(I, "scribe")),
    "severity": ({"severity": "SEV2", "because": "b"}, c.SetSeverity(I, "SEV2", "b")),
    "statement": ({"subject": "root-cause", "text": "t"}, c.RecordStatement(I, "root-cause", "t")),
    "note": ({"text": "t"}, c.AddNote(I, "t")),
    "impact": (
        {"impact": {"users": 3, "data_loss": True}},
        c.MeasureImpact(I, Impact(users=3, data_loss=True)),
    ),
    "approve": (
        {"subject": "change:CHG-1", "binds": "x", "note": "n", "as_reviewer": True},
        c.Approve(I, "change:CHG-1", "x", "n", as_reviewer=True),
    ),
    "override": ({"subject": "close", "because": "b"}, c.Override(I, "close", "b")),
    "remedy": (
        {"remedy": "fix", "because": "b", "service": "payments"},
        c.DecideRemedy(I, "fix", "b", "payments"),
    ),
    "advance": ({}, c.AdvancePhase(I)),
    "stand-down": ({"reason": "r"}, c.StandDown(I, "r")),
    "triage": (
        {"real": True, "text": "t", "severity": "SEV2", "kind": "outage"},
        k.TriageIncident(I, True, "t", "SEV2", "outage"),
    ),
    "correct": ({"version": 2, "text": "t", "because": "b"}, k.CorrectEntry(I, 2, "t", "b")),
    "link": ({"to": "INC-2", "how": "caused-by"}, k.LinkIncidents(I, "INC-2", "caused-by")),
    "merge": ({"into": "INC-2", "because": "b"}, k.MergeIncident(I, "INC-2", "b")),
    "privacy": ({"private": True, "because": "b"}, k.SetPrivacy(I, True, "b")),
    "reopen": ({"because": "b"}, k.ReopenIncident(I, "b")),
    "close": ({"note": "n"}, k.CloseIncident(I, "n")),
    "mode": ({"until": LATER, "because": "b"}, k.ExtendMode(I, THEN, "b")),
    "preflight": ({}, k.BeginPreflight(I)),
    "diagnose": (
        {"services": ["payments"], "names": ["health"]},
        c.CollectEvidence(I, ("payments",), ("health",)),
    ),
    "fill": ({"fields": {"situation": "s"}}, w.FileForm(I, "briefing", {"situation": "s"})),
    "task-add": ({"title": "t", "owner": "ada"}, w.AddTask(I, "t", "ada")),
    "task-assign": ({"owner": "ben"}, w.AssignTask(I, "T1", "ben")),
    "task-end": ({"state": "dropped", "note": "n"}, w.EndTask(I, "T1", "dropped", "n")),
    "finding": (
        {"kind": "hypothesis", "text": "t", "service": "payments", "link": "https://x.example"},
        w.AddEvidence(I, "hypothesis", "t", "payments", "https://x.example"),
    ),
    "facts": (
        {"facts": {"a": True, "b": 3, "c": None, "d": "x"}, "because": "b"},
        w.RecordFacts(I, {"a": True, "b": 3, "c": None, "d": "x"}, "b"),
    ),
    "crew": (
        {"members": ["person:ada"], "objective": "o"},
        w.AssignCrew(I, "containment", ("person:ada",), "o"),
    ),
    "change": (
        {"title": "t", "risk": 3, "action": "restart", "service": "payments", "detail": "d"},
        w.ProposeChange(I, "t", 3, "restart", "payments", "d"),
    ),
    "change-end": ({"state": "made", "note": "n"}, w.EndChange(I, "CHG-1", "made", "n")),
    "obligation": ({"how": "h"}, w.MeetObligation(I, "review", "h")),
    "meeting": ({"at": LATER}, k.ScheduleMeeting(I, "review", THEN)),
    "action": (
        {"title": "t", "owner": "ada", "due_at": LATER, "priority": "high", "link": "https://x.example"},
        w.AddAction(I, "t", "ada", THEN, "high", "https://x.example"),
    ),
    "action-change": (
        {"state": "done", "owner": "ben", "due_at": LATER, "priority": "low", "link": "l", "note": "n"},
        w.ChangeAction(I, "ACT-1", "done", "ben", THEN, "low", "l", "n"),
    ),
    "propose": (
        {"text": "t", "source": "chat", "labels": {"severity": "page"}, "services": ["payments"]},
        p.ProposeActivation("t", "chat", {"severity": "page"}, ("payments",)),
    ),
    "confirm": (
        {"title": "t", "severity": "SEV1", "kind": "breach"},
        p.ConfirmActivation("PROP-1", "t", "SEV1", "breach"),
    ),
    "dismiss": ({"because": "b"}, p.DismissActivation("PROP-1", "b")),
    "protocol-confirm": ({"protocol": "test"}, ConfirmProtocol("test")),
    "award": (
        {"team": "builders", "points": -5, "because": "b", "incident": "INC-1"},
        w.AwardPoints("builders", -5, "b", "INC-1"),
    ),
    "plan-make": (
        {
            "purpose": "stop", "targets": ["payments"], "dependents": True, "orphans": ["gateway"],
            "level": "minor", "plan": "", "to": "", "deadline_ms": 60_000,
        },
        n.DrawPlan(
            "INC-1", Asked("stop", ("payments",), True, ("gateway",), "minor", deadline_ms=60_000)
        ),
    ),
    "lever-extend": (
        {"for_ms": 7_200_000, "because": "b"}, l.ExtendLever("payments:less", 7_200_000, "b"),
    ),
    "circuit-force": (
        {"state": "off", "because": "b"}, l.ForceCircuit("payments@sim", "off", "b"),
    ),
    "plan-run": ({}, n.StartPlan("PLAN-1")),
    "plan-pause": ({"because": "b"}, n.PausePlan("PLAN-1", "b")),
    "plan-resume": ({}, n.ContinuePlan("PLAN-1")),
    "plan-waive": ({"step": "s", "because": "b"}, n.WaiveStep("PLAN-1", "s", "b")),
    "plan-retry": ({"step": "s"}, n.RetryStep("PLAN-1", "s")),
    "plan-settle": (
        {"step": "s", "happened": True, "evidence": "e"}, n.SettleStep("PLAN-1", "s", True, "e"),
    ),
    "plan-abort": ({"because": "b"}, n.AbortPlan("PLAN-1", "b")),
    "halt": (
        {
            "scope": "all", "reason": "r", "incident": "INC-1", "exempt": ["builder-1"],
            "classes": ["write", "exec"],
        },
        h.OrderHalt("all", "r", "INC-1", ("builder-1",), ("write", "exec")),
    ),
    "release": ({"because": "b"}, h.ReleaseHalt("HALT-1", "b")),
    "release-abort": ({"because": "b"}, h.AbortRelease("HALT-1", "b")),
    "register": (
        {
            "agent": "new", "name": "New", "team": "builders", "adapter": "script", "options": {"a": 1},
            "host": "web-1", "session": "s-1", "repository": "/srv/shop",
        },
        h.RegisterAgent("new", "New", "builders", "script", {"a": 1}, "web-1", "s-1", "/srv/shop"),
    ),
    "agent-remove": ({"because": "b"}, h.RemoveAgent("builder-1", "b")),
    "answer": (
        {
            "halt": "HALT-1", "state": "stopped", "working_on": "w", "checkpoint": "c", "branch": "b",
            "available": True,
        },
        h.AnswerRollCall("builder-1", "HALT-1", "stopped", "w", "c", "b", available=True),
    ),
}  # fmt: skip

# What `{id}` is in the paths of things that are no incidents.
OTHERS = {
    "confirm": "PROP-1", "dismiss": "PROP-1", "plan-show": "PLAN-1", "plan-retry": "PLAN-1",
    "plan-run": "PLAN-1", "plan-pause": "PLAN-1", "plan-resume": "PLAN-1", "plan-waive": "PLAN-1",
    "plan-settle": "PLAN-1", "plan-abort": "PLAN-1", "rollcall": "HALT-1", "release": "HALT-1",
    "release-abort": "HALT-1",
    "answer": "builder-1", "agent-remove": "builder-1", "lever-extend": "payments:less", "circuit-force": "payments@sim",
}  # fmt: skip


def path_of(operation: Any, **more: str) -> str:
    """The path of an operation with a name in every place."""
    own = {"id": OTHERS[operation.id]} if operation.id in OTHERS else {}
    return str(operation.path.format_map({**PLACES, **own, **more}))
