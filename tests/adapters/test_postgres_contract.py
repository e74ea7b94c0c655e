"""The actuator and the probe `postgres` under the published contracts, on real servers."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from allstop.adapters.postgresql.actuator import Postgres
from allstop.adapters.postgresql.probe import PostgresProbe
from allstop.domain.effects import Ending
from allstop.testing.contracts.actuator import ActuatorCase, ActuatorContract, VerbCase
from allstop.testing.contracts.probe import ProbeCase, ProbeContract
from tests.adapters import loopback
from tests.adapters import postgres_trouble as trouble
from tests.adapters import postgres_world as world
from tests.adapters.worlds import Blobs, effect

_numbers = count(1)


@dataclass
class Shop:
    """A running cluster, its backups, and one of them that a restore has proven."""

    ground: world.Ground
    cluster: world.Cluster
    root: Path
    proven: str


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with world.ground() as ground:
        cluster = world.with_shop(ground.cluster("main"))
        root = ground.new("backups")
        ground.kept.append(root)
        yield Shop(ground, cluster, root, "")


@pytest.fixture
async def proven(shop: Shop) -> Shop:
    """The shop with a backup that a restore has proven; made once."""
    if not shop.proven:
        options = {**shop.cluster.programs, "backup_root": str(shop.root)}
        taken = await Postgres().act(effect("backup", {**shop.cluster.server, **options}), Blobs())
        assert taken.ending is Ending.DONE, taken.because
        wanted = effect("verify-backup", {**options, "backup": "newest", "checks": world.CHECKS})
        verified = await Postgres().act(wanted, Blobs())
        assert verified.ending is Ending.DONE, verified.because
        shop.cluster.ask("SELECT pg_switch_wal()")
        shop.proven = str(taken.facts["backup"])
    return shop


def standing(cluster: world.Cluster) -> str:
    return "running" if cluster.runs() else cluster.state()


def complete(root: Path) -> int:
    return len(
        [path for path in root.glob("*/ALLSTOP") if not path.parent.name.endswith(".partial")]
    )


def proof_of(folder: Path) -> bool | None:
    with contextlib.suppress(FileNotFoundError):
        return bool(json.loads((folder / "proof.json").read_text())["proven"])
    return None


def ground_of_statements(shop: Shop, number: int) -> Path:
    """A folder with the proven backup, in which no statement has been noted yet."""
    folder = shop.ground.new(f"guarded-{number}")
    world.run("cp", "-a", str(shop.root / shop.proven), str(folder))
    return folder


def on_the_server(shop: Shop, number: int) -> tuple[VerbCase, ...]:
    """Verbs that ask the running server."""
    cluster, server = shop.cluster, shop.cluster.server
    for name in ("fence", "unfence", "terminate"):
        cluster.ask(f"CREATE DATABASE {name}_{number}")
    cluster.ask(f"ALTER DATABASE unfence_{number} SET allstop.fence = '1 fenced open'")
    cluster.ask(f"ALTER DATABASE unfence_{number} ALLOW_CONNECTIONS false")
    cluster.ask("CREATE TABLE IF NOT EXISTS wal AS SELECT 1")
    cluster.ask("INSERT INTO wal VALUES (1)")
    lsn = cluster.ask("SELECT pg_current_wal_insert_lsn()::text")
    segment = cluster.ask("SELECT pg_walfile_name(pg_current_wal_insert_lsn() - 1)")
    cluster.ask(f"INSERT INTO counters VALUES ({number + 100}, 0)", "shop")
    guarded = ground_of_statements(shop, number)
    sessions = f"SELECT count(*) FROM pg_stat_activity WHERE datname = 'terminate_{number}'"
    return (
        VerbCase(
            "checkpoint",
            server,
            lambda: cluster.ask(f"SELECT redo_lsn >= '{lsn}' FROM pg_control_checkpoint()"),
            True,
        ),
        VerbCase(
            "switch-wal",
            {**server, "archive_dir": str(cluster.archive)},
            (cluster.archive / segment).is_file,
            True,
        ),
        VerbCase(
            "fence",
            {**server, "database": f"fence_{number}"},
            lambda: cluster.lets_in(f"fence_{number}"),
            False,
            fenced=True,
        ),
        VerbCase(
            "unfence",
            {**server, "database": f"unfence_{number}"},
            lambda: cluster.lets_in(f"unfence_{number}"),
            True,
            fenced=True,
        ),
        VerbCase(
            "terminate",
            {**server, "database": f"terminate_{number}", "which": "all"},
            lambda: cluster.ask(sessions),
            0,
        ),
        VerbCase(
            "sql",
            {
                **server,
                "database": "shop",
                "statement": "UPDATE counters SET n = n + 1 WHERE id = $1",
                "parameters": [number + 100],
                "backup_root": str(guarded),
            },
            lambda: cluster.ask(f"SELECT n FROM counters WHERE id = {number + 100}", "shop"),
            1,
        ),
        VerbCase("activity", server, cluster.runs, True),
    )


def on_disk(shop: Shop, number: int) -> tuple[VerbCase, ...]:
    """Verbs that deal with folders and processes of this machine."""
    ground, programs = shop.ground, shop.cluster.programs
    root, unproven = ground.new(f"root-{number}"), ground.new(f"unproven-{number}")
    world.run("cp", "-a", str(shop.root / shop.proven), str(unproven))
    world.run("rm", str(unproven / shop.proven / "proof.json"))
    restored = ground.place / f"restored-{number}"
    running, stopped = ground.cluster(f"running-{number}"), ground.cluster(f"stopped-{number}")
    standby = ground.cluster(f"standby-{number}")
    world.run("touch", str(standby.data / "standby.signal"))
    running.start()
    standby.start()
    return (
        VerbCase(
            "backup",
            {**shop.cluster.server, **programs, "backup_root": str(root)},
            lambda: complete(root),
            1,
        ),
        VerbCase(
            "verify-backup",
            {
                **programs,
                "backup_root": str(unproven),
                "backup": shop.proven,
                "checks": world.CHECKS,
            },
            lambda: proof_of(unproven / shop.proven),
            True,
        ),
        VerbCase(
            "restore",
            {
                **programs,
                "backup_root": str(shop.root),
                "backup": shop.proven,
                "checks": world.CHECKS,
                "data_dir": str(restored),
                "archive_dir": str(shop.cluster.archive),
                "target_end": True,
            },
            lambda: world.Cluster(restored).state() if restored.exists() else "",
            "shut down",
            fenced=True,
        ),
        VerbCase("stop", running.whole, lambda: standing(running), "shut down", fenced=True),
        VerbCase("start", stopped.whole, lambda: standing(stopped), "running", fenced=True),
        VerbCase(
            "promote",
            standby.whole,
            lambda: standby.ask("SELECT pg_is_in_recovery()"),
            False,
            fenced=True,
        ),
    )


class TestPostgres(ActuatorContract):
    @pytest.fixture
    async def case(self, proven: Shop) -> Any:
        number = next(_numbers)
        verbs = (*on_the_server(proven, number), *on_disk(proven, number))
        options = {verb.verb: verb.options for verb in verbs}
        async with loopback.serving({}) as nonsense:
            with trouble.silence() as silent, contextlib.ExitStack() as held:
                held.enter_context(
                    contextlib.closing(proven.cluster.connect(f"terminate_{number}"))
                )
                ports = (silent, loopback.closed_port(), nonsense.port)
                troubles = [("fence", {**options["fence"], "port": port}) for port in ports]
                others = ("checkpoint", "switch-wal", "terminate", "sql", "backup", "promote")
                closed = {"port": loopback.closed_port()}
                troubles += [(verb, {**options[verb], **closed}) for verb in others]
                yield ActuatorCase(Postgres(), verbs, tuple(troubles))
        proven.ground.forget()


class TestPostgresProbe(ProbeContract):
    @pytest.fixture
    async def case(self, shop: Shop) -> Any:
        server = shop.cluster.server
        query = {**server, "kind": "integrity", "database": "shop"}
        async with loopback.serving({}) as nonsense:
            with trouble.silence() as silent:
                yield ProbeCase(
                    PostgresProbe(),
                    good={**server, "role": "primary"},
                    bad={**query, "query": "SELECT count(*) FROM orders"},
                    silent={**server, "port": silent},
                    impossible={**server, "password_file": "/no/such/file"},
                    absent={**server, "port": loopback.closed_port()},
                    garbage=({**server, "port": nonsense.port},),
                    look=lambda: shop.cluster.ask("SELECT count(*) FROM orders", "shop"),
                )
