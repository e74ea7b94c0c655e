"""The rehearsal itself: the four pure functions on a virtual clock; effects end as the story says."""

from __future__ import annotations

import hashlib
import heapq
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from allstop.domain.aftercare import ends_at, going_on, next_look_at, watched_on
from allstop.domain.clocks import running
from allstop.domain.decide import Decided, decide
from allstop.domain.due import due
from allstop.domain.effects import Effect, Purpose
from allstop.domain.halt.commands import AnswerRollCall, RegisterAgent
from allstop.domain.incident.aftercare_commands import RecordAftercare
from allstop.domain.incident.commands import Approve, NoteRelease, RecordSamples
from allstop.domain.incident.events import NotificationRequested
from allstop.domain.incident.state import Incident
from allstop.domain.moment import Now, between
from allstop.domain.plan.commands import ParkEffect, RecordOutcome
from allstop.domain.plan.lifecycle import PlanState
from allstop.domain.policy import Policy, PolicyBook
from allstop.domain.principal import COORDINATOR, MONITOR, RUNNER, TIMEKEEPER, Kind, Principal
from allstop.domain.react import react_all
from allstop.domain.record import Record
from allstop.domain.samples import GateProgress, Sample
from allstop.domain.verdict import Verdict
from allstop.domain.world import World
from allstop.protocol.problems import Place
from allstop.protocol.rehearsal.deeds import DEEDS
from allstop.protocol.rehearsal.outside import UNKNOWN, Outside
from allstop.protocol.rehearsal.story import Story, StoryStep
from allstop.protocol.scalars import parse_duration

# A call takes this long, an agent this long to save its work.
CALL_MS, SAVING_MS = 200, 20_000
# For so long a release was good that a story calls known to be good.
GOOD_FOR_MS = 86_400_000
# So many rounds of the monitor are one while nothing changes.
MANY_ROUNDS = 16
# A rule that asks for itself again and again would never let the time pass.
MOST_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Refusal:
    """A step that was refused, with its reasons. place: of the step in the file."""

    at: datetime
    step: StoryStep
    reasons: tuple[tuple[str, str, str], ...]

    @property
    def place(self) -> Place:
        return self.step.place


@dataclass(slots=True)
class Played:
    """What a rehearsal came to. steps: their places, in the order they were played; told: (when, to, channel,
    subject, text)."""

    policy: Policy
    start: datetime
    end: datetime
    steps: tuple[Place, ...]
    records: list[Record] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    told: list[tuple[datetime, str, str, str, str]] = field(default_factory=list)
    world: World = field(default_factory=World)


def play(story: Story, policy: Policy) -> Played:
    """Play a story. The same story and policy give the same records, entry by entry.

    Raises ValueError, with the line, for a step whose fields do not fit what it does.
    """
    return _Stage(story, policy).play()


class _Stage:
    def __init__(self, story: Story, policy: Policy) -> None:
        digest = hashlib.sha256(repr(policy).encode()).hexdigest()
        self.story, self.policy = story, policy
        self.book = PolicyBook(digest, {digest: policy})
        places = tuple(step.place for step in story.steps)
        self.played = Played(policy, story.start, story.start, places)
        self.at_ms = 0
        self.outside = Outside()
        # When the next round comes, and when the last one was.
        self.round_at: int | None = None
        self.sampled_at = 0
        self.wake: datetime | None = None
        self.down_until = -1
        self.commands = 0
        self._queue: list[tuple[int, int, Any]] = []
        self._count = 0

    @property
    def world(self) -> World:
        return self.played.world

    def now(self) -> Now:
        utc = self.story.start + timedelta(milliseconds=self.at_ms)
        return Now(utc, self.at_ms, "rehearsal")

    def play(self) -> Played:
        for agent in self.policy.roster.agents:
            command = RegisterAgent(agent.id, agent.name, agent.team, agent.adapter, agent.options)
            self._do(command, COORDINATOR)
        for step in self.story.steps:
            self._pass_until(step.at_ms)
            self._step(step)
            self._due()
            self._look_again()
        last = self.story.steps[-1].at_ms if self.story.steps else 0
        self._pass_until(last + self.story.lasts_ms)
        self.played.end = self.now().utc
        return self.played

    # --- time --------------------------------------------------------------------------------------

    def _later(self, in_ms: int, what: Any) -> None:
        self._count += 1
        heapq.heappush(self._queue, (self.at_ms + in_ms, self._count, what))

    def _pass_until(self, end_ms: int) -> None:
        """Everything that happens by itself until then, at its own instant."""
        while True:
            self._due()
            following = self._next_instant(end_ms)
            if following is None:
                break
            self._arrive(following)
            while self._queue and self._queue[0][0] <= self.at_ms:
                self._happen(heapq.heappop(self._queue)[2])
        self._arrive(end_ms)
        self._due()

    def _arrive(self, at_ms: int) -> None:
        if at_ms <= self.at_ms:
            return
        self.at_ms, self.commands = at_ms, 0
        usual = self.policy.fleet.monitor.interval_ms
        if self.round_at is not None and at_ms - self.sampled_at > usual and not self._is_down:
            # Rounds were left out, and whoever acts now must not find that nobody has watched.
            self._sample()

    def _next_instant(self, end_ms: int) -> int | None:
        """The next instant, not after the end, at which something happens."""
        found = [self._queue[0][0]] if self._queue else []
        if not self._is_down:
            if self.wake is not None:
                ahead = (self.wake - self.story.start) / timedelta(milliseconds=1)
                found.append(ceil(ahead))
        else:
            found.append(self.down_until)
        coming = [max(one, self.at_ms + 1) for one in found]
        return min(coming) if coming and min(coming) <= end_ms else None

    @property
    def _is_down(self) -> bool:
        return self.at_ms < self.down_until

    def _due(self) -> None:
        while not self._is_down:
            found = due(self.world, self.book, self.now())
            commands, self.wake = found.commands, found.next_at
            before = len(self.played.records)
            for command in commands:
                self._do(command, TIMEKEEPER)
            if len(self.played.records) == before:
                return

    # --- deeds -------------------------------------------------------------------------------------

    def _step(self, step: StoryStep) -> None:
        if step.do not in DEEDS:
            self._world_does(step)
            return
        who = _principal(step)
        if self._is_down:
            # Nobody answers: what people try meanwhile is not kept for later.
            why = ("down", "the coordinator is down", "try again when it is back")
            self.played.refusals.append(Refusal(self.now().utc, step, (why,)))
            return
        try:
            command = DEEDS[step.do].make(step.fields, self.now().utc)
        except (KeyError, TypeError, ValueError) as error:
            missing = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise ValueError(f"{step.place}: {step.do}: {missing}") from None
        verdict = self._do(self._as_shown(command), who)
        if verdict is not None:
            reasons = tuple((one.code, one.text, one.hint) for one in verdict.reasons)
            self.played.refusals.append(Refusal(self.now().utc, step, reasons))

    def _as_shown(self, command: Any) -> Any:
        """Whoever agrees to a plan in a story has looked at it as it is at that moment."""
        if not isinstance(command, Approve) or command.binds:
            return command
        plan = self.world.plans.get(command.subject.removeprefix("plan:"))
        return replace(command, binds=plan.hash) if plan else command

    def _world_does(self, step: StoryStep) -> None:
        try:
            if step.do == "down":
                self.down_until = self.at_ms + parse_duration(step.fields.get("for", "1m"))
            elif step.do == "known-good":
                release = NoteRelease(
                    step.fields["service"], step.fields.get("release", "good"), GOOD_FOR_MS
                )
                self._do(release, MONITOR)
            else:
                self.outside.change(step.do, step.fields)
        except KeyError as error:
            raise ValueError(f"{step.place}: {step.do}: {error} is missing") from None
        except ValueError as error:
            raise ValueError(f"{step.place}: {step.do}: {error}") from None

    def _do(self, command: Any, who: Principal) -> Verdict | None:
        """Decide a command, keep its records, and set its effects going."""
        self.commands += 1
        if self.commands > MOST_AT_ONCE:
            text = (
                f"more than {MOST_AT_ONCE} commands at one instant: something asks for itself again"
            )
            raise ValueError(text)
        found = decide(command, self.world, self.book, self.now(), who, "rehearsal")
        if not isinstance(found, Decided):
            return found
        self.played.world = found.world
        self.played.records += found.records
        for record in found.records:
            if isinstance(record.event, NotificationRequested):
                one = record.event
                if ("channel", one.channel) not in self.outside.ends:
                    self.played.told.append((record.at, one.to, one.channel, one.subject, one.text))
        for effect in react_all(found.records, found.world, self.book):
            self._later(CALL_MS, effect)
        self._watch()
        return None

    # --- the world answers -------------------------------------------------------------------------

    def _happen(self, what: Any) -> None:
        if self._is_down:
            self._later(self.down_until - self.at_ms, what)
        elif isinstance(what, Effect):
            self._ends(what)
        elif what[0] == "round":
            if what[1] == self.round_at:
                self._sample()
        else:
            command, who = what
            self._do(command, who)

    def _watch(self) -> None:
        """The monitor's rounds, at multiples of its interval, while they can bring anything new.

        When every gate has seen enough and nothing happens, one round stands for many.
        """
        interval = self.policy.fleet.monitor.interval_ms
        if not any(map(self._unseen, self.world.open_incidents())):
            self._watch_on(interval)
            return
        usual = self.at_ms + interval - self.at_ms % interval
        calm = self._is_calm()
        if self.round_at is None:
            self.sampled_at = max(self.sampled_at, self.at_ms - self.at_ms % interval)
        if self.round_at is None or (self.round_at > usual and not calm):
            self.round_at = usual + (interval * (MANY_ROUNDS - 1) if calm else 0)
            self._later(self.round_at - self.at_ms, ("round", self.round_at))

    def _watch_on(self, interval: int) -> None:
        """The next look at what was stood down; where every round is one, one stands for many."""
        ahead: list[int] = []
        for incident in watched_on(self.world, self.book):
            for watch in going_on(self.book.pinned(incident.policy), incident):
                at = next_look_at(watch, incident)
                if not watch.every_ms:  # the last of them just before its end
                    left = between(self.now().utc, ends_at(watch, incident)) - interval
                    ahead.append(min(MANY_ROUNDS * interval, left))
                elif at is not None:
                    ahead.append(between(self.now().utc, at))
        if ahead and self.round_at is None:
            self.round_at = self.at_ms + max(interval, min(ahead))
            self._later(self.round_at - self.at_ms, ("round", self.round_at))

    def _is_calm(self) -> bool:
        """Whether more samples of the same kind would change nothing."""
        if any(plan.state is PlanState.RUNNING for plan in self.world.plans.values()):
            return False
        every = self.world.open_incidents()
        return not any(map(self._is_new, every)) and (
            self.outside.probes_good is not True
            or all(_has_seen_enough(gate) for one in every for gate in one.gates.values())
        )

    def _look_again(self) -> None:
        """Somebody did something: the next round comes at its usual time."""
        self.round_at = None
        self._watch()

    def _unseen(self, incident: Incident) -> bool:
        """Whether a round could change anything: a gate counts samples, or they are not what they were."""
        running = any(
            plan.incident == incident.id and plan.state is PlanState.RUNNING
            for plan in self.world.plans.values()
        )
        return bool(incident.gates) or running or self._is_new(incident)

    def _is_new(self, incident: Incident) -> bool:
        """Whether the next round would see something else than the last one."""
        last = {name: sample.good for name, sample in incident.last_samples.items()}
        return last != dict.fromkeys(self._probes(), self.outside.probes_good)

    def _probes(self) -> list[str]:
        return [probe.name for probe in self.policy.fleet.probes()]

    def _sample(self) -> None:
        self.round_at = None
        usual = self.policy.fleet.monitor.interval_ms
        # Rounds that were left out are no gap; those of a coordinator that was down are.
        interval = (
            usual if self.down_until > self.sampled_at else max(usual, self.at_ms - self.sampled_at)
        )
        self.sampled_at = self.at_ms
        samples = tuple(
            Sample(name, self.outside.probes_good, "rehearsed") for name in self._probes()
        )
        if samples:
            for incident in self.world.open_incidents():
                self._do(RecordSamples(incident.id, samples, interval), MONITOR)
        share = {True: 0, False: 100, None: None}[self.outside.probes_good]
        for incident in watched_on(self.world, self.book):
            self._do(RecordAftercare(incident.id, samples, share, interval), MONITOR)
        self._watch()

    def _ends(self, effect: Effect) -> None:
        if self.outside.ending(effect) == UNKNOWN:
            self._do(ParkEffect(effect, "nobody can know, as the story says"), RUNNER)
            return
        self._do(RecordOutcome(effect, self.outside.outcome(effect)), RUNNER)
        if effect.purpose is Purpose.TELL:
            self._agent_answers(effect)

    def _agent_answers(self, effect: Effect) -> None:
        if effect.target in self.outside.silent:
            return
        answer = AnswerRollCall(
            effect.target, effect.options["halt"], "stopped", "its task", "0" * 12, "", True
        )
        self._later(SAVING_MS, (answer, Principal(effect.target, Kind.AGENT)))


def _has_seen_enough(gate: GateProgress) -> bool:
    return (
        gate.samples > 0 and gate.good_run >= gate.min_samples and gate.stable_ms >= gate.window_ms
    )


def _principal(step: StoryStep) -> Principal:
    kind, _, name = step.by.partition(":")
    if kind not in ("person", "agent", "source") or not name:
        raise ValueError(
            f"{step.place}: `by` is person:NAME, agent:NAME or source:NAME, not {step.by!r}"
        )
    return Principal(name, Kind(kind))


def still_owed(played: Played) -> list[tuple[datetime, str, str]]:
    """(when, id, what) of every deadline that runs on at the end of the story."""
    found: list[tuple[datetime, str, str]] = []
    for incident in played.world.incidents.values():
        found += [
            (clock.at, f"{incident.id} {clock.deadline}", clock.what)
            for clock in running(played.world, played.policy, incident)
            if clock.deadline not in incident.missed
        ]
    return sorted(found)
