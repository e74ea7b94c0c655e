"""Fleets and times after standing down that are worth looking at, each reached by real commands."""

from dataclasses import replace

from allstop.domain.aftercare import watched_on
from allstop.domain.incident import commands as c
from allstop.domain.incident.aftercare_commands import RecordAftercare
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import DrawPlan, StartPlan
from allstop.domain.plan.lever_commands import ForceCircuit
from allstop.domain.policy import ActionSpec, Fleet, Lever, Policy, Watch
from allstop.domain.principal import MONITOR
from tests.domain.fleet.fleets import random_fleet, service
from tests.faces.web.rules import probe, shop
from tests.faces.web.stage import GRACE, Stage, raised

MINUTE = 60_000
WATCHES = (
    Watch("continuous", "Half an hour without a gap", 30 * MINUTE),
    Watch("hour", "Health every ten minutes", 60 * MINUTE, 10 * MINUTE),
    Watch("errors", "Error rates for four hours", 240 * MINUTE, 15 * MINUTE, None, 1),
    Watch("recurrence", "A day without recurrence", 1440 * MINUTE, 30 * MINUTE),
)


def watched_shop() -> Policy:
    policy = shop()
    return replace(policy, protocol=replace(policy.protocol, aftercare=WATCHES))


async def look(stage: Stage, seconds: float, *down: str) -> None:
    """Time passes, and the monitor takes its round. Nobody knows how many requests fail."""
    stage.clock.passed_ms += round(seconds * 1000)
    world, book = stage.post.world, stage.post.book
    for incident in watched_on(world, book):
        await stage.do(RecordAftercare(incident.id, stage.sample_all(*down), None, 5000), MONITOR)
    await stage.settle()


async def watched_afterwards() -> Stage:
    """Stood down forty minutes ago, with one bad look, one that was not taken and no meter."""
    stage = await raised(watched_shop())
    stage.sample_all()
    await stage.do(c.DeclareIncident("Customers cannot pay", ("payments",), severity="SEV2"))
    await stage.settle()
    await over(stage, "INC-1")
    await look(stage, 5)
    await look(stage, 600)
    await look(stage, 600, "payments")
    await look(stage, 5)
    await look(stage, 1210)
    return stage


async def over(stage: Stage, incident: str) -> None:
    """The owner ends it over everything that still stands in the way."""
    while refused := stage.post.ask(c.StandDown(incident, "over"), GRACE).reasons:
        left = [one.code.partition(":")[2] for one in refused if one.code.startswith("criterion:")]
        assert left, refused
        for name in left:
            await stage.do(c.Override(incident, name, "enough"), GRACE)
        await stage.settle()
    await stage.do(c.StandDown(incident, "It works again."), GRACE)
    await stage.settle()


async def large_fleet() -> Stage:
    """Three hundred services, of which two are down."""
    fleet = random_fleet(3, 300)
    services = tuple(replace(one, probes=(probe(one.name),)) for one in fleet.services)
    policy = shop()
    stage = await raised(
        replace(policy, fleet=replace(Fleet(services), monitor=policy.fleet.monitor))
    )
    stage.sample_all(services[7].name, services[290].name)
    return stage


def lever(name: str, minutes: int) -> Lever:
    act = ActionSpec("scripted", name, {}, 5000)
    return Lever(
        name, f"Without {name}", "minor", act, act, None, None, "an hour old", minutes * MINUTE
    )


async def with_less() -> Stage:
    """Two levers are pulled, of which one is beyond its time, and calls to the search are kept back by hand."""
    services = (
        service("search", levers=(lever("fresh-answers", 10),), probes=(probe("search"),)),
        service("mail", levers=(lever("pictures", 300),), probes=(probe("mail"),)),
    )
    policy = shop()
    fleet = replace(Fleet(services), monitor=policy.fleet.monitor)
    stage = await raised(replace(policy, fleet=fleet))
    stage.sample_all()
    await stage.do(c.DeclareIncident("Too many visitors", severity="SEV2"))
    await stage.settle()
    await stage.do(c.AcknowledgeIncident("INC-1"))
    await stage.do(DrawPlan("INC-1", Asked("degrade", level="minor")))
    plan = stage.post.world.plans_of("INC-1")[-1]
    if plan.approve:
        await stage.do(c.Approve("INC-1", f"plan:{plan.id}", plan.hash))
    await stage.do(StartPlan(plan.id))
    await stage.settle()
    await stage.do(ForceCircuit("search@scripted", "open", "it is being repaired"))
    stage.clock.passed_ms += 11 * MINUTE
    return stage
