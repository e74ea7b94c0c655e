"""What each page shows: read shapes gathered for the templates, nothing decided here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allstop.application.coordinator import Coordinator
from allstop.application.lever_views import circuit_lines, lever_lines
from allstop.application.plan_shapes import PlanView
from allstop.application.shapes import Entry, IncidentView, Overview
from allstop.application.timeline import QUIET
from allstop.application.views import Views
from allstop.errors import Invalid, Missing
from allstop.faces.web.fleet_shown import CHIPS, fleet_shown, urgent_first
from allstop.faces.web.headline import halt_line, headline, service_state
from allstop.faces.web.plan_nodes import NodesShown, laid_out

# How many entries of a timeline a page shows, and how many when all are asked for: a page of more takes
# seconds to make and to read.
ENTRIES = 200
MOST_ENTRIES = 2000
LOG_PAGE = 200


@dataclass(frozen=True, slots=True)
class Shown:
    """One page, ready to render. fragments: its live parts; live: whether there is anything to follow.

    title: of the window; said: for screen readers, when it changes.
    """

    template: str
    fragments: tuple[str, ...]
    title: str
    said: str
    context: dict[str, Any]
    live: bool = True


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for, and what whoever asks may see."""

    coordinator: Coordinator
    views: Views
    query: Mapping[str, str]


def incident_of(path: str) -> str:
    """The incident whose page stands at a path without its leading slash, or empty."""
    name, _, rest = path.partition("/")
    return rest if name == "incidents" else ""


def show(
    coordinator: Coordinator,
    views: Views,
    entries: Sequence[Entry],
    path: str,
    query: Mapping[str, str],
) -> Shown:
    """The page at a path without its leading slash. Raises Missing or Invalid.

    entries: the whole timeline of the incident it is about, oldest first.
    """
    name, _, rest = path.partition("/")
    asked = Asked(coordinator, views, query)
    if incident := incident_of(path):
        return _incident(asked, entries, incident)
    if name == "halts" and rest:
        return _halt(asked, rest)
    if rest or name not in _GATHERERS:
        raise Missing(f"there is no page /{path}", "the list of incidents is at /")
    return _GATHERERS[name](asked)


def _shared(asked: Asked) -> dict[str, Any]:
    """What every page needs: the state of the whole, in one reading."""
    coordinator = asked.coordinator
    overview = asked.views.overview()
    ranks = _ranks(coordinator, overview)
    roster = coordinator.post.book.latest.roster
    people = {person.id: person.name for person in roster.people}
    return {
        "now": overview.at,
        "position": overview.position,
        "overview": overview,
        "head": headline(overview, ranks),
        "ranks": ranks,
        "people": people,
        "called": _called({**people, **{f"agent:{one.id}": one.name for one in roster.agents}}),
        "commander_title": _commander_title(coordinator),
        "service_state": service_state,
        "halt_line": halt_line,
    }


def _called(names: Mapping[str, str]) -> Callable[[str], str]:
    """Somebody's name, from `person:ada`, `agent:builder-1` or an id; what is no name stays as it is."""
    return lambda name: names.get(name.removeprefix("person:"), name)


def _ranks(coordinator: Coordinator, overview: Overview) -> dict[str, int]:
    world, book = coordinator.post.world, coordinator.post.book
    return {
        line.id: book.pinned(world.incidents[line.id].policy).protocol.severity(line.severity).rank
        for line in overview.incidents
        if line.id in world.incidents
    }


def _commander_title(coordinator: Coordinator) -> str:
    protocol = coordinator.post.book.latest.protocol
    titles = [rule.title for rule in protocol.roles if rule.name == "commander"]
    return protocol.terms.get("commander") or (titles[0] if titles else "Commander")


def _list(asked: Asked) -> Shown:
    context = _shared(asked)
    overview: Overview = context["overview"]
    opened = [line for line in overview.incidents if line.state == "open"]
    context |= {
        "kept": asked.views.protocol(),
        "opened": opened,
        "closed": [line for line in overview.incidents if line.state != "open"],
        "chips": (
            overview.services
            if len(overview.services) <= CHIPS
            else urgent_first(overview.services)[:CHIPS]
        ),
    }
    parts = (
        "headline", "standing", "proposals", "open", "halts", "next", "fleet", "agents-brief", "closed",
    )  # fmt: skip
    return _shown("list", parts, "", context)


def _incident(asked: Asked, entries: Sequence[Entry], name: str) -> Shown:
    context = _shared(asked)
    view = asked.views.incident(name)
    everything = asked.query.get("everything") == "1"
    chosen = [entry for entry in entries if everything or entry.kind not in QUIET]
    whole = asked.query.get("all") == "1"
    shown = [asked.views.corrected(one) for one in chosen[-(MOST_ENTRIES if whole else ENTRIES) :]]
    laid = _laid_out(asked, view, context["now"])
    context |= {
        "view": view,
        "line": view.line,
        "rank": context["ranks"][view.line.id],
        "everything": everything,
        "entries": shown[::-1],
        "older": len(chosen) - len(shown),
        "whole": whole,
        "quiet": len(entries) - len(chosen),
        "told": asked.views.read_in(name),
        "forms": asked.views.forms(name),
        "deadlines": sorted(view.deadlines, key=lambda one: one.at),
        "laid_out": laid,
        "next": next_step(view, laid),
    }
    parts = (
        "state", "incident", "read-in", "gates", "roll-call", "plans", "work", "cause", "times", "team",
        "owed", "timeline",
    )  # fmt: skip
    return _shown("incident", parts, f"{view.line.id} {view.line.severity}", context)


def _laid_out(asked: Asked, view: IncidentView, now: datetime) -> dict[str, NodesShown]:
    """Plans of nodes, by id, as their cards show them."""
    made, opened = asked.coordinator.post.world.plans, view.line.state == "open"
    return {
        plan.id: laid_out(plan, tuple(made[plan.id].holding), now, opened=opened)
        for plan in view.plans
        if plan.nodes
    }


def next_step(view: IncidentView, laid: Mapping[str, NodesShown]) -> tuple[str, str] | None:
    """The command that helps most now and why; None when nobody need do anything.

    laid: plans of nodes, by id.
    """
    if view.line.state != "open":
        return None
    if of_plans := _next_of_plans(view, laid):
        return of_plans
    if not view.acknowledged_by:
        return (f"allstop ack --incident {view.line.id}", "nobody has acknowledged it")
    if view.line.waits_for:
        return (f"allstop show {view.line.id}", view.line.waits_for[0])
    return (f'allstop stand-down "why" --incident {view.line.id}', "every gate has passed")


def _next_of_plans(view: IncidentView, laid: Mapping[str, NodesShown]) -> tuple[str, str] | None:
    """What is held or asks somebody goes before what waits for approval, and that before what could be run."""
    troubled = [
        _held(plan)
        for plan in view.plans
        if plan.state == "held" and not plan.earlier and plan.id not in laid
    ]
    troubled += [found.trouble for found in laid.values() if found.trouble]
    asking = [
        (f"allstop plan show {plan.id}", f"{plan.id} asks {step.role}: {step.title}")
        for plan in view.plans
        if plan.state not in ("done", "aborted") and not plan.earlier
        for step in plan.steps
        if step.kind == "task" and step.state == "running"
    ]
    waiting = [
        (
            f"allstop approve {plan.id}",
            f"{plan.id} waits for approval by {plan.waits_for or plan.approve}: {plan.title}",
        )
        for plan in view.plans
        if plan.state == "proposed" and plan.approve and not plan.earlier
    ]
    ready = [
        (laid[plan.id].run, f"{plan.id} can be run: {plan.title}")
        for plan in view.plans
        if plan.id in laid and laid[plan.id].run
    ]
    return next(iter((*troubled, *asking, *waiting, *ready)), None)


def _held(plan: PlanView) -> tuple[str, str]:
    stuck = next((step.id for step in plan.steps if step.state in ("failed", "unknown")), "STEP")
    return (f"allstop plan retry {plan.id} {stuck}", f"{plan.id} is held: {plan.held_because}")


def _agents(asked: Asked) -> Shown:
    context = _shared(asked)
    halts = asked.views.halts()
    context["standing"] = [halt for halt in halts if halt.stands]
    context["lifted"] = [halt for halt in halts if not halt.stands]
    return _shown("agents", ("state", "agents", "roll-calls"), "Agents", context)


def _halt(asked: Asked, name: str) -> Shown:
    context = _shared(asked)
    context["halt"] = halt = asked.views.halt(name)
    return _shown("halt", ("state", "halt"), halt.id, context)


def _services(asked: Asked) -> Shown:
    context = _shared(asked)
    overview: Overview = context["overview"]
    world, fleet = asked.coordinator.post.world, asked.coordinator.post.book.latest.fleet
    context["shown"] = fleet_shown(overview.services)
    context["levers"] = lever_lines(world, fleet, asked.views.reader, overview.at)
    context["circuits"] = circuit_lines(world, fleet)
    context["titles"] = {service.name: service.title for service in overview.services}
    parts = ("state", "fleet-now", "graph", "services")
    return _shown("services", parts, "Services", context)


def _log(asked: Asked) -> Shown:
    context = _shared(asked)
    last = asked.coordinator.store.last_position()
    before = _position(asked.query.get("before", ""), last + 1)
    after = max(0, before - 1 - LOG_PAGE)
    entries = asked.views.log(after, before - 1 - after)
    context |= {
        "entries": entries[::-1],
        "newest": before > last,
        "older": entries[0].position if entries and entries[0].position > 1 else None,
        "newer": min(before + LOG_PAGE, last + 1) if before <= last else None,
        "last": last,
    }
    return _shown("log", ("state", "log"), "Log", context)


def _position(text: str, last: int) -> int:
    if not text:
        return last
    if not (text.isascii() and text.isdigit() and len(text) < 16 and int(text) > 0):
        raise Invalid(
            f"{text[:40]!r} is no position in the log", "positions are whole numbers from 1"
        )
    return min(int(text), last)


def _about(asked: Asked) -> Shown:
    context, coordinator = _shared(asked), asked.coordinator
    book = coordinator.post.book
    checkpoints = coordinator.store.checkpoints()
    context |= {
        "coordinator": coordinator,
        "protocol": book.latest.protocol,
        "fleet": book.latest.fleet,
        "roster": book.latest.roster,
        "digest": book.current,
        "kept": asked.views.protocol(),
        "checkpoint": checkpoints[-1] if checkpoints else None,
        "adapters": coordinator.adapters.infos(),
        "unavailable": coordinator.adapters.unavailable(),
        "size": coordinator.store.size_bytes(),
    }
    return _shown("about", ("state",), "About", context)


def _shown(template: str, parts: tuple[str, ...], title: str, context: dict[str, Any]) -> Shown:
    head = context["head"]
    window = " · ".join(part for part in (title, head.text, "Allstop") if part)
    return Shown(template, parts, window, head.said, context)


_GATHERERS = {
    "": _list,
    "agents": _agents,
    "services": _services,
    "log": _log,
    "about": _about,
}
