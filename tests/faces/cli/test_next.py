"""What a command says to do next: always something that can be typed as it stands."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import click
import pytest

from allstop.application.plan_shapes import PlanView
from allstop.faces.cli.entry import command_group
from allstop.faces.cli.hints import addressed, help_of
from tests.faces.cli import recorded
from tests.faces.cli.conftest import Run
from tests.faces.cli.coordinator import Recorded, problem

HOUR = timedelta(hours=1)
SECOND = "/incidents/INC-2"
COMMANDS: click.Group = command_group({})


@pytest.fixture
def two(rich: Recorded) -> Recorded:
    """Two incidents are open, so that a command that names none is refused."""
    other = replace(recorded.RICH, line=replace(recorded.RICH.line, id="INC-2"))
    rich.answer("GET /incidents", (recorded.LINE, replace(recorded.LINE, id="INC-2")))
    rich.answer(f"GET {SECOND}", other)
    for part, value in (
        ("crews", recorded.CREWS), ("forms", recorded.FORMS), ("timeline", recorded.ENTRIES), ("owed", recorded.OWED),
    ):  # fmt: skip
        rich.answer(f"GET {SECOND}/{part}", value)
    return rich


@pytest.mark.parametrize(
    ("words", "path", "following"),
    [
        (["ack"], "acknowledge", "allstop show INC-2"),
        (["impact", "--users", "5"], "impact", "allstop show INC-2"),
        (["severity", "SEV1", "--because", "b"], "severity", "allstop show INC-2"),
        (["triage", "real"], "triage", "allstop show INC-2"),
        (["state", "root-cause", "t"], "statements", "allstop show INC-2"),
        (["assign", "scribe", "grace"], "roles/scribe", "allstop show INC-2"),
        (["facts", "a=1", "--because", "b"], "facts", "allstop show INC-2"),
        (["advance"], "phase", "allstop show INC-2"),
        (["override", "stable", "--because", "b"], "overrides", "allstop show INC-2"),
        (["task", "done", "T1"], "tasks/T1/end", "allstop tasks INC-2"),
        (["crew", "set", "containment", "ada"], "crews/containment", "allstop crew --incident INC-2"),
        (["change", "made", "CHG-1", "--note", "n"], "changes/CHG-1/end", "allstop show INC-2"),
        (["change", "add", "t"], "changes", "allstop change made CHG-1 --incident INC-2"),
        (["correct", "3", "t", "--because", "b"], "corrections", "allstop timeline INC-2"),
        (["met", "board", "done"], "obligations/board", "allstop owed INC-2"),
        (["action", "done", "ACT-1"], "actions/ACT-1", "allstop owed INC-2"),
        (["mode", "end", "--because", "b"], "mode", "allstop mode"),
        (["fill", "briefing", "a=b"], "forms/briefing", "allstop forms --incident INC-2 briefing"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_a_hint_names_the_incident_that_was_named(
    allstop: Run, two: Recorded, words: list[str], path: str, following: str
) -> None:
    two.answer(f"POST {SECOND}/{path}", {"change": "CHG-1"})
    ran = allstop(*words, "--incident", "INC-2")
    assert ran.code == 0, ran.err
    expected = following.replace("--incident INC-2 briefing", "briefing --incident INC-2")
    assert ran.out.endswith(f"\nnext: {expected}\n")


def test_the_hints_of_a_refusal_name_it_too(allstop: Run, two: Recorded) -> None:
    reasons = [
        {"code": "a", "text": "not briefed", "hint": "allstop fill briefing"},
        {"code": "b", "text": "nobody looked", "hint": "wait, or let it through: allstop override stable"},
        {"code": "c", "text": "still running", "hint": "allstop show INC-2"},
    ]  # fmt: skip
    two.answers[f"POST {SECOND}/stand-down"] = problem(409, "refused", "no", "", reasons)
    err = allstop("stand-down", "over", "--incident", "INC-2").err
    assert "hint:  allstop fill briefing --incident INC-2\n" in err
    assert "hint:  wait, or let it through: allstop override --incident INC-2 stable\n" in err
    assert "hint:  allstop show INC-2\n" in err


def test_somebody_who_is_offered_a_role_reads_the_whole_command(
    allstop: Run, two: Recorded
) -> None:
    two.answer(f"POST {SECOND}/roles/scribe/handoff", {})
    out = allstop("handoff", "scribe", "--to", "grace", "--incident", "INC-2").out
    assert "allstop handoff scribe --accept --incident INC-2\n" in out


def test_an_approved_plan_leads_back_to_its_own_incident(allstop: Run, two: Recorded) -> None:
    two.answer("GET /plans/PLAN-1", replace(recorded.PLAN, incident="INC-2"))
    two.answer(f"POST {SECOND}/approvals", {})
    assert allstop("approve", "PLAN-1", "--yes").out.endswith("\nnext: allstop show INC-2\n")


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        ("", ""),
        ("wait", "wait"),
        ("allstop up --detach", "allstop up --detach"),
        ("allstop agents", "allstop agents"),
        ("allstop nonsense", "allstop nonsense"),
        ("allstop report --file", "allstop report INC-2 --file"),
        ("allstop show", "allstop show INC-2"),
        ("allstop show INC-2 --all", "allstop show INC-2 --all"),
        ("allstop show INC-20", "allstop show INC-20"),
        ("allstop task done T1", "allstop task done T1 --incident INC-2"),
        ('allstop state fixed "..."', 'allstop state fixed "..." --incident INC-2'),
        ('allstop fill x a="b, c; d."', 'allstop fill x a="b, c; d." --incident INC-2'),
        ("allstop update, when you know more", "allstop update --incident INC-2, when you know more"),
        (
            "allstop crew accept, or allstop crew set CREW NAME...",
            "allstop crew accept --incident INC-2, or allstop crew set --incident INC-2 CREW NAME...",
        ),
        ("allstop approve PLAN-1", "allstop approve PLAN-1"),
        ("allstop approve stand-down", "allstop approve stand-down --incident INC-2"),
        ("allstop merge --incident INC-7", "allstop merge --incident INC-7"),
    ],
)  # fmt: skip
def test_hints_are_made_about_one_incident(hint: str, expected: str) -> None:
    assert addressed(hint, "INC-2", COMMANDS) == expected
    assert addressed(hint, "", COMMANDS) == hint


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "allstop --help"),
        (["task", "add"], "allstop task add --help"),
        (["--home", "x", "plan", "show", "PLAN-1"], "allstop plan show --help"),
        (["nonsense", "--x"], "allstop --help"),
        (["broken"], "allstop --help"),
    ],
)
def test_help_is_found_for_whatever_was_typed(words: list[str], expected: str) -> None:
    """Given a command whose module is missing too, then the hint is a hint and no second failure."""
    assert help_of(words, command_group({"broken": "nowhere.at.all:command"})) == expected


def test_after_a_stand_down_what_is_owed_comes_next(allstop: Run, rich: Recorded) -> None:
    rich.answer("POST /incidents/current/stand-down", {"incident": "INC-0"})
    ran = allstop("stand-down", "over")
    assert (ran.code, ran.out) == (0, "INC-0 is stood down\nnext: allstop owed INC-0\n")
    rich.answer("POST /incidents/current/stand-down", {})
    rich.answer("GET /incidents", (recorded.CLOSED,))
    assert allstop("stand-down", "over").out == "INC-0 is stood down\nnext: allstop owed INC-0\n"
    nothing = replace(recorded.OWED, obligations=(), actions=(), missing=())
    rich.answer("GET /incidents/INC-0/owed", nothing)
    assert allstop("stand-down", "over").out.endswith("next: allstop report INC-0 --file\n")


def test_a_stand_down_has_happened_even_if_nobody_can_say_what_is_owed(
    allstop: Run, rich: Recorded
) -> None:
    rich.answer("POST /incidents/current/stand-down", {"incident": "INC-0"})
    rich.answers["GET /incidents/INC-0/owed"] = problem(503, "unavailable", "the disk is full")
    ran = allstop("stand-down", "over")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.endswith("next: allstop owed INC-0\n")


def test_a_fix_that_nobody_can_make_yet_asks_for_its_service(allstop: Run, book: Recorded) -> None:
    """Given an incident that suspects no service, then the hint leaves a place for one."""
    line = replace(recorded.LINE, services=())
    view = replace(recorded.VIEW, line=line, remedy="investigate", plans=(), phases=())
    book.answer("GET /incidents/INC-1", view)
    command = 'allstop remedy fix --service NAME --because "what you found" --incident INC-1'
    assert allstop("show", "INC-1").out.endswith(f"next: {command}\n")


STOP = replace(
    recorded.PLAN, id="PLAN-2", purpose="stop", state="held", approve="", held_because="it refuses",
    asked=True,
)  # fmt: skip


@pytest.mark.parametrize(
    ("second", "command"),
    [
        (STOP, "allstop plan show PLAN-2"),
        (replace(STOP, state="running", steps=(recorded.task_step("look"),)), "allstop plan show PLAN-2"),
        (replace(STOP, state="aborted"), "allstop approve PLAN-1"),
        (replace(STOP, earlier=True), "allstop approve PLAN-1"),
    ],
)  # fmt: skip
def test_what_is_held_or_asked_goes_before_what_waits_for_approval(
    allstop: Run, book: Recorded, second: PlanView, command: str
) -> None:
    """Given an older plan that waits for approval, then a held one and a task are pointed at before it."""
    plans = (recorded.PLAN, second)
    book.answer("GET /incidents/current", replace(recorded.VIEW, acknowledged_by="ada", plans=plans))  # fmt: skip
    assert allstop("show").out.splitlines()[-1] == f"next: {command}"


@pytest.mark.parametrize(
    ("more", "runs"),
    [
        ({}, True),
        ({"state": "proposed"}, True),
        ({"asked": False}, False),
        ({"expires_at": recorded.NOW}, False),
        ({"expires_at": recorded.NOW + HOUR}, True),
    ],
)
def test_what_everybody_agreed_to_is_run_next(
    allstop: Run, book: Recorded, more: dict[str, Any], runs: bool
) -> None:
    plan = replace(STOP, **{"state": "approved", "held_because": "", **more})
    book.answer("GET /incidents/current", replace(recorded.VIEW, acknowledged_by="ada", plans=(plan,)))  # fmt: skip
    last = allstop("show").out.splitlines()[-1]
    assert (last == "next: allstop plan run PLAN-2") is runs
