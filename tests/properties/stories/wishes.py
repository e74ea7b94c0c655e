"""What anybody may wish in a story: every command of the core, with arguments that fit or do not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any, TypeVar

from allstop.domain import confirmations as cf
from allstop.domain import proposals as pr
from allstop.domain import readiness as rd
from allstop.domain.conditions import OPERATORS
from allstop.domain.halt import commands as h
from allstop.domain.halt.scope import DEFAULT
from allstop.domain.impact import Impact
from allstop.domain.incident import commands as c
from allstop.domain.incident import course_commands as cc
from allstop.domain.incident import course_events as ce
from allstop.domain.incident import work_commands as w
from allstop.domain.incident.aftercare_commands import EndAftercare
from allstop.domain.incident.state import Incident
from allstop.domain.money import Money
from allstop.domain.plan import commands as p
from allstop.domain.plan.asked import Asked
from allstop.domain.policy import Condition, Policy, Protocol
from allstop.domain.principal import COORDINATOR, MONITOR, TIMEKEEPER, Kind, Principal
from allstop.domain.remedy import STATED_FACTS
from allstop.domain.world import World
from tests.properties.stories.hosts import HOST_WISHES
from tests.properties.stories.levers import LEVER_WISHES, lever_asked
from tests.properties.stories.stage import HOUR, MINUTE, Stage

T = TypeVar("T")
WORDS = ("because it is so", "we saw it", "see the board")
ODD = ("", " ", "x" * 4001)
NAMES = ("nothing", "", "INC-99")


@dataclass
class Wish:
    """What a wish is made of: the stage as it stands, and chance."""

    stage: Stage
    chance: Random

    @property
    def world(self) -> World:
        return self.stage.world

    @property
    def policy(self) -> Policy:
        return self.stage.policy

    @property
    def protocol(self) -> Protocol:
        return self.policy.protocol

    def one(self, of: Iterable[T], odd: T | None = None) -> T:
        """One of these; now and then, or when there is none, something odd instead."""
        known = tuple(of)
        if odd is not None and (not known or self.chance.random() < 0.06):
            return odd
        return self.chance.choice(known)

    def words(self) -> str:
        return self.one(ODD) if self.chance.random() < 0.05 else self.one(WORDS)

    def is_so(self, share: float = 0.5) -> bool:
        return self.chance.random() < share

    def incident(self) -> str:
        """Mostly one that is open, sometimes one that has ended, rarely none."""
        every = tuple(self.world.incidents)
        open_ones = tuple(one.id for one in self.world.open_incidents())
        return self.one(open_ones if open_ones and self.is_so(0.8) else every, "INC-99")

    def found(self) -> Incident | None:
        return self.world.incidents.get(self.incident())

    def ended(self) -> str:
        """Mostly one whose response has ended."""
        gone = tuple(one.id for one in self.world.incidents.values() if not one.is_open)
        return self.one(gone, "INC-99") if gone and self.is_so(0.8) else self.incident()

    def person(self) -> str:
        return self.one((one.id for one in self.policy.roster.people), "mallory")

    def agent(self) -> str:
        return self.one((one.id for one in self.policy.roster.agents), "ghost")

    def role(self) -> str:
        return self.one((one.name for one in self.protocol.roles), "piper")

    def service(self) -> str:
        return self.one((*(one.name for one in self.policy.fleet.services), ""), "paymnts")

    def severity(self) -> str:
        return self.one((one.name for one in self.protocol.severities), "SEV9")

    def halt(self) -> str:
        standing = tuple(one.id for one in self.world.standing_halts())
        return self.one(standing if standing and self.is_so(0.8) else self.world.halts, "HALT-99")

    def plan(self) -> str:
        live = tuple(one.id for one in self.world.plans.values() if one.ended_at is None)
        return self.one(live if live and self.is_so(0.8) else self.world.plans, "PLAN-99")

    def step(self, plan: str) -> str:
        found = self.world.plans.get(plan)
        if found is None:
            return "nothing"
        held = tuple(found.holding)
        return self.one(held or (one.id for one in found.steps), "nothing")

    def proposal(self) -> str:
        return self.one(self.world.proposals, "PROP-99")

    def part(self, of: Callable[[Incident], Iterable[str]], incident: str) -> str:
        found = self.world.incidents.get(incident)
        return self.one(of(found) if found else (), "nothing")

    def at(self) -> Any:
        """A time: mostly to come."""
        return self.stage.now.utc + timedelta(
            milliseconds=self.one((-HOUR, MINUTE, HOUR, 30 * HOUR, 200 * HOUR))
        )

    def impact(self) -> Impact:
        """What makes a row of the classification or a kind hold, or anything at all."""
        rows = [one.when for one in self.protocol.classification if one.when]
        rows += [one.when for one in self.protocol.activation.kinds if one.when]
        if rows and self.is_so(0.7):
            return impact_of(self.one(rows))
        some: dict[str, Any] = {
            "core_functions_down": self.one(((), ("buying",))), "failed_share_percent": self.one((None, 0, 5, 50, 95)),
            "users": self.one((None, 0, 3, 5000)), "data_loss": self.one((None, False, False, True)),
            "breach": self.one((None, False, False, True)), "compliance": self.one((None, "none", "possible", "violated")),
            "lost_per_hour": self.one((None, Money("20.00", "USD"), Money("90000.00", "EUR"))),
            "capacity_lost_percent": self.one((None, 0, 50, 95)), "server_errors": self.one((None, False, True)),
        }  # fmt: skip
        return Impact(**{name: value for name, value in some.items() if self.is_so(0.3)})


def impact_of(when: tuple[Condition, ...]) -> Impact:
    """An impact that satisfies these tests, as far as one can."""
    found: dict[str, Any] = {}
    for one in when:
        found[one.fact] = _satisfying(one)
    return Impact(**found)


def _satisfying(one: Condition) -> Any:
    assert one.op in OPERATORS
    if one.op == "is" and (one.value is None or isinstance(one.value, bool)):
        return one.value
    if one.op in ("is", "is_not") and isinstance(one.value, str):
        return one.value if one.op == "is" else "none"
    number = int(float(str(one.value)))
    number += {"more_than": 1, "less_than": -1}.get(one.op, 0)
    if one.fact in ("core_functions_down", "functions_down"):
        return tuple(f"function {count}" for count in range(max(0, number)))
    if one.unit:
        return Money(f"{max(0, number)}.00", one.unit)
    return max(0, number)


def _declare(y: Wish) -> Any:
    kinds = [one.name for one in y.protocol.activation.kinds]
    services = (
        tuple(y.service() for _ in range(y.one((0, 1, 1, 2))))
        if y.is_so(0.3)
        else (y.policy.fleet.services[0].name,)
    )
    began = y.stage.now.utc - timedelta(minutes=3) if y.is_so(0.3) else None
    return c.DeclareIncident(
        y.one(("it fails", "buying fails", "odd things"), ""), tuple(filter(None, services)), "manual", y.impact(),
        y.severity() if y.is_so(0.4) else "", y.one(("", "", "one", "two")), began,
        kind=y.one(kinds, "odd") if kinds and y.is_so(0.3) else "", domain=y.one(("", "", "payments")),
        private=y.is_so(0.12),
    )  # fmt: skip


def _propose(y: Wish) -> Any:
    alerts, phrases = y.protocol.activation.alerts, y.protocol.activation.phrases
    if alerts and y.is_so(0.6):
        return pr.ProposeActivation(
            "the pager rings", "pager", dict(y.one(alerts).labels), (y.service() or "x",)
        )
    said = y.one(phrases, "the sun shines") if phrases else "the sun shines"
    return pr.ProposeActivation(f"hear: {said}", y.one(("", "chat")))  # fmt: skip


def _fields(y: Wish, fields: Any) -> dict[str, str]:
    """What a form asks for, but for what is left out now and then."""
    given = {}
    for one in fields:
        value = {
            "time": "2026-03-27T18:00Z",
            "choice": y.one(one.choices) if one.choices else "",
        }.get(one.kind, "so and so")
        if y.is_so(0.93):
            given[one.id] = value if y.is_so(0.97) else "odd"
    return given


def _form(y: Wish, id: str) -> Any:
    form = y.one(y.protocol.forms)
    return w.FileForm(id, form.id if y.is_so(0.97) else "odd", _fields(y, form.fields))


def _update(y: Wish) -> Any:
    expected = y.at() if y.is_so(0.4) else None
    return c.PostUpdate(
        y.incident(),
        y.one(y.protocol.updates.statuses, "odd"),
        y.words(),
        _fields(y, y.protocol.updates.fields),
        expected,
    )


def _state(y: Wish) -> Any:
    subjects = [one.subject for one in y.protocol.criteria() if one.kind.value == "statement"]
    return c.RecordStatement(y.incident(), y.one((*subjects, "caused-by"), "weather"), y.words())


def _approve(y: Wish) -> Any:
    id = y.incident()
    plans = [f"plan:{one.id}" for one in y.world.plans_of(id)]
    found = y.world.incidents.get(id)
    changes = [f"change:{one}" for one in found.changes] if found else []
    subject = y.one((*plans, *plans, *changes, *changes, "stand-down"), "lunch")
    plan = y.world.plans.get(subject.removeprefix("plan:"))
    binds = y.one((plan.hash, plan.hash, "", "0" * 64)) if plan else ""
    return c.Approve(id, subject, binds, "", as_reviewer=y.is_so(0.35))


def _override(y: Wish) -> Any:
    id = y.incident() if y.is_so(0.8) else y.ended()
    subjects = [one.id for one in y.protocol.criteria()]
    subjects += [f"plan:{one.id}" for one in y.world.plans_of(id)]
    subjects += [f"halt:{one.id}" for one in y.world.all_halts_of(id)]
    subjects += (
        [f"change:{one}" for one in y.world.incidents[id].changes]
        if id in y.world.incidents
        else []
    )
    subjects += [f"severity:{y.severity()}", "phase", "preflight", "close"]
    return c.Override(id, y.one(subjects, "sky"), y.words())


def _facts(y: Wish) -> Any:
    facts: dict[str, Any] = {
        name: y.one((5, 20, 60)) if sort == "number" else y.is_so()
        for name, sort in STATED_FACTS.items()
        if y.is_so(0.2)
    }
    if y.is_so(0.1):
        facts[y.one(STATED_FACTS, "weather")] = y.one((None, -1, "odd"))
    return w.RecordFacts(y.incident(), facts, y.words())


def _end_task(y: Wish) -> Any:
    id = y.incident()
    return w.EndTask(
        id, y.part(lambda one: one.tasks, id), y.one(("done", "done", "dropped"), "odd"), y.words()
    )


def _assign_task(y: Wish) -> Any:
    id = y.incident()
    return w.AssignTask(id, y.part(lambda one: one.tasks, id), y.one((y.person(), y.agent(), "")))


def _crew(y: Wish) -> Any:
    crews = [one.name for one in y.protocol.crews]
    members = tuple(y.one((f"person:{y.person()}", y.agent())) for _ in range(y.one((0, 1, 2))))
    return w.AssignCrew(y.incident(), y.one(crews, "nobody"), members, y.one(("", "do it well")))


def _change(y: Wish) -> Any:
    rules = y.protocol.approvals
    known = [int(level) for level in rules.levels] or [0, 3]
    action = y.one(rules.risk, "magic") if rules.risk and y.is_so(0.4) else ""
    return w.ProposeChange(y.incident(), y.words()[:300], y.one(known, 99), action, y.service())


def _end_change(y: Wish) -> Any:
    id = y.incident()
    return w.EndChange(
        id,
        y.part(lambda one: one.changes, id),
        y.one(("made", "made", "refused", "withdrawn"), "odd"),
        y.words(),
    )


def _change_action(y: Wish) -> Any:
    id = y.ended()
    return w.ChangeAction(
        id, y.part(lambda one: one.actions, id), y.one(("", "done", "done", "dropped", "open")), y.one(("", y.person(), y.role())),
        y.at() if y.is_so(0.3) else None, y.one(("", "low", "odd")), "", y.one(("", "moved on")),
    )  # fmt: skip


def _meet(y: Wish) -> Any:
    id = y.ended()
    return w.MeetObligation(id, y.part(lambda one: one.obligations, id), y.words())


def _meeting(y: Wish) -> Any:
    id = y.ended()
    return cc.ScheduleMeeting(id, y.part(lambda one: one.obligations, id), y.at())


def _late_review(y: Wish) -> Any:
    return p.LateReview(y.incident(), f"plan:{y.plan()}")


def _clock(y: Wish, id: str) -> str:
    return y.part(lambda one: one.clocks, id)


def _for(make: Callable[[Wish, str], Any]) -> Callable[[Wish], Any]:
    """A command about some incident."""
    return lambda y: make(y, y.incident())


def _after(make: Callable[[Wish, str], Any]) -> Callable[[Wish], Any]:
    """A command about an incident that has mostly ended."""
    return lambda y: make(y, y.ended())


def _about(make: Callable[[Wish, str], Any]) -> Callable[[Wish], Any]:
    """A command about some plan."""
    return lambda y: make(y, y.plan())


def _asked(y: Wish) -> Asked:
    """A plan for parts of the fleet: one that can be drawn, or nonsense."""
    if y.is_so(0.3):
        books = [one.name for one in y.policy.playbooks]
        purpose = y.one(("playbook", "playbook", "recover"))
        return Asked(purpose, playbook=y.one((*books, ""), "no-such-book"))
    if y.is_so(0.4):
        purpose = y.one(("rollback", "fix", "snapshot", "restore"))
        release = y.one(("", "", "tree-1"), "--force")
        until = y.one(("", y.at().isoformat()), "once")
        return Asked(purpose, (y.service(),), release=release, until=until)
    if y.is_so(0.3):
        return lever_asked(y)
    purpose = y.one(("stop", "contain", "recover", "degrade", "undo"), "explode")
    targets = tuple(y.service() for _ in range(y.one((0, 1, 2))))
    return Asked(
        purpose, y.one((targets, ("all",))), y.is_so(), tuple(y.service() for _ in range(y.one((0, 1)))),
        y.one(("minor", "critical", ""), "x"), y.plan(), y.one(("", "stop-payments")), y.one((0, 60_000)),
    )  # fmt: skip


# How each command is wished for. What reports on an effect, or on the probes, comes from the stage.
WISHES: dict[type, Callable[[Wish], Any]] = {
    c.DeclareIncident: _declare,
    c.MeasureImpact: _for(lambda y, id: c.MeasureImpact(id, y.impact())),
    c.SetSeverity: _for(lambda y, id: c.SetSeverity(id, y.severity(), y.words())),
    c.AssignRole: _for(lambda y, id: c.AssignRole(id, y.role(), y.person())),
    c.OfferHandoff: _for(lambda y, id: c.OfferHandoff(id, y.role(), y.person(), "all of it")),
    c.AcceptHandoff: _for(lambda y, id: c.AcceptHandoff(id, y.part(lambda one: one.offers, id))),
    c.AcknowledgeIncident: _for(lambda _, id: c.AcknowledgeIncident(id)),
    c.RequestUpdate: _for(lambda y, id: c.RequestUpdate(id, y.one((1, 2, 3)))),
    c.PostUpdate: _update,
    c.RecordStatement: _state,
    c.AddNote: _after(lambda y, id: c.AddNote(id, y.words())),
    c.RecordReport: _after(lambda _, id: c.RecordReport(id, "r.md", "0" * 64)),
    c.DecideRemedy: _for(lambda y, id: c.DecideRemedy(id, y.one(("", "rollback", "fix", "fix", "investigate"), "pray"), y.words(), y.service())),
    c.CollectEvidence: _for(lambda y, id: c.CollectEvidence(id, y.one(((), (y.service(),))), y.one(((), ("health", "recent-changes"))))),
    c.AdvancePhase: _for(lambda _, id: c.AdvancePhase(id)),
    c.Approve: _approve,
    c.StandDown: _for(lambda y, id: c.StandDown(id, y.words())),
    c.NoteRelease: lambda y: c.NoteRelease(y.service(), y.one(("tree-1", "tree-2")), 700_000),
    c.MissDeadline: _for(lambda y, id: c.MissDeadline(id, _clock(y, id))),
    c.Override: _override,
    h.RegisterAgent: lambda y: h.RegisterAgent(
        y.one((y.agent(), "new-1", "new-2")), "new", y.one((one.name for one in y.policy.roster.teams), "crew"), y.one(("rehearsal", "rehearsal", "host")), {},
        y.one(("", "web-1")), y.one(("", "s-1")), y.one(("", "/srv/shop")),
    ),
    h.RemoveAgent: lambda y: h.RemoveAgent(y.one(("new-1", "new-2", y.agent())), y.words()),
    h.OrderHalt: lambda y: h.OrderHalt(
        y.one(("all", "all", f"agent:{y.agent()}", f"team:{y.policy.roster.teams[0].name}"), "sky"), y.words(),
        y.one(("", y.incident())), y.one(((), (), (y.agent(),))), y.one((DEFAULT, DEFAULT, ("hard",), ("write",), ("x",))),
    ),
    h.ReleaseHalt: lambda y: h.ReleaseHalt(y.halt(), y.words(), keys=y.one(((), ("k1",), ("k1", "k2")))),
    h.AbortRelease: lambda y: h.AbortRelease(y.halt(), y.words()),
    h.AnswerRollCall: lambda y: h.AnswerRollCall(y.agent(), y.halt(), "stopped", "a task", "0" * 12, "", y.is_so()),
    h.RemindRollCall: lambda y: h.RemindRollCall(y.halt()),
    h.CloseRollCall: lambda y: h.CloseRollCall(y.halt()),
    cf.ConfirmProtocol: lambda y: cf.ConfirmProtocol(y.one((y.protocol.name,), "another")),
    p.MakePlan: _for(lambda y, id: p.MakePlan(id, y.one(("contain", "remedy"), "x"))),
    p.DrawPlan: _for(lambda y, id: p.DrawPlan(id, _asked(y))),
    p.PausePlan: _about(lambda y, id: p.PausePlan(id, y.words())),
    p.ContinuePlan: _about(lambda _, id: p.ContinuePlan(id)),
    p.WaiveStep: _about(lambda y, id: p.WaiveStep(id, y.step(id), y.words())),
    p.StartPlan: _about(lambda _, id: p.StartPlan(id)),
    p.RetryStep: _about(lambda y, id: p.RetryStep(id, y.step(id))),
    p.SettleStep: _about(lambda y, id: p.SettleStep(id, y.step(id), y.is_so(), y.words())),
    p.AbortPlan: _about(lambda y, id: p.AbortPlan(id, y.words())),
    p.FailGate: _about(lambda y, id: p.FailGate(id, y.step(id))),
    p.CheckRules: _about(lambda _, id: p.CheckRules(id)),
    p.MissPhase: _about(lambda y, id: p.MissPhase(id, y.one(("first", "second"), "third"))),
    p.LateReview: _late_review,
    pr.ProposeActivation: _propose,
    pr.ConfirmActivation: lambda y: pr.ConfirmActivation(y.proposal(), y.one(("", "so it is")), y.one(("", y.severity()))),
    pr.DismissActivation: lambda y: pr.DismissActivation(y.proposal(), y.words()),
    cc.TriageIncident: _for(lambda y, id: cc.TriageIncident(id, y.is_so(0.85), y.words(), y.one(("", y.severity())))),
    cc.SetDeadlines: _for(lambda _, id: cc.SetDeadlines(id)),
    cc.WarnDeadline: _for(lambda y, id: cc.WarnDeadline(id, _clock(y, id))),
    cc.ElapseTimer: _for(lambda y, id: cc.ElapseTimer(id, y.one((one.id for one in y.protocol.criteria()), "x"))),
    cc.IssueNotice: _for(lambda y, id: cc.IssueNotice(id, y.one((one.name for one in y.protocol.audiences), "x"))),
    cc.CorrectEntry: _after(lambda y, id: cc.CorrectEntry(id, y.one((1, 2, 5, 20), 999), y.words(), y.words())),
    cc.LinkIncidents: _for(lambda y, id: cc.LinkIncidents(id, y.incident(), y.one(("related", "causes", "caused-by", "duplicate-of"), "x"))),
    cc.MergeIncident: _for(lambda y, id: cc.MergeIncident(id, y.incident(), y.words())),
    cc.SetPrivacy: _for(lambda y, id: cc.SetPrivacy(id, y.is_so(), y.words())),
    cc.ReopenIncident: _after(lambda y, id: cc.ReopenIncident(id, y.words())),
    cc.CloseIncident: _after(lambda y, id: cc.CloseIncident(id, y.one(("", "done with it")))),
    cc.ExtendMode: _for(lambda y, id: cc.ExtendMode(id, y.at(), y.words())),
    cc.EndMode: _for(lambda y, id: cc.EndMode(id, y.words())),
    cc.AskRelief: _for(lambda y, id: cc.AskRelief(id, y.person())),
    cc.ScheduleMeeting: _meeting,
    EndAftercare: _after(lambda y, id: EndAftercare(id, y.one((one.id for one in y.protocol.aftercare), "x"))),
    cc.BeginPreflight: _for(lambda _, id: cc.BeginPreflight(id)),
    rd.NotePreflight: lambda y: rd.NotePreflight((ce.CheckResult("probes", "x", y.one((True, False, None)), y.words()),)),
    w.FileForm: _after(_form),
    w.AddTask: _for(lambda y, id: w.AddTask(id, y.words()[:300], y.one(("", y.person(), y.agent())))),
    w.AssignTask: _assign_task,
    w.EndTask: _end_task,
    w.AddEvidence: _for(lambda y, id: w.AddEvidence(id, y.one(("observation", "log", "hypothesis"), "x"), y.words(), y.service())),
    w.RecordFacts: _facts,
    w.ProposeCrews: _for(lambda _, id: w.ProposeCrews(id)),
    w.AssignCrew: _crew,
    w.ProposeChange: _change,
    w.EndChange: _end_change,
    w.AddAction: _after(lambda y, id: w.AddAction(id, y.words(), y.one((y.person(), y.role())), y.at(), y.one(("high", "low"), "odd"))),
    w.ChangeAction: _change_action,
    w.MeetObligation: _meet,
    w.RemindObligation: _after(lambda y, id: w.RemindObligation(id, y.part(lambda one: one.obligations, id))),
    w.AwardPoints: lambda y: w.AwardPoints(y.one((one.name for one in y.policy.roster.teams), "x"), y.one((5, -10), 0), y.words(), y.one(("", y.ended()))),
    **LEVER_WISHES,
    **HOST_WISHES,
}  # fmt: skip


def anybody(y: Wish) -> Principal:
    """Whoever asks: people mostly, and now and then somebody who has no business with it."""
    luck = y.chance.random()
    if luck < 0.35:
        held = [who for one in y.world.open_incidents() for who in one.roles.values() if who]
        return Principal(y.one((*held, "owner")), Kind.PERSON)
    if luck < 0.8:
        return Principal(y.person(), Kind.PERSON)
    if luck < 0.88:
        return Principal(y.agent(), Kind.AGENT)
    if luck < 0.92:
        return Principal(y.one(("pager", "host:web-1")), Kind.SOURCE)
    return y.one((TIMEKEEPER, MONITOR, COORDINATOR))
