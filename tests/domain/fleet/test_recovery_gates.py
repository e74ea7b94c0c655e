"""The gates of a recovery: which stages have one, and what is told of each line."""

from __future__ import annotations

from allstop.domain.incident.commands import RecordSamples
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.lifecycle import PlanState, StepState
from allstop.domain.policy import Fleet, ProbeSpec, Stage
from allstop.domain.principal import MONITOR
from allstop.domain.samples import Sample
from tests.domain.fleet.fleets import HARD, service
from tests.domain.fleet.ground import Ground

LINES = ("network", "storage", "boundary")


def probe(name: str, service: str) -> ProbeSpec:
    return ProbeSpec(name, service, "script", {}, 1000, 1, 1)


def fleet(lines: tuple[str, ...] = LINES) -> Fleet:
    """The ground, which nobody stops, with lines of its own; a service on it; the office behind that."""
    return Fleet(
        (
            service("ground", probes=tuple(probe(one, "ground") for one in lines), stage="ground"),
            service("web", {"ground": HARD}, probes=(probe("web-ok", "web"),), stage="shop"),
            service("office", {"web": HARD}, probes=(probe("office-ok", "office"),), stage="rest"),
        ),
        stages=(
            Stage("ground", "the ground", probes=lines),
            Stage("air", "the air"),
            Stage("shop", "the shop"),
            Stage("rest", "the rest", probes=("office-ok",)),
        ),
    )


def recovering(found: Ground, *names: str) -> str:
    """The named services were stopped, and a plan that brings them back has begun. Returns its id."""
    found.run(found.drawn(Asked("stop", names)).id)
    plan = found.drawn(Asked("recover")).id
    found.run(plan)
    return plan


def sample(found: Ground, *, rounds: int = 4, bad: str = "", silent: str = "") -> None:
    names = [one.name for each in found.fleet.services for one in each.probes]
    for _ in range(rounds):
        found.let_pass(1000)
        seen = tuple(
            Sample(name, None if name == silent else name != bad, f"{name} was looked at")
            for name in names
        )
        found.do(RecordSamples("INC-1", seen, 1000), MONITOR)


def test_the_ground_is_looked_at_first_although_nothing_of_it_was_stopped() -> None:
    found = Ground(fleet()).declared()
    id = recovering(found, "web")
    plan = found.world.plans[id]
    assert [one.id for one in plan.nodes] == ["stage:ground", "web", "stage:shop"]
    assert {one.id: one.after for one in plan.nodes}["web"] == ("stage:ground",)
    sample(found, bad="boundary")
    found.go_on(plan.id)
    assert not found.truth["web"].up, "a line of the ground is bad"
    sample(found)
    found.go_on(plan.id)
    assert found.truth["web"].up


def test_a_stage_without_lines_and_without_services_has_no_gate() -> None:
    found = Ground(fleet()).declared()
    id = recovering(found, "office", "web")
    plan = found.world.plans[id]
    gates = [one.id for one in plan.nodes if not one.service]
    assert gates == ["stage:ground", "stage:shop", "stage:rest"]


def test_what_each_line_saw_stands_at_the_gate() -> None:
    found = Ground(fleet()).declared()
    id = recovering(found, "web")
    sample(found)
    at = found.world.plans[id].standing("gate-stage:ground")
    assert at.state is StepState.DONE
    assert dict(at.facts) == {one: f"{one} was looked at" for one in LINES}
    for one in LINES:
        assert f"{one}: {one} was looked at" in at.evidence


def test_of_many_lines_some_are_told_and_all_are_kept() -> None:
    lines = tuple(f"line-{number}" for number in range(9))
    found = Ground(fleet(lines)).declared()
    id = recovering(found, "web")
    sample(found)
    at = found.world.plans[id].standing("gate-stage:ground")
    assert at.evidence.endswith("line-5: line-5 was looked at; and 3 more")
    assert tuple(at.facts) == lines


def test_a_line_that_could_not_be_measured_passes_no_gate() -> None:
    found = Ground(fleet()).declared()
    id = recovering(found, "web")
    sample(found, rounds=9, silent="storage")
    found.go_on(id)
    assert found.world.plans[id].standing("gate-stage:ground").state is StepState.RUNNING
    assert "storage could not run" in found.world.plans[id].gates["gate-stage:ground"].trouble
    for _ in range(5):
        sample(found)
        found.go_on(id)
    assert found.world.plans[id].state is PlanState.DONE
