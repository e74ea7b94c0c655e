"""The actuator and the probe `pgbouncer`, on a real pooler in front of a real server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from allstop.adapters.postgresql.bouncer import PgBouncer
from allstop.domain.effects import Ending, Outcome
from allstop.testing.contracts.actuator import ActuatorCase, ActuatorContract, VerbCase
from allstop.testing.contracts.probe import ProbeCase, ProbeContract
from tests.adapters import loopback
from tests.adapters import postgres_trouble as trouble
from tests.adapters import postgres_world as world
from tests.adapters.worlds import Blobs, effect

_numbers = count(1)
DATABASES = 16
QUOTED = "Orders.eu-1"  # a name that wants quoting


@dataclass
class Bouncer:
    """A pooler; its databases shop_1 and so on are all the server's one."""

    port: int
    pid: int
    place: Path

    def options(self, database: str, **more: Any) -> dict[str, Any]:
        where = {"host": "127.0.0.1", "port": self.port, "user": "postgres"}
        return {**where, "database": database, "mark_file": str(self.place / "marks"), **more}

    def probe(self, database: str, **more: Any) -> dict[str, Any]:
        options = self.options(database, **more)
        del options["mark_file"]
        return options

    def connect(self, database: str, user: str = "postgres") -> psycopg.Connection[Any]:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=user,
            dbname=database,
            autocommit=True,
            prepare_threshold=None,
            connect_timeout=5,
        )

    def state(self, database: str) -> tuple[int, int]:
        """paused and disabled, as its console shows them."""
        with self.connect("pgbouncer") as console:
            cursor = console.execute("SHOW DATABASES")
            assert cursor.description is not None
            names = [column.name for column in cursor.description]
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        mine = next(row for row in rows if row["name"] == database)
        return int(mine["paused"]), int(mine["disabled"])

    def order(self, command: str) -> None:
        with self.connect("pgbouncer") as console:
            console.execute(command.encode())


OPEN, PAUSED, CLOSED = (0, 0), (1, 0), (1, 1)


@pytest.fixture(scope="module")
def bouncer() -> Iterator[Bouncer]:
    program = world.bouncer_program()
    with world.ground() as ground:
        cluster = ground.cluster("main")
        cluster.start()
        port, place = loopback.closed_port(), ground.new("bouncer")
        behind = f"host=127.0.0.1 port={cluster.port} dbname=postgres"
        names = [*(f"shop_{number}" for number in range(1, DATABASES)), QUOTED]
        listed = "".join(f"{name} = {behind}\n" for name in names)
        (place / "bouncer.ini").write_text(
            f"[databases]\n{listed}dead = host=127.0.0.1 port={loopback.closed_port()}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"auth_type = trust\nauth_file = {place}/users\nadmin_users = postgres\n"
            f"pool_mode = transaction\nserver_login_retry = 1\n"
        )
        (place / "users").write_text('"postgres" ""\n"client" ""\n')
        cluster.ask("CREATE ROLE client LOGIN")
        argv = world.as_account([program, "-q", str(place / "bouncer.ini")])
        with trouble.background(argv) as process:
            made = Bouncer(port, process.pid, place)
            world.eventually(lambda: _answers(made), "the pooler")
            yield made


def _answers(made: Bouncer) -> bool:
    with contextlib.suppress(psycopg.OperationalError):
        made.connect("shop_1").close()
        return True
    return False


@pytest.fixture
def database(bouncer: Bouncer) -> Iterator[str]:
    """A database of the bouncer, open before and after; orders about it begin anew."""
    yield QUOTED
    for command in ("RESUME", "ENABLE"):
        with contextlib.suppress(psycopg.Error):
            bouncer.order(f'{command} "{QUOTED}"')
    (bouncer.place / "marks").unlink(missing_ok=True)


async def act(verb: str, options: dict[str, Any], **changes: Any) -> Outcome:
    return await PgBouncer().act(effect(verb, options, **changes), Blobs())


class TestPgBouncer(ActuatorContract):
    @pytest.fixture
    async def case(self, bouncer: Bouncer) -> Any:
        number = next(_numbers)
        marks = bouncer.place / f"marks-{number}"
        names = {verb: f"shop_{place}" for place, verb in enumerate(VERBS, start=1)}
        for verb, name in names.items():
            with contextlib.suppress(psycopg.Error):
                bouncer.order(f"RESUME {name}")
            bouncer.order(f"ENABLE {name}")
            if verb == "unfence":
                bouncer.order(f"DISABLE {name}")
            if verb.startswith("un"):
                bouncer.order(f"PAUSE {name}")
        verbs = tuple(
            VerbCase(
                verb,
                bouncer.options(name, mark_file=str(marks)),
                lambda name=name: bouncer.state(name),  # type: ignore[misc]
                VERBS[verb],
                fenced=True,
            )
            for verb, name in names.items()
        )
        async with loopback.serving({}) as nonsense:
            with trouble.silence() as silent:
                ports = (silent, loopback.closed_port(), nonsense.port)
                options = bouncer.options("shop_1", mark_file=str(marks))
                troubles = [("fence", {**options, "port": port}) for port in ports]
                troubles += [("quiesce", {**options, "database": "nobody"})]
                yield ActuatorCase(PgBouncer(), verbs, tuple(troubles))


VERBS = {"quiesce": PAUSED, "unquiesce": OPEN, "fence": CLOSED, "unfence": OPEN}


class TestPgBouncerProbe(ProbeContract):
    @pytest.fixture
    async def case(self, bouncer: Bouncer, database: str) -> Any:
        async with loopback.serving({}) as nonsense:
            with trouble.silence() as silent:
                yield ProbeCase(
                    PgBouncer(),
                    good=bouncer.probe(database),
                    bad=bouncer.probe(database, kind="state", expect="paused"),
                    silent=bouncer.probe(database, port=silent),
                    impossible=bouncer.probe(database, password_file="/no/such/file"),
                    absent=bouncer.probe(database, port=loopback.closed_port()),
                    garbage=(bouncer.probe(database, port=nonsense.port),),
                    look=lambda: bouncer.state(database),
                )


async def test_a_pause_is_over_when_no_transaction_is_open(bouncer: Bouncer, database: str) -> None:
    """Given an open transaction, PAUSE does not end: it is unknown, though the console says "paused" from
    the first moment. Once the transaction has ended, doing it again is done, and clients still wait."""
    options = bouncer.options(database)
    with contextlib.closing(bouncer.connect(database)) as client:
        client.execute("BEGIN")
        client.execute("SELECT 1")
        wanted = effect("quiesce", options, timeout_ms=1200)
        outcome = await PgBouncer().act(wanted, Blobs())
        assert outcome.ending is Ending.UNKNOWN
        assert "1 transactions are open" in outcome.because
        assert "fence" in outcome.because
        assert bouncer.state(database) == PAUSED
        assert (await PgBouncer().observe(wanted)).ending is Ending.UNKNOWN
        sample, facts = await PgBouncer().measure(
            "p", bouncer.probe(database, kind="state", expect="paused"), 3000
        )
        assert (sample.good, facts["busy"]) == (False, 1)
        client.execute("COMMIT")
        again = await act("quiesce", options)
        assert (again.ending, again.facts["busy"]) == (Ending.DONE, 0), again.because
        waiting = asyncio.create_task(asyncio.to_thread(client.execute, "SELECT 2"))
        lifted = await act("unquiesce", options)
        assert lifted.ending is Ending.DONE, lifted.because
        assert (await waiting).fetchone() == (2,)


async def test_a_fence_cuts_everybody_off_and_is_seen_from_outside(
    bouncer: Bouncer, database: str
) -> None:
    """Given a client in a transaction, a fence ends it, and the proof is a refusal from outside. KILL leaves
    the database paused: lifting the fence resumes it as well, or clients would only wait."""
    options = bouncer.options(database, client={"user": "client"})
    with contextlib.closing(bouncer.connect(database)) as client:
        client.execute("BEGIN")
        client.execute("SELECT 1")
        outcome = await act("fence", options)
        assert (outcome.ending, "refused" in outcome.because) == (Ending.DONE, True), (
            outcome.because
        )
        assert outcome.facts == {"clients_before": 1, "clients": 0}
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 2")
    assert bouncer.state(database) == CLOSED
    with pytest.raises(psycopg.OperationalError):
        bouncer.connect(database, "client")
    assert (await act("unfence", options)).ending is Ending.DONE
    assert bouncer.state(database) == OPEN
    with contextlib.closing(bouncer.connect(database, "client")) as client:
        assert client.execute("SELECT 3").fetchone() == (3,)


async def test_a_client_that_is_refused_for_itself_proves_no_fence(
    bouncer: Bouncer, database: str
) -> None:
    """Given a client the bouncer does not know, its refusal says nothing about the database."""
    outcome = await act("fence", bouncer.options(database, client={"user": "stranger"}))
    assert outcome.ending in (Ending.UNKNOWN, Ending.DONE)
    if outcome.ending is Ending.DONE:
        assert "disabled" in outcome.because
    else:
        assert "for another reason" in outcome.because


async def test_a_quiesced_database_stays_so_through_a_fence(
    bouncer: Bouncer, database: str
) -> None:
    """Given quiesce, then fence: lifting the fence leaves the pause, lifting the pause opens it; and in the
    other order the fence keeps its own."""
    options = bouncer.options(database)
    for verb, after in (
        ("quiesce", PAUSED),
        ("fence", CLOSED),
        ("unfence", PAUSED),
        ("unquiesce", OPEN),
        ("quiesce", PAUSED),
        ("fence", CLOSED),
        ("unquiesce", CLOSED),
        ("unfence", OPEN),
    ):
        outcome = await act(verb, options)
        assert outcome.ending is Ending.DONE, f"{verb}: {outcome.because}"
        assert bouncer.state(database) == after, verb
        assert (await PgBouncer().observe(effect(verb, options))).ending is Ending.DONE


@pytest.mark.parametrize("database", ["shop_99", "SHOP_1", "pgbouncer", "*", ""])
async def test_a_wrong_name_touches_nobody(bouncer: Bouncer, database: str) -> None:
    """Given a name the bouncer does not have, or its own console, nothing is paused or closed."""
    before = [bouncer.state(f"shop_{number}") for number in range(1, DATABASES)]
    for verb in VERBS:
        outcome = await act(verb, bouncer.options(database))
        assert outcome.ending is Ending.FAILED, verb
    assert [bouncer.state(f"shop_{number}") for number in range(1, DATABASES)] == before


async def test_a_frozen_bouncer_is_unknown_and_its_database_is_asked_later(
    bouncer: Bouncer, database: str
) -> None:
    """Given a bouncer that stops once KILL was asked for, the outcome is unknown, and in time; a bouncer that
    never says a word was asked nothing."""
    options = bouncer.options(database)
    async with trouble.Proxy(bouncer.port, b"KILL").running() as between:
        wanted = effect("fence", {**options, "port": between.port}, timeout_ms=1000)
        assert (await PgBouncer().act(wanted, Blobs())).ending is Ending.UNKNOWN
        assert between.heard.is_set()
    os.kill(bouncer.pid, signal.SIGSTOP)
    try:
        seen = await PgBouncer().observe(effect("fence", options, timeout_ms=600))
        assert seen.ending is Ending.UNKNOWN
    finally:
        os.kill(bouncer.pid, signal.SIGCONT)
    assert (await PgBouncer().observe(effect("fence", options))).ending is Ending.DONE
    assert bouncer.state(database) == CLOSED


async def test_a_server_that_is_away_is_bad_though_the_console_says_open(bouncer: Bouncer) -> None:
    """Given a database whose server is down, its state is open, and a query does not go through."""
    state, _ = await PgBouncer().measure("p", bouncer.probe("dead", kind="state"), 3000)
    assert state.good is True
    through, _ = await PgBouncer().measure("p", bouncer.probe("dead"), 1500)
    assert (through.good, bool(through.text)) == (False, True)


async def test_verifying_finds_the_console_and_the_database(
    bouncer: Bouncer, database: str
) -> None:
    """Given options, verify logs in to the console and finds the database, and pauses nothing."""
    good = await PgBouncer().verify(bouncer.options(database), 3000)
    assert (good.ending, "0 in a transaction" in good.because) == (Ending.DONE, True)
    assert bouncer.state(database) == OPEN
    for changes in ({"database": "no"}, {"user": "client"}, {"mark_file": "/nowhere/marks"}):
        wrong = await PgBouncer().verify({**bouncer.options(database), **changes}, 3000)
        assert wrong.ending is Ending.FAILED, changes
