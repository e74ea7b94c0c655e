"""What somebody has begun, somebody takes up: each thing that waits for an answer gets one now and then."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from allstop.domain import proposals as pr
from allstop.domain.deciding.own_steps import is_open_task
from allstop.domain.halt import commands as h
from allstop.domain.impact import IMPACT_FACTS
from allstop.domain.incident import commands as c
from allstop.domain.incident import course_commands as cc
from allstop.domain.incident import work_commands as w
from allstop.domain.incident.state import Incident
from allstop.domain.plan import commands as p
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.lifecycle import PlanState
from allstop.domain.principal import Kind, Principal
from tests.properties.stories.playbooks import NAME
from tests.properties.stories.stage import HOUR, Ask, Deed, Pass
from tests.properties.stories.steering import OWNER
from tests.properties.stories.wishes import WISHES, Wish, impact_of

Chance = tuple[Any, Principal]
# Small talk of an emergency: what people do all the time beside what gates ask for.
_USUAL = (
    c.PostUpdate, c.AddNote, w.AddEvidence, w.RecordFacts, c.MeasureImpact, c.SetSeverity,
    w.ProposeChange, w.AddTask, c.OfferHandoff, w.AddAction, c.Override, h.OrderHalt, pr.ProposeActivation,
    cc.BeginPreflight, c.NoteRelease, c.DeclareIncident, w.AwardPoints, cc.SetPrivacy, w.AssignCrew,
)  # fmt: skip


def pursued(y: Wish) -> Deed:
    """An answer to something that waits, or something usual by somebody who may."""
    waiting = list(_waiting(y))
    if waiting and y.is_so(0.65):
        return Ask(*y.one(waiting))
    if y.is_so(0.05):
        return Pass(HOUR)
    kind = y.one(_USUAL)
    held = [name for one in y.world.open_incidents() for name in one.roles.values() if name]
    who = Principal(y.one((*held, "owner")), Kind.PERSON)
    return Ask(WISHES[kind](y), who)


def _waiting(y: Wish) -> Iterator[Chance]:
    for proposal in y.world.proposals.values():
        if proposal.state == "open":
            yield pr.ConfirmActivation(proposal.id), _asked(y, proposal.asked)
            yield pr.DismissActivation(proposal.id, "it is none"), _asked(y, proposal.asked)
    for halt in y.world.standing_halts():
        if not halt.incident or y.is_so(0.1):
            yield h.ReleaseHalt(halt.id, "go on"), OWNER
    for one in y.world.incidents.values():
        if one.is_open:
            yield from _open(y, one)
        elif one.state in ("stood-down", "closed"):
            yield from _ended(y, one)


def _asked(y: Wish, people: tuple[str, ...]) -> Principal:
    return Principal(y.one(people), Kind.PERSON) if people else OWNER


def _open(y: Wish, one: Incident) -> Iterator[Chance]:
    commander = Principal(one.roles.get("commander") or "owner", Kind.PERSON)
    if one.acknowledged_at is None:
        yield c.AcknowledgeIncident(one.id), Principal(y.person(), Kind.PERSON)
    if one.triaged_at is None:
        yield cc.TriageIncident(one.id, y.is_so(0.6), "we looked"), commander
    for role, to in one.offers.items():
        yield c.AcceptHandoff(one.id, role), Principal(to, Kind.PERSON)
    for task in one.tasks.values():
        if task.state == "open":
            yield w.EndTask(one.id, task.id, y.one(("done", "dropped")), "so it is"), commander
            break
    yield from _changes(y, one, commander)
    yield from _against_rules(y, one)
    for _ in range(4):
        yield from _by_the_book(y, one, commander)
    others = [each.id for each in y.world.open_incidents() if each.id != one.id]
    if others:
        yield cc.MergeIncident(one.id, y.one(others), "it is the same"), commander
    if one.mode is not None:
        ends = cc.EndMode(one.id, "enough")
        yield y.one((ends, cc.ExtendMode(one.id, y.at(), "not yet"))), commander


def _changes(y: Wish, one: Incident, commander: Principal) -> Iterator[Chance]:
    for change in one.changes.values():
        subject = f"change:{change.id}"
        if change.state == "proposed":
            if change.reviewers:
                role = y.one(change.reviewers)
                holder = one.roles.get(role)
                review = c.Approve(one.id, subject, as_reviewer=True)
                assign = c.AssignRole(one.id, role, role)
                yield (review, Principal(holder, Kind.PERSON)) if holder else (assign, OWNER)
            kind, _, name = change.requested_by.partition(":")
            yield c.Approve(one.id, subject), Principal(name, Kind(kind))
            yield (
                c.Approve(one.id, subject),
                y.one((OWNER, commander, Principal("deputy", Kind.PERSON))),
            )
        if change.state == "approved":
            kind, _, name = change.requested_by.partition(":")
            yield w.EndChange(one.id, change.id, "made", ""), Principal(name, Kind(kind))
            yield w.EndChange(one.id, change.id, "refused", "rather not"), commander


def _by_the_book(y: Wish, one: Incident, commander: Principal) -> Iterator[Chance]:
    """A playbook is asked for, agreed to and started, and its tasks are done, or not; nobody rests in between."""
    live = [plan for plan in y.world.plans_of(one.id) if plan.phases and plan.ended_at is None]
    if not live:
        if y.is_so(0.1):
            yield p.DrawPlan(one.id, Asked("playbook", playbook=NAME)), OWNER
        return
    plan = live[-1]
    if plan.state is PlanState.PROPOSED and plan.approve:
        yield c.Approve(one.id, f"plan:{plan.id}", plan.hash), y.one((OWNER, commander))
        for role in plan.reviewers:
            holder = Principal(one.roles.get(role) or "owner", Kind.PERSON)
            yield c.Approve(one.id, f"plan:{plan.id}", plan.hash, as_reviewer=True), holder
    if plan.state is PlanState.APPROVED or not plan.approve:
        # An approval does not hold for long.
        yield from [(p.StartPlan(plan.id), OWNER)] * 12
        yield c.Override(one.id, "preflight", "no time"), OWNER
    for step in plan.steps:
        if is_open_task(plan, step.id):
            yield (
                p.SettleStep(plan.id, step.id, y.is_so(0.8), "we looked"),
                y.one((OWNER, commander)),
            )
    for key in plan.holding:
        yield y.one((p.RetryStep(plan.id, key), p.WaiveStep(plan.id, key, "go on"))), OWNER


def _against_rules(y: Wish, one: Incident) -> Iterator[Chance]:
    """While a plan waits or runs, the impact becomes what a stop rule speaks of."""
    rules = y.stage.book.pinned(one.policy).protocol.stop_rules
    tests = [tuple(each for each in rule.when if each.fact in IMPACT_FACTS) for rule in rules]
    live = any(plan.ended_at is None for plan in y.world.plans_of(one.id))
    for when in filter(None, tests):
        if live:
            yield c.MeasureImpact(one.id, impact_of(when)), OWNER


def _ended(y: Wish, one: Incident) -> Iterator[Chance]:
    owner = OWNER
    for item in one.actions.values():
        state = y.one(("done", "dropped", "open"))
        yield (
            w.ChangeAction(one.id, item.id, state, due_at=y.one((None, y.at())), note="so it is"),
            owner,
        )
    for owed in one.obligations.values():
        if owed.meeting_at is not None:
            yield cc.ScheduleMeeting(one.id, owed.id, y.at()), owner
    if one.state == "stood-down" and y.is_so(0.3):
        yield c.Override(one.id, "close", "nobody will do the rest"), owner
        yield cc.ReopenIncident(one.id, "it is back"), owner
