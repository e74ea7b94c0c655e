"""The archive, backups, their proof by a restore, and statements that need one."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from allstop.adapters.postgresql.actuator import Postgres
from allstop.domain.effects import Ending, Outcome
from tests.adapters import postgres_world as world
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


async def act(verb: str, options: dict[str, Any], **changes: Any) -> Outcome:
    return await Postgres().act(effect(verb, options, **changes), Blobs())


async def backup(cluster: world.Cluster, root: Path, **changes: Any) -> Path:
    """A backup, taken by the adapter; its folder."""
    options = {**cluster.server, **cluster.programs, "backup_root": str(root)}
    outcome = await act("backup", options, **changes)
    assert outcome.ending is Ending.DONE, outcome.because
    return root / str(outcome.facts["backup"])


async def verify(cluster: world.Cluster, root: Path, **changes: Any) -> Outcome:
    """An attempt to prove the newest backup."""
    options = {"backup_root": str(root), "backup": "newest", "checks": world.CHECKS}
    key = changes.pop("id", "verify")
    return await act("verify-backup", {**cluster.programs, **options, **changes}, id=key)


async def proven(cluster: world.Cluster, root: Path) -> Path:
    folder = await backup(cluster, root)
    outcome = await verify(cluster, root)
    assert outcome.ending is Ending.DONE, outcome.because
    return folder


# --- the archive -----------------------------------------------------------------------------------


async def archiving(cluster: world.Cluster, command: str) -> None:
    """Another archive command, and a switch out of the segment that the old one may still see."""
    cluster.ask(f"ALTER SYSTEM SET archive_command = '{command}'")
    cluster.ask("SELECT pg_reload_conf()")
    world.eventually(lambda: cluster.ask("SHOW archive_command") == command, "the command")
    cluster.ask("CREATE TABLE IF NOT EXISTS wal AS SELECT 1")
    cluster.ask("INSERT INTO wal VALUES (1)")


@pytest.mark.parametrize(
    ("command", "ending", "said"),
    [
        ("true", Ending.UNKNOWN, "it is not there"),
        ("head -c 100000 %p > ARCHIVE/%f", Ending.UNKNOWN, "100000 of 1048576 bytes"),
        ("head -c 1048576 /dev/zero > ARCHIVE/%f", Ending.UNKNOWN, "no segment of this cluster"),
        ("(head -c 900000 %p; head -c 148576 /dev/urandom) > ARCHIVE/%f", Ending.FAILED, "differs"),
        ("false", Ending.UNKNOWN, "archiving has failed"),
    ],
)
async def test_an_archive_command_that_ends_well_proves_nothing(
    cluster: world.Cluster, command: str, ending: Ending, said: str
) -> None:
    """Given commands that say "OK" and copy nothing, half, nonsense or something else, or that fail, the
    switch is not done: the archived file itself is looked at."""
    good = cluster.ask("SHOW archive_command")
    options = {**cluster.server, "archive_dir": str(cluster.archive)}
    try:
        await archiving(cluster, command.replace("ARCHIVE", str(cluster.archive)))
        outcome = await act("switch-wal", options, timeout_ms=2500)
        assert (outcome.ending, said in outcome.because) == (ending, True), outcome.because
    finally:
        for path in cluster.archive.iterdir():
            path.unlink()
        await archiving(cluster, good)
    assert (await act("switch-wal", options)).ending is Ending.DONE


async def test_an_archive_that_is_off_or_not_there_fails_at_once(
    cluster: world.Cluster, ground: world.Ground
) -> None:
    """Given no archive folder, or a server that archives nothing, it fails and says so."""
    missing = {**cluster.server, "archive_dir": str(ground.place / "nowhere")}
    assert (await act("switch-wal", missing)).ending is Ending.FAILED
    off = ground.cluster("off", archive_mode="off")
    off.start()
    outcome = await act("switch-wal", {**off.server, "archive_dir": str(off.archive)})
    assert (outcome.ending, outcome.because) == (
        Ending.FAILED,
        "archive_mode is off: nothing is archived",
    )


# --- backups ---------------------------------------------------------------------------------------


async def test_a_backup_that_has_no_time_leaves_nothing_behind(
    cluster: world.Cluster, ground: world.Ground, root: Path
) -> None:
    """Given a program that hangs in the middle, nothing of the backup is left, and no process."""
    marker = root / "began"
    slow = ground.programs("pg_basebackup", f'mkdir "$2"; echo $$ > {marker}; sleep 600\n')
    options = {**cluster.server, **cluster.programs, "bin_dir": str(slow)}
    wanted = effect("backup", {**options, "backup_root": str(root)}, timeout_ms=1500)
    outcome = await Postgres().act(wanted, Blobs())
    assert (outcome.ending, "taken away" in outcome.because) == (Ending.FAILED, True)
    assert not Path(f"/proc/{marker.read_text().strip()}").exists()
    assert [path.name for path in root.iterdir() if path.is_dir()] == []
    assert (await Postgres().observe(wanted)).ending is Ending.FAILED


async def test_the_password_is_not_among_the_arguments(
    cluster: world.Cluster, ground: world.Ground, root: Path, tmp_path: Path
) -> None:
    """Given a password, the program that takes the backup is not handed it where everybody can read."""
    said = ground.place / "words"
    telling = ground.programs("pg_basebackup", f'echo "$@" > {said}; exit 1\n')
    (tmp_path / "password").write_text("swordfish\n")
    options = {**cluster.server, **cluster.programs, "bin_dir": str(telling)}
    options |= {"password_file": str(tmp_path / "password"), "backup_root": str(root)}
    outcome = await act("backup", options)
    words = said.read_text()
    assert "--username=postgres" in words
    assert "swordfish" not in words + outcome.because


async def test_damage_is_found_and_takes_an_older_proof_away(
    cluster: world.Cluster, root: Path
) -> None:
    """Given a proven backup in which one byte is changed, it is not proven any more, and the attempt
    that found it out counts as one that has proven nothing."""
    folder = await proven(cluster, root)
    victim = folder / "data" / "global" / "pg_filenode.map"
    body = bytearray(victim.read_bytes())
    body[100] ^= 1
    victim.write_bytes(bytes(body))
    outcome = await verify(cluster, root, id="again")
    assert (outcome.ending, "checksum mismatch" in outcome.because) == (Ending.FAILED, True)
    assert json.loads((folder / "proof.json").read_text())["proven"] is False
    options = {**cluster.programs, "backup_root": str(root), "backup": folder.name}
    again = effect("verify-backup", {**options, "checks": world.CHECKS}, id="again")
    assert (await Postgres().observe(again)).ending is Ending.FAILED


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ({"query": "SELECT count(*) FROM orders", "equals": 21}, "it is 20, not 21"),
        ({"query": "SELECT id FROM orders WHERE id = 1", "no_rows": True}, "it gives rows"),
        ({"query": "SELECT count(*) FROM nowhere", "at_least": 0}, "does not exist"),
        ({"query": "DELETE FROM orders RETURNING id", "at_least": 0}, "read-only"),
        ({"query": "SELECT sum(paid) FROM orders", "at_most": 199}, "it is 200, more than 199"),
        ({"database": "shopp", "query": "SELECT 1", "equals": 1}, "does not exist"),
    ],
)
async def test_a_restored_server_must_answer_as_expected(
    cluster: world.Cluster, root: Path, check: dict[str, Any], said: str
) -> None:
    """Given an expectation that the restored data does not meet, the backup is not proven."""
    folder = await backup(cluster, root)
    checks = [*world.CHECKS, {"database": "shop", **check}]
    outcome = await verify(cluster, root, checks=checks)
    assert (outcome.ending, said in outcome.because) == (Ending.FAILED, True), outcome.because
    assert json.loads((folder / "proof.json").read_text())["proven"] is False
    assert [path.name for path in root.iterdir() if path.is_dir()] == [folder.name]


async def test_the_restored_server_keeps_to_itself(cluster: world.Cluster, root: Path) -> None:
    """Given a cluster whose own settings archive, listen and run commands, the server restored from its
    backup does none of it, and its copy is taken away."""
    trace = cluster.data.parent / "trace"
    cluster.ask("ALTER SYSTEM SET listen_addresses = '127.0.0.1'")
    cluster.ask(f"ALTER SYSTEM SET port = {cluster.port}")
    cluster.ask(f"ALTER SYSTEM SET recovery_end_command = 'touch {trace}'")
    cluster.ask(f"ALTER SYSTEM SET archive_cleanup_command = 'touch {trace}'")
    try:
        folder = await backup(cluster, root)
        before = sorted(path.name for path in cluster.archive.iterdir())
        outcome = await verify(cluster, root)
        assert outcome.ending is Ending.DONE, outcome.because
        assert sorted(path.name for path in cluster.archive.iterdir()) == before
        assert not trace.exists()
        assert [path.name for path in root.iterdir() if path.is_dir()] == [folder.name]
    finally:
        cluster.ask("ALTER SYSTEM RESET ALL")
    reserved = await verify(cluster, root, settings={"archive_command": "true"})
    assert (reserved.ending, "keeps to itself" in reserved.because) == (Ending.FAILED, True)


async def test_what_an_interrupted_attempt_left_is_taken_away(
    cluster: world.Cluster, root: Path
) -> None:
    """Given a copy with a server still running on it, left by a coordinator that died, the next attempt
    ends that server and begins anew."""
    folder = await backup(cluster, root)
    left = world.Cluster(root / f"{folder.name}.scratch")
    world.run("cp", "-a", str(folder / "data"), str(left.data))
    left.configure()
    left.start()
    try:
        outcome = await verify(cluster, root)
        assert outcome.ending is Ending.DONE, outcome.because
        assert not left.data.exists()
    finally:
        left.end()


async def test_tablespaces_are_refused(
    cluster: world.Cluster, root: Path, ground: world.Ground
) -> None:
    """Given a tablespace, no backup is taken: a server restored from it would write to the original."""
    place = ground.new("space")
    cluster.ask(f"CREATE TABLESPACE elsewhere LOCATION '{place}'")
    try:
        options = {**cluster.server, **cluster.programs, "backup_root": str(root)}
        outcome = await act("backup", options)
        assert (outcome.ending, "tablespaces" in outcome.because) == (Ending.FAILED, True)
        assert [path for path in root.iterdir() if path.is_dir()] == []
    finally:
        cluster.ask("DROP TABLESPACE elsewhere")


async def test_newest_never_takes_another_clusters_backup(
    cluster: world.Cluster, root: Path, ground: world.Ground
) -> None:
    """Given backups of two clusters in one folder, `newest` wants to know whose; a name is taken exactly."""
    mine = await backup(cluster, root)
    key = json.loads((mine / "ALLSTOP").read_text())
    stranger = ground.new("backups/stranger")
    (stranger / "ALLSTOP").write_text(
        json.dumps(key | {"system_identifier": "7000000000000000001"})
    )
    outcome = await verify(cluster, root)
    assert (outcome.ending, "2 clusters" in outcome.because) == (Ending.FAILED, True)
    named = await verify(cluster, root, system_identifier=cluster.identifier())
    assert named.ending is Ending.DONE, named.because
    for name, said in (("stranger", "another cluster"), (mine.name[:-1], "no backup")):
        wrong = await verify(
            cluster, root, backup=name, system_identifier=cluster.identifier(), id="other"
        )
        assert (wrong.ending, said in wrong.because) == (Ending.FAILED, True), wrong.because
    assert (await verify(cluster, root, backup="..")).ending is Ending.FAILED


# --- going back to a point in time -------------------------------------------------------------------


def restoring(cluster: world.Cluster, root: Path, target: Path, **more: Any) -> dict[str, Any]:
    return {
        **cluster.programs,
        "backup_root": str(root),
        "backup": "newest",
        "checks": world.CHECKS,
        "data_dir": str(target),
        "archive_dir": str(cluster.archive),
        **more,
    }


def rows(restored: world.Cluster) -> list[int]:
    """Which of the later orders the restored cluster has; it is started for that."""
    restored.port = world.Cluster(restored.data).port
    restored.configure()
    restored.start()
    try:
        with restored.connect("shop") as session:
            found = session.execute("SELECT id FROM orders WHERE id > 100 ORDER BY id").fetchall()
        return [int(row[0]) for row in found]
    finally:
        restored.stop()


async def test_a_cluster_goes_back_to_a_name_a_position_and_a_moment(
    cluster: world.Cluster, root: Path, ground: world.Ground
) -> None:
    """Given orders before and after a point, each kind of target brings back the first and not the second;
    the result is promoted, was asked, and was shut down cleanly."""
    await proven(cluster, root)
    cluster.ask("INSERT INTO orders VALUES (101, 1, 10)", "shop")
    lsn = cluster.ask("SELECT pg_create_restore_point('before')::text")
    moment = cluster.ask("SELECT clock_timestamp()").astimezone(UTC)
    cluster.ask("INSERT INTO orders VALUES (102, 1, 10)", "shop")
    try:
        switched = await act("switch-wal", {**cluster.server, "archive_dir": str(cluster.archive)})
        assert switched.ending is Ending.DONE, switched.because
        targets = [
            ({"target_name": "before"}, [101]),
            ({"target_lsn": lsn}, [101]),
            ({"target_time": moment.isoformat()}, [101]),
            ({"target_end": True}, [101, 102]),
        ]
        for number, (target, expected) in enumerate(targets):
            restored = world.Cluster(ground.place / f"restored-{number}")
            wanted = effect(
                "restore", restoring(cluster, root, restored.data, **target), id=f"r{number}"
            )
            outcome = await Postgres().act(wanted, Blobs())
            assert outcome.ending is Ending.DONE, outcome.because
            assert (outcome.facts["state"], outcome.facts["timeline"]) == ("shut down", 2)
            # The new timeline's history is kept for the archive: no later restore may take its number.
            assert list(restored.data.glob("pg_wal/archive_status/00000002.history.ready"))
            assert rows(restored) == expected, target
            assert (await Postgres().observe(wanted)).ending is Ending.DONE
    finally:
        cluster.ask("DELETE FROM orders WHERE id > 100", "shop")


async def test_a_target_that_is_never_reached_leaves_nothing(
    cluster: world.Cluster, root: Path, ground: world.Ground
) -> None:
    """Given a moment the archive does not reach, a backup no restore has proven, or checks that fail, then
    there is no data directory, and no half of one."""
    target = ground.place / "restored"
    await backup(cluster, root)
    options = restoring(cluster, root, target, target_end=True)
    unproven = await act("restore", options)
    assert (unproven.ending, "no restore has proven" in unproven.because) == (Ending.FAILED, True)
    assert (await verify(cluster, root)).ending is Ending.DONE
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    beyond = await act("restore", restoring(cluster, root, target, target_time=later))
    assert (beyond.ending, "before configured recovery target" in beyond.because) == (
        Ending.FAILED,
        True,
    ), beyond.because
    checks = [{"database": "shop", "query": "SELECT count(*) FROM orders", "equals": 1}]
    unmet = await act("restore", {**options, "checks": checks})
    assert (unmet.ending, "not as expected" in unmet.because) == (Ending.FAILED, True)
    assert not target.exists()
    assert list(ground.place.glob("restored.restoring-*")) == []


@pytest.mark.parametrize(
    "target",
    [
        {},
        {"target_end": True, "target_name": "x"},
        {"target_time": "2026-03-01T12:00:00"},
        {"target_time": "yesterday"},
        {"target_lsn": "0/g"},
        {"target_end": True, "archive_dir": "/tmp/$(touch x)"},
    ],
)
async def test_a_target_that_makes_no_sense_is_refused(
    cluster: world.Cluster, root: Path, ground: world.Ground, target: dict[str, Any]
) -> None:
    """Given no target, two, one without a zone, or a path that a shell would read, nothing is begun."""
    options = restoring(cluster, root, ground.place / "restored", **target)
    outcome = await act("restore", options)
    assert (outcome.ending, outcome.because.startswith("bad options")) == (Ending.FAILED, True)


async def test_nothing_is_restored_over_what_is_there(
    cluster: world.Cluster, root: Path, ground: world.Ground
) -> None:
    """Given a running server it is refused; given a stopped one too, unless it may be moved aside: then it
    is kept, whole, under another name, and doing it again moves nothing more."""
    await proven(cluster, root)
    old = ground.cluster("old")
    old.start()
    options = restoring(cluster, root, old.data, target_end=True)
    aside = {**options, "move_aside": True}
    running = await act("restore", aside)
    assert (running.ending, "stop it first" in running.because) == (Ending.FAILED, True)
    old.stop()
    before = world.pg("pg_controldata", "-D", str(old.data))
    full = await act("restore", options)
    assert (full.ending, "not empty" in full.because) == (Ending.FAILED, True)
    assert world.pg("pg_controldata", "-D", str(old.data)) == before
    for _ in range(2):
        outcome = await act("restore", aside)
        assert outcome.ending is Ending.DONE, outcome.because
        kept = old.data.with_name(str(outcome.facts["moved_aside"]))
        assert world.pg("pg_controldata", "-D", str(kept)) == before
        assert len(list(ground.place.glob("old.before-*"))) == 1
        assert old.state() == "shut down"


async def test_a_crash_before_the_last_rename_is_mended(
    cluster: world.Cluster, root: Path, ground: world.Ground
) -> None:
    """Given a cluster that was prepared and not yet put in place, observing says no, and acting again only
    puts it there."""
    await proven(cluster, root)
    target = ground.place / "restored"
    wanted = effect("restore", restoring(cluster, root, target, target_end=True))
    assert (await Postgres().act(wanted, Blobs())).ending is Ending.DONE
    inode = target.stat().st_ino
    name = (root / next(root.glob("*/ALLSTOP"))).parent.name
    target.rename(target.with_name(f"restored.restoring-{name}"))
    assert (await Postgres().observe(wanted)).ending is Ending.FAILED
    assert (await Postgres().act(wanted, Blobs())).ending is Ending.DONE
    assert target.stat().st_ino == inode


# --- statements --------------------------------------------------------------------------------------


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


async def test_a_program_that_dies_halfway_is_no_backup(
    cluster: world.Cluster, root: Path, ground: world.Ground
) -> None:
    """Given a backup program that is killed, there is no backup by that name, and the next attempt takes one."""
    dying = ground.programs("pg_basebackup", f'mkdir "$2"; kill -{signal.SIGKILL:d} $$\n')
    options = {**cluster.server, **cluster.programs, "backup_root": str(root)}
    outcome = await act("backup", {**options, "bin_dir": str(dying)})
    assert outcome.ending is Ending.FAILED
    assert (await backup(cluster, root)).is_dir()
