"""Whatever the gate is given, or is missing: it refuses, in a form its client understands, and runs nothing of it."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from allstop.gate.state_file import CLASSES
from tests.gate.running import GATE, HERE, LATER, Answer, Machine, a_pass, call, halt, machine_in

HOSTILE = sorted((Path(__file__).parent / "hostile").iterdir())
STATES = sorted((Path(__file__).parent / "states").iterdir())
LARGE = 1024 * 1024
NOBODY = 65534


def refused_by_claude(answer: Answer) -> None:
    assert answer.status == 0, answer
    assert answer.json["continue"] is False
    specific = answer.json["hookSpecificOutput"]
    assert isinstance(specific, dict)
    assert specific["permissionDecision"] == "deny"


@pytest.mark.parametrize("file", HOSTILE, ids=lambda file: file.name)
def test_hostile_input_is_refused_and_leaves_no_trace(machine: Machine, file: Path) -> None:
    """Under a halt for everybody nothing that a client gives opens anything or is repeated anywhere."""
    machine.stands(halt(), passes=(a_pass("responder", LATER, *CLASSES),))
    elsewhere = machine.folder / "elsewhere"
    elsewhere.mkdir()
    body = file.read_bytes()
    for runtime in ("claude", "codex", "gemini", "copilot"):
        answer = machine.asks(body, runtime, prepare=lambda: os.chdir(elsewhere))
        refused(answer, runtime)
    assert list(elsewhere.iterdir()) == [], "nothing of it was run"
    receipts = (machine.folder / "spool" / "receipts").read_bytes().decode("ascii").splitlines()
    shape = r"deny 42 HALT-3 \w+ [A-Za-z0-9_.:-]{1,64} [A-Za-z0-9_.:-]{1,64} [0-9]+"
    assert len(receipts) == 4
    assert all(re.fullmatch(shape, line) for line in receipts)


def refused(answer: Answer, runtime: str) -> None:
    told = answer.out + answer.err
    assert re.fullmatch(rb"[ -~]+\n", told), "one line of plain text"
    if answer.status == 2:
        assert answer.err.startswith(b"Allstop: HALT-3 stands")
    elif runtime == "gemini":
        assert answer.json["decision"] == "deny"
    elif runtime == "copilot":
        assert answer.json["permissionDecision"] == "deny"
    else:
        refused_by_claude(answer)


@pytest.mark.parametrize("file", STATES, ids=lambda file: file.name)
def test_a_state_that_makes_no_sense_refuses(machine: Machine, file: Path) -> None:
    shutil.copy(file, machine.folder / "state")
    for runtime in ("claude", "codex", "gemini", "copilot", "generic"):
        answer = machine.asks(call(), runtime)
        assert (answer.status, answer.out) == (2, b"")
        assert b"makes no sense. A person: " in answer.err
    assert machine.receipts[0].split(" ")[2] == "state"


def test_no_state_refuses_and_says_what_a_person_does(machine: Machine) -> None:
    assert b"there is no state file in " in machine.asks(call()).err
    (machine.folder / "state").mkdir()
    assert machine.asks(call()).status == 2
    (machine.folder / "state").rmdir()
    (machine.folder / "state").symlink_to("/gone")
    assert machine.asks(call()).status == 2
    (machine.folder / "state").unlink()
    os.mkfifo(machine.folder / "state")
    assert machine.asks(call()).status == 2, "a pipe is not waited for"


def test_reports_stay_open_when_the_state_makes_no_sense(machine: Machine) -> None:
    assert machine.asks(call("mcp__allstop__report_status")).let_through
    assert machine.asks(call("Read")).status == 2


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--runtime"],
        ["--runtime", "cursor", "--state", "/tmp"],
        ["--runtime", "claude"],
        ["--runtime", "claude", "--state", "relative"],
        ["--runtime", "claude", "--state", "/tmp/\x1b[2J"],
        ["--runtime", "claude", "--state", "/tmp", "--allow"],
        ["--runtime", "claude", "--state", "/tmp", "--event"],
        ["--help"],
    ],
)
def test_started_wrongly_it_refuses(machine: Machine, words: list[str]) -> None:
    machine.stands()
    ended = subprocess.run(
        [*machine.shell, str(GATE), *words], input=call(), capture_output=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert re.fullmatch(rb"Allstop: this call was not run, because [ -~]+\n", ended.stderr)


@pytest.mark.parametrize("filler", [b"x", b'\\"', b"\0", b"\n", b'"', b" ", b"[{"])
@pytest.mark.parametrize("first", [True, False])
def test_a_large_input_is_taken_to_its_end(machine: Machine, filler: bytes, first: bool) -> None:
    """A client whose input is not taken calls that a failed hook, and runs the tool."""
    machine.stands(halt())
    large = filler * (LARGE // len(filler))
    body = b'{"prompt":"' + large + call()[1:] if first else call()[:-2] + large + b'"}}'
    gate = subprocess.Popen(
        [*machine.shell, str(GATE), "--runtime", "claude", "--state", str(machine.folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert gate.stdin is not None
    with gate.stdin:
        gate.stdin.write(body)  # a BrokenPipeError here is the failure
        gate.stdin.flush()
    assert gate.stdout is not None
    with gate.stdout:
        refused_by_claude(Answer(gate.wait(30), gate.stdout.read(), b""))


def closing(*numbers: int) -> None:
    for number in numbers:
        os.close(number)


def test_without_standard_input_it_refuses(machine: Machine) -> None:
    machine.stands(halt())
    refused_by_claude(machine.asks(b"", prepare=lambda: closing(0)))


def test_without_standard_output_it_refuses_by_its_status(machine: Machine) -> None:
    machine.stands(halt())
    for runtime in ("claude", "gemini", "copilot", "codex"):
        answer = machine.asks(call(), runtime, prepare=lambda: closing(1))
        assert answer.status == 2
        assert answer.err.startswith(b"Allstop: HALT-3 stands")


def test_with_nothing_open_at_all_it_refuses_by_its_status(machine: Machine) -> None:
    machine.stands(halt())
    assert machine.asks(b"", prepare=lambda: closing(0, 1, 2)).status == 2


def test_an_output_nobody_reads_or_that_is_full_is_a_refusal_by_status(machine: Machine) -> None:
    machine.stands(halt())
    command = [*machine.shell, str(GATE), "--runtime", "claude", "--state", str(machine.folder)]
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as broken, Path("/dev/full").open("wb") as full:
        for out in (broken, full):
            ended = subprocess.run(
                command, input=call(), stdout=out, stderr=subprocess.PIPE, check=False
            )
            assert ended.returncode == 2
            assert ended.stderr.startswith(b"Allstop: HALT-3 stands")


@pytest.mark.parametrize("receipts", ["missing", "folder", "pipe", "link to nothing"])
def test_a_receipt_that_cannot_be_written_changes_no_answer(
    machine: Machine, receipts: str
) -> None:
    machine.stands(halt())
    path = machine.folder / "spool" / "receipts"
    path.unlink()
    match receipts:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "link to nothing":
            path.symlink_to("/gone/away")
    answer = machine.asks(call())
    refused_by_claude(answer)
    assert answer.err == b""


def test_the_environment_decides_nothing(machine: Machine) -> None:
    """What a client was started with cannot name the parts of the gate, nor replace what it uses."""
    machine.stands(halt("team:shop"), passes=())
    names = (
        "answered problem near state runtime event asked class by why halts passes lapsed called"
    )
    odd = dict.fromkeys(names.split(), "yes") | {
        "session": "responder",
        "tool": "Read",
        "physical": "/gone",
        "cwd": "/gone",
        "IFS": "abcdefghijklmnopqrstuvwxyz",
        "CDPATH": "/tmp",
        "ENV": "/dev/null/x",
        "PATH": "/nowhere:" + os.environ["PATH"],
        "LC_ALL": "en_US.UTF-8",
        "BASH_FUNC_read%%": "() { return 1; }",
        "BASH_FUNC_test%%": "() { return 1; }",
        "BASH_FUNC_printf%%": "() { :; }",
        "ALLSTOP_TEAM": "shop",
    }
    refused_by_claude(machine.asks(call(), env=odd))


@pytest.fixture
def open_machine(machine: Machine) -> Iterator[Machine]:
    """A machine whose files another user may read, with the gate among them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        shutil.copy(GATE, folder / "gate")
        (folder / "gate").chmod(0o755)
        shell = next(shell for shell, words in HERE.items() if words == machine.shell)
        yield machine_in(folder / "allstop", shell)


def as_nobody(processes: int | None = None) -> None:
    """Be a user without rights; with a number, one that may have no more processes than that."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    if processes is not None:
        resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))


def test_while_nothing_stands_no_process_is_started(open_machine: Machine) -> None:
    open_machine.stands()
    gate = open_machine.folder.parent / "gate"
    answer = open_machine.asks(call(), gate=gate, prepare=lambda: as_nobody(0))
    assert answer.let_through, "it would have failed to start one"


def test_where_no_process_can_be_started_it_refuses(open_machine: Machine) -> None:
    if open_machine.shell[0] == "bash":
        return  # it waits for processes to come free, for longer than a client waits for it
    open_machine.stands(halt())
    gate = open_machine.folder.parent / "gate"
    answer = open_machine.asks(call(), gate=gate, prepare=lambda: as_nobody(0))
    assert (answer.status, answer.out) == (2, b"")
    assert answer.err.startswith(b"Allstop: ") or b"\nAllstop: " in answer.err


def test_a_state_this_user_may_not_read_refuses(open_machine: Machine) -> None:
    if os.geteuid() != 0:
        open_machine.folder.chmod(0o700)
    open_machine.stands()
    (open_machine.folder / "state").chmod(0)
    gate = open_machine.folder.parent / "gate"
    answer = open_machine.asks(call(), gate=gate, prepare=as_nobody)
    assert answer.status == 2
    assert b"may not be read by this user. A person: " in answer.err


def test_a_gate_cut_off_anywhere_refuses(machine: Machine) -> None:
    """An installation that broke off in the middle must not be an open door."""
    machine.stands(halt())
    whole = GATE.read_bytes()
    cut = machine.folder / "gate"
    guarded = whole.index(b"\n", whole.index(b"\n") + 1)
    for length in range(guarded, len(whole) - len(b'exit "$status"\n'), 251):
        cut.write_bytes(whole[:length])
        answer = machine.asks(call(), gate=cut)
        assert answer.status == 2 or json.loads(answer.out)["continue"] is False, length


def test_the_gate_keeps_to_what_every_shell_knows() -> None:
    text = GATE.read_text("ascii")
    assert text.startswith("#!/bin/sh\n")
    assert os.access(GATE, os.X_OK)
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for word in ("eval ", "local ", "[[ ", "function ", "source ", "<<<", "<<"):
        assert word not in code.replace("[[:", "(("), word
