"""The preflight of a whole fleet: everything that is named is tried, and what cannot act is named with its mending."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from allstop.application.preflight import WithCoordinator
from allstop.application.preflight_fleet import complete
from allstop.application.preflight_ground import AT_ONCE, AT_ONCE_PER_HOST
from allstop.application.runner import Runner
from allstop.domain.effects import Outcome, done, failed, retry, unknown
from allstop.domain.fleet.copies import Copy
from allstop.domain.fleet.standing import Standing
from allstop.domain.incident.course_commands import BeginPreflight
from allstop.domain.incident.course_events import CheckResult
from allstop.domain.policy import (
    ActionSpec,
    Channel,
    Drill,
    Fleet,
    FleetLimits,
    Lever,
    Person,
    Policy,
    ProbeSpec,
    RoleRule,
    Service,
)
from allstop.domain.preflight import MENDS
from allstop.domain.world import KnownGood, World
from tests.application.ground import SECOND, House, Never, told
from tests.application.preflight_world import Ground, Reachable, preflight, rules
from tests.domain import builders

HOUR = 3_600_000


def act(verb: str, adapter: str = "script", **options: Any) -> ActionSpec:
    return ActionSpec(adapter, verb, options, 1000)


def probe(name: str, service: str, **options: Any) -> ProbeSpec:
    return ProbeSpec(name, service, "script", options, 1000, 1, 1)


def service(name: str, *, stateful: bool = False, host: str = "", **more: Any) -> Service:
    given: dict[str, Any] = {"probes": (), "actions": {}, "verify": {}, "diagnose": {}, **more}
    return Service(
        name, name, "internal", 50, protected=False, stateful=stateful, depends=(), host=host, **given
    )  # fmt: skip


def fleet_of(*services: Service, **changes: Any) -> Policy:
    plain = rules(**changes)
    return replace(plain, fleet=Fleet(services, limits=FleetLimits(backup_ms=24 * HOUR)))


@dataclass
class Tried(Reachable):
    """A world that is asked whether it could act, verb by verb. answers: by verb; most: how many were asked at
    once, by the option `host`."""

    answers: dict[str, Any] = field(default_factory=dict)
    ready_for: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    now: dict[str, int] = field(default_factory=dict)
    most: dict[str, int] = field(default_factory=dict)
    takes_ms: int = 0

    async def ready(self, verb: str, options: dict[str, Any], timeout_ms: int) -> Outcome:
        del timeout_ms
        self.ready_for.append((verb, options))
        for key in ("all", str(options.get("host", ""))):
            self.now[key] = self.now.get(key, 0) + 1
            self.most[key] = max(self.most.get(key, 0), self.now[key])
        try:
            await asyncio.sleep(self.takes_ms / 1000)
            answer = self.answers.get(verb, done("it could"))
            if answer is Never:
                await asyncio.Event().wait()
            if isinstance(answer, Exception):
                raise answer
            found: Outcome = answer
            return found
        finally:
            for key in ("all", str(options.get("host", ""))):
                self.now[key] -= 1


async def world_of(house: House, policy: Policy) -> Tried:
    outside = Tried()
    house.outside = outside
    await house.begin(policy)
    return outside


async def found_by(
    house: House, check: str, *services: str, ground: Ground | None = None
) -> list[CheckResult]:
    return list(await preflight(house, ground).run((check,), services))


def rows(found: list[CheckResult]) -> dict[str, tuple[bool | None, str]]:
    return {one.subject: (one.ok, one.text) for one in found}


# --- adapters -------------------------------------------------------------------------------------


@told
async def test_everything_that_could_be_done_is_tried_and_nothing_is_done(house: House) -> None:
    """Given actions, levers, proofs and diagnoses, then whether each could be done is asked once, with the
    options a plan would give it, and nothing is done."""
    lever = Lever(
        "cached", "Cached", "minor", act("isolate", path="pull"), act("reopen", path="release"), None, None,
        "older answers", HOUR,
    )  # fmt: skip
    one = service(
        "web",
        actions={
            "stop": act("restart", unit="web"), "start": act("restart", unit="web"),
            "rollback": act("rollback", tree="{release}", repo="r"), "scale": act("restart", percent="{percent}"),
        },
        diagnose={"log": act("history", path="log"), "health": act("measure")},
        levers=(lever,),
    )  # fmt: skip
    outside = await world_of(house, fleet_of(one))
    found = await found_by(house, "adapters")
    assert sorted(outside.ready_for, key=repr) == [
        ("history", {"path": "log"}), ("isolate", {"path": "pull"}), ("reopen", {"path": "release"}),
        ("restart", {"percent": 100}), ("restart", {"unit": "web"}), ("rollback", {"repo": "r"}),
    ]  # fmt: skip
    (row,) = found
    assert (row.ok, row.subject, row.concerns) == (True, "script", ("web",))
    assert row.text.endswith("could act in 6 of 6 places")
    assert {how for how, _ in outside.asked} == set()


@told
async def test_a_rollback_is_tried_with_the_release_it_would_go_back_to(house: House) -> None:
    one = service("web", actions={"rollback": act("rollback", repo="r", tree="{release}")})
    outside = await world_of(house, fleet_of(one))
    house.post.world.known_good["web"] = KnownGood("abc", 1)  # type: ignore[index]
    await found_by(house, "adapters")
    assert outside.ready_for == [("rollback", {"repo": "r", "tree": "abc"})]


@pytest.mark.parametrize(("answer", "ok", "text"), [
    (failed("no socket"), False, "no socket"),
    (unknown("cannot tell"), None, "cannot tell"),
    (retry("busy"), None, "busy"),
    (ValueError("a bug"), None, "script raised ValueError: a bug"),
    (Never, None, "no answer within 5s"),
    ("done", None, "script answered with str, which is no outcome"),
])  # fmt: skip
@told
async def test_what_could_not_act_is_named_with_what_it_is_for(
    house: House, answer: Any, ok: bool | None, text: str
) -> None:
    """Given a stop that could not be done now, then it has a line of its own, which says whom it concerns, what to
    do and how long it took; the adapter itself is there."""
    one = service(
        "web", actions={"stop": act("restart"), "start": act("reopen"), "kill": act("restart")}
    )
    outside = await world_of(house, fleet_of(one))
    outside.answers["restart"], outside.takes_ms = answer, 30
    adapter, place = await found_by(house, "adapters")
    assert (adapter.ok, adapter.text.endswith("could act in 1 of 2 places")) == (True, True)
    assert (place.ok, place.text) == (ok, text)
    assert place.subject == "script restart: web/stop, web/kill"
    assert place.concerns == ("web/stop", "web/kill")
    assert place.mend == MENDS["adapters"]
    assert place.took_ms >= 30


@told
async def test_what_a_plan_has_stopped_need_not_answer(house: House) -> None:
    """Given a service that a plan has stopped, then only what brings it back is tried, and its probes may be
    silent."""
    actions = {"stop": act("restart"), "start": act("reopen"), "fence": act("isolate")}
    one = service("web", actions=actions, probes=(probe("up", "web"),))
    outside = await world_of(house, fleet_of(one))
    outside.answers = {"restart": failed("nobody there"), "isolate": failed("nobody there")}
    outside.samples = {"up": [(None, "no route", {})]}
    assert not all(one.ok for one in await found_by(house, "adapters"))
    assert not all(one.ok for one in await found_by(house, "probes"))
    house.post.world.standings["web"] = Standing(stopped=True)  # type: ignore[index]
    assert rows(await found_by(house, "adapters")) == {
        "script": (
            True,
            "installed: probe, confirm, freeze, isolate, post, reopen, restart, resume, tell; could act in 1 of 1 places",
        )
    }
    assert rows(await found_by(house, "probes")) == {
        "up": (True, "a plan has stopped it: no route")
    }


@told
async def test_an_adapter_that_is_not_there_is_not_tried(house: House) -> None:
    one = service("web", actions={"stop": act("stop", "ssh"), "start": act("explode")})
    outside = await world_of(house, fleet_of(one))
    assert rows(await found_by(house, "adapters")) == {
        "script": (False, "no verb explode"), "ssh": (False, "it is no actuator"),
    }  # fmt: skip
    assert outside.ready_for == []


@pytest.mark.parametrize(("hosts", "at_once"), [(6, 6 * AT_ONCE_PER_HOST), (60, AT_ONCE)])
@told
async def test_a_preflight_is_no_load_test(house: House, hosts: int, at_once: int) -> None:
    """Given many services on few hosts or on many, then no host and not the coordinator itself is asked more at
    once than it should be."""
    services = [
        service(f"s{at}", host=host, actions={"stop": act("restart", host=host, unit=at)})
        for at in range(60)
        for host in (f"h{at % hosts}",)
    ]
    outside = await world_of(house, fleet_of(*services))
    outside.takes_ms = 100
    (row,) = await found_by(house, "adapters")
    assert row.text.endswith("60 of 60 places")
    assert outside.most.pop("all") == at_once
    assert set(outside.most.values()) == {min(AT_ONCE_PER_HOST, 60 // hosts)}


@told
async def test_what_was_found_in_time_is_reported(house: House) -> None:
    """Given one place in a fleet that hangs and so many that not all have their turn, then the others have their
    answer, the rest is unknown one by one, and it ends."""
    slow = [
        service(f"s{at}", host="h", actions={"stop": act("restart", unit=at)}) for at in range(60)
    ]
    quick = service("web", actions={"start": act("reopen")})
    outside = await world_of(house, fleet_of(quick, *slow))
    outside.answers["restart"] = Never
    before = house.clock.now().monotonic_ms
    found = await found_by(house, "adapters")
    assert house.clock.now().monotonic_ms - before <= 46 * SECOND
    assert found[0].ok
    assert "could act in 1 of 61 places" in found[0].text
    assert len(found) == 61
    assert {one.ok for one in found[1:]} == {None}
    assert {one.text for one in found[1:]} == {
        "no answer within 5s", "no end within 45s, with all there is to look at",
    }  # fmt: skip


# --- backups --------------------------------------------------------------------------------------


def ledger(**more: Any) -> Policy:
    return fleet_of(service("ledger", stateful=True, **more), service("web"))


@pytest.mark.parametrize(("look", "ok", "text"), [
    ((True, "newest is b-7", {"age_ms": 2 * HOUR, "proven": True}), True, "newest is b-7, 2h old"),
    ((True, "it is there", {}), True, "it is there"),
    ((True, "newest is b-7", {"age_ms": 25 * HOUR}), False, "newest is b-7: older than 1d"),
    ((True, "newest is b-7", {"age_s": 90_001}), False, "newest is b-7: older than 1d"),
    ((True, "newest is b-7", {"age_s": 90_000.5}), False, "newest is b-7: older than 1d"),
    ((True, "newest is b-7", {"age_s": 7200.5}), True, "newest is b-7, 2h old"),
    ((True, "newest is b-7", {"age_s": Decimal("90000.5")}), False, "newest is b-7: older than 1d"),
    ((True, "newest is b-7", {"age_seconds": "90001"}), False, "newest is b-7: older than 1d"),
    ((True, "newest is b-7", {"age_s": "1e999999"}), False, "newest is b-7: older than 1d"),
    ((True, "newest is b-7", {"age_s": "a day"}), False, "newest is b-7: how old it is cannot be read"),
    ((True, "newest is b-7", {"age_ms": float("nan")}), False, "newest is b-7: how old it is cannot be read"),
    ((True, "newest is b-7", {"proven": False}), False, "newest is b-7"),
    ((False, "not proven yet", {}), False, "not proven yet"),
    ((None, "no folder", {}), False, "no folder"),
])  # fmt: skip
@told
async def test_a_copy_is_fresh_and_proven_when_its_probe_says_so(
    house: House, look: Any, ok: bool, text: str
) -> None:
    outside = await world_of(house, ledger(verify={"verify-snapshot": probe("p", "ledger")}))
    outside.samples = {"p": [look]}
    (row,) = await found_by(house, "backups")
    assert (row.subject, row.ok, row.text) == ("ledger", ok, text)
    assert row.concerns == ("ledger",)
    assert bool(row.mend) is not ok


@pytest.mark.parametrize(("hours", "proven", "ok", "text"), [
    (2, True, True, "a plan took one 2h ago, and a restore proved it"),
    (2, False, False, "no restore has proven one yet"),
    (30, True, False, "the newest proven one is 1d 6h old, at most 1d are wanted"),
    (None, False, False, "no probe shows a copy, and no plan has made one"),
])  # fmt: skip
@told
async def test_or_when_a_plan_has_seen_to_it_lately(
    house: House, hours: int | None, proven: bool, ok: bool, text: str
) -> None:
    await world_of(house, ledger())
    now = house.clock.now().utc
    if hours is not None:
        copy = Copy("c", now - timedelta(hours=hours), now if proven else None)
        house.post.world.copies["ledger"] = (copy,)  # type: ignore[index]
    assert rows(await found_by(house, "backups")) == {"ledger": (ok, text)}


@told
async def test_a_copy_that_a_plan_has_proven_makes_up_for_a_probe_that_cannot_look(
    house: House,
) -> None:
    outside = await world_of(house, ledger(verify={"snapshot": probe("p", "ledger")}))
    outside.samples = {"p": [(None, "no folder", {})]}
    now = house.clock.now().utc
    house.post.world.copies["ledger"] = (Copy("c", now, now),)  # type: ignore[index]
    assert (await found_by(house, "backups"))[0].ok


@told
async def test_who_has_no_data_needs_no_copy(house: House) -> None:
    await world_of(house, fleet_of(service("web")))
    assert rows(await found_by(house, "backups")) == {"": (True, "no service has data of its own")}


# --- people, drills, secrets ----------------------------------------------------------------------


def staffed(*people: Person, channels: tuple[Channel, ...]) -> Policy:
    plain = rules()
    roles = (RoleRule("commander", "Commander", True), RoleRule("scribe", "Scribe", False))
    return replace(
        plain, protocol=replace(plain.protocol, roles=roles),
        roster=replace(plain.roster, people=people, channels=channels),
    )  # fmt: skip


def person(id: str, *channels: str, owner: bool = False, away: bool = False) -> Person:
    return Person(id, id, id, ("commander",), (), channels, owner=owner, away=away)


@told
async def test_somebody_can_be_told_now_for_every_role_that_must_be_filled(house: House) -> None:
    """Given people whose channels work, do not, or are not theirs, then a role is fine as long as one of them can be
    told, and whoever cannot is named."""
    channels = (Channel("good", "script", {}), Channel("bad", "script", {"path": "bad"}))
    people = (
        person("ada", "bad"),
        person("ben", "bad", "good"),
        person("cho"),
        person("dan", "good", away=True),
    )
    policy = staffed(*people, person("eve", "bad", owner=True), channels=channels)
    outside = Reachable()
    house.outside = outside
    await house.begin(policy)
    outside.seen = {"bad": failed("no folder")}
    assert rows(await found_by(house, "reachable")) == {
        "commander": (
            True, "can be told: ben; not: ada (bad: no folder), cho (no channel), eve (bad: no folder)",
        ),
        "owner": (False, "can be told: nobody; not: eve (bad: no folder)"),
    }  # fmt: skip
    asked = [one for one in outside.asked_for if one.get("path") == "bad"]
    assert len(asked) == 1, "a channel is tried once, whoever is behind it"
    await house.begin(staffed(channels=channels))
    assert {ok for ok, _ in rows(await found_by(house, "reachable")).values()} == {False}


@told
async def test_a_drill_that_is_due_is_a_remark(house: House) -> None:
    drills = (Drill("fire", "Fire", 30), Drill("flood", "Flood", 0), Drill("quake", "Quake", 90))
    await house.begin(rules(drills=drills))
    await house.declare("payments")
    house.post.world.incidents["INC-1"] = replace(  # type: ignore[index]
        house.world.incidents["INC-1"], trigger="drill:quake"
    )
    house.time.wall_us += 100 * 24 * 3600 * 1_000_000
    assert rows(await found_by(house, "drill")) == {
        "fire": (True, "never held, every 30 days is wanted"), "flood": (True, "never held"),
        "quake": (True, "held 100d ago, every 90 days is wanted"),
    }  # fmt: skip
    await house.begin(rules())
    assert rows(await found_by(house, "drill")) == {"": (True, "the protocol asks for none")}


@told
async def test_a_secret_that_can_be_read_and_is_let_in_nowhere_is_no_good(house: House) -> None:
    """Given a password file that two services use, when one of them turns it away, then it has failed for
    those; for one that is stopped nobody is asked."""
    login = {"password_file": "pw", "host": "a"}
    one = service("ledger", actions={"stop": act("restart", **login)})
    other = service(
        "web", actions={"stop": act("reopen", **login)}, probes=(probe("p", "web", token_file="t"),)
    )
    outside = await world_of(house, fleet_of(one, other))
    outside.answers["reopen"] = unknown("cannot tell")
    assert rows(await found_by(house, "credentials")) == {
        "pw": (True, "can be read, and whoever asked for it is content"), "t": (True, "can be read"),
    }  # fmt: skip
    outside.answers["restart"] = failed("password authentication failed")
    found = {one.subject: one for one in await found_by(house, "credentials")}
    assert found["pw"].ok is False
    assert found["pw"].text == "can be read; ledger, script restart: password authentication failed"
    assert found["pw"].concerns == ("ledger", "web")
    house.post.world.standings["ledger"] = Standing(stopped=True)  # type: ignore[index]
    assert all(one.ok for one in await found_by(house, "credentials"))


# --- the whole ------------------------------------------------------------------------------------


@told
async def test_one_can_look_at_some_services_only(house: House) -> None:
    """Given two services, when one looks at one of them, then nothing is asked of the other, and every line is
    about the one."""
    services = [
        service(
            name,
            stateful=True,
            actions={"stop": act("restart", unit=name)},
            probes=(probe(f"{name}-up", name),),
        )
        for name in ("web", "ledger")
    ]
    outside = await world_of(house, fleet_of(*services))
    found = await preflight(house).run((), ("ledger",))
    assert {one.check for one in found} == {"adapters", "probes", "backups"}
    assert {name.partition("/")[0] for one in found for name in one.concerns} == {"ledger"}
    assert outside.ready_for == [("restart", {"unit": "ledger"})]
    assert outside.asked == [("measure", "ledger-up")]


@told
async def test_how_long_each_look_took_stands_in_its_line(house: House) -> None:
    one = service("web", actions={"stop": act("restart")})
    outside = await world_of(house, fleet_of(one))
    outside.takes_ms = 250
    (row,) = await found_by(house, "adapters")
    assert row.took_ms == 250


Check = Callable[[House], Any]


@told
async def test_builders_policy_is_checked_whole(house: House) -> None:
    """Given the policy of all other stories, then every check there is says something, and none breaks."""
    await house.begin(builders.policy())
    found = await preflight(house).run()
    assert not [one for one in found if "could not be made" in one.text]


@told
async def test_what_is_said_of_a_secrets_file_reaches_the_record(house: House) -> None:
    """Given a file that is named after what it holds, when the runner records an incident's preflight, then its line
    is there as it was found: a path is no secret."""
    path = "/etc/allstop/db_password"
    one = service("web", probes=(probe("p", "web", password_file=path),))
    plain = fleet_of(one)
    checks = replace(
        plain.protocol, preflight=replace(plain.protocol.preflight, checks=("credentials",))
    )
    await world_of(house, replace(plain, protocol=checks))
    hands = WithCoordinator(house.outside, preflight(house))
    runner = Runner(house.post, house.store, house.hub, hands, house.clock, house.crash)
    await house.declare("web")
    async with house.working(runner.run):
        await house.do(BeginPreflight("INC-1"), builders.ADA)
        await house.wait(5 * SECOND)
    results = house.world.incidents["INC-1"].preflights[-1].results or ()
    assert [(one.subject, one.ok, one.text) for one in results] == [(path, True, "can be read")]


def test_a_restore_is_asked_about_with_the_copy_that_was_proven_or_the_newest() -> None:
    """Given options with words that a plan fills in, then an adapter is asked whether it could act with something of
    their kind: the copy that was proven, else the newest there is, and an instant."""
    options = {"backup": "{copy}", "target_time": "{until}"}
    world = World()
    assert complete(world, "db", options)["backup"] == "newest"
    assert datetime.fromisoformat(complete(world, "db", options)["target_time"]).tzinfo
    at = datetime(2026, 11, 21, 3, tzinfo=UTC)
    proven = replace(world, copies={"db": (Copy("monday", at, at), Copy("tuesday", at))})
    assert complete(proven, "db", options)["backup"] == "monday"
