"""The sealer signs on time, survives failures of its export, and notices an older database."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from allstop import errors
from allstop.adapters.memory_store import MemoryDisk, MemoryStore
from allstop.adapters.signing import CheckpointFile, PublicKeys, SigningKey
from allstop.application import chain
from allstop.application.audit import verify
from allstop.application.checkpoints import CheckpointExport, read_line
from allstop.application.sealer import EVERY_EVENTS, EVERY_MS, Sealer
from allstop.domain.effects import Lane
from allstop.domain.halt.events import HaltReleased
from allstop.domain.moment import Now
from allstop.domain.record import Record
from allstop.testing.contracts.store_ground import NOW, draft, writing


class HandClock:
    """A clock a test moves by hand."""

    def __init__(self) -> None:
        self.at_ms = 0
        self._sleepers: list[tuple[int, asyncio.Future[None]]] = []

    def now(self) -> Now:
        return Now(NOW + timedelta(milliseconds=self.at_ms), self.at_ms, "boot")

    async def sleep(self, milliseconds: int) -> None:
        wake = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.at_ms + milliseconds, wake))
        await wake

    async def advance(self, milliseconds: int) -> None:
        self.at_ms += milliseconds
        for until, wake in self._sleepers:
            if until <= self.at_ms and not wake.done():
                wake.set_result(None)
        await settle()


class FullThenFine:
    """An export on a disk that is full for a while."""

    def __init__(self) -> None:
        self.full = True
        self.kept: list[str] = []

    def append(self, line: str) -> None:
        if self.full:
            raise errors.Unavailable("no space")
        self.kept.append(line)

    def lines(self) -> Iterator[str]:
        return iter(self.kept)


async def settle() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return SigningKey(tmp_path / "keys" / "signing.pem")


@pytest.fixture
def export(tmp_path: Path) -> CheckpointFile:
    return CheckpointFile(tmp_path / "checkpoints.jsonl")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def store() -> AsyncIterator[MemoryStore]:
    store = MemoryStore()
    await store.open("one")
    yield store
    await store.close()


@pytest.fixture
async def running(
    store: MemoryStore, key: SigningKey, export: CheckpointFile, clock: HandClock
) -> AsyncIterator[Sealer]:
    sealer = Sealer(store, key, export, clock)
    sealer.resume()
    task = asyncio.ensure_future(sealer.run())
    await settle()
    yield sealer
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def add(store: MemoryStore, count: int, stream: str = "plan/p") -> None:
    start = len(store.records(stream=stream)) + 1
    drafts = [draft(stream, version) for version in range(start, start + count)]
    await store.write(Lane.COMMAND, writing(*drafts))
    await settle()


async def test_a_hundred_events_are_sealed_at_once(store: MemoryStore, running: Sealer) -> None:
    """Given 99 events, when the hundredth comes, then a checkpoint covers all of them."""
    await add(store, EVERY_EVENTS - 1)
    assert store.checkpoints() == []
    await add(store, 1)
    assert [point.position for point in store.checkpoints()] == [EVERY_EVENTS]


async def test_a_single_event_is_sealed_after_a_minute(
    store: MemoryStore, running: Sealer, clock: HandClock
) -> None:
    """Given one event, when 60 s have passed, then it is sealed, and silence seals nothing more."""
    await clock.advance(10 * EVERY_MS)
    await add(store, 1)
    await clock.advance(EVERY_MS - 1)
    assert store.checkpoints() == []
    await clock.advance(1)
    assert [point.position for point in store.checkpoints()] == [1]
    await clock.advance(10 * EVERY_MS)
    assert len(store.checkpoints()) == 1


async def test_a_halt_and_its_release_are_sealed_at_once(
    store: MemoryStore, running: Sealer
) -> None:
    """Given a release, when it is recorded, then it is sealed without waiting."""
    await add(store, 2)
    event = HaltReleased("over", ())
    record = Record(0, "halt/h", 1, "halt.released", 1, NOW, "person:ada", "r", event)
    await store.write(Lane.APPROVAL, writing(record))
    await settle()
    assert [point.position for point in store.checkpoints()] == [3]


async def test_what_is_sealed_verifies_with_the_published_key(
    store: MemoryStore, running: Sealer, export: CheckpointFile, key: SigningKey
) -> None:
    """Given sealed events, when the audit has the public key and the export, then all is well."""
    await add(store, 150)
    await add(store, 120)
    report = verify(store, PublicKeys(key.public_path), export.lines())
    assert report.ok, report.problems
    assert report.checkpoints == report.exported == 2
    assert report.unsealed == 0


async def test_an_export_that_fails_is_caught_up_with(
    store: MemoryStore, key: SigningKey, clock: HandClock
) -> None:
    """Given an export without space, when there is space again, then no checkpoint is missing."""
    export = FullThenFine()
    sealer = Sealer(store, key, export, clock)
    sealer.resume()
    task = asyncio.ensure_future(sealer.run())
    await add(store, 100)
    await clock.advance(EVERY_MS)
    await add(store, 100)
    export.full = False
    for _ in range(4):
        await clock.advance(EVERY_MS)
    assert [read_line(line).position for line in export.kept] == [100, 200]
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_the_chain_goes_on_after_a_restart(
    key: SigningKey, export: CheckpointFile, clock: HandClock
) -> None:
    """Given a sealed log, when a new coordinator seals more, then one chain covers both parts."""
    disk = MemoryDisk()
    for incarnation in ("one", "two", "three"):
        store = MemoryStore(disk)
        await store.open(incarnation)
        sealer = Sealer(store, key, export, clock)
        sealer.resume()
        await add(store, 7)
        await sealer.seal()
        assert await sealer.seal() is None
        await store.close()
    value = chain.GENESIS
    for entry in disk.events:
        value = chain.seal(value, entry.position, entry.hash)
    assert disk.checkpoints[21].chain == value


async def test_a_checkpoint_that_was_not_exported_before_a_crash_is_exported_later(
    store: MemoryStore, key: SigningKey, export: CheckpointFile, clock: HandClock
) -> None:
    """Given a crash between keeping and exporting, when it starts again, then it is exported."""
    failing: CheckpointExport = FullThenFine()
    await add(store, 3)
    with pytest.raises(errors.Unavailable):
        await Sealer(store, key, failing, clock).seal()
    again = Sealer(store, key, export, clock)
    again.resume()
    await again.seal()
    assert [read_line(line).position for line in export.lines()] == [3]


async def test_an_older_copy_of_the_database_is_noticed_at_the_start(
    store: MemoryStore, key: SigningKey, export: CheckpointFile, clock: HandClock
) -> None:
    """Given an exported checkpoint, when the log ends before it or differs, then it refuses."""
    await add(store, 5)
    await Sealer(store, key, export, clock).seal()
    older = MemoryStore()
    await older.open("two")
    await add(older, 3)
    with pytest.raises(errors.Corrupt, match="older copy") as caught:
        Sealer(older, key, export, clock).resume()
    assert "backup" in caught.value.hint
    await add(older, 4, "plan/other")
    with pytest.raises(errors.Corrupt, match="differs"):
        Sealer(older, key, export, clock).resume()
    await older.close()


# --- the key and the export file ---------------------------------------------------------------


def test_the_key_is_made_once_for_its_user_only(tmp_path: Path) -> None:
    """Given no key, when it is first needed, then it is made with mode 0600, and then kept."""
    first = SigningKey(tmp_path / "home" / "signing.pem")
    assert stat.S_IMODE((tmp_path / "home" / "signing.pem").stat().st_mode) == 0o600
    again = SigningKey(tmp_path / "home" / "signing.pem")
    assert again.key_id == first.key_id
    assert PublicKeys(first.public_path).check(first.key_id, b"m", again.sign(b"m")) is True
    assert len(first.public_path.read_text().splitlines()) == 1


def test_a_key_others_can_read_or_that_is_no_key_is_refused(tmp_path: Path) -> None:
    """Given a key file with a wrong mode or wrong content, then it is refused with a hint."""
    path = tmp_path / "signing.pem"
    SigningKey(path)
    path.chmod(0o644)
    with pytest.raises(errors.Invalid, match="others may read") as caught:
        SigningKey(path)
    assert "chmod 600" in caught.value.hint
    path.write_text("no key")
    path.chmod(0o600)
    with pytest.raises(errors.Invalid, match="not a key"):
        SigningKey(path)


def test_old_public_keys_stay_known_after_a_change_of_key(tmp_path: Path) -> None:
    """Given a new key in the same place, when an old signature is checked, then it still holds."""
    path = tmp_path / "signing.pem"
    old = SigningKey(path)
    signature = old.sign(b"m")
    path.unlink()
    new = SigningKey(path)
    keys = PublicKeys(new.public_path)
    assert new.key_id != old.key_id
    assert keys.check(old.key_id, b"m", signature) is True
    assert keys.check(new.key_id, b"m", signature) is False
    assert keys.check("0" * 16, b"m", signature) is None


def test_a_torn_line_of_the_export_stays_on_its_own(tmp_path: Path) -> None:
    """Given a line cut off by a crash, when the next is appended, then that one is whole."""
    path = tmp_path / "checkpoints.jsonl"
    path.write_text('{"position":1}\n{"posi')
    export = CheckpointFile(path)
    export.append('{"position":2}')
    assert list(export.lines()) == ['{"position":1}', '{"posi', '{"position":2}']
