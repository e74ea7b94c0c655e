"""Going back to a point in time, and never over anything."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from allstop.adapters.postgresql.actuator import Postgres
from allstop.adapters.postgresql.backups import folder_name
from allstop.adapters.postgresql.restoring import RestoreOptions
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
            ({"target_copy": True}, []),
            ({"target_time": moment.isoformat(), "without_time": "copy"}, [101]),
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
        {"target_copy": True, "without_time": "copy"},
        {"target_name": "x", "without_time": "end"},
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


@pytest.mark.parametrize(
    ("given", "settings"),
    [
        ({"without_time": "copy"}, {"recovery_target": "immediate"}),
        ({"without_time": "end"}, {}),
        ({"without_time": "end", "target_time": "2026-03-01T12:00:00+00:00"}, {"recovery_target_time": "2026-03-01T12:00:00+00:00"}),
    ],
)  # fmt: skip
def test_what_a_time_that_is_left_out_stands_for(
    given: dict[str, str], settings: dict[str, str]
) -> None:
    """Given a plan that fills in an instant only where somebody asked for one, then the rest is said beforehand."""
    check = {"database": "shop", "query": "SELECT 1", "equals": 1}
    options = RestoreOptions.model_validate({
        "backup_root": "/b", "backup": "x", "bin_dir": "/usr/lib/postgresql/15/bin", "data_dir": "/d",
        "archive_dir": "/a", "checks": [check], **given,
    })  # fmt: skip
    assert options.target() == settings


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


async def test_an_archive_with_a_hole_is_not_all_of_it(
    cluster: world.Cluster, root: Path, ground: world.Ground
) -> None:
    """Given a segment that is missing, or that the server may not read, while later ones are there, then nothing is
    said to be restored to the end of the archive: what came after would be lost without a word."""
    await proven(cluster, root)
    written: list[str] = []
    try:
        for id in (101, 102, 103):
            cluster.ask(f"INSERT INTO orders VALUES ({id}, 1, 10)", "shop")
            switch = await act(
                "switch-wal", {**cluster.server, "archive_dir": str(cluster.archive)}
            )
            assert switch.ending is Ending.DONE, switch.because
            written.append(max(path.name for path in cluster.archive.glob("0000000100*[0-9A-F]")))
        for hole in ("gone", "unread"):
            archive = ground.place / hole
            world.run("cp", "-a", str(cluster.archive), str(archive))
            lost = archive / written[1]
            if hole == "unread":
                lost.chmod(0)
            else:
                lost.unlink()
            target = ground.place / f"restored-{hole}"
            options = restoring(cluster, root, target, archive_dir=str(archive), target_end=True)
            outcome = await act("restore", options, id=f"r-{hole}")
            assert outcome.ending is Ending.FAILED, outcome.because
            assert written[2] in outcome.because
            assert not target.exists()
    finally:
        cluster.ask("DELETE FROM orders WHERE id > 100", "shop")


async def test_what_an_earlier_attempt_has_left_is_never_mixed_in(
    cluster: world.Cluster, root: Path, ground: world.Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given the copy of an attempt that died, which cannot be taken away in time, then nothing is restored into it;
    once it can be, what is restored is the backup and nothing else."""
    older = await backup(cluster, root, id="older")
    left = ground.place / f"restored.restoring-{folder_name('mine')}"
    world.run("cp", "-a", str(older / "data"), str(left))
    cluster.ask("INSERT INTO orders VALUES (101, 1, 10)", "shop")
    try:
        await proven(cluster, root)
        restored = world.Cluster(ground.place / "restored")
        wanted = restoring(cluster, root, restored.data, target_copy=True)
        with monkeypatch.context() as patched:
            slow = ground.new("slow")
            (slow / "rm").write_text("#!/bin/sh\nexit 0\n")
            (slow / "rm").chmod(0o755)
            patched.setenv("PATH", f"{slow}:{os.environ['PATH']}")
            refused = await act("restore", wanted, id="mine")
        assert (refused.ending, restored.data.exists()) == (Ending.FAILED, False), refused.because
        outcome = await act("restore", wanted, id="mine")
        assert outcome.ending is Ending.DONE, outcome.because
        assert rows(restored) == [101]
    finally:
        cluster.ask("DELETE FROM orders WHERE id > 100", "shop")


async def test_what_would_be_refused_is_not_said_to_be_ready(
    cluster: world.Cluster, root: Path, ground: world.Ground
) -> None:
    """Given a backup no restore has proven, or an archive that is away, then a restore is not ready."""
    await backup(cluster, root)
    options = restoring(cluster, root, ground.place / "restored", target_end=True)
    unproven = await Postgres().ready("restore", options, 5000)
    assert (unproven.ending, "no restore has proven" in unproven.because) == (Ending.FAILED, True)
    assert (await verify(cluster, root)).ending is Ending.DONE
    assert (await Postgres().ready("restore", options, 5000)).ending is Ending.DONE
    away = {**options, "archive_dir": str(ground.place / "away")}
    assert (await Postgres().ready("restore", away, 5000)).ending is Ending.FAILED


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


async def test_a_copy_made_behind_a_fence_is_proven_and_comes_back_fenced(
    cluster: world.Cluster, root: Path, ground: world.Ground
) -> None:
    """Given a database that is fenced, as it is when a service stops, when it is backed up, then the backup can be
    proven; and what is restored from it is as it was: whole, and closed."""
    fence = {**cluster.server, "database": "shop"}
    assert (await act("fence", fence, epoch=8)).ending is Ending.DONE
    try:
        folder = await proven(cluster, root)
        restored = world.Cluster(ground.place / "restored-fenced")
        options = restoring(cluster, root, restored.data, target_copy=True, backup=folder.name)
        outcome = await act("restore", options)
        assert outcome.ending is Ending.DONE, outcome.because
        restored.port = world.Cluster(restored.data).port
        restored.configure()
        restored.start()
        try:
            closed = restored.ask("SELECT NOT datallowconn FROM pg_database WHERE datname = 'shop'")
            assert closed
        finally:
            restored.stop()
    finally:
        assert (await act("unfence", fence, epoch=9)).ending is Ending.DONE
