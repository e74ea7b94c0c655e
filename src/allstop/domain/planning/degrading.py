"""Degradation: doing with less, the least important first; and the way back, the most important first.

Every lever has a limit, an inverse and an expiry.
"""

from __future__ import annotations

from collections.abc import Iterable

from allstop.domain.draft import Refuse, refuse
from allstop.domain.effects import Proof
from allstop.domain.fleet.ordering import CATEGORIES, importance_rank
from allstop.domain.plan.asked import Asked, Outlook
from allstop.domain.plan.events import Bite, Inverse, Node, Step
from allstop.domain.planning.drawn import Drawn
from allstop.domain.planning.selecting import select
from allstop.domain.planning.stopping import expected_apart, few, pace
from allstop.domain.policy import ActionSpec, Fleet, Lever, ProbeSpec, Service
from allstop.domain.verdict import Reason, Verdict, nearest
from allstop.domain.world import World

# From mild to severe: a level pulls the levers of all before it as well.
LEVELS = ("minor", "major", "critical")
Pair = tuple[Service, Lever]


def lever_name(service: str, lever: str) -> str:
    """`search:cached-answers`, as people and plans name it."""
    return f"{service}:{lever}"


def draw_degradation(world: World, fleet: Fleet, asked: Asked) -> Drawn:
    """Pull every lever up to a level, of all services or of the named ones; or the levers that are named."""
    wanted = _named(fleet, asked) if asked.levers else _up_to_level(fleet, asked)
    pulls = [
        (one, lever)
        for one, lever in wanted
        if lever.name not in world.standing_of(one.name).pulled
    ]
    if not pulls:
        text = f"no lever of level {asked.level} is left to be pulled"
        if asked.levers:
            text = f"{few(asked.levers)}: pulled already"
        refuse("nothing-to-do", text, "allstop lever list; levers stand in fleet.yaml")
    worst = len(CATEGORIES) * 1000
    rank = {name: worst - at for name, at in importance_rank(fleet).items()}
    nodes = [_node(one, lever, rank[one.name]) for one, lever in pulls]
    steps = [
        lever_step(one, lever, pull=True, node=lever_name(one.name, lever.name))
        for one, lever in pulls
    ]
    titles = few([f"{lever.title} ({one.name})" for one, lever in pulls])
    return _drawn(
        world, fleet, f"pull {titles}" if asked.levers else f"degrade to {asked.level}: {titles}",
        nodes, steps, [f"{one.name}: nothing proves {lever.name}" for one, lever in pulls if not lever.pulled],
    )  # fmt: skip


def _up_to_level(fleet: Fleet, asked: Asked) -> list[Pair]:
    if asked.level not in LEVELS:
        hint = nearest(asked.level, LEVELS) or "allstop plan degrade --level minor"
        refuse("unknown-level", f"there is no degree of degradation {asked.level or '?'}", hint)
    wanted = LEVELS[: LEVELS.index(asked.level) + 1]
    named = select(fleet, asked.targets) if asked.targets else [one.name for one in fleet.services]
    return [
        (service, lever)
        for service in fleet.services
        if service.name in named
        for lever in service.levers
        if lever.level in wanted
    ]


def _named(fleet: Fleet, asked: Asked) -> list[Pair]:
    """The levers that are named. Refuses every name that is none."""
    every = all_levers(fleet)
    _all_known(asked.levers, every, "unknown-lever", "there is no lever {}")
    return [every[name] for name in dict.fromkeys(asked.levers)]


def _all_known(names: Iterable[str], known: Iterable[str], code: str, text: str) -> None:
    lost = [name for name in names if name not in known]
    if lost:
        reasons = (Reason(code, text.format(name), nearest(name, known)) for name in lost)
        raise Refuse(Verdict(tuple(reasons)))


def all_levers(fleet: Fleet) -> dict[str, Pair]:
    """Every lever of the fleet, by `service:lever`."""
    return {
        lever_name(service.name, lever.name): (service, lever)
        for service in fleet.services
        for lever in service.levers
    }


def pulled_levers(world: World) -> dict[str, tuple[str, str]]:
    """Service and lever of each that is pulled, by `service:lever`, in the order they were pulled."""
    found = [
        (one.since, service, name)
        for service in world.with_less
        for name, one in world.standing_of(service).pulled.items()
    ]
    return {lever_name(service, name): (service, name) for _, service, name in sorted(found)}


def draw_release(world: World, fleet: Fleet, asked: Asked) -> Drawn:
    """Take back levers that are pulled: those that are named, else all of the targets, else all.

    As fleet.yaml says it now; where it knows a lever no more, as the plan that pulled it recorded it.
    """
    pulled = pulled_levers(world)
    names: tuple[str, ...] = tuple(dict.fromkeys(asked.levers))
    if names:
        _all_known(names, pulled, "not-pulled", "{} is not pulled")
    else:
        chosen = select(fleet, asked.targets) if asked.targets else world.with_less
        names = tuple(name for name, (service, _) in pulled.items() if service in chosen)
    if not names:
        refuse("nothing-to-do", "no lever is pulled there", "allstop lever list")
    services = {one.name: one for one in fleet.services}
    known = all_levers(fleet)
    rank = importance_rank(fleet)
    nodes, steps = [], []
    for name in names:
        service, lever = pulled[name]
        found = services.get(service)
        site = (found.host, found.zone) if found else ("", "")
        nodes.append(Node(name, service, (), "hold", rank.get(service, 0), 0, *site))
        if name in known:
            steps.append(lever_step(*known[name], pull=False, node=name))
        else:
            steps.append(_as_recorded(world, service, lever))
    unproven = [f"{step.service}: nothing proves {step.action}" for step in steps if not step.proof]
    return _drawn(world, fleet, f"take back {few(names)}", nodes, steps, unproven)


def _as_recorded(world: World, service: str, lever: str) -> Step:
    """How the plan that pulled a lever said that it is taken back."""
    name = lever_name(service, lever)
    one = world.standing_of(service).pulled[lever]
    plan = world.plans.get(one.plan)
    step = plan.step(one.step) if plan is not None else None
    if step is None or step.inverse is None:
        hint = "write it into fleet.yaml again, and ask for its release in a new incident"
        refuse("no-way-back", f"nothing says how {name} is taken back", hint)
    back = step.inverse
    again = Inverse(
        step.action, step.adapter, step.verb, dict(step.options), step.timeout_ms, step.proof,
        step.expires_ms,
    )  # fmt: skip
    return Step(
        f"release-{lever}-{service}", "act", f"end: {step.title}", service, (), back.adapter,
        back.verb, dict(back.options), back.timeout_ms, node=name, action=f"release:{lever}",
        proof=back.proof, inverse=again,
    )  # fmt: skip


def _node(service: Service, lever: Lever, rank: int) -> Node:
    return Node(
        lever_name(service.name, lever.name), service.name, (), "hold", rank, 0, service.host,
        service.zone, (f"limit: {lever.limit}",),
    )  # fmt: skip


def _drawn(
    world: World, fleet: Fleet, title: str, nodes: list[Node], steps: list[Step],
    unproven: list[str],
) -> Drawn:  # fmt: skip
    touched = {node.service for node in nodes}
    bites = [
        Bite("protected", one.name, "it is protected")
        for one in fleet.services
        if one.protected and one.name in touched
    ]
    whole, longest = expected_apart(world, fleet, nodes, steps)
    return Drawn(
        title, tuple(nodes), tuple(steps), pace(fleet.limits), tuple(bites),
        Outlook(whole, longest, lacking=tuple(unproven)),
    )  # fmt: skip


def lever_step(service: Service, lever: Lever, *, pull: bool, node: str) -> Step:
    """Pull a lever, or take it back."""
    word, back = ("pull", "release") if pull else ("release", "pull")
    spec, other = (lever.pull, lever.release) if pull else (lever.release, lever.pull)
    proof, undone = (lever.pulled, lever.released) if pull else (lever.released, lever.pulled)
    title = f"{lever.title} ({service.name})" if pull else f"end: {lever.title} ({service.name})"
    expires, ends = (lever.expires_ms, 0) if pull else (0, lever.expires_ms)
    return Step(
        f"{word}-{lever.name}-{service.name}", "act", title, service.name, (), spec.adapter,
        spec.verb, dict(spec.options), spec.timeout_ms, node=node, action=f"{word}:{lever.name}",
        proof=_proof(proof), inverse=_inverse(f"{back}:{lever.name}", other, undone, ends),
        expires_ms=expires,
    )  # fmt: skip


def _proof(spec: ProbeSpec | None) -> Proof | None:
    return Proof(spec.adapter, dict(spec.options), spec.timeout_ms) if spec else None


def _inverse(action: str, spec: ActionSpec, proof: ProbeSpec | None, expires_ms: int) -> Inverse:
    return Inverse(
        action, spec.adapter, spec.verb, dict(spec.options), spec.timeout_ms, _proof(proof),
        expires_ms,
    )  # fmt: skip
