"""The one sentence at the top: how bad is it? It never says more than the views do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from allstop.application.shapes import HaltView, IncidentLine, Overview, RollLine, ServiceLine

# Agents in these states are where a person must look.
LOOSE = frozenset({"unaccounted", "escaped", "contradicted", "unreachable", "stuck"})


@dataclass(frozen=True, slots=True)
class HaltLine:
    """One halt in a sentence. name: of what kind it is; tone: good | bad | warn | plain; loose: agents that stand out."""

    id: str
    name: str
    tone: str
    text: str
    loose: tuple[RollLine, ...]


@dataclass(frozen=True, slots=True)
class Headline:
    """tone: incident | halt | watch | calm; rank: of the worst severity, 0 without one.

    text goes before the time since `since`; detail: a second sentence; said: all of it without
    the passing time, for screen readers.
    """

    tone: str
    rank: int
    text: str
    since: datetime | None
    detail: str
    halts: tuple[HaltLine, ...]

    @property
    def said(self) -> str:
        parts = (self.text, self.detail, *(f"{one.name}: {one.text}" for one in self.halts))
        return ". ".join(part for part in parts if part)


def headline(overview: Overview, ranks: Mapping[str, int]) -> Headline:
    """ranks: rank of the severity by incident, 1 is the worst."""
    halts = tuple(halt_line(halt) for halt in overview.halts)
    opened = [line for line in overview.incidents if line.state == "open"]
    if opened:
        worst = min(opened, key=lambda line: ranks[line.id])
        first = min(line.declared_at for line in opened)
        word = "incident" if len(opened) == 1 else "incidents"
        severity = worst.severity if len(opened) == 1 else f"worst {worst.severity}"
        text = f"{len(opened)} {word} open, {severity}"
        return Headline("incident", ranks[worst.id], text, first, _names(opened), halts)
    if halts:
        first = min(halt.ordered_at for halt in overview.halts)
        text = "1 halt stands" if len(halts) == 1 else f"{len(halts)} halts stand"
        return Headline("halt", 0, text, first, "No incident is open.", halts)
    worry = ". ".join(filter(None, (_worry(overview.services), _unready(overview))))
    if worry:
        return Headline("watch", 0, "No incident is open", None, worry, ())
    watched = sum(1 for service in overview.services if service.probes)
    detail = (
        f"{watched} of {len(overview.services)} services watched, all up."
        if watched
        else "It watches no services yet."
    )
    return Headline("calm", 0, "Nothing is wrong that Allstop knows of", None, detail, ())


def halt_line(halt: HaltView) -> HaltLine:
    """What a halt may claim. "All stopped" only when the view says so, and of somebody."""
    name = "All-stop" if halt.scope == "all" else f"Halt of {halt.scope}"
    if halt.classes == ("hard",):
        name += ", reading too"
    elif halt.classes != ("default",):
        name = f"Halt of {', '.join(halt.classes)}, {halt.scope}"
    loose = tuple(line for line in halt.roll if line.state in LOOSE)
    if not halt.stands:
        stuck = f"; {_count(len(loose), 'agent')} could not be told" if loose else ""
        return HaltLine(
            halt.id,
            name,
            "warn" if loose else "plain",
            f"released by {halt.released_by}{stuck}",
            loose,
        )
    if halt.total == 0:
        return HaltLine(halt.id, name, "plain", "no agents in its scope", ())
    if halt.stopped:
        text = f"All stopped: {halt.settled} of {halt.total} confirmed or enforced"
        return HaltLine(halt.id, name, "good", text, ())
    text = f"{halt.settled} of {halt.total} confirmed or enforced"
    return HaltLine(halt.id, name, "bad" if loose else "warn", text, loose)


def service_state(service: ServiceLine) -> str:
    """The view's state, with the two reasons for unknown told apart, and what is off on purpose set aside."""
    if service.off and service.state != "up":
        return "off"
    if service.state != "unknown":
        return service.state
    if not service.probes:
        return "unwatched"
    return "failing" if any(probe.state == "failing" for probe in service.probes) else "unknown"


def _worry(services: Sequence[ServiceLine]) -> str:
    """What is not well although nobody declared: said before anything calm is."""
    parts = []
    for state, words in (
        ("down", "down"), ("failing", "failing"), ("unknown", "not known"), ("off", "off on purpose"),
    ):  # fmt: skip
        names = [service.title for service in services if service_state(service) == state]
        if names:
            shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
            parts.append(f"{_count(len(names), 'service')} {words}: {shown}")
    return ". ".join(parts)


def _unready(overview: Overview) -> str:
    """What would go wrong in an emergency, said before anything calm is."""
    one = overview.readiness
    if one is None or one.passed:
        return ""
    more = f" and {one.bad - 1} more" if one.bad > 1 else ""
    return (
        f"The preflight is red: {one.failing[0] if one.failing else 'see allstop preflight'}{more}"
    )


def _names(lines: Sequence[IncidentLine]) -> str:
    return lines[0].title if len(lines) == 1 else ", ".join(line.id for line in lines)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
