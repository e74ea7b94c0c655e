"""Somebody who knows what is missing: the next thing that brings an incident further."""

from __future__ import annotations

from typing import Any

from allstop.domain.gates import CriterionStanding, phase_standings, standings
from allstop.domain.halt import commands as h
from allstop.domain.incident import commands as c
from allstop.domain.incident import course_commands as cc
from allstop.domain.incident import work_commands as w
from allstop.domain.incident.state import Incident
from allstop.domain.plan import commands as p
from allstop.domain.plan.lifecycle import PlanState, StepState
from allstop.domain.plan.state import RULE, Plan
from allstop.domain.policy import Criterion, CriterionKind
from allstop.domain.principal import Kind, Principal
from tests.properties.stories.stage import HOUR, MINUTE, SECOND, Ask, Deed, Pass, Watch
from tests.properties.stories.wishes import WISHES, Wish, impact_of

OWNER = Principal("owner", Kind.PERSON)


def steered(y: Wish) -> Deed:
    """What the incident at hand needs next."""
    open_ones = y.world.open_incidents()
    ended = [one for one in y.world.incidents.values() if one.state in ("stood-down", "closed")]
    if not open_ones and (not ended or y.is_so(0.15)):
        return Ask(WISHES[c.DeclareIncident](y), _person(y, "owner"))
    if ended and (not open_ones or y.is_so(0.4)):
        return _afterwards(y, y.one(ended))
    return _onwards(y, open_ones[0] if y.is_so(0.8) else y.one(open_ones))


def _person(y: Wish, role: str, incident: Incident | None = None) -> Principal:
    """Whoever holds a role, or the owner."""
    held = incident.roles.get(role, "") if incident else ""
    return Principal(held or "owner", Kind.PERSON)


def _onwards(y: Wish, one: Incident) -> Deed:
    policy = y.stage.book.pinned(one.policy)
    if "resolved" in one.milestones:
        wanted = standings(y.world, policy, one, policy.protocol.stand_down)
    else:
        wanted = phase_standings(y.world, policy, one, policy.protocol.phase(one.phase))
    missing = [each for each in wanted if not each.passed]
    held = [
        each
        for each in y.world.plans_of(one.id)
        if each.state in (PlanState.HELD, PlanState.RUNNING)
    ]
    if missing:
        return _meet(y, one, y.one(missing))
    if held:
        return _plan(y, one, held[-1])
    if "resolved" not in one.milestones:
        return Ask(c.AdvancePhase(one.id), _person(y, "commander", one))
    if y.is_so(0.3):
        return Watch(3, 20 * SECOND, good=True)
    return Ask(c.StandDown(one.id, "it is over"), _person(y, "commander", one))  # fmt: skip


def _meet(y: Wish, one: Incident, missing: CriterionStanding) -> Deed:
    """What meets a criterion."""
    criterion = missing.criterion
    match criterion.kind:
        case CriterionKind.ROLL_CALL:
            return _roll_call(y, one)
        case CriterionKind.PLAN:
            return _plans(y, one, criterion.subject)
        case CriterionKind.PROBE | CriterionKind.STABLE_FOR:
            return Watch(y.one((3, 4, 7)), y.one((20 * SECOND, 5 * MINUTE)), good=True)
        case CriterionKind.ROLE:
            return Ask(c.AssignRole(one.id, criterion.subject, y.person()), OWNER)
        case _:
            command = _command(y, one, criterion)
            commander = _person(y, "commander", one)
            return Ask(command, commander) if command is not None else Pass(10 * MINUTE)


def _command(y: Wish, one: Incident, criterion: Criterion) -> Any:
    """The one command that meets a criterion, or None where only time does."""
    subject = criterion.subject
    match criterion.kind:
        case CriterionKind.REMEDY:
            return c.DecideRemedy(one.id, y.one(("rollback", "fix", "investigate")), "we choose it")
        case CriterionKind.STATEMENT:
            return c.RecordStatement(one.id, subject, "it is so")
        case CriterionKind.APPROVAL:
            return c.Approve(one.id, "stand-down")
        case CriterionKind.FORM:
            return _form(y, one.id, subject)
        case CriterionKind.CREWS:
            lacking = (
                each.name
                for each in y.protocol.crews
                if each.name not in one.crews or not one.crews[each.name].members
            )
            return w.AssignCrew(one.id, y.one(lacking, "x"), (f"person:{y.person()}",))
        case CriterionKind.TASKS:
            waiting = (each.id for each in one.tasks.values() if each.state == "open")
            return w.EndTask(one.id, y.one(waiting, "x"), "done")
        case CriterionKind.IMPACT:
            return c.MeasureImpact(one.id, impact_of(criterion.when))
        case _:
            return None


def _form(y: Wish, incident: str, id: str) -> Any:
    form = y.protocol.form(id)
    given = {"time": "2026-03-27T18:00Z"}
    fields = {
        each.id: each.choices[0] if each.choices else given.get(each.kind, "so and so")
        for each in (form.fields if form else ())
    }
    return w.FileForm(incident, id, fields)


def _roll_call(y: Wish, one: Incident) -> Deed:
    lines = [
        (halt.id, line.agent)
        for halt in y.world.halts_of(one.id)
        if halt.stands
        for line in halt.roll.values()
        if line.state.value not in ("confirmed", "enforced", "answered")
    ]
    if not lines or y.is_so(0.15):
        return (
            Ask(c.Override(one.id, "phase", "we must go on"), OWNER) if y.is_so() else Pass(MINUTE)
        )
    halt, agent = y.one(lines)
    who = Principal(agent, Kind.AGENT) if y.is_so() else OWNER
    return Ask(h.AnswerRollCall(agent, halt, "stopped", "", "0" * 12, "", available=True), who)


def _plans(y: Wish, one: Incident, purpose: str) -> Deed:
    found = [
        each
        for each in y.world.plans_of(one.id)
        if each.purpose == purpose and each.state is not PlanState.ABORTED
    ]
    if found:
        return _plan(y, one, found[-1])
    if y.is_so(0.3):
        return Ask(
            c.DecideRemedy(one.id, y.one(("rollback", "fix")), "so we choose"),
            _person(y, "commander", one),
        )
    return Ask(p.MakePlan(one.id, purpose), _person(y, "commander", one))  # fmt: skip


def _plan(y: Wish, one: Incident, plan: Plan) -> Deed:
    """What brings a plan further."""
    commander = _person(y, "commander", one)
    match plan.state:
        case PlanState.PROPOSED:
            lacking = [role for role in plan.reviewers if not one.roles.get(role)]
            if lacking and y.is_so(0.5):
                return Ask(c.AssignRole(one.id, y.one(lacking), lacking[0]), OWNER)
            if plan.reviewers and y.is_so(0.6):
                review = c.Approve(one.id, f"plan:{plan.id}", plan.hash, as_reviewer=True)
                return Ask(review, _person(y, y.one(plan.reviewers), one))
            signer = y.one((commander, OWNER, Principal("deputy", Kind.PERSON)))
            return Ask(c.Approve(one.id, f"plan:{plan.id}", plan.hash), signer)
        case PlanState.APPROVED:
            return Ask(p.StartPlan(plan.id), commander)
        case PlanState.HELD:
            return Ask(_freed(y, plan), commander)
        case _:
            return (
                Watch(3, 20 * SECOND, good=True)
                if y.is_so()
                else Pass(y.one((20 * SECOND, MINUTE, 11 * MINUTE, 61 * MINUTE)))
            )


def _freed(y: Wish, plan: Plan) -> Any:
    key = y.one(plan.holding, "x")
    unknown = not key.startswith(RULE) and plan.standing(key).state is StepState.UNKNOWN
    if y.is_so(0.1):
        return p.AbortPlan(plan.id, "it leads nowhere")
    if unknown and y.is_so(0.7):
        return p.SettleStep(plan.id, key, y.is_so(0.7), "we looked")
    return p.RetryStep(plan.id, key)


def _afterwards(y: Wish, one: Incident) -> Deed:
    """What is owed after it, what closing asks for, and what comes back."""
    if y.is_so(0.08):
        return Ask(cc.ReopenIncident(one.id, "it is back"), _person(y, "commander", one))
    if one.state == "closed":
        return Pass(y.one((HOUR, 30 * HOUR)))
    marks = y.stage.book.pinned(one.policy).protocol.closing.requires.get(one.severity, ())
    owed = [each.id for each in one.obligations.values() if not each.met]
    todo: list[Any] = [_mark(y, one, mark) for mark in marks]
    todo += [w.MeetObligation(one.id, id, "it was done") for id in owed]
    todo += [cc.CloseIncident(one.id)] * 2
    return Ask(y.one([each for each in todo if each is not None]), _person(y, "commander", one))


def _mark(y: Wish, one: Incident, mark: str) -> Any:
    """What reaches a mark, where one command does and it was not reached."""
    kind, _, name = mark.partition(":")
    match kind:
        case "form" if name not in one.forms:
            return _form(y, one.id, name)
        case "statement" if name not in one.statements:
            return c.RecordStatement(one.id, name, "so it is")
        case "report" if not one.report:
            return c.RecordReport(one.id, "r.md", "0" * 64)
        case "action-items" if not one.actions:
            return w.AddAction(one.id, "mend it", "commander", y.at(), "high")
        case _:
            return None
