"""What the doctor sees without starting a real client; on real ones it is tried in tests/agents."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from allstop.errors import Unavailable
from allstop.gate.state_file import State, render
from allstop.runtimes.bypasses import ATTEMPTS, NAMED
from allstop.runtimes.canary import pointed, state_of
from allstop.runtimes.doctor import Doctor, Finding, open_to
from allstop.runtimes.installed_files import Place
from allstop.runtimes.installing import carry_out, known, plan_install
from allstop.runtimes.settings_file import edited, hook_words, hooks_of_ours
from allstop.runtimes.settings_places import SETTINGS, USER, Hook

# It says a version, and does nothing that it is asked for.
IDLE = '#!/bin/sh\ntest "$1" != --version || echo "9.8.7 (a client)"\n'
HEARD = {"host": "build-7", "connected": True, "seq": 17, "fault": ""}


@dataclass
class Desk:
    """A person's machine with a client that does nothing, and a host process as it is told to answer."""

    folder: Path
    host: Mapping[str, Any] | None = field(default_factory=lambda: HEARD)
    progress: list[str] = field(default_factory=list)

    def place(self, scope: str) -> Place:
        # Nothing of this machine's own administrator is looked at.
        root = Path("/") if scope == USER else self.folder / "nowhere"
        return Place(scope, self.folder / "home", {}, self.state.parent, root)

    @property
    def state(self) -> Path:
        return self.folder / "host" / "state"

    @property
    def gate(self) -> Path:
        return self.folder / "home/.local/share/allstop/allstop-gate"

    @property
    def settings(self) -> Path:
        return self.folder / "home/.claude/settings.json"

    def ask(self, folder: Path) -> Mapping[str, Any]:
        assert folder == self.state.parent
        if self.host is None:
            raise Unavailable("no host process answers", "Start it: allstop host run")
        return self.host

    def installed(self) -> Desk:
        carry_out(plan_install(known("claude"), self.place(USER), "now", state_first=True))
        return self

    def look(self, name: str = "claude") -> list[Finding]:
        program = self.folder / "client"
        program.write_text(IDLE)
        program.chmod(0o755)
        doctor = Doctor(self.place, self.ask, self.progress.append)
        return list(doctor.look(known(name), (str(program),)))

    def one(self, check: str) -> Finding:
        (found,) = [one for one in self.look() if one.check == check]
        return found


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    (tmp_path / "home").mkdir()
    (tmp_path / "nowhere").mkdir()
    return Desk(tmp_path)


def test_a_client_that_is_not_there_proves_nothing(desk: Desk) -> None:
    doctor = Doctor(desk.place, desk.ask, desk.progress.append)
    (found,) = doctor.look(known("gemini"), None)
    assert (found.check, found.state) == ("client", "fail")
    assert "--path gemini=" in found.hint


def test_a_client_without_a_hook_is_not_held_and_not_started(desk: Desk) -> None:
    found = desk.look()
    assert [(one.check, one.state) for one in found] == [("client", "ok"), ("layers", "fail")]
    assert "9.8.7" in found[0].text
    assert desk.progress == ["Claude Code: version"]


def test_a_client_that_does_nothing_proves_nothing(desk: Desk) -> None:
    """Given everything in its place; a call that never runs says nothing about a halt."""
    found = {one.check: one for one in desk.installed().look()}
    assert found["canary"].state == "fail"
    assert "did not run while nothing stood" in found["canary"].text
    assert "bypass" not in found
    assert (found["host"].state, found["user settings"].state) == ("ok", "warn")
    assert [one.text for one in desk.look() if one.state == "note"] == list(NAMED["claude"])


def test_a_client_that_does_not_start_is_named(desk: Desk) -> None:
    doctor = Doctor(desk.installed().place, desk.ask, desk.progress.append)
    (found,) = doctor.look(known("claude"), (str(desk.folder / "missing"),))
    assert (found.check, found.state) == ("client", "fail")


@pytest.mark.parametrize(
    ("host", "because"),
    [
        (None, "no halt arrives"),
        ({**HEARD, "connected": False, "fault": "refused"}, "does not hear its coordinator"),
    ],
)
def test_a_host_process_that_is_gone_or_deaf_is_a_failure(
    desk: Desk, host: Mapping[str, Any] | None, because: str
) -> None:
    desk.host = host
    found = desk.installed().one("host")
    assert found.state == "fail"
    assert because in found.text


def test_a_gate_with_other_bytes_or_gone_or_not_to_be_started_is_a_failure(desk: Desk) -> None:
    desk.installed()
    desk.gate.chmod(0o700)
    assert "not everybody may start it" in desk.one("gate").text
    desk.gate.write_text("#!/bin/sh\n")
    assert "is not the gate of this version" in desk.one("gate").text
    desk.gate.unlink()
    assert desk.one("gate").text == f"{desk.gate} is not there"
    desk.gate.mkdir()
    assert desk.one("gate").state == "fail"


@pytest.mark.parametrize("text", ["", "allstop-state 1\nseq 4", None])
def test_a_state_file_that_is_gone_or_garbled_is_a_failure(desk: Desk, text: str | None) -> None:
    desk.installed()
    if text is None:
        desk.state.unlink()
    else:
        desk.state.write_text(text)
    found = desk.one("state")
    assert found.state == "fail"
    assert "every tool call is refused" in found.text


def test_a_hook_that_is_not_as_we_install_it_is_named(desk: Desk) -> None:
    desk.installed()
    found = json.loads(desk.settings.read_text())
    del found["hooks"]["PreToolUse"][0]["hooks"][0]["onFailure"]
    desk.settings.write_text(json.dumps(found))
    assert "not as this version installs it" in desk.one("user settings").text
    desk.settings.write_text("{ // garbled")
    assert desk.one("user settings").state == "fail"


def test_a_hook_without_whole_paths_is_named(desk: Desk) -> None:
    hook = {"type": "command", "command": "allstop-gate --runtime claude --state somewhere"}
    desk.settings.parent.mkdir(parents=True)
    desk.settings.write_text(json.dumps({"hooks": {"PreToolUse": [{"hooks": [hook]}]}}))
    for check in ("gate", "state"):
        found = desk.one(check)
        assert found.state == "fail"
        assert "is no whole path" in found.text


def test_what_others_may_write_is_found_out_whatever_stands_above_it(tmp_path: Path) -> None:
    path = tmp_path / "a" / "state"
    path.parent.mkdir(mode=0o755)
    path.write_text(render(State(1, "boot")))
    path.chmod(0o644)
    mine = "" if os.geteuid() == 0 else "is yours"
    assert mine in open_to(path)
    path.chmod(0o646)
    assert open_to(path) == f"others than its owner may write {path}"
    path.chmod(0o644)
    path.parent.chmod(0o777)
    assert open_to(path) != ""
    path.parent.chmod(0o1777)
    assert mine in open_to(path), "in a sticky folder nobody replaces another's file"
    if os.geteuid() == 0:
        path.parent.chmod(0o755)
        os.chown(path.parent, 65534, 65534)
        assert "belongs to user 65534" in open_to(path)
    assert "cannot be looked at" in open_to(tmp_path / "missing")


@pytest.mark.parametrize("name", SETTINGS)
def test_a_hook_is_pointed_at_another_state_and_is_else_the_same(name: str) -> None:
    hook = Hook(Path("/opt/a b/allstop-gate"), name, Path("/var/lib/the state"))
    before = json.loads(edited("a.json", None, SETTINGS[name].changes(USER, hook)).body)
    body = json.dumps(pointed(before, Path("/tmp/el se"))).encode()
    old, new = (hooks_of_ours("a.json", one) for one in (json.dumps(before).encode(), body))
    assert {state_of(hook_words(one)) for one in old} == {Path("/var/lib/the state")}
    assert {state_of(hook_words(one)) for one in new} == {Path("/tmp/el se")}
    words = [
        [word.replace("/tmp/el se", "/var/lib/the state") for word in hook_words(one)]
        for one in new
    ]
    assert words == [hook_words(one) for one in old]


def test_for_every_client_there_are_ways_to_try_and_ways_to_name() -> None:
    assert set(ATTEMPTS) == set(NAMED) == set(SETTINGS)
    assert all(ATTEMPTS.values())
    assert all(NAMED.values())
