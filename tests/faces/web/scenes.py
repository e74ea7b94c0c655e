"""States of an incident worth looking at, each reached by real commands."""

import hashlib
from dataclasses import replace
from datetime import timedelta

from allstop.domain.effects import Effect, Outcome, Purpose, failed
from allstop.domain.impact import Impact
from allstop.domain.incident import commands as c
from allstop.domain.incident import course_commands as k
from allstop.domain.incident import work_commands as w
from allstop.domain.money import Money
from allstop.domain.policy import Policy, Preflight
from allstop.domain.principal import MONITOR
from allstop.domain.proposals import ProposeActivation
from tests.application.whole import whole
from tests.faces.web.fleets_shown import large_fleet, watched_afterwards, with_less
from tests.faces.web.planned import stopping, stopping_many
from tests.faces.web.rules import bare, shop
from tests.faces.web.stage import ADA, GRACE, Stage, all_well, raised


async def calm() -> Stage:
    """Everything is watched and well."""
    stage = await raised()
    stage.sample_all()
    return stage


async def declared(
    stage: Stage, title: str = "Customers can pay failing, payments suspected"
) -> str:
    impact = Impact(("Customers can pay",), (), 62, Money("18400.00", "EUR"), 214)
    command = c.DeclareIncident(
        title, ("payments",), "monitor", impact, "", "monitor:payments",
        stage.clock.now().utc - timedelta(seconds=48), "payments-health failed 3x: 500 in 1203 ms",
    )  # fmt: skip
    result = await stage.do(command, MONITOR)
    return str(result["incident"])


async def known_good(stage: Stage) -> None:
    for name in ("payments", "orders", "gateway"):
        digest = hashlib.sha256(name.encode()).hexdigest()
        await stage.do(c.NoteRelease(name, digest, 5_400_000), MONITOR)


def troubled(effect: Effect) -> Outcome | None:
    """One agent escapes force, one is contradicted and not yet frozen, and a step of the remedy fails."""
    if effect.purpose is Purpose.FREEZE and effect.ref == "docs-bot":
        return None
    if effect.purpose is Purpose.FREEZE:
        return failed("still running after SIGSTOP: a child process in another group")
    if effect.purpose is Purpose.CONFIRM and effect.ref == "docs-bot":
        return failed("it says stopped, but its repository changed 4 s ago")
    if effect.purpose is Purpose.STEP and effect.ref == "restart":
        return failed("exit code 1: port 8103 is taken")
    if effect.purpose is Purpose.EVIDENCE and effect.ref.endswith("service-state"):
        return failed("no answer from command within 10000 ms")
    return all_well(effect)


async def middle() -> Stage:
    """SEV1: an agent escaped, one is contradicted, the remedy is held at a failed step."""
    stage = await raised()
    stage.sample_all()
    await known_good(stage)
    stage.answers = troubled
    stage.sample_all("payments", "orders")
    incident = await declared(stage)
    await stage.settle()
    await stage.pass_time(9)
    await stage.answer("builder-1", "HALT-1", "payments: rounding of amounts")
    await stage.settle()
    await stage.do(c.AcknowledgeIncident(incident))
    await stage.approve(incident, "contain")
    for _ in range(2):
        await stage.round(incident, "payments", "orders")
    await stage.do(
        c.PostUpdate(
            incident,
            "investigating",
            "Payments fail since 03:06. A release went out two minutes before.",
        )
    )
    await stage.answer("builder-2", "HALT-1", "")
    await stage.settle()
    for _ in range(8):
        await stage.round(incident, "payments", "orders")
    await stage.answer("docs-bot", "HALT-1", "rewriting the payments guide")
    await stage.settle()
    await stage.approve(incident, "remedy")
    for _ in range(3):
        await stage.round(incident, "payments", "orders")
    await stage.do(
        c.OfferHandoff(incident, "communications", "grace", "I am on a train until four")
    )
    await stage.settle()
    return stage


async def stood_down() -> Stage:
    """The whole story to its end."""
    stage = await raised()
    stage.sample_all()
    await known_good(stage)
    stage.sample_all("payments")
    incident = await declared(stage)
    await stage.settle()
    for agent, doing in (
        ("builder-1", "payments: rounding"),
        ("builder-2", ""),
        ("docs-bot", "the guide"),
    ):
        await stage.pass_time(3)
        await stage.answer(agent, "HALT-1", doing)
        await stage.settle()
    await stage.do(c.AcknowledgeIncident(incident))
    await stage.approve(incident, "contain")
    for _ in range(11):
        await stage.round(incident, "payments")
    await stage.approve(incident, "remedy")
    for _ in range(20):
        await stage.round(incident)
    await stage.do(
        c.RecordStatement(
            incident, "root-cause", "A release rounded amounts down; the bank refused them."
        )
    )
    await stage.do(c.Approve(incident, "stand-down"))
    await stage.do(
        c.StandDown(
            incident, "Payments are back on the release of yesterday and have been good since."
        )
    )
    await stage.settle()
    await stage.coordinator.reports.file(incident, ADA)
    return stage


async def running_gate() -> Stage:
    """The remedy runs and waits at a gate that has seen some good samples; all agents are stopped."""
    stage = await raised()
    stage.sample_all()
    await known_good(stage)
    stage.sample_all("payments")
    incident = await declared(stage)
    await stage.settle()
    for agent in ("builder-1", "builder-2", "docs-bot"):
        await stage.answer(agent, "HALT-1", "something")
        await stage.settle()
    await stage.do(c.AcknowledgeIncident(incident))
    await stage.approve(incident, "contain")
    for _ in range(13):
        await stage.round(incident, "payments")
    await stage.approve(incident, "remedy")
    for _ in range(2):
        await stage.round(incident)
    return stage


HOSTILE = (
    "<script>document.title='owned'</script><img src=x onerror=alert(1)> "
    "\u202egpj.exe\u2066 " + "W" * 90 + " {{ 7*7 }} ' onfocus=alert(1) autofocus='"
)


async def hostile() -> Stage:
    """Somebody puts everything bad into every text they can."""
    policy = whole(shop())
    agents = (
        replace(policy.roster.agents[0], id="a" * 80, name=HOSTILE),
        *policy.roster.agents[1:],
    )
    services = (replace(policy.fleet.services[0], title=HOSTILE), *policy.fleet.services[1:])
    stage = await raised(
        Policy(
            replace(policy.protocol, title=HOSTILE),
            replace(policy.fleet, services=services),
            replace(policy.roster, agents=agents),
        )
    )
    stage.answers = lambda effect: failed(HOSTILE)
    stage.sample_all("payments")
    incident = await declared(stage, HOSTILE[:199])
    await stage.settle()
    await stage.answer("a" * 80, "HALT-1", HOSTILE)
    await stage.do(c.AddNote(incident, HOSTILE))
    await stage.do(c.RecordStatement(incident, "root-cause", HOSTILE))
    await stage.do(c.PostUpdate(incident, "investigating", HOSTILE))
    later = stage.clock.now().utc + timedelta(hours=1)
    for command in (
        w.FileForm(incident, "briefing", {"situation": HOSTILE}),
        w.AssignCrew(incident, "containment", ("person:grace",), HOSTILE),
        w.AddTask(incident, HOSTILE[:199]),
        w.AddEvidence(incident, "hypothesis", HOSTILE, "", HOSTILE),
        w.ProposeChange(incident, HOSTILE[:199], 1, "", "", HOSTILE),
        w.AddAction(incident, HOSTILE[:199], "grace", later),
        w.MeetObligation(incident, "customers", HOSTILE),
        k.CorrectEntry(incident, 1, HOSTILE, HOSTILE),
        ProposeActivation(f"battle stations {HOSTILE}"),
    ):
        await stage.do(command)
    await stage.pass_time(70)
    return stage


def elaborate() -> Policy:
    """The shop with everything a protocol can ask for, and checks before anything is executed."""
    policy = whole(shop())
    preflight = Preflight(("probes", "channels", "agents"))
    return replace(policy, protocol=replace(policy.protocol, preflight=preflight))


async def worked() -> Stage:
    """People have done all there is to do beside the response; some of what they promised is late."""
    stage = await raised(elaborate())
    stage.sample_all()
    await stage.do(c.DeclareIncident("Search is slow", impact=Impact(), kind=""))
    stage.sample_all("payments")
    incident = await declared(stage)
    await stage.settle()
    said = "battle stations: the warehouse reports wrong amounts on every label since the night"
    await stage.do(ProposeActivation(said, "warehouse chat"), GRACE)
    for command in (
        c.AcknowledgeIncident(incident),
        w.FileForm(incident, "briefing", {"situation": "Cards are refused.\nSince 03:06.", "scope": "EU"}),
        w.AssignCrew(incident, "containment", ("person:grace", "agent:builder-1")),
        w.AddTask(incident, "Call the bank", "grace"),
        w.AddTask(incident, "Find out who was charged twice"),
        w.AddEvidence(incident, "hypothesis", "The bank rounds differently", "payments", "https://wiki.example/7"),
        w.AddEvidence(incident, "observation", "Only amounts with cents fail", "payments"),
        w.RecordFacts(incident, {"cause_understood": False}, "nobody has seen the code"),
        w.ProposeChange(incident, "Refund the double charges", 3, "", "payments", "A script, run twice."),
        k.CorrectEntry(incident, 1, "it began at 03:05", "the first alert was missed"),
        k.LinkIncidents(incident, "INC-1", "causes"),
        c.PostUpdate(incident, "investigating", "We know which amounts fail.", {}, stage.clock.now().utc + timedelta(hours=3)),
        k.BeginPreflight(incident),
        w.AddAction(incident, "Test with cents", "grace", stage.clock.now().utc + timedelta(hours=1), "high"),
        w.AddAction(incident, "Write to the bank", "commander", stage.clock.now().utc + timedelta(days=9)),
    ):  # fmt: skip
        await stage.do(command)
    await stage.do(w.EndTask(incident, "T1", "done", "they know"), GRACE)
    await stage.settle()
    await stage.pass_time(2 * 3600)
    return stage


async def empty() -> Stage:
    """A project that has just been made: nothing to watch, nobody to stop."""
    return await raised(bare())


async def failing_unnoticed() -> Stage:
    """A service is down and nobody has declared an incident."""
    stage = await raised()
    stage.sample_all("catalog")
    return stage


SCENES = {
    scene.__name__: scene
    for scene in (
        empty, calm, failing_unnoticed, middle, running_gate, stood_down, worked, hostile, stopping, stopping_many,
        watched_afterwards, large_fleet, with_less,
    )
}  # fmt: skip
