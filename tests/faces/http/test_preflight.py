"""The preflight over the API: run, narrowed, looked up, and in the metrics."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from allstop.adapters.surroundings import OwnSurroundings
from allstop.application.command_post import Request
from allstop.application.preflight import Preflight
from allstop.application.preflight_watch import PreflightWatch
from allstop.domain.incident.course_events import CheckResult
from allstop.domain.principal import COORDINATOR
from allstop.domain.readiness import NotePreflight
from tests.faces.http.house import House, living

HERE = "/api/v1/preflight"


def give_checks(
    house: House, problems: list[str], home: Path, gate: asyncio.Event | None = None
) -> None:
    """The coordinator of the house makes its checks for real, on documents with these problems."""
    one = house.coordinator

    class Ground(OwnSurroundings):
        async def documents(self) -> Any:
            if gate is not None:
                await gate.wait()
            return problems

    ground = Ground(home, lambda: problems)
    checks = Preflight(one.post, one.store, one.adapters, one.monitor, one.clock, ground)
    one.checks = PreflightWatch(checks, one.post, one.clock, lambda: 0.5)


async def test_it_is_run_narrowed_and_looked_up_again(tmp_path: Path) -> None:
    """Given a coordinator that has not looked yet, then there is no newest; after a look there is, and a part of it;
    a part that is looked at by itself does not replace it."""
    async with living(tmp_path) as house, house.local() as owner:
        problems = ["roster.yaml:2 nobody"]
        give_checks(house, problems, tmp_path)
        assert (await owner.get(HERE, params={"newest": "true"})).status_code == 404
        found = (await owner.get(HERE)).json()
        assert found["state"] == "failed"
        bad = {one["check"]: one for one in found["checks"] if one["ok"] is not True}
        assert bad["documents"]["mend"] == "allstop protocol check"
        problems.clear()
        part = (await owner.get(HERE, params={"check": "documents, capacity"})).json()
        assert {one["check"] for one in part["checks"]} == {"documents", "capacity"}
        newest = (await owner.get(HERE, params={"newest": "true", "check": "documents"})).json()
        assert newest["at"] == found["at"]
        assert [one["ok"] for one in newest["checks"]] == [False]
        service = house.coordinator.post.book.latest.fleet.services[0].name
        mine = (await owner.get(HERE, params={"newest": "true", "service": service})).json()
        names = {name.partition("/")[0] for one in mine["checks"] for name in one["concerns"]}
        assert service in names
        assert all(one["concerns"] for one in mine["checks"])


async def test_names_that_are_not_there_are_all_named(tmp_path: Path) -> None:
    async with living(tmp_path) as house, house.local() as owner:
        give_checks(house, [], tmp_path)
        wrong = await owner.get(HERE, params={"check": "documnts,horoscope"})
        assert wrong.status_code == 409
        assert [one["code"] for one in wrong.json()["reasons"]] == ["unknown-check"] * 2
        assert wrong.json()["reasons"][0]["hint"] == "did you mean documents?"
        assert (await owner.get(HERE, params={"service": "nobody"})).status_code == 409
        assert (await owner.get(HERE, params={"newest": "perhaps"})).status_code == 422


async def test_how_far_the_first_one_is_can_be_seen(tmp_path: Path) -> None:
    """Given a first look that is under way, then whoever asks for the newest is told how far it is."""
    async with living(tmp_path) as house, house.local() as owner, house.local() as other:
        gate = asyncio.Event()
        give_checks(house, [], tmp_path, gate)
        looking = asyncio.ensure_future(owner.get(HERE, timeout=30))
        state: dict[str, Any] = {}
        while not state.get("total"):
            answer = await other.get(HERE, params={"newest": "true"})
            state = answer.json() if answer.status_code == 200 else {}
            await asyncio.sleep(0.01)
        assert state["state"] == "running"
        assert 0 <= state["done"] <= state["total"]
        gate.set()
        assert (await looking).status_code == 200
        after = (await other.get(HERE, params={"newest": "true"})).json()
        assert (after["done"], after["total"]) == (0, 0)


async def test_metrics_say_how_it_turned_last(tmp_path: Path) -> None:
    async with living(tmp_path) as house, house.local() as owner:
        assert "allstop_preflight_passed" not in (await owner.get("/metrics")).text
        for ok, said in ((True, "1.0"), (False, "0.0")):
            told = NotePreflight((CheckResult("probes", "x", ok, "so it is"),))
            await house.coordinator.post.do(told, Request(COORDINATOR, "preflight"))
            text = (await owner.get("/metrics")).text
            assert f"allstop_preflight_passed {said}" in text
        seen = (await owner.get("/api/v1/overview")).json()["readiness"]
        assert seen["failing"] == ["probes x: so it is"]
