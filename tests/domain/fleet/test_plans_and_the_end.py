"""Nobody goes home beside a plan that can still go on."""

from __future__ import annotations

import pytest

from allstop.domain.incident.commands import StandDown
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import AbortPlan, PausePlan, StartPlan
from allstop.domain.policy import Fleet, FleetLimits
from tests.domain.builders import ADA, EVE
from tests.domain.fleet.fleets import service
from tests.domain.fleet.ground import Ground


def standing_down(found: Ground) -> list[str]:
    """The codes of what stands against it."""
    found.do(StandDown("INC-1", "it is over"), ADA)
    assert found.refused is not None
    return [reason.code for reason in found.refused.reasons]


@pytest.mark.parametrize("paused", [False, True])
def test_a_plan_that_runs_or_is_paused_keeps_the_incident_open(paused: bool) -> None:
    found = Ground(Fleet((service("web"),), limits=FleetLimits(share_percent=100))).declared()
    plan = found.drawn(Asked("stop", ("web",)))
    assert "plan-active" not in standing_down(found)
    found.do(StartPlan(plan.id), EVE)
    if paused:
        found.do(PausePlan(plan.id, "wait"), EVE)
        assert found.world.plans[plan.id].state.value == "paused"
    assert "plan-active" in standing_down(found)
    found.do(AbortPlan(plan.id, "not needed"), EVE)
    assert "plan-active" not in standing_down(found)
