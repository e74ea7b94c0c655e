"""Actuator `command`: fixed programs that change something, or read something."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.facts import facts_in
from allstop.adapters.mechanisms.options import Options, read_options
from allstop.adapters.mechanisms.programs import Finished, StartError, run
from allstop.adapters.mechanisms.text import last_line, seconds
from allstop.application.ports import AdapterInfo, BlobSink, VerbInfo
from allstop.domain.effects import Effect, Outcome, Repeat, done, failed, retry, unknown

EX_TEMPFAIL = 75  # sysexits.h: "temporary failure; the user is invited to retry"


class CommandOptions(Options):
    """What to run."""

    argv: list[str] = Field(
        min_length=1, title="Program", description="Program and arguments; never a shell."
    )
    cwd: str | None = Field(default=None, title="Folder", description="Where it runs.")
    env: dict[str, str] = Field(
        default_factory=dict,
        title="Environment",
        description=(
            "Added to a minimal environment and to ALLSTOP_KEY, ALLSTOP_EPOCH, ALLSTOP_TARGET."
        ),
    )


class Command:
    """See `info`."""

    info = AdapterInfo(
        name="command",
        summary="Runs a program: exit code 0 is done, 75 is later, anything else failed.",
        version="1",
        ports=("actuator",),
        verbs=(
            VerbInfo(
                "ensure",
                "Runs a program that brings about a state; running it twice does no harm.",
                Repeat.REPEATABLE,
                CommandOptions,
            ),
            VerbInfo(
                "once",
                "Runs a program that must not run twice.",
                Repeat.ONCE,
                CommandOptions,
            ),
            VerbInfo(
                "read",
                "Runs a program that only looks; its output is kept as evidence.",
                Repeat.REPEATABLE,
                CommandOptions,
                read_only=True,
            ),
        ),
    )

    async def act(self, effect: Effect, keep: BlobSink) -> Outcome:
        """Run it. A program that does not end in time leaves `ensure` and `once` unknown."""
        if self.info.verb(effect.verb) is None:
            return failed(f"no verb {effect.verb}")
        options = read_options(CommandOptions, effect.options)
        if isinstance(options, str):
            return failed(options)
        try:
            ended = await run(
                options.argv,
                cwd=options.cwd,
                env=_order(effect) | options.env,
                timeout_ms=Deadline.within(effect.timeout_ms).left_ms(),
            )
        except StartError as error:
            return failed(str(error))
        if effect.verb == "read":
            return _reading(effect, ended, keep)
        return _change(effect, ended)

    async def observe(self, effect: Effect) -> Outcome:
        """A program leaves no mark of its own, so only a reading is known to be safe to repeat."""
        if effect.verb == "read":
            return failed("a reading changes nothing")
        return unknown("a program leaves no mark that it has run")


def _order(effect: Effect) -> dict[str, str]:
    """What lets a program refuse an older order or drop a double."""
    return {
        "ALLSTOP_KEY": effect.id,
        "ALLSTOP_EPOCH": str(effect.epoch),
        "ALLSTOP_TARGET": effect.target,
    }


def _change(effect: Effect, ended: Finished) -> Outcome:
    if ended.code is None:
        within = seconds(effect.timeout_ms)
        return unknown(f"no answer within {within}; it may still take effect")
    facts: dict[str, Any] = {**facts_in(ended.output), "exit_code": ended.code}
    if ended.code == 0:
        return done(last_line(ended.output) or "exit code 0", facts)
    said = last_line(ended.errors) or f"exit code {ended.code}"
    return retry(said) if ended.code == EX_TEMPFAIL else failed(said, facts)


def _reading(effect: Effect, ended: Finished, keep: BlobSink) -> Outcome:
    body = ended.output + (b"\n--- stderr ---\n" + ended.errors if ended.errors else b"")
    evidence = keep(body) if body else ""
    if ended.code is None:
        return failed(f"no answer within {seconds(effect.timeout_ms)}", evidence=evidence)
    facts = {**facts_in(ended.output), "exit_code": ended.code}
    return done(f"exit code {ended.code}, {len(body)} bytes kept", facts, evidence)
