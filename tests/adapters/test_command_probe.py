"""The probe `command`, and how programs are run and ended."""

from __future__ import annotations

import asyncio
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from allstop.adapters.command_probe import CommandProbe
from allstop.adapters.mechanisms.programs import KEEP_BYTES, run
from tests.adapters.worlds import end_marked, marked


async def measure(
    argv: list[str], timeout_ms: int = 5000, **options: Any
) -> tuple[bool | None, str, dict[str, Any]]:
    sample, facts = await CommandProbe().measure("p", {"argv": argv, **options}, timeout_ms)
    return sample.good, sample.text, facts


async def test_a_json_object_gives_facts() -> None:
    """Given a JSON object on standard output, its scalars are facts."""
    _, _, facts = await measure(["echo", '{"lag": 3, "rate": 1.5, "role": "primary", "x": []}'])
    assert facts == {"lag": 3, "rate": "1.5", "role": "primary"}


async def test_a_bad_exit_says_the_last_line_of_the_errors() -> None:
    """Given another exit code than expected, the sample says it and what the program said last."""
    good, text, _ = await measure(["sh", "-c", "echo one >&2; echo two >&2; exit 3"])
    assert (good, text) == (False, "exit code 3: two")
    assert (await measure(["sh", "-c", "exit 3"], expect_exit=3))[0] is True


async def test_nothing_of_our_environment_leaks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given secrets in the coordinator's environment, the program does not see them."""
    monkeypatch.setenv("CANARY", "secret")
    good, _, _ = await measure(
        ["sh", "-c", 'test -z "$CANARY" && test "$MINE" = 1'], env={"MINE": "1"}
    )
    assert good is True


async def test_no_shell_is_involved(tmp_path: Path) -> None:
    """Given shell syntax among the arguments, it is handed over as it is."""
    await measure(["echo", f"; touch {tmp_path}/x", "$(touch x)"], cwd=str(tmp_path))
    assert list(tmp_path.iterdir()) == []


async def test_output_is_bounded_and_keeps_both_ends() -> None:
    """Given megabytes of output, 64 kB stay: the beginning and the end."""
    ended = await run(
        ["sh", "-c", "echo first; head -c 9000000 /dev/zero; echo last"], timeout_ms=5000
    )
    assert ended.cut
    assert len(ended.output) < KEEP_BYTES + 100
    assert ended.output.startswith(b"first")
    assert ended.output.endswith(b"last\n")


TREE = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen(["sleep", "600"])
subprocess.Popen(["sleep", "600"], start_new_session=True)
subprocess.Popen(["sh", "-c", "setsid sleep 600 & exit 0"]).wait()
time.sleep(600)
"""


async def test_at_the_timeout_the_whole_tree_is_killed() -> None:
    """Given descendants that ignore TERM, made sessions of their own, or were orphaned: all end."""
    mark = uuid.uuid4().hex
    good, text, _ = await measure([sys.executable, "-c", TREE], 800, env={"TREE": mark})
    assert (good, text) == (False, "no answer within 0.8s")
    assert marked("TREE", mark) == set()


async def test_a_cancelled_run_leaves_nothing() -> None:
    """Given a run under way, when its task is cancelled, the whole tree is killed too."""
    mark = uuid.uuid4().hex
    task = asyncio.ensure_future(measure([sys.executable, "-c", TREE], 60_000, env={"TREE": mark}))
    await asyncio.sleep(0.4)
    assert len(marked("TREE", mark)) == 4
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert marked("TREE", mark) == set()


async def test_what_stays_in_the_group_ends_and_a_service_may_stay() -> None:
    """Given a program that ends, its background jobs end too; a session of its own is let live."""
    mark = uuid.uuid4().hex
    script = "sleep 600 & setsid sleep 601 >/dev/null 2>&1 & sleep 0.1; exit 0"
    try:
        good, _, _ = await measure(["sh", "-c", script], env={"TREE": mark})
        assert good is True
        await asyncio.sleep(0.05)
        assert len(marked("TREE", mark)) == 1
    finally:
        end_marked("TREE", mark)


async def test_a_daemon_that_keeps_the_output_open_holds_nobody_up() -> None:
    """Given a service that inherited our pipe, the run ends when the program ends."""
    mark = uuid.uuid4().hex
    try:
        ended = await asyncio.wait_for(
            run(["sh", "-c", "setsid sleep 600 & echo up"], timeout_ms=5000, env={"TREE": mark}), 2
        )
        assert (ended.code, ended.output) == (0, b"up\n")
    finally:
        end_marked("TREE", mark)


async def test_fifty_runs_at_once_leak_no_descriptors() -> None:
    """Given many runs at once, all end well and no file descriptor stays open."""
    await measure(["true"])
    before = len(list(Path("/proc/self/fd").iterdir()))
    results = await asyncio.gather(*(measure(["true"]) for _ in range(50)))
    assert all(good for good, _, _ in results)
    await asyncio.sleep(0.05)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 1


@pytest.mark.parametrize("argv", [[""], ["/"], ["/etc/passwd"], ["a\0b"]])
async def test_what_cannot_start_could_not_run(argv: list[str]) -> None:
    """Given no such program, the probe could not run, and says so."""
    good, text, _ = await measure(argv)
    assert good is None
    assert text.startswith("cannot start")
