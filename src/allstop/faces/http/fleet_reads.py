"""The operations that look at the fleet as a whole."""

from __future__ import annotations

from allstop.application.fleet_shapes import BlastRadius, FleetView
from allstop.application.playbook_views import PlaybookView
from allstop.faces.http.operation import Call, Operation, Query, long_view, view
from allstop.faces.http.problems import Because, WrongFields

FLEET = "/api/v1/fleet"


def _blast_radius(call: Call) -> BlastRadius:
    names = [name for name in str(call.query.get("service", "")).split(",") if name]
    if not names:
        reason = Because("missing-parameter", "service is missing", "service=NAME,NAME")
        raise WrongFields("the query has errors", (reason,))
    return call.views.blast_radius(names)


FLEET_READS: tuple[Operation, ...] = (
    Operation(
        "fleet", "GET", FLEET,
        "The services with what can be done to them, what they need and what plans left them in.",
        long_view(lambda call: call.views.fleet()), FleetView, tag="services",
    ),
    Operation(
        "playbooks", "GET", "/api/v1/playbooks", "The playbooks, with their phases and steps.",
        view(lambda call: call.views.playbooks()), tuple[PlaybookView, ...], tag="plans",
    ),
    Operation(
        "blast-radius", "GET", f"{FLEET}/blast-radius",
        "What is lost with some services: who is broken, who is degraded, which functions go.",
        long_view(_blast_radius), BlastRadius,
        query=(Query("service", "string", "names of services, with commas between them"),),
        subject="service", tag="services", problems=(404,),
    ),
)  # fmt: skip
