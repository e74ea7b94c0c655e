"""Plans of nodes worth looking at: a stop of a shop in its middle, and one of a hundred and twenty services."""

from dataclasses import replace

from allstop.domain.effects import Effect, Outcome, Purpose, done, failed
from allstop.domain.impact import Impact
from allstop.domain.incident import commands as c
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import DrawPlan, StartPlan
from allstop.domain.plan.state import Plan
from allstop.domain.policy import Dependency, DependencyKind, Fleet, OnFailure, Policy, Service
from tests.domain.fleet.fleets import random_fleet, service, stateful
from tests.domain.fleet.returned import deployed
from tests.faces.web.rules import probe, shop
from tests.faces.web.stage import Answer, Stage, all_well, raised

HARD = DependencyKind.HARD


def stopped_shop() -> Policy:
    """The shop, whose services can be stopped: orders hangs, the store has data, the ledger is protected."""
    services = (
        service("gateway", {"orders": HARD, "catalog": HARD}, category="customer-facing", probes=(probe("gateway"),)),
        service("orders", {"ledger": HARD, "store": HARD}, on_failure=OnFailure.FORCE, probes=(probe("orders"),)),
        service("catalog", {"store": HARD}, on_failure=OnFailure.ISOLATE, probes=(probe("catalog"),)),
        service("mail", {"orders": HARD}, category="internal", probes=(probe("mail"),)),
        service("ledger", {"store": HARD}, protected=True, probes=(probe("ledger"),)),
        stateful("store", {}, probes=(probe("store"),)),
        stateful("search", {}, probes=(probe("search"),)),
        service("wiki", {"search": HARD}, probes=(probe("wiki"),)),
    )  # fmt: skip
    return _with(Fleet(services))


def rolled_back_shop() -> Policy:
    """One service that can be taken back to an earlier release."""
    return _with(Fleet((deployed("orders", probes=(probe("orders"),)),)))


def _with(fleet: Fleet) -> Policy:
    policy = shop()
    return replace(policy, fleet=replace(fleet, monitor=policy.fleet.monitor))


async def planned(policy: Policy, *targets: str) -> Stage:
    """An incident, and a stop that somebody has asked for and nobody approved."""
    stage = await raised(policy)
    stage.sample_all()
    await stage.do(
        c.DeclareIncident("A wrong price is sold", impact=Impact(("Customers can pay",)), kind="")
    )
    await stage.settle()
    await stage.do(c.AcknowledgeIncident("INC-1"))
    await stage.do(DrawPlan("INC-1", Asked("stop", targets or ("all",))))
    await stage.settle()
    return stage


def stop_of(stage: Stage) -> Plan:
    return next(plan for plan in stage.post.world.plans.values() if plan.purpose == "stop")


async def run(stage: Stage, answers: Answer) -> Stage:
    """Approved as it was shown, and started."""
    await approved(stage)
    stage.answers = answers
    await stage.do(StartPlan(stop_of(stage).id))
    await stage.settle()
    return stage


async def approved(stage: Stage) -> Stage:
    plan = stop_of(stage)
    await stage.do(c.Approve("INC-1", f"plan:{plan.id}", plan.hash))
    await stage.settle()
    return stage


def trouble(effect: Effect) -> Outcome | None:
    """Orders does not stop, the catalog neither, the disk is full when search is saved, the ledger takes long."""
    match effect.purpose, effect.target, effect.verb:
        case Purpose.STEP, "orders", "stop":
            return failed("script said done, and script saw: process 4711 still runs")
        case Purpose.STEP, "orders", "kill":
            return done("SIGKILL sent; process 4711 is gone")
        case Purpose.STEP, "catalog", "stop":
            return failed("exit code 143 after 30s, and it answers on port 8104")
        case Purpose.STEP, "search", "snapshot":
            return failed("no space left on device: 40 MB of 12 GB written")
        case Purpose.STEP, "ledger", _:
            return None
        case _:
            return all_well(effect)


async def stopping() -> Stage:
    """A stop in its middle: one service forced, one isolated, one held, one under way, one that waits."""
    return await run(await planned(stopped_shop()), trouble)


async def stopping_many() -> Stage:
    """A stop of a hundred and twenty services, of which some fail in every way there is."""
    fleet = random_fleet(5, 120)
    services = tuple(
        replace(_named(one, at), probes=(probe(_named(one, at).name),))
        for at, one in enumerate(fleet.services)
    )

    def answers(effect: Effect) -> Outcome | None:
        number = sum(ord(letter) for letter in effect.target)
        if (
            effect.purpose is Purpose.STEP
            and effect.verb in ("stop", "snapshot")
            and number % 7 == 0
        ):
            return failed("it did not answer in time")
        return None if effect.purpose is Purpose.STEP and number % 11 == 0 else all_well(effect)

    return await run(await planned(_with(Fleet(services))), answers)


def _named(one: Service, at: int) -> Service:
    """Names as long as real ones."""
    depends = tuple(Dependency(_name(edge.to), edge.kind) for edge in one.depends)
    name = _name(f"s{at}")
    return replace(one, name=name, title=name, depends=depends)


def _name(short: str) -> str:
    return f"payments-settlement-worker-{short}"
