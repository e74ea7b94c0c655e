"""Plans over the whole API, on a virtual clock: services that really stop, hang, and come back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from allstop.testing.stage import Stage, stage_of
from tests.faces.http import planned as p

EVERYBODY = ("web", "orders", "db", "search", "wiki")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Stage]:
    """A shop in which all is well, and an incident that names every service."""
    with stage_of(p.write_shop(tmp_path)) as stage:
        stage.wait(15)
        stage.declare("a wrong price is sold", services=list(EVERYBODY), impact={"users": 5})
        stage.settle()
        yield stage


@pytest.fixture
def troubled(shop: Stage) -> Stage:
    """Orders does not hear when it is asked to stop, and the disk of search is full."""
    shop.outside.services["orders"].deaf = True
    shop.outside.services["search"].full = True
    return shop


def test_a_preview_says_the_price_and_records_nothing(shop: Stage) -> None:
    """Given a running shop, when somebody asks what a stop would do, then they are told, and nothing is written."""
    length, before = len(shop.disk.events), p.up(shop)
    body = {"purpose": "stop", "targets": ["orders"]}
    seen = shop.post("incidents/INC-1/plans/preview", p.COMMANDER, **body)
    assert seen.ok
    assert len(shop.disk.events) == length
    assert p.up(shop) == before
    assert seen.data["outlook"]["radius"] == ["web"]
    assert [one["rule"] for one in seen.data["bites"]] == ["orphans"]
    made = p.asked(shop, "stop", "orders")
    assert p.show(shop, made)["hash"] == seen.data["hash"]


def test_a_typo_selects_nothing(shop: Stage) -> None:
    length = len(shop.disk.events)
    body = {"purpose": "stop", "targets": ["wbe", "serach"]}
    refused = shop.post("incidents/INC-1/plans", p.COMMANDER, **body)
    assert refused.status == 409
    assert refused.reasons == ["unknown-target", "unknown-target"]
    assert len(shop.disk.events) == length


def test_a_plan_runs_only_as_it_was_approved(shop: Stage) -> None:
    """Given a plan nobody approved, then it does not run; with another hash it is not approved; and an approval
    that has grown old starts nothing."""
    plan = p.asked(shop, "stop", "all")
    assert shop.post(f"plans/{plan}/run", p.COMMANDER).reasons == ["not-approved"]
    other = {"subject": f"plan:{plan}", "binds": "0" * 64}
    assert shop.post("incidents/INC-1/approvals", p.COMMANDER, **other).reasons == ["plan-changed"]
    p.approve(shop, plan)
    ends = shop.seconds_until(p.show(shop, plan)["expires_at"])
    shop.wait(ends + 1)
    assert shop.post(f"plans/{plan}/run", p.COMMANDER).reasons == ["approval-expired"]
    assert p.up(shop) == set(EVERYBODY)
    assert set(p.nodes(shop, plan).values()) == {"waiting"}


def test_an_approval_that_has_lapsed_is_given_again_for_the_same_plan(shop: Stage) -> None:
    """Given an approval that has grown old, when it is approved again, then it is the same plan and runs; what
    was signed before counts no more, and an approval that still holds is not given twice."""
    plan = p.asked(shop, "stop", "all")
    p.approve(shop, plan)
    again = {"subject": f"plan:{plan}", "binds": p.show(shop, plan)["hash"]}
    assert shop.post("incidents/INC-1/approvals", p.COMMANDER, **again).reasons == ["not-proposed"]
    shop.wait(shop.seconds_until(p.show(shop, plan)["expires_at"]) + 1)
    refused = shop.post(f"plans/{plan}/run", p.COMMANDER)
    assert f"allstop approve {plan}" in refused.texts
    p.approve(shop, plan)
    assert shop.kinds("INC-1").count("plan.lapsed") == 1
    assert shop.seconds_until(p.show(shop, plan)["expires_at"]) > 800
    shop.do(f"plans/{plan}/run", p.COMMANDER)
    shop.wait(40)
    assert p.up(shop) == set()


def test_an_approval_is_not_renewed_for_what_would_be_another_plan(shop: Stage) -> None:
    """Given an approved recovery that has lapsed, when one more service was stopped meanwhile, then approving it
    again is refused with that reason, and nothing is recorded."""
    p.agreed_and_run(shop, "stop", "web")
    shop.wait(10)
    back = p.asked(shop, "recover")
    p.approve(shop, back)
    p.agreed_and_run(shop, "stop", "wiki")
    shop.wait(shop.seconds_until(p.show(shop, back)["expires_at"]) + 1)
    again = {"subject": f"plan:{back}", "binds": p.show(shop, back)["hash"]}
    assert shop.post("incidents/INC-1/approvals", p.COMMANDER, **again).reasons == ["plan-changed"]
    assert "plan.lapsed" not in shop.kinds("INC-1")


def test_a_plan_that_would_be_another_by_now_does_not_run(shop: Stage) -> None:
    """Given an approved recovery, when one more service was stopped meanwhile, then it is refused."""
    p.agreed_and_run(shop, "stop", "web")
    shop.wait(10)
    back = p.asked(shop, "recover")
    p.approve(shop, back)
    p.agreed_and_run(shop, "stop", "wiki")
    shop.wait(10)
    assert shop.post(f"plans/{back}/run", p.COMMANDER).reasons == ["plan-changed"]
    assert "web/start" not in p.deeds(shop)


def test_a_stop_forces_holds_and_ends(troubled: Stage) -> None:
    """Given a stop of all, when one service does not stop and one cannot save its data, then the first is killed
    and proven gone, the second is held until a person waives that, and the rest goes on meanwhile."""
    plan = p.agreed_and_run(troubled, "stop", "all")
    troubled.wait(40)

    assert p.nodes(troubled, plan) == {
        "web": "reached", "wiki": "reached", "orders": "forced", "db": "reached", "search": "held",
    }  # fmt: skip
    view = p.show(troubled, plan)
    assert view["state"] == "held"
    assert view["counts"] == {"reached": 3, "forced": 1, "held": 1}
    why = {one["id"]: one["because"] for one in view["nodes"]}
    assert why["orders"] == "kill done; it has no process"
    assert why["search"] == "no space left on device"
    assert p.up(troubled) == {"search"}

    done = p.deeds(troubled)
    assert done.index("web/stop") < done.index("orders/stop") < done.index("orders/kill")
    kept = [one for one in done if one.startswith("db/")]
    assert kept == ["db/quiesce", "db/drain", "db/fence", "db/flush", "db/snapshot", "db/stop"]
    assert done.index("orders/kill") < done.index("db/quiesce")

    agent = p.waive(troubled, plan, "snapshot-search", "agent:builder-1")
    assert agent.reasons == ["human-only"]
    assert p.steps(troubled, plan)["snapshot-search"] == "failed"
    assert p.waive(troubled, plan, "snapshot-search", p.COMMANDER).ok
    troubled.wait(10)
    # What proves the snapshot fails in its turn: a waiver is for one step, by name.
    assert p.steps(troubled, plan)["verify-snapshot-search"] == "failed"
    assert p.waive(troubled, plan, "verify-snapshot-search", p.COMMANDER).ok
    troubled.wait(10)

    view = p.show(troubled, plan)
    assert view["state"] == "done"
    assert view["rest_ms"] is None
    search = next(one for one in view["nodes"] if one["id"] == "search")
    assert "without snapshot-search, verify-snapshot-search" in search["because"]
    assert p.up(troubled) == set()
    waived = [one["text"] for one in troubled.entries("INC-1", "step.waived")]
    assert all("its data is in the archive" in one for one in waived)
    assert len(waived) == 2


def test_a_held_step_is_tried_again_once_it_can_work(troubled: Stage) -> None:
    """Given a snapshot that failed, when somebody makes room and asks again, then the stop ends with its data."""
    plan = p.agreed_and_run(troubled, "stop", "search", dependents=True)
    troubled.wait(20)
    assert p.nodes(troubled, plan)["search"] == "held"
    troubled.outside.services["search"].full = False
    troubled.do(f"plans/{plan}/retry", p.COMMANDER, step="snapshot-search")
    troubled.wait(20)
    assert p.show(troubled, plan)["state"] == "done"
    assert p.nodes(troubled, plan) == {"wiki": "reached", "search": "reached"}
    assert troubled.outside.services["search"].saved


def test_who_needs_a_held_service_stopped_goes_first_and_the_rest_waits(troubled: Stage) -> None:
    """Given a node that needs a person, then only what waits for it waits: nothing else of the plan does."""
    troubled.outside.services["db"].full = True
    troubled.outside.services["search"].full = False
    plan = p.agreed_and_run(troubled, "stop", "all")
    troubled.wait(40)
    found = p.nodes(troubled, plan)
    assert found["search"] == found["wiki"] == "reached"
    assert found["db"] == "held"
    assert p.up(troubled) == {"db"}


def test_what_was_stopped_comes_back_behind_gates(shop: Stage) -> None:
    """Given a stopped shop, when it is brought back, then stage after stage, each only once the one before was seen
    to be well for a while."""
    p.agreed_and_run(shop, "stop", "all")
    shop.wait(40)
    assert p.up(shop) == set()

    plan = p.agreed_and_run(shop, "recover")
    seen: list[tuple[set[str], dict[str, str]]] = []
    for _ in range(600):
        seen.append((p.up(shop), p.nodes(shop, plan)))
        if p.show(shop, plan)["state"] != "running":
            break
        shop.wait(1)
    assert p.show(shop, plan)["state"] == "done"
    assert p.up(shop) == set(EVERYBODY)
    for running, nodes in seen:
        assert nodes["stage:data"] == "reached" or not running - {"db", "search"}
        assert nodes["stage:back"] == "reached" or not running - {"db", "search", "orders"}
    starts = [one for one in p.deeds(shop) if one.endswith("/start")]
    assert set(starts[:2]) == {"db/start", "search/start"}
    assert starts[2] == "orders/start"
    db = shop.outside.services["db"]
    assert (db.fenced, db.quiesced, db.drained) == (False, False, False)


def test_a_service_that_does_not_come_back_holds_its_gate(shop: Stage) -> None:
    """Given a stopped shop, when the first service comes back broken, then nothing that needs it starts."""
    p.agreed_and_run(shop, "stop", "all")
    shop.wait(40)
    shop.outside.deploy("db", "tree-bad")
    plan = p.agreed_and_run(shop, "recover")
    shop.wait(minutes=20)
    assert p.nodes(shop, plan)["db"] == "held"
    assert not {"orders", "web"} & p.up(shop)
    assert "not passed within" in next(one["because"] for one in p.show(shop, plan)["nodes"] if one["id"] == "db")  # fmt: skip


def test_what_a_plan_did_is_taken_back(shop: Stage) -> None:
    """Given services that were cut off, when that is undone, then they can be reached again, and a probe saw it."""
    cut = p.agreed_and_run(shop, "contain", "web", "wiki")
    shop.wait(15)
    assert not any(shop.outside.services[name].open for name in ("web", "wiki"))
    undo = p.agreed_and_run(shop, "undo", plan=cut)
    shop.wait(15)
    assert p.show(shop, undo)["state"] == "done"
    assert all(shop.outside.services[name].open for name in ("web", "wiki"))
    assert p.nodes(shop, undo) == {"undo-isolate-web": "reached", "undo-isolate-wiki": "reached"}


def test_two_plans_never_work_on_one_service(troubled: Stage) -> None:
    """Given a stop that is held, when another plan is to work on one of its services, then it is refused; one that
    meets none of them runs; and the first, given up, stands in nobody's way."""
    first = p.agreed_and_run(troubled, "stop", "search", dependents=True)
    troubled.wait(20)
    second = p.asked(troubled, "stop", "search")
    p.approve(troubled, second)
    assert troubled.post(f"plans/{second}/run", p.COMMANDER).reasons == ["overlapping-plan"]
    elsewhere = p.agreed_and_run(troubled, "stop", "web")
    troubled.wait(10)
    assert p.show(troubled, elsewhere)["state"] == "done"
    troubled.outside.services["search"].full = False
    troubled.do(f"plans/{first}/abort", p.COMMANDER, because="search is saved by hand")
    p.agreed_and_run(troubled, "stop", "search")
    troubled.wait(20)
    assert "search" not in p.up(troubled)


def test_a_pause_starts_nothing_and_loses_nothing(shop: Stage) -> None:
    """Given a running stop, when it is paused, then what is under way ends and nothing starts, until it goes on."""
    plan = p.agreed_and_run(shop, "stop", "all")
    shop.do(f"plans/{plan}/pause", p.COMMANDER, because="the bank calls")
    shop.wait(30)
    assert p.show(shop, plan)["state"] == "paused"
    assert p.nodes(shop, plan)["web"] == "reached"
    assert "running" not in p.steps(shop, plan).values()
    assert {"orders", "db"} <= p.up(shop)
    shop.do(f"plans/{plan}/resume", p.COMMANDER)
    shop.wait(40)
    assert p.show(shop, plan)["state"] == "done"
    assert p.up(shop) == set()


@pytest.mark.parametrize("ended", [1, 3, 5, 8])
def test_a_coordinator_that_dies_goes_on_and_repeats_nothing(troubled: Stage, ended: int) -> None:
    """Given a stop in its middle, when the coordinator is killed and comes back later, then the plan ends as
    it would have, and no step that was done is done again."""
    troubled.outside.services["search"].full = False
    plan = p.agreed_and_run(troubled, "stop", "all")
    for _ in range(2000):
        states = Counter(p.steps(troubled, plan).values())
        if states["done"] >= ended and states["running"]:
            break
        troubled.wait(0.05)
    assert p.show(troubled, plan)["state"] == "running"
    finished = {id for id, state in p.steps(troubled, plan).items() if state == "done"}
    assert len(finished) >= ended
    calls = troubled.outside.journal.calls
    before = len(calls)

    troubled.restart(down_seconds=30)
    troubled.wait(60)

    assert p.show(troubled, plan)["state"] == "done"
    assert p.nodes(troubled, plan)["orders"] == "forced"
    assert p.up(troubled) == set()
    later = calls[before:]
    assert {call.effect.ref for call in later} & set(p.steps(troubled, plan))
    assert not {call.effect.ref for call in later} & finished
    times = Counter(deed.effect.ref for deed in troubled.outside.journal.deeds)
    # A look changes nothing, so it is no deed.
    assert {times[id] for id in finished if not id.startswith("verify-")} == {1}


def test_what_a_plan_stops_is_no_new_emergency(tmp_path: Path) -> None:
    """Given an incident that names no service, when a plan of it stops some, then nobody declares another."""
    with stage_of(p.write_shop(tmp_path)) as stage:
        stage.wait(15)
        stage.declare("a wrong price is sold", impact={"users": 5})
        stage.settle()
        p.agreed_and_run(stage, "stop", "all")
        stage.wait(60)
        assert [one["id"] for one in stage.get("incidents").data] == ["INC-1"]
        assert "wiki/isolate" not in p.deeds(stage)
