"""Each check of the preflight finds what is wrong, and takes nothing it cannot see for fine."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from allstop.application.ports import Capacity
from allstop.application.preflight_checks import MADE
from allstop.domain.confirmations import ConfirmProtocol
from allstop.domain.effects import failed, unknown
from allstop.domain.incident.commands import AssignRole
from allstop.domain.policy import (
    Channel,
    Dependency,
    DependencyKind,
    Person,
    Policy,
    RoleRule,
)
from allstop.domain.preflight import CHECKS
from tests.application.ground import SECOND, House, Never, told
from tests.application.preflight_world import (
    GB,
    ROOM,
    Ground,
    effect,
    looked,
    preflight,
    reachable,
    rules,
)
from tests.domain import builders

DAY_US = 24 * 60 * 60 * 1_000_000


def test_every_check_that_can_be_asked_for_is_made() -> None:
    """Given the checks a protocol may name, then the coordinator makes exactly those."""
    assert list(MADE) == list(CHECKS)


@pytest.mark.parametrize(("problems", "ok", "text"), [
    ((), True, "they can be adopted as they are"),
    (("fleet.yaml:3 AP001 no such key",), False, "fleet.yaml:3 AP001 no such key"),
    (("a", "b", "c"), False, "a (and 2 more)"),
    (OSError("the disk is gone"), None, "it could not be made: OSError: the disk is gone"),
])  # fmt: skip
@told
async def test_documents_are_read_again(
    house: House, problems: Any, ok: bool | None, text: str
) -> None:
    assert await looked(house, "documents", Ground(problems)) == {"": (ok, text)}


@told
async def test_adapters_have_to_be_there_and_able(house: House) -> None:
    """Given documents that name an adapter, a verb it lacks and one nobody installed, then each is named."""
    plain = rules()
    payments, gateway = plain.fleet.services
    actions = {**payments.actions, "restart": builders.action("explode")}
    diagnose = {
        "health": builders.action("measure"),
        "log": replace(builders.action("x"), adapter="ssh"),
    }
    fleet = replace(
        plain.fleet, services=(replace(payments, actions=actions, diagnose=diagnose), gateway)
    )
    await house.begin(replace(plain, fleet=fleet))
    found = await looked(house, "adapters")
    assert found == {"script": (False, "no verb explode"), "ssh": (False, "it is no actuator")}
    await house.begin(rules())
    ok, text = (await looked(house, "adapters"))["script"]
    assert (ok, "probe, confirm" in text) == (True, True)


@told
async def test_a_probe_that_says_bad_has_answered(house: House) -> None:
    """Given one probe that is bad and one that cannot run, then only the second has not answered; proofs are
    measured too, but for those of a release nobody has named."""
    house.outside.samples = {
        "checkout": [(False, "503", {})],
        "payments-deep": [(None, "no route", {})],
    }
    found = await looked(house, "probes")
    assert found["checkout"] == (True, "answers, and what it says is bad: 503")
    assert found["payments-deep"] == (False, "no route")
    assert {"payments isolated", "payments open"} <= set(found)
    assert "payments release" not in found


@told
async def test_a_channel_is_looked_at_without_a_message(house: House) -> None:
    """Given channels that are fine, broken, silent and raising, then each is found so, an incident's own
    channel under its name, and nothing is posted."""
    plain = rules()
    names = ("fine", "broken", "silent", "raising", "unsure")
    options = {"fine": "chat-{incident}.md"}
    rows = tuple(Channel(name, "script", {"path": options.get(name, name)}) for name in names)
    policy = replace(plain, roster=replace(plain.roster, channels=rows))
    outside = await reachable(house, policy)
    outside.seen = {
        "broken": failed("no folder"), "silent": Never, "raising": ValueError("a bug"),
        "unsure": unknown("cannot tell"),
    }  # fmt: skip
    await house.declare()
    assert await looked(house, "channels") == {
        "fine": (True, "it takes messages"), "broken": (False, "no folder"),
        "silent": (None, "no answer within 5s"), "raising": (None, "script raised ValueError: a bug"),
        "unsure": (None, "cannot tell"),
    }  # fmt: skip
    assert {"path": "chat-inc-1.md"} in outside.asked_for
    assert not outside.calls("post")


@told
async def test_what_cannot_be_looked_at_is_not_fine(house: House) -> None:
    """Given a channel of an adapter that cannot look, one of none at all, and no channel, then they are
    unknown, failed, failed."""
    plain = rules()
    rows = (Channel("chat", "script", {}), Channel("sms", "carrier-pigeon", {}))
    await house.begin(replace(plain, roster=replace(plain.roster, channels=rows)))
    found = await looked(house, "channels")
    assert found["chat"] == (None, "script cannot look without doing something")
    assert found["sms"] == (False, "there is no adapter carrier-pigeon")
    await house.begin(replace(plain, roster=replace(plain.roster, channels=())))
    assert (await looked(house, "channels"))[""][0] is False


@told
async def test_every_registered_agent_is_looked_for(house: House) -> None:
    outside = await reachable(house)
    assert await looked(house, "agents") == {"": (True, "none is registered")}
    await house.register()
    outside.seen = {"": failed("no pid file")}
    assert set(await looked(house, "agents")) == {"builder-1", "builder-2"}
    assert (await looked(house, "agents"))["builder-1"] == (False, "no pid file")


@told
async def test_the_monitor_has_to_have_looked_just_now(house: House) -> None:
    """Given a monitor that never looked, has looked, and has stopped, then only the second is fine."""
    assert (await looked(house, "monitoring"))[""][0] is False
    await house.monitor.tick()
    await house.wait(2 * SECOND)
    assert (await looked(house, "monitoring"))[""] == (True, "looked 2s ago, every 1s is wanted")
    await house.wait(1)
    assert (await looked(house, "monitoring"))[""][0] is False
    plain = rules()
    await house.begin(replace(plain, fleet=replace(plain.fleet, services=())))
    assert (await looked(house, "monitoring"))[""][0] is False


@told
async def test_roles_are_filled_and_people_have_a_channel(house: House) -> None:
    """Given an incident, then the roles are held, and whoever holds one, or owns it all, can be reached."""
    plain = builders.policy()
    await house.begin(plain)
    assert await looked(house, "team") == {
        "commander": (True, "could be held by ada"),
        "communications": (True, "could be held by ada, ben"),
        "ada": (True, "reached over chat"), "ben": (True, "reached over chat"),
        "eve": (False, "no channel: only the console tells them"),
    }  # fmt: skip
    await house.declare()
    await house.do(AssignRole("INC-1", "scribe", "ben"))
    assert (await looked(house, "team"))["commander"] == (True, "held by ada")


@told
async def test_a_role_that_nobody_holds_or_could_hold(house: House) -> None:
    plain = rules()
    roles = (*plain.protocol.roles, RoleRule("medic", "Medic", True))
    away = tuple(replace(one, away=True) for one in plain.roster.people)
    policy = replace(
        plain,
        protocol=replace(plain.protocol, roles=roles),
        roster=replace(plain.roster, people=(*away, Person("zoe", "Zoe", "zoe", ("medic",), (), (), owner=False))),
    )  # fmt: skip
    await house.begin(policy)
    found = await looked(house, "team")
    assert found["commander"] == (False, "nobody on the roster can hold it")
    assert found["zoe"][0] is False


@told
async def test_similar_incidents_of_a_year_are_named(house: House) -> None:
    """Given incidents about the same service, others, old ones and private ones, then the similar ones of the
    last twelve months are named, and what is private is not."""
    await house.declare()
    house.time.wall_us += round(timedelta(days=366) / timedelta(microseconds=1))
    for _ in range(2):
        await house.declare("payments")
    await house.declare("gateway")
    await house.declare(private=True)
    options = {"incident": "INC-2", "policy": house.post.book.current, "checks": ["history"]}
    outcome = await preflight(house).act(effect(options), lambda _: "")
    assert outcome.facts == {"history/": "ok: similar: INC-3, of 2 in the last twelve months"}
    found = {one.check: one.text for one in await preflight(house).run()}
    assert found["history"] == "3 incidents in the last twelve months"


@told
async def test_what_the_hit_ones_depend_on_has_to_be_well(house: House) -> None:
    """Given a shop hit that needs payments, which need a bank, then both are looked at; a hit service is not."""
    plain = rules()
    payments, gateway = plain.fleet.services
    bank = replace(
        payments, name="bank", title="Bank", probes=(builders.probe("bank", "bank"),), actions={},
        verify={}, diagnose={},
    )  # fmt: skip
    needs = (Dependency("bank", DependencyKind.SOFT),)
    fleet = replace(plain.fleet, services=(replace(payments, depends=needs), gateway, bank))
    await house.begin(replace(plain, fleet=fleet))
    assert (await looked(house, "dependencies"))[""][0] is True
    await house.declare("gateway")
    assert {ok for ok, _ in (await looked(house, "dependencies")).values()} == {None}
    house.outside.samples = {"bank": [(False, "closed", {})]}
    await house.monitor.tick()
    assert await looked(house, "dependencies") == {
        "payments": (True, "fine"), "bank": (False, "bank: closed"),
    }  # fmt: skip


@pytest.mark.parametrize(("room", "disk", "memory"), [
    (ROOM, True, True),
    (Capacity(5 * GB, 100 * GB, GB // 10, 16 * GB), False, False),
    (Capacity(GB // 4, GB, 8 * GB, 16 * GB), False, True),
    (Capacity(0, 0, 0, 0), False, False),
])  # fmt: skip
@told
async def test_the_host_has_to_have_room(
    house: House, room: Capacity, disk: bool, memory: bool
) -> None:
    found = await looked(house, "capacity", Ground(room=room))
    assert {name: ok for name, (ok, _) in found.items()} == {"disk": disk, "memory": memory}


@told
async def test_secrets_can_be_read_and_tokens_have_not_expired(house: House) -> None:
    """Given options that name secret files, however deep, and tokens that have expired, then each file is
    tried, and whoever has only expired tokens is named."""
    plain = rules()
    rows = (
        Channel("hook", "script", {"secret_file": "a", "more": {"token_file": "b"}, "path": "c"}),
    )
    await house.begin(replace(plain, roster=replace(plain.roster, channels=rows)))
    assert await looked(house, "credentials", Ground(faults={"b": "b is empty"})) == {
        "a": (True, "can be read"), "b": (False, "b is empty"),
    }  # fmt: skip
    past = house.clock.now().utc - timedelta(days=1)
    for digest, principal, until in (
        ("1", "person:ada", past), ("2", "person:ada", None), ("3", "agent:x", past),
    ):  # fmt: skip
        await house.store.put_token(digest, principal, until)
    found = await looked(house, "credentials")
    assert found["person:ada"][0] is True
    assert found["agent:x"] == (False, "every token has expired")
    await house.begin(builders.policy())
    await house.store.drop_tokens("agent:x")
    await house.store.drop_tokens("person:ada")
    assert (await looked(house, "credentials"))[""][0] is True


def asking(days: int = 90, **changes: Any) -> Policy:
    plain = rules()
    checks = replace(plain.protocol.preflight, understood_days=days)
    return replace(plain, protocol=replace(plain.protocol, preflight=checks, **changes))


@told
async def test_a_protocol_that_asks_for_nobodys_word_has_it(house: House) -> None:
    await house.begin(asking(0))
    assert await looked(house, "understood") == {
        "": (True, "the protocol asks nobody to confirm it")
    }


@told
async def test_nobody_is_taken_for_knowing_the_protocol(house: House) -> None:
    """Given people who can hold a role and an owner, then each is named until they have confirmed it
    themselves, over a restart as well, and again when their word has run out."""
    await house.begin(asking())
    missing = (False, "has not confirmed it (allstop protocol confirm)")
    assert await looked(house, "understood") == dict.fromkeys(("ada", "ben", "eve"), missing)
    await house.do(ConfirmProtocol("test"), builders.ADA)
    house.time.wall_us += 12 * DAY_US
    await house.do(ConfirmProtocol("test"), builders.EVE)
    await house.begin()
    assert await looked(house, "understood") == {
        "ada": (True, "confirmed 12 days ago"), "ben": missing, "eve": (True, "confirmed today"),
    }  # fmt: skip
    house.time.wall_us += 80 * DAY_US
    late = "confirmed 92 days ago, every 90 days is asked for (allstop protocol confirm)"
    assert await looked(house, "understood") == {
        "ada": (False, late), "ben": missing, "eve": (True, "confirmed 80 days ago"),
    }  # fmt: skip


@told
async def test_the_word_for_another_protocol_is_none_for_this_one(house: House) -> None:
    await house.begin(asking())
    await house.do(ConfirmProtocol("test"), builders.ADA)
    await house.begin(asking(name="stricter"))
    ok, text = (await looked(house, "understood"))["ada"]
    assert (ok, text) == (
        False, "confirmed another protocol, test (allstop protocol confirm)",
    )  # fmt: skip


@told
async def test_an_incident_asks_for_the_protocol_it_runs_under(house: House) -> None:
    """Given an incident under one protocol, when another comes into force, then the incident's own is asked
    about."""
    await house.begin(asking())
    await house.do(ConfirmProtocol("test"), builders.ADA)
    await house.declare()
    policy = house.world.incidents["INC-1"].policy
    house.post.adopt(asking(name="stricter"))
    options = {"incident": "INC-1", "policy": policy, "checks": ["understood"]}
    outcome = await preflight(house).act(effect(options), lambda _: "")
    assert outcome.facts["understood/ada"] == "ok: confirmed today"
    outside = {
        one.subject: one.text for one in await preflight(house).run() if one.check == "understood"
    }
    assert outside["ada"].startswith("confirmed another protocol, test")


@told
async def test_where_nobody_is_there_who_could_nothing_is_confirmed(house: House) -> None:
    plain = asking()
    away = tuple(replace(one, away=True) for one in plain.roster.people)
    await house.begin(replace(plain, roster=replace(plain.roster, people=away)))
    assert await looked(house, "understood") == {
        "": (False, "nobody is there who could confirm it")
    }
