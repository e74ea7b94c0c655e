"""The stage of a random story: the pure core, a clock that jumps, effects that end as they like."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from allstop.application.codec import canonical, read_event
from allstop.domain.aftercare import watched_on
from allstop.domain.copying import replace
from allstop.domain.decide import Decided, decide
from allstop.domain.due import Due
from allstop.domain.effects import Effect, Outcome, Purpose, done, failed, retry, unknown
from allstop.domain.halt.commands import AnswerRollCall, RegisterAgent
from allstop.domain.incident.aftercare_commands import RecordAftercare
from allstop.domain.incident.commands import RecordSamples
from allstop.domain.moment import Now
from allstop.domain.plan.commands import ParkEffect, RecordOutcome
from allstop.domain.policy import Policy, PolicyBook
from allstop.domain.principal import COORDINATOR, MONITOR, RUNNER, TIMEKEEPER, Kind, Principal
from allstop.domain.react import react_all
from allstop.domain.record import Record
from allstop.domain.samples import Sample
from allstop.domain.world import World, evolve
from allstop.testing.traces import Moment, Turn
from tests.properties.stories.looking import Broken, Lookout

START = datetime(2026, 3, 27, 15, 30, tzinfo=UTC)
# Whatever falls due at one instant is bounded; a rule that asks for itself again would never end.
MOST_AT_ONCE = 300
SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000
MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Ask:
    """Somebody asks for something."""

    command: Any
    who: Principal


@dataclass(frozen=True, slots=True)
class Pass:
    """Time goes by."""

    ms: int


@dataclass(frozen=True, slots=True)
class Step:
    """The wall clock is set: forwards or back, while nothing else moves."""

    ms: int


@dataclass(frozen=True, slots=True)
class Down:
    """The coordinator is dead for so long; then everything comes from its records. reboot: the machine too."""

    ms: int
    reboot: bool


@dataclass(frozen=True, slots=True)
class Watch:
    """Rounds of samples in every open incident."""

    rounds: int
    interval_ms: int
    good: bool | None


@dataclass(frozen=True, slots=True)
class Again:
    """A report that was lost comes again, or a command that was due before."""

    pick: int
    late: bool


@dataclass(frozen=True, slots=True)
class Swap:
    """The documents are changed: what is declared from now on has another protocol."""


Deed = Ask | Pass | Step | Down | Watch | Again | Swap


@dataclass
class Stage:
    """Deeds one after another. Everything by chance hangs on the seed and the effect, so that a story
    with a deed less is the same story otherwise."""

    policy: Policy
    seed: str
    other: Policy | None = None
    world: World = field(default_factory=World)
    now: Now = field(default_factory=lambda: Now(START, 0, "boot-1"))
    records: list[Record] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    gaps: list[tuple[datetime, datetime]] = field(default_factory=list)
    effects: dict[str, Effect] = field(default_factory=dict)
    was_due: list[Any] = field(default_factory=list)
    asked: int = 0
    accepted: int = 0
    codes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        other = self.other or self.policy
        self.book = PolicyBook("p1", {"p1": self.policy, "p2": other})
        self._queue: list[tuple[int, int, Any]] = []
        self._passed = 0
        self._count = 0
        self._lookout = Lookout()
        self._replay: list[Moment] = []
        self._beginnings, self._ends = Random(), Random()
        for agent in self.policy.roster.agents:
            self._do(
                RegisterAgent(agent.id, agent.name, agent.team, agent.adapter, agent.options),
                COORDINATOR,
            )

    def perform(self, deed: Deed) -> None:
        """One deed, and everything that follows from it at once."""
        match deed:
            case Ask(command, who):
                self._ask(command, who)
            case Pass(ms):
                self._pass(ms)
            case Step(ms):
                self._step(ms)
            case Down(ms, reboot):
                self._down(ms, reboot=reboot)
            case Watch():
                self._watch(deed)
            case Again(pick, late):
                self._again(pick, late=late)
            case Swap():
                self.book = PolicyBook("p2", self.book.bodies)
        self.settle()

    def _ask(self, command: Any, who: Principal) -> None:
        self.asked += 1
        before, count = self.world, len(self.records)
        taken = self._do(command, who)
        self.accepted += taken
        if not taken and (self.world is not before or len(self.records) != count):
            raise Broken("refused: a refusal changed something")

    def _do(self, command: Any, who: Principal) -> bool:
        """Decide, keep, react. Whether it was accepted."""
        self._count += 1
        found = decide(command, self.world, self.book, self.now, who, f"c{self._count}")
        if not isinstance(found, Decided):
            if not found.reasons:
                raise Broken(f"refused: {type(command).__name__} without a reason")
            self.codes.append(found.reasons[0].code)
            return False
        self._lookout.happened(self.world, found)
        self.world = found.world
        self.records += found.records
        self.turns.append(Turn(command, who, found.records))
        for effect in react_all(found.records, found.world, self.book):
            if effect.id in self.effects:
                raise Broken(f"effects: two are called {effect.id}")
            self.effects[effect.id] = effect
            self._begin(effect, 1)
        return True

    # --- time --------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Whatever is due now, until nothing is: it must come to rest."""
        asked = 0
        while commands := self.due().commands:
            before = len(self.records)
            self.was_due += commands
            for command in commands:
                self._do(command, TIMEKEEPER)
            asked += len(commands)
            if len(self.records) == before:
                raise Broken(f"due: it spins on {commands[0]}: {self.codes[-1:]}")
            if asked > MOST_AT_ONCE:
                raise Broken(f"due: {asked} commands at one instant, such as {commands[0]}")

    def due(self) -> Due:
        """What is due now, as far as the timekeeper would have looked."""
        return self._lookout.due(self.world, self.book, self.now)

    def _pass(self, ms: int) -> None:
        end = self._passed + ms
        while True:
            self.settle()
            following = self._next_instant(end)
            if following is None:
                break
            self._move(following - self._passed)
            while self._queue and self._queue[0][0] <= self._passed:
                self._happen(heapq.heappop(self._queue)[2])
        self._move(end - self._passed)
        self.settle()

    def _next_instant(self, end: int) -> int | None:
        wake = self.due().next_at
        coming = self._queue[0][0] if self._queue else end + 1
        if wake is not None:
            # Rounded up: at a millisecond before it, nothing would be due yet.
            coming = min(coming, self._passed - (self.now.utc - wake) // MILLISECOND)
        coming = max(coming, self._passed + 1)
        return coming if coming <= end else None

    def _move(self, ms: int) -> None:
        self._passed += ms
        now = self.now
        self.now = Now(now.utc + timedelta(milliseconds=ms), now.monotonic_ms + ms, now.boot)

    def _step(self, ms: int) -> None:
        before = self.now.utc
        self.now = replace(self.now, utc=before + timedelta(milliseconds=ms))
        self.gaps.append((min(before, self.now.utc), max(before, self.now.utc)))

    def _down(self, ms: int, *, reboot: bool) -> None:
        before = self.now.utc
        self._move(ms)
        if reboot:
            self.now = replace(self.now, monotonic_ms=0, boot=f"{self.now.boot}x")
        self.gaps.append((before, self.now.utc))
        # It goes on with what the records lead to.
        world = self.replayed()[-1].after
        if world != self.world:
            raise Broken("replayed: the records lead to another world")
        self.world = world

    def replayed(self) -> list[Moment]:
        """Every record as it comes back from the store, and the worlds they lead to; each is folded once."""
        world = self._replay[-1].after if self._replay else World()
        for record in self.records[len(self._replay) :]:
            back = stored(record)
            after = evolve(world, back)
            self._replay.append(Moment(back, world, after))
            world = after
        return self._replay

    # --- the world ---------------------------------------------------------------------------------

    def _later(self, ms: int, what: Any) -> None:
        self._count += 1
        heapq.heappush(self._queue, (self._passed + ms, self._count, what))

    def chance(self, dice: Random, about: str) -> Random:
        """Chance that hangs on nothing but the seed and what it is about. dice: nobody throws them now."""
        dice.seed(f"{self.seed} {about}")
        return dice

    def _begin(self, effect: Effect, attempt: int) -> None:
        chance = self.chance(self._beginnings, f"{effect.id} {attempt}")
        if chance.random() < 0.03:
            return  # nobody ever hears how it ended
        slow = chance.random() < 0.1
        wait = chance.randint(60 * SECOND, HOUR) if slow else chance.randint(50, 20 * SECOND)
        self._later(wait, (effect, attempt))

    def _happen(self, what: Any) -> None:
        if isinstance(what, Ask):
            self._do(what.command, what.who)
        else:
            self._end(*what)

    def _end(self, effect: Effect, attempt: int) -> None:
        chance = self.chance(self._ends, f"{effect.id} {attempt} end")
        if chance.random() < 0.03:
            self._report(ParkEffect(effect, "nobody can know"))
            return
        outcome = ended(effect, chance)
        self._report(RecordOutcome(effect, outcome))
        again = outcome.ending.value in ("retry", "unknown")
        if again and attempt < 4:
            self._begin(effect, attempt + 1)
        if effect.purpose is Purpose.TELL and outcome.ending.value == "done":
            self._answer(effect, chance)

    def _report(self, command: Any) -> None:
        if not self._do(command, RUNNER):
            raise Broken(f"effects: an outcome was refused: {self.codes[-1]}")

    def _answer(self, effect: Effect, chance: Random) -> None:
        """An agent that was told to stop says so, or says nothing."""
        if chance.random() < 0.2:
            return
        available = chance.random() < 0.7
        command = AnswerRollCall(
            effect.target, effect.options["halt"], "stopped", "a task", "0" * 12, "", available
        )
        who = Principal(effect.target, Kind.AGENT)
        self._later(chance.randint(SECOND, 6 * MINUTE), Ask(command, who))

    def _watch(self, deed: Watch) -> None:
        names = [spec.name for spec in self.policy.fleet.probes()]
        samples = tuple(Sample(name, deed.good, "seen") for name in names)
        for number in range(deed.rounds):
            if number:
                self._pass(deed.interval_ms)
            for incident in self.world.open_incidents():
                self._do(RecordSamples(incident.id, samples, deed.interval_ms), MONITOR)
            for incident in watched_on(self.world, self.book):
                looked = RecordAftercare(incident.id, samples, 0, deed.interval_ms)
                self._do(looked, MONITOR)

    def _again(self, pick: int, *, late: bool) -> None:
        if late and self.was_due:
            self._do(self.was_due[pick % len(self.was_due)], TIMEKEEPER)
        elif self.effects and not late:
            effect = list(self.effects.values())[pick % len(self.effects)]
            self._report(RecordOutcome(effect, done("seen")))


def stored(record: Record) -> Record:
    """A record as it comes back from the store."""
    return replace(record, event=read_event(record.kind, record.schema, canonical(record.event)))


def ended(effect: Effect, chance: Random) -> Outcome:
    """How one attempt ended: mostly well."""
    fate = chance.random()
    if fate < 0.07:
        return failed("it would not")
    if fate < 0.11:
        return unknown("nobody saw")
    if fate < 0.15:
        return retry("busy")
    return done("seen", facts_of(effect, chance))


def facts_of(effect: Effect, chance: Random) -> dict[str, Any]:
    match effect.purpose:
        case Purpose.EVIDENCE:
            facts = {
                "head_age_seconds": chance.choice((60, 90_000)),
                "head_tree": chance.choice(("tree-1", "tree-2")),
                "running": chance.random() < 0.5,
                "schema_changed": chance.random() < 0.2,
            }
            return {name: value for name, value in facts.items() if chance.random() < 0.6}
        case Purpose.PREFLIGHT:
            word = chance.choice(("ok", "ok", "ok", "failed", "unknown"))
            checks = effect.options["checks"]
            wrong = chance.choice(checks)
            return {one: f"{word if one == wrong else 'ok'}: seen" for one in checks}
        case _:
            return {}
