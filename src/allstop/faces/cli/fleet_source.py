"""Where a command about the fleet looks: the coordinator, the documents of the project, or one file."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from allstop.application.fleet_shapes import (
    BlastRadius,
    EdgeLine,
    FleetService,
    FleetView,
    FunctionLine,
    HitLine,
    SetLine,
)
from allstop.application.fleet_views import blast_radius_view, fleet_view
from allstop.domain.policy import Fleet
from allstop.domain.verdict import nearest
from allstop.errors import Invalid, Missing
from allstop.faces.cli.client import NotRunning
from allstop.faces.cli.session import Session

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
NOT_RUNNING = (
    "No coordinator runs: this is what the documents say, and nobody looks at the services."
)


@dataclass(frozen=True, slots=True)
class Source:
    """view: the fleet; fleet: as the documents have it, None when a coordinator answered; note: for people,
    when less is known than usual."""

    session: Session
    view: FleetView
    fleet: Fleet | None
    note: str = ""

    def blast_radius(self, names: Sequence[str]) -> BlastRadius:
        """What is lost with some services. Raises Missing, or the coordinator's problem, for unknown ones."""
        if self.fleet is not None:
            return blast_radius_view(self.fleet, names)
        answer = self.session.client.get("fleet", "blast-radius", service=",".join(names))
        return _radius(answer.data)

    def service(self, name: str) -> FleetService:
        """One service. Raises Missing with the nearest name."""
        found = next((one for one in self.view.services if one.name == name), None)
        if found is None:
            names = [one.name for one in self.view.services]
            hint = nearest(name, names) or "fleet.yaml has no services"
            raise Missing(f"there is no service {name}", hint)
        return found


def places(command: F) -> F:
    """The options that say where to look."""
    documents = click.option(
        "--documents",
        is_flag=True,
        help="Read the project's documents, even if a coordinator runs.",
    )
    file = click.option(
        "--file", default=None, metavar="FILE",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Another fleet document, such as a draft.",
    )  # fmt: skip
    return file(documents(command))


def find(session: Session, file: Path | None, *, documents: bool) -> Source:
    """The fleet to look at. Raises Invalid with every problem of documents that cannot be used."""
    if file is not None:
        fleet, problems = session.launch.check_fleet(file)
        if fleet is None:
            told = "\n".join(str(one) for one in problems if getattr(one, "is_error", True))
            raise Invalid(told, f"allstop fleet check {file}")
        return Source(session, fleet_view(fleet), fleet)
    if documents:
        return _from_documents(session, "")
    try:
        return Source(session, _view(session.client.get("fleet").data), None)
    except NotRunning:
        if session.settings.url:
            raise
        return _from_documents(session, NOT_RUNNING)


def _from_documents(session: Session, note: str) -> Source:
    policy = session.launch.read_policy(session.project.home)
    view = fleet_view(policy.fleet, policy.protocol.objectives)
    return Source(session, view, policy.fleet, note)


# --- what the API said ----------------------------------------------------------------------------------


def _view(found: Mapping[str, Any]) -> FleetView:
    return _of(
        FleetView, found,
        services=tuple(_service(one) for one in found["services"]),
        sets=tuple(_of(SetLine, one) for one in found["sets"]),
    )  # fmt: skip


def _service(found: Mapping[str, Any]) -> FleetService:
    edges = {
        name: tuple(_of(EdgeLine, one) for one in found[name]) for name in ("needs", "needed_by")
    }
    return _of(FleetService, found, **edges)


def _radius(found: Mapping[str, Any]) -> BlastRadius:
    hits = {
        name: tuple(_of(HitLine, one) for one in found[name]) for name in ("broken", "degraded")
    }
    functions = tuple(_of(FunctionLine, one) for one in found["functions"])
    return _of(BlastRadius, found, functions=functions, **hits)


def _of(kind: type[T], found: Mapping[str, Any], **given: Any) -> T:
    """A shape of what the API said; what a newer coordinator says besides is left out."""
    names = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]  # every kind is a dataclass
    plain = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in found.items()
        if name in names
    }
    return kind(**{**plain, **given})
