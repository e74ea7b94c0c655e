"""A program sees what stands now: at once, in every thread and child, and without reading what it knows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from allstop import AllstopHalted, check, may
from allstop.gate.state_file import State, render
from allstop.shims import standing
from tests.gate.running import BOOT, Machine, halt, machine_in
from tests.shims.asking import SOURCE, python, refused

# --- it is looked at each time, and read only when it has changed ---


@pytest.mark.parametrize("whole", [True, False], ids=["replaced", "in its place"])
def test_every_change_is_seen_at_once(machine: Machine, whole: bool) -> None:
    """Both texts are as long as each other, and change faster than the clock ticks that stamps files."""
    running = render(State(4, BOOT, halts=(halt("agent:someone-else"),)))
    halted = render(State(4, BOOT, halts=(halt("agent:someone-here"),)))
    assert len(running) == len(halted)
    state, new = machine.folder / "state", machine.folder / "new"
    state.write_text(running)
    for turn in range(400):
        text = halted if turn % 2 else running
        if whole:
            new.write_text(text)
            new.replace(state)
        else:
            with state.open("r+") as file:
                file.write(text)
        assert may(tool="Bash", agent="someone-here").allowed is (text is running), turn


@pytest.mark.parametrize(("age_s", "opened"), [(60, 0), (-3600, 100)])
def test_it_is_opened_again_only_when_it_may_have_changed(
    machine: Machine, age_s: int, opened: int
) -> None:
    """A stamp that the clock has not yet left behind may be given twice: such a file is read each time."""
    machine.stands()
    stamp = (machine.folder / "state").stat().st_mtime - age_s
    os.utime(machine.folder / "state", (stamp, stamp))
    count = """
        check()
        seen = []
        sys.addaudithook(lambda event, given: seen.append(given[0]) if event == "open" else None)
        for _ in range(100):
            check(tool="Bash", tool_class="exec")
        print("opened", sum(str(name).endswith("/state") for name in seen))
        """
    said = python("", {"ALLSTOP_STATE": str(machine.folder)}, count)
    assert f"opened {opened}" in said.splitlines()


def test_threads_see_a_halt_as_soon_as_it_stands(machine: Machine) -> None:
    machine.stands()
    meeting = threading.Barrier(9)
    seen: list[list[bool]] = [[] for _ in range(8)]

    def work(mine: list[bool]) -> None:
        for _ in range(40):
            meeting.wait()
            mine.append(may(tool="Bash").allowed)
            meeting.wait()

    workers = [threading.Thread(target=work, args=(mine,)) for mine in seen]
    for worker in workers:
        worker.start()
    for turn in range(40):
        machine.stands(*((halt(),) if turn % 2 else ()))
        meeting.wait()
        meeting.wait()
    for worker in workers:
        worker.join()
    assert seen == [[turn % 2 == 0 for turn in range(40)]] * 8


def test_a_child_of_a_fork_sees_what_stands_now(machine: Machine) -> None:
    machine.stands()
    check()
    assert _in_a_child(lambda: machine.stands(halt())) == "HALT-3"
    refused()
    assert _in_a_child(machine.stands) == "allowed"


def test_a_state_that_may_not_be_read_refuses(machine: Machine) -> None:
    machine.stands()
    machine.folder.chmod(0)
    assert "may not be read" in _in_a_child(_become_somebody_else)
    machine.folder.chmod(0o700)


def _become_somebody_else() -> None:
    """Root may read everything; everybody else stays who they are."""
    if os.geteuid() == 0:
        os.setuid(65534)


def _in_a_child(before: Callable[[], object]) -> str:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            before()
            check(tool="Bash")
            os.write(writing, b"allowed")
        except AllstopHalted as error:
            os.write(writing, (error.halt or error.text).encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as file:
        return file.read()


# --- it is light ---


def test_asking_for_the_check_loads_nothing_else() -> None:
    said = python("", {"ALLSTOP_STATE": "/nowhere"}, "print(json.dumps(sorted(sys.modules)))")
    loaded = set(json.loads(said.splitlines()[-2]))
    ours = {name for name in loaded if name.partition(".")[0] == "allstop"}
    assert ours == {
        "allstop", "allstop.errors", "allstop.gate", "allstop.gate.decision",
        "allstop.gate.state_file", "allstop.shims", "allstop.shims.checking",
        "allstop.shims.standing",
    }  # fmt: skip
    assert not loaded & {
        "asyncio",
        "pydantic",
        "msgspec",
        "click",
        "logging",
        "importlib.resources",
    }


def test_allstop_by_itself_loads_no_check() -> None:
    code = "import sys, allstop; print(sorted(name for name in sys.modules if 'allstop' in name))"
    environment = {"PYTHONPATH": str(SOURCE), "PATH": os.environ["PATH"]}
    ended = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.strip() == "['allstop']"


def test_the_folder_of_the_system_counts_before_a_persons_own(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ALLSTOP_STATE")
    monkeypatch.setattr(standing, "SYSTEM_FOLDER", str(tmp_path / "system"))
    monkeypatch.setattr(standing, "_own_folder", lambda: str(machine.folder))
    machine.stands()
    check()
    system = machine_in(tmp_path / "system", "dash")
    assert f"no state file in {system.folder}" in refused().text
    system.stands(halt())
    assert refused().halt == "HALT-3"
    system.stands()
    machine.stands(halt())
    check()


def test_without_a_named_folder_a_program_looks_where_a_person_keeps_their_host(
    tmp_path: Path,
) -> None:
    if Path("/var/lib/allstop/host").exists():
        pytest.skip("a host process of this machine keeps its state in the system's folder")
    own = machine_in(tmp_path / ".local/state/allstop/host", "dash")
    own.stands(halt())
    assert "HALT-3 stands" in python("", {"HOME": str(tmp_path)})
    own.stands()
    assert python("", {"HOME": str(tmp_path)}).splitlines()[-1] == "allowed"
    elsewhere = {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "elsewhere")}
    assert f"no state file in {tmp_path}/elsewhere/allstop/host" in python("", elsewhere)
