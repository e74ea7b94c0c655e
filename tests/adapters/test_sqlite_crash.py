"""Real processes, killed for real: what was acknowledged is there, and claims are unknown."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from allstop import errors
from allstop.adapters.sqlite import SqliteStore
from allstop.application.audit import Report, verify
from allstop.application.ports import EffectState
from allstop.domain.effects import LANES
from allstop.testing.contracts.store_ground import NOW

CHILD = Path(__file__).with_name("store_child.py")
SOURCE = Path(__file__).resolve().parents[2] / "src"


class NoKeys:
    """No key is known."""

    def check(self, key_id: str, message: bytes, signature: str) -> bool | None:
        return None


class Child:
    """A running store_child and what it has said so far."""

    def __init__(self, db: Path, mode: str, crash_at: str = "") -> None:
        self.output = db.parent / f"{time.monotonic_ns()}.out"
        environment = {**os.environ, "PYTHONPATH": str(SOURCE), "ALLSTOP_CRASH_AT": crash_at}
        with self.output.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, str(CHILD), str(db), mode],
                stdout=out, stderr=subprocess.PIPE, env=environment,
            )  # fmt: skip

    def lines(self) -> list[list[str]]:
        whole = self.output.read_text().rpartition("\n")[0]
        return [line.split() for line in whole.splitlines()]

    def acknowledged(self) -> dict[int, str]:
        return {int(line[1]): line[2] for line in self.lines() if line[0] == "ack"}

    def wait_until(self, count: int) -> None:
        """Until so many writes are acknowledged, or it has ended."""
        limit = time.monotonic() + 20
        while len(self.acknowledged()) < count and self.process.poll() is None:
            assert time.monotonic() < limit, "the child makes no progress"
            time.sleep(0.005)

    def end(self) -> tuple[int, str]:
        _, stderr = self.process.communicate(timeout=20)
        return self.process.returncode, stderr.decode()


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "allstop.db"


@pytest.fixture
def children() -> Iterator[list[Child]]:
    started: list[Child] = []
    yield started
    for child in started:
        if child.process.poll() is None:
            child.process.kill()
        child.process.wait()
        if child.process.stderr is not None:
            child.process.stderr.close()


async def look(db: Path) -> tuple[dict[int, str], dict[str, EffectState], Report]:
    store = SqliteStore(db)
    await store.open("after")
    found = {entry.position: entry.hash for entry in store.records(limit=1_000_000)}
    effects = {row.effect.id: row.state for row in store.effects(limit=1_000_000)}
    report = verify(store, NoKeys())
    await store.close()
    return found, effects, report


def check(db: Path, acknowledged: dict[int, str]) -> dict[str, EffectState]:
    found, effects, report = asyncio.run(look(db))
    assert acknowledged.items() <= found.items()
    assert report.ok, report.problems
    assert EffectState.CLAIMED not in effects.values()
    assert len(effects) == len(found), "an entry and its effect are written together or not at all"
    return effects


def test_nothing_acknowledged_is_lost_by_kills_at_random_moments(
    db: Path, children: list[Child]
) -> None:
    """Given writers at work, when they are killed again and again, then every ack is still true."""
    chance = random.Random(7)
    acknowledged: dict[int, str] = {}
    for _ in range(6):
        child = Child(db, "claim")
        children.append(child)
        child.wait_until(chance.randrange(1, 60))
        time.sleep(chance.random() * 0.02)
        child.process.kill()
        child.end()
        acknowledged |= child.acknowledged()
        check(db, acknowledged)
    assert len(acknowledged) > 20


@pytest.mark.parametrize(
    "place", ["store.before-commit", "store.after-commit", "store.before-answer"]
)
@pytest.mark.parametrize("hit", [1, 7])
def test_a_kill_at_every_boundary_of_a_commit_loses_nothing(
    db: Path, children: list[Child], place: str, hit: int
) -> None:
    """Given a kill at a named moment, when the store is opened again, then every ack is there."""
    child = Child(db, "claim", f"{place}:{hit}")
    children.append(child)
    code, _ = child.end()
    assert code == -signal.SIGKILL
    check(db, child.acknowledged())


def test_claims_of_a_killed_process_become_unknown(db: Path, children: list[Child]) -> None:
    """Given claimed effects, when their process is killed, then each is unknown, not pending."""
    child = Child(db, "claim")
    children.append(child)
    child.wait_until(30)
    child.process.kill()
    child.end()
    claimed = {line[1] for line in child.lines() if line[0] == "claim"}
    effects = check(db, child.acknowledged())
    assert claimed
    assert {effects[id] for id in claimed} == {EffectState.UNKNOWN}


def test_a_second_process_hears_the_pid_of_the_first_and_a_killed_one_leaves_no_lock(
    db: Path, children: list[Child]
) -> None:
    """Given a coordinator, when a second one starts, then it is told who holds the database."""
    child = Child(db, "append")
    children.append(child)
    child.wait_until(1)
    with pytest.raises(errors.Unavailable, match=rf"pid {child.process.pid}\)"):
        asyncio.run(look(db))
    child.process.kill()
    child.end()
    check(db, child.acknowledged())


def test_an_error_of_the_disk_ends_the_process_at_once(db: Path, children: list[Child]) -> None:
    """Given a disk that reports an error, then exit code 70, one line, and no ack is lost."""
    child = Child(db, "limited")
    children.append(child)
    code, stderr = child.end()
    assert code == 70, stderr
    assert len(stderr.splitlines()) == 1
    assert stderr.startswith("allstop: ")
    assert "not trusting the disk" in stderr
    assert len(child.acknowledged()) > 5
    check(db, child.acknowledged())


def test_claims_are_due_even_when_the_clock_of_the_next_coordinator_is_behind(
    db: Path, children: list[Child]
) -> None:
    """Given unknown effects, when the machine starts with a clock from the past, they are due."""
    child = Child(db, "claim")
    children.append(child)
    child.wait_until(20)
    child.process.kill()
    child.end()

    async def due() -> int:
        store = SqliteStore(db)
        await store.open("after")
        claims = await store.claim(LANES, 1000, NOW.replace(year=1999))
        await store.close()
        return sum(claim.observe for claim in claims)

    said = {line[1] for line in child.lines() if line[0] == "claim"}
    assert asyncio.run(due()) >= len(said) > 0
