"""The next command in an open incident: what is held, asked or agreed goes before looking on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allstop.application.next_step import next_in
from allstop.domain.incident.commands import AcknowledgeIncident
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import StartPlan
from allstop.domain.plan.lifecycle import PlanState
from allstop.domain.policy import Fleet
from tests.domain.builders import EVE
from tests.domain.fleet.fleets import HARD, service, stateful
from tests.domain.fleet.ground import Ground
from tests.domain.fleet.playing import book, phase, stage, task, with_books
from tests.faces.cli.recorded import LINE

SHOP = Fleet((service("web", {"db": HARD}), stateful("db")))


def taken(found: Ground) -> Ground:
    found.do(AcknowledgeIncident("INC-1"), EVE)
    return found


def told(found: Ground) -> tuple[str, str]:
    now = found.now.utc
    return next_in(found.world, found.book.latest, LINE, now, several=False)


def changed(found: Ground, plan: str, **more: object) -> None:
    """The same plan in another state."""
    plans = {**found.world.plans, plan: replace(found.world.plans[plan], **more)}  # type: ignore[arg-type]
    found.world = replace(found.world, plans=plans)


def test_a_plan_that_is_held_goes_before_one_that_waits_for_approval() -> None:
    """Given a plan that waits and a later one that is held, then the held one is what somebody looks at first."""
    found = taken(Ground(SHOP, faults={"web/stop": "hang", "web/kill": "refuse"}).declared())
    found.drawn(Asked("stop", ("db",)))
    found.drawn(Asked("stop", ("web",)))
    found.run("PLAN-2")
    changed(found, "PLAN-1", state=PlanState.PROPOSED, approve="commander")
    command, why = told(found)
    assert command == "allstop plan show PLAN-2"
    assert why.startswith("PLAN-2 is held: ")


def test_a_plan_that_everybody_agreed_to_is_started_by_somebody() -> None:
    found = taken(Ground(SHOP).declared())
    plan = found.drawn(Asked("stop", ("web",)))
    assert told(found) == ("allstop plan run PLAN-1", f"PLAN-1 can be run: {plan.title}")
    found.do(StartPlan("PLAN-1"), EVE)
    assert told(found)[0] == "allstop show INC-1"


def test_an_approval_that_is_over_starts_nothing() -> None:
    found = taken(Ground(SHOP).declared())
    found.drawn(Asked("stop", ("web",)))
    found.let_pass(found.book.latest.fleet.limits.approval_ms)
    assert told(found)[0] == "allstop show INC-1"


def test_a_task_of_a_plan_says_whose_it_is() -> None:
    night = book(
        phase("shut", 0, 2, task("look", title="Look behind it", role="scribe")), name="night"
    )
    found = taken(stage(with_books(night)))
    found.drawn(Asked("playbook", playbook="night"))
    found.run("PLAN-1")
    assert told(found) == ("allstop plan show PLAN-1", "PLAN-1 asks scribe: Look behind it")


@pytest.mark.parametrize("state", ["proposed", "held"])
def test_a_plan_from_before_the_incident_was_opened_again_counts_no_more(state: str) -> None:
    """Given a plan of an earlier round, then nobody is sent to approve or mend what would be refused."""
    found = taken(Ground(SHOP).declared())
    found.drawn(Asked("stop", ("web",)))
    changed(found, "PLAN-1", state=PlanState(state), approve="commander")
    assert told(found)[0] != "allstop show INC-1"
    incident = found.world.incidents["INC-1"]
    again = replace(incident, reopened=(found.now.utc,))
    found.world = replace(found.world, incidents={"INC-1": again})
    assert told(found)[0] == "allstop show INC-1"
