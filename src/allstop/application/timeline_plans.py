"""Sentences of the timeline for plans: what is made, agreed to, under way, held and ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allstop.domain.moment import words
from allstop.domain.plan import events as p

# How a node ended, in words.
_ENDS = {
    "reached": "reached what was wanted",
    "forced": "was FORCED",
    "isolated": "is cut off and still there, a person has to look",
    "returned": "was NOT fixed, and is back at the release before",
    "left": "was LEFT as it is",
}


def of_plan(stream: str, text: str) -> str:
    """A sentence about a plan with the name of the plan, which the entry itself does not hold."""
    kind, _, plan = stream.partition("/")
    if kind != "plan" or text.startswith(f"{plan} "):
        return text
    return f"{plan}: {text.removeprefix('Plan ')}"


def _made(event: p.PlanMade) -> str:
    needs = f"waits for the {event.approve}" if event.approve else "needs no approval"
    why = f" ({event.because})" if event.because else ""
    whole = event.beside or p.Beside(
        "", len(event.steps), len(event.nodes), tuple(bite.rule for bite in event.bites)
    )
    nodes = f"{_count(whole.nodes, 'node')}, " if whole.nodes else ""
    rules = ", ".join(dict.fromkeys(whole.rules))
    against = f", against {rules}" if rules else ""
    size = f"{nodes}{_count(whole.steps, 'step')}, hash {event.hash[:12]}"
    return f"{event.plan} ({event.purpose}): {event.title}; {size}{against}, {needs}{why}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _signed(event: p.PlanSigned) -> str:
    how = "Reviewed" if event.review else "Signed"
    return f"{how} as {event.role} (hash {event.hash[:12]})"


def _step_started(event: p.StepStarted) -> str:
    return f"Step {event.step} starts" + (f", attempt {event.attempt}" if event.attempt > 1 else "")


def _phase_late(event: p.PhaseLate) -> str:
    shown = ", ".join(event.waits_for[:5])
    more = f" and {len(event.waits_for) - 5} more" if len(event.waits_for) > 5 else ""
    limit = words(event.within_ms)
    return f"Phase {event.title} is LATE, it had {limit} from the start; waits for {shown}{more}"


def _known_good(event: p.ReleaseKnownGood) -> str:
    healthy = words(event.good_for_ms)
    return f"{event.service} release {event.release[:12]} is known good (healthy for {healthy})"


PLAN_SENTENCES: dict[type, Callable[[Any], str]] = {
    p.PlanMade: _made,
    p.PlanSigned: _signed,
    p.PlanLapsed: lambda e: f"Approval too old, it is given anew (hash {e.hash[:12]})",
    p.PlanApproved: lambda e: f"Plan approved for the {e.role} (hash {e.hash[:12]})",
    p.PlanStarted: lambda _: "Plan started",
    p.PlanPaused: lambda e: f"Plan PAUSED, what is under way ends: {e.reason}",
    p.PlanContinued: lambda _: "Plan goes on after its pause",
    p.StepStarted: _step_started,
    p.StepDone: lambda e: f"Step {e.step} done: {e.evidence}",
    p.StepRefused: lambda e: f"Step {e.step} was not begun: {e.because}",
    p.StepFailed: lambda e: f"Step {e.step} FAILED: {e.because}",
    p.StepUnknown: lambda e: f"Step {e.step} UNKNOWN: {e.because}",
    p.StepWaived: lambda e: f"Step {e.step} WAIVED: {e.reason}",
    p.NodeEnded: lambda e: f"{e.node} {_ENDS.get(e.state, e.state)}: {e.because}",
    p.NodeCutShort: lambda e: f"{e.node} is cut short and KILLED: {e.because}",
    p.NodeHeld: lambda e: f"{e.node} HELD at {e.step}, the rest goes on: {e.because}",
    p.PlanHeld: lambda e: f"Plan HELD at {e.step}: {e.because}",
    p.PhaseLate: _phase_late,
    p.PlanResumed: lambda e: f"Plan goes on although {e.rule} is violated: a person accepts it",
    p.PlanDone: lambda _: "Plan done",
    p.PlanAborted: lambda e: f"Plan aborted: {e.reason}",
    p.ReleaseKnownGood: _known_good,
}
