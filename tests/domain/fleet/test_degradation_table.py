"""The protocol's degradation table: the degree comes from the severity, and a degree may cut off and cut back."""

from __future__ import annotations

from dataclasses import replace

from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import DrawPlan, StartPlan
from allstop.domain.policy import ActionSpec, Fleet, Lever, PolicyBook
from allstop.domain.policy.degradation import Degree
from tests.domain.builders import EVE
from tests.domain.fleet.fleets import acts, looks, service, stateful
from tests.domain.fleet.ground import Ground, command_policy
from tests.domain.fleet.test_plans_asked import refusals

TABLE = (
    Degree("minor", ("SEV3",)),
    Degree("major", ("SEV2",), capacity={"category:analytics": 60, "category:batch": 40}),
    Degree("critical", (), isolate=("domain:core-data", "domain:moon")),
)


def lever(name: str, level: str) -> Lever:
    spec = ActionSpec("script", name, {}, 5000)
    return Lever(name, name, level, spec, spec, None, None, "less", 3_600_000)


def shop() -> Fleet:
    actions = acts("stop", "kill", "start", "isolate", "reopen", "scale")
    return Fleet(
        (
            service("web", category="revenue", levers=(lever("banner", "minor"),)),
            service(
                "reports", category="analytics", actions=actions,
                verify=looks("reports", "stopped", "started", "isolated", "open", "scaled"),
            ),
            service("batch", category="analytics"),
            stateful("ledger", domain="core-data"),
        )
    )  # fmt: skip


def here(table: tuple[Degree, ...] = TABLE, severity: str = "SEV2") -> Ground:
    """An incident of a severity, under a protocol with a table."""
    found = Ground(shop())
    base = command_policy(found.fleet)
    protocol = replace(base.protocol, degradation=table)
    found.book = PolicyBook("p1", {"p1": replace(base, protocol=protocol)})
    found.declared()
    incident = replace(found.world.incidents["INC-1"], severity=severity)
    found.world = replace(found.world, incidents={"INC-1": incident})
    return found


def test_the_degree_comes_from_the_severity_and_stands_in_the_plan() -> None:
    plan = here(severity="SEV3").drawn(Asked("degrade"))
    assert plan.asked["level"] == "minor"
    assert [node.id for node in plan.nodes] == ["web:banner"]


def test_a_severity_without_a_row_asks_for_the_degree() -> None:
    found = here(severity="SEV1").do(DrawPlan("INC-1", Asked("degrade")), EVE)
    assert refusals(found) == ["the protocol names no degree of degradation for SEV1"]


def test_a_degree_cuts_capacity_back_and_names_what_cannot_be() -> None:
    """Given analytics at 60 % from `major` on, when it runs, then what can be scaled is, and seen to be."""
    found = here()
    plan = found.drawn(Asked("degrade"))
    assert {node.id for node in plan.nodes} == {"web:banner", "reports:scale"}
    assert "batch: no scale" in plan.outlook["lacking"]
    assert (
        "category:batch: the table names it, and the fleet has no such service"
        in plan.outlook["lacking"]
    )
    step = plan.step("scale-60-reports")
    assert step is not None
    assert (step.options["percent"], step.proof is not None) == (60, True)
    found.run(plan.id)
    assert found.world.standing_of("reports").capacity == 60
    found.run(found.drawn(Asked("undo", plan=plan.id)).id)
    assert found.world.standing_of("reports").is_usual


def test_the_worst_degree_cuts_off_what_its_row_names_first_and_says_who_is_hit() -> None:
    found = here()
    plan = found.drawn(Asked("degrade", level="critical"))
    first = min(plan.nodes, key=lambda node: node.rank)
    assert first.id == "ledger:isolate"
    assert {node.id for node in plan.nodes} == {"ledger:isolate", "reports:scale", "web:banner"}
    found.run(plan.id)
    assert found.world.standing_of("ledger").closed == {"isolate"}
    again = found.do(DrawPlan("INC-1", Asked("degrade", level="critical")), EVE)
    assert refusals(again)[0].startswith("no lever of level critical is left")


def test_targets_bound_what_the_table_touches() -> None:
    plan = here().drawn(Asked("degrade", ("reports",), level="critical"))
    assert [node.id for node in plan.nodes] == ["reports:scale"]


def test_a_capacity_that_is_lower_already_is_not_raised() -> None:
    table = (Degree("major", ("SEV2",), capacity={"reports": 20}), *TABLE)
    found = here((table[0],))
    found.run(found.drawn(Asked("degrade", ("reports",))).id)
    assert found.world.standing_of("reports").capacity == 20
    found.book = here().book
    plan = found.drawn(Asked("degrade"))
    assert {node.id for node in plan.nodes} == {"web:banner"}


def test_a_protected_service_that_is_cut_off_waits_for_a_person() -> None:
    found = here((Degree("critical", isolate=("web",)),))
    fleet = replace(
        found.fleet, services=tuple(replace(one, protected=True) for one in found.fleet.services)
    )
    policy = found.book.bodies["p1"]
    found.book = PolicyBook("p1", {"p1": replace(policy, fleet=fleet)})
    found.do(DrawPlan("INC-1", Asked("degrade", ("web",), level="critical")), EVE)
    plan = found.world.plans[found.result["plan"]]
    assert ("protected", "web") in {(bite.rule, bite.subject) for bite in plan.bites}
    assert plan.people == 1
    found.do(StartPlan(plan.id), EVE)
    assert found.refused is not None
