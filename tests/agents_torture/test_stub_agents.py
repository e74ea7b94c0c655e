"""Twelve agents that lie, die, flood, escape and forge under one halt: nothing is said to have stopped that works on."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.agents_torture.checks import false_stops, gated_calls, violations
from tests.agents_torture.ground import Ground, groups_are_here, kind_of
from tests.agents_torture.stub import KINDS


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(not groups_are_here(), reason="no control group may be made here")
def test_no_agent_is_said_to_have_stopped_that_works_on() -> None:
    """Given twelve agents started by `allstop run`, each bad in a way of its own, when all are halted, then no call gets past the
    gate once the halt is there, each is stopped, nobody works who is said to have stopped, nothing they tried was taken,
    and after the release they go on."""
    with tempfile.TemporaryDirectory(prefix="allstop-stubs-") as name:
        ground = Ground(Path(name))
        try:
            ground.settle(list(KINDS))
            run = ground.run_once(0)
        finally:
            ground.end()

    assert violations(run) == []
    assert (false_stops(run), gated_calls(run)) == (0, 0)
    # and they did what they are here for
    by_name = {kind_of(seen.agent): seen for seen in run.agents}
    assert set(by_name) == set(KINDS)
    assert all(seen.ticks and seen.calls for seen in run.agents)
    assert all(by_name[one].tries for one in ("registrar", "replayer", "forger", "impostor"))
