"""The command post: refusals beside the log, repeats, pinned policies, full disks and replay."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from allstop.application.command_post import Request
from allstop.application.heads import REFUSALS_KEPT
from allstop.application.ports import RefusalEntry
from allstop.domain.halt.commands import OrderHalt, ReleaseHalt
from allstop.domain.impact import Impact
from allstop.domain.incident import commands as c
from allstop.domain.moment import between
from allstop.domain.policy import Policy
from allstop.domain.principal import TIMEKEEPER
from allstop.errors import KeyReused, Refused, Unavailable
from tests.application.ground import SECOND, House, told
from tests.domain import builders
from tests.domain.builders import ADA, BUILDER, EVE, START

NOBODY = c.AcknowledgeIncident("INC-9")


def titled(title: str) -> Policy:
    """The builders' policy under another title, so under another digest."""
    plain = builders.policy()
    return replace(plain, protocol=replace(plain.protocol, title=title))


# --- refusals ----------------------------------------------------------------------------------


@told
async def test_a_refusal_is_kept_beside_the_log_with_every_reason(house: House) -> None:
    """Given a command with two things wrong, when it is refused, then the caller and the list of refusals
    have both reasons, and the log has none."""
    command = c.DeclareIncident("", ("paymnts",))
    with pytest.raises(Refused) as caught:
        await house.do(command)

    assert [code for code, _, _ in caught.value.reasons] == ["bad-title", "unknown-service"]
    (kept,) = house.store.refusals()
    assert (kept.at, kept.actor, kept.command) == (START, "person:ada", "DeclareIncident")
    assert [one.partition(":")[0] for one in kept.reasons] == ["bad-title", "unknown-service"]
    assert house.store.last_position() == 0
    assert house.world.versions == {}


@told
async def test_refusals_are_bounded(house: House) -> None:
    """Given a full list of refusals, when one more comes, then the oldest goes."""
    old = [RefusalEntry(START, f"person:{n}", "Old", ()) for n in range(REFUSALS_KEPT)]
    house.disk.refusals.extend(old)
    with pytest.raises(Refused):
        await house.do(NOBODY)

    kept = house.store.refusals(limit=2 * REFUSALS_KEPT)
    assert len(kept) == REFUSALS_KEPT
    assert (kept[0].actor, kept[-1].actor) == ("person:ada", "person:1")


@told
async def test_what_the_coordinator_refuses_itself_is_no_refusal_of_anybody(house: House) -> None:
    """Given a due command that is refused, then nobody's name stands in the list of refusals."""
    with pytest.raises(Refused):
        await house.do(c.DecideRemedy("INC-9"), TIMEKEEPER)

    assert house.store.refusals() == []


@told
async def test_asking_beforehand_changes_nothing(house: House) -> None:
    """Given a question whether something would be allowed, then it is answered and leaves no trace."""
    await house.declare()
    before = house.store.last_position()

    assert house.post.ask(c.AcknowledgeIncident("INC-1"), ADA).allowed
    assert not house.post.ask(c.StandDown("INC-1", "enough"), ADA).allowed
    assert (house.store.last_position(), house.store.refusals()) == (before, [])


# --- repeats -----------------------------------------------------------------------------------


@told
async def test_a_repeat_under_its_key_gets_the_first_answer(house: House) -> None:
    """Given a declaration under a key, when it comes again, also after a restart, then nothing happens
    twice and the answer is the same."""
    command = c.DeclareIncident("it is slow")
    first = await house.do(command, key="k1")
    position = house.store.last_position()
    again = await house.do(command, key="k1")
    await house.begin()
    after_a_restart = await house.do(command, key="k1")

    assert first == again == after_a_restart == {"incident": "INC-1"}
    assert house.store.last_position() == position


@told
async def test_two_at_once_under_one_key_are_one(house: House) -> None:
    """Given the same request twice at the same moment, then one of them is carried out."""
    command = c.DeclareIncident("it is slow")
    answers = [house.do(command, key="k1"), house.do(command, key="k1")]

    assert [await one for one in answers] == [{"incident": "INC-1"}] * 2
    assert len(house.world.incidents) == 1


@told
async def test_a_key_for_another_request_is_refused(house: House) -> None:
    """Given a used key, when another request bears it, then it is refused, and that is no refusal of the
    command; another person may use the same key."""
    await house.do(c.DeclareIncident("it is slow"), key="k1")
    with pytest.raises(KeyReused) as caught:
        await house.do(c.DeclareIncident("it is gone"), key="k1")
    await house.do(c.DeclareIncident("it is gone"), EVE, key="k1")

    assert caught.value.hint
    assert [one.title for one in house.world.incidents.values()] == ["it is slow", "it is gone"]
    assert house.store.refusals() == []


@told
async def test_a_refused_request_may_come_again_under_its_key(house: House) -> None:
    """Given a refusal under a key, when the reason is gone, then the same request is carried out."""
    command = c.AcknowledgeIncident("INC-1")
    with pytest.raises(Refused):
        await house.do(command, key="k1")
    await house.declare()
    await house.do(command, key="k1")

    assert house.world.incidents["INC-1"].acknowledged_by == "ada"


# --- policies ----------------------------------------------------------------------------------


@told
async def test_a_policy_is_stored_with_what_first_pins_it_and_never_again(house: House) -> None:
    """Given an adopted policy, when nothing was declared under it, then it is not stored; the first
    declaration stores it, and the second one does not need to."""
    await house.register()
    assert house.store.policies() == {}
    await house.declare()
    assert list(house.store.policies()) == [house.post.book.current]
    house.disk.policies[house.post.book.current] += " "  # would be written over
    await house.declare()

    assert house.disk.policies[house.post.book.current].endswith(" ")


@told
async def test_running_incidents_keep_their_policy(house: House) -> None:
    """Given an open incident, when another policy is adopted, then only new incidents have it, and the
    old one keeps its own over a restart under the new documents."""
    await house.declare()
    house.post.adopt(titled("Second"))
    await house.declare()
    await house.begin(titled("Third"))
    await house.declare()

    pinned = [one.policy for one in house.world.incidents.values()]
    titles = [house.post.book.pinned(digest).protocol.title for digest in pinned]
    assert titles == ["Test protocol", "Second", "Third"]
    assert set(house.store.policies()) == set(pinned)
    assert house.views.incident("INC-1").protocol == "Test protocol"


@told
async def test_a_declaration_that_was_not_kept_stored_no_policy(house: House) -> None:
    """Given a full disk at the first declaration, when the second one is kept, then the policy is stored
    with that one."""
    house.crash.full = True
    with pytest.raises(Unavailable):
        await house.declare()
    house.crash.full = False
    await house.declare()

    assert list(house.store.policies()) == [house.post.book.current]
    assert len(house.world.incidents) == 1


# --- full disk and replay ----------------------------------------------------------------------


@told
async def test_what_was_not_kept_did_not_happen(house: House) -> None:
    """Given a write lost to a full disk, when the next command is decided, then it sees the old world, and
    numbers and versions go on without a gap."""
    await house.declare()
    house.crash.full = True
    for text in ("one", "two"):
        with pytest.raises(Unavailable):
            await house.do(c.AddNote("INC-1", text))
    with pytest.raises(Unavailable):
        await house.do(c.AcknowledgeIncident("INC-1"))
    house.crash.full = False
    await house.do(c.AcknowledgeIncident("INC-1"))
    await house.do(OrderHalt("all", "stop"))

    assert "note.added" not in house.kinds()
    assert list(house.world.halts) == ["HALT-1", "HALT-2"]
    versions = [one.version for one in house.store.records(stream="incident/INC-1", limit=1000)]
    assert versions == list(range(1, len(versions) + 1))


@told
async def test_a_lost_refusal_takes_nothing_back(house: House) -> None:
    """Given a refusal that cannot be recorded, then what was decided before stays decided."""
    await house.declare()
    house.crash.full = True
    with pytest.raises(Unavailable):
        await house.do(NOBODY)
    house.crash.full = False
    await house.do(c.AcknowledgeIncident("INC-1"))

    assert house.world.incidents["INC-1"].acknowledged_by == "ada"


@told
async def test_replay_ends_where_life_was(house: House) -> None:
    """Given an emergency with everything in it, when the log is read back, then the world is the same, and
    the first thing that happens after it gets the next number."""
    await house.register()
    await house.contain()
    async with house.working(house.runner.run, house.timekeeper.run, house.monitor.run):
        await house.wait(200 * SECOND)
    await house.do(c.AcknowledgeIncident("INC-1"))
    await house.do(c.SetSeverity("INC-1", "SEV2", "it is not that bad"))
    await house.do(ReleaseHalt("HALT-1", "they may go on"))
    live = house.world
    await house.begin()

    assert house.world == live
    assert (await house.do(OrderHalt("agent:builder-1", "stop"), BUILDER))["halt"] == "HALT-2"


@told
async def test_replay_reads_a_long_log_in_pieces(house: House) -> None:
    """Given more entries than one piece of a replay, then none is left out."""
    await house.declare(impact=Impact())
    for number in range(2100):
        await house.do(c.AddNote("INC-1", f"note {number}"))
    live = house.world
    await house.begin()

    assert house.world == live
    assert house.world.versions["incident/INC-1"] > 2100


@told
async def test_the_published_state_is_never_ahead_of_the_disk(house: House) -> None:
    """Given a command under way, when its write is not yet durable, then nobody can see it."""
    seen: list[int] = []
    house.store.on_commit(lambda batch: seen.append(len(house.world.incidents)))
    command = house.post.do(c.DeclareIncident("it is slow"), Request(ADA))
    assert not house.world.incidents
    await command

    assert seen == [1]
    declared = house.world.incidents["INC-1"].declared_at
    assert between(declared, house.clock.now().utc) == 0
    assert declared.utcoffset() == timedelta(0)
