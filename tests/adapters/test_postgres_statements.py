"""Statements from the documents, and the proof they need."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from allstop.adapters.postgresql.actuator import Postgres
from allstop.domain.effects import Ending
from tests.adapters import postgres_world as world
from tests.adapters.postgres_proof import act, backup, proven, verify
from tests.adapters.worlds import Blobs, effect


@pytest.fixture(scope="module")
def ground() -> Iterator[world.Ground]:
    with world.ground() as made:
        world.with_shop(made.cluster("main"))
        yield made


@pytest.fixture
def cluster(ground: world.Ground) -> Iterator[world.Cluster]:
    yield ground.clusters[0]
    ground.forget()


@pytest.fixture
def root(ground: world.Ground) -> Path:
    return ground.new("backups")


def deleting(cluster: world.Cluster, root: Path, **more: Any) -> dict[str, Any]:
    return {
        **cluster.server,
        "database": "shop",
        "statement": "DELETE FROM customers WHERE id > $1",
        "parameters": [1_000_000],
        "backup_root": str(root),
        **more,
    }


async def test_no_statement_without_a_proven_backup(cluster: world.Cluster, root: Path) -> None:
    """Given no backup, one that is not proven, one proven too long ago, of another cluster, dated in the
    future, or whose proof is of another manifest, the statement is refused; else it runs."""
    nothing = await act("sql", deleting(cluster, root))
    assert (nothing.ending, "no backup of cluster" in nothing.because) == (Ending.FAILED, True)
    assert nothing.because.endswith("take one and prove it: allstop plan snapshot orders")
    folder = await backup(cluster, root)
    unproven = await act("sql", deleting(cluster, root))
    assert (unproven.ending, "no restore has proven" in unproven.because) == (Ending.FAILED, True)
    assert (await verify(cluster, root)).ending is Ending.DONE
    proof, key = folder / "proof.json", folder / "ALLSTOP"
    good, mine = json.loads(proof.read_text()), json.loads(key.read_text())
    ago = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    later = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    for changed, path, said in (
        (good | {"at": ago}, proof, "too long ago"),
        (mine | {"taken_at": ago}, key, "too long ago"),
        (good | {"at": later}, proof, "in the future"),
        (good | {"manifest_sha256": "0" * 64}, proof, "another manifest"),
        (good | {"system_identifier": "7000000000000000001"}, proof, "another cluster"),
        (good | {"proven": "yes"}, proof, "failed"),
        (good | {"at": "yesterday"}, proof, "makes no sense"),
    ):
        path.write_text(json.dumps(changed))
        refused = await act("sql", deleting(cluster, root))
        assert (refused.ending, said in refused.because) == (Ending.FAILED, True), refused.because
        proof.write_text(json.dumps(good))
        key.write_text(json.dumps(mine))
    outcome = await act("sql", deleting(cluster, root))
    assert (outcome.ending, outcome.facts["backup"]) == (Ending.DONE, folder.name), outcome.because


async def test_a_statement_is_one_and_cannot_leave_its_transaction(
    cluster: world.Cluster, root: Path
) -> None:
    """Given several statements in one, a COMMIT, too many rows, or a lock somebody holds, nothing of it is
    left; and a statement that cannot run in a transaction fails."""
    await proven(cluster, root)
    attempts: list[tuple[dict[str, Any], Ending]] = [
        ({"statement": "COMMIT; DELETE FROM customers", "parameters": []}, Ending.FAILED),
        ({"statement": "COMMIT", "parameters": []}, Ending.UNKNOWN),
        (
            {"statement": "DELETE FROM customers", "parameters": [], "at_most_rows": 4},
            Ending.FAILED,
        ),
        ({"statement": "VACUUM customers", "parameters": []}, Ending.FAILED),
        ({"parameters": []}, Ending.FAILED),
        ({"statement": "DELETE FROM nowhere", "parameters": []}, Ending.FAILED),
    ]
    for number, (words, ending) in enumerate(attempts):
        outcome = await act("sql", deleting(cluster, root, **words), id=f"sql{number}")
        assert outcome.ending is ending, (words, outcome.because)
    with contextlib.closing(cluster.connect("shop")) as other:
        other.execute("BEGIN")
        other.execute("LOCK TABLE customers")
        options = deleting(cluster, root, lock_timeout_ms=100)
        held = await act("sql", options, id="locked")
        assert held.ending is Ending.RETRY, held.because
    assert cluster.ask("SELECT count(*) FROM customers", "shop") == 5


async def test_after_a_crash_the_server_says_what_became_of_it(
    cluster: world.Cluster, root: Path
) -> None:
    """Given a noted transaction that was rolled back, observing says no; one that is under way is unknown,
    and is not run twice; one that was committed is done, and not run again, even without the proof."""
    folder = await proven(cluster, root)
    statement = {"statement": "UPDATE counters SET n = n + 1", "parameters": []}
    wanted = effect("sql", deleting(cluster, root, **statement))
    assert (await Postgres().act(wanted, Blobs())).ending is Ending.DONE
    note = next((root / "statements").glob("*.json"))
    body = json.loads(note.read_text())
    (folder / "proof.json").unlink()
    assert (await Postgres().act(wanted, Blobs())).ending is Ending.DONE
    with contextlib.closing(cluster.connect("shop")) as session:
        session.execute("BEGIN")
        row = session.execute("SELECT pg_current_xact_id()::text").fetchone()
        assert row is not None
        note.write_text(json.dumps(body | {"transaction": row[0]}))
        assert (await Postgres().observe(wanted)).ending is Ending.UNKNOWN
        assert (await Postgres().act(wanted, Blobs())).ending is Ending.UNKNOWN
        session.execute("ROLLBACK")
    assert (await Postgres().observe(wanted)).ending is Ending.FAILED
    note.write_text(json.dumps(body | {"timeline": "00000009"}))
    assert (await Postgres().observe(wanted)).ending is Ending.UNKNOWN
    note.write_text("{")
    assert (await Postgres().act(wanted, Blobs())).ending is Ending.UNKNOWN
    assert cluster.ask("SELECT n FROM counters WHERE id = 1", "shop") == 1


async def test_a_reading_statement_cannot_write(cluster: world.Cluster) -> None:
    """Given read_only, rows are kept as evidence without any backup, and writing is refused."""
    options = {**cluster.server, "database": "shop", "read_only": True}
    blobs = Blobs()
    query = {
        "statement": "SELECT id, paid FROM orders WHERE id <= $1 ORDER BY id",
        "parameters": [2],
    }
    outcome = await Postgres().act(effect("sql", {**options, **query}), blobs)
    assert (outcome.ending, outcome.facts["rows"]) == (Ending.DONE, 2)
    assert blobs.held[outcome.evidence] == b"id\tpaid\n1\t10\n2\t10\n"
    for statement in (
        "DELETE FROM orders RETURNING id",
        "SELECT 1; DELETE FROM orders",
        "SELECT setval('x', 1)",
        "CREATE TABLE t (n int)",
    ):
        refused = await act("sql", {**options, "statement": statement})
        assert refused.ending is Ending.FAILED, statement
    endless = await act("sql", {**options, "statement": "SELECT generate_series(1, 100000000)"})
    assert (endless.ending, endless.facts["more"]) == (Ending.DONE, True)
    assert cluster.ask("SELECT count(*) FROM orders", "shop") == 20
