"""What rollbacks, restores and fixes share: actions with words filled in, and the way of traffic back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from allstop.domain.effects import Proof
from allstop.domain.fleet.expected import all_expected_ms
from allstop.domain.plan.events import Bite, Inverse, Node, Step
from allstop.domain.planning.drawn import Setting
from allstop.domain.planning.filling import filled_in, has_word
from allstop.domain.planning.node_steps import RAMP, act, gate, ramp, step_id
from allstop.domain.policy import ACTIONS, Policy, Service

# What was closed, and the action that opens it, in the order in which a service opens.
OPENS = {"fence": "unfence", "quiesce": "unquiesce", "drain": "undrain", "isolate": "reopen"}
# The last node of a plan: what the business needs, through the services of the plan.
FUNCTIONS = "gate:functions"
# A share of the capacity that is all of it.
WHOLE = 100
# Filled in when a plan is taken back, from what the steps reported: what ran before, and which copy was made.
_LATER = ("release", "copy", "until")

Words = Mapping[str, str]


def filled_act(
    service: Service, action: str, words: Words, after: tuple[str, ...] = (), *, prefix: str = ""
) -> Step:
    """One action of a service with words such as `{release}` in place, in its proof as well.

    Its inverse keeps the words that only its own outcome tells; where it has none of them, it would do the same
    again instead of taking it back, so there is no inverse.
    """
    step = act(service, action, after)
    proof, inverse = step.proof, step.inverse
    if inverse is not None and ACTIONS[action][0] in ("rollback", "restore"):
        later = {name: value for name, value in words.items() if name not in _LATER}
        inverse = _kept_open(inverse, later) if _can_return(inverse) else None
    return replace(
        step,
        id=f"{prefix}{step.id}",
        options=filled_in(step.options, words),
        proof=_filled(proof, words),
        inverse=inverse,
    )


def _can_return(inverse: Inverse) -> bool:
    word = "release" if inverse.action == "rollback" else "copy"
    return has_word(inverse.options, word)


def _kept_open(inverse: Inverse, words: Words) -> Inverse:
    return replace(
        inverse, options=filled_in(inverse.options, words), proof=_filled(inverse.proof, words)
    )


def _filled(proof: Proof | None, words: Words) -> Proof | None:
    return replace(proof, options=filled_in(proof.options, words)) if proof else None


def look(service: Service, proof: str, words: Words, title: str, after: tuple[str, ...]) -> Step:
    """A measurement of `verify` as a step of its own."""
    spec = service.verify[proof]
    return Step(
        step_id(proof, service.name), "probe", title, service.name, after, spec.adapter, "measure",
        filled_in(spec.options, words), spec.timeout_ms, node=service.name, action=proof,
    )  # fmt: skip


def direct_probes(policy: Policy, service: Service) -> tuple[str, ...]:
    """Probes of the service itself: not those that a function of the business is seen by."""
    watched = {one.probe for one in policy.fleet.functions}
    return tuple(one.name for one in service.probes if one.name not in watched)


def function_probes(policy: Policy, services: Iterable[str]) -> tuple[str, ...]:
    """Probes of the functions that run through any of the services."""
    wanted = set(services)
    found = (one.probe for one in policy.fleet.functions if wanted & set(one.services))
    return tuple(dict.fromkeys(found))


def own_gate(policy: Policy, service: Service, after: tuple[str, ...]) -> list[Step]:
    """A gate on the service itself; none where it has no probe of its own."""
    probes = direct_probes(policy, service)
    if not probes:
        return []
    title = f"recovery gate: {service.name} itself"
    return [gate(policy, service.name, step_id("gate", service.name), title, probes, after)]


def opening(
    policy: Policy, service: Service, closed: Iterable[str], capacity: int, after: tuple[str, ...]
) -> list[Step]:
    """What was closed is opened again; traffic returns by shares where it was away."""
    shut = set(closed)
    away = bool(shut & {"isolate", "quiesce", "drain"}) or capacity != WHOLE
    opens = [opener for one, opener in OPENS.items() if one in shut]
    probes = direct_probes(policy, service)
    return ramp(policy, service, opens, RAMP if away else (), probes, after)


def stays_closed(service: Service, closed: Iterable[str]) -> tuple[str, ...]:
    """What is closed and nothing opens, in words."""
    shut = sorted(one for one in closed if OPENS[one] not in service.actions)
    return tuple(f"{service.name}: no {OPENS[one]}, so its {one} stays" for one in shut)


def function_gate(
    policy: Policy, services: Iterable[str], after: tuple[str, ...]
) -> tuple[tuple[Node, ...], tuple[Step, ...]]:
    """The last gate: every function that runs through the services. Nothing where there is none."""
    names = tuple(services)
    probes = function_probes(policy, names)
    if not probes:
        return (), ()
    wanted = set(names)
    titles = ", ".join(one.title for one in policy.fleet.functions if wanted & set(one.services))
    step = gate(policy, FUNCTIONS, "gate-functions", f"traffic gate: {titles}", probes, ())
    return (Node(FUNCTIONS, "", after, "hold"),), (step,)


def words_of(it: Setting) -> dict[str, str]:
    """The words that every plan of an incident may use and that never change while it lasts."""
    return {"incident": it.incident.id}


def times_of(it: Setting, service: Service, steps: Iterable[Step]) -> int:
    """How long the steps of one service are expected to take, gates included."""
    found = list(steps)
    acting = [one.action for one in found if one.kind == "act" and not one.latent]
    waiting = sum(one.window_ms for one in found if one.kind == "gate" and not one.latent)
    return all_expected_ms(it.world.durations, service, acting) + waiting


def common_bites(it: Setting, services: Iterable[Service]) -> list[Bite]:
    """The rules that every change of a service may run against."""
    found = []
    for one in services:
        if one.protected:
            found.append(Bite("protected", one.name, "it is protected"))
        if one.name in it.policy.fleet.own:
            found.append(Bite("own-dependency", one.name, "the coordinator needs it itself"))
        if not one.probes:
            found.append(Bite("unproven", one.name, "no probe says that it is well again"))
    return found
