"""The fleet as pages: all services by category, one service, and what is lost with some."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from allstop.application.fleet_shapes import BlastRadius, FleetService, FleetView, HitLine
from allstop.domain.fleet.ordering import CATEGORIES
from allstop.domain.moment import words
from allstop.faces.cli.page import Page, Piece

TITLES = {
    "revenue": "Revenue", "customer-facing": "Customer-facing", "internal": "Internal",
    "analytics": "Analytics",
}  # fmt: skip
NONE = "There are no services in fleet.yaml."
STATES = {"up": "good", "down": "bad", "unknown": "notice"}


def overview(page: Page, view: FleetView) -> None:
    """Every service in a few lines, the most important category first."""
    for category in CATEGORIES:
        services = [one for one in view.services if one.category == category]
        if not services:
            continue
        page.title(f"{TITLES[category]} ({len(services)})")
        for one in services:
            _in_short(page, one)
    for group in view.sets:
        page.blank()
        page.line(
            f"At least {group.alive} of {', '.join(group.members)} must stay up ({group.name})."
        )
    for cycle in view.cycles:
        page.blank()
        page.line(Piece(f"In a circle, so they are handled together: {cycle}", "notice"), hang=2)
    if not view.services:
        page.line(NONE)


def _in_short(page: Page, one: FleetService) -> None:
    title = f"  {one.title}" if one.title != one.name else ""
    page.line(
        Piece(f"  {one.name}", "strong"), f"{title}  importance {one.importance}", *_state(one),
        Piece("".join(f", {mark}" for mark in _marks(one)), "notice"),
    )  # fmt: skip
    about = [part for part in (_objectives(one), _where(one), f"when a stop fails: {fails(one)}") if part]  # fmt: skip
    page.line(f"    {'; '.join(about)}", hang=6)
    page.line(f"    actions: {', '.join(one.actions) or 'none'}", hang=6)
    if lacks(one):
        page.line(Piece(f"    lacks for a safe stop: {lacks(one)}", "notice"), hang=6)
    page.line(Piece(f"    probes: {', '.join(one.probes) or 'none'}", "dim"), hang=6)


def lacks(one: FleetService) -> str:
    """What a stop of it would want and does not find."""
    if not {"stop", "isolate"} & set(one.actions):
        return "nothing can stop it or cut it off"
    return ", ".join(one.lacking)


def _state(one: FleetService) -> Iterable[Piece]:
    if one.state:
        yield Piece(", ")
        yield Piece(one.state, STATES.get(one.state, "plain"))
    if one.standing:
        yield Piece(", ")
        yield Piece(f"{one.standing} by {one.plan}" if one.plan else one.standing, "bad")


def _marks(one: FleetService) -> list[str]:
    return [
        word
        for word, so in (("protected", one.protected), ("has data", one.stateful))
        if so
    ]  # fmt: skip


def _objectives(one: FleetService) -> str:
    parts = [f"class {one.service_class}"] if one.service_class else []
    parts += [f"RTO {one.rto}"] if one.rto else []
    parts += [f"RPO {one.rpo}"] if one.rpo else []
    return ", ".join(parts)


def _where(one: FleetService) -> str:
    parts = (("host", one.host), ("zone", one.zone), ("domain", one.domain), ("stage", one.stage))
    return ", ".join(f"{word} {value}" for word, value in parts if value)


def fails(one: FleetService) -> str:
    """What happens when a stop of it fails, and where that comes from."""
    policy = f"{one.policy} (by default)" if one.by_default else one.policy
    if one.policy_works:
        return policy
    wanted = {"force": "kill it", "isolate": "isolate it"}.get(one.policy, one.policy)
    return f"{policy}, but nothing can {wanted} and prove it, so it waits for a person"


def one_service(page: Page, one: FleetService, radius: BlastRadius) -> None:
    """Everything about one service."""
    marks = "".join(f", {mark}" for mark in _marks(one))
    page.line(
        Piece(one.name, "strong"),
        f"  {one.title if one.title != one.name else 'a service'}, {one.category}, importance {one.importance}{marks}",
        *_state(one),
    )  # fmt: skip
    alone, together = words(one.stop_ms), words(radius.stop_ms)
    stops = f"about {alone}"
    if radius.broken:
        stops += f"; with the {len(radius.broken)} who are broken without it, about {together}"
    rows = (
        ("objectives", _objectives(one)),
        ("where", _where(one)),
        ("functions", ", ".join(one.functions)),
        ("probes", ", ".join(one.probes) or "none: nobody can say whether it is well"),
        ("actions", ", ".join(one.actions) or "none"),
        ("lacks", lacks(one)),
        ("levers", ", ".join(one.levers)),
        ("stops in", "" if radius.unstoppable == (one.name,) else stops),
        ("stop fails", fails(one)),
        ("needs", ", ".join(f"{edge.service} ({edge.kind})" for edge in one.needs) or "nobody"),
        ("needed by", ", ".join(f"{edge.service} ({edge.kind})" for edge in one.needed_by) or "nobody"),
    )  # fmt: skip
    page.table((), [(label, text) for label, text in rows if text], indent=2)


def lost(page: Page, radius: BlastRadius) -> None:
    """Who is hit, and by which way."""
    named = ", ".join(radius.services)
    core = sum(1 for one in radius.functions if one.core)
    counts = [
        f"{len(radius.broken)} more of {radius.of} services broken", f"{len(radius.degraded)} degraded",
        f"{_count(len(radius.functions), 'function')} lost" + (f" ({core} core)" if core else ""),
    ]  # fmt: skip
    tone = "bad" if radius.revenue or core else "notice" if radius.broken else "good"
    page.line(Piece(f"Without {named}: {', '.join(counts)}.", tone))
    _hits(page, "Broken", radius.broken)
    _hits(page, "Degraded", radius.degraded)
    if radius.functions:
        page.title(f"Functions lost ({len(radius.functions)})")
        page.table(
            (),
            [
                (one.title, Piece("core", "bad") if one.core else "", f"through {', '.join(one.services)}")
                for one in radius.functions
            ],
            indent=2,
        )  # fmt: skip
    if radius.revenue:
        page.blank()
        page.line(Piece(f"Services that earn, among them: {', '.join(radius.revenue)}.", "bad"))
    page.blank()
    if len(radius.unstoppable) < len(radius.services) + len(radius.broken):
        page.line(f"To stop all of them takes about {words(radius.stop_ms)}.")
    if radius.unstoppable:
        page.line(Piece(f"Nothing can stop {', '.join(radius.unstoppable)}.", "bad"))


def _hits(page: Page, title: str, found: Sequence[HitLine]) -> None:
    if found:
        page.title(f"{title} ({len(found)})")
        rows = [(one.service, one.category, " -> ".join(one.way)) for one in found]
        page.table(("service", "category", "because"), rows, indent=2)


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
