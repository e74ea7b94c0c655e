"""The actuator `redis`: pauses and fences, what they refuse, and what is seen of them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from allstop.adapters.redis_server.actuator import Redis
from allstop.domain.effects import Ending, Outcome
from tests.adapters import loopback, redises
from tests.adapters.redises import Server
from tests.adapters.worlds import Blobs, effect


@pytest.fixture
def server() -> Iterator[Server]:
    with redises.running() as server:
        yield server


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "orders.json"


async def act(
    verb: str, port: int, state: Path, epoch: int = 5, timeout_ms: int = 8000, **more: Any
) -> Outcome:
    options = {"host": "127.0.0.1", "port": port, "state_file": str(state), **more}
    return await Redis().act(effect(verb, options, epoch=epoch, timeout_ms=timeout_ms), Blobs())


# --- pause -----------------------------------------------------------------------------------


async def test_a_write_that_waits_is_not_lost(server: Server, state: Path) -> None:
    """Given a pause, a write is not answered; when it ends, that very write is."""
    outcome = await act("quiesce", server.port, state, pause_ms=60_000)
    assert outcome.ending is Ending.DONE
    assert "writes wait" in outcome.because
    assert (outcome.facts["paused_ms"], outcome.facts["renew_within_ms"]) == (60_000, 30_000)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"SET order 1\r\n")
    assert server.ask("GET", "order") == "", "reads go on"
    answer = asyncio.ensure_future(reader.readline())

    assert (await act("unquiesce", server.port, state)).ending is Ending.DONE

    assert await answer == b"+OK\r\n"
    assert server.ask("GET", "order") == "1"
    writer.close()


async def test_a_pause_ends_by_itself_unless_renewed(server: Server, state: Path) -> None:
    """Given a short pause, doing it again prolongs it; left alone, writes go on."""
    await act("quiesce", server.port, state, pause_ms=1000)
    server.until(lambda: server.write() == "OK", "the pause did not end")

    await act("quiesce", server.port, state, pause_ms=1000)
    renewed = await act("quiesce", server.port, state, pause_ms=60_000)
    await asyncio.sleep(1.2)

    assert renewed.ending is Ending.DONE
    assert server.write() == "silent"


async def test_a_pause_behind_a_fence(server: Server, state: Path) -> None:
    """Given a fence, a pause cannot be seen behind it, and nothing gets in either way."""
    await act("fence", server.port, state)
    outcome = await act("quiesce", server.port, state)
    assert outcome.ending is Ending.DONE
    assert "a fence refuses writes" in outcome.because
    assert (await act("unfence", server.port, state)).ending is Ending.DONE
    assert server.write() == "silent"
    assert (await act("unquiesce", server.port, state)).ending is Ending.DONE
    assert server.write() == "OK"


async def test_a_replica_is_not_paused(state: Path) -> None:
    """Given a replica, its writes come from its primary: refused, and its clients are not touched."""
    with redises.running_pair() as (primary, replica):
        for verb in ("quiesce", "fence"):
            outcome = await act(verb, replica.port, state)
            assert outcome.ending is Ending.FAILED
            assert "is a replica" in outcome.because
        assert replica.setting("min-replicas-to-write") == "0"
        assert primary.write() == "OK"


async def test_a_failover_makes_the_role_wrong(state: Path) -> None:
    """Given options that name a primary, after a failover the same address is refused."""
    with redises.running_pair() as (primary, replica):
        primary.ask("FAILOVER")
        primary.until(lambda: primary.info("role") == "slave", "no failover")
        replica.until(lambda: replica.info("role") == "master", "nobody took over")

        outcome = await act("fence", primary.port, state, role="primary")

        assert outcome.because == f"127.0.0.1:{primary.port} is a replica, not a primary"
        assert primary.setting("min-replicas-to-write") == "0"
        assert (await act("fence", replica.port, state, role="primary")).ending is Ending.DONE


# --- fence -----------------------------------------------------------------------------------


async def test_a_fence_keeps_what_was_there(server: Server, state: Path) -> None:
    """Given a condition for writes, it is back after the fence, even if our notes are gone."""
    server.ask("CONFIG", "SET", "min-replicas-to-write", "2")
    fenced = await act("fence", server.port, state)
    assert (fenced.ending, fenced.facts["previous"]) == (Ending.DONE, 2)
    assert (await act("fence", server.port, state)).facts["previous"] == 2
    state.unlink()

    unfenced = await act("unfence", server.port, state)

    assert unfenced.ending is Ending.DONE
    assert server.setting("min-replicas-to-write") == "2"
    assert "a write needs 2 replicas, as before" in unfenced.because


async def test_a_fence_that_would_not_hold_is_refused(server: Server, state: Path) -> None:
    """Given min-replicas-max-lag 0, the fence would do nothing: refused, nothing changed."""
    server.ask("CONFIG", "SET", "min-replicas-max-lag", "0")
    outcome = await act("fence", server.port, state)
    assert outcome.ending is Ending.FAILED
    assert "min-replicas-max-lag is 0" in outcome.because
    assert server.write() == "OK"


async def test_trying_a_write_writes_nothing(server: Server, state: Path) -> None:
    """Given all the tries, no key was made, and one that had the check key's name is as it was."""
    server.ask("SET", "allstop:check", "precious")
    for verb in ("fence", "unfence", "quiesce", "unquiesce"):
        assert (await act(verb, server.port, state)).ending is Ending.DONE
        assert (await act(verb, server.port, state, check_key="none")).ending is Ending.DONE
    assert server.ask("GET", "allstop:check") == "precious"
    assert server.ask("DBSIZE") == "1"
    server.ask("DEL", "allstop:check")
    server.ask("RPUSH", "allstop:check", "a", "list")
    assert (await act("unfence", server.port, state)).ending is Ending.DONE
    assert server.ask("LLEN", "allstop:check") == "2"


# --- orders and logins -----------------------------------------------------------------------


async def test_older_orders_are_refused_for_all_verbs_alike(server: Server, state: Path) -> None:
    """Given an order, an older one about the same server is refused, whatever its verb."""
    await act("fence", server.port, state, epoch=7)
    for verb in ("unfence", "quiesce", "stop"):
        late = await act(verb, server.port, state, epoch=6)
        assert late.because == "a newer order stands: 7, not 6"
    assert server.write() == "-NOREPLICAS"


async def test_a_password_is_read_from_its_file_and_never_told(
    server: Server, state: Path, tmp_path: Path
) -> None:
    """Given a server with a password, it comes from a file; no text holds it."""
    server.ask("CONFIG", "SET", "requirepass", "open-sesame")
    secret, wrong = tmp_path / "secret", tmp_path / "wrong"
    secret.write_text("open-sesame\n")
    wrong.write_text("open-barley\n")

    fenced = await act("fence", server.port, state, password_file=str(secret))
    none = await act("fence", server.port, state)
    bad = await act("fence", server.port, state, password_file=str(wrong))
    missing = await act("fence", server.port, state, password_file=str(tmp_path / "no"))

    assert fenced.ending is Ending.DONE
    assert {one.ending for one in (none, bad, missing)} == {Ending.FAILED}
    assert "NOAUTH" in none.because
    assert "WRONGPASS" in bad.because
    told = repr((fenced, none, bad, missing, state.read_text()))
    assert not [one for one in ("sesame", "barley") if one in told]


async def test_what_cannot_be_tried_is_not_claimed(
    server: Server, state: Path, tmp_path: Path
) -> None:
    """Given a user who may configure and not write, then a fence is set, and nobody says it holds."""
    server.ask("ACL", "SETUSER", "ops", "on", ">pw", "+ping", "+info", "+config", "+client")
    secret = tmp_path / "secret"
    secret.write_text("pw")
    login: dict[str, Any] = {"user": "ops", "password_file": str(secret)}

    outcome = await act("fence", server.port, state, **login)

    assert outcome.ending is Ending.UNKNOWN
    assert "cannot be tried" in outcome.because
    assert server.write() == "-NOREPLICAS"


async def test_tls_trusts_only_whom_it_is_told_to(state: Path, tmp_path: Path) -> None:
    """Given a server behind TLS, its own authority opens it; without that, nothing was asked."""
    certificate, key = redises.self_signed(tmp_path)
    port = loopback.closed_port()
    with redises.running(
        "--tls-port", str(port), "--tls-auth-clients", "no", "--tls-cert-file", str(certificate),
        "--tls-key-file", str(key), "--tls-ca-cert-file", str(certificate),
    ) as server:  # fmt: skip
        trusting: dict[str, Any] = {"tls": True, "root_certificate": str(certificate)}
        assert (await act("fence", port, state, **trusting)).ending is Ending.DONE
        assert server.write() == "-NOREPLICAS"
        assert (await act("unfence", port, state, tls=True)).ending is Ending.FAILED
        assert server.write() == "-NOREPLICAS"


async def test_a_unix_socket_will_do(state: Path, tmp_path: Path) -> None:
    """Given a server on a Unix socket, its path is the host."""
    with redises.running("--unixsocket", "s") as server:
        options = {"host": str(server.folder / "s"), "state_file": str(state)}
        assert (await Redis().act(effect("fence", options), Blobs())).ending is Ending.DONE
        assert server.write() == "-NOREPLICAS"


async def test_a_check_beforehand_changes_nothing(
    server: Server, state: Path, tmp_path: Path
) -> None:
    """Given options, `verify` says whether an order could be given."""
    options = {"host": "127.0.0.1", "port": server.port, "state_file": str(state)}
    assert (await Redis().verify(options, 3000)).ending is Ending.DONE
    assert (await Redis().verify({**options, "role": "replica"}, 3000)).ending is Ending.FAILED
    folder = {"host": "127.0.0.1", "port": server.port, "folder": str(tmp_path / "none")}
    assert (await Redis().verify(folder, 3000)).ending is Ending.FAILED
    assert (await Redis().verify({**folder, "folder": str(tmp_path)}, 3000)).ending is Ending.DONE
    assert (await Redis().verify({"nonsense": 1}, 3000)).ending is Ending.FAILED
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        absent = {**options, "port": nobody.getsockname()[1]}
        assert (await Redis().verify(absent, 3000)).ending is Ending.UNKNOWN
    assert server.write() == "OK"
    assert not state.exists()


# --- servers that do not keep their word -----------------------------------------------------


async def test_silence_after_an_order_is_unknown_and_before_it_is_later(state: Path) -> None:
    """Given a server that falls silent, what was sent and not answered is unknown, not failed."""

    def silent_at(word: str) -> Any:
        return lambda words: None if word in words else redises.honest(words)

    for word, ending in (("SET", Ending.UNKNOWN), ("INFO", Ending.RETRY)):
        async with redises.lying(silent_at(word)) as liar:
            outcome = await act("fence", liar.port, state, timeout_ms=1500)
            assert outcome.ending is ending, outcome.because


async def test_ok_alone_is_no_success(state: Path) -> None:
    """Given a server that says OK to everything and does nothing, it is found out."""
    async with redises.lying(redises.honest) as liar:
        for verb in ("fence", "quiesce"):
            outcome = await act(verb, liar.port, state)
            assert outcome.ending is Ending.FAILED, verb
        assert ["CONFIG", "SET", "min-replicas-to-write", "1000000000"] in liar.heard


async def test_a_sentinel_is_no_server(state: Path) -> None:
    """Given a Sentinel at the address, nothing is ordered."""
    async with redises.lying(lambda words: redises.honest(words, redis_mode="sentinel")) as liar:
        outcome = await act("quiesce", liar.port, state)
        assert outcome.because == "a Sentinel answers there, not a server"
        assert all(words[0] in ("INFO", "CONFIG") for words in liar.heard)
