"""The adapters of supervisord, against a real one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from allstop.adapters.supervisor.actuator import Supervisor
from allstop.adapters.supervisor.probe import SupervisorProbe
from allstop.domain.effects import Ending, Outcome
from allstop.testing.contracts.actuator import ActuatorCase, ActuatorContract, VerbCase
from allstop.testing.contracts.probe import ProbeCase, ProbeContract
from tests.adapters import loopback
from tests.adapters.process_worlds import until
from tests.adapters.supervisor_worlds import PASSWORD, USER, Server, supervisord
from tests.adapters.worlds import Blobs, effect


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with supervisord(tmp_path_factory.mktemp("supervisord")) as server:
        yield server


async def act(verb: str, options: dict[str, Any], **changes: Any) -> Outcome:
    return await Supervisor().act(effect(verb, options, **changes), Blobs())


def is_frozen(pid: int) -> bool:
    """Whether it is; a signal takes a moment to arrive."""
    for _ in range(40):
        if psutil.Process(pid).status() == psutil.STATUS_STOPPED:
            return True
        time.sleep(0.005)
    return False


class TestActuator(ActuatorContract):
    @pytest.fixture
    async def case(self, server: Server, tmp_path: Path) -> AsyncIterator[ActuatorCase]:
        def running() -> str:
            return server.take(running=True)

        stopped, killed, started, again, seen = (
            running(),
            running(),
            server.take(),
            running(),
            running(),
        )
        pid = server.info(again)["pid"]
        hung = running()
        async with loopback.serving(
            {"/RPC2": loopback.hangs, "/no/RPC2": loopback.no_http}
        ) as world:
            yield ActuatorCase(
                Supervisor(),
                (
                    VerbCase("stop", server.options(stopped), server.running(stopped), False, True),
                    VerbCase("kill", server.options(killed), server.running(killed), False, True),
                    VerbCase("start", server.options(started), server.running(started), True, True),
                    VerbCase(
                        "restart",
                        server.options(again, order_file=str(tmp_path / "order")),
                        lambda: psutil.pid_exists(pid),
                        False,
                        True,
                    ),
                    VerbCase(
                        "signal",
                        server.options(hung, signal="STOP"),
                        lambda: is_frozen(server.info(hung)["pid"]),
                        True,
                    ),
                    VerbCase("status", server.options(seen), lambda: server.state(seen), "RUNNING"),
                    VerbCase("tail", server.options(seen), lambda: server.state(seen), "RUNNING"),
                ),
                trouble=(
                    ("stop", {"url": world.url(""), "process": "a:b"}),
                    *(
                        (verb, options)
                        for verb in ("stop", "kill", "start", "restart", "status", "tail")
                        for options in (
                            {"url": world.url("/no/RPC2"), "process": "a:b"},
                            {"url": "unix:///no/such/socket", "process": "a:b"},
                            server.options("plain:no_such_program"),
                        )
                    ),
                ),
            )


class TestProbe(ProbeContract):
    @pytest.fixture
    async def case(self, server: Server) -> AsyncIterator[ProbeCase]:
        good, bad = server.take(running=True), server.take()
        routes = {
            "/RPC2": loopback.hangs,
            "/a/RPC2": loopback.no_http,
            "/b/RPC2": loopback.says(200, b"<html>Sorry!</html>"),
            "/c/RPC2": loopback.floods,
        }
        async with loopback.serving(routes) as world:
            yield ProbeCase(
                SupervisorProbe(),
                good=server.options(good),
                bad=server.options(bad),
                silent={"url": world.url(""), "process": "a:b"},
                impossible=server.options("plain:*"),
                absent={"url": "unix:///no/such/socket", "process": "a:b"},
                garbage=tuple(
                    {"url": world.url(f"/{path}/RPC2"), "process": "a:b"} for path in "abc"
                ),
                look=lambda: (server.state(good), server.state(bad)),
            )


# --- stopping -------------------------------------------------------------------------------------


async def test_many_are_stopped_at_once(server: Server) -> None:
    """Given 40 programs, all stops run together, and each is seen to have ended."""
    names = [server.take() for _ in range(40)]
    one = Supervisor()
    started = [one.act(effect("start", server.options(name)), Blobs()) for name in names]
    assert {each.ending for each in await asyncio.gather(*started)} == {Ending.DONE}
    pids = {server.info(names[number])["pid"] for number in (0, 19, 39)}
    stopped = [one.act(effect("stop", server.options(name)), Blobs()) for name in names]
    assert {each.ending for each in await asyncio.gather(*stopped)} == {Ending.DONE}
    assert {server.state(name) for name in names} == {"STOPPED"}
    assert not any(psutil.pid_exists(pid) for pid in pids)


async def test_who_outlives_the_grace_has_not_stopped(server: Server) -> None:
    """Given a program deaf to TERM, its stop fails, and it is not killed by us."""
    deaf = server.take("deaf", running=True)
    outcome = await act("stop", server.options(deaf, grace=100))
    assert outcome.ending is Ending.FAILED
    assert "still running after its grace of 0.1s: STOPPING" in outcome.because
    assert (outcome.facts["still"], outcome.facts["state"]) == (True, "STOPPING")
    assert server.running(deaf)()
    again = await act("stop", server.options(deaf, grace=100))
    assert again.ending is Ending.FAILED, "what is STOPPING has not stopped"
    assert (await act("stop", server.options(deaf), timeout_ms=300)).ending is Ending.UNKNOWN
    killed = await act("kill", server.options(deaf))
    assert (killed.ending, killed.facts["state"]) == (Ending.DONE, "STOPPED")
    assert not server.running(deaf)()


async def test_who_is_killed_is_not_started_again(server: Server) -> None:
    """Given a program that supervisord is to keep running, a kill ends it for good."""
    name = server.take(running=True)
    assert (await act("kill", server.options(name))).ending is Ending.DONE
    for _ in range(5):
        assert server.state(name) == "STOPPED"


async def test_who_is_about_to_be_started_again_is_not_stopped(server: Server) -> None:
    """Given a program that ends and is started again all the time, a stop ends that whenever it comes."""
    for _ in range(3):
        name = server.take("again")
        server.call("startProcess", name)
        await until(lambda: server.state(name) in ("EXITED", "RUNNING", "STARTING"))  # noqa: B023
        outcome = await act("stop", server.options(name))
        assert outcome.ending is Ending.DONE, outcome.because
        for _ in range(5):
            assert server.state(name) in ("STOPPED", "EXITED")
            assert server.info(name)["pid"] == 0


# --- who is meant ---------------------------------------------------------------------------------


async def test_only_exact_names_are_taken(server: Server) -> None:
    """Given a group, a wildcard or a bare name, it fails: supervisord would take some for a whole group."""
    inexact = (
        "plain",
        "plain:",
        "plain:*",
        "*:*",
        "*",
        "",
        ":",
        "plain:plain_0:x",
        "plain: plain_0",
    )
    before = [one["state"] for one in server.call("getAllProcessInfo")]
    for process in inexact:
        for verb in ("stop", "kill", "status"):
            outcome = await act(verb, server.options(process))
            assert outcome.ending is Ending.FAILED
            assert "bad options: process" in outcome.because
    assert [one["state"] for one in server.call("getAllProcessInfo")] == before


@pytest.mark.parametrize("verb", ["stop", "kill", "start", "restart", "status", "tail"])
async def test_a_typo_is_a_failure(server: Server, verb: str) -> None:
    """Given a name that supervisord does not know, it fails and says so."""
    outcome = await act(verb, server.options("plain:plan_0"))
    assert outcome.ending is Ending.FAILED
    assert "plain:plan_0" in outcome.because
    probed, facts = await SupervisorProbe().measure("p", server.options("plain:plan_0"), 2000)
    assert (probed.good, facts) == (None, {})


# --- starting -------------------------------------------------------------------------------------


async def test_starting_is_not_yet_running(server: Server) -> None:
    """Given a program that must live for a second to count, before that nobody calls it running."""
    slow = server.take("slow")
    early = await act("start", server.options(slow), timeout_ms=300)
    assert early.ending is Ending.UNKNOWN
    probed, _ = await SupervisorProbe().measure("p", server.options(slow), 2000)
    assert (probed.good, "is STARTING" in probed.text) == (False, True)
    late = await act("start", server.options(slow))
    assert (late.ending, late.facts["state"]) == (Ending.DONE, "RUNNING")
    assert server.state(slow) == "RUNNING"


@pytest.mark.parametrize(("kind", "why"), [("broken", "is FATAL"), ("missing", "NO_FILE")])
async def test_who_does_not_come_up_has_failed(server: Server, kind: str, why: str) -> None:
    """Given a program that dies at once or is not there, its start fails and says why."""
    outcome = await act("start", server.options(server.take(kind)))
    assert outcome.ending is Ending.FAILED
    assert why in outcome.because


async def test_a_start_of_what_is_stopping_is_not_believed(server: Server) -> None:
    """Given a program that is STOPPING, supervisord says yes to a start and does nothing: it is told again."""
    deaf = server.take("deaf", running=True)
    server.call("stopProcess", deaf, False)
    assert (await act("start", server.options(deaf), timeout_ms=300)).ending is Ending.UNKNOWN
    start = asyncio.create_task(act("start", server.options(deaf)))
    await asyncio.sleep(0.1)
    server.call("signalProcess", deaf, "KILL")
    assert (await start).ending is Ending.DONE
    assert server.state(deaf) == "RUNNING"


async def test_a_restart_happens_once_for_each_order(server: Server, tmp_path: Path) -> None:
    """Given an order file, the same order finds its deed, after a restart of the coordinator as well."""
    name = server.take(running=True)
    options = server.options(name, order_file=str(tmp_path / "order"))
    assert (await act("restart", options, id="first")).ending is Ending.DONE
    pid = server.info(name)["pid"]
    assert (await act("restart", options, id="first")).ending is Ending.DONE
    assert server.info(name)["pid"] == pid
    seen = await Supervisor().observe(effect("restart", options, id="first"))
    assert seen.ending is Ending.DONE
    nobody = await Supervisor().observe(effect("restart", server.options(name), id="first"))
    assert nobody.ending is Ending.UNKNOWN
    assert (await act("restart", options, id="second")).ending is Ending.DONE
    assert server.info(name)["pid"] != pid


# --- orders ---------------------------------------------------------------------------------------


async def test_orders_are_remembered_in_memory_or_in_a_file(server: Server, tmp_path: Path) -> None:
    """Given a newer stop, an older start is refused: by the same coordinator, with a file by the next one too."""
    name = server.take(running=True)
    one = Supervisor()
    assert (
        await one.act(effect("stop", server.options(name), epoch=7), Blobs())
    ).ending is Ending.DONE
    late = await one.act(effect("start", server.options(name), epoch=6), Blobs())
    assert (late.ending, late.because) == (Ending.FAILED, "a newer order stands: 7, not 6")
    kept = server.options(name, order_file=str(tmp_path / "order"))
    assert (await act("stop", kept, epoch=7)).ending is Ending.DONE
    assert (await act("start", kept, epoch=6)).ending is Ending.FAILED
    assert server.state(name) == "STOPPED"
    lost = server.options(name, order_file="/no/such/folder/order")
    assert (await act("start", lost, epoch=9)).ending is Ending.RETRY
    (tmp_path / "order").write_text("rubbish")
    assert (await act("start", kept, epoch=9)).ending is Ending.FAILED
    assert (await act("stop", kept, epoch=9)).ending is Ending.DONE


# --- reading --------------------------------------------------------------------------------------


async def test_signals_arrive_once(server: Server) -> None:
    """Given a signal, the program gets it, and nobody claims to know afterwards."""
    name = server.take("counting", running=True)
    outcome = await act("signal", server.options(name, signal="USR1"))
    assert outcome.ending is Ending.DONE
    got = server.folder / "signals"
    await until(lambda: got.exists() and bool(got.read_text()))
    assert got.read_text() == "got\n"
    options = server.options(name, signal="USR1")
    assert (await Supervisor().observe(effect("signal", options))).ending is Ending.UNKNOWN
    idle = server.options(server.take(), signal="HUP")
    assert "NOT_RUNNING" in (await act("signal", idle)).because
    assert (await act("signal", server.options(name, signal="SEGV"))).ending is Ending.FAILED


async def test_the_end_of_a_log_is_kept_whatever_it_holds(server: Server) -> None:
    """Given a log with control characters and letters of two bytes, any length of its end is evidence."""
    name = server.take("talking", running=True)
    log = Path(server.info(name)["stdout_logfile"])
    await until(lambda: "end" in log.read_text())
    for length in range(4, 16):
        blobs = Blobs()
        wanted = effect("tail", server.options(name, max_bytes=length))
        outcome = await Supervisor().act(wanted, blobs)
        assert outcome.ending is Ending.DONE, outcome.because
        kept = blobs.held[outcome.evidence].decode()
        assert "first\nlast: é ü?[0m ? end\n".endswith(kept)
        assert length - 4 < len(kept.encode()) <= length
    assert "empty" in (await act("tail", server.options(server.take(), stream="stderr"))).because


async def test_a_status_is_read(server: Server) -> None:
    """Given a running and a stopped program, each is told as it is."""
    name = server.take(running=True)
    outcome = await act("status", server.options(name))
    assert (
        outcome.facts == {"state": "RUNNING", "pid": server.info(name)["pid"], "uptime_s": 0}
        or (outcome.facts["uptime_s"])
    )
    idle = server.take()
    assert (await act("status", server.options(idle))).because == f"{idle} is STOPPED"


async def test_the_probe_tells_both_ends(server: Server) -> None:
    """Given programs that run, stand still and have ended, each is good for what is expected."""

    async def good(name: str, expect: str) -> bool | None:
        options = server.options(name, expect=expect)
        sample, _ = await SupervisorProbe().measure("p", options, 2000)
        return sample.good

    running, idle, ended = server.take(running=True), server.take(), server.take("short")
    server.call("startProcess", ended)
    await until(lambda: server.state(ended) == "EXITED")
    assert [await good(name, "running") for name in (running, idle, ended)] == [True, False, False]
    assert [await good(name, "stopped") for name in (running, idle, ended)] == [False, True, True]


# --- being let in ---------------------------------------------------------------------------------


async def test_the_password_comes_from_a_file_and_goes_nowhere_else(
    server: Server, tmp_path: Path
) -> None:
    """Given the right password in a file, it is let in; otherwise nothing happens, and it is never told."""
    name = server.take(running=True)
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD + "\n")
    url = f"http://127.0.0.1:{server.port}"
    options = {"url": url, "process": name, "user": USER, "password_file": str(secret)}
    assert (await act("status", options)).ending is Ending.DONE
    secret.write_text("wrong-word")
    for bad in (options, {"url": url, "process": name}):
        outcome = await act("stop", bad)
        assert (outcome.ending, "refuses user and password" in outcome.because) == (
            Ending.RETRY,
            True,
        )
        assert "wrong-word" not in outcome.because
    secret.unlink()
    assert "the password cannot be read" in (await act("stop", options)).because
    for wrong in (
        {"user": USER},
        {"password_file": "x"},
        {"url": f"http://{USER}:{PASSWORD}@127.0.0.1:{server.port}", "process": name},
        {"url": "ftp://127.0.0.1"},
        {"url": "unix://relative/path"},
        {"url": "http://127.0.0.1:99999"},
    ):
        outcome = await act("stop", server.options(name) | wrong)
        assert outcome.ending is Ending.FAILED
        assert PASSWORD not in outcome.because
    assert server.state(name) == "RUNNING"


async def test_it_can_be_seen_beforehand_whether_it_would_work(server: Server) -> None:
    """Given a grace that supervisord would not leave it, a wrong name or address, that is seen in time."""
    name = server.take()
    assert (await Supervisor().verify(server.options(name), 2000)).ending is Ending.DONE
    short = await Supervisor().verify(server.options(name, grace=30_000), 2000)
    assert (short.ending, short.because) == (
        Ending.FAILED,
        "its stopwaitsecs of 30s end before its grace of 30s",
    )
    for bad in (
        server.options("plain:none"),
        {"url": "unix:///no/such/socket", "process": name},
        {"url": server.url},
    ):
        assert (await Supervisor().verify(bad, 2000)).ending is Ending.FAILED
