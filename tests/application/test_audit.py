"""The verifier finds every kind of tampering and names the first bad entry."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allstop import errors
from allstop.adapters.memory_store import MemoryDisk, MemoryStore
from allstop.adapters.signing import PublicKeys, SigningKey
from allstop.application import chain
from allstop.application.audit import KINDS, Report, verify
from allstop.application.checkpoints import message, read_line, write_line
from allstop.application.ports import Checkpoint, StoredRecord
from allstop.domain.effects import Lane
from allstop.testing.contracts.store_ground import NOW, draft, sha256, writing

ENTRIES = 30


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return SigningKey(tmp_path_factory.mktemp("key") / "signing.pem")


@pytest.fixture(scope="module")
def keys(key: SigningKey) -> PublicKeys:
    return PublicKeys(key.public_path)


async def filled() -> MemoryDisk:
    store = MemoryStore()
    await store.open("one")
    for number in range(ENTRIES):
        stream, version = f"plan/{number % 3}", number // 3 + 1
        await store.write(Lane.COMMAND, writing(draft(stream, version, f"text {number}")))
    body, blob = '{"a":1}', b"output"
    await store.write(
        Lane.COMMAND,
        writing(policies={sha256(body.encode()): body}, blobs={sha256(blob): blob}),
    )
    await store.close()
    return store.disk


def sealed(disk: MemoryDisk, key: SigningKey, *positions: int) -> list[Checkpoint]:
    found, value = [], chain.GENESIS
    for entry in disk.events:
        value = chain.seal(value, entry.position, entry.hash)
        if entry.position in positions:
            bare = Checkpoint(entry.position, value, NOW, key.key_id, "")
            found.append(replace(bare, signature=key.sign(message(bare))))
    return found


@pytest.fixture
async def disk(key: SigningKey) -> MemoryDisk:
    made = await filled()
    made.checkpoints = {point.position: point for point in sealed(made, key, 10, 20)}
    return made


@pytest.fixture
def exported(disk: MemoryDisk, key: SigningKey) -> list[str]:
    return [write_line(point) for point in sealed(disk, key, 10, 20, 25)]


def relinked(events: list[StoredRecord]) -> list[StoredRecord]:
    """The whole log written anew by somebody who knows how: every position, version and hash."""
    ends: dict[str, tuple[int, str]] = {}
    done = []
    for position, entry in enumerate(events, 1):
        version, prev = ends.get(entry.stream, (0, chain.GENESIS))
        digest = chain.link(
            prev, entry.stream, version + 1, entry.kind, entry.schema,
            entry.at, entry.actor, entry.cause, entry.body.encode(),
        )  # fmt: skip
        ends[entry.stream] = (version + 1, digest)
        done.append(replace(entry, position=position, version=version + 1, prev=prev, hash=digest))
    return done


def run(disk: MemoryDisk, keys: PublicKeys, exported: list[str] | None = None) -> Report:
    report = verify(MemoryStore(disk), keys, exported or [])
    assert set(report.counts) <= set(KINDS)
    return report


def test_a_sound_log_passes_and_says_what_no_checkpoint_covers(
    disk: MemoryDisk, keys: PublicKeys, exported: list[str]
) -> None:
    """Given an untouched log, when it is verified, then no problem is reported."""
    report = run(disk, keys, exported)
    assert report.ok, report.problems
    assert (report.entries, report.streams) == (ENTRIES, 3)
    assert (report.checkpoints, report.exported, report.unsealed) == (2, 3, 5)


def test_an_empty_log_passes(keys: PublicKeys) -> None:
    """Given no entry at all, when it is verified, then that is fine."""
    assert run(MemoryDisk(), keys).ok


@given(place=st.integers(0, ENTRIES - 1), data=st.data())
def test_any_edit_of_any_field_is_found_at_its_entry(place: int, data: st.DataObject) -> None:
    """Given one field of one entry changed, then that entry is the first bad one."""
    disk = asyncio.run(filled())
    entry = disk.events[place]
    changes = {
        "stream": "plan/9", "version": entry.version + 1, "kind": "agent.told", "schema": 2,
        "at": entry.at + timedelta(microseconds=1), "actor": "person:eve", "cause": "",
        "body": entry.body + " ", "prev": "1" * 64, "hash": "2" * 64,
    }  # fmt: skip
    field = data.draw(st.sampled_from(sorted(changes)))
    disk.events[place] = replace(entry, **{field: changes[field]})  # type: ignore[arg-type]
    report = run(disk, NO_KEYS)
    assert report.first_bad is not None
    assert report.first_bad.position == place + 1


class _NoKeys(PublicKeys):
    def __init__(self) -> None:
        super().__init__()


NO_KEYS = _NoKeys()


def test_a_removed_entry_is_a_gap(disk: MemoryDisk, keys: PublicKeys) -> None:
    """Given a missing entry, then the next position and the stream's next version are named."""
    del disk.events[6]
    report = run(Paged(disk), keys)
    assert report.counts["gap"] == 1
    assert report.counts["version-gap"] == 1
    assert report.first_bad is not None
    assert report.first_bad.position == 8
    assert report.counts["checkpoint"] == 1, "the later checkpoint speaks for its own part"


def test_swapped_and_inserted_entries_are_found(disk: MemoryDisk, keys: PublicKeys) -> None:
    """Given two entries of a stream swapped, then both links are broken, at the first of them."""
    one, two = disk.events[3], disk.events[6]
    disk.events[3] = replace(two, position=one.position)
    disk.events[6] = replace(one, position=two.position)
    report = run(disk, keys)
    assert report.first_bad is not None
    assert report.first_bad.position == 4


def test_a_log_rewritten_with_all_its_hashes_differs_from_the_checkpoints(
    disk: MemoryDisk, keys: PublicKeys, exported: list[str]
) -> None:
    """Given a rewrite that links perfectly, then only the signed checkpoints tell."""
    disk.events[14] = replace(disk.events[14], actor="person:eve")
    disk.events = relinked(disk.events)
    report = run(disk, keys, exported)
    assert report.counts.keys() == {"checkpoint"}
    assert "up to 20" in report.problems[0].text
    disk.checkpoints.clear()
    assert run(disk, keys).ok, "without a checkpoint outside, nobody can tell"
    assert run(disk, keys, exported).counts["checkpoint"] > 0


def test_a_tail_that_was_cut_off_is_found_by_the_exported_checkpoint(
    disk: MemoryDisk, keys: PublicKeys, exported: list[str]
) -> None:
    """Given a log cut behind its last own checkpoint, then the exported one names the loss."""
    del disk.events[22:]
    assert run(disk, keys).ok
    report = run(disk, keys, exported)
    assert report.counts == {"cut": 1}


def test_checkpoints_must_be_signed_by_a_known_key(
    disk: MemoryDisk, keys: PublicKeys, tmp_path: Path
) -> None:
    """Given forged checkpoints, then a wrong signature and an unknown key are told apart."""
    stranger = SigningKey(tmp_path / "other.pem")
    point = disk.checkpoints[10]
    forged = [
        write_line(replace(point, signature="00" * 64)),
        write_line(replace(point, signature="no hexadecimal")),
        write_line(replace(point, at=point.at + timedelta(1))),
        write_line(sealed(disk, stranger, 10)[0]),
        '{"position": 10}',
        "torn li",
    ]
    report = run(disk, keys, forged)
    assert report.counts == {"signature": 3, "unknown-key": 1, "export": 2}


def test_changed_policies_and_blobs_are_found(disk: MemoryDisk, keys: PublicKeys) -> None:
    """Given bodies that are not what their digests say, then each is named."""
    disk.policies = dict.fromkeys(disk.policies, "{}")
    disk.blobs = dict.fromkeys(disk.blobs, b"")
    assert run(disk, keys).counts == {"policy": 1, "blob": 1}


def test_what_cannot_be_read_is_a_problem_not_a_traceback(
    disk: MemoryDisk, keys: PublicKeys
) -> None:
    """Given a source that fails half way, then the report says where, and covers the rest."""

    class Broken(MemoryStore):
        def records(
            self, after: int = 0, limit: int = 1000, stream: str = ""
        ) -> list[StoredRecord]:
            if after >= 12:
                raise errors.Corrupt("page 7 is damaged")
            return super().records(after, 12 - after, stream)

    report = verify(Broken(disk), keys)
    assert report.counts["unreadable"] == 1
    assert report.first_bad is not None
    assert report.first_bad.position == 13
    assert report.entries == 12


def test_checkpoint_lines_come_back_as_they_were(disk: MemoryDisk) -> None:
    """Given a checkpoint, when its line is read, then it is the same."""
    for point in disk.checkpoints.values():
        assert read_line(write_line(point)) == point


class Paged(MemoryDisk):
    """A disk whose positions have gaps: pages go by position, not by place in the list."""

    def __init__(self, disk: MemoryDisk) -> None:
        super().__init__(policies=disk.policies, blobs=disk.blobs, checkpoints=disk.checkpoints)
        self.events = _ByPosition(disk.events)


class _ByPosition(list[StoredRecord]):
    def __getitem__(self, part: object) -> list[StoredRecord]:  # type: ignore[override]
        assert isinstance(part, slice)
        return list(_between(self, part.start, part.stop - part.start))


def _between(events: list[StoredRecord], after: int, limit: int) -> Iterator[StoredRecord]:
    found = 0
    for entry in events:
        if entry.position > after and found < limit:
            found += 1
            yield entry
