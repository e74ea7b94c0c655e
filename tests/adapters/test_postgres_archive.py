"""Segments that lie in the archive, and commands that only say so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from allstop.domain.effects import Ending
from tests.adapters import postgres_world as world
from tests.adapters.postgres_proof import act


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
        outcome = await act("switch-wal", options, timeout_ms=1200)
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
