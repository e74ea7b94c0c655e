"""What the commands about work, standing and aftermath ask of the coordinator."""

from dataclasses import replace
from typing import Any

import pytest

from tests.faces.cli import recorded
from tests.faces.cli.conftest import Doors, Run
from tests.faces.cli.coordinator import Recorded, problem

INC = "/incidents/current"
WRITES: list[tuple[list[str], str, Any]] = [
    # proposals
    (
        ["propose", "red alert", "--source", "chat", "--label", "severity=page", "--label", "a=b=c", "--service", "s"],
        "/proposals", {"text": "red alert", "source": "chat", "labels": {"severity": "page", "a": "b=c"}, "services": ["s"]},
    ),
    (["confirm", "PROP-1", "--title", "t"], "/proposals/PROP-1/confirm", {"title": "t", "severity": "", "kind": ""}),
    (["dismiss", "PROP-1", "--because", "b"], "/proposals/PROP-1/dismiss", {"because": "b"}),
    # declaring, and what is known of it
    (
        ["declare", "x", "--kind", "outage", "--domain", "shop", "--source", "chat", "--private", "--trigger", "drill:q",
         "--financial-error", "--server-errors", "--records-exposed", "5", "--lost-per-hour", "5000 usd",
         "--capacity-lost", "40", "--compliance", "possible", "--users", "0", "--function-down", "buying"],
        "/incidents",
        {"title": "x", "kind": "outage", "domain": "shop", "source": "chat", "private": True, "trigger": "drill:q",
         "impact": {
             "functions_down": ["buying"], "users": 0, "lost_per_hour": {"amount": "5000", "currency": "USD"},
             "capacity_lost_percent": 40, "records_exposed": 5, "financial_error": True, "server_errors": True,
             "compliance": "possible",
         }},
    ),
    (["declare", "x", "--since", "20m ago"], "/incidents", {"title": "x", "began_at": "2026-11-21T02:44:10Z"}),
    (["impact", "--failing", "30"], f"{INC}/impact", {"impact": {"failed_share_percent": 30}}),
    (["triage", "real", "--severity", "SEV1"], f"{INC}/triage", {"real": True, "text": "", "severity": "SEV1", "kind": ""}),
    (["triage", "real", "--kind", "breach"], f"{INC}/triage", {"real": True, "text": "", "severity": "", "kind": "breach"}),
    (["triage", "false-alarm", "--because", "b"], f"{INC}/triage", {"real": False, "text": "b", "severity": "", "kind": ""}),
    (
        ["update", "t", "--status", "s", "--field", "progress=60 of 200", "--expected", "in 45m"], f"{INC}/updates",
        {"status": "s", "text": "t", "fields": {"progress": "60 of 200"}, "expected_at": "2026-11-21T03:49:10Z"},
    ),
    # work
    (["task", "add", "call", "--owner", "ada"], f"{INC}/tasks", {"title": "call", "owner": "ada"}),
    (["task", "--incident", "INC-2", "add", "call"], "/incidents/INC-2/tasks", {"title": "call", "owner": ""}),
    (["task", "assign", "T1", "ada"], f"{INC}/tasks/T1/assign", {"owner": "ada"}),
    (["task", "done", "T1"], f"{INC}/tasks/T1/end", {"state": "done", "note": ""}),
    (["task", "drop", "T1", "--because", "b"], f"{INC}/tasks/T1/end", {"state": "dropped", "note": "b"}),
    (
        ["found", "t", "--kind", "metric", "--service", "s", "--link", "l"], f"{INC}/findings",
        {"kind": "metric", "text": "t", "service": "s", "link": "l"},
    ),
    (
        ["facts", "schema_changed=no", "fix_minutes=20", "isolated=unknown", "breach=YES", "x=v5", "--because", "b"],
        f"{INC}/facts",
        {"facts": {"schema_changed": False, "fix_minutes": 20, "isolated": None, "breach": True, "x": "v5"}, "because": "b"},
    ),
    (["crew", "accept", "containment"], f"{INC}/crews/containment", {}),
    (["crew", "accept"], f"{INC}/crews/containment", {}),
    (
        ["crew", "set", "containment", "ada", "builder-1", "--objective", "o"], f"{INC}/crews/containment",
        {"members": ["ada", "builder-1"], "objective": "o"},
    ),
    (
        ["change", "add", "t", "--risk", "3", "--service", "s"], f"{INC}/changes",
        {"title": "t", "risk": 3, "action": "", "service": "s", "detail": ""},
    ),
    (["change", "made", "CHG-1", "--note", "n"], f"{INC}/changes/CHG-1/end", {"state": "made", "note": "n"}),
    (["change", "refuse", "CHG-1", "--because", "b"], f"{INC}/changes/CHG-1/end", {"state": "refused", "note": "b"}),
    (["change", "withdraw", "CHG-1", "--because", "b"], f"{INC}/changes/CHG-1/end", {"state": "withdrawn", "note": "b"}),
    (["approve", "change:CHG-1", "--yes"], f"{INC}/approvals", {"subject": "change:CHG-1", "note": ""}),
    (["approve", "CHG-1", "-y"], f"{INC}/approvals", {"subject": "change:CHG-1", "note": ""}),
    (
        ["approve", "PLAN-1", "--as-reviewer", "-y"], "/incidents/INC-1/approvals",
        {"subject": "plan:PLAN-1", "note": "", "as_reviewer": True, "binds": recorded.PLAN.hash},
    ),
    (["override", "PLAN-1", "--because", "b"], f"{INC}/overrides", {"subject": "plan:PLAN-1", "because": "b"}),
    (["override", "severity:SEV1", "--because", "b"], f"{INC}/overrides", {"subject": "severity:SEV1", "because": "b"}),
    (["override", "HALT-1", "--because", "b"], f"{INC}/overrides", {"subject": "halt:HALT-1", "because": "b"}),
    # the course of it
    (["correct", "12", "t", "--because", "b"], f"{INC}/corrections", {"version": 12, "text": "t", "because": "b"}),
    (["link", "INC-0", "--how", "caused-by"], f"{INC}/links", {"to": "INC-0", "how": "caused-by"}),
    (
        ["merge", "--incident", "INC-2", "--into", "INC-1", "--because", "b"], "/incidents/INC-2/merge",
        {"into": "INC-1", "because": "b"},
    ),
    (["private", "--because", "b"], f"{INC}/privacy", {"private": True, "because": "b"}),
    (["public", "--because", "b"], f"{INC}/privacy", {"private": False, "because": "b"}),
    (["reopen", "INC-0", "--because", "b"], "/incidents/INC-0/reopen", {"because": "b"}),
    (["close", "INC-0", "--note", "n"], "/incidents/INC-0/close", {"note": "n"}),
    (["mode", "extend", "6h", "--because", "b"], f"{INC}/mode", {"until": "2026-11-21T09:04:10Z", "because": "b"}),
    (["mode", "end", "--because", "b"], f"{INC}/mode", {"end": True, "because": "b"}),
    # afterwards
    (["met", "board", "done"], f"{INC}/obligations/board", {"how": "done"}),
    (["meeting", "review", "2026-12-01"], f"{INC}/obligations/review/meeting", {"at": "2026-12-01T23:59:59Z"}),
    (
        ["action", "add", "t", "--owner", "grace", "--due", "in 14d", "--priority", "high"], f"{INC}/actions",
        {"title": "t", "owner": "grace", "due_at": "2026-12-05T03:04:10Z", "priority": "high", "link": ""},
    ),
    (["action", "done", "ACT-1"], f"{INC}/actions/ACT-1", {"state": "done", "note": ""}),
    (["action", "drop", "ACT-1", "--because", "b"], f"{INC}/actions/ACT-1", {"state": "dropped", "note": "b"}),
    (["action", "change", "ACT-1", "--owner", "ada", "--reopen"], f"{INC}/actions/ACT-1", {"owner": "ada", "state": "open"}),
    (
        ["points", "give", "builders", "-5", "--because", "b"], "/points",
        {"team": "builders", "points": -5, "because": "b", "incident": ""},
    ),
    (
        ["answer", "HALT-1", "--agent", "builder-1"], "/agents/builder-1/roll-call",
        {"halt": "HALT-1", "state": "stopped", "working_on": "", "checkpoint": "", "branch": "", "available": False},
    ),
]  # fmt: skip
RESULT = {
    "incident": "INC-7", "proposal": "PROP-1", "task": "T9", "evidence": "F1", "change": "CHG-1", "action": "ACT-1",
    "crew": "containment", "members": ["person:ada"], "severity": "SEV1", "state": "answered",
}  # fmt: skip


@pytest.mark.parametrize(("words", "path", "body"), WRITES, ids=lambda value: str(value)[:60])
def test_what_a_command_asks(
    allstop: Run, rich: Recorded, words: list[str], path: str, body: Any
) -> None:
    rich.answer(f"POST {path}", RESULT)
    ran = allstop(*words)
    assert (ran.code, ran.err.count("error")) == (0, 0), ran.err
    assert ran.out
    assert (rich.last.method, rich.last.path, rich.last.body) == ("POST", path, body)


@pytest.mark.parametrize(("words", "path", "body"), WRITES, ids=lambda value: str(value)[:60])
def test_a_refusal_of_any_of_them_says_what_to_do(
    allstop: Run, rich: Recorded, words: list[str], path: str, body: Any
) -> None:
    rich.answers[f"POST {path}"] = problem(409, "refused", "not now", "wait \x1b[2J")
    ran = allstop(*words)
    assert ran.code == 3
    assert "error: not now\nhint:  wait \\x1b[2J\n" in ran.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["impact"], "say what is known, such as --users 1200"),
        (["declare", "x", "--lost-per-hour", "lots"], "'lots' is no amount with its currency"),
        (["triage", "false-alarm"], "a false alarm needs its reason"),
        (["facts", "schema_changed", "--because", "b"], "'schema_changed' is not NAME=VALUE"),
        (["facts", "a=1", "a=2", "--because", "b"], "a is given twice"),
        (["action", "change", "ACT-1"], "say what changes"),
        (["action", "add", "t", "--owner", "o", "--due", "soon"], "'soon' is no time; one is 2026-12-01T10:00Z"),
        (["action", "add", "t", "--owner", "o", "--due", "2026-12-01T10:00"], "names no zone; in UTC it is"),
        (["mode", "extend", "99999w", "--because", "b"], "is too far away"),
        (["points", "give", "builders", "5", "--becuase", "b"], "Missing option '--because'"),
        (["correct", "0", "t", "--because", "b"], "Invalid value for 'NUMBER'"),
        (["fill", "briefing", "situation"], "'situation' is not NAME=VALUE"),
        (["crew", "acept"], "No such command 'acept'"),
    ],
)  # fmt: skip
def test_wrong_usage_changes_nothing(
    allstop: Run, rich: Recorded, words: list[str], said: str
) -> None:
    ran = allstop(*words)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert "hint:  allstop" in ran.err
    assert all(one.method == "GET" for one in rich.asked)


def test_afterwards_the_incident_that_was_stood_down_is_meant(allstop: Run, rich: Recorded) -> None:
    rich.answer("GET /incidents", (recorded.CLOSED,))
    rich.answer("POST /incidents/INC-0/actions/ACT-1", RESULT)
    assert allstop("action", "done", "ACT-1").code == 0
    assert rich.last.path == "/incidents/INC-0/actions/ACT-1"
    other = replace(recorded.CLOSED, id="INC-3")
    rich.answer("GET /incidents", (recorded.CLOSED, other))
    ran = allstop("action", "done", "ACT-1")
    assert ran.code == 4
    assert "hint:  say which: --incident INC-0 or INC-3" in ran.err


def test_every_proposed_crew_is_accepted_at_once(allstop: Run, rich: Recorded) -> None:
    rich.answer(f"GET {INC}/crews", (replace(recorded.CREWS[1], members=()),))
    ran = allstop("crew", "accept")
    assert ran.code == 4
    assert "hint:  allstop crew set CREW NAME..." in ran.err


def test_a_change_is_shown_before_it_is_approved(allstop: Run, rich: Recorded) -> None:
    ran = allstop("approve", "CHG-1")
    assert ran.code == 2
    assert "POOL=200, then a restart" in ran.out
    assert all(one.method == "GET" for one in rich.asked)
    ran = allstop("approve", "CHG-9")
    assert (ran.code, ran.err) == (
        4, "error: INC-1 has no change CHG-9\nhint:  allstop change --incident INC-1\n",
    )  # fmt: skip


def test_a_signature_that_is_not_the_last_says_who_is_missing(allstop: Run, rich: Recorded) -> None:
    rich.answer(f"POST {INC}/approvals", {"waits_for": "the owner"})
    assert "signed: CHG-1; it still waits for the owner" in allstop("approve", "CHG-1", "-y").out


def test_preflight_waits_for_the_checks_and_fails_with_them(
    allstop: Run, rich: Recorded, doors: Doors
) -> None:
    rich.answer(f"POST {INC}/preflight", {"preflight": 1})
    ran = allstop("preflight")
    assert ran.code == 1
    assert ran.out == (
        "ok       channels chat     can be written\n"
        "FAIL     agents builder-1  no pid file\n"
        "unknown  probes shop       timed out\n"
        "2 of 3 checks did not pass.\n"
    )
    rich.answer(f"POST {INC}/preflight", {"preflight": 2})
    assert allstop("preflight").code == 5
    assert doors.paused


def test_preflight_outside_of_an_incident(allstop: Run, rich: Recorded) -> None:
    passed = replace(recorded.PREFLIGHT, checks=recorded.PREFLIGHT.checks[:1], state="passed")
    rich.answer("GET /preflight", passed)
    assert allstop("preflight", "--outside", "-q").code == 0
    rich.answer("GET /incidents", (recorded.CLOSED,))
    assert allstop("preflight").out.endswith("All checks passed.\n")
    assert all(one.method == "GET" for one in rich.asked)
