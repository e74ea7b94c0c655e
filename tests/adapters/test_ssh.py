"""The actuator `ssh` on a real sshd: exit codes, quoting, shared connections, lost ones, pinned keys."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from allstop.adapters.ssh import hosts
from allstop.adapters.ssh.actuator import Ssh
from allstop.adapters.ssh.options import LoginOptions
from allstop.adapters.ssh.probe import SshProbe
from allstop.domain.effects import Ending, Outcome
from allstop.plugins import InstalledAdapters
from tests.adapters import loopback, sshds
from tests.adapters.sshds import Sshd
from tests.adapters.worlds import Blobs, effect


@pytest.fixture
async def sshd() -> AsyncIterator[Sshd]:
    with sshds.running() as server:
        async with sshds.connections():
            yield server


# Says in which thread the library was loaded, by a finder that is asked first.
WHO_LOADS = """
import asyncio, sys, threading
from allstop.adapters.ssh.login import NotSent, log_in
from allstop.adapters.ssh.options import Place

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "asyncssh":
            print(threading.current_thread().name)

sys.meta_path.insert(0, Finder())
try:
    asyncio.run(log_in(Place("127.0.0.1", 1, "nobody", "/nowhere/key", "ssh-ed25519 AAAA", "")))
except NotSent as error:
    print(error)
"""


async def acted(options: dict[str, Any], verb: str = "ensure", **changes: Any) -> Outcome:
    return await Ssh().act(effect(verb, options, **changes), Blobs())


def shared(server: Sshd) -> hosts.Host:
    """The host of the key that may do all."""
    return hosts.host(LoginOptions.model_validate(server.options()).place())


def test_loading_the_library_holds_nobody_up() -> None:
    """Given that nothing has gone over SSH yet, the event loop goes on while the library is loaded."""
    found = subprocess.run(
        [sys.executable, "-c", WHO_LOADS], capture_output=True, text=True, check=True, timeout=30
    )
    thread, _, said = found.stdout.partition("\n")
    assert thread.startswith("allstop-ssh")
    assert "the pinned host key is no public key" in said or "/nowhere/key" in said


@pytest.mark.parametrize(
    ("script", "ending", "because"),
    [
        ("exit 0", Ending.DONE, "exit code 0"),
        ("echo stopped", Ending.DONE, "stopped"),
        ("echo busy >&2; exit 75", Ending.RETRY, "busy"),
        ("echo older >&2; exit 77", Ending.FAILED, "refused: older"),
        ("echo a >&2; echo no such unit >&2; exit 1", Ending.FAILED, "no such unit"),
        ("exec >&- 2>&-; sleep 0.4; exit 9", Ending.FAILED, "exit code 9"),
        ("kill -9 $$", Ending.UNKNOWN, "it was ended by signal KILL"),
        ("exit 137", Ending.UNKNOWN, "it was ended by signal 9"),
    ],
)
async def test_exit_codes(sshd: Sshd, script: str, ending: Ending, because: str) -> None:
    """Given an exit code, 0 is done, 75 later, 77 refused, the rest failed; of what was killed nobody knows."""
    outcome = await acted(sshd.options("sh", "-c", script))
    assert outcome.ending is ending, outcome.because
    assert because in outcome.because


async def test_what_is_written_is_what_the_program_gets(sshd: Sshd, tmp_path: Path) -> None:
    """Given words that a shell would read something into, they arrive as they are, and nothing else is run."""
    words = ["a b", "$(touch evil)", "`x`", "'", '"', "*", "~", "; exit 3", "two\nlines", "", "é"]
    code = "import json,os,sys;print(json.dumps([sys.argv[1:],os.environ['NOTE']]))"
    blobs = Blobs()
    options = sshd.options(sys.executable, "-c", code, *words, env={"NOTE": "it's $HOME"})
    outcome = await Ssh().act(effect("read", options), blobs)
    assert json.loads(blobs.held[outcome.evidence]) == [words, "it's $HOME"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"argv": ["A=b", "x"]},
        {"argv": [""]},
        {"argv": ["x", "a\0b"]},
        {"env": {"ALLSTOP_EPOCH": "99"}},
        {"env": {"A;B": "1"}},
        {"host": "-oProxyCommand=x"},
        {"host": "a b"},
        {"host_key": ""},
        {"known_hosts_file": "both"},
        {"port": 0},
    ],
)
async def test_options_that_cannot_be_meant(sshd: Sshd, wrong: dict[str, Any]) -> None:
    """Given options that would run something else, they are refused before a connection is made."""
    outcome = await acted({**sshd.options("true"), **wrong})
    assert (outcome.ending, outcome.because[:11]) == (Ending.FAILED, "bad options")
    assert shared(sshd).opened == 0


async def test_the_other_side_learns_key_epoch_and_target(sshd: Sshd, tmp_path: Path) -> None:
    """Given an order, the command is told its key, number, target and how long anybody waits."""
    script = f'echo "$ALLSTOP_KEY $ALLSTOP_EPOCH $ALLSTOP_TARGET $ALLSTOP_TIMEOUT" > {tmp_path}/out'
    await acted(sshd.options("sh", "-c", script), target="it's the $TARGET")
    assert (tmp_path / "out").read_text() == "incident/INC-1:7:0 5 it's the $TARGET 10\n"


async def test_a_reading_keeps_both_streams_and_the_exit_code(sshd: Sshd) -> None:
    """Given a reading that exits badly, it is still evidence: output, errors, code, facts."""
    blobs = Blobs()
    script = "echo '{\"lag\": 7}'; echo noise >&2; exit 4"
    outcome = await Ssh().act(effect("read", sshd.options("sh", "-c", script)), blobs)
    assert outcome.ending is Ending.DONE
    assert outcome.facts == {"lag": 7, "exit_code": 4}
    assert blobs.held[outcome.evidence] == b'{"lag": 7}\n\n--- stderr ---\nnoise\n'


async def test_a_long_output_is_kept_at_both_ends(sshd: Sshd) -> None:
    """Given megabytes of output, the beginning and the end are kept, and the command is not held up."""
    blobs = Blobs()
    script = "echo first; head -c 5000000 /dev/zero | tr '\\0' x; echo; echo last"
    outcome = await Ssh().act(effect("read", sshd.options("sh", "-c", script)), blobs)
    body = blobs.held[outcome.evidence]
    assert outcome.ending is Ending.DONE
    assert (body[:6], body[-6:], len(body) < 70_000) == (b"first\n", b"\nlast\n", True)


# --- one connection for all ------------------------------------------------------------------


async def test_thirty_commands_at_once_all_succeed(sshd: Sshd, tmp_path: Path) -> None:
    """Given thirty commands at once, where sshd takes ten sessions, all are done, over one connection."""
    commands = (sshd.options("touch", str(tmp_path / str(number))) for number in range(30))
    outcomes = await asyncio.gather(*(acted(one, timeout_ms=30_000) for one in commands))
    assert {one.ending for one in outcomes} == {Ending.DONE}
    assert len(list(tmp_path.iterdir())) == 30
    assert shared(sshd).opened == 1


async def test_a_server_with_fewer_sessions_is_asked_again() -> None:
    """Given a server that takes two sessions, what finds no place waits a little; if there is none then
    either, it was not run, and is for later."""
    with sshds.running(sessions=2) as server:
        async with sshds.connections():
            brief = await asyncio.gather(*(acted(server.options("true")) for _ in range(5)))
            assert {one.ending for one in brief} == {Ending.DONE}
            long = [asyncio.create_task(acted(server.options("sleep", "20"))) for _ in range(2)]
            await asyncio.to_thread(sshds.until, lambda: server.runs("20") == 2)
            outcome = await acted(server.options("true"))
            for one in long:
                one.cancel()
            await asyncio.gather(*long, return_exceptions=True)
    assert (outcome.ending, "opens no session" in outcome.because) == (Ending.RETRY, True)


async def test_who_finds_no_place_in_time_was_not_run(sshd: Sshd, tmp_path: Path) -> None:
    """Given eight commands that take long, the ninth waits until its time is up, and is for later."""
    long = [asyncio.create_task(acted(sshd.options("sleep", "20"))) for _ in range(8)]
    mine = shared(sshd)
    await asyncio.to_thread(sshds.until, mine.slots.locked)
    late = await acted(sshd.options("touch", str(tmp_path / "late")), timeout_ms=500)
    assert (late.ending, late.because) == (Ending.RETRY, "all 8 sessions are busy")
    for one in long:
        one.cancel()
    await asyncio.gather(*long, return_exceptions=True)
    assert not list(tmp_path.iterdir())


async def test_an_idle_connection_is_closed(sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given nothing to do, the connection closes; the next command opens another one."""
    monkeypatch.setattr(hosts, "IDLE_SECONDS", 0.05)
    await acted(sshd.options("true"))
    mine = shared(sshd)
    assert mine.line is not None
    await mine.line.connection.wait_closed()
    assert (await acted(sshd.options("true"))).ending is Ending.DONE
    assert mine.opened == 2


async def test_what_is_left_running_does_not_hold_the_order_up(sshd: Sshd) -> None:
    """Given a command that leaves a daemon with its output open, it is done when it ended itself."""
    outcome = await acted(sshd.options("sh", "-c", "sleep 30 & echo started"))
    assert (outcome.ending, outcome.because) == (Ending.DONE, "started")
    assert (await acted(sshd.options("true"))).ending is Ending.DONE


# --- what nobody knows -----------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["ensure", "once"])
async def test_a_timeout_is_unknown(sshd: Sshd, verb: str) -> None:
    """Given no end in time, nobody knows what happened. It is ended where sshd lets us: not in a
    login as root, and then the sentence says so."""
    outcome = await acted(sshd.options("sleep", "77"), verb, timeout_ms=1000)
    assert outcome.ending is Ending.UNKNOWN
    if os.geteuid():
        assert "it was ended" in outcome.because
        sshds.until(lambda: not sshd.runs("77"))
    else:
        assert "it may still take effect" in outcome.because


async def test_hanging_commands_do_not_use_up_the_server(sshd: Sshd) -> None:
    """Given more hanging commands than sshd has sessions, later ones are still run: on a new connection."""
    for _ in range(2):
        hanging = (acted(sshd.options("sleep", "77"), timeout_ms=1000) for _ in range(8))
        assert {one.ending for one in await asyncio.gather(*hanging)} == {Ending.UNKNOWN}
    assert (await acted(sshd.options("echo", "next"))).because == "next"


async def test_a_connection_lost_in_the_middle_is_unknown(sshd: Sshd, tmp_path: Path) -> None:
    """Given a connection that is lost while a command runs, nobody knows; the next one connects anew."""
    script = f"touch {tmp_path}/begun; sleep 77"
    task = asyncio.create_task(acted(sshd.options("sh", "-c", script)))
    await asyncio.to_thread(sshds.until, (tmp_path / "begun").exists)
    sshd.break_connections()
    outcome = await task
    assert outcome.ending is Ending.UNKNOWN
    assert "the connection was lost" in outcome.because
    assert (await acted(sshd.options("echo", "next"))).because == "next"
    observed = await Ssh().observe(effect("ensure", sshd.options("true")))
    assert observed.ending is Ending.UNKNOWN


async def test_a_frozen_server_before_the_command_is_for_later(sshd: Sshd) -> None:
    """Given an open connection to a server that hangs, the command was not sent: for later."""
    await acted(sshd.options("true"))
    sshds.frozen(sshd)
    outcome = await acted(sshd.options("true"), timeout_ms=600)
    assert outcome.ending is Ending.RETRY


async def test_nobody_there_is_for_later(sshd: Sshd) -> None:
    """Given no server, nothing was run, and it may be there later."""
    outcome = await acted(sshd.options("true", port=loopback.closed_port()))
    assert (outcome.ending, outcome.because) == (
        Ending.RETRY,
        "no connection: connection refused",
    )


# --- keys ------------------------------------------------------------------------------------


async def test_another_host_key_is_refused(sshd: Sshd, tmp_path: Path) -> None:
    """Given a server with another key than the pinned one, nothing is run, by option or by file."""
    other = sshds.new_key(tmp_path / "other")
    known = tmp_path / "known"
    ran = tmp_path / "ran"
    command = ("touch", str(ran))
    pinned = await acted(sshd.options(*command, host_key=other))
    assert (pinned.ending, "not the pinned one" in pinned.because) == (Ending.FAILED, True)
    for text in ("", f"127.0.0.2 {sshd.host_key}\n", f"[127.0.0.1]:{sshd.port} {other}\n"):
        known.write_text(text)
        by_file = await acted(sshd.options(*command, host_key="", known_hosts_file=str(known)))
        assert (by_file.ending, "not the pinned one" in by_file.because) == (Ending.FAILED, True)
    assert not ran.exists()


async def test_a_known_hosts_file_pins_as_well(sshd: Sshd, tmp_path: Path) -> None:
    """Given the server's key in a known hosts file, the command is run."""
    known = tmp_path / "known"
    known.write_text(f"[127.0.0.1]:{sshd.port} {sshd.host_key}\n")
    options = sshd.options("echo", "in", host_key="", known_hosts_file=str(known))
    assert (await acted(options)).because == "in"


async def test_keys_that_open_nothing(sshd: Sshd, tmp_path: Path) -> None:
    """Given a key nobody knows, none, or what is no key, it fails, and no line of the file is told."""
    stranger, nonsense = tmp_path / "stranger", tmp_path / "nonsense"
    sshds.new_key(stranger)
    nonsense.write_text("very secret words")
    for path, why in (
        (stranger, "does not let"),
        (nonsense, "no private key"),
        (tmp_path / "none", "No such file"),
    ):
        outcome = await acted(sshd.options("true", key_file=str(path)))
        assert (outcome.ending, why in outcome.because) == (Ending.FAILED, True), outcome.because
        assert "secret words" not in outcome.because


async def test_a_preflight_sees_whether_it_would_work(sshd: Sshd, tmp_path: Path) -> None:
    """Given options, a preflight logs in and runs nothing."""
    ran = tmp_path / "ran"
    good = await Ssh().verify(sshd.options("touch", str(ran)), 5000)
    assert (good.ending, "is let in" in good.because) == (Ending.DONE, True)
    assert not ran.exists()
    assert (await Ssh().verify(sshd.options(), 5000)).ending is Ending.DONE
    key = sshds.new_key(tmp_path / "other")
    assert (await Ssh().verify(sshd.options(host_key=key), 5000)).ending is Ending.FAILED
    assert (await Ssh().verify(sshd.options(port=0), 5000)).ending is Ending.FAILED


# --- servers that behave badly ---------------------------------------------------------------


async def test_what_does_not_end_is_sent_a_signal(tmp_path: Path) -> None:
    """Given a server that takes signals, a command without an end is told to end, and that is seen."""

    async def hang(process: Any) -> None:
        while True:
            await process.stdin.read(1)
            await asyncio.sleep(0.01)

    async with sshds.rogue(hang) as server:
        outcome = await acted(server.options(tmp_path, "x"), timeout_ms=500)
        assert outcome.ending is Ending.UNKNOWN
        assert "it was ended" in outcome.because
        assert server.heard[1:] == ["TERM"]


@pytest.mark.parametrize(("sent", "ending"), [(False, Ending.RETRY), (True, Ending.UNKNOWN)])
async def test_a_connection_lost_at_the_very_beginning(
    tmp_path: Path, *, sent: bool, ending: Ending
) -> None:
    """Given a connection that is lost before the command was sent, it is for later; lost with the
    command sent and not yet answered, nobody knows."""

    class Session(asyncssh.SSHServerSession[bytes]):
        def exec_requested(self, command: str) -> bool:
            server.connections[-1].abort()
            return True

    def session() -> Any:
        if not sent:
            server.connections[-1].abort()
        return Session()

    async with sshds.rogue(session=session) as server:
        outcome = await acted(server.options(tmp_path, "x"))
    assert outcome.ending is ending, outcome.because


async def test_a_server_that_runs_nothing_for_the_account(tmp_path: Path) -> None:
    """Given a server that lets in and refuses every command, nothing was run, and nothing will be."""
    async with sshds.rogue(session=asyncssh.SSHServerSession[bytes]) as server:
        outcome = await acted(server.options(tmp_path, "x"))
    assert (outcome.ending, "runs no commands" in outcome.because) == (Ending.FAILED, True)


async def test_a_session_without_an_end_code_is_unknown(tmp_path: Path) -> None:
    """Given a server that closes the session without saying how the command ended, nobody knows."""

    async def close(process: Any) -> None:
        process.channel.close()

    async with sshds.rogue(close) as server:
        outcome = await acted(server.options(tmp_path, "x"))
        assert outcome.ending is Ending.UNKNOWN


async def test_a_flood_ends_in_time(tmp_path: Path) -> None:
    """Given output without an end, it is over when time is up."""

    async def flood(process: Any) -> None:
        while True:
            process.stdout.write(b"x" * 65_536)
            await process.stdout.drain()

    async with sshds.rogue(flood) as server:
        outcome = await acted(server.options(tmp_path, "x"), timeout_ms=700)
        assert outcome.ending is Ending.UNKNOWN


async def test_without_the_library_it_is_listed_with_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given no asyncssh, the adapters are unavailable, and the reason names what to install."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    missing = InstalledAdapters().unavailable()
    assert "allstop[ssh]" in missing["ssh"]
    assert "allstop[ssh]" in missing["ssh-probe"]


async def test_the_probe_judges_code_and_output(sshd: Sshd) -> None:
    """Given a command, the probe compares exit code and output, and reads facts."""
    options = sshd.options("sh", "-c", "echo '{\"lag\": 3}'; exit 4")
    good, facts = await SshProbe().measure("p", {**options, "expect_exit": 4}, 5000)
    assert (good.good, facts) == (True, {"lag": 3})
    bad, _ = await SshProbe().measure("p", options, 5000)
    assert (bad.good, bad.text) == (False, "exit code 4")
    text = {**options, "expect_exit": 4, "expect_output": "lead"}
    other, _ = await SshProbe().measure("p", text, 5000)
    assert (other.good, other.text) == (False, "the output does not say what it should")
