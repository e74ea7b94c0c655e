"""What each command asks of the coordinator, and what happens when the answer does not come."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.faces.cli import recorded
from tests.faces.cli.conftest import Doors, Run
from tests.faces.cli.coordinator import Recorded, problem

INC = "/incidents/current"
WRITES: list[tuple[list[str], str, str, Any]] = [
    (["declare", "checkout fails"], "POST", "/incidents", {"title": "checkout fails"}),
    (
        ["declare", "x", "--service", "a", "--service", "b", "--severity", "SEV1", "--evidence", "e", "--breach", "--failing", "0"],
        "POST", "/incidents",
        {"title": "x", "services": ["a", "b"], "severity": "SEV1", "evidence": "e",
         "impact": {"breach": True, "failed_share_percent": 0}},
    ),
    (["ack"], "POST", f"{INC}/acknowledge", {}),
    (["ack", "--incident", "INC-2"], "POST", "/incidents/INC-2/acknowledge", {}),
    (["update", "t", "--status", "fixing"], "POST", f"{INC}/updates", {"status": "fixing", "text": "t"}),
    (["update", "t"], "POST", f"{INC}/updates", {"status": "investigating", "text": "t"}),
    (["note", "n"], "POST", f"{INC}/notes", {"text": "n"}),
    (["state", "root-cause", "t"], "POST", f"{INC}/statements", {"subject": "root-cause", "text": "t"}),
    (["severity", "SEV2", "--because", "b"], "POST", f"{INC}/severity", {"severity": "SEV2", "because": "b"}),
    (["assign", "scribe", "grace"], "POST", f"{INC}/roles/scribe", {"person": "grace"}),
    (["handoff", "scribe", "--to", "g", "--notes", "n"], "POST", f"{INC}/roles/scribe/handoff", {"to": "g", "notes": "n"}),
    (["handoff", "scribe", "--accept"], "POST", f"{INC}/roles/scribe/accept", {}),
    (
        ["halt", "r", "--scope", "team:t", "--except", "a", "--except", "b"],
        "POST", "/halts", {"scope": "team:t", "reason": "r", "incident": "", "exempt": ["a", "b"]},
    ),
    (["halt", "r", "--incident", "current"], "POST", "/halts", {"scope": "all", "reason": "r", "incident": "INC-1", "exempt": []}),
    (["release", "HALT-1", "--because", "b"], "POST", "/halts/HALT-1/release", {"because": "b"}),
    (["approve", "stand-down", "--note", "n"], "POST", f"{INC}/approvals", {"subject": "stand-down", "note": "n"}),
    (
        ["approve", "PLAN-1", "--yes"],
        "POST", "/incidents/INC-1/approvals", {"subject": "plan:PLAN-1", "note": "", "binds": recorded.PLAN.hash},
    ),
    (["override", "stable", "--because", "b"], "POST", f"{INC}/overrides", {"subject": "stable", "because": "b"}),
    (
        ["remedy", "fix", "--because", "b", "--service", "s"],
        "POST", f"{INC}/remedy", {"remedy": "fix", "because": "b", "service": "s"},
    ),
    (["advance"], "POST", f"{INC}/phase", {}),
    (["stand-down", "r", "-q"], "POST", f"{INC}/stand-down", {"reason": "r"}),
    (["plan", "retry", "PLAN-1", "cut"], "POST", "/plans/PLAN-1/retry", {"step": "cut"}),
    (
        ["plan", "settle", "PLAN-1", "cut", "--not-happened", "--evidence", "e"],
        "POST", "/plans/PLAN-1/settle", {"step": "cut", "happened": False, "evidence": "e"},
    ),
    (["plan", "abort", "PLAN-1", "--because", "b"], "POST", "/plans/PLAN-1/abort", {"because": "b"}),
    (["report", "INC-1", "--file"], "POST", "/incidents/INC-1/report", {}),
    (["reload"], "POST", "/reload", {}),
    (["open"], "POST", "/console-link", {}),
    (["token", "new", "agent:a", "--days", "7"], "POST", "/tokens", {"principal": "agent:a", "days": 7}),
    (["token", "revoke", "agent:a"], "DELETE", "/tokens/agent%3Aa", None),
]  # fmt: skip
RESULT = {
    "incident": "INC-7", "halt": "HALT-3", "plan": "PLAN-2", "number": 4, "still_held": ["builder-1"],
    "path": "reports/x.md", "text": "", "digest": "d" * 64, "url": "http://127.0.0.1:1/enter", "token": "allstop_x",
    "expires_at": "2026-12-01T00:00:00Z", "revoked": 2,
}  # fmt: skip


@pytest.mark.parametrize(
    ("words", "method", "path", "body"), WRITES, ids=lambda value: str(value)[:60]
)
def test_what_a_command_asks(
    allstop: Run, book: Recorded, words: list[str], method: str, path: str, body: Any
) -> None:
    book.answer(f"{method} {path}", RESULT)
    ran = allstop(*words)
    assert (ran.code, ran.err.count("error")) == (0, 0), ran.err
    assert ran.out
    assert (book.last.method, book.last.path, book.last.body) == (method, path, body)
    assert book.last.headers["Idempotency-Key"]


def test_a_lost_connection_is_tried_again_once_with_the_same_key(
    allstop: Run, book: Recorded, doors: Doors
) -> None:
    book.answer(f"POST {INC}/acknowledge", {})
    book.drops = 1
    assert allstop("ack").code == 0
    first, second = book.keys()
    assert first == second != ""
    assert len(doors.paused) == 1


def test_two_lost_connections_leave_it_unknown_and_say_so(allstop: Run, book: Recorded) -> None:
    book.drops = 2
    ran = allstop("ack")
    assert ran.code == 5
    assert "not known whether this was done" in ran.err
    assert len(set(book.keys())) == 1


def test_two_commands_have_two_keys(allstop: Run, book: Recorded) -> None:
    book.answer(f"POST {INC}/acknowledge", {})
    allstop("ack")
    allstop("ack")
    assert len(set(book.keys())) == 2


def test_a_refusal_shows_every_reason(allstop: Run, book: Recorded) -> None:
    reasons = (
        {
            "code": "gate",
            "text": "stable for 9m of 15m",
            "hint": "wait, or allstop override stable",
        },
        {"code": "roll-call", "text": "builder-2 has not answered", "hint": ""},
    )
    book.answers[f"POST {INC}/stand-down"] = problem(409, "refused", "two reasons", "wait", reasons)
    ran = allstop("stand-down", "over")
    assert ran.code == 3
    assert ran.err == (
        "error: stable for 9m of 15m\nhint:  wait, or allstop override stable\nerror: builder-2 has not answered\n"
    )


def test_json_shows_the_problem_itself(allstop: Run, book: Recorded) -> None:
    book.answers[f"POST {INC}/phase"] = problem(409, "refused", "no", "", ())
    ran = allstop("advance", "--json")
    assert ran.code == 3
    assert '"code":"refused"' in ran.out
    assert ran.err == "error: no\nhint:  allstop advance --help\n"


@pytest.mark.parametrize(
    "words", [("status",), ("show",), ("timeline",), ("ack",), ("halt", "x"), ("log",), ("plans",)]
)
def test_without_a_coordinator_it_says_what_to_do(allstop: Run, words: tuple[str, ...]) -> None:
    ran = allstop(*words)
    assert ran.code == 5
    assert ran.err.startswith("error: no coordinator is running here")
    assert "hint:  allstop up --detach" in ran.err


def test_a_plan_is_shown_before_it_is_approved_and_somebody_is_asked(
    allstop: Run, book: Recorded
) -> None:
    ran = allstop("approve", "PLAN-1")
    assert ran.code == 2
    assert "Isolate payments" in ran.out
    assert "say --yes" in ran.err
    assert all(one.method == "GET" for one in book.asked)


def test_the_answer_no_sends_nothing(
    allstop: Run, book: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: "n")
    ran = allstop("approve", "PLAN-1")
    assert ran.code == 130
    assert all(one.method == "GET" for one in book.asked)


def test_quiet_says_only_the_name(allstop: Run, book: Recorded) -> None:
    book.answer("POST /incidents", RESULT)
    assert allstop("declare", "x", "-q").out == "INC-7\n"
    assert allstop("-q", "declare", "x").out == "INC-7\n"


def test_a_token_goes_with_the_request(
    book: Recorded, home: Path, doors: Doors, capsys: pytest.CaptureFixture[str]
) -> None:
    from allstop.faces.cli.entry import run  # noqa: PLC0415 - with other settings than the fixture's
    from allstop.settings import read_settings  # noqa: PLC0415 - as above

    launch = replace(
        doors.launch(home),
        settings=lambda home_, url="": read_settings(home, {"ALLSTOP_TOKEN": "allstop_s3"}),
    )
    assert run(launch, {}, ["status"]) == 0
    assert book.asked[0].headers["Authorization"] == "Bearer allstop_s3"
    assert "s3" not in capsys.readouterr().out


def test_a_token_is_not_sent_in_clear_over_the_network(allstop: Run) -> None:
    ran = allstop("status", "--url", "http://allstop.example.org")
    assert ran.code == 2
    assert "clear text" in ran.err


def test_following_goes_on_where_a_broken_stream_ended(
    allstop: Run, book: Recorded, doors: Doors
) -> None:
    """Each connection carries one entry and ends."""
    later = [
        replace(recorded.ENTRIES[1], position=place, text=f"entry {place}")
        for place in (11, 12, 13)
    ]
    book.events = [(entry.position, entry) for entry in later]
    doors.patience = 3
    ran = allstop("timeline", "--follow")
    assert ran.code == 130
    assert [line.split()[-1] for line in ran.out.splitlines()[3:]] == ["11", "12", "13"]


def test_the_record_is_read_to_its_end_and_no_further(allstop: Run, book: Recorded) -> None:
    book.answer("GET /overview", replace(recorded.OVERVIEW, position=12))
    later = [
        replace(recorded.ENTRIES[1], position=place, text=f"entry {place}")
        for place in (10, 11, 12, 13)
    ]
    book.events = [(entry.position, entry) for entry in later]
    ran = allstop("log", "--last", "2")
    assert [line.split()[-1] for line in ran.out.splitlines()[1:]] == ["11", "12"]


def test_evidence_is_found_by_its_beginning_and_checked(
    allstop: Run, book: Recorded, tmp_path: Path
) -> None:
    body = b"12 errors\n\x1b[2J"
    digest = hashlib.sha256(body).hexdigest()
    piece = replace(recorded.VIEW.evidence[0], sha256=digest)
    book.answer("GET /incidents/INC-1", replace(recorded.VIEW, evidence=(piece,)))
    book.answer("GET /incidents/INC-0", replace(recorded.VIEW, evidence=(piece,)))
    book.answer(f"GET /evidence/{digest}", body)
    ran = allstop("evidence", digest[:10], "--output", str(tmp_path / "e.txt"))
    assert ran.code == 0
    assert (tmp_path / "e.txt").read_bytes() == body
    book.answer(f"GET /evidence/{digest}", b"something else")
    ran = allstop("evidence", digest)
    assert ran.code == 1
    assert "does not have this SHA-256" in ran.err
