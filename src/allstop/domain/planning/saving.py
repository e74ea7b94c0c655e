"""A snapshot: copies of data, each proven by a restore. What protects a change of data, and what a restore needs."""

from __future__ import annotations

from allstop.domain.draft import Refuse, refuse
from allstop.domain.plan.asked import Outlook
from allstop.domain.plan.events import Bite, Node, Step
from allstop.domain.planning.drawn import Drawn, Setting
from allstop.domain.planning.node_steps import chain
from allstop.domain.planning.selecting import select
from allstop.domain.planning.stopping import expected_apart, few, pace
from allstop.domain.policy import Service
from allstop.domain.verdict import Reason, Verdict

# In this order; what a service does not offer is left out, and named.
SAVING = ("flush", "snapshot", "verify-snapshot")


def draw_snapshot(it: Setting) -> Drawn:
    """Copy the data of services as it is now, and prove each copy. Services go on meanwhile."""
    fleet = it.policy.fleet
    chosen = select(fleet, it.asked.targets)
    if not chosen:
        refuse("no-target", "say whose data is to be copied", "allstop plan snapshot SERVICE ...")
    services = [one for one in fleet.services if one.name in chosen]
    cannot = [one.name for one in services if "snapshot" not in one.actions]
    if cannot:
        hint = "add actions.snapshot to fleet.yaml, or leave it out"
        reasons = (Reason("not-available", f"{one} has no snapshot", hint) for one in cannot)
        raise Refuse(Verdict(tuple(reasons)))
    steps = {one.name: _steps(one) for one in services}
    nodes = tuple(
        Node(one.name, one.name, (), "hold", host=one.host, zone=one.zone) for one in services
    )
    every = tuple(step for one in services for step in steps[one.name])
    whole, longest = expected_apart(it.world, fleet, nodes, every)
    bites = [
        Bite("data-unproven", one.name, "no verify-snapshot says whether its copy can be restored")
        for one in services
        if "verify-snapshot" not in one.actions
    ]
    return Drawn(
        f"copy the data of {few([one.name for one in services])}, and prove the copies",
        nodes,
        every,
        pace(fleet.limits),
        tuple(bites),
        Outlook(whole, longest),
    )


def _steps(service: Service) -> list[Step]:
    return chain(service, [one for one in SAVING if one in service.actions])
