"""The gate as a client meets it: what runs, what is refused, and in which words."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from allstop.gate.decision import RUNTIMES
from allstop.gate.state_file import Lease, State, render_lease
from tests.gate.running import BOOT, GATE, LATER, Machine, a_pass, call, halt, prompt


def test_while_nothing_stands_every_call_runs(machine: Machine) -> None:
    machine.stands()
    for runtime in RUNTIMES:
        assert machine.asks(call(), runtime).let_through
    assert machine.receipts == []


def test_while_nothing_stands_the_call_is_not_even_read(machine: Machine) -> None:
    machine.stands()
    ours, theirs = os.pipe()
    with os.fdopen(ours, "rb", 0) as reading, os.fdopen(theirs, "wb", 0) as writing:
        writing.write(call())
        ended = subprocess.run(
            [*machine.shell, str(GATE), "--runtime", "claude", "--state", str(machine.folder)],
            stdin=reading,
            check=False,
        )
        assert ended.returncode == 0
        assert reading.read(10_000) == call()


def test_claude_is_refused_and_its_loop_ends_in_one_answer(machine: Machine) -> None:
    machine.stands(halt())
    answer = machine.asks(call())
    assert answer.status == 0
    said = answer.json
    assert said["continue"] is False
    specific = said["hookSpecificOutput"]
    assert isinstance(specific, dict)
    assert specific["hookEventName"] == "PreToolUse"
    assert specific["permissionDecision"] == "deny"
    assert "HALT-3 stands for INC-7 (SEV1)" in specific["permissionDecisionReason"]
    assert said["stopReason"] == specific["permissionDecisionReason"]


@pytest.mark.parametrize("runtime", ["codex", "generic"])
def test_others_are_refused_by_status_with_a_sentence(machine: Machine, runtime: str) -> None:
    machine.stands(halt())
    answer = machine.asks(call(), runtime)
    assert (answer.status, answer.out) == (2, b"")
    assert answer.err.startswith(b"Allstop: HALT-3 stands for INC-7 (SEV1), so this was not run.")


def test_gemini_is_refused_and_its_loop_ends(machine: Machine) -> None:
    machine.stands(halt())
    answer = machine.asks(call("run_shell_command", hook_event_name="BeforeTool"), "gemini")
    assert answer.status == 0
    assert (answer.json["decision"], answer.json["continue"]) == ("deny", False)
    assert answer.json["reason"]


def test_copilot_is_refused_with_a_reason(machine: Machine) -> None:
    machine.stands(halt())
    body = b'{"sessionId":"s-1","timestamp":1,"cwd":"/tmp","toolName":"bash","toolArgs":"{}"}'
    answer = machine.asks(body, "copilot")
    assert answer.status == 0
    assert set(answer.json) == {"permissionDecision", "permissionDecisionReason"}
    assert answer.json["permissionDecision"] == "deny"
    assert machine.receipts[0].startswith("deny 42 HALT-3 copilot s-1 bash ")


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("incident", ["-", "INC-7"])
def test_a_halt_without_an_incident_names_none(
    machine: Machine, runtime: str, incident: str
) -> None:
    machine.writes(
        State(42, BOOT, halts=(type(halt())("HALT-3", incident, "-", ("default",), "all"),))
    )
    answer = machine.asks(call(), runtime)
    told = (answer.out + answer.err).decode()
    assert ("INC-7" in told) is (incident == "INC-7")
    assert "(-)" not in told


def test_reading_and_reporting_stay_open_under_a_default_halt(machine: Machine) -> None:
    machine.stands(halt())
    assert machine.asks(call("Read")).let_through
    assert machine.asks(call("mcp__allstop__report_status")).let_through
    assert not machine.asks(call("mcp__other__report_status")).let_through


def test_only_reporting_stays_open_under_a_hard_halt(machine: Machine) -> None:
    machine.stands(halt(classes=("hard",)))
    assert not machine.asks(call("Read")).let_through
    assert machine.asks(call("mcp__allstop__report_status")).let_through


def test_a_halt_of_some_classes_refuses_those(machine: Machine) -> None:
    machine.stands(halt(classes=("write", "net")))
    assert machine.asks(call("Bash")).let_through
    assert not machine.asks(call("Write")).let_through
    assert not machine.asks(call("WebFetch")).let_through


@pytest.mark.parametrize(
    ("runtime", "event", "status"),
    [
        ("claude", "UserPromptSubmit", 2),
        ("codex", "UserPromptSubmit", 0),
        ("gemini", "BeforeAgent", 0),
        ("generic", "UserPromptSubmit", 2),
    ],
)
def test_a_prompt_is_refused_only_by_a_hard_halt(
    machine: Machine, runtime: str, event: str, status: int
) -> None:
    machine.stands(halt())
    assert machine.asks(prompt(event), runtime).let_through, "the roll call needs a turn"
    machine.stands(halt(classes=("hard",)))
    answer = machine.asks(prompt(event), runtime)
    assert answer.status == status
    if status == 0:
        assert answer.json["continue"] is False
    assert machine.receipts[0].startswith(f"deny 42 HALT-3 {runtime} s-1 {event} ")


SCOPES = [
    ("team:shop", {"ALLSTOP_TEAM": "shop"}, {"ALLSTOP_TEAM": "office"}),
    ("team:the shop", {"ALLSTOP_TEAM": "the shop"}, {"ALLSTOP_TEAM": "the"}),
    ("agent:a_1", {"ALLSTOP_AGENT": "a_1"}, {"ALLSTOP_AGENT": "a_10"}),
]


@pytest.mark.parametrize(("scope", "inside", "outside"), SCOPES)
def test_a_team_and_an_agent_are_known_by_how_they_were_started(
    machine: Machine, scope: str, inside: dict[str, str], outside: dict[str, str]
) -> None:
    machine.stands(halt(scope))
    assert not machine.asks(call(), env=inside).let_through
    assert machine.asks(call(), env=outside).let_through


def test_a_session_is_known_by_what_its_client_gives(machine: Machine) -> None:
    machine.stands(halt("session:s-1"))
    assert not machine.asks(call()).let_through
    assert machine.asks(call(session_id="s-10")).let_through


@pytest.mark.parametrize(
    ("scope", "given"),
    [("team:shop", {}), ("agent:a-1", {}), ("session:s-1", {"session_id": None})],
)
def test_who_does_not_say_who_it_is_is_covered_unless_the_state_says_otherwise(
    machine: Machine, scope: str, given: dict[str, None]
) -> None:
    machine.stands(halt(scope))
    assert not machine.asks(call(**given)).let_through
    machine.stands(halt(scope), unknown_covered=False)
    assert machine.asks(call(**given)).let_through


def test_a_repository_holds_whoever_works_in_it(machine: Machine, tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    (shop / "src").mkdir(parents=True)
    (tmp_path / "shop-two").mkdir()
    (tmp_path / "link").symlink_to(shop)
    machine.stands(halt(f"repository:{shop}"))
    for inside in ("shop", "shop/src", "shop-two/../shop", "link", "shop/gone"):
        assert not machine.asks(call(cwd=f"{tmp_path}/{inside}")).let_through, inside
    for outside in ("shop-two", "link/..", "gone"):
        assert machine.asks(call(cwd=f"{tmp_path}/{outside}")).let_through, outside


def test_a_folder_that_cannot_be_read_to_its_end_may_lie_anywhere_below(machine: Machine) -> None:
    machine.stands(halt("repository:/srv/shop"))
    assert not machine.asks(call(cwd='/srv/shop/a"b')).let_through
    assert not machine.asks(call(cwd='/srv/sh"op')).let_through, "it could be any name"
    assert machine.asks(call(cwd='/srv/office/a"b')).let_through


def test_without_a_folder_that_of_the_gate_counts(machine: Machine, tmp_path: Path) -> None:
    machine.stands(halt(f"repository:{tmp_path}"))
    assert not machine.asks(call(cwd=None), prepare=lambda: os.chdir(tmp_path)).let_through
    assert machine.asks(call(cwd=None), prepare=lambda: os.chdir("/")).let_through


def test_the_hardest_halt_decides_and_is_named(machine: Machine) -> None:
    machine.stands(
        halt(classes=("write", "exec"), id="HALT-1"),
        halt(id="HALT-2"),
        halt(classes=("hard",), id="HALT-3"),
        halt("session:other", classes=("hard",), id="HALT-4"),
    )
    machine.asks(call("Write"))
    machine.asks(call("Read"))
    assert [line.split()[2] for line in machine.receipts] == ["HALT-3", "HALT-3"]


def test_a_pass_opens_its_halt_for_its_session_and_classes(machine: Machine) -> None:
    machine.stands(halt(), passes=(a_pass("s-1", LATER, "exec"),))
    assert machine.asks(call("Bash")).let_through
    assert not machine.asks(call("Write")).let_through, "another class"
    assert not machine.asks(call("Bash", session_id="s-2")).let_through, "another session"
    machine.stands(halt(), halt(id="HALT-4"), passes=(a_pass("s-1", LATER, "exec"),))
    assert not machine.asks(call("Bash")).let_through, "another halt stands too"


def test_a_pass_lets_a_responder_be_spoken_to_under_a_hard_halt(machine: Machine) -> None:
    machine.stands(halt(classes=("hard",)), passes=(a_pass("s-1", LATER, "read"),))
    assert machine.asks(prompt()).let_through
    assert not machine.asks(prompt(session_id="s-2")).let_through


def test_a_pass_ends_by_itself_and_with_the_boot(machine: Machine) -> None:
    machine.stands(halt(), passes=(a_pass("s-1", 1, "exec"),))
    assert not machine.asks(call()).let_through
    machine.writes(State(42, "another-boot", halts=(halt(),), passes=(a_pass(),)))
    assert not machine.asks(call()).let_through


@pytest.mark.parametrize(
    ("lease", "runs"),
    [
        (f"{BOOT} {LATER}\n", True),
        (f"{BOOT} {LATER}", True),
        (render_lease(Lease(BOOT, 1)), False),
        (render_lease(Lease("another-boot", LATER)), False),
        (f"{BOOT} soon\n", False),
        (f"{BOOT}\n", False),
        (f"{LATER}\n", False),
        ("", False),
        (None, False),
    ],
)
def test_a_closed_lease_has_to_be_fresh(machine: Machine, lease: str | None, runs: bool) -> None:
    machine.stands(lease_closed=True)
    if lease is not None:
        (machine.folder / "lease").write_text(lease)
    answer = machine.asks(call("Read"))
    assert answer.let_through is runs
    assert machine.asks(call("mcp__allstop__halt_status")).let_through, "reports stay open"
    if not runs:
        assert "lease of this machine has run out" in str(answer.json["stopReason"])
        assert machine.receipts[0].startswith("deny 42 lease claude s-1 Read ")


def test_a_lease_that_is_not_asked_for_changes_nothing(machine: Machine) -> None:
    machine.stands()
    (machine.folder / "lease").write_text(f"{BOOT} 1\n")
    assert machine.asks(call()).let_through


def test_a_refusal_leaves_a_receipt(machine: Machine) -> None:
    machine.stands(halt())
    machine.asks(call())
    (line,) = machine.receipts
    *words, seconds = line.split(" ")
    assert words == ["deny", "42", "HALT-3", "claude", "s-1", "Bash"]
    assert 0 < int(seconds) <= float(Path("/proc/uptime").read_text().split()[0])


@pytest.mark.parametrize("event", ["SessionStart", "Stop", "SessionEnd"])
@pytest.mark.parametrize("named", [True, False])
def test_facts_are_written_down_and_never_refused(
    machine: Machine, event: str, named: bool
) -> None:
    machine.stands(halt(classes=("hard",)))
    body = prompt(event, cwd="/srv/the shop")
    more = ("--event", event) if named else ()
    assert machine.asks(body, "claude", *more).let_through
    (line,) = machine.receipts
    assert line.startswith(f"fact 42 {event} claude s-1 ")
    assert line.endswith(" /srv/the shop")


def test_a_fact_is_written_down_while_nothing_stands_when_the_hook_says_so(
    machine: Machine,
) -> None:
    machine.stands()
    assert machine.asks(prompt("Stop"), "claude", "--event", "Stop").let_through
    assert machine.receipts[0].startswith("fact 42 Stop claude s-1 ")
