"""Going back, bringing back, fixing and cutting off: what is protected is never touched without a person."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import DrawPlan, StartPlan
from allstop.domain.plan.state import Plan
from allstop.domain.policy import Fleet, FleetLimits
from tests.domain.builders import EVE
from tests.domain.fleet import returned
from tests.domain.fleet.fleets import acts, looks, service
from tests.domain.fleet.ground import Ground

FREELY = FleetLimits(share_percent=100)
WAYS = {
    "rollback": Asked("rollback", ("payments",)),
    "fix": Asked("fix", ("payments",)),
    "contain": Asked("contain", ("payments",)),
}


def drawn(here: Ground, asked: Asked) -> Plan:
    """As it was made, before anybody has agreed."""
    here.do(DrawPlan("INC-1", asked), EVE)
    assert here.refused is None, [str(one) for one in here.refused.reasons]
    return here.world.plans[here.result["plan"]]


def on(**more: Any) -> Ground:
    own = more.pop("own", ())
    return returned.here(replace(returned.shop(**more), own=own, limits=FREELY))


def rules(plan: Plan) -> set[tuple[str, str]]:
    return {(bite.rule, bite.subject) for bite in plan.bites}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_protected_waits_for_a_person_whatever_is_done_to_it(way: str) -> None:
    here = on(protected=True)
    plan = drawn(here, WAYS[way])
    assert ("protected", "payments") in rules(plan)
    assert plan.people >= 1
    here.do(StartPlan(plan.id), EVE)
    assert here.refused is not None
    assert here.refused.reasons[0].code == "not-approved"
    assert here.started == []
    assert ("protected", "payments") not in rules(drawn(on(), WAYS[way]))


@pytest.mark.parametrize("way", WAYS)
def test_what_the_coordinator_needs_itself_waits_for_a_person_as_well(way: str) -> None:
    plan = drawn(on(own=("payments",)), WAYS[way])
    assert ("own-dependency", "payments") in rules(plan)
    assert plan.people >= 1
    assert ("own-dependency", "payments") not in rules(drawn(on(own=("db",)), WAYS[way]))


@pytest.mark.parametrize("way", ["rollback", "fix"])
def test_what_nobody_can_see_to_be_well_again_is_named(way: str) -> None:
    assert ("unproven", "payments") in rules(drawn(on(probes=()), WAYS[way]))
    assert ("unproven", "payments") not in rules(drawn(on(), WAYS[way]))


def test_nobody_is_cut_off_twice_and_nobody_whom_nothing_cuts_off() -> None:
    fleet = Fleet(
        (service("a"), service("b"), service("stone", actions=acts("stop", "start"))), limits=FREELY
    )
    here = Ground(fleet).declared()
    here.run(here.drawn(Asked("contain", ("a",))).id)
    assert here.truth["a"].isolated
    both = here.drawn(Asked("contain", ("a", "b")))
    assert [node.id for node in both.nodes] == ["b"]
    for targets, code in ((("a",), "nothing-to-do"), (("b", "stone"), "cannot-isolate")):
        here.do(DrawPlan("INC-1", Asked("contain", targets)), EVE)
        assert here.refused is not None
        assert [one.code for one in here.refused.reasons] == [code]


def test_who_is_cut_off_without_a_look_is_named_beforehand() -> None:
    fleet = Fleet((service("a", verify=looks("a", "stopped")), service("b")), limits=FREELY)
    here = Ground(fleet).declared()
    plan = drawn(here, Asked("contain", ("a", "b")))
    assert plan.outlook["lacking"] == ["a: no probe proves that it is isolated"]
