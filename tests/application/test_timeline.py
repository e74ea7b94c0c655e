"""Every kind of entry has its sentence, and no sentence is about a kind that does not exist."""

from __future__ import annotations

from allstop.application import timeline
from allstop.domain.registry import KINDS


def test_every_event_has_a_sentence() -> None:
    """Given all registered events, when the sentences are listed, then they are the same classes."""
    assert set(timeline.SENTENCES) == set(KINDS.values())


def test_tones_name_existing_kinds() -> None:
    """Given the lists of tones, when they are compared with the kinds, then none is misspelt."""
    named = timeline.BAD | timeline.GOOD | timeline.NOTICE | timeline.QUIET

    assert named <= set(KINDS)
