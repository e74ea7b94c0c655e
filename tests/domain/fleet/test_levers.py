"""Levers that are pulled: asked about, extended by people, taken back by themselves, never forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from allstop.domain.due import due
from allstop.domain.incident import events as ie
from allstop.domain.incident.commands import SetSeverity, StandDown
from allstop.domain.plan import lever_events as le
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import AbortPlan, DrawPlan, RetryStep, StartPlan
from allstop.domain.plan.lever_commands import ExpireLever, ExtendLever, SayLeverOverdue
from allstop.domain.plan.lifecycle import PlanState
from allstop.domain.policy import ActionSpec, Fleet, Lever
from allstop.domain.principal import TIMEKEEPER
from allstop.domain.world import World, evolve
from tests.domain.builders import BEN, BUILDER, EVE
from tests.domain.fleet.fleets import HARD, looks, service
from tests.domain.fleet.ground import Ground

HOUR = 3_600_000
MINUTE = 60_000


def lever(name: str, service: str, expires: int = 2 * HOUR) -> Lever:
    proofs = looks(service, "pulled", "released")
    return Lever(
        name, f"less {name}", "minor", ActionSpec("script", name, {}, 5000),
        ActionSpec("script", f"un{name}", {}, 5000), proofs["pulled"], proofs["released"], "60 %",
        expires,
    )  # fmt: skip


def shop(**more: Any) -> Fleet:
    return Fleet(
        (
            service("web", {"search": HARD}, category="revenue"),
            service(
                "search", category="analytics", levers=(lever("cached", "search"),), **more
            ),
            service("mail", levers=(lever("later", "mail", 10 * MINUTE),)),
        )
    )  # fmt: skip


def pulled(fleet: Fleet | None = None, *names: str) -> Ground:
    """The levers of search (or those named) are pulled."""
    here = Ground(fleet or shop()).declared()
    asked = Asked("degrade", levers=names or ("search:cached",))
    here.run(here.drawn(asked).id)
    return here


def until(here: Ground, milliseconds: int) -> Ground:
    """Time passes, and whatever falls due about levers meanwhile happens when it does."""
    end = here.now.utc + timedelta(milliseconds=milliseconds)
    while True:
        found = due(here.world, here.book, here.now)
        mine = [one for one in found.commands if type(one).__name__.endswith(("Lever", "Overdue"))]
        for one in mine:
            here.do(one, TIMEKEEPER)
            assert here.refused is None, here.refused
        here.go_on("PLAN-1", here.now.monotonic_ms + 5000)
        if mine:
            continue
        if here.now.utc >= end:
            return here
        here.let_pass(MINUTE if here.now.utc + timedelta(minutes=1) <= end else 1000)


def events(here: Ground, kind: type) -> list[object]:
    return [one.event for one in here.records if isinstance(one.event, kind)]


def told(here: Ground, word: str) -> list[str]:
    return [
        f"{one.to} {one.subject} {one.text}"
        for one in events(here, ie.NotificationRequested)
        if isinstance(one, ie.NotificationRequested) and word in one.subject
    ]


def refusal(here: Ground) -> str:
    assert here.refused is not None, "it was allowed"
    return here.refused.reasons[0].code


def replayed(here: Ground) -> World:
    world = World()
    for record in here.records:
        world = evolve(world, record)
    return world


def test_a_lever_knows_since_when_and_until_when_it_is_pulled() -> None:
    here = pulled()
    one = here.world.standing_of("search").pulled["cached"]
    assert one.until is not None
    assert one.until - one.since == timedelta(hours=2)
    assert here.world.with_less == {"search"}


def test_a_lever_that_is_named_is_pulled_and_a_typo_pulls_nothing() -> None:
    here = Ground(shop()).declared()
    assert refusal(here.do(DrawPlan("INC-1", Asked("degrade", levers=("search:cachd",))), EVE)) == "unknown-lever"  # fmt: skip
    assert refusal(here.do(DrawPlan("INC-1", Asked("release", levers=("search:cached",))), EVE)) == "not-pulled"  # fmt: skip
    assert refusal(here.do(DrawPlan("INC-1", Asked("release")), EVE)) == "nothing-to-do"


def test_before_its_end_the_commander_is_asked_once_and_without_an_answer_it_is_taken_back() -> (
    None
):
    here = until(pulled(), 89 * MINUTE)
    assert events(here, le.LeverAsked) == []
    until(here, 2 * MINUTE)
    (asked,) = events(here, le.LeverAsked)
    assert isinstance(asked, le.LeverAsked)
    assert asked.people == ("ada",)
    assert len(told(here, "ends in 30m")) == 1
    until(here, 40 * MINUTE)
    plan = here.world.plans["PLAN-2"]
    assert (plan.purpose, plan.state, plan.approve) == ("release", PlanState.DONE, "")
    assert plan.nodes[0].id == "search:cached"
    assert here.world.standing_of("search").is_usual
    assert here.world.with_less == frozenset()
    assert len(events(here, le.LeverAsked)) == 1
    until(here, 5 * HOUR)
    assert len(here.world.plans) == 2, "it is taken back once"


def test_at_a_service_that_is_stopped_it_is_said_and_taken_back_once_the_service_is_back() -> None:
    """Given a lever whose time is over while a plan has stopped its service, then nobody is asked to act where there
    is nobody, the service can come back, and then the lever is taken back."""
    here = pulled()
    here.run(here.drawn(Asked("stop", ("search", "web"))).id)
    until(here, 3 * HOUR)
    (expired,) = events(here, le.LeverExpired)
    assert isinstance(expired, le.LeverExpired)
    assert (expired.plan, expired.blocked) == ("", "stopped")
    assert told(here, "search:cached is overdue")
    assert {plan.state for plan in here.world.plans.values()} == {PlanState.DONE}
    here.run(here.drawn(Asked("recover", ("search",))).id, 24 * HOUR)
    assert not here.world.standing_of("search").stopped
    until(here, MINUTE)
    assert here.world.with_less == frozenset()


def test_whoever_lets_it_stay_is_on_the_record_and_it_is_asked_about_again() -> None:
    here = until(pulled(), 100 * MINUTE)
    here.do(ExtendLever("cached", 3 * HOUR, "the index is being rebuilt"), EVE)
    assert here.refused is None
    until(here, 2 * HOUR)
    assert here.world.standing_of("search").pulled["cached"].kept
    assert len(here.world.plans) == 1
    until(here, 2 * HOUR)
    assert here.world.standing_of("search").is_usual
    assert len(events(here, le.LeverAsked)) == 2


def test_after_a_short_extension_it_is_asked_about_by_that_and_not_at_once() -> None:
    here = until(pulled(), 100 * MINUTE)
    here.do(ExtendLever("cached", 20 * MINUTE, "a moment"), EVE)
    until(here, 14 * MINUTE)
    assert len(events(here, le.LeverAsked)) == 1
    until(here, 2 * MINUTE)
    assert len(events(here, le.LeverAsked)) == 2


def test_who_may_not_extend_and_what_cannot_be_extended() -> None:
    here = pulled()
    assert refusal(here.do(ExtendLever("cached", HOUR, "x"), BEN)) == "no-authority"
    assert refusal(here.do(ExtendLever("cached", HOUR, "x"), BUILDER)) == "no-authority"
    assert refusal(here.do(ExtendLever("cached", HOUR, "  "), EVE)) == "empty"
    assert refusal(here.do(ExtendLever("cached", 0, "x"), EVE)) == "bad-span"
    assert refusal(here.do(ExtendLever("cached", 400 * 86_400_000, "x"), EVE)) == "bad-span"
    assert refusal(here.do(ExtendLever("mail:later", HOUR, "x"), EVE)) == "not-pulled"


def test_a_name_that_two_services_have_pulled_means_neither() -> None:
    fleet = Fleet(tuple(service(one, levers=(lever("less", one),)) for one in ("a", "b")))
    here = pulled(fleet, "a:less", "b:less")
    assert refusal(here.do(ExtendLever("less", HOUR, "x"), EVE)) == "several-levers"
    here.do(ExtendLever("b:less", HOUR, "x"), EVE)
    assert here.refused is None


def test_of_a_protected_service_a_person_is_asked_again_and_again() -> None:
    here = until(pulled(shop(protected=True)), 125 * MINUTE)
    (expired,) = events(here, le.LeverExpired)
    assert isinstance(expired, le.LeverExpired)
    assert (expired.plan, expired.blocked) == ("", "protected")
    until(here, 116 * MINUTE)
    assert len(events(here, le.LeverOverdue)) == 2, "every hour, for no updates are owed"
    assert len(here.world.plans) == 1
    assert here.world.standing_of("search").levers == {"cached"}
    release = here.drawn(Asked("release", levers=("search:cached",)))
    assert release.approve
    here.run(release.id)
    until(here, HOUR)
    assert here.world.standing_of("search").is_usual
    assert len(events(here, le.LeverOverdue)) == 2, "what was taken back is said no more"


def test_where_updates_are_owed_it_is_said_at_their_cadence() -> None:
    here = pulled(shop(protected=True))
    here.do(SetSeverity("INC-1", "SEV1", "it is worse"), EVE)
    until(here, 125 * MINUTE)
    until(here, 31 * MINUTE)
    assert len(events(here, le.LeverOverdue)) == 2, "every quarter of an hour"


def test_a_release_waits_for_another_plan_on_its_service_and_then_goes() -> None:
    here = pulled()
    here.faults = {"search/stop": "refuse", "search/kill": "refuse"}
    stop = here.drawn(Asked("stop", ("search",), orphans=("web",)))
    here.run(stop.id)
    assert here.world.plans[stop.id].state is PlanState.HELD
    until(here, 121 * MINUTE)
    (expired,) = events(here, le.LeverExpired)
    assert isinstance(expired, le.LeverExpired)
    assert expired.blocked == "busy"
    assert len(here.world.plans) == 2, "it does not race what is under way"
    here.do(AbortPlan(stop.id, "it stays"), EVE)
    until(here, MINUTE)
    assert here.world.plans["PLAN-3"].purpose == "release"
    assert here.world.standing_of("search").is_usual


def test_a_new_pull_never_meets_a_release() -> None:
    here = pulled()
    pull = here.drawn(Asked("release", levers=("search:cached",)))
    again = here.drawn(Asked("degrade", levers=("mail:later",)))
    here.do(StartPlan(pull.id), EVE)
    here.do(StartPlan(again.id), EVE)
    assert here.refused is None, "another service"
    here.go_on(pull.id)
    third = here.drawn(Asked("degrade", levers=("search:cached",)))
    here.run(third.id)
    release = here.drawn(Asked("release", levers=("search:cached",)))
    here.do(StartPlan(release.id), EVE)
    assert here.world.plans[release.id].state is PlanState.RUNNING
    here.do(DrawPlan("INC-1", Asked("degrade", levers=("search:cached",))), EVE)
    assert refusal(here) == "nothing-to-do", "until it is seen to be back, it is pulled"


def test_a_release_that_fails_is_said_until_somebody_mends_it() -> None:
    here = pulled()
    here.faults = {"search/uncached": "refuse"}
    until(here, 121 * MINUTE)
    assert here.world.plans["PLAN-2"].state is PlanState.HELD
    until(here, 121 * MINUTE)
    assert len(events(here, le.LeverOverdue)) == 2
    assert refusal(here.do(ExtendLever("cached", HOUR, "not now"), EVE)) == "being-taken-back"
    here.faults = {}
    here.do(RetryStep("PLAN-2", "release-cached-search"), EVE)
    here.go_on("PLAN-2", 10**9)
    assert here.world.standing_of("search").is_usual


def test_what_a_person_gives_up_is_not_begun_again_by_itself() -> None:
    here = pulled()
    here.faults = {"search/uncached": "refuse"}
    until(here, 121 * MINUTE)
    here.do(AbortPlan("PLAN-2", "leave it"), EVE)
    until(here, 3 * HOUR)
    assert len(here.world.plans) == 2
    assert events(here, le.LeverOverdue)
    here.do(ExtendLever("cached", HOUR, "until the morning"), EVE)
    here.faults = {}
    until(here, 61 * MINUTE)
    assert here.world.standing_of("search").is_usual


def test_nobody_stands_down_over_a_lever_that_nobody_has_decided_about() -> None:
    here = pulled()
    here.do(StandDown("INC-1", "it works"), EVE)
    assert here.refused is not None
    assert "lever-pulled" in [one.code for one in here.refused.reasons]
    here.do(ExtendLever("cached", 3 * HOUR, "until the disk is there"), EVE)
    here.do(StandDown("INC-1", "it works"), EVE)
    assert here.refused is not None
    assert "lever-pulled" not in [one.code for one in here.refused.reasons]
    here.faults = {"search/uncached": "refuse"}
    until(here, 3 * HOUR + MINUTE)
    here.do(StandDown("INC-1", "it works"), EVE)
    assert here.refused is not None
    assert "lever-pulled" in [one.code for one in here.refused.reasons], "its time is over"


def test_a_lever_outlives_its_incident_and_is_taken_back_all_the_same() -> None:
    here = pulled()
    here.do(ExtendLever("cached", 3 * HOUR, "until the disk is there"), EVE)
    incident = replace(here.world.incidents["INC-1"], state="stood-down")
    here.world = replace(here.world, incidents={"INC-1": incident})
    here.faults = {"search/uncached": "refuse"}
    until(here, 3 * HOUR + MINUTE)
    assert here.world.plans["PLAN-2"].state is PlanState.HELD
    until(here, 2 * HOUR + MINUTE)
    assert len(events(here, le.LeverOverdue)) == 2
    here.faults = {}
    here.do(RetryStep("PLAN-2", "release-cached-search"), EVE)
    assert here.refused is None
    here.go_on("PLAN-2", 10**9)
    assert here.world.standing_of("search").is_usual


def test_an_undo_of_a_release_pulls_it_with_its_expiry() -> None:
    here = pulled()
    here.run(here.drawn(Asked("release")).id)
    here.run(here.drawn(Asked("undo", plan="PLAN-2")).id)
    one = here.world.standing_of("search").pulled["cached"]
    assert one.until is not None
    until(here, 121 * MINUTE)
    assert here.world.standing_of("search").is_usual


def test_a_lever_that_fleet_yaml_knows_no_more_is_taken_back_as_it_was_pulled() -> None:
    here = pulled()
    search = replace(here.fleet.services[1], levers=())
    fleet = replace(here.fleet, services=(here.fleet.services[0], search))
    pinned = here.book.bodies["p1"]
    here.book = replace(here.book, bodies={"p1": replace(pinned, fleet=fleet)})
    here.run(here.drawn(Asked("release")).id)
    assert here.started[-1] == "search/uncached"
    assert here.world.standing_of("search").is_usual


def test_a_command_that_comes_too_late_or_too_early_does_nothing() -> None:
    here = pulled()
    before = len(here.records)
    here.do(ExpireLever("search", "cached"), TIMEKEEPER)
    here.do(ExpireLever("mail", "later"), TIMEKEEPER)
    here.do(SayLeverOverdue("search", "cached"), TIMEKEEPER)
    assert len(here.records) == before
    assert refusal(here.do(ExpireLever("search", "cached"), EVE)) == "internal"


def test_dying_at_any_entry_forgets_no_lever() -> None:
    whole = until(pulled(), 125 * MINUTE)
    for at in range(len(whole.records)):
        here = Ground(shop(), die_at=frozenset({at})).declared()
        here.run(here.drawn(Asked("degrade", levers=("search:cached",))).id)
        until(here, 125 * MINUTE)
        assert here.world.standing_of("search").is_usual, at
        assert here.world == replayed(here), at
