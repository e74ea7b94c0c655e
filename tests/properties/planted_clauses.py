"""Bugs for the clauses of a check that no other plant reaches: an entry is written that no rule may write.

`caught_by` names the clause as well as the check, so that no other clause can stand in for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from allstop.domain import aftercare, world
from allstop.domain.decide import RULES
from allstop.domain.deciding import advancing
from allstop.domain.effects import failed
from allstop.domain.halt import events as halt
from allstop.domain.incident import commands as c
from allstop.domain.incident import events as e
from allstop.domain.incident import work_events as we
from allstop.domain.incident.aftercare_events import AftercareLooked, Look
from allstop.domain.moment import after
from allstop.domain.plan import events as p
from allstop.domain.plan import lever_events as le
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import StartPlan
from allstop.domain.plan.lever_commands import ExpireLever
from allstop.domain.plan.lifecycle import PlanState
from allstop.domain.policy import Fleet, OnFailure, Watch
from allstop.domain.principal import TIMEKEEPER, Principal
from allstop.domain.record import Record, halt_stream, incident_stream, plan_stream
from allstop.domain.verdict import Verdict
from allstop.domain.world import World
from allstop.testing import traces
from allstop.testing.invariants import check
from allstop.testing.simulator import Faults
from allstop.testing.simulator.world import OutsideWorld
from allstop.testing.traces import Trace, Turn, Violation
from tests.domain import builders
from tests.domain.builders import ADA, BUILDER, EVE, MINUTE, Story, outage
from tests.domain.fleet.fleets import service, stateful
from tests.domain.fleet.ground import Ground
from tests.domain.fleet.test_levers import HOUR, pulled
from tests.properties.planted import Patch, Plant, judged, simulated

INCIDENT, HALT, PLAN = incident_stream("INC-1"), halt_stream("HALT-1"), plan_stream("PLAN-1")
NOTE = c.AddNote("INC-1", "it looks fine")


def slip(patch: Patch, here: Any, stream: str, *events: Any, who: Principal = ADA) -> Any:
    """A rule without its guards: these entries are written, whoever asks."""

    def rule(draft: Any, _: Any) -> None:
        for event in events:
            draft.emit(stream, event)

    patch.setitem(RULES, c.AddNote, rule)
    told = (here.when if isinstance(here, Story) else here.do)(NOTE, who)
    assert told.refused is None, told.refused
    return told


def found_in(here: Ground) -> Iterable[Violation]:
    return check(Trace(tuple(here.records), here.book))


# --- the log, halts, clocks ----------------------------------------------------------------------


def misplaced(_: Patch) -> Iterable[Violation]:
    first, *rest = outage().records
    return check(Trace((replace(first, position=7), *rest), outage().book))


def lifted_in_passing(patch: Patch) -> Iterable[Violation]:
    """A note on the incident lifts its halt: no entry of the halt says so."""
    real = world.evolve

    def fold(before: World, record: Record) -> World:
        folded = real(before, record)
        if not isinstance(record.event, e.NoteAdded):
            return folded
        lifted = real(before, replace(record, stream=HALT, event=halt.HaltReleased("over", ())))
        return replace(folded, halts=lifted.halts)

    patch.setattr(traces, "evolve", fold)
    return judged(outage().when(NOTE, ADA))


def lifted_twice(patch: Patch) -> Iterable[Violation]:
    return judged(slip(patch, outage(), HALT, *(halt.HaltReleased("over", ()),) * 2))


def missed_early(patch: Patch) -> Iterable[Violation]:
    story = outage()
    event = e.DeadlineMissed("acknowledge", "late", after(story.now.utc, MINUTE), ())
    return judged(slip(patch, story, INCIDENT, event))


def out_of_turn(patch: Patch) -> Iterable[Violation]:
    return judged(slip(patch, outage(), INCIDENT, e.UpdatePosted(2, "fixing", "soon", None)))


def two_at_once(patch: Patch) -> Iterable[Violation]:
    story = outage()
    before = len(story.records)
    missed = [e.DeadlineMissed(name, "late", story.now.utc, ()) for name in ("one", "two")]
    slip(patch, story, INCIDENT, *missed)
    turn = Turn(NOTE, ADA, tuple(story.records[before:]))
    return check(Trace(tuple(story.records), story.book, turns=(turn,)))


def back_to_work(patch: Patch) -> Iterable[Violation]:
    """An agent that has stopped goes to work again, and nobody asks any more."""
    stops = OutsideWorld._stops

    def pause(self: Any, agent: Any, seq: int) -> None:
        stops(self, agent, seq)
        self.time.after(MINUTE * 1000, lambda: self._ran(agent, running=True))

    patch.setattr(OutsideWorld, "_stops", pause)
    return simulated([Faults.calm()], (1,))


# --- the end of an incident ------------------------------------------------------------------------


def ended_by_clock(patch: Patch) -> Iterable[Violation]:
    return judged(slip(patch, outage(), INCIDENT, e.IncidentStoodDown("quiet"), who=TIMEKEEPER))


def ended_in_the_middle(patch: Patch) -> Iterable[Violation]:
    return judged(slip(patch, outage().settle(), INCIDENT, e.IncidentStoodDown("enough")))


def bad_look(patch: Patch) -> Iterable[Violation]:
    """Somebody looked, and it was bad; the watch ends clean all the same."""
    patch.setattr(advancing, "stand_down_verdict", lambda *_: Verdict.yes())
    patch.setattr(aftercare, "verdict_of", lambda _: "clean")
    policy = builders.policy()
    watch = Watch("hour", "Health", 60 * MINUTE, 10 * MINUTE, probes=("checkout",))
    story = outage(replace(policy, protocol=replace(policy.protocol, aftercare=(watch,))))
    story.when(c.StandDown("INC-1", "home"), ADA)
    for slot in range(1, 7):
        story.wait(10 * MINUTE)
        slip(patch, story, INCIDENT, AftercareLooked((Look("hour", slot, False, "503"),), ()))
    return judged(story.wait(2 * MINUTE))


# --- plans and changes -----------------------------------------------------------------------------


def held() -> Story:
    return outage().settle().answer(failed("no"), only="isolate")


def past_a_hold(patch: Patch) -> Iterable[Violation]:
    story = held()
    waiting = next(one.id for one in story.world.plans["PLAN-1"].steps[1:])
    return judged(slip(patch, story, PLAN, p.StepStarted(waiting)))


def after_the_end(patch: Patch) -> Iterable[Violation]:
    story = slip(patch, held(), PLAN, p.PlanAborted("enough"))
    return judged(slip(patch, story, PLAN, p.StepStarted(story.world.plans["PLAN-1"].steps[0].id)))


def signed_by_machine(patch: Patch) -> Iterable[Violation]:
    story = outage().settle()
    event = p.PlanSigned(story.world.plans["PLAN-1"].hash, "owner")
    return judged(slip(patch, story, PLAN, event, who=BUILDER))


def signed_blindly(patch: Patch) -> Iterable[Violation]:
    return judged(slip(patch, outage().settle(), PLAN, p.PlanSigned("0" * 64, "owner")))


def proposed() -> we.ChangeProposed:
    return we.ChangeProposed("CHG-1", "x", 3, "", "", ("owner",), 1, (), "two heads")


def change_unsigned(patch: Patch) -> Iterable[Violation]:
    events = (proposed(), we.ChangeApproved("CHG-1"))
    return judged(slip(patch, outage(), INCIDENT, *events))


def change_made(patch: Patch) -> Iterable[Violation]:
    events = (proposed(), we.ChangeEnded("CHG-1", "made", "done it"))
    return judged(slip(patch, outage(), INCIDENT, *events))


# --- nodes, levers, deadlines ----------------------------------------------------------------------


def waived_by_agent(patch: Patch) -> Iterable[Violation]:
    here = Ground(Fleet((service("web"),)), faults={"web/stop": "refuse", "web/kill": "refuse"})
    here.declared().drawn(Asked("stop", ("all",)))
    here.run("PLAN-1")
    return found_in(slip(patch, here, PLAN, p.StepWaived("kill-web", "bored"), who=BUILDER))


def never_pulled(patch: Patch) -> Iterable[Violation]:
    return found_in(slip(patch, pulled(), INCIDENT, le.LeverExpired("mail", "later")))


def taken_back_after_the_end(patch: Patch) -> Iterable[Violation]:
    """No bug: the time of a lever is over when its incident has ended already, and it is being taken back."""
    here = slip(patch, pulled(), INCIDENT, e.IncidentStoodDown("it works"))
    here.let_pass(2 * HOUR)
    here.do(ExpireLever("search", "cached"), TIMEKEEPER)
    plan = here.world.plans["PLAN-2"]
    assert (plan.purpose, plan.state) == ("release", PlanState.RUNNING)
    return found_in(here)


def hurried(here: Ground, *, start: bool = True) -> Ground:
    """A stop with a deadline long past, of which nothing has been cut short."""
    here.declared().drawn(Asked("stop", ("all",), deadline_ms=60_000))
    if start:
        here.do(StartPlan("PLAN-1"), EVE)
    here.let_pass(120_000)
    return here


def cut(patch: Patch, here: Ground, node: str) -> Iterable[Violation]:
    return found_in(slip(patch, here, PLAN, p.NodeCutShort(node, "late"), who=TIMEKEEPER))


def cut_before_it_runs(patch: Patch) -> Iterable[Violation]:
    return cut(patch, hurried(Ground(Fleet((service("web"),))), start=False), "web")


def cut_though_protected(patch: Patch) -> Iterable[Violation]:
    return cut(patch, hurried(Ground(Fleet((service("web", protected=True),)))), "web")


def cut_with_its_data(patch: Patch) -> Iterable[Violation]:
    kept = stateful("db", on_failure=OnFailure.FORCE)
    kill = {**kept.actions, "kill": service("db").actions["kill"]}
    here = Ground(Fleet((replace(kept, actions=kill),)), faults={"db/snapshot": "hang"})
    return cut(patch, hurried(here), "db")


PLANTS_CLAUSES: tuple[Plant, ...] = (
    Plant("an entry stands elsewhere", "dense: position", misplaced),
    Plant("a note lifts a halt", "latched: HALT-1 was lifted by an entry", lifted_in_passing),
    Plant("a halt is lifted twice", "latched: lifted twice", lifted_twice),
    Plant("a deadline is missed too early", "deadlines_once: acknowledge was called", missed_early),
    Plant("an update is left out", "updates_once: update 2 out of turn", out_of_turn),
    Plant("two deadlines by one command", "escalated_once: 2 deadlines", two_at_once),
    Plant("an agent goes back to work", "standing_still: builder-1 went to work while", back_to_work),
    Plant("a clock stands down", "gates_kept: stood down by", ended_by_clock),
    Plant("stood down while a plan runs", "gates_kept: stood down while PLAN-1", ended_in_the_middle),
    Plant("a plan outlives its incident", "ended_whole: INC-1 is stood-down and PLAN-1", ended_in_the_middle),
    Plant("a bad look is clean", "truly_watched: hour was not clean", bad_look),
    Plant("a step starts past a held one", "steps_in_order", past_a_hold),
    Plant("a step starts after the end", "steps_in_order", after_the_end),
    Plant("a machine signs", "approvals_bind: plan.signed by agent", signed_by_machine),
    Plant("other steps are signed", "approvals_bind: signed other steps", signed_blindly),
    Plant("a change nobody signed is approved", "approvals_bind: CHG-1 was approved while", change_unsigned),
    Plant("a change nobody approved is made", "approvals_bind: CHG-1 was made while", change_made),
    Plant("an agent waives a step", "nodes_end_as_seen: kill-web was waived", waived_by_agent),
    Plant("a lever that is not pulled is over", "levers_in_time: mail:later is not pulled", never_pulled),
    Plant("a plan that waits is cut short", "nobody_rushed: web is cut short in a plan", cut_before_it_runs),
    Plant("what is protected is forced", "nobody_rushed: web may not be forced", cut_though_protected),
    Plant("data is cut short", "nobody_rushed: db is cut short before", cut_with_its_data),
)  # fmt: skip
