"""Backups, and their proof by a restore."""

from __future__ import annotations

import json
import signal
import tempfile
from collections.abc import Iterator
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


async def test_a_backup_that_has_no_time_leaves_nothing_behind(
    cluster: world.Cluster, ground: world.Ground, root: Path
) -> None:
    """Given a program that hangs in the middle, nothing of the backup is left, and no process."""
    marker = root / "began"
    slow = ground.programs("pg_basebackup", f'mkdir "$2"; echo $$ > {marker}; sleep 600\n')
    options = {**cluster.server, **cluster.programs, "bin_dir": str(slow)}
    wanted = effect("backup", {**options, "backup_root": str(root)}, timeout_ms=1500)
    outcome = await Postgres().act(wanted, Blobs())
    assert (outcome.ending, "nothing of it" in outcome.because) == (Ending.FAILED, True)
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
        waiting = cluster.data / "pg_wal" / "archive_status"
        world.eventually(lambda: not list(waiting.glob("*.ready")), "the cluster's own archiving")
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


async def test_a_program_that_dies_halfway_is_no_backup(
    cluster: world.Cluster, root: Path, ground: world.Ground
) -> None:
    """Given a backup program that is killed, there is no backup by that name, and the next attempt takes one."""
    dying = ground.programs("pg_basebackup", f'mkdir "$2"; kill -{signal.SIGKILL:d} $$\n')
    options = {**cluster.server, **cluster.programs, "backup_root": str(root)}
    outcome = await act("backup", {**options, "bin_dir": str(dying)})
    assert outcome.ending is Ending.FAILED
    assert (await backup(cluster, root)).is_dir()


async def test_a_folder_for_temporary_files_of_ours_alone_hinders_no_proof(
    cluster: world.Cluster, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a coordinator whose TMPDIR nobody else may enter, the copy's server finds its settings."""
    private = tmp_path / "t"
    private.mkdir(mode=0o700)
    monkeypatch.setattr(tempfile, "tempdir", str(private))
    await proven(cluster, root)
