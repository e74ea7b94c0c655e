"""The monitor: thresholds, one incident per cause, measured impact, releases to go back to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from allstop.application.codec import read_record
from allstop.domain.incident.commands import (
    AdvancePhase,
    DeclareIncident,
    Override,
    StandDown,
)
from allstop.domain.incident.course_commands import MergeIncident
from allstop.domain.incident.state import Incident
from allstop.domain.policy import (
    Dependency,
    DependencyKind,
    Grant,
    MonitorSettings,
    Policy,
    Service,
    Watch,
)
from allstop.domain.policy.degradation import Degree
from allstop.domain.samples import GateProgress, Sample, Standing, advance
from tests.application.ground import SECOND, House, Look, Never, told
from tests.domain import builders

BAD: Look = (False, "it fails", {})
GOOD: Look = (True, "it answers", {})
LAME: Look = (None, "no route", {})
HARD = DependencyKind.HARD
INTERVAL = 1000


async def rounds(house: House, number: int) -> None:
    for _ in range(number):
        await house.monitor.tick()
        await house.wait(INTERVAL)


def failing(house: House, *names: str) -> None:
    """From now on these probes are bad, and all others good."""
    house.outside.samples = {name: [BAD] for name in names}


def incidents(house: House) -> list[Incident]:
    return list(house.world.incidents.values())


def simple(name: str, *needs: tuple[str, DependencyKind]) -> Service:
    """A service with one probe of its own name, which takes three bad samples."""
    edges = tuple(Dependency(to, kind) for to, kind in needs)
    return Service(
        name, name, "", 1, protected=False, stateful=False, depends=edges,
        probes=(builders.probe(name, name),), actions={}, verify={}, diagnose={},
    )  # fmt: skip


def fleet_of(*services: Service, known_good_ms: int = 600_000) -> Policy:
    plain = builders.policy()
    settings = MonitorSettings(INTERVAL, known_good_ms)
    fleet = replace(plain.fleet, services=services, functions=(), monitor=settings)
    return replace(plain, fleet=fleet)


# --- thresholds --------------------------------------------------------------------------------


@told
async def test_an_outage_takes_as_many_failures_in_a_row_as_the_fleet_says(house: House) -> None:
    """Given a probe that falls at three, when it has failed twice, then nothing is declared; at the third
    failure it is, with what was seen and the last moment at which all was well."""
    await rounds(house, 1)
    well = house.clock.now().utc
    failing(house, "payments-deep")
    await rounds(house, 2)
    assert incidents(house) == []
    await rounds(house, 1)

    (incident,) = incidents(house)
    assert incident.services == ("payments",)
    assert incident.title == "payments failing, payments suspected"
    assert incident.began_at is not None
    assert round((well - incident.began_at).total_seconds()) == 1
    assert house.monitor.down_services() == ("payments",)
    declared = house.store.records(stream="incident/INC-1")[0]
    assert "payments-deep failed 3x: it fails" in declared.body


@told
async def test_single_bad_samples_are_nothing(house: House) -> None:
    """Given a probe that fails every other time, then nothing is ever declared."""
    house.outside.samples["checkout"] = [BAD, GOOD] * 20
    await rounds(house, 30)

    assert incidents(house) == []


@told
async def test_a_probe_that_cannot_run_is_neither_good_nor_bad(house: House) -> None:
    """Given a probe that cannot run, then it never declares; it does not clear two failures either, and
    the third one counts."""
    house.outside.samples["checkout"] = [LAME]
    await rounds(house, 10)
    assert incidents(house) == []
    house.outside.samples["checkout"] = [BAD, BAD, LAME, LAME, BAD]
    await rounds(house, 4)
    assert incidents(house) == []
    await rounds(house, 1)

    assert len(incidents(house)) == 1


@told
async def test_a_probe_is_up_again_after_enough_successes(house: House) -> None:
    """Given a probe that is down and rises at two, when one sample is good, then it is still down."""
    house.outside.samples["payments-deep"] = [BAD, BAD, BAD, GOOD, BAD, GOOD, GOOD]
    await rounds(house, 6)
    assert house.monitor.down_services() == ("payments",)
    await rounds(house, 1)

    assert house.monitor.down_services() == ()


UNFIT: list[Any] = [
    Never, ValueError("a bug"), (False, "half a \ud800", {}), "no pair", (1.5, "half true", {}),
]  # fmt: skip


@pytest.mark.parametrize("look", [*UNFIT, "uninstalled"])
@told
async def test_a_broken_probe_could_not_run_and_ends_nobody(house: House, look: Any) -> None:
    """Given a probe that hangs, raises, is missing or answers nonsense, when rounds go by, then it could
    not run, which is recorded as such, and the other probes are watched."""
    await house.declare()
    if look == "uninstalled":
        house.outside.installed = False
    else:
        house.outside.samples = {"checkout": [look], "payments-deep": [BAD]}
    async with house.working(house.monitor.run):
        await house.wait(30 * SECOND)

    last = house.world.incidents["INC-1"].last_samples
    assert last["checkout"].good is None
    assert last["checkout"].text
    assert (last["payments-deep"].good is None) == (look == "uninstalled")


@told
async def test_a_round_that_one_probe_holds_up_is_no_gap_for_the_others(house: House) -> None:
    """Given a probe that hangs for longer than two intervals, then a gate over another one passes: somebody watched
    all the while."""
    await house.begin(fleet_of(simple("steady"), simple("hung")))
    await house.declare("steady")
    house.outside.samples = {"hung": [Never]}
    async with house.working(house.monitor.run):
        await house.wait(60 * SECOND)

    stored = house.store.records(stream="incident/INC-1", limit=1000)
    events = [read_record(one).event for one in stored if one.kind == "samples.recorded"]
    gate = GateProgress("gate", ("steady",), 10 * INTERVAL, 3)
    for one in events:
        seen = {sample.probe: sample for sample in one.samples}
        gate = advance(gate, seen, one.monotonic_ms, one.boot, one.interval_ms)
    apart = [later.monotonic_ms - one.monotonic_ms for one, later in pairwise(events)]
    assert min(apart) > 2 * INTERVAL, "the rounds are long indeed"
    assert (gate.gaps, gate.trouble, gate.standing()) == (0, "", Standing.PASS)


@told
async def test_a_round_that_one_probe_holds_up_is_no_look_that_aftercare_missed(
    house: House,
) -> None:
    """Given an incident that was stood down and is watched on at every round, when a probe that is none of it hangs
    for longer than two intervals, then its watch ends clean: somebody looked as often as there was a round."""
    policy = fleet_of(simple("steady"), simple("hung"))
    watch = Watch("after", "steady", 60 * SECOND, probes=("steady",), when_bad="tell")
    protocol = replace(policy.protocol, aftercare=(watch,))
    await house.begin(replace(policy, protocol=protocol))
    await house.declare("steady")
    for phase in protocol.phases:
        for one in phase.exit:
            await house.do(Override("INC-1", one.id, "seen by eye"), builders.EVE)
        if "resolved" not in house.world.incidents["INC-1"].milestones:
            await house.do(AdvancePhase("INC-1"), builders.ADA)
    for one in protocol.stand_down:
        await house.do(Override("INC-1", one.id, "seen by eye"), builders.EVE)
    await house.do(StandDown("INC-1", "it is over"), builders.ADA)
    house.outside.samples = {"hung": [Never]}
    async with house.working(house.monitor.run, house.timekeeper.run):
        await house.wait(130 * SECOND)

    watched = house.world.incidents["INC-1"].aftercare["after"]
    assert (watched.missed, watched.bad, watched.unknown) == (0, 0, 0)
    assert watched.verdict == "clean"
    assert watched.good < 30, "the rounds are long indeed"


@told
async def test_a_probe_that_left_the_fleet_is_forgotten(house: House) -> None:
    """Given a probe that is down, when the fleet no longer has it, then it is nowhere any more."""
    failing(house, "checkout")
    await rounds(house, 3)
    house.post.adopt(fleet_of(simple("payments")))
    await rounds(house, 1)

    assert list(house.monitor.watches) == ["payments"]


@told
async def test_documents_that_are_adopted_in_the_middle_of_a_round_end_nobody(house: House) -> None:
    """Given a round that a slow probe holds up, when other documents are adopted meanwhile, with a probe more and
    a service less, then the round is judged by what it measured, and the next one by the new fleet."""
    await house.begin(fleet_of(simple("slow"), simple("third"), simple("gone")))
    house.outside.samples = {
        "slow": [BAD, BAD, Never], "third": [BAD], "gone": [BAD], "new": [BAD],
    }  # fmt: skip
    await rounds(house, 2)
    async with house.working(house.monitor.run):
        await house.wait(SECOND)
        house.post.adopt(fleet_of(simple("slow"), simple("third"), simple("new")))
        house.outside.samples["slow"] = [BAD]
        await house.wait(30 * SECOND)

    assert set(house.monitor.watches) == {"slow", "third", "new"}
    found = {one for incident in incidents(house) for one in incident.services}
    assert found >= {"slow", "third", "new"}


# --- causes ------------------------------------------------------------------------------------


@told
async def test_the_suspect_is_what_no_other_failure_explains(house: House) -> None:
    """Given a shop and the payments it needs, when both fail, then one incident suspects the payments, and
    however long it lasts there is no second one."""
    failing(house, "payments-deep", "checkout")
    await rounds(house, 20)

    assert [one.services for one in incidents(house)] == [("payments",)]
    assert incidents(house)[0].title == "buying failing, payments suspected"


@told
async def test_a_cause_that_crosses_a_round_later_is_still_the_suspect(house: House) -> None:
    """Given a cause whose own probe began to fail one round later, when the symptom crosses its threshold
    first, then the cause is suspected, and nothing else is declared when it crosses too."""
    house.outside.samples = {"checkout": [BAD], "payments-deep": [GOOD, BAD]}
    await rounds(house, 3)
    assert [one.services for one in incidents(house)] == [("payments",)]
    await rounds(house, 5)

    assert len(incidents(house)) == 1


@told
async def test_a_symptom_that_comes_later_belongs_to_the_open_incident(house: House) -> None:
    """Given an open incident about the cause, when what depends on it fails too, then that is covered."""
    failing(house, "payments-deep")
    await rounds(house, 5)
    failing(house, "payments-deep", "checkout")
    await rounds(house, 5)

    assert len(incidents(house)) == 1


@told
async def test_another_cause_is_another_incident(house: House) -> None:
    """Given an open incident, when something fails that it does not explain, then that is declared."""
    await house.begin(fleet_of(simple("search"), simple("payments")))
    failing(house, "search")
    await rounds(house, 5)
    failing(house, "search", "payments")
    await rounds(house, 5)

    assert [one.services for one in incidents(house)] == [("search",), ("payments",)]


@pytest.mark.parametrize(("services", "suspected"), [
    ([simple("a"), simple("b", ("a", HARD)), simple("c", ("b", HARD))], [("a",)]),
    ([simple("a"), simple("b", ("a", HARD)), simple("c", ("a", HARD))], [("a",)]),
    ([simple("a"), simple("b", ("a", DependencyKind.SOFT))], [("a", "b")]),
    ([simple("a"), simple("b", ("a", DependencyKind.STARTUP))], [("a", "b")]),
    ([simple("a", ("b", HARD)), simple("b", ("a", HARD))], [("a", "b")]),
    ([simple("a"), simple("b")], [("a", "b")]),
])  # fmt: skip
@told
async def test_what_fails_together_is_one_incident(
    house: House, services: Iterable[Service], suspected: list[tuple[str, ...]]
) -> None:
    """Given services that fail at once, then there is one incident, which names those that no hard
    dependency explains; with a circle that is all of them."""
    policy = fleet_of(*services)
    await house.begin(policy)
    failing(house, *(service.name for service in policy.fleet.services))
    await rounds(house, 10)

    assert [one.services for one in incidents(house)] == suspected


@told
async def test_a_healthy_link_in_between_does_not_hide_the_cause(house: House) -> None:
    """Given a chain whose middle still looks well, when both ends fail, then the far end is suspected."""
    chain = (simple("a"), simple("b", ("a", HARD)), simple("c", ("b", HARD)))
    await house.begin(fleet_of(*chain))
    failing(house, "a", "c")
    await rounds(house, 10)

    assert [one.services for one in incidents(house)] == [("a",)]


@told
async def test_what_a_person_declared_is_not_declared_again(house: House) -> None:
    """Given an incident that a person declared about a service, when its probes fall, then it is covered;
    one that names no service covers nothing."""
    await house.declare("payments")
    failing(house, "payments-deep", "checkout")
    await rounds(house, 5)
    assert len(incidents(house)) == 1


@told
async def test_every_open_incident_gets_every_round(house: House) -> None:
    """Given two open incidents, when a round was measured, then both have its samples, in the order of the
    fleet and not of the answers."""
    await house.declare()
    await house.declare("gateway")
    await rounds(house, 2)

    for incident in incidents(house):
        assert list(incident.last_samples) == ["payments-deep", "checkout"]
        assert incident.last_samples["checkout"] == Sample("checkout", True, "fine")
    assert house.kinds().count("samples.recorded") == 4


# --- its life ----------------------------------------------------------------------------------


@told
async def test_a_full_disk_does_not_end_the_monitor(house: House) -> None:
    """Given a disk without space, when a service falls, then it is declared as soon as there is space."""
    failing(house, "payments-deep")
    house.crash.full = True
    async with house.working(house.monitor.run):
        await house.wait(20 * SECOND)
        house.crash.full = False
        await house.wait(2 * SECOND)

    assert len(incidents(house)) == 1


@told
async def test_it_looks_more_often_while_the_degradation_table_says_so(house: House) -> None:
    """Given a degree that asks for a look every 250 ms, then there are four a second while such an incident is
    open, one a second before it, and the way from one to the other is no gap in what is measured."""
    plain = builders.policy()
    table = (Degree("major", ("SEV3",), look_ms=250),)
    fleet = replace(plain.fleet, monitor=MonitorSettings(SECOND, 600_000))
    await house.begin(
        replace(plain, fleet=fleet, protocol=replace(plain.protocol, degradation=table))
    )
    async with house.working(house.monitor.run):
        await house.wait(4 * SECOND)
        before = house.outside.asked.count(("measure", "checkout"))
        await house.do(DeclareIncident("it is slow", severity="SEV3"))
        await house.wait(4 * SECOND)

    assert before in (4, 5)
    assert house.outside.asked.count(("measure", "checkout")) - before in range(13, 17)
    stored = house.store.records(stream="incident/INC-1", limit=1000)
    events = [read_record(one).event for one in stored if one.kind == "samples.recorded"]
    assert [one.interval_ms for one in events[:3]] == [SECOND, 250, 250]


@told
async def test_a_fleet_without_probes_is_watched_in_peace(house: House) -> None:
    """Given an empty fleet and an open incident, then there is nothing to record, and nothing is wrong."""
    plain = builders.policy()
    await house.begin(replace(plain, fleet=fleet_of().fleet))
    await house.do(DeclareIncident("the lights are out"))
    position = house.store.last_position()
    async with house.working(house.monitor.run):
        await house.wait(10 * SECOND)

    assert house.store.last_position() == position


@told
async def test_a_service_of_a_merged_incident_is_not_declared_again(house: House) -> None:
    """Given an incident that goes on in another one which never named its service, while that service still
    fails, then nothing is declared for it and nothing is refused: the one that goes on covers it, and what is
    measured there is its impact."""
    plain = builders.policy()
    grants = (*plain.protocol.authority, Grant("link", ("person",)))
    await house.begin(replace(plain, protocol=replace(plain.protocol, authority=grants)))
    await house.declare("gateway")
    failing(house, "payments-deep")
    await rounds(house, 4)
    assert [one.services for one in incidents(house)] == [("gateway",), ("payments",)]
    await house.do(MergeIncident("INC-2", "INC-1", "the same"))
    await rounds(house, 5)

    assert len(incidents(house)) == 2
    assert house.store.refusals() == []
