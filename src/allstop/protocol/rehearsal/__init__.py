"""Rehearsal: a story played against a protocol on a virtual clock, with the engine that runs for real.

`story` reads the file, `cast` finds people, agents and services for a protocol that has none yet,
`engine` plays, `expectations` compares. Nothing outside is touched: effects end as the story says.
"""

from allstop.protocol.rehearsal.cast import cast_for
from allstop.protocol.rehearsal.engine import Played, Refusal, play, still_owed
from allstop.protocol.rehearsal.expectations import Expectation, compare, parse_expectation
from allstop.protocol.rehearsal.story import Story, read_story

__all__ = [
    "Expectation",
    "Played",
    "Refusal",
    "Story",
    "cast_for",
    "compare",
    "parse_expectation",
    "play",
    "read_story",
    "still_owed",
]
