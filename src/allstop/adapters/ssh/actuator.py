"""Actuator `ssh`: fixed commands on another machine that change something, or read something."""

from __future__ import annotations

from typing import Any

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.facts import facts_in
from allstop.adapters.mechanisms.options import read_options
from allstop.adapters.mechanisms.text import last_line
from allstop.adapters.ssh.hosts import host
from allstop.adapters.ssh.login import NotSent, check_library
from allstop.adapters.ssh.options import LoginOptions, SshOptions
from allstop.adapters.ssh.running import Ended, Unclear, run
from allstop.application.ports import AdapterInfo, BlobSink, VerbInfo
from allstop.domain.effects import Effect, Outcome, Repeat, done, failed, retry, unknown

EX_TEMPFAIL = 75  # sysexits.h: "temporary failure; the user is invited to retry"
EX_NOPERM = 77  # sysexits.h: what a forced command ends with when it refuses an order


class Ssh:
    """See `info`. Raises ModuleNotFoundError when asyncssh is missing."""

    info = AdapterInfo(
        name="ssh",
        summary="Runs a command over SSH: exit code 0 is done, 75 is later, 77 is refused.",
        version="1",
        ports=("actuator",),
        verbs=(
            VerbInfo(
                "ensure",
                "Runs a command that brings about a state; running it twice does no harm.",
                Repeat.REPEATABLE,
                SshOptions,
            ),
            VerbInfo("once", "Runs a command that must not run twice.", Repeat.ONCE, SshOptions),
            VerbInfo(
                "read",
                "Runs a command that only looks; its output is kept as evidence.",
                Repeat.REPEATABLE,
                SshOptions,
                read_only=True,
            ),
        ),
    )

    def __init__(self) -> None:
        check_library()

    async def act(self, effect: Effect, keep: BlobSink) -> Outcome:
        """Run it. What was sent and has not told its end is unknown; what was not sent is for later."""
        if self.info.verb(effect.verb) is None:
            return failed(f"no verb {effect.verb}")
        options = read_options(SshOptions, effect.options)
        if isinstance(options, str):
            return failed(options)
        line = options.line(_order(effect))
        try:
            ended = await run(options.place(), line, Deadline.within(effect.timeout_ms))
        except NotSent as error:
            return retry(str(error)) if error.passing else failed(str(error))
        except Unclear as error:
            return failed(str(error)) if effect.verb == "read" else unknown(str(error))
        return _reading(ended, keep) if effect.verb == "read" else _change(ended)

    async def observe(self, effect: Effect) -> Outcome:
        """A command leaves no mark of its own, so only a reading is known to be safe to repeat."""
        if effect.verb == "read":
            return failed("a reading changes nothing")
        return unknown("a command leaves no mark that it has run")

    async def verify(self, options: dict[str, Any], timeout_ms: int) -> Outcome:
        """Log in with the pinned key, and run nothing."""
        model = SshOptions if "argv" in options else LoginOptions
        chosen = read_options(model, options)
        if isinstance(chosen, str):
            return failed(chosen)
        try:
            async with host(chosen.place()).using(Deadline.within(timeout_ms)):
                return done(f"{chosen.user} is let in, and the host key is the pinned one")
        except NotSent as error:
            return failed(str(error))


def _order(effect: Effect) -> dict[str, str]:
    """What lets the other side refuse an older order, drop a double, and not outlast the attempt."""
    return {
        "ALLSTOP_KEY": effect.id,
        "ALLSTOP_EPOCH": str(effect.epoch),
        "ALLSTOP_TARGET": effect.target,
        "ALLSTOP_TIMEOUT": str(max(1, effect.timeout_ms // 1000)),
    }


def _change(ended: Ended) -> Outcome:
    facts: dict[str, Any] = {**facts_in(ended.output), "exit_code": ended.code}
    if ended.code == 0:
        return done(last_line(ended.output) or "exit code 0", facts)
    said = last_line(ended.errors) or f"exit code {ended.code}"
    if ended.code == EX_TEMPFAIL:
        return retry(said)
    return failed(f"refused: {said}" if ended.code == EX_NOPERM else said, facts)


def _reading(ended: Ended, keep: BlobSink) -> Outcome:
    body = ended.output + (b"\n--- stderr ---\n" + ended.errors if ended.errors else b"")
    evidence = keep(body) if body else ""
    facts = {**facts_in(ended.output), "exit_code": ended.code}
    return done(f"exit code {ended.code}, {len(body)} bytes kept", facts, evidence)
