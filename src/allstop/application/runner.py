"""The runner: claims effects, calls adapters, reports exactly one outcome per attempt.

Halts have a dispatcher of their own: nothing else can use up its places. While it has places, an effect is
claimed in the very write that asks for it, so that a step costs one sync; what found no place, is due later
or is to be observed first is claimed by its dispatcher.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from allstop.application.answers import both, checked, plain
from allstop.application.circuits import Circuits
from allstop.application.command_post import Attached, CommandPost, Request
from allstop.application.evidence import evidence_of
from allstop.application.hub import Hub
from allstop.application.masking import Keeper
from allstop.application.ports import (
    Actuator,
    Adapters,
    BlobSink,
    Claim,
    Clock,
    Committed,
    Conflict,
    CrashPoints,
    EffectState,
    Finish,
    Places,
    Store,
)
from allstop.application.turnstile import Turnstile
from allstop.domain.effects import (
    Effect,
    Ending,
    Lane,
    Outcome,
    Proof,
    Purpose,
    Repeat,
    done,
    failed,
    retry,
    unknown,
)
from allstop.domain.moment import after, between
from allstop.domain.plan.calling_off import called_off
from allstop.domain.plan.commands import ParkEffect, RecordOutcome
from allstop.domain.principal import RUNNER
from allstop.errors import Unavailable

log = structlog.get_logger("allstop.runner")

# How many effects may be under way at once, by dispatcher.
PLACES: tuple[Places, ...] = (
    Places((Lane.HALT,), 1000),
    Places((Lane.PAGE, Lane.APPROVAL), 32),
    # The limits of the fleet pace a plan; this is the net below them.
    Places((Lane.COMMAND, Lane.INTAKE), 256),
)
LONGEST_SLEEP_MS = 5_000
# Adapters end within their own time-out; this is the net below them.
SLACK_MS = 2_000
PROBE_PAUSE_MS = 500
# A proof looks again soon at first: what was just done needs a moment, seldom a long one.
FIRST_LOOK_MS = 10
# How soon a disk without space is asked again.
AFTER_FULL_MS = 1_000


@dataclass(slots=True, eq=False)
class _Dispatcher:
    """Who works on some lanes. running: attempts under way; short: something waited for a place when it last
    looked; broken: attempts whose outcome could not be recorded."""

    places: Places
    waker: asyncio.Event = field(default_factory=asyncio.Event)
    running: set[asyncio.Task[None]] = field(default_factory=set)
    short: bool = False
    broken: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def free(self) -> int:
        return self.places.count - len(self.running)

    def ended(self, task: asyncio.Task[None]) -> None:
        """An attempt is over: look again only where that can change something."""
        self.running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.broken.append(task)
            self.waker.set()
        elif self.short:
            self.waker.set()


class Runner:
    """Runs for the life of the coordinator; what it had claimed when it died is observed first."""

    def __init__(
        self,
        post: CommandPost,
        store: Store,
        hub: Hub,
        adapters: Adapters,
        clock: Clock,
        crash: CrashPoints,
    ) -> None:
        self._post = post
        self._store = store
        self._hub = hub
        self._adapters = adapters
        self._clock = clock
        self._crash = crash
        self._circuits = Circuits(post, clock)
        self.in_flight = 0
        self._dispatchers: tuple[_Dispatcher, ...] = ()
        self._turnstile = Turnstile()

    async def run(self) -> None:
        self._dispatchers = tuple(_Dispatcher(places) for places in PLACES)
        places = tuple(one.places for one in self._dispatchers)
        self._hub.listen(self._committed)
        self._post.places = places
        try:
            async with asyncio.TaskGroup() as group:
                for one in self._dispatchers:
                    group.create_task(self._dispatch(one))
        finally:
            # Another one may have begun on the same post.
            if self._post.places is places:
                self._post.places = ()
            self._hub.unlisten(self._committed)
            for task in [task for one in self._dispatchers for task in one.running]:
                task.cancel()

    def _committed(self, batch: Sequence[Committed]) -> None:
        """What was claimed with a write begins; whoever has something to claim wakes up."""
        waits = False
        for one in batch:
            waits = waits or one.waits
            for claim in one.claims:
                lane = claim.effect.lane
                for dispatcher in self._dispatchers:
                    if lane in dispatcher.places.lanes:
                        self._begin(dispatcher, claim)
        for dispatcher in self._dispatchers if waits else ():
            dispatcher.waker.set()

    def _begin(self, dispatcher: _Dispatcher, claim: Claim) -> None:
        task = asyncio.create_task(self._one(claim))
        dispatcher.running.add(task)
        task.add_done_callback(dispatcher.ended)

    async def _dispatch(self, one: _Dispatcher) -> None:
        while True:
            one.waker.clear()
            for task in one.broken:
                # An outcome that could not be recorded ends the runner: the next coordinator
                # observes the effect, whereas a claim nobody works on would stand for ever.
                task.result()
            claims = await self._claim(one)
            for claim in claims:
                self._begin(one, claim)
            if not claims:
                await self._idle(one)

    async def _claim(self, one: _Dispatcher) -> list[Claim]:
        now, lanes = self._clock.now().utc, one.places.lanes
        due_at = self._store.next_due(lanes)
        is_due = due_at is not None and due_at <= now
        one.short = is_due and one.free <= 0
        if one.free <= 0 or not is_due:
            return []
        self._crash.reach("runner.claim")
        try:
            return await self._store.claim(lanes, one.free, now, under_way=one.places.count)
        except Unavailable as error:
            # Nothing has begun, so nothing is lost; ending here would take the halts along.
            log.warning("nothing can be claimed", lanes=lanes, because=error.text)
            await self._clock.sleep(AFTER_FULL_MS)
            return []

    async def _idle(self, one: _Dispatcher) -> None:
        """Wait until something waits for a claim or falls due, or a place is free that was missing."""
        due_at = self._store.next_due(one.places.lanes) if one.free > 0 else None
        wait = LONGEST_SLEEP_MS
        if due_at is not None:
            wait = max(1, min(wait, between(self._clock.now().utc, due_at)))
        try:
            # Not wait_for: before Python 3.12 it swallows a cancellation that meets the wake-up.
            async with asyncio.timeout(wait / 1000):
                await one.waker.wait()
        except TimeoutError:
            return

    async def _one(self, claim: Claim) -> None:
        self.in_flight += 1
        keep = Keeper()
        try:
            self._crash.reach("runner.claimed")
            await self._note_unseen(claim)
            outcome = await self._guarded(claim, keep)
            self._crash.reach("runner.acted")
            if claim.effect.lane is not Lane.HALT:
                await self._turnstile.through()
            if self._wants_a_look(claim, outcome):
                claim = replace(claim, observe=True)
                await self._note_unseen(claim)
                outcome = await self._attempt(claim, keep)
            if outcome.ending is Ending.DONE and claim.effect.proof is not None:
                outcome = await self._proven(claim.effect, claim.effect.proof, outcome)
            await self._report(claim, keep.masked_outcome(outcome), keep.blobs)
        except Conflict:
            log.warning("outcome fenced off", effect=claim.effect.id)
        finally:
            self.in_flight -= 1

    async def _guarded(self, claim: Claim, keep: BlobSink) -> Outcome:
        """The attempt, unless its plan is over or calls to its service are kept back. To look is never kept back."""
        off = self._called_off(claim.effect)
        if off and not claim.observe and claim.attempt <= 1:
            return failed(f"not begun: {off}")
        if off or claim.observe:
            # An earlier attempt may have happened.
            return await self._attempt(replace(claim, observe=True), keep)
        return await self._circuits.guard(claim.effect, lambda: self._attempt(claim, keep))

    def _called_off(self, effect: Effect) -> str:
        """Why the world must not be changed by it any more; empty: it may. Looks are made all the same."""
        plan = self._post.world.plans.get(effect.stream.partition("/")[2])
        if plan is None or effect.purpose is not Purpose.STEP or effect.verb == "measure":
            return ""
        return called_off(plan, effect.ref)

    async def _note_unseen(self, claim: Claim) -> None:
        """Say "unknown" before looking. Outside the attempt: when this cannot be recorded, that is no
        answer of the world."""
        effect = claim.effect
        if claim.observe and effect.purpose is Purpose.STEP and effect.verb != "measure":
            lost = unknown("nobody saw how it ended; it is observed before anything else")
            await self._post.do(RecordOutcome(effect, lost), Request(RUNNER, effect.id))

    def _wants_a_look(self, claim: Claim, outcome: Outcome) -> bool:
        """Whether its mark is looked for before this effect is tried again or given to a person."""
        marked = self._repeat(claim.effect) is Repeat.PROBE
        return outcome.ending is Ending.UNKNOWN and marked and not claim.observe

    async def _attempt(self, claim: Claim, keep: BlobSink) -> Outcome:
        """One attempt; whatever an adapter does wrong becomes an outcome, because this is the edge."""
        effect = claim.effect
        limit = (effect.timeout_ms + SLACK_MS) / 1000
        try:
            async with asyncio.timeout(2 * limit if claim.observe else limit):
                return checked(await self._call(claim, keep))
        except TimeoutError:
            return unknown(f"no answer from {effect.adapter} within {effect.timeout_ms} ms")
        except Exception as error:  # the edge: adapters are other people's code
            log.exception(
                "adapter raised", adapter=effect.adapter, verb=effect.verb, effect=effect.id
            )
            text = plain(f"{effect.adapter} raised {type(error).__name__}: {error}")
            # It may have happened before the adapter broke; and who cannot look knows nothing either.
            return unknown(text) if claim.observe or self._changes(effect) else failed(text)

    async def _call(self, claim: Claim, keep: BlobSink) -> Outcome:
        effect = claim.effect
        if effect.verb == "measure":
            return await self._measure(effect, keep)
        actuator = self._adapters.actuator(effect.adapter)
        if actuator is None:
            text = f"there is no adapter {effect.adapter}"
            return unknown(text) if claim.observe else failed(text)
        if claim.observe:
            return await self._look_first(claim, actuator, keep)
        return await actuator.act(effect, keep)

    async def _look_first(self, claim: Claim, actuator: Actuator, keep: BlobSink) -> Outcome:
        """An attempt nobody saw the end of: observe, and act only where that is safe."""
        effect = claim.effect
        seen = await actuator.observe(effect)
        if seen.ending is Ending.DONE:
            text = f"observed after a restart: {seen.because}"
            return done(text, dict(seen.facts), seen.evidence)
        off = self._called_off(effect)
        if off and seen.ending is Ending.FAILED:
            return failed(f"{seen.because}; not done again: {off}", dict(seen.facts), seen.evidence)
        repeat = Repeat.ONCE if off else self._repeat(effect)
        safe = repeat in (Repeat.REPEATABLE, Repeat.KEYED)
        if safe or (repeat is Repeat.PROBE and seen.ending is Ending.FAILED):
            return await actuator.act(effect, keep)
        return unknown(seen.because or "cannot tell whether it took effect")

    async def _measure(self, effect: Effect, keep: BlobSink) -> Outcome:
        """A step that proves something by a probe. A proof takes as many looks as its attempts."""
        probe = self._adapters.probe(effect.adapter)
        if probe is None:
            return failed(f"there is no probe {effect.adapter}")
        sample, facts = await probe.measure(effect.ref, effect.options, effect.timeout_ms)
        if effect.purpose is Purpose.EVIDENCE:
            return evidence_of(sample, facts, keep)
        if sample.good:
            return done(sample.text, dict(facts))
        return retry(sample.text or "the probe could not run", PROBE_PAUSE_MS)

    async def _proven(self, effect: Effect, proof: Proof, said: Outcome) -> Outcome:
        """What was said to be done counts once a probe sees it. It looks until its time is over."""
        probe = self._adapters.probe(proof.adapter)
        if probe is None:
            return failed(f"nothing proves it: there is no probe {proof.adapter}")
        clock, pause = self._clock, FIRST_LOOK_MS
        over = clock.now().monotonic_ms + proof.timeout_ms
        while True:
            left = max(1, over - clock.now().monotonic_ms)
            try:
                async with asyncio.timeout((left + SLACK_MS) / 1000):
                    sample, facts = await probe.measure(effect.ref, proof.options, left)
                good, text = sample.good, sample.text
            except Exception as error:  # noqa: BLE001  (the edge to adapters)
                good, text, facts = None, f"{proof.adapter} raised {type(error).__name__}", {}
            if good:
                return checked(
                    done(both(said.because, text), {**said.facts, **facts}, said.evidence)
                )
            if clock.now().monotonic_ms + pause >= over:
                seen = f"{effect.adapter} said {said.because or 'done'}, and {proof.adapter} saw: "
                return checked(replace(failed(f"{seen}{text}"), evidence=said.evidence))
            await clock.sleep(pause)
            pause = min(2 * pause, PROBE_PAUSE_MS)

    def _changes(self, effect: Effect) -> bool:
        """Whether the verb changes the world, so that a broken attempt may have done so."""
        actuator = self._adapters.actuator(effect.adapter)
        verb = actuator.info.verb(effect.verb) if actuator else None
        return verb is not None and not verb.read_only

    def _repeat(self, effect: Effect) -> Repeat:
        actuator = self._adapters.actuator(effect.adapter)
        verb = actuator.info.verb(effect.verb) if actuator else None
        return verb.repeat if verb else Repeat.ONCE

    async def _report(self, claim: Claim, outcome: Outcome, blobs: dict[str, bytes]) -> None:
        """Write the outcome, the end of the attempt and its evidence in one transaction."""
        state, outcome, due_at = self._ruling(claim, outcome)
        effect = claim.effect
        finish = Finish(claim.token, state, outcome.because, due_at)
        command = (
            ParkEffect(effect, outcome.because)
            if state is EffectState.PARKED
            else RecordOutcome(effect, outcome)
        )
        self._crash.reach("runner.report")
        await self._post.do(command, Request(RUNNER, effect.id), Attached(finish, blobs))
        self._crash.reach("runner.reported")

    def _ruling(
        self, claim: Claim, outcome: Outcome
    ) -> tuple[EffectState, Outcome, datetime | None]:
        """What an outcome means for the effect: ended, again later, to be observed, or for a person."""
        now = self._clock.now().utc
        spent = claim.attempt >= claim.effect.attempts
        again = after(now, outcome.after_ms or PROBE_PAUSE_MS)
        match outcome.ending:
            case Ending.DONE:
                return EffectState.DONE, outcome, None
            case Ending.FAILED:
                return EffectState.FAILED, outcome, None
            case Ending.UNKNOWN if claim.effect.verb != "measure":
                repeat = self._repeat(claim.effect)
                if repeat in (Repeat.REPEATABLE, Repeat.KEYED) and not spent:
                    return EffectState.PENDING, retry(outcome.because), again
                return EffectState.PARKED, outcome, None
            case _ if spent:
                text = f"gave up after {claim.attempt} attempts: {outcome.because}"
                return EffectState.FAILED, failed(text), None
            case _:
                return EffectState.PENDING, retry(outcome.because), again
