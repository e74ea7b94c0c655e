"""Questions to the data, and what their answers must be."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any

from pydantic import Field, model_validator

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.facts import fact_of
from allstop.adapters.mechanisms.options import Options
from allstop.adapters.mechanisms.text import one_line
from allstop.adapters.postgresql.session import (
    LoginOptions,
    Rows,
    StatementError,
    TurnedAway,
    quoted,
    session,
)

_SHOWN = 200
# A database every server has, and which nobody fences: the way into a copy.
DOOR = "template1"


class Check(Options):
    """A query, and one expectation of its answer."""

    database: str = Field(min_length=1, title="Database", description="Where it is asked.")
    query: str = Field(
        min_length=1, title="Query", description="One query; it runs in a read-only transaction."
    )
    equals: int | str | bool | None = Field(
        default=None, title="Equals", description="The one value of the one row it must give."
    )
    at_least: int | None = Field(
        default=None, title="At least", description="The one value is a number, not smaller."
    )
    at_most: int | None = Field(
        default=None, title="At most", description="The one value is a number, not larger."
    )
    no_rows: bool = Field(default=False, title="No rows", description="It must give no row at all.")

    @model_validator(mode="after")
    def _expects_something(self) -> Check:
        if not self.wanted():
            raise ValueError("say what to expect: equals, at_least, at_most or no_rows")
        if self.no_rows and len(self.wanted()) > 1:
            raise ValueError("no_rows expects no value")
        return self

    def wanted(self) -> dict[str, Any]:
        """The expectations that are set."""
        every = {"equals": self.equals, "at_least": self.at_least, "at_most": self.at_most}
        found = {name: value for name, value in every.items() if value is not None}
        return found | ({"no_rows": True} if self.no_rows else {})

    def fault(self, answer: Rows) -> str:
        """What is wrong with an answer, or empty."""
        if self.no_rows:
            return "it gives rows" if answer.rows else ""
        if len(answer.rows) != 1 or answer.more or len(answer.columns) != 1:
            return "it does not give one row of one value"
        value = answer.rows[0][0]
        if self.equals is not None and not _same(value, self.equals):
            return f"it is {shown(value)}, not {shown(self.equals)}"
        number = _number(value)
        if (self.at_least, self.at_most) != (None, None) and number is None:
            return f"{shown(value)} is no number"
        if number is not None and self.at_least is not None and number < self.at_least:
            return f"it is {shown(value)}, less than {self.at_least}"
        if number is not None and self.at_most is not None and number > self.at_most:
            return f"it is {shown(value)}, more than {self.at_most}"
        return ""


def shown(value: Any) -> str:
    """A value from a database, fit for a sentence."""
    fact = fact_of(value)
    return one_line(str(value if fact is None else fact), _SHOWN)


def _number(value: Any) -> int | Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return value if isinstance(value, int) or value.is_finite() else None


def _same(value: Any, wanted: int | str | bool) -> bool:
    if isinstance(wanted, bool) or isinstance(value, bool):
        return value is wanted
    if isinstance(wanted, int):
        return _number(value) == wanted
    return str(fact_of(value)) == wanted


@contextlib.asynccontextmanager
async def let_in(
    login: LoginOptions, checks: Sequence[Check], deadline: Deadline
) -> AsyncIterator[None]:
    """The databases of the checks, open while they are asked; closed again afterwards where they were. For servers of
    our own only: a copy made behind a fence is fenced as well. Raises StatementError, Lost, Unreachable."""
    names = sorted({check.database for check in checks})
    closed = "SELECT datname FROM pg_database WHERE NOT datallowconn AND datname = ANY($1)"
    async with session(login, DOOR, deadline) as opened:
        found = [str(row[0]) for row in (await opened.rows(closed, [names])).rows]
    await _allow(login, found, deadline, allowed=True)
    yield
    await _allow(login, found, deadline, allowed=False)


async def _allow(
    login: LoginOptions, names: Sequence[str], deadline: Deadline, *, allowed: bool
) -> None:
    if not names:
        return
    async with session(login, DOOR, deadline) as opened:
        for name in names:
            word = str(allowed).lower()
            await opened.do(f"ALTER DATABASE {quoted(name)} ALLOW_CONNECTIONS {word}")


async def ask(login: LoginOptions, check: Check, deadline: Deadline) -> Rows:
    """The first row of the answer. Raises StatementError, Lost, Unreachable."""
    async with session(login, check.database, deadline, ours=False) as opened:
        await opened.do("BEGIN READ ONLY")
        return await opened.rows(check.query, most=1)


async def asked(
    login: LoginOptions, checks: Sequence[Check], deadline: Deadline
) -> tuple[str, list[dict[str, Any]]]:
    """Ask them all: the first fault or empty, and what was seen. Raises Lost, Unreachable."""
    first, seen = "", []
    for number, check in enumerate(checks, start=1):
        try:
            answer = await ask(login, check, deadline)
            fault, value = (
                check.fault(answer),
                shown(answer.rows[0][0]) if answer.rows else "no rows",
            )
        except TurnedAway as error:
            if error.passing:
                raise
            fault, value = str(error), ""
        except StatementError as error:
            fault, value = str(error), ""
        seen.append(
            {
                "database": check.database,
                "query": check.query,
                "wanted": check.wanted(),
                "seen": value,
                "fault": fault,
            }
        )
        if fault and not first:
            first = f"check {number} of {check.database}: {fault}"
    return first, seen
