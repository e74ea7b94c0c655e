"""The actuator `redis`: flushes, snapshots, and the proof that a snapshot is worth something."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from allstop.adapters.redis_server.actuator import Redis
from allstop.domain.effects import Ending, Outcome
from tests.adapters import redises
from tests.adapters.redises import Server
from tests.adapters.worlds import Blobs, effect

KEYS = 200


@pytest.fixture
def server() -> Iterator[Server]:
    with redises.running() as server:
        server.fill(KEYS)
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "snapshots"
    folder.mkdir()
    return folder


async def act(
    verb: str, server: Server, timeout_ms: int = 15_000, id: str = "order:1", **more: Any
) -> Outcome:
    options = {"host": "127.0.0.1", "port": server.port, **more}
    return await Redis().act(effect(verb, options, timeout_ms=timeout_ms, id=id), Blobs())


# --- flush -----------------------------------------------------------------------------------


async def test_a_flush_knows_when_it_is_on_disk() -> None:
    """Given an append-only file synced each second, the flush ends when that has come round."""
    with redises.running("--appendonly", "yes", "--appendfsync", "everysec") as server:
        server.ask("SET", "a", "1")
        outcome = await act("flush", server)
        assert outcome.ending is Ending.DONE
        assert outcome.because == "the append-only file is on disk (appendfsync everysec)"
        early = await act("flush", server, timeout_ms=1500)
        assert (early.ending, "not come round" in early.because) == (Ending.FAILED, True)

        server.ask("CONFIG", "SET", "appendfsync", "no")
        never = await act("flush", server)
        assert (never.ending, "appendfsync is no" in never.because) == (Ending.FAILED, True)


async def test_a_flush_to_nowhere_is_no_flush(server: Server) -> None:
    """Given neither append-only file nor replica, there is nothing to flush to, and that is said."""
    outcome = await act("flush", server)
    assert outcome.ending is Ending.FAILED
    assert "take a snapshot" in outcome.because


async def test_a_flush_counts_bytes_and_works_while_writes_wait() -> None:
    """Given a replica that stands still, the flush says what it lacks; a pause is no obstacle."""
    with redises.running_pair() as (primary, replica):
        replica.freeze()
        primary.fill(1)
        primary.ask("SET", "big", "x" * 5000)
        primary.ask("CLIENT", "PAUSE", "60000", "WRITE")

        lagging = await act("flush", primary, timeout_ms=1500, replicas=1)

        assert lagging.ending is Ending.FAILED
        assert "0 of 1 replicas have everything, the best lacks" in lagging.because
        replica.thaw()
        caught_up = await act("flush", primary, replicas=1)
        assert caught_up.ending is Ending.DONE
        assert caught_up.facts["replicas_caught_up"] == 1
        assert replica.ask("STRLEN", "big") == "5000"


# --- snapshot --------------------------------------------------------------------------------


async def test_a_snapshot_says_what_it_holds(server: Server, folder: Path) -> None:
    """Given a server, the copy is the dump, with checksum and count; doing it again copies nothing."""
    outcome = await act("snapshot", server, folder=str(folder))

    assert outcome.ending is Ending.DONE
    copy = folder / f"{outcome.facts['snapshot']}.rdb"
    body = copy.read_bytes()
    assert body == (server.folder / "dump.rdb").read_bytes()
    assert outcome.facts["sha256"] == hashlib.sha256(body).hexdigest()
    assert (outcome.facts["keys"], outcome.facts["bytes"]) == (KEYS, len(body))
    assert copy.stat().st_mode & 0o777 == 0o600
    saves = server.info("rdb_saves")
    assert (await act("snapshot", server, folder=str(folder))).facts == outcome.facts
    assert server.info("rdb_saves") == saves
    other = await act("snapshot", server, folder=str(folder), id="order:2")
    assert other.facts["snapshot"] != outcome.facts["snapshot"]


async def test_two_saves_in_one_second_are_told_apart(server: Server, folder: Path) -> None:
    """Given snapshots right after another, each holds what was there at its own time."""
    first = await act("snapshot", server, folder=str(folder), id="order:1")
    server.ask("SET", "one", "more")
    second = await act("snapshot", server, folder=str(folder), id="order:2")
    assert (first.facts["keys"], second.facts["keys"]) == (KEYS, KEYS + 1)
    assert first.facts["sha256"] != second.facts["sha256"]


async def test_somebody_elses_save_is_not_taken_for_ours(server: Server, folder: Path) -> None:
    """Given a save under way, ours is later; what its dump holds is older than our order."""
    server.ask("CONFIG", "SET", "rdb-key-save-delay", "5000")
    server.ask("BGSAVE")
    outcome = await act("snapshot", server, folder=str(folder))
    assert outcome.ending is Ending.RETRY
    assert "already in progress" in outcome.because
    assert list(folder.iterdir()) == []


async def test_a_save_that_takes_too_long_is_unknown_and_leaves_nothing_half(
    server: Server, folder: Path
) -> None:
    """Given a slow save, the order ends in time as unknown; observed, there is no snapshot; later there is."""
    server.ask("CONFIG", "SET", "rdb-key-save-delay", "15000")
    outcome = await act("snapshot", server, timeout_ms=1500, folder=str(folder))
    assert outcome.ending is Ending.UNKNOWN
    wanted = effect(
        "snapshot",
        {"host": "127.0.0.1", "port": server.port, "folder": str(folder)},
        id="order:1",
    )
    assert (await Redis().observe(wanted)).because == "no snapshot of this order"
    assert list(folder.iterdir()) == []

    server.ask("CONFIG", "SET", "rdb-key-save-delay", "0")
    server.until(lambda: server.info("rdb_bgsave_in_progress") == "0", "the slow save did not end")
    assert (await act("snapshot", server, folder=str(folder))).ending is Ending.DONE
    assert (await Redis().observe(wanted)).ending is Ending.DONE


async def test_a_save_that_fails_is_no_snapshot(server: Server, folder: Path) -> None:
    """Given a server that cannot write its dump, then BGSAVE says started, and nothing is claimed."""
    (server.folder / "dump.rdb").mkdir()
    outcome = await act("snapshot", server, folder=str(folder))
    assert outcome.ending is Ending.FAILED
    assert "could not save" in outcome.because


async def test_another_servers_dump_is_not_copied(
    server: Server, folder: Path, tmp_path: Path
) -> None:
    """Given a path that holds some other dump, or none, it is refused by its time or its beginning."""
    await act("snapshot", server, folder=str(folder))
    other = tmp_path / "dump.rdb"
    shutil.copyfile(server.folder / "dump.rdb", other)
    long_ago = time.time() - 3600
    os.utime(other, (long_ago, long_ago))
    refused = await act("snapshot", server, folder=str(folder), id="order:2", rdb_file=str(other))
    assert "may be another server's" in refused.because
    other.write_text("no dump")
    refused = await act("snapshot", server, folder=str(folder), id="order:3", rdb_file=str(other))
    assert "is no dump of Redis" in refused.because


async def test_a_dump_on_another_machine_needs_a_path(server: Server, folder: Path) -> None:
    """Given an address that is not this machine's, its path is not taken for one of ours."""
    away: dict[str, Any] = {"host": "0.0.0.0", "folder": str(folder)}
    refused = await act("snapshot", server, **away)
    assert "give rdb_file" in refused.because
    dump = str(server.folder / "dump.rdb")
    assert (await act("snapshot", server, **away, rdb_file=dump)).ending is Ending.DONE
