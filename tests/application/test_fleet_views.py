"""The fleet as faces show it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allstop.application.fleet_views import blast_radius_view, fleet_view, service_lines
from allstop.application.shapes import ProbeLine
from allstop.domain.fleet.standing import Standing
from allstop.domain.policy import Fleet, Function, Objective, OnFailure, ServiceSet, Span, Spans
from allstop.domain.world import World
from allstop.errors import Missing
from tests.domain.builders import START
from tests.domain.fleet.fleets import HARD, SOFT, acts, looks, service, stateful
from tests.domain.fleet.ground import command_policy

FLEET = Fleet(
    (
        service("search", {"ledger": SOFT}, category="analytics"),
        service("web", {"ledger": HARD}, category="revenue", importance=90, service_class="core", rto_ms=60_000),
        stateful("ledger", protected=True, host="alpha", zone="eu", service_class="core"),
        service("bare", actions={}, verify={}, on_failure=OnFailure.FORCE),
        service("plain", actions=acts("stop", "start"), verify=looks("plain", "stopped")),
    ),
    (Function("buying", "Buying", True, "p", ("web",)),),
    sets=(ServiceSet("pair", "pair", ("web", "search"), 1),),
)  # fmt: skip
CLASSES = (Objective("core", Spans(Span(900_000), {"SEV1": Span(300_000)}), Span(60_000)),)


def test_the_most_important_category_comes_first() -> None:
    view = fleet_view(FLEET)
    assert [one.name for one in view.services] == ["web", "bare", "ledger", "plain", "search"]
    assert not view.watched
    assert (view.sets[0].name, view.sets[0].alive) == ("pair", 1)


def test_objectives_are_its_own_or_those_of_its_class() -> None:
    found = {one.name: one for one in fleet_view(FLEET, CLASSES).services}
    assert (found["web"].rto, found["web"].rpo) == ("1m", "1m"), "its own RTO, the class's RPO"
    assert found["ledger"].rto == "SEV1 5m, else 15m"
    assert found["search"].rto == ""


def test_what_happens_when_a_stop_fails_and_whether_it_can() -> None:
    found = {one.name: one for one in fleet_view(FLEET).services}
    told = {name: (one.policy, one.by_default, one.policy_works) for name, one in found.items()}
    assert told == {
        "web": ("force", True, True), "search": ("force", True, True), "ledger": ("hold", True, True),
        "bare": ("force", False, False), "plain": ("force", True, False),
    }  # fmt: skip
    assert "no probe proves that it has stopped" not in found["plain"].lacking
    assert found["ledger"].lacking == ()
    assert found["bare"].stop_ms == 0
    assert found["plain"].stop_ms == 10_000


def test_both_sides_of_a_dependency() -> None:
    found = {one.name: one for one in fleet_view(FLEET).services}
    assert [(edge.service, edge.kind) for edge in found["web"].needs] == [("ledger", "hard")]
    assert [(edge.service, edge.kind) for edge in found["ledger"].needed_by] == [
        ("search", "soft"), ("web", "hard"),
    ]  # fmt: skip


def test_what_plans_have_left_it_in_and_what_probes_say() -> None:
    world = World(standings={"web": Standing(stopped=True, closed=frozenset({"fence"}), plan="PLAN-3", since=START)})  # fmt: skip
    line = ProbeLine("p", "down", "no answer", START)
    probes = {one.name: () for one in FLEET.services} | {"web": (line,)}
    (web, *rest) = fleet_view(FLEET, (), world, probes).services
    assert (web.state, web.standing, web.plan) == ("down", "stopped, fenced", "PLAN-3")
    assert {(one.state, one.standing, one.plan) for one in rest} == {("unknown", "", "")}
    lines = {one.name: one for one in service_lines(command_policy(FLEET), world, probes)}
    assert (lines["web"].standing, lines["web"].functions) == ("stopped, fenced", ("Buying",))
    assert (lines["ledger"].host, lines["ledger"].zone, lines["ledger"].policy) == (
        "alpha",
        "eu",
        "hold",
    )


def test_what_is_lost_with_a_service() -> None:
    found = blast_radius_view(FLEET, ["ledger", "ledger"])
    assert found.services == ("ledger",)
    assert [(one.service, one.way) for one in found.broken] == [("web", ("web", "ledger"))]
    assert [one.service for one in found.degraded] == ["search"]
    assert [(one.title, one.core, one.services) for one in found.functions] == [
        ("Buying", True, ("web",))
    ]
    assert (found.revenue, found.of, found.unstoppable) == (("web",), 5, ())
    assert found.stop_ms == 10_000 + 149_000, (
        "web first, then all that keeps the data of ledger safe"
    )
    assert blast_radius_view(FLEET, ["bare"]).unstoppable == ("bare",)
    learned = {"web/stop": (2_000,), "ledger/snapshot": (1_000,)}
    assert blast_radius_view(FLEET, ["ledger"], learned).stop_ms == 2_000 + 90_000


def test_names_nobody_knows_are_refused_with_the_nearest() -> None:
    with pytest.raises(Missing) as error:
        blast_radius_view(FLEET, ["ledgr", "web", "serch", *(f"x{n}" for n in range(20))])
    assert error.value.text.startswith("there is no service ledgr, serch, x0, x1, x2 and 17 more")
    assert "did you mean ledger?" in error.value.hint
    with pytest.raises(Missing, match="there is no service a"):
        blast_radius_view(Fleet(), ["a"])


def test_a_way_that_is_very_long_is_shown_from_both_ends() -> None:
    chain = Fleet(
        tuple(service(f"s{n}", {f"s{n + 1}": HARD} if n < 99 else {}) for n in range(100))
    )
    found = {one.service: one.way for one in blast_radius_view(chain, ["s99"]).broken}
    assert found["s90"] == tuple(f"s{n}" for n in range(90, 100))
    assert len(found["s0"]) == 41
    assert (found["s0"][0], found["s0"][20], found["s0"][-1]) == ("s0", "...", "s99")


def test_cycles_are_told_with_their_edges() -> None:
    loop = Fleet((service("a", {"b": HARD}), service("b", {"a": SOFT})))
    assert fleet_view(loop).cycles == ("a -> b (hard), b -> a (soft)",)
    assert fleet_view(replace(FLEET, own=("ledger",))).own == ("ledger",)
