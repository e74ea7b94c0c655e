"""Playbooks against the rules of safety: a step by itself, and all of them together, as a plan of the fleet would be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allstop.domain.deciding.plan_drawing import draw
from allstop.domain.plan.asked import Asked
from allstop.domain.planning.drawn import Drawn, Setting
from allstop.domain.policy import Fleet, FleetLimits, PlaySort, ServiceSet
from tests.domain.fleet.fleets import HARD, service, stateful
from tests.domain.fleet.playing import book, phase, recover, stage, step, with_books

TWINS = Fleet(
    (service("web", {"a": HARD}), service("a"), service("b"), stateful("db")),
    sets=(ServiceSet("twins", "Twins", ("a", "b"), 1),),
)


def drawn(fleet: Fleet, *phases: object) -> Drawn:
    """The plan of a playbook with these phases, as it would be made now."""
    ground = stage(with_books(book(*phases), fleet=fleet))  # type: ignore[arg-type]
    incident, asked = ground.world.incidents["INC-1"], Asked("playbook", playbook="the-book")
    return draw(Setting(ground.world, ground.book.latest, incident, asked, ground.now.utc))


def bites(found: Drawn) -> set[tuple[str, str]]:
    return {(one.rule, one.subject) for one in found.bites}


@pytest.mark.parametrize("action", ["stop", "kill"])
def test_an_action_that_ends_a_service_is_judged_like_its_stop(action: str) -> None:
    """Given a playbook that ends services one by one, each step a legal one, then the last replica, whoever stays up
    broken, and data of which nothing proves a copy are named, and who is broken is shown."""
    fleet = replace(TWINS, services=(*TWINS.services[:-1], stateful("db", actions={**TWINS.services[-1].actions, "kill": TWINS.services[0].actions["kill"]})))  # fmt: skip
    found = drawn(fleet, phase(
        "first", 0, 2, step("one", PlaySort.ACTION, action, "a"),
        step("two", PlaySort.ACTION, action, "b", after=("one",)),
        step("data", PlaySort.ACTION, action, "db"),
    ))  # fmt: skip
    assert {("min-alive", "twins"), ("orphans", "web"), ("data-unproven", "db")} <= bites(found)
    assert "web" in found.outlook.radius
    assert "db" in found.outlook.at_risk


def test_data_that_an_earlier_step_has_made_safe_is_not_named() -> None:
    found = drawn(TWINS, phase(
        "first", 0, 2, step("copy", PlaySort.ACTION, "snapshot", "db"),
        step("prove", PlaySort.ACTION, "verify-snapshot", "db", after=("copy",)),
        step("end", PlaySort.ACTION, "stop", "db", after=("prove",)),
    ))  # fmt: skip
    assert "data-unproven" not in {one.rule for one in found.bites}
    assert found.outlook.at_risk == ()


def test_a_proof_that_the_end_does_not_wait_for_protects_nothing() -> None:
    found = drawn(TWINS, phase(
        "first", 0, 2, step("prove", PlaySort.PLAN, "snapshot", "db"),
        step("end", PlaySort.ACTION, "stop", "db"),
    ))  # fmt: skip
    assert ("data-unproven", "db") in bites(found)


def test_whoever_is_broken_by_a_service_that_is_cut_off_is_shown() -> None:
    found = drawn(TWINS, phase("first", 0, 2, step("cut", PlaySort.ACTION, "isolate", "a")))
    assert "web" in found.outlook.radius


def test_the_share_of_the_fleet_is_that_of_all_steps_together() -> None:
    """Given ten services of which two may go at once, when a playbook stops four of them in four steps, then the rule
    bites with all four; when each comes back before the next one goes, it does not."""
    fleet = Fleet(
        tuple(service(f"s{at}") for at in range(10)), limits=FleetLimits(share_percent=20)
    )
    ends = [step(f"end{at}", PlaySort.PLAN, "stop", f"s{at}") for at in range(4)]
    found = drawn(fleet, phase("first", 0, 9, *ends))
    (share,) = [one for one in found.bites if one.rule == "largest-share"]
    assert share.text.startswith("4 of 10 services")
    rolling = [
        one
        for at, end in enumerate(ends)
        for one in (
            replace(end, after=(f"up{at - 1}",) if at else ()),
            recover(f"up{at}", f"s{at}", after=(end.id,)),
        )
    ]
    found = drawn(fleet, phase("first", 0, 9, *rolling))
    assert "largest-share" not in {one.rule for one in found.bites}
