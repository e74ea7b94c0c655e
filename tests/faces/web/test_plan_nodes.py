"""Plans of nodes on the page: how far they are, what matters first, and what can be done about it."""

from dataclasses import replace

from bs4 import BeautifulSoup, Tag

from allstop.domain.effects import failed
from allstop.domain.incident.course_commands import TriageIncident
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import AbortPlan, DrawPlan, PausePlan
from allstop.domain.policy import Fleet
from allstop.faces.web.plan_nodes import laid_out
from tests.domain.fleet.fleets import HARD, service
from tests.faces.web.conftest import Opener, console_of, text, words
from tests.faces.web.planned import (
    approved,
    planned,
    rolled_back_shop,
    run,
    stop_of,
    stopped_shop,
    stopping,
    stopping_many,
)
from tests.faces.web.scenes import HOSTILE, elaborate
from tests.faces.web.stage import all_well
from tests.faces.web.test_live import watching

MINUTES_15 = 15 * 60


def card(page: BeautifulSoup, plan: str = "PLAN-2") -> Tag:
    (found,) = page.select(f"[data-plan={plan}]")
    return found


def counts(page: BeautifulSoup) -> dict[str, str]:
    return {str(one["data-count"]): words(one) for one in card(page).select("[data-count]")}


def commands(found: Tag) -> list[str]:
    return [words(one) for one in found.select(".typed")]


def nodes(found: Tag) -> dict[str, str]:
    return {str(one["data-node"]): str(one["data-state"]) for one in found.select("[data-node]")}


async def test_a_plan_that_waits_for_approval(opened: Opener) -> None:
    """Given a stop nobody has approved, then what it would do, at what price and who must agree stands there."""
    page = await opened(await planned(stopped_shop())).get("/incidents/INC-1")
    found = card(page)
    said = words(found)
    assert "0 of 8 nodes" in said
    assert counts(page) == {"waiting": "8 waiting"}
    assert "Expected time 2m 59s" in said
    assert "Who must agree commander" in said
    assert "Longest path mail → orders → ledger → store" in said
    assert [one["data-bite"] for one in found.select("[data-bite]")] == [
        "largest-share", "protected",
    ]  # fmt: skip
    assert commands(found) == [
        "allstop plan show PLAN-2",
        "allstop approve PLAN-2",
        'allstop plan abort PLAN-2 --because "why"',
    ]
    order = list(nodes(found))
    assert order.index("orders") < order.index("ledger") < order.index("store")
    orders = found.select_one("[data-node=orders]")
    assert orders is not None
    assert "waits for gateway, mail" in words(orders)
    assert "if it fails: force; missing: no quiesce, no drain" in words(orders)
    assert not found.select("[data-step]")
    assert text(page, ".next .typed") == "allstop approve PLAN-2"


async def test_what_to_know_before_it_runs_is_said_before_anybody_agrees(opened: Opener) -> None:
    """Given a rollback to a release that nobody knows to be good, then its card says so, and no longer once it is
    over."""
    stage = await planned(rolled_back_shop())
    await stage.do(DrawPlan("INC-1", Asked("rollback", ("orders",), release="3f2a91")))
    await stage.settle()
    (plan,) = [one.id for one in stage.post.world.plans.values() if one.purpose == "rollback"]
    notes = card(await opened(stage).get("/incidents/INC-1"), plan).select("[data-note]")
    assert [words(one) for one in notes] == [
        "orders: to 3f2a91: nobody has seen it healthy for long enough"
    ]
    await stage.do(AbortPlan(plan, "not now"))
    after = card(await opened(stage).get("/incidents/INC-1"), plan)
    assert not after.select("[data-note]")


async def test_an_approval_is_shown_with_its_end(opened: Opener) -> None:
    """Given a plan that was approved, then it can be run, until its approval is over."""
    stage = await approved(await planned(stopped_shop()))
    page = await opened(stage).get("/incidents/INC-1")
    start = "allstop plan run PLAN-2 --follow"
    assert "holds; ends in 15m" in text(page, "[data-expires]")
    assert commands(card(page)) == [start, 'allstop plan abort PLAN-2 --because "why"']
    assert text(page, ".next .typed") == start
    await stage.pass_time(MINUTES_15)
    page = await opened(stage).get("/incidents/INC-1")
    assert "ended 0s ago : approve it again" in text(page, "[data-expires]")
    assert commands(card(page)) == [
        "allstop approve PLAN-2",
        'allstop plan abort PLAN-2 --because "why"',
    ]
    assert "plan run" not in text(page, ".next .typed")


async def test_a_stop_in_its_middle(opened: Opener) -> None:
    """Given nodes in every state, then each says what was seen, and the held one what can be done."""
    page = await opened(await stopping()).get("/incidents/INC-1")
    found = card(page)
    assert counts(page) == {
        "held": "1 HELD", "running": "1 running", "forced": "1 FORCED", "isolated": "1 ISOLATED",
        "waiting": "1 waiting", "reached": "3 reached",
    }  # fmt: skip
    assert "5 of 8 nodes" in words(found)
    assert "about 2m 39s left" in words(found)
    assert nodes(found) == {
        "search": "held", "gateway": "reached", "catalog": "isolated", "mail": "reached", "orders": "forced",
        "ledger": "running", "store": "waiting", "wiki": "reached",
    }  # fmt: skip
    assert "SIGKILL sent; process 4711 is gone" in text(page, "[data-node=orders]")
    assert "waits for ledger" in text(page, "[data-node=store]")
    assert "waits for ledger," not in text(page, "[data-node=store]")
    held = found.select_one("[data-node=search]")
    assert held is not None
    assert "no space left on device" in words(held)
    assert commands(held) == [
        "allstop plan retry PLAN-2 snapshot-search",
        'allstop plan waive PLAN-2 snapshot-search --because "why"',
    ]
    assert text(page, ".next .typed") == "allstop plan retry PLAN-2 snapshot-search"
    with_steps = {str(one["data-step"]) for one in found.select("[data-step]")}
    assert {"stop-ledger", "snapshot-search", "stop-search"} <= with_steps
    # What would only run after a failed stop is no step of the way.
    assert "isolate-search" not in with_steps
    assert not {"stop-orders", "kill-orders", "stop-store", "stop-gateway"} & with_steps


async def test_a_hundred_nodes_are_counted_and_those_that_matter_come_first(opened: Opener) -> None:
    page = await opened(await stopping_many()).get("/incidents/INC-1")
    found = card(page)
    assert "72 of 120 nodes" in words(found)
    listed = [
        (str(one["data-node"]), str(one["data-state"]))
        for one in found.select("details > ol > [data-node]")
        if one.find_parent("details", {"data-fold": True}) is None
    ]
    states = [state for _, state in listed]
    assert states == ["held"] * 5 + ["running"] * 5 + ["forced"] * 5 + ["isolated"]
    folds = {str(one["data-fold"]): words(one.select("summary")[0]) for one in found.select("[data-fold]")}  # fmt: skip
    assert folds == {"waiting": "38 waiting", "reached": "66 reached"}
    assert all("open" not in one.attrs for one in found.select("[data-fold]"))
    assert len(nodes(found)) == 120
    assert len([one for one in commands(found) if "plan retry" in one]) == 4


async def test_the_most_urgent_stand_first(opened: Opener) -> None:
    """Given nodes that wait for the same, then they stand in the order in which they would go."""
    policy = stopped_shop()
    fleet = Fleet(
        (
            service("ads", category="analytics"),
            service("checkout", category="revenue"),
            service("billing", {"checkout": HARD}, category="internal"),
            service("zoo", category="customer-facing"),
            service("front", {"wares": HARD, "blog": HARD}, category="customer-facing"),
            service("blog", category="analytics"),
            service("wares", category="revenue"),
        )
    )
    stage = await planned(
        replace(policy, fleet=replace(fleet, monitor=policy.fleet.monitor)), "all"
    )
    page = await opened(stage).get("/incidents/INC-1")
    for after in ((), ("front",)):
        equal = [node for node in stop_of(stage).nodes if node.after == after]
        urgent = [node.id for node in sorted(equal, key=lambda one: (one.rank, one.id))]
        assert urgent != sorted(urgent)
        assert [name for name in nodes(card(page)) if name in urgent] == urgent


async def test_nothing_can_be_done_about_a_plan_once_its_incident_is_over() -> None:
    """Given a running plan with a held node, then commands stand there while its incident is open, and no longer."""
    stage = await stopping()
    plan = stage.coordinator.views.plan("PLAN-2")
    now = stage.clock.now().utc
    opened = laid_out(plan, ("snapshot-search",), now, opened=True)
    over = laid_out(plan, ("snapshot-search",), now, opened=False)
    assert opened.commands
    assert opened.trouble
    assert [one.commands for one in opened.listed if one.commands]
    assert (over.commands, over.trouble, over.run) == ((), None, "")
    assert not [one.commands for one in over.listed if one.commands]
    assert [one.line for one in over.listed] == [one.line for one in opened.listed]


async def test_what_holds_the_whole_plan_is_accepted_by_name() -> None:
    """Given a plan held because too many nodes failed, then accepting that goes before any single step."""
    stage = await stopping()
    plan = replace(stage.coordinator.views.plan("PLAN-2"), state="held", held_because="3 failed")
    found = laid_out(plan, ("snapshot-search", "failures"), stage.clock.now().utc, opened=True)
    assert found.commands[0] == "allstop plan retry PLAN-2 failures"
    assert found.trouble == ("allstop plan retry PLAN-2 failures", "PLAN-2 is held: 3 failed")


async def test_a_step_of_unknown_end_is_looked_at_first() -> None:
    """Given a step nobody saw the end of, then what a person saw can be said before it is tried again."""
    stage = await stopping()
    plan = stage.coordinator.views.plan("PLAN-2")
    steps = tuple(replace(one, state="unknown") if one.id == "snapshot-search" else one for one in plan.steps)  # fmt: skip
    found = laid_out(replace(plan, steps=steps), (), stage.clock.now().utc, opened=True)
    (held,) = [one for one in found.listed if one.line.state == "held"]
    assert [one.split()[2] for one in held.commands] == ["settle", "retry", "waive"]


async def test_what_a_node_says_stays_text(opened: Opener) -> None:
    """Given somebody else's program that answers with markup and hidden characters, then both are only read."""
    stage = await run(await planned(stopped_shop()), lambda _: failed(HOSTILE))
    page = await opened(stage).get("/incidents/INC-1")
    found = card(page)
    assert "<script>document.title='owned'</script>" in found.get_text()
    assert "\u202e" not in found.get_text()
    assert "⟨U+202E⟩" in found.get_text()
    assert not found.select("script, img, [onfocus], [autofocus]")


async def test_more_than_fit_are_only_counted(opened: Opener) -> None:
    """Given more of a state than a fold holds, then the rest is a number and a command."""
    policy = stopped_shop()
    many = tuple(service(f"worker-{at}") for at in range(200))
    stage = await planned(replace(policy, fleet=replace(policy.fleet, services=many)))
    found = card(await opened(stage).get("/incidents/INC-1"))
    assert "0 of 200 nodes" in words(found)
    assert len(nodes(found)) == 150
    assert "and 50 more: allstop plan show PLAN-2" in words(found.select("[data-fold=waiting]")[0])


async def test_what_a_whole_plan_can_be_told(opened: Opener) -> None:
    """Given a plan that runs, is paused, or is given up, then the commands fit."""
    stage = await stopping()
    running = card(await opened(stage).get("/incidents/INC-1"))
    abort = 'allstop plan abort PLAN-2 --because "why"'
    assert commands(running)[:2] == ['allstop plan pause PLAN-2 --because "why"', abort]
    await stage.do(PausePlan("PLAN-2", "the bank calls"))
    paused = card(await opened(stage).get("/incidents/INC-1"))
    assert commands(paused)[:2] == ["allstop plan resume PLAN-2", abort]
    await stage.do(AbortPlan("PLAN-2", "it was the wrong day"))
    ended = card(await opened(stage).get("/incidents/INC-1"))
    assert commands(ended) == []
    assert "took 0s, expected 2m 59s" in words(ended)


async def test_a_plan_that_is_done_is_folded(opened: Opener) -> None:
    stage = await run(await planned(stopped_shop()), all_well)
    found = card(await opened(stage).get("/incidents/INC-1"))
    assert "8 of 8 nodes" in words(found)
    assert "open" not in found.select("details")[0].attrs
    assert commands(found) == []


async def test_a_plan_is_followed_live() -> None:
    """Given an open page, when a node ends, then the part with the plans is sent, and says so."""
    stage = await stopping()
    console = console_of(stage)
    async with watching(console, "/live/incidents/INC-1") as stream:
        await stream.next()
        stage.answers = all_well
        await stage.answer_waiting()
        message = await stream.until("plans")
    html = {one["id"]: one["html"] for one in message["data"]["fragments"]}
    found = BeautifulSoup(html["plans"], "html.parser")
    assert nodes(found)["ledger"] == "reached"


async def test_passing_time_alone_does_not_change_a_plan() -> None:
    stage = await approved(await planned(stopped_shop()))
    console = console_of(stage)
    async with watching(console, "/live/incidents/INC-1") as stream:
        await stream.next()
        stage.clock.passed_ms += 4000
        assert "plans" not in {one["id"] for one in (await stream.next())["data"]["fragments"]}


async def test_a_plan_of_an_incident_that_is_over_can_only_be_read(opened: Opener) -> None:
    """Given an approved plan nobody has started when its incident is a false alarm, then nothing says run it."""
    policy = replace(elaborate(), fleet=stopped_shop().fleet)
    stage = await approved(await planned(policy))
    console = opened(stage)
    assert commands(card(await console.get("/incidents/INC-1")))
    await stage.do(TriageIncident("INC-1", False, "nothing was sold"))
    page = await console.get("/incidents/INC-1")
    assert commands(card(page)) == []
    assert not page.select(".next")
