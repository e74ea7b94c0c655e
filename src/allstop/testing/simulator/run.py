"""One run: an outage, people who deal with it, crashes in between, and what the checks say of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random  # noqa: TID251  (seeded: one seed drives everything)
from typing import Any

from allstop.adapters.memory_store import MemoryDisk
from allstop.application.beside import completed
from allstop.application.chain import GENESIS, seal
from allstop.application.codec import read_effect, read_policy, read_record
from allstop.domain.halt.commands import AnswerRollCall
from allstop.domain.policy import PolicyBook
from allstop.domain.principal import Kind, Principal
from allstop.errors import Refused
from allstop.testing.invariants import check
from allstop.testing.journal import Ack, Journal
from allstop.testing.simulator.adapters import Network, SimAdapters
from allstop.testing.simulator.faults import CrashPlan, Faults
from allstop.testing.simulator.people import Mind, Sight, next_request
from allstop.testing.simulator.policy import AGENTS, policy
from allstop.testing.simulator.process import Process
from allstop.testing.simulator.virtual_time import HOUR, SECOND, VirtualTime
from allstop.testing.simulator.world import BAD, OutsideWorld
from allstop.testing.traces import Trace, Violation

LIMIT_US = 2 * HOUR
QUIET_US = 20 * SECOND


@dataclass(frozen=True, slots=True)
class Result:
    """What a run came to. tail: the end of its timeline, for people; digest: of the whole log."""

    seed: int
    events: int
    incidents: int
    crashes: tuple[str, ...]
    points: dict[str, int]
    virtual_us: int
    digest: str
    violations: tuple[Violation, ...]
    tail: tuple[str, ...]

    @property
    def sound(self) -> bool:
        return not self.violations


@dataclass(slots=True)
class Run:
    """Everything that outlives a crash, and the present process."""

    seed: int
    faults: Faults
    time: VirtualTime = field(default_factory=VirtualTime)
    disk: MemoryDisk = field(default_factory=MemoryDisk)
    journal: Journal = field(default_factory=Journal)
    found: list[Violation] = field(default_factory=list)
    minds: list[Mind] = field(default_factory=list)
    requests: int = 0
    quiet_since: int = -1
    crash: CrashPlan = field(init=False)
    outside: OutsideWorld = field(init=False)
    network: Network = field(init=False)
    process: Process | None = None

    def __post_init__(self) -> None:
        self.crash = CrashPlan(self.faults, self.draw("crash"))
        self.outside = OutsideWorld(self.time, self.draw("world"), self.journal, self.length)
        self.outside.say = self.agent_says
        self.network = Network(
            self.outside, self.time, self.draw("network"), self.faults, self.journal, self.crash,
            self.length,
        )  # fmt: skip

    def draw(self, name: str) -> Random:
        """A stream of chance of its own, so that one part does not shift the luck of another."""
        return Random(f"{self.seed}/{name}")  # noqa: S311  (for repetition, not for secrets)

    def length(self) -> int:
        return len(self.disk.events)

    # --- the outside -------------------------------------------------------------------------------

    def set_the_scene(self) -> None:
        chance = self.draw("scene")
        self.outside.populate(("payments", "search", "gateway"), AGENTS, self.faults)
        start = chance.randint(45, 90) * SECOND
        trouble = self.faults.trouble
        if trouble == "mixed":
            trouble = chance.choice(("release", "process", "both", "second"))
        if trouble in ("release", "both", "second"):
            self.time.after(start, lambda: self.outside.deploy("payments", BAD))
        if trouble in ("process", "both"):
            self.time.after(start, lambda: self.outside.kill("payments"))
        if trouble == "second":
            later = start + chance.randint(0, 120) * SECOND
            self.time.after(later, lambda: self.outside.kill("search"))
        for id in ("ada", "ben", "cho", "eve"):
            mind = Mind(id, self.draw(id), self.faults)
            self.minds.append(mind)
            self.time.after(mind.chance.randint(1, 10) * SECOND, self.looker(mind))
        if chance.randrange(100) < self.faults.wall_steps:
            step = chance.choice((-45, -5, 5, 45, 600)) * SECOND
            self.time.after(start + chance.randint(0, 300) * SECOND, lambda: self.step_wall(step))
        self.time.after(2 * SECOND, self.judge)

    def step_wall(self, us: int) -> None:
        self.time.wall_us += us

    def looker(self, mind: Mind) -> Any:
        """A person looks at the console now and then, and asks for one thing at a time."""

        def again() -> None:
            self.time.after(mind.chance.randint(2, 15) * SECOND, look)

        def look() -> None:
            process = self.process
            if process is None or not process.post.book.current:
                again()
                return
            sight = Sight(process.world, process.post.book.latest, self.time.now(), self.outside)
            command = next_request(mind, sight)
            if command is None:
                again()
            else:
                self.request(command, Principal(mind.id, Kind.PERSON), again)

        return look

    def request(self, command: Any, who: Principal, then: Any) -> None:
        """Send a request until it is answered, with the same idempotency key each time."""
        self.requests += 1
        cause = f"req-{self.requests}"

        def send() -> None:
            if self.process is None:
                self.time.after(5 * SECOND, send)
            else:
                self.process.ask(command, who, cause, heard)

        def heard(answer: dict[str, Any] | Refused | None) -> None:
            if answer is None:
                self.time.after(5 * SECOND, send)
                return
            # A second answer to the same roll call is welcome, and adds nothing to the log.
            if isinstance(answer, dict) and not isinstance(command, AnswerRollCall):
                self.journal.acks.append(Ack(cause, type(command).__name__, self.length()))
            then()

        self.time.after(self.network.latency(1000), send)

    def agent_says(self, command: AnswerRollCall, who: Principal) -> None:
        self.request(command, who, lambda: None)

    # --- the end -----------------------------------------------------------------------------------

    def judge(self) -> None:
        """Whether the emergency is over: everything stood down, every effect ended, and quiet since."""
        if self.time.us > LIMIT_US:
            self.found.append(Violation("L5", "the run never came to its end", self.where()))
            if self.process is not None:
                self.process.end()
            return
        if not self.over():
            self.quiet_since = -1
        elif self.quiet_since < 0:
            self.quiet_since = self.time.us
        elif self.time.us - self.quiet_since > QUIET_US and self.process is not None:
            self.process.end()
            return
        self.time.after(2 * SECOND, self.judge)

    def over(self) -> bool:
        if self.process is None or self.disk.waiting or self.disk.claimed:
            return False
        world = self.process.world
        some = bool(world.incidents) and not world.open_incidents()
        return some and not world.standing_halts()

    def where(self) -> str:
        """Where the emergency stands, in one line."""
        if self.process is None:
            return "no process"
        world = self.process.world
        open_ones = [f"{one.id} in {one.phase}" for one in world.open_incidents()]
        plans = [f"{one.id} {one.state}: {one.held_because}" for one in world.plans.values()]
        halts = [
            f"{one.id} {', '.join(f'{line.agent} {line.state}' for line in one.roll.values())}"
            for one in world.standing_halts()
        ]
        waiting = [f"{id} {row.state}" for id, row in self.disk.waiting.items()]
        claimed = [read_effect(row.effect).id for row in self.disk.claimed.values()]
        return "; ".join((*open_ones, *plans, *halts, f"waiting {waiting}, claimed {claimed}"))

    # --- lives -------------------------------------------------------------------------------------

    def play(self) -> Result:
        """Live, die and live again until the emergency is over."""
        self.set_the_scene()
        chance, number = self.draw("lives"), 0
        while True:
            number += 1
            self.network.incarnation = number
            process = Process(
                self.time, self.disk, self.crash, SimAdapters(self.network), policy(), number
            )
            self.process = process
            died = process.live()
            self.process = None
            self.journal.owed = {read_effect(row.effect).id for row in self.disk.claimed.values()}
            process.bury()
            if process.failure is not None:
                text = f"{type(process.failure).__name__}: {_innermost(process.failure)}"
                self.found.append(Violation("life", "the coordinator failed by itself", text))
            if not died or number > 60:
                return self.result(process)
            self.time.move_to(self.time.us + chance.randint(500, 20_000) * 1000)
            if chance.randrange(100) < self.faults.reboots:
                self.time.reboot()

    def result(self, process: Process) -> Result:
        blobs = self.disk.blobs.get
        records = tuple(completed(read_record(stored), blobs) for stored in self.disk.events)
        book = PolicyBook("", {key: read_policy(text) for key, text in self.disk.policies.items()})
        trace = Trace(
            records, book, live=process.post.world, journal=self.journal,
            stored=tuple(self.disk.events), effects=_effects(self.disk),
        )  # fmt: skip
        found = [*self.found, *check(trace)]
        tail = tuple(
            f"{one.position:5d} {one.at:%H:%M:%S} {one.stream:16} {one.kind:24} {one.actor} "
            f"{one.event}"[:220]
            for one in records[-40:]
        )
        return Result(
            self.seed, len(records), sum(1 for one in records if one.kind == "incident.declared"),
            tuple(self.crash.crashes), dict(self.crash.seen), self.time.us, _digest(self.disk),
            tuple(found), tail,
        )  # fmt: skip


def _effects(disk: MemoryDisk) -> dict[str, str]:
    return {id: row.state.value for id, row in disk.outbox.items()}


def _digest(disk: MemoryDisk) -> str:
    chain = GENESIS
    for entry in disk.events:
        chain = seal(chain, entry.position, entry.hash)
    return chain


def _innermost(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


def simulate(seed: int, faults: Faults | None = None) -> Result:
    """Run one emergency from its seed. The same seed and faults give the same log, bit for bit."""
    return Run(seed, faults if faults is not None else Faults.calm()).play()
