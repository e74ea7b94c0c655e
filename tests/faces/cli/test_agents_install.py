"""`allstop agents install`, `uninstall`, `doctor`, `test`: what a person sees, and what is asked before anything changes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from allstop.faces.cli.agents import RUNTIMES
from allstop.faces.cli.agents_doctor import RUNTIMES as TRIED
from allstop.gate.state_file import State, render
from allstop.runtimes.settings_places import SETTINGS
from tests.faces.cli.conftest import Doors, Run


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A disk on which a host process has run."""
    state = tmp_path / "disk/var/lib/allstop/host/state"
    state.parent.mkdir(parents=True)
    state.write_text(render(State(7, "boot")))
    return tmp_path / "disk"


def words(verb: str, root: Path, *more: str) -> list[str]:
    return [
        *("agents", verb, "--runtime", "claude", "--scope", "managed", "--root", str(root)),
        *more,
    ]


def settings(root: Path) -> Path:
    return root / "etc/claude-code/managed-settings.d/50-allstop.json"


def test_the_clients_are_those_that_have_settings() -> None:
    assert set(RUNTIMES) == set(TRIED) == set(SETTINGS)


def test_without_yes_and_without_a_terminal_the_diff_is_shown_and_nothing_happens(
    allstop: Run, root: Path
) -> None:
    ran = allstop(*words("install", root))
    assert ran.code == 2
    assert "--yes" in ran.err
    assert "+++ " in ran.out
    assert "allstop-gate" in ran.out
    assert not settings(root).exists()


def test_diff_shows_and_changes_nothing(allstop: Run, root: Path) -> None:
    ran = allstop(*words("install", root, "--diff"))
    assert ran.code == 0
    assert '"onFailure": "block"' in ran.out
    assert not settings(root).exists()


def test_in_and_again_and_out(allstop: Run, root: Path) -> None:
    ran = allstop(*words("install", root, "--yes"))
    assert ran.code == 0, ran.err
    assert "Claude Code: installed (managed)." in ran.out
    assert "next: allstop agents doctor --runtime claude" in ran.out
    assert settings(root).exists()
    assert "is installed so already" in allstop(*words("install", root, "--yes")).out
    ran = allstop(*words("uninstall", root, "--yes"))
    assert "Claude Code: taken out (managed)." in ran.out
    assert not settings(root).exists()
    assert "Claude Code is not installed (managed)." in allstop(*words("uninstall", root)).out


def test_json_says_what_changed(allstop: Run, root: Path) -> None:
    (told,) = json.loads(allstop(*words("install", root, "--yes", "--json")).out)
    assert (told["runtime"], told["changed"]) == ("claude", True)
    assert "50-allstop.json" in told["diff"]
    (told,) = json.loads(allstop(*words("install", root, "--yes", "--json")).out)
    assert (told["changed"], told["diff"]) == (False, "")


def test_where_no_host_process_has_run_it_is_refused(allstop: Run, tmp_path: Path) -> None:
    ran = allstop(*words("install", tmp_path, "--yes"))
    assert ran.code == 4
    assert "every tool call would be refused" in ran.err
    assert "--state-first" in ran.err
    assert not (tmp_path / "etc").exists()
    assert not (tmp_path / "usr").exists()


def test_one_of_two_that_cannot_be_done_keeps_the_other_from_being_done(
    allstop: Run, root: Path
) -> None:
    broken = root / "etc/gemini-cli/settings.json"
    broken.parent.mkdir(parents=True)
    broken.write_text("{ // a comment\n}")
    ran = allstop(*words("install", root, "--runtime", "gemini", "--yes"))
    assert ran.code == 2
    assert "no plain JSON" in ran.err
    assert not settings(root).exists()


def test_a_hostile_settings_file_reaches_no_terminal(allstop: Run, root: Path) -> None:
    path = root / "etc/gemini-cli/settings.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"ui": "\x1b[2J\u202e"}, ensure_ascii=False).replace("\\u001b", "?"))
    ran = allstop(
        *("agents", "install", "--runtime", "gemini", "--scope", "managed"),
        *("--root", str(root), "--diff"),
    )
    assert ran.code == 0, ran.err
    assert "\u202e" not in ran.out
    assert "\\u202e" in ran.out


@pytest.mark.parametrize(
    "given",
    [
        ["install"],
        ["install", "--runtime", "cursor", "--scope", "user"],
        ["install", "--runtime", "claude", "--scope", "everybody"],
        ["install", "--runtime", "claude", "--scope", "managed", "--root", "/no/such/folder"],
        ["doctor", "--path", "claude"],
        ["doctor", "--path", "cursor=/bin/sh"],
        ["doctor", "--path", "claude=/no/such/program"],
        ["test", "--runtime", "gemini", "--path", "gemini=/"],
        ["nonsense"],
    ],
)
def test_nonsense_is_answered_with_a_sentence(allstop: Run, given: list[str]) -> None:
    ran = allstop("agents", *given)
    assert ran.code == 2
    assert ran.err.strip()
    assert "Traceback" not in ran.err


def test_the_doctor_says_what_is_missing_and_ends_with_one(
    allstop: Run, doors: Doors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "claude"
    program.write_text("#!/bin/sh\necho 9.8.7\n")
    program.chmod(0o755)
    monkeypatch.setenv("HOME", str(tmp_path))
    ran = allstop(
        *("agents", "doctor", "--runtime", "claude", "--path", f"claude={program}"),
        *("--root", str(tmp_path)),
    )
    assert ran.code == 1
    assert "enforcement is NOT proven" in ran.out
    assert "9.8.7" in ran.out
    assert "no hook of Allstop stands in its settings" in ran.out
    ran = allstop("agents", "doctor", "--path", f"claude={program}", "--root", str(tmp_path), "--json")  # fmt: skip
    found = json.loads(ran.out)
    assert {"client", "check", "state", "text", "hint"} == set(found[0])


def test_tools_are_denied_and_let_go(allstop: Run, root: Path) -> None:
    deny = ["agents", "deny", "--runtime", "claude", "--root", str(root)]
    file = root / "etc/claude-code/managed-settings.d/60-allstop-deny.json"
    ran = allstop(*deny)
    assert ran.code == 2
    assert "--yes" in ran.err
    assert '+      "Bash",' in ran.out
    assert not file.exists()
    ran = allstop(*deny, "--yes")
    assert ran.code == 0, ran.err
    assert "next: allstop agents deny --runtime claude --lift" in ran.out
    assert file.exists()
    assert "is denied that already" in allstop(*deny, "--yes").out
    assert allstop(*deny, "--lift", "--everything").code == 2
    (told,) = [json.loads(allstop(*deny, "--lift", "--yes", "--json").out)]
    assert told["changed"] is True
    assert not file.exists()
    assert "is not denied anything" in allstop(*deny, "--lift").out
