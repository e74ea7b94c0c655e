"""What plans have left each service in, as far as a proof or an actuator said so; the newest word counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from allstop.domain.fleet.expected import KEPT, key
from allstop.domain.moment import after
from allstop.domain.plan import lever_events as le
from allstop.domain.plan.events import Step


@dataclass(frozen=True, slots=True)
class Pulled:
    """One lever that is pulled, since when, and until when; None: no end is known (older logs).

    granted: since when that end counts, where a person has set it; plan, step: that pulled it; asked: whether somebody was asked if it stays; kept: a person said so; expired:
    its time is over; taker: the plan that takes it back; blocked: why none could; told, told_at: how often and
    when it was last said that it is overdue.
    """

    since: datetime
    until: datetime | None
    plan: str
    step: str
    granted: datetime | None = None
    asked: bool = False
    kept: bool = False
    expired: bool = False
    taker: str = ""
    blocked: str = ""
    told: int = 0
    told_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """closed: what was closed and not opened again (isolate, quiesce, drain, fence); capacity: in percent;
    pulled: levers, by name; plan, since: who last changed it, and when."""

    stopped: bool = False
    closed: frozenset[str] = frozenset()
    capacity: int = 100
    pulled: Mapping[str, Pulled] = field(default_factory=dict)
    plan: str = ""
    since: datetime | None = None

    @property
    def levers(self) -> frozenset[str]:
        """Those that are pulled."""
        return frozenset(self.pulled)

    @property
    def is_usual(self) -> bool:
        """Whether nothing is left of what plans did to it."""
        return not (self.stopped or self.closed or self.pulled) and self.capacity == 100

    @property
    def is_away(self) -> bool:
        """Whether it is no longer there for others: stopped, cut off, or nothing new gets in."""
        return self.stopped or bool(self.closed & AWAY)

    def words(self) -> str:
        """`stopped, fenced, capacity 60 %`; empty when it is as usual."""
        parts = ["stopped"] if self.stopped else []
        parts += sorted(_CLOSED[one] for one in self.closed)
        parts += [f"capacity {self.capacity} %"] if self.capacity != 100 else []
        parts += [f"lever {one}" for one in sorted(self.pulled)]
        return ", ".join(parts)


USUAL = Standing()
LeverEvent = le.LeverAsked | le.LeverExtended | le.LeverExpired | le.LeverOverdue
_CLOSED = {"isolate": "isolated", "quiesce": "quiesced", "drain": "drained", "fence": "fenced"}
# What of that keeps everybody out; a fence only keeps writes out.
AWAY = frozenset({"isolate", "quiesce", "drain"})
_OPENS = {"reopen": "isolate", "unquiesce": "quiesce", "undrain": "drain", "unfence": "fence"}


def after_step(standing: Standing, step: Step, plan: str, at: datetime) -> Standing:
    """The standing of a service once a step of a plan is done."""
    now = replace(standing, plan=plan, since=at)
    action = step.action
    if action in ("stop", "kill"):
        return replace(now, stopped=True)
    if action in ("start", "restart"):
        return replace(now, stopped=False)
    if action in _CLOSED:
        return replace(now, closed=now.closed | {action})
    if action in _OPENS:
        return replace(now, closed=now.closed - {_OPENS[action]})
    if action == "scale":
        return replace(now, capacity=_percent(step))
    if action.startswith("pull:"):
        name = action.removeprefix("pull:")
        until = after(at, step.expires_ms) if step.expires_ms else None
        return replace(now, pulled={**now.pulled, name: Pulled(at, until, plan, step.id)})
    if action.startswith("release:"):
        gone = action.removeprefix("release:")
        left = {name: one for name, one in now.pulled.items() if name != gone}
        return replace(now, pulled=left)
    return standing


def after_word(standing: Standing, event: LeverEvent, at: datetime) -> Standing:
    """The standing of a service once something was said about a lever of it that is pulled."""
    was = standing.pulled.get(event.lever)
    if was is None:
        return standing
    match event:
        case le.LeverAsked():
            now = replace(was, asked=True)
        case le.LeverExtended():
            now = Pulled(was.since, event.until, was.plan, was.step, at, kept=True)
        case le.LeverExpired():
            now = replace(was, expired=True, taker=event.plan, blocked=event.blocked, told_at=at)
        case _:
            now = replace(was, told=event.number, told_at=at)
    return replace(standing, pulled={**standing.pulled, event.lever: now})


def _percent(step: Step) -> int:
    """The share a step of `scale` set: it stands in its id, `scale-60-payments`."""
    word = step.id.split("-")[1] if "-" in step.id else ""
    return int(word) if word.isdigit() else 100


def learned(
    durations: Mapping[str, tuple[int, ...]], step: Step, took_ms: int
) -> dict[str, tuple[int, ...]]:
    """The durations with one more, of the newest that are kept."""
    name = key(step.service, step.action)
    return {**durations, name: (*durations.get(name, ()), took_ms)[-KEPT:]}
