"""Actuator `command`: fixed programs that change something, or read something."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from pydantic import Field

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.facts import facts_in
from allstop.adapters.mechanisms.options import Options, read_options
from allstop.adapters.mechanisms.programs import Finished, StartError, run
from allstop.adapters.mechanisms.text import last_line, one_line, seconds
from allstop.adapters.mechanisms.threads import ThreadPool
from allstop.application.ports import AdapterInfo, BlobSink, VerbInfo
from allstop.domain.effects import Effect, Outcome, Repeat, done, failed, retry, unknown

_DISKS = ThreadPool("command", 8)
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
                "Runs a program that brings about a state; running it twice does no harm. A JSON object on "
                "standard output gives facts; its `text` is what is told of it.",
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

    async def verify(self, options: dict[str, Any], timeout_ms: int) -> Outcome:
        """Whether the program and its folder are there. Nothing is run."""
        chosen = read_options(CommandOptions, options)
        if isinstance(chosen, str):
            return failed(chosen)
        try:
            return await _DISKS.run(lambda: _there(chosen), timeout_ms)
        except TimeoutError:
            return unknown(f"no end within {seconds(timeout_ms)}")
        except (OSError, ValueError) as error:
            return failed(one_line(str(error)))

    async def observe(self, effect: Effect) -> Outcome:
        """A program leaves no mark of its own, so only a reading is known to be safe to repeat."""
        if effect.verb == "read":
            return failed("a reading changes nothing")
        return unknown("a program leaves no mark that it has run")


def _there(options: CommandOptions) -> Outcome:
    """Blocking."""
    name, cwd = options.argv[0], options.cwd
    if cwd and not Path(cwd).is_dir():
        return failed(one_line(f"there is no folder {cwd}"))
    path = str(Path(cwd or "", name)) if "/" in name else name
    found = shutil.which(path, path=options.env.get("PATH"))
    return done(f"{found} is there") if found else failed(one_line(f"there is no program {name}"))


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
        # What a program says of itself in JSON reads badly as a line, unless it says it in words, too.
        told = facts.get("text")
        words = told if isinstance(told, str) and told else last_line(ended.output)
        return done(words or "exit code 0", facts)
    said = last_line(ended.errors) or f"exit code {ended.code}"
    return retry(said) if ended.code == EX_TEMPFAIL else failed(said, facts)


def _reading(effect: Effect, ended: Finished, keep: BlobSink) -> Outcome:
    body = ended.output + (b"\n--- stderr ---\n" + ended.errors if ended.errors else b"")
    evidence = keep(body) if body else ""
    if ended.code is None:
        return failed(f"no answer within {seconds(effect.timeout_ms)}", evidence=evidence)
    facts = {**facts_in(ended.output), "exit_code": ended.code}
    return done(f"exit code {ended.code}, {len(body)} bytes kept", facts, evidence)
