"""Each rule that a stop can run against, alone: where it bites, and where it just does not."""

from __future__ import annotations

import pytest

from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import DrawPlan, StartPlan, WaiveStep
from allstop.domain.plan.events import Bite
from allstop.domain.plan.lifecycle import NodeState, PlanState
from allstop.domain.policy import Fleet, FleetLimits, Service
from tests.domain.builders import EVE
from tests.domain.fleet.fleets import HARD, acts, looks, service, stateful
from tests.domain.fleet.ground import Ground

FREELY = FleetLimits(share_percent=100)


def bites(fleet: Fleet, *targets: str) -> list[Bite]:
    here = Ground(fleet).declared()
    plan = here.drawn(Asked("stop", targets))
    if plan.bites:
        assert plan.people >= 1, "whatever bites needs a person"
    return list(plan.bites)


def rules(fleet: Fleet, *targets: str) -> list[tuple[str, str]]:
    return [(bite.rule, bite.subject) for bite in bites(fleet, *targets)]


SAFE = ("quiesce", "unquiesce", "fence", "unfence", "flush", "snapshot", "verify-snapshot", "stop", "start")  # fmt: skip


def with_data(*lacks: str) -> Service:
    names = [name for name in SAFE if name not in lacks]
    return stateful("one", actions=acts(*names))


@pytest.mark.parametrize(
    ("one", "found"),
    [
        (service("one"), []),
        (service("one", actions=acts("isolate", "reopen")), []),
        (service("one", verify=looks("one", "started")), [("unproven", "one")]),
        (stateful("one"), []),
        (with_data(), []),
        (with_data("snapshot"), [("data-unproven", "one")]),
        (with_data("verify-snapshot"), [("data-unproven", "one")]),
        (with_data("snapshot", "verify-snapshot"), [("data-unproven", "one")]),
        (service("one", actions=acts("stop", "start")), []),
    ],
    ids=[
        "it can be stopped", "it can be cut off", "nobody sees it", "its data can be saved", "all that is needed",
        "no snapshot", "nobody looks at the snapshot", "neither of them", "it has no data",
    ],
)  # fmt: skip
def test_a_service_that_cannot_be_stopped_safely_is_named(
    one: Service, found: list[tuple[str, str]]
) -> None:
    assert rules(Fleet((one, service("beside")), limits=FREELY), "one") == found


def test_what_is_missing_is_said() -> None:
    (bite,) = bites(Fleet((with_data("verify-snapshot"),), limits=FREELY), "one")
    assert bite.text == "it has data, and no verify-snapshot"


@pytest.mark.parametrize(
    ("size", "chosen", "percent", "text"),
    [
        (10, 3, 30, ""),
        (10, 4, 30, "4 of 10 services are 40 %, at most 30 % go at once"),
        (3, 2, 66, "2 of 3 services are 67 %, at most 66 % go at once"),
        (3, 2, 67, ""),
        (2, 1, 10, ""),
        (30, 2, 6, "2 of 30 services are 7 %, at most 6 % go at once"),
    ],
)
def test_too_large_a_share_of_the_fleet_at_once_is_named(
    size: int, chosen: int, percent: int, text: str
) -> None:
    every = tuple(service(f"s{at}") for at in range(size))
    fleet = Fleet(every, limits=FleetLimits(share_percent=percent))
    found = bites(fleet, *(f"s{at}" for at in range(chosen)))
    assert [bite.text for bite in found if bite.rule == "largest-share"] == ([text] if text else [])


def test_it_is_said_whether_somebody_named_what_is_protected() -> None:
    fleet = Fleet((service("web", {"db": HARD}), service("db", protected=True)), limits=FREELY)
    (named,) = [one for one in bites(fleet, "web", "db") if one.rule == "protected"]
    assert named.text == "it is protected, and chosen by name"
    (along,) = [one for one in bites(fleet, "all") if one.rule == "protected"]
    assert along.text == "it is protected, and chosen along with others, not by its name"


def test_an_undo_names_only_what_it_takes_away() -> None:
    """Given a recovery of what has no data and is not needed by the coordinator, when it is taken back, then
    nothing but the stop itself needs to be agreed to, however protected others are."""
    fleet = Fleet((service("web"), stateful("db", protected=True)), limits=FREELY, own=("db",))
    here = Ground(fleet).declared()
    here.run(here.drawn(Asked("stop", ("web",))).id)
    back = here.drawn(Asked("recover", ("web",)))
    here.run(back.id)
    assert here.truth["web"].up
    undo = here.drawn(Asked("undo", plan=back.id))
    assert [(bite.rule, bite.subject) for bite in undo.bites] == []


def test_of_what_the_data_is_at_risk_is_said_beforehand() -> None:
    fleet = Fleet((with_data("verify-snapshot"), service("two"), stateful("three")), limits=FREELY)
    here = Ground(fleet).declared()
    assert here.drawn(Asked("stop", ("all",))).outlook["at_risk"] == ["one"]


def test_what_has_stopped_already_is_no_orphan_and_is_not_stopped_again() -> None:
    fleet = Fleet((service("web", {"db": HARD}), service("db"), service("mail")), limits=FREELY)
    here = Ground(fleet).declared()
    here.run(here.drawn(Asked("stop", ("web",))).id)
    later = here.drawn(Asked("stop", ("web", "db")))
    assert [node.id for node in later.nodes] == ["db"]
    assert later.bites == ()
    here.run(later.id)
    here.do(DrawPlan("INC-1", Asked("stop", ("web", "db"))), EVE)
    assert here.refused is not None
    assert here.refused.reasons[0].code == "nothing-to-do"


@pytest.mark.parametrize(
    ("targets", "code"), [((), "no-target"), (("mail", "stone"), "cannot-stop")]
)
def test_a_stop_of_nothing_or_of_what_nothing_stops_is_refused(
    targets: tuple[str, ...], code: str
) -> None:
    stone = service("stone", actions=acts("start"))
    here = Ground(Fleet((service("mail"), stone), limits=FREELY)).declared()
    here.do(DrawPlan("INC-1", Asked("stop", targets)), EVE)
    assert here.refused is not None
    assert [one.code for one in here.refused.reasons] == [code]
    assert here.world.plans == {}


# --- circles ----------------------------------------------------------------------------------------


def ring(**more: object) -> Ground:
    """Three that need each other in a circle, slow to stop."""
    names = ("a", "b", "c")
    every = tuple(service(one, {names[at - 1]: HARD}) for at, one in enumerate(names))
    here = Ground(Fleet(every, limits=FREELY), **more).declared()  # type: ignore[arg-type]
    here.drawn(Asked("stop", ("all",)))
    return here


def test_in_a_circle_one_stops_after_another() -> None:
    here = ring()
    here.do(StartPlan("PLAN-1"), EVE)
    for stopped in range(3):
        assert len(here.started) == stopped + 1, "the next one waits for this one to end"
        here.end_next()
    assert here.world.plans["PLAN-1"].state is PlanState.DONE


def test_in_a_circle_nobody_stops_behind_one_that_is_held() -> None:
    here = ring()
    here.faults |= {f"{one}/{verb}": "refuse" for one in "abc" for verb in ("stop", "kill")}
    plan = here.run("PLAN-1")
    held = [node.id for node in plan.nodes if plan.node_at(node.id).state is NodeState.HELD]
    assert len(held) == 1
    assert {one.partition("/")[0] for one in here.started} == set(held)
    here.faults.clear()
    here.do(WaiveStep("PLAN-1", next(iter(plan.holding)), "it is unplugged"), EVE)
    assert here.go_on("PLAN-1").state is PlanState.DONE
