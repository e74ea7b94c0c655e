"""Plans made from what the fleet says it can do."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

from allstop.domain.approvals import Need
from allstop.domain.authority import may
from allstop.domain.deciding.signing import ask, need_of, review_by
from allstop.domain.draft import Draft, refuse
from allstop.domain.incident.state import Incident
from allstop.domain.plan import commands as c
from allstop.domain.plan import events as e
from allstop.domain.planning.filling import filled_in
from allstop.domain.planning.rolling_back import capped
from allstop.domain.policy import Policy, ProbeSpec, Service
from allstop.domain.record import plan_stream
from allstop.domain.world import World

PURPOSES = ("contain", "remedy")


def make_plan(draft: Draft, command: c.MakePlan) -> None:
    """Make the plan for a purpose. What a service lacks is named in the plan's title, never called fine."""
    incident = draft.incident(command.incident)
    policy = draft.policy(incident)
    draft.require(may("plan", draft.who, policy, incident.roles))
    if command.purpose not in PURPOSES:
        refuse("unknown-purpose", f"there is no plan for {command.purpose}", "contain or remedy")
    open_ones = [
        plan for plan in draft.world.plans_of(incident.id)
        if plan.purpose == command.purpose and plan.ended_at is None
    ]  # fmt: skip
    if open_ones:
        refuse("plan-active", f"{open_ones[0].id} is {open_ones[0].state}", "allstop plans")
    if command.purpose == "contain":
        title, steps, protected = _containment(policy, incident)
    else:
        title, steps, protected = _remedy(draft.world, policy, incident)
    risk = _risk(policy, steps)
    touched = [policy.fleet.service(step.service) for step in steps if step.kind == "act"]
    stateful = any(service is not None and service.stateful for service in touched)
    need = (
        need_of(policy, incident, command.purpose, risk, protected=protected, stateful=stateful)
        if steps
        else Need()
    )
    need = capped(draft.world, need, steps)
    id = f"PLAN-{len(draft.world.plans) + 1}"
    event = e.PlanMade(
        id, incident.id, command.purpose, title, steps, plan_hash(steps), need.words(),
        draft.world.epoch + 1, incident.policy, need.by, need.people, need.reviewers, risk,
        need.because, review_by(draft, policy, need),
    )  # fmt: skip
    draft.emit(plan_stream(id), event)
    draft.result["plan"] = id
    if need.words():
        hint = f"allstop plan show {id}, then allstop approve {id}"
        ask(draft, incident.id, need, f"{id} waits for your approval", f"{title}. {hint}")


def plan_hash(steps: tuple[e.Step, ...]) -> str:
    """Digest of everything the plan would do; an approval binds to it."""
    text = json.dumps([asdict(step) for step in steps], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _risk(policy: Policy, steps: tuple[e.Step, ...]) -> int:
    """The highest risk level of what the plan does; an action the protocol gives none counts as 0."""
    levels = policy.protocol.approvals.risk
    actions = (step.id.partition("-")[0] for step in steps if step.kind == "act")
    return max((levels.get(action, 0) for action in actions), default=0)


def _containment(policy: Policy, incident: Incident) -> tuple[str, tuple[e.Step, ...], bool]:
    steps: list[e.Step] = []
    lacking, isolated, protected = [], [], False
    for name in incident.services:
        service = policy.fleet.service(name)
        if service is None or "isolate" not in service.actions:
            lacking.append(name)
            continue
        protected = protected or service.protected
        isolated.append(name)
        # Isolation has no topological order: each service is cut off at once, by itself.
        steps.append(_act(service, "isolate", f"isolate {name}", f"isolate-{name}", ()))
        if "isolated" in service.verify:
            steps.append(
                _probe(
                    service,
                    "isolated",
                    f"prove that {name} is isolated",
                    f"prove-{name}",
                    (f"isolate-{name}",),
                )
            )
    parts = [f"isolate {', '.join(isolated)}"] if isolated else []
    parts += [f"no isolation is available for {', '.join(lacking)}"] if lacking else []
    return (
        "; ".join(parts) or "no service is named, so nothing can be isolated",
        tuple(steps),
        protected,
    )


def _remedy(
    world: World, policy: Policy, incident: Incident
) -> tuple[str, tuple[e.Step, ...], bool]:
    chosen = incident.remedy
    if chosen is None or chosen.remedy == "investigate":
        refuse(
            "no-remedy", "no rollback or fix was decided", "allstop remedy rollback --because ..."
        )
    service = policy.fleet.service(chosen.service)
    if service is None:
        refuse(
            "no-service",
            "the remedy names no service of the fleet",
            "allstop remedy ... --service NAME",
        )
    action = "rollback" if chosen.remedy == "rollback" else "restart"
    if action not in service.actions:
        refuse(
            "not-available",
            f"{service.name} has no {action}",
            f"add actions.{action} to fleet.yaml",
        )
    steps: list[e.Step] = []
    release = ""
    if chosen.remedy == "rollback":
        good = world.known_good.get(service.name)
        if good is None:
            refuse(
                "no-known-good",
                f"no known good release of {service.name} was ever seen",
                "choose another remedy",
            )
        release = good.release
        steps.append(
            _act(
                service,
                "rollback",
                f"roll {service.name} back to {release[:12]}",
                "rollback",
                (),
                release,
            )
        )
        title = f"roll {service.name} back to its last known good release {release[:12]}"
    else:
        title = f"restart {service.name}"
    if "restart" in service.actions:
        steps.append(_act(service, "restart", f"restart {service.name}", "restart", _last(steps)))
    if "release" in service.verify:
        text = f"prove that {service.name} runs" + (f" release {release[:12]}" if release else "")
        steps.append(_probe(service, "release", text, "prove-release", _last(steps), release))
    steps.extend(_return_of_traffic(policy, incident, service, _last(steps)))
    return (title, tuple(steps), service.protected)


def _return_of_traffic(
    policy: Policy, incident: Incident, service: Service, after: tuple[str, ...]
) -> list[e.Step]:
    """Recovery gate on the service itself, then the route, then a gate on what the business needs."""
    steps: list[e.Step] = []
    own = tuple(probe.name for probe in service.probes)
    functions = [one for one in policy.fleet.functions if service.name in one.services]
    watched = {one.probe for one in functions}
    direct = tuple(name for name in own if name not in watched)
    if direct:
        steps.append(
            _gate(
                policy,
                service,
                f"recovery gate: {service.name} itself",
                "gate-service",
                direct,
                after,
            )
        )
    if (
        service.name in incident.services
        and "isolate" in service.actions
        and "reopen" in service.actions
    ):
        steps.append(
            _act(
                service,
                "reopen",
                f"let traffic back to {service.name}",
                "reopen",
                _last(steps) or after,
            )
        )
        if "open" in service.verify:
            text = f"prove that the way to {service.name} is open"
            steps.append(_probe(service, "open", text, "prove-open", ("reopen",)))
    through = tuple(sorted(watched))
    if through:
        names = ", ".join(one.title for one in functions)
        steps.append(
            _gate(
                policy,
                service,
                f"traffic gate: {names}",
                "gate-traffic",
                through,
                _last(steps) or after,
            )
        )
    return steps


def _last(steps: list[e.Step]) -> tuple[str, ...]:
    return (steps[-1].id,) if steps else ()


def _act(
    service: Service, action: str, title: str, id: str, after: tuple[str, ...], release: str = ""
) -> e.Step:
    spec = service.actions[action]
    options = filled_in(spec.options, {"release": release})
    return e.Step(
        id, "act", title, service.name, after, spec.adapter, spec.verb, options, spec.timeout_ms,
        action=action,
    )  # fmt: skip


def _probe(
    service: Service, purpose: str, title: str, id: str, after: tuple[str, ...], release: str = ""
) -> e.Step:
    spec: ProbeSpec = service.verify[purpose]
    options = filled_in(spec.options, {"release": release})
    return e.Step(
        id, "probe", title, service.name, after, spec.adapter, "measure", options, spec.timeout_ms
    )


def _gate(
    policy: Policy,
    service: Service,
    title: str,
    id: str,
    probes: tuple[str, ...],
    after: tuple[str, ...],
) -> e.Step:
    rules = policy.protocol.remedy
    return e.Step(
        id, "gate", title, service.name, after, probes=probes, window_ms=rules.gate_window_ms,
        min_samples=rules.gate_samples, limit_ms=rules.gate_limit_ms,
    )  # fmt: skip
