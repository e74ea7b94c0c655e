"""SC-08, SC-09 and SC-10: circuits that open and close, doing with less for a while, data before availability."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from allstop.testing.stage import Stage, stage_of
from tests.conformance import degrading as d
from tests.conformance import responding as r
from tests.conformance.clauses import clause


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Stage]:
    with stage_of(d.write_shop(tmp_path)) as stage:
        yield stage


# --- SC-08 -------------------------------------------------------------------------------------------


@clause("SC-08")
def test_five_failed_calls_open_the_circuit_and_five_minutes_later_one_tries_it(
    shop: Stage,
) -> None:
    """Given a disk without space, when a snapshot has failed five times, then no sixth call is made, whoever asks
    for it, until five minutes are over; one call tries it then, and closes it because it goes well."""
    incident = d.emergency(shop)
    shop.outside.services["ledger"].full = True
    plan = d.planned(shop, incident, "stop", targets=["ledger"], dependents=True)
    d.run(shop, plan)
    for _ in range(5):
        shop.do(f"plans/{plan}/retry", r.COMMANDER, step="snapshot-ledger")
        shop.wait(3)
    found = d.circuit(shop, "ledger@sim")
    assert (found["state"], found["failures"], found["kind"]) == ("open", 5, "calls")
    (step,) = (one for one in d.show(shop, plan)["steps"] if one["id"] == "snapshot-ledger")
    assert step["state"] == "failed"
    assert step["evidence"].startswith(
        "not called: the circuit ledger@sim is open after 5 failures"
    )
    assert "it is tried again at" in step["evidence"]
    assert "circuit.opened" in shop.kinds(incident)

    shop.outside.services["ledger"].full = False
    shop.restart(down_seconds=60)
    shop.do(f"plans/{plan}/retry", r.COMMANDER, step="snapshot-ledger")
    shop.wait(3)
    assert d.circuit(shop, "ledger@sim")["state"] == "open", "over a restart as well"
    shop.wait(minutes=5)
    shop.do(f"plans/{plan}/retry", r.COMMANDER, step="snapshot-ledger")
    shop.wait(30)
    assert d.circuit(shop, "ledger@sim")["state"] == "closed"
    assert d.show(shop, plan)["state"] == "done"
    assert [kind for kind in shop.kinds(incident) if kind.startswith("circuit")] == [
        "circuit.opened", "circuit.half_opened", "circuit.closed",
    ]  # fmt: skip


@clause("SC-08")
def test_a_service_that_fails_brings_the_fallback_of_whoever_needs_it(shop: Stage) -> None:
    """Given a shop that can do without its search, when the search fails five times in a row, then the shop does
    without it, by itself, proven and for a time; when the search has been well again after five minutes, the
    shop has it back."""
    incident = d.emergency(shop)
    shop.outside.kill("search")
    shop.wait(70)
    found = d.circuit(shop, "web:search")
    assert (found["state"], found["fallback"]) == ("open", "without-search")
    assert list(d.levers(shop)) == ["web:without-search"]
    assert shop.outside.services["web"].quiesced
    assert any("the breaker web:search has opened" in one for one in d.told(shop, "web:search"))

    shop.outside.repair("search")
    shop.wait(minutes=4)
    assert d.circuit(shop, "web:search")["state"] == "open", "five minutes first"
    shop.wait(minutes=2)
    assert d.circuit(shop, "web:search")["state"] == "closed"
    assert d.levers(shop) == {}
    assert not shop.outside.services["web"].quiesced
    assert shop.kinds(incident).count("circuit.half_opened") == 1


@clause("SC-08")
def test_while_it_is_tried_a_bad_sample_opens_it_again_and_a_person_may_overrule_it(
    shop: Stage,
) -> None:
    incident = d.emergency(shop)
    shop.outside.kill("search")
    shop.wait(minutes=7)
    assert d.circuit(shop, "web:search")["state"] == "open"
    assert shop.kinds(incident).count("circuit.opened") == 2
    assert len(d.levers(shop)) == 1, "the lever stays meanwhile"
    refused = shop.post("circuits/web:search/force", "person:gus", state="off", because="I like it")
    assert refused.reasons == ["no-authority"]
    shop.do("circuits/web:search/force", r.COMMANDER, state="off", because="its probe is wrong")
    plan = d.planned(shop, incident, "release", levers=["web:without-search"])
    d.run(shop, plan)
    shop.wait(minutes=2)
    assert d.levers(shop) == {}
    assert d.circuit(shop, "web:search")["by"] == "person:ada"


# --- SC-09 -------------------------------------------------------------------------------------------


@clause("SC-09")
def test_analytics_does_with_less_first_and_revenue_last_each_with_a_limit_and_an_expiry(
    shop: Stage,
) -> None:
    incident = d.emergency(shop)
    minor = shop.do(
        f"incidents/{incident}/plans/preview", r.COMMANDER, purpose="degrade", level="minor"
    )
    assert [one["id"] for one in minor["nodes"]] == ["reports:deferred"]
    plan = d.planned(shop, incident, "degrade", level="critical")
    ordered = sorted(d.show(shop, plan)["nodes"], key=lambda one: one["rank"])
    cut, *nodes = ordered
    assert cut["id"] == "ledger:isolate", "what does harm goes before what costs"
    assert [one["id"] for one in nodes] == [
        "reports:deferred", "web:without-search", "payments:read-only",
    ]  # fmt: skip
    assert nodes[0]["lacking"] == ["limit: reports a day late"]
    d.run(shop, plan)
    assert set(d.levers(shop)) == {one["id"] for one in nodes}
    assert all(one["until"] for one in d.levers(shop).values())


@clause("SC-09")
@pytest.mark.parametrize(
    ("impact", "mode", "nodes", "lacking"),
    [
        ({"failed_share_percent": 2}, False, ["reports:deferred"], []),
        (
            {"capacity_lost_percent": 80}, True, ["reports:deferred", "web:without-search"],
            ["reports: no scale", "ledger: no scale"],
        ),
        (
            {"core_functions_down": ["buying"]}, True,
            ["ledger:isolate", "reports:deferred", "web:without-search", "payments:read-only"],
            ["reports: no scale"],
        ),
    ],
    ids=["minor", "major", "critical"],
)  # fmt: skip
def test_the_degree_follows_from_the_severity(
    shop: Stage, impact: dict[str, object], mode: bool, nodes: list[str], lacking: list[str]
) -> None:
    """Minor: what can wait; major: what is not essential, and capacity to 60 % wherever that can be set; critical:
    emergency mode, the data that matters cut off first, the least that is needed goes on."""
    shop.wait(20)
    incident = shop.declare("something is wrong", "person:gus", impact=impact)
    shop.settle()
    body = {"purpose": "degrade"}
    seen = shop.do(f"incidents/{incident}/plans/preview", r.COMMANDER, **body)
    ordered = sorted(seen["nodes"], key=lambda one: one["rank"])
    assert [one["id"] for one in ordered] == nodes
    assert [one for one in seen["outlook"]["lacking"] if "scale" in one] == lacking
    assert bool(shop.get("mode").data["suspended"]) is mode


@clause("SC-09")
def test_without_an_answer_a_lever_is_taken_back_by_itself_whatever_dies_meanwhile(
    shop: Stage,
) -> None:
    """Given a lever of two hours, when nobody answers the question whether it stays, then it is taken back when
    its time is over, and seen to be, although the coordinator was dead at that moment."""
    incident = d.emergency(shop)
    d.run(shop, d.planned(shop, incident, "degrade", level="minor"))
    shop.wait(hours=1, minutes=31)
    assert len(d.told(shop, "reports:deferred ends in")) == 1
    shop.restart(down_seconds=1800)
    shop.wait(60)
    assert d.levers(shop) == {}
    assert not shop.outside.services["reports"].quiesced
    assert len(d.told(shop, "reports:deferred ends in")) == 1, "asked once"
    assert [kind for kind in shop.kinds(incident) if kind.startswith("lever")] == [
        "lever.asked", "lever.expired",
    ]  # fmt: skip
    newest = shop.show(incident)["plans"][-1]
    assert (newest["purpose"], newest["state"], newest["approve"]) == ("release", "done", "")


@clause("SC-09")
def test_a_person_lets_it_stay_and_then_the_incident_may_end_over_it(shop: Stage) -> None:
    incident = d.emergency(shop)
    d.run(shop, d.planned(shop, incident, "degrade", level="minor"))
    ending = shop.post(f"incidents/{incident}/stand-down", r.COMMANDER, reason="It works again.")
    assert "lever-pulled" in ending.reasons
    assert "reports:deferred is still pulled" in ending.texts
    late = shop.post("levers/reports:deferred/extend", "person:gus", for_ms=10_800_000, because="x")
    assert late.reasons == ["no-authority"]
    body = {"for_ms": 10_800_000, "because": "the index is being rebuilt"}
    shop.do("levers/deferred/extend", r.COMMANDER, **body)
    ending = shop.post(f"incidents/{incident}/stand-down", r.COMMANDER, reason="It works again.")
    assert "lever-pulled" not in ending.reasons
    shop.wait(hours=2, minutes=30)
    assert d.levers(shop)["reports:deferred"]["kept"]
    shop.wait(minutes=31)
    assert d.levers(shop) == {}


@clause("SC-09")
def test_at_a_protected_service_a_person_is_told_again_and_again(shop: Stage) -> None:
    """Given a lever at a service that is protected, when its time is over, then nothing is done to it without a
    person, and it is said at the cadence of the updates until somebody takes it back."""
    incident = d.emergency(shop)
    d.run(shop, d.planned(shop, incident, "degrade", levers=["payments:read-only"]))
    shop.wait(hours=1, minutes=1)
    found = d.levers(shop)["payments:read-only"]
    assert (found["overdue"], found["blocked"], found["taker"]) == (True, "protected", "")
    first = len(d.told(shop, "payments:read-only is overdue"))
    shop.wait(hours=1, minutes=1)
    assert len(d.told(shop, "payments:read-only is overdue")) > first
    plan = d.planned(shop, incident, "release", levers=["payments:read-only"])
    d.run(shop, plan)
    assert d.levers(shop) == {}
    said = len(d.told(shop, "overdue"))
    shop.wait(hours=1, minutes=5)
    assert len(d.told(shop, "overdue")) == said


# --- SC-10 -------------------------------------------------------------------------------------------


@clause("SC-10")
def test_data_is_safe_and_proven_before_its_service_stops(shop: Stage) -> None:
    incident = d.emergency(shop)
    plan = d.planned(shop, incident, "stop", targets=["all"])
    assert d.run(shop, plan, 60)["state"] == "done"
    assert d.deeds(shop, "ledger") == [
        "quiesce", "drain", "fence", "flush", "snapshot", "stop",
    ]  # fmt: skip
    steps = [one["id"] for one in d.show(shop, plan)["steps"] if one["service"] == "ledger"]
    assert steps.index("verify-snapshot-ledger") < steps.index("stop-ledger")
    assert d.states(shop, plan)["payments"] == "reached"
    assert not any(one.running for one in shop.outside.services.values())


@clause("SC-10")
def test_a_data_step_that_fails_stops_the_stop_and_no_deadline_forces_it(shop: Stage) -> None:
    """Given a disk without space, when all is to stop within a minute, then the database is not stopped, killed or
    cut off, whatever the time says, and a person is asked."""
    incident = d.emergency(shop)
    shop.outside.services["ledger"].full = True
    plan = d.planned(shop, incident, "stop", targets=["all"], deadline_ms=60_000)
    found = d.run(shop, plan, 180)
    assert found["state"] == "held"
    assert d.states(shop, plan)["ledger"] == "held"
    assert "stop" not in d.deeds(shop, "ledger")
    assert shop.outside.services["ledger"].running
    assert shop.outside.services["ledger"].fenced, "what was safe by then stays safe"
    assert any("held" in one for one in d.told(shop, plan))
