"""Actuator and probe `pgbouncer`: a pooler's databases, through its admin console.

The console knows the simple protocol only. `paused` in SHOW DATABASES is set as soon as PAUSE was
asked for, long before the open transactions have ended: it alone proves nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.options import read_options
from allstop.adapters.mechanisms.text import one_line, seconds
from allstop.adapters.postgresql.bouncer_state import (
    BouncerProbeOptions,
    QuiesceOptions,
    State,
    console_of,
    login_of,
    state_of,
)
from allstop.adapters.postgresql.orders import Standing, mark_at, ordering
from allstop.adapters.postgresql.server import (
    Attempt,
    Refused,
    Unsettled,
    looked,
    observed,
    settled,
)
from allstop.adapters.postgresql.session import (
    Lost,
    Session,
    StatementError,
    TurnedAway,
    Unreachable,
    check_driver,
    quoted,
    session,
)
from allstop.application.ports import AdapterInfo, BlobSink, VerbInfo
from allstop.domain.effects import Effect, Outcome, Repeat, done, failed, unknown
from allstop.domain.policy.tables import Scalar
from allstop.domain.samples import Sample

_CLOSED = ("is disabled", "does not allow connections")


async def _quiesce(attempt: Attempt[QuiesceOptions]) -> Outcome:
    """Hold new transactions back, and wait for the open ones to end."""
    options, name = attempt.options, attempt.options.database
    async with _ordered(attempt) as (console, standing, before):
        standing.write({**standing.before.notes, "quiesced": "yes"})
        if not before.paused or before.busy:
            # A part of the time is kept for looking what became of a pause that does not end.
            most = Deadline.within(max(1, attempt.deadline.left_ms() * 3 // 4))
            try:
                async with console_of(options, most) as asking:
                    await asking.simple(f"PAUSE {quoted(name)}")
            except Lost:
                return await _pausing(console, attempt)
        after = await state_of(console, name)
    facts: dict[str, Scalar] = {
        "paused": after.paused,
        "busy": after.busy,
        "waiting": after.waiting,
    }
    if not after.paused or after.busy:
        return failed(f"{name} is not paused; somebody may have resumed it", facts)
    return done(
        f"{name} is paused, and no transaction is open; {after.clients} clients stay", facts
    )


async def _pausing(console: Session, attempt: Attempt[QuiesceOptions]) -> Outcome:
    """Time was up while transactions are open; the pause stands, and holds everybody else back."""
    text = f"pausing, not over within {seconds(attempt.effect.timeout_ms)}"
    seen = await state_of(console, attempt.options.database)
    return unknown(
        f"{text}: {seen.busy} transactions are open, and new ones wait until they end;"
        " `fence` cuts them (KILL), `unquiesce` lifts the pause"
    )


async def _unquiesce(attempt: Attempt[QuiesceOptions]) -> Outcome:
    """Let transactions go on, unless a fence stands."""
    async with _ordered(attempt) as (console, standing, before):
        notes = {**standing.before.notes, "quiesced": ""}
        standing.write(notes)
        if before.paused and not notes.get("fenced"):
            await console.simple(f"RESUME {quoted(attempt.options.database)}")
        after = await state_of(console, attempt.options.database)
    if notes.get("fenced"):
        return done("no longer quiesced; it stays paused, because a fence stands")
    return failed("it is still paused") if after.paused else done("resumed, read back")


async def _fence(attempt: Attempt[QuiesceOptions]) -> Outcome:
    """Refuse new clients, cut everybody off, and be refused from outside."""
    name = attempt.options.database
    async with _ordered(attempt) as (console, standing, before):
        standing.write({**standing.before.notes, "fenced": "yes"})
        # In this order: who is cut off comes back at once, and must find it closed.
        await console.simple(f"DISABLE {quoted(name)}")
        await console.simple(f"KILL {quoted(name)}")
        after = await state_of(console, name)
    facts: dict[str, Scalar] = {"clients_before": before.clients, "clients": after.clients}
    if not after.disabled or after.clients:
        return failed(f"{name} is not closed: {after.clients} clients are left", facts)
    refusal = await _refusal(attempt)
    if not refusal:
        return failed(f"{name} still lets somebody in", facts)
    return done(f"{before.clients} clients cut off; from outside it was refused: {refusal}", facts)


async def _unfence(attempt: Attempt[QuiesceOptions]) -> Outcome:
    """Let clients in again. KILL has left the database paused: without RESUME they would only wait."""
    name = attempt.options.database
    async with _ordered(attempt) as (console, standing, before):
        notes = {**standing.before.notes, "fenced": ""}
        standing.write(notes)
        quiesced = bool(notes.get("quiesced"))
        if before.paused and not quiesced:
            await console.simple(f"RESUME {quoted(name)}")
        await console.simple(f"ENABLE {quoted(name)}")
        after = await state_of(console, name)
    if after.disabled or after.paused is not quiesced:
        return failed("it is still closed")
    if quiesced:
        return done("clients get in again; it stays paused, because it is quiesced")
    try:
        login = attempt.options.outside()
        async with session(login, name, attempt.deadline, console=True) as fresh:
            await fresh.simple("SELECT 1")
    except (Unreachable, StatementError) as error:
        raise Unsettled(f"open, but a query from outside did not go through: {error}") from None
    return done("a query from outside went through")


async def _refusal(attempt: Attempt[QuiesceOptions]) -> str:
    """How the bouncer turns somebody away who comes from outside; empty when they get in.

    Only the bouncer's own word for a closed database counts: a wrong password is no fence.
    """
    options = attempt.options
    try:
        async with session(options.outside(), options.database, attempt.deadline, console=True):
            return ""
    except TurnedAway as error:
        if any(words in str(error) for words in _CLOSED):
            return str(error)
        raise Unsettled(
            f"disabled, but from outside it was refused for another reason: {error}"
        ) from None
    except Unreachable as error:
        raise Unsettled(f"disabled, but not tried from outside: {error}") from None


@contextlib.asynccontextmanager
async def _ordered(
    attempt: Attempt[QuiesceOptions],
) -> AsyncIterator[tuple[Session, Standing, State]]:
    """Console, mark and state before, held for one order. Raises Refused, Busy, Unreachable."""
    options = attempt.options
    async with (
        console_of(options, attempt.deadline) as console,
        ordering(
            Path(options.mark_file), options.database, attempt.effect, attempt.deadline
        ) as standing,
    ):
        yield console, standing, await state_of(console, options.database)


async def _seen(attempt: Attempt[QuiesceOptions]) -> Outcome:
    """Whether this order's state stands, by its mark and by the console."""
    options, verb = attempt.options, attempt.effect.verb
    mark = mark_at(Path(options.mark_file), options.database)
    if (mark.verb, mark.epoch) != (verb, attempt.effect.epoch):
        return failed(f"no {verb} of this order")
    async with console_of(options, attempt.deadline) as console:
        now = await state_of(console, options.database)
    if verb == "quiesce" and now.paused and now.busy:
        return unknown(f"pausing: {now.busy} transactions are open")
    stands = {
        "quiesce": now.paused,
        "unquiesce": not now.paused or bool(mark.notes.get("fenced")),
        "fence": now.disabled and not now.clients,
        "unfence": not now.disabled and now.paused is bool(mark.notes.get("quiesced")),
    }
    if not stands[verb]:
        return failed(f"the {verb} of this order does not stand")
    if verb == "fence" and not await _refusal(attempt):
        return failed("somebody from outside gets in")
    return done(f"the {verb} of this order stands")


def _verb(name: str, summary: str, inverse: str = "") -> VerbInfo:
    return VerbInfo(name, summary, Repeat.REPEATABLE, QuiesceOptions, inverse)


class PgBouncer:
    """See `info`. Raises ModuleNotFoundError when psycopg is missing."""

    info = AdapterInfo(
        name="pgbouncer",
        summary="Pauses and closes a database of a PgBouncer, with its clients attached, and looks at it.",
        version="1",
        ports=("actuator", "probe"),
        verbs=(
            _verb(
                "quiesce",
                "PAUSE: waits until no transaction is open; clients stay and wait.",
                "unquiesce",
            ),
            _verb("unquiesce", "RESUME, unless a fence stands."),
            _verb("fence", "DISABLE and KILL; refused from outside is the proof.", "unfence"),
            _verb("unfence", "RESUME and ENABLE; a query from outside is the proof."),
        ),
        probe_options=BouncerProbeOptions,
    )

    def __init__(self) -> None:
        check_driver()

    async def act(self, effect: Effect, keep: BlobSink) -> Outcome:
        """Carry out one verb."""
        works = {"quiesce": _quiesce, "unquiesce": _unquiesce, "fence": _fence, "unfence": _unfence}
        if effect.verb not in works:
            return failed(f"no verb {effect.verb}")
        options = read_options(QuiesceOptions, effect.options)
        if isinstance(options, str):
            return failed(options)
        attempt = Attempt(effect, options, Deadline.within(effect.timeout_ms), keep)
        return await settled(works[effect.verb](attempt), effect.timeout_ms, reading=False)

    async def observe(self, effect: Effect) -> Outcome:
        """Whether this order's state stands."""
        options = read_options(QuiesceOptions, effect.options)
        if isinstance(options, str):
            return failed(options)
        if self.info.verb(effect.verb) is None:
            return failed(f"no verb {effect.verb}")
        attempt = Attempt(effect, options, Deadline.within(effect.timeout_ms), lambda _: "")
        return await observed(_seen(attempt), effect.timeout_ms)

    async def verify(self, options: dict[str, Any], timeout_ms: int) -> Outcome:
        """Whether the console lets us in, and has the database. Changes nothing."""
        chosen = read_options(QuiesceOptions, options)
        if isinstance(chosen, str):
            return failed(chosen)
        if not Path(chosen.mark_file).parent.is_dir():
            return failed(f"no folder {Path(chosen.mark_file).parent}")
        deadline = Deadline.within(timeout_ms)
        return await looked(_reach(chosen, deadline), timeout_ms)

    async def measure(
        self, name: str, options: dict[str, Any], timeout_ms: int
    ) -> tuple[Sample, dict[str, Any]]:
        """One query through the bouncer, or one look at its console."""
        chosen = read_options(BouncerProbeOptions, options)
        if isinstance(chosen, str):
            return Sample(name, None, chosen), {}
        look = _answering if chosen.kind == "answers" else _standing
        try:
            return await look(name, chosen, Deadline.within(timeout_ms))
        except Refused as error:
            return Sample(name, None, one_line(str(error)) or "no end in time"), {}
        except Unreachable as error:
            usable = error.passing or isinstance(error, TurnedAway)
            return Sample(name, False if usable else None, str(error)), {}
        except (StatementError, Lost) as error:
            return Sample(name, False, str(error)), {}
        except (OSError, ValueError) as error:
            return Sample(name, None, one_line(str(error)) or "no end in time"), {}


async def _reach(options: QuiesceOptions, deadline: Deadline) -> Outcome:
    async with console_of(options, deadline) as console:
        seen = await state_of(console, options.database)
    return done(f"{options.database} has {seen.clients} clients, {seen.busy} in a transaction")


async def _answering(
    name: str, options: BouncerProbeOptions, deadline: Deadline
) -> tuple[Sample, dict[str, Any]]:
    async with session(login_of(options), options.database, deadline, console=True) as opened:
        answer = await opened.simple("SELECT 1")
    good = answer.rows == ((1,),)
    return Sample(name, good, "a query went through" if good else "it answers something else"), {}


async def _standing(
    name: str, options: BouncerProbeOptions, deadline: Deadline
) -> tuple[Sample, dict[str, Any]]:
    async with console_of(options, deadline) as console:
        seen = await state_of(console, options.database)
    facts: dict[str, Any] = {
        "paused": seen.paused,
        "disabled": seen.disabled,
        "busy": seen.busy,
        "waiting": seen.waiting,
        "clients": seen.clients,
    }
    state = "disabled" if seen.disabled else "paused" if seen.paused else "open"
    if state != options.expect:
        return Sample(name, False, f"it is {state}, not {options.expect}"), facts
    if state == "paused" and seen.busy:
        return Sample(name, False, f"pausing: {seen.busy} transactions are open"), facts
    if options.at_most_waiting is not None and seen.waiting > options.at_most_waiting:
        return Sample(name, False, f"{seen.waiting} clients wait for a server"), facts
    return Sample(name, True, f"{state}, {seen.waiting} clients wait"), facts
