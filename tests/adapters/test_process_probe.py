"""The probe `process`: running, gone, and what proves neither."""

from __future__ import annotations

import os
import signal
import socket
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from allstop.adapters.process.probe import ProcessProbe
from allstop.testing.contracts.probe import ProbeCase, ProbeContract
from tests.adapters import loopback
from tests.adapters.process_worlds import (
    GROUNDS,
    STUBBORN,
    Service,
    freeze,
    on_ground,
    service,
    until,
)


@pytest.fixture(params=GROUNDS)
def tmp_path(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """Every story is told on both grounds."""
    with on_ground(request.param, tmp_path) as folder:
        yield folder


@pytest.fixture
def full_port() -> Iterator[int]:
    """A port whose queue is full: a connection to it is never answered."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        port: int = server.getsockname()[1]
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
        yield port


class TestContract(ProbeContract):
    @pytest.fixture
    def case(self, tmp_path: Path, full_port: int) -> Iterator[ProbeCase]:
        garbage = tmp_path / "garbage"
        garbage.write_bytes(b"\xff" * 5000)
        with service(tmp_path / "plain") as plain, service(tmp_path / "dead") as dead:
            dead.end()
            yield ProbeCase(
                ProcessProbe(),
                good=plain.options(word=str(plain.program)),
                bad=dead.options(),
                silent=plain.options(port=full_port),
                impossible={"pid_file": str(garbage)},
                absent={"pid_file": str(tmp_path / "none")},
                garbage=({"pid_file": str(garbage), "expect": "gone"},),
                look=plain.state,
            )


async def measure(**options: Any) -> tuple[bool | None, str, dict[str, Any]]:
    sample, facts = await ProcessProbe().measure("p", options, 2000)
    return sample.good, sample.text, facts


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path / "plain") as one:
        yield one


async def test_facts_say_what_it_uses(plain: Service) -> None:
    """Given a running process, its number, memory, threads and age are facts, as whole numbers."""
    good, text, facts = await measure(**plain.options())
    assert (good, text) == (True, f"process {plain.pid} runs")
    assert (facts["pid"], facts["threads"]) == (plain.pid, 1)
    assert facts["rss_bytes"] > 100_000
    assert 0 <= facts["uptime_s"] < 3600
    for expect in ("gone", "frozen"):
        assert (await measure(**plain.options(expect=expect)))[0] is False


async def test_frozen_is_neither_running_nor_gone(plain: Service) -> None:
    """Given a frozen process, it is neither of them; frozen it is only with its whole group."""
    freeze(plain)
    for expect in ("running", "gone"):
        assert (await measure(**plain.options(expect=expect)))[0] is False
    assert (await measure(**plain.options(expect="frozen")))[0] is True
    assert (await measure(**plain.options(expect="frozen", port=80)))[0] is None
    member = next(pid for pid in plain.pids() - {plain.pid} if os.getpgid(pid) == plain.pid)
    os.kill(member, signal.SIGCONT)
    await until(lambda: plain.state() == "mixed")
    good, text, _ = await measure(**plain.options(expect="frozen"))
    assert (good, "1 process of its group can run" in text) == (False, True)


async def test_a_zombie_is_gone(plain: Service) -> None:
    """Given a dead process that nobody has reaped, it is gone and not running."""
    for pid in plain.pids():
        os.kill(pid, signal.SIGKILL)
    await until(lambda: not plain.any_alive())
    assert psutil.pid_exists(plain.pid)
    assert (await measure(**plain.options(expect="gone")))[0] is True
    assert (await measure(**plain.options()))[0] is False


async def test_a_dead_leader_with_a_living_group_is_not_gone(tmp_path: Path) -> None:
    """Given a leader that was killed and a child that lives on, it neither runs nor is gone."""
    with service(tmp_path / "deaf", STUBBORN) as deaf:
        os.kill(deaf.pid, signal.SIGKILL)
        deaf.reap()
        for expect in ("running", "gone"):
            good, text, _ = await measure(**deaf.options(expect=expect))
            assert (good, "1 process of its group live" in text) == (False, True)


async def test_the_port_has_a_say(plain: Service) -> None:
    """Given a port, a running process must hold it open, and a gone one must have left it closed."""
    closed = loopback.closed_port()
    async with loopback.serving({}) as world:
        good, text, _ = await measure(**plain.options(port=world.port))
        assert (good, text) == (True, f"process {plain.pid} runs; port {world.port}: open")
        assert (await measure(**plain.options(port=closed)))[0] is False
        plain.end()
        gone = plain.options(expect="gone")
        good, text, _ = await measure(**gone, port=world.port)
        assert (good, f"port {world.port}: open" in text) == (False, True)
        assert (await measure(**gone, port=closed))[0] is True


async def test_silence_of_a_port_proves_nothing(plain: Service, full_port: int) -> None:
    """Given a port that does not answer, a gone process is not proven gone."""
    plain.end()
    good, text, _ = await measure(**plain.options(expect="gone", port=full_port))
    assert (good, "no answer in time" in text) == (None, True)


async def test_a_missing_pid_file_alone_proves_nothing(plain: Service) -> None:
    """Given no pid file, it does not run; that it is gone needs a word that nobody has."""
    missing = {"pid_file": str(plain.folder / "other")}
    assert (await measure(**missing))[0] is False
    assert (await measure(**missing, expect="gone"))[0] is None
    looks_like_it = {**missing, "word": str(plain.program), "expect": "gone"}
    assert (await measure(**looks_like_it))[0] is not True
    assert (await measure(**missing, word=uuid.uuid4().hex, expect="gone"))[0] is True
    nowhere = {"pid_file": str(plain.folder / "no" / "pid"), "expect": "gone"}
    assert (await measure(**nowhere, word=uuid.uuid4().hex))[0] is None


async def test_strangers_prove_nothing(plain: Service) -> None:
    """Given a number that was used again, or a word it lacks, it is neither running nor gone."""
    assert (await measure(**plain.options(word="other")))[0] is None
    started = psutil.Process(plain.pid).create_time()
    os.utime(plain.pid_file, (started - 60, started - 60))
    for expect in ("running", "gone"):
        assert (await measure(**plain.options(expect=expect)))[0] is None
    assert (await measure(**plain.options(expect="gone", word="other")))[0] is True
