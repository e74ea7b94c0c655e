"""The actuator `process`: its contract, groups, grace, and what is seen."""

from __future__ import annotations

import asyncio
import os
import signal
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from allstop.adapters.mechanisms.process_tree import states
from allstop.adapters.process.actuator import Process
from allstop.domain.effects import Ending, Outcome
from allstop.testing.contracts.actuator import ActuatorCase, ActuatorContract, VerbCase
from tests.adapters.process_worlds import (
    GROUNDS,
    MARK,
    STUBBORN,
    Service,
    freeze,
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


class TestContract(ActuatorContract):
    @pytest.fixture
    def case(self, tmp_path: Path) -> Iterator[ActuatorCase]:
        with ExitStack() as stack:

            def world(name: str, *, running: bool = True, script: str = "") -> Service:
                extra = (script,) if script else ()
                return stack.enter_context(service(tmp_path / name, *extra, running=running))

            frozen = world("thawed")
            freeze(frozen)
            stopped, killed, started = (
                world("stopped"),
                world("killed"),
                world("start", running=False),
            )
            again, cold = world("again"), world("frozen")
            deaf, lost = world("deaf", script=STUBBORN), tmp_path / "none" / "pid"
            garbage = tmp_path / "garbage"
            garbage.write_text("not a number")
            yield ActuatorCase(
                Process(),
                (
                    VerbCase("stop", stopped.starting(), stopped.alive, False, fenced=True),
                    VerbCase("kill", killed.starting(), killed.any_alive, False, fenced=True),
                    VerbCase("start", started.starting(), started.alive, True, fenced=True),
                    VerbCase("restart", again.starting(), again.starts, 2, fenced=True),
                    VerbCase("freeze", cold.options(), cold.state, "frozen", fenced=True),
                    VerbCase("thaw", frozen.options(), frozen.state, "running", fenced=True),
                ),
                trouble=(
                    ("stop", deaf.options(grace=50)),
                    ("stop", deaf.options(grace=60_000)),
                    *(
                        (verb, {"pid_file": str(lost)})
                        for verb in ("stop", "kill", "freeze", "thaw")
                    ),
                    ("start", {"pid_file": str(lost), "argv": ["true"]}),
                    ("stop", {"pid_file": str(garbage)}),
                    ("start", {"pid_file": str(tmp_path / "new"), "argv": ["no-such-program"]}),
                    ("restart", {**deaf.starting(), "grace": 50}),
                ),
            )


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


# --- stop ----------------------------------------------------------------------------------------


async def test_a_stop_is_a_request_and_kills_nobody(deaf: Service) -> None:
    """Given a service deaf to TERM, when its grace is over, it runs on and that is said."""
    before = deaf.pids()
    outcome = await act("stop", deaf.options(grace=100))
    assert (outcome.ending, outcome.because) == (
        Ending.FAILED,
        "2 processes still running after its grace of 0.1s",
    )
    assert outcome.facts == {"still": True, "processes": 2}
    assert deaf.pids() == before


async def test_the_group_is_stopped_and_what_left_it_is_not(plain: Service) -> None:
    """Given a child in a session of its own, a stop ends the group, and the child lives on."""
    outcome = await act("stop", plain.options())
    assert (outcome.ending, outcome.facts) == (Ending.DONE, {"still": False})
    assert [psutil.Process(pid).name() for pid in plain.pids()] == ["sleep"]


async def test_a_group_is_not_gone_before_its_last_member(tmp_path: Path) -> None:
    """Given a leader that ends at once and a child that needs a while, the child is waited for."""
    script = """
    sh -c 'trap "sleep 0.3; echo child ended >> ended; exit 0" TERM; echo up > up; while :; do sleep 0.05; done' &
    echo started >> starts; wait
    """
    with service(tmp_path / "slow", script, running=False) as slow:
        slow.run(complete=False)
        await until((slow.folder / "up").exists)
        outcome = await act("stop", slow.options())
        assert outcome.ending is Ending.DONE, outcome.because
        assert (slow.folder / "ended").read_text() == "child ended\n"


async def test_a_zombie_is_gone(plain: Service) -> None:
    """Given a dead process that nobody has reaped, it is gone: a kill of number 0 would say it lives."""
    assert plain.child is not None
    os.killpg(plain.pid, signal.SIGKILL)
    await until(lambda: len(plain.pids()) == 1)  # the one in a session of its own
    assert states(plain.pid) == {"Z"}
    assert (await act("stop", plain.options())).because == f"process {plain.pid} is gone"
    os.kill(plain.pid, 0)


async def test_a_frozen_service_hears_the_stop(plain: Service) -> None:
    """Given a frozen service, which would never see TERM, it is thawed with it and ends."""
    freeze(plain)
    outcome = await act("stop", plain.options())
    assert outcome.ending is Ending.DONE, outcome.because
    assert "woken from its freeze" in outcome.because
    assert plain.state() == "running"  # what is in a session of its own is no longer frozen either


async def test_a_group_of_somebody_else_is_spared(tmp_path: Path) -> None:
    """Given a service in the group of the script that started it, only the service is asked to end."""
    mark = uuid.uuid4().hex
    script = f"sleep 600 & echo $! > {tmp_path}/pid; sleep 599; true"
    pid_file = tmp_path / "pid"
    shell = spawned(["sh", "-c", script], env={MARK: mark})
    try:
        await until(lambda: len(marked(MARK, mark)) == 3 and bool(pid_file.read_text().strip()))
        outcome = await act("stop", {"pid_file": str(pid_file)})
        assert outcome.ending is Ending.DONE, outcome.because
        assert len(marked(MARK, mark)) == 2
    finally:
        end_marked(MARK, mark)
        shell.wait(10)


async def test_an_attempt_shorter_than_the_grace_knows_nothing(deaf: Service) -> None:
    """Given a time-out before the end of the grace, TERM may still work: nobody can say."""
    outcome = await act("stop", deaf.options(grace=60_000), timeout_ms=300)
    assert outcome.ending is Ending.UNKNOWN
    assert "TERM was sent and may still work" in outcome.because


async def test_two_hundred_are_stopped_at_once(tmp_path: Path) -> None:
    """Given 200 services, all stops run together, and every one is seen to have ended."""
    children = [spawned(["sleep", "600"]) for _ in range(200)]
    try:
        files = []
        for number, child in enumerate(children):
            files.append(tmp_path / f"{number}.pid")
            files[-1].write_text(str(child.pid))
        outcomes = await asyncio.gather(*(act("stop", {"pid_file": str(one)}) for one in files))
        assert {one.ending for one in outcomes} == {Ending.DONE}
        assert {child.wait(10) for child in children} == {-signal.SIGTERM}
    finally:
        for child in children:
            child.kill()
            child.wait(10)


# --- looking -------------------------------------------------------------------------------------


async def test_observing_tells_each_state(plain: Service) -> None:
    """Given a service that runs, is frozen, and is gone, each order is observed for what it asks."""

    async def endings() -> dict[str, Ending]:
        verbs = ("stop", "kill", "start", "freeze", "thaw")
        return {
            verb: (await Process().observe(effect(verb, plain.starting()))).ending for verb in verbs
        }

    no, yes = Ending.FAILED, Ending.DONE
    assert await endings() == {"stop": no, "kill": no, "start": yes, "freeze": no, "thaw": yes}
    freeze(plain)
    assert await endings() == {"stop": no, "kill": no, "start": no, "freeze": yes, "thaw": no}
    plain.end()
    assert await endings() == {"stop": yes, "kill": yes, "start": no, "freeze": no, "thaw": no}


async def test_it_can_be_seen_beforehand_whether_it_would_work(plain: Service) -> None:
    """Given good and bad options, verifying tells them apart and touches nothing."""
    good = plain.starting(word=str(plain.program))
    outcome = await Process().verify(good, 2000)
    assert (outcome.ending, outcome.because) == (Ending.DONE, f"process {plain.pid} is alive")
    for bad in (
        {"pid_file": str(plain.folder / "none")},
        {"argv": ["no-such-program"]},
        {"cwd": "/no/such/folder"},
        {"log": "/no/such/folder/log"},
        {"order_file": "/no/such/folder/order"},
        {"word": "other"},
        {"grace": "10s"},
    ):
        assert (await Process().verify({**good, **bad}, 2000)).ending is Ending.FAILED, bad
    assert plain.state() == "running"
    assert not plain.order_file.exists()


async def test_the_end_is_noticed_when_it_happens(plain: Service) -> None:
    """Given a service that ends long before its grace is over, the stop does not wait for the grace."""
    began = time.monotonic()
    assert (await act("stop", plain.options(grace=50_000), timeout_ms=60_000)).ending is Ending.DONE
    assert time.monotonic() - began < 40  # a net against waiting it out, not a measurement
