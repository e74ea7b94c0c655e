"""Plans over random graphs: no edge is broken, nothing is run twice, every node ends in a state with a name."""

from __future__ import annotations

from typing import Any

import pytest

from allstop.application import codec
from allstop.application.runner import Runner
from allstop.domain.deciding import plan_running
from allstop.domain.deciding.node_running import startable
from allstop.domain.effects import Outcome
from allstop.domain.plan import events as p
from allstop.domain.plan.routes import Routes
from allstop.domain.plan.state import OVER
from allstop.domain.record import plan_stream
from tests.simulation.__main__ import hush
from tests.simulation.graphs import counting
from tests.simulation.graphs.living import life, live
from tests.simulation.graphs.telling import tell

Patch = pytest.MonkeyPatch
# Graphs with dependencies, data, circles, and something that fails.
FAULTY = 4
# One without faults, and where in it the coordinator dies between making a snapshot and writing that down.
WITH_DATA, AFTER_A_SNAPSHOT = 7, ("runner.acted", 12)


@pytest.fixture(autouse=True)
def _quiet() -> None:
    hush()


# In 960 a member of a circle is cut off instead of quiesced; the others waited for it for ever once.
@pytest.mark.parametrize("seed", [*range(40), 960])
def test_whatever_fails_every_node_ends_in_a_state_with_a_name(seed: int) -> None:
    told = tell(seed, 0)
    assert told.findings == []
    assert sum(told.ends.values()) > 0
    assert told.ends.keys() <= {"reached", "forced", "isolated", "left"}


@pytest.mark.parametrize("seed", [4, 5, 12])
def test_killed_at_every_entry_it_goes_on_where_it_was(seed: int) -> None:
    """Every entry of the log of the whole story is one at which it was killed, before or after its transaction."""
    told = tell(seed)
    assert told.findings == []
    assert told.cuts >= 30
    assert told.deaths >= told.cuts
    assert (told.broken, told.again) == (0, 0)


def test_the_faults_of_the_scenes_are_met() -> None:
    met = {fault for seed in range(40) for fault in tell(seed, 0).faults}
    assert met == {"hang", "crash", "refuse", "lie", "slow"}


def test_one_kill_can_be_told_again_alone() -> None:
    whole = tell(FAULTY)
    assert tell(FAULTY, 7) == tell(FAULTY, 7)
    assert tell(FAULTY, 7).cuts == 1 < whole.cuts


# --- under the coordinator's own parts ----------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_the_real_coordinator_dies_anywhere_and_goes_on(seed: int) -> None:
    one = life(seed, random_crashes=2)
    assert one.findings == []
    assert set(one.ends) <= {"reached", "forced", "isolated", "left"}


@pytest.mark.timeout(180)
def test_the_real_coordinator_dies_before_and_after_every_commit_of_a_stop() -> None:
    told = live(9)
    assert told.findings == []
    assert told.deaths == told.cuts >= 50


def test_the_real_coordinator_does_not_repeat_unseen_what_has_left_its_mark(
    monkeypatch: Patch,
) -> None:
    """Given one that acts at once instead of looking first, a snapshot that was made is made again."""

    async def at_once(_: Runner, claim: Any, actuator: Any, keep: Any) -> Outcome:
        found: Outcome = await actuator.act(claim.effect, keep)
        return found

    assert life(WITH_DATA, AFTER_A_SNAPSHOT).findings == []
    monkeypatch.setattr(Runner, "_look_first", at_once)
    assert "although its mark was there" in "\n".join(life(WITH_DATA, AFTER_A_SNAPSHOT).findings)


# --- that it can fail: bugs planted into the core -----------------------------------------------------------


def found(seed: int = FAULTY, only: int | None = 0) -> str:
    return "\n".join(tell(seed, only).findings)


def test_an_order_of_nodes_that_is_not_kept_is_found(monkeypatch: Patch) -> None:
    monkeypatch.setattr(Routes, "ready", lambda *_: True)
    assert "edge broken" in found()


def test_a_completed_step_that_is_run_again_is_found(monkeypatch: Patch) -> None:
    def twice(plan: Any) -> list[Any]:
        done = [step for step in plan.steps if plan.standing(step.id).state in OVER]
        return [*startable(plan), *done[:1]]

    monkeypatch.setattr(plan_running, "startable", twice)
    assert "run again after its end" in found()


def test_a_failed_stop_that_is_called_reached_is_found(monkeypatch: Patch) -> None:
    def claim(draft: Any, plan: str, step: str, because: str, *_: Any) -> bool:
        node = draft.world.plans[plan].routes.steps[step].node
        draft.emit(plan_stream(plan), p.NodeEnded(node, "reached", because))
        return False

    monkeypatch.setattr(plan_running, "node_step_failed", claim)
    assert "is called reached, and is up" in found()


def test_a_failure_that_nobody_hears_of_is_found(monkeypatch: Patch) -> None:
    monkeypatch.setattr(plan_running, "node_step_failed", lambda *_: False)
    monkeypatch.setattr(plan_running, "hold_where_stuck", lambda *_: "")
    assert "the plan was not done" in found()


def test_a_log_that_leads_to_another_state_is_found(monkeypatch: Patch) -> None:
    """What was seen of a step is lost on its way to the disk and back."""
    monkeypatch.setitem(codec.UPCASTS, ("step.done", 1), lambda body: {**body, "evidence": ""})
    assert "the log leads to another state" in found()


# --- the command --------------------------------------------------------------------------------------------


def test_the_command_shows_what_was_met_and_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert counting.run(counting.Asked(graphs=3, start=20, cut=0)) == 0
    rows = dict(line.rsplit(None, 1) for line in capsys.readouterr().out.splitlines() if line)
    assert rows["graphs"] == "3"
    assert rows["edges broken"] == rows["completed steps run again"] == "0"


def test_the_command_names_the_seed_that_fails_and_ends_with_one(
    monkeypatch: Patch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Routes, "ready", lambda *_: True)
    assert counting.run(counting.Asked(graphs=1, start=FAULTY, cut=0)) == 1
    said = capsys.readouterr().out
    assert f'again: make simulate ARGS="--graphs 1 --start {FAULTY}"' in said
    assert f"failed: --graphs 1 --start {FAULTY}" in said
