"""Nobody goes home, or on to another incident, beside a plan that can still go on."""

from __future__ import annotations

import pytest

from allstop.domain.impact import Impact
from allstop.domain.incident.commands import AssignRole, DeclareIncident, StandDown
from allstop.domain.incident.course_commands import MergeIncident
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


def test_an_incident_with_a_paused_plan_is_merged_into_no_other() -> None:
    found = Ground(Fleet((service("web"),), limits=FleetLimits(share_percent=100))).declared()
    found.do(DeclareIncident("the same again", ("web",), "person", Impact()), ADA)
    plan = found.drawn(Asked("stop", ("web",)))
    found.do(StartPlan(plan.id), EVE)
    found.do(PausePlan(plan.id, "wait"), EVE)
    for incident in ("INC-1", "INC-2"):
        found.do(AssignRole(incident, "commander", "ada"), ADA)
    found.do(MergeIncident("INC-1", "INC-2", "one and the same"), ADA)
    assert found.refused is not None
    assert "plan-active" in [reason.code for reason in found.refused.reasons]
    assert found.world.plans[plan.id].state.value == "paused"
