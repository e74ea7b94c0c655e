"""What a recovery touches: what is down, as far as it is down, and nothing that is there and carries traffic."""

from __future__ import annotations

from dataclasses import replace

from allstop.domain.fleet.standing import Pulled, Standing
from allstop.domain.incident.commands import Approve, AssignRole, DeclareIncident
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import AbortPlan, MakePlan, StartPlan
from allstop.domain.plan.state import Plan
from allstop.domain.planning.node_steps import RAMP
from allstop.domain.policy import Fleet, FleetLimits, PolicyBook, Service
from allstop.domain.policy.degradation import Degree
from tests.domain.builders import ADA, EVE
from tests.domain.fleet.fleets import HARD, acts, looks, service
from tests.domain.fleet.ground import Ground
from tests.domain.fleet.test_plans_asked import sampled, well
from tests.domain.fleet.test_restoring import with_copy

FREELY = FleetLimits(share_percent=100)
FRONTED = (
    "stop",
    "start",
    "isolate",
    "reopen",
    "quiesce",
    "unquiesce",
    "fence",
    "unfence",
    "scale",
)


def fronted(name: str, needs: dict[str, object] | None = None) -> Service:
    """A service whose way and share are set at a front, which may be down itself."""
    return service(
        name, needs, probes=well(name), actions=acts(*FRONTED),  # type: ignore[arg-type]
        verify=looks(name, "stopped", "started", "isolated", "open", "quiesced", "scaled"),
    )  # fmt: skip


def ground(*services: Service) -> Ground:
    return Ground(Fleet(services, limits=FREELY)).declared()


def stopped(found: Ground, *names: str) -> Ground:
    found.run(found.drawn(Asked("stop", names, dependents=True)).id)
    return found


def actions(plan: Plan, name: str) -> list[str]:
    return [step.action for step in plan.steps if step.service == name and step.kind == "act"]


def shares(plan: Plan, name: str) -> list[int]:
    return [
        step.options["percent"]
        for step in plan.steps
        if step.service == name and step.action == "scale"
    ]


# --- a front that is down itself ----------------------------------------------------------------------


def test_a_way_that_nobody_closed_is_not_opened() -> None:
    """Given a service that was quiesced and stopped, never cut off, its way at the front is as it was."""
    found = stopped(ground(fronted("web")), "web")
    plan = found.drawn(Asked("recover"))
    assert actions(plan, "web")[:4] == ["start", "scale", "unfence", "unquiesce"]
    assert "reopen" not in actions(plan, "web")


def test_whatever_may_have_been_cut_off_is_opened() -> None:
    """Given an isolation of which nobody knows how it ended, the way is opened all the same."""
    found = ground(fronted("web"))
    found.faults["web/isolate"] = "hang"
    cut = found.drawn(Asked("contain", ("web",)))
    found.run(cut.id)
    found.do(AbortPlan(cut.id, "it goes no further"), EVE)
    assert "isolate" not in found.world.standing_of("web").closed
    found.faults.clear()
    stopped(found, "web")
    assert "reopen" in actions(found.drawn(Asked("recover")), "web")


def test_what_the_containment_of_an_incident_cut_off_is_opened() -> None:
    """A containment says nothing of its services' standing; its isolation counts all the same."""
    found = Ground(Fleet((fronted("web"), fronted("desk")), limits=FREELY))
    found.do(DeclareIncident("web sells at wrong prices", ("web",), "person:eve"), EVE)
    found.do(AssignRole("INC-1", "commander", "ada"), EVE)
    found.do(MakePlan("INC-1", "contain"), ADA)
    contain = found.result["plan"]
    plan = found.world.plans[contain]
    if plan.approve:
        found.do(Approve("INC-1", f"plan:{contain}", plan.hash), EVE)
    found.do(StartPlan(contain), EVE)
    found.go_on(contain)
    assert found.truth["web"].isolated
    stopped(found, "web", "desk")
    plan = found.drawn(Asked("recover"))
    assert "reopen" in actions(plan, "web")
    assert "reopen" not in actions(plan, "desk")


def test_traffic_that_nobody_sends_is_not_let_back_in_shares() -> None:
    """Given payments that only web calls, and web is stopped, its share at the front is not touched; web, which
    people call, comes back by shares."""
    found = ground(fronted("payments"), fronted("web", {"payments": HARD}))
    plan = stopped(found, "payments").drawn(Asked("recover"))
    assert shares(plan, "payments") == []
    assert shares(plan, "web") == [1, 5, 25, 50, 100]


def test_traffic_that_a_lever_leads_around_it_comes_back_in_shares() -> None:
    """Given callers that do without a service which was never away, letting them at it at once would be a rush."""
    found = ground(fronted("web"))
    lever = Pulled(found.now.utc, None, "PLAN-0", "pull-cached")
    found.world = replace(found.world, standings={"web": Standing(pulled={"cached": lever})})
    assert shares(found.drawn(Asked("recover", ("web",))), "web") == list(RAMP)


def test_somebody_who_still_calls_it_is_traffic() -> None:
    found = ground(fronted("payments"), fronted("web", {"payments": HARD}))
    found.run(found.drawn(Asked("stop", ("payments",), orphans=("web",))).id)
    assert shares(found.drawn(Asked("recover")), "payments") == [1, 5, 25, 50, 100]


def test_of_what_nothing_is_known_everything_is_opened() -> None:
    """Given a service that fell by itself, when a person names it, all that could be closed is opened."""
    plan = ground(fronted("web")).drawn(Asked("recover", ("web",)))
    assert actions(plan, "web") == [
        "start", "scale", "unfence", "unquiesce", "reopen", "scale", "scale", "scale", "scale",
    ]  # fmt: skip


# --- what is there ------------------------------------------------------------------------------------


def test_a_service_that_is_there_with_less_is_not_taken_along() -> None:
    """Given front that a degradation cut back, when web and what it needs are brought back, front stays as it is."""
    found = ground(fronted("front"), fronted("web", {"front": HARD}))
    policy = found.book.latest
    row = Degree("major", (), capacity={"front": 60})
    protocol = replace(policy.protocol, degradation=(row,))
    found.book = PolicyBook("p1", {"p1": replace(policy, protocol=protocol)})
    found.run(found.drawn(Asked("degrade", level="major")).id)
    assert found.world.standing_of("front").words() == "capacity 60 %"
    stopped(found, "web")
    plan = found.drawn(Asked("recover", ("web",), dependents=True))
    assert {node.service for node in plan.nodes} == {"web"}


def lower(found: Ground, name: str) -> None:
    """A recovery of it is given up once it carries 5 %."""
    found.run(found.drawn(Asked("stop", (name,))).id)
    plan = found.drawn(Asked("recover", (name,)))
    found.run(plan.id)
    for _ in range(20):
        if found.world.standing_of(name).capacity == 5:
            break
        sampled(found)
        while found.next_end() is not None and found.world.standing_of(name).capacity != 5:
            found.end_next()
    found.do(AbortPlan(plan.id, "that is enough for now"), EVE)
    assert found.world.standing_of(name).words() == "capacity 5 %"


def test_what_a_service_carries_already_is_never_made_less() -> None:
    """Given a service that is there at 5 %, when a person brings it back by name, its share only grows."""
    found = ground(fronted("web"))
    lower(found, "web")
    assert shares(found.drawn(Asked("recover", ("web",))), "web") == [25, 50, 100]


def test_a_way_back_that_was_given_up_is_gone_to_its_end_by_the_next() -> None:
    """Given a recovery that was given up at 5 %, when all that is down is brought back, that service is as well."""
    found = ground(fronted("web"))
    lower(found, "web")
    assert shares(found.drawn(Asked("recover")), "web") == [25, 50, 100]


def test_what_is_lacking_for_a_whole_return_is_named() -> None:
    web = service(
        "web", probes=well("web"), actions=acts("stop", "quiesce", "isolate"),
        verify=looks("web", "stopped"),
    )  # fmt: skip
    found = stopped(ground(web), "web")
    assert found.drawn(Asked("recover")).outlook["lacking"] == [
        "web: no start, so a person starts it",
        "web: no unquiesce, so its quiesce stays",
    ]


def test_a_restore_that_did_not_come_to_its_start_leaves_the_service_stopped() -> None:
    """Given a restore into a stopped service, when it will not start again, then nobody says that it is there."""
    found = with_copy()
    found.faults["db/start"] = "refuse"
    plan = found.drawn(Asked("restore", ("db",)))
    found.run(plan.id)
    assert "db/restore" in found.started
    assert not found.truth["db"].up
    assert found.world.standing_of("db").stopped
