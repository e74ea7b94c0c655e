"""Safety rules of isolations, degradations and undos; and how long a plan takes whose nodes wait for nobody."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from allstop.domain.fleet.ordering import stop_order
from allstop.domain.incident.commands import NoteRelease
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.lifecycle import NodeState, PlanState
from allstop.domain.plan.state import Plan
from allstop.domain.policy import Fleet, FleetLimits, Lever, PolicyBook, Service, ServiceSet
from allstop.domain.policy.degradation import Degree
from allstop.domain.principal import MONITOR
from tests.domain.fleet.fleets import HARD, acts, looks, service, stateful
from tests.domain.fleet.ground import Ground
from tests.domain.fleet.returned import deployed, run, spec, well

FREELY = FleetLimits(share_percent=100)
THREE = ("a", "b", "c")


def replicas(**more: object) -> Ground:
    """Three replicas of which one must stay up."""
    services = tuple(service(name) for name in THREE)
    one = ServiceSet("replicas", "replicas", THREE, 1)
    return Ground(Fleet(services, limits=FREELY, sets=(one,), **more)).declared()  # type: ignore[arg-type]


def rules(plan: Plan) -> list[tuple[str, str]]:
    return [(bite.rule, bite.subject) for bite in plan.bites]


# --- sets ---------------------------------------------------------------------------------------------


def test_an_isolation_of_all_replicas_says_so_before_and_is_not_refused_half_way() -> None:
    """Given three replicas of which one must stay up, when all are cut off, a person agrees to that by name, and
    the last one is not held for it."""
    found = replicas()
    plan = found.drawn(Asked("contain", THREE))
    assert rules(plan) == [("min-alive", "replicas")]
    assert plan.people == 1
    plan = found.run(plan.id)
    assert {plan.node_at(name).state for name in THREE} == {NodeState.REACHED}


def test_whoever_is_cut_off_already_does_not_stay_up() -> None:
    found = replicas()
    found.run(found.drawn(Asked("contain", ("a", "b"))).id)
    assert rules(found.drawn(Asked("stop", ("c",)))) == [("min-alive", "replicas")]


def test_a_degradation_that_cuts_off_the_last_of_a_set_says_so() -> None:
    found = replicas()
    policy = found.book.latest
    row = Degree("critical", (), isolate=THREE)
    protocol = replace(policy.protocol, degradation=(row,))
    found.book = PolicyBook("p1", {"p1": replace(policy, protocol=protocol)})
    plan = found.drawn(Asked("degrade", level="critical"))
    assert rules(plan) == [("min-alive", "replicas")]


# --- what an undo takes away --------------------------------------------------------------------------


def recovered() -> tuple[Ground, Plan]:
    """db was stopped under web, and has come back."""
    db = stateful("db", probes=well("db"), protected=True)
    web = service("web", {"db": HARD}, probes=well("web"))
    one = ServiceSet("books", "books", ("db",), 1)
    fleet = Fleet((db, web), limits=FREELY, sets=(one,), own=("db",))
    found = Ground(fleet).declared()
    found.run(found.drawn(Asked("stop", ("db",), orphans=("web",))).id)
    return found, run(found, Asked("recover"))


def test_to_take_back_a_recovery_is_to_stop_again_and_runs_against_the_rules_of_a_stop() -> None:
    found, recovery = recovered()
    assert recovery.state is PlanState.DONE
    undo = found.drawn(Asked("undo", plan=recovery.id))
    assert set(rules(undo)) == {
        ("min-alive", "books"),
        ("protected", "db"),
        ("own-dependency", "db"),
        ("data-unproven", "db"),
        ("orphans", "web"),
    }
    assert undo.outlook["radius"] == ["web"]


def test_to_take_back_a_stop_takes_nobody_away() -> None:
    found = replicas()
    stop = found.drawn(Asked("stop", ("a",)))
    found.run(stop.id)
    assert found.drawn(Asked("undo", plan=stop.id)).bites == ()


def test_each_release_that_is_taken_back_is_seen_though_another_service_is_restarted() -> None:
    """Given a rollback of two services of which only one has a restart, when it is taken back, then the release of
    the other is looked at by its own step, and nobody takes its word."""
    without = deployed("ships")
    ships = replace(
        without, actions={name: one for name, one in without.actions.items() if name != "restart"}
    )
    found = Ground(Fleet((ships, deployed("web")), limits=FREELY)).declared()
    found.facts |= {f"{name}/rollback": {"was": "tree-new"} for name in ("ships", "web")}
    for name in ("ships", "web"):
        found.do(NoteRelease(name, "tree-old", 700_000), MONITOR)
    plan = run(found, Asked("rollback", ("ships", "web")))
    assert plan.state is PlanState.DONE
    undo = found.drawn(Asked("undo", plan=plan.id))
    proofs = {step.id: step.proof for step in undo.steps}
    seen = proofs["undo-rollback-ships"]
    assert seen is not None
    assert seen.options == {"want": "tree-new"}
    assert proofs["undo-rollback-web"] is None
    behind = proofs["undo-restart-web"]
    assert behind is not None
    assert behind.options == {"want": "tree-new"}


# --- how long -----------------------------------------------------------------------------------------


def ten(**more: Any) -> tuple[Service, ...]:
    return tuple(
        replace(service(f"s{at}", host=f"h{at % 2}", **more), takes_ms={"isolate": 1000})
        for at in range(10)
    )


def test_few_hands_make_an_isolation_longer() -> None:
    limits = replace(FREELY, together=0, per_host=1)
    found = Ground(Fleet(ten(), limits=limits)).declared()
    outlook = found.drawn(Asked("contain", ("all",))).outlook
    assert (outlook["whole_ms"], outlook["bound_ms"]) == (5000, 1000)


def test_few_hands_make_a_degradation_and_its_end_longer() -> None:
    lever = Lever(
        "less", "less", "minor", spec("pull"), spec("release"), None, None, "less", 3_600_000
    )
    found = Ground(Fleet(ten(levers=(lever,)), limits=replace(FREELY, together=2))).declared()
    pull = found.drawn(Asked("degrade", level="minor"))
    assert (pull.outlook["whole_ms"], pull.outlook["bound_ms"]) == (25_000, 5000)
    found.run(pull.id)
    back = found.drawn(Asked("release")).outlook
    # As it was seen to take: fifty milliseconds each.
    assert back["bound_ms"] == 5000
    assert back["whole_ms"] == 25_000


def test_few_hands_make_snapshots_longer() -> None:
    kept = tuple(
        service(f"db{at}", actions=acts("snapshot", "verify-snapshot"), verify=looks(f"db{at}"))
        for at in range(3)
    )
    found = Ground(Fleet(kept, limits=replace(FREELY, together=1))).declared()
    outlook = found.drawn(Asked("snapshot", ("all",))).outlook
    assert (outlook["whole_ms"], outlook["bound_ms"]) == (360_000, 120_000)


def test_the_longest_path_of_a_long_chain_is_all_of_it() -> None:
    names = [f"s{at}" for at in range(3000)]
    needs = [None, *names]
    services = tuple(
        service(name, {need: HARD} if need else None)
        for name, need in zip(names, needs, strict=False)
    )
    order = stop_order(Fleet(services), names, lambda _: 10)
    assert order.critical_path() == tuple(reversed(names))
