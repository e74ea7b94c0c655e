"""One connection to a server or a bouncer, every call with an end, and errors by what they mean."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import re
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from pydantic import Field, field_validator

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.files import beginning
from allstop.adapters.mechanisms.options import Options
from allstop.adapters.mechanisms.text import one_line, seconds

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    Connection = AsyncConnection[Any]

T = TypeVar("T")

MOST_ROWS = 1000
_NO_FILE = f"{os.devnull}/none"
_GRACE_SECONDS = 0.3
# What a server says itself begins with a severity, in whatever language, a colon and two spaces.
_SAID = re.compile(r"failed: [^\n:]{1,40}: {2}(.*)", re.DOTALL)
_PASSING = re.compile(
    r"starting up|shutting down|in recovery|recovery mode|not yet accepting|system is not accepting|too many|remaining "
    r"connection slots|no more connections|server_login_retry|pgbouncer cannot connect",
    re.IGNORECASE,
)
# lock not to be had, deadlock, serialization, resources, cancelled by the statement's time-out
_TRANSIENT = ("55P03", "40P01", "40001", "53", "57014")


class Unreachable(Exception):
    """No connection was made, or not in time: nothing was asked. passing: it may work later."""

    def __init__(self, text: str, *, passing: bool = True) -> None:
        super().__init__(one_line(text))
        self.passing = passing


class TurnedAway(Unreachable):
    """The server itself answered that it does not let us in."""


class Lost(Exception):
    """The connection ended, or time was up, with a statement under way: nobody knows its end."""


class StatementError(Exception):
    """The server refused a statement. sqlstate: five characters, or empty for an unreadable answer."""

    def __init__(self, sqlstate: str, text: str) -> None:
        super().__init__(one_line(text))
        self.sqlstate = sqlstate

    @property
    def passing(self) -> bool:
        """Whether the same statement may do better later."""
        return self.sqlstate.startswith(_TRANSIENT)


class LoginOptions(Options):
    """Where a server is and who asks."""

    host: str = Field(
        min_length=1,
        title="Host",
        description="Name or address; or the folder of its Unix socket, with a leading slash.",
    )
    port: int = Field(default=5432, ge=1, le=65_535, title="Port", description="Port.")
    user: str = Field(min_length=1, title="User", description="Role to log in as.")
    password_file: str = Field(
        default="",
        title="Password file",
        description="File with the password on one line; empty: none is sent.",
    )
    sslmode: Literal["disable", "prefer", "require", "verify-ca", "verify-full"] = Field(
        default="prefer", title="TLS", description="As libpq's sslmode."
    )
    root_certificate: str = Field(
        default="", title="Root certificate", description="File with the authorities to trust."
    )
    connect_ms: int = Field(
        default=3000, ge=1, title="Connect time-out", description="Milliseconds to get in."
    )

    @field_validator("host")
    @classmethod
    def _is_one(cls, value: str) -> str:
        # libpq would try one host after another, and take the first that answers.
        if "," in value or "\0" in value:
            raise ValueError("name one host")
        return value


def check_driver() -> None:
    """Raises ModuleNotFoundError, naming the extra, when psycopg is not installed. Loads nothing."""
    if importlib.util.find_spec("psycopg") is None:
        raise ModuleNotFoundError("needs psycopg: pip install 'allstop[postgres]'")


def quoted(name: str) -> str:
    """An identifier as SQL. Raises ValueError for what can be none."""
    if not name or "\0" in name:
        raise ValueError("no name")
    return '"' + name.replace('"', '""') + '"'


def password(login: LoginOptions) -> str | None:
    """What the password file holds. Raises Unreachable when it cannot be used."""
    if not login.password_file:
        return None
    try:
        text = beginning(Path(login.password_file), 4096).rstrip("\r\n")
    except (OSError, ValueError) as error:
        raise Unreachable(f"cannot read the password: {error}", passing=False) from None
    if not text or "\n" in text:
        raise Unreachable("the password file does not hold one line", passing=False)
    return text


def _parameters(login: LoginOptions, database: str, settings: str, limit_ms: int) -> dict[str, Any]:
    """Everything is said, also what is empty: PGHOSTADDR, PGOPTIONS or a service file of whoever
    started the coordinator must not lead to another server."""
    found: dict[str, Any] = {
        "host": login.host,
        "hostaddr": "",
        "port": login.port,
        "user": login.user,
        "dbname": database,
        "passfile": _NO_FILE,
        "options": settings,
        "sslmode": login.sslmode,
        "gssencmode": "disable",
        "target_session_attrs": "any",
        "application_name": "allstop",
        "connect_timeout": limit_ms // 1000 + 2,
    }
    if login.root_certificate:
        found["sslrootcert"] = login.root_certificate
    secret = password(login)
    return found if secret is None else found | {"password": secret}


async def _connect(
    login: LoginOptions, database: str, settings: str, limit_ms: int, *, console: bool
) -> Connection:
    try:
        import psycopg  # noqa: PLC0415 - the extra may be missing, and is slow to load
    except ImportError as error:
        raise Unreachable(f"psycopg cannot be loaded: {error}", passing=False) from error
    parameters = _parameters(login, database, settings, limit_ms)
    # A console knows no prepared statements; everywhere else `run` depends on them.
    threshold = None if console else 5
    task = asyncio.create_task(
        psycopg.AsyncConnection.connect(**parameters, autocommit=True, prepare_threshold=threshold)
    )
    try:
        await asyncio.wait({task}, timeout=limit_ms / 1000)
        if task.done():
            return task.result()
    except (psycopg.Error, OSError, ValueError) as error:
        raise _not_let_in(str(error)) from None
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=_GRACE_SECONDS)
            if task.done() and not task.cancelled() and task.exception() is None:
                await task.result().close()
    raise Unreachable(f"no connection within {seconds(limit_ms)}")


def _not_let_in(text: str) -> Unreachable:
    said = _SAID.search(text)
    if said is None:
        return Unreachable(text.removeprefix("connection failed: "))
    return TurnedAway(said[1], passing=bool(_PASSING.search(said[1])))


@dataclass(frozen=True, slots=True)
class Rows:
    """What a query gave: column names, the first rows, and whether there were more."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    more: bool = False


class Session:
    """A connection in use. Statements go by the extended protocol, one each, with `$1` parameters."""

    def __init__(self, connection: Connection, deadline: Deadline) -> None:
        self._connection = connection
        self.deadline = deadline

    async def do(self, statement: str, parameters: Sequence[Any] = ()) -> int:
        """Run one statement; how many rows it touched. Raises StatementError, Lost."""
        return (await self.run(statement, parameters))[0]

    async def run(self, statement: str, parameters: Sequence[Any] = ()) -> tuple[int, Rows]:
        """Run one statement that may or may not give rows; rows touched, and the first rows."""
        import psycopg  # noqa: PLC0415

        cursor = psycopg.AsyncRawCursor(self._connection)

        async def work() -> tuple[int, Rows]:
            # Prepared, because only the extended protocol refuses "COMMIT; DROP ..." as a whole.
            await cursor.execute(statement.encode(), list(parameters), prepare=True)
            if cursor.description is None:
                return cursor.rowcount, Rows((), ())
            rows = await cursor.fetchmany(MOST_ROWS)
            names = tuple(column.name for column in cursor.description)
            return cursor.rowcount, Rows(names, tuple(rows), cursor.rowcount > len(rows))

        return await self.within(work())

    async def rows(self, query: str, parameters: Sequence[Any] = (), most: int = MOST_ROWS) -> Rows:
        """The first `most` rows of a query, read one by one. Raises StatementError, Lost."""
        import psycopg  # noqa: PLC0415

        cursor = psycopg.AsyncRawCursor(self._connection)

        async def work() -> Rows:
            found: list[tuple[Any, ...]] = []
            stream = cursor.stream(query.encode(), list(parameters))
            # Typed as an iterator, it is a generator; closed early, it leaves the connection in order.
            async with contextlib.aclosing(cast("AsyncGenerator[Any, None]", stream)):
                async for row in stream:
                    found.append(tuple(row))
                    if len(found) > most:
                        break
            names = tuple(column.name for column in cursor.description or ())
            return Rows(names, tuple(found[:most]), len(found) > most)

        return await self.within(work())

    async def row(self, query: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...]:
        """The only row of a query of ours. Raises StatementError, Lost."""
        found = (await self.rows(query, parameters, 1)).rows
        if not found:
            raise StatementError("", "the answer has no row")
        return found[0]

    async def simple(self, command: str) -> Rows:
        """One command by the simple protocol, the only one that an admin console knows."""

        async def work() -> Rows:
            cursor = await self._connection.execute(command.encode(), prepare=False)
            if cursor.description is None:
                return Rows((), ())
            rows = await cursor.fetchmany(MOST_ROWS)
            return Rows(tuple(column.name for column in cursor.description), tuple(rows))

        return await self.within(work())

    def in_transaction(self) -> bool:
        """Whether a transaction is open and nothing in it has failed."""
        return self._connection.info.transaction_status.name == "INTRANS"

    async def within(self, work: Coroutine[Any, Any, T]) -> T:
        """Await work on this connection, until the deadline and not longer."""
        import psycopg  # noqa: PLC0415

        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait({task}, timeout=self.deadline.left_ms() / 1000)
            if not task.done():
                raise Lost("no answer in time")
            return task.result()
        except psycopg.Error as error:
            text = error.diag.message_primary or str(error)
            if self._connection.closed or self._connection.broken:
                raise Lost(one_line(f"the connection was lost: {text}")) from None
            raise StatementError(error.sqlstate or "", text) from None
        except (ValueError, OverflowError, RecursionError) as error:
            raise StatementError("", f"the answer cannot be read: {error}") from None
        finally:
            if not task.done():
                await self._break_off(task)

    async def _break_off(self, task: asyncio.Future[Any]) -> None:
        """Cut the line. To cancel politely would mean to ask the very server that does not answer."""
        if not self._connection.closed:
            line = socket.socket(fileno=os.dup(self._connection.fileno()))
            with line, contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        await asyncio.wait({task}, timeout=_GRACE_SECONDS)
        if task.done() and not task.cancelled():
            task.exception()  # heard, so that nobody warns about it

    async def close(self) -> None:
        with contextlib.suppress(Exception):
            await self._connection.close()


def settings_for(deadline: Deadline, search_path: str = "") -> str:
    """Settings of a session of ours: it ends by itself, and may write though the default forbids it."""
    # The server gives up a little before we do: its word that nothing happened is worth having.
    left = max(1, deadline.left_ms() * 9 // 10)
    found: dict[str, object] = {
        "statement_timeout": left,
        "lock_timeout": left,
        "idle_in_transaction_session_timeout": left + 1000,
        "default_transaction_read_only": "off",
        "datestyle": "ISO",
    }
    if search_path:
        found["search_path"] = search_path
    return " ".join(f"-c {name}={value}" for name, value in found.items())


@contextlib.asynccontextmanager
async def session(
    login: LoginOptions,
    database: str,
    deadline: Deadline,
    *,
    ours: bool = True,
    console: bool = False,
) -> AsyncIterator[Session]:
    """A session with a database, ended at the end.

    ours: only statements of ours, so nothing but pg_catalog is looked into; console: of a bouncer,
    which takes no settings. Raises Unreachable, TurnedAway.
    """
    settings = "" if console else settings_for(deadline, "pg_catalog" if ours else "")
    limit_ms = min(login.connect_ms, deadline.left_ms())
    connection = await _connect(login, database, settings, limit_ms, console=console)
    opened = Session(connection, deadline)
    try:
        yield opened
    finally:
        await opened.close()
