"""A Redis server as a target: what it says of itself, whether it takes writes, what an error means."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.order_file import NewerOrder, Unreadable
from allstop.adapters.mechanisms.text import one_line, seconds
from allstop.adapters.redis_server.resp import (
    Line,
    LoginOptions,
    Lost,
    Nonsense,
    Refusal,
    Unreachable,
    abandoned,
    line,
    settled_within,
)
from allstop.application.ports import BlobSink
from allstop.domain.effects import Effect, Outcome, failed, retry, unknown

CHECK_KEY = "allstop:check"
_SILENCE_MS = 100
_LOOKS = 3


class ServerOptions(LoginOptions):
    """Which server, and what it must be."""

    role: Literal["primary", "replica", "any"] = Field(
        default="any",
        title="Role",
        description="What the server must be; after a failover it is somebody else. any: not looked at.",
    )
    check_key: str = Field(
        default=CHECK_KEY,
        min_length=1,
        title="Check key",
        description="Key with which it is tried whether writes are taken: nothing is written at its beginning, so it stays as it is, or absent.",
    )


class OrderOptions(ServerOptions):
    """Which server, and where the number of the newest order to it is kept."""

    state_file: str = Field(
        min_length=1,
        title="State file",
        description="File of this machine with the number of the newest order; several servers may share one.",
    )

    @property
    def marks(self) -> Path:
        return Path(self.state_file)


class Refused(Exception):
    """It will not be done, or was seen not to be done; the text says why."""


class Busy(Exception):
    """Nothing has happened, because the server is at something else; later it may do."""


class Unsettled(Exception):
    """It may still happen; the text says what is known."""


@dataclass
class Attempt:
    """One attempt at a verb. changed: a command that changes something has gone out."""

    effect: Effect
    options: Any
    deadline: Deadline
    keep: BlobSink
    changed: bool = False

    async def order(self, line: Line, *words: str) -> None:
        """One command that changes something. Raises Refused when it is not taken, Lost, Nonsense."""
        self.changed = True
        try:
            said = await line.ask(*words)
        except Refusal as error:
            self.changed = False  # it said no
            if error.passing:
                raise Busy(f"the server says: {error}") from None
            raise Refused(f"the server says: {error}") from None
        if said != "OK":
            raise Nonsense(one_line(f"{words[0]} is answered with {said!r}", 120))


Work = Callable[[Attempt], Awaitable[Outcome]]


async def settled(work: Work, attempt: Attempt) -> Outcome:
    """The outcome of an attempt: what it returns, or what its error means."""
    try:
        return await work(attempt)
    except (Refused, NewerOrder, Unreadable) as error:
        return failed(one_line(str(error)))
    except Busy as error:
        return retry(one_line(str(error)))
    except Unsettled as error:
        return unknown(one_line(str(error)))
    except Refusal as error:
        text = f"the server says: {error}"
        return retry(text) if error.passing and not attempt.changed else failed(one_line(text))
    except (Unreachable, Lost, Nonsense) as error:
        return _unanswered(error, attempt)
    except TimeoutError as error:
        text = one_line(str(error)) or f"no end within {seconds(attempt.effect.timeout_ms)}"
        return unknown(text) if attempt.changed else retry(text)
    except OSError as error:
        return failed(one_line(str(error)))


def _unanswered(error: Exception, attempt: Attempt) -> Outcome:
    text = one_line(str(error))
    if attempt.changed:
        return unknown(f"{text}; what was ordered may have taken effect")
    if isinstance(error, Nonsense) or (isinstance(error, Unreachable) and not error.passing):
        return failed(text)
    return retry(text)


# --- what the server says --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Replica:
    """A replica as its primary sees it. offset: bytes of the stream it has acknowledged."""

    place: str
    online: bool
    offset: int


@dataclass(frozen=True, slots=True)
class Info:
    """What INFO says."""

    fields: Mapping[str, str]

    def text(self, name: str) -> str:
        """A field. Raises Nonsense when it is missing."""
        found = self.fields.get(name)
        if found is None:
            raise Nonsense(f"the server does not say its {name}")
        return one_line(found, 100)

    def number(self, name: str, absent: int | None = None) -> int:
        """A whole number. Raises Nonsense when it is none, or missing and nothing stands for it."""
        if absent is not None and name not in self.fields:
            return absent
        found = self.text(name)
        if not (found.isascii() and found.removeprefix("-").isdigit() and len(found) < 20):
            raise Nonsense(f"its {name} is no number")
        return int(found)

    @property
    def is_primary(self) -> bool:
        return self.text("role") == "master"

    @property
    def is_loading(self) -> bool:
        return self.text("loading") != "0" or self.fields.get("async_loading", "0") != "0"

    @property
    def keys(self) -> int:
        """Keys in all databases."""
        found = 0
        for name, value in self.fields.items():
            if name.startswith("db") and name[2:].isdigit():
                found += Info(_pairs(value)).number("keys")
        return found

    @property
    def offset(self) -> int:
        """Bytes of the replication stream, of a primary."""
        return self.number("master_repl_offset")

    @property
    def replicas(self) -> list[Replica]:
        """Those attached to a primary."""
        found = []
        for name, value in self.fields.items():
            if name.startswith("slave") and name[5:].isdigit():
                one = Info(_pairs(value))
                place = f"{one.text('ip')}:{one.text('port')}"
                found.append(Replica(place, one.text("state") == "online", one.number("offset")))
        return found

    def caught_up(self, target: int) -> int:
        """How many replicas have everything up to `target`."""
        return sum(1 for one in self.replicas if one.online and one.offset >= target)


def _pairs(value: str) -> dict[str, str]:
    return {name: found for name, _, found in (part.partition("=") for part in value.split(","))}


async def read_info(opened: Line) -> Info:
    """What the server says of itself. Raises Refusal, Lost, Nonsense, Refused for a Sentinel."""
    return info_in(await opened.text("INFO"))


def info_in(answer: object) -> Info:
    """What an answer to INFO says. Raises Nonsense, Refused."""
    rows = answer.splitlines() if isinstance(answer, str) else []
    parts = (row.partition(":") for row in rows)
    fields = {name: value.strip() for name, colon, value in parts if colon}
    if fields.get("redis_mode") == "sentinel":
        raise Refused("a Sentinel answers there, not a server")
    if "role" not in fields or "loading" not in fields:
        raise Nonsense("INFO says neither role nor whether it is loading")
    return Info(fields)


async def expected(opened: Line, options: ServerOptions) -> Info:
    """What the server says, if it is what the options say. Raises Refused otherwise."""
    info = await read_info(opened)
    role = "primary" if info.is_primary else "replica"
    if options.role not in ("any", role):
        raise Refused(f"{options.place} is a {role}, not a {options.role}")
    return info


# --- whether it takes writes -----------------------------------------------------------------


class Writes(StrEnum):
    """What becomes of a write that comes now."""

    TAKEN = "taken"
    WAITING = "waiting"  # paused: it waits, unanswered
    FENCED = "fenced"  # refused for want of replicas
    READ_ONLY = "read-only"  # refused because it is a replica
    REFUSED = "refused"  # for another reason
    HIDDEN = "hidden"  # the user may not try


_REFUSALS = {
    "NOREPLICAS": Writes.FENCED,
    "READONLY": Writes.READ_ONLY,
    "NOPERM": Writes.HIDDEN,
    "WRONGTYPE": Writes.TAKEN,
}


async def try_to_write(options: ServerOptions, deadline: Deadline) -> tuple[Writes, str]:
    """Try with a write of nothing, and what was seen. Raises Unreachable, Refusal, Lost, Nonsense.

    A paused server does not answer a write. That it is silent says so only while it answers others.
    """
    async with line(options, deadline) as asking, line(options, deadline) as trying:
        # Writing nothing at the beginning of a string changes no string, and makes none.
        write = asyncio.ensure_future(trying.ask("SETRANGE", options.check_key, "0", ""))
        try:
            for _ in range(_LOOKS):
                await asking.ask("PING")
                if await settled_within(write, _SILENCE_MS):
                    return (
                        Writes.TAKEN,
                        f"a write is answered with {one_line(str(write.result()), 40)}",
                    )
            await asking.ask("PING")
            return Writes.WAITING, "a write is not answered, while others are"
        except Refusal as error:
            if not write.done():
                raise  # it was the PING
            return _REFUSALS.get(error.code, Writes.REFUSED), one_line(str(error))
        finally:
            await abandoned(write)


# --- verbs -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verb:
    """What carries a verb out, and what looks whether it was. ends: it takes something away."""

    act: Work
    observe: Work
