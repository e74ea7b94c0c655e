"""How a state is shown: a word, a shape and a tone, so that it can be told without colour."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sign:
    """mark: shape from templates/marks.html; tone: good | bad | warn | plain; label: what is said."""

    mark: str
    tone: str
    label: str


# By subject and state. The words claim no more than the state does.
SIGNS: dict[str, dict[str, Sign]] = {
    "agent": {
        "running": Sign("play", "plain", "running"),
        "ordered": Sign("half", "warn", "order on its way"),
        "told": Sign("half", "warn", "told, no answer yet"),
        "unreachable": Sign("triangle", "bad", "cannot be reached"),
        "answered": Sign("half", "warn", "says it has stopped"),
        "confirmed": Sign("check", "good", "confirmed by evidence"),
        "contradicted": Sign("triangle", "bad", "contradicted by evidence"),
        "unaccounted": Sign("triangle", "bad", "UNACCOUNTED FOR"),
        "enforced": Sign("square", "good", "stopped by force"),
        "escaped": Sign("triangle", "bad", "ESCAPED"),
        "released": Sign("ring", "plain", "released"),
        "resumed": Sign("play", "plain", "may go on"),
        "stuck": Sign("triangle", "warn", "could not be told to go on"),
    },
    "service": {
        "up": Sign("check", "good", "up"),
        "down": Sign("stop", "bad", "down"),
        "failing": Sign("triangle", "warn", "failing"),
        "off": Sign("square", "notice", "off on purpose"),
        "unknown": Sign("diamond", "warn", "unknown"),
        "unwatched": Sign("diamond", "plain", "no probes"),
    },
    "phase": {
        "done": Sign("check", "good", "done"),
        "current": Sign("dot", "plain", "now"),
        "ahead": Sign("ring", "plain", "ahead"),
    },
    "plan": {
        "proposed": Sign("half", "warn", "proposed"),
        "approved": Sign("half", "plain", "approved"),
        "running": Sign("dot", "plain", "running"),
        "held": Sign("stop", "bad", "HELD"),
        "paused": Sign("half", "warn", "PAUSED"),
        "done": Sign("check", "good", "done"),
        "aborted": Sign("ring", "plain", "aborted"),
    },
    "step": {
        "waiting": Sign("ring", "plain", "waiting"),
        "running": Sign("dot", "plain", "running"),
        "done": Sign("check", "good", "done"),
        "failed": Sign("stop", "bad", "FAILED"),
        "unknown": Sign("diamond", "bad", "UNKNOWN"),
        "waived": Sign("diamond", "warn", "WAIVED"),
    },
    "node": {
        "waiting": Sign("ring", "plain", "waiting"),
        "running": Sign("dot", "plain", "running"),
        "held": Sign("stop", "bad", "HELD"),
        "reached": Sign("check", "good", "reached"),
        "forced": Sign("square", "warn", "FORCED"),
        "isolated": Sign("half", "warn", "ISOLATED"),
        "returned": Sign("half", "warn", "RETURNED"),
        "left": Sign("triangle", "bad", "LEFT"),
    },
    "watch": {
        "watching": Sign("dot", "plain", "watching"),
        "clean": Sign("check", "good", "clean"),
        "bad": Sign("triangle", "bad", "BAD"),
        "inconclusive": Sign("diamond", "warn", "inconclusive"),
    },
    "circuit": {
        "closed": Sign("check", "good", "closed"),
        "open": Sign("stop", "bad", "OPEN"),
        "half-open": Sign("half", "warn", "half open"),
        "forced-open": Sign("stop", "bad", "OPEN, by hand"),
        "disabled": Sign("diamond", "warn", "off"),
    },
    "phase-of-plan": {
        "waiting": Sign("ring", "plain", "ahead"),
        "running": Sign("dot", "plain", "now"),
        "over": Sign("check", "good", "over"),
    },
    "evidence": {
        "requested": Sign("half", "warn", "asked for"),
        "collected": Sign("check", "good", "collected"),
        "failed": Sign("diamond", "warn", "not available"),
    },
    "incident": {
        "open": Sign("stop", "bad", "open"),
        "stood-down": Sign("check", "good", "stood down"),
        "closed": Sign("check", "good", "closed for good"),
        "merged": Sign("ring", "plain", "merged"),
        "dismissed": Sign("ring", "plain", "false alarm"),
    },
    "task": {
        "open": Sign("ring", "plain", "open"),
        "done": Sign("check", "good", "done"),
        "dropped": Sign("diamond", "plain", "dropped"),
    },
    "change": {
        "proposed": Sign("half", "warn", "proposed"),
        "approved": Sign("half", "plain", "approved"),
        "made": Sign("check", "good", "made"),
        "refused": Sign("stop", "bad", "refused"),
        "withdrawn": Sign("ring", "plain", "withdrawn"),
    },
    "preflight": {
        "running": Sign("dot", "plain", "running"),
        "passed": Sign("check", "good", "passed"),
        "failed": Sign("triangle", "bad", "NOT passed"),
    },
    "check": {
        "yes": Sign("check", "good", "good"),
        "no": Sign("stop", "bad", "NOT good"),
        "unknown": Sign("diamond", "warn", "unknown"),
    },
    "tone": {
        "good": Sign("check", "good", "good"),
        "bad": Sign("triangle", "bad", "bad"),
        "notice": Sign("diamond", "notice", "notice"),
        "plain": Sign("ring", "plain", ""),
    },
}


def sign(subject: str, state: str) -> Sign:
    """The sign of a state. A state this page does not know is shown by its name."""
    return SIGNS.get(subject, {}).get(state) or Sign("diamond", "warn", state)
