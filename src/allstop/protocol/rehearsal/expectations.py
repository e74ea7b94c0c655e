"""Expectations: one line each, compared with what a rehearsal came to.

severity INC-1 is RED                 state INC-1 is stood-down        phase INC-1 is verify
told person:owner by 1m               told audience:public             not told audience:public
halted all                            not halted                       halted team:red
due update:1 at 15m                   missed acknowledge               not missed acknowledge
missed acknowledge at 5m              refused 3                        refused 3 no-authority
recorded crew.proposed                recorded 2 deadline.missed       not recorded incident.closed
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from allstop.domain.incident.course_events import DeadlineSet
from allstop.domain.incident.events import DeadlineMissed
from allstop.domain.moment import between, words
from allstop.domain.registry import KINDS
from allstop.domain.verdict import nearest
from allstop.protocol.rehearsal.engine import Played
from allstop.protocol.scalars import parse_duration

_SPAN = r"[0-9][0-9smhd]*"
# Times of the engine fall due between two of its instants; half a second tells nobody anything.
TOLERANCE_MS = 1_000


@dataclass(frozen=True, slots=True)
class Expectation:
    """text: as written; holds: None when it holds, else what was found instead."""

    text: str
    holds: Callable[[Played], str | None]


def parse_expectation(text: str) -> Expectation:
    """Read one line. Raises ValueError with what could be written."""
    line = " ".join(text.split())
    wanted = not line.startswith("not ")
    body = line.removeprefix("not ")
    for pattern, make in _FORMS:
        match = re.fullmatch(pattern, body)
        if match:
            try:
                judge = make(*match.groups())
            except ValueError as error:
                raise ValueError(f"cannot read the expectation {text!r}: {error}") from None
            return Expectation(text, judge if wanted else _negated(judge, body))
    raise ValueError(
        f"cannot read the expectation {text!r}; see `allstop protocol rehearse --help`"
    )


def compare(played: Played, expectations: list[Expectation]) -> list[tuple[str, str]]:
    """(expectation, what was found instead) for each one that does not hold."""
    found = []
    for one in expectations:
        wrong = one.holds(played)
        if wrong is not None:
            found.append((one.text, wrong))
    return found


Judge = Callable[[Played], str | None]


class Unheard(str):
    """What is said of something that does not exist, so that `not` of it holds no more than itself."""

    __slots__ = ()


def _negated(judge: Judge, body: str) -> Judge:
    def other(played: Played) -> str | None:
        found = judge(played)
        if isinstance(found, Unheard):
            return found
        return None if found is not None else f"{body}: it was so"

    return other


def _is(id: str, written: str) -> bool:
    """Whether a deadline is the one that is meant: `deadline:muster` may be written `muster`."""
    return written in (id, id.partition(":")[2])


def _no_deadline(played: Played, written: str) -> Unheard | None:
    """What there were, when the story had no such deadline and its protocol has none."""
    protocol = played.policy.protocol
    ids = {
        one.event.deadline
        for one in played.records
        if isinstance(one.event, DeadlineSet | DeadlineMissed)
    }
    known = {one.id for one in protocol.deadlines} | {one.id for one in protocol.obligations}
    plain = written.partition(":")[2] or written
    if any(_is(id, written) for id in ids) or plain in known or written.startswith(_ALWAYS):
        return None
    return Unheard(
        f"there is no deadline {written}; there were: {', '.join(sorted(ids)) or 'none'}"
    )


# Deadlines that every response may have, whether this one came to them or not.
_ALWAYS = ("acknowledge", "update:", "target:", "action:")


def _field(name: str, incident: str, value: str) -> Judge:
    def judge(played: Played) -> str | None:
        one = played.world.incidents.get(incident)
        if one is None:
            return Unheard(f"there is no {incident}")
        found = str(getattr(one, name))
        return None if found == value else f"it is {found or 'nothing'}"

    return judge


def _told(to: str, by: str | None) -> Judge:
    limit = parse_duration(by) if by else None

    def judge(played: Played) -> str | None:
        channels = _channels(played, to)
        first = next(
            (
                at
                for at, who, channel, *_ in played.told
                if who == to or (who.startswith("audience:") and channel in channels)
            ),
            None,
        )
        if first is None:
            if not _may_be_told(played, to):
                return Unheard(f"there is no {to}")
            told = ", ".join(sorted({who for _, who, *_ in played.told}))
            return f"told were: {told or 'nobody'}"
        taken = between(played.start, first)
        if limit is not None and taken > limit + TOLERANCE_MS:
            return f"first told after {words(taken)}"
        return None

    return judge


def _channels(played: Played, to: str) -> tuple[str, ...]:
    """The channels of an audience: what is posted there for another one has reached this one too."""
    audiences = played.policy.protocol.audiences
    return next((one.channels for one in audiences if f"audience:{one.name}" == to), ())


def _may_be_told(played: Played, to: str) -> bool:
    kind, _, name = to.partition(":")
    if kind == "person":
        return any(one.id == name for one in played.policy.roster.people)
    return kind == "audience" and any(one.name == name for one in played.policy.protocol.audiences)


def _halted(scope: str | None) -> Judge:
    def judge(played: Played) -> str | None:
        scopes = [halt.scope for halt in played.world.halts.values()]
        if scopes and (scope is None or scope in scopes):
            return None
        return f"halts were ordered for: {', '.join(scopes) or 'nobody'}"

    return judge


def _due(id: str, at: str) -> Judge:
    when = parse_duration(at)

    def judge(played: Played) -> str | None:
        found = [
            between(played.start, one.event.at)
            for one in played.records
            if isinstance(one.event, DeadlineSet) and _is(one.event.deadline, id)
        ]
        if any(abs(one - when) <= TOLERANCE_MS for one in found):
            return None
        if unheard := _no_deadline(played, id):
            return unheard
        return f"due at {', '.join(words(one) for one in found) or 'no time'}"

    return judge


def _missed(id: str, at: str | None) -> Judge:
    when = parse_duration(at) if at else None

    def judge(played: Played) -> str | None:
        found = [
            between(played.start, one.at)
            for one in played.records
            if isinstance(one.event, DeadlineMissed) and _is(one.event.deadline, id)
        ]
        fits = [one for one in found if when is None or abs(one - when) <= TOLERANCE_MS]
        if unheard := _no_deadline(played, id):
            return unheard
        return None if fits else f"missed at {', '.join(words(one) for one in found) or 'no time'}"

    return judge


def _refused(step: str, code: str | None) -> Judge:
    def judge(played: Played) -> str | None:
        if not 0 < int(step) <= len(played.steps):
            return Unheard(f"the story has {len(played.steps)} steps")
        for refusal in played.refusals:
            number = played.steps.index(refusal.place) + 1
            codes = [reason[0] for reason in refusal.reasons]
            if str(number) == step:
                return None if code is None or code in codes else f"refused with {', '.join(codes)}"
        return "it was accepted"

    return judge


def _recorded(count: str | None, kind: str) -> Judge:
    if kind not in KINDS:
        raise ValueError(f"there is no entry {kind} ({nearest(kind, KINDS)})")

    def judge(played: Played) -> str | None:
        found = sum(1 for one in played.records if one.kind == kind)
        if (found == int(count)) if count else found > 0:
            return None
        return f"recorded {found} times"

    return judge


_FORMS: tuple[tuple[str, Callable[..., Judge]], ...] = (
    (r"severity (\S+) is (\S+)", lambda incident, value: _field("severity", incident, value)),
    (r"state (\S+) is (\S+)", lambda incident, value: _field("state", incident, value)),
    (r"phase (\S+) is (\S+)", lambda incident, value: _field("phase", incident, value)),
    (r"kind (\S+) is (\S+)", lambda incident, value: _field("kind", incident, value)),
    (rf"told (\S+)(?: by ({_SPAN}))?", _told),
    (r"halted(?: (\S+))?", _halted),
    (rf"due (\S+) at ({_SPAN})", _due),
    (rf"missed (\S+)(?: at ({_SPAN}))?", _missed),
    (r"refused ([0-9]+)(?: (\S+))?", _refused),
    (r"recorded (?:([0-9]+) )?([a-z_]+\.[a-z_]+)", _recorded),
)
