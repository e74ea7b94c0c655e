"""Bugs to plant: each is a small, plausible mistake that one of the invariants must catch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from allstop.adapters.memory_store import MemoryStore
from allstop.application.command_post import CommandPost
from allstop.application.monitor import Monitor
from allstop.application.ports import EffectState, Write
from allstop.application.runner import Runner
from allstop.domain import react
from allstop.domain.decide import RULES
from allstop.domain.deciding import (
    advancing,
    all_stop,
    changing,
    declaring,
    plan_approving,
    plan_running,
    roll_call,
)
from allstop.domain.effects import Ending, Purpose, done, failed
from allstop.domain.halt import commands as halt
from allstop.domain.halt import events as halt_events
from allstop.domain.impact import Impact
from allstop.domain.incident import commands as c
from allstop.domain.incident import events as e
from allstop.domain.incident import work_commands as work
from allstop.domain.plan import commands as plans
from allstop.domain.plan import events as p
from allstop.domain.plan.routes import Routes
from allstop.domain.policy import ApprovalRow, Approvals, Grant, Policy, Preflight, StopRule
from allstop.domain.principal import MONITOR, RUNNER, TIMEKEEPER
from allstop.domain.record import AGENTS_STREAM, halt_stream, incident_stream, plan_stream
from allstop.domain.verdict import Verdict
from allstop.testing.invariants import check
from allstop.testing.simulator import Faults, simulate
from allstop.testing.traces import Trace, Violation
from tests.domain import builders
from tests.domain.builders import ADA, BUILDER, EVE, Story, outage
from tests.properties import planted_nodes

Patch = pytest.MonkeyPatch
CRASHES = tuple(range(1, 60))


@dataclass(frozen=True)
class Plant:
    """caught_by: name of the check; play: plants it, lets it act, and returns what was found."""

    name: str
    caught_by: str
    play: Callable[[Patch], Iterable[Violation]]


def judged(story: Story) -> tuple[Violation, ...]:
    return check(Trace(tuple(story.records), story.book))


def simulated(faults: Iterable[Faults], seeds: Iterable[int] = (1, 2, 3)) -> Iterable[Violation]:
    for one in faults:
        for seed in seeds:
            yield from simulate(seed, one).violations


def dying_at(point: str, trouble: str) -> Iterable[Faults]:
    return (Faults(trouble=trouble, crash_at=((point, hit),)) for hit in CRASHES)


# --- in the core ---------------------------------------------------------------------------------


def milder(patch: Patch) -> Iterable[Violation]:
    patch.setattr(declaring, "worse", lambda _protocol, left, _right: left)
    return judged(outage().when(c.MeasureImpact("INC-1", Impact(users=1)), MONITOR))


def open_gate(patch: Patch) -> Iterable[Violation]:
    patch.setattr(advancing, "verdict_of", lambda _found: Verdict.yes())
    return judged(outage().when(c.AdvancePhase("INC-1"), ADA))


def early_end(patch: Patch) -> Iterable[Violation]:
    patch.setattr(advancing, "stand_down_verdict", lambda *_: Verdict.yes())
    return judged(outage().when(c.StandDown("INC-1", "let us go home"), ADA))


def hasty_settling(patch: Patch) -> Iterable[Violation]:
    def settle(draft: Any, id: str) -> None:
        draft.emit(halt_stream(id), halt_events.HaltSettled(2, 0))

    patch.setattr(roll_call, "_settle", settle)
    return judged(outage().answer(done("told"), only="tell"))


def anybody_releases(patch: Patch) -> Iterable[Violation]:
    patch.setattr(all_stop, "may", lambda *_: Verdict.yes())
    return judged(outage().when(halt.ReleaseHalt("HALT-1", "I am bored"), BUILDER))


def not_counted(patch: Patch) -> Iterable[Violation]:
    def release(draft: Any, held: Any, reason: str) -> None:
        draft.emit(halt_stream(held.id), halt_events.HaltReleased(reason, tuple(held.roll)))

    patch.setattr(all_stop, "_release", release)
    story = outage().when(halt.OrderHalt("all", "another reason"), ADA)
    return judged(story.when(halt.ReleaseHalt("HALT-1", "over"), ADA))


def free_newcomer(patch: Patch) -> Iterable[Violation]:
    def register(draft: Any, one: halt.RegisterAgent) -> None:
        draft.emit(
            AGENTS_STREAM, halt_events.AgentRegistered(one.agent, one.name, one.team, one.adapter)
        )

    story = outage()
    patch.setitem(RULES, halt.RegisterAgent, register)
    return judged(story.when(halt.RegisterAgent("new", "new", "builders", "script"), ADA))


def missed_again(patch: Patch) -> Iterable[Violation]:
    def miss(draft: Any, one: c.MissDeadline) -> None:
        event = e.DeadlineMissed(one.deadline, "late", draft.now.utc, ())
        draft.emit(incident_stream(one.incident), event)

    patch.setitem(RULES, c.MissDeadline, miss)
    story = outage()
    for _ in range(2):
        story.when(c.MissDeadline("INC-1", "acknowledge"), TIMEKEEPER)
    return judged(story)


def asked_again(patch: Patch) -> Iterable[Violation]:
    def ask(draft: Any, one: c.RequestUpdate) -> None:
        draft.emit(incident_stream(one.incident), e.UpdateRequested(one.number, "ada"))

    patch.setitem(RULES, c.RequestUpdate, ask)
    story = outage()
    for _ in range(2):
        story.when(c.RequestUpdate("INC-1", 1), TIMEKEEPER)
    return judged(story)


def twice_declared(patch: Patch) -> Iterable[Violation]:
    patch.setattr(declaring, "_well_formed", lambda *_: Verdict.yes())
    story = outage(dedup="one")
    return judged(story.when(c.DeclareIncident("again", dedup="one"), MONITOR))


def done_again(patch: Patch) -> Iterable[Violation]:
    patch.setattr(plan_running, "_held", lambda draft, id, _step: draft.world.plans[id])
    story = outage().settle().answer(done("cut off"), only="isolate")
    return judged(story.when(plans.RetryStep("PLAN-1", "isolate-payments"), ADA))


def no_hold(patch: Patch) -> Iterable[Violation]:
    patch.setattr(plan_running, "_hold", lambda *_: None)
    return judged(outage().settle().answer(failed("no"), only="isolate"))


def no_order(patch: Patch) -> Iterable[Violation]:
    patch.setattr(Routes, "ready", lambda *_: True)
    return judged(outage().settle())


def at_the_gate() -> Story:
    story = outage()
    story.answer(done("read", {"running": False}), only="state").answer(done("r"), only="history")
    story.settle().answer(done("cut off")).answer(done("proven")).settle()
    plan = story.world.plans["PLAN-2"]
    return story.when(c.Approve("INC-1", "plan:PLAN-2", plan.hash)).settle().answer().answer()


def gate_of_air(patch: Patch) -> Iterable[Violation]:
    def settle(draft: Any, incident: str, _samples: Any = ()) -> None:
        for plan in draft.world.plans_of(incident):
            for key in plan.gates:
                draft.emit(plan_stream(plan.id), p.StepDone(key, "surely"))

    story = at_the_gate()
    patch.setattr(advancing, "settle_gates", settle)
    return judged(story.sample())


def other_steps(patch: Patch) -> Iterable[Violation]:
    def approve(draft: Any, _incident: Any, _policy: Any, one: c.Approve) -> None:
        draft.emit(plan_stream(one.subject[5:]), p.PlanApproved("0" * 64, "commander"))

    patch.setattr(advancing, "approve_plan", approve)
    return judged(at_the_gate())


def unapproved(patch: Patch) -> Iterable[Violation]:
    def start(draft: Any, one: plans.StartPlan) -> None:
        draft.emit(plan_stream(one.plan), p.PlanStarted())

    story = outage().answer(done("read", {"running": False}), only="state")
    story.answer(done("r"), only="history").settle().answer().answer().settle()
    patch.setitem(RULES, plans.StartPlan, start)
    return judged(story.when(plans.StartPlan("PLAN-2"), RUNNER))


def strict() -> Policy:
    """Plans wait for a preflight, and none may run longer than it takes."""
    rules = builders.policy()
    protocol = replace(
        rules.protocol,
        preflight=Preflight(("documents",), required=True),
        stop_rules=(StopRule("calm", "calm", (), "nothing may run"),),
    )
    return replace(rules, protocol=protocol)


def unsigned(patch: Patch) -> Iterable[Violation]:
    """Two have to sign, and one is taken for enough."""
    rules = builders.policy()
    two = ApprovalRow((), ("role:commander", "owner"), 2, "two heads")
    protocol = replace(rules.protocol, approvals=Approvals((two,)))
    patch.setattr(plan_approving, "waits_for", lambda _: "")
    story = outage(replace(rules, protocol=protocol)).settle()
    return judged(story.when(c.Approve("INC-1", "plan:PLAN-1"), ADA))


def own_change(patch: Patch) -> Iterable[Violation]:
    def sign(draft: Any, *_: Any, **__: Any) -> str:
        return str(draft.who)

    patch.setattr(changing, "sign", sign)
    story = outage()
    rules = story.policy.protocol.authority
    protocol = replace(story.policy.protocol, authority=(*rules, Grant("change", ("person",))))
    story.policy = replace(story.policy, protocol=protocol)
    story.when(work.ProposeChange("INC-1", "drop the table", 3), ADA)
    return judged(story.when(c.Approve("INC-1", "change:CHG-1"), ADA))


def unchecked(patch: Patch) -> Iterable[Violation]:
    patch.setattr(plan_running, "lets_start", lambda *_: Verdict.yes())
    story = outage(strict())
    story.when(plans.MakePlan("INC-1", "contain"), TIMEKEEPER)
    return judged(story.when(plans.StartPlan("PLAN-1"), TIMEKEEPER))


def lawless(patch: Patch) -> Iterable[Violation]:
    patch.setattr(plan_running, "hold_by_rules", lambda *_: None)
    story = outage(strict())
    story.when(plans.MakePlan("INC-1", "contain"), TIMEKEEPER)
    return judged(story.when(c.Override("INC-1", "plan:PLAN-1", "now"), EVE))


# --- in the log ----------------------------------------------------------------------------------


def lost_entry(_: Patch) -> Iterable[Violation]:
    """An entry in the middle of the incident's stream."""
    records = outage().records
    place = [one.stream for one in records].index("incident/INC-1") + 1
    return check(Trace((*records[:place], *records[place + 1 :]), outage().book))


def other_state(_: Patch) -> Iterable[Violation]:
    story = outage()
    wrong = replace(story.world, epoch=99)
    return check(Trace(tuple(story.records), story.book, live=wrong))


# --- in the program ------------------------------------------------------------------------------


def lost_effect(patch: Patch) -> Iterable[Violation]:
    patch.setitem(react.REACTIONS, p.StepStarted, lambda *_: ())
    return simulated([Faults.calm()], (1,))


def no_look(patch: Patch) -> Iterable[Violation]:
    async def act(_self: Any, claim: Any, actuator: Any, keep: Any) -> Any:
        return await actuator.act(claim.effect, keep)

    patch.setattr(Runner, "_look_first", act)
    return simulated(dying_at("adapter.answered", "process"), (3,))


def run_again(patch: Patch) -> Iterable[Violation]:
    ruling = Runner._ruling

    def again(self: Any, claim: Any, outcome: Any) -> Any:
        state, told, due_at = ruling(self, claim, outcome)
        if outcome.ending is Ending.DONE and claim.attempt == 1:
            return EffectState.PENDING, told, self._clock.now().utc
        return state, told, due_at

    patch.setattr(Runner, "_ruling", again)
    return simulated([Faults.calm()], (1,))


def believed(patch: Patch) -> Iterable[Violation]:
    observed = roll_call._observed

    def believe(purpose: Purpose, agent: str, outcome: Any) -> Any:
        if purpose is Purpose.CONFIRM:
            return halt_events.AgentConfirmed(agent, "it says so")
        return observed(purpose, agent, outcome)

    patch.setattr(roll_call, "_observed", believe)
    return simulated([Faults(trouble="release", liar=100)], (1,))


def no_order_outside(patch: Patch) -> Iterable[Violation]:
    patch.setattr(Routes, "ready", lambda *_: True)
    return simulated([Faults.calm()], (1,))


def no_proof(patch: Patch) -> Iterable[Violation]:
    async def sure(_self: Any, _effect: Any, _keep: Any) -> Any:
        return done("surely")

    patch.setattr(Runner, "_measure", sure)
    return simulated([Faults(trouble="release", lying=100)], (1,))


def pretended(patch: Patch) -> Iterable[Violation]:
    call = Runner._call

    async def pretend(self: Any, claim: Any, keep: Any) -> Any:
        if claim.effect.verb == "resume":
            return done("surely")
        return await call(self, claim, keep)

    patch.setattr(Runner, "_call", pretend)
    return simulated([Faults.calm()], (1,))


def unwritten(patch: Patch) -> Iterable[Violation]:
    write = CommandPost._write

    def skip(self: Any, request: Any, attached: Any, found: Any, at: Any) -> Any:
        real = write(self, request, attached, found, at)
        skipped = (
            isinstance(real.records[-1].event, e.IncidentAcknowledged) if real.records else False
        )
        return Write(tag=replace(real.tag, world=None)) if skipped else real

    patch.setattr(CommandPost, "_write", skip)
    return simulated([Faults.calm()], (1,))


def forgotten_key(patch: Patch) -> Iterable[Violation]:
    patch.setattr(MemoryStore, "recall", lambda *_: None)
    hits = range(simulate(2, Faults.calm()).points["post.after"], 0, -1)
    faults = (Faults(trouble="release", crash_at=(("post.after", hit),)) for hit in hits)
    return simulated(faults, (2,))


def broken_part(patch: Patch) -> Iterable[Violation]:
    def judge(*_: Any) -> bool:
        raise ValueError("a bug")

    patch.setattr(Monitor, "_judge", judge)
    return simulated([Faults.calm()], (1,))


def swallowed(patch: Patch) -> Iterable[Violation]:
    report = Runner._report

    async def swallow(self: Any, claim: Any, outcome: Any, blobs: Any) -> None:
        if claim.effect.purpose is not Purpose.NOTIFY:
            await report(self, claim, outcome, blobs)

    patch.setattr(Runner, "_report", swallow)
    return simulated([Faults.calm()], (1,))


PLANTS: tuple[Plant, ...] = (
    Plant("measurement lowers the severity", "severity_kept", milder),
    Plant("a phase is left through a shut gate", "gates_kept", open_gate),
    Plant("an incident is stood down unproven", "gates_kept", early_end),
    Plant("all stopped is said too soon", "settled_truly", hasty_settling),
    Plant("an agent lifts a halt", "latched", anybody_releases),
    Plant("a halt is not counted per holder", "latched", not_counted),
    Plant("a newcomer goes free", "newcomers_held", free_newcomer),
    Plant("a deadline is missed again", "deadlines_once", missed_again),
    Plant("an update is asked for again", "updates_once", asked_again),
    Plant("one trouble, two incidents", "one_per_key", twice_declared),
    Plant("a done step starts again", "steps_in_order", done_again),
    Plant("a failed step does not hold", "troubles_hold", no_hold),
    Plant("nodes ignore their order", "steps_in_order", planted_nodes.no_order_of_nodes),
    Plant(
        "a node that failed is called reached", "nodes_end_as_seen", planted_nodes.claimed_reached
    ),
    Plant("a node is forced by nothing", "nodes_end_as_seen", planted_nodes.forced_by_nothing),
    Plant("a node returned by nothing", "nodes_end_as_seen", planted_nodes.returned_by_nothing),
    Plant("a failed node holds nothing", "troubles_hold", planted_nodes.failure_forgotten),
    Plant("steps ignore their order", "steps_in_order", no_order),
    Plant("a gate passes without samples", "gates_passed", gate_of_air),
    Plant("an approval binds to nothing", "approvals_bind", other_steps),
    Plant("a plan starts unapproved", "steps_in_order", unapproved),
    Plant("one signature counts for two", "approvals_bind", unsigned),
    Plant("somebody agrees to their own change", "approvals_bind", own_change),
    Plant("a plan starts unchecked", "checked_first", unchecked),
    Plant("a step begins against a stop rule", "rules_kept", lawless),
    Plant("an entry is lost", "dense", lost_entry),
    Plant("the state is not the log's", "replayed", other_state),
    Plant("a step has no effect", "effects_asked", lost_effect),
    Plant("after a crash nobody looks first", "observed_first", no_look),
    Plant("a ONCE verb runs twice", "once", no_look),
    Plant("a done effect is run again", "never_again", run_again),
    Plant("an agent's word is evidence", "standing_still", believed),
    Plant("the world is changed out of order", "in_order_outside", no_order_outside),
    Plant("a proof is taken for granted", "proven", no_proof),
    Plant("an agent is said to be resumed", "all_back", pretended),
    Plant("an acknowledged request is lost", "acknowledged", unwritten),
    Plant("an idempotency key is forgotten", "acknowledged", forgotten_key),
    Plant("a part dies by itself", "the coordinator failed", broken_part),
    Plant("an outcome is swallowed", "the run never came", swallowed),
)
