"""A PostgreSQL server as a target: which cluster it must be, and one attempt at a verb."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from pydantic import Field

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.text import one_line, seconds
from allstop.adapters.mechanisms.threads import ThreadPool
from allstop.adapters.postgresql.session import (
    LoginOptions,
    Lost,
    Session,
    StatementError,
    Unreachable,
    session,
)
from allstop.application.ports import BlobSink, VerbInfo
from allstop.domain.effects import Effect, Ending, Outcome, failed, retry, unknown

T = TypeVar("T")
O = TypeVar("O")  # noqa: E741 - options of a verb


class ServerOptions(LoginOptions):
    """Which server, and how its own matters are reached."""

    maintenance_database: str = Field(
        default="postgres",
        min_length=1,
        title="Maintenance database",
        description="Database our own sessions connect to; never one that is fenced.",
    )
    system_identifier: str = Field(
        default="",
        pattern=r"^[0-9]{0,20}$",
        title="System identifier",
        description="Number of the cluster (`pg_controldata`); another cluster that answers there is refused. Empty: any.",
    )


# Folders of backups may lie on a mount whose server is away: what hangs there holds up nobody else.
_THREADS = ThreadPool("postgres", 8)


async def in_thread(deadline: Deadline, work: Callable[..., T], *arguments: Any) -> T:
    """Run blocking work, until the deadline. Raises TimeoutError, and what the work raises."""
    return await _THREADS.run(partial(work, *arguments), deadline.left_ms())


def patience(error: BaseException, deadline: Deadline) -> Deadline:
    """Until when what an attempt has left is taken away: whoever ends us does not wait for a large copy to go."""
    return Deadline.within(1) if isinstance(error, asyncio.CancelledError) else deadline


class Refused(Exception):
    """It will not be done, and nothing has changed; the text says why."""


class Busy(Exception):
    """Somebody else is at it right now, and nothing has changed; later it may do."""


class Unsettled(Exception):
    """It may or may not have happened, or may still happen; the text says what is known."""


@dataclass(frozen=True)
class Attempt(Generic[O]):
    """One attempt at a verb: the effect, its options, its end, and where evidence is kept."""

    effect: Effect
    options: O
    deadline: Deadline
    keep: BlobSink


Work = Callable[[Attempt[Any]], Awaitable[Outcome]]


@dataclass(frozen=True)
class Verb:
    """A verb and what carries it out. observe: None when it leaves no mark and may be done again."""

    info: VerbInfo
    act: Work
    observe: Work | None = None


@contextlib.asynccontextmanager
async def administering(server: ServerOptions, deadline: Deadline) -> AsyncIterator[Session]:
    """A session with the maintenance database of the right cluster. Raises Refused, Unreachable."""
    async with session(server, server.maintenance_database, deadline) as opened:
        if server.system_identifier:
            found = await identifier(opened)
            if found != server.system_identifier:
                raise Refused(
                    f"another cluster answers there: {found}, not {server.system_identifier}"
                )
        yield opened


async def identifier(opened: Session) -> str:
    """The number of the cluster, given to it when it was made."""
    (found,) = await opened.row("SELECT system_identifier::text FROM pg_control_system()")
    return str(found)


async def settled(work: Awaitable[Outcome], timeout_ms: int, *, reading: bool) -> Outcome:
    """The outcome of work on servers: what it returns, or what its error means."""
    try:
        return await work
    except Unreachable as error:
        return retry(str(error)) if error.passing else failed(str(error))
    except Refused as error:
        return failed(one_line(str(error)))
    except Busy as error:
        return retry(one_line(str(error)))
    except StatementError as error:
        return retry(str(error)) if error.passing else failed(str(error))
    except (Lost, Unsettled) as error:
        return retry(str(error)) if reading else unknown(one_line(str(error)))
    except TimeoutError:
        text = f"no end within {seconds(timeout_ms)}"
        return retry(text) if reading else unknown(text)
    except (OSError, ValueError) as error:
        return failed(one_line(str(error)))


async def looked(work: Awaitable[Outcome], timeout_ms: int) -> Outcome:
    """The same of a look whether something could be done: what passes by itself is not known."""
    found = await settled(work, timeout_ms, reading=True)
    return unknown(found.because) if found.ending is Ending.RETRY else found


async def observed(work: Awaitable[Outcome], timeout_ms: int) -> Outcome:
    """What an observation gives. One that could not be made tells nothing: neither done nor not."""
    try:
        return await work
    except (
        Unreachable,
        Refused,
        Busy,
        StatementError,
        Lost,
        Unsettled,
        OSError,
        ValueError,
    ) as error:
        text = f"no end within {seconds(timeout_ms)}" if isinstance(error, TimeoutError) else error
        return unknown(one_line(str(text)))
