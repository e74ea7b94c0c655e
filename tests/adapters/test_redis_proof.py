"""The actuator `redis`: the proof that a snapshot is worth something."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from allstop.adapters.redis_server.actuator import Redis
from allstop.domain.effects import Ending, Outcome
from tests.adapters import redises
from tests.adapters.redises import Server
from tests.adapters.worlds import Blobs, effect

KEYS = 200


@pytest.fixture
def server() -> Iterator[Server]:
    with redises.running() as server:
        server.fill(KEYS)
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "snapshots"
    folder.mkdir()
    return folder


async def act(
    verb: str, server: Server, timeout_ms: int = 15_000, id: str = "order:1", **more: Any
) -> Outcome:
    options = {"host": "127.0.0.1", "port": server.port, **more}
    return await Redis().act(effect(verb, options, timeout_ms=timeout_ms, id=id), Blobs())


@pytest.fixture
async def taken(server: Server, folder: Path) -> Path:
    """The copy of a snapshot."""
    outcome = await act("snapshot", server, folder=str(folder))
    return folder / f"{outcome.facts['snapshot']}.rdb"


async def prove(server: Server, folder: Path, **more: Any) -> Outcome:
    return await act("verify-snapshot", server, folder=str(folder), **more)


def rewrite(copy: Path, **fields: Any) -> None:
    """Change what the manifest beside a copy says."""
    manifest = copy.with_suffix(".json")
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), **fields}))


async def test_a_good_snapshot_is_proven_by_loading_it(
    server: Server, folder: Path, taken: Path
) -> None:
    """Given a snapshot, checksum, checker and a load agree, and the proof lies beside it."""
    outcome = await prove(server, folder)
    assert outcome.ending is Ending.DONE
    assert outcome.facts["loaded"] is True
    assert outcome.because.endswith(f"loaded: {KEYS} keys, as there were")
    proof = json.loads((folder / f"{taken.stem}.proof.json").read_text())
    assert (proof["proven"], proof["loaded"]) == (True, KEYS)


async def test_keys_whose_time_is_over_are_not_missed(server: Server, folder: Path) -> None:
    """Given keys that expire before the load, they count as there, as they did when it was taken."""
    for number in range(5):
        server.ask("SET", f"fleeting:{number}", "1", "PX", "400")
    server.ask("DEBUG", "SET-ACTIVE-EXPIRE", "0")
    taken = await act("snapshot", server, folder=str(folder))
    assert taken.facts["keys"] == KEYS + 5
    await asyncio.sleep(0.5)
    assert (await prove(server, folder)).ending is Ending.DONE


async def test_one_flipped_bit_is_found(server: Server, folder: Path, taken: Path) -> None:
    """Given a damaged copy, its checksum gives it away; with a forged one, the checker does."""
    body = bytearray(taken.read_bytes())
    body[len(body) // 2] ^= 1
    taken.write_bytes(body)
    flipped = await prove(server, folder)
    assert (flipped.ending, "SHA-256 differs" in flipped.because) == (Ending.FAILED, True)

    rewrite(taken, sha256=hashlib.sha256(body).hexdigest())
    forged = await prove(server, folder)
    assert (forged.ending, "the checker says" in forged.because) == (Ending.FAILED, True)
    assert json.loads((folder / f"{taken.stem}.proof.json").read_text())["proven"] is False


async def test_missing_keys_are_found(server: Server, folder: Path, taken: Path) -> None:
    """Given a copy that has fewer keys than there were, then a load finds out."""
    rewrite(taken, keys_least=KEYS + 1, keys_most=KEYS + 1)
    outcome = await prove(server, folder)
    assert outcome.ending is Ending.FAILED
    assert f"has {KEYS} keys, not {KEYS + 1}" in outcome.because


async def test_a_copy_that_is_gone_proves_nothing(
    server: Server, folder: Path, taken: Path
) -> None:
    taken.unlink()
    outcome = await prove(server, folder)
    assert (outcome.ending, "cannot be read" in outcome.because) == (Ending.FAILED, True)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"server_program": ""}, "no server_program"),
        ({"server_program": "no-such-redis"}, "no-such-redis is not installed"),
        ({"load_most_mb": 0}, "larger than load_most_mb"),
    ],
)
async def test_what_was_not_loaded_is_not_said_to_be(
    server: Server, folder: Path, taken: Path, options: dict[str, Any], why: str
) -> None:
    """Given nobody to load it, the copy counts as read, and the facts say that it was not loaded."""
    outcome = await prove(server, folder, **options)
    assert outcome.ending is Ending.DONE
    assert outcome.facts["loaded"] is False
    assert outcome.because.endswith(f"whole and readable; not loaded: {why}")


async def test_without_a_checker_nothing_is_proven(
    server: Server, folder: Path, taken: Path
) -> None:
    """Given no checker, or one that is never pleased, or one that lies by its exit code, it is no good."""
    for program in ("no-such-checker", "false", "true"):
        outcome = await prove(server, folder, check_program=program)
        assert outcome.ending is Ending.FAILED, program


async def test_the_newest_of_the_right_server_is_proven(server: Server, folder: Path) -> None:
    """Given snapshots of two servers, each order proves the newest of its own."""
    await act("snapshot", server, folder=str(folder), id="order:1")
    newest = await act("snapshot", server, folder=str(folder), id="order:2")
    older = folder / f"{newest.facts['snapshot']}.json"
    with redises.running() as other:
        others = await act("snapshot", other, folder=str(folder), id="order:3")
        assert (await prove(other, folder)).facts["snapshot"] == others.facts["snapshot"]
    rewrite(older.with_suffix(".rdb"), at="2099-01-01T00:00:00+00:00")
    assert (await prove(server, folder)).facts["snapshot"] == newest.facts["snapshot"]
    older.write_text("{")
    assert "makes no sense" in (await prove(server, folder)).because
