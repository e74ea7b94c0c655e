"""Restores: only from a copy that was proven, what is there is kept first, and what is lost is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import SettleStep, WaiveStep
from allstop.domain.plan.lifecycle import PlanState
from allstop.domain.policy import Fleet, FleetLimits
from tests.domain.builders import EVE, START
from tests.domain.fleet.fleets import acts, service
from tests.domain.fleet.ground import Ground
from tests.domain.fleet.returned import (
    RESTORED,
    bites,
    here,
    options,
    refusal,
    run,
    shop,
    spec,
    states,
    watch,
    well,
)

SNAPSHOT, RESTORE = Asked("snapshot", ("db",)), Asked("restore", ("db",))
HOUR = 3_600_000


def named(name: str) -> dict[str, dict[str, Any]]:
    return {"db/snapshot": {"copy": name}, "db/verify-snapshot": {"copy": name}}


def with_copy(found: Ground | None = None, name: str = "monday") -> Ground:
    """A copy of db was made and proven by a plan; an hour has passed since."""
    found = found or here()
    found.facts |= named(name)
    assert run(found, SNAPSHOT).state is PlanState.DONE
    found.let_pass(HOUR)
    return found


def test_a_copy_is_made_and_proven_while_the_service_goes_on() -> None:
    found = here(facts=named("monday"))
    plan = run(found, SNAPSHOT)
    assert (plan.state, [step.action for step in plan.steps]) == (
        PlanState.DONE,
        ["snapshot", "verify-snapshot"],
    )
    (copy,) = found.world.copies["db"]
    assert copy.name == "monday"
    assert copy.proven_at is not None
    assert copy.proven_at >= copy.taken_at


def test_a_copy_that_could_not_be_restored_counts_for_nothing() -> None:
    found = here(facts=named("monday"), faults={"db/verify-snapshot": "refuse"})
    assert run(found, SNAPSHOT).state is PlanState.HELD
    code, text, hint = refusal(found, RESTORE)
    assert (code, text) == (
        "no-proven-copy",
        "no copy of db has been proven by a restore",
    )
    assert hint == "take one and prove it: allstop plan snapshot db"


def test_nothing_is_written_over_before_what_is_there_was_kept() -> None:
    """Given a proven copy, when db is restored, then it is closed, copied, the copy is proven, and it is stopped
    before anything is written over; and nobody gets in before it was looked at."""
    found = with_copy()
    found.facts |= named("before-restore")
    begun = len(found.started)
    plan = run(found, RESTORE)
    assert (plan.state, set(states(plan).values())) == (PlanState.DONE, {"reached"})
    assert [one.removeprefix("db/") for one in found.started[begun:]] == [
        "quiesce", "fence", "snapshot", "verify-snapshot", "stop", "restore", "start", "unfence", "unquiesce",
    ]  # fmt: skip
    after = {step.id: step.after for step in plan.steps}
    assert after["gate-db"] == ("start-db",)
    assert after["unfence-db"] == ("gate-db",)
    assert options(found, "restore", "db") == {"backup": "monday"}
    assert found.world.standing_of("db").is_usual


def test_an_instant_is_reached_from_the_newest_copy_before_it() -> None:
    found = with_copy()
    found.facts |= named("tuesday")
    assert run(found, SNAPSHOT).state is PlanState.DONE
    until = (START + timedelta(minutes=30)).isoformat()
    plan = found.drawn(replace(RESTORE, until=until))
    restore = next(step for step in plan.steps if step.action == "restore")
    assert restore.options == {"backup": "monday", "target_time": until}
    assert plan.title == "restore db as it was at 2026-11-21 03:30:00 UTC"


def test_what_cannot_go_to_an_instant_does_not_say_that_it_does() -> None:
    """Given a restore that only takes a copy, when somebody asks for an instant, then the plan says that it ends at
    the copy before it, and counts what is lost from there."""
    actions = {**RESTORED, "restore": spec("restore", backup="{copy}")}
    kept = shop()
    services = tuple(replace(one, actions=actions) if one.name == "db" else one for one in kept.services)  # fmt: skip
    found = with_copy(here(replace(kept, services=services)))
    until = (START + timedelta(minutes=30)).isoformat()
    plan = found.drawn(replace(RESTORE, until=until))
    at = f"{found.world.copies['db'][0].taken_at:%H:%M:%S} UTC"
    assert plan.title == f"restore db from its copy of 2026-11-21 {at}"
    assert "was told in the last 1h;" in plan.outlook["notes"][0]
    assert (
        "db: no {until} in its restore, so it ends at the copy before it" in plan.outlook["lacking"]
    )


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (Asked("restore"), "one-service"),
        (Asked("restore", ("db", "web")), "one-service"),
        (Asked("restore", ("web",)), "not-available"),
        (replace(RESTORE, until="yesterday"), "bad-instant"),
        (replace(RESTORE, until="2026-11-21T03:00:00"), "bad-instant"),
        (replace(RESTORE, until="2036-11-21T03:00:00+00:00"), "bad-instant"),
        (replace(RESTORE, until="2025-11-21T03:00:00+00:00"), "no-proven-copy"),
    ],
)
def test_what_cannot_be_restored_is_refused_with_the_reason(asked: Asked, code: str) -> None:
    assert refusal(with_copy(), asked)[0] == code


def test_what_is_lost_and_who_is_hit_stands_in_the_plan() -> None:
    plan = with_copy().drawn(RESTORE)
    lost, begins = plan.outlook["notes"]
    assert lost == "lost for good: whatever db was told in the last 1h; 1m may be lost (RPO)"
    assert begins.startswith("the copy monday of 2026-11-21 ")
    assert plan.outlook["radius"] == ["payments", "web"]
    assert bites(plan) == {}


def test_an_old_proof_has_to_be_agreed_to_by_name() -> None:
    fleet = replace(shop(), limits=FleetLimits(backup_ms=HOUR // 2))
    plan = with_copy(here(fleet)).drawn(RESTORE)
    assert bites(plan) == {"copy-too-old": "db"}
    assert plan.people >= 1


def test_what_cannot_be_kept_first_is_said_to_be_irreversible() -> None:
    actions = {name: one for name, one in RESTORED.items() if name != "snapshot"}
    db = service("db", stateful=True, probes=well("db"), actions=actions)
    found = here(Fleet((db,)))
    found.facts |= named("monday")
    saver = here(Fleet((replace(db, actions=dict(RESTORED)),)))
    with_copy(saver)
    found.world, found.records, found.now = saver.world, saver.records, saver.now
    found.result = saver.result
    plan = found.drawn(RESTORE)
    assert bites(plan)["irreversible"] == "db"
    assert plan.outlook["at_risk"] == ["db"]


def test_a_stopped_service_is_restored_as_it_stands_and_started() -> None:
    found = with_copy()
    found.run(found.drawn(Asked("stop", ("db",))).id)
    plan = found.drawn(RESTORE)
    assert bites(plan)["irreversible"] == "db"
    assert [step.action for step in plan.steps if step.kind == "act"] == [
        "restore", "start", "unfence", "unquiesce",
    ]  # fmt: skip


def test_a_restore_that_fails_holds_and_nobody_gets_in() -> None:
    found = with_copy()
    found.faults = {"db/restore": "refuse"}
    plan = run(found, RESTORE)
    assert (plan.state, states(plan)["db"]) == (PlanState.HELD, "held")
    assert found.truth["db"].fenced
    assert "mitigated" not in found.world.incidents["INC-1"].milestones


def test_a_copy_of_the_present_that_cannot_be_proven_writes_nothing_over() -> None:
    found = with_copy()
    found.faults = {"db/verify-snapshot": "refuse"}
    plan = run(found, RESTORE)
    assert plan.state is PlanState.HELD
    assert "db/restore" not in found.started


def test_a_restore_is_taken_back_to_the_copy_it_made_itself() -> None:
    """Given a restore, when it is taken back, then what was there before it is restored, from the copy that the
    plan made of it, and not from the copy it restored."""
    found = with_copy()
    found.facts |= named("before-restore")
    plan = run(found, RESTORE)
    undo = found.drawn(Asked("undo", plan=plan.id))
    restore = next(step for step in undo.steps if step.action == "restore")
    assert restore.options == {"backup": "before-restore"}
    assert found.run(undo.id).state is PlanState.DONE
    assert found.truth["db"].up


def test_a_restore_that_went_on_without_a_copy_cannot_be_taken_back() -> None:
    found = with_copy()
    found.faults = {"db/verify-snapshot": "refuse"}
    plan = run(found, RESTORE)
    found.do(WaiveStep(plan.id, "verify-snapshot-db", "it is broken beyond copying"), EVE)
    found.go_on(plan.id)
    assert watch(found, plan.id).state is PlanState.DONE
    undo = found.drawn(Asked("undo", plan=plan.id))
    assert ("irreversible", "restore-db") in {(one.rule, one.subject) for one in undo.bites}


def test_a_restore_nobody_saw_the_end_of_waits_for_a_person() -> None:
    found = with_copy()
    found.faults = {"db/restore": "hang"}
    plan = run(found, RESTORE)
    assert plan.state is PlanState.HELD
    found.faults = {}
    found.do(SettleStep(plan.id, "restore-db", True, "pg_controldata says so"), EVE)
    found.go_on(plan.id)
    assert watch(found, plan.id).state is PlanState.DONE


@pytest.mark.parametrize("at", range(20, 64, 3))
def test_a_coordinator_that_dies_anywhere_restores_once(at: int) -> None:
    found = with_copy(here(die_at=frozenset({at})))
    plan = run(found, RESTORE)
    assert plan.state is PlanState.DONE
    assert all(count == 1 for count in found.acted.values())
    assert found.world.copies["db"][0].proven_at is not None


def test_a_copy_that_somebody_else_made_counts_from_when_it_was_taken() -> None:
    found = here()
    taken = (START - timedelta(hours=3)).isoformat()
    found.facts = {"db/verify-snapshot": {"copy": "nightly", "taken_at": taken}}
    found.facts["db/snapshot"] = {"copy": "other"}
    run(found, SNAPSHOT)
    by_name = {copy.name: copy for copy in found.world.copies["db"]}
    assert by_name["nightly"].taken_at == START - timedelta(hours=3)
    assert by_name["other"].proven_at is None


def test_a_service_without_data_has_nothing_to_copy() -> None:
    assert refusal(here(), Asked("snapshot", ("web",)))[0] == "not-available"
    assert "snapshot" not in acts("stop")
