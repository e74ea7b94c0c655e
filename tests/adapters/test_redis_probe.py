"""The probe `redis`: loading, roles, lag in bytes, writes, and snapshots."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from allstop.adapters.redis_server.actuator import Redis
from allstop.adapters.redis_server.probe import RedisProbe
from tests.adapters import redises
from tests.adapters.redises import Server
from tests.adapters.worlds import Blobs, effect


@pytest.fixture
def server() -> Iterator[Server]:
    with redises.running() as server:
        yield server


async def measure(port: int, **options: Any) -> tuple[bool | None, str, dict[str, Any]]:
    chosen = {"host": "127.0.0.1", "port": port, **options}
    sample, facts = await RedisProbe().measure("p", chosen, 5000)
    return sample.good, sample.text, facts


async def test_up_says_what_is_there(server: Server) -> None:
    """Given a server with keys, it is good, and the facts say role, keys and version."""
    server.fill(7)
    good, text, facts = await measure(server.port, role="primary")
    assert (good, text) == (True, "primary, 7 keys")
    assert (facts["role"], facts["keys"], facts["loading"]) == ("primary", 7, False)
    assert facts["version"] == server.info("redis_version")


async def test_loading_is_not_good(server: Server) -> None:
    """Given a server that is loading its data, it answers, and is not up."""
    server.fill(20_000)
    server.ask("SAVE")
    server.end()
    server.begin("--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024")
    server.until(lambda: "LOADING" in server.answers("PING"), "it did not begin to load")

    good, text, facts = await measure(server.port)

    assert (good, "loading its data" in text) == (False, True)
    assert facts["loading"] is True


async def test_lag_is_counted_in_bytes(server: Server) -> None:
    """Given a replica that stands still, the bytes it lacks decide; a quiet primary does not lag."""
    close = {"role": "primary", "replicas": 1, "most_lag_bytes": 1000}
    assert (await measure(server.port, **close))[:2] == (
        False,
        "0 of 1 replicas are close behind",
    )
    with redises.running_pair() as (primary, replica):
        primary.until(
            lambda: f"offset={primary.info('master_repl_offset')}" in primary.info("slave0")
        )
        good, text, facts = await measure(primary.port, **close)
        assert (good, facts["replicas_online"]) == (True, 1)
        assert "1 of 1 replicas online" in text

        replica.freeze()
        primary.ask("SET", "big", "x" * 5000)
        good, _, facts = await measure(primary.port, **close)
        assert good is False
        assert facts["lag_bytes"] >= 5000
        assert (await measure(primary.port, **{**close, "most_lag_bytes": 100_000}))[0] is True


async def test_a_replica_is_up_while_its_link_is() -> None:
    """Given a replica, it is good in its role; without its primary it answers and is bad."""
    with redises.running_pair() as (primary, replica):
        good, text, facts = await measure(replica.port, role="replica")
        assert (good, facts["role"], facts["link_up"]) == (True, "replica", True)
        assert "its link is up" in text
        assert (await measure(replica.port, role="primary"))[:2] == (
            False,
            "it is a replica, not a primary",
        )
        primary.end()
        replica.until(lambda: replica.info("master_link_status") == "down", "the link stays up")
        assert (await measure(replica.port, role="replica"))[1] == "its link to its primary is down"


async def test_writes_are_taken_wait_or_are_refused(server: Server) -> None:
    """Given a server, then paused, then fenced, exactly one expectation is good at a time."""

    async def good() -> list[str]:
        names = ("writable", "quiesced", "fenced")
        return [name for name in names if (await measure(server.port, expect=name))[0]]

    assert await good() == ["writable"]
    server.ask("CLIENT", "PAUSE", "60000", "WRITE")
    assert await good() == ["quiesced"]
    server.ask("CLIENT", "UNPAUSE")
    server.ask("CONFIG", "SET", "min-replicas-to-write", "3")
    assert await good() == ["fenced"]
    assert server.ask("DBSIZE") == "0"


async def test_a_restart_lifts_the_fence(server: Server, tmp_path: Path) -> None:
    """Given a fenced server that is restarted, the fence is gone, and the probe says so."""
    options = {"host": "127.0.0.1", "port": server.port, "state_file": str(tmp_path / "orders")}
    await Redis().act(effect("fence", options), Blobs())
    assert (await measure(server.port, expect="fenced"))[0] is True
    server.end()
    server.start()
    good, text, _ = await measure(server.port, expect="fenced")
    assert (good, text) == (False, "writes are taken: a write is answered with 0")


async def test_a_replica_is_not_fenced_by_being_one() -> None:
    """Given a replica, its refusals are no fence: who looks at the wrong server is told."""
    with redises.running_pair() as (_, replica):
        good, text, facts = await measure(replica.port, expect="fenced")
        assert (good, facts["writes"]) == (False, "read-only")
        assert "READONLY" in text


async def test_what_may_not_be_tried_is_neither_good_nor_bad(
    server: Server, tmp_path: Path
) -> None:
    """Given a user who may not write, nobody can say whether writes are taken."""
    server.ask("ACL", "SETUSER", "eye", "on", ">pw", "+ping", "+info")
    secret = tmp_path / "secret"
    secret.write_text("pw")
    login = {"user": "eye", "password_file": str(secret)}
    assert (await measure(server.port, **login))[0] is True
    good, text, _ = await measure(server.port, expect="writable", **login)
    assert (good, "cannot be tried" in text) == (None, True)


async def test_a_snapshot_is_fresh_and_proven_or_it_is_not(server: Server, tmp_path: Path) -> None:
    """Given no snapshot, one that is not proven, one never loaded, one that was, one that is old."""
    source = {"host": "127.0.0.1", "port": server.port, "folder": str(tmp_path)}

    async def look(expect: str, **more: Any) -> tuple[bool | None, str]:
        return (await measure(server.port, expect=expect, folder=str(tmp_path), **more))[:2]

    assert (await look("snapshot"))[0] is False
    taken = await Redis().act(effect("snapshot", source), Blobs())
    assert (await look("snapshot"))[0] is True
    assert (await look("proven"))[1].startswith("nothing has proven")

    await Redis().act(effect("verify-snapshot", {**source, "server_program": ""}), Blobs())
    assert (await look("proven"))[1].endswith("was read, but never loaded")

    await Redis().act(effect("verify-snapshot", source), Blobs())
    assert (await look("proven"))[0] is True
    manifest = tmp_path / f"{taken.facts['snapshot']}.json"
    said = manifest.read_text()
    manifest.write_text(said.replace('"at": "20', '"at": "19'))
    assert (await look("proven"))[1].endswith("s old")
    manifest.write_text(said.replace('"at": "20', '"at": "29'))
    assert (await look("proven"))[1].endswith("is dated in the future")
    manifest.write_text(said)

    copy = tmp_path / f"{taken.facts['snapshot']}.rdb"
    copy.write_bytes(copy.read_bytes()[:-1])
    assert (await look("snapshot"))[1].endswith("is not there, or not whole")


@pytest.mark.parametrize(
    "options",
    [
        {"expect": "proven"},
        {"expect": "up", "folder": "/tmp"},
        {"expect": "snapshot", "folder": "/no/such/folder"},
        {"tls": True, "root_certificate": "/no/such/file"},
    ],
)
async def test_what_cannot_be_is_neither_good_nor_bad(
    server: Server, options: dict[str, Any]
) -> None:
    good, text, facts = await measure(server.port, **options)
    assert good is None
    assert text
    assert facts == {}
