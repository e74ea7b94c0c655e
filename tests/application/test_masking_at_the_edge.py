"""What comes in from outside is masked where it is recorded, so that no adapter can forget it."""

from __future__ import annotations

import asyncio

from allstop.domain.effects import done, failed
from allstop.domain.samples import Sample
from tests.application.ground import House, told

SECRET = "hunter2hunter2"


def everything_kept(house: House) -> str:
    """The whole log, and every body beside it that an entry may name."""
    entries = house.store.records(limit=100_000)
    words = [word for one in entries for word in one.body.replace('"', " ").split()]
    bodies = [house.store.blob(word) or b"" for word in words if len(word) == 64]
    return "\n".join([*(one.body for one in entries), *(body.decode() for body in bodies)])


@told
async def test_evidence_is_kept_without_its_secrets(house: House) -> None:
    """Given a command whose output, sentence and facts hold a password, when it was run as evidence, then none
    of what is kept holds it, the digest is of what is kept, and the record says how many were masked."""
    house.outside.keeps = {"history": f"deployed with password={SECRET} at noon".encode()}
    said = f"pushed to https://ci:{SECRET}@git.example.org/shop"
    house.outside.acts = {"history": [done(said, {"token": SECRET, "head_age_seconds": 7})]}
    await house.declare("payments")
    async with house.working(house.runner.run):
        await house.wait(3000)
    piece = house.world.incidents["INC-1"].evidence["payments/recent-changes"]
    assert house.store.blob(piece.sha256) == b"deployed with password=[masked] at noon"
    assert piece.facts == {"token": "[masked]", "head_age_seconds": 7, "masked": 3}
    assert piece.summary.endswith("3 secrets masked")
    assert SECRET not in everything_kept(house)


@told
async def test_why_a_step_failed_is_told_without_its_secrets(house: House) -> None:
    said = failed(f"cannot log in as shop with password '{SECRET}'")
    house.outside.acts = {"isolate": [said]}
    async with house.working(house.runner.run):
        plan = await house.contain()
        await house.wait(3000)
    assert house.world.plans[plan].held_because
    assert SECRET not in everything_kept(house)
    assert all(SECRET not in row.because for row in house.store.effects())


@told
async def test_what_a_broken_adapter_raises_is_masked_too(house: House) -> None:
    house.outside.acts = {"isolate": [ValueError(f"bad url postgres://a:{SECRET}@db/x")]}
    async with house.working(house.runner.run):
        await house.contain()
        await house.wait(3000)
    assert SECRET not in everything_kept(house)


@told
async def test_what_a_probe_says_is_masked(house: House) -> None:
    """Given a probe that repeats a token it was answered with, then neither views nor samples hold it."""
    house.outside.samples = {"checkout": [(False, f"401 for Bearer {SECRET}", {})]}
    spec = house.post.book.latest.fleet.probes()[0]
    sample, _ = await house.monitor.look(spec)
    assert isinstance(sample, Sample)
    await house.declare("payments")
    await house.monitor.tick()
    await asyncio.sleep(0)
    assert "samples.recorded" in house.kinds("incident/INC-1")
    assert SECRET not in everything_kept(house)
    watches = house.monitor.watches.values()
    assert [one.last.text for one in watches if one.last and not one.last.good] == [
        "401 for Bearer [masked]"
    ]
