"""A rollback: who uses a service goes back before it, what each runs is proven, and traffic returns behind gates.

The order is that of a deployment, backwards: an older caller is known to work with a newer service, because
that is how it was deployed; the other way round nobody has tried. The gates come in the order of a start:
whoever is broken by a bad service is judged once that service is well.
"""

from __future__ import annotations

from dataclasses import replace

from allstop.domain.approvals import Need
from allstop.domain.draft import Refuse, refuse
from allstop.domain.fleet.graph import blast_radius
from allstop.domain.fleet.ordering import Ordering, importance_rank, start_order, stop_order
from allstop.domain.moment import words as duration
from allstop.domain.plan.asked import Outlook
from allstop.domain.plan.events import Bite, Node, Step
from allstop.domain.plan.lifecycle import StepState
from allstop.domain.plan.routes import NODE
from allstop.domain.planning.drawn import Drawn, Setting
from allstop.domain.planning.filling import PLAIN_NAME
from allstop.domain.planning.node_steps import act, step_id
from allstop.domain.planning.returning import (
    common_bites,
    filled_act,
    function_gate,
    look,
    opening,
    own_gate,
    stays_closed,
    times_of,
    words_of,
)
from allstop.domain.planning.selecting import select
from allstop.domain.planning.stopping import few, pace
from allstop.domain.policy import Service
from allstop.domain.verdict import Reason, Verdict
from allstop.domain.world import World

# How often in a row a machine may roll one service back.
ROLLBACKS_BY_MACHINE = 3
# What reads the recent deployments of a service, under `diagnose`.
HISTORY = "recent-changes"
SHORT = 12
# As many letters of a release are enough to name it, where it is known.
LEAST = 6


def draw_rollback(it: Setting) -> Drawn:
    """Take services back to their last known good release, or one service to a release that is named."""
    fleet, asked = it.policy.fleet, it.asked
    chosen = select(fleet, asked.targets)
    if not chosen:
        refuse("no-target", "say what is to be rolled back", "allstop plan rollback SERVICE ...")
    services = {one.name: one for one in fleet.services if one.name in chosen}
    releases = _releases(it, services)
    back = {one.name: back_steps(it, one, releases[one.name]) for one in services.values()}
    looks = [_history(one) for one in services.values() if HISTORY in one.diagnose]
    on = {name: _return_steps(it, services[name], steps) for name, steps in back.items()}
    times = {name: times_of(it, one, (*back[name], *on[name])) for name, one in services.items()}
    rank = importance_rank(fleet)
    leaving = stop_order(fleet, frozenset(chosen), times.__getitem__, rank)
    coming = start_order(fleet, frozenset(chosen), times.__getitem__, rank)
    steps = _ordered(back, on, leaving, coming)
    nodes = tuple(_node(services[name], leaving, times[name]) for name in leaving.names)
    last, gates = function_gate(it.policy, chosen, leaving.names)
    titles = [f"{name} to {short(releases[name])}" for name in leaving.names]
    outlook = Outlook(
        sum(times.values()), max(times.values()), leaving.critical_path(),
        tuple(sorted(blast_radius(fleet, chosen))), lacking=_lacking(it, services),
        notes=tuple(_note(it, name, releases[name]) for name in leaving.names),
    )  # fmt: skip
    return Drawn(
        f"roll back {few(titles)}", (*nodes, *last), (*looks, *steps, *gates),
        pace(fleet.limits), _bites(it, services, releases), outlook,
    )  # fmt: skip


def short(release: str) -> str:
    return release[:SHORT]


def _releases(it: Setting, services: dict[str, Service]) -> dict[str, str]:
    """Where each service goes back to. Refuses with every reason why one cannot."""
    if it.asked.release and len(services) > 1:
        hint = "plan one rollback for each, or leave --release out"
        refuse("release-of-many", "a release belongs to one service", hint)
    found, bad = {}, []
    for one in services.values():
        wanted = _whole(it, one.name, it.asked.release)
        reason = objection(it, one, wanted)
        if reason is not None:
            bad.append(reason)
        found[one.name] = wanted or good_release(it.world, one.name)
    if bad:
        raise Refuse(Verdict(tuple(bad)))
    return found


def _whole(it: Setting, service: str, wanted: str) -> str:
    """The release whose beginning somebody has written, where exactly one that is known begins so."""
    known = it.world.known_good.get(service)
    names = {known.release, *known.earlier} if known else set()
    found = [one for one in names if one.startswith(wanted)]
    return found[0] if len(found) == 1 and len(wanted) >= LEAST else wanted


def good_release(world: World, service: str) -> str:
    """The last known good release of a service, or empty."""
    known = world.known_good.get(service)
    return known.release if known else ""


def objection(it: Setting, service: Service, wanted: str = "") -> Reason | None:
    """Why a service cannot go back to a release (the last known good one when none is named), or None."""
    name = service.name
    if "rollback" not in service.actions:
        text = f"{name} has no rollback"
        return Reason("not-available", text, "add actions.rollback to fleet.yaml")
    if wanted and not PLAIN_NAME.fullmatch(wanted):
        text = f"{wanted[:40]!r} cannot be the name of a release"
        return Reason("bad-release", text, "letters, digits and ._+:/@~-, not a dash first")
    known = it.world.known_good.get(name)
    if not wanted and known is None:
        text = f"no known good release of {name} was ever seen"
        return Reason("no-known-good", text, "name one: --release RELEASE")
    return None


def running_release(it: Setting, service: str) -> str:
    """What the evidence of this incident says a service runs, or empty."""
    piece = it.incident.evidence.get(f"{service}/{HISTORY}")
    return str(piece.facts.get("head_tree", "")) if piece else ""


def back_steps(it: Setting, service: Service, release: str, *, prefix: str = "") -> list[Step]:
    """Go back, push, restart, and prove which release runs."""
    name, words = service.name, {**words_of(it), "release": release}
    rollback = filled_act(service, "rollback", words, prefix=prefix)
    rollback = replace(rollback, title=f"roll {name} back to {short(release)}")
    restarts = restart_of(it, service)
    steps = [rollback]
    if "push" in service.actions:
        # Nobody waits for it but the end of the node: a remote that is away keeps no service down.
        steps.append(filled_act(service, "push", words, (rollback.id,), prefix=prefix))
    if restarts:
        # What runs is seen once it has been restarted, not before.
        steps[0] = replace(rollback, proof=None)
        restart = act(service, restarts, (rollback.id,))
        steps.append(replace(restart, id=f"{prefix}{restart.id}"))
    if restarts and "release" in service.verify:
        title = f"prove that {name} runs {short(release)}"
        proof = look(service, "release", words, title, (steps[-1].id,))
        steps.append(replace(proof, id=f"{prefix}{proof.id}"))
    return steps


def restart_of(it: Setting, service: Service) -> str:
    """The action that makes a service run what was put in place, or empty."""
    if it.world.standing_of(service.name).stopped and "start" in service.actions:
        return "start"
    return "restart" if "restart" in service.actions else ""


def _history(service: Service) -> Step:
    spec = service.diagnose[HISTORY]
    return Step(
        step_id("history", service.name), "probe", f"recent deployments of {service.name}",
        service.name, (), spec.adapter, spec.verb, dict(spec.options), spec.timeout_ms,
        node=service.name, action="history",
    )  # fmt: skip


def _return_steps(it: Setting, service: Service, back: list[Step]) -> list[Step]:
    standing = it.world.standing_of(service.name)
    steps = own_gate(it.policy, service, (_tail(back),))
    after = _last(steps) or (_tail(back),)
    return [*steps, *opening(it.policy, service, standing.closed, standing.capacity, after)]


def _tail(back: list[Step]) -> str:
    """The last step that others wait for: pushing is waited for by nobody."""
    return next(one.id for one in reversed(back) if one.action != "push")


def _last(steps: list[Step]) -> tuple[str, ...]:
    return (steps[-1].id,) if steps else ()


def _ordered(
    back: dict[str, list[Step]], on: dict[str, list[Step]], leaving: Ordering, coming: Ordering
) -> tuple[Step, ...]:
    """Back in the order of a stop; judged, each, once what it needs has come back."""
    found: list[Step] = []
    for name in leaving.names:
        first, *rest = back[name]
        waits = tuple(_tail(back[one]) for one in leaving.before[name])
        found += [replace(first, after=(*first.after, *waits)), *rest]
        if on[name]:
            head, *tail = on[name]
            needed = tuple(f"{NODE}{one}" for one in coming.before[name])
            found += [replace(head, after=(*head.after, *needed)), *tail]
    return tuple(found)


def _node(service: Service, order: Ordering, time: int) -> Node:
    name = service.name
    return Node(
        name, name, (), "hold", order.rank[name], max(time, order.remaining_ms[name]),
        service.host, service.zone,
    )  # fmt: skip


def _bites(it: Setting, services: dict[str, Service], releases: dict[str, str]) -> tuple[Bite, ...]:
    found = common_bites(it, services.values())
    for name, release in releases.items():
        if release == running_release(it, name):
            text = f"by the evidence of this incident it runs {short(release)} already{_earlier(it, name)}"
            found.append(Bite("no-change", name, text))
    return tuple(found)


def _earlier(it: Setting, service: str) -> str:
    known = it.world.known_good.get(service)
    names = ", ".join(short(one) for one in known.earlier) if known else ""
    return f"; good before it: {names} (--release)" if names else ""


def _lacking(it: Setting, services: dict[str, Service]) -> tuple[str, ...]:
    found: list[str] = []
    for name, one in services.items():
        if "release" not in one.verify:
            found.append(f"{name}: no probe proves which release runs")
        if not restart_of(it, one):
            found.append(f"{name}: no restart")
        if HISTORY not in one.diagnose:
            found.append(f"{name}: no diagnose.{HISTORY}, so recent deployments are not shown")
        found += stays_closed(one, it.world.standing_of(name).closed)
    return tuple(found)


def _note(it: Setting, name: str, release: str) -> str:
    """`payments: from 3f2a, the newest of 2 deployments of the last day, to 91bc, which was good for 2h`."""
    piece = it.incident.evidence.get(f"{name}/{HISTORY}")
    facts = piece.facts if piece else {}
    runs = short(str(facts.get("head_tree", "")))
    since = f"from {runs} " if runs else ""
    if runs and facts.get("subject"):
        since = f"from {runs} ({facts['subject']}) "
    known = it.world.known_good.get(name)
    good = "nobody has seen it healthy for long enough"
    if known is not None and known.release == release:
        good = f"the last known good one, healthy for {duration(known.good_for_ms)}"
    elif known is not None and release in known.earlier:
        good = "known good, and not the last one that was"
    return f"{name}: {since}to {short(release)}: {good}"


def capped(world: World, need: Need, steps: tuple[Step, ...]) -> Need:
    """After so many rollbacks of a service that nobody agreed to, a person decides: no ping-pong."""
    services = dict.fromkeys(step.service for step in steps if step.action == "rollback")
    if need.people:
        return need
    for service in services:
        count = _by_machine(world, service)
        if count >= ROLLBACKS_BY_MACHINE:
            text = f"{count} rollbacks of {service} in a row were started by no person"
            return replace(need, people=1, because=text)
    return need


def _by_machine(world: World, service: str) -> int:
    """How many plans in a row have rolled a service back without anybody's signature."""
    count = 0
    for plan in reversed(tuple(world.plans.values())):
        mine = [one for one in plan.steps if one.action == "rollback" and one.service == service]
        if not mine:
            continue
        if plan.signatures:
            break
        begun = any(
            not one.latent or plan.standing(one.id).state is not StepState.WAITING for one in mine
        )
        count += begun and plan.started_at is not None
    return count
