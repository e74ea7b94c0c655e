"""A large plan stands beside the log: small in it, whole in the world, and bound by its digest."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allstop.application.audit import verify
from allstop.application.beside import LARGE
from allstop.application.codec import read_record
from allstop.application.ports import StoredRecord
from allstop.application.timeline import sentence
from allstop.domain.incident import commands as c
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import DrawPlan
from allstop.domain.plan.state import Plan
from allstop.domain.policy import Policy
from allstop.errors import Corrupt
from tests.application.ground import House, told
from tests.domain import builders
from tests.domain.builders import ADA
from tests.domain.fleet.fleets import random_fleet

MANY, FEW = 400, 6


class NoKeys:
    def check(self, key_id: str, message: bytes, signature: str) -> bool | None:
        del key_id, message, signature
        return None


def shop(size: int) -> Policy:
    policy = builders.policy()
    fleet = replace(random_fleet(3, size), monitor=policy.fleet.monitor)
    return replace(policy, fleet=fleet)


async def planned(house: House, size: int) -> Plan:
    """A stop of a whole fleet was asked for."""
    await house.begin(shop(size))
    await house.do(c.DeclareIncident("all of it fails"), ADA)
    await house.do(DrawPlan("INC-1", Asked("stop", ("all",))), ADA)
    return house.world.plans["PLAN-1"]


def entry(house: House) -> StoredRecord:
    (found,) = [one for one in house.disk.events if one.kind == "plan.made"]
    return found


@told
async def test_a_large_plan_is_small_in_the_log_and_whole_in_the_world(house: House) -> None:
    """Given a plan of thousands of steps, when the log is read by whoever only tells of it, then the entry is a
    few hundred bytes and says as much as before; and a coordinator that starts again has all of it."""
    plan = await planned(house, MANY)
    assert len(plan.steps) > LARGE
    stored = entry(house)
    assert len(stored.body) < 2000
    event = read_record(stored).event
    assert (event.beside.steps, event.beside.nodes) == (len(plan.steps), MANY)
    assert len(house.disk.blobs[event.beside.sha256]) > 100 * len(stored.body)
    said = sentence(read_record(stored))
    assert f"{MANY} nodes, {len(plan.steps)} steps" in said
    assert "against largest-share" in said
    before = house.world
    await house.begin()
    assert house.world == before
    assert house.world.plans["PLAN-1"].steps == plan.steps


@told
async def test_a_small_plan_stays_in_its_entry(house: House) -> None:
    plan = await planned(house, FEW)
    event = read_record(entry(house)).event
    assert event.beside is None
    assert event.steps == plan.steps
    assert house.disk.blobs == {}


@told
async def test_a_plan_whose_steps_are_gone_starts_nothing(house: House) -> None:
    """Given a body beside the log that is missing or was changed, when a coordinator starts, then it says which
    plan it is about and does not run; and the audit names it."""
    await planned(house, MANY)
    assert verify(house.store, NoKeys()).ok
    digest = read_record(entry(house)).event.beside.sha256
    whole = house.disk.blobs[digest]
    for spoilt in (None, whole.replace(b"stop", b"kill", 1)):
        house.disk.blobs.pop(digest)
        if spoilt is not None:
            house.disk.blobs[digest] = spoilt
        found = verify(house.store, NoKeys())
        assert found.counts == {"blob": 1}
        assert digest in found.problems[0].text
        with pytest.raises(Corrupt, match="PLAN-1"):
            await house.begin()
        house.disk.blobs[digest] = whole
    assert verify(house.store, NoKeys()).ok


@told
async def test_the_digest_in_the_entry_is_bound_by_its_hash(house: House) -> None:
    """Given another body with a digest of its own, when the entry is made to name that, then it is edited."""
    await planned(house, MANY)
    stored = entry(house)
    digest = read_record(stored).event.beside.sha256
    place = house.disk.events.index(stored)
    house.disk.events[place] = replace(stored, body=stored.body.replace(digest, "0" * 64))
    found = verify(house.store, NoKeys())
    assert found.first_bad is not None
    assert (found.first_bad.kind, found.first_bad.position) == ("edited", stored.position)
