"""Installing and taking out again, on a disk of one's own: the very bytes come back, and nothing is lost on the way."""

from __future__ import annotations

import json
import stat
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from allstop.errors import Invalid, Missing, Refused, Unavailable
from allstop.gate import gate_path
from allstop.gate.state_file import State, parse, render
from allstop.host.journal import FILE as JOURNAL
from allstop.host.settings import FILE as SETTINGS_OF_A_HOST
from allstop.runtimes.installed_files import Place
from allstop.runtimes.installing import Plan, carry_out, known, plan_install, plan_uninstall
from allstop.runtimes.settings_places import MANAGED, SCOPES, SETTINGS, USER

AT = "2026-11-21T22:00:00+00:00"
# A person's file for each client, in a form no program would write.
BEFORE = {
    "claude": b'{"model":   "opus",\n\n "hooks": {"Stop": [{"hooks": [{"type": "command", "command": "true"}]}]}}',
    "codex": b"# ops\n[features]\nvoice   = false  # no\n",
    "gemini": b'{ "hooksConfig" : {"enabled": false}, "ui": {} }\n\n',
    "copilot": b'{"version": 1, "hooks": {"agentStop": [{"type": "command", "bash": "true"}]}}',
}
BEFORE_CODEX_USER = (
    b'{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "notify"}]}]}}\n'
)
EVERYWHERE = [(name, scope) for name in SETTINGS for scope in SCOPES]


@dataclass
class Machine:
    """A disk with the state file of a host, and a person with a home on it."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    def place(self, scope: str) -> Place:
        return Place(
            scope, Path("/home/ada"), self.environment, Path("/var/lib/allstop/host"), self.root
        )

    @property
    def state(self) -> Path:
        return self.root / "var/lib/allstop/host/state"

    def joined(self) -> Machine:
        self.state.parent.mkdir(parents=True)
        self.state.write_text(render(State(7, "boot")), "ascii")
        return self

    def settings(self, name: str, scope: str) -> Path:
        place = self.place(scope)
        return place.on_disk(SETTINGS[name].file(scope, place.home, place.environment))

    def has(self, name: str, scope: str, body: bytes) -> Path:
        path = self.settings(name, scope)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        return path

    def install(self, name: str, scope: str, *, state_first: bool = False) -> Plan:
        plan = plan_install(known(name), self.place(scope), AT, state_first=state_first)
        carry_out(plan)
        return plan

    def uninstall(self, name: str, scope: str) -> Plan:
        plan = plan_uninstall(known(name), self.place(scope))
        carry_out(plan)
        return plan

    def everything(self) -> dict[str, bytes | None]:
        return {
            str(path.relative_to(self.root)): path.read_bytes() if path.is_file() else None
            for path in sorted(self.root.rglob("*"))
        }


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "disk").joined()


def before_of(name: str, scope: str) -> bytes:
    return BEFORE_CODEX_USER if (name, scope) == ("codex", USER) else BEFORE[name]


@pytest.mark.parametrize(("name", "scope"), EVERYWHERE)
def test_the_very_bytes_come_back(machine: Machine, name: str, scope: str) -> None:
    machine.has(name, scope, before_of(name, scope))
    before = machine.everything()
    machine.install(name, scope)
    assert machine.everything() != before
    machine.uninstall(name, scope)
    assert machine.everything() == before


@pytest.mark.parametrize(("name", "scope"), EVERYWHERE)
def test_where_there_was_nothing_there_is_nothing_again(
    machine: Machine, name: str, scope: str
) -> None:
    before = machine.everything()
    machine.install(name, scope)
    machine.uninstall(name, scope)
    assert machine.everything() == before


def test_all_of_them_together_come_and_go_in_any_order(machine: Machine) -> None:
    before = machine.everything()
    for name, scope in EVERYWHERE:
        machine.install(name, scope)
    for name, scope in EVERYWHERE:
        machine.uninstall(name, scope)
    assert machine.everything() == before


@pytest.mark.parametrize(("name", "scope"), EVERYWHERE)
def test_a_second_time_there_is_nothing_to_do(machine: Machine, name: str, scope: str) -> None:
    machine.has(name, scope, before_of(name, scope))
    machine.install(name, scope)
    between = machine.everything()
    again = machine.install(name, scope)
    assert again.nothing
    assert again.shown() == ""
    assert machine.everything() == between


def test_showing_the_plan_changes_nothing(machine: Machine) -> None:
    path = machine.has("claude", MANAGED, b'{"model": "opus"}\n')
    before = machine.everything()
    plan = plan_install(known("claude"), machine.place(MANAGED), AT)
    assert f"--- {path}" in plan.shown()
    assert '+            "onFailure": "block"' in plan.shown() or "onFailure" in plan.shown()
    assert f"new file: {machine.root / 'usr/local/lib/allstop/allstop-gate'}" in plan.shown()
    assert machine.everything() == before


def test_the_gate_is_ours_byte_for_byte_and_everybody_may_start_it_but_nobody_write_it(
    machine: Machine,
) -> None:
    machine.install("codex", MANAGED)
    gate = machine.root / "usr/local/lib/allstop/allstop-gate"
    assert gate.read_bytes() == gate_path().read_bytes()
    for path in (gate, *gate.relative_to(machine.root).parents):
        mode = stat.S_IMODE((machine.root / path).stat().st_mode)
        assert mode & 0o555 == 0o555 or path == gate.relative_to(machine.root).parents[-1]
        assert not mode & 0o022
    record = gate.with_name("installed.json")
    assert stat.S_IMODE(record.stat().st_mode) == 0o600, "a person's settings may hold secrets"


def test_the_gate_that_was_installed_is_the_one_the_settings_start(tmp_path: Path) -> None:
    """Given a person's own installation; when the hook is run as it stands there, then it refuses under a halt."""
    place = Place(USER, tmp_path / "home", {}, tmp_path / "state")
    (tmp_path / "home").mkdir()
    plan = plan_install(known("claude"), place, AT, state_first=True)
    carry_out(plan)
    settings = json.loads((tmp_path / "home/.claude/settings.json").read_text("utf-8"))
    hook = settings["hooks"]["PreToolUse"][0]["hooks"][0]
    words = [hook["command"], *hook["args"]]
    call = b'{"session_id": "s", "hook_event_name": "PreToolUse", "tool_name": "Bash"}'
    assert subprocess.run(words, input=call, check=False, capture_output=True).stdout == b""
    state = (tmp_path / "state/state").read_text("ascii")
    (tmp_path / "state/state").write_text(state.replace("end 0", "halt H - - default all\nend 0"))
    said = subprocess.run(words, input=call, check=False, capture_output=True).stdout
    assert json.loads(said)["hookSpecificOutput"]["permissionDecision"] == "deny"
    assert (tmp_path / "state/spool/receipts").read_text("ascii").startswith("deny 0 H claude s ")


def test_without_a_state_file_everything_would_stop_so_nothing_is_installed(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "disk")
    machine.root.mkdir()
    with pytest.raises(Missing, match="every tool call would be refused") as told:
        machine.install("claude", MANAGED)
    assert "--state-first" in told.value.hint
    assert machine.everything() == {}


def test_a_state_file_that_makes_no_sense_is_no_state_file(machine: Machine) -> None:
    machine.state.write_text("allstop-state 1\nseq 4")
    with pytest.raises(Invalid, match="makes no sense"):
        machine.install("claude", MANAGED, state_first=True)


def test_a_first_state_file_says_that_nothing_stands_and_an_older_one_is_kept(
    tmp_path: Path,
) -> None:
    machine = Machine(tmp_path / "disk")
    machine.root.mkdir()
    machine.install("claude", MANAGED, state_first=True)
    state = parse(machine.state.read_text("ascii"))
    assert (state.seq, state.halts) == (0, ())
    spool = machine.state.parent / "spool"
    assert stat.S_IMODE(spool.stat().st_mode) == 0o711
    assert stat.S_IMODE((spool / "receipts").stat().st_mode) == 0o622
    machine.state.write_text(render(State(9, "boot")), "ascii")
    machine.install("gemini", MANAGED, state_first=True)
    assert parse(machine.state.read_text("ascii")).seq == 9


@pytest.mark.parametrize("name", [SETTINGS_OF_A_HOST, JOURNAL])
def test_where_a_host_has_joined_nobody_else_says_that_nothing_stands(
    machine: Machine, name: str
) -> None:
    """Given that somebody took the state file away under a halt, which the host's journal still knows."""
    machine.state.unlink()
    (machine.state.parent / name).write_text("")
    with pytest.raises(Refused, match="it alone says what stands"):
        machine.install("claude", MANAGED, state_first=True)
    assert not machine.state.exists()


def test_what_somebody_changed_since_stays_and_it_is_said(machine: Machine) -> None:
    path = machine.has("gemini", MANAGED, BEFORE["gemini"])
    machine.install("gemini", MANAGED)
    found = json.loads(path.read_bytes())
    found["ui"] = {"theme": "dark"}
    path.write_text(json.dumps(found, indent=4))
    plan = machine.uninstall("gemini", MANAGED)
    assert json.loads(path.read_bytes()) == {
        "hooksConfig": {"enabled": False},
        "ui": {"theme": "dark"},
    }
    assert any("somebody changed it since" in note for note in plan.notes)


def test_an_installation_over_a_changed_file_can_be_undone_to_that_change(machine: Machine) -> None:
    path = machine.has("claude", USER, BEFORE["claude"])
    machine.install("claude", USER)
    found = json.loads(path.read_bytes())
    found["model"] = "sonnet"
    del found["hooks"]["PreToolUse"]
    path.write_text(json.dumps(found))
    machine.install("claude", USER)
    machine.uninstall("claude", USER)
    after = json.loads(path.read_bytes())
    assert after["model"] == "sonnet"
    assert after["hooks"] == json.loads(BEFORE["claude"])["hooks"]


def test_without_its_record_it_takes_out_what_it_knows_as_its_own(machine: Machine) -> None:
    path = machine.has("claude", MANAGED, BEFORE["claude"])
    machine.install("claude", MANAGED)
    (machine.root / "usr/local/lib/allstop/installed.json").unlink()
    plan = machine.uninstall("claude", MANAGED)
    assert json.loads(path.read_bytes()) == json.loads(BEFORE["claude"])
    assert any("no record" in note for note in plan.notes)
    assert not (machine.root / "usr/local/lib/allstop").exists()


def test_a_record_that_makes_no_sense_stops_it(machine: Machine) -> None:
    machine.install("claude", MANAGED)
    (machine.root / "usr/local/lib/allstop/installed.json").write_text('{"v": 1}')
    with pytest.raises(Invalid, match="the record of what was installed makes no sense"):
        machine.uninstall("claude", MANAGED)


def test_a_file_that_changes_while_a_person_thinks_is_not_overwritten(machine: Machine) -> None:
    path = machine.has("claude", USER, b"{}\n")
    plan = plan_install(known("claude"), machine.place(USER), AT)
    path.write_text('{"model": "opus"}\n')
    with pytest.raises(Refused, match="changed by somebody meanwhile"):
        carry_out(plan)
    assert path.read_text() == '{"model": "opus"}\n'
    assert not machine.place(USER).on_disk(machine.place(USER).gate).exists()


def test_a_gate_that_is_not_the_one_put_there_stays(machine: Machine) -> None:
    machine.install("claude", MANAGED)
    gate = machine.root / "usr/local/lib/allstop/allstop-gate"
    gate.write_text("#!/bin/sh\nexit 0\n")
    plan = machine.uninstall("claude", MANAGED)
    assert gate.exists()
    assert any("is not the gate that was put there" in note for note in plan.notes)


def test_a_gate_of_another_version_is_replaced(machine: Machine) -> None:
    machine.install("claude", MANAGED)
    gate = machine.root / "usr/local/lib/allstop/allstop-gate"
    gate.write_text("#!/bin/sh\nexit 0\n")
    plan = machine.install("claude", MANAGED)
    assert plan.shown().startswith(f"replaced: {gate}")
    assert gate.read_bytes() == gate_path().read_bytes()


def test_the_gate_stays_as_long_as_one_client_needs_it(machine: Machine) -> None:
    for name in ("claude", "codex"):
        machine.install(name, MANAGED)
    machine.uninstall("claude", MANAGED)
    assert (machine.root / "usr/local/lib/allstop/allstop-gate").exists()
    machine.uninstall("codex", MANAGED)
    assert not (machine.root / "usr/local/lib/allstop").exists()


def test_a_link_to_a_persons_file_stays_a_link(machine: Machine) -> None:
    path = machine.settings("claude", USER)
    path.parent.mkdir(parents=True)
    elsewhere = machine.root / "home/ada/dotfiles.json"
    elsewhere.write_text('{"model": "opus"}')
    path.symlink_to("../dotfiles.json")
    machine.install("claude", USER)
    assert path.is_symlink()
    assert "PreToolUse" in elsewhere.read_text()
    machine.uninstall("claude", USER)
    assert elsewhere.read_text() == '{"model": "opus"}'


def test_a_link_out_of_the_root_is_not_followed(machine: Machine, tmp_path: Path) -> None:
    outside = tmp_path / "outside.json"
    outside.write_text("{}")
    path = machine.settings("gemini", MANAGED)
    path.parent.mkdir(parents=True)
    path.symlink_to(outside)
    with pytest.raises(Refused, match="leads out of"):
        machine.install("gemini", MANAGED)
    assert outside.read_text() == "{}"


def test_a_folder_in_the_place_of_a_file_is_left_alone(machine: Machine) -> None:
    machine.settings("claude", MANAGED).mkdir(parents=True)
    with pytest.raises(Invalid, match="no ordinary file"):
        machine.install("claude", MANAGED)


def test_a_person_who_moved_their_settings_has_them_changed_there(machine: Machine) -> None:
    machine.environment["CODEX_HOME"] = "/srv/codex"
    machine.install("codex", USER)
    assert (machine.root / "srv/codex/hooks.json").exists()
    del machine.environment["CODEX_HOME"]
    machine.uninstall("codex", USER)
    assert not (machine.root / "srv").exists(), "where it was put is on record"


def test_a_mode_a_person_gave_their_file_stays(machine: Machine) -> None:
    path = machine.has("claude", USER, b"{}")
    path.chmod(0o600)
    machine.install("claude", USER)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.fixture
def full_place(machine: Machine) -> Machine:
    """The folder of the settings cannot be made: a file is in its way."""
    (machine.root / "etc").write_text("in the way")
    return machine


def test_what_cannot_be_written_is_said_by_name(full_place: Machine) -> None:
    with pytest.raises((Unavailable, Invalid), match="managed-settings"):
        full_place.install("claude", MANAGED)


def test_an_installation_that_was_cut_off_can_be_undone(machine: Machine) -> None:
    """Given that the record was written and the settings were not, both ways lead back."""
    machine.has("claude", MANAGED, BEFORE["claude"])
    before = machine.everything()
    plan = plan_install(known("claude"), machine.place(MANAGED), AT)
    carry_out(replace(plan, changes=()))
    machine.uninstall("claude", MANAGED)
    assert machine.everything() == before
