"""Recipes: what is looked at to see what is wrong with a service. They only read."""

from __future__ import annotations

from allstop.domain.policy import ActionSpec, ProbeSpec, Service

# A look by a probe: the runner measures it, whatever the adapter.
MEASURE = "measure"
# Under `verify`: what says in which state the service is, and what it runs.
_STATES = {"service-state": "started", "release": "release"}
_OPEN = ("{release}", "{percent}")


def recipes(service: Service) -> dict[str, ActionSpec]:
    """Recipes of a service by name: what the fleet names under `diagnose`, and where it names none of a name,
    what follows from the rest: its probes, the proofs of its state, its deployments, its host."""
    found: dict[str, ActionSpec] = {}
    for place, spec in enumerate(service.probes):
        found["health" if not place else f"health-{spec.name}"] = _measured(spec)
    for name, purpose in _STATES.items():
        proof = service.verify.get(purpose)
        if proof is not None and not any(word in repr(proof.options) for word in _OPEN):
            found[name] = _measured(proof)
    return {**found, **service.recipes, **service.diagnose}


def _measured(spec: ProbeSpec) -> ActionSpec:
    return ActionSpec(spec.adapter, MEASURE, spec.options, spec.timeout_ms)
