"""A small but whole policy, and a teller of stories over the four pure functions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from allstop.domain.decide import Decided, decide
from allstop.domain.due import due
from allstop.domain.effects import Effect, Outcome, done
from allstop.domain.halt.commands import RegisterAgent
from allstop.domain.impact import Impact
from allstop.domain.incident.commands import Approve, DeclareIncident, RecordSamples
from allstop.domain.moment import Now
from allstop.domain.plan.commands import RecordOutcome
from allstop.domain.policy import (
    ActionSpec,
    AgentEntry,
    AllStop,
    ApprovalRow,
    Approvals,
    Audience,
    Channel,
    ClassificationRow,
    Condition,
    Criterion,
    CriterionKind,
    Dependency,
    DependencyKind,
    Escalation,
    Fleet,
    Function,
    Grant,
    MonitorSettings,
    Obligation,
    Person,
    Phase,
    Policy,
    PolicyBook,
    ProbeSpec,
    Protocol,
    RemedyRow,
    RemedyRules,
    RoleRule,
    Roster,
    Service,
    SeverityRule,
    Span,
    Targets,
    Team,
    UpdateRules,
)
from allstop.domain.principal import COORDINATOR, MONITOR, RUNNER, TIMEKEEPER, Kind, Principal
from allstop.domain.react import react_all
from allstop.domain.record import Record
from allstop.domain.samples import Sample
from allstop.domain.verdict import Verdict
from allstop.domain.world import KnownGood, World

ADA = Principal("ada", Kind.PERSON)
BEN = Principal("ben", Kind.PERSON)
EVE = Principal("eve", Kind.PERSON)
BUILDER = Principal("builder-1", Kind.AGENT)
START = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
MINUTE = 60_000


def severity(name: str, rank: int, *, all_stop: bool) -> SeverityRule:
    return SeverityRule(
        name, rank, name.lower(), "", Span(5 * MINUTE), Span(15 * MINUTE) if rank < 3 else None, all_stop,
        ("responders",), Targets(15_000, 90_000, 5 * MINUTE, 60 * MINUTE),
    )  # fmt: skip


def criterion(id: str, kind: CriterionKind, **more: Any) -> Criterion:
    return Criterion(id, kind, id.replace("-", " "), **more)


def protocol() -> Protocol:
    """Four phases, three roles, every kind of criterion that the first slice has."""
    kinds = CriterionKind
    return Protocol(
        name="test", title="Test protocol", extends=(),
        severities=(severity("SEV1", 1, all_stop=True), severity("SEV2", 2, all_stop=False), severity("SEV3", 3, all_stop=False)),
        classification=(
            ClassificationRow("SEV1", (Condition("core_functions_down", "at_least", 1),), "a core function is down"),
            ClassificationRow("SEV2", (Condition("failed_share_percent", "at_least", 10),), "one in ten requests fails"),
            ClassificationRow("SEV3", (), "anything else"),
        ),
        roles=(RoleRule("commander", "incident commander", True), RoleRule("communications", "communications lead", True), RoleRule("scribe", "scribe", False)),
        authority=(
            Grant("declare", ("person", "agent", "source")), Grant("set-severity", ("role:commander", "owner")),
            Grant("assign", ("role:commander", "owner")), Grant("handoff", ("role:commander",)), Grant("acknowledge", ("person",)),
            Grant("update", ("person",)), Grant("statement", ("person",)), Grant("note", ("person", "agent")),
            Grant("approve", ("role:commander", "owner")), Grant("override", ("owner",)), Grant("remedy", ("role:commander", "owner")),
            Grant("plan", ("role:commander", "owner")), Grant("advance", ("role:commander",)),
            Grant("approve-stand-down", ("role:commander", "owner")), Grant("stand-down", ("role:commander", "owner")),
            Grant("halt", ("person", "agent")), Grant("release", ("role:commander", "owner")), Grant("register-agent", ("person", "self")),
        ),
        all_stop=AllStop(5 * MINUTE, 2 * MINUTE, "freeze", "Stop, save your work, answer."),
        phases=(
            Phase("assess", "Assess", True, (criterion("roll-call", kinds.ROLL_CALL), criterion("evidence-in", kinds.EVIDENCE), criterion("remedy-decided", kinds.REMEDY))),
            Phase("contain", "Contain", True, (criterion("contained", kinds.PLAN, subject="contain"),)),
            Phase("restore", "Restore", True, (criterion("restored", kinds.PLAN, subject="remedy"),)),
            Phase("verify", "Verify", True, (criterion("stable", kinds.STABLE_FOR, window_ms=15 * MINUTE, min_samples=3),)),
        ),
        stand_down=(
            criterion("resolved", kinds.STATEMENT, subject="resolved"), criterion("root-cause", kinds.STATEMENT, subject="root-cause"),
            criterion("still-stable", kinds.STABLE_FOR, window_ms=15 * MINUTE, min_samples=3), criterion("approved", kinds.APPROVAL, subject="commander"),
        ),
        remedy=RemedyRules(
            (
                RemedyRow("fix", (Condition("process_running", "is", False), Condition("restart_available", "is", True)), "its process is gone"),
                RemedyRow("rollback", (Condition("recent_deployment", "is", True), Condition("known_good_release", "is", True)), "it was deployed just now"),
                RemedyRow("investigate", (), "nothing points at one cause"),
            ),
            24 * 60 * MINUTE, 2 * MINUTE, 3, 2_000, 5 * MINUTE,
        ),
        updates=UpdateRules(2 * MINUTE, ("investigating", "containing", "fixing", "resolved")),
        audiences=(Audience("responders", "Responders", ("chat",)),),
        escalation=Escalation(("commander", "owner")),
        evidence=("recent-changes", "service-state"),
        obligations=(Obligation("report", "Write the report", "commander", Span(24 * 60 * MINUTE)),),
        approvals=Approvals((
            ApprovalRow((Condition("purpose", "is", "contain"), Condition("severity_rank", "at_most", 1), Condition("protected", "is", False)), (), 0, "isolating is easily undone"),
            ApprovalRow((), ("role:commander", "owner"), 1, "somebody must look first"),
        )),
    )  # fmt: skip


def probe(name: str, service: str) -> ProbeSpec:
    return ProbeSpec(name, service, "script", {}, 1000, 3, 2)


def action(verb: str, **options: Any) -> ActionSpec:
    return ActionSpec("script", verb, options, 5000)


def fleet() -> Fleet:
    payments = Service(
        "payments", "Payments", "revenue", 90, protected=False, stateful=True, depends=(), probes=(probe("payments-deep", "payments"),),
        actions={"isolate": action("isolate"), "reopen": action("reopen"), "rollback": action("rollback", tree="{release}"), "restart": action("restart")},
        verify={"isolated": probe("isolated", "payments"), "open": probe("open", "payments"), "release": ProbeSpec("release", "payments", "script", {"want": "{release}"}, 1000, 1, 1)},
        diagnose={"recent-changes": action("history"), "service-state": action("state")},
    )  # fmt: skip
    gateway = Service(
        "gateway", "Gateway", "customer-facing", 95, protected=False, stateful=False,
        depends=(Dependency("payments", DependencyKind.HARD),), probes=(probe("checkout", "gateway"),), actions={}, verify={}, diagnose={},
    )  # fmt: skip
    return Fleet(
        (payments, gateway), (Function("buying", "buying", True, "checkout", ("gateway", "payments")),), (),
        MonitorSettings(1000, 10 * MINUTE),
    )  # fmt: skip


def roster() -> Roster:
    return Roster(
        (
            Person("ada", "Ada", "ada", ("commander", "communications"), (), ("chat",), owner=False),
            Person("ben", "Ben", "ben", ("communications", "scribe"), (), ("chat",), owner=False),
            Person("eve", "Eve", "eve", (), (), (), owner=True),
        ),
        tuple(AgentEntry(name, name, "builders", "script", {}) for name in ("builder-1", "builder-2")),
        (Team("builders", "Builders"),), (Channel("chat", "script", {}),),
    )  # fmt: skip


def policy() -> Policy:
    return Policy(protocol(), fleet(), roster())


@dataclass
class Story:
    """Commands told one after another to the pure functions, on a clock the story moves by hand."""

    policy: Policy = field(default_factory=policy)
    world: World = field(default_factory=World)
    now: Now = field(default_factory=lambda: Now(START, 0, "boot-1"))
    records: list[Record] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    refused: Verdict | None = None
    result: dict[str, Any] = field(default_factory=dict)

    @property
    def book(self) -> PolicyBook:
        return PolicyBook("p1", {"p1": self.policy})

    def when(self, command: Any, who: Principal = ADA) -> Story:
        """Decide one command; a refusal is kept in `refused`. Whoever agrees to a plan has looked at it."""
        plan = self.world.plans.get(getattr(command, "subject", "").removeprefix("plan:"))
        if isinstance(command, Approve) and plan is not None and not command.binds:
            command = replace(command, binds=plan.hash)
        found = decide(command, self.world, self.book, self.now, who, "story")
        self.refused = found if isinstance(found, Verdict) else None
        if isinstance(found, Decided):
            self.world, self.result = found.world, found.result
            self.records.extend(found.records)
            self.effects.extend(react_all(found.records, found.world, self.book))
        return self

    def wait(self, milliseconds: int) -> Story:
        """Let time pass, and issue whatever falls due on the way."""
        end = replace(
            self.now,
            utc=self.now.utc + timedelta(milliseconds=milliseconds),
            monotonic_ms=self.now.monotonic_ms + milliseconds,
        )
        while True:
            self.settle()
            next_at = due(self.world, self.book, self.now).next_at
            if next_at is None or next_at > end.utc:
                break
            passed = round((next_at - self.now.utc) / timedelta(milliseconds=1))
            self.now = replace(self.now, utc=next_at, monotonic_ms=self.now.monotonic_ms + passed)
        self.now = end
        return self.settle()

    def settle(self) -> Story:
        """Issue due commands until none is left."""
        for _ in range(200):
            commands = due(self.world, self.book, self.now).commands
            if not commands:
                return self
            before = len(self.records)
            for command in commands:
                self.when(command, TIMEKEEPER)
            assert len(self.records) > before, f"due spins on {commands}: {self.refused}"
        raise AssertionError("due never comes to rest")

    def answer(self, outcome: Outcome | None = None, *, only: str = "") -> Story:
        """End the effects that are under way (those whose verb is `only`, when given)."""
        mine = [effect for effect in self.effects if not only or effect.verb == only]
        self.effects = [effect for effect in self.effects if effect not in mine]
        for effect in mine:
            self.when(RecordOutcome(effect, outcome or done(f"{effect.verb} seen")), RUNNER)
        return self

    def sample(self, **good: bool) -> Story:
        """One round of samples in every open incident; probes not named are good."""
        names = [spec.name for spec in self.policy.fleet.probes()]
        samples = tuple(
            Sample(name, good.get(name.replace("-", "_"), True), "seen") for name in names
        )
        for incident in self.world.open_incidents():
            self.when(RecordSamples(incident.id, samples, 1000), MONITOR)
        return self

    def register(self) -> Story:
        for agent in self.policy.roster.agents:
            self.when(
                RegisterAgent(agent.id, agent.name, agent.team, agent.adapter, agent.options),
                COORDINATOR,
            )
        return self

    def kinds(self) -> list[str]:
        return [record.kind for record in self.records]


def outage(rules: Policy | None = None, **more: Any) -> Story:
    """Two agents, a known good release, and a SEV1 declared by the monitor. rules: instead of `policy()`."""
    story = Story(rules or policy()).register()
    story.world = replace(story.world, known_good={"payments": KnownGood("good-tree", 600_000)})
    command = DeclareIncident(
        "buying fails",
        ("payments",),
        "monitor",
        Impact(core_functions_down=("buying",)),
        began_at=START,
        **more,
    )
    return story.when(command, MONITOR)
