"""From a person's word to a refused tool call, with real processes on both sides, and with either of them killed."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.host.whole import Whole, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


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
