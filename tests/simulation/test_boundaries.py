"""A whole emergency survives the death of the process at every single commit it makes."""

from __future__ import annotations

import pytest

from allstop.testing.simulator import Faults, simulate
from tests.simulation.__main__ import hush
from tests.simulation.crashing import BOUNDARIES

SEED = 7
CALM = Faults.calm("release")


@pytest.fixture(autouse=True)
def _quiet() -> None:
    hush()


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", BOUNDARIES)
def test_dying_at_every_commit_loses_and_repeats_nothing(name: str) -> None:
    whole = simulate(SEED, CALM)
    assert whole.sound, whole.violations
    commits = whole.points[name]
    assert commits > 80
    for hit in range(1, commits + 1):
        result = simulate(SEED, Faults(trouble="release", crash_at=((name, hit),)))
        assert result.crashes == (f"{name}:{hit}",)
        assert result.sound, (hit, result.violations)
        assert result.incidents >= 1
