"""The actuator `process`: starting, restarting, and orders that come late."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from allstop.adapters.process.actuator import Process
from allstop.domain.effects import Ending, Outcome
from tests.adapters.process_worlds import MARK, STUBBORN, Service, freeze, service, spawned, until
from tests.adapters.worlds import Blobs, effect


async def act(verb: str, options: dict[str, Any], **changes: Any) -> Outcome:
    return await Process().act(effect(verb, options, **changes), Blobs())


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path / "plain") as one:
        yield one


@pytest.fixture
def deaf(tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path / "deaf", STUBBORN) as one:
        yield one


# --- start ---------------------------------------------------------------------------------------


@pytest.fixture
def new(tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path / "new", running=False) as one:
        yield one


SHOWING = """
import os, pathlib, signal, sys, time
here = pathlib.Path("shown")
fds = sorted(int(name) for name in os.listdir("/proc/self/fd"))
print("to stdout", flush=True)
print("to stderr", file=sys.stderr, flush=True)
status = pathlib.Path("/proc/self/status").read_text()
lines = [
    f"fds {[fd for fd in fds if fd < 3 or pathlib.Path(f'/proc/self/fd/{fd}').exists()]}",
    f"stdin {os.readlink('/proc/self/fd/0')}",
    f"leads {os.getpid() == os.getsid(0) == os.getpgid(0)}",
    f"blocked {[line.split()[1] for line in status.splitlines() if line.startswith('SigBlk')]}",
    f"marks {sorted(key for key in os.environ if key.startswith('ALLSTOP_'))}",
    f"own {os.environ['OWN']}",
]
here.with_suffix(".new").write_text("\\n".join(lines))
here.with_suffix(".new").rename(here)
time.sleep(600)
"""


async def test_a_started_service_belongs_to_nobody(new: Service) -> None:
    """Given a start, the service leads a session of its own, holds nothing of ours, and logs to its file."""
    program = new.folder / "show.py"
    program.write_text(SHOWING)
    options = new.starting(settle=0)
    options |= {"argv": [sys.executable, str(program)], "env": {MARK: new.mark, "OWN": "word"}}
    outcome = await act("start", options)
    assert outcome.ending is Ending.DONE, outcome.because
    assert outcome.facts == {"pid": new.pid}
    await until((new.folder / "shown").exists)
    assert (new.folder / "shown").read_text().splitlines() == [
        "fds [0, 1, 2]",
        "stdin /dev/null",
        "leads True",
        "blocked ['0000000000000000']",
        "marks []",
        "own word",
    ]
    assert (new.folder / "log").read_text() == "to stdout\nto stderr\n"
    assert new.pid not in {child.pid for child in psutil.Process().children(recursive=True)}
    assert sorted(path.name for path in new.folder.iterdir()) == [
        "log", "pid", "pid.allstop", "pid.allstop.lock", "service.sh", "show.py", "shown",
    ]  # fmt: skip


async def test_starts_at_the_same_time_start_one(new: Service) -> None:
    """Given five starts at once, one starts it, and the others find it running."""
    outcomes = await asyncio.gather(*(act("start", new.starting()) for _ in range(5)))
    assert {one.ending for one in outcomes} == {Ending.DONE}
    assert sorted(one.because for one in outcomes) == [
        *[f"process {new.pid} is alive already"] * 4,
        f"process {new.pid} started",
    ]
    assert new.starts() == 1


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"argv": ["no-such-program"]}, "cannot start no-such-program: No such file"),
        ({"argv": ["./service.sh"]}, "cannot start ./service.sh: Permission denied"),
        ({"cwd": "/no/such/folder"}, "No such file or directory"),
        ({"log": "/dev/null"}, "is no ordinary file"),
        ({"log": "/no/such/folder/log"}, "No such file or directory"),
        ({"env_mark": "NAME"}, "write it as NAME=value"),
        ({"argv": []}, "argv"),
    ],
)
async def test_what_cannot_be_started_leaves_nothing(
    new: Service, changes: dict[str, Any], why: str
) -> None:
    """Given a program, folder or log that cannot be, it fails with the reason, and no pid file stays."""
    outcome = await act("start", {**new.starting(), **changes})
    assert outcome.ending is Ending.FAILED
    assert why in outcome.because
    assert not new.pid_file.exists()
    assert not new.any_alive()


async def test_a_log_that_is_a_pipe_holds_nobody_up(new: Service) -> None:
    """Given a log file that is a pipe nobody reads, the start fails instead of waiting for ever."""
    os.mkfifo(new.folder / "log")
    assert (await act("start", new.starting(), timeout_ms=3000)).ending is Ending.FAILED


async def test_who_ends_at_once_was_not_started(new: Service) -> None:
    """Given a program that ends within its settling time, the start has failed, and names the log."""
    new.program.write_text("exit 3")
    outcome = await act("start", new.starting(settle=5000))
    assert outcome.ending is Ending.FAILED
    assert f"ended at once; see {new.folder / 'log'}" in outcome.because
    assert (await act("start", new.starting(settle=5000))).ending is Ending.FAILED


async def test_a_frozen_service_does_not_count_as_running(plain: Service) -> None:
    """Given a frozen service, a start fails and says what would help."""
    freeze(plain)
    outcome = await act("start", plain.starting())
    assert (outcome.ending, "thaw it" in outcome.because) == (Ending.FAILED, True)


async def test_a_service_that_could_not_be_stopped_again_is_named(new: Service) -> None:
    """Given a word that the program does not have, the start says so at once, not the stop one night."""
    outcome = await act("start", new.starting(word="payments"))
    assert outcome.ending is Ending.FAILED
    assert "runs, but could not be stopped again" in outcome.because
    again = await act("start", new.starting(word="payments"))
    assert again.ending is Ending.FAILED
    new.wait_for(["sh", "sleep", "sleep"])
    assert new.starts() == 1


# --- restart -------------------------------------------------------------------------------------


async def test_a_restart_happens_once_for_each_order(plain: Service) -> None:
    """Given a restart that was carried out, the same order finds its deed; another one restarts again."""
    for _ in range(2):
        outcome = await act("restart", plain.starting(), id="first")
        assert outcome.ending is Ending.DONE, outcome.because
    assert plain.starts() == 2
    assert (await act("restart", plain.starting(), id="second")).ending is Ending.DONE
    assert plain.starts() == 3


async def test_who_does_not_end_is_not_started_a_second_time(deaf: Service) -> None:
    """Given a service deaf to TERM, its restart fails, and there is still one of it."""
    outcome = await act("restart", deaf.starting(grace=100))
    assert outcome.ending is Ending.FAILED
    assert outcome.facts["still"] is True
    assert deaf.starts() == 1


# --- orders --------------------------------------------------------------------------------------


async def test_a_late_start_does_not_undo_a_newer_stop(plain: Service) -> None:
    """Given a stop with a higher number, a delayed start of an older plan is refused."""
    assert (await act("stop", plain.starting(), epoch=7)).ending is Ending.DONE
    late = await act("start", plain.starting(), epoch=6)
    assert (late.ending, late.because) == (Ending.FAILED, "a newer order stands: 7, not 6")
    assert not plain.alive()


async def test_a_broken_order_file_keeps_nobody_from_stopping(plain: Service) -> None:
    """Given rubbish where the order's number is kept, a stop replaces it; a start wants a person first."""
    plain.order_file.write_text("rubbish")
    for verb in ("start", "restart", "thaw"):
        assert (await act(verb, plain.starting())).ending is Ending.FAILED
    assert plain.state() == "running"
    assert (await act("stop", plain.starting())).ending is Ending.DONE
    assert (await act("start", plain.starting(), epoch=4)).ending is Ending.FAILED
    assert (await act("start", plain.starting(), epoch=5)).ending is Ending.DONE


async def test_the_order_file_can_be_elsewhere(plain: Service, tmp_path: Path) -> None:
    """Given an order file of its own, nothing is written beside the pid file."""
    elsewhere = tmp_path / "orders"
    outcome = await act("freeze", plain.options(order_file=str(elsewhere)), epoch=9)
    assert outcome.ending is Ending.DONE
    assert json.loads(elsewhere.read_text())["epoch"] == 9
    assert not plain.order_file.exists()
    unwritable = plain.options(order_file=str(tmp_path / "none" / "orders"))
    assert (await act("thaw", unwritable)).ending is Ending.FAILED


async def test_orders_under_way_are_waited_for(plain: Service) -> None:
    """Given somebody else with the lock of the order file, it is tried again later: nothing happened."""
    command = ["flock", f"{plain.order_file}.lock", "sh", "-c", "echo held; sleep 600"]
    holding = spawned(command, stdout=subprocess.PIPE)
    try:
        assert holding.stdout is not None
        assert holding.stdout.readline() == b"held\n"
        for verb in ("stop", "start"):
            outcome = await act(verb, plain.starting(), timeout_ms=200)
            assert outcome.ending is Ending.RETRY, outcome.because
            assert "locked by somebody else" in outcome.because
        assert plain.state() == "running"
    finally:
        os.killpg(holding.pid, signal.SIGKILL)
        holding.communicate(timeout=10)
