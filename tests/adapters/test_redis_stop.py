"""The actuator `redis`: a stop saves, waits for replicas, and is seen to have stopped."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from allstop.adapters.redis_server.actuator import Redis
from allstop.domain.effects import Ending, Outcome
from tests.adapters import loopback, redises
from tests.adapters.redises import Server
from tests.adapters.worlds import Blobs, effect

PAGE = Path(__file__).resolve().parents[2] / "docs" / "fleet" / "adapters" / "redis.md"


@pytest.fixture
def server() -> Iterator[Server]:
    with redises.running() as server:
        yield server


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "orders.json"


async def stop(port: int, state: Path, timeout_ms: int = 8000) -> Outcome:
    options = {"host": "127.0.0.1", "port": port, "state_file": str(state)}
    return await Redis().act(effect("stop", options, timeout_ms=timeout_ms), Blobs())


async def test_what_is_stopped_has_saved(server: Server, state: Path) -> None:
    """Given data in memory alone, it is there again after the stop and a start."""
    server.fill(500)

    outcome = await stop(server.port, state)

    assert outcome.ending is Ending.DONE
    assert "its process has ended" in outcome.because
    assert server.answers("PING") == "gone"
    assert server.process is not None
    assert server.process.wait(10) == 0
    server.start()
    assert server.ask("DBSIZE") == "500"


async def test_a_server_that_waits_for_its_replica_is_given_the_time(state: Path) -> None:
    """Given a replica that lags, a stop that would end before the server's own wait is refused."""
    with redises.running_pair() as (primary, replica):
        replica.freeze()
        primary.ask("SET", "order", "1")

        refused = await stop(primary.port, state, timeout_ms=5000)

        assert refused.ending is Ending.FAILED
        assert refused.because == (
            "the server itself may wait 10s for its replicas: give the stop 12s or more"
        )
        assert primary.ask("GET", "order") == "1"

        primary.ask("CONFIG", "SET", "shutdown-timeout", "1")
        outcome = await stop(primary.port, state, timeout_ms=9000)
        assert outcome.ending is Ending.DONE
        assert primary.answers("PING") == "gone"


async def test_a_wrong_address_is_no_stopped_server(server: Server, state: Path) -> None:
    """Given a port where nobody ever was, then nothing is claimed; after a stop of ours it is."""
    wrong = await stop(loopback.closed_port(), state)
    assert wrong.ending is Ending.FAILED
    assert "no stop of ours is on record" in wrong.because

    await stop(server.port, state)
    assert (await stop(server.port, state)).because.startswith("stopped before")


async def test_a_server_that_cannot_save_goes_on(state: Path) -> None:
    """Given a folder that is gone, the server refuses to stop, and a crash later is no stop of ours."""
    with redises.running() as server:
        folder = server.folder / "data"
        folder.mkdir()
        server.ask("CONFIG", "SET", "dir", str(folder))
        server.fill(10)
        shutil.rmtree(folder)

        outcome = await stop(server.port, state)

        assert outcome.ending is Ending.FAILED
        assert outcome.because.startswith("it does not stop")
        assert server.ask("DBSIZE") == "10"
        server.end()
        after = await stop(server.port, state)
        assert (after.ending, "no stop of ours" in after.because) == (Ending.FAILED, True)


async def test_one_that_is_started_again_has_not_stopped(state: Path) -> None:
    """Given somebody who starts it again at once, the other run is seen, and no stop is claimed."""
    runs = ["r1"]

    def says(words: list[str]) -> bytes:
        if words[0] == "SHUTDOWN":
            runs[0] = "r2"
            return b""
        return redises.honest(words, run_id=runs[0])

    async with redises.lying(says) as liar:
        outcome = await stop(liar.port, state)
    assert outcome.ending is Ending.FAILED
    assert outcome.because == "it has stopped, and somebody has started it again"


@pytest.mark.parametrize("hangs_up", [True, False])
async def test_one_that_is_still_at_it_is_unknown(state: Path, hangs_up: bool) -> None:
    """Given a server that was told to stop and still answers, then it may yet stop: unknown."""

    def says(words: list[str]) -> bytes | None:
        if words[0] == "SHUTDOWN":
            return b"" if hangs_up else None
        return redises.honest(words)

    async with redises.lying(says) as liar:
        outcome = await stop(liar.port, state, timeout_ms=1500)
        assert outcome.ending is Ending.UNKNOWN
        assert "told to save and stop" in outcome.because
        seen = await observe(liar.port, state)
        assert (seen.ending, seen.because) == (Ending.FAILED, "it still answers")
    assert (await observe(liar.port, state)).ending is Ending.DONE


async def observe(port: int, state: Path) -> Outcome:
    options: dict[str, Any] = {"host": "127.0.0.1", "port": port, "state_file": str(state)}
    return await Redis().observe(effect("stop", options))


async def test_nobody_there_and_no_stop_of_ours_is_unknown(state: Path) -> None:
    """Given a server that is gone for a reason of its own, an observation claims nothing."""
    assert (await observe(loopback.closed_port(), state)).ending is Ending.UNKNOWN


async def test_a_user_with_the_rights_of_the_page_can_do_it_all(
    server: Server, state: Path, tmp_path: Path
) -> None:
    """Given a user with exactly the rights that the page names, every verb works."""
    found = re.search(r"A user with `([^`]+)`", PAGE.read_text("utf-8"))
    assert found is not None
    server.ask("ACL", "SETUSER", "allstop", "on", ">pw", "~allstop:check", found[1])
    secret = tmp_path / "secret"
    secret.write_text("pw")
    login: dict[str, Any] = {
        "host": "127.0.0.1", "port": server.port, "user": "allstop", "password_file": str(secret)
    }  # fmt: skip
    ordered = {"state_file": str(state)}
    snapshots = {"folder": str(tmp_path)}
    for verb, more in (
        ("quiesce", ordered), ("unquiesce", ordered), ("fence", ordered), ("unfence", ordered),
        ("snapshot", snapshots), ("verify-snapshot", snapshots), ("stop", ordered),
    ):  # fmt: skip
        outcome = await Redis().act(effect(verb, {**login, **more}), Blobs())
        assert outcome.ending is Ending.DONE, (verb, outcome.because)
