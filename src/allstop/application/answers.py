"""What adapters answer, as the log can hold it."""

from __future__ import annotations

from dataclasses import replace

from allstop.application.codec import recordable
from allstop.domain.effects import Outcome, unknown
from allstop.domain.policy.tables import Scalar

LONGEST_RETRY_MS = 86_400_000
TEXT_LIMIT = 500


def checked(answer: object) -> Outcome:
    """What the log can hold of an adapter's answer. One that is no outcome tells nothing."""
    if not isinstance(answer, Outcome):
        return unknown(f"the adapter answered with {type(answer).__name__}, which is no outcome")
    facts: dict[str, Scalar] = {
        plain(name): value for name, value in answer.facts.items() if recordable(value)
    }
    wait = max(0, min(answer.after_ms, LONGEST_RETRY_MS))
    return replace(answer, because=plain(answer.because), facts=facts, after_ms=wait)


def both(said: str, seen: str) -> str:
    """What the actuator said, and what the probe saw."""
    return "; ".join(part for part in (said, seen) if part)[:TEXT_LIMIT]


def plain(text: str) -> str:
    """Text with what is no character marked as such."""
    return text.encode("utf-8", "replace").decode()
