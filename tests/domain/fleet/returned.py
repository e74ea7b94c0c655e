"""A shop of services that can be rolled back, restored and fixed, on the scripted ground."""

from __future__ import annotations

from typing import Any

from allstop.domain.incident.commands import NoteRelease, RecordSamples
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import DrawPlan
from allstop.domain.plan.lifecycle import PlanState
from allstop.domain.plan.state import Plan
from allstop.domain.policy import ActionSpec, Fleet, Function, ProbeSpec, Service
from allstop.domain.principal import MONITOR
from allstop.domain.samples import Sample
from tests.domain.builders import EVE
from tests.domain.fleet.fleets import HARD, acts, looks, service, stateful
from tests.domain.fleet.ground import Ground

GOOD, BAD, OLDER = "tree-good", "tree-bad", "tree-older"
TITLE = "{severity}: {description}"


def spec(verb: str, **options: Any) -> ActionSpec:
    return ActionSpec("script", verb, options, 5000)


def well(name: str) -> tuple[ProbeSpec, ...]:
    return (ProbeSpec(f"{name}-ok", name, "script", {}, 1000, 1, 1),)


def deployed(name: str, needs: dict[str, Any] | None = None, **more: Any) -> Service:
    """A service that is deployed from a repository."""
    actions = {
        **acts("restart", "isolate", "reopen"),
        "rollback": spec("rollback", tree="{release}", title=TITLE),
        **more.pop("actions", {}),
    }
    verify = {
        **looks(name, "isolated", "open", "started", "quiet"),
        "release": ProbeSpec(f"{name}/release", name, "script", {"want": "{release}"}, 1000, 1, 1),
    }
    diagnose = {"recent-changes": spec("history")}
    kept = {"probes": well(name), "diagnose": diagnose, **more}
    return service(name, needs, actions=actions, verify=verify, **kept)


BRANCHED = {
    "branch": spec("branch", name="{branch}"),
    "test": spec("test", name="{branch}"),
    "deploy": spec("deploy", name="{branch}", title=TITLE),
    "push": spec("push", remote="origin"),
}
RESTORED = {
    **acts("quiesce", "unquiesce", "fence", "unfence", "snapshot", "verify-snapshot", "stop", "start"),
    "restore": spec("restore", backup="{copy}", target_time="{until}"),
}  # fmt: skip


def shop(**more: Any) -> Fleet:
    db = stateful(
        "db", probes=well("db"), actions=RESTORED, rpo_ms=60_000,
        verify=looks("db", "quiesced", "fenced", "stopped", "started", "restored"),
    )  # fmt: skip
    payments = deployed("payments", {"db": HARD}, actions=BRANCHED, **more)
    web = deployed("web", {"payments": HARD})
    buying = Function("buying", "Buying", True, "buying", ("web", "payments", "db"))
    return Fleet((web, payments, db), (buying,))


def here(fleet: Fleet | None = None, **more: Any) -> Ground:
    """An incident is open, and the releases of web and payments were known to be good."""
    found = Ground(fleet or shop(), **more).declared()
    for name in ("web", "payments"):
        for release in (OLDER, GOOD):
            found.do(NoteRelease(name, release, 700_000), MONITOR)
    return found


def sampled(found: Ground, *, rounds: int = 1, bad: tuple[str, ...] = ()) -> None:
    """Rounds of samples of all probes, a second apart."""
    names = [probe.name for one in found.fleet.services for probe in one.probes]
    names += [one.probe for one in found.fleet.functions]
    samples = tuple(Sample(name, name not in bad, "seen") for name in dict.fromkeys(names))
    for _ in range(rounds):
        found.let_pass(1000)
        found.do(RecordSamples("INC-1", samples, 1000), MONITOR)


def run(found: Ground, asked: Asked, *, rounds: int = 12, bad: tuple[str, ...] = ()) -> Plan:
    """Draw, agree, start; then samples come until nothing moves any more."""
    plan = found.drawn(asked)
    found.run(plan.id)
    return watch(found, plan.id, rounds=rounds, bad=bad)


def watch(found: Ground, plan: str, *, rounds: int = 12, bad: tuple[str, ...] = ()) -> Plan:
    for _ in range(rounds):
        if found.world.plans[plan].state is not PlanState.RUNNING:
            break
        sampled(found, rounds=4, bad=bad)
        found.go_on(plan)
    return found.world.plans[plan]


def states(plan: Plan) -> dict[str, str]:
    return {node.id: plan.node_at(node.id).state.value for node in plan.nodes}


def standings(plan: Plan) -> dict[str, str]:
    return {step.id: plan.standing(step.id).state.value for step in plan.steps}


def options(found: Ground, verb: str, service: str) -> dict[str, Any]:
    """What the newest effect of a verb was asked with."""
    mine = (one for one in reversed(found.effects) if (one.verb, one.target) == (verb, service))
    return next(mine).options


def refusal(found: Ground, asked: Asked) -> tuple[str, str, str]:
    """Code, text and hint of the first reason why a plan is refused."""
    found.do(DrawPlan("INC-1", asked), EVE)
    assert found.refused is not None, "it was allowed"
    reason = found.refused.reasons[0]
    return reason.code, reason.text, reason.hint


def bites(plan: Plan) -> dict[str, str]:
    return {bite.rule: bite.subject for bite in plan.bites}
