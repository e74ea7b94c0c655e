"""The steps of one node, from what its service offers. What it lacks is named, never called fine."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from allstop.domain.effects import Proof
from allstop.domain.plan.events import Inverse, Step
from allstop.domain.policy import ACTIONS, Policy, Service
from allstop.domain.policy.fleet import PERCENT

# What comes before a stop, in this order.
GENTLY = ("quiesce", "drain")
SAFELY = ("fence", "flush", "snapshot", "verify-snapshot")
_BEFORE_A_STOP = tuple((action, f"no {action}") for action in GENTLY)
_BEFORE_DATA_STOPS = tuple((action, f"no {action}") for action in (*GENTLY, *SAFELY))
# How traffic returns: a little first, each share behind a gate of its own.
RAMP = (1, 5, 25, 50, 100)
# What opens a service again, in this order.
OPENERS = ("unfence", "unquiesce", "undrain", "reopen")
WORDS = {
    "isolate": "isolate", "reopen": "let traffic back to", "quiesce": "let nothing new in at",
    "unquiesce": "let new work in at", "drain": "drain", "undrain": "end the draining of",
    "fence": "fence the writes of", "unfence": "allow the writes of", "flush": "flush",
    "snapshot": "take a snapshot of", "verify-snapshot": "prove the snapshot of", "stop": "stop",
    "kill": "kill", "start": "start", "restart": "restart", "restore": "restore",
    "rollback": "roll back", "fix": "fix", "push": "push the branch of", "branch": "make a branch for the fix of",
    "test": "test the fix of", "deploy": "deploy the fix of",
    "scale": "set the capacity of",
}  # fmt: skip


def step_id(action: str, service: str) -> str:
    return f"{action}-{service}"


def act(
    service: Service,
    action: str,
    after: tuple[str, ...] = (),
    *,
    node: str = "",
    latent: bool = False,
    percent: int | None = None,
) -> Step:
    """One action of a service with its proof and its inverse. The service must offer it."""
    name, spec = service.name, service.actions[action]
    id, title, options = f"{action}-{name}", f"{WORDS.get(action, action)} {name}", spec.options
    if percent is not None:
        id, title = f"{action}-{percent}-{name}", f"{title} to {percent} %"
        options = filled(options, percent)
    return Step(
        id, "act", title, name, after, spec.adapter, spec.verb, options, spec.timeout_ms,
        node=node or name, action=action, proof=proof_of(service, action, percent),
        inverse=_inverse(service, action), latent=latent,
    )  # fmt: skip


def proof_of(service: Service, action: str, percent: int | None = None) -> Proof | None:
    """The measurement that proves an action, or None when nothing does."""
    spec = service.verify.get(ACTIONS[action][1])
    if spec is None:
        return None
    options = spec.options if percent is None else filled(spec.options, percent)
    return Proof(spec.adapter, options, spec.timeout_ms)


def _inverse(service: Service, action: str) -> Inverse | None:
    back = ACTIONS[action][0]
    spec = service.actions.get(back)
    if spec is None:
        return None
    percent = 100 if action == "scale" else None
    options = spec.options if percent is None else filled(spec.options, percent)
    proof = proof_of(service, back, percent)
    return Inverse(back, spec.adapter, spec.verb, options, spec.timeout_ms, proof)


def filled(options: dict[str, Any], percent: int | None) -> dict[str, Any]:
    """Options with `{percent}` replaced: by a number where it stands alone, by its digits within a text."""
    if percent is None:
        return options

    def fill(value: Any) -> Any:
        if isinstance(value, str) and PERCENT in value:
            return percent if value == PERCENT else value.replace(PERCENT, str(percent))
        if isinstance(value, dict):
            return {name: fill(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [fill(inner) for inner in value]
        return value

    return {name: fill(value) for name, value in options.items()}


def _wanted(service: Service) -> tuple[tuple[str, str], ...]:
    """What should come before a stop of the service, in order, each with the words for its lack."""
    return _BEFORE_DATA_STOPS if service.stateful else _BEFORE_A_STOP


def stop_actions(service: Service) -> tuple[str, ...]:
    """What a stop of the service is made of, in order. One that cannot be stopped is cut off instead."""
    if "stop" in service.actions:
        offered = [action for action, _ in _wanted(service) if action in service.actions]
        return (*offered, "stop")
    return ("isolate",) if "isolate" in service.actions else ()


def stop_lacking(service: Service) -> tuple[str, ...]:
    """What a stop of the service would want and does not find, in words."""
    lacking = [one for action, one in _wanted(service) if action not in service.actions]
    if "stop" not in service.actions:
        lacking.append("no stop: it is isolated instead")
    elif "stopped" not in service.verify:
        lacking.append("no probe proves that it has stopped")
    return tuple(lacking)


def chain(
    service: Service, actions: Iterable[str], after: tuple[str, ...] = (), node: str = ""
) -> list[Step]:
    """Actions one after another."""
    steps: list[Step] = []
    for action in actions:
        steps.append(act(service, action, (steps[-1].id,) if steps else after, node=node))
    return steps


def rescues(service: Service, policy: str) -> list[Step]:
    """What runs when a stop has failed, by the policy of the node. Nothing that nothing proves."""
    wanted = {"force": "kill", "isolate": "isolate"}.get(policy)
    if wanted is None or wanted not in service.actions or wanted in stop_actions(service):
        return []
    step = act(service, wanted, latent=True)
    return [step] if step.proof is not None else []


def gate(
    policy: Policy, node: str, id: str, title: str, probes: tuple[str, ...], after: tuple[str, ...]
) -> Step:
    """A gate by the rules of the protocol: so many good samples, for so long, within so long."""
    rules = policy.protocol.remedy
    return Step(
        id, "gate", title, "", after, probes=probes, window_ms=rules.gate_window_ms,
        min_samples=rules.gate_samples, limit_ms=rules.gate_limit_ms, node=node, action="gate",
    )  # fmt: skip


def return_steps(
    policy: Policy,
    service: Service,
    opens: Iterable[str] = OPENERS,
    shares: tuple[int, ...] = RAMP,
    later: Collection[str] = (),
) -> list[Step]:
    """Start, a gate on the service itself, then what was closed is opened to a small share, then more by shares.

    opens: of what closes a service, that which is opened; shares: of its traffic, in percent, where it has any;
    later: probes of it that something else looks at once more is back.
    """
    steps = [act(service, "start")] if "start" in service.actions else []
    probes = tuple(probe.name for probe in service.probes if probe.name not in later)
    if probes:
        title = f"recovery gate: {service.name} itself"
        after = (steps[-1].id,) if steps else ()
        id = step_id("gate", service.name)
        steps.append(gate(policy, service.name, id, title, probes, after))
    after = (steps[-1].id,) if steps else ()
    return [*steps, *ramp(policy, service, opens, shares, probes, after)]


def ramp(
    policy: Policy, service: Service, opens: Iterable[str], shares: tuple[int, ...],
    probes: tuple[str, ...], after: tuple[str, ...],
) -> list[Step]:  # fmt: skip
    """What was closed is opened to the smallest share, then to one after another, each behind a gate on `probes`.

    opens: actions, in their order; what the service does not offer is left out.
    """
    steps: list[Step] = []

    def last() -> tuple[str, ...]:
        return (steps[-1].id,) if steps else after

    wanted = shares if "scale" in service.actions else ()
    # The smallest share is set before anything opens: else all of the traffic would be back for a moment.
    steps += [act(service, "scale", last(), percent=percent) for percent in wanted[:1]]
    steps += chain(service, [one for one in opens if one in service.actions], last())
    for percent in wanted:
        if percent != wanted[0]:
            steps.append(act(service, "scale", last(), percent=percent))
        if probes:
            title = f"traffic gate: {service.name} at {percent} %"
            id = step_id(f"gate-{percent}", service.name)
            steps.append(gate(policy, service.name, id, title, probes, last()))
    return steps
