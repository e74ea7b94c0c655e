"""Backups taken and proven by the adapter itself, for the tests that build on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from allstop.adapters.postgresql.actuator import Postgres
from allstop.domain.effects import Ending, Outcome
from tests.adapters import postgres_world as world
from tests.adapters.worlds import Blobs, effect


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
