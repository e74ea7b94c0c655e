"""Isolation, degradation, recovery and undo: what is drawn, what bites, what comes back."""

from __future__ import annotations

from dataclasses import replace

from allstop.domain.incident.commands import RecordSamples
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import DrawPlan, StartPlan
from allstop.domain.plan.lifecycle import PlanState
from allstop.domain.policy import (
    ActionSpec,
    Fleet,
    FleetLimits,
    Lever,
    ProbeSpec,
    ServiceSet,
    Stage,
)
from allstop.domain.principal import MONITOR
from allstop.domain.samples import Sample
from tests.domain.builders import BEN, EVE
from tests.domain.fleet.fleets import HARD, SOFT, acts, looks, service, stateful
from tests.domain.fleet.ground import Ground


def well(name: str) -> tuple[ProbeSpec, ...]:
    return (ProbeSpec(f"{name}-ok", name, "script", {}, 1000, 1, 1),)


def shop() -> Fleet:
    """Three tiers, one replica set, one lever each for two of them."""

    def lever(name: str, level: str) -> Lever:
        spec = ActionSpec("script", name, {}, 5000)
        return Lever(name, f"less {name}", level, spec, spec, None, None, "60 %", 3_600_000)

    web = service(
        "web", {"payments": HARD, "search": SOFT}, probes=well("web"), category="customer-facing",
        levers=(lever("banner", "minor"), lever("static", "major")),
    )  # fmt: skip
    payments = service(
        "payments", {"db": HARD}, probes=well("payments"), category="revenue", protected=True,
    )  # fmt: skip
    return Fleet(
        (
            web,
            payments,
            stateful("db", probes=well("db"), stage="data"),
            service("search", probes=well("search"), category="analytics", levers=(lever("index", "minor"),)),
        ),
        limits=FleetLimits(share_percent=50),
        stages=(
            Stage("data", "data"),
            Stage("service", "services", ("revenue", "internal")),
            Stage("customer", "customers", ("customer-facing", "analytics")),
        ),
        sets=(ServiceSet("front", "front", ("web",), 1),),
    )  # fmt: skip


def here() -> Ground:
    return Ground(shop()).declared()


def rules(found: Ground, plan: str) -> set[tuple[str, str]]:
    return {(bite.rule, bite.subject) for bite in found.world.plans[plan].bites}


def refusals(found: Ground) -> list[str]:
    assert found.refused is not None, "it was allowed"
    return [reason.text for reason in found.refused.reasons]


def sampled(found: Ground, *, rounds: int = 1, bad: str = "") -> Ground:
    """Rounds of samples, a second apart; what `bad` names is bad."""
    names = [probe.name for one in found.fleet.services for probe in one.probes]
    samples = tuple(Sample(name, name != bad, "seen") for name in names)
    for _ in range(rounds):
        found.let_pass(1000)
        found.do(RecordSamples("INC-1", samples, 1000), MONITOR)
    return found


# --- targets ------------------------------------------------------------------------------------------


def test_a_typo_selects_nothing_and_all_of_them_are_named_at_once() -> None:
    found = here().do(DrawPlan("INC-1", Asked("stop", ("wbe", "search", "zone:moon"))), EVE)
    texts = refusals(found)
    assert texts == ["there is no service wbe", "there is no service with zone moon"]
    assert found.refused is not None
    assert found.refused.reasons[0].hint == "did you mean web?"
    assert found.world.plans == {}


def test_services_by_what_they_have_in_common() -> None:
    plan = here().drawn(Asked("stop", ("category:analytics",)))
    assert [node.id for node in plan.nodes] == ["search"]


def test_who_may_not_plan_asks_for_nothing() -> None:
    found = here().do(DrawPlan("INC-1", Asked("stop", ("search",))), BEN)
    assert found.refused is not None


# --- rules that bite ----------------------------------------------------------------------------------


def test_every_rule_that_bites_is_named_and_the_approval_stands_for_them() -> None:
    found = here()
    plan = found.drawn(Asked("stop", ("db", "payments", "web")))
    assert rules(found, plan.id) == {
        ("min-alive", "front"),
        ("largest-share", "fleet"),
        ("protected", "payments"),
    }
    assert plan.people >= 1


def test_whoever_is_left_up_and_broken_is_an_orphan_unless_named() -> None:
    found = here()
    assert ("orphans", "web") in rules(found, found.drawn(Asked("stop", ("payments",))).id)
    plan = found.drawn(Asked("stop", ("payments",), orphans=("web",)))
    assert ("orphans", "web") not in rules(found, plan.id)
    assert plan.outlook["radius"] == ["web"]


def test_with_dependents_nobody_is_left_behind() -> None:
    plan = here().drawn(Asked("stop", ("db",), dependents=True))
    assert {node.id for node in plan.nodes} == {"db", "payments", "web"}
    assert plan.outlook["radius"] == []


def test_a_deadline_names_who_will_not_make_it() -> None:
    plan = here().drawn(Asked("stop", ("db",), dependents=True, deadline_ms=15_000))
    assert plan.outlook["late"] == ["payments", "db"], "one is protected, the other has data"
    assert plan.outlook["forced"] == ["web"], "so that they have what time there is"


# --- isolation ----------------------------------------------------------------------------------------


def test_an_isolation_has_no_order_and_shows_who_is_hit() -> None:
    found = here()
    plan = found.drawn(Asked("contain", ("payments", "search")))
    assert all(node.after == () for node in plan.nodes)
    assert plan.outlook["radius"] == ["web"]
    found.run(plan.id)
    assert found.truth["payments"].isolated
    assert found.world.standing_of("payments").words() == "isolated"


def test_with_one_hand_the_fleets_list_says_who_goes_first() -> None:
    fleet = replace(shop(), isolation=("search", "payments"), limits=FleetLimits(together=1))
    found = Ground(fleet).declared()
    plan = found.drawn(Asked("contain", ("all",)))
    found.do(StartPlan(plan.id), EVE)
    assert found.world.plans[plan.id].active == {"isolate-search"}


# --- degradation --------------------------------------------------------------------------------------


def test_a_degradation_pulls_all_levers_up_to_its_level_the_least_important_first() -> None:
    found = here()
    plan = found.drawn(Asked("degrade", level="major"))
    assert {node.id for node in plan.nodes} == {"web:banner", "web:static", "search:index"}
    first = min(plan.nodes, key=lambda node: node.rank)
    assert first.service == "search", "analytics first"
    found.run(plan.id)
    assert found.world.standing_of("web").levers == {"banner", "static"}
    again = found.do(DrawPlan("INC-1", Asked("degrade", level="minor")), EVE)
    assert refusals(again) == ["no lever of level minor is left to be pulled"]


def test_every_lever_is_taken_back_in_reverse_order() -> None:
    found = here()
    plan = found.drawn(Asked("degrade", level="minor"))
    found.run(plan.id)
    undo = found.drawn(Asked("undo", plan=plan.id))
    found.run(undo.id)
    assert found.world.standing_of("web").is_usual
    assert found.world.standing_of("search").is_usual


# --- undo ---------------------------------------------------------------------------------------------


def test_an_undo_goes_back_to_a_step_which_stays() -> None:
    found = here()
    plan = found.drawn(Asked("stop", ("db",), dependents=True))
    found.run(plan.id)
    undo = found.drawn(Asked("undo", plan=plan.id, to="fence-db"))
    assert [node.id for node in undo.nodes] == ["undo-stop-db"]
    assert {bite.subject for bite in undo.bites} == {
        "flush-db",
        "snapshot-db",
        "verify-snapshot-db",
    }
    found.run(undo.id)
    assert found.truth["db"].up
    assert found.truth["db"].fenced
    assert not found.truth["web"].up


# --- recovery -----------------------------------------------------------------------------------------


def stopped() -> Ground:
    found = here()
    found.run(found.drawn(Asked("stop", ("all",))).id)
    assert not any(one.up for one in found.truth.values())
    return found


def test_a_recovery_goes_stage_by_stage_and_no_sample_passes_no_gate() -> None:
    found = stopped()
    plan = found.drawn(Asked("recover"))
    found.run(plan.id)
    assert found.truth["db"].up
    assert not found.truth["payments"].up, "the gate of db has seen no sample"
    sampled(found, rounds=4)
    found.go_on(plan.id)
    for _ in range(6):
        sampled(found, rounds=4)
        found.go_on(plan.id)
    assert found.world.plans[plan.id].state is PlanState.DONE
    assert all(one.up for one in found.truth.values())
    assert not found.truth["db"].fenced
    assert found.world.standing_of("db").is_usual
    order = [one.removesuffix("/start") for one in found.started if one.endswith("/start")]
    assert order.index("db") < order.index("payments") < order.index("web")


def test_a_bad_sample_keeps_the_next_stage_waiting() -> None:
    found = stopped()
    plan = found.drawn(Asked("recover"))
    found.run(plan.id)
    for _ in range(5):
        sampled(found, rounds=4, bad="db-ok")
        found.go_on(plan.id)
    assert not found.truth["payments"].up


def test_what_a_service_needs_and_stays_stopped_is_named() -> None:
    found = stopped()
    plan = found.drawn(Asked("recover", ("web",)))
    assert ("needs-stopped", "web") in rules(found, plan.id)
    whole = found.drawn(Asked("recover", ("web",), dependents=True))
    assert {node.service for node in whole.nodes} == {"web", "payments", "db", ""}


def test_traffic_returns_by_shares_each_behind_a_gate() -> None:
    front = service(
        "front", probes=well("front"), actions=acts("stop", "start", "scale"),
        verify=looks("front", "stopped", "started", "scaled"),
    )  # fmt: skip
    found = Ground(Fleet((front,))).declared()
    found.run(found.drawn(Asked("stop", ("front",))).id)
    plan = found.drawn(Asked("recover"))
    shares = [step.options["percent"] for step in plan.steps if step.action == "scale"]
    assert shares == [1, 5, 25, 50, 100]
    gates = [step.id for step in plan.steps if step.kind == "gate"]
    assert gates[-1] == "gate-100-front"


def test_the_smallest_share_is_set_before_anything_is_let_in_again() -> None:
    front = service(
        "front", probes=well("front"),
        actions=acts("stop", "start", "scale", "quiesce", "unquiesce", "isolate", "reopen"),
        verify=looks("front", "stopped", "started", "scaled"),
    )  # fmt: skip
    found = Ground(Fleet((front,))).declared()
    found.run(found.drawn(Asked("contain", ("front",))).id)
    found.run(found.drawn(Asked("stop", ("front",))).id)
    steps = found.drawn(Asked("recover")).steps
    assert [step.id.removesuffix("-front") for step in steps][:7] == [
        "start", "gate", "scale-1", "unquiesce", "reopen", "gate-1", "scale-5",
    ]  # fmt: skip
    before = {step.id: step.after for step in steps}
    assert before["unquiesce-front"] == ("scale-1-front",)
    assert before["gate-1-front"] == ("reopen-front",)


def test_a_gate_that_was_never_passed_is_expected_to_take_its_window_or_its_samples() -> None:
    db = service("db", probes=well("db"), actions=acts("stop", "start"))
    found = Ground(Fleet((replace(db, takes_ms={"start": 1000}),))).declared()
    found.run(found.drawn(Asked("stop", ("db",))).id)
    policy = found.book.latest
    rules = policy.protocol.remedy
    samples = rules.gate_samples * policy.fleet.monitor.interval_ms
    gate = max(rules.gate_window_ms, samples)
    assert found.drawn(Asked("recover")).outlook["whole_ms"] == 1000 + gate


def test_a_circle_of_services_comes_back_as_well() -> None:
    fleet = Fleet((service("a", {"b": HARD}, probes=well("a")), service("b", {"a": HARD}, probes=well("b"))))  # fmt: skip
    found = Ground(fleet).declared()
    found.run(found.drawn(Asked("stop", ("all",))).id)
    plan = found.drawn(Asked("recover"))
    found.run(plan.id)
    for _ in range(4):
        sampled(found, rounds=4)
        found.go_on(plan.id)
    assert found.world.plans[plan.id].state is PlanState.DONE
