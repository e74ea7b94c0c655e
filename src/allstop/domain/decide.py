"""`decide`: command, world, policy, now -> entries, or a refusal with every reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from allstop.domain.deciding import (
    activating,
    advancing,
    aftercare,
    all_stop,
    awarding,
    changing,
    circuits,
    closing,
    confirming,
    crewing,
    cutting_short,
    declaring,
    diagnosing,
    filing,
    hosts,
    informing,
    keeping_time,
    kinship,
    levers,
    merging,
    mode_keeping,
    noticing,
    overriding,
    owing,
    own_steps,
    plan_drawing,
    plan_making,
    plan_running,
    preflighting,
    relieving,
    roll_call,
    signing,
    stopping_plans,
    team,
    triaging,
    working,
)
from allstop.domain.draft import Draft, Refuse, Rules
from allstop.domain.effects import Ending, Purpose, failed
from allstop.domain.halt import commands as halt
from allstop.domain.halt.host_commands import ReportHost
from allstop.domain.incident import aftercare_events
from allstop.domain.incident import commands as incident
from allstop.domain.incident import events as incident_events
from allstop.domain.moment import Now
from allstop.domain.plan import commands as plan
from allstop.domain.policy import PolicyBook
from allstop.domain.principal import Kind, Principal
from allstop.domain.record import Record
from allstop.domain.verdict import Verdict
from allstop.domain.world import World


@dataclass(frozen=True, slots=True)
class Decided:
    """The entries to append and the world they lead to. result: what the caller is told."""

    records: tuple[Record, ...]
    world: World
    result: dict[str, Any]


def decide(
    command: Any, world: World, book: PolicyBook, now: Now, who: Principal, cause: str = ""
) -> Decided | Verdict:
    """Decide one command. A refusal is a negative verdict, and nothing has changed.

    cause: id of the request that led to it. Raises KeyError for a command that no rule knows.
    """
    if type(command) in INTERNAL and who.kind is not Kind.SYSTEM:
        return Verdict.no("internal", f"{who} may not report for a part of the coordinator")
    if who.host and type(command) is not ReportHost:
        return Verdict.no("host-only", f"{who} may read orders and acknowledge them, nothing else")
    draft = Draft(world, book, now, who, cause)
    rule = RULES[type(command)]
    try:
        rule(draft, command)
        stopping_plans.hold_touched_plans(draft)
        _start_clocks(draft)
    except Refuse as refusal:
        return refusal.verdict
    return Decided(tuple(draft.records), draft.world, draft.result)


# The most frequent of all, and nobody owes anything because of them.
_OWING_NOTHING = (
    incident_events.SamplesRecorded,
    aftercare_events.AftercareLooked,
    incident_events.NotificationDelivered,
    incident_events.NotificationUndeliverable,
)


def _start_clocks(draft: Draft) -> None:
    """Whatever a command changed, what is owed since is on the record in the same transaction."""
    touched = {
        record.stream.partition("/")[2]
        for record in draft.records
        if record.stream.startswith("incident/") and not isinstance(record.event, _OWING_NOTHING)
    }
    for id in sorted(touched):
        keeping_time.start_clocks(draft, id)


def record_outcome(draft: Draft, command: plan.RecordOutcome) -> None:
    """How an attempt of an effect ended, turned into the entries its purpose calls for."""
    effect, outcome = command.effect, command.outcome
    if outcome.ending is Ending.RETRY:
        return
    id = effect.stream.partition("/")[2]
    match effect.purpose:
        case Purpose.STEP:
            plan_running.step_outcome(draft, id, effect.ref, outcome)
        case Purpose.EVIDENCE:
            diagnosing.evidence_outcome(draft, id, effect.ref, outcome)
        case Purpose.NOTIFY:
            told = outcome.ending is Ending.DONE
            event: Any = (
                incident_events.NotificationDelivered(effect.ref, outcome.because)
                if told
                else incident_events.NotificationUndeliverable(effect.ref, outcome.because)
            )
            draft.emit(effect.stream, event)
        case Purpose.PREFLIGHT:
            preflighting.preflight_outcome(draft, id, effect.ref, outcome)
        case _:
            roll_call.agent_outcome(draft, id, effect.purpose, effect.ref, outcome)


def park_effect(draft: Draft, command: plan.ParkEffect) -> None:
    """An effect whose outcome no machine can know: a step waits for a person, the rest counts as failed."""
    if command.effect.purpose is Purpose.STEP:
        id = command.effect.stream.partition("/")[2]
        plan_running.step_parked(draft, id, command.effect.ref, command.because)
    else:
        lost = failed(f"outcome unknown: {command.because}")
        record_outcome(draft, plan.RecordOutcome(command.effect, lost))


# The subjects that bring their own table of rules.
SUBJECTS = (
    activating, aftercare, awarding, changing, circuits, closing, confirming, crewing, cutting_short, filing, hosts, keeping_time, kinship, levers, merging,
    mode_keeping, noticing, overriding, owing, own_steps, plan_drawing, preflighting, relieving, signing, stopping_plans, triaging, working,
)  # fmt: skip

RULES: Rules = {
    incident.DeclareIncident: declaring.declare,
    incident.MeasureImpact: declaring.measure_impact,
    incident.SetSeverity: declaring.set_severity,
    incident.AssignRole: team.assign,
    incident.OfferHandoff: team.offer_handoff,
    incident.AcceptHandoff: team.accept_handoff,
    incident.AcknowledgeIncident: team.acknowledge,
    incident.RequestUpdate: informing.request_update,
    incident.PostUpdate: informing.post_update,
    incident.RecordStatement: informing.record_statement,
    incident.AddNote: informing.add_note,
    incident.RecordReport: informing.record_report,
    incident.DecideRemedy: diagnosing.decide_remedy,
    incident.CollectEvidence: diagnosing.collect_evidence,
    incident.RecordSamples: advancing.record_samples,
    incident.AdvancePhase: advancing.advance_phase,
    incident.Approve: advancing.approve,
    incident.StandDown: advancing.stand_down,
    incident.NoteRelease: plan_running.note_release,
    halt.RegisterAgent: all_stop.register,
    halt.RemoveAgent: all_stop.remove,
    halt.OrderHalt: all_stop.order_halt,
    halt.ReleaseHalt: all_stop.release_halt,
    halt.AbortRelease: all_stop.abort_release,
    halt.AnswerRollCall: roll_call.answer,
    halt.RemindRollCall: roll_call.remind,
    halt.CloseRollCall: roll_call.close_roll_call,
    plan.MakePlan: plan_making.make_plan,
    plan.StartPlan: plan_running.start_plan,
    plan.RetryStep: plan_running.retry_step,
    plan.SettleStep: plan_running.settle_step,
    plan.AbortPlan: plan_running.abort_plan,
    plan.ContinuePlan: plan_running.continue_plan,
    plan.WaiveStep: plan_running.waive_step,
    plan.FailGate: plan_running.fail_gate,
    plan.RecordOutcome: record_outcome,
    plan.ParkEffect: park_effect,
}
for _subject in SUBJECTS:
    RULES |= _subject.RULES

# Reports of the coordinator's own parts. No face offers them; the core does not rely on that.
INTERNAL: frozenset[type] = frozenset(
    {
        incident.RequestUpdate,
        incident.RecordSamples,
        incident.NoteRelease,
        halt.RemindRollCall,
        halt.CloseRollCall,
        plan.FailGate,
        plan.RecordOutcome,
        plan.ParkEffect,
    }
).union(*(subject.INTERNAL for subject in SUBJECTS))
