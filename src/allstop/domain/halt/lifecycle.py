"""The states of a held agent, as a table. The documentation's diagram is drawn from it."""

from __future__ import annotations

from enum import StrEnum

from allstop.domain.halt import events as e


class Hold(StrEnum):
    """Where one agent stands under one halt. Words never claim more than was observed."""

    ORDERED = "ordered"  # the order is on its way
    TOLD = "told"  # the order lies where the agent reads it
    UNREACHABLE = "unreachable"  # the order could not be delivered
    ANSWERED = "answered"  # it says that it has stopped
    CONFIRMED = "confirmed"  # evidence agrees with what it says
    CONTRADICTED = "contradicted"  # evidence disagrees
    UNACCOUNTED = "unaccounted"  # no (true) answer by the deadline
    ENFORCED = "enforced"  # stopped by force and read back
    ESCAPED = "escaped"  # force did not succeed
    RELEASED = "released"  # the halt was lifted
    RESUMED = "resumed"  # it was told that it may go on
    STUCK = "stuck"  # it could not be told


SETTLED = frozenset({Hold.CONFIRMED, Hold.ENFORCED})
# May go on as far as this halt is concerned.
LET_GO = frozenset({Hold.RELEASED, Hold.RESUMED, Hold.STUCK})
# Has not said where it stands, or not truthfully.
SILENT = frozenset({Hold.ORDERED, Hold.TOLD, Hold.UNREACHABLE, Hold.CONTRADICTED})

_TOLD, _ANSWERED, _CONFIRMED = e.AgentTold, e.RollCallAnswered, e.AgentConfirmed
_CONTRADICTED, _UNACCOUNTED = e.AgentContradicted, e.AgentUnaccounted
_OPEN = (Hold.ORDERED, Hold.TOLD, Hold.UNREACHABLE)

TRANSITIONS: dict[tuple[Hold, type], Hold] = {
    (Hold.ORDERED, e.AgentTold): Hold.TOLD,
    (Hold.ORDERED, e.AgentUnreachable): Hold.UNREACHABLE,
    (Hold.UNREACHABLE, e.AgentTold): Hold.TOLD,
    **{(state, e.RollCallAnswered): Hold.ANSWERED for state in _OPEN},
    (Hold.CONTRADICTED, e.RollCallAnswered): Hold.ANSWERED,
    (Hold.UNACCOUNTED, e.RollCallAnswered): Hold.ANSWERED,
    (Hold.ESCAPED, e.RollCallAnswered): Hold.ANSWERED,
    (Hold.ANSWERED, e.AgentConfirmed): Hold.CONFIRMED,
    (Hold.ANSWERED, e.AgentContradicted): Hold.CONTRADICTED,
    **{
        (state, e.AgentUnaccounted): Hold.UNACCOUNTED
        for state in (*_OPEN, Hold.ANSWERED, Hold.CONTRADICTED)
    },
    **{
        (state, e.AgentEnforced): Hold.ENFORCED
        for state in (Hold.UNACCOUNTED, Hold.ANSWERED, Hold.CONTRADICTED, Hold.ESCAPED)
    },
    **{
        (state, e.AgentEscaped): Hold.ESCAPED
        for state in (Hold.UNACCOUNTED, Hold.ANSWERED, Hold.CONTRADICTED)
    },
    (Hold.RELEASED, e.AgentResumed): Hold.RESUMED,
    (Hold.RELEASED, e.AgentStuck): Hold.STUCK,
}


def after(state: Hold, event: object) -> Hold:
    """The state after an event about this agent; unchanged where the table has no row."""
    return TRANSITIONS.get((state, type(event)), state)
