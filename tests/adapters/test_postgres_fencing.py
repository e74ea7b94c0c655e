"""Fencing databases, ending sessions, and what a connection may and may not be led to."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from allstop.adapters.postgresql.actuator import Postgres
from allstop.domain.effects import Ending, Outcome
from tests.adapters import postgres_trouble as trouble
from tests.adapters import postgres_world as world
from tests.adapters.worlds import Blobs, effect


@pytest.fixture(scope="module")
def cluster() -> Iterator[world.Cluster]:
    with world.ground() as ground:
        made = ground.cluster("main")
        hba = made.data / "pg_hba.conf"
        hba.write_text("host all secretive 127.0.0.1/32 scram-sha-256\n" + hba.read_text())
        yield world.with_shop(made)


@pytest.fixture
def database(cluster: world.Cluster) -> Iterator[str]:
    """A database of the test's own, with a name that wants quoting."""
    name = 'Or"ders; '
    quoted = '"' + name.replace('"', '""') + '"'
    cluster.ask(f"CREATE DATABASE {quoted}")
    yield name
    cluster.ask(f"DROP DATABASE {quoted} WITH (FORCE)")


async def act(verb: str, options: dict[str, Any], **changes: Any) -> Outcome:
    return await Postgres().act(effect(verb, options, **changes), Blobs())


async def test_a_fence_ends_the_sessions_that_are_open_already(
    cluster: world.Cluster, database: str
) -> None:
    """Given open sessions and a prepared transaction, when fenced, the sessions are gone, nobody gets in,
    not even a superuser, and the prepared transaction is named, because it still holds its locks."""
    options = {**cluster.server, "database": database}
    with contextlib.closing(cluster.connect(database)) as open_session:
        open_session.execute("CREATE TABLE t (n int)")
        with contextlib.closing(cluster.connect(database)) as preparing:
            preparing.execute("BEGIN")
            preparing.execute("INSERT INTO t VALUES (1)")
            preparing.execute("PREPARE TRANSACTION 'held'")
        outcome = await act("fence", options)
        assert outcome.ending is Ending.DONE, outcome.because
        assert "not currently accepting connections" in outcome.because
        assert "1 prepared transactions" in outcome.because
        assert outcome.facts["prepared_transactions"] == 1
        assert int(str(outcome.facts["sessions_ended"])) >= 1
        with pytest.raises(psycopg.OperationalError):
            open_session.execute("SELECT 1")
    assert not cluster.lets_in(database)
    assert (await act("unfence", options)).ending is Ending.DONE
    with contextlib.closing(cluster.connect(database)) as session:
        session.execute("ROLLBACK PREPARED 'held'")


async def test_a_read_only_default_is_no_fence_and_is_not_in_our_way(
    cluster: world.Cluster, database: str
) -> None:
    """Given a server that is read-only by default, a client lifts that with one SET; our fence is still
    put up, and it does hold."""
    cluster.ask("ALTER SYSTEM SET default_transaction_read_only = on")
    cluster.ask("SELECT pg_reload_conf()")
    try:
        world.eventually(lambda: cluster.ask("SHOW transaction_read_only") == "on", "read-only")
        with contextlib.closing(cluster.connect(database)) as client:
            client.execute("SET default_transaction_read_only = off")
            client.execute("CREATE TABLE written (n int)")
        outcome = await act("fence", {**cluster.server, "database": database})
        assert outcome.ending is Ending.DONE, outcome.because
        assert not cluster.lets_in(database)
    finally:
        with contextlib.closing(cluster.connect()) as session:
            session.execute("SET default_transaction_read_only = off")
            session.execute("ALTER SYSTEM RESET default_transaction_read_only")
            session.execute("SELECT pg_reload_conf()")
        world.eventually(lambda: cluster.ask("SHOW transaction_read_only") == "off", "writing")


async def test_what_was_closed_before_stays_closed(cluster: world.Cluster, database: str) -> None:
    """Given a database that somebody else had closed, lifting our fence does not open it."""
    options = {**cluster.server, "database": database}
    cluster.ask("""ALTER DATABASE "Or""ders; " ALLOW_CONNECTIONS false""")
    assert (await act("fence", options)).ending is Ending.DONE
    outcome = await act("unfence", options)
    assert outcome.ending is Ending.FAILED
    assert "closed before" in outcome.because
    assert not cluster.lets_in(database)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"database": "shopp"}, "no database shopp"),
        ({"database": "SHOP"}, "no database SHOP"),
        ({"database": "postgres"}, "must differ"),
        ({"database": "shop", "system_identifier": "7000000000000000001"}, "another cluster"),
        ({"database": "shop", "host": "127.0.0.1,127.0.0.2"}, "one host"),
    ],
)
async def test_a_wrong_name_fences_nothing(
    cluster: world.Cluster, changes: dict[str, Any], said: str
) -> None:
    """Given a misspelt name, our own door, another cluster, or several hosts, it fails and changes nothing."""
    before = cluster.ask("SELECT string_agg(datname || datallowconn, ',') FROM pg_database")
    outcome = await act("fence", {**cluster.server, **changes})
    assert (outcome.ending, said in outcome.because) == (Ending.FAILED, True), outcome.because
    after = cluster.ask("SELECT string_agg(datname || datallowconn, ',') FROM pg_database")
    assert after == before
    assert (
        cluster.ask("SELECT count(*) FROM pg_db_role_setting WHERE setconfig::text LIKE '%7000%'")
        == 0
    )


async def test_one_plan_fences_and_lifts_and_observing_tells_them_apart(
    cluster: world.Cluster, database: str
) -> None:
    """Given fence and unfence of one plan (one epoch), both are carried out, each is recognised only while
    it stands, and an older order is refused."""
    options = {**cluster.server, "database": database}
    fencing, lifting = effect("fence", options), effect("unfence", options)
    for wanted, other in ((fencing, lifting), (lifting, fencing)):
        assert (await Postgres().act(wanted, Blobs())).ending is Ending.DONE
        assert (await Postgres().observe(wanted)).ending is Ending.DONE
        assert (await Postgres().observe(other)).ending is Ending.FAILED
    late = await act("fence", options, epoch=4)
    assert (late.ending, late.because) == (Ending.FAILED, "a newer order stands: 5, not 4")
    assert cluster.lets_in(database)


async def test_only_those_idle_in_a_transaction_are_ended(
    cluster: world.Cluster, database: str
) -> None:
    """Given one session idle in a transaction and one plainly idle, only the first is ended, and one that
    has not been idle for long enough is not."""
    options = {**cluster.server, "database": database, "which": "idle-in-transaction"}
    with (
        contextlib.closing(cluster.connect(database)) as idle,
        contextlib.closing(cluster.connect(database)) as stuck,
    ):
        stuck.execute("BEGIN")
        stuck.execute("SELECT 1")
        spared = await act("terminate", {**options, "idle_ms": 3_600_000})
        assert (spared.ending, spared.facts["sessions_ended"]) == (Ending.DONE, 0)
        stuck.execute("SELECT 2")
        outcome = await act("terminate", options)
        assert (outcome.ending, outcome.facts["sessions_ended"]) == (Ending.DONE, 1)
        with pytest.raises(psycopg.OperationalError):
            stuck.execute("SELECT 3")
        assert idle.execute("SELECT 4").fetchone() == (4,)


async def test_a_role_that_may_not_end_them_says_who_is_left(
    cluster: world.Cluster, database: str
) -> None:
    """Given a role without the right to end a superuser's session, it fails and says that one is left."""
    cluster.ask("CREATE ROLE weak LOGIN")
    with contextlib.closing(cluster.connect(database)) as strong:
        options = {**cluster.server, "user": "weak", "database": database, "which": "all"}
        outcome = await act("terminate", options, timeout_ms=1500)
        assert (outcome.ending, outcome.facts) == (
            Ending.FAILED,
            {"sessions_ended": 0, "sessions_left": 1},
        ), outcome.because
        # What each session does is hidden from it as well: nothing to end would be a guess.
        idle = await act("terminate", {**options, "which": "idle-in-transaction"})
        assert (idle.ending, "hidden" in idle.because) == (Ending.FAILED, True), idle.because
        seen = await act("activity", {**cluster.server, "user": "weak"})
        assert int(str(seen.facts["hidden"])) >= 1
        assert strong.execute("SELECT 1").fetchone() == (1,)


async def test_the_environment_does_not_lead_elsewhere(
    cluster: world.Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given libpq's variables of whoever started the coordinator, the named server is asked, as told."""
    wanted = cluster.identifier()
    for name, value in {
        "PGHOSTADDR": "127.0.0.9",
        "PGOPTIONS": "-c no_such_setting=1",
        "PGDATABASE": "elsewhere",
        "PGTARGETSESSIONATTRS": "standby",
    }.items():
        monkeypatch.setenv(name, value)
    outcome = await act("activity", {**cluster.server, "system_identifier": wanted})
    assert outcome.ending is Ending.DONE, outcome.because


async def test_passwords_stay_where_they_are(cluster: world.Cluster, tmp_path: Path) -> None:
    """Given a role with a password, the file's is used, a wrong one is refused, and no text repeats it."""
    cluster.ask("CREATE ROLE secretive LOGIN PASSWORD 'hunter2'")
    file = tmp_path / "password"
    options = {**cluster.server, "user": "secretive", "password_file": str(file)}
    said = []
    for content, ending in (
        ("hunter2\n", Ending.DONE),
        ("hunter3\n", Ending.FAILED),
        ("", Ending.FAILED),
    ):
        file.write_text(content)
        outcome = await act("activity", options)
        assert outcome.ending is ending, outcome.because
        said.append(f"{outcome}")
    assert "hunter" not in "".join(said)


async def test_activity_shows_sessions_and_not_what_they_say(cluster: world.Cluster) -> None:
    """Given a session whose statement holds a secret, its state is in the evidence, its words are not."""
    with contextlib.closing(cluster.connect("shop")) as stuck:
        stuck.execute("BEGIN")
        stuck.execute("SELECT 'swordfish'")
        blobs = Blobs()
        outcome = await Postgres().act(effect("activity", cluster.server), blobs)
    assert outcome.ending is Ending.DONE
    assert int(str(outcome.facts["idle_in_transaction"])) >= 1
    table = blobs.held[outcome.evidence].decode()
    assert "shop\tpostgres" in table
    assert "swordfish" not in table


async def test_verifying_finds_what_is_missing_and_changes_nothing(cluster: world.Cluster) -> None:
    """Given options of a verb, verify logs in and looks; a missing database or server is told."""
    options = {**cluster.server, "database": "shop"}
    good = await Postgres().verify(options, 3000)
    assert (good.ending, cluster.identifier() in good.because) == (Ending.DONE, True)
    assert cluster.lets_in("shop")
    assert (await Postgres().verify({**options, "database": "no"}, 3000)).ending is Ending.FAILED
    assert (await Postgres().verify({**options, "surplus": 1}, 3000)).ending is Ending.FAILED
    with trouble.silence() as port:
        unheard = await Postgres().verify({**options, "port": port}, 500)
    assert unheard.ending is not Ending.DONE


# --- servers that do not answer, or not sense ------------------------------------------------------


@pytest.mark.parametrize("instead", [b"", b"\xff\x00 no PostgreSQL \x00", b"T\x7f\xff\xff\xff"])
async def test_a_fence_that_was_asked_for_and_not_answered_is_unknown(
    cluster: world.Cluster, database: str, instead: bytes
) -> None:
    """Given a server whose answers get lost, or turn to nonsense, once the fence was asked for, the
    outcome is neither done nor failed, and observing by the straight way tells what is."""
    options = {**cluster.server, "database": database}
    async with trouble.Proxy(cluster.port, b"ALLOW_CONNECTIONS", instead).running() as between:
        wanted = effect("fence", {**options, "port": between.port}, timeout_ms=1200)
        outcome = await Postgres().act(wanted, Blobs())
        assert between.heard.is_set()
    assert outcome.ending is Ending.UNKNOWN, outcome.because
    seen = await Postgres().observe(effect("fence", options))
    assert seen.ending is (Ending.FAILED if cluster.lets_in(database) else Ending.DONE)


async def test_a_frozen_server_is_waited_for_no_longer_than_allowed(
    cluster: world.Cluster, database: str
) -> None:
    """Given a server that is stopped in its tracks, nothing is claimed, and nothing happens later."""
    options = {**cluster.server, "database": database}
    with trouble.frozen(cluster):
        outcome = await act("fence", options, timeout_ms=800)
        assert outcome.ending is not Ending.DONE
        seen = await Postgres().observe(effect("fence", options, timeout_ms=800))
        assert seen.ending is Ending.UNKNOWN
    assert (await act("fence", options)).ending is Ending.DONE


async def test_somebody_elses_lock_is_waited_for_and_then_tried_again(
    cluster: world.Cluster, database: str
) -> None:
    """Given another order under way, the fence comes back later instead of waiting for ever."""
    with contextlib.closing(cluster.connect()) as other:
        other.execute("SELECT pg_advisory_lock(4104270911)")
        outcome = await act("fence", {**cluster.server, "database": database}, timeout_ms=800)
    assert outcome.ending is Ending.RETRY, outcome.because
    assert cluster.lets_in(database)
