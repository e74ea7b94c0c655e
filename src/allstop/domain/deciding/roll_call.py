"""The roll call: answers, evidence, reminders, the deadline, and enforcement."""

from __future__ import annotations

from allstop.domain.authority import people_called
from allstop.domain.deciding.all_stop import may_answer
from allstop.domain.deciding.escalating import escalate
from allstop.domain.deciding.telling import tell_outside, tell_person
from allstop.domain.draft import Draft, refuse
from allstop.domain.effects import Ending, Outcome, Purpose
from allstop.domain.halt import commands as c
from allstop.domain.halt import events as e
from allstop.domain.halt.lifecycle import SILENT, Hold
from allstop.domain.halt.state import Halt
from allstop.domain.record import halt_stream
from allstop.domain.verdict import nearest

ANSWERABLE = frozenset(
    {Hold.ORDERED, Hold.TOLD, Hold.UNREACHABLE, Hold.CONTRADICTED, Hold.UNACCOUNTED, Hold.ESCAPED}
)
TEXT_LIMIT = 500


def answer(draft: Draft, command: c.AnswerRollCall) -> None:
    """An agent says that it has stopped and where its work is saved. Its word, until confirmed."""
    halt = _halt(draft, command.halt)
    if command.agent not in halt.roll:
        refuse(
            "not-held",
            f"{halt.id} does not hold {command.agent}",
            nearest(command.agent, halt.roll),
        )
    if not may_answer(draft, command.agent):
        refuse("not-yours", f"{draft.who} may not answer for {command.agent}")
    if not halt.stands:
        refuse("released", f"{halt.id} was released, the roll call is over")
    if halt.roll[command.agent].state not in ANSWERABLE:
        draft.result["state"] = halt.roll[command.agent].state.value
        return
    draft.emit(
        halt_stream(halt.id),
        e.RollCallAnswered(
            command.agent, command.state[:40], command.working_on[:TEXT_LIMIT], command.checkpoint[:100],
            command.branch[:200], command.available,
        ),
    )  # fmt: skip
    draft.result["state"] = Hold.ANSWERED.value


def remind(draft: Draft, command: c.RemindRollCall) -> None:
    halt = _halt(draft, command.halt)
    silent = tuple(line.agent for line in halt.roll.values() if line.state in SILENT)
    if halt.stands and not halt.reminded and silent:
        draft.emit(halt_stream(halt.id), e.RollCallReminded(silent))


def close_roll_call(draft: Draft, command: c.CloseRollCall) -> None:
    """At the deadline, whoever has not answered truthfully is unaccounted for."""
    halt = _halt(draft, command.halt)
    if not halt.stands:
        return
    for line in halt.roll.values():
        if line.state in SILENT:
            because = {
                Hold.CONTRADICTED: f"evidence contradicts its answer: {line.evidence}",
                Hold.UNREACHABLE: "the order could not be delivered",
            }.get(line.state, "no answer by the deadline")
            draft.emit(halt_stream(halt.id), e.AgentUnaccounted(line.agent, because))


def agent_outcome(
    draft: Draft, halt_id: str, purpose: Purpose, agent: str, outcome: Outcome
) -> None:
    """What the runner observed about one agent."""
    halt = draft.world.halts.get(halt_id)
    if halt is None or agent not in halt.roll:
        return
    event = _observed(purpose, agent, outcome)
    if event is not None:
        draft.emit(halt_stream(halt_id), event)
    if isinstance(event, e.AgentEscaped):
        _tell_of_escape(draft, halt, agent, outcome.because)
    _settle(draft, halt_id)


def _tell_of_escape(draft: Draft, halt: Halt, agent: str, because: str) -> None:
    """Force did not help: somebody must know, because only a person can go and stop it.

    That is the commander; where there is none, the chain of the incident; where there is no incident, whoever
    ordered the halt, and the owners.
    """
    if not halt.stands:
        return
    subject = f"{agent} may still be running"
    text = (
        f"{because}. Stop it by hand, then answer for it: allstop answer {halt.id} --agent {agent}"
    )
    incident = draft.world.incidents.get(halt.incident)
    if incident is None or not incident.is_open:
        owners = people_called(draft.book.latest, {}, ("owner",))
        for person in dict.fromkeys((halt.ordered_by.removeprefix("person:"), *owners)):
            tell_outside(draft, person, f"{halt.id}: {subject}", text)
    elif commander := incident.roles.get("commander"):
        tell_person(draft, incident.id, commander, f"{incident.id}: {subject}", text)
    else:
        escalate(draft, incident.id, subject, text)


def _observed(purpose: Purpose, agent: str, outcome: Outcome) -> object | None:
    happened = outcome.ending is Ending.DONE
    match purpose:
        case Purpose.TELL:
            return (
                e.AgentTold(agent, outcome.because)
                if happened
                else e.AgentUnreachable(agent, outcome.because)
            )
        case Purpose.CONFIRM:
            return (
                e.AgentConfirmed(agent, outcome.because)
                if happened
                else e.AgentContradicted(agent, outcome.because)
            )
        case Purpose.FREEZE:
            return (
                e.AgentEnforced(agent, outcome.because)
                if happened
                else e.AgentEscaped(agent, outcome.because)
            )
        case Purpose.RESUME:
            return (
                e.AgentResumed(agent, outcome.because)
                if happened
                else e.AgentStuck(agent, outcome.because)
            )
        case _:
            return None


def _settle(draft: Draft, halt_id: str) -> None:
    halt = draft.world.halts[halt_id]
    if halt.stands and halt.accounted and halt.settled_at is None:
        states = [line.state for line in halt.roll.values()]
        event = e.HaltSettled(states.count(Hold.CONFIRMED), states.count(Hold.ENFORCED))
        draft.emit(halt_stream(halt_id), event)


def _halt(draft: Draft, id: str) -> Halt:
    halt = draft.world.halts.get(id)
    if halt is None:
        refuse("unknown-halt", f"there is no halt {id}", nearest(id, draft.world.halts))
    return halt
