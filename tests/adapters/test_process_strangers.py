"""The actuator `process`: strangers with the same number, and what is left behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from allstop.adapters.process.actuator import Process
from allstop.domain.effects import Ending, Outcome
from tests.adapters.process_worlds import (
    GROUNDS,
    MARK,
    STUBBORN,
    Service,
    on_ground,
    service,
    spawned,
    until,
)
from tests.adapters.worlds import Blobs, effect, end_marked, marked


@pytest.fixture(params=GROUNDS)
def tmp_path(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """Every story is told on both grounds."""
    with on_ground(request.param, tmp_path) as folder:
        yield folder


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


# --- who is meant --------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["stop", "kill", "freeze", "thaw"])
@pytest.mark.parametrize("how", ["json", "bare"])
async def test_a_number_used_again_is_a_stranger(plain: Service, verb: str, how: str) -> None:
    """Given a pid file older than the process of that number, it is not touched, nor called gone: start
    times move with the clock."""
    started = psutil.Process(plain.pid).create_time()
    pid = plain.pid
    if how == "json":
        plain.pid_file.write_text(json.dumps({"pid": pid, "create_time": started - 60}))
    else:
        os.utime(plain.pid_file, (started - 60, started - 60))
    outcome = await act(verb, plain.options())
    assert outcome.ending is Ending.FAILED
    assert f"process {pid} started at another time" in outcome.because
    assert "not touched" in outcome.because
    assert plain.state() == "running"


async def test_a_word_settles_whether_it_is_gone(plain: Service) -> None:
    """Given a number used again by a process without the word, the one that is meant is gone."""
    started = psutil.Process(plain.pid).create_time()
    os.utime(plain.pid_file, (started - 60, started - 60))
    outcome = await act("stop", plain.options(word="/srv/payments"))
    assert outcome.ending is Ending.DONE
    assert "belongs to another process by now" in outcome.because
    outcome = await act("stop", plain.options(word=str(plain.program)))
    assert outcome.ending is Ending.FAILED
    assert plain.state() == "running"


async def test_a_mistyped_word_selects_nobody(plain: Service) -> None:
    """Given a word that the process does not have, it fails before anything has happened."""
    outcome = await act("kill", plain.options(word="servise.sh"))
    assert outcome.ending is Ending.FAILED
    assert "has no word 'servise.sh'" in outcome.because
    assert plain.state() == "running"
    for word in ("sh", str(plain.program)):
        assert (await act("freeze", plain.options(word=word))).ending is Ending.DONE


async def test_without_a_pid_file_only_its_absence_can_be_proven(plain: Service) -> None:
    """Given a missing pid file, it is gone when nobody has the word; whoever has it is not selected."""
    missing = {"pid_file": str(plain.folder / "other.pid")}
    assert (await act("stop", missing)).ending is Ending.FAILED
    outcome = await act("stop", {**missing, "word": str(plain.program)})
    assert outcome.ending is Ending.FAILED
    assert f"no pid file, but process {plain.pid} looks like it" in outcome.because
    outcome = await act("stop", {**missing, "env_mark": f"{MARK}={plain.mark}"})
    assert outcome.ending is Ending.FAILED
    assert plain.state() == "running"
    outcome = await act("stop", {**missing, "word": uuid.uuid4().hex})
    assert outcome.ending is Ending.DONE, outcome.because
    nowhere = {"pid_file": str(plain.folder / "no" / "pid"), "word": uuid.uuid4().hex}
    assert (await act("stop", nowhere)).ending is Ending.FAILED


INSIDE = """
import asyncio, os, sys
from pathlib import Path
from allstop.adapters.process.actuator import Process
from tests.adapters.worlds import Blobs, effect
pid_file = Path(sys.argv[1])
for pid in (os.getpid(), os.getppid()):
    for verb in ("stop", "kill", "freeze"):
        pid_file.write_text(str(pid))
        outcome = asyncio.run(Process().act(effect(verb, {"pid_file": str(pid_file)}), Blobs()))
        print(outcome.ending, "this coordinator runs inside; nothing was touched" in outcome.because)
"""


async def test_a_pid_file_that_means_ourselves_is_refused(tmp_path: Path) -> None:
    """Given the number of the coordinator, or of what started it, nothing is signalled."""
    shell = 'echo up; "$@"; echo still here'
    ended = await asyncio.to_thread(
        subprocess.run,
        ["sh", "-c", shell, "sh", sys.executable, "-c", INSIDE, str(tmp_path / "pid")],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert ended.stdout.splitlines() == ["up", *["failed True"] * 6, "still here"], ended.stderr


# --- what is left behind -------------------------------------------------------------------------


async def test_leftovers_of_a_dead_leader_are_not_taken_on_trust(deaf: Service) -> None:
    """Given a leader dead before anybody looked, its group may be a stranger's: it is left alone."""
    os.kill(deaf.pid, signal.SIGKILL)
    deaf.reap()
    before = deaf.pids()
    for verb in ("stop", "kill", "freeze", "start"):
        outcome = await act(verb, deaf.starting())
        assert outcome.ending is Ending.FAILED, verb
        assert "may be its own or strangers" in outcome.because
    assert deaf.pids() == before
    assert (await act("kill", deaf.options(env_mark=f"{MARK}={deaf.mark}"))).ending is Ending.DONE
    assert not deaf.any_alive()


async def test_a_kill_finds_who_outlived_the_stop(tmp_path: Path) -> None:
    """Given a leader that ended in time and a child that did not, the kill knows the child."""
    script = "sh -c \"trap '' TERM; echo up > up; while :; do sleep 0.05; done\" & wait"
    with service(tmp_path / "half", script, running=False) as half:
        half.run(complete=False)
        await until((half.folder / "up").exists)
        outcome = await act("stop", half.options(grace=200))
        assert outcome.ending is Ending.FAILED
        assert outcome.facts["still"] is True
        half.reap()
        assert half.any_alive()
        outcome = await act("kill", half.options())
        assert outcome.ending is Ending.DONE, outcome.because
        assert not half.any_alive()


async def test_a_kill_reaches_sessions_of_their_own(deaf: Service) -> None:
    """Given a tree over two sessions, deaf to TERM, everything of it is killed and gone."""
    outcome = await act("kill", deaf.options())
    assert outcome.because == "3 processes killed, and gone"
    assert outcome.facts == {"processes": 3, "sessions": 2}
    assert not deaf.any_alive()


FORKING = """
import os, time
while True:
    if os.fork() == 0:
        os.setsid()
        time.sleep(0.05)
        if os.fork():
            os._exit(0)
        time.sleep(600)
    time.sleep(0.003)
"""


async def test_a_tree_that_keeps_forking_is_killed(tmp_path: Path) -> None:
    """Given a service that forks orphans into new sessions all the time, in the end nobody is left."""
    mark = uuid.uuid4().hex
    root = spawned([sys.executable, "-c", FORKING], env={MARK: mark})
    try:
        (tmp_path / "pid").write_text(str(root.pid))
        await until(lambda: len(marked(MARK, mark)) > 10)
        options = {"pid_file": str(tmp_path / "pid"), "env_mark": f"{MARK}={mark}"}
        outcome = await act("kill", options)
        assert outcome.ending is Ending.DONE, outcome.because
        assert not marked(MARK, mark)
        await asyncio.sleep(0.1)
        assert not marked(MARK, mark)
    finally:
        end_marked(MARK, mark)
        root.wait(10)


async def test_who_has_a_successor_is_not_gone(tmp_path: Path) -> None:
    """Given a service that leaves a new one in its place when it ends, it is not called gone."""
    script = "trap 'setsid sleep 600 & echo $! > pid; exit 0' TERM; echo up > up; while :; do sleep 0.05; done"
    with service(tmp_path / "phoenix", script, running=False) as phoenix:
        phoenix.run(complete=False)
        await until((phoenix.folder / "up").exists)
        outcome = await act("stop", phoenix.options())
        assert outcome.ending is Ending.FAILED
        assert outcome.because == f"it has ended, and process {phoenix.pid} runs in its place"
        assert outcome.facts == {"still": True}
