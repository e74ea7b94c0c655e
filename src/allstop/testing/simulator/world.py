"""The outside world: services, agents and a chat room, which the coordinator only reaches by calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random  # noqa: TID251  (seeded: one seed drives everything)

from allstop.domain.effects import Effect, Outcome, Purpose, done, failed, unknown
from allstop.domain.halt.commands import AnswerRollCall
from allstop.domain.principal import Kind, Principal
from allstop.testing.journal import Deed, Fact, Journal, Ran
from allstop.testing.simulator.faults import Faults
from allstop.testing.simulator.virtual_time import SECOND, VirtualTime

GOOD, BAD = "tree-good", "tree-bad"

# What an order changes about a service that runs, and to what. `stop` and `kill` change whether it does.
TURNS: dict[str, tuple[str, bool]] = {
    "quiesce": ("quiesced", True),
    "unquiesce": ("quiesced", False),
    "drain": ("drained", True),
    "undrain": ("drained", False),
    "fence": ("fenced", True),
    "unfence": ("fenced", False),
    "flush": ("flushed", True),
    "snapshot": ("saved", True),
}

# Hands a request to the coordinator, however often it takes; the answer is not of interest.
Say = Callable[[AnswerRollCall, Principal], None]


@dataclass(slots=True)
class SimService:
    """healthy: it runs, and not the bad release. epoch: of the newest order it has obeyed.

    deaf: it does not stop when it is asked to, only when it is killed; full: its disk, so nothing can be saved;
    quiesced, drained, fenced, flushed, saved: as orders have left it. Writes end what was flushed and saved.
    """

    name: str
    running: bool = True
    release: str = GOOD
    open: bool = True
    route_epoch: int = 0
    epoch: int = 0
    deaf: bool = False
    full: bool = False
    quiesced: bool = False
    drained: bool = False
    fenced: bool = False
    flushed: bool = False
    saved: bool = False

    @property
    def healthy(self) -> bool:
        return self.running and self.release != BAD


@dataclass(slots=True)
class SimAgent:
    """manner: cooperative | silent | liar | late. seq, halted: the newest order it holds."""

    id: str
    manner: str
    freezable: bool = True
    running: bool = True
    frozen: bool = False
    seq: int = 0
    halted: bool = False


@dataclass(frozen=True, slots=True)
class Letter:
    """What was told over a channel. to: `person:ada` or `audience:public`."""

    to: str
    subject: str
    text: str
    attachment: str
    attachment_name: str

    @staticmethod
    def of(effect: Effect) -> Letter:
        names = ("to", "subject", "text", "attachment", "attachment_name")
        return Letter(*(str(effect.options.get(name, "")) for name in names))


@dataclass(slots=True)
class OutsideWorld:
    """length: of the coordinator's log, which stamps the journal; say: how agents answer."""

    time: VirtualTime
    chance: Random
    journal: Journal
    length: Callable[[], int]
    services: dict[str, SimService] = field(default_factory=dict)
    agents: dict[str, SimAgent] = field(default_factory=dict)
    posts: dict[str, str] = field(default_factory=dict)
    letters: list[Letter] = field(default_factory=list)
    marks: set[str] = field(default_factory=set)
    say: Say = lambda _command, _who: None

    def populate(self, names: tuple[str, ...], agents: tuple[str, ...], faults: Faults) -> None:
        """Services all well, agents all at work, each in the manner the seed gives it."""
        for name in names:
            self.services[name] = SimService(name)
        for id in agents:
            draw, manner = self.chance.randrange(100), "cooperative"
            for kind, share in (
                ("silent", faults.silent),
                ("liar", faults.liar),
                ("late", faults.late),
            ):
                if 0 <= draw < share:
                    manner = kind
                draw -= share
            stubborn = self.chance.randrange(100) < faults.unfreezable
            self.agents[id] = SimAgent(id, manner, freezable=not stubborn)
            self.journal.ran.append(Ran(id, running=True, after=0))
        for name in names:
            self.facts_of(name)

    # --- what goes wrong by itself ---------------------------------------------------------------

    def deploy(self, name: str, release: str) -> None:
        self.services[name].release = release
        self.facts_of(name)

    def kill(self, name: str) -> None:
        self.services[name].running = False
        self.facts_of(name)

    def repair(self, name: str) -> None:
        """A person logs in and puts the service right by hand."""
        service = self.services[name]
        service.running, service.release, service.open = True, GOOD, True
        self.facts_of(name)

    def stop_by_hand(self, agent: str) -> None:
        """A person goes to the machine and ends the agent."""
        self._ran(self.agents[agent], running=False)

    # --- what others see ---------------------------------------------------------------------------

    def look(self, service: str, what: str, want: str) -> tuple[bool, str, dict[str, object]]:
        """What a probe sees: good or not, in words, and facts."""
        one = self.services[service]
        match what:
            case "checkout":
                behind = self.services["payments"]
                return one.running and behind.healthy and behind.open, "a purchase was tried", {}
            case "traffic":
                behind = self.services["payments"]
                fine = one.running and behind.healthy and behind.open
                return (
                    True,
                    "requests were counted",
                    {"attempts": 200, "failures": 0 if fine else 200},
                )
            case "isolated":
                return not one.open, "the route was tried", {}
            case "open":
                return one.open, "the route was tried", {}
            case "stopped" | "started":
                right = one.running is (what == "started")
                return right, "its process runs" if one.running else "it has no process", {}
            case "quiesced" | "drained" | "fenced" | "flushed" | "saved":
                there = bool(getattr(one, what))
                return there, f"it is {what}" if there else f"it is not {what}", {}
            case "release":
                right = one.running and (not want or one.release == want)
                return right, f"it runs {one.release}", {"release": one.release}
            case _:
                return (
                    one.healthy,
                    "it answers" if one.healthy else "it fails",
                    {"release": one.release},
                )

    def happened(self, effect: Effect) -> Outcome:
        """What a look for the mark of this very effect shows."""
        match effect.verb:
            case "isolate":
                shut = not self.services[effect.target].open
                return done("the route is shut") if shut else failed("the route is open")
            case "rollback" | "reopen" | "post":
                return done("its mark is there") if effect.id in self.marks else failed("no mark")
            case "restart":
                return done("its mark is there") if effect.id in self.marks else unknown("no mark")
            case "stop" | "kill" | "start":
                running = self.services[effect.target].running
                right = running is (effect.verb == "start")
                text = "its process runs" if running else "it has no process"
                return done(text) if right else failed(text)
            case verb if verb in TURNS:
                return done("its mark is there") if effect.id in self.marks else failed("no mark")
            case _:
                return failed("it leaves no mark")

    # --- what calls change -------------------------------------------------------------------------

    def apply(self, effect: Effect) -> Outcome:
        """The call arrives."""
        if effect.purpose in (Purpose.TELL, Purpose.CONFIRM, Purpose.FREEZE, Purpose.RESUME):
            return self._agent_call(effect)
        if effect.verb in ("reopen", "post") and effect.id in self.marks:
            return done("done before, dropped by its key")
        match effect.verb:
            case "post":
                if effect.id not in self.posts:
                    self.letters.append(Letter.of(effect))
                self.posts[effect.id] = str(effect.options.get("subject", ""))
                self.marks.add(effect.id)
                return self._did(effect, "posted")
            case "history":
                head = self.services[effect.target].release
                facts = {"head_age_seconds": 60 if head == BAD else 999_999, "head_tree": head}
                return done("history read", {**facts, "schema_changed": False})
            case "state":
                running = self.services[effect.target].running
                return done("state read", {"running": running})
            case "errors" | "resources" | "health":
                return self._diagnosis(effect)
            case _:
                return self._service_call(effect)

    def _diagnosis(self, effect: Effect) -> Outcome:
        """What the logs, the host and the health address of a service say."""
        service = self.services[effect.target]
        match effect.verb:
            case "errors":
                found = [] if service.healthy else [f"{service.name}: 500 by {service.release}"]
                return done(
                    "; ".join(found) or "no error in the last 100 lines", {"errors": len(found)}
                )
            case "resources":
                return done(
                    "cpu 12%, memory 40%, disk 61%",
                    {"cpu_percent": 12, "memory_percent": 40, "disk_percent": 61},
                )
            case _:
                status = 200 if service.healthy else 503
                return done(f"GET /health: {status}", {"status": status})

    def _service_call(self, effect: Effect) -> Outcome:
        service = self.services[effect.target]
        match effect.verb:
            case "isolate" | "reopen" if effect.epoch < service.route_epoch:
                return failed(f"epoch {effect.epoch} is over, {service.route_epoch} was seen")
            case "isolate":
                service.open, service.route_epoch = False, effect.epoch
            case "reopen":
                service.open, service.route_epoch = True, effect.epoch
            case "rollback":
                service.release = str(effect.options["release"])
            case "restart":
                service.running = True
            case _:
                return self._order(service, effect)
        self.marks.add(effect.id)
        self.facts_of(service.name)
        return self._did(effect, f"{effect.verb} done")

    def _order(self, service: SimService, effect: Effect) -> Outcome:
        """An order of a plan: an older one than it has obeyed is refused, and only what runs can obey."""
        verb = effect.verb
        if effect.epoch < service.epoch:
            return failed(f"epoch {effect.epoch} is over, {service.epoch} was seen")
        service.epoch = effect.epoch
        if verb in ("stop", "kill", "start"):
            service.running = verb == "start" or (verb == "stop" and service.deaf)
        elif verb == "verify-snapshot":
            return done("it was read back whole") if service.saved else failed("there is none")
        elif verb not in TURNS:
            return failed(f"no verb {verb}")
        elif not service.running:
            return failed("it has no process to ask")
        elif verb == "snapshot" and service.full:
            return failed("no space left on device")
        else:
            name, value = TURNS[verb]
            setattr(service, name, value)
        if verb in ("start", "unfence"):
            service.flushed = service.saved = False
        self.marks.add(effect.id)
        self.facts_of(service.name)
        return self._did(effect, "asked to stop" if verb == "stop" else f"{verb} done")

    def _did(self, effect: Effect, text: str) -> Outcome:
        self.journal.deeds.append(Deed(effect, self.length()))
        return done(text)

    def facts_of(self, name: str) -> None:
        """Write down what proofs speak about."""
        service = self.services[name]
        now = self.length()
        release = service.release if service.running else ""
        for fact, value in (
            (f"{name}/isolated", not service.open),
            (f"{name}/open", service.open),
            (f"{name}/release", release),
        ):
            self.journal.facts.append(Fact(fact, value, now))

    # --- agents ------------------------------------------------------------------------------------

    def _agent_call(self, effect: Effect) -> Outcome:
        agent = self.agents[effect.target]
        match effect.purpose:
            case Purpose.CONFIRM:
                return failed("it is still working") if agent.running else done("it stands still")
            case Purpose.TELL:
                return self._tell(agent, effect)
            case Purpose.FREEZE:
                return self._freeze(agent, effect)
            case _:
                return self._resume(agent, effect)

    def _tell(self, agent: SimAgent, effect: Effect) -> Outcome:
        if effect.epoch < agent.seq or (effect.epoch == agent.seq and not agent.halted):
            return failed(f"a newer order stands: {agent.seq}")
        again = agent.halted and effect.epoch == agent.seq
        agent.seq, agent.halted = effect.epoch, True
        halt, seq = str(effect.options["halt"]), agent.seq
        draw = self.chance.randint
        if not again and agent.manner in ("cooperative", "late"):
            self.time.after(draw(1, 3) * SECOND, lambda: self._stops(agent, seq))
        if agent.manner != "silent":
            late = draw(70, 200) if agent.manner == "late" else draw(4, 12)
            self.time.after(late * SECOND, lambda: self._answers(agent, halt))
        return self._did(effect, "told")

    def _stops(self, agent: SimAgent, seq: int) -> None:
        if agent.halted and agent.seq >= seq:
            self._ran(agent, running=False)

    def _answers(self, agent: SimAgent, halt: str) -> None:
        if agent.halted and not agent.frozen:
            command = AnswerRollCall(agent.id, halt, "stopped", "a task", "c0ffee", "main", True)
            self.say(command, Principal(agent.id, Kind.AGENT))

    def _freeze(self, agent: SimAgent, effect: Effect) -> Outcome:
        if not agent.halted and agent.seq > effect.epoch:
            return failed(f"a newer order stands: {agent.seq} lets the agent run")
        if not agent.freezable:
            return failed("it runs on")
        agent.frozen = True
        self._ran(agent, running=False)
        return self._did(effect, "frozen and read back")

    def _resume(self, agent: SimAgent, effect: Effect) -> Outcome:
        if effect.epoch < agent.seq:
            return failed(f"a newer order stands: {agent.seq}")
        agent.seq, agent.halted, agent.frozen = effect.epoch, False, False
        self._ran(agent, running=True)
        return self._did(effect, "it goes on")

    def _ran(self, agent: SimAgent, *, running: bool) -> None:
        if agent.running != running:
            agent.running = running
            self.journal.ran.append(Ran(agent.id, running=running, after=self.length()))
