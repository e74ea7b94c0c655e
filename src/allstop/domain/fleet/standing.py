"""What plans have left each service in, as far as a proof or an actuator said so; the newest word counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from allstop.domain.fleet.expected import KEPT, key
from allstop.domain.plan.events import Step


@dataclass(frozen=True, slots=True)
class Standing:
    """closed: what was closed and not opened again (isolate, quiesce, drain, fence); capacity: in percent;
    levers: those that are pulled; plan, since: who last changed it, and when."""

    stopped: bool = False
    closed: frozenset[str] = frozenset()
    capacity: int = 100
    levers: frozenset[str] = frozenset()
    plan: str = ""
    since: datetime | None = None

    @property
    def is_usual(self) -> bool:
        """Whether nothing is left of what plans did to it."""
        return not (self.stopped or self.closed or self.levers) and self.capacity == 100

    def words(self) -> str:
        """`stopped, fenced, capacity 60 %`; empty when it is as usual."""
        parts = ["stopped"] if self.stopped else []
        parts += sorted(_CLOSED[one] for one in self.closed)
        parts += [f"capacity {self.capacity} %"] if self.capacity != 100 else []
        parts += [f"lever {one}" for one in sorted(self.levers)]
        return ", ".join(parts)


USUAL = Standing()
_CLOSED = {"isolate": "isolated", "quiesce": "quiesced", "drain": "drained", "fence": "fenced"}
_OPENS = {"reopen": "isolate", "unquiesce": "quiesce", "undrain": "drain", "unfence": "fence"}


def after_step(standing: Standing, step: Step, plan: str, at: datetime) -> Standing:
    """The standing of a service once a step of a plan is done."""
    now = replace(standing, plan=plan, since=at)
    action = step.action
    if action in ("stop", "kill"):
        return replace(now, stopped=True)
    if action in ("start", "restart", "restore"):
        return replace(now, stopped=False)
    if action in _CLOSED:
        return replace(now, closed=now.closed | {action})
    if action in _OPENS:
        return replace(now, closed=now.closed - {_OPENS[action]})
    if action == "scale":
        return replace(now, capacity=_percent(step))
    if action.startswith("pull:"):
        return replace(now, levers=now.levers | {action.removeprefix("pull:")})
    if action.startswith("release:"):
        return replace(now, levers=now.levers - {action.removeprefix("release:")})
    return standing


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
