"""The preflight in the background: looked at again and again, recorded when it turns, and never in the way."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from allstop.adapters.kept_file import KeptFile
from allstop.application.preflight_watch import AGAIN_MS, BUSY_MS, FIRST_MS, PreflightWatch
from allstop.domain.effects import failed
from allstop.domain.incident.commands import DeclareIncident
from allstop.domain.incident.course_commands import TriageIncident
from allstop.domain.plan.commands import AbortPlan, PausePlan
from allstop.domain.policy import Channel, Grant, Policy, Preflight
from allstop.domain.readiness import NAMED
from tests.application.ground import SECOND, House, told
from tests.application.preflight_world import Ground, preflight, reachable, rules
from tests.domain.builders import ADA, EVE

EVERY = 900 * SECOND
BAD = "roster.yaml:2 AP002 nobody"
TURNED = "preflight.turned"


def watching(
    house: House, ground: Ground, share: float = 0.5, kept: KeptFile | None = None
) -> PreflightWatch:
    return PreflightWatch(preflight(house, ground), house.post, house.clock, lambda: share, kept)


def checked(*checks: str, every_ms: int = EVERY) -> Policy:
    plain = rules()
    plain = replace(
        plain,
        protocol=replace(
            plain.protocol, authority=(*plain.protocol.authority, Grant("triage", ("person",)))
        ),
    )
    preflight = Preflight(checks or ("documents",), every_ms=every_ms)
    return replace(plain, protocol=replace(plain.protocol, preflight=preflight))


def turns(house: House) -> list[tuple[bool, tuple[str, ...]]]:
    events = [one for one in house.store.records(stream="fleet", limit=1000) if one.kind == TURNED]

    return [
        (bool(body["passed"]), tuple(body["failing"]))
        for body in (json.loads(one.body) for one in events)
    ]


@told
async def test_it_looks_by_itself_and_records_only_what_has_turned(house: House) -> None:
    """Given a coordinator that runs, then it looks soon after its start and again after each interval; only the
    turns from green to red and back are on the record, and whoever asks sees the newest look."""
    await house.begin(checked())
    ground = Ground()
    watch = watching(house, ground)
    assert watch.newest is None
    async with house.working(watch.run):
        await house.wait(FIRST_MS + SECOND)
        assert watch.newest is not None
        assert watch.newest.passed
        first = watch.newest.at
        assert turns(house) == [(True, ())]
        await house.wait(EVERY)
        assert watch.newest.at > first
        assert len(turns(house)) == 1
        ground.problems = (BAD,)
        await house.wait(EVERY + AGAIN_MS)
        assert turns(house)[1:] == [(False, (f"documents: {BAD}",))]
        await house.wait(3 * EVERY)
        assert len(turns(house)) == 2
        ground.problems = ()
        await house.wait(EVERY)
        assert turns(house)[2:] == [(True, ())]
    known = house.world.readiness
    assert known is not None
    assert known.passed


@told
async def test_what_is_red_once_is_looked_at_again_before_anybody_hears(house: House) -> None:
    """Given a check that fails once, then nothing is recorded, because the look a minute later finds it green."""
    await house.begin(checked())
    ground = Ground()
    watch = watching(house, ground)
    async with house.working(watch.run):
        await house.wait(FIRST_MS + SECOND)
        ground.problems = (BAD,)
        await house.wait(EVERY)
        assert watch.newest is not None
        assert not watch.newest.passed
        ground.problems = ()
        await house.wait(AGAIN_MS + SECOND)
        assert watch.newest.passed
    assert turns(house) == [(True, ())]


@told
async def test_a_red_fleet_is_red_from_the_first_minutes_on_and_over_a_restart(
    house: House,
) -> None:
    await house.begin(checked())
    ground = Ground((BAD,))
    async with house.working(watching(house, ground).run):
        await house.wait(FIRST_MS + AGAIN_MS + SECOND)
    assert turns(house) == [(False, (f"documents: {BAD}",))]
    await house.begin(checked())
    known = house.world.readiness
    assert known is not None
    assert (known.passed, known.failing) == (False, (f"documents: {BAD}",))
    async with house.working(watching(house, ground).run):
        await house.wait(FIRST_MS + 2 * AGAIN_MS)
    assert len(turns(house)) == 1


@told
async def test_while_a_plan_is_under_way_nobody_is_disturbed(house: House) -> None:
    """Given a plan that is paused, then nothing is looked at in the background, and soon after its end it is."""
    await house.begin(checked())
    plan = await house.contain()
    await house.do(PausePlan(plan, "wait"), ADA)
    watch = watching(house, Ground())
    async with house.working(watch.run):
        await house.wait(2 * EVERY)
        assert watch.newest is None

        await house.do(AbortPlan(plan, "over"), ADA)
        await house.wait(BUSY_MS + SECOND)
        assert watch.newest is not None


@told
async def test_a_protocol_may_ask_for_none(house: House) -> None:
    await house.begin(checked(every_ms=0))
    watch = watching(house, Ground())
    async with house.working(watch.run):
        await house.wait(4 * EVERY)
    assert watch.newest is None
    assert turns(house) == []


@pytest.mark.parametrize(("share", "earliest"), [(0.0, 0.9), (0.5, 1.0), (1.0, 1.1)])
@told
async def test_intervals_differ_a_little(house: House, share: float, earliest: float) -> None:
    """Given several coordinators that started together, then they do not all ask at the same moment."""
    await house.begin(checked())
    watch = watching(house, Ground(), share)
    async with house.working(watch.run):
        await house.wait(FIRST_MS + SECOND)
        assert watch.newest is not None
        first = watch.newest
        await house.wait(round(earliest * EVERY) - 2 * SECOND)
        assert watch.newest is first
        await house.wait(3 * SECOND)
        assert watch.newest is not first


@told
async def test_whoever_asks_meanwhile_gets_the_same_look(house: House) -> None:
    """Given a look that is under way, when another one is asked for, then one is made; a part is made by itself, and
    is not the newest of the whole."""

    class Slow(Ground):
        asked = 0

        async def documents(self) -> Any:
            type(self).asked += 1
            await asyncio.sleep(5)
            return ()

    await reachable(house, checked("documents", "capacity"))
    watch = watching(house, Slow())
    looks = [asyncio.ensure_future(watch.look()) for _ in range(3)]
    await house.wait(SECOND)
    assert watch.progress is not None
    found = await asyncio.gather(*looks)
    assert found[0] is found[1] is found[2] is watch.newest
    assert Slow.asked == 1
    assert found[0].took_ms >= 5 * SECOND
    assert watch.progress is None
    part = await watch.look(("capacity",))
    assert {one.check for one in part.results} == {"capacity"}
    assert watch.newest is found[0]


@told
async def test_of_very_much_that_is_red_some_is_named(house: House) -> None:

    policy = checked("channels")
    channels = tuple(Channel(f"c{at:02}", "nowhere", {}) for at in range(NAMED + 5))
    await house.begin(replace(policy, roster=replace(policy.roster, channels=channels)))
    async with house.working(watching(house, Ground()).run):
        await house.wait(FIRST_MS + AGAIN_MS + SECOND)
    ((_, failing),) = turns(house)
    assert len(failing) == NAMED
    assert house.world.readiness is not None
    assert house.world.readiness.bad == NAMED + 5


@told
async def test_what_is_secret_in_an_answer_gets_neither_onto_the_record_nor_to_who_asks(
    house: House,
) -> None:
    """Given a channel whose adapter says the password it was refused with, then nobody reads it: what goes on the
    record by itself passed no runner that would have masked it."""
    policy = checked("channels")
    (chat, *_) = policy.roster.channels
    chat = replace(chat, options={"path": "/chat"})
    roster = replace(policy.roster, channels=(chat,))
    outside = await reachable(house, replace(policy, roster=roster))
    said = f"{'x ' * 129}could not log in: postgres://allstop:hunter2secret@db/ledger"
    outside.seen["/chat"] = failed(said)
    watch = watching(house, Ground())
    async with house.working(watch.run):
        await house.wait(FIRST_MS + AGAIN_MS + SECOND)
    (record,) = [
        one for one in house.store.records(stream="fleet", limit=1000) if one.kind == TURNED
    ]
    assert "hun" not in record.body
    assert watch.newest is not None
    (found,) = watch.newest.results
    assert "hun" not in found.text
    outside.seen["/chat"] = failed("could not log in: postgres://allstop:hunter2secret@db/ledger")
    (found,) = (await watch.look()).results
    assert found.text == "could not log in: postgres://allstop:[masked]@db/ledger"


def posted(house: House) -> list[tuple[str, str, str]]:
    """What went out about the preflight: to whom, subject and text, the oldest first."""
    rows = [row.effect for row in house.store.effects(stream="fleet", limit=1000)]
    return [
        (str(one.options["to"]), str(one.options["subject"]), str(one.options["text"]))
        for one in reversed(rows)
    ]


def telling(*tell: str) -> Policy:
    policy = checked()
    roster = replace(
        policy.roster,
        people=tuple(replace(one, channels=("chat",)) for one in policy.roster.people),
    )
    rules = replace(policy.protocol.preflight, tell=tell)
    return replace(policy, roster=roster, protocol=replace(policy.protocol, preflight=rules))


@told
async def test_whom_the_protocol_names_is_told_when_it_turns_red_and_when_it_is_over(
    house: House,
) -> None:
    """Given a protocol that names somebody for it, then they are told of each turn to red once, over a restart as
    well, and once when all of it passes again; the message goes out like any other, and its delivery is recorded."""
    await house.begin(telling("owner", "person:ada"))
    ground = Ground()
    async with house.working(watching(house, ground).run, house.runner.run):
        await house.wait(FIRST_MS + SECOND)
        assert posted(house) == [], "that all is well is no news"
        ground.problems = (BAD,)
        await house.wait(EVERY + AGAIN_MS)
    await house.begin()
    async with house.working(watching(house, ground).run, house.runner.run):
        await house.wait(3 * EVERY)
        assert [(to, subject) for to, subject, _ in posted(house)] == [
            ("person:eve", "preflight: 1 check does not pass"),
            ("person:ada", "preflight: 1 check does not pass"),
        ]
        assert f"documents: {BAD}" in posted(house)[0][2]
        ground.problems = ()
        await house.wait(2 * EVERY)
    assert [subject for _, subject, _ in posted(house)[2:]] == [
        "preflight: everything passes again", "preflight: everything passes again",
    ]  # fmt: skip
    assert posted(house)[2][2].startswith("It was red since 2026-")
    assert house.outside.calls("post").count("act") == 4
    assert house.kinds("fleet").count("notification.delivered") == 4
    assert len({one.effect.ref for one in house.store.effects(stream="fleet", limit=1000)}) == 4


@told
async def test_in_a_drill_nobody_is_told_and_what_is_red_after_it_is(house: House) -> None:
    """Given a drill that makes the preflight red, then that is on the record and goes out to nobody; when it still is
    red after the drill, they are told, and it has been so since then."""
    await house.begin(telling("owner"))
    ground = Ground()
    async with house.working(watching(house, ground).run, house.runner.run):
        await house.wait(FIRST_MS + SECOND)
        await house.do(DeclareIncident("a drill", trigger="drill:quarterly"), EVE)
        ground.problems = (BAD,)
        await house.wait(2 * EVERY)
        known = house.world.readiness
        assert known is not None
        assert (known.passed, known.told) == (False, ())
        assert posted(house) == []
        await house.do(TriageIncident("INC-1", False, "the drill is over"), EVE)
        await house.wait(EVERY + AGAIN_MS)
        assert [to for to, _, _ in posted(house)] == ["person:eve"]
    told_of = house.world.readiness
    assert told_of is not None
    assert (told_of.told, told_of.since) == (("eve",), known.since)


@told
async def test_a_drill_that_was_red_and_is_over_is_no_news(house: House) -> None:
    await house.begin(telling("owner"))
    ground = Ground()
    async with house.working(watching(house, ground).run, house.runner.run):
        await house.wait(FIRST_MS + SECOND)
        await house.do(DeclareIncident("a drill", trigger="drill:quarterly"), EVE)
        ground.problems = (BAD,)
        await house.wait(2 * EVERY)
        ground.problems = ()
        await house.do(TriageIncident("INC-1", False, "the drill is over"), EVE)
        await house.wait(2 * EVERY)
    assert house.world.readiness is not None
    assert house.world.readiness.passed
    assert posted(house) == []


@told
async def test_where_the_protocol_names_nobody_it_is_only_recorded(house: House) -> None:
    await house.begin(telling())
    async with house.working(watching(house, Ground((BAD,))).run, house.runner.run):
        await house.wait(3 * EVERY)
    assert len(turns(house)) == 1
    assert posted(house) == []


@told
async def test_the_newest_outlives_the_coordinator(house: House, tmp_path: Path) -> None:
    """Given a look that found something, when the coordinator dies and another one begins, then whoever asks sees
    what was found and when, and not that nobody has looked; what cannot be read is as if it were not there."""
    kept = KeptFile(tmp_path / "preflight.json")
    await house.begin(checked())
    found = await watching(house, Ground((BAD,)), kept=kept).look()
    await house.wait(SECOND)
    await house.begin()
    watch = watching(house, Ground(), kept=kept)
    assert watch.newest == found
    part = await watch.look(("capacity",))
    assert watching(house, Ground(), kept=kept).newest == found != part
    later = await watch.look()
    assert watching(house, Ground(), kept=kept).newest == later != found
    for torn in ("", "{", "[1]", '{"at": "now"}'):
        (tmp_path / "preflight.json").write_text(torn)
        assert watching(house, Ground(), kept=kept).newest is None
