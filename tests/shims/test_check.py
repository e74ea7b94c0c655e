"""A program asks before it does something: `allstop.check()` gives the gate's answers."""

from __future__ import annotations

import os
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allstop import AllstopHalted, check, may
from allstop.gate.decision import Caller, Now, decide
from allstop.gate.state_file import Lease, State, render_lease
from allstop.host.spool import Receipt, Spool
from tests.gate.anything import AGENT, FOLDER, SESSION, TEAM, states, tools
from tests.gate.running import BOOT, LATER, Machine, a_pass, call, halt
from tests.shims.asking import refused

GARBLED = sorted((Path(__file__).resolve().parents[1] / "gate" / "states").iterdir())


# --- what it says ---


def test_while_nothing_stands_everything_goes_on(machine: Machine) -> None:
    machine.stands()
    check(tool="Bash", tool_class="exec")
    check()
    check(prompt=True)
    assert may(tool="Bash").allowed
    assert machine.receipts == []


def test_under_a_halt_it_raises_what_the_gate_says(machine: Machine) -> None:
    machine.stands(halt())
    error = refused(tool="Bash", tool_class="exec")
    assert error.text + "\n" == machine.asks(call("Bash"), "generic").err.decode()
    assert (error.halt, error.code) == ("HALT-3", "halted")
    assert error.decision.halt == halt()
    check(tool="Read")
    check(tool_class="read")
    check(tool="report", tool_class="report")
    check(prompt=True)


def test_under_a_hard_halt_the_model_is_not_asked_either(machine: Machine) -> None:
    machine.stands(halt(classes=("hard",)))
    refused(tool="Read")
    refused(prompt=True)
    check(tool="mcp__allstop__report_status")


def test_when_the_lease_has_run_out_it_says_what_the_gate_says(machine: Machine) -> None:
    machine.writes(State(42, BOOT, lease_closed=True))
    said = machine.asks(call("Bash"), "generic").err.decode()
    assert refused().text + "\n" == said
    (machine.folder / "lease").write_text(render_lease(Lease(BOOT, LATER)))
    check(tool="Bash")
    (machine.folder / "lease").write_text(render_lease(Lease(BOOT, 1)))
    refused()
    (machine.folder / "lease").write_text(render_lease(Lease("another-boot", LATER)))
    refused()


def test_a_pass_opens_its_halt_for_its_session_until_its_time(machine: Machine) -> None:
    machine.stands(halt(), passes=(a_pass("s-1", LATER, "exec"),))
    check(tool="Bash", session="s-1")
    refused(session="s-2")
    refused()
    refused(tool="Write", session="s-1")
    machine.stands(halt(), passes=(a_pass("s-1", 1, "exec"),))
    refused(session="s-1")


@settings(
    max_examples=max(60, settings().max_examples),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_it_decides_as_the_gate_does(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, data: st.DataObject
) -> None:
    state = data.draw(states(st.sampled_from([BOOT, "another-boot"]), st.sampled_from([1, LATER])))
    asked = Caller(
        "generic",
        data.draw(st.sampled_from(["", "UserPromptSubmit"])),
        data.draw(tools("generic")),
        data.draw(st.just("") | SESSION),
        data.draw(st.just("") | AGENT),
        data.draw(st.just("") | TEAM),
    )
    folder = data.draw(FOLDER)
    asked = replace(asked, folders=(folder, os.path.realpath(folder)))
    machine.writes(state)
    monkeypatch.setenv("ALLSTOP_TEAM", asked.team)
    found = may(
        asked.tool,
        prompt=bool(asked.event),
        agent=asked.agent,
        session=asked.session,
        folder=folder,
    )
    assert found == decide(state, asked, Now(BOOT, 2))


# --- what cannot be known refuses ---


@pytest.mark.parametrize("path", GARBLED, ids=lambda path: path.name)
def test_a_state_that_makes_no_sense_refuses(machine: Machine, path: Path) -> None:
    (machine.folder / "state").write_bytes(path.read_bytes())
    error = refused()
    assert "makes no sense" in error.text
    assert error.decision.problem
    assert error.halt == ""
    refused(prompt=True)
    check(tool="mcp__allstop__report_status")


def test_a_state_that_is_gone_refuses_and_one_that_is_back_is_read(machine: Machine) -> None:
    machine.stands()
    check()
    (machine.folder / "state").unlink()
    assert f"no state file in {machine.folder}" in refused().text
    machine.stands()
    check()


def test_what_is_no_file_refuses_and_is_not_waited_for(machine: Machine) -> None:
    os.mkfifo(machine.folder / "state")
    assert "makes no sense" in refused().text
    (machine.folder / "state").unlink()
    (machine.folder / "state").mkdir()
    refused()


@pytest.mark.parametrize("named", ["allstop", "./allstop", "~/allstop"])
def test_a_folder_that_is_not_absolute_refuses(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLSTOP_STATE", named)
    assert "ALLSTOP_STATE is no absolute folder" in refused().text


def test_a_class_that_does_not_exist_is_a_mistake_even_while_nothing_stands(
    machine: Machine,
) -> None:
    machine.stands()
    with pytest.raises(ValueError, match="'exce' is no class of tools"):
        check(tool_class="exce")


# --- who asks ---


@pytest.mark.parametrize("unknown", [True, False])
def test_a_name_that_is_given_is_one_more_and_takes_nobody_out_of_a_halt(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, unknown: bool
) -> None:
    machine.stands(halt("agent:builder-1"), unknown_covered=unknown)
    monkeypatch.setenv("ALLSTOP_AGENT", "builder-1")
    refused()
    refused(agent="researcher")
    monkeypatch.setenv("ALLSTOP_AGENT", "builder-2")
    check(tool="Bash")
    check(tool="Bash", agent="researcher")
    refused(agent="builder-1")
    monkeypatch.delenv("ALLSTOP_AGENT")
    check(tool="Bash", agent="researcher")
    assert may(tool="Bash").allowed is not unknown


def test_a_session_that_is_a_number_is_still_that_session(machine: Machine) -> None:
    machine.stands(halt("session:7"), unknown_covered=False)
    refused(session=7)
    check(tool="Bash", session=None)  # type: ignore[arg-type]


def test_a_halt_of_a_folder_covers_who_works_in_it_also_by_a_link(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = tmp_path / "shop"
    (shop / "src").mkdir(parents=True)
    (tmp_path / "link").symlink_to(shop)
    machine.stands(halt(f"repository:{shop}"))
    for folder in (shop, shop / "src", tmp_path / "link", f"{tmp_path}/other/../shop"):
        refused(folder=folder)
    check(tool="Bash", folder=tmp_path)
    monkeypatch.chdir(shop / "src")
    refused()
    (shop / "src").rmdir()
    refused()


# --- what it leaves behind ---


def test_a_refusal_leaves_a_receipt_that_the_host_reads(machine: Machine) -> None:
    machine.stands(halt())
    with pytest.raises(AllstopHalted):
        check(tool="Bash", session="s-1")
    with pytest.raises(AllstopHalted):
        check(tool="rm -rf /\ndeny 1 x", session="a b")
    found = list(Spool(machine.folder).news())
    assert [replace(one, seconds=0) for one in found if isinstance(one, Receipt)] == [
        Receipt(42, "HALT-3", "python", "s-1", "Bash", 0),
        Receipt(42, "HALT-3", "python", "-", "-", 0),
    ]


@pytest.mark.parametrize("place", ["nothing", "a pipe", "a link", "a folder"])
def test_where_no_receipt_can_be_written_the_answer_stands(
    machine: Machine, tmp_path: Path, place: str
) -> None:
    receipts = machine.folder / "spool" / "receipts"
    receipts.unlink()
    match place:
        case "a pipe":
            os.mkfifo(receipts)
        case "a link":
            (tmp_path / "elsewhere").touch()
            receipts.symlink_to(tmp_path / "elsewhere")
        case "a folder":
            receipts.mkdir()
    machine.stands(halt())
    refused()
    assert place != "a link" or (tmp_path / "elsewhere").read_text() == ""


def test_a_refusal_can_be_handed_to_another_process(machine: Machine) -> None:
    machine.stands(halt())
    error = refused()
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.halt, again.decision) == (str(error), "HALT-3", error.decision)
