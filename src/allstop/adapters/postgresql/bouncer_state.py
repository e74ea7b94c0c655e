"""A database of a PgBouncer as its admin console shows it, and how one logs in."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.options import Options
from allstop.adapters.postgresql.server import Refused
from allstop.adapters.postgresql.session import (
    LoginOptions,
    Rows,
    Session,
    StatementError,
    session,
)

CONSOLE = "pgbouncer"


class BouncerOptions(LoginOptions):
    """Which bouncer, and which of its databases. The user is one of its admin_users."""

    database: str = Field(
        min_length=1,
        title="Database",
        description="Its exact name in the bouncer's [databases]; never the console itself.",
    )

    @field_validator("database")
    @classmethod
    def _is_no_console(cls, value: str) -> str:
        if value == CONSOLE:
            raise ValueError("the admin console is no database")
        return value


class Client(Options):
    """Somebody who uses the database through the bouncer."""

    user: str = Field(min_length=1, title="User", description="Whom the bouncer knows.")
    password_file: str = Field(
        default="", title="Password file", description="File with the password on one line."
    )


class QuiesceOptions(BouncerOptions):
    """What the order is about, and where it is remembered."""

    mark_file: str = Field(
        min_length=1,
        title="Mark",
        description="File of this machine that keeps the number of the last order about each database of this bouncer.",
    )
    client: Client | None = Field(
        default=None,
        title="Client",
        description="Who tries to get in from outside, to prove a fence; none: the admin.",
    )

    @field_validator("mark_file")
    @classmethod
    def _is_absolute(cls, value: str) -> str:
        if not Path(value).is_absolute():
            raise ValueError("write an absolute path")
        return value

    def outside(self) -> LoginOptions:
        """How somebody from outside logs in."""
        if self.client is None:
            return login_of(self)
        return login_of(self, user=self.client.user, password_file=self.client.password_file)


class BouncerProbeOptions(BouncerOptions):
    """What the state must be."""

    kind: Literal["answers", "state"] = Field(
        default="answers",
        title="Kind",
        description="answers: a query goes through to the server behind. state: as the console shows it.",
    )
    expect: Literal["open", "paused", "disabled"] = Field(
        default="open", title="Expected", description="For state: what the database should be."
    )
    at_most_waiting: int | None = Field(
        default=None,
        ge=0,
        title="At most waiting",
        description="For state: clients that wait for a server.",
    )

    @model_validator(mode="after")
    def _fits(self) -> BouncerProbeOptions:
        if self.kind == "answers" and (self.expect != "open" or self.at_most_waiting is not None):
            raise ValueError("expect and at_most_waiting are of kind state")
        return self


def login_of(options: LoginOptions, **changes: str) -> LoginOptions:
    """The login alone of richer options."""
    names = LoginOptions.model_fields
    return LoginOptions(**{**{name: getattr(options, name) for name in names}, **changes})


@dataclass(frozen=True, slots=True)
class State:
    """A database of a bouncer. busy: server connections in a transaction; waiting: clients."""

    paused: bool
    disabled: bool
    busy: int
    waiting: int
    clients: int


def _table(answer: Rows, *wanted: str) -> list[dict[str, Any]]:
    missing = set(wanted) - set(answer.columns)
    if missing:
        raise StatementError("", f"the console's table has no {', '.join(sorted(missing))}")
    return [dict(zip(answer.columns, row, strict=False)) for row in answer.rows]


async def state_of(console: Session, name: str) -> State:
    """Raises Refused for a database the bouncer has not by this exact name."""
    listed = _table(await console.simple("SHOW DATABASES"), "name", "paused", "disabled")
    mine = [row for row in listed if row["name"] == name]
    if not mine:
        raise Refused(f"the bouncer has no database {name}")
    pools = _table(
        await console.simple("SHOW POOLS"), "database", "cl_active", "cl_waiting", "sv_active"
    )
    own = [row for row in pools if row["database"] == name]
    busy = sum(int(row.get(key) or 0) for row in own for key in ("sv_active", "sv_active_cancel"))
    waiting = sum(int(row["cl_waiting"]) for row in own)
    clients = waiting + sum(int(row["cl_active"]) for row in own)
    row = mine[0]
    return State(bool(int(row["paused"])), bool(int(row["disabled"])), busy, waiting, clients)


def console_of(
    options: LoginOptions, deadline: Deadline
) -> contextlib.AbstractAsyncContextManager[Session]:
    return session(login_of(options), CONSOLE, deadline, console=True)
