"""Degradation: doing with less, the least important first. Every lever has a limit, an inverse and an expiry."""

from __future__ import annotations

from allstop.domain.draft import refuse
from allstop.domain.effects import Proof
from allstop.domain.fleet.expected import expected_ms
from allstop.domain.fleet.ordering import CATEGORIES, importance_rank
from allstop.domain.plan.asked import Asked, Outlook
from allstop.domain.plan.events import Bite, Inverse, Node, Step
from allstop.domain.planning.drawn import Drawn
from allstop.domain.planning.selecting import select
from allstop.domain.planning.stopping import few, pace
from allstop.domain.policy import ActionSpec, Fleet, Lever, ProbeSpec, Service
from allstop.domain.verdict import nearest
from allstop.domain.world import World

# From mild to severe: a level pulls the levers of all before it as well.
LEVELS = ("minor", "major", "critical")


def draw_degradation(world: World, fleet: Fleet, asked: Asked) -> Drawn:
    """Pull every lever up to a level, of all services or of the named ones; analytics first, revenue last."""
    if asked.level not in LEVELS:
        hint = nearest(asked.level, LEVELS) or "allstop plan degrade --level minor"
        refuse("unknown-level", f"there is no degree of degradation {asked.level or '?'}", hint)
    wanted = LEVELS[: LEVELS.index(asked.level) + 1]
    named = select(fleet, asked.targets) if asked.targets else [one.name for one in fleet.services]
    pulls = [
        (service, lever)
        for service in fleet.services
        if service.name in named
        for lever in service.levers
        if lever.level in wanted and lever.name not in world.standing_of(service.name).levers
    ]
    if not pulls:
        hint = "add levers to fleet.yaml"
        refuse("nothing-to-do", f"no lever of level {asked.level} is left to be pulled", hint)
    rank = importance_rank(fleet)
    worst = len(CATEGORIES) * 1000
    nodes, steps, bites = [], [], []
    for service, lever in pulls:
        id = f"{service.name}:{lever.name}"
        nodes.append(
            Node(
                id, service.name, (), "hold", worst - rank[service.name], 0, service.host,
                service.zone, (f"limit: {lever.limit}",),
            )
        )  # fmt: skip
        steps.append(lever_step(service, lever, pull=True, node=id))
        if service.protected:
            bites.append(Bite("protected", service.name, "it is protected"))
    times = [expected_ms(world.durations, one, f"pull:{lever.name}") for one, lever in pulls]
    unproven = [
        f"{one.name}: nothing proves {lever.name}" for one, lever in pulls if not lever.pulled
    ]
    return Drawn(
        f"degrade to {asked.level}: {few([f'{lever.title} ({one.name})' for one, lever in pulls])}",
        tuple(nodes),
        tuple(steps),
        pace(fleet.limits),
        tuple(dict.fromkeys(bites)),
        Outlook(max(times), max(times), lacking=tuple(unproven)),
    )


def lever_step(service: Service, lever: Lever, *, pull: bool, node: str) -> Step:
    """Pull a lever, or take it back."""
    word, back = ("pull", "release") if pull else ("release", "pull")
    spec, other = (lever.pull, lever.release) if pull else (lever.release, lever.pull)
    proof, undone = (lever.pulled, lever.released) if pull else (lever.released, lever.pulled)
    title = f"{lever.title} ({service.name})" if pull else f"end: {lever.title} ({service.name})"
    return Step(
        f"{word}-{lever.name}-{service.name}", "act", title, service.name, (), spec.adapter,
        spec.verb, dict(spec.options), spec.timeout_ms, node=node, action=f"{word}:{lever.name}",
        proof=_proof(proof), inverse=_inverse(f"{back}:{lever.name}", other, undone),
    )  # fmt: skip


def _proof(spec: ProbeSpec | None) -> Proof | None:
    return Proof(spec.adapter, dict(spec.options), spec.timeout_ms) if spec else None


def _inverse(action: str, spec: ActionSpec, proof: ProbeSpec | None) -> Inverse:
    options = dict(spec.options)
    return Inverse(action, spec.adapter, spec.verb, options, spec.timeout_ms, _proof(proof))
