"""Breakers of the fleet: a service that fails too often brings the fallback of whoever needs it, and back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from allstop.domain.breaker import Circuit
from allstop.domain.due import due
from allstop.domain.incident import events as ie
from allstop.domain.incident.commands import DeclareIncident, Override, RecordSamples
from allstop.domain.incident.course_commands import BeginPreflight
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import AbortPlan
from allstop.domain.plan.events import Step
from allstop.domain.plan.lever_commands import (
    ExtendLever,
    ForceCircuit,
    MoveBreaker,
    NoteCircuit,
)
from allstop.domain.plan.lifecycle import PlanState
from allstop.domain.plan.state import Plan
from allstop.domain.policy import Fleet, FleetBreaker, PolicyBook, Preflight, ProbeSpec
from allstop.domain.principal import MONITOR, RUNNER, TIMEKEEPER
from allstop.domain.samples import Sample
from allstop.testing.invariants import check
from allstop.testing.traces import Trace
from tests.domain.builders import EVE
from tests.domain.fleet.fleets import SOFT, service
from tests.domain.fleet.ground import Ground
from tests.domain.fleet.test_levers import HOUR, lever, refusal, replayed

SECOND = 1000
NAME = "web:search"


def fleet(*, probes: int = 1, **more: object) -> Fleet:
    watched = tuple(
        ProbeSpec(f"search-{at}", "search", "script", {}, 1000, 2, 2) for at in range(probes)
    )
    return Fleet(
        (
            service("web", {"search": SOFT}, levers=(lever("cached", "web"),), **more),
            service("search", probes=watched),
        ),
        breakers=(FleetBreaker("web", "search", "cached"),),
    )


def here(found: Fleet | None = None, **more: object) -> Ground:
    return Ground(found or fleet(), **more).declared()  # type: ignore[arg-type]


def seen(at: Ground, rounds: int, good: bool | None, *others: bool | None) -> Ground:
    """Rounds of samples, two seconds apart, and whatever they make due."""
    for _ in range(rounds):
        at.let_pass(2 * SECOND)
        samples = tuple(
            Sample(f"search-{place}", one, "seen") for place, one in enumerate((good, *others))
        )
        for incident in at.world.open_incidents():
            at.do(RecordSamples(incident.id, samples, 2 * SECOND), MONITOR)
        moved(at)
    return at


def moved(at: Ground) -> None:
    while mine := [
        one for one in due(at.world, at.book, at.now).commands if isinstance(one, MoveBreaker)
    ]:
        for command in mine:
            at.do(command, TIMEKEEPER)
            assert at.refused is None, at.refused
        at.go_on("PLAN-1")


def state(at: Ground) -> Circuit:
    stands = at.world.circuits.get(NAME)
    return stands.state if stands is not None else Circuit.CLOSED


def levers(at: Ground) -> set[str]:
    return set(at.world.standing_of("web").levers)


def open_breaker(at: Ground | None = None) -> Ground:
    found = seen(at or here(), 5, False)
    assert (state(found), levers(found)) == (Circuit.OPEN, {"cached"})
    return found


def test_five_bad_samples_in_a_row_pull_the_fallback_with_its_proof_and_its_expiry() -> None:
    at = seen(here(), 4, False)
    assert (state(at), levers(at)) == (Circuit.CLOSED, set())
    seen(at, 1, False)
    assert (state(at), levers(at)) == (Circuit.OPEN, {"cached"})
    plan = at.world.plans["PLAN-1"]
    assert (plan.purpose, plan.state, plan.approve) == ("degrade", PlanState.DONE, "")
    assert plan.steps[0].proof is not None
    assert plan.steps[0].expires_ms == 2 * HOUR
    assert at.world.circuits[NAME].because == "search-0 was bad 5 times in a row"
    told = [one.event for one in at.records if isinstance(one.event, ie.NotificationRequested)]
    assert any("the breaker web:search has opened" in one.subject for one in told)
    assert list(check(Trace(tuple(at.records), at.book))) == []


def test_a_good_sample_between_counts_anew_and_one_that_could_not_run_counts_nothing() -> None:
    at = seen(seen(seen(here(), 4, False), 1, True), 4, False)
    assert state(at) is Circuit.CLOSED
    at = seen(seen(here(), 4, False), 20, None)
    assert state(at) is Circuit.CLOSED
    assert state(seen(at, 1, False)) is Circuit.OPEN


def test_after_five_minutes_good_samples_close_it_and_take_the_lever_back() -> None:
    at = seen(open_breaker(), 10, True)
    assert (state(at), levers(at)) == (Circuit.OPEN, {"cached"}), "not before its time"
    at.let_pass(300 * SECOND)
    seen(at, 1, True)
    assert state(at) is Circuit.HALF_OPEN
    seen(at, 2, True)
    assert state(at) is Circuit.HALF_OPEN, "three rounds, counted from here"
    seen(at, 1, True)
    assert (state(at), levers(at)) == (Circuit.CLOSED, set())
    assert at.world.plans["PLAN-2"].purpose == "release"


def test_one_bad_sample_opens_it_again_and_the_lever_stays() -> None:
    at = open_breaker()
    at.let_pass(300 * SECOND)
    seen(seen(at, 2, True), 1, False)
    assert (state(at), levers(at)) == (Circuit.OPEN, {"cached"})
    assert len(at.world.plans) == 1
    until = at.world.circuits[NAME].until
    assert until is not None
    assert until - at.now.utc == timedelta(minutes=5)


def test_every_probe_of_the_service_must_be_good_and_none_may_be_blind() -> None:
    at = here(fleet(probes=2))
    seen(at, 5, True, False)
    assert state(at) is Circuit.OPEN
    at.let_pass(300 * SECOND)
    seen(at, 10, True, None)
    assert state(at) is Circuit.HALF_OPEN
    seen(at, 3, True, True)
    assert state(at) is Circuit.CLOSED


def test_an_open_circuit_of_calls_opens_it_as_well_and_only_once() -> None:
    at = here()
    note = NoteCircuit("search", "script", "open", 5, "no answer", 300_000, "incident/INC-1")
    at.do(note, RUNNER)
    moved(at)
    assert state(at) is Circuit.OPEN
    assert at.world.circuits[NAME].because == "the circuit search@script is open: no answer"
    at.run(at.drawn(Asked("release")).id)
    seen(at, 3, True)
    assert (state(at), levers(at)) == (Circuit.CLOSED, set())


def test_what_a_person_takes_back_is_not_pulled_again_by_what_was_bad_before() -> None:
    at = open_breaker()
    at.run(at.drawn(Asked("release")).id)
    seen(at, 1, False)
    assert (state(at), levers(at)) == (Circuit.CLOSED, set())
    seen(at, 4, False)
    assert levers(at) == set()
    seen(at, 2, False)
    assert levers(at) == {"cached"}, "five bad ones since then"


def test_what_a_person_lets_stay_is_not_taken_back_by_it() -> None:
    at = open_breaker()
    at.do(ExtendLever("cached", HOUR, "we keep it until the evening"), EVE)
    at.let_pass(300 * SECOND)
    seen(at, 5, True)
    assert (state(at), levers(at)) == (Circuit.CLOSED, {"cached"})


def test_it_waits_for_whatever_works_on_the_service() -> None:
    at = here(faults={"web/stop": "refuse", "web/kill": "refuse"})
    at.run(at.drawn(Asked("stop", ("web",))).id)
    seen(at, 10, False)
    assert (state(at), levers(at)) == (Circuit.CLOSED, set())
    assert at.world.plans["PLAN-1"].state is PlanState.HELD


def test_where_checks_must_pass_first_it_asks_for_them_and_waits() -> None:
    at = Ground(fleet())
    pinned = at.book.bodies["p1"]
    checks = Preflight(("documents",), required=True)
    protocol = replace(pinned.protocol, preflight=checks)
    at.book = PolicyBook("p1", {"p1": replace(pinned, protocol=protocol)})
    at.declared()
    seen(at, 6, False)
    assert (state(at), levers(at)) == (Circuit.CLOSED, set())
    wanted = due(at.world, at.book, at.now).commands
    assert BeginPreflight("INC-1") in wanted
    at.do(BeginPreflight("INC-1"), TIMEKEEPER)
    at.do(Override("INC-1", "preflight", "there is no time"), EVE)
    seen(at, 1, False)
    assert levers(at) == {"cached"}


def test_nothing_is_pulled_at_a_protected_service_without_a_person() -> None:
    at = seen(here(fleet(protected=True)), 20, False)
    assert (state(at), levers(at)) == (Circuit.CLOSED, set())


def test_a_lever_that_is_pulled_already_is_left_to_whoever_pulled_it() -> None:
    at = here()
    at.run(at.drawn(Asked("degrade", levers=("web:cached",))).id)
    seen(at, 10, False)
    assert state(at) is Circuit.CLOSED
    assert len(at.world.plans) == 1


def test_what_a_plan_has_stopped_is_left_alone_until_it_is_back() -> None:
    """Given a service that was stopped in order, when what it needs fails, then nothing is pulled at it: there is
    nobody to pull it at, and a plan that is held would keep the service from coming back."""
    at = here()
    at.run(at.drawn(Asked("stop", ("web",))).id)
    seen(at, 10, False)
    assert (state(at), levers(at), len(at.world.plans)) == (Circuit.CLOSED, set(), 1)
    at.run(at.drawn(Asked("recover", ("web",))).id)
    assert not at.world.standing_of("web").stopped
    seen(at, 1, False)
    assert levers(at) == {"cached"}


def test_it_waits_for_a_remedy_of_the_service() -> None:
    """Given a remedy without nodes that is at work on a service, then nothing is pulled there beside it."""
    at = here()
    step = Step(
        "restart-web", "act", "restart web", "web", adapter="script", verb="start", action="restart"
    )
    remedy = Plan("PLAN-1", "INC-1", "remedy", "restart web", (step,), "", "", 1, "p1", at.now.utc)
    at.world = replace(at.world, plans={"PLAN-1": replace(remedy, state=PlanState.RUNNING)})
    seen(at, 10, False)
    assert (state(at), levers(at)) == (Circuit.CLOSED, set())


def test_a_fallback_that_does_not_work_is_held_and_not_tried_without_end() -> None:
    at = seen(here(faults={"web/cached": "refuse"}), 20, False)
    assert state(at) is Circuit.OPEN
    assert [plan.state for plan in at.world.plans.values()] == [PlanState.HELD]


def test_of_a_fallback_that_never_worked_nobody_says_that_it_was_taken_back() -> None:
    at = seen(here(faults={"web/cached": "refuse"}), 5, False)
    at.do(AbortPlan("PLAN-1", "it does not work"), EVE)
    seen(at, 1, False)
    assert (state(at), levers(at)) == (Circuit.CLOSED, set())
    assert at.world.circuits[NAME].because == "cached is not pulled"


def test_a_person_closes_it_or_switches_it_off() -> None:
    at = open_breaker()
    assert refusal(at.do(ForceCircuit(NAME, "open", "x"), EVE)) == "no-call"
    at.do(ForceCircuit(NAME, "off", "it is wrong about search"), EVE)
    at.run(at.drawn(Asked("release")).id)
    seen(at, 20, False)
    assert (state(at), levers(at)) == (Circuit.DISABLED, set())
    at.do(ForceCircuit(NAME, "closed", "mended"), EVE)
    seen(at, 4, False)
    assert state(at) is Circuit.CLOSED
    seen(at, 1, False)
    assert state(at) is Circuit.OPEN


def test_of_two_incidents_one_moves_it_and_the_next_goes_on_when_that_has_ended() -> None:
    at = open_breaker()
    at.do(DeclareIncident("another", (), "person:eve"), EVE)
    at.let_pass(300 * SECOND)
    seen(at, 1, True)
    assert at.world.circuits[NAME].incident == "INC-1"
    ended = replace(at.world.incidents["INC-1"], state="stood-down")
    at.world = replace(at.world, incidents={**at.world.incidents, "INC-1": ended})
    seen(at, 5, True)
    assert (state(at), levers(at)) == (Circuit.CLOSED, set())


def test_what_the_record_says_is_all_it_takes() -> None:
    at = open_breaker()
    at.let_pass(300 * SECOND)
    seen(at, 2, True)
    assert at.world == replayed(at)


def test_a_command_that_comes_too_late_does_nothing() -> None:
    at = here()
    before = len(at.records)
    at.do(MoveBreaker("INC-1", NAME), TIMEKEEPER)
    at.do(MoveBreaker("INC-1", "web:moon"), TIMEKEEPER)
    assert (at.refused, len(at.records)) == (None, before)
    assert refusal(at.do(MoveBreaker("INC-1", NAME), EVE)) == "internal"
