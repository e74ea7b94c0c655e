"""What the degradation table of the protocol adds to the levers of the fleet: what is cut off, and cut back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from allstop.domain.draft import Refuse, refuse
from allstop.domain.fleet.graph import blast_radius
from allstop.domain.incident.state import Incident
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.events import Bite, Node, Step
from allstop.domain.planning.degrading import draw_degradation
from allstop.domain.planning.drawn import Drawn, Setting
from allstop.domain.planning.node_steps import act
from allstop.domain.planning.safety import bites_of_sets
from allstop.domain.planning.selecting import select
from allstop.domain.planning.stopping import expected_apart
from allstop.domain.policy import Fleet, Policy, Service
from allstop.domain.policy.degradation import LEVELS, level_for, up_to


def degree_of(policy: Policy, incident: Incident, asked: Asked) -> Asked:
    """What is asked for, with the degree that the severity calls for where none is named.

    Refuses when the protocol's table names none for it.
    """
    if asked.purpose != "degrade" or asked.level or asked.levers:
        return asked
    level = level_for(policy.protocol.degradation, incident.severity)
    if not level:
        text = f"the protocol names no degree of degradation for {incident.severity}"
        refuse("unknown-level", text, f"say which: --level {'|'.join(LEVELS)}")
    return replace(asked, level=level)


def draw_by_table(setting: Setting) -> Drawn:
    """Pull the levers up to a degree; cut off and cut back what the protocol's table says of it.

    With targets, nothing beside them is touched. Refuses when nothing at all is left to be done.
    """
    asked = degree_of(setting.policy, setting.incident, setting.asked)
    setting, fleet = replace(setting, asked=asked), setting.policy.fleet
    if asked.levers or asked.level not in LEVELS:
        return draw_degradation(setting.world, fleet, asked)
    degree = up_to(setting.policy.protocol.degradation, asked.level)
    only = set(select(fleet, asked.targets)) if asked.targets else None
    nodes, steps, lacking = [], [], []
    for node, step, lack in _by_row(setting, degree.isolate, dict(degree.capacity), only):
        lacking += [lack] if lack else []
        if node is not None and step is not None:
            nodes.append(node)
            steps.append(step)
    try:
        pulled = draw_degradation(setting.world, fleet, asked)
    except Refuse as refusal:
        nothing = all(reason.code == "nothing-to-do" for reason in refusal.verdict.reasons)
        if not nodes or not nothing:
            raise
        pulled = Drawn("", (), ())
    return _together(setting, pulled, nodes, steps, lacking)


def _by_row(
    setting: Setting, isolate: tuple[str, ...], capacity: dict[str, int], only: set[str] | None
) -> Iterator[tuple[Node | None, Step | None, str]]:
    """A node with its step for each service a row speaks of, or what is lacking for it, in words."""
    fleet, world = setting.policy.fleet, setting.world
    cut = {name for target in isolate for name in _found(fleet, target)}
    shares: dict[str, int] = {}
    for target, percent in capacity.items():
        shares.update(dict.fromkeys(_found(fleet, target), percent))
    for target in (*isolate, *capacity):
        if not _found(fleet, target):
            yield None, None, f"{target}: the table names it, and the fleet has no such service"
    for service in fleet.services:
        name, standing = service.name, world.standing_of(service.name)
        if standing.stopped or (only is not None and name not in only):
            continue
        if name in cut:
            if "isolate" not in standing.closed:
                yield _node(service, "isolate", None)
        elif standing.capacity > shares.get(name, 100):
            yield _node(service, "scale", shares[name])


def _node(
    service: Service, action: str, percent: int | None
) -> tuple[Node | None, Step | None, str]:
    if action not in service.actions:
        return None, None, f"{service.name}: no {action}"
    id = f"{service.name}:{action}"
    step = act(service, action, node=id, percent=percent)
    lack = "" if step.proof is not None else f"{service.name}: nothing proves {action}"
    # What is cut off goes first: it is what does harm. Capacity is taken with the levers.
    rank = 0 if action == "isolate" else 1
    return Node(id, service.name, (), "hold", rank, 0, service.host, service.zone), step, lack


def _found(fleet: Fleet, target: str) -> tuple[str, ...]:
    """The services that a target means; none where the fleet has no such."""
    try:
        return select(fleet, (target,))
    except Refuse:
        return ()


def _together(
    setting: Setting, pulled: Drawn, nodes: list[Node], steps: list[Step], lacking: list[str]
) -> Drawn:
    fleet = setting.policy.fleet
    services = {one.name: one for one in fleet.services}
    cut = [
        node.service for node, step in zip(nodes, steps, strict=True) if step.action == "isolate"
    ]
    bites = list(pulled.bites)
    bites += [
        Bite("protected", node.service, "it is protected")
        for node in nodes
        if services[node.service].protected
    ]
    bites += [
        Bite("own-dependency", name, "the coordinator needs it itself")
        for name in cut
        if name in fleet.own
    ]
    bites += bites_of_sets(setting.world, fleet, cut)
    every = (*nodes, *pulled.nodes)
    whole, longest = expected_apart(setting.world, fleet, every, (*steps, *pulled.steps))
    radius = tuple(sorted(blast_radius(fleet, cut))) if cut else ()
    parts = [pulled.title or f"degrade to {setting.asked.level}"]
    parts += [one.title for one in steps[:3]]
    parts += [f"{len(steps) - 3} more"] if len(steps) > 3 else []
    return replace(
        pulled,
        title="; ".join(parts),
        nodes=every,
        steps=(*steps, *pulled.steps),
        bites=tuple(dict.fromkeys(bites)),
        outlook=replace(
            pulled.outlook, whole_ms=whole, bound_ms=longest, radius=radius,
            lacking=(*pulled.outlook.lacking, *lacking),
        ),
    )  # fmt: skip
