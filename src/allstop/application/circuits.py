"""Circuits around the calls the runner makes to services: what keeps failing is not called for a while.

By service and adapter, whatever host or socket is behind it: of several services behind one that is dead, each has
a circuit of its own. Never halts and pages, never what looks whether something happened, and never what cuts off,
kills or opens again what was cut off: those are needed most when everything fails. A diagnosis is kept back as well,
and counts nothing: that it fails says that a service is broken, not that nobody may mend it. What it knows is in
memory; every change of a circuit is on the record, and an open one stays open over a restart.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from allstop.application.command_post import CommandPost, Request
from allstop.application.masking import mask_text
from allstop.application.ports import Clock
from allstop.domain.breaker import Breaker, BreakerRules, Circuit, admit, ended, forced, settled
from allstop.domain.effects import Effect, Ending, Outcome, Purpose, failed, retry
from allstop.domain.fleet.circuits import CircuitStanding, circuit_name
from allstop.domain.moment import Now, after, between
from allstop.domain.plan.lever_commands import NoteCircuit
from allstop.domain.principal import RUNNER
from allstop.errors import Refused, Unavailable

log = structlog.get_logger("allstop.circuits")

GUARDED = frozenset({Purpose.STEP, Purpose.EVIDENCE})
# States in which no call is made at all; half-open, a few are.
_SHUT = frozenset({Circuit.OPEN, Circuit.FORCED_OPEN})
# Actions that are always called: they are what is left when all else fails, and the way back from it.
ALWAYS = frozenset({"isolate", "kill", "reopen"})
LONGEST_BECAUSE = 300


class Circuits:
    """Asked by the runner before each call."""

    def __init__(self, post: CommandPost, clock: Clock) -> None:
        self._post = post
        self._clock = clock
        self._breakers: dict[str, Breaker] = {}
        # What people said last, as far as it was taken up here.
        self._said: dict[str, CircuitStanding | None] = {}

    async def guard(self, effect: Effect, call: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """Make the call, unless its circuit is open: then it has failed, with words that say until when."""
        if effect.purpose not in GUARDED or not effect.target or effect.verb == "measure":
            return await call()
        name = circuit_name(effect.target, effect.adapter, "")
        now = self._clock.now()
        if effect.purpose is Purpose.EVIDENCE:
            stands = settled(self._breaker(name, effect, now), now.monotonic_ms)
            left = stands.since_ms + stands.rules.open_ms - now.monotonic_ms
            return self._refusal(name, stands, left) if stands.state in _SHUT else await call()
        breaker, admission = admit(self._breaker(name, effect, now), now.monotonic_ms)
        await self._keep(name, effect, breaker, "")
        if not admission.allowed and not self._always(effect):
            return self._refusal(name, breaker, admission.wait_ms)
        outcome = await call()
        if not admission.allowed:
            return outcome
        end = self._clock.now()
        breaker = ended(
            self._breaker(name, effect, end), admission.token, end.monotonic_ms,
            good=outcome.ending is Ending.DONE, took_ms=end.monotonic_ms - now.monotonic_ms,
        )  # fmt: skip
        await self._keep(name, effect, breaker, outcome.because)
        return outcome

    def _breaker(self, name: str, effect: Effect, now: Now) -> Breaker:
        """As this process knows it; as the record says after a restart or a person's word."""
        rules = self._post.book.latest.fleet.circuits
        stands = self._post.world.circuits.get(name)
        known = self._breakers.get(name)
        # A trial may take as long as its call, whoever asks meanwhile.
        under_way = known.rules.trial_ms if known is not None and known.trials else 0
        rules = replace(rules, trial_ms=max(rules.trial_ms, 2 * effect.timeout_ms, under_way))
        said = stands if stands is not None and stands.by != str(RUNNER) else None
        if known is None or (said is not None and self._said.get(name) != said):
            self._said[name] = said
            known = self._breakers[name] = _as_recorded(stands, rules, now)
        return replace(known, rules=rules)

    async def _keep(self, name: str, effect: Effect, breaker: Breaker, because: str) -> None:
        """Remember it; a change of its state goes on the record."""
        was = self._breakers.get(name, breaker)
        self._breakers[name] = breaker
        if was.state is breaker.state:
            return
        failures = was.in_a_row + 1 if breaker.state is Circuit.OPEN else 0
        text = mask_text(because)[0][:LONGEST_BECAUSE] or (
            "a trial did not come back" if failures else "tried again"
        )
        command = NoteCircuit(
            effect.target, effect.adapter, breaker.state, failures, text, breaker.rules.open_ms,
            effect.stream,
        )  # fmt: skip
        try:
            await self._post.do(command, Request(RUNNER, effect.id))
        except (Refused, Unavailable) as error:
            # A full disk: the circuit works all the same, and what was called for is what matters.
            log.warning("circuit not recorded", circuit=name, because=error.text)

    def _always(self, effect: Effect) -> bool:
        plan = self._post.world.plans.get(effect.stream.partition("/")[2])
        step = plan.step(effect.ref) if plan is not None else None
        return step is not None and step.action in ALWAYS

    def _refusal(self, name: str, breaker: Breaker, wait_ms: int) -> Outcome:
        stands = self._post.world.circuits.get(name)
        if breaker.state is Circuit.HALF_OPEN:
            return retry(f"the circuit {name} is tried with another call just now", wait_ms)
        why = ""
        if stands is not None:
            times = f" after {stands.failures} failures in a row" if stands.failures else ""
            why = f"{times} ({stands.because})" if stands.because else times
        close = f"allstop circuit close {name}"
        again = f"it stays so until somebody closes it: {close}"
        if breaker.state is Circuit.OPEN:
            at = after(self._clock.now().utc, wait_ms)
            again = f"it is tried again at {at:%H:%M:%S} UTC"
            # What a full disk kept from the record cannot be closed there.
            again += f", or at once after: {close}" if stands is not None and stands.is_open else ""
        return failed(f"not called: the circuit {name} is open{why}; {again}")


def _as_recorded(stands: CircuitStanding | None, rules: BreakerRules, now: Now) -> Breaker:
    """A breaker that goes on where the record says that it stands. A trial nobody saw the end of is made again."""
    breaker = Breaker(rules)
    if stands is None or stands.state is Circuit.CLOSED:
        return breaker
    if stands.state is not Circuit.OPEN:
        return forced(breaker, stands.state, now.monotonic_ms)
    left = between(now.utc, stands.until) if stands.until is not None else 0
    left = min(max(left, 0), rules.open_ms)
    return replace(breaker, state=Circuit.OPEN, since_ms=now.monotonic_ms + left - rules.open_ms)
