"""From a person's word to a refused tool call, with real processes on both sides, and with either of them killed."""

from __future__ import annotations

import json
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from allstop.adapters.mechanisms.cgroups import NoGroup, make_group
from tests.adapters.worlds import Repo
from tests.host.whole import Whole, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def _has_groups() -> bool:
    try:
        return make_group(f"try-{uuid.uuid4().hex[:10]}").remove()
    except NoGroup:
        return False


needs_groups = pytest.mark.skipif(not _has_groups(), reason="no control group may be made here")


@pytest.fixture
def whole() -> Iterator[Whole]:
    with tempfile.TemporaryDirectory(prefix="allstop-host-") as name:
        whole = Whole(Path(name))
        try:
            whole.begin()
            whole.host_up()
            yield whole
        finally:
            whole.end()


def ordered(whole: Whole, *words: str) -> str:
    return str(json.loads(whole.cli("halt", "a trial", *words, "--json"))["halt"])


def test_a_halt_reaches_the_gate_and_a_release_opens_it_again(whole: Whole) -> None:
    until(lambda: whole.ask()["connected"])
    assert whole.tool_runs()
    # when somebody orders a halt
    halt = ordered(whole)
    # then the machine has it, says so, and its gate refuses
    until(lambda: whole.standing() == [halt])
    assert not whole.tool_runs()
    line = until(
        lambda: [
            one for one in json.loads(whole.cli("hosts", "--json")) if one["state"] == "current"
        ]
    )
    assert line[0]["seq"] == whole.ask()["seq"]
    # and the refused call is counted
    until(lambda: whole.ask()["halts"][0]["refused_calls"] == 1)
    # when it is lifted, work goes on
    whole.cli("release", halt, "--because", "a false alarm")
    until(lambda: whole.standing() == [])
    assert whole.tool_runs()


def test_nothing_that_dies_lifts_a_halt(whole: Whole) -> None:
    halt = ordered(whole)
    until(lambda: whole.standing() == [halt])
    # the host process is killed: the gate refuses without it
    whole.host_down()
    assert not whole.tool_runs()
    # it comes back while the coordinator is gone: the halt stands, and the machine says that it hears nobody
    whole.down()
    whole.host_up()
    assert whole.standing() == [halt]
    assert not whole.tool_runs()
    assert not whole.ask()["connected"]
    # a second halt can be ordered here all the same
    local = whole.do("halt", scope="all")["halt"]
    assert whole.standing() == [halt, local]
    # the coordinator comes back, and lifts its own, and only that
    whole.up()
    whole.cli("release", halt, "--because", "it is over")
    until(lambda: whole.standing() == [local])
    assert not whole.tool_runs()
    whole.do("lift", halt=local)
    assert whole.tool_runs()


def test_a_halt_that_was_ordered_while_the_machine_was_away_holds_it_when_it_comes_back(
    whole: Whole,
) -> None:
    until(lambda: whole.ask()["connected"])
    whole.host_down()
    halt = ordered(whole, "--scope", "host:build-7")
    other = ordered(whole, "--scope", "host:build-8")
    assert whole.tool_runs()  # nobody has told it yet
    whole.host_up()
    until(lambda: whole.standing() == [halt])
    assert not whole.tool_runs()
    assert other not in whole.standing()


ESCAPER = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        code = "import sys, time\\nwhile True: open(sys.argv[1], 'a').write('.'); time.sleep(0.01)"
        os.execve(sys.executable, [sys.executable, "-S", "-c", code, sys.argv[1]], {})
    os._exit(0)
os.wait()
time.sleep(600)
"""


@needs_groups
def test_an_agent_that_ignores_every_word_is_frozen_whole_and_goes_on_after_the_release(
    whole: Whole,
) -> None:
    # given an agent that was never changed, answers nothing, and has a helper that forgot where it came from
    ticks = whole.folder / "ticks"
    whole.run("deaf", sys.executable, "-S", "-c", ESCAPER, str(ticks))
    until(ticks.exists)
    # when everybody is halted
    halt = ordered(whole)
    until(lambda: whole.line(halt, "deaf")["state"] == "told")
    # then after the roll call it is stopped by force, read back, and no more is claimed than that
    line = until(lambda: (found := whole.line(halt, "deaf"))["state"] == "enforced" and found)
    assert "2 processes frozen on build-7" in line["evidence"]
    before = ticks.stat().st_size
    time.sleep(0.3)
    assert ticks.stat().st_size == before
    # and it goes on where it stood when people say so
    whole.cli("release", halt, "--because", "it is over")
    until(lambda: ticks.stat().st_size > before)
    until(lambda: whole.line(halt, "deaf")["state"] == "resumed")


@needs_groups
def test_an_agent_that_comes_while_a_halt_stands_begins_when_it_is_lifted(whole: Whole) -> None:
    halt = ordered(whole)
    until(lambda: whole.standing() == [halt])
    made = whole.folder / "made"
    late = whole.run("late", "touch", str(made))
    until(lambda: whole.ask()["agents"])
    time.sleep(1)
    assert not made.exists()
    assert late.poll() is None
    whole.cli("release", halt, "--because", "it is over")
    until(made.exists)
    assert late.wait(20) == 0
    # and when it has ended, the machine forgets it
    until(lambda: not whole.ask()["agents"])


@needs_groups
def test_what_an_agent_says_of_its_work_counts_once_its_machine_has_looked(whole: Whole) -> None:
    # given two agents in work trees of their own, one of which has saved what it did
    trees = {name: Repo.make(whole.folder / name) for name in ("tidy", "sloppy")}
    commits = {name: tree.commit("saved", {"notes": "1"}) for name, tree in trees.items()}
    (trees["sloppy"].folder / "notes").write_text("2")
    for name, tree in trees.items():
        whole.run(name, "sleep", "600", worktree=str(tree.folder))
    until(lambda: len(whole.ask()["agents"]) == 2)
    # when both answer the roll call in the same words
    halt = ordered(whole)
    for name, commit in commits.items():
        whole.cli("answer", halt, "--agent", name, "--checkpoint", commit)
    # then the machine says of each what it sees
    tidy = until(lambda: (one := whole.line(halt, "tidy"))["state"] == "confirmed" and one)
    assert f"build-7 saw: commit {commits['tidy'][:12]} is HEAD" in tidy["evidence"]
    sloppy = until(
        lambda: (
            (one := whole.line(halt, "sloppy"))["state"]
            in ("contradicted", "unaccounted", "enforced")
            and one
        )
    )
    assert "not clean" in sloppy["evidence"] or sloppy["state"] == "enforced"
