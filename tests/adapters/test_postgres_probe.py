"""The probe `postgres`: lag that does not lie, integrity, backups, checksums and the archive."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from allstop.adapters.postgresql.actuator import Postgres
from allstop.adapters.postgresql.probe import PostgresProbe
from allstop.domain.effects import Ending
from tests.adapters import postgres_trouble as trouble
from tests.adapters import postgres_world as world
from tests.adapters.worlds import Blobs, effect

REPLAYED = "SELECT extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000"


@dataclass
class Pair:
    """A primary, and a replica that streams from it under the name `twin`."""

    ground: world.Ground
    primary: world.Cluster
    replica: world.Cluster

    def lag(self, **more: Any) -> dict[str, Any]:
        return {**self.primary.server, "kind": "lag", "replica": "twin", **more}

    def caught_up(self) -> bool:
        query = "SELECT bool_and(replay_lsn >= pg_current_wal_lsn()) FROM pg_stat_replication"
        return bool(self.primary.ask(query))


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with world.ground() as ground:
        primary = world.with_shop(ground.cluster("main"))
        where = ["-h", "127.0.0.1", "-p", str(primary.port), "-U", "postgres"]
        place = ground.place / "copy"
        world.pg("pg_basebackup", "-D", str(place), "--checkpoint=fast", "-R", *where)
        said = f"host=127.0.0.1 port={primary.port} user=postgres application_name=twin"
        world.run(
            "sh", "-c", f"echo \"primary_conninfo = '{said}'\" >> {place}/postgresql.auto.conf"
        )
        replica = ground.cluster("replica", place)
        replica.start()
        made = Pair(ground, primary, replica)
        world.eventually(made.caught_up, "the replica")
        yield made


async def measure(
    options: dict[str, Any], timeout_ms: int = 5000
) -> tuple[Any, str, dict[str, Any]]:
    sample, facts = await PostgresProbe().measure("p", options, timeout_ms)
    return sample.good, sample.text, facts


async def test_on_an_idle_primary_the_time_says_nothing(pair: Pair) -> None:
    """Given a primary nobody writes to, the newest replayed commit gets older without end, but the replica
    misses nothing: it is good."""
    pair.primary.ask("INSERT INTO counters VALUES (10, 0)", "shop")
    world.eventually(pair.caught_up, "the replica")
    world.eventually(lambda: pair.replica.ask(REPLAYED) > 300, "age")
    limits = {"at_most_ms": 100, "replica_host": "127.0.0.1", "replica_port": pair.replica.port}
    good, text, facts = await measure(pair.lag(**limits))
    assert (good, facts["lag_bytes"]) == (True, 0), text
    assert pair.replica.ask(REPLAYED) > 300


async def test_a_replica_that_stands_still_is_behind_in_bytes_and_time(pair: Pair) -> None:
    """Given a replica that has stopped replaying while the primary writes, it is bad by bytes, and by time
    where only time is limited."""
    pair.replica.ask("SELECT pg_wal_replay_pause()")
    try:
        pair.primary.ask("INSERT INTO counters SELECT generate_series(1000, 3000), 0", "shop")
        world.eventually(lambda: not pair.caught_up(), "lag")
        world.eventually(lambda: pair.replica.ask(REPLAYED) > 50, "age")
        good, text, facts = await measure(pair.lag(at_most_bytes=1000))
        assert (good, "bytes behind" in text) == (False, True)
        assert facts["lag_bytes"] > 1000
        limits = {"replica_host": "127.0.0.1", "replica_port": pair.replica.port}
        late = await measure(pair.lag(at_most_ms=1, **limits))
        assert (late[0], "ms" in late[1] or "s ago" in late[1]) == (False, True), late[1]
        assert late[2]["lag_ms"] > 1
        assert (await measure(pair.lag(at_most_ms=3_600_000, **limits)))[0] is True
    finally:
        pair.replica.ask("SELECT pg_wal_replay_resume()")
    world.eventually(pair.caught_up, "the replica")
    assert (await measure(pair.lag(at_most_bytes=0)))[0] is True


@pytest.mark.parametrize(
    ("options", "good", "said"),
    [
        ({"replica": "other"}, False, "no replica other is connected"),
        ({"replica": ""}, None, "lag needs replica"),
        ({"at_most_ms": 5}, None, "needs replica_host"),
    ],
)
async def test_a_replica_that_is_not_there(
    pair: Pair, options: dict[str, Any], good: bool | None, said: str
) -> None:
    """Given a name nobody has, it is bad; given none, it cannot be measured."""
    found = await measure(pair.lag(**options))
    assert (found[0], said in found[1]) == (good, True), found[1]


async def test_two_of_one_name_are_not_guessed_between(pair: Pair) -> None:
    """Given two replicas of one name, neither is taken; and a standby is not asked about its own."""
    receive = ["-h", "127.0.0.1", "-p", str(pair.primary.port), "-U", "postgres", "-d"]
    place = pair.ground.new("received")
    argv = world.as_account(
        [
            str(world.binaries() / "pg_receivewal"),
            "-D",
            str(place),
            *receive,
            "application_name=twin",
        ]
    )
    with trouble.background(argv):
        world.eventually(
            lambda: pair.primary.ask("SELECT count(*) FROM pg_stat_replication") == 2, "two"
        )
        found = await measure(pair.lag())
        assert (found[0], "several replicas" in found[1]) == (None, True), found[1]
    asked = await measure({**pair.replica.server, "kind": "lag", "replica": "twin"})
    assert (asked[0], "ask the primary" in asked[1]) == (None, True)


async def test_roles_are_told_apart(pair: Pair) -> None:
    """Given a primary and a standby, each is what it is, and bad where the other is wanted."""
    for server, role in ((pair.primary, "primary"), (pair.replica, "standby")):
        for wanted in ("primary", "standby"):
            good, text, facts = await measure({**server.server, "role": wanted})
            assert (good, facts["role"]) == (wanted == role, role), text
    other = await measure({**pair.primary.server, "system_identifier": "7000000000000000001"})
    assert (other[0], "another cluster" in other[1]) == (None, True)


@pytest.mark.parametrize(
    ("query", "good", "said"),
    [
        ("SELECT id FROM orders WHERE paid < 0", True, "no rows"),
        ("SELECT count(*) FROM orders WHERE paid < 0", True, "0"),
        ("SELECT count(*) FROM orders", False, "it gives 20"),
        ("SELECT generate_series(1, 100000000)", False, "it gives rows"),
        ("SELECT 0, 0", False, "it gives rows"),
        ("SELECT NULL", False, "it gives"),
        ("SELECT false", False, "it gives"),
        ("SELECT 'infinity'::timestamptz", False, ""),
        ("SELECT repeat('x', 10000000)", False, "it gives x"),
        ("SELECT count(*) FROM nowhere", None, "does not exist"),
        ("DELETE FROM orders RETURNING id", None, "read-only"),
        ("COMMIT; DELETE FROM orders", None, "multiple commands"),
        ("SELECT pg_sleep(60)", None, ""),
    ],
)
async def test_integrity_is_no_row_or_zero(
    pair: Pair, query: str, good: bool | None, said: str
) -> None:
    """Given queries, none or zero is good, anything else bad; one that does not run tells nothing; and
    endless, huge and unreadable answers end in time."""
    options = {**pair.primary.server, "kind": "integrity", "database": "shop", "query": query}
    found = await measure(options, 3000)
    assert (found[0], said in found[1]) == (good, True), found[1]
    assert pair.primary.ask("SELECT count(*) FROM orders", "shop") == 20


async def test_a_page_that_fails_its_checksum_is_bad(pair: Pair) -> None:
    """Given a table with a damaged page, its integrity query is bad, not unmeasured, and the count of
    checksum failures is bad from then on."""
    damaged = pair.ground.cluster("damaged")
    damaged.start()
    options = {**damaged.server, "kind": "checksums"}
    assert (await measure(options))[0] is True
    damaged.ask("CREATE TABLE t AS SELECT generate_series(1, 100) n")
    file = damaged.data / damaged.ask("SELECT pg_relation_filepath('t')")
    damaged.stop()
    body = bytearray(file.read_bytes())
    body[5000] ^= 0xFF
    file.write_bytes(bytes(body))
    damaged.start()
    query = {**damaged.server, "kind": "integrity", "database": "postgres"}
    broken = await measure({**query, "query": "SELECT n FROM t WHERE n < 0"})
    assert (broken[0], "invalid page" in broken[1]) == (False, True)
    world.eventually(
        lambda: damaged.ask("SELECT sum(checksum_failures) FROM pg_stat_database"), "the count"
    )
    good, text, facts = await measure(options)
    assert (good, facts["checksum_failures"] > 0) == (False, True), text


async def test_an_archive_that_fails_or_lies_is_bad(pair: Pair) -> None:
    """Given failures that grow, a command that says "OK" and copies nothing, and archiving that is off, each
    is bad; once it works again, it is good."""
    cluster, probe = pair.primary, PostgresProbe()
    options = {**cluster.server, "kind": "archiver", "archive_dir": str(cluster.archive)}
    command = cluster.ask("SHOW archive_command")
    counts = "SELECT failed_count FROM pg_stat_archiver"

    async def look() -> tuple[bool | None, str]:
        sample, _ = await probe.measure("p", options, 5000)
        return sample.good, sample.text

    def archiving(text: str) -> None:
        cluster.ask(f"ALTER SYSTEM SET archive_command = '{text}'")
        cluster.ask("SELECT pg_reload_conf()")
        cluster.ask("INSERT INTO counters SELECT coalesce(max(id), 0) + 1, 0 FROM counters", "shop")

    def switched() -> str:
        return str(cluster.ask("SELECT pg_walfile_name(pg_switch_wal() - 1)"))

    def archived(name: str) -> bool:
        return bool(cluster.ask(f"SELECT last_archived_wal >= '{name}' FROM pg_stat_archiver"))

    first = switched()
    world.eventually(lambda: archived(first), "the archive")
    assert (await look())[0] is True
    archiving("false")
    switched()
    world.eventually(lambda: cluster.ask(counts) > 0, "a failure")
    assert (await look())[0] is False
    archiving("true")
    second = switched()
    world.eventually(lambda: archived(second), "the lie")
    cluster.ask("SELECT pg_stat_reset_shared('archiver')")
    archiving("true")
    third = switched()
    world.eventually(lambda: archived(third), "the lie")
    good, text = await look()
    assert (good, "counts as archived, but" in text) == (False, True), text
    archiving(command)
    last = switched()
    world.eventually(lambda: archived(last), "the archive")
    assert (await look())[0] is True
    off = pair.ground.cluster("off", archive_mode="off")
    off.start()
    assert (await measure({**off.server, "kind": "archiver"}))[0] is False


async def test_a_backup_counts_from_when_it_was_taken_and_only_when_proven(pair: Pair) -> None:
    """Given no backup, one that is not proven, a proven one, and a proven one that is old, only the third is
    good; and that is known also while no server answers."""
    root = pair.ground.new("backups")
    limit = {"kind": "backup-age", "backup_root": str(root), "at_most_ms": 3_600_000}
    options = {**pair.primary.server, "port": 1, **limit}
    assert (await measure(options))[0:2] == (False, "there is no backup")
    programs = {**pair.primary.programs, "backup_root": str(root)}
    taken = await Postgres().act(effect("backup", {**pair.primary.server, **programs}), Blobs())
    assert taken.ending is Ending.DONE, taken.because
    assert (await measure(options))[0] is False
    merely = await measure({**options, "proven": False})
    assert (merely[0], merely[2]["proven"]) == (True, False), merely[1]
    proving = {**programs, "backup": "newest", "checks": world.CHECKS}
    assert (await Postgres().act(effect("verify-backup", proving), Blobs())).ending is Ending.DONE
    good, text, facts = await measure(options)
    assert (good, facts["backup"]) == (True, taken.facts["backup"]), text
    key = Path(root / str(taken.facts["backup"]) / "ALLSTOP")
    ago = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    key.write_text(json.dumps(json.loads(key.read_text()) | {"taken_at": ago}))
    assert (await measure(options))[0] is False
    ahead = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    key.write_text(json.dumps(json.loads(key.read_text()) | {"taken_at": ahead}))
    assert (await measure(options))[0] is None


async def test_a_database_is_closed_when_it_refuses_and_nobody_is_left_inside(pair: Pair) -> None:
    """Given a database that is open, one that is closed with a session still inside, and one that is closed,
    only the last is closed; a role that is refused for itself proves nothing."""
    cluster = pair.primary
    cluster.ask("CREATE DATABASE door")
    options = {**cluster.server, "kind": "admission", "database": "door"}
    closed = {**options, "expect": "closed"}
    assert (await measure(options))[0] is True
    assert (await measure(closed))[0] is False
    cluster.ask("CREATE ROLE shut_out LOGIN")
    cluster.ask("REVOKE CONNECT ON DATABASE door FROM PUBLIC")
    refused = await measure({**closed, "user": "shut_out"})
    assert (refused[0], "not closed, but" in refused[1]) == (False, True), refused[1]
    with contextlib.closing(cluster.connect("door")):
        cluster.ask("ALTER DATABASE door ALLOW_CONNECTIONS false")
        inside = await measure(closed)
        assert (inside[0], inside[2]["sessions"]) == (False, 1), inside[1]
    world.eventually(
        lambda: not cluster.ask("SELECT count(*) FROM pg_stat_activity WHERE datname = 'door'"),
        "end",
    )
    assert (await measure(closed))[0] is True
    assert (await measure(options))[0] is False
    assert (await measure({**closed, "database": "no"}))[0] is None


async def test_stopped_means_shut_down_and_not_merely_gone(pair: Pair) -> None:
    """Given a running server, one that was killed, and one that was stopped, only the last is stopped."""
    cluster = pair.ground.cluster("stopping")
    options = {**cluster.server, **cluster.programs, "kind": "stopped"}
    options["data_dir"] = str(cluster.data)
    cluster.start()
    running = await measure(options)
    assert (running[0], "processes run" in running[1]) == (False, True), running[1]
    cluster.kill()
    killed = await measure(options)
    assert (killed[0], killed[2]["state"]) == (False, "in production"), killed[1]
    cluster.start()
    cluster.stop()
    assert (await measure(options))[0] is True
    assert (await measure({**options, "data_dir": "/nowhere"}))[0] is None


async def test_a_frozen_server_is_bad_in_time(pair: Pair) -> None:
    """Given a server that is stopped in its tracks, the sample is bad, and others are not held up."""
    with trouble.frozen(pair.replica):
        good, text, _ = await measure(pair.replica.server, 600)
        assert (good, bool(text)) == (False, True)
        assert (await measure(pair.primary.server))[0] is True


async def test_a_client_cannot_hold_a_probe_up(pair: Pair) -> None:
    """Given a table somebody has locked, its integrity query gives up in time."""
    with contextlib.closing(pair.primary.connect("shop")) as other:
        other.execute("BEGIN")
        other.execute("LOCK TABLE orders")
        options = {**pair.primary.server, "kind": "integrity", "database": "shop"}
        good, text, _ = await measure({**options, "query": "SELECT count(*) FROM orders"}, 700)
    assert (good, bool(text)) == (None, True), text
